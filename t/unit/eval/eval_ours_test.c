/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local policy and the guess, and records that pass everybody: what is
 * asked beside the record of the domain, and what it may change.
 */

#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/trace.h"
#include "spf/record.h"
#include "eval_mail.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FAR_AWAY_MS 3600000

static struct eval_verdict v;		/* the last one */
static struct eval_request r;		/* of the next one */
static struct fake_dns fake;

static struct record *
parse(const char *text)
{
	struct record_error err;
	struct record *record = record_parse(text, strlen(text), &err);

	if (record == NULL)
		fail_msg("%s: %zu: %s", text, err.offset, err.message);
	return record;
}

/* NULL: none. */
static void
set_ours(const char *local_policy, const char *best_guess)
{
	record_free(r.local_policy);
	record_free(r.best_guess);
	r = eval_mail();
	r.local_policy = local_policy != NULL ? parse(local_policy) : NULL;
	r.best_guess = best_guess != NULL ? parse(best_guess) : NULL;
	r.wide_open_prefix = 8;
	r.wide_open_prefix6 = 16;
}

static int
forget_ours(void **state)
{
	(void)state;
	set_ours(NULL, NULL);
	eval_verdict_fini(&v);
	memset(&v, 0, sizeof(v));
	return 0;
}

static void
evaluate(const char *zone, const char *ip)
{
	struct dns *dns = fake_dns_open(&fake, zone, &(struct dns_options){
	    .query_timeout_ms = FAR_AWAY_MS });
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + FAR_AWAY_MS, EVAL_MAX_QUERIES);

	eval_verdict_fini(&v);
	assert_true(addr_parse(&r.client, ip));
	while (!eval_run(view, &r, &v))
		fake_dns_wait(view);
	dns_view_free(view);
	dns_free(dns);
}

static void
expect(const char *zone, const char *ip, enum result result,
    enum source source, enum result published, const char *mechanism)
{
	evaluate(zone, ip);
	if (v.result != result || v.source != source ||
	    v.published != published || strcmp(v.mechanism, mechanism) != 0)
		fail_msg("%s for %s: %s by %s of %s, published %s: %s", zone,
		    ip, result_name(v.result), v.mechanism,
		    source_name(v.source), result_name(v.published),
		    v.problem);
}

/* The local policy */

static const char forwarders[] = "v=spf1 ip4:192.0.2.0/28 "
    "include:forwarders.example.net ?ip4:192.0.2.99 -ip4:192.0.2.66";
#define ZONE_OF_FORWARDERS "forwarders.example.net. TXT "	\
    "\"v=spf1 ip4:192.0.2.128/25 -all\"\n"

static void
test_local_policy_stands_before_an_all_that_does_not_pass(void **state)
{
	static const struct {
		const char	*end;
		enum result	 published;
	} rows[] = {
		{ "-all", RESULT_FAIL }, { "~all", RESULT_SOFTFAIL },
		{ "?all", RESULT_NEUTRAL }, { "", RESULT_NEUTRAL },
		{ "redirect=r.example.com", RESULT_FAIL }
	};

	(void)state;
	set_ours(forwarders, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *zone = xasprintf("example.com. TXT \"v=spf1 "
		    "ip4:198.51.100.1 %s\"\nr.example.com. TXT "
		    "\"v=spf1 -all\"\n" ZONE_OF_FORWARDERS, rows[i].end);

		expect(zone, "192.0.2.9", RESULT_PASS, SOURCE_LOCAL_POLICY,
		    rows[i].published, "+ip4:192.0.2.0/28");
		expect(zone, "192.0.2.200", RESULT_PASS, SOURCE_LOCAL_POLICY,
		    rows[i].published, "+include:forwarders.example.net");
		expect(zone, "192.0.2.99", RESULT_NEUTRAL,
		    SOURCE_LOCAL_POLICY, rows[i].published, "?ip4:192.0.2.99");
		expect(zone, "192.0.2.66", RESULT_FAIL, SOURCE_LOCAL_POLICY,
		    rows[i].published, "-ip4:192.0.2.66");
		expect(zone, "192.0.2.20", rows[i].published, SOURCE_RECORD,
		    rows[i].published, rows[i].end[0] == '\0' ? "default" :
		    rows[i].end[0] == 'r' ? "-all" : rows[i].end);
		free(zone);
	}
}

