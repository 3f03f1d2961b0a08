/* SPDX-License-Identifier: BSD-2-Clause */
/* How the daemon is, again and again, through its restarts. */

#include "config.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <sysexits.h>

#include "base/util.h"
#include "daemon/remote.h"
#include "daemon/remote_priv.h"

#define ANSWER_MS 2000		/* keys are not read until then */

struct watch {
	const char		*path;
	struct status_reading	 now;
	struct status_reading	 before;
	char			*text;		/* of now */
	char			 problem[ASK_PROBLEM_SIZE];
	bool			 reached;
};

static void
read_again(struct watch *w)
{
	struct status_reading r;
	char *text = NULL;

	w->reached = remote_read_status(w->path, util_now_ms() + ANSWER_MS, &r,
	    &text, w->problem);
	if (!w->reached)
		return;
	json_decref(w->before.document);
	free(w->text);
	w->before = w->now;
	w->now = r;
	w->text = text;
}

static void
draw(const struct watch *w, const struct terminal *t)
{
	char *lines = NULL;
	size_t len = 0;
	struct terminal memory = *t;

	memory.out = open_memstream(&lines, &len);
	if (memory.out == NULL)
		util_die("out of memory");
	status_draw(&w->now, w->before.document != NULL ? &w->before : NULL,
	    screen_size(fileno(t->out)), w->reached ? NULL : w->problem,
	    &memory);
	if (fclose(memory.out) != 0)
		util_die("out of memory");
	screen_draw(lines, len);
	free(lines);
}

static void
watch_on_screen(struct watch *w, const struct terminal *t, int64_t period_ms)
{
	enum screen_event e = SCREEN_TIME;
	int64_t next_ms = util_now_ms();

	screen_begin(fileno(t->out));
	while (e != SCREEN_END) {
		if (e == SCREEN_TIME) {
			next_ms = util_now_ms() + period_ms;
			read_again(w);
		}
		draw(w, t);
		e = screen_wait(next_ms);
	}
	screen_end();
}

/* False: nobody reads it any more. */
static bool
print(const struct watch *w, bool json, bool first)
{
	if (json) {
		fputs(w->text, stdout);
	} else {
		fputs(first ? "" : "\n", stdout);
		status_show(w->now.document, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

/* What is wrong is said once until it is over. */
static void
watch_in_lines(struct watch *w, bool json, int64_t period_ms)
{
	bool first = true, told = false, goes_on = true;

	while (goes_on) {
		int64_t next_ms = util_now_ms() + period_ms;

		read_again(w);
		if (w->reached) {
			goes_on = print(w, json, first);
			first = false;
		} else if (!told) {
			fprintf(stderr, "spf-milter: not reachable, trying: "
			    "%s\n", w->problem);
		}
		told = !w->reached;
		int64_t left = next_ms - util_now_ms();
		if (goes_on && left > 0)
			(void)poll(NULL, 0, (int)left);
	}
}

int
remote_watch(const char *path, bool json, int64_t period_ms)
{
	const struct terminal t = terminal_open(stdout);
	struct watch w = { .path = path };

	if (t.able && !json)
		watch_on_screen(&w, &t, period_ms);
	else
		watch_in_lines(&w, json, period_ms);
	json_decref(w.before.document);
	json_decref(w.now.document);
	free(w.text);
	return EX_OK;
}
