/* SPDX-License-Identifier: BSD-2-Clause */
/* Views, on a resolver that answers when the test says so. */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/stats.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TIMEOUT_MS 4000
#define STALE_MS 3600000

static struct fake_dns fake;
static struct dns *d;
static atomic_int wakes;

static bool
fake_answer(const char *name, struct dns_answer *a)
{
	return fake_dns_answer(&fake, name, a);
}

/* capacity: of the backend, 0 without bound. */
static void
open_with(unsigned capacity, size_t cache_size, int64_t serve_stale_ms)
{
	struct dns_options o = {
		.query_timeout_ms = TIMEOUT_MS, .cache_size = cache_size,
		.serve_stale_ms = serve_stale_ms
	};

	fake.backend.capacity = capacity;
	wakes = 0;
	d = fake_dns_open(&fake, NULL, &o);
	fake_dns_hold(&fake, "");
}

static int
open_fresh(void **state)
{
	(void)state;
	open_with(0, 1 << 20, 0);
	return 0;
}

static int
open_stale(void **state)
{
	(void)state;
	open_with(0, 1 << 20, STALE_MS);
	return 0;
}

static int
close_dns(void **state)
{
	(void)state;
	dns_free(d);
	d = NULL;
	return 0;
}

static struct dns_view *
view_new(void)
{
	return dns_view_new(d, NULL, INT64_MAX, 100);
}

static void
count_wake(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static enum dns_status
ask(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	return dns_query(v, name, DNS_TYPE_TXT, &a);
}

/* Puts a question that has no answer yet. */
static void
fetch(struct dns_view *v, const char *name, atomic_int *count)
{
	assert_int_equal(ask(v, name), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, count));
}

/* Puts a question through, with the answer to be remembered. */
static void
learn(const char *name, struct dns_answer *answer)
{
	struct dns_view *v = view_new();
	atomic_int woken = 0;

	fetch(v, name, &woken);
	assert_true(fake_answer(name, answer));
	assert_int_equal(woken, 1);
	dns_view_free(v);
}

static bool
is_cached(const char *name)
{
	struct dns_view *v = view_new();
	bool cached = ask(v, name) != DNS_PENDING;

	dns_view_free(v);
	return cached;
}

static void
test_query_is_pending_until_woken(void **state)
{
	struct dns_view *v = view_new();
	const struct dns_answer *a;

	(void)state;
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_TXT, &a),
	    DNS_PENDING);
	assert_null(a);
	assert_int_equal(fake.asked, 0);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(wakes, 0);
	assert_true(fake_answer("example.com", fake_txt("v=spf1", 60)));
	assert_int_equal(wakes, 1);
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_TXT, &a),
	    DNS_OK);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_int_equal(dns_view_queries(v), 1);
	assert_false(dns_view_all_cached(v));
	dns_view_free(v);
}

static void
test_cached_answer_needs_no_query(void **state)
{
	uint64_t hits = stats_get(STATS_DNS_CACHE_HITS);

	(void)state;
	learn("example.com", fake_txt("v=spf1", 60));
	struct dns_view *v = view_new();
	assert_int_equal(ask(v, "EXAMPLE.com"), DNS_OK);
	assert_int_equal(ask(v, "example.COM"), DNS_OK);
	assert_true(dns_view_all_cached(v));
	assert_int_equal(dns_view_queries(v), 1);
	const struct dns_answer *a;
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_A, &a),
	    DNS_PENDING);
	dns_view_free(v);
	assert_int_equal(stats_get(STATS_DNS_CACHE_HITS), hits + 1);
	assert_int_equal(fake.asked, 1);
}

static void
test_single_flight_serves_all_waiters(void **state)
{
	struct dns_view *v[20];
	uint64_t shared = stats_get(STATS_DNS_SHARED);

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		v[i] = view_new();
		fetch(v[i], i % 2 ? "A.example" : "a.example", &wakes);
	}
	assert_int_equal(fake.asked, 1);
	assert_int_equal(stats_get(STATS_DNS_SHARED), shared + 19);
	/* Not remembered by the table, and yet all have it. */
	assert_true(fake_answer("a.example", fake_txt("once", 0)));
	assert_int_equal(wakes, 20);
	for (size_t i = 0; i < COUNT(v); i++) {
		assert_int_equal(ask(v[i], "a.example"), DNS_OK);
		dns_view_free(v[i]);
	}
}

static void
test_fetch_finds_answer_that_came_meanwhile(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	learn("a.example", fake_txt("text", 60));
	assert_true(dns_view_fetch(v, count_wake, NULL));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(fake.asked, 1);
	dns_view_free(v);
}

