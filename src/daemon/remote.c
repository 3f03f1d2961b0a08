/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command has the running daemon do. */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/util.h"
#include "daemon/ask.h"
#include "daemon/remote.h"
#include "daemon/remote_priv.h"

#define RELOAD_MS 90000		/* longer than the daemon waits */
#define STATUS_MS 10000

/* As diag_print does; a file may have any octets. */
static void
print_line(const char *text, size_t len)
{
	char line[4000];
	struct sbuf sb;

	sbuf_init(&sb, line, sizeof(line));
	for (size_t i = 0; i < len; ) {
		size_t n = util_print_length(text + i, len - i);

		if (n > 0)
			sbuf_add(&sb, text + i, n);
		else
			sbuf_escape(&sb, text[i]);
		i += n > 0 ? n : 1;
	}
	fprintf(stderr, "spf-milter: %s\n", line);
}

static void
print_lines(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		print_line(text, len);
		text += len + (text[len] == '\n');
	}
}

static int
reload_status(unsigned status)
{
	switch (status) {
	case 200:
		return EX_OK;
	case 422:
		return EX_CONFIG;
	case 503:
		return EX_TEMPFAIL;
	default:
		return EX_UNAVAILABLE;
	}
}

int
remote_reload(const char *path)
{
	char problem[ASK_PROBLEM_SIZE];
	struct ask_answer a;

	if (!ask_daemon(path, "POST", "/reload", util_now_ms() + RELOAD_MS, &a,
	    problem)) {
		fprintf(stderr, "spf-milter: %s\n", problem);
		return EX_UNAVAILABLE;
	}
	print_lines(a.text);
	free(a.text);
	return reload_status(a.status);
}

/* A row is left for the prompt. */
static void
draw_once(const struct status_reading *r, const struct terminal *t)
{
	struct screen_size size = screen_size(fileno(t->out));

	size.rows -= size.rows > 1;
	status_draw(r, NULL, size, NULL, t);
}

int
remote_status(const char *path, bool json)
{
	char problem[ASK_PROBLEM_SIZE];
	const struct terminal t = terminal_open(stdout);
	struct status_reading r;
	char *text = NULL;

	if (!remote_read_status(path, util_now_ms() + STATUS_MS, &r, &text,
	    problem)) {
		fprintf(stderr, "spf-milter: %s\n", problem);
		return EX_UNAVAILABLE;
	}
	if (json)
		fputs(text, stdout);
	else if (t.able)
		draw_once(&r, &t);
	else
		status_show(r.document, stdout);
	json_decref(r.document);
	free(text);
	return EX_OK;
}
