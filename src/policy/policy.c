/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's will.  One table says what each level does with each result;
 * a policy is a table for each identity, a column of it unless the operator
 * has written something else.
 *
 * The levels are those of qmail's SPF patch, so that an administrator who
 * comes from there finds the numbers unchanged.  One thing differs for HELO:
 * RFC 7208 s2.3 lets it decide by a conclusive result only, so a host name
 * that cannot be looked up defers no mail whose MAIL FROM is in order.  MAIL
 * FROM:<>, whose identity is postmaster@HELO, is not HELO's to decide.
 */

#include "config.h"

#include "policy/policy.h"

#include <assert.h>
#include <stddef.h>

#define SKIP POLICY_SKIP
#define PASS POLICY_ACCEPT
#define TEMP POLICY_TEMPFAIL
#define DENY POLICY_REJECT

static const enum policy_action levels[RESULT_COUNT][POLICY_LEVEL_MAX + 1] = {
	/*                         0     1     2     3     4     5     6 */
	[RESULT_NONE]      = { SKIP, PASS, PASS, PASS, PASS, PASS, DENY },
	[RESULT_NEUTRAL]   = { SKIP, PASS, PASS, PASS, PASS, DENY, DENY },
	[RESULT_PASS]      = { SKIP, PASS, PASS, PASS, PASS, PASS, PASS },
	[RESULT_FAIL]      = { SKIP, PASS, PASS, DENY, DENY, DENY, DENY },
	[RESULT_SOFTFAIL]  = { SKIP, PASS, PASS, PASS, DENY, DENY, DENY },
	[RESULT_TEMPERROR] = { SKIP, PASS, TEMP, TEMP, TEMP, TEMP, TEMP },
	[RESULT_PERMERROR] = { SKIP, PASS, PASS, PASS, PASS, PASS, DENY },
};

#undef SKIP
#undef PASS
#undef TEMP
#undef DENY

static void
fill_table(struct policy *p, enum policy_table t, unsigned level)
{
	for (size_t r = 0; r < RESULT_COUNT; r++)
		p->action[t][r] = levels[r][level];
}

bool
policy_set_level(struct policy *p, enum scope s, unsigned level)
{
	enum policy_table table = s == SCOPE_HELO ? TABLE_HELO
	    : TABLE_MAILFROM;

	if (level > POLICY_LEVEL_MAX)
		return false;
	fill_table(p, table, level);
	if (s == SCOPE_MAILFROM) {
		fill_table(p, TABLE_NULL_SENDER, level);
		fill_table(p, TABLE_GUESS, level > 0);
	} else if (level > 0) {
		p->action[table][RESULT_TEMPERROR] = POLICY_ACCEPT;
	}
	p->level[s] = level;
	return true;
}

void
policy_raise(struct policy *p, const struct policy *by)
{
	for (size_t t = 0; t < POLICY_TABLE_COUNT; t++)
		for (size_t r = 0; r < RESULT_COUNT; r++)
			if (by->action[t][r] > p->action[t][r])
				p->action[t][r] = by->action[t][r];
}

enum policy_action
policy_decide(const struct policy *p, const struct finding *f)
{
	return p->action[f->table][f->result];
}

bool
policy_is_worse(const struct policy *p, const struct finding *a,
    const struct finding *b)
{
	static const unsigned rank[RESULT_COUNT] = {
		[RESULT_PASS] = 0,
		[RESULT_NONE] = 1,
		[RESULT_NEUTRAL] = 2,
		[RESULT_PERMERROR] = 3,
		[RESULT_TEMPERROR] = 4,
		[RESULT_SOFTFAIL] = 5,
		[RESULT_FAIL] = 6,
	};

	if (policy_decide(p, a) != policy_decide(p, b))
		return policy_decide(p, a) > policy_decide(p, b);
	return rank[a->result] > rank[b->result];
}

bool
policy_checks(const struct policy *p, enum policy_table t)
{
	for (size_t r = 0; r < RESULT_COUNT; r++)
		if (p->action[t][r] != POLICY_SKIP)
			return true;
	return false;
}

bool
policy_can(const struct policy *p, enum policy_action a)
{
	for (size_t t = 0; t < POLICY_TABLE_COUNT; t++)
		for (size_t r = 0; r < RESULT_COUNT; r++)
			if (p->action[t][r] == a)
				return true;
	return false;
}

bool
policy_can_refuse(const struct policy *p)
{
	return policy_can(p, POLICY_TEMPFAIL) || policy_can(p, POLICY_REJECT);
}

const char *
policy_action_name(enum policy_action a)
{
	switch (a) {
	case POLICY_SKIP:
		return "skip";
	case POLICY_ACCEPT:
		return "accept";
	case POLICY_TAG:
		return "tag";
	case POLICY_QUARANTINE:
		return "quarantine";
	case POLICY_TEMPFAIL:
		return "tempfail";
	case POLICY_REJECT:
		return "reject";
	}
	assert(false);
	return NULL;
}

const char *
policy_excuse_name(enum excuse e)
{
	static const char *const names[EXCUSE_COUNT] = {
		[EXCUSE_NONE] = "none",
		[EXCUSE_GRACE] = "grace",
		[EXCUSE_OUTAGE] = "outage",
		[EXCUSE_RELAY] = "relay",
		[EXCUSE_CLIENT] = "client",
		[EXCUSE_FORWARDER] = "forwarder",
	};

	return names[e];
}

const char *
policy_table_name(enum policy_table t)
{
	switch (t) {
	case TABLE_HELO:
		return "helo";
	case TABLE_MAILFROM:
		return "mailfrom";
	case TABLE_NULL_SENDER:
		return "null_sender";
	case TABLE_GUESS:
		return "guess";
	}
	assert(false);
	return NULL;
}

const char *
policy_level_departure(unsigned level)
{
	switch (level) {
	case 4:
		return "level 4 rejects softfail, which RFC 7208 s8.5 says "
		    "should not be rejected for that alone";
	case 5:
		return "level 5 rejects neutral, which RFC 7208 s8.2 says "
		    "must be treated as none, and softfail (s8.5)";
	case 6:
		return "level 6 rejects domains without an SPF record, which "
		    "RFC 7208 s8.1 gives no reason to, and softfail (s8.5)";
	default:
		return NULL;
	}
}
