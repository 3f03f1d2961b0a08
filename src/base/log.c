/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, syslog or standard error, escaping, rate limits. */

/*
 * Untrusted octets are escaped twice over: log_pair does it where the value
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

static const char hex_digits[] = "0123456789abcdef";

static atomic_int current_level = LOG_LEVEL_INFO;
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

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level,
	    memory_order_relaxed);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level,
	    memory_order_relaxed);
}

static bool
is_hex_digit(char c)
{
	return c != '\0' && strchr(hex_digits, c) != NULL;
}

/* Writes \xNN for one octet; returns how many octets that is. */
static size_t
escape_octet(char out[4], char c)
{
	unsigned char u = (unsigned char)c;

	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex_digits[u >> 4];
	out[3] = hex_digits[u & 15];
	return 4;
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

/* Octets of the escape that s starts with, as log_pair writes it, or 1. */
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
		char octets[4];
		const char *unit = raw;
		size_t room = limit - out->len;
		size_t taken = plain_length(raw, len);
		size_t written = taken;

		if (taken > room) {
			sbuf_add(out, raw, util_print_cut(raw, room));
			room = 0;
		} else if (taken == 0 && util_is_print(*raw)) {
			written = taken = escape_length(raw, len);
		} else if (taken == 0) {
			written = escape_octet(octets, *raw);
			taken = 1;
			unit = octets;
		}
		if (written > room) {
			sbuf_str(out, cut);
			return;
		}
		sbuf_add(out, unit, written);
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

enum need { NEED_NOTHING, NEED_ESCAPES, NEED_QUOTES };

static enum need
need_of(const char *value, size_t len)
{
	enum need need = len > 0 ? NEED_NOTHING : NEED_QUOTES;

	for (size_t i = 0; i < len;) {
		char c = value[i];
		if (c == ' ' || c == '"' || c == '\\' || c == '=')
			return NEED_QUOTES;
		size_t printable = util_print_length(value + i, len - i);
		if (printable == 0)
			need = NEED_ESCAPES;
		i += printable > 0 ? printable : 1;
	}
	return need;
}

static void
add_escaped(struct sbuf *out, const char *s, size_t len)
{
	char octets[4];

	while (len > 0) {
		size_t n = util_print_length(s, len);
		if (*s == '"' || *s == '\\')
			sbuf_char(out, '\\');
		if (n > 0) {
			sbuf_add(out, s, n);
		} else {
			sbuf_add(out, octets, escape_octet(octets, *s));
			n = 1;
		}
		s += n;
		len -= n;
	}
}

static void
pair_begin(struct sbuf *out, const char *key)
{
	if (out->len > 0)
		sbuf_char(out, ' ');
	sbuf_str(out, key);
	sbuf_char(out, '=');
}

/* A pair is in the line whole or not at all. */
static void
pair_end(struct sbuf *out, size_t start)
{
	if (sbuf_ok(out))
		return;
	out->len = start;
	out->data[start] = '\0';
}

void
log_pair(struct sbuf *out, const char *key, const char *value)
{
	size_t start = out->len;
	size_t len = strnlen(value, LOG_VALUE_MAX + 1);
	bool whole = len <= LOG_VALUE_MAX;

	if (!whole)
		len = util_print_cut(value, LOG_VALUE_MAX);
	enum need need = need_of(value, len);
	const char *quote = need == NEED_QUOTES ? "\"" : "";
	pair_begin(out, key);
	sbuf_str(out, quote);
	if (need == NEED_NOTHING)
		sbuf_add(out, value, len);
	else
		add_escaped(out, value, len);
	if (!whole)
		sbuf_str(out, "...");
	sbuf_str(out, quote);
	pair_end(out, start);
}

void
log_pair_uint(struct sbuf *out, const char *key, uint64_t value)
{
	size_t start = out->len;

	pair_begin(out, key);
	sbuf_uint(out, value);
	pair_end(out, start);
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