static void
test_fetch_without_question_returns_at_once(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	assert_true(dns_view_fetch(v, count_wake, NULL));
	dns_view_cancel(v);
	dns_view_free(v);
	dns_view_free(NULL);
	dns_free(NULL);
}

static void
test_ttl_ends_for_others_not_for_the_view(void **state)
{
	(void)state;
	learn("a.example", fake_txt("text", 60));
	struct dns_view *v = view_new();
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	fake_dns_advance(&fake, 59000);
	assert_true(is_cached("a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached("a.example"));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	dns_view_free(v);
	/* The old answer is replaced by the new one. */
	learn("a.example", fake_txt("new", 60));
	assert_true(is_cached("a.example"));
}

static void
test_ttl_zero_is_not_kept(void **state)
{
	(void)state;
	learn("a.example", fake_txt("text", 0));
	assert_false(is_cached("a.example"));
	learn("a.example", fake_txt("text", 0));
	assert_int_equal(fake.asked, 2);
}

static void
test_ttl_is_a_day_at_most(void **state)
{
	(void)state;
	learn("a.example", fake_txt("text", UINT32_MAX));
	fake_dns_advance(&fake, 86399000);
	assert_true(is_cached("a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached("a.example"));
}

static void
test_negative_answers_live_as_told(void **state)
{
	(void)state;
	learn("nx.example", dns_answer_empty(DNS_NXDOMAIN, DNS_TYPE_TXT,
	    30));
	learn("nd.example", dns_answer_empty(DNS_NODATA, DNS_TYPE_TXT, 30));
	struct dns_view *v = view_new();
	assert_int_equal(ask(v, "nx.example"), DNS_NXDOMAIN);
	assert_int_equal(ask(v, "nd.example"), DNS_NODATA);
	dns_view_free(v);
	fake_dns_advance(&fake, 30001);
	assert_false(is_cached("nx.example"));
	assert_false(is_cached("nd.example"));
}

static void
test_temperror_is_kept_five_seconds_at_most(void **state)
{
	uint64_t failures = stats_get(STATS_DNS_FAILURES);

	(void)state;
	learn("a.example", dns_answer_empty(DNS_TEMPERROR, DNS_TYPE_TXT,
	    3600));
	assert_int_equal(stats_get(STATS_DNS_FAILURES), failures + 1);
	fake_dns_advance(&fake, 4000);
	assert_true(is_cached("a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached("a.example"));
}

static void
test_bogus_is_counted_and_shown(void **state)
{
	struct dns_answer *a = dns_answer_error(DNS_FAILURE_BOGUS, "",
	    DNS_TYPE_TXT, 5);
	uint64_t before = stats_get(STATS_DNS_BOGUS);

	(void)state;
	learn("a.example", a);
	assert_int_equal(stats_get(STATS_DNS_BOGUS), before + 1);
	struct dns_view *v = view_new();
	const struct dns_answer *seen;
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &seen),
	    DNS_TEMPERROR);
	assert_int_equal(seen->failure, DNS_FAILURE_BOGUS);
	dns_view_free(v);
}

static void
test_cache_of_size_zero_keeps_nothing(void **state)
{
	(void)state;
	open_with(0, 0, 0);
	learn("a.example", fake_txt("text", 60));
	assert_false(is_cached("a.example"));
}

static void
test_invalid_names_are_not_asked_for(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", ".a", "a." };
	struct dns_view *v = view_new();
	char name[300];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ask(v, bad[i]), DNS_NXDOMAIN);
	memset(name, 'x', 64);
	name[64] = '\0';
	assert_int_equal(ask(v, name), DNS_NXDOMAIN);
	assert_int_equal(ask(v, name + 1), DNS_PENDING);
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'x';
	name[254] = '\0';
	assert_int_equal(ask(v, name), DNS_NXDOMAIN);
	name[253] = '\0';
	assert_int_equal(ask(v, name), DNS_PENDING);
	assert_int_equal(dns_view_queries(v), 0);
	dns_view_free(v);
}

static void
test_limit_of_questions(void **state)
{
	const struct dns_answer *a;
	char name[20];

	(void)state;
	for (int i = 0; i < 31; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		learn(name, fake_txt(name, 60));
	}
	struct dns_view *v = dns_view_new(d, NULL, INT64_MAX, 30);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_int_equal(ask(v, name), DNS_OK);
	}
	assert_int_equal(ask(v, "n30.example"), DNS_LIMIT);
	assert_int_equal(ask(v, "new.example"), DNS_LIMIT);
	assert_int_equal(dns_query(v, "n7.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_string_equal(a->rr[0].data, "n7.example");
	assert_int_equal(dns_view_queries(v), 30);
	dns_view_free(v);
}

static void
test_deadline_makes_unknown_a_temperror(void **state)
{
	const struct dns_answer *a;

	(void)state;
	learn("a.example", fake_txt("text", 60));
	struct dns_view *v = dns_view_new(d, NULL, util_now_ms() + 1000, 10);
	assert_int_equal(ask(v, "b.example"), DNS_PENDING);
	fake_dns_advance(&fake, 1000);
	assert_true(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(dns_query(v, "b.example", DNS_TYPE_TXT, &a),
	    DNS_TEMPERROR);
	assert_null(a);
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(fake.asked, 1);
	dns_view_free(v);
}

/* Waits for a thread of dns without a fixed sleep. */
static void
await(atomic_int *value, int wanted)
{
	for (int i = 0; i < 10000 && *value < wanted; i++)
		usleep(500);
	assert_int_equal(*value, wanted);
}

static void
test_timeout_serves_waiters_and_late_answer_is_kept(void **state)
{
	struct dns_view *v[2] = { view_new(), view_new() };
	uint64_t timeouts = stats_get(STATS_DNS_TIMEOUTS);

	(void)state;
	for (int i = 0; i < 2; i++) {
		fetch(v[i], "slow.example", &wakes);
	}
	fake_dns_advance(&fake, TIMEOUT_MS - 1000);
	assert_int_equal(wakes, 0);
	fake_dns_advance(&fake, 1000);
	await(&wakes, 2);
	for (int i = 0; i < 2; i++) {
		const struct dns_answer *a;
		assert_int_equal(dns_query(v[i], "slow.example", DNS_TYPE_TXT,
		    &a), DNS_TEMPERROR);
		assert_int_equal(a->failure, DNS_FAILURE_TIMEOUT);
		assert_string_equal(a->problem, "no answer in 4 s");
		dns_view_free(v[i]);
	}
	assert_int_equal(stats_get(STATS_DNS_TIMEOUTS), timeouts + 1);
	assert_true(fake_answer("slow.example", fake_txt("late", 60)));
	struct dns_view *next = view_new();
	assert_int_equal(ask(next, "slow.example"), DNS_OK);
	dns_view_free(next);
}

/* Nothing but the timer's own clock: what else takes a lock hides a race. */
static void
test_timeout_comes_by_itself(void **state)
{
	const struct dns_options soon = { .query_timeout_ms = 20 };
	struct dns_view *v = view_new();
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_true(dns_configure(d, &soon, &diag));
	fetch(v, "slow.example", &wakes);
	await(&wakes, 1);
	dns_view_free(v);
	diag_fini(&diag);
}

static const char *
problem_of(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	assert_int_equal(dns_query(v, name, DNS_TYPE_TXT, &a), DNS_TEMPERROR);
	return a->problem;
}

static void
test_timeout_where_nobody_is_asked_is_no_name_server(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	fake.backend.no_server = true;
	fetch(v, "a.example", &wakes);
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	assert_string_equal(problem_of(v, "a.example"), "no name server");
	dns_view_free(v);
}

static void
test_timeout_can_be_changed(void **state)
{
	const struct dns_options less = { .query_timeout_ms = 1500 };
	struct dns_view *v[3] = { view_new(), view_new(), view_new() };
	const char *const names[] = { "old.example", "a.example", "b.example" };
	struct diag diag;

	(void)state;
	diag_init(&diag);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			assert_true(dns_configure(d, &less, &diag));
		fetch(v[i], names[i], &wakes);
	}
	fake_dns_advance(&fake, 1500);
	await(&wakes, 2);
	for (int i = 1; i < 3; i++)
		assert_string_equal(problem_of(v[i], names[i]),
		    "no answer in 1500 ms");
	fake_dns_advance(&fake, TIMEOUT_MS - 1500);
	await(&wakes, 3);
	problem_of(v[0], names[0]);
	for (int i = 0; i < 3; i++)
		dns_view_free(v[i]);
	diag_fini(&diag);
}

static void
test_late_answer_serves_who_asked_anew(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	fetch(v, "slow.example", &wakes);
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	dns_view_free(v);
	struct fake_question *first = fake_dns_take(&fake, NULL);

	fake_dns_advance(&fake, 5001);
	v = view_new();
	fetch(v, "slow.example", &wakes);
	assert_int_equal(fake.asked, 2);
	fake_question_answer(first, fake_txt("first", 60));
	assert_int_equal(wakes, 2);
	assert_int_equal(ask(v, "slow.example"), DNS_OK);
	/* The second answer comes, and nobody waits for it. */
	assert_true(fake_answer("slow.example", fake_txt("second", 60)));
	assert_int_equal(wakes, 2);
	dns_view_free(v);
}

static void
test_late_temperror_changes_nothing(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	fetch(v, "slow.example", &wakes);
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	dns_view_free(v);
	struct fake_question *first = fake_dns_take(&fake, NULL);
	fake_dns_advance(&fake, 5001);
	learn("slow.example", fake_txt("second", 60));
	fake_question_answer(first, dns_answer_empty(DNS_TEMPERROR,
	    DNS_TYPE_TXT, 5));
	v = view_new();
	assert_int_equal(ask(v, "slow.example"), DNS_OK);
	dns_view_free(v);
}

static void
test_timeouts_come_in_order_of_age(void **state)
{
	struct dns_view *v[3];
	atomic_int each[3] = { 0 };
	static const char *const names[] = { "a.example", "b.example",
	    "c.example" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		v[i] = view_new();
		fetch(v[i], names[i], &each[i]);
		fake_dns_advance(&fake, 1000);
	}
	/* The middle one leaves the list. */
	assert_true(fake_answer("b.example", fake_txt("text", 60)));
	fake_dns_advance(&fake, TIMEOUT_MS - 3000);
	await(&each[0], 1);
	assert_int_equal(each[2], 0);
	fake_dns_advance(&fake, 2000);
	await(&each[2], 1);
	for (int i = 0; i < 3; i++)
		dns_view_free(v[i]);
}

static void
test_cancel_ends_the_wait_and_not_the_query(void **state)
{
	struct dns_view *v[3] = { view_new(), view_new(), view_new() };

	(void)state;
	for (int i = 0; i < 3; i++) {
		fetch(v[i], "a.example", &wakes);
	}
	dns_view_cancel(v[1]);
	dns_view_free(v[0]);
	assert_true(fake_answer("a.example", fake_txt("text", 60)));
	assert_int_equal(wakes, 1);
	/* Cancelled and used again. */
	assert_int_equal(ask(v[1], "a.example"), DNS_OK);
	assert_int_equal(ask(v[2], "a.example"), DNS_OK);
	dns_view_cancel(v[2]);
	dns_view_free(v[1]);
	dns_view_free(v[2]);
}

/* Answers past their time to live (RFC 8767) */

static struct dns_answer *
failure(void)
{
	return dns_answer_empty(DNS_TEMPERROR, DNS_TYPE_TXT, 5);
}

/* Asks for name, which has to be asked for, and gives it this answer. */
static enum dns_status
ask_anew(const char *name, struct dns_answer *answer,
    bool *stale)
{
	struct dns_view *v = view_new();
	atomic_int woken = 0;

	fetch(v, name, &woken);
	assert_true(fake_answer(name, answer));
	assert_int_equal(woken, 1);
	enum dns_status status = ask(v, name);
	*stale = dns_view_has_stale(v);
	dns_view_free(v);
	return status;
}

static enum dns_status
ask_cached(const char *name, bool *stale)
{
	struct dns_view *v = view_new();
	enum dns_status status = ask(v, name);

	*stale = dns_view_has_stale(v);
	dns_view_free(v);
	return status;
}

/* The DNS fails, and nothing stands in for it. */
static void
assert_fails(const char *name)
{
	bool stale;

	assert_int_equal(ask_anew(name, failure(), &stale), DNS_TEMPERROR);
	assert_false(stale);
}

static void
test_stale_answer_stands_in_for_an_error(void **state)
{
	struct dns_view *v = view_new();
	uint64_t before = stats_get(STATS_DNS_STALE);
	const struct dns_answer *a;

	(void)state;
	learn("a.example", fake_txt("v=spf1", 60));
	fake_dns_advance(&fake, 60001);
	fetch(v, "a.example", &wakes);
	assert_true(fake_answer("a.example", failure()));
	assert_int_equal(wakes, 1);
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_true(dns_view_has_stale(v));
	assert_false(dns_view_all_cached(v));
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 1);
	/* The view asks once. */
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 1);
	dns_view_free(v);
}

static void
test_stale_answer_comes_at_once_while_the_error_stands(void **state)
{
	uint64_t before = stats_get(STATS_DNS_STALE);
	bool stale;

	(void)state;
	learn("a.example", fake_txt("v=spf1", 60));
	assert_int_equal(ask_cached("a.example", &stale), DNS_OK);
	assert_false(stale);
	for (int i = 1; i <= 2; i++) {
		fake_dns_advance(&fake, 60001);
		assert_int_equal(ask_anew("a.example", failure(), &stale),
		    DNS_OK);
		assert_true(stale);
		fake_dns_advance(&fake, 4000);
		assert_int_equal(ask_cached("a.example", &stale), DNS_OK);
		assert_true(stale);
		assert_int_equal(fake.asked, 1 + i);
		fake_dns_advance(&fake, 1001);
		assert_int_equal(ask_cached("a.example", &stale),
		    DNS_PENDING);
		assert_false(stale);
	}
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 4);
}

static void
test_stale_answer_comes_to_who_fetches_late(void **state)
{
	struct dns_view *v = view_new();
	bool stale;

	(void)state;
	learn("a.example", fake_txt("v=spf1", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	assert_int_equal(ask_anew("a.example", failure(), &stale), DNS_OK);
	assert_true(dns_view_fetch(v, count_wake, NULL));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_true(dns_view_has_stale(v));
	assert_int_equal(fake.asked, 2);
	dns_view_free(v);
}

static void
test_stale_answer_after_a_timeout_until_a_late_answer(void **state)
{
	struct dns_view *v[2] = { view_new(), view_new() };
	uint64_t timeouts = stats_get(STATS_DNS_TIMEOUTS);
	bool stale;

	(void)state;
	learn("slow.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		fetch(v[i], "slow.example", &wakes);
	}
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(v[i], "slow.example"), DNS_OK);
		assert_true(dns_view_has_stale(v[i]));
		dns_view_free(v[i]);
	}
	assert_int_equal(stats_get(STATS_DNS_TIMEOUTS), timeouts + 1);
	assert_true(fake_answer("slow.example", dns_answer_empty(DNS_NXDOMAIN,
	    DNS_TYPE_TXT, 60)));
	assert_int_equal(ask_cached("slow.example", &stale), DNS_NXDOMAIN);
	assert_false(stale);
}

static void
test_fresh_answer_replaces_the_stale_one(void **state)
{
	bool stale;

	(void)state;
	learn("a.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask_anew("a.example", failure(), &stale), DNS_OK);
	fake_dns_advance(&fake, 5001);
	assert_int_equal(ask_anew("a.example", dns_answer_empty(DNS_NODATA,
	    DNS_TYPE_TXT, 30), &stale), DNS_NODATA);
	assert_false(stale);
	assert_int_equal(ask_cached("a.example", &stale), DNS_NODATA);
	assert_false(stale);
	/* The error of long ago is forgotten with the old answer. */
	fake_dns_advance(&fake, 30001);
	assert_int_equal(ask_cached("a.example", &stale), DNS_PENDING);
	/* That there is nothing is an answer too. */
	assert_int_equal(ask_anew("a.example", failure(), &stale),
	    DNS_NODATA);
	assert_true(stale);
}

static void
test_stale_time_ends(void **state)
{
	bool stale;

	(void)state;
	learn("a.example", fake_txt("old", 60));
	learn("b.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60000 + STALE_MS - 1000);
	assert_int_equal(ask_anew("a.example", failure(), &stale), DNS_OK);
	assert_true(stale);
	fake_dns_advance(&fake, 1001);
	assert_fails("a.example");
	assert_fails("b.example");
}

static void
test_failed_validation_ends_the_stale_answer(void **state)
{
	struct dns_answer *a = dns_answer_error(DNS_FAILURE_BOGUS, "",
	    DNS_TYPE_TXT, 5);
	bool stale;

	(void)state;
	learn("a.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask_anew("a.example", a, &stale), DNS_TEMPERROR);
	assert_false(stale);
	assert_int_equal(ask_cached("a.example", &stale), DNS_TEMPERROR);
	assert_false(stale);
	fake_dns_advance(&fake, 5001);
	assert_fails("a.example");
}

static void
test_what_is_never_stale(void **state)
{
	(void)state;
	/* What was not kept, */
	learn("zero.example", fake_txt("text", 0));
	assert_fails("zero.example");
	/* also after something that was; */
	learn("a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 61001);
	learn("a.example", fake_txt("text", 0));
	assert_fails("a.example");
	/* and an error. */
	fake_dns_advance(&fake, 5001);
	assert_fails("a.example");
}

static void
test_remainder_of_an_answer_is_no_newer_one(void **state)
{
	bool stale;

	(void)state;
	learn("a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_anew("a.example", fake_txt("text",
		    0), &stale), DNS_OK);
		assert_false(stale);
	}
	assert_int_equal(ask_anew("a.example", failure(), &stale), DNS_OK);
	assert_true(stale);
}

static void
test_nothing_is_stale_by_default(void **state)
{
	uint64_t before = stats_get(STATS_DNS_STALE);
	bool stale;

	(void)state;
	learn("a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	assert_fails("a.example");
	assert_int_equal(ask_cached("a.example", &stale), DNS_TEMPERROR);
	assert_int_equal(stats_get(STATS_DNS_STALE), before);
}

static void
test_error_that_is_not_kept_leaves_the_stale_answer(void **state)
{
	bool stale;

	(void)state;
	learn("a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_anew("a.example", dns_answer_empty(
		    DNS_TEMPERROR, DNS_TYPE_TXT, 0), &stale), DNS_OK);
		assert_true(stale);
		fake_dns_advance(&fake, 1);
	}
}

