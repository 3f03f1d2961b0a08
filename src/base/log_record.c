/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pairs of a line, collected as they are and formatted together, as
 * key=value.
 */

#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

#define PAIRS_OCTETS 4096		/* more than a line has */

static struct log_pair *
add(struct log_record *r, const char *key, enum log_kind kind)
{
	assert(r->count < LOG_PAIRS_MAX);
	struct log_pair *p = &r->pairs[r->count++];

	p->key = key;
	p->kind = kind;
	return p;
}

void
log_record_text(struct log_record *r, const char *key, const char *text,
    size_t len)
{
	struct log_pair *p = add(r, key, LOG_STRING);

	p->text = text;
	p->len = len;
}

void
log_record_string(struct log_record *r, const char *key, const char *value)
{
	log_record_text(r, key, value, strnlen(value, LOG_VALUE_MAX + 1));
}

void
log_record_string_if(struct log_record *r, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		log_record_string(r, key, value);
}

void
log_record_word(struct log_record *r, const char *key, const char *word)
{
	struct log_pair *p = add(r, key, LOG_WORD);

	p->text = word;
	p->len = strlen(word);
}

void
log_record_uint(struct log_record *r, const char *key, uint64_t value)
{
	add(r, key, LOG_UNSIGNED)->number = value;
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
	while (len > 0) {
		size_t n = util_print_length(s, len);
		if (*s == '"' || *s == '\\')
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

static void
add_string(struct sbuf *out, const struct log_pair *p)
{
	bool whole = p->len <= LOG_VALUE_MAX;
	size_t len = whole ? p->len : util_print_cut(p->text, LOG_VALUE_MAX);
	enum need need = need_of(p->text, len);
	const char *quote = need == NEED_QUOTES ? "\"" : "";

	sbuf_str(out, quote);
	if (need == NEED_NOTHING)
		sbuf_add(out, p->text, len);
	else
		add_escaped(out, p->text, len);
	if (!whole)
		sbuf_str(out, "...");
	sbuf_str(out, quote);
}

/* A pair is in the line whole or not at all. */
static void
add_pair(struct sbuf *out, const struct log_pair *p)
{
	size_t start = out->len;

	if (out->len > 0)
		sbuf_char(out, ' ');
	sbuf_str(out, p->key);
	sbuf_char(out, '=');
	switch (p->kind) {
	case LOG_STRING:
		add_string(out, p);
		break;
	case LOG_WORD:
		sbuf_add(out, p->text, p->len);
		break;
	case LOG_UNSIGNED:
		sbuf_uint(out, p->number);
		break;
	}
	if (sbuf_ok(out))
		return;
	out->len = start;
	out->data[start] = '\0';
}

void
log_record_write(const struct log_record *r, enum log_level level)
{
	char storage[PAIRS_OCTETS];
	struct sbuf line;

	if (!log_enabled(level))
		return;
	sbuf_init(&line, storage, sizeof(storage));
	for (size_t i = 0; i < r->count; i++)
		add_pair(&line, &r->pairs[i]);
	log_text(level, storage);
}

void
log_pair(struct sbuf *out, const char *key, const char *value)
{
	const struct log_pair p = { .key = key, .kind = LOG_STRING,
		.text = value, .len = strnlen(value, LOG_VALUE_MAX + 1) };

	add_pair(out, &p);
}

