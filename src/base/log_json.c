/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line as one JSON object (RFC 8259): its time (RFC 3339), severity and
 * event, then its message and pairs.  Strings are escaped as the text has them
 * first, so that they are UTF-8 whatever strangers send, and then for JSON.
 */

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log_priv.h"
#include "base/util.h"

#define END_OCTETS 12			/* of put_end */

/* A text that can be printed as it is. */
static void
put_string(struct sbuf *out, const char *s, size_t len)
{
	sbuf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			sbuf_char(out, '\\');
		sbuf_char(out, s[i]);
	}
	sbuf_char(out, '"');
}

static void
put_value(struct sbuf *out, const struct log_pair *p)
{
	char storage[LOG_VALUE_MAX * UTIL_ESCAPE_LENGTH + 4];
	struct sbuf text;

	switch (p->kind) {
	case LOG_STRING:
	case LOG_ADDRESS:
	case LOG_NAME:
		sbuf_init(&text, storage, sizeof(storage));
		log_text_escape(&text, p);
		put_string(out, text.data, text.len);
		break;
	case LOG_WORD:
	case LOG_MESSAGE:
		put_string(out, p->text, p->len);
		break;
	case LOG_UNSIGNED:
		sbuf_uint(out, p->number);
		break;
	}
}

static void
put_time(struct sbuf *out, int64_t time_ms)
{
	const time_t when = (time_t)(time_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	sbuf_fmt(out, "{\"time\":\"%s.%03dZ\"", text, (int)(time_ms % 1000));
}

/* False: there is no room for it. */
static bool
put_pair(struct sbuf *out, const struct log_pair *p, size_t limit)
{
	size_t start = out->len;

	sbuf_str(out, ",\"");
	sbuf_str(out, p->key != NULL ? p->key : "message");
	sbuf_str(out, "\":");
	put_value(out, p);
	if (sbuf_ok(out) && out->len <= limit)
		return true;
	out->overflow = false;
	out->len = start;
	return false;
}

static void
put_end(struct sbuf *out, bool cut)
{
	sbuf_str(out, cut ? ",\"cut\":true}" : "}");
}

void
log_json_put(struct sbuf *out, const struct log_line *line)
{
	const char *event = log_events[line->event].name;
	const char *at = line->fields;
	size_t limit = out->len + LOG_JSON_OCTETS - END_OCTETS - 1;
	struct log_pair p;
	bool cut = false;

	put_time(out, line->time_ms);
	sbuf_fmt(out, ",\"severity\":\"%s\"", log_levels[line->level].name);
	if (event != NULL)
		sbuf_fmt(out, ",\"event\":\"%s\"", event);
	while (log_line_next(line, &at, &p))
		cut = !put_pair(out, &p, limit) || cut;
	put_end(out, cut);
}