static void
test_local_policy_changes_nothing_that_the_record_names(void **state)
{
	static const char zone[] = "example.com. TXT \"v=spf1 "
	    "-ip4:192.0.2.1 ~a:a.example.com include:i.example.com +all\"\n"
	    "a.example.com. A 192.0.2.2\n"
	    "i.example.com. TXT \"v=spf1 -all\"\n" ZONE_OF_FORWARDERS;

	(void)state;
	set_ours(forwarders, NULL);
	expect(zone, "192.0.2.1", RESULT_FAIL, SOURCE_RECORD, RESULT_FAIL,
	    "-ip4:192.0.2.1");
	expect(zone, "192.0.2.2", RESULT_SOFTFAIL, SOURCE_RECORD,
	    RESULT_SOFTFAIL, "~a:a.example.com");
	/* Within an include it would make it match. */
	expect(zone, "192.0.2.9", RESULT_PASS, SOURCE_RECORD, RESULT_PASS,
	    "+all");
	assert_int_equal(v.lookups, 2);
}

static void
test_local_policy_speaks_for_domains_without_record(void **state)
{
	static const char zone[] = "example.com. A 192.0.2.1\n"
	    ZONE_OF_FORWARDERS;

	(void)state;
	set_ours(forwarders, NULL);
	expect(zone, "192.0.2.9", RESULT_PASS, SOURCE_LOCAL_POLICY,
	    RESULT_NONE, "+ip4:192.0.2.0/28");
	assert_string_equal(v.problem, "");
	assert_string_equal(v.record, "");
	expect(zone, "192.0.2.20", RESULT_NONE, SOURCE_RECORD, RESULT_NONE,
	    "");
	assert_string_equal(v.problem, "no SPF record at example.com");
	expect(ZONE_OF_FORWARDERS, "192.0.2.9", RESULT_NONE, SOURCE_RECORD,
	    RESULT_NONE, "");
	expect("example.com. TXT \"v=spf1 foo\"\n", "192.0.2.9",
	    RESULT_PERMERROR, SOURCE_RECORD, RESULT_PERMERROR, "");
	expect("example.com. SERVFAIL TXT\n", "192.0.2.9", RESULT_TEMPERROR,
	    SOURCE_RECORD, RESULT_TEMPERROR, "");
}

/* RFC 7208 s4.6.4, over the record and the local policy together. */
static void
test_local_policy_over_a_limit_leaves_the_record_alone(void **state)
{
	static const char zone[] =
	    "example.com. TXT \"v=spf1 a:1.example.com exists:%{d}.y a mx a a "
	    "a a a -all\"\n"
	    "1.example.com. A 198.51.100.1\nexample.com. A 198.51.100.1\n"
	    "example.com. MX 1 1.example.com.\n"
	    "example.com.y. A 127.0.0.2\n";
	uint64_t errors = stats_get(STATS_OWN_RECORD_ERRORS);

	(void)state;
	set_ours("v=spf1 a:f.example.net a:1.example.com", NULL);
	expect(zone, "192.0.2.9", RESULT_PASS, SOURCE_RECORD, RESULT_PASS,
	    "+exists:%{d}.y");
	expect("example.com. TXT \"v=spf1 a a a a a a a a a -all\"\n"
	    "example.com. A 198.51.100.1\n1.example.com. A 192.0.2.9\n"
	    "f.example.net. A 198.51.100.1\n", "192.0.2.9", RESULT_FAIL,
	    SOURCE_RECORD, RESULT_FAIL, "-all");
	assert_int_equal(v.lookups, 10);
	assert_string_equal(v.problem, "");
	assert_int_equal(stats_get(STATS_OWN_RECORD_ERRORS), errors + 1);
	/* Two void lookups of the record, the third of the local policy. */
	expect("example.com. TXT \"v=spf1 a:x.example.com a:y.example.com "
	    "-all\"\n1.example.com. A 192.0.2.9\n", "192.0.2.9", RESULT_FAIL,
	    SOURCE_RECORD, RESULT_FAIL, "-all");
	assert_int_equal(v.voids, 2);
	assert_string_equal(v.void_terms,
	    "a:x.example.com, a:y.example.com");
}

