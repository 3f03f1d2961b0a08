/* SPDX-License-Identifier: BSD-2-Clause */
/* decide: results of both scopes to what is done, as a table. */

#include "unit.h"

#include "policy/decide.h"
#include "policy/rules.h"

#define ABSENT RESULT_COUNT

/* The result of MAIL FROM is judged by table. */
static struct decision
decided_by(const struct policy *p, unsigned helo, unsigned mail,
    enum policy_table table)
{
	const struct finding of[SCOPE_COUNT] = {
		{ .result = (enum result)helo, .table = TABLE_HELO },
		{ .result = (enum result)mail, .table = table },
	};
	const struct finding *const findings[SCOPE_COUNT] = {
		helo == ABSENT ? NULL : &of[SCOPE_HELO],
		mail == ABSENT ? NULL : &of[SCOPE_MAILFROM],
	};

	return decide(p, findings);
}

static struct decision
decided(const struct policy *p, unsigned helo, unsigned mail)
{
	return decided_by(p, helo, mail, TABLE_MAILFROM);
}

static struct policy
levels(unsigned helo, unsigned mail)
{
	struct policy p = { 0 };

	assert_true(policy_set_level(&p, SCOPE_HELO, helo));
	assert_true(policy_set_level(&p, SCOPE_MAILFROM, mail));
	return p;
}

static void
test_stronger_action_decides_and_mail_from_among_equals(void **state)
{
	static const struct {
		unsigned level[SCOPE_COUNT];
		unsigned helo;
		unsigned mail;
		enum policy_action action;
		enum scope scope;
	} rows[] = {
		{ { 3, 3 }, RESULT_PASS, RESULT_PASS, POLICY_ACCEPT,
		    SCOPE_MAILFROM },
		{ { 3, 3 }, RESULT_FAIL, ABSENT, POLICY_REJECT, SCOPE_HELO },
		{ { 3, 3 }, RESULT_FAIL, RESULT_TEMPERROR, POLICY_REJECT,
		    SCOPE_HELO },
		{ { 3, 3 }, RESULT_PASS, RESULT_FAIL, POLICY_REJECT,
		    SCOPE_MAILFROM },
		{ { 3, 3 }, RESULT_FAIL, RESULT_FAIL, POLICY_REJECT,
		    SCOPE_MAILFROM },
		{ { 3, 3 }, RESULT_TEMPERROR, RESULT_TEMPERROR,
		    POLICY_TEMPFAIL, SCOPE_MAILFROM },
		{ { 3, 3 }, RESULT_TEMPERROR, RESULT_PASS, POLICY_ACCEPT,
		    SCOPE_MAILFROM },
		{ { 1, 4 }, RESULT_SOFTFAIL, RESULT_SOFTFAIL, POLICY_REJECT,
		    SCOPE_MAILFROM },
		{ { 4, 1 }, RESULT_SOFTFAIL, RESULT_FAIL, POLICY_REJECT,
		    SCOPE_HELO },
		{ { 0, 3 }, ABSENT, RESULT_FAIL, POLICY_REJECT,
		    SCOPE_MAILFROM },
		{ { 1, 0 }, RESULT_FAIL, ABSENT, POLICY_ACCEPT, SCOPE_HELO },
		{ { 1, 1 }, RESULT_FAIL, ABSENT, POLICY_ACCEPT, SCOPE_HELO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy p = levels(rows[i].level[SCOPE_HELO],
		    rows[i].level[SCOPE_MAILFROM]);
		struct decision d = decided(&p, rows[i].helo, rows[i].mail);

		if (d.action != rows[i].action || d.scope != rows[i].scope)
			fail_msg("row %zu: %s by %s", i,
			    policy_action_name(d.action), scope_name(d.scope));
		assert_int_equal(d.reason, DECISION_RESULT);
	}
}

/* Of every pair of results at every pair of levels. */
static void
test_parts_are_what_the_policy_says_to_each_result(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 7 * 7 * 8 * 8; n++) {
		struct policy p = levels(n % 7, n / 7 % 7);
		unsigned of[SCOPE_COUNT] = { n / 49 % 8, n / 49 / 8 };
		struct decision d = decided(&p, of[SCOPE_HELO],
		    of[SCOPE_MAILFROM]);

		for (int s = 0; s < SCOPE_COUNT; s++) {
			assert_int_equal(d.parts[s].level, p.level[s]);
			assert_int_equal(d.parts[s].action,
			    of[s] == ABSENT ? POLICY_SKIP
			    : p.action[s][of[s]]);
			assert_true(d.action >= d.parts[s].action);
		}
		assert_true(d.action == POLICY_ACCEPT ||
		    d.action == d.parts[d.scope].action);
	}
}

