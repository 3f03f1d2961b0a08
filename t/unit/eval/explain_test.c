/* SPDX-License-Identifier: BSD-2-Clause */
/* Evaluations in a DNS of ours, drawn as people see them. */

#include "unit.h"

#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/explain.h"
#include "eval_mail.h"
#include "fake_dns.h"

#define DAY_MS 86400000

struct fixture {
	struct fake_dns		 fake;
	struct dns		*dns;
	struct eval_request	 request;
	struct eval_verdict	 verdict;
	struct explanation	*explanation;
};

static int
set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.request = eval_mail();
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	explain_free(f->explanation);
	eval_verdict_fini(&f->verdict);
	record_free(f->request.local_policy);
	dns_free(f->dns);
	return 0;
}

static void
evaluate(struct fixture *f, const char *zone)
{
	const struct dns_options o = { .query_timeout_ms = DAY_MS,
		.cache_size = 1 << 20 };

	f->dns = fake_dns_open(&f->fake, zone, &o);
	assert_non_null(f->dns);
	struct dns_view *view = dns_view_new(f->dns, NULL,
	    util_now_ms() + 9 * (int64_t)DAY_MS, EVAL_MAX_QUERIES);
	while (!eval_run(view, &f->request, &f->verdict))
		fake_dns_wait(view);
	dns_view_free(view);
	f->explanation = explain_new(&f->verdict);
}

/* A star before what is on the way to the result. */
static void
assert_drawn(const struct fixture *f, enum explain_drawing drawing,
    const char *want)
{
	static char drawn[32768];
	struct sbuf sb;

	sbuf_init(&sb, drawn, sizeof(drawn));
	for (size_t i = 0; i < f->explanation->count; i++) {
		explain_put_branch(f->explanation, i, true, drawing, &sb);
		if (f->explanation->lines[i].decides)
			sbuf_str(&sb, "* ");
		explain_put_text(f->explanation, i, &sb);
		sbuf_char(&sb, '\n');
	}
	assert_true(sbuf_ok(&sb));
	assert_string_equal(drawn, want);
}

static void
check(struct fixture *f, const char *zone, const char *want)
{
	evaluate(f, zone);
	assert_drawn(f, EXPLAIN_ASCII, want);
}

static void
test_tree_of_includes_and_redirects(void **state)
{
	check(*state,
	    "$TTL 300\n"
	    "example.com. TXT \"v=spf1 ip4:198.51.100.0/24 include:i.%{d} "
	    "a:x.%{d} ip6:2001:db8::/32 redirect=r.%{d}\"\n"
	    "i.example.com. TXT \"v=spf1 mx/24 ?all\"\n"
	    "i.example.com. MX 1 m1.example.com.\n"
	    "i.example.com. MX 2 m2.example.com.\n"
	    "m1.example.com. A 203.0.113.1\n"
	    "m2.example.com. A 203.0.113.2\n"
	    "x.example.com. A 203.0.113.3\n"
	    "x.example.com. A 203.0.113.4\n"
	    "r.example.com. TXT \"v=spf1 exists:%{i}.x.example -all a "
	    "exp=e.%{d}\"\n"
	    "e.r.example.com. TXT \"not %{i}\"\n",
	    "* example.com: fail\n"
	    "|- TXT example.com: v=spf1 ip4:198.51.100.0/24 include:i.%{d} "
	    "a:x.%{d} ip6:2001:db8::/32 redirect=r.%{d} (TTL 300)\n"
	    "|- ip4:198.51.100.0/24: no match, the client is not in it\n"
	    "|- include:i.%{d} (i.example.com): no match, its record says "
	    "neutral [lookup 1]\n"
	    "|  |- TXT i.example.com: v=spf1 mx/24 ?all (TTL 300)\n"
	    "|  |- mx/24 (i.example.com): no match, the client is none of its "
	    "addresses [lookup 2]\n"
	    "|  |  |- MX i.example.com: 1 m1.example.com, 2 m2.example.com "
	    "(TTL 300)\n"
	    "|  |  |- A m1.example.com: 203.0.113.1 (TTL 300)\n"
	    "|  |  `- A m2.example.com: 203.0.113.2 (TTL 300)\n"
	    "|  `- ?all: match: neutral\n"
	    "|- a:x.%{d} (x.example.com): no match, the client is none of its "
	    "addresses [lookup 3]\n"
	    "|  `- A x.example.com: 203.0.113.3, 203.0.113.4 (TTL 300)\n"
	    "|- ip6:2001:db8::/32: no match, the client is not in it\n"
	    "`- * redirect=r.%{d} (r.example.com): followed: fail "
	    "[lookup 4]\n"
	    "   |- TXT r.example.com: v=spf1 exists:%{i}.x.example -all a "
	    "exp=e.%{d} (TTL 300)\n"
	    "   |- exists:%{i}.x.example (192.0.2.1.x.example): no match, "
	    "there is no such address [lookup 5]\n"
	    "   |  `- A 192.0.2.1.x.example: no such name (TTL 300)\n"
	    "   |- * -all: match: fail\n"
	    "   |- not reached: a exp=e.%{d}\n"
	    "   `- TXT e.r.example.com: not %{i} (TTL 300)\n");
}