static void
test_local_policy_that_is_broken_leaves_the_record_alone(void **state)
{
	(void)state;
	set_ours("v=spf1 include:forwarders.example.net", NULL);
	expect("example.com. TXT \"v=spf1 -all\"\n", "192.0.2.9", RESULT_FAIL,
	    SOURCE_RECORD, RESULT_FAIL, "-all");
	assert_string_equal(v.problem, "");
	expect("example.com. TXT \"v=spf1 ~all exp=e.example.com\"\n"
	    "forwarders.example.net. TXT \"v=spf1 foo\"\n", "192.0.2.9",
	    RESULT_SOFTFAIL, SOURCE_RECORD, RESULT_SOFTFAIL, "~all");
	assert_string_equal(v.record, "v=spf1 ~all exp=e.example.com");
}

/* It might let the mail through that its domain's record does not. */
static void
test_local_policy_that_cannot_be_asked_defers_refusals(void **state)
{
	static const struct {
		const char	*record;
		enum result	 result;
	} rows[] = {
		{ "v=spf1 -all", RESULT_TEMPERROR },
		{ "v=spf1 ~all", RESULT_TEMPERROR },
		{ "v=spf1 ?all", RESULT_NEUTRAL },
		{ "v=spf1 ip4:192.0.2.9 -all", RESULT_PASS },
		{ "none", RESULT_NONE }
	};

	(void)state;
	set_ours("v=spf1 ip4:192.0.2.1 include:forwarders.example.net", NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *zone = xasprintf("example.com. TXT \"%s\"\n"
		    "forwarders.example.net. SERVFAIL\n", rows[i].record);

		evaluate(zone, "192.0.2.9");
		assert_int_equal(v.result, rows[i].result);
		assert_int_equal(v.source, v.result == RESULT_TEMPERROR ?
		    SOURCE_LOCAL_POLICY : SOURCE_RECORD);
		free(zone);
	}
	evaluate("example.com. TXT \"v=spf1 -all\"\n"
	    "forwarders.example.net. SERVFAIL\n", "192.0.2.9");
	assert_string_equal(v.problem,
	    "DNS error for TXT forwarders.example.net: SERVFAIL");
	assert_int_equal(v.published, RESULT_FAIL);
}

static void
test_explanation_is_of_the_domain_and_for_its_own_fail(void **state)
{
	static const char zone[] = "example.com. TXT \"v=spf1 -all "
	    "exp=e.example.com\"\ne.example.com. TXT \"Ask us.\"\n"
	    ZONE_OF_FORWARDERS;

	(void)state;
	set_ours(forwarders, NULL);
	expect(zone, "192.0.2.20", RESULT_FAIL, SOURCE_RECORD, RESULT_FAIL,
	    "-all");
	assert_string_equal(v.explanation, "Ask us.");
	expect(zone, "192.0.2.66", RESULT_FAIL, SOURCE_LOCAL_POLICY,
	    RESULT_FAIL, "-ip4:192.0.2.66");
	assert_string_equal(v.explanation, "");
}

/* The guess */

#define GUESS "v=spf1 a/24 mx/24 ptr ?all"

