/* SPDX-License-Identifier: BSD-2-Clause */
/* SMTP replies from templates: code, enhanced code, lines, length. */

#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "spf/macro.h"

/*
 * Room for our text, a link, and a publisher's explanation, which is cut at
 * 800 octets before it is wrapped.
 */
#define REPLY_TEXT_SIZE 3584
#define REPLY_EXPLANATION_MAX 800
#define REPLY_LINES_MAX 32
#define REPLY_LINE_MAX 480	/* octets; 512 with code and CR LF, RFC 5321 */
#define REPLY_LINK_MAX (REPLY_LINE_MAX - 4)	/* octets; behind "See " */
#define REPLY_ENHANCED_SIZE 12

/* Of one template: lines, and octets before expansion. */
#define REPLY_TEMPLATE_LINES_MAX 8
#define REPLY_TEMPLATE_TEXT_MAX 1024

/* What the SMTP client is told.  Printable ASCII and newlines only. */
struct reply {
	unsigned	code;				/* 400 to 599 */
	char		enhanced[REPLY_ENHANCED_SIZE];	/* "5.7.23" */
	char		text[REPLY_TEXT_SIZE];	/* lines divided by \n, each at
						 * most REPLY_LINE_MAX, no \n
						 * at the end, % not doubled */
};

struct reply_template;			/* immutable once compiled */

/*
 * Compiles one template.  NULL: the code is not 400-599, the class of
 * enhanced is not that of code or it is not d.d{1,3}.d{1,3} (RFC 3463), or the
 * text is empty, too long, has too many lines, other than printable ASCII and
 * newlines, or a bad macro; then err (of errsize octets) says what is allowed.
 * "" or NULL as enhanced is an error too.
 */
struct reply_template	*reply_compile(unsigned code, const char *enhanced,
			    const char *text, char *err, size_t errsize);
void			 reply_template_free(struct reply_template *t);

/* The built-in template of a result; NULL for pass.  Static parts. */
struct reply_default {
	unsigned	 code;
	const char	*enhanced;
	const char	*text;
};
const struct reply_default *reply_default(enum result r);

struct reply_vars {
	struct macro_vars	 macros;
	const char	*explanation;		/* of the publisher; NULL or ""
						 * where there is none */
	const char	*explanation_domain;	/* who says so */
};

/*
 * Fills *out: expands the template, replaces what is not printable ASCII by
 * "?", breaks lines over REPLY_LINE_MAX, leaves out empty lines, and appends
 * the explanation after "The domain X explains:" on lines of its own (RFC 7208
 * s8.4), cut at REPLY_EXPLANATION_MAX octets, wrapped at blanks near 75
 * columns; a long word (a link) stays whole up to REPLY_LINE_MAX.  Before it
 * stands "See" with v->macros.why_url, at most REPLY_LINK_MAX octets, on a
 * line of its own, unless it is NULL or "" or the template has placed it.
 * Lines come from the template only, never from a macro's value.  A template
 * whose macros are too long for the room is cut.  Always fits, never empty.
 * Pure.
 */
void	reply_format(const struct reply_template *t,
	    const struct reply_vars *v, struct reply *out);

#endif
