/* SPDX-License-Identifier: BSD-2-Clause */
/* rules: each condition, what it needs to know, and the walk over rules. */

#include "unit.h"

#include "base/util.h"
#include "dice.h"
#include "policy/list.h"
#include "policy/rules.h"
#include "spf/subject.h"

#define NOW 1800000000

static const struct policy standard = { .level = { 3, 3 } };
static const struct policy other = { .level = { 1, 1 },
	.action[TABLE_MAILFROM][RESULT_FAIL] = POLICY_TAG };

/* A case whose client, names and senders tests change. */
struct fixture {
	struct identity	 helo;
	struct subject	 who;
	struct rules_case facts;
	struct list	*lists[32];
	size_t		 list_count;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	identity_from_helo(&f->helo, "Mail.Example.NET");
	assert_true(addr_parse(&f->who.client, "192.0.2.1"));
	f->who.helo = &f->helo;
	f->who.auth_user = f->who.daemon = f->who.port = "";
	f->who.sender_count = 1;
	identity_from_mail(&f->who.senders[0], "<u@sub.example.com>",
	    &f->helo);
	f->facts.who = &f->who;
	f->facts.now_s = NOW;
	f->facts.recipient = "post@ours.example";
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->list_count; i++)
		list_free(f->lists[i]);
	identity_fini(&f->who.senders[0]);
	identity_fini(&f->who.senders[1]);
	identity_fini(&f->helo);
	free(f);
	return 0;
}

static void
set_sender(struct fixture *f, size_t i, const char *arg)
{
	identity_fini(&f->who.senders[i]);
	identity_from_mail(&f->who.senders[i], arg, &f->helo);
}

/* Elements with a blank between them. */
static const struct list *
list_of(struct fixture *f, enum list_kind k, const char *elements)
{
	char *copy = xstrdup(elements);
	struct list *l = list_new(k);
	struct diag d;

	for (char *at = copy, *end; at != NULL; at = end) {
		end = strchr(at, ' ');
		if (end != NULL)
			*end++ = '\0';
		assert_null(list_add(l, at));
	}
	list_complement(l);
	diag_init(&d);
	assert_true(list_load(l, &d));
	diag_fini(&d);
	free(copy);
	f->lists[f->list_count++] = l;
	return l;
}

static struct rule
rule(const struct policy *p)
{
	return (struct rule){ .name = "r", .expires_s = INT64_MAX,
		.policy = p, .scope = SCOPE_MAILFROM };
}

static struct rules_found
found_of(struct fixture *f, struct rule *r, size_t n, struct policy *merged)
{
	struct rules rs = { .list = r, .count = n, .standard = &standard };

	rules_seal(&rs);
	struct rules_found found = rules_find(&rs, &f->facts, merged);

	free(rs.marks);
	return found;
}

/* needs: of RULES_NEED_*. */
static void
assert_needs(struct fixture *f, struct rule *r, unsigned needs)
{
	struct policy merged;
	struct rules_found found = found_of(f, r, 1, &merged);

	assert_null(found.rule);
	assert_int_equal(found.needs, needs);
	assert_non_null(rule_failure(r, &f->facts));
}

static void
assert_holds(struct fixture *f, struct rule *r)
{
	struct policy merged;
	struct rules_found found = found_of(f, r, 1, &merged);

	assert_int_equal(found.needs, 0);
	assert_ptr_equal(found.rule, r);
	assert_ptr_equal(found.policy, r->policy);
	assert_null(rule_failure(r, &f->facts));
}

static void
assert_fails(struct fixture *f, struct rule *r, const char *condition)
{
	struct policy merged;
	struct rules_found found = found_of(f, r, 1, &merged);

	assert_null(found.rule);
	assert_int_equal(found.needs, 0);
	assert_ptr_equal(found.policy, &standard);
	assert_string_equal(rule_failure(r, &f->facts), condition);
}

static void
test_rule_without_conditions_holds(void **state)
{
	struct rule r = rule(&other);

	assert_holds(*state, &r);
}

static void
test_rule_holds_through_its_last_second(void **state)
{
	struct rule r = rule(&other);

	r.expires_s = NOW + 1;
	assert_holds(*state, &r);
	r.expires_s = NOW;
	assert_fails(*state, &r, "expires");
}

