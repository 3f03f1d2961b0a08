/* SPDX-License-Identifier: BSD-2-Clause */
/* What a token tells, as texts for people. */

#ifndef WHY_FACTS_H
#define WHY_FACTS_H

#include "policy/token.h"
#include "spf/identity.h"
#include "why/why_html.h"

#define WHY_TIME_SIZE 64
#define WHY_VALUES_MAX 12

/* "" where there is no token. */
struct why_facts {
	char	client[ADDR_TEXT_SIZE];
	char	domain[5 * IDENTITY_NAME_MAX];	/* with its A-labels */
	char	postmaster[TOKEN_DOMAIN_MAX + sizeof("postmaster@")];
	char	contact[TOKEN_RECEIVER_MAX + sizeof("postmaster@")];
	char	utc[WHY_TIME_SIZE];
	char	local[WHY_TIME_SIZE];	/* "": the same */
	char	iso[WHY_TIME_SIZE];
	char	days[16];
	char	*proposal;
	struct why_value values[WHY_VALUES_MAX];	/* of all texts */
};

/*
 * token: NULL for the general page; contact "": postmaster of its receiver.
 * Both are borrowed.
 */
void	why_facts_init(struct why_facts *f, const struct token *token,
	    const char *contact, unsigned days);
void	why_facts_fini(struct why_facts *f);

#endif
