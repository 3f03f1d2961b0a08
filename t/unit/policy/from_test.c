/* SPDX-License-Identifier: BSD-2-Clause */
/* From fields: the author's domain, or why there is none. */

#include "unit.h"

#include "policy/from.h"

#define BIG 70000

static void
check_domain(const char *value, const char *expected)
{
	char domain[IDENTITY_NAME_MAX + 1];

	if (from_parse(value, domain) != FROM_ONE)
		fail_msg("no domain: %s", value);
	assert_string_equal(domain, expected);
}

static void
check_all(const char *const *values, size_t n, enum from_status expected)
{
	char domain[IDENTITY_NAME_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		enum from_status got = from_parse(values[i], domain);

		if (got != expected)
			fail_msg("%d, not %d: %s", (int)got, (int)expected,
			    values[i]);
		assert_string_equal(domain, "");
	}
}

#define CHECK_ALL(values, status) \
	check_all(values, sizeof(values) / sizeof(values[0]), status)

static void
test_one_address(void **state)
{
	(void)state;
	static const char *const values[] = {
		"u@example.com",
		" u@Example.COM ",
		"<u@example.com>",
		"Kim <u@example.com>",
		"Kim<u@example.com>",
		"John Q. Public\n\t<u@example.com>",
		"\"Public, John <x@example.net>\" <u@example.com>",
		"\"a \\\" b\" (work) <u@example.com> (home (far))",
		"u@example.com (Kim)",
		"(x@example.net, ) u@example.com",
		"=?utf-8?B?6rmA?= =?euc-kr?Q?=B1=E8?= <u@example.com>",
		"\xea\xb9\x80 <u@example.com>",
		"\"\xea\xb9\x80\" <\xea\xb9\x80@example.com>",
		"<\"a@b, c\"@example.com>",
		"\"u\"@example.com",
		"a=b+c@example.com",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		check_domain(values[i], "example.com");
	check_domain("u@under_score.example", "under_score.example");
	check_domain("Kim <u@b\xc3\xbc" "cher.example>",
	    "xn--bcher-kva.example");
}

static void
test_no_address(void **state)
{
	(void)state;
	static const char *const values[] = {
		"", " ", "Kim", "(u@example.com)", "\"u@example.com\"",
		"=?utf-8?Q?u=40example=2Ecom?=",
	};

	CHECK_ALL(values, FROM_NONE);
}

static void
test_more_addresses_and_groups(void **state)
{
	(void)state;
	static const char *const values[] = {
		"u@example.com, v@example.net",
		"u@example.com, v@example.com",
		"Kim <u@example.com>, Lee <v@example.net>",
		"u@example.com,",
		", u@example.com",
		"friends: u@example.com;",
		"undisclosed:;",
		"a, b <u@example.com>",
		"u@example.com; v@example.net",
	};

	CHECK_ALL(values, FROM_SEVERAL);
}

static void
test_what_may_be_read_in_two_ways(void **state)
{
	(void)state;
	static const char *const values[] = {
		"x@example.net <u@example.com>",
		"Kim x@example.net <u@example.com>",
		"Kim u@example.com",
		"<x@example.net> <u@example.com>",
		"<x@example.net <u@example.com>>",
		"<u@example.com> Kim",
		"<u@example.com",
		"u@example.com>",
		"u@example.com v@example.net",
		"u@example.com@example.net",
		"<@relay.example,@example.net:u@example.com>",
		"<u @example.com>",
		"<u@ example.com>",
		"< u@example.com >",
		"u(x)@example.com",
		"u@example(x).com",
		"u@(x)example.com",
		"<u@example.com(x)>",
		"\"x\" \"u\"@example.com",
		"<=?utf-8?Q?x=40example=2Enet?=@example.com>",
		"=?utf-8?Q?x?=@example.com",
		"<u@=?utf-8?Q?example=2Enet?=>",
		"<@example.com>",
		"<u>",
		"<>",
		"u@",
		"u@example",
		"u@example.com.",
		"u@.example.com",
		"u@example..com",
		"u@[192.0.2.1]",
		"u@exa mple.com",
		"u@exa/mple.com",
		"\"Kim <u@example.com>",
		"(Kim <u@example.com>",
		"(a \" b) <u@example.com>",
		"Kim \\<x@example.net> <u@example.com>",
		"\xb1\xe8 <u@example.com>",		/* EUC-KR */
		"\"\xb1\xe8\" <u@example.com>",
		"u@ex\xb1\xe8.com",
		"\xe2\x80\xaeKim <u@example.com>",	/* turns around */
		"Kim\001 <u@example.com>",
		"u@ox\xef\xbc\x8fox.example.com",	/* a slash for IDNA */
		"\xef\xbc\x9cx@example.net\xef\xbc\x9e u@example.com",
	};

	CHECK_ALL(values, FROM_UNCLEAR);
}

static void
test_long_values(void **state)
{
	(void)state;
	static char value[BIG + 64];
	char domain[IDENTITY_NAME_MAX + 1];

	memset(value, '(', BIG / 2);
	memset(value + BIG / 2, ')', BIG / 2);
	strcpy(value + BIG, "u@example.com");
	check_domain(value, "example.com");
	memset(value, 'a', BIG);
	strcpy(value + BIG, "@example.com");
	check_domain(value, "example.com");
	memcpy(value, "u@", 2);
	strcpy(value + BIG, ".com");
	assert_int_equal(from_parse(value, domain), FROM_UNCLEAR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_more_addresses_and_groups),
		cmocka_unit_test(test_what_may_be_read_in_two_ways),
		cmocka_unit_test(test_long_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
