/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections rule, compiled; and those among them that are worth a look. */

#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/conf_priv.h"
#include "policy/rules.h"

#define DOMAINS_MAX 10		/* of one rule: each is an evaluation */

/* Policies. */

static bool
is_about(const struct conf_rule *r, enum policy_table t)
{
	switch (r->identity) {
	case CONF_IDENTITY_ANY:
		return true;
	case CONF_IDENTITY_HELO:
		return t == TABLE_HELO;
	case CONF_IDENTITY_MAILFROM:
		return t != TABLE_HELO;
	}
	assert(false);
	return true;
}

/*
 * Guesses keep the standard, but where nothing is looked up, and where no mail
 * is ever refused.
 */
static void
set_level(struct policy *p, const struct conf *c, const struct conf_rule *r,
    unsigned level)
{
	unsigned helo = level < c->behavior_helo ? level : c->behavior_helo;
	struct policy of = *p;

	policy_set_level(&of, SCOPE_MAILFROM, level);
	policy_set_level(&of, SCOPE_HELO, helo);
	for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++)
		if (is_about(r, (enum policy_table)t) &&
		    (t != TABLE_GUESS || level <= 1))
			memcpy(p->action[t], of.action[t],
			    sizeof(p->action[t]));
	if (is_about(r, TABLE_HELO))
		p->level[SCOPE_HELO] = helo;
	if (is_about(r, TABLE_MAILFROM))
		p->level[SCOPE_MAILFROM] = level;
}

/*
 * What a section policy may not say: then the nearest that it may.  Guesses
 * are refused only where such a section says so.
 */
static enum policy_action
bounded(enum policy_action a, enum policy_table t, enum result r)
{
	if (r == RESULT_PASS && a > POLICY_QUARANTINE)
		return POLICY_ACCEPT;
	if (t == TABLE_GUESS && a > POLICY_QUARANTINE)
		return POLICY_QUARANTINE;
	return r == RESULT_TEMPERROR && a > POLICY_TEMPFAIL ? POLICY_TEMPFAIL
	    : a;
}

/* A rule that is not about HELO makes nothing worse for it. */
static enum policy_action
action_for(const struct conf_rule *r, enum policy_table t, enum result result,
    enum policy_action standard)
{
	int set = r->policy.action[result] != 0 ? r->policy.action[result]
	    : r->action;
	enum policy_action a = (enum policy_action)(set - 1);

	if (set == 0 || !is_about(r, t) || (t == TABLE_HELO &&
	    r->identity != CONF_IDENTITY_HELO && a > standard))
		return standard;
	return bounded(a, t, result);
}

static void
set_actions(struct policy *p, const struct conf_rule *r)
{
	for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++)
		for (unsigned i = 0; i < RESULT_COUNT; i++)
			p->action[t][i] = action_for(r, (enum policy_table)t,
			    (enum result)i, p->action[t][i]);
}

static void
make_policies(const struct conf *c, struct conf_rule *r)
{
	bool from_list = r->behavior == CONF_BEHAVIOR_LIST;
	unsigned count = from_list ? POLICY_LEVEL_MAX + 1 : 1;

	for (unsigned i = 0; i < count; i++) {
		r->made[i] = c->policy;
		if (r->behavior != 0)
			set_level(&r->made[i], c, r, from_list ? i :
			    (unsigned)r->behavior - 1);
		set_actions(&r->made[i], r);
	}
}

/* Rules. */

/* A bit in the mask of domains that clients are asked to pass for. */
static bool
add_domain(struct conf *c, const char *domain, uint64_t *mask)
{
	size_t i = 0;

	while (i < c->pass_domain_count &&
	    !util_eq_nocase(c->pass_domains[i], domain))
		i++;
	if (i == RULES_DOMAINS_MAX)
		return false;
	if (i == c->pass_domain_count)
		c->pass_domains[c->pass_domain_count++] = domain;
	*mask |= UINT64_C(1) << i;
	return true;
}

