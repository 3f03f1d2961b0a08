/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks for delivery.
 *
 * A subject is not taken apart: its encoded-words and folds stay as they are,
 * behind the prefix and a blank.  Readers drop blanks between two
 * encoded-words, so one that belongs to the prefix is encoded with it there.
 */

#include "config.h"

#include "policy/tag.h"

#include <nettle/base64.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define LINE_MAX_OCTETS 900	/* of 998, RFC 5322 s2.1.1 */
#define WORD_OCTETS 42		/* of an encoded-word, before base64 */
#define TEXT_SIZE 1000		/* of what a prefix or a field becomes */

static const char mark[] = "{result}";

static char default_name[] = "X-SPF-Tag";
static char default_value[] = "{result}";
static struct tag_field default_field = { default_name, default_value };
const struct tag tag_default = { .fields = { &default_field, 1 } };

static bool
is_printable(const char *s)
{
	while (*s != '\0') {
		size_t n = util_print_length(s, strnlen(s, 4));

		if (n == 0)
			return false;
		s += n;
	}
	return true;
}

static const char *
text_problem(const char *s, size_t max)
{
	if (strlen(s) > max)
		return "too long";
	if (!is_printable(s))
		return "it must be printable";
	if (strstr(s, "%{") != NULL)
		return "the only macro is {result}, without %";
	return NULL;
}

const char *
tag_subject_problem(const char *prefix)
{
	return text_problem(prefix, TAG_SUBJECT_MAX);
}

/* RFC 5322 s3.6.8 */
static bool
is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!util_is_print(s[i]) || s[i] == ' ')
			return false;
	return len > 0;
}

/* Those of a message that are removed with the mark's own would be lost. */
static bool
is_taken(const char *name, size_t len)
{
	static const char *const names[] = {
		"Authentication-Results:", "Bcc:", "Cc:", "Date:",
		"Delivered-To:", "DKIM-Signature:", "From:", "In-Reply-To:",
		"Message-ID:", "MIME-Version:", "Received:", "Received-SPF:",
		"References:", "Reply-To:", "Return-Path:", "Sender:",
		"Subject:", "To:", "X-SPF-Skipped:",
		"ARC-", "Content-", "List-", "Resent-",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (util_has_prefix_nocase(name, len + 1, names[i]))
			return true;
	return false;
}

const char *
tag_field_parse(struct tag_field *out, const char *text)
{
	size_t len = strcspn(text, ":");
	const char *value = text + len + (text[len] == ':');
	const char *wrong = text_problem(text, TAG_FIELD_MAX);

	value += strspn(value, " ");
	if (!is_name(text, len) || text[len] == '\0' || *value == '\0')
		return "a field is NAME: VALUE";
	if (is_taken(text, len))
		return "fields of this name are not for marks";
	if (!util_is_ascii(text))
		return "it must be ASCII";
	if (wrong == NULL)
		*out = (struct tag_field){ xstrndup(text, len),
			xstrdup(value) };
	return wrong;
}

void
tag_fields_fini(struct tag_fields *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].name);
		free(f->list[i].value);
	}
	free(f->list);
	*f = (struct tag_fields){ NULL, 0 };
}

/* Fits TEXT_SIZE, however many marks a text has. */
static void
expand(struct sbuf *out, const char *text, enum result r)
{
	const char *at;

	while ((at = strstr(text, mark)) != NULL) {
		sbuf_add(out, text, (size_t)(at - text));
		sbuf_str(out, result_name(r));
		text = at + strlen(mark);
	}
	sbuf_str(out, text);
}

char *
tag_value(const struct tag_field *f, enum result r)
{
	char text[TEXT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	expand(&sb, f->value, r);
	return xstrdup(text);
}

/* RFC 2047 s2: words of at most 75 octets, no character in two of them. */
static void
put_encoded(struct sbuf *out, const char *text, size_t len)
{
	while (len > 0) {
		char base64[BASE64_ENCODE_RAW_LENGTH(WORD_OCTETS) + 1] = "";
		size_t n = len > WORD_OCTETS ?
		    util_print_cut(text, WORD_OCTETS) : len;

		base64_encode_raw(base64, n, (const uint8_t *)text);
		sbuf_fmt(out, "=?UTF-8?B?%s?=%s", base64, n < len ? " " : "");
		text += n;
		len -= n;
	}
}

/* The prefix, without its last blanks unless they have to be encoded. */
static void
put_prefix(struct sbuf *out, const char *prefix, bool before_encoded)
{
	bool encode = !util_is_ascii(prefix);
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == ' ' && !(encode && before_encoded))
		len--;
	if (encode)
		put_encoded(out, prefix, len);
	else
		sbuf_add(out, prefix, len);
}

static bool
has_prefix(const char *subject, const char *prefix, bool before_encoded)
{
	char text[TEXT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	put_prefix(&sb, prefix, before_encoded);
	return strncmp(subject, text, sb.len) == 0;
}

static const char *
separator(const char *prefix, const char *subject)
{
	if (subject[0] == '\0')
		return "";
	return strlen("Subject: ") + strlen(prefix) + strcspn(subject, "\n") >
	    LINE_MAX_OCTETS ? "\n\t" : " ";
}

char *
tag_subject(const char *prefix, enum result r, const char *subject)
{
	char expanded[TEXT_SIZE];
	char text[TEXT_SIZE];
	struct sbuf sb;

	if (subject == NULL)
		subject = "";
	subject += strspn(subject, " \t\r\n");
	sbuf_init(&sb, expanded, sizeof(expanded));
	expand(&sb, prefix, r);
	if (has_prefix(subject, expanded, false) ||
	    has_prefix(subject, expanded, true))
		return NULL;
	sbuf_init(&sb, text, sizeof(text));
	put_prefix(&sb, expanded, strncmp(subject, "=?", 2) == 0);
	return xasprintf("%s%s%s", text, separator(text, subject), subject);
}