static void
test_each_table_judges_its_own_results(void **state)
{
	struct policy p = levels(3, 3);

	(void)state;
	p.action[TABLE_MAILFROM][RESULT_FAIL] = POLICY_TAG;
	p.action[TABLE_NULL_SENDER][RESULT_FAIL] = POLICY_QUARANTINE;
	assert_int_equal(decided(&p, ABSENT, RESULT_FAIL).action, POLICY_TAG);
	assert_int_equal(decided_by(&p, ABSENT, RESULT_FAIL,
	    TABLE_NULL_SENDER).action, POLICY_QUARANTINE);
	assert_int_equal(decided_by(&p, ABSENT, RESULT_FAIL,
	    TABLE_GUESS).action, POLICY_ACCEPT);
	assert_false(decision_refuses(&(struct decision){
		.action = POLICY_QUARANTINE }));
}

static void
test_skipped_result_lets_the_other_one_count(void **state)
{
	struct policy p = levels(1, 3);

	(void)state;
	p.action[TABLE_MAILFROM][RESULT_NONE] = POLICY_SKIP;
	assert_int_equal(decided(&p, RESULT_NONE, RESULT_NONE).scope,
	    SCOPE_HELO);
	assert_int_equal(decided(&p, ABSENT, RESULT_NONE).action,
	    POLICY_ACCEPT);
	assert_int_equal(decided(&p, ABSENT, RESULT_NONE).scope,
	    SCOPE_MAILFROM);
	p.action[TABLE_HELO][RESULT_NONE] = POLICY_SKIP;
	assert_int_equal(decided(&p, RESULT_NONE, ABSENT).scope, SCOPE_HELO);
}

static void
test_rejection_with_a_4xx_reply_is_a_tempfail(void **state)
{
	struct policy p = levels(3, 3);

	(void)state;
	p.defers[RESULT_FAIL] = true;
	assert_int_equal(decided(&p, ABSENT, RESULT_FAIL).action,
	    POLICY_TEMPFAIL);
	assert_int_equal(decided(&p, RESULT_FAIL, RESULT_TEMPERROR).scope,
	    SCOPE_HELO);
	assert_int_equal(decided(&p, ABSENT, RESULT_FAIL)
	    .parts[SCOPE_MAILFROM].action, POLICY_REJECT);
	assert_int_equal(decided(&p, ABSENT, RESULT_PASS).action,
	    POLICY_ACCEPT);
}

static void
test_excused_temperror_refuses_nothing(void **state)
{
	static const struct {
		enum result		helo;
		enum result		mail;
		enum excuse		excuse[SCOPE_COUNT];
		enum policy_action	action;
		enum excuse		left;
	} rows[] = {
		{ RESULT_PASS, RESULT_TEMPERROR, { EXCUSE_NONE, EXCUSE_NONE },
		    POLICY_TEMPFAIL, EXCUSE_NONE },
		{ RESULT_PASS, RESULT_TEMPERROR, { EXCUSE_NONE, EXCUSE_GRACE },
		    POLICY_ACCEPT, EXCUSE_GRACE },
		{ RESULT_TEMPERROR, RESULT_PASS,
		    { EXCUSE_OUTAGE, EXCUSE_NONE },
		    POLICY_ACCEPT, EXCUSE_OUTAGE },
		{ RESULT_TEMPERROR, RESULT_TEMPERROR,
		    { EXCUSE_GRACE, EXCUSE_NONE },
		    POLICY_TEMPFAIL, EXCUSE_GRACE },
		{ RESULT_FAIL, RESULT_TEMPERROR, { EXCUSE_NONE, EXCUSE_GRACE },
		    POLICY_REJECT, EXCUSE_GRACE },
	};
	struct policy p = levels(3, 3);

	(void)state;
	p.action[TABLE_HELO][RESULT_TEMPERROR] = POLICY_TEMPFAIL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct finding helo = { .result = rows[i].helo,
			.table = TABLE_HELO,
			.excuse = rows[i].excuse[SCOPE_HELO] };
		const struct finding mail = { .result = rows[i].mail,
			.table = TABLE_MAILFROM,
			.excuse = rows[i].excuse[SCOPE_MAILFROM] };
		const struct finding *const both[] = { &helo, &mail };
		struct decision d = decide(&p, both);

		assert_int_equal(d.action, rows[i].action);
		assert_int_equal(decision_excuse(&d), rows[i].left);
	}
	/* Where nothing is refused anyway it needs none. */
	p = levels(1, 1);
	const struct finding f = { .result = RESULT_TEMPERROR,
		.table = TABLE_MAILFROM, .excuse = EXCUSE_GRACE };
	const struct finding *const one[] = { NULL, &f };
	struct decision d = decide(&p, one);
	assert_int_equal(decision_excuse(&d), EXCUSE_NONE);
}

