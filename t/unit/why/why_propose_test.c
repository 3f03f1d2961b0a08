/* SPDX-License-Identifier: BSD-2-Clause */
/* why_propose: what a record should be, with and without knowing it. */

#include "unit.h"

#include "base/util.h"
#include "spf/record.h"
#include "why/why_propose.h"

static struct token
refusal(enum result r, const char *reason)
{
	struct token t = { .result = r, .scope = SCOPE_MAILFROM };

	assert_true(addr_parse(&t.client, "9.8.7.6"));
	token_set_text(t.reason, sizeof(t.reason), reason);
	return t;
}

static void
assert_proposal(struct token t, const char *want)
{
	char *text = why_propose(&t);

	assert_string_equal(text, want);
	free(text);
}

#define DOTS "\xe2\x80\xa6"

static void
test_address_goes_before_the_term_that_decided(void **state)
{
	(void)state;
	assert_proposal(refusal(RESULT_FAIL, "-all"),
	    "v=spf1 " DOTS " ip4:9.8.7.6 -all");
	assert_proposal(refusal(RESULT_SOFTFAIL, "~ALL"),
	    "v=spf1 " DOTS " ip4:9.8.7.6 ~ALL");
	assert_proposal(refusal(RESULT_NEUTRAL, "default"),
	    "v=spf1 " DOTS " ip4:9.8.7.6");
	assert_proposal(refusal(RESULT_FAIL, "-ip4:9.0.0.0/8"),
	    "v=spf1 ip4:9.8.7.6 " DOTS);
	assert_proposal(refusal(RESULT_FAIL, ""),
	    "v=spf1 ip4:9.8.7.6 " DOTS);
}

static void
test_missing_record_of_a_domain_is_not_a_closed_one(void **state)
{
	struct token t = refusal(RESULT_NONE, "no SPF record");

	(void)state;
	assert_proposal(t, "v=spf1 ip4:9.8.7.6 ~all");
	t.scope = SCOPE_HELO;
	assert_proposal(t, "v=spf1 ip4:9.8.7.6 -all");
	assert_true(addr_parse(&t.client, "2001:db8::1"));
	t.scope = SCOPE_MAILFROM;
	t.null_sender = true;
	assert_proposal(t, "v=spf1 ip6:2001:db8::1 -all");
}

static void
test_errors_are_not_mended_by_an_address(void **state)
{
	(void)state;
	assert_proposal(refusal(RESULT_PERMERROR, "x"), "");
	assert_proposal(refusal(RESULT_TEMPERROR, "x"), "");
	assert_proposal(refusal(RESULT_PASS, "+all"), "");
}

static void
assert_record(const char *record, const char *mechanism, const char *want)
{
	struct addr client;

	assert_true(addr_parse(&client, "9.8.7.6"));
	char *text = why_propose_record(record, mechanism, &client);
	if (want == NULL)
		assert_null(text);
	else
		assert_string_equal(text, want);
	free(text);
}

static void
test_record_of_the_old_page(void **state)
{
	(void)state;
	assert_record("v=spf1 ip4:61.251.112.141 ip4:61.251.112.143 "
	    "ip4:61.251.112.144 -all", "-all",
	    "v=spf1 ip4:61.251.112.141 ip4:61.251.112.143 "
	    "ip4:61.251.112.144 ip4:9.8.7.6 -all");
}

static void
test_record_that_is_known_keeps_all_its_terms(void **state)
{
	(void)state;
	assert_record("v=spf1 mx -ip4:9.0.0.0/8 a -all", "-ip4:9.0.0.0/8",
	    "v=spf1 mx ip4:9.8.7.6 -ip4:9.0.0.0/8 a -all");
	assert_record("v=spf1 mx  include:a.example", "default",
	    "v=spf1 mx  include:a.example ip4:9.8.7.6");
	assert_record("v=spf1 redirect=a.example", "default",
	    "v=spf1 redirect=a.example ip4:9.8.7.6");
	assert_record("v=spf1 mx", "+mx", "v=spf1 ip4:9.8.7.6 mx");
	assert_record("v=spf1 +mx", "+mx", "v=spf1 ip4:9.8.7.6 +mx");
	assert_record("v=spf1", "default", "v=spf1 ip4:9.8.7.6");
}

static void
test_no_record_is_proposed_that_is_none(void **state)
{
	char *text = xcalloc(1, RECORD_TEXT_MAX + 1);

	(void)state;
	assert_record("", "-all", NULL);
	assert_record("v=spf1 bogus -all", "-all", NULL);
	assert_record("v=spf1 -all", "~all", NULL);
	for (size_t i = 0; i < RECORD_TEXT_MAX; i++)
		text[i] = i % 2 == 0 ? 'a' : ' ';
	memcpy(text, "v=spf1 ", 7);
	memcpy(text + RECORD_TEXT_MAX - 5, " -all", 5);
	assert_record(text, "-all", NULL);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_address_goes_before_the_term_that_decided),
		cmocka_unit_test(
		    test_missing_record_of_a_domain_is_not_a_closed_one),
		cmocka_unit_test(test_errors_are_not_mended_by_an_address),
		cmocka_unit_test(test_record_of_the_old_page),
		cmocka_unit_test(test_record_that_is_known_keeps_all_its_terms),
		cmocka_unit_test(test_no_record_is_proposed_that_is_none),
	};

	return cmocka_run_group_tests_name("why_propose", tests, NULL, NULL);
}
