/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where results become an action.  Whoever answers, logs, counts
 * or prints reads the decision; none of them decides again, and none reads an
 * action back from the code of a reply.
 */

#include "config.h"

#include <stddef.h>

#include "policy/decide.h"

/* What is done where the result counts alone. */
static enum policy_action
action_of(const struct policy *p, const struct finding *f)
{
	enum policy_action a = policy_decide(p, f);

	if (a == POLICY_SKIP)
		return POLICY_ACCEPT;
	return a == POLICY_REJECT && p->defers[f->result] ? POLICY_TEMPFAIL : a;
}

struct decision
decide(const struct policy *p,
    const struct finding *const findings[SCOPE_COUNT])
{
	struct decision d = {
		.action = POLICY_ACCEPT,
		.scope = SCOPE_MAILFROM,
	};
	struct decision_part *parts = d.parts;

	for (size_t s = 0; s < SCOPE_COUNT; s++) {
		parts[s].level = p->level[s];
		if (findings[s] != NULL)
			parts[s].action = policy_decide(p, findings[s]);
	}
	if (parts[SCOPE_HELO].action > parts[SCOPE_MAILFROM].action ||
	    findings[SCOPE_MAILFROM] == NULL)
		d.scope = SCOPE_HELO;
	if (findings[d.scope] != NULL)
		d.action = action_of(p, findings[d.scope]);
	return d;
}

struct decision
decide_forged(const struct decision *d)
{
	struct decision forged = *d;

	forged.action = POLICY_REJECT;
	forged.reason = DECISION_FORGED;
	return forged;
}

bool
decide_helo_rejects(const struct policy *p, enum result helo)
{
	const struct finding f = { helo, TABLE_HELO };

	return policy_decide(p, &f) == POLICY_REJECT;
}

bool
decision_refuses(const struct decision *d)
{
	return d->action >= POLICY_TEMPFAIL;
}

bool
decision_equals(const struct decision *a, const struct decision *b)
{
	for (size_t s = 0; s < SCOPE_COUNT; s++)
		if (a->parts[s].action != b->parts[s].action ||
		    a->parts[s].level != b->parts[s].level)
			return false;
	return a->action == b->action && a->reason == b->reason &&
	    a->scope == b->scope;
}
