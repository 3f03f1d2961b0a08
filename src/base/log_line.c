/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line as it is queued, and the names that levels and kinds of lines have.
 * A pair is its key (a pointer, since keys are static), its kind and length,
 * and the octets of its text or number.
 */

#include "config.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

#include "base/log_priv.h"
#include "base/util.h"

const struct log_level_name log_levels[] = {
	[LOG_LEVEL_NOTICE] = { "", "notice", LOG_NOTICE },
	[LOG_LEVEL_ERROR] = { "error: ", "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning: ", "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "", "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug: ", "debug", LOG_DEBUG },
};

/* They never change: who reads the journal asks for them. */
const struct log_event_name log_events[LOG_EVENT_COUNT] = {
	[LOG_EVENT_NONE] = { NULL, NULL },
	[LOG_EVENT_MESSAGE] = { "message",
		"9f7c04809fc042feb92ef697319ca522" },
	[LOG_EVENT_SKIPPED] = { "skipped",
		"ff853ca798c143488536834e4fd213ba" },
	[LOG_EVENT_TRACE] = { "trace", "1e63a02740a144a08769bd2c7eb6b9bc" },
	[LOG_EVENT_DNS] = { "dns", "75c73f2d82974ea1991f60b1192fe375" },
	[LOG_EVENT_START] = { "start", "9ca09fb2079e4b038e48c89ba0a98b48" },
	[LOG_EVENT_RELOAD] = { "reload", "8b2e0082f9544a94a851976fb94394a2" },
	[LOG_EVENT_STOP] = { "stop", "0c3d2c8e555f4ba78420a05cafb6d971" },
	[LOG_EVENT_DROPPED] = { "dropped",
		"5ac1cd5c590e40178216b9a2479e1ed6" },
	[LOG_EVENT_SUPPRESSED] = { "suppressed",
		"33b7758374434b9c90ad7b03e1640733" },
};

struct head {
	const char	*key;
	uint16_t	 len;
	uint8_t		 kind;
	uint8_t		 cut;
};

_Static_assert(sizeof(struct head) <= LOG_PAIR_OCTETS, "see log_priv.h");

void
log_line_put(struct sbuf *fields, const struct log_pair *p)
{
	bool number = p->kind == LOG_UNSIGNED;
	size_t len = number ? sizeof(p->number) : p->len;
	bool cut = p->kind == LOG_STRING && len > LOG_VALUE_MAX;

	if (cut)
		len = util_print_cut(p->text, LOG_VALUE_MAX);
	const struct head h = { p->key, (uint16_t)len, (uint8_t)p->kind,
		cut || p->cut };
	if (sizeof(h) + len >= fields->size - fields->len)
		return;
	sbuf_add(fields, &h, sizeof(h));
	sbuf_add(fields, number ? (const void *)&p->number : p->text, len);
}

bool
log_line_next(const struct log_line *line, const char **at, struct log_pair *p)
{
	struct head h;

	if (*at == line->fields + line->len)
		return false;
	memcpy(&h, *at, sizeof(h));
	*p = (struct log_pair){ .key = h.key, .kind = (enum log_kind)h.kind,
		.cut = h.cut, .text = *at + sizeof(h), .len = h.len };
	if (p->kind == LOG_UNSIGNED)
		memcpy(&p->number, p->text, sizeof(p->number));
	*at += sizeof(h) + h.len;
	return true;
}

static int64_t
now_ms(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct log_line
log_line_new(enum log_level level, enum log_event event,
    const struct sbuf *fields)
{
	return (struct log_line){ now_ms(), level, event, fields->len,
		fields->data };
}

struct log_line
log_line_of(enum log_level level, enum log_event event, const char *message,
    struct sbuf *storage)
{
	log_line_put(storage, &(const struct log_pair){
		.kind = LOG_MESSAGE, .text = message,
		.len = strnlen(message, LOG_LINE_OCTETS)
	});
	return log_line_new(level, event, storage);
}
