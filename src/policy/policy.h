/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's will, compiled: results to actions.  Pure. */

#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>

#include "base/result.h"

#define POLICY_LEVEL_MAX 6

/* In the order of their force. */
enum policy_action {
	POLICY_SKIP,		/* no field; all of a table: not looked up */
	POLICY_ACCEPT,		/* let through, with a field */
	POLICY_TAG,
	POLICY_QUARANTINE,
	POLICY_TEMPFAIL,
	POLICY_REJECT
};

/* Whose results a table is for; the last: those of a best guess. */
enum policy_table { TABLE_HELO, TABLE_MAILFROM, TABLE_NULL_SENDER,
	TABLE_GUESS };
#define POLICY_TABLE_COUNT 4

struct policy {
	enum policy_action	action[POLICY_TABLE_COUNT][RESULT_COUNT];
	unsigned		level[SCOPE_COUNT];	/* where it came from */
	bool			defers[RESULT_COUNT];	/* its reply is a 4xx */
};

/* Why less is done with a result than its table says. */
enum excuse {
	EXCUSE_NONE,
	EXCUSE_GRACE,		/* mail has been deferred for it for long */
	EXCUSE_OUTAGE,		/* the fault is our own */
	EXCUSE_RELAY,		/* the relay that has brought it would have to
				 * bounce it */
	EXCUSE_CLIENT,		/* the client is not known */
	EXCUSE_FORWARDER	/* a forwarder has brought it, by which a fail
				 * or softfail says nothing */
};
#define EXCUSE_COUNT 6

/* What came of the check of one identity, and what judges it. */
struct finding {
	enum result		result;
	enum policy_table	table;
	enum excuse		excuse;
	const char		*mechanism;	/* as in eval_verdict */
	bool			wide_open;	/* the record lets all in */
};

/*
 * Fills in the tables of one scope from a level, MAIL FROM's with those of
 * the null sender and of guesses, which nothing is done with.  False: no such
 * level.
 */
bool	policy_set_level(struct policy *p, enum scope s, unsigned level);

/* Each action becomes that of by where that has more force. */
void	policy_raise(struct policy *p, const struct policy *by);

enum policy_action	policy_decide(const struct policy *p,
			    const struct finding *f);
/*
 * Is a worse than b?  By what is done with them, then by what they say of the
 * sender.
 */
bool	policy_is_worse(const struct policy *p, const struct finding *a,
	    const struct finding *b);
/* Is anything looked up that this table is for? */
bool	policy_checks(const struct policy *p, enum policy_table t);
/* Does any result come to this? */
bool	policy_can(const struct policy *p, enum policy_action a);
/* Can any result refuse mail? */
bool	policy_can_refuse(const struct policy *p);

const char	*policy_action_name(enum policy_action a);
/* "grace"; not of NONE */
const char	*policy_excuse_name(enum excuse e);
/* "null_sender" */
const char	*policy_table_name(enum policy_table t);

/*
 * One line where a level does more than RFC 7208 allows or advises (4: s8.5,
 * 5: s8.2, ...), NULL where it does not.
 */
const char	*policy_level_departure(unsigned level);

#endif