static void
test_guess_is_for_domains_without_record_that_exist(void **state)
{
	static const char zone[] = "example.com. A 192.0.2.1\n"
	    "example.com. MX 1 m.example.com.\nm.example.com. A 198.51.100.1\n"
	    "1.113.0.203.in-addr.arpa. PTR p.example.com.\n"
	    "p.example.com. A 203.0.113.1\n";

	(void)state;
	set_ours(NULL, GUESS);
	expect(zone, "192.0.2.77", RESULT_PASS, SOURCE_GUESS, RESULT_NONE,
	    "+a/24");
	assert_string_equal(v.problem, "");
	assert_string_equal(v.record, "");
	expect(zone, "198.51.100.77", RESULT_PASS, SOURCE_GUESS, RESULT_NONE,
	    "+mx/24");
	expect(zone, "203.0.113.1", RESULT_PASS, SOURCE_GUESS, RESULT_NONE,
	    "+ptr");
	expect(zone, "203.0.113.2", RESULT_NEUTRAL, SOURCE_GUESS, RESULT_NONE,
	    "?all");
	expect("example.com. TXT \"v=spf1 -all\"\nexample.com. A 192.0.2.1\n",
	    "192.0.2.1", RESULT_FAIL, SOURCE_RECORD, RESULT_FAIL, "-all");
	expect("", "192.0.2.1", RESULT_NONE, SOURCE_RECORD, RESULT_NONE, "");
	assert_int_equal(v.queries, 1);
	/* An include without record is a permerror. */
	expect("example.com. TXT \"v=spf1 include:i.example.com\"\n"
	    "example.com. A 192.0.2.1\ni.example.com. A 192.0.2.1\n",
	    "192.0.2.1", RESULT_PERMERROR, SOURCE_RECORD, RESULT_PERMERROR,
	    "");
}

static void
test_guess_that_fails_is_none(void **state)
{
	(void)state;
	set_ours(NULL, "v=spf1 a:x.example.com a:y.example.com "
	    "a:z.example.com -all");
	expect("example.com. A 192.0.2.1\n", "192.0.2.1", RESULT_NONE,
	    SOURCE_RECORD, RESULT_NONE, "");
	assert_string_equal(v.problem, "no SPF record at example.com");
	expect("example.com. A 192.0.2.1\nx.example.com. SERVFAIL\n",
	    "192.0.2.1", RESULT_NONE, SOURCE_RECORD, RESULT_NONE, "");
	assert_string_equal(v.problem, "no SPF record at example.com");
}

/* As with qmail: spfrules stand before the "all" of spfguess, too. */
static void
test_local_policy_stands_before_the_all_of_a_guess(void **state)
{
	static const char zone[] = "example.com. A 192.0.2.130\n"
	    ZONE_OF_FORWARDERS;

	(void)state;
	set_ours(forwarders, "v=spf1 ~a -all");
	expect(zone, "192.0.2.130", RESULT_SOFTFAIL, SOURCE_GUESS, RESULT_NONE,
	    "~a");
	expect(zone, "192.0.2.131", RESULT_PASS, SOURCE_LOCAL_POLICY,
	    RESULT_NONE, "+include:forwarders.example.net");
	expect(zone, "192.0.2.20", RESULT_FAIL, SOURCE_GUESS, RESULT_NONE,
	    "-all");
	assert_int_equal(v.lookups, 2);
	assert_string_equal(v.explanation, "");
	set_ours("v=spf1 -ip4:192.0.2.0/24", "v=spf1 +all");
	expect(zone, "192.0.2.1", RESULT_PASS, SOURCE_GUESS, RESULT_NONE,
	    "+all");
	expect("example.com. TXT \"v=spf1 +all\"\n", "192.0.2.1",
	    RESULT_PASS, SOURCE_RECORD, RESULT_PASS, "+all");
}