/* From the last term of which it was known, and why. */
static void
test_limit_is_told_where_it_ended_it(void **state)
{
	struct fixture *f = *state;

	f->request.max_lookups = 2;
	check(f, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 include:%{d2} a -all\"\n",
	    "* example.com: permerror\n"
	    "|- TXT example.com: v=spf1 include:%{d2} a -all (TTL 60)\n"
	    "|- * include:%{d2} (example.com): stopped [lookup 1]\n"
	    "|  |- TXT example.com: v=spf1 include:%{d2} a -all (TTL 60)\n"
	    "|  |- * include:%{d2} (example.com): stopped [lookup 2]\n"
	    "|  |  |- TXT example.com: v=spf1 include:%{d2} a -all (TTL 60)\n"
	    "|  |  |- * include:%{d2}: stopped [lookup 3]: more than 2 DNS "
	    "lookups\n"
	    "|  |  `- not reached: a -all\n"
	    "|  `- not reached: a -all\n"
	    "`- not reached: a -all\n");
}

static void
test_void_lookups_are_counted(void **state)
{
	check(*state, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 a mx include:i.example.com -all\"\n"
	    "i.example.com. TXT \"v=spf1 exists:x.example.com +all\"\n",
	    "* example.com: permerror\n"
	    "|- TXT example.com: v=spf1 a mx include:i.example.com -all "
	    "(TTL 60)\n"
	    "|- a (example.com): no match, the client is none of its "
	    "addresses [lookup 1]\n"
	    "|  `- A example.com: no such data (TTL 60)\n"
	    "|- mx (example.com): no match, the client is none of its "
	    "addresses [lookup 2, 1 void before it]\n"
	    "|  `- MX example.com: no such data (TTL 60)\n"
	    "|- * include:i.example.com: stopped [lookup 3, 2 void before "
	    "it]\n"
	    "|  |- TXT i.example.com: v=spf1 exists:x.example.com +all "
	    "(TTL 60)\n"
	    "|  |- * exists:x.example.com: stopped [lookup 4, 2 void "
	    "before it]: more than 2 void DNS lookups: a:example.com, "
	    "mx:example.com, exists:x.example.com\n"
	    "|  |  `- A x.example.com: no such name (TTL 60)\n"
	    "|  `- not reached: +all\n"
	    "`- not reached: -all\n");
}

static void
test_what_the_dns_fails_at_is_told(void **state)
{
	check(*state, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 a:a..example.com ptr:b.example mx "
	    "-all\"\n"
	    "1.2.0.192.in-addr.arpa. PTR a.b.example.\n"
	    "a.b.example. SERVFAIL\n"
	    "example.com. MX 5 h1.example.com.\n"
	    "example.com. MX 5 h2.example.com.\n"
	    "example.com. MX 5 h3.example.com.\n"
	    "example.com. MX 5 h4.example.com.\n"
	    "example.com. MX 5 h5.example.com.\n"
	    "h1.example.com. SERVFAIL\n",
	    "* example.com: temperror\n"
	    "|- TXT example.com: v=spf1 a:a..example.com ptr:b.example mx "
	    "-all (TTL 60)\n"
	    "|- a:a..example.com: no match, it has no name that can be "
	    "asked for [lookup 1]\n"
	    "|- ptr:b.example: no match, no confirmed name of the client "
	    "is in it [lookup 2]\n"
	    "|  |- PTR 1.2.0.192.in-addr.arpa: a.b.example (TTL 60)\n"
	    "|  `- A a.b.example: SERVFAIL (TTL 5)\n"
	    "|- * mx (example.com): stopped [lookup 3]: DNS error for A "
	    "h1.example.com: SERVFAIL\n"
	    "|  |- MX example.com: 5 h1.example.com, 5 h2.example.com, 5 "
	    "h3.example.com, 5 h4.example.com and 1 more (TTL 60)\n"
	    "|  `- A h1.example.com: SERVFAIL (TTL 5)\n"
	    "`- not reached: -all\n");
}

