/* SPDX-License-Identifier: BSD-2-Clause */
/* Evaluations in flight, over a resolver that answers when the test says so. */

#include "unit.h"

#include "base/stats.h"
#include "base/util.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "eval/eval_flight.h"
#include "fake_dns.h"

static struct fake_dns fake;
static struct dns *dns;
static struct flights *flights;

static int
set_up(void **state)
{
	const struct dns_options o = { .query_timeout_ms = 60000,
		.cache_size = 1 << 20 };
	const struct flight_options fo = { .threads = 2, .max_in_flight = 1 };

	(void)state;
	dns = fake_dns_open(&fake, "*.example.com. 60 TXT \"v=spf1 -all\"\n",
	    &o);
	fake_dns_hold(&fake, "");
	flights = flights_new(dns, &fo);
	return flights == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	flights_free(flights);
	dns_free(dns);
	return 0;
}

static struct flight *
start(const char *domain)
{
	struct eval_request r = { .scope = SCOPE_MAILFROM, .local = "user",
		.helo = "mail.example.com", .receiver = "mx.example.org",
		.max_lookups = 10, .max_void_lookups = 2 };

	r.domain = domain;
	assert_true(addr_parse(&r.client, "192.0.2.1"));
	return eval_flight_start(flights, &r, util_now_ms() + 60000);
}

static const struct eval_verdict *
collect(struct flight *f, int64_t within_ms)
{
	return eval_flight_collect(f, util_now_ms() + within_ms);
}

static void
test_verdict_comes_after_the_answer(void **state)
{
	char domain[] = "copied.example.com";
	uint64_t cached = stats_get(STATS_EVALUATIONS_CACHED);

	(void)state;
	struct flight *f = start(domain);
	memset(domain, 'x', sizeof(domain) - 1);
	assert_false(flight_is_done(f));
	assert_int_equal(fake_dns_answer_all(&fake), 1);
	const struct eval_verdict *v = collect(f, 30000);
	assert_int_equal(v->result, RESULT_FAIL);
	assert_int_equal(v->scope, SCOPE_MAILFROM);
	assert_string_equal(v->mechanism, "-all");
	assert_string_equal(v->record_domain, "copied.example.com");
	assert_true(v->asked);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CACHED), cached);
	struct flight *second = start("copied.example.com");
	assert_true(flight_is_done(second));
	assert_int_equal(collect(second, 0)->result, RESULT_FAIL);
	assert_false(collect(second, 0)->asked);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CACHED), cached + 1);
	eval_flight_release(second);
	eval_flight_release(f);
}

static void
test_late_is_temperror_for_good(void **state)
{
	uint64_t late = stats_get(STATS_EVALUATIONS_LATE);
	uint64_t cancelled = stats_get(STATS_EVALUATIONS_CANCELLED);

	(void)state;
	struct flight *f = start("late.example.com");
	const struct eval_verdict *v = collect(f, 10);
	assert_int_equal(v->result, RESULT_TEMPERROR);
	assert_int_equal(v->scope, SCOPE_MAILFROM);
	assert_string_equal(v->problem, "no answer from the DNS in time");
	assert_true(v->limited);
	assert_ptr_equal(collect(f, 1000), v);
	assert_int_equal(stats_get(STATS_EVALUATIONS_LATE), late + 1);
	eval_flight_release(f);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 1);
	eval_flight_release(NULL);
	fake_dns_answer_all(&fake);
}

static void
test_refused_is_temperror(void **state)
{
	uint64_t refused = stats_get(STATS_EVALUATIONS_REFUSED);

	(void)state;
	struct flight *f = start("a.example.com");
	struct flight *second = start("b.example.com");
	assert_int_equal(stats_get(STATS_EVALUATIONS_REFUSED), refused + 1);
	assert_true(flight_is_done(second));
	const struct eval_verdict *v = collect(second, 30000);
	assert_int_equal(v->result, RESULT_TEMPERROR);
	assert_string_equal(v->problem, "too many checks under way");
	assert_true(v->limited);
	assert_int_equal(stats_get(STATS_EVALUATIONS_REFUSED), refused + 1);
	eval_flight_release(second);
	eval_flight_release(f);
	fake_dns_answer_all(&fake);
}

static void
test_only_a_limit_of_ours_is_one(void **state)
{
	static const enum dns_failure failures[] = {
		DNS_FAILURE_SERVFAIL, DNS_FAILURE_BUSY, DNS_FAILURE_TIMEOUT
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct flight *f = start("failing.example.com");
		assert_true(fake_dns_answer(&fake, NULL, dns_answer_error(
		    failures[i], "", DNS_TYPE_TXT, 0)));
		const struct eval_verdict *v = collect(f, 30000);
		assert_int_equal(v->result, RESULT_TEMPERROR);
		assert_int_equal(v->limited, failures[i] == DNS_FAILURE_BUSY);
		eval_flight_release(f);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verdict_comes_after_the_answer),
		TEST(test_late_is_temperror_for_good),
		TEST(test_refused_is_temperror),
		TEST(test_only_a_limit_of_ours_is_one)
	};

	eval_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
