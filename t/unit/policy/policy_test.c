/* SPDX-License-Identifier: BSD-2-Clause */
/* policy: the whole matrix against policy_matrix.txt, and its edges. */

#include "unit.h"

#include <stdio.h>

#include "base/util.h"
#include "policy/policy.h"

#define MATRIX_SIZE 8192

static enum policy_action
action_of(const struct policy *p, enum policy_table t, enum result r)
{
	const struct finding f = { .result = r, .table = t };

	return policy_decide(p, &f);
}

static void
render_table(struct sbuf *sb, enum scope s, enum policy_table t)
{
	sbuf_fmt(sb, "%-11s", policy_table_name(t));
	for (unsigned level = 0; level <= POLICY_LEVEL_MAX; level++)
		sbuf_fmt(sb, "%9u", level);
	sbuf_char(sb, '\n');
	for (int r = 0; r < RESULT_COUNT; r++) {
		sbuf_fmt(sb, "%-11s", result_name((enum result)r));
		for (unsigned level = 0; level <= POLICY_LEVEL_MAX; level++) {
			struct policy p = { 0 };
			assert_true(policy_set_level(&p, s, level));
			sbuf_fmt(sb, "%9s", policy_action_name(
			    action_of(&p, t, (enum result)r)));
		}
		sbuf_char(sb, '\n');
	}
}

static void
read_expected(char *buf, size_t size)
{
	const char *dir = getenv("SRCDIR");
	char path[4096];
	snprintf(path, sizeof(path), "%s/t/unit/policy/policy_matrix.txt",
	    dir != NULL ? dir : ".");
	FILE *f = fopen(path, "r");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	fclose(f);
}

static void
test_matrix_is_as_documented(void **state)
{
	(void)state;
	static char actual[MATRIX_SIZE];
	static char expected[MATRIX_SIZE];
	struct sbuf sb;
	sbuf_init(&sb, actual, sizeof(actual));
	for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++) {
		if (t > 0)
			sbuf_char(&sb, '\n');
		render_table(&sb, t == TABLE_HELO ? SCOPE_HELO
		    : SCOPE_MAILFROM, (enum policy_table)t);
	}
	assert_true(sbuf_ok(&sb));
	read_expected(expected, sizeof(expected));
	assert_string_equal(actual, expected);
}

static void
test_unknown_level_changes_nothing(void **state)
{
	(void)state;
	struct policy p = { 0 };
	assert_true(policy_set_level(&p, SCOPE_MAILFROM, 3));
	assert_false(policy_set_level(&p, SCOPE_MAILFROM, 7));
	assert_false(policy_set_level(&p, SCOPE_MAILFROM, (unsigned)-1));
	assert_int_equal(p.level[SCOPE_MAILFROM], 3);
	assert_int_equal(action_of(&p, TABLE_MAILFROM, RESULT_FAIL),
	    POLICY_REJECT);
}

static void
test_scopes_are_independent(void **state)
{
	(void)state;
	struct policy p = { 0 };
	assert_true(policy_set_level(&p, SCOPE_HELO, 1));
	assert_true(policy_set_level(&p, SCOPE_MAILFROM, 6));
	assert_int_equal(action_of(&p, TABLE_HELO, RESULT_FAIL),
	    POLICY_ACCEPT);
	assert_int_equal(action_of(&p, TABLE_MAILFROM, RESULT_FAIL),
	    POLICY_REJECT);
	assert_int_equal(p.level[SCOPE_HELO], 1);
	assert_int_equal(p.level[SCOPE_MAILFROM], 6);
}

static bool
is_worse(const struct policy *p, enum result a, enum result b)
{
	const struct finding x = { .result = a, .table = TABLE_MAILFROM };
	const struct finding y = { .result = b, .table = TABLE_MAILFROM };

	return policy_is_worse(p, &x, &y);
}

static void
test_worse_is_what_is_refused_then_what_is_said(void **state)
{
	static const enum result order[] = { RESULT_PASS, RESULT_NONE,
		RESULT_NEUTRAL, RESULT_PERMERROR, RESULT_TEMPERROR,
		RESULT_SOFTFAIL, RESULT_FAIL };
	struct policy p = { 0 };

	(void)state;
	assert_true(policy_set_level(&p, SCOPE_MAILFROM, 1));
	for (size_t a = 0; a < RESULT_COUNT; a++)
		for (size_t b = 0; b < RESULT_COUNT; b++)
			assert_int_equal(is_worse(&p, order[a], order[b]),
			    a > b);
	assert_true(policy_set_level(&p, SCOPE_MAILFROM, 3));
	assert_true(is_worse(&p, RESULT_TEMPERROR, RESULT_SOFTFAIL));
	assert_true(is_worse(&p, RESULT_FAIL, RESULT_TEMPERROR));
}

static void
test_only_level_0_looks_nothing_up(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= POLICY_LEVEL_MAX; level++) {
		struct policy p = { 0 };
		assert_true(policy_set_level(&p, SCOPE_HELO, level));
		assert_int_equal(policy_checks(&p, TABLE_HELO), level > 0);
		for (unsigned t = TABLE_MAILFROM; t < POLICY_TABLE_COUNT; t++)
			assert_false(policy_checks(&p, (enum policy_table)t));
	}
}

static void
test_refusals_begin_at_level_2(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= POLICY_LEVEL_MAX; level++) {
		struct policy p = { 0 };
		assert_true(policy_set_level(&p, SCOPE_MAILFROM, level));
		assert_int_equal(policy_can_refuse(&p), level >= 2);
	}
}

static void
test_one_result_decides_for_checks_and_refusals(void **state)
{
	(void)state;
	for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++) {
		struct policy p = { 0 };

		p.action[t][RESULT_PERMERROR] = POLICY_REJECT;
		assert_true(policy_checks(&p, (enum policy_table)t));
		assert_true(policy_can_refuse(&p));
		p.action[t][RESULT_PERMERROR] = POLICY_QUARANTINE;
		assert_true(policy_checks(&p, (enum policy_table)t));
		assert_false(policy_can_refuse(&p));
	}
}

static void
test_departures_name_their_sections(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= 3; level++)
		assert_null(policy_level_departure(level));
	for (unsigned level = 4; level <= POLICY_LEVEL_MAX; level++) {
		assert_non_null(policy_level_departure(level));
		assert_null(strchr(policy_level_departure(level), '\n'));
	}
	assert_null(policy_level_departure(7));
	assert_non_null(strstr(policy_level_departure(4), "s8.5"));
	assert_non_null(strstr(policy_level_departure(5), "s8.2"));
	assert_non_null(strstr(policy_level_departure(6), "s8.1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix_is_as_documented),
		cmocka_unit_test(test_unknown_level_changes_nothing),
		cmocka_unit_test(test_scopes_are_independent),
		cmocka_unit_test(
		    test_worse_is_what_is_refused_then_what_is_said),
		cmocka_unit_test(test_only_level_0_looks_nothing_up),
		cmocka_unit_test(test_refusals_begin_at_level_2),
		cmocka_unit_test(
		    test_one_result_decides_for_checks_and_refusals),
		cmocka_unit_test(test_departures_name_their_sections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
