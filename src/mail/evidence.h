/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules ask the DNS about the client of a message: its names, and the
 * domains that it passes for.  Looked up in flight, and only what is asked.
 */

#ifndef EVIDENCE_H
#define EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/rules.h"

struct conf;
struct flight;
struct flights;
struct subject;

/* The first four are the caller's to set, and outlive the rest. */
struct evidence {
	const struct subject	*who;
	const struct conf	*conf;
	struct flights		*flights;
	uint64_t		 connection;	/* see dns_client */
	struct flight		*names;		/* NULL: not asked for */
	struct flight		**passes;	/* by bit; NULL: none asked */
	bool			 has_names;	/* collected */
	uint64_t		 has_passes;	/* collected */
};

/* Begins what found needs of it. */
void	evidence_begin(struct evidence *e, const struct rules_found *found);
/*
 * Tells c what found needs; waits until until_ms.  What the DNS did not answer
 * stays unknown.  False: all of that has been told before.
 */
bool	evidence_collect(struct evidence *e, const struct rules_found *found,
	    struct rules_case *c, int64_t until_ms);
/* Gives up what is under way; the names are gone. */
void	evidence_end(struct evidence *e);

#endif
