/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/eval_priv.h"
#include "eval/trace.h"
#include "spf/record.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FAR_AWAY_MS 3600000
#define ZONE_SIZE 65536

/* The canonical text of a record */

struct written {
	struct record		*record;
	struct eval_check	 check;
	struct eval_marks	 marks;
	struct eval_canon	 text;
};

static void
write_text(struct written *w, const char *text, const char *ip,
    unsigned budget)
{
	struct record_error err;
	struct addr client;

	memset(w, 0, sizeof(*w));
	assert_true(addr_parse(&client, ip));
	w->record = record_parse(text, strlen(text), &err);
	if (w->record == NULL)
		fail_msg("%s: %zu: %s", text, err.offset, err.message);
	w->check.record = w->record;
	eval_canon_write(&w->text, &w->marks, &w->check, &client, budget);
}

static void
check_text(const char *text, const char *ip, unsigned budget,
    const char *want)
{
	struct written w;

	write_text(&w, text, ip, budget);
	assert_string_equal(w.text.text, want);
	record_free(w.record);
}

static void
test_text_has_marks_instead_of_names(void **state)
{
	(void)state;
	check_text("v=spf1 a:%{l}.example.com MX -exists:%{i}.x.example.org "
	    "?ptr ptr:example.com ~include:x.example.com unknown=%{i} "
	    "exp=e.example.com redirect=r.example.com", "192.0.2.1", 10,
	    "v=spf1 a:_-0.x mx:_-1.x -exists:_-2.x ?exists:_-3.x "
	    "exists:_-4.x ~include:_-5.x redirect=_-6.x");
}

static void
test_text_puts_redirect_last(void **state)
{
	(void)state;
	check_text("v=spf1 redirect=r.example.com a mx", "192.0.2.1", 10,
	    "v=spf1 a:_-0.x mx:_-1.x redirect=_-2.x");
	check_text("v=spf1 redirect=r.example.com a all mx", "192.0.2.1", 10,
	    "v=spf1 a:_-0.x exists:_-1.x all");
}

static void
test_text_has_only_prefix_of_client_family(void **state)
{
	static const char record[] = "v=spf1 a/24//64 mx//48 a/32//128 "
	    "a:a.example.com/0//0 mx/8";

	(void)state;
	check_text(record, "192.0.2.1", 10, "v=spf1 a:_-0.x/24 mx:_-1.x "
	    "a:_-2.x a:_-3.x mx:_-4.x/8");
	check_text(record, "2001:db8::1", 10, "v=spf1 a:_-0.x//64 "
	    "mx:_-1.x//48 a:_-2.x a:_-3.x mx:_-4.x");
}

static void
test_text_ends_where_an_address_matches(void **state)
{
	static const char record[] = "v=spf1 ip4:198.51.100.1 "
	    "ip6:2001:db8:1::/48 ~ip4:192.0.2.0/24 -ip6:::/0 -ip4:0.0.0.0/0 "
	    "a -all";

	(void)state;
	check_text(record, "192.0.2.9", 10, "v=spf1 ~all");
	check_text(record, "203.0.113.1", 10, "v=spf1 -all");
	check_text(record, "2001:db8:1::5", 10, "v=spf1 all");
	check_text(record, "2001:db8:2::5", 10, "v=spf1 -all");
}

static void
test_text_probes_before_a_fixed_term(void **state)
{
	struct written w;

	(void)state;
	write_text(&w, "v=spf1 a -all", "192.0.2.1", 10);
	assert_string_equal(w.text.text, "v=spf1 a:_-0.x exists:_-1.x -all");
	assert_int_equal(w.text.terms, 3);
	assert_int_equal(w.marks.count, 2);
	assert_int_equal(w.marks.marks[0].kind, EVAL_MARK_TERM);
	assert_ptr_equal(w.marks.marks[0].term, &w.record->terms[0]);
	assert_int_equal(w.marks.marks[1].kind, EVAL_MARK_PROBE);
	assert_ptr_equal(w.marks.marks[1].term, &w.record->terms[1]);
	assert_ptr_equal(w.text.fixed, &w.record->terms[1]);
	record_free(w.record);
	check_text("v=spf1 -all", "192.0.2.1", 10, "v=spf1 -all");
}

static void
test_text_ends_when_the_limit_is_exceeded(void **state)
{
	(void)state;
	check_text("v=spf1 a mx ptr include:example.com all", "192.0.2.1", 2,
	    "v=spf1 a:_-0.x mx:_-1.x exists:_-2.x");
	check_text("v=spf1 a mx redirect=example.com", "192.0.2.1", 2,
	    "v=spf1 a:_-0.x mx:_-1.x redirect=_-2.x");
	check_text("v=spf1 a mx redirect=example.com", "192.0.2.1", 1,
	    "v=spf1 a:_-0.x mx:_-1.x");
	check_text("v=spf1 a ip4:192.0.2.1", "192.0.2.1", 0,
	    "v=spf1 a:_-0.x");
}

/* Evaluations */

static struct eval_verdict v;		/* the last one */

/* A request with its own texts, until the next one. */
static struct eval_request
request(const char *sender, const char *ip)
{
	static char local[512];
	struct eval_request r = {
		.scope = SCOPE_MAILFROM,
		.local = local,
		.helo = "mail.example.net",
		.receiver = "mx.example.org",
		.time_s = 1234567890,
		.max_lookups = 10,
		.max_void_lookups = 2,
		.want_explanation = true,
		.want_trace = true
	};

	assert_true(util_copy(local, sizeof(local), sender));
	char *at = strrchr(local, '@');
	assert_non_null(at);
	*at = '\0';
	r.domain = at + 1;
	assert_true(addr_parse(&r.client, ip));
	return r;
}

static struct fake_dns fake;

static struct dns *
open_zone(const char *zone)
{
	return fake_dns_open(&fake, zone, &(struct dns_options){
		.query_timeout_ms = FAR_AWAY_MS
	});
}

static struct dns_view *
new_view(struct dns *dns, unsigned max_queries)
{
	return dns_view_new(dns, NULL, util_now_ms() + FAR_AWAY_MS,
	    max_queries);
}

/*
 * Runs until view has learned every answer that is needed.  Returns how often
 * it had to wait.
 */
static unsigned
finish(struct dns_view *view, const struct eval_request *r)
{
	unsigned waits = 0;

	eval_verdict_fini(&v);
	while (!eval_run(view, r, &v)) {
		fake_dns_wait(view);
		assert_true(++waits <= EVAL_MAX_QUERIES);
	}
	return waits;
}

static void
assert_same_verdict(const struct eval_verdict *a, const struct eval_verdict *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->scope, b->scope);
	assert_int_equal(a->bogus, b->bogus);
	assert_int_equal(a->stale, b->stale);
	assert_int_equal(a->lookups, b->lookups);
	assert_int_equal(a->voids, b->voids);
	assert_int_equal(a->queries, b->queries);
	assert_string_equal(a->mechanism, b->mechanism);
	assert_string_equal(a->problem, b->problem);
	assert_string_equal(a->void_terms, b->void_terms);
	assert_string_equal(a->record_domain, b->record_domain);
	assert_string_equal(a->record, b->record);
	assert_string_equal(a->explanation, b->explanation);
	assert_string_equal(a->explanation_domain, b->explanation_domain);
}

static void
assert_result(enum result want)
{
	if (v.result != want)
		fail_msg("%s instead of %s: %s; %s", result_name(v.result),
		    result_name(want), v.problem, v.record);
}

