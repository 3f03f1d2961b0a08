/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pairs of a line, collected as they are: they are formatted by who writes the
 * line, and by tools that show them.
 */

#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/log_priv.h"

static struct log_pair *
add(struct log_record *r, const char *key, enum log_kind kind)
{
	assert(r->count < LOG_PAIRS_MAX);
	struct log_pair *p = &r->pairs[r->count++];

	*p = (struct log_pair){ .key = key, .kind = kind };
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

/* Warnings and errors of one message are of one kind. */
static bool
is_taken(const struct log_record *r, enum log_level level)
{
	if (!log_enabled(level))
		return false;
	if (r->message == NULL || (level != LOG_LEVEL_WARNING &&
	    level != LOG_LEVEL_ERROR))
		return true;
	if (!log_limit_takes(r->message, util_now_ms()))
		return false;
	log_limit_call(r->message, r->message);
	return true;
}

void
log_record_write(const struct log_record *r, enum log_level level)
{
	char storage[LOG_FIELDS_OCTETS];
	struct sbuf fields;

	if (!is_taken(r, level))
		return;
	sbuf_init(&fields, storage, sizeof(storage));
	if (r->message != NULL)
		log_line_put(&fields, &(const struct log_pair){
			.kind = LOG_MESSAGE, .text = r->message,
			.len = strnlen(r->message, LOG_LINE_OCTETS)
		});
	for (size_t i = 0; i < r->count; i++)
		log_line_put(&fields, &r->pairs[i]);
	const struct log_line line = log_line_new(level, r->event, &fields);
	log_emit(&line);
}

void
log_record_format(const struct log_record *r, struct sbuf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		struct log_pair p = r->pairs[i];

		p.cut = p.kind == LOG_STRING && p.len > LOG_VALUE_MAX;
		if (p.cut)
			p.len = util_print_cut(p.text, LOG_VALUE_MAX);
		log_text_put_pair(out, &p);
	}
}
