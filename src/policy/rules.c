/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Most rules are for other mail.  So each has the marks of one list of its
 * own, and those of the message are looked at first; of a thousand rules few
 * are left, and of these only the conditions that they have are asked.
 *
 * A condition is a function and a row: of a case it says that it holds, that
 * it does not, or what it needs to know first.  The rows stand in the order
 * of their cost, and one that does not hold ends the asking, so a rule looks
 * nothing up for mail that it cannot be meant for.  A recipient is waited for
 * before anything is looked up.
 */

#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "policy/list.h"
#include "policy/rules.h"
#include "spf/subject.h"

#define HOLDS 0u
#define FAILS (~0u)
/* Else RULES_NEED_*. */

#define MECHANISM_SIZE 12	/* of its name */

static unsigned
says(bool holds)
{
	return holds ? HOLDS : FAILS;
}

/* Either of two texts; case is no difference, as in list.h. */
static bool
meets(const struct rule_words *w, const char *a, const char *b)
{
	bool listed = false;
	bool all_exclude = true;

	for (size_t i = 0; i < w->count; i++) {
		bool excludes = w->list[i][0] == '!';
		const char *word = w->list[i] + excludes;
		bool same = util_eq_nocase(word, a) || util_eq_nocase(word, b);

		if (same && excludes)
			return false;
		listed = listed || same;
		all_exclude = all_exclude && excludes;
	}
	return listed || all_exclude;
}

static bool
lists(const struct list *l, const char *text)
{
	return list_match(l, &(struct list_key){ .text = text });
}

bool
rule_takes_strangers(const struct rule *r)
{
	return r->authenticated.count == 0 ||
	    meets(&r->authenticated, "false", "false");
}

/* The conditions. */

static unsigned
ask_expires(const struct rule *r, const struct rules_case *c)
{
	return says(c->now_s < r->expires_s);
}

static unsigned
ask_client(const struct rule *r, const struct rules_case *c)
{
	const struct addr *client = &c->who->client;

	if (r->by_level)
		return says(list_behavior(r->client, client) >= 0);
	return says(r->client == NULL ||
	    list_match(r->client, &(struct list_key){ .client = client }));
}

static unsigned
ask_authenticated(const struct rule *r, const struct rules_case *c)
{
	const char *user = c->who->auth_user;
	const char *word = c->who->authenticated ? "true" : "false";

	return says(meets(&r->authenticated, word, user[0] != '\0' ? user
	    : word));
}

static unsigned
ask_daemon(const struct rule *r, const struct rules_case *c)
{
	return says(meets(&r->daemon, c->who->daemon, c->who->daemon));
}

static unsigned
ask_port(const struct rule *r, const struct rules_case *c)
{
	return says(meets(&r->port, c->who->port, c->who->port));
}

static unsigned
ask_helo(const struct rule *r, const struct rules_case *c)
{
	return says(r->helo == NULL || lists(r->helo, c->who->helo->lookup));
}

static unsigned
ask_sender(const struct rule *r, const struct rules_case *c)
{
	bool all = true;

	for (size_t i = 0; r->sender != NULL && i < c->who->sender_count; i++)
		all = all && lists(r->sender,
		    identity_field_path(&c->who->senders[i]));
	return says(all);
}

static unsigned
ask_recipient(const struct rule *r, const struct rules_case *c)
{
	if (r->recipient == NULL)
		return HOLDS;
	if ((c->lacks & RULES_NEED_RECIPIENT) != 0)
		return RULES_NEED_RECIPIENT;
	return says(lists(r->recipient, c->recipient));
}

static unsigned
ask_client_name(const struct rule *r, const struct rules_case *c)
{
	if (r->client_name == NULL)
		return HOLDS;
	for (size_t i = 0; i < c->name_count; i++)
		if (lists(r->client_name, c->names[i]))
			return HOLDS;
	return (c->lacks & RULES_NEED_NAMES) != 0 ? RULES_NEED_NAMES : FAILS;
}

static unsigned
ask_passes(const struct rule *r, const struct rules_case *c)
{
	if (r->passes == 0 || (r->passes & c->passes) != 0)
		return HOLDS;
	return (r->passes & ~c->judged) != 0 ? RULES_NEED_PASSES : FAILS;
}

static unsigned
ask_result(const struct rule *r, const struct rules_case *c)
{
	const struct finding *f = c->findings[r->scope];

	if (r->result.count == 0)
		return HOLDS;
	if ((c->lacks & RULES_NEED_FINDINGS) != 0)
		return RULES_NEED_FINDINGS;
	return says(f != NULL && meets(&r->result, result_name(f->result),
	    result_name(f->result)));
}