/* And once more, in a view that knows all answers. */
static void
run(struct dns *dns, const struct eval_request *r, enum result want)
{
	struct dns_view *view = new_view(dns, EVAL_MAX_QUERIES);
	struct eval_verdict again;

	assert_true(finish(view, r) <= v.queries);
	assert_true(eval_run(view, r, &again));
	assert_same_verdict(&v, &again);
	eval_verdict_fini(&again);
	dns_view_free(view);
	assert_result(want);
	/* The trace finds out for itself what matches. */
	assert_int_equal(v.trace->entries[0].result,
	    *v.problem == '\0' ? want : RESULT_NONE);
}

static void
expect_zone(enum result want, const char *zone, const char *sender,
    const char *ip)
{
	struct eval_request r = request(sender, ip);
	struct dns *dns = open_zone(zone);

	run(dns, &r, want);
	dns_free(dns);
}

/* One record at example.com, and other lines of a zone. */
static void
expect_from(const char *ip, enum result want, const char *record,
    const char *more)
{
	char *zone = xasprintf("example.com. TXT \"%s\"\n%s", record, more);

	expect_zone(want, zone, "user@example.com", ip);
	free(zone);
}

static void
expect(enum result want, const char *record, const char *more)
{
	expect_from("192.0.2.1", want, record, more);
}