static void
test_excuse_of_who_brings_it_lessens_the_action(void **state)
{
	static const struct {
		enum policy_action wanted;
		enum excuse excuse;
		enum policy_action action;
	} rows[] = {
		{ POLICY_REJECT, EXCUSE_RELAY, POLICY_QUARANTINE },
		{ POLICY_TEMPFAIL, EXCUSE_RELAY, POLICY_ACCEPT },
		{ POLICY_QUARANTINE, EXCUSE_RELAY, POLICY_QUARANTINE },
		{ POLICY_TAG, EXCUSE_RELAY, POLICY_TAG },
		{ POLICY_ACCEPT, EXCUSE_RELAY, POLICY_ACCEPT },
		{ POLICY_REJECT, EXCUSE_CLIENT, POLICY_ACCEPT },
		{ POLICY_QUARANTINE, EXCUSE_CLIENT, POLICY_ACCEPT },
		{ POLICY_TAG, EXCUSE_CLIENT, POLICY_ACCEPT },
		{ POLICY_REJECT, EXCUSE_FORWARDER, POLICY_ACCEPT },
		{ POLICY_QUARANTINE, EXCUSE_FORWARDER, POLICY_ACCEPT },
	};
	struct policy p = levels(3, 3);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct finding f = { .result = RESULT_FAIL,
			.table = TABLE_MAILFROM, .excuse = rows[i].excuse };
		const struct finding *const one[] = { NULL, &f };

		p.action[TABLE_MAILFROM][RESULT_FAIL] = rows[i].wanted;
		struct decision d = decide(&p, one);
		assert_int_equal(d.action, rows[i].action);
		assert_int_equal(decision_excuse(&d), rows[i].action ==
		    rows[i].wanted ? EXCUSE_NONE : rows[i].excuse);
	}
}

/* What would be deferred says nothing that mail could be held for. */
static void
test_rejection_with_a_4xx_reply_holds_no_mail_of_a_relay(void **state)
{
	static const struct finding f = { .result = RESULT_FAIL,
		.table = TABLE_MAILFROM, .excuse = EXCUSE_RELAY };
	const struct finding *const one[] = { NULL, &f };
	struct policy p = levels(3, 3);
	struct decision d = decide(&p, one);

	(void)state;
	assert_int_equal(d.action, POLICY_QUARANTINE);
	assert_true(decision_can_be_spared(&d));
	p.defers[RESULT_FAIL] = true;
	d = decide(&p, one);
	assert_int_equal(d.action, POLICY_ACCEPT);
	assert_false(decision_can_be_spared(&d));
	assert_int_equal(decision_excuse(&d), EXCUSE_RELAY);
}

static void
test_forged_fields_reject_whatever_the_results(void **state)
{
	struct policy p = levels(1, 1);
	struct decision d = decided(&p, RESULT_PASS, RESULT_PASS);
	struct decision forged = decide_forged(&d);

	(void)state;
	assert_false(decision_refuses(&d));
	assert_true(decision_refuses(&forged));
	assert_int_equal(forged.action, POLICY_REJECT);
	assert_int_equal(forged.scope, d.scope);
	assert_false(decision_equals(&d, &forged));
}