/* "ip4" of "-ip4:192.0.2.0/24"; "" of "". */
static void
name_mechanism(const char *term, char out[MECHANISM_SIZE])
{
	const char *name = term + (term[0] != '\0' &&
	    strchr("+-~?", term[0]) != NULL);
	size_t len = strcspn(name, ":/=");

	if (len >= MECHANISM_SIZE)
		len = 0;
	memcpy(out, name, len);
	out[len] = '\0';
}

static unsigned
ask_mechanism(const struct rule *r, const struct rules_case *c)
{
	const struct finding *f = c->findings[r->scope];
	char name[MECHANISM_SIZE];

	if (r->mechanism.count == 0)
		return HOLDS;
	if ((c->lacks & RULES_NEED_FINDINGS) != 0)
		return RULES_NEED_FINDINGS;
	if (f == NULL)
		return FAILS;
	name_mechanism(f->mechanism, name);
	return says(meets(&r->mechanism, name, name));
}

static unsigned
ask_record(const struct rule *r, const struct rules_case *c)
{
	const struct finding *f = c->findings[r->scope];

	if (!r->wide_open)
		return HOLDS;
	if ((c->lacks & RULES_NEED_FINDINGS) != 0)
		return RULES_NEED_FINDINGS;
	return says(f != NULL && f->wide_open);
}

static const struct condition {
	const char	*name;
	unsigned	(*ask)(const struct rule *r,
			    const struct rules_case *c);
} conditions[] = {
	{ "expires", ask_expires },
	{ "authenticated", ask_authenticated },
	{ "daemon", ask_daemon },
	{ "port", ask_port },
	{ "client", ask_client },
	{ "sender", ask_sender },
	{ "helo", ask_helo },
	{ "recipient", ask_recipient },
	{ "client_name", ask_client_name },
	{ "spf_pass_for", ask_passes },
	{ "result", ask_result },
	{ "mechanism", ask_mechanism },
	{ "record", ask_record },
};
#define CONDITION_COUNT (sizeof(conditions) / sizeof(conditions[0]))

/* Rules. */

/* Bits of those that r has. */
static unsigned
conditions_of(const struct rule *r)
{
	const bool has[] = {
		r->expires_s != INT64_MAX, r->authenticated.count > 0,
		r->daemon.count > 0, r->port.count > 0, r->client != NULL,
		r->sender != NULL, r->helo != NULL, r->recipient != NULL,
		r->client_name != NULL, r->passes != 0, r->result.count > 0,
		r->mechanism.count > 0, r->wide_open,
	};
	unsigned bits = 0;

	_Static_assert(sizeof(has) == CONDITION_COUNT * sizeof(bool),
	    "in the order of the rows");
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		bits |= (unsigned)has[i] << i;
	return bits;
}

/*
 * Of the conditions of those bits: HOLDS, FAILS, or all that r needs and can
 * be found out now.
 */
static unsigned
ask(const struct rule *r, unsigned bits, const struct rules_case *c)
{
	unsigned needs = HOLDS;

	for (; bits != 0; bits &= bits - 1) {
		unsigned said = conditions[ffs((int)bits) - 1].ask(r, c);

		if (said == FAILS || said == RULES_NEED_RECIPIENT)
			return said;
		needs |= said;
	}
	return needs;
}

static const struct policy *
policy_of(const struct rule *r, const struct rules_case *c)
{
	int level = r->by_level ?
	    list_behavior(r->client, &c->who->client) : -1;

	/* The list may have changed since the rule held. */
	return level >= 0 ? &r->policy[level] : r->policy;
}

/* The scope that r asks about is checked, whatever its policies say. */
static void
raise_by(struct policy *p, const struct rule *r)
{
	struct policy least = { .level = { 0, 0 } };

	for (size_t i = 0; i < (r->by_level ? POLICY_LEVEL_MAX + 1 : 1); i++)
		policy_raise(p, &r->policy[i]);
	if (r->result.count == 0 && r->mechanism.count == 0 && !r->wide_open)
		return;
	policy_set_level(&least, r->scope, 1);
	policy_raise(p, &least);
}

static bool
adds(const struct rules *rs, const struct rule *r)
{
	struct policy p = *rs->standard;

	raise_by(&p, r);
	return memcmp(p.action, rs->standard->action, sizeof(p.action)) != 0;
}

