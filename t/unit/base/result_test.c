/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of results, scopes and sources. */

#include "unit.h"

#include "base/result.h"

static void
test_names_are_those_of_rfc_7208(void **state)
{
	(void)state;
	assert_string_equal(result_name(RESULT_NONE), "none");
	assert_string_equal(result_name(RESULT_NEUTRAL), "neutral");
	assert_string_equal(result_name(RESULT_PASS), "pass");
	assert_string_equal(result_name(RESULT_FAIL), "fail");
	assert_string_equal(result_name(RESULT_SOFTFAIL), "softfail");
	assert_string_equal(result_name(RESULT_TEMPERROR), "temperror");
	assert_string_equal(result_name(RESULT_PERMERROR), "permerror");
	assert_string_equal(scope_name(SCOPE_HELO), "helo");
	assert_string_equal(scope_name(SCOPE_MAILFROM), "mailfrom");
}

static void
test_sources_are_named_as_the_options_are(void **state)
{
	(void)state;
	assert_string_equal(source_name(SOURCE_RECORD), "record");
	assert_string_equal(source_name(SOURCE_LOCAL_POLICY), "local_policy");
	assert_string_equal(source_name(SOURCE_GUESS), "guess");
}

static void
test_parse_reads_every_name_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		enum result want = (enum result)i;
		enum result got = i == 0 ? RESULT_PASS : RESULT_NONE;
		assert_true(result_parse(&got, result_name(want)));
		assert_int_equal(got, want);
	}
}

static void
test_parse_refuses_other_text_untouched(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "Pass", "passed", "pas", " pass", "pass ", "hardfail",
		"error", "unknown",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum result got = RESULT_SOFTFAIL;
		assert_false(result_parse(&got, bad[i]));
		assert_int_equal(got, RESULT_SOFTFAIL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_those_of_rfc_7208),
		cmocka_unit_test(test_sources_are_named_as_the_options_are),
		cmocka_unit_test(test_parse_reads_every_name_back),
		cmocka_unit_test(test_parse_refuses_other_text_untouched),
	};

	return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