static void
test_helo_rejects_where_its_level_says_so(void **state)
{
	static const struct finding fail = { .result = RESULT_FAIL,
		.table = TABLE_HELO };
	static const struct finding softfail = { .result = RESULT_SOFTFAIL,
		.table = TABLE_HELO };
	static const struct finding relayed = { .result = RESULT_FAIL,
		.table = TABLE_HELO, .excuse = EXCUSE_RELAY };
	struct policy p = levels(3, 0);

	(void)state;
	assert_true(decide_helo_rejects(&p, &fail));
	assert_false(decide_helo_rejects(&p, &softfail));
	p.defers[RESULT_FAIL] = true;
	assert_true(decide_helo_rejects(&p, &fail));
	assert_false(decide_helo_rejects(&p, &relayed));
}

/* Of a level, for MAIL FROM alone. */
static unsigned
would(unsigned level, enum result mail, enum excuse e, const struct rule *r)
{
	const struct finding f = { .result = mail, .table = TABLE_MAILFROM,
		.excuse = e };
	const struct finding *const findings[SCOPE_COUNT] = {
		[SCOPE_MAILFROM] = &f
	};
	struct policy at[POLICY_LEVEL_MAX + 1] = { { .level = { 0 } } };

	for (unsigned i = 0; i <= POLICY_LEVEL_MAX; i++)
		at[i] = levels(0, i);
	struct decision d = decide(&at[level], findings);
	d.rule = r;
	return decide_would(&d, at, findings);
}

static void
test_lowest_higher_level_that_would_refuse(void **state)
{
	static const unsigned lowest[RESULT_COUNT] = {
		[RESULT_FAIL] = 3,
		[RESULT_SOFTFAIL] = 4,
		[RESULT_NEUTRAL] = 5,
		[RESULT_NONE] = 6,
		[RESULT_PERMERROR] = 6,
		[RESULT_TEMPERROR] = 2,
	};
	static const struct rule rule = { .name = "r" };

	(void)state;
	for (unsigned r = 0; r < RESULT_COUNT; r++)
		for (unsigned l = 1; l <= POLICY_LEVEL_MAX; l++) {
			assert_int_equal(would(l, (enum result)r, EXCUSE_NONE,
			    NULL), l < lowest[r] ? lowest[r] : 0);
			assert_int_equal(would(l, (enum result)r, EXCUSE_NONE,
			    &rule), 0);
		}
	assert_int_equal(would(1, RESULT_FAIL, EXCUSE_RELAY, NULL), 0);
	assert_int_equal(would(1, RESULT_TEMPERROR, EXCUSE_GRACE, NULL), 0);
}

static void
test_decisions_are_equal_where_nothing_tells_them_apart(void **state)
{
	struct policy p = levels(3, 3);
	struct policy other = levels(3, 4);
	struct decision d = decided(&p, RESULT_NONE, RESULT_FAIL);
	struct decision same = decided(&p, RESULT_PASS, RESULT_FAIL);
	struct decision level = decided(&other, RESULT_NONE, RESULT_FAIL);
	struct decision scope = decided(&p, RESULT_FAIL, ABSENT);

	(void)state;
	assert_true(decision_equals(&d, &same));
	assert_false(decision_equals(&d, &level));
	assert_false(decision_equals(&d, &scope));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_stronger_action_decides_and_mail_from_among_equals),
		cmocka_unit_test(
		    test_parts_are_what_the_policy_says_to_each_result),
		cmocka_unit_test(test_each_table_judges_its_own_results),
		cmocka_unit_test(test_skipped_result_lets_the_other_one_count),
		cmocka_unit_test(
		    test_rejection_with_a_4xx_reply_is_a_tempfail),
		cmocka_unit_test(test_excused_temperror_refuses_nothing),
		cmocka_unit_test(
		    test_excuse_of_who_brings_it_lessens_the_action),
		cmocka_unit_test(
		    test_rejection_with_a_4xx_reply_holds_no_mail_of_a_relay),
		cmocka_unit_test(
		    test_forged_fields_reject_whatever_the_results),
		cmocka_unit_test(test_helo_rejects_where_its_level_says_so),
		cmocka_unit_test(test_lowest_higher_level_that_would_refuse),
		cmocka_unit_test(
		    test_decisions_are_equal_where_nothing_tells_them_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