static void
set_marks(struct rules *rs)
{
	rs->marks = rs->count > 0 ? xcalloc(rs->count, sizeof(*rs->marks))
	    : NULL;
	for (size_t i = 0; i < rs->count; i++) {
		const struct rule *r = &rs->list[i];
		const struct list *const lists[] = { r->client, r->sender,
			r->helo, r->recipient };
		struct rule_mark *m = &rs->marks[i];

		m->conditions = conditions_of(r);
		m->gate = RULE_GATE_CLIENT;
		while (m->gate < RULE_GATE_NONE && lists[m->gate] == NULL)
			m->gate++;
		memset(&m->marks, 0xff, sizeof(m->marks));
		if (m->gate < RULE_GATE_NONE)
			list_marks(lists[m->gate], &m->marks);
		m->adds = adds(rs, r);
	}
}

void
rules_seal(struct rules *rs)
{
	rs->most = *rs->standard;
	for (size_t i = 0; i < rs->count; i++) {
		const struct rule *r = &rs->list[i];

		raise_by(&rs->most, r);
		rs->asks_recipient |= r->recipient != NULL;
		rs->asks_daemon |= r->daemon.count > 0 || r->port.count > 0;
		rs->checks_as |= r->check_as.family != AF_UNSPEC;
	}
	set_marks(rs);
}

/* Marks of a message for each gate that it has reached, all bits elsewhere. */
struct gates {
	struct list_marks of[RULE_GATE_NONE + 1];
};

static void
mark_text(struct list_marks *m, enum list_kind k, const char *text)
{
	list_key_marks(k, &(struct list_key){ .text = text }, m);
}

static void
open_gates(struct gates *g, const struct rules_case *c)
{
	const struct subject *who = c->who;

	memset(g, 0xff, sizeof(*g));
	if (who->client.family != AF_UNSPEC)
		list_key_marks(LIST_CLIENT, &(struct list_key){
		    .client = &who->client }, &g->of[RULE_GATE_CLIENT]);
	if (who->sender_count > 0)
		mark_text(&g->of[RULE_GATE_SENDER], LIST_ADDRESS,
		    identity_field_path(&who->senders[0]));
	mark_text(&g->of[RULE_GATE_HELO], LIST_NAME, who->helo->lookup);
	if ((c->lacks & RULES_NEED_RECIPIENT) == 0)
		mark_text(&g->of[RULE_GATE_RECIPIENT], LIST_ADDRESS,
		    c->recipient);
}

/* The first rule from i on that is not for other mail. */
static size_t
pass_over(const struct rules *rs, size_t i, const struct gates *g)
{
	while (i < rs->count && !list_marks_meet(&rs->marks[i].marks,
	    &g->of[rs->marks[i].gate]))
		i++;
	return i;
}

struct addr
rules_check_as(const struct rules *rs, const struct rules_case *c)
{
	for (size_t i = 0; rs->checks_as && i < rs->count; i++) {
		const struct rule *r = &rs->list[i];

		if (r->check_as.family != AF_UNSPEC &&
		    rule_failure(r, c) == NULL)
			return r->check_as;
	}
	return (struct addr){ .family = AF_UNSPEC };
}

struct rules_found
rules_find(const struct rules *rs, const struct rules_case *c,
    struct policy *merged)
{
	struct rules_found found = { .policy = rs->standard };
	struct gates gates;
	bool usual = false;

	if (rs->count == 0)
		return found;
	memset(merged, 0, sizeof(*merged));
	open_gates(&gates, c);
	for (size_t i = pass_over(rs, 0, &gates); i < rs->count;
	    i = pass_over(rs, i + 1, &gates)) {
		const struct rule *r = &rs->list[i];
		unsigned said = ask(r, rs->marks[i].conditions, c);

		if (said == FAILS)
			continue;
		if (said == HOLDS) {
			found.rule = r;
			found.policy = policy_of(r, c);
			break;
		}
		found.needs |= said;
		if ((said & RULES_NEED_PASSES) != 0)
			found.passes |= r->passes;
		if (rs->marks[i].adds)
			raise_by(merged, r);
		else
			usual = true;
	}
	policy_raise(merged, found.policy);
	if (usual)
		policy_raise(merged, rs->standard);
	return found;
}

const char *
rule_failure(const struct rule *r, const struct rules_case *c)
{
	const char *open = NULL;

	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		unsigned said = conditions[i].ask(r, c);

		if (said == FAILS)
			return conditions[i].name;
		if (said != HOLDS && open == NULL)
			open = conditions[i].name;
	}
	return open;
}
