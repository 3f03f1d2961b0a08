/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces of evaluations in a DNS of ours, drawn as a tree. */

#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/trace.h"
#include "eval_mail.h"
#include "fake_dns.h"

#define DAY_MS 86400000
#define DAY "86400"

/* Drawing */

static const char *
match_name(enum trace_match m)
{
	static const char *const names[] = {
		[TRACE_NOT_REACHED] = "not reached",
		[TRACE_STOPPED] = "stopped",
		[TRACE_NO_MATCH] = "no match",
		[TRACE_MATCH] = "match",
	};

	return names[m];
}

static const char *
status_name(enum dns_status s)
{
	static const char *const names[] = {
		[DNS_OK] = "found", [DNS_NODATA] = "no data",
		[DNS_NXDOMAIN] = "no name", [DNS_TEMPERROR] = "error",
		[DNS_PENDING] = "pending", [DNS_LIMIT] = "limit",
	};

	return names[s];
}

static void
indent(struct sbuf *sb, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		sbuf_str(sb, "  ");
}

static void
draw_question(struct sbuf *sb, const struct trace_entry *e, unsigned depth)
{
	static const char *const sources[] = {
		[DNS_SOURCE_NETWORK] = "", [DNS_SOURCE_CACHE] = " cached",
		[DNS_SOURCE_STALE] = " stale",
	};

	indent(sb, depth);
	sbuf_fmt(sb, "? %u %s %s%s\n", (unsigned)e->type, e->name,
	    status_name(e->status), sources[e->source]);
}

static void draw_record(struct sbuf *sb, const struct trace *t, size_t record,
    unsigned depth);

static void
draw_below(struct sbuf *sb, const struct trace *t, size_t parent,
    unsigned depth)
{
	for (size_t i = parent + 1; i < t->count; i++) {
		const struct trace_entry *e = &t->entries[i];

		if (e->parent != parent)
			continue;
		if (e->kind == TRACE_QUESTION)
			draw_question(sb, e, depth);
		else if (e->kind == TRACE_RECORD)
			draw_record(sb, t, i, depth);
	}
}

static void
draw_term(struct sbuf *sb, const struct trace *t, size_t record, size_t term,
    unsigned depth)
{
	const struct record *r = t->entries[record].record;
	enum trace_match match = trace_term_match(t, record, term);
	const struct trace_entry *e = trace_find_term(t, record, term);

	if (match == TRACE_NOT_REACHED)
		return;
	indent(sb, depth);
	if (term < r->count)
		sbuf_add(sb, r->text + r->terms[term].offset,
		    r->terms[term].len);
	else
		sbuf_str(sb, "redirect");
	sbuf_fmt(sb, ": %s", match_name(match));
	if (e != NULL)
		sbuf_fmt(sb, " (%u, %u) %s", e->lookups, e->voids, e->name);
	sbuf_char(sb, '\n');
	if (e != NULL)
		draw_below(sb, t, (size_t)(e - t->entries), depth + 1);
}

static void
draw_record(struct sbuf *sb, const struct trace *t, size_t record,
    unsigned depth)
{
	const struct trace_entry *e = &t->entries[record];

	indent(sb, depth);
	sbuf_fmt(sb, "%s: %s\n", e->name, result_name(e->result));
	draw_below(sb, t, record, depth + 1);
	for (size_t i = 0; e->record != NULL && i <= e->record->count; i++)
		draw_term(sb, t, record, i, depth + 1);
}

static void
assert_drawn(const struct trace *t, const char *want)
{
	static char drawn[16384];
	struct sbuf sb;

	assert_non_null(t);
	sbuf_init(&sb, drawn, sizeof(drawn));
	draw_record(&sb, t, 0, 0);
	assert_true(sbuf_ok(&sb));
	assert_string_equal(drawn, want);
}

/* Evaluations */

struct fixture {
	struct fake_dns		 fake;
	struct dns		*dns;
	struct eval_request	 request;
	struct eval_verdict	 verdict;
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

	eval_verdict_fini(&f->verdict);
	dns_free(f->dns);
	return 0;
}

static void
open_zone(struct fixture *f, const char *zone)
{
	const struct dns_options o = { .query_timeout_ms = DAY_MS,
		.cache_size = 1 << 20, .serve_stale_ms = 2 * DAY_MS };

	f->dns = fake_dns_open(&f->fake, zone, &o);
	assert_non_null(f->dns);
}