/*
 * The mask of domains that a client may have to pass for, as in rules_case.
 * False: there are too many.
 */
static bool
pass_mask(struct conf *c, const struct conf_texts *domains, uint64_t *mask,
    char problem[CONF_PROBLEM_SIZE])
{
	if (domains->count > DOMAINS_MAX) {
		snprintf(problem, CONF_PROBLEM_SIZE, "spf_pass_for has more "
		    "than %d domains", DOMAINS_MAX);
		return false;
	}
	for (size_t i = 0; i < domains->count; i++)
		if (!add_domain(c, domains->list[i], mask)) {
			snprintf(problem, CONF_PROBLEM_SIZE, "all spf_pass_for "
			    "together have more than %d domains",
			    RULES_DOMAINS_MAX);
			return false;
		}
	return true;
}

/* All its conditions are known at MAIL FROM, without asking the DNS. */
static bool
is_plain(const struct conf_rule *r)
{
	return r->recipient == NULL && r->client_name == NULL &&
	    r->spf_pass_for.count == 0 && r->result.count == 0 &&
	    r->mechanism.count == 0 && r->record == 0;
}

static bool
has_cdb(const struct list *l)
{
	static const char type[] = "cdb:";

	for (size_t i = 0; l != NULL && i < list_count(l); i++)
		if (strncmp(list_element(l, i), type, sizeof(type) - 1) == 0)
			return true;
	return false;
}

static bool
has_address(const struct list *l)
{
	struct addr a;

	for (size_t i = 0; l != NULL && i < list_count(l); i++) {
		const char *name = list_element(l, i);

		if (addr_parse(&a, name + (name[0] == '!')))
			return true;
	}
	return false;
}

static bool
are_ports(const struct conf_texts *t)
{
	uint64_t port;

	for (size_t i = 0; i < t->count; i++) {
		const char *text = t->list[i] + (t->list[i][0] == '!');

		if (!util_parse_uint(text, strlen(text), 65535, &port))
			return false;
	}
	return true;
}

/* "yes" for true is what other options take. */
static bool
has_boolean_user(const struct conf_texts *t)
{
	static const char *const words[] = { "yes", "no", "on", "off" };

	for (size_t i = 0; i < t->count; i++)
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			if (util_eq_nocase(t->list[i], words[j]))
				return true;
	return false;
}

static const char *
wrong_with(const struct conf *c, const struct conf_rule *r)
{
	if (r->behavior != 0 && r->action != 0)
		return "behavior and action exclude each other";
	if (r->behavior == CONF_BEHAVIOR_LIST && !has_cdb(r->client))
		return "behavior = \"from-list\" wants a list of tcprules: "
		    "client = \"cdb:/...\"";
	if (!are_ports(&r->port))
		return "port has numbers such as 25 or 587";
	if (has_boolean_user(&r->authenticated))
		return "authenticated has true, false, or names of users; yes "
		    "and no, on and off are none of them";
	if (has_address(r->client_name))
		return "client_name has names; addresses go to client";
	if (r->recipient != NULL && c->reject_at == CONF_STAGE_MAIL)
		return "the recipient is not known yet where reject_at is "
		    "\"mail\"; allowed: rcpt or eom";
	if (r->tag != NULL && !conf_has_tag(c, r->tag))
		return "its tag is the name of no section tag";
	if (r->check_as.family != AF_UNSPEC && !is_plain(r))
		return "check_as goes with what is known before the check: "
		    "client, helo, sender, authenticated, daemon, port";
	return NULL;
}

static struct rule_words
words(const struct conf_texts *t)
{
	return (struct rule_words){ (const char *const *)t->list, t->count };
}