static void
test_verdict_tells_the_term_that_matched(void **state)
{
	static const char zone[] =
	    "example.com. TXT \"v=spf1 +a:a.example.com -MX/24 "
	    "include:%{l}.example.com ~ip4:198.51.100.0/24 ?all\"\n"
	    "a.example.com. A 192.0.2.1\n"
	    "example.com. MX 10 m.example.com.\n"
	    "m.example.com. A 203.0.113.1\n"
	    "user.example.com. TXT \"v=spf1 ip4:192.0.2.77 -all\"\n";
	static const struct {
		const char	*ip;
		enum result	 result;
		const char	*mechanism;
		unsigned	 lookups;
	} rows[] = {
		{ "192.0.2.1", RESULT_PASS, "+a:a.example.com", 1 },
		{ "203.0.113.9", RESULT_FAIL, "-MX/24", 2 },
		{ "192.0.2.77", RESULT_PASS, "+include:%{l}.example.com", 3 },
		{ "198.51.100.3", RESULT_SOFTFAIL, "~ip4:198.51.100.0/24", 3 },
		{ "192.0.2.2", RESULT_NEUTRAL, "?all", 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect_zone(rows[i].result, zone, "user@example.com",
		    rows[i].ip);
		assert_string_equal(v.mechanism, rows[i].mechanism);
		assert_int_equal(v.lookups, rows[i].lookups);
		assert_string_equal(v.problem, "");
		assert_string_equal(v.record_domain, "example.com");
		assert_memory_equal(v.record, "v=spf1 +a:", 10);
	}
}

static void
test_verdict_without_match_is_default(void **state)
{
	(void)state;
	expect(RESULT_NEUTRAL, "v=spf1 a", "example.com. A 192.0.2.7\n");
	assert_string_equal(v.mechanism, "default");
}

static void
test_verdict_after_redirect_is_of_its_target(void **state)
{
	static const char zone[] =
	    "example.com. TXT \"v=spf1 a redirect=r.example.com "
	    "exp=first.example.com\"\n"
	    "example.com. A 192.0.2.7\n"
	    "first.example.com. TXT \"of the first\"\n"
	    "r.example.com. TXT \"v=spf1 redirect=s.%{d}\"\n"
	    "s.r.example.com. TXT \"v=spf1 include:i.example.com mx -all "
	    "exp=e.%{d}\"\n"
	    "s.r.example.com. MX 0 m.example.com.\n"
	    "m.example.com. A 192.0.2.8\n"
	    "i.example.com. TXT \"v=spf1 redirect=j.example.com\"\n"
	    "j.example.com. TXT \"v=spf1 -all exp=j.example.com\"\n"
	    "e.s.r.example.com. TXT \"%{i} is not of %{d} but %{o}\"\n";

	(void)state;
	expect_zone(RESULT_FAIL, zone, "user@example.com", "192.0.2.9");
	assert_string_equal(v.mechanism, "-all");
	assert_string_equal(v.record_domain, "s.r.example.com");
	assert_memory_equal(v.record, "v=spf1 include:", 15);
	assert_string_equal(v.explanation,
	    "192.0.2.9 is not of s.r.example.com but example.com");
	assert_string_equal(v.explanation_domain, "s.r.example.com");
	expect_zone(RESULT_PASS, zone, "user@example.com", "192.0.2.8");
	assert_string_equal(v.mechanism, "+mx");
	assert_string_equal(v.explanation, "");
	assert_string_equal(v.explanation_domain, "");
}

static void
test_verdict_none_says_why(void **state)
{
	(void)state;
	expect_zone(RESULT_NONE, "example.com. A 192.0.2.1\n", "u@example.com",
	    "192.0.2.1");
	assert_string_equal(v.problem, "no SPF record at example.com");
	expect_zone(RESULT_NONE, "example.com. TXT \"v=spf10\"\n",
	    "u@example.com", "192.0.2.1");
	assert_string_equal(v.record, "");
	assert_string_equal(v.mechanism, "");
	expect_zone(RESULT_NONE, "example.com. A 192.0.2.1\n",
	    "u@gone.example.com", "192.0.2.1");
	assert_string_equal(v.problem,
	    "domain gone.example.com does not exist");
}

static void
test_verdict_of_bad_record_shows_it(void **state)
{
	uint64_t bad = stats_get(STATS_BAD_RECORD);

	(void)state;
	expect(RESULT_PERMERROR, "v=spf1 a -al", "");
	assert_string_equal(v.problem,
	    "unknown mechanism \"-al\" at octet 9 of the SPF record of "
	    "example.com");
	assert_string_equal(v.record, "v=spf1 a -al");
	assert_string_equal(v.record_domain, "example.com");
	assert_string_equal(v.mechanism, "");
	assert_int_equal(v.lookups, 0);
	assert_int_equal(stats_get(STATS_BAD_RECORD), bad + 2);
	expect(RESULT_PERMERROR, "v=spf1 a",
	    "example.com. TXT \"v=spf1 mx\"\n");
	assert_string_equal(v.problem, "2 SPF records at example.com");
}

static void
test_include_or_redirect_without_record_is_permerror(void **state)
{
	(void)state;
	expect(RESULT_PERMERROR, "v=spf1 include:a.example.com", "");
	expect(RESULT_PERMERROR, "v=spf1 redirect=a.example.com",
	    "a.example.com. TXT \"not SPF\"\n");
	/* A name that cannot be asked, or with one label only (s4.3). */
	expect(RESULT_PERMERROR, "v=spf1 redirect=a..example.com", "");
	expect(RESULT_PERMERROR, "v=spf1 include:%{d1r}",
	    "example. TXT \"v=spf1 +all\"\n");
	expect(RESULT_PERMERROR, "v=spf1 include:a.example.com ?all",
	    "a.example.com. TXT \"v=spf1 include:b.example.com\"\n"
	    "b.example.com. TXT \"v=spf1 foo\"\n");
	assert_non_null(strstr(v.problem, "SPF record of b.example.com"));
	assert_string_equal(v.record, "v=spf1 include:a.example.com ?all");
}

static void
test_names_that_dns_cannot_be_asked_do_not_match(void **state)
{
	(void)state;
	expect(RESULT_NEUTRAL, "v=spf1 a:a..example.com mx:a..example.com "
	    "exists:a..example.com ptr:a..example.com ?all", "");
	assert_int_equal(v.lookups, 4);
	assert_int_equal(v.voids, 0);
	assert_int_equal(v.queries, 1);
}

static void
test_dns_error_is_temperror_and_names_the_question(void **state)
{
	(void)state;
	expect_zone(RESULT_TEMPERROR, "example.com. SERVFAIL TXT\n",
	    "u@example.com", "192.0.2.1");
	assert_string_equal(v.problem,
	    "DNS error for TXT example.com: SERVFAIL");
	expect_from("2001:db8::1", RESULT_TEMPERROR, "v=spf1 mx -all",
	    "example.com. MX 1 m.example.com.\nm.example.com. SERVFAIL\n");
	assert_string_equal(v.problem,
	    "DNS error for AAAA m.example.com: SERVFAIL");
	assert_string_equal(v.mechanism, "");
	expect(RESULT_PASS, "v=spf1 ip4:192.0.2.1 a:gone.example.com -all",
	    "gone.example.com. SERVFAIL\n");
	assert_int_equal(v.queries, 1);
}

static void
test_deadline_is_temperror_even_within_ptr(void **state)
{
	struct eval_request r = request("user@example.com", "192.0.2.1");
	struct dns *dns = open_zone("example.com. TXT \"v=spf1 ptr -all\"\n");
	struct dns_view *view = new_view(dns, EVAL_MAX_QUERIES);
	struct eval_verdict late;

	(void)state;
	assert_false(eval_run(view, &r, &late));
	fake_dns_wait(view);
	assert_false(eval_run(view, &r, &late));
	fake_dns_advance(&fake, 2 * FAR_AWAY_MS);
	(void)finish(view, &r);
	assert_result(RESULT_TEMPERROR);
	assert_string_equal(v.problem,
	    "no answer in time for PTR 1.2.0.192.in-addr.arpa");
	assert_true(v.limited);
	dns_view_free(view);
	dns_free(dns);
}

static void
test_verdict_of_stale_answers_says_so(void **state)
{
	static const char *const zones[] = {
		"$TTL 10\nexample.com. TXT \"v=spf1 a -all\"\n"
		    "example.com. A 192.0.2.1\n",
		"$TTL 10\nexample.com. TXT \"v=spf1 ?a -all\"\n"
		    "example.com. SERVFAIL A\n"
	};
	static const struct {
		enum result	result;
		bool		stale;
	} rows[] = {
		{ RESULT_PASS, false }, { RESULT_NEUTRAL, true },
		{ RESULT_PASS, false }
	};
	struct dns_options o = { .query_timeout_ms = FAR_AWAY_MS,
		.cache_size = 1 << 20, .serve_stale_ms = FAR_AWAY_MS };
	struct eval_request r = request("user@example.com", "192.0.2.1");

	(void)state;
	struct dns *dns = fake_dns_open(&fake, zones[0], &o);
	for (size_t i = 0; i < COUNT(rows); i++) {
		fake_dns_set_zone(&fake, zones[i % 2]);
		run(dns, &r, rows[i].result);
		assert_int_equal(v.stale, rows[i].stale);
		fake_dns_advance(&fake, 10001);
	}
	dns_free(dns);
}

/* Limits (RFC 7208 s4.6.4) */

/* count times text to out, with its number where %u stands. */
static void
repeat(struct sbuf *out, const char *text, unsigned count)
{
	const char *number = strstr(text, "%u");

	for (unsigned i = 0; i < count; i++) {
		if (number == NULL) {
			sbuf_str(out, text);
			continue;
		}
		sbuf_add(out, text, (size_t)(number - text));
		sbuf_fmt(out, "%u%s", i, number + 2);
	}
	assert_true(sbuf_ok(out));
}

static char storage[ZONE_SIZE];

/* "v=spf1" with count times term and an end. */
static const char *
make_record(const char *term, unsigned count, const char *end)
{
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	sbuf_str(&sb, "v=spf1");
	repeat(&sb, term, count);
	sbuf_str(&sb, end);
	assert_true(sbuf_ok(&sb));
	return storage;
}

static void
test_ten_lookups_are_allowed_and_not_eleven(void **state)
{
	static const char other[] = "example.com. A 203.0.113.1\n"
	    "m.example.com. A 192.0.2.1\n";
	uint64_t before = stats_get(STATS_LIMIT_LOOKUPS);

	(void)state;
	expect(RESULT_PASS, make_record(" a", 9, " a:m.example.com -all"),
	    other);
	assert_int_equal(v.lookups, 10);
	assert_int_equal(stats_get(STATS_LIMIT_LOOKUPS), before);
	/* The eleventh would match, or is the last. */
	expect(RESULT_PERMERROR, make_record(" a", 10, " a:m.example.com -all"),
	    other);
	assert_string_equal(v.problem, "more than 10 DNS lookups");
	assert_int_equal(v.lookups, 10);
	assert_int_equal(stats_get(STATS_LIMIT_LOOKUPS), before + 2);
	expect(RESULT_PERMERROR, make_record(" a", 11, ""), other);
	expect(RESULT_PERMERROR, make_record(" a", 10, " redirect=example.com"),
	    other);
	/* What is not reached does not count, nor what needs no query. */
	expect(RESULT_PASS, make_record(" a", 10, " ip4:192.0.2.1 a a"), other);
	expect(RESULT_PASS, make_record(" a:m.example.com", 11, " -all"),
	    other);
}

static void
test_lookups_are_counted_over_the_whole_tree(void **state)
{
	static const char zone[] =
	    "example.com. TXT \"v=spf1 include:a.example.com "
	    "include:a.example.com a ip4:192.0.2.1 -all\"\n"
	    "a.example.com. TXT \"v=spf1 a a a redirect=b.example.com\"\n"
	    "b.example.com. TXT \"v=spf1 -all\"\n"
	    "a.example.com. A 203.0.113.1\n"
	    "example.com. A 203.0.113.1\n";

	(void)state;
	expect_zone(RESULT_PERMERROR, zone, "user@example.com", "192.0.2.1");
	assert_string_equal(v.problem, "more than 10 DNS lookups");
}

static void
test_max_lookups_is_the_callers(void **state)
{
	static const struct {
		const char	*term;
		const char	*ip;
	} rows[] = {
		{ " mx/24", "192.0.2.1" },
		{ " a//100", "2001:db9::" },
		{ " include:i.example.com", "192.0.2.1" },
		{ " ?exists:gone.%{d}", "192.0.2.1" },
	};
	static char zone[ZONE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		(void)snprintf(zone, sizeof(zone), "example.com. TXT \"%s\"\n"
		    "example.com. MX 1 example.com.\n"
		    "example.com. A 203.0.113.1\n"
		    "example.com. AAAA 2001:db8::1\n"
		    "gone.example.com. TXT \"empty\"\n"
		    "i.example.com. TXT \"v=spf1 -all\"\n",
		    make_record(rows[i].term, 21, " -all"));
		struct dns *dns = open_zone(zone);
		struct eval_request r = request("user@example.com",
		    rows[i].ip);
		r.max_void_lookups = 100;
		r.max_lookups = 0;
		run(dns, &r, RESULT_PERMERROR);
		/* The longest text; none of it is lost within libspf2. */
		r.max_lookups = 1000;
		run(dns, &r, RESULT_PERMERROR);
		assert_int_equal(v.lookups, EVAL_LOOKUPS_MAX);
		assert_string_equal(v.problem, "more than 20 DNS lookups");
		dns_free(dns);
	}
}

static void
test_deepest_nesting_is_within_libspf2(void **state)
{
	static const char *const forms[] = { "include:", "redirect=" };
	struct eval_request r = request("user@0.example.com", "192.0.2.1");
	static char zone[ZONE_SIZE];

	(void)state;
	for (size_t f = 0; f < COUNT(forms); f++) {
		struct sbuf sb;

		sbuf_init(&sb, zone, sizeof(zone));
		for (unsigned i = 0; i < 20; i++)
			sbuf_fmt(&sb, "%u.example.com. TXT "
			    "\"v=spf1 %s%u.example.com\"\n", i, forms[f],
			    i + 1);
		sbuf_str(&sb, "20.example.com. TXT \"v=spf1 +all\"\n");
		assert_true(sbuf_ok(&sb));
		struct dns *dns = open_zone(zone);
		r.max_lookups = 20;
		run(dns, &r, RESULT_PASS);
		assert_string_equal(v.mechanism,
		    f == 0 ? "+include:1.example.com" : "+all");
		r.max_lookups = 19;
		run(dns, &r, RESULT_PERMERROR);
		dns_free(dns);
	}
}

static void
test_include_bomb_costs_eleven_questions(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, zone, sizeof(zone));
	for (int depth = 0; depth < 6; depth++) {
		sbuf_fmt(&sb, "d%d.example.com. TXT \"v=spf1", depth);
		for (int i = 0; i < 10; i++)
			sbuf_fmt(&sb, " include:d%d.example.com", depth + 1);
		sbuf_str(&sb, " -all\"\n");
	}
	sbuf_str(&sb, "d6.example.com. TXT \"v=spf1 -all\"\n");
	assert_true(sbuf_ok(&sb));
	expect_zone(RESULT_PERMERROR, zone, "user@d0.example.com", "192.0.2.1");
	assert_true(v.queries <= 11);
	assert_int_equal(v.lookups, 10);

	/* All names differ. */
	expect_zone(RESULT_PERMERROR,
	    "*.example.com. TXT \"v=spf1 include:1.%{d} include:2.%{d} "
	    "include:3.%{d} include:4.%{d} include:5.%{d} include:6.%{d} "
	    "include:7.%{d} include:8.%{d} include:9.%{d} include:0.%{d}\"\n",
	    "user@x.example.com", "192.0.2.1");
	assert_int_equal(v.queries, 11);
}