static void
test_client_is_in_its_list(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);

	r.client = list_of(f, LIST_CLIENT, "192.0.2.0/24 !192.0.2.7");
	assert_holds(f, &r);
	assert_true(addr_parse(&f->who.client, "192.0.2.7"));
	assert_fails(f, &r, "client");
	assert_true(addr_parse(&f->who.client, "198.51.100.1"));
	assert_fails(f, &r, "client");
}

static void
test_list_of_exceptions_holds_for_the_rest(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);

	r.client = list_of(f, LIST_CLIENT, "!192.0.2.0/24");
	assert_fails(f, &r, "client");
	assert_true(addr_parse(&f->who.client, "2001:db8::1"));
	assert_holds(f, &r);
	r.recipient = list_of(f, LIST_ADDRESS, "!postmaster@");
	assert_holds(f, &r);
	f->facts.recipient = "Postmaster@ours.example";
	assert_fails(f, &r, "recipient");
}

static void
test_sender_takes_every_form_of_address(void **state)
{
	static const struct {
		const char *elements;
		const char *sender;
		bool holds;
	} rows[] = {
		{ "sub.example.com", "<u@sub.example.com>", true },
		{ "example.com", "<u@sub.example.com>", false },
		{ ".example.com", "<u@sub.example.com>", true },
		{ ".example.com", "<u@example.com>", false },
		{ "u@sub.example.com", "<U@SUB.example.com>", true },
		{ "v@sub.example.com", "<u@sub.example.com>", false },
		{ "u@", "<u@example.org>", true },
		{ "<>", "<>", true },
		{ "<>", "<u@example.org>", false },
		{ "mail.example.net", "<>", false },
		{ ".example.com !sub.example.com", "<u@sub.example.com>",
		    false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rule r = rule(&other);

		f->list_count = 0;
		r.sender = list_of(f, LIST_ADDRESS, rows[i].elements);
		set_sender(f, 0, rows[i].sender);
		if (rows[i].holds)
			assert_holds(f, &r);
		else
			assert_fails(f, &r, "sender");
		list_free(f->lists[0]);
		f->list_count = 0;
	}
}

/* Which one is delivered is not ours to know. */
static void
test_each_reading_of_a_sender_must_be_meant(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);

	r.sender = list_of(f, LIST_ADDRESS, ".example.com");
	f->who.sender_count = 2;
	set_sender(f, 1, "<u@hidden.example>");
	assert_fails(f, &r, "sender");
	set_sender(f, 1, "<u@www.example.com>");
	assert_holds(f, &r);
}

static void
test_helo_is_a_name(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);

	r.helo = list_of(f, LIST_NAME, ".example.net");
	assert_holds(f, &r);
	r.helo = list_of(f, LIST_NAME, "example.net");
	assert_fails(f, &r, "helo");
}

static void
test_words_include_and_exclude(void **state)
{
	static const char *const any[] = { "true" };
	static const char *const nobody[] = { "false" };
	static const char *const kim[] = { "Kim", "lee" };
	static const char *const not_kim[] = { "true",
		"!kim" };
	static const char *const but_kim[] = { "!kim" };
	const struct {
		struct rule_words words;
		bool holds[3];		/* of nobody, kim and park */
	} rows[] = {
		{ { NULL, 0 }, { true, true, true } },
		{ { any, 1 }, { false, true, true } },
		{ { nobody, 1 }, { true, false, false } },
		{ { kim, 2 }, { false, true, false } },
		{ { not_kim, 2 }, { false, false, true } },
		{ { but_kim, 1 }, { true, false, true } },
	};
	static const char *const users[] = { "", "kim", "park" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rule r = rule(&other);

		r.authenticated = rows[i].words;
		for (size_t j = 0; j < 3; j++) {
			f->who.auth_user = users[j];
			f->who.authenticated = users[j][0] != '\0';
			if (rows[i].holds[j])
				assert_holds(f, &r);
			else
				assert_fails(f, &r, "authenticated");
		}
	}
}

static void
test_daemon_and_port_are_what_the_mta_tells(void **state)
{
	static const char *const names[] = { "MSA" };
	static const char *const ports[] = { "587" };
	struct fixture *f = *state;
	struct rule r = rule(&other);

	r.daemon = (struct rule_words){ names, 1 };
	assert_fails(f, &r, "daemon");
	f->who.daemon = "msa";
	assert_holds(f, &r);
	r.port = (struct rule_words){ ports, 1 };
	assert_fails(f, &r, "port");
	f->who.port = "587";
	assert_holds(f, &r);
}

