/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's will, compiled: results to actions.  Pure. */

#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>

#include "base/result.h"

#define POLICY_LEVEL_MAX 6

enum policy_action {
	POLICY_SKIP,		/* not looked up, no header */
	POLICY_ACCEPT,		/* let through, with a header */
	POLICY_TEMPFAIL,
	POLICY_REJECT
};

struct policy {
	enum policy_action	action[SCOPE_COUNT][RESULT_COUNT];
	unsigned		level[SCOPE_COUNT];	/* where it came from */
	bool			defers[RESULT_COUNT];	/* its reply is a 4xx */
};

/* Fills in one scope from a level; false: no such level. */
bool	policy_set_level(struct policy *p, enum scope s, unsigned level);

enum policy_action	policy_decide(const struct policy *p, enum scope s,
			    enum result r);
/*
 * Of two results of one scope: is a worse than b?  By what is done with them,
 * then by what they say of the sender.
 */
bool	policy_is_worse(const struct policy *p, enum scope s, enum result a,
	    enum result b);
/* Is this scope looked up at all? */
bool	policy_checks(const struct policy *p, enum scope s);
/* Can any result of this scope refuse mail? */
bool	policy_can_refuse(const struct policy *p, enum scope s);

const char	*policy_action_name(enum policy_action a);

/*
 * One line where a level does more than RFC 7208 allows or advises (4: s8.5,
 * 5: s8.2, ...), NULL where it does not.
 */
const char	*policy_level_departure(unsigned level);

#endif
