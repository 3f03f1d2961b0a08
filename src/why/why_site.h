/* SPDX-License-Identifier: BSD-2-Clause */
/* What the site says to a request.  No clock, no network. */

#ifndef WHY_SITE_H
#define WHY_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/key.h"
#include "policy/token.h"
#include "why/why_page.h"
#include "why/why_text.h"

#define WHY_KEYS_MAX 2		/* the one in use, and that before it */

struct why_site {
	struct why_texts *texts;
	uint8_t		 keys[WHY_KEYS_MAX][KEY_SIZE];
	size_t		 key_count;
	const char	*contact;	/* "": postmaster of the receiver */
	unsigned	 days;		/* a token's life */
	bool		 offers_check;
};

/* As they came; NULL: none. */
struct why_request {
	const char	*token;
	const char	*language;
	const char	*accept;	/* Accept-Language */
};

/* False: not signed by us, too old, or from the future. */
bool	why_site_token(const struct why_site *s, const char *text,
	    int64_t now_s, struct token *out);

/*
 * The page; the general one, the same whatever is wrong with it, where there
 * is no good token.  check as in why_page.  Returns the language's code.
 */
const char	*why_site_answer(const struct why_site *s,
		    const struct why_request *r, const struct why_check *check,
		    int64_t now_s, FILE *out);

#endif