/* What a trace points to has to outlive the view. */
static void
evaluate(struct fixture *f)
{
	struct dns_view *view = dns_view_new(f->dns, NULL,
	    util_now_ms() + 9 * (int64_t)DAY_MS, EVAL_MAX_QUERIES);

	eval_verdict_fini(&f->verdict);
	while (!eval_run(view, &f->request, &f->verdict))
		fake_dns_wait(view);
	dns_view_free(view);
}

static void
check(struct fixture *f, const char *zone, enum result want,
    const char *drawn)
{
	open_zone(f, zone);
	evaluate(f);
	assert_int_equal(f->verdict.result, want);
	assert_drawn(f->verdict.trace, drawn);
}

static void
test_trace_is_a_tree_of_includes_and_redirects(void **state)
{
	check(*state,
	    "$TTL 0\n"
	    "example.com. TXT \"v=spf1 ip4:198.51.100.0/24 include:i.%{d} "
	    "a:x.%{d} ip6:2001:db8::/32 redirect=r.%{d}\"\n"
	    "i.example.com. TXT \"v=spf1 mx/24 ?all\"\n"
	    "i.example.com. MX 1 m1.example.com.\n"
	    "i.example.com. MX 2 m2.example.com.\n"
	    "m1.example.com. A 203.0.113.1\n"
	    "m2.example.com. A 203.0.113.2\n"
	    "x.example.com. A 203.0.113.3\n"
	    "r.example.com. TXT \"v=spf1 exists:%{i}.x.example -all a "
	    "exp=e.%{d}\"\n"
	    "e.r.example.com. TXT \"not %{i}\"\n", RESULT_FAIL,
	    "example.com: fail\n"
	    "  ? 16 example.com found\n"
	    "  ip4:198.51.100.0/24: no match\n"
	    "  include:i.%{d}: no match (0, 0) i.example.com\n"
	    "    i.example.com: neutral\n"
	    "      ? 16 i.example.com found\n"
	    "      mx/24: no match (1, 0) i.example.com\n"
	    "        ? 15 i.example.com found\n"
	    "        ? 1 m1.example.com found\n"
	    "        ? 1 m2.example.com found\n"
	    "      ?all: match\n"
	    "  a:x.%{d}: no match (2, 0) x.example.com\n"
	    "    ? 1 x.example.com found\n"
	    "  ip6:2001:db8::/32: no match\n"
	    "  redirect: match (3, 0) r.example.com\n"
	    "    r.example.com: fail\n"
	    "      ? 16 r.example.com found\n"
	    "      ? 16 e.r.example.com found\n"
	    "      exists:%{i}.x.example: no match (4, 0) "
	    "192.0.2.1.x.example\n"
	    "        ? 1 192.0.2.1.x.example no name\n"
	    "      -all: match\n");
}

static void
test_trace_ends_with_the_term_that_matches(void **state)
{
	check(*state,
	    "example.com. TXT \"v=spf1 include:i.example.com a -all\"\n"
	    "i.example.com. TXT \"v=spf1 a:n.example.com mx/24 mx -all\"\n"
	    "n.example.com. A 192.0.2.2\n"
	    "i.example.com. MX 1 n.example.com.\n"
	    "i.example.com. MX 2 gone.example.com.\n", RESULT_PASS,
	    "example.com: pass\n"
	    "  ? 16 example.com found\n"
	    "  include:i.example.com: match (0, 0) i.example.com\n"
	    "    i.example.com: pass\n"
	    "      ? 16 i.example.com found\n"
	    "      a:n.example.com: no match (1, 0) n.example.com\n"
	    "        ? 1 n.example.com found\n"
	    "      mx/24: match (2, 0) i.example.com\n"
	    "        ? 15 i.example.com found\n"
	    "        ? 1 n.example.com found\n");
}

static void
test_trace_tells_terms_that_ask_nothing(void **state)
{
	check(*state, "example.com. TXT \"v=spf1 ip4:198.51.100.1 "
	    "ip6:2001:db8::1 ~ip4:192.0.2.0/24 a -all\"\n", RESULT_SOFTFAIL,
	    "example.com: softfail\n"
	    "  ? 16 example.com found\n"
	    "  ip4:198.51.100.1: no match\n"
	    "  ip6:2001:db8::1: no match\n"
	    "  ~ip4:192.0.2.0/24: match\n");
}

