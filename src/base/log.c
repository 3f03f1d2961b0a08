/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, syslog or standard error, escaping, rate limits. */

/*
 * Untrusted octets are escaped twice over: log_record.c does it where the value
 * is known, log_write once more for the whole line, so that a caller's
 * mistake cannot end a line or reach a terminal.  log_write keeps the escapes
 * that it finds, and cuts a long line between them, never within one.
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
	const struct log_line line = { time(NULL), LOG_LEVEL_ERROR,
		strlen(what), what };

	log_sink_send_last(&line, log_queue_put_last(&line));
}

void
log_open(enum log_target target, int facility)
{
	log_sink_open(target, facility);
	waits_for_ever = false;
	util_on_death(tell_death);
}

static bool
is_hex_digit(char c)
{
	return util_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* Octets of s that stand for themselves, up to the first that does not. */
static size_t
plain_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] != '\\') {
		size_t printable = util_print_length(s + n, len - n);
		if (printable == 0)
			break;
		n += printable;
	}
	return n;
}

/* Octets of the escape that s starts with, as log_record.c writes it, or 1. */
static size_t
escape_length(const char *s, size_t len)
{
	if (len >= 2 && (s[1] == '\\' || s[1] == '"'))
		return 2;
	if (len >= 4 && s[1] == 'x' && is_hex_digit(s[2]) &&
	    is_hex_digit(s[3]))
		return 4;
	return 1;
}

/* Appends the len octets of raw as one line that is safe anywhere. */
static void
add_line(struct sbuf *out, const char *raw, size_t len)
{
	static const char cut[] = "...";
	size_t limit = out->size - sizeof(cut);

	while (len > 0) {
		size_t room = limit - out->len;
		size_t taken = plain_length(raw, len);
		size_t written = taken;

		if (taken > room) {
			sbuf_add(out, raw, util_print_cut(raw, room));
			room = 0;
		} else if (taken == 0 && util_is_print(*raw)) {
			written = taken = escape_length(raw, len);
		} else if (taken == 0) {
			written = UTIL_ESCAPE_LENGTH;
			taken = 1;
		}
		if (written > room) {
			sbuf_str(out, cut);
			return;
		}
		if (written > taken)
			sbuf_escape(out, *raw);
		else
			sbuf_add(out, raw, written);
		raw += taken;
		len -= taken;
	}
}

static void
emit(const struct log_line *line)
{
	if (log_queue_put(line))
		return;

	lock_acquire(&direct);
	if (!waits_for_ever)
		log_sink_wait_until(util_now_ms() + DIRECT_MS);
	log_sink_add(line);
	log_sink_flush();
	lock_release(&direct);
}

void
log_text(enum log_level level, const char *text)
{
	char line[LOG_LINE_OCTETS];
	struct sbuf out;

	if (!log_enabled(level))
		return;

	size_t len = strlen(text);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	sbuf_init(&out, line, sizeof(line));
	add_line(&out, text, len);
	emit(&(const struct log_line){ time(NULL), level, out.len, line });
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	/* Longer than a line, so what vsnprintf cuts is cut there anyway. */
	char text[LOG_LINE_OCTETS + 48];

	if (!log_enabled(level))
		return;

	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_text(level, len < 0 ? "a line cannot be formatted" : text);
}

void
log_diag(enum log_level level, const char *what, const struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[1024];
		struct sbuf sb;

		sbuf_init(&sb, line, sizeof(line));
		diag_format(&d->entries[i], &sb);
		log_write(level, "%s%s%s", what != NULL ? what : "",
		    what != NULL ? ": " : "", line);
	}
}

bool
log_limit_pass(struct log_limit *l, int64_t interval_ms, unsigned *suppressed)
{
	int64_t now = util_now_ms();
	int64_t next = atomic_load(&l->next_ms);

	/* Of several threads that find the interval over, one wins. */
	if (now < next || !atomic_compare_exchange_strong(&l->next_ms, &next,
	    now + interval_ms)) {
		atomic_fetch_add(&l->suppressed, 1);
		return false;
	}
	*suppressed = atomic_exchange(&l->suppressed, 0);
	return true;
}