static struct rule
make_rule(const struct conf_item *item)
{
	const struct conf_rule *r = item->values;

	return (struct rule){
		.name = item->title,
		.expires_s = r->expires_s != 0 ? r->expires_s : INT64_MAX,
		.client = r->client,
		.client_name = r->client_name,
		.helo = r->helo,
		.sender = r->sender,
		.recipient = r->recipient,
		.authenticated = words(&r->authenticated),
		.daemon = words(&r->daemon),
		.port = words(&r->port),
		.scope = r->identity == CONF_IDENTITY_HELO ? SCOPE_HELO
		    : SCOPE_MAILFROM,
		.result = words(&r->result),
		.mechanism = words(&r->mechanism),
		.wide_open = r->record != 0,
		.check_as = r->check_as,
		.policy = &r->made[0],
		.by_level = r->behavior == CONF_BEHAVIOR_LIST,
		.tag = r->tag,
	};
}

static void
complement(const struct conf_rule *r)
{
	struct list *const lists[] = { r->client, r->client_name, r->helo,
		r->sender, r->recipient };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i] != NULL)
			list_complement(lists[i]);
}

static void
add_rule(struct rules *all, const struct rule *r)
{
	all->list = xreallocarray(all->list, all->count + 1,
	    sizeof(*all->list));
	all->list[all->count++] = *r;
}

bool
conf_check_rule(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	struct conf_rule *values = item->values;
	const char *wrong = wrong_with(c, values);
	struct rule r = make_rule(item);

	if (wrong != NULL) {
		util_copy(problem, CONF_PROBLEM_SIZE, wrong);
		return false;
	}
	if (!pass_mask(c, &values->spf_pass_for, &r.passes, problem))
		return false;
	complement(values);
	make_policies(c, values);
	add_rule(&c->rules, &r);
	return true;
}

bool
conf_check_forwarder(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct conf_forwarder *f = item->values;
	struct rule r = {
		.name = item->title,
		.expires_s = INT64_MAX,
		.client = f->client,
		.client_name = f->client_name,
		.policy = &c->policy,
	};

	if (f->client == NULL && f->client_name == NULL &&
	    f->spf_pass_for.count == 0) {
		util_copy(problem, CONF_PROBLEM_SIZE, "nothing says which "
		    "clients it is: client, client_name or spf_pass_for is "
		    "wanted");
		return false;
	}
	if (!pass_mask(c, &f->spf_pass_for, &r.passes, problem))
		return false;
	add_rule(&c->forwarder_rules, &r);
	return true;
}

/* What is worth a look. */

static void note(struct diag *d, const struct conf_item *item,
    const char *fmt, ...) UTIL_PRINTF(3, 4);

static void
note(struct diag *d, const struct conf_item *item, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	diag_add(d, item->file, item->line, "rule \"%s\" %s",
	    item->title, message);
}

/* Every list of clients, names and addresses that a rule may have. */
#define LIST_COUNT 5
struct lists {
	const struct list *of[LIST_COUNT];
};

static struct lists
lists_of(const struct rule *r)
{
	return (struct lists){ { r->client, r->client_name, r->helo,
	    r->sender, r->recipient } };
}

static bool
has_element(const struct list *l, const char *element)
{
	for (size_t i = 0; i < list_count(l); i++)
		if (util_eq_nocase(list_element(l, i), element))
			return true;
	return false;
}

/* Is a client of this network always one of l?  Exclusions are looked for. */
static bool
has_network(const struct list *l, const char *element)
{
	struct addr_prefix p;

	if (!addr_prefix_parse(&p, element))
		return false;

	int bits = list_longest(l, &p.addr);

	return bits >= 0 && bits <= (int)p.len;
}

/* Then all the rest is in it. */
static bool
only_excludes(const struct list *l)
{
	for (size_t i = 0; i < list_count(l); i++)
		if (list_element(l, i)[0] != '!')
			return false;
	return true;
}

static bool
is_empty(const struct list *l)
{
	for (size_t i = 0; i < list_count(l); i++)
		if (list_element(l, i)[0] != '!' && list_entries(l, i) > 0)
			return false;
	return !only_excludes(l);
}

