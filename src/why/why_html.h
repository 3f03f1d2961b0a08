/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing HTML: markup of ours, and texts, which are escaped in one place. */

#ifndef WHY_HTML_H
#define WHY_HTML_H

#include <stdio.h>

/* What {name} in a text stands for.  The last one has a name of NULL. */
struct why_value {
	const char	*name;
	const char	*text;
};

/* Our own markup, as it is. */
void	why_html_markup(FILE *out, const char *markup);
/*
 * A text for an element or for an attribute in double quotes.  What is neither
 * printable UTF-8 nor a new line becomes U+FFFD.
 */
void	why_html_escape(FILE *out, const char *text);
/* The same, with its values, each in an element of its own. */
void	why_html_text(FILE *out, const char *text,
	    const struct why_value *values);
/* As plain text, for the caller to free. */
char	*why_html_plain(const char *text, const struct why_value *values);
/*
 * All but unreserved characters as %XX (RFC 3986 s2.3), for a URL; a new line
 * as CR LF, as a mailto wants it (RFC 6068 s5).
 */
void	why_html_url(FILE *out, const char *text);

#endif