static void
test_names_are_asked_for_where_the_rest_holds(void **state)
{
	static const char *const names[] = { "a.example.org",
		"mx.example.net" };
	struct fixture *f = *state;
	struct rule r = rule(&other);

	f->facts.lacks = RULES_NEED_NAMES;
	r.client_name = list_of(f, LIST_NAME, ".example.net");
	assert_needs(f, &r, RULES_NEED_NAMES);
	r.client = list_of(f, LIST_CLIENT, "198.51.100.1");
	assert_fails(f, &r, "client");
	r.client = NULL;
	f->facts.names = names;
	f->facts.name_count = 1;
	assert_needs(f, &r, RULES_NEED_NAMES);
	f->facts.lacks = 0;
	assert_fails(f, &r, "client_name");
	f->facts.name_count = 2;
	assert_holds(f, &r);
	f->facts.lacks = RULES_NEED_NAMES;
	assert_holds(f, &r);
}

static void
test_passes_are_asked_for_as_long_as_none_is_there(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);
	struct policy merged;

	r.passes = 6;
	f->facts.judged = 2;
	assert_needs(f, &r, RULES_NEED_PASSES);
	assert_int_equal(found_of(f, &r, 1, &merged).passes, 6);
	f->facts.judged = 6;
	assert_fails(f, &r, "spf_pass_for");
	f->facts.judged = 2;
	f->facts.passes = 2;
	assert_holds(f, &r);
}

static void
test_findings_are_those_of_the_scope(void **state)
{
	static const char *const results[] = { "fail",
		"softfail" };
	static const char *const terms[] = { "ip4" };
	const struct finding fail = { .result = RESULT_FAIL,
		.mechanism = "-all" };
	const struct finding soft = { .result = RESULT_SOFTFAIL,
		.mechanism = "~ip4:192.0.2.0/24", .wide_open = true };
	const struct finding pass = { .result = RESULT_PASS,
		.mechanism = "+all" };
	struct fixture *f = *state;
	struct rule r = rule(&other);

	f->facts.lacks = RULES_NEED_FINDINGS;
	r.result = (struct rule_words){ results, 2 };
	assert_needs(f, &r, RULES_NEED_FINDINGS);
	f->facts.lacks = 0;
	assert_fails(f, &r, "result");
	f->facts.findings[SCOPE_MAILFROM] = &pass;
	f->facts.findings[SCOPE_HELO] = &fail;
	assert_fails(f, &r, "result");
	r.scope = SCOPE_HELO;
	assert_holds(f, &r);
	r.scope = SCOPE_MAILFROM;
	f->facts.findings[SCOPE_MAILFROM] = &soft;
	assert_holds(f, &r);
	r.mechanism = (struct rule_words){ terms, 1 };
	r.wide_open = true;
	assert_holds(f, &r);
	f->facts.findings[SCOPE_MAILFROM] = &fail;
	assert_fails(f, &r, "mechanism");
	r.mechanism.count = 0;
	assert_fails(f, &r, "record");
}

/* Nothing is looked up for a recipient that is not known. */
static void
test_recipient_is_waited_for_first(void **state)
{
	struct fixture *f = *state;
	struct rule r = rule(&other);

	f->facts.lacks = RULES_NEED_RECIPIENT | RULES_NEED_NAMES;
	r.recipient = list_of(f, LIST_ADDRESS, "ours.example");
	r.client_name = list_of(f, LIST_NAME, ".example.net");
	assert_needs(f, &r, RULES_NEED_RECIPIENT);
	f->facts.lacks = RULES_NEED_NAMES;
	assert_needs(f, &r, RULES_NEED_NAMES);
	f->facts.recipient = "post@theirs.example";
	assert_fails(f, &r, "recipient");
}

static void
test_first_rule_that_holds_decides(void **state)
{
	struct fixture *f = *state;
	struct rule rs[3] = { rule(&other), rule(&other), rule(&other) };
	struct policy merged;

	rs[0].expires_s = 0;
	assert_ptr_equal(found_of(f, rs, 3, &merged).rule, &rs[1]);
}