static bool
words_only_exclude(const struct rule_words *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->list[i][0] != '!')
			return false;
	return true;
}

static bool
has_word(const struct rule_words *w, const char *word)
{
	for (size_t i = 0; i < w->count; i++)
		if (util_eq_nocase(w->list[i], word))
			return true;
	return false;
}

/* All that b holds for a holds for, as far as their texts tell. */
static bool
list_covers(const struct list *a, const struct list *b, bool clients)
{
	bool rest = a != NULL && only_excludes(a);

	if (a == NULL || b == NULL)
		return a == NULL;
	if (only_excludes(b) && !rest)
		return false;
	for (size_t i = 0; i < list_count(a); i++)
		if (list_element(a, i)[0] == '!' &&
		    !has_element(b, list_element(a, i)))
			return false;
	for (size_t i = 0; i < list_count(b) && !rest; i++) {
		const char *element = list_element(b, i);

		if (!has_element(a, element) && element[0] != '!' &&
		    !(clients && has_network(a, element)))
			return false;
	}
	return true;
}

static bool
words_cover(const struct rule_words *a, const struct rule_words *b)
{
	bool rest = words_only_exclude(a);

	if (a->count == 0 || b->count == 0)
		return a->count == 0;
	if (words_only_exclude(b) && !rest)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i][0] == '!' && !has_word(b, a->list[i]))
			return false;
	for (size_t i = 0; i < b->count && !rest; i++)
		if (b->list[i][0] != '!' && !has_word(a, b->list[i]))
			return false;
	return true;
}

static bool
rule_covers(const struct rule *a, const struct rule *b)
{
	const struct rule_words *const words_a[] = { &a->authenticated,
		&a->daemon, &a->port, &a->result, &a->mechanism };
	const struct rule_words *const words_b[] = { &b->authenticated,
		&b->daemon, &b->port, &b->result, &b->mechanism };
	struct lists lists_a = lists_of(a);
	struct lists lists_b = lists_of(b);

	if (a->by_level || (a->wide_open && !b->wide_open) ||
	    a->scope != b->scope || a->expires_s < b->expires_s ||
	    (a->passes != 0 &&
	    (b->passes == 0 || (b->passes & ~a->passes) != 0)))
		return false;
	for (size_t i = 0; i < sizeof(words_a) / sizeof(words_a[0]); i++)
		if (!words_cover(words_a[i], words_b[i]))
			return false;
	for (size_t i = 0; i < LIST_COUNT; i++)
		if (!list_covers(lists_a.of[i], lists_b.of[i], i == 0))
			return false;
	return true;
}

/* No rule is tried for who is not checked. */
static void
note_trusted(struct conf *c, const struct conf_item *item,
    const struct rule *r)
{
	if (r->check_as.family != AF_UNSPEC)
		return;
	if (c->trust_authenticated && !rule_takes_strangers(r))
		note(&c->notes, item, "never holds: trust_authenticated lets "
		    "all through that it is for");
	if (r->client != NULL && !only_excludes(r->client) &&
	    list_covers(c->trusted_networks, r->client, true))
		note(&c->notes, item, "never holds: trusted_networks has all "
		    "clients that it is for");
}

static void
note_tag(struct conf *c, const struct conf_item *item, const struct rule *r)
{
	size_t count = r->by_level ? POLICY_LEVEL_MAX + 1 : 1;
	bool tags = r->tag == NULL;

	for (size_t i = 0; i < count; i++)
		tags = tags || policy_can(&r->policy[i], POLICY_TAG);
	if (!tags)
		note(&c->notes, item, "has a tag that means nothing: no "
		    "action in it is \"tag\"");
}

