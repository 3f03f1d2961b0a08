/* SPDX-License-Identifier: BSD-2-Clause */
/* What the options of a section come to together. */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_priv.h"
#include "policy/reply.h"

#define HELO_DEFAULT_MAX 3	/* RFC 7208 does not ask for more */

unsigned
conf_default_helo(const struct conf *c, unsigned behavior)
{
	if (!c->check_helo)
		return 0;
	return behavior < HELO_DEFAULT_MAX ? behavior : HELO_DEFAULT_MAX;
}

bool
conf_check_levels(struct conf *c, const struct conf_item *none,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)none;
	(void)problem;

	bool follows = !c->check_helo || c->behavior_helo == CONF_LEVEL_UNSET;

	for (unsigned i = 0; i <= POLICY_LEVEL_MAX; i++) {
		struct policy *p = &c->policy_at[i];

		policy_set_level(p, SCOPE_MAILFROM, i);
		policy_set_level(p, SCOPE_HELO, follows ?
		    conf_default_helo(c, i) : c->behavior_helo);
	}
	if (follows)
		c->behavior_helo = conf_default_helo(c, c->behavior);
	c->policy = c->policy_at[c->behavior];
	return true;
}

/* There is one for each title. */
static enum policy_table
table_of(const char *title)
{
	unsigned t = 0;

	while (strcmp(policy_table_name((enum policy_table)t), title) != 0)
		t++;
	return (enum policy_table)t;
}

void
conf_default_policy(const struct conf *c, const struct conf_item *item)
{
	struct conf_policy *values = item->values;
	struct policy p;

	policy_set_level(&p, SCOPE_MAILFROM, c->behavior);
	policy_set_level(&p, SCOPE_HELO, c->behavior_helo);
	for (size_t r = 0; r < RESULT_COUNT; r++)
		values->action[r] = (int)p.action[table_of(item->title)][r] +
		    1;
}

bool
conf_check_policy(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)problem;

	struct conf_policy *values = item->values;
	const struct conf_policy given = *values;
	enum policy_table t = table_of(item->title);

	conf_default_policy(c, item);
	for (size_t r = 0; r < RESULT_COUNT; r++) {
		if (given.action[r] == 0)
			continue;
		enum policy_action a = (enum policy_action)(given.action[r] -
		    1);
		values->action[r] = given.action[r];
		c->policy.action[t][r] = a;
		for (unsigned i = 0; i <= POLICY_LEVEL_MAX; i++)
			c->policy_at[i].action[t][r] = a;
	}
	return true;
}

/*
 * What the section leaves open comes from the built-in reply; where only the
 * class of the code differs from it, its enhanced code follows (RFC 2034 s4:
 * the classes must agree).
 */
static void
complete_reply(struct conf_reply *r, enum result result)
{
	const struct reply_default *d = reply_default(result);

	if (r->code == 0)
		r->code = d->code;
	if (r->enhanced == NULL) {
		r->enhanced = xstrdup(d->enhanced);
		r->enhanced[0] = (char)('0' + r->code / 100);
	}
	if (r->text == NULL)
		r->text = xstrdup(d->text);
}

bool
conf_check_reply(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	struct conf_reply *r = item->values;
	enum result result = RESULT_NONE;

	result_parse(&result, item->title);
	complete_reply(r, result);
	if (result == RESULT_TEMPERROR && r->code >= 500) {
		snprintf(problem, CONF_PROBLEM_SIZE, "code %u would lose mail "
		    "because of a DNS failure; allowed: 400 to 499", r->code);
		return false;
	}
	if ((unsigned)(r->enhanced[0] - '0') != r->code / 100) {
		snprintf(problem, CONF_PROBLEM_SIZE, "enhanced \"%s\" does "
		    "not fit code %u; both must start with the same digit",
		    r->enhanced, r->code);
		return false;
	}
	c->policy.defers[result] = r->code < 500;
	c->replies[result] = reply_compile(r->code, r->enhanced, r->text,
	    problem, CONF_PROBLEM_SIZE);
	return c->replies[result] != NULL;
}

bool
conf_check_relay(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct conf_relay *r = item->values;

	(void)c;
	if (r->client == NULL)
		util_copy(problem, CONF_PROBLEM_SIZE, "client is missing: the "
		    "addresses with which the relay connects to us");
	return r->client != NULL;
}
