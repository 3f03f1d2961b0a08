/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of the page, a file a language, and its style. */

#ifndef WHY_TEXT_H
#define WHY_TEXT_H

#include <stddef.h>

#include "base/util.h"

struct json_t;

struct why_language {
	char		*code;		/* "ko", from the file's name */
	struct json_t	*texts;
};

struct why_texts {
	struct why_language *languages;	/* in the order of their codes */
	size_t		 count;		/* at least 1 */
	char		*style;		/* CSS */
	char		*style_hash;	/* of it, for Content-Security-Policy */
};

/*
 * Reads CODE.json of each language, and style.css, of a folder.  NULL: d says
 * what is wrong with which file, or which text a language lacks that another
 * one has.
 */
struct why_texts	*why_texts_load(const char *folder, struct diag *d);
void			 why_texts_free(struct why_texts *t);	/* NULL ok */

/*
 * The language that a reader wants: code, or else what accept, an
 * Accept-Language field (RFC 9110 s12.5.4), likes best, or else English, or
 * else the first.  Both may be NULL.
 */
const struct why_language *why_texts_choose(const struct why_texts *t,
		    const char *code, const char *accept);

/*
 * The text of a key such as "verdict.fail.helo"; where there is none, that of
 * "verdict.fail", then of "verdict", then "".  A key may have a list of texts,
 * of which these give the first, and any; NULL: there are not so many.
 */
const char	*why_text(const struct why_language *l, const char *key);
const char	*why_text_line(const struct why_language *l, const char *key,
		    size_t i);

#endif
