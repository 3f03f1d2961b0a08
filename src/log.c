/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, syslog or standard error, escaping, rate limits. */

/*
 * Untrusted octets are escaped twice over: log_pair does it where the value
 * is known, log_write once more for the whole line, so that a caller's
 * mistake cannot end a line or reach a terminal.  log_write keeps the escapes
 * that it finds, and cuts a long line between them, never within one.
 */

#include "config.h"

#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define LINE_MAX_OCTETS 2000

static const char hex_digits[] = "0123456789abcdef";

static struct {
	const char	*prefix;
	int		 priority;
} const levels[] = {
	[LOG_LEVEL_NOTICE] = { "", LOG_NOTICE },
	[LOG_LEVEL_ERROR] = { "error: ", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning: ", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug: ", LOG_DEBUG },
};

static enum log_target current_target = LOG_TARGET_STDERR;
static atomic_int current_level = LOG_LEVEL_INFO;

void
log_open(enum log_target target, int facility)
{
	current_target = target;
	if (target == LOG_TARGET_SYSLOG)
		openlog("spf-milter", LOG_PID | LOG_NDELAY, facility);
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

/* Octets of the escape that s starts with, as log_pair writes it, or 1. */
static size_t
unit_length(const char *s)
{
	if (s[0] != '\\')
		return 1;
	if (s[1] == '\\' || s[1] == '"')
		return 2;
	if (s[1] == 'x' && is_hex_digit(s[2]) && is_hex_digit(s[3]))
		return 4;
	return 1;
}

/* Appends raw as one line that is safe anywhere. */
static void
add_line(struct sbuf *out, const char *raw)
{
	static const char cut[] = "...";
	size_t limit = out->size - sizeof(cut);

	while (*raw != '\0') {
		char octets[4];
		size_t len = unit_length(raw);
		size_t taken = len;

		if (util_is_print(*raw))
			memcpy(octets, raw, len);
		else
			len = escape_octet(octets, *raw);
		if (out->len + len > limit) {
			sbuf_str(out, cut);
			return;
		}
		sbuf_add(out, octets, len);
		raw += taken;
	}
}

static void
emit(enum log_level level, const char *line)
{
	if (current_target == LOG_TARGET_SYSLOG)
		syslog(levels[level].priority, "%s%s", levels[level].prefix,
		    line);
	else
		fprintf(stderr, "spf-milter: %s%s\n", levels[level].prefix,
		    line);
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	/* Longer than a line, so what vsnprintf cuts is cut here anyway. */
	char raw[LINE_MAX_OCTETS + 48];
	char line[LINE_MAX_OCTETS];

	if (!log_enabled(level))
		return;

	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	if (len < 0)
		util_copy(raw, sizeof(raw), "a line cannot be formatted");

	size_t end = strlen(raw);
	while (end > 0 && (raw[end - 1] == '\n' || raw[end - 1] == '\r'))
		raw[--end] = '\0';

	struct sbuf out;
	sbuf_init(&out, line, sizeof(line));
	add_line(&out, raw);
	emit(level, line);
}

static bool
needs_quotes(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = value[i];
		if (c == ' ' || c == '"' || c == '\\' || c == '=')
			return true;
	}
	return len == 0;
}

static void
add_escaped(struct sbuf *out, char c)
{
	char octets[4];

	if (!util_is_print(c)) {
		sbuf_add(out, octets, escape_octet(octets, c));
		return;
	}
	if (c == '"' || c == '\\')
		sbuf_char(out, '\\');
	sbuf_char(out, c);
}

void
log_pair(struct sbuf *out, const char *key, const char *value)
{
	log_pair_octets(out, key, value, strlen(value));
}

void
log_pair_octets(struct sbuf *out, const char *key, const char *value,
    size_t len)
{
	char storage[LOG_VALUE_MAX * 4 + sizeof("\"...\"")];
	size_t shown = len < LOG_VALUE_MAX ? len : LOG_VALUE_MAX;
	const char *quote = needs_quotes(value, shown) ? "\"" : "";
	struct sbuf text;

	/* Built apart, so that a pair is in the line whole or not at all. */
	sbuf_init(&text, storage, sizeof(storage));
	sbuf_str(&text, quote);
	for (size_t i = 0; i < shown; i++)
		add_escaped(&text, value[i]);
	if (shown < len)
		sbuf_str(&text, "...");
	sbuf_str(&text, quote);
	sbuf_fmt(out, "%s%s=%s", out->len > 0 ? " " : "", key, storage);
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