static void
test_loop_of_records_ends(void **state)
{
	(void)state;
	expect(RESULT_PERMERROR, "v=spf1 redirect=example.com", "");
	expect(RESULT_PERMERROR, "v=spf1 include:EXAMPLE.com -all", "");
	assert_int_equal(v.queries, 1);
}

static void
test_two_void_lookups_are_allowed_and_not_three(void **state)
{
	uint64_t before = stats_get(STATS_LIMIT_VOID);

	(void)state;
	expect(RESULT_NEUTRAL, "v=spf1 a exists:gone.example.com ?all", "");
	assert_int_equal(v.voids, 2);
	/* The same name counts each time it occurs. */
	expect(RESULT_PERMERROR, "v=spf1 a a ptr ?all", "");
	assert_string_equal(v.problem, "more than 2 void DNS lookups: "
	    "a:example.com, a:example.com, ptr:1.2.0.192.in-addr.arpa");
	assert_int_equal(v.voids, 3);
	assert_int_equal(stats_get(STATS_LIMIT_VOID), before + 2);
	expect(RESULT_PERMERROR, "v=spf1 a mx include:a.example.com ?all",
	    "a.example.com. TXT \"v=spf1 a:a.a.example.com -all\"\n");
}

static void
test_void_lookups_are_named(void **state)
{
	(void)state;
	expect(RESULT_PASS, "v=spf1 -mx:%{l}.example.com ip4:192.0.2.1 ~a", "");
	assert_string_equal(v.void_terms, "mx:user.example.com");
	expect(RESULT_FAIL, "v=spf1 a -all", "example.com. A 192.0.2.2\n");
	assert_string_equal(v.void_terms, "");
}

