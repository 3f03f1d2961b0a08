/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks for delivery: prefixes of subjects, and fields. */

#include "unit.h"

#include "policy/tag.h"

/* expected NULL: it is left as it is. */
static void
check(const char *prefix, const char *subject, const char *expected)
{
	char *got = tag_subject(prefix, RESULT_SOFTFAIL, subject);

	if (expected == NULL)
		assert_null(got);
	else if (got == NULL)
		fail_msg("left as it is: %s", subject);
	else
		assert_string_equal(got, expected);
	free(got);
}

static void
test_subject_gets_the_prefix(void **state)
{
	(void)state;
	check("[SPF {result}] ", "hello", "[SPF softfail] hello");
	check("[SPF {result}]", "hello", "[SPF softfail] hello");
	check("[SPF] ", " \thello", "[SPF] hello");
	check("[SPF] ", "a\n\tb\n c", "[SPF] a\n\tb\n c");
	check("[SPF] ", "\n\thello", "[SPF] hello");
	check("{result} {result}: ", "x", "softfail softfail: x");
}

static void
test_subject_of_encoded_words_stays_readable(void **state)
{
	(void)state;
	check("[SPF]", "=?utf-8?B?6rmA?=\n\t=?utf-8?B?6rmA?=",
	    "[SPF] =?utf-8?B?6rmA?=\n\t=?utf-8?B?6rmA?=");
	check("[SPF] ", "\xb1\xe8", "[SPF] \xb1\xe8");
}

static void
test_no_subject_becomes_the_prefix(void **state)
{
	(void)state;
	check("[SPF] ", NULL, "[SPF]");
	check("[SPF] ", "", "[SPF]");
	check("[SPF] ", "  ", "[SPF]");
}

static void
test_prefix_is_not_doubled(void **state)
{
	(void)state;
	check("[SPF {result}] ", "[SPF softfail] hello", NULL);
	check("[SPF {result}] ", " [SPF softfail]", NULL);
	check("[SPF {result}] ", "\n [SPF softfail]\n x", NULL);
	check("[SPF {result}] ", "[SPF fail] x", "[SPF softfail] [SPF fail] x");
	check("[SPF] ", "Re: [SPF] x", "[SPF] Re: [SPF] x");
	check("[\xea\xb9\x80] ", "=?UTF-8?B?W+q5gF0=?= hello", NULL);
	check("[\xea\xb9\x80] ", "=?UTF-8?B?W+q5gF0g?= =?utf-8?Q?x?=", NULL);
}

/* Readers drop the blank between two encoded-words. */
static void
test_prefix_of_utf8_is_encoded(void **state)
{
	(void)state;
	check("[\xea\xb9\x80] ", "hello", "=?UTF-8?B?W+q5gF0=?= hello");
	check("[\xea\xb9\x80] ", "=?utf-8?Q?x?=",
	    "=?UTF-8?B?W+q5gF0g?= =?utf-8?Q?x?=");
	check("[\xea\xb9\x80] ", "\n =?utf-8?Q?x?=",
	    "=?UTF-8?B?W+q5gF0g?= =?utf-8?Q?x?=");
	check("[\xea\xb9\x80] ", NULL, "=?UTF-8?B?W+q5gF0=?=");
	/* 42 octets a word, and no character in two of them */
	check("a\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80"
	    "\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80"
	    "\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80\xea\xb9\x80", NULL,
	    "=?UTF-8?B?Yeq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gOq5gA=="
	    "?= =?UTF-8?B?6rmA?=");
}

static void
test_long_lines_are_folded(void **state)
{
	(void)state;
	char subject[960];
	char *got;

	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	got = tag_subject("[SPF] ", RESULT_FAIL, subject);
	assert_memory_equal(got, "[SPF]\n\txxx", 10);
	free(got);
	subject[100] = '\n';
	got = tag_subject("[SPF] ", RESULT_FAIL, subject);
	assert_memory_equal(got, "[SPF] xxx", 9);
	free(got);
}

static void
test_values_of_fields(void **state)
{
	(void)state;
	struct tag_field f;

	assert_null(tag_field_parse(&f, "X-Mark:  {result} and {result}; x"));
	char *got = tag_value(&f, RESULT_PERMERROR);
	assert_string_equal(f.name, "X-Mark");
	assert_string_equal(got, "permerror and permerror; x");
	free(got);
	free(f.name);
	free(f.value);
	got = tag_value(&tag_default.fields.list[0], RESULT_FAIL);
	assert_string_equal(got, "fail");
	free(got);
}

static bool
is_field(const char *text)
{
	struct tag_field f;

	if (tag_field_parse(&f, text) != NULL)
		return false;
	free(f.name);
	free(f.value);
	return true;
}

static void
test_bad_fields_and_prefixes(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "X", "X-Mark", "X-Mark:", "X-Mark:  ", ": x", "X Mark: x",
		"X-M\xc3\xa4rk: x", "X-Mark: \xc3\xa4", "X-Mark: a\nb",
		"X-Mark: a\x7f", "X-Mark: %{result}", "Subject: x",
		"received: x", "DKIM-Signature: x", "Content-Type: x",
		"List-Id: x", "Received-SPF: x", "X-SPF-Skipped: x",
	};
	static const char *const good[] = {
		"X-Spam-Flag: YES", "X-Mark:{result}", "Precedence: bulk",
		"Listing: x", "X-Subject: a:b",
	};
	char text[TAG_FIELD_MAX + 2] = "X: ";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_field(bad[i]))
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!is_field(good[i]))
			fail_msg("refused: %s", good[i]);
	memset(text + 3, 'x', sizeof(text) - 4);
	assert_false(is_field(text));
	text[TAG_FIELD_MAX] = '\0';
	assert_true(is_field(text));
	assert_non_null(tag_subject_problem(text));
	assert_non_null(tag_subject_problem("%{result}"));
	assert_non_null(tag_subject_problem("\xb1\xe8"));
	assert_non_null(tag_subject_problem("a\tb"));
	assert_null(tag_subject_problem("[\xea\xb9\x80 {result}] "));
	assert_null(tag_subject_problem(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subject_gets_the_prefix),
		cmocka_unit_test(test_subject_of_encoded_words_stays_readable),
		cmocka_unit_test(test_no_subject_becomes_the_prefix),
		cmocka_unit_test(test_prefix_is_not_doubled),
		cmocka_unit_test(test_prefix_of_utf8_is_encoded),
		cmocka_unit_test(test_long_lines_are_folded),
		cmocka_unit_test(test_values_of_fields),
		cmocka_unit_test(test_bad_fields_and_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
