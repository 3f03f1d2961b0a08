/* SPDX-License-Identifier: BSD-2-Clause */
/* A line as text: the message and key=value, escaped. */

#include "config.h"

#include <string.h>

#include "base/log_priv.h"
#include "base/util.h"

#define PAIRS_OCTETS 4096		/* more than a line has */

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

/* Octets of the escape that s starts with, as add_escaped writes it, or 1. */
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

void
log_text_make_safe(struct sbuf *out, const char *raw, size_t len)
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

/* special: what gets a backslash. */
static void
add_escaped(struct sbuf *out, const char *s, size_t len, const char *special)
{
	while (len > 0) {
		size_t n = util_print_length(s, len);
		if (n > 0 && strchr(special, *s) != NULL)
			sbuf_char(out, '\\');
		if (n > 0) {
			sbuf_add(out, s, n);
		} else {
			sbuf_escape(out, *s);
			n = 1;
		}
		s += n;
		len -= n;
	}
}

void
log_text_escape(struct sbuf *out, const struct log_pair *p)
{
	add_escaped(out, p->text, p->len, "\\");
	if (p->cut)
		sbuf_str(out, "...");
}

static void
add_string(struct sbuf *out, const struct log_pair *p)
{
	enum need need = need_of(p->text, p->len);
	const char *quote = need == NEED_QUOTES ? "\"" : "";

	sbuf_str(out, quote);
	if (need == NEED_NOTHING)
		sbuf_add(out, p->text, p->len);
	else
		add_escaped(out, p->text, p->len, "\"\\");
	if (p->cut)
		sbuf_str(out, "...");
	sbuf_str(out, quote);
}

void
log_text_put_value(struct sbuf *out, const struct log_pair *p,
    void (*put_string)(struct sbuf *out, const struct log_pair *p))
{
	switch (p->kind) {
	case LOG_STRING:
	case LOG_ADDRESS:
	case LOG_NAME:
		put_string(out, p);
		break;
	case LOG_WORD:
	case LOG_MESSAGE:
		sbuf_add(out, p->text, p->len);
		break;
	case LOG_UNSIGNED:
		sbuf_uint(out, p->number);
		break;
	}
}

void
log_text_put_pair(struct sbuf *out, const struct log_pair *p)
{
	size_t start = out->len;

	if (out->len > 0)
		sbuf_char(out, ' ');
	if (p->key != NULL) {
		sbuf_str(out, p->key);
		sbuf_char(out, '=');
	}
	log_text_put_value(out, p, add_string);
	if (sbuf_ok(out))
		return;
	out->len = start;
	out->data[start] = '\0';
}

/* A message and pairs; the message ends in a colon then. */
static void
put_pairs(struct sbuf *out, const struct log_line *line, const char *at,
    const struct log_pair *first)
{
	char storage[PAIRS_OCTETS];
	char cut[LOG_LINE_OCTETS];
	struct sbuf pairs;
	struct sbuf whole;
	struct log_pair p = *first;

	sbuf_init(&pairs, storage, sizeof(storage));
	do {
		log_text_put_pair(&pairs, &p);
		if (p.kind == LOG_MESSAGE)
			sbuf_char(&pairs, ':');
	} while (log_line_next(line, &at, &p));
	sbuf_init(&whole, cut, sizeof(cut));
	log_text_make_safe(&whole, pairs.data, pairs.len);
	sbuf_add(out, whole.data, whole.len);
}

void
log_text_put(struct sbuf *out, const struct log_line *line)
{
	const char *at = line->fields;
	struct log_pair p;

	sbuf_str(out, log_levels[line->level].prefix);
	if (!log_line_next(line, &at, &p))
		return;
	if (p.kind == LOG_MESSAGE && at == line->fields + line->len)
		sbuf_add(out, p.text, p.len);
	else
		put_pairs(out, line, at, &p);
}