/* The sender chooses the local part. */
static void
test_void_lookups_cannot_be_feigned_and_are_bounded(void **state)
{
	char name[EVAL_VOIDS_MAX];

	(void)state;
	memset(name, 'x', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	name[sizeof(name) - 1] = '\0';
	char *zone = xasprintf("example.com. TXT \"v=spf1 exists:%%{l}.com "
	    "exists:%s.com\" \" -all\"\n", name);
	expect_zone(RESULT_FAIL, zone, "a, mx:b\\\"\x1b@example.com",
	    "192.0.2.1");
	free(zone);
	assert_memory_equal(v.void_terms,
	    "exists:a??mx?b???.com, exists:xxxx", 34);
	assert_int_equal(strlen(v.void_terms), EVAL_VOIDS_MAX);
	assert_string_equal(v.void_terms + EVAL_VOIDS_MAX - 4, "x...");
}

static void
test_bad_terms_are_named_with_their_place(void **state)
{
	static const struct {
		const char	*record;
		const char	*problem;
	} rows[] = {
		{ "v=spf1 foo:bar -all", "unknown mechanism \"foo:bar\" at "
		    "octet 7" },
		{ "v=spf1  ip4:192.0.2.0/33 mx", "bad prefix length in "
		    "\"ip4:192.0.2.0/33\" at octet 22" },
		{ "v=spf1 -include", "expected : and a domain in "
		    "\"-include\" at octet 15" },
		{ "v=spf1 exp=a.example exp=b.example", "modifier given twice "
		    "\"exp=b.example\" at octet 21" },
		{ "v=spf1 -a:%{x}.example.com", "unknown macro letter in "
		    "\"-a:%{x}.example.com\" at octet 12" },
		{ "v=spf1 \\027[2J", "octet that is not printable at octet 7" },
		{ "v=spf1 y0123456789012345678901234567890123456789"
		    "012345678901234567890123456789", "unknown mechanism "
		    "\"y0123456789012345678901234567890123456789"
		    "0123456789012345678...\" at octet 7" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *want = xasprintf("%s of the SPF record of example.com",
		    rows[i].problem);
		expect(RESULT_PERMERROR, rows[i].record, "");
		assert_string_equal(v.problem, want);
		free(want);
	}
}

static void
test_hosts_of_mx_and_ptr_are_no_void_lookups(void **state)
{
	(void)state;
	expect(RESULT_NEUTRAL, "v=spf1 mx ptr ?all",
	    "example.com. MX 1 a.example.com.\n"
	    "example.com. MX 2 b.example.com.\n" "example.com. MX 3 .\n"
	    "1.2.0.192.in-addr.arpa. PTR c.example.com.\n"
	    "1.2.0.192.in-addr.arpa. PTR d.example.com.\n");
	assert_int_equal(v.voids, 0);
	assert_int_equal(v.lookups, 2);
	assert_int_equal(v.queries, 7);
}

static void
note_wake(void *arg)
{
	*(bool *)arg = true;
}

/* Of five hosts the fourth has the client.  The most questions at once. */
static unsigned
ask_five_hosts(struct dns *dns)
{
	struct eval_request r = request("user@example.com", "192.0.2.1");
	struct dns_view *view = new_view(dns, EVAL_MAX_QUERIES);
	unsigned most = 0;

	eval_verdict_fini(&v);
	while (!eval_run(view, &r, &v)) {
		bool woken = false;

		if (dns_view_fetch(view, note_wake, &woken))
			continue;
		unsigned n = fake_dns_answer_all(&fake);
		assert_true(woken);
		most = n > most ? n : most;
	}
	dns_view_free(view);
	assert_result(RESULT_PASS);
	assert_int_equal(v.queries, 6);
	return most;
}

static void
test_hosts_of_mx_after_the_first_are_asked_for_together(void **state)
{
	static const char zone[] = "$TTL 60\n"
	    "example.com. TXT \"v=spf1 mx -all\"\n"
	    "example.com. MX 0 m0.example.com.\n"
	    "example.com. MX 1 m1.example.com.\n"
	    "example.com. MX 2 m2.example.com.\n"
	    "example.com. MX 3 m3.example.com.\n"
	    "example.com. MX 4 m4.example.com.\n"
	    "m3.example.com. A 192.0.2.1\n";
	const struct dns_options o = { .query_timeout_ms = FAR_AWAY_MS,
		.cache_size = 1 << 20 };
	const struct dns_answer *a;

	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		struct dns *dns = fake_dns_open(&fake, zone, &o);
		struct dns_view *view = new_view(dns, 1);
		while (known == 1 && dns_query(view, "m3.example.com",
		    DNS_TYPE_A, &a) == DNS_PENDING)
			fake_dns_wait(view);
		dns_view_free(view);
		fake_dns_hold(&fake, "");
		/* None behind the one that is known to match. */
		assert_int_equal(ask_five_hosts(dns),
		    known == 1 ? 2 : 4);
		assert_int_equal(fake.asked, known == 1 ? 6 : 7);
		dns_free(dns);
	}
}

static void
answer_held(const char *name)
{
	struct fake_question *q = fake_dns_take(&fake, name);

	if (q == NULL)
		return;
	fake.zone->ops->start(fake.zone, q->name, q->type, q->done, q->arg);
	free(q);
}

/* The connection has one place left. */
static void
test_host_of_mx_that_is_needed_is_asked_for_first(void **state)
{
	static const char zone[] = "example.com. TXT \"v=spf1 mx -all\"\n"
	    "example.com. MX 0 m0.example.com.\n"
	    "example.com. MX 1 m1.example.com.\n"
	    "example.com. MX 2 m2.example.com.\n"
	    "example.com. MX 3 m3.example.com.\n"
	    "example.com. MX 4 m4.example.com.\n"
	    "m4.example.com. A 192.0.2.1\n";
	const struct dns_client c = { .connection = 1 };
	struct eval_request r = request("user@example.com", "192.0.2.1");
	struct dns *dns = open_zone(zone);
	struct dns_view *others = dns_view_new(dns, &c, INT64_MAX, 100);
	struct dns_view *view = dns_view_new(dns, &c, INT64_MAX,
	    EVAL_MAX_QUERIES);
	char name[24];

	(void)state;
	fake_dns_hold(&fake, "n");
	for (unsigned i = 0; i < 63; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_null(dns_view_ahead(others, name, DNS_TYPE_TXT));
	}
	fake_dns_hold(&fake, "m");
	eval_verdict_fini(&v);
	while (!eval_run(view, &r, &v)) {
		bool woken = false;

		if (dns_view_fetch(view, note_wake, &woken))
			continue;
		for (unsigned i = 0; i < 5; i++) {
			snprintf(name, sizeof(name), "m%u.example.com",
			    i);
			answer_held(name);
		}
		assert_true(woken);
	}
	assert_result(RESULT_PASS);
	dns_view_free(view);
	dns_view_free(others);
	dns_free(dns);
}

static void
test_eleven_mx_are_permerror(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	for (unsigned n = 10; n <= 11; n++) {
		sbuf_init(&sb, zone, sizeof(zone));
		repeat(&sb, "example.com. MX %u m.example.com.\n", n);
		sbuf_str(&sb, "m.example.com. A 192.0.2.1\n");
		expect(n == 10 ? RESULT_PASS : RESULT_PERMERROR,
		    "v=spf1 mx -all", zone);
		assert_string_equal(v.problem, n == 10 ? "" :
		    "more than 10 MX names at example.com");
	}
}

static void
test_query_limit_is_permerror(void **state)
{
	struct eval_request r = request("user@example.com", "192.0.2.1");
	struct dns *dns = open_zone("example.com. TXT \"v=spf1 a mx -all\"\n");
	struct dns_view *view = new_view(dns, 2);
	uint64_t before = stats_get(STATS_LIMIT_QUERIES);

	(void)state;
	(void)finish(view, &r);
	assert_result(RESULT_PERMERROR);
	assert_string_equal(v.problem, "too many DNS queries");
	assert_int_equal(stats_get(STATS_LIMIT_QUERIES), before + 1);
	dns_view_free(view);
	dns_free(dns);
}

/* Prefix lengths and addresses */

static void
test_prefix_zero_matches_any_address_of_a_name_with_one(void **state)
{
	static const char more[] = "example.com. A 203.0.113.1\n"
	    "m.example.com. AAAA 2001:db8::1\n"
	    "example.com. MX 1 m.example.com.\n";

	(void)state;
	expect(RESULT_PASS, "v=spf1 a/0 -all", more);
	expect(RESULT_FAIL, "v=spf1 a//0 -all", more);
	expect_from("2001:db9::", RESULT_FAIL, "v=spf1 a//0 -all", more);
	expect_from("2001:db9::", RESULT_PASS, "v=spf1 mx//0 -all", more);
	expect(RESULT_FAIL, "v=spf1 mx/0 -all", more);
	expect(RESULT_PASS, "v=spf1 ip4:203.0.113.1/0 -all", "");
	expect(RESULT_FAIL, "v=spf1 ip6:::/0 -all", "");
}

static void
test_every_prefix_length_is_exact(void **state)
{
	static char zone[ZONE_SIZE];

	(void)state;
	for (unsigned bits = 1; bits <= 128; bits++) {
		const unsigned bits4 = bits <= 32 ? bits : 32;

		(void)snprintf(zone, sizeof(zone),
		    "example.com. TXT \"v=spf1 a/%u//%u -all\"\n"
		    "example.com. A 203.0.113.200\n"
		    "example.com. AAAA 2001:db8:0:ffff::aaaa\n", bits4, bits);
		struct dns *dns = open_zone(zone);
		for (unsigned flip = 1; flip <= 128; flip++) {
			const bool v4 = bits % 2 != 0 && bits <= 32 &&
			    flip <= 32;
			struct eval_request r = request("user@example.com",
			    v4 ? "203.0.113.200" : "2001:db8:0:ffff::aaaa");

			r.client.bytes[(flip - 1) / 8] ^=
			    (uint8_t)(0x80 >> (flip - 1) % 8);
			run(dns, &r, flip > (v4 ? bits4 : bits) ?
			    RESULT_PASS : RESULT_FAIL);
		}
		dns_free(dns);
	}
}

static void
test_exists_asks_for_ipv4_whatever_the_client(void **state)
{
	(void)state;
	expect_from("2001:db8::1", RESULT_PASS,
	    "v=spf1 exists:%{ir}.%{v}.example.com -all",
	    "4.3.2.1.in-addr.example.com. A 127.0.0.2\n"
	    "*.ip6.example.com. A 127.0.0.2\n");
	assert_string_equal(v.mechanism, "+exists:%{ir}.%{v}.example.com");
	expect_from("2001:db8::1", RESULT_FAIL,
	    "v=spf1 exists:x.example.com -all",
	    "x.example.com. AAAA 2001:db8::1\n");
}

static void
test_loopback_gets_no_free_pass(void **state)
{
	(void)state;
	expect_from("127.0.0.1", RESULT_FAIL, "v=spf1 -all", "");
	expect_from("::1", RESULT_FAIL, "v=spf1 -all", "");
	expect_from("::ffff:127.0.0.1", RESULT_PASS,
	    "v=spf1 ip4:127.0.0.1 -all", "");
}

/* Names of the client: ptr and %{p} (RFC 7208 s5.5) */

#define REVERSE "1.2.0.192.in-addr.arpa. PTR "

static void
test_ptr_matches_validated_names_at_or_below_target(void **state)
{
	(void)state;
	expect(RESULT_PASS, "v=spf1 ptr -all", REVERSE "EXAMPLE.com.\n"
	    "example.com. A 192.0.2.1\n");
	expect(RESULT_PASS, "v=spf1 ptr:example.org -all", REVERSE
	    "a.b.example.ORG." "\na.b.example.org. A 192.0.2.1\n");
	expect(RESULT_FAIL, "v=spf1 ptr:example.org -all", REVERSE
	    "badexample.org.\n" "badexample.org. A 192.0.2.1\n");
	expect(RESULT_FAIL, "v=spf1 ptr -all", REVERSE "a.example.com.\n"
	    "a.example.com. A 192.0.2.2\n");
	expect_from("2001:db8::1", RESULT_PASS, "v=spf1 ptr -all",
	    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
	    ".ip6.arpa. PTR a.example.com.\n"
	    "a.example.com. AAAA 2001:db8::1\n");
}

static void
test_ptr_asks_only_for_names_that_can_match(void **state)
{
	(void)state;
	expect(RESULT_PASS, "v=spf1 ptr -all", REVERSE "a.example.org.\n"
	    REVERSE "b.example.org.\n" REVERSE "c.example.com.\n"
	    "c.example.com. A 192.0.2.1\n");
	assert_int_equal(v.queries, 3);
}

static void
test_ptr_errors_are_no_match(void **state)
{
	(void)state;
	expect(RESULT_NEUTRAL, "v=spf1 ptr ?all",
	    "1.2.0.192.in-addr.arpa. SERVFAIL\n");
	assert_int_equal(v.voids, 0);
	expect(RESULT_PASS, "v=spf1 ptr -all", REVERSE "a.example.com.\n"
	    REVERSE "b.example.com.\na.example.com. SERVFAIL\n"
	    "b.example.com. A 192.0.2.1\n");
}

static void
test_ptr_ignores_names_after_the_tenth(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	for (unsigned n = 10; n <= 11; n++) {
		sbuf_init(&sb, zone, sizeof(zone));
		repeat(&sb, REVERSE "n%u.example.com.\n", n);
		sbuf_fmt(&sb, "n%u.example.com. A 192.0.2.1\n", n - 1);
		expect(n == 10 ? RESULT_PASS : RESULT_FAIL, "v=spf1 ptr -all",
		    zone);
	}
}

static void
test_validated_name_prefers_the_domain_then_names_below(void **state)
{
	static const char all[] = "o.example.org. A 192.0.2.1\n"
	    "x.example.com. A 192.0.2.1\nexample.com. A 192.0.2.1\n"
	    "o.example.org.t.example.net. A 127.0.0.2\n"
	    "x.example.com.t.example.net. A 127.0.0.3\n"
	    "example.com.t.example.net. A 127.0.0.4\n"
	    "unknown.t.example.net. A 127.0.0.5\n";
	static const struct {
		const char	*names;
		const char	*term;
	} rows[] = {
		{ REVERSE "o.example.org.\n" REVERSE "x.example.com.\n"
		    REVERSE "example.com.\n",
		    "exists:example.com.t.example.net" },
		{ REVERSE "o.example.org.\n" REVERSE "x.example.com.\n",
		    "exists:x.example.com.t.example.net" },
		{ REVERSE "o.example.org.\n",
		    "exists:o.example.org.t.example.net" },
		{ REVERSE "y.example.com.\n",
		    "exists:unknown.t.example.net" },
		{ "", "exists:unknown.t.example.net" },
		{ "1.2.0.192.in-addr.arpa. SERVFAIL\n",
		    "exists:unknown.t.example.net" },
	};
	static char zone[ZONE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		/* The explanation shows which name it was. */
		(void)snprintf(zone, sizeof(zone), "%s%s"
		    "e.example.com. TXT \"exists:%%{p}.t.example.net\"\n",
		    rows[i].names, all);
		expect(RESULT_FAIL, "v=spf1 -exists:%{p}.t.example.net ?all "
		    "exp=e.example.com", zone);
		assert_string_equal(v.explanation, rows[i].term);
	}
}

static void
test_validated_name_is_asked_for_only_where_reached(void **state)
{
	(void)state;
	expect(RESULT_PASS, "v=spf1 a exists:%{p}.example.org -all",
	    "example.com. A 192.0.2.1\n");
	assert_int_equal(v.queries, 2);
}

/* Explanations (RFC 7208 s6.2) */

static void
check_explanation(const char *more, const char *want)
{
	expect(RESULT_FAIL, "v=spf1 -all exp=e.%{d}", more);
	assert_string_equal(v.explanation, want);
	assert_string_equal(v.explanation_domain,
	    *want == '\0' ? "" : "example.com");
}

static void
test_explanation_is_expanded(void **state)
{
	(void)state;
	check_explanation("e.example.com. TXT \"%{i} is not one of %{d}'s; "
	    "see http://%{d}/why.html?s=%{S}&i=%{C}&r=%{r}&t=%{t}\"\n",
	    "192.0.2.1 is not one of example.com's; "
	    "see http://example.com/why.html?s=user%40example.com&"
	    "i=192.0.2.1&r=mx.example.org&t=1234567890");
}

static void
test_explanation_in_trouble_is_none_and_changes_nothing(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	check_explanation("", "");
	check_explanation("e.example.com. SERVFAIL\n", "");
	check_explanation("e.example.com. TXT \"one\"\n"
	    "e.example.com. TXT \"two\"\n", "");
	check_explanation("e.example.com. TXT \"\"\n", "");
	check_explanation("e.example.com. TXT \"100% sure\"\n", "");
	check_explanation("e.example.com. TXT \"%{x}\"\n", "");
	check_explanation("e.example.com. TXT \"caf\\195\\169\"\n", "");
	check_explanation("e.example.com. TXT \"a\\010b\"\n", "");
	/* Expands to more than anybody wants to read. */
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "e.example.com. TXT");
	for (int i = 0; i < 20; i++) {
		sbuf_str(&sb, " \"");
		repeat(&sb, "%{S}%{S}", 25);
		sbuf_str(&sb, "\"");
	}
	sbuf_str(&sb, "\n");
	check_explanation(zone, "");
}