/* Of rules for one sender, client, name or recipient each. */
static void
test_one_of_a_thousand_rules_is_found(void **state)
{
	enum { COUNT = 1000 };
	struct fixture *f = *state;
	struct rule *rs = xcalloc(COUNT, sizeof(*rs));
	struct list **made = xcalloc(COUNT, sizeof(*made));
	struct policy merged;

	for (unsigned i = 0; i < COUNT; i++) {
		char *text = i % 4 == 0 ? xasprintf("10.%u.%u.0/24", i >> 8,
		    i & 255) : xasprintf("d%u.example", i);

		rs[i] = rule(&other);
		made[i] = list_new(i % 4 == 0 ? LIST_CLIENT : i % 4 == 1 ?
		    LIST_NAME : LIST_ADDRESS);
		assert_null(list_add(made[i], text));
		if (i % 4 == 0)
			rs[i].client = made[i];
		else if (i % 4 == 1)
			rs[i].helo = made[i];
		else if (i % 4 == 2)
			rs[i].sender = made[i];
		else
			rs[i].recipient = made[i];
		free(text);
	}
	set_sender(f, 0, "<u@d502.example>");
	f->facts.recipient = "u@d999.example";
	struct diag d;
	diag_init(&d);
	for (unsigned i = 0; i < COUNT; i++)
		assert_true(list_load(made[i], &d));
	assert_ptr_equal(found_of(f, rs, COUNT, &merged).rule, &rs[502]);
	set_sender(f, 0, "<u@d501.example>");
	assert_ptr_equal(found_of(f, rs, COUNT, &merged).rule, &rs[999]);
	assert_true(addr_parse(&f->who.client, "10.2.188.77"));
	assert_ptr_equal(found_of(f, rs, COUNT, &merged).rule, &rs[700]);
	for (unsigned i = 0; i < COUNT; i++)
		list_free(made[i]);
	free(made);
	free(rs);
}

static void
test_merged_policy_does_the_most_of_those_that_may_decide(void **state)
{
	static const struct policy skip = { .level = { 0, 0 } };
	static const struct policy refuse = {
		.action[TABLE_MAILFROM][RESULT_SOFTFAIL] = POLICY_REJECT };
	struct fixture *f = *state;
	struct rule rs[4] = { rule(&other), rule(&refuse), rule(&skip),
		rule(&refuse) };
	struct policy merged;

	f->facts.lacks = RULES_NEED_RECIPIENT;
	rs[0].recipient = list_of(f, LIST_ADDRESS, "ours.example");
	rs[1].client = list_of(f, LIST_CLIENT, "198.51.100.1");
	struct rules_found found = found_of(f, rs, 4, &merged);

	assert_ptr_equal(found.rule, &rs[2]);
	assert_int_equal(found.needs, RULES_NEED_RECIPIENT);
	assert_int_equal(merged.action[TABLE_MAILFROM][RESULT_FAIL],
	    POLICY_TAG);
	assert_int_equal(merged.action[TABLE_MAILFROM][RESULT_SOFTFAIL],
	    POLICY_SKIP);
}

static const char *const clients[] = { "192.0.2.0/24", "192.0.2.1",
	"10.0.0.0/8 2001:db8::/32", "!192.0.2.1", "0.0.0.0/0", "198.51.100.7" };
static const char *const addresses[] = { "example.com", ".example.com",
	"u@sub.example.com", "u@", "<>", "!example.com", "com", ".com",
	"ours.example", "post@ours.example other.example" };
