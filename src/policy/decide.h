/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done with mail: from results to a decision, as a value.  Pure. */

#ifndef DECIDE_H
#define DECIDE_H

#include <stdbool.h>

#include "base/result.h"
#include "policy/policy.h"

struct rule;

enum decision_reason {
	DECISION_RESULT,	/* that of scope */
	DECISION_FORGED,	/* too many forged fields; a rejection */
	DECISION_SIGNED,	/* not refused: an aligned DKIM signature */
	DECISION_DMARC,		/* not refused: left to a DMARC policy */
	DECISION_UNSURE,	/* a rule before cannot be judged now */
	DECISION_APART		/* a recipient for another message */
};

/* What the policy says to the result of one scope by itself. */
struct decision_part {
	enum policy_action	action;	/* POLICY_SKIP: there is no result, or
					 * nothing to be said of it */
	unsigned		level;
	enum excuse		excuse;	/* why action is less than its table
					 * says */
};

struct decision {
	enum policy_action	 action;	/* with the mail; never SKIP */
	enum decision_reason	 reason;
	enum scope		 scope;		/* whose result counts */
	struct decision_part	 parts[SCOPE_COUNT];
	const struct rule	*rule;	/* whose policy it is; NULL: none */
	unsigned		 would;	/* see decide_would */
};

/*
 * findings: NULL for a scope that was not checked; mail of which none was is
 * accepted.  The action with more force wins, that of MAIL FROM among equals.
 * A rejection whose reply is a 4xx is a tempfail.  An excused temperror is
 * accepted where it would be refused; from a relay, a rejection is a
 * quarantine and a deferral is accepted; of a client that is not known or a
 * forwarder everything is.
 */
struct decision	decide(const struct policy *p,
		    const struct finding *const findings[SCOPE_COUNT]);

/* d, but that the message brings too many forged fields. */
struct decision	decide_forged(const struct decision *d);

/* d, but that something else speaks for the message: let through. */
struct decision	decide_spared(const struct decision *d,
		    enum decision_reason why);
/*
 * d, where a rule before could not be judged because the DNS fails: it may
 * be an exception, so a rejection becomes a tempfail.
 */
struct decision	decide_unsure(const struct decision *d);
/* d, for a recipient to whom the message has to be sent again. */
struct decision	decide_apart(const struct decision *d);
/*
 * The lowest level above that of d which would refuse by these findings, 0
 * where none would or d refuses.  What a rule has decided is no level's to
 * refuse; what might have spared the message is not asked for.  levels: the
 * policy if each of them were that of MAIL FROM.
 */
unsigned	decide_would(const struct decision *d,
		    const struct policy levels[POLICY_LEVEL_MAX + 1],
		    const struct finding *const findings[SCOPE_COUNT]);
/* Whether one message cannot be treated by both. */
bool	decisions_part(const struct decision *a, const struct decision *b);

/* This finding of HELO rejects, whatever that of MAIL FROM is. */
bool	decide_helo_rejects(const struct policy *p,
	    const struct finding *helo);

bool	decision_refuses(const struct decision *d);
/* A refusal, or what is done in its place for mail of a relay. */
bool	decision_can_be_spared(const struct decision *d);
/* Not made of another decision. */
bool	decision_is_by_policy(const struct decision *d);
/* That of the part that has one, of MAIL FROM before HELO. */
enum excuse	decision_excuse(const struct decision *d);
/* Nothing but would tells them apart. */
bool	decision_equals(const struct decision *a, const struct decision *b);

#endif