static void
test_trace_of_a_record_without_match_is_neutral(void **state)
{
	check(*state, "example.com. TXT \"v=spf1 include:i.example.com "
	    "ip4:198.51.100.1\"\n"
	    "i.example.com. TXT \"v=spf1\"\n", RESULT_NEUTRAL,
	    "example.com: neutral\n"
	    "  ? 16 example.com found\n"
	    "  include:i.example.com: no match (0, 0) i.example.com\n"
	    "    i.example.com: neutral\n"
	    "      ? 16 i.example.com found\n"
	    "  ip4:198.51.100.1: no match\n");
}

static void
test_trace_tells_where_void_lookups_end_it(void **state)
{
	check(*state, "example.com. TXT \"v=spf1 a mx "
	    "include:i.example.com -all\"\n"
	    "i.example.com. TXT \"v=spf1 exists:x.example.com +all\"\n",
	    RESULT_PERMERROR,
	    "example.com: none\n"
	    "  ? 16 example.com found\n"
	    "  a: no match (0, 0) example.com\n"
	    "    ? 1 example.com no data\n"
	    "  mx: no match (1, 1) example.com\n"
	    "    ? 15 example.com no data\n"
	    "  include:i.example.com: stopped (2, 2) i.example.com\n"
	    "    i.example.com: none\n"
	    "      ? 16 i.example.com found\n"
	    "      exists:x.example.com: stopped (3, 2) x.example.com\n"
	    "        ? 1 x.example.com no name\n");
}

static void
test_trace_tells_where_the_limit_ends_it(void **state)
{
	struct fixture *f = *state;

	f->request.max_lookups = 2;
	check(f, "example.com. TXT \"v=spf1 include:example.com a\"\n",
	    RESULT_PERMERROR,
	    "example.com: none\n"
	    "  ? 16 example.com found\n"
	    "  include:example.com: stopped (0, 0) example.com\n"
	    "    example.com: none\n"
	    "      ? 16 example.com found\n"
	    "      include:example.com: stopped (1, 0) example.com\n"
	    "        example.com: none\n"
	    "          ? 16 example.com found\n"
	    "          include:example.com: stopped (2, 0) \n");
}

static void
test_trace_shows_names_and_records_that_are_none(void **state)
{
	check(*state, "example.com. TXT \"v=spf1 a:a..example.com "
	    "ptr:b.example include:i.example.com -all\"\n"
	    "1.2.0.192.in-addr.arpa. PTR a.b.example.\n"
	    "a.b.example. SERVFAIL\n"
	    "i.example.com. TXT \"v=spf1 foo\"\n", RESULT_PERMERROR,
	    "example.com: none\n"
	    "  ? 16 example.com found\n"
	    "  a:a..example.com: no match (0, 0) \n"
	    "  ptr:b.example: no match (1, 0) b.example\n"
	    "    ? 12 1.2.0.192.in-addr.arpa found\n"
	    "    ? 1 a.b.example error\n"
	    "  include:i.example.com: stopped (2, 0) i.example.com\n"
	    "    i.example.com: none\n"
	    "      ? 16 i.example.com found\n");
}

static void
test_trace_tells_what_was_cached_or_stale(void **state)
{
	static const char zone[] = "$TTL " DAY "\n"
	    "example.com. TXT \"v=spf1 a -all\"\n"
	    "example.com. 1 A 192.0.2.9\n";
	struct fixture *f = *state;

	open_zone(f, zone);
	evaluate(f);
	assert_int_equal(f->verdict.trace->entries[1].answer->ttl, 86400);
	fake_dns_advance(&f->fake, 2000);
	fake_dns_set_zone(&f->fake, "example.com. SERVFAIL\n");
	evaluate(f);
	assert_true(f->verdict.stale);
	assert_drawn(f->verdict.trace,
	    "example.com: fail\n"
	    "  ? 16 example.com found cached\n"
	    "  a: no match (0, 0) example.com\n"
	    "    ? 1 example.com found stale\n"
	    "  -all: match\n");
}

static void
test_trace_is_made_only_where_wanted(void **state)
{
	struct fixture *f = *state;

	f->request.want_trace = false;
	open_zone(f, "example.com. TXT \"v=spf1 a -all\"\n");
	evaluate(f);
	assert_null(f->verdict.trace);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_trace_is_a_tree_of_includes_and_redirects,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_ends_with_the_term_that_matches,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_tells_terms_that_ask_nothing,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_of_a_record_without_match_is_neutral,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_tells_where_void_lookups_end_it,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_tells_where_the_limit_ends_it,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_shows_names_and_records_that_are_none,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_tells_what_was_cached_or_stale,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_trace_is_made_only_where_wanted, set_up, tear_down),
	};

	eval_init();
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
