/* SPDX-License-Identifier: BSD-2-Clause */
/* The page: a token's facts for people to read.  No clock, no DNS. */

#ifndef WHY_PAGE_H
#define WHY_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/result.h"
#include "policy/token.h"
#include "why/why_text.h"

struct explanation;

/* What a look at the record as it is now has come to. */
struct why_check {
	enum why_check_end {
		WHY_CHECK_DONE,
		WHY_CHECK_BUSY		/* too many ask */
	}		 end;
	enum result	 result;	/* where it is DONE; texts too */
	const char	*problem;	/* "": none */
	const char	*domain;	/* where record stands: the token's, or
					 * what redirect= led to */
	const char	*record;	/* "": there is none */
	const char	*proposal;	/* a record that would pass, or "" */
	const struct explanation *tree;	/* how it came about; NULL: nothing was
					 * evaluated */
};

struct why_page {
	const struct why_texts *texts;
	const struct why_language *language;
	const char	*token_text;	/* NULL: the general page */
	const struct token *token;	/* that it stands for */
	const char	*contact;	/* an address; "": postmaster of the
					 * receiver */
	unsigned	 days;		/* a token's life */
	bool		 offers_check;
	const struct why_check *check;	/* NULL: none was made */
};

/*
 * Writes HTML.  What the page says of a token is a function of page alone; the
 * general page is one of language, contact and days.
 */
void	why_page_write(const struct why_page *page, FILE *out);

#endif