static void
test_explanation_too_long_is_cut(void **state)
{
	static char zone[ZONE_SIZE];
	static char want[EVAL_EXPLANATION_MAX + 1];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "e.example.com. TXT");
	for (int i = 0; i < 10; i++) {
		sbuf_str(&sb, " \"");
		repeat(&sb, "x", 200);
		sbuf_str(&sb, "\"");
	}
	sbuf_str(&sb, "\n");
	memset(want, 'x', sizeof(want) - 1);
	check_explanation(zone, want);
}

static void
test_explanation_with_odd_octets_of_the_sender_is_none(void **state)
{
	static const char *const senders[] = {
		"caf\xc3\xa9@example.com", "a\rb@example.com"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		expect_zone(RESULT_FAIL,
		    "example.com. TXT \"v=spf1 -all exp=e.example.com\"\n"
		    "e.example.com. TXT \"not from %{l}\"\n", senders[i],
		    "192.0.2.1");
		assert_string_equal(v.explanation, "");
	}
}

static void
test_explanation_is_not_fetched_without_need(void **state)
{
	static const char zone[] = "example.com. TXT "
	    "\"v=spf1 -ip4:192.0.2.1 ~all exp=e.example.com\"\n"
	    "e.example.com. TXT \"why\"\n";
	struct eval_request r = request("user@example.com", "192.0.2.1");

	(void)state;
	expect_zone(RESULT_SOFTFAIL, zone, "user@example.com", "192.0.2.2");
	assert_int_equal(v.queries, 1);
	expect_zone(RESULT_FAIL, zone, "user@example.com", "192.0.2.1");
	assert_string_equal(v.explanation, "why");
	assert_int_equal(v.queries, 2);
	r.want_explanation = false;
	struct dns *dns = open_zone(zone);
	run(dns, &r, RESULT_FAIL);
	assert_string_equal(v.explanation, "");
	assert_int_equal(v.queries, 1);
	dns_free(dns);
}

