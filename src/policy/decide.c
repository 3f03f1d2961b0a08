/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where results become an action.  Whoever answers, logs, counts
 * or prints reads the decision; none of them decides again, and none reads an
 * action back from the code of a reply.
 */

#include "config.h"

#include <stddef.h>

#include "policy/decide.h"

/* A deferral says nothing of the mail, so it is no reason to hold it. */
static enum policy_action
excused(const struct policy *p, const struct finding *f)
{
	enum policy_action a = policy_decide(p, f);

	switch (f->excuse) {
	case EXCUSE_NONE:
		break;
	case EXCUSE_GRACE:
	case EXCUSE_OUTAGE:
		return a >= POLICY_TEMPFAIL ? POLICY_ACCEPT : a;
	case EXCUSE_RELAY:
		if (a == POLICY_REJECT && !p->defers[f->result])
			return POLICY_QUARANTINE;
		return a >= POLICY_TEMPFAIL ? POLICY_ACCEPT : a;
	case EXCUSE_CLIENT:
	case EXCUSE_FORWARDER:
		return a > POLICY_ACCEPT ? POLICY_ACCEPT : a;
	}
	return a;
}

static void
judge(struct decision_part *part, const struct policy *p,
    const struct finding *f)
{
	part->action = excused(p, f);
	if (part->action != policy_decide(p, f))
		part->excuse = f->excuse;
}

/* What is done where the result counts alone. */
static enum policy_action
action_of(const struct decision_part *part, const struct policy *p,
    const struct finding *f)
{
	if (part->action == POLICY_SKIP)
		return POLICY_ACCEPT;
	return part->action == POLICY_REJECT && p->defers[f->result] ?
	    POLICY_TEMPFAIL : part->action;
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
			judge(&parts[s], p, findings[s]);
	}
	if (parts[SCOPE_HELO].action > parts[SCOPE_MAILFROM].action ||
	    findings[SCOPE_MAILFROM] == NULL)
		d.scope = SCOPE_HELO;
	if (findings[d.scope] != NULL)
		d.action = action_of(&parts[d.scope], p, findings[d.scope]);
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

struct decision
decide_spared(const struct decision *d, enum decision_reason why)
{
	struct decision spared = *d;

	spared.action = POLICY_ACCEPT;
	spared.reason = why;
	return spared;
}

struct decision
decide_unsure(const struct decision *d)
{
	struct decision unsure = *d;

	if (d->action != POLICY_REJECT)
		return unsure;
	unsure.action = POLICY_TEMPFAIL;
	unsure.reason = DECISION_UNSURE;
	return unsure;
}

struct decision
decide_apart(const struct decision *d)
{
	struct decision apart = *d;

	apart.action = POLICY_TEMPFAIL;
	apart.reason = DECISION_APART;
	return apart;
}

unsigned
decide_would(const struct decision *d,
    const struct policy levels[POLICY_LEVEL_MAX + 1],
    const struct finding *const findings[SCOPE_COUNT])
{
	unsigned level = d->parts[SCOPE_MAILFROM].level;

	if (decision_refuses(d) || d->rule != NULL ||
	    d->reason != DECISION_RESULT)
		return 0;
	while (++level <= POLICY_LEVEL_MAX) {
		struct decision higher = decide(&levels[level], findings);

		if (decision_refuses(&higher))
			return level;
	}
	return 0;
}

/* Tags may be those of a rule. */
bool
decisions_part(const struct decision *a, const struct decision *b)
{
	return a->action != b->action ||
	    (a->action == POLICY_TAG && a->rule != b->rule);
}

bool
decide_helo_rejects(const struct policy *p, const struct finding *helo)
{
	return excused(p, helo) == POLICY_REJECT;
}

bool
decision_refuses(const struct decision *d)
{
	return d->action >= POLICY_TEMPFAIL;
}

bool
decision_can_be_spared(const struct decision *d)
{
	return decision_refuses(d) || (d->action == POLICY_QUARANTINE &&
	    d->parts[d->scope].excuse == EXCUSE_RELAY);
}

bool
decision_is_by_policy(const struct decision *d)
{
	return d->reason == DECISION_RESULT || d->reason == DECISION_UNSURE;
}

enum excuse
decision_excuse(const struct decision *d)
{
	enum excuse e = d->parts[SCOPE_MAILFROM].excuse;

	return e != EXCUSE_NONE ? e : d->parts[SCOPE_HELO].excuse;
}

bool
decision_equals(const struct decision *a, const struct decision *b)
{
	for (size_t s = 0; s < SCOPE_COUNT; s++)
		if (a->parts[s].action != b->parts[s].action ||
		    a->parts[s].level != b->parts[s].level ||
		    a->parts[s].excuse != b->parts[s].excuse)
			return false;
	return a->action == b->action && a->reason == b->reason &&
	    a->scope == b->scope && a->rule == b->rule;
}
