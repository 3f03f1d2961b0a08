/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts come from files of languages, values from a token and the DNS.  Both
 * are escaped, values on their way into a text, so that no order of doing
 * things can leave one out; a { that names no value stays as it is.
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "why/why_html.h"

void
why_html_markup(FILE *out, const char *markup)
{
	fputs(markup, out);
}

static void
escape(FILE *out, const char *s, size_t len)
{
	while (len > 0) {
		size_t n = util_print_length(s, len);

		if (*s == '\n')
			putc('\n', out);
		else if (n == 0)
			fputs("&#65533;", out);
		else if (strchr("&<>\"'", *s) != NULL)
			fprintf(out, "&#%u;", (unsigned char)*s);
		else
			fwrite(s, 1, n, out);
		n = n > 0 ? n : 1;
		s += n;
		len -= n;
	}
}

void
why_html_escape(FILE *out, const char *text)
{
	escape(out, text, strlen(text));
}

/* That s, which begins with {, names; NULL: none.  *len is of both braces. */
static const struct why_value *
find_value(const struct why_value *values, const char *s, size_t *len)
{
	*len = strcspn(s, "}") + 1;
	for (; values->name != NULL; values++)
		if (strlen(values->name) == *len - 2 &&
		    strncmp(values->name, s + 1, *len - 2) == 0)
			return values;
	return NULL;
}

/* Pieces of text and values, in their order. */
static void
expand(FILE *out, const char *text, const struct why_value *values,
    void (*put_text)(FILE *, const char *, size_t),
    void (*put_value)(FILE *, const char *))
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "{");
		size_t len = 1;

		put_text(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		const struct why_value *v = strchr(text, '}') == NULL ? NULL :
		    find_value(values, text, &len);
		if (v != NULL)
			put_value(out, v->text);
		else
			put_text(out, text, len = 1);
		text += len;
	}
}

static void
put_marked(FILE *out, const char *value)
{
	fputs("<bdi class=\"value\" translate=\"no\">", out);
	why_html_escape(out, value);
	fputs("</bdi>", out);
}

void
why_html_text(FILE *out, const char *text, const struct why_value *values)
{
	expand(out, text, values, escape, put_marked);
}

static void
put_octets(FILE *out, const char *s, size_t len)
{
	fwrite(s, 1, len, out);
}

static void
put_plain(FILE *out, const char *value)
{
	fputs(value, out);
}

char *
why_html_plain(const char *text, const struct why_value *values)
{
	char *plain = NULL;
	size_t len;
	FILE *out = open_memstream(&plain, &len);

	assert(out != NULL);
	expand(out, text, values, put_octets, put_plain);
	int failed = fclose(out);
	assert(failed == 0);
	return plain;
}

void
why_html_url(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (util_is_alnum(*text) || strchr("-._~", *text) != NULL)
			putc(*text, out);
		else if (*text == '\n')
			fputs("%0D%0A", out);
		else
			fprintf(out, "%%%02X", (unsigned char)*text);
	}
}