static void
test_trace_tells_whose_each_record_is(void **state)
{
	static const enum source want[] = { SOURCE_RECORD, SOURCE_GUESS,
		SOURCE_LOCAL_POLICY, SOURCE_LOCAL_POLICY };
	size_t n = 0;

	(void)state;
	set_ours(forwarders, "v=spf1 a -all");
	evaluate("example.com. A 198.51.100.1\n" ZONE_OF_FORWARDERS,
	    "192.0.2.200");
	for (size_t i = 0; i < v.trace->count; i++) {
		const struct trace_entry *e = &v.trace->entries[i];

		if (e->kind != TRACE_RECORD)
			continue;
		assert_true(n < COUNT(want));
		assert_int_equal(e->whose, want[n++]);
		assert_int_equal(e->parent == TRACE_NONE, n < 4);
	}
	assert_int_equal(n, COUNT(want));
}

/* The deepest that a record can be with ours behind it. */
static void
test_ours_fit_behind_the_deepest_record(void **state)
{
	char zone[4096];
	struct sbuf sb;

	(void)state;
	set_ours("v=spf1 a:f.example.net a:f.example.net a:f.example.net",
	    NULL);
	r.max_lookups = EVAL_LOOKUPS_MAX;
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "example.com. TXT \"v=spf1 include:0.example.com "
	    "-all\"\nf.example.net. A 192.0.2.9\n");
	for (unsigned i = 0; i < EVAL_LOOKUPS_MAX; i++)
		sbuf_fmt(&sb, "%u.example.com. TXT \"v=spf1 %s%u%s\"\n", i,
		    i + 2 < EVAL_LOOKUPS_MAX ? "include:" : "ip4:198.51.100.",
		    i + 1, i + 2 < EVAL_LOOKUPS_MAX ? ".example.com" : "");
	expect(zone, "192.0.2.9", RESULT_PASS, SOURCE_LOCAL_POLICY,
	    RESULT_FAIL, "+a:f.example.net");
	assert_int_equal(v.lookups, EVAL_LOOKUPS_MAX);
}

/* Wide open */

