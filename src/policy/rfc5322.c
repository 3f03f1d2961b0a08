/* SPDX-License-Identifier: BSD-2-Clause */
/* What structured header fields are made of. */

#include "config.h"

#include "policy/rfc5322.h"

/* p is behind the "("; NULL: no end, or a quote. */
static const char *
comment_end(const char *p)
{
	for (unsigned depth = 1; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

bool
rfc5322_skip_blanks(const char **p)
{
	while (util_is_space(**p) || **p == '(') {
		const char *end = **p == '(' ? comment_end(*p + 1) : *p + 1;

		if (end == NULL)
			return false;
		*p = end;
	}
	return true;
}

bool
rfc5322_skip_quoted(const char **p, struct sbuf *out)
{
	for (const char *s = *p + 1; *s != '\0'; s++) {
		if (*s == '"') {
			*p = s + 1;
			return true;
		}
		if (*s == '\\' && s[1] != '\0')
			s++;
		if (out != NULL)
			sbuf_char(out, *s);
	}
	return false;
}
