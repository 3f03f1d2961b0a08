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

static void
add_text(struct log_record *r, const char *key, enum log_kind kind,
    const char *text, size_t len)
{
	struct log_pair *p = add(r, key, kind);

	p->text = text;
	p->len = len;
}

void
log_record_text(struct log_record *r, const char *key, const char *text,
    size_t len)
{
	add_text(r, key, LOG_STRING, text, len);
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
log_record_address(struct log_record *r, const char *key, const char *address,
    size_t len)
{
	add_text(r, key, LOG_ADDRESS, address, len);
}

void
log_record_host(struct log_record *r, const char *key, const char *host)
{
	if (strchr(host, '@') != NULL)
		log_record_address(r, key, host, strlen(host));
	else
		log_record_string_if(r, key, host);
}

void
log_record_name(struct log_record *r, const char *key, const char *name)
{
	add_text(r, key, LOG_NAME, name, strlen(name));
}

void
log_record_word(struct log_record *r, const char *key, const char *word)
{
	add_text(r, key, LOG_WORD, word, strlen(word));
}

void
log_record_uint(struct log_record *r, const char *key, uint64_t value)
{
	add(r, key, LOG_UNSIGNED)->number = value;
}

/* What is logged of a pair, with storage for a text of its own. */
static struct log_pair
made_public(const struct log_pair *p, struct sbuf *storage, int64_t time_ms)
{
	struct log_pair shown = *p;

	if (p->kind != LOG_ADDRESS && p->kind != LOG_NAME)
		return shown;
	shown.kind = LOG_STRING;
	if (!log_hides())
		return shown;
	if (p->kind == LOG_NAME)
		log_privacy_put_name(storage, p->text);
	else
		log_privacy_put(storage, p->text, p->len, time_ms);
	shown.text = storage->data;
	shown.len = storage->len;
	return shown;
}

static void
put(struct sbuf *fields, const struct log_pair *p, int64_t time_ms)
{
	char text[LOG_PRIVACY_OCTETS];
	struct sbuf storage;

	sbuf_init(&storage, text, sizeof(text));
	const struct log_pair shown = made_public(p, &storage, time_ms);
	log_line_put(fields, &shown);
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
	struct log_line line = log_line_new(level, r->event, &fields);
	for (size_t i = 0; i < r->count; i++)
		put(&fields, &r->pairs[i], line.time_ms);
	line.len = fields.len;
	log_emit(&line);
}

/* For tools, whose user has typed the addresses: nothing is hidden. */
void
log_record_format(const struct log_record *r, struct sbuf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		struct log_pair p = r->pairs[i];

		if (p.kind == LOG_ADDRESS || p.kind == LOG_NAME)
			p.kind = LOG_STRING;
		p.cut = p.kind == LOG_STRING && p.len > LOG_VALUE_MAX;
		if (p.cut)
			p.len = util_print_cut(p.text, LOG_VALUE_MAX);
		log_text_put_pair(out, &p);
	}
}