struct slow_wake {
	atomic_int	 inside;
	atomic_int	 cancelling;
	atomic_int	 over;
	struct dns_view	*view;
};

static void
slow_wake(void *arg)
{
	struct slow_wake *s = arg;

	s->inside = 1;
	while (!s->cancelling)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	s->over = 1;
}

static void *
answer_thread(void *arg)
{
	(void)arg;
	fake_answer("a.example", fake_txt("text", 60));
	return NULL;
}

static void
test_cancel_waits_for_wake_under_way(void **state)
{
	struct slow_wake s = { .view = view_new() };
	pthread_t thread;

	(void)state;
	assert_int_equal(ask(s.view, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(s.view, slow_wake, &s));
	pthread_create(&thread, NULL, answer_thread, NULL);
	await(&s.inside, 1);
	s.cancelling = 1;
	dns_view_cancel(s.view);
	assert_int_equal(s.over, 1);
	dns_view_free(s.view);
	pthread_join(thread, NULL);
}

static void
test_cancel_races_with_answers(void **state)
{
	(void)state;
	open_with(0, 0, 0);
	for (int i = 0; i < 500; i++) {
		struct dns_view *v = view_new();
		atomic_int *count = calloc(1, sizeof(*count));
		pthread_t thread;
		fetch(v, "a.example", count);
		pthread_create(&thread, NULL, answer_thread, NULL);
		for (int k = 0; k < i % 7; k++)
			sched_yield();
		dns_view_cancel(v);
		assert_true(*count <= 1);
		free(count);		/* wake must not touch it any more */
		dns_view_free(v);
		pthread_join(thread, NULL);
	}
}

/* Runs on within wake: the next question is fetched from there. */
struct chain {
	struct dns_view	*view;
	atomic_int	 done;
};

static void
chain_wake(void *arg)
{
	struct chain *c = arg;

	assert_int_equal(ask(c->view, "a.example"), DNS_OK);
	if (ask(c->view, "b.example") == DNS_PENDING)
		assert_false(dns_view_fetch(c->view, chain_wake, c));
	else
		c->done = 1;
}

static void
test_fetch_from_within_wake(void **state)
{
	struct chain c = { .view = view_new() };

	(void)state;
	assert_int_equal(ask(c.view, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(c.view, chain_wake, &c));
	assert_true(fake_answer("a.example", fake_txt("text", 0)));
	assert_int_equal(c.done, 0);
	assert_true(fake_answer("b.example", fake_txt("text", 0)));
	assert_int_equal(c.done, 1);
	dns_view_free(c.view);
}

static void
test_free_with_questions_open(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	fetch(v, "a.example", &wakes);
	dns_view_free(v);
	close_dns(state);
	assert_int_equal(wakes, 0);
}

/* Many threads on few names; each answer must be right for its name. */

struct crowd {
	unsigned	 seed;
	int		 wrong;
};

static void *
crowd_ask(void *arg)
{
	struct crowd *c = arg;
	const struct dns_answer *a;
	char name[20];

	for (int i = 0; i < 2000; i++) {
		struct dns_view *v = view_new();
		c->seed = c->seed * 1103515245 + 12345;
		snprintf(name, sizeof(name), "n%u.example", c->seed >> 16 & 63);
		while (dns_query(v, name, DNS_TYPE_TXT, &a) == DNS_PENDING)
			fake_dns_wait(v);
		if (a->count != 1 || strcmp(a->rr[0].data, name) != 0)
			c->wrong++;
		dns_view_free(v);
	}
	return NULL;
}

static atomic_int crowd_over;

static void *
crowd_answer(void *arg)
{
	(void)arg;
	while (!crowd_over) {
		struct fake_question *q = fake_dns_take(&fake, NULL);
		if (q == NULL)
			sched_yield();
		else
			fake_question_answer(q, fake_txt(q->name,
			    q->name[1] % 2 ? 0 : 60));
	}
	return NULL;
}

static void
test_crowd_gets_right_answers(void **state)
{
	struct crowd crowd[4];
	pthread_t threads[4];
	pthread_t answers[2];

	(void)state;
	open_with(0, 8192, 0);	/* evicts all the time */
	crowd_over = 0;
	for (size_t i = 0; i < COUNT(answers); i++)
		pthread_create(&answers[i], NULL, crowd_answer, NULL);
	for (size_t i = 0; i < COUNT(crowd); i++) {
		crowd[i] = (struct crowd){ .seed = (unsigned)i };
		pthread_create(&threads[i], NULL, crowd_ask, &crowd[i]);
	}
	for (size_t i = 0; i < COUNT(crowd); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(crowd[i].wrong, 0);
	}
	crowd_over = 1;
	for (size_t i = 0; i < COUNT(answers); i++)
		pthread_join(answers[i], NULL);
}

/* Turns */

/* A backend that can take two questions, and it has them. */
static struct dns_view *holders[2];

static int
open_full(void **state)
{
	static const char *const names[] = { "dead1.example", "dead2.example" };

	(void)state;
	open_with(2, 1 << 20, 0);
	learn("cached.example", fake_txt("v=spf1", 60));
	for (uint8_t i = 0; i < 2; i++) {
		struct dns_client c = { .address = {
			.family = AF_INET, .bytes = { 192, 0, i, 1 }
		} };
		holders[i] = dns_view_new(d, &c, INT64_MAX, 10);
		fetch(holders[i], names[i], &wakes);
	}
	assert_int_equal(fake.asked, 3);
	return 0;
}

static int
close_full(void **state)
{
	dns_view_free(holders[0]);
	dns_view_free(holders[1]);
	return close_dns(state);
}

static void
test_turn_cached_answers_whatever_is_in_flight(void **state)
{
	struct dns_view *v = view_new();

	(void)state;
	assert_int_equal(ask(v, "cached.example"), DNS_OK);
	dns_view_free(v);
}

static void
test_turn_question_is_asked_when_another_ends(void **state)
{
	struct dns_view *v = view_new();
	struct dns_view *second = view_new();

	(void)state;
	fetch(v, "late.example", &wakes);
	fetch(second, "late.example", &wakes);
	assert_int_equal(fake.asked, 3);
	assert_true(fake_answer("dead1.example", fake_txt("v=spf1", 60)));
	while (fake.asked == 3)
		sched_yield();
	assert_true(fake_answer("late.example", fake_txt("v=spf1", 60)));
	assert_int_equal(wakes, 3);
	assert_int_equal(ask(v, "late.example"), DNS_OK);
	assert_int_equal(ask(second, "late.example"), DNS_OK);
	dns_view_free(v);
	dns_view_free(second);
}

static void
test_turn_question_nobody_waits_for_is_never_asked(void **state)
{
	uint64_t before = stats_get(STATS_DNS_CANCELLED);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct dns_view *v = view_new();
		struct dns_view *other = view_new();
		fetch(v, "left.example", &wakes);
		fetch(other, "left.example", &wakes);
		dns_view_free(v);
		assert_int_equal(stats_get(STATS_DNS_CANCELLED), before +
		    (uint64_t)i);
		dns_view_free(other);
	}
	assert_int_equal(stats_get(STATS_DNS_CANCELLED), before + 2);
	struct dns_view *v = view_new();
	fetch(v, "stays.example", &wakes);
	assert_true(fake_answer("dead1.example", fake_txt("v=spf1", 60)));
	while (fake.asked == 3)
		sched_yield();
	assert_false(fake_answer("left.example", fake_txt("v=spf1", 60)));
	assert_true(fake_answer("stays.example", fake_txt("v=spf1", 60)));
	dns_view_free(v);
}

static void
test_turn_that_does_not_come_in_time_is_an_overflow(void **state)
{
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	struct dns_view *v = view_new();
	const struct dns_answer *a;

	(void)state;
	fetch(v, "late.example", &wakes);
	fake_dns_advance(&fake, TIMEOUT_MS);
	while (wakes < 3)
		sched_yield();
	assert_int_equal(dns_query(v, "late.example", DNS_TYPE_TXT, &a),
	    DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_BUSY);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before + 1);
	/* That says nothing about the name. */
	assert_false(is_cached("late.example"));
	dns_view_free(v);
}

