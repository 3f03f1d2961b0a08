/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: what is written, and what it is made of. */

/*
 * Untrusted octets are escaped twice over: where the value is known, and once
 * more for the whole line, so that a caller's mistake cannot end a line or
 * reach a terminal.  Escapes that are there are kept, and a long line is cut
 * between them, never within one.
 */

#include "config.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/lock.h"
#include "base/log_priv.h"

#define DIRECT_MS 1000		/* one line without a queue */

static bool waits_for_ever = true;	/* of lines without a queue */
static struct lock direct = LOCK_INITIALIZER;	/* the sink, without a queue */

static void
tell_death(const char *what)
{
	char storage[LOG_LINE_OCTETS + LOG_PAIR_OCTETS + 1];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	const struct log_line line = log_line_of(LOG_LEVEL_ERROR,
	    LOG_EVENT_NONE, what, &sb);
	log_sink_send_last(&line, log_queue_put_last(&line));
}

void
log_open(enum log_target target, int facility)
{
	log_sink_open(target, facility);
	waits_for_ever = false;
	util_on_death(tell_death);
}

static void
emit_directly(const struct log_line *line)
{
	lock_acquire(&direct);
	if (!waits_for_ever)
		log_sink_wait_until(util_now_ms() + DIRECT_MS);
	log_sink_add(line);
	log_sink_flush();
	lock_release(&direct);
}

/* Where there is a queue, it does that. */
static void
tell_suppressed(void)
{
	int64_t now_ms = util_now_ms();
	char fields[LOG_LINE_OCTETS];
	char text[200];
	struct sbuf sb;
	struct sbuf storage;

	while (log_limit_due() <= now_ms) {
		sbuf_init(&sb, text, sizeof(text));
		sbuf_init(&storage, fields, sizeof(fields));
		if (!log_limit_tell(now_ms, false, &sb))
			return;
		const struct log_line line = log_line_of(LOG_LEVEL_WARNING,
		    LOG_EVENT_SUPPRESSED, text, &storage);
		log_recent_note(&line);
		emit_directly(&line);
	}
}

void
log_emit(const struct log_line *line)
{
	log_recent_note(line);
	if (log_queue_put(line))
		return;
	tell_suppressed();
	emit_directly(line);
}

static bool
is_limited(enum log_level level)
{
	return level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING;
}

/* kind NULL: it is written however often it comes. */
static void
put_text(enum log_event event, enum log_level level, const char *kind,
    const char *text)
{
	char line[LOG_LINE_OCTETS];
	char fields[LOG_LINE_OCTETS + LOG_PAIR_OCTETS + 1];
	struct sbuf out;
	struct sbuf storage;

	size_t len = strlen(text);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	sbuf_init(&out, line, sizeof(line));
	log_text_make_safe(&out, text, len);
	if (kind != NULL)
		log_limit_call(kind, line);
	sbuf_init(&storage, fields, sizeof(fields));
	const struct log_line l = log_line_of(level, event, line, &storage);
	log_emit(&l);
}

/* Whether a line is to be made; *kind is NULL from here on if it counts not. */
static bool
takes(enum log_level level, const char **kind)
{
	if (!log_enabled(level))
		return false;
	if (!is_limited(level))
		*kind = NULL;
	return *kind == NULL || log_limit_takes(*kind, util_now_ms());
}

void
log_text(enum log_level level, const char *kind, const char *text)
{
	if (takes(level, &kind))
		put_text(LOG_EVENT_NONE, level, kind, text);
}

/* Longer than a line, so what vsnprintf cuts is cut there anyway. */
#define FORMATTED_OCTETS (LOG_LINE_OCTETS + 48)

static const char *
format(char text[FORMATTED_OCTETS], const char *fmt, va_list ap)
    UTIL_PRINTF(2, 0);
static const char *
format(char text[FORMATTED_OCTETS], const char *fmt, va_list ap)
{
	int len = vsnprintf(text, FORMATTED_OCTETS, fmt, ap);

	return len < 0 ? "a line cannot be formatted" : text;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	char text[FORMATTED_OCTETS];
	const char *kind = fmt;
	va_list ap;

	if (!takes(level, &kind))
		return;
	va_start(ap, fmt);
	put_text(LOG_EVENT_NONE, level, kind, format(text, fmt, ap));
	va_end(ap);
}

void
log_event(enum log_event event, enum log_level level, const char *fmt, ...)
{
	char text[FORMATTED_OCTETS];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	put_text(event, level, NULL, format(text, fmt, ap));
	va_end(ap);
}

void
log_diag(enum log_level level, const char *what, const struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[1024];
		struct sbuf sb;

		sbuf_init(&sb, line, sizeof(line));
		diag_format(&d->entries[i], &sb);
		log_event(LOG_EVENT_NONE, level, "%s%s%s", what !=
		    NULL ? what : "", what != NULL ? ": " : "", line);
	}
}

bool
log_is_due(struct log_pause *p, int64_t interval_ms)
{
	int64_t now = util_now_ms();
	int64_t next = atomic_load(&p->next_ms);

	/* Of several threads that find the interval over, one wins. */
	return now >= next && atomic_compare_exchange_strong(&p->next_ms,
	    &next, now + interval_ms);
}