static void
test_explanation_does_not_count_as_lookup_or_void(void **state)
{
	(void)state;
	expect(RESULT_FAIL, "v=spf1 a mx -all exp=e.example.com", "");
	assert_int_equal(v.lookups, 2);
	assert_int_equal(v.voids, 2);
	assert_int_equal(v.queries, 4);
}

/* What libspf2 by itself gets wrong */

static void
test_macros_are_ours_and_not_those_of_libspf2(void **state)
{
	static const struct {
		const char	*sender;
		const char	*spec;
		const char	*name;
	} rows[] = {
		{ "one@example.com", "%{l1r-}.x.example.org",
		    "one.x.example.org" },
		{ "u@a.example.com", "%{d4}.x.example.org",
		    "a.example.com.x.example.org" },
		{ "a,b@example.com", "%{l1,}.x.example.org",
		    "b.x.example.org" },
		{ "a/b@example.com", "%{lr/}.x.example.org",
		    "b.a.x.example.org" },
		{ "a+b-c@example.com", "%{lr+-}.x.example.org",
		    "c.b.a.x.example.org" },
	};
	static char zone[ZONE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		(void)snprintf(zone, sizeof(zone),
		    "*.com. TXT \"v=spf1 exists:%s -all\"\n%s. A 127.0.0.2\n",
		    rows[i].spec, rows[i].name);
		expect_zone(RESULT_PASS, zone, rows[i].sender, "192.0.2.1");
	}
}

static void
test_malformed_terms_are_permerror(void **state)
{
	static const char *const records[] = {
		"v=spf1 exists:%{l|}.example.com +all",
		"v=spf1 a:/24 +all",
		"v=spf1 ip4:1.2.3.4/4294967304 +all",
		"v=spf1 +all ip4:1.2.3.4/33",
		"v=spf1 +all exp=%{",
		"v=spf1 +all redirect=a.example.com redirect=a.example.com",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(records); i++)
		expect_from("1.2.3.4", RESULT_PERMERROR, records[i],
		    "example.com. A 1.2.3.4\n");
}

static void
test_redirect_waits_for_all_mechanisms(void **state)
{
	static const char more[] = "r.example.com. TXT \"v=spf1 -all\"\n"
	    "example.com. A 192.0.2.1\n";

	(void)state;
	expect(RESULT_PASS, "v=spf1 redirect=r.example.com a", more);
	expect_from("192.0.2.2", RESULT_FAIL, "v=spf1 redirect=r.example.com a",
	    more);
	expect_from("192.0.2.2", RESULT_NEUTRAL,
	    "v=spf1 redirect=r.example.com ?all", more);
}

static void
test_private_modifiers_of_libspf2_are_unknown_ones(void **state)
{
	(void)state;
	expect(RESULT_FAIL, "v=spf1 exp-text=private -all default=allow "
	    "exp=e.example.com", "e.example.com. TXT \"public\"\n");
	assert_string_equal(v.explanation, "public");
}

/* Hostile records */

static void
test_hundred_addresses_are_read_to_the_end(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "example.com. TXT \"v=spf1\"");
	repeat(&sb, " \" ip4:198.51.100.%u\"", 100);
	repeat(&sb, " \" ip6:2001:db8::%u\"", 100);
	sbuf_str(&sb, " \" -all\"\n");
	static const struct {
		const char	*ip;
		enum result	 result;
	} rows[] = {
		{ "198.51.100.0", RESULT_PASS },
		{ "198.51.100.99", RESULT_PASS },
		{ "198.51.100.100", RESULT_FAIL },
		{ "2001:db8::99", RESULT_PASS },
		{ "2001:db8::9a", RESULT_FAIL },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_zone(rows[i].result, zone, "user@example.com",
		    rows[i].ip);
}

/*
 * The compiler of libspf2 1.2.10 writes past its buffer for a "%" at the
 * edge of a prefix length (CVE-2023-42118), and for long literals behind
 * macros.
 */
static void
test_triggers_of_overflows_in_libspf2_do_not_reach_it(void **state)
{
	static const char *const specs[] = {
		"a:%/24", "a:x.example.com%/24", "a:%{d/24", "a:%{d}%/32",
		"a:%%%/32", "mx:%{/24", "mx:%{d%/24//64", "exists:%{",
		"exists:%", "exists:%{d", "include:%{d}%", "ptr:%{d}%{",
		"redirect=%", "exp=%", "exp=%{d", "exp=%{", "a:%{d}/24%",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(specs); i++) {
		char record[128];

		(void)snprintf(record, sizeof(record), "v=spf1 %s +all",
		    specs[i]);
		expect(RESULT_PERMERROR, record, "example.com. A 192.0.2.1\n");
		(void)snprintf(record, sizeof(record), "v=spf1 +all %s",
		    specs[i]);
		expect(RESULT_PERMERROR, record, "example.com. A 192.0.2.1\n");
	}
}

/* A domain-spec of n macros and a literal of len octets, in strings. */
static void
long_zone(struct sbuf *sb, const char *prefix, unsigned n, unsigned len)
{
	sbuf_str(sb, "example.com. TXT \"v=spf1 ");
	sbuf_str(sb, prefix);
	sbuf_str(sb, "\"");
	for (; n > 0; n--)
		sbuf_str(sb, " \"%{d}.\"");
	for (; len > 0; len--)
		sbuf_str(sb, len % 60 == 0 ? " \".\"" : " \"y\"");
	sbuf_str(sb, " \".example.com ?all\"\n");
	assert_true(sbuf_ok(sb));
}

static void
test_long_legal_terms_are_harmless(void **state)
{
	static const char *const prefixes[] = {
		"a:", "mx:", "exists:", "ptr:", "exp=", "redirect=",
		"unknown="
	};
	static char zone[ZONE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct sbuf sb;

		for (unsigned n = 1; n <= 301; n += 100) {
			sbuf_init(&sb, zone, sizeof(zone));
			long_zone(&sb, prefixes[i], n, 255 * 8);
			expect_zone(RESULT_NEUTRAL, zone, "user@example.com",
			    "192.0.2.1");
		}
	}
}

static void
test_explanation_of_many_macros_and_a_long_literal(void **state)
{
	static char zone[ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "e.example.com. TXT");
	repeat(&sb, " \"%{v}\"", 100);
	repeat(&sb, " \"0123456789\"", 90);
	sbuf_str(&sb, "\n");
	expect(RESULT_FAIL, "v=spf1 -all exp=e.example.com", zone);
	assert_memory_equal(v.explanation, "in-addrin-addr", 14);
	assert_int_equal(strlen(v.explanation), EVAL_EXPLANATION_MAX);
}

static void
test_odd_octets_in_a_record_are_permerror(void **state)
{
	(void)state;
	expect(RESULT_PERMERROR, "v=spf1 +all\\000", "");
	expect(RESULT_PERMERROR, "v=spf1 a\\000 +all", "");
	expect(RESULT_PERMERROR, "v=spf1 +all\\009", "");
	expect(RESULT_PERMERROR, "v=spf1 +all\\013\\010", "");
	expect(RESULT_PERMERROR, "v=spf1 \\150all", "");
	/* NUL right after the version: not an SPF record at all. */
	expect(RESULT_NONE, "v=spf1\\000 +all", "");
}