/* Nobody lacked it when it was asked ahead. */
static void
test_turn_that_does_not_come_ahead_is_asked_for_anew(void **state)
{
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	struct dns_view *v = view_new();
	const struct dns_answer *a;

	(void)state;
	assert_null(dns_view_ahead(v, "late.example", DNS_TYPE_TXT));
	fake_dns_advance(&fake, TIMEOUT_MS);
	while ((a = dns_view_ahead(v, "late.example", DNS_TYPE_TXT)) == NULL)
		sched_yield();
	assert_int_equal(a->failure, DNS_FAILURE_BUSY);
	assert_int_equal(ask(v, "late.example"), DNS_PENDING);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before);
	dns_view_free(v);
}

static void
test_turn_refused_question_is_answered_at_once(void **state)
{
	struct dns_client c = { .connection = 1 };
	struct dns_view *views[70];
	char name[40];
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	unsigned refused = 0;

	(void)state;
	open_with(10000, 1 << 20, 0);
	for (unsigned i = 0; i < COUNT(views); i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		views[i] = dns_view_new(d, &c, INT64_MAX, 10);
		assert_int_equal(ask(views[i], name), DNS_PENDING);
		if (!dns_view_fetch(views[i], count_wake, &wakes))
			continue;
		assert_int_equal(ask(views[i], name), DNS_TEMPERROR);
		refused++;
	}
	assert_int_equal(refused, 6);
	assert_int_equal(wakes, 0);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before + 6);
	for (unsigned i = 0; i < COUNT(views); i++)
		dns_view_free(views[i]);
}