static const char *const helos[] = { "mail.example.net", ".example.net",
	"other.example", "!mail.example.net" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
make_lists(struct fixture *f)
{
	for (size_t i = 0; i < COUNT(clients); i++)
		(void)list_of(f, LIST_CLIENT, clients[i]);
	for (size_t i = 0; i < COUNT(addresses); i++)
		(void)list_of(f, LIST_ADDRESS, addresses[i]);
	for (size_t i = 0; i < COUNT(helos); i++)
		(void)list_of(f, LIST_NAME, helos[i]);
}

/* One of count lists from first on, or in one of three cases none. */
static const struct list *
any_list(struct fixture *f, uint32_t *dice_state, size_t first, size_t count)
{
	return dice(dice_state, 3) == 0 ? NULL :
	    f->lists[first + dice(dice_state, (uint32_t)count)];
}

/* What is passed over by a glance would not have held. */
static void
test_no_rule_that_holds_is_passed_over(void **state)
{
	static const char *const senders[] = { "<u@sub.example.com>",
		"<x@example.com>", "<>", "<U@Other.Example>" };
	static const char *const ports[] = { "25", "587" };
	struct fixture *f = *state;
	uint32_t seed = 7208;

	make_lists(f);
	f->who.port = "587";
	for (unsigned n = 0; n < 4000; n++) {
		struct rule rs[6];
		struct policy merged;
		size_t first = 0;

		set_sender(f, 0, senders[n % COUNT(senders)]);
		for (size_t i = 0; i < COUNT(rs); i++) {
			rs[i] = rule(&other);
			rs[i].client = any_list(f, &seed, 0, COUNT(clients));
			rs[i].sender = any_list(f, &seed, COUNT(clients),
			    COUNT(addresses));
			rs[i].recipient = any_list(f, &seed, COUNT(clients),
			    COUNT(addresses));
			rs[i].helo = any_list(f, &seed, COUNT(clients) +
			    COUNT(addresses), COUNT(helos));
			if (dice(&seed, 3) == 0)
				rs[i].port = (struct rule_words){
					&ports[dice(&seed, 2)], 1 };
			if (dice(&seed, 8) == 0)
				rs[i].expires_s = NOW;
		}
		while (first < COUNT(rs) &&
		    rule_failure(&rs[first], &f->facts) != NULL)
			first++;
		assert_ptr_equal(found_of(f, rs, COUNT(rs), &merged).rule,
		    first < COUNT(rs) ? &rs[first] : NULL);
	}
}

/* A rule by the result wants one, whatever is done with it. */
static void
test_merged_policy_checks_what_a_condition_asks(void **state)
{
	static const struct policy skip = { .level = { 0, 0 } };
	struct fixture *f = *state;
	struct rule r = rule(&skip);
	struct policy merged;

	f->facts.lacks = RULES_NEED_RECIPIENT | RULES_NEED_FINDINGS;
	r.recipient = list_of(f, LIST_ADDRESS, "ours.example");
	r.wide_open = true;
	(void)found_of(f, &r, 1, &merged);
	assert_true(policy_checks(&merged, TABLE_MAILFROM));
	assert_true(policy_checks(&merged, TABLE_NULL_SENDER));
	assert_false(policy_checks(&merged, TABLE_HELO));
}

static void
test_sealed_rules_know_what_they_ask(void **state)
{
	static const char *const names[] = { "MSA" };
	struct fixture *f = *state;
	struct rule r = rule(&other);
	struct rules rs = { .list = &r, .count = 1, .standard = &standard };

	rules_seal(&rs);
	free(rs.marks);
	assert_false(rs.asks_recipient || rs.asks_daemon);
	assert_int_equal(rs.most.action[TABLE_MAILFROM][RESULT_FAIL],
	    POLICY_TAG);
	r.recipient = list_of(f, LIST_ADDRESS, "ours.example");
	r.port = (struct rule_words){ names, 1 };
	rules_seal(&rs);
	free(rs.marks);
	assert_true(rs.asks_recipient && rs.asks_daemon);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rule_without_conditions_holds),
		TEST(rule_holds_through_its_last_second),
		TEST(client_is_in_its_list),
		TEST(list_of_exceptions_holds_for_the_rest),
		TEST(sender_takes_every_form_of_address),
		TEST(each_reading_of_a_sender_must_be_meant),
		TEST(helo_is_a_name),
		TEST(words_include_and_exclude),
		TEST(daemon_and_port_are_what_the_mta_tells),
		TEST(names_are_asked_for_where_the_rest_holds),
		TEST(passes_are_asked_for_as_long_as_none_is_there),
		TEST(findings_are_those_of_the_scope),
		TEST(recipient_is_waited_for_first),
		TEST(first_rule_that_holds_decides),
		TEST(one_of_a_thousand_rules_is_found),
		TEST(no_rule_that_holds_is_passed_over),
		TEST(merged_policy_does_the_most_of_those_that_may_decide),
		TEST(merged_policy_checks_what_a_condition_asks),
		TEST(sealed_rules_know_what_they_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
