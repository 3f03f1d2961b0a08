/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC: organizations by the public suffix list, alignment, records. */

#include "unit.h"

#include "policy/dmarc.h"
#include "policy/suffixes.h"

static int
setup(void **state)
{
	*state = suffixes_load();
	return 0;
}

static int
teardown(void **state)
{
	suffixes_free(*state);
	return 0;
}

static void
test_organizational_domain(void **state)
{
	static const char *const rows[][2] = {
		{ "example.com", "example.com" },
		{ "mail.example.com", "example.com" },
		{ "a.b.c.example.com", "example.com" },
		{ "www.example.co.uk", "example.co.uk" },
		{ "mail.naver.co.kr", "naver.co.kr" },
		{ "co.uk", "co.uk" },
		{ "a.b.unknown-end", "b.unknown-end" },
		{ "xn--9d0b05g.xn--3e0b707e", "xn--9d0b05g.xn--3e0b707e" },
	};
	const struct suffixes *s = *state;

	/* Without it a name is an organization of its own. */
	if (s == NULL)
		assert_string_equal(suffixes_organization(s, "a.example.com"),
		    "a.example.com");
	for (size_t i = 0; s != NULL && i < sizeof(rows) / sizeof(rows[0]);
	    i++)
		assert_string_equal(suffixes_organization(s, rows[i][0]),
		    rows[i][1]);
}

static void
test_relaxed_alignment(void **state)
{
	const struct suffixes *s = *state;

	assert_true(dmarc_is_aligned(s, "example.com", "example.com"));
	if (s == NULL)
		return;
	assert_true(dmarc_is_aligned(s, "mail.example.com", "example.com"));
	assert_true(dmarc_is_aligned(s, "a.example.co.kr", "b.example.co.kr"));
	assert_false(dmarc_is_aligned(s, "a.co.kr", "b.co.kr"));
	assert_false(dmarc_is_aligned(s, "co.kr", "b.co.kr"));
	assert_false(dmarc_is_aligned(s, "com", "example.com"));
	assert_false(dmarc_is_aligned(s, "badexample.com", "example.com"));
	assert_false(dmarc_is_aligned(s, "example.com.evil.net",
	    "example.com"));
}

static void
test_records(void **state)
{
	(void)state;
	static const char *const good[] = {
		"v=DMARC1; p=none",
		"v=DMARC1;p=reject;",
		" v = DMARC1 ; p = Quarantine ; rua=mailto:a@example.com",
		"v=DMARC1; rua=mailto:a@example.com; p=reject",
		"v=DMARC1; averylongname=x; p=reject; averylongname",
	};
	static const char *const bad[] = {
		"", "v", "v=DMARC1", "v=DMARC1;", "v=DMARC1; p=", "p=reject",
		"v=DMARC1; p=averylongvaluethatisnone", "v=spf1 -all",
		"v=dmarc1; p=none", "v=DMARC12; p=none", "v=DMARC1 p=none",
		"V=DMARC1; p=none", "p=none; v=DMARC1", "v=DMARC1; sp=none",
		"v=DMARC1; p=no; p=none", "v=DMARC 1; p=none",
		"v=DMARC1; p=no ne", ";v=DMARC1; p=none",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!dmarc_is_record(good[i], strlen(good[i])))
			fail_msg("missed: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dmarc_is_record(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	assert_false(dmarc_is_record("v=DMARC1; p=none", 12));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_organizational_domain),
		cmocka_unit_test(test_relaxed_alignment),
		cmocka_unit_test(test_records),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