#define FRESH(test) \
	cmocka_unit_test_setup_teardown(test, open_fresh, close_dns)
#define STALE(test) \
	cmocka_unit_test_setup_teardown(test, open_stale, close_dns)
#define FULL(test) \
	cmocka_unit_test_setup_teardown(test, open_full, close_full)
#define OWN(test) cmocka_unit_test_teardown(test, close_dns)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(test_query_is_pending_until_woken),
		FRESH(test_cached_answer_needs_no_query),
		FRESH(test_single_flight_serves_all_waiters),
		FRESH(test_fetch_finds_answer_that_came_meanwhile),
		FRESH(test_fetch_without_question_returns_at_once),
		FRESH(test_ttl_ends_for_others_not_for_the_view),
		FRESH(test_ttl_zero_is_not_kept),
		FRESH(test_ttl_is_a_day_at_most),
		FRESH(test_negative_answers_live_as_told),
		FRESH(test_temperror_is_kept_five_seconds_at_most),
		FRESH(test_bogus_is_counted_and_shown),
		OWN(test_cache_of_size_zero_keeps_nothing),
		FRESH(test_invalid_names_are_not_asked_for),
		FRESH(test_limit_of_questions),
		FRESH(test_deadline_makes_unknown_a_temperror),
		FRESH(test_timeout_serves_waiters_and_late_answer_is_kept),
		FRESH(test_timeout_comes_by_itself),
		FRESH(test_timeout_where_nobody_is_asked_is_no_name_server),
		FRESH(test_timeout_can_be_changed),
		FRESH(test_late_answer_serves_who_asked_anew),
		FRESH(test_late_temperror_changes_nothing),
		FRESH(test_timeouts_come_in_order_of_age),
		FRESH(test_cancel_ends_the_wait_and_not_the_query),
		STALE(test_stale_answer_stands_in_for_an_error),
		STALE(test_stale_answer_comes_at_once_while_the_error_stands),
		STALE(test_stale_answer_comes_to_who_fetches_late),
		STALE(test_stale_answer_after_a_timeout_until_a_late_answer),
		STALE(test_fresh_answer_replaces_the_stale_one),
		STALE(test_stale_time_ends),
		STALE(test_failed_validation_ends_the_stale_answer),
		STALE(test_what_is_never_stale),
		STALE(test_remainder_of_an_answer_is_no_newer_one),
		FRESH(test_nothing_is_stale_by_default),
		STALE(test_error_that_is_not_kept_leaves_the_stale_answer),
		FRESH(test_cancel_waits_for_wake_under_way),
		OWN(test_cancel_races_with_answers),
		FRESH(test_fetch_from_within_wake),
		FRESH(test_free_with_questions_open),
		OWN(test_crowd_gets_right_answers),
		FULL(test_turn_cached_answers_whatever_is_in_flight),
		FULL(test_turn_question_is_asked_when_another_ends),
		FULL(test_turn_question_nobody_waits_for_is_never_asked),
		FULL(test_turn_that_does_not_come_in_time_is_an_overflow),
		FULL(test_turn_that_does_not_come_ahead_is_asked_for_anew),
		OWN(test_turn_refused_question_is_answered_at_once)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