static void
test_record_of_64k_is_permerror(void **state)
{
	static char zone[2 * ZONE_SIZE];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, zone, sizeof(zone));
	sbuf_str(&sb, "example.com. TXT \"v=spf1\"");
	for (int i = 0; i < 250; i++)
		sbuf_fmt(&sb, " \" %-240s\"", "a");
	sbuf_str(&sb, "\n");
	assert_true(sbuf_ok(&sb));
	expect_zone(RESULT_PERMERROR, zone, "user@example.com", "192.0.2.1");
	assert_int_equal(strlen(v.record), RECORD_TEXT_MAX);
}

static void
test_sender_cannot_reach_the_text(void **state)
{
	static const char zone[] =
	    "*.example.com. TXT \"v=spf1 exists:%{s}.%{h}.x.example.org "
	    "-all\"\n";
	static const char *const senders[] = {
		"x.example +all@a.example.com",
		"%{d}%{%@a.example.com",
		"_-0.x@_-0.example.com",
		"\"a b\"@a.example.com",
		"\x01\x80\xff@a.example.com",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		expect_zone(RESULT_FAIL, zone, senders[i], "192.0.2.1");
	}
}

/* Others */

static void
test_verdict_is_small_and_outlives_its_view(void **state)
{
	struct eval_request r = request("user@example.com", "192.0.2.1");
	struct dns *dns = open_zone("example.com. TXT \"v=spf1 ~all\"\n");
	struct dns_view *view = new_view(dns, EVAL_MAX_QUERIES);

	(void)state;
	(void)finish(view, &r);
	dns_view_free(view);
	dns_free(dns);
	(void)request("other@example.org", "192.0.2.1");
	assert_string_equal(v.record, "v=spf1 ~all");
	assert_string_equal(v.record_domain, "example.com");
	assert_string_equal(v.mechanism, "~all");
	/* Every connection keeps one. */
	assert_true(sizeof(v) <= 112);
}

static void
test_evaluation_without_lookup_is_filled(void **state)
{
	struct eval_verdict made;

	(void)state;
	memset(&made, 0xff, sizeof(made));
	eval_without_lookup(&made, SCOPE_HELO, RESULT_NONE, "address literal");
	assert_int_equal(made.result, RESULT_NONE);
	assert_int_equal(made.scope, SCOPE_HELO);
	assert_false(made.bogus);
	assert_false(made.stale);
	assert_int_equal(made.lookups, 0);
	assert_int_equal(made.voids, 0);
	assert_int_equal(made.queries, 0);
	assert_string_equal(made.problem, "address literal");
	assert_string_equal(made.mechanism, "");
	assert_string_equal(made.wide_open, "");
	assert_int_equal(made.source, SOURCE_RECORD);
	assert_int_equal(made.published, RESULT_NONE);
	assert_string_equal(made.record, "");
	assert_string_equal(made.record_domain, "");
	assert_string_equal(made.explanation, "");
	assert_string_equal(made.explanation_domain, "");
	assert_null(made.texts);
}

static void
test_version_names_the_library(void **state)
{
	(void)state;
	assert_memory_equal(eval_version(), "libspf2 1.", 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_has_marks_instead_of_names),
		cmocka_unit_test(test_text_puts_redirect_last),
		cmocka_unit_test(test_text_has_only_prefix_of_client_family),
		cmocka_unit_test(test_text_ends_where_an_address_matches),
		cmocka_unit_test(test_text_probes_before_a_fixed_term),
		cmocka_unit_test(test_text_ends_when_the_limit_is_exceeded),
		cmocka_unit_test(test_verdict_tells_the_term_that_matched),
		cmocka_unit_test(test_verdict_without_match_is_default),
		cmocka_unit_test(test_verdict_after_redirect_is_of_its_target),
		cmocka_unit_test(test_verdict_none_says_why),
		cmocka_unit_test(test_verdict_of_bad_record_shows_it),
		cmocka_unit_test(
		    test_include_or_redirect_without_record_is_permerror),
		cmocka_unit_test(
		    test_names_that_dns_cannot_be_asked_do_not_match),
		cmocka_unit_test(
		    test_dns_error_is_temperror_and_names_the_question),
		cmocka_unit_test(test_deadline_is_temperror_even_within_ptr),
		cmocka_unit_test(test_verdict_of_stale_answers_says_so),
		cmocka_unit_test(test_ten_lookups_are_allowed_and_not_eleven),
		cmocka_unit_test(test_lookups_are_counted_over_the_whole_tree),
		cmocka_unit_test(test_max_lookups_is_the_callers),
		cmocka_unit_test(test_deepest_nesting_is_within_libspf2),
		cmocka_unit_test(test_include_bomb_costs_eleven_questions),
		cmocka_unit_test(test_loop_of_records_ends),
		cmocka_unit_test(
		    test_two_void_lookups_are_allowed_and_not_three),
		cmocka_unit_test(test_void_lookups_are_named),
		cmocka_unit_test(
		    test_void_lookups_cannot_be_feigned_and_are_bounded),
		cmocka_unit_test(test_bad_terms_are_named_with_their_place),
		cmocka_unit_test(test_hosts_of_mx_and_ptr_are_no_void_lookups),
		cmocka_unit_test(
		    test_hosts_of_mx_after_the_first_are_asked_for_together),
		cmocka_unit_test(
		    test_host_of_mx_that_is_needed_is_asked_for_first),
		cmocka_unit_test(test_eleven_mx_are_permerror),
		cmocka_unit_test(test_query_limit_is_permerror),
		cmocka_unit_test(
		    test_prefix_zero_matches_any_address_of_a_name_with_one),
		cmocka_unit_test(test_every_prefix_length_is_exact),
		cmocka_unit_test(test_exists_asks_for_ipv4_whatever_the_client),
		cmocka_unit_test(test_loopback_gets_no_free_pass),
		cmocka_unit_test(
		    test_ptr_matches_validated_names_at_or_below_target),
		cmocka_unit_test(test_ptr_asks_only_for_names_that_can_match),
		cmocka_unit_test(test_ptr_errors_are_no_match),
		cmocka_unit_test(test_ptr_ignores_names_after_the_tenth),
		cmocka_unit_test(
		    test_validated_name_prefers_the_domain_then_names_below),
		cmocka_unit_test(
		    test_validated_name_is_asked_for_only_where_reached),
		cmocka_unit_test(test_explanation_is_expanded),
		cmocka_unit_test(
		    test_explanation_in_trouble_is_none_and_changes_nothing),
		cmocka_unit_test(test_explanation_too_long_is_cut),
		cmocka_unit_test(
		    test_explanation_with_odd_octets_of_the_sender_is_none),
		cmocka_unit_test(test_explanation_is_not_fetched_without_need),
		cmocka_unit_test(
		    test_explanation_does_not_count_as_lookup_or_void),
		cmocka_unit_test(test_macros_are_ours_and_not_those_of_libspf2),
		cmocka_unit_test(test_malformed_terms_are_permerror),
		cmocka_unit_test(test_redirect_waits_for_all_mechanisms),
		cmocka_unit_test(
		    test_private_modifiers_of_libspf2_are_unknown_ones),
		cmocka_unit_test(test_hundred_addresses_are_read_to_the_end),
		cmocka_unit_test(
		    test_triggers_of_overflows_in_libspf2_do_not_reach_it),
		cmocka_unit_test(test_long_legal_terms_are_harmless),
		cmocka_unit_test(
		    test_explanation_of_many_macros_and_a_long_literal),
		cmocka_unit_test(test_odd_octets_in_a_record_are_permerror),
		cmocka_unit_test(test_record_of_64k_is_permerror),
		cmocka_unit_test(test_sender_cannot_reach_the_text),
		cmocka_unit_test(test_verdict_is_small_and_outlives_its_view),
		cmocka_unit_test(test_evaluation_without_lookup_is_filled),
		cmocka_unit_test(test_version_names_the_library),
	};

	eval_init();
	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