static void
note_never(struct conf *c, const struct conf_item *item, size_t index,
    int64_t now_s)
{
	const struct rule *r = &c->rules.list[index];
	struct lists lists = lists_of(r);

	for (size_t i = 0; i < LIST_COUNT; i++)
		if (lists.of[i] != NULL && is_empty(lists.of[i]))
			note(&c->notes, item, "never holds: a list of it has "
			    "no entry");
	note_trusted(c, item, r);
	for (size_t i = 0; i < index; i++)
		if (c->rules.list[i].expires_s > now_s &&
		    rule_covers(&c->rules.list[i], r)) {
			note(&c->notes, item, "never holds: rule \"%s\" "
			    "before it holds wherever it would",
			    c->rules.list[i].name);
			return;
		}
}

/* Results for which r does less than is done without it, up to most. */
static bool
is_exception_of(const struct conf *c, const struct rule *r,
    enum policy_table t, enum policy_action most)
{
	const enum policy_action *with = r->policy->action[t];
	const enum policy_action *without = c->policy.action[t];

	for (size_t i = 0; i < RESULT_COUNT; i++)
		if (i != RESULT_PASS && with[i] < without[i] &&
		    without[i] > POLICY_ACCEPT && without[i] <= most)
			return true;
	return false;
}

static bool
is_exception(const struct conf *c, const struct rule *r,
    enum policy_action most)
{
	return is_exception_of(c, r, TABLE_MAILFROM, most) ||
	    is_exception_of(c, r, TABLE_NULL_SENDER, most);
}

/* Whoever sends mail chooses its sender and HELO, and may add recipients. */
static void
note_hole(struct conf *c, const struct conf_item *item, const struct rule *r)
{
	bool by_sender = r->sender != NULL || r->helo != NULL;
	bool by_client = r->client != NULL || r->client_name != NULL ||
	    r->passes != 0 || !rule_takes_strangers(r);

	/* What concerns the whole message, see weigh() in session.c. */
	enum policy_action whole = c->reject_at == CONF_STAGE_END ?
	    POLICY_REJECT : POLICY_QUARANTINE;

	if (by_client)
		return;
	if (by_sender && is_exception(c, r, POLICY_REJECT))
		note(&c->notes, item, "can be used by forgers: it lets "
		    "through what anybody may claim to send; add client, "
		    "client_name, spf_pass_for or authenticated");
	else if (r->recipient != NULL &&
	    c->mixed_recipients != CONF_MIXED_SPLIT &&
	    is_exception(c, r, whole))
		note(&c->notes, item, "can be used by forgers: what it does "
		    "counts for all recipients of a message, to which anybody "
		    "can add one of these; mixed_recipients = \"split\" keeps "
		    "them apart");
}

/* The address that it counts as is one that our own record passes. */
static void
note_disguise(struct conf *c, const struct conf_item *item,
    const struct rule *r)
{
	if (r->check_as.family != AF_UNSPEC && r->client == NULL &&
	    rule_takes_strangers(r) && r->daemon.count == 0 &&
	    r->port.count == 0)
		note(&c->notes, item, "can be used by forgers: strangers are "
		    "checked as ourselves, too; add client, authenticated, "
		    "daemon or port");
}

bool
conf_expired(const struct conf *c, int64_t now_s, struct diag *d)
{
	bool any = false;

	for (size_t i = 0; i < c->rules.count; i++) {
		int64_t expires_s = c->rules.list[i].expires_s;

		any = any || expires_s != INT64_MAX;
		if (d != NULL && expires_s <= now_s)
			note(d, &c->rule_sections.list[i], "has expired and "
			    "does nothing");
	}
	return any;
}

void
conf_note_rules(struct conf *c)
{
	int64_t now_s = time(NULL);

	(void)conf_expired(c, now_s, &c->notes);
	for (size_t i = 0; i < c->rules.count; i++) {
		const struct conf_item *item = &c->rule_sections.list[i];

		note_never(c, item, i, now_s);
		note_hole(c, item, &c->rules.list[i]);
		note_tag(c, item, &c->rules.list[i]);
		note_disguise(c, item, &c->rules.list[i]);
	}
}