static void
check_wide(const char *ip, const char *zone, const char *want)
{
	evaluate(zone, ip);
	if (strcmp(v.wide_open, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", zone, v.wide_open, want);
}

static void
test_record_that_passes_everybody_is_named(void **state)
{
	static const struct {
		const char	*record;
		const char	*wide4;
		const char	*wide6;
	} rows[] = {
		{ "+all", "+all", "+all" },
		{ "a all", "+all", "+all" },
		{ "ip4:203.0.113.0/24 ip4:0.0.0.0/0 -all",
		    "+ip4:0.0.0.0/0", "" },
		{ "ip6:::/0 ip4:0.0.0.0/1 -all", "+ip4:0.0.0.0/1",
		    "+ip6:::/0" },
		{ "+ip4:128.0.0.0/7 -all", "+ip4:128.0.0.0/7", "" },
		{ "ip4:17.0.0.0/8 ip6:2000::/16 -all", "", "" },
		{ "ip6:2000::/15 -all", "", "+ip6:2000::/15" },
		{ "mx/4//12 -all", "+mx/4//12", "+mx/4//12" },
		{ "a/0 ~all", "+a/0", "" },
		{ "?all", "", "" }, { "~ip4:0.0.0.0/0 -all", "", "" },
		{ "-all +all", "", "" }, { "mx", "", "" },
		{ "include:open.example.com -all",
		    "+all of open.example.com", "+all of open.example.com" },
		{ "-include:open.example.com -all", "", "" },
		{ "redirect=r.example.com", "+all of open.example.com",
		    "+all of open.example.com" },
		{ "?include:r.example.com -all", "", "" },
	};

	(void)state;
	set_ours(NULL, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *zone = xasprintf("example.com. TXT \"v=spf1 %s\"\n"
		    "example.com. A 198.51.100.1\n"
		    "example.com. AAAA 2001:db8:5::1\n"
		    "example.com. MX 1 example.com.\n"
		    "open.example.com. TXT \"v=spf1 +all\"\n"
		    "r.example.com. TXT \"v=spf1 include:open.example.com "
		    "-all\"\n", rows[i].record);

		check_wide("192.0.2.1", zone, rows[i].wide4);
		check_wide("2001:db8::1", zone, rows[i].wide6);
		free(zone);
	}
}

static void
test_what_wide_open_means_is_the_callers(void **state)
{
	static const char zone[] = "example.com. TXT "
	    "\"v=spf1 ip4:192.0.0.0/10 ip6:2001::/20 -all\"\n";

	(void)state;
	set_ours(NULL, NULL);
	r.wide_open_prefix = 11;
	r.wide_open_prefix6 = 21;
	check_wide("192.0.2.1", zone, "+ip4:192.0.0.0/10");
	check_wide("2001:db8::1", zone, "+ip6:2001::/20");
	r.wide_open_prefix = 10;
	r.wide_open_prefix6 = 0;
	check_wide("192.0.2.1", zone, "");
	check_wide("2001:db8::1", zone, "");
}

static void
test_wide_open_costs_no_lookup(void **state)
{
	static const char zone[] = "example.com. TXT \"v=spf1 ip4:192.0.2.1 "
	    "include:open.example.com -all\"\n"
	    "open.example.com. TXT \"v=spf1 +all\"\n";

	(void)state;
	set_ours(NULL, NULL);
	check_wide("192.0.2.1", zone, "");
	assert_int_equal(v.queries, 1);
	check_wide("192.0.2.2", zone, "+all of open.example.com");
	assert_int_equal(v.queries, 2);
}

static void
test_client_that_nobody_lets_in_proves_an_open_record(void **state)
{
	static const char zone[] = "example.com. TXT \"v=spf1 "
	    "exists:%{ir}.%{l}.example.com -all\"\n"
	    "*.user.example.com. A 127.0.0.2\n"
	    "tight.example.com. TXT \"v=spf1 exists:%{ir}.t.example.com "
	    "-all\"\n1.2.0.192.t.example.com. A 127.0.0.2\n";

	(void)state;
	set_ours(NULL, NULL);
	check_wide("192.0.2.1", zone, "");
	assert_int_equal(v.queries, 2);
	assert_true(addr_parse(&r.self_test, "203.0.113.7"));
	check_wide("192.0.2.1", zone,
	    "+exists:%{ir}.%{l}.example.com for 203.0.113.7");
	assert_int_equal(v.queries, 3);
	assert_int_equal(v.lookups, 1);
	r.domain = "tight.example.com";
	check_wide("192.0.2.1", zone, "");
	assert_int_equal(v.result, RESULT_PASS);
	/* What does not pass needs no proof. */
	check_wide("192.0.2.2", zone, "");
	assert_int_equal(v.result, RESULT_FAIL);
	assert_int_equal(v.queries, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_local_policy_stands_before_an_all_that_does_not_pass),
		cmocka_unit_test(
		    test_local_policy_changes_nothing_that_the_record_names),
		cmocka_unit_test(
		    test_local_policy_speaks_for_domains_without_record),
		cmocka_unit_test(
		    test_local_policy_over_a_limit_leaves_the_record_alone),
		cmocka_unit_test(
		    test_local_policy_that_is_broken_leaves_the_record_alone),
		cmocka_unit_test(
		    test_local_policy_that_cannot_be_asked_defers_refusals),
		cmocka_unit_test(
		    test_explanation_is_of_the_domain_and_for_its_own_fail),
		cmocka_unit_test(
		    test_guess_is_for_domains_without_record_that_exist),
		cmocka_unit_test(test_guess_that_fails_is_none),
		cmocka_unit_test(
		    test_local_policy_stands_before_the_all_of_a_guess),
		cmocka_unit_test(test_trace_tells_whose_each_record_is),
		cmocka_unit_test(test_ours_fit_behind_the_deepest_record),
		cmocka_unit_test(test_record_that_passes_everybody_is_named),
		cmocka_unit_test(test_what_wide_open_means_is_the_callers),
		cmocka_unit_test(test_wide_open_costs_no_lookup),
		cmocka_unit_test(
		    test_client_that_nobody_lets_in_proves_an_open_record),
	};

	eval_init();
	return cmocka_run_group_tests_name("eval_ours", tests, NULL,
	    forget_ours);
}
