/* SPDX-License-Identifier: BSD-2-Clause */
/* Records written, and what was meant by terms that are wrong. */

#include "unit.h"

#include "spf/compose.h"
#include "spf/repair.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void
assert_meant(const char *term, const char *want)
{
	char text[600];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	if (repair_term(term, strlen(term), &sb) != (want != NULL))
		fail_msg("%s: %s", term, text);
	assert_string_equal(text, want == NULL ? "" : want);
}

static void
test_repair_guesses_what_was_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "ipv4:192.0.2.1", "ip4:192.0.2.1" },
		{ "ip:192.0.2.0/24", "ip4:192.0.2.0/24" },
		{ "-ipv6:2001:db8::1", "-ip6:2001:db8::1" },
		{ "ip4:2001:db8::/32", "ip6:2001:db8::/32" },
		{ "ip6:192.0.2.1", "ip4:192.0.2.1" },
		{ "a:192.0.2.1", "ip4:192.0.2.1" },
		{ "include:192.0.2.1", "ip4:192.0.2.1" },
		{ "ip4=192.0.2.1", "ip4:192.0.2.1" },
		{ "192.0.2.1", "ip4:192.0.2.1" },
		{ "~2001:db8::1", "~ip6:2001:db8::1" },
		{ "include=a.example", "include:a.example" },
		{ "?mx=a.example", "?mx:a.example" },
		{ "redirect:a.example", "redirect=a.example" },
		{ "exp:a.example", "exp=a.example" },
		{ "Includes:a.example", "include:a.example" },
		{ "host:a.example", "a:a.example" },
		{ "mail.a.example", "a:mail.a.example" },
		{ "_spf.a.example", "include:_spf.a.example" },
		{ "ip4:192.0.2.1-all", "ip4:192.0.2.1 -all" },
		{ "-all;", "-all" },
		{ "\"mx\"", "mx" },
		{ "ip4:192.0.2.1,", "ip4:192.0.2.1" },
		{ "include:\xed\x95\x9c\xea\xb5\xad.kr",
		    "include:xn--3e0b707e.kr" },
		{ "foo", NULL },
		{ "foo:bar", NULL },
		{ "ip4:192.0.2", NULL },
		{ "ip4:192.0.2.1/33", NULL },
		{ "", NULL },
		{ "-", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_meant(cases[i][0], cases[i][1]);
	assert_meant("mx\001", NULL);
}

static void
test_compose_writes_a_better_record(void **state)
{
	static const char *const cases[][2] = {
		{ "v=spf1 mx -all", "v=spf1 mx -all" },
		{ "V=SPF1  MX  -ALL ", "v=spf1 mx -all" },
		{ "v=spf1 +a +ip4:192.0.2.1 ~all",
		    "v=spf1 ip4:192.0.2.1 a ~all" },
		{ "v=spf1 ptr include:a.example mx a ip6:2001:db8::1 "
		    "ip4:192.0.2.1 exists:%{i}.a.example -all",
		    "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a mx "
		    "include:a.example exists:%{i}.a.example ptr -all" },
		/* Over a change of the sign nothing may be moved. */
		{ "v=spf1 mx -ip4:192.0.2.1 a ip4:192.0.2.0/24 ~all",
		    "v=spf1 mx -ip4:192.0.2.1 ip4:192.0.2.0/24 a ~all" },
		/* Nor is there a change of it where none is left. */
		{ "v=spf1 ip4:192.0.2.0/24 mx -ip4:192.0.2.1 a:a.example "
		    "ip4:203.0.113.1 -a:a.example ip4:203.0.113.0/24 -all",
		    "v=spf1 ip4:192.0.2.0/24 ip4:203.0.113.0/24 a:a.example mx "
		    "-all" },
		{ "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -ip4:192.0.2.7 -all",
		    "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all" },
		{ "v=spf1 ip4:192.0.2.7 mx ip4:192.0.2.0/24 -all",
		    "v=spf1 ip4:192.0.2.0/24 mx -all" },
		{ "v=spf1 a:b.example mx A:B.example -all",
		    "v=spf1 a:b.example mx -all" },
		{ "v=spf1 exists:%{i}.b exists:%{I}.b -all",
		    "v=spf1 exists:%{i}.b exists:%{I}.b -all" },
		{ "v=spf1 ip4:192.0.2.1/24 ip6:2001:DB8::1/32 -all",
		    "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all" },
		{ "v=spf1 -all mx all redirect=a.example", "v=spf1 -all" },
		{ "v=spf1 redirect=a.example mx",
		    "v=spf1 mx redirect=a.example" },
		{ "v=spf1 mx", "v=spf1 mx ~all" },
		{ "v=spf1", "v=spf1 ~all" },
		{ "v=spf1 exp=a.example mx", "v=spf1 mx ~all exp=a.example" },
		{ "v=spf1 ipv4:192.0.2.1 redirect:a.example",
		    "v=spf1 ip4:192.0.2.1 redirect=a.example" },
		{ "v=spf1 include=a.example x-y=z ip4:192.0.2.1-all",
		    "v=spf1 ip4:192.0.2.1 include:a.example -all x-y=z" },
		{ "v=spf1 foo:bar -all", NULL },
		{ "v=spf2 mx", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *got = compose_better(cases[i][0], strlen(cases[i][0]));

		if (cases[i][1] == NULL) {
			assert_null(got);
			continue;
		}
		assert_non_null(got);
		assert_string_equal(got, cases[i][1]);
		free(got);
	}
}

static void
test_compose_better_is_as_good_as_it_gets(void **state)
{
	static const char *const records[] = {
		"v=spf1 ptr mx ip4:192.0.2.9/24 a:192.0.2.1 foo.b",
		"v=spf1 a mx -ip4:192.0.2.1 ip4:192.0.2.0/24 -a foo.b ~all",
		/* One mistake behind another. */
		"v=spf1 mx includes=a.example-all;",
		"v=spf1 \"include=a.example-all",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		char *once = compose_better(records[i], strlen(records[i]));
		assert_non_null(once);
		char *twice = compose_better(once, strlen(once));

		assert_string_equal(once, twice);
		free(once);
		free(twice);
	}
}

static void
test_compose_strings_are_cut_behind_blanks(void **state)
{
	char text[700];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[255] = '\0';
	assert_int_equal(compose_string(text), 255);
	text[255] = 'x';
	text[299] = '\0';
	assert_int_equal(compose_string(text), 255);
	text[100] = ' ';
	assert_int_equal(compose_string(text), 101);
	text[254] = ' ';
	assert_int_equal(compose_string(text), 255);
	assert_int_equal(compose_string(""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repair_guesses_what_was_meant),
		cmocka_unit_test(test_compose_writes_a_better_record),
		cmocka_unit_test(test_compose_better_is_as_good_as_it_gets),
		cmocka_unit_test(test_compose_strings_are_cut_behind_blanks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