static void
test_records_that_are_none_are_told(void **state)
{
	check(*state, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 include:i.example.com -all\"\n"
	    "i.example.com. TXT \"v=spf1 foo\"\n",
	    "* example.com: permerror\n"
	    "|- TXT example.com: v=spf1 include:i.example.com -all (TTL 60)\n"
	    "|- * include:i.example.com: stopped [lookup 1]: unknown "
	    "mechanism \"foo\" at octet 7 of the SPF record of "
	    "i.example.com\n"
	    "|  `- TXT i.example.com: v=spf1 foo (TTL 60)\n"
	    "`- not reached: -all\n");
}

static void
test_no_match_is_the_default(void **state)
{
	check(*state, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 ip4:198.51.100.1\"\n",
	    "* example.com: neutral\n"
	    "|- TXT example.com: v=spf1 ip4:198.51.100.1 (TTL 60)\n"
	    "|- ip4:198.51.100.1: no match, the client is not in it\n"
	    "`- * nothing matched: neutral\n");
}

/* A root for each record, and the way is that of the one that counts. */
static void
test_records_of_ours_are_trees_of_their_own(void **state)
{
	static const char text[] = "v=spf1 a:x.example.net";
	struct fixture *f = *state;
	struct record_error error;

	f->request.local_policy = record_parse(text, strlen(text), &error);
	check(f, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 -all\"\n"
	    "x.example.net. A 192.0.2.1\n",
	    "example.com: fail\n"
	    "|- TXT example.com: v=spf1 -all (TTL 60)\n"
	    "`- -all: match: fail\n"
	    "* local policy, v=spf1 a:x.example.net: pass\n"
	    "`- * a:x.example.net: match: pass [lookup 1]\n"
	    "   `- A x.example.net: 192.0.2.1 (TTL 60)\n");
}

static void
test_tree_is_drawn_with_lines(void **state)
{
	struct fixture *f = *state;
	char text[64];
	struct sbuf sb;

	evaluate(f, "$TTL 60\n"
	    "example.com. TXT \"v=spf1 include:i.example.com -all\"\n"
	    "i.example.com. TXT \"v=spf1\"\n");
	assert_drawn(f, EXPLAIN_UTF8,
	    "* example.com: fail\n"
	    "\xe2\x94\x9c\xe2\x94\x80 TXT example.com: v=spf1 "
	    "include:i.example.com -all (TTL 60)\n"
	    "\xe2\x94\x9c\xe2\x94\x80 include:i.example.com: no match, its "
	    "record says neutral "
	    "[lookup 1]\n"
	    "\xe2\x94\x82  \xe2\x94\x9c\xe2\x94\x80 TXT i.example.com: "
	    "v=spf1 (TTL 60)\n"
	    "\xe2\x94\x82  \xe2\x94\x94\xe2\x94\x80 nothing matched: neutral\n"
	    "\xe2\x94\x94\xe2\x94\x80 * -all: match: fail\n");
	sbuf_init(&sb, text, sizeof(text));
	explain_put_branch(f->explanation, 3, false, EXPLAIN_ASCII, &sb);
	assert_string_equal(text, "|  |  ");
}

static void
test_text_that_does_not_fit_is_cut(void **state)
{
	struct fixture *f = *state;
	char text[24];
	struct sbuf sb;

	evaluate(f, "$TTL 60\nexample.com. TXT \"v=spf1 a -all\"\n");
	sbuf_init(&sb, text, sizeof(text));
	explain_put_text(f->explanation, 1, &sb);
	assert_string_equal(text, "TXT example.com: ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_tree_of_includes_and_redirects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_limit_is_told_where_it_ended_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_void_lookups_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_the_dns_fails_at_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_records_that_are_none_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_no_match_is_the_default, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_records_of_ours_are_trees_of_their_own,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_tree_is_drawn_with_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_text_that_does_not_fit_is_cut, set_up, tear_down),
	};

	eval_init();
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
