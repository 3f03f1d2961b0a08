/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs in flight, over a resolver that answers when the test says so. */

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/util.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "fake_dns.h"

static struct fake_dns fake;
static struct dns *dns;
static struct flights *flights;
static atomic_bool may_wait;
static atomic_int waiters;
static atomic_int jobs;		/* alive */

static bool
tell_waiting(bool begins)
{
	if (begins && !may_wait)
		return false;
	waiters += begins ? 1 : -1;
	return true;
}

static int
set_up(void **state)
{
	const struct dns_options o = { .query_timeout_ms = 60000,
		.cache_size = 1 << 20 };
	const struct flight_options fo = { .threads = 2, .max_in_flight = 4,
		.waiting = tell_waiting };

	(void)state;
	may_wait = true;
	waiters = 0;
	dns = fake_dns_open(&fake, "$TTL 0\n*.example.com. TXT text\n"
	    "kept.example.com. 60 TXT text\n", &o);
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
	return jobs != 0;
}

/* A job that wants one answer. */
struct wish {
	enum dns_status	 status;
	unsigned	 runs;
	char		 name[];
};

static bool
wish_run(struct dns_view *v, void *arg)
{
	struct wish *w = arg;
	const struct dns_answer *a;

	w->runs++;
	w->status = dns_query(v, w->name, DNS_TYPE_TXT, &a);
	return w->status != DNS_PENDING;
}

static void
wish_fini(void *arg)
{
	(void)arg;
	jobs--;
}

static struct flight *
begin(const char *name, int64_t within_ms, bool admitted)
{
	static const struct flight_job job = {
		.size = sizeof(struct wish), .max_queries = 1,
		.run = wish_run, .fini = wish_fini,
		.time = STATS_LOOKUP_TIME
	};
	struct flight *f = flight_new(flights, &job, strlen(name) + 1);
	struct wish *w = flight_arg(f);

	jobs++;
	assert_int_equal(w->status, 0);
	strcpy(w->name, name);
	assert_int_equal(flight_start(f, NULL, util_now_ms() + within_ms),
	    admitted);
	return f;
}

static struct flight *
start(const char *name)
{
	return begin(name, 60000, true);
}

static enum flight_end
collect(struct flight *f, int64_t within_ms)
{
	return flight_collect(f, util_now_ms() + within_ms);
}

static const struct wish *
done(struct flight *f)
{
	assert_int_equal(collect(f, 30000), FLIGHT_DONE);
	return flight_arg(f);
}

static void
test_job_runs_again_with_the_answer(void **state)
{
	(void)state;
	struct flight *f = start("one.example.com");

	assert_false(flight_is_done(f));
	assert_int_equal(fake_dns_answer_all(&fake), 1);
	assert_int_equal(done(f)->status, DNS_OK);
	assert_int_equal(done(f)->runs, 2);
	assert_true(flight_is_done(f));
	assert_true(flight_duration_ms(f) >= 0);
	assert_false(flight_release(f));
	assert_false(flight_release(NULL));
}

static void
test_cached_answers_end_it_at_once(void **state)
{
	(void)state;
	struct flight *first = start("kept.example.com");
	fake_dns_answer_all(&fake);
	done(first);
	struct flight *second = start("kept.example.com");
	assert_true(flight_is_done(second));
	assert_int_equal(done(second)->runs, 1);
	flight_release(second);
	flight_release(first);
}

static void
test_late_stays_late(void **state)
{
	(void)state;
	struct flight *f = start("late.example.com");

	assert_int_equal(collect(f, 10), FLIGHT_LATE);
	assert_true(flight_is_done(f));
	int64_t duration_ms = flight_duration_ms(f);
	fake_dns_answer_all(&fake);
	assert_int_equal(collect(f, 1000), FLIGHT_LATE);
	assert_int_equal(flight_duration_ms(f), duration_ms);
	flight_release(f);
}

static void
test_own_deadline_ends_the_wait(void **state)
{
	(void)state;
	struct flight *f = begin("deadline.example.com", 20, true);
	int64_t before_ms = util_now_ms();

	assert_int_equal(collect(f, 60000), FLIGHT_LATE);
	assert_true(util_now_ms() - before_ms < 30000);
	flight_release(f);
}

static void
test_release_says_that_it_was_under_way(void **state)
{
	(void)state;
	assert_true(flight_release(start("left.example.com")));
	assert_int_equal(fake_dns_answer_all(&fake), 1);
}

static void
test_same_question_is_asked_once(void **state)
{
	struct flight *f[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		f[i] = start("shared.example.com");
	assert_int_equal(fake.asked, 1);
	fake_dns_answer_all(&fake);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(done(f[i])->status, DNS_OK);
		flight_release(f[i]);
	}
}

static void
test_too_many_are_refused_and_room_comes_back(void **state)
{
	static const char *const names[] = { "a.example.com",
		"b.example.com", "c.example.com", "d.example.com" };
	struct flight *f[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		f[i] = start(names[i]);
	struct flight *fifth = begin("e.example.com", 60000, false);
	assert_true(flight_is_done(fifth));
	assert_int_equal(collect(fifth, 0), FLIGHT_REFUSED);
	assert_false(flight_release(fifth));
	for (int i = 0; i < 4; i++)
		flight_release(f[i]);
	fake_dns_answer_all(&fake);
	struct flight *again = start("f.example.com");
	fake_dns_answer_all(&fake);
	done(again);
	flight_release(again);
}

/* Told before and after; where it may not wait, the end is there at once. */
static void
test_waiting_is_told_and_can_be_forbidden(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		may_wait = i == 0;
		struct flight *f = start(i == 0 ? "one.example.com" :
		    "two.example.com");
		int64_t start_ms = util_now_ms();

		assert_int_equal(collect(f, may_wait ? 10 : 60000),
		    may_wait ? FLIGHT_LATE : FLIGHT_REFUSED);
		assert_int_equal(waiters, 0);
		assert_true(util_now_ms() - start_ms < 30000);
		flight_release(f);
		fake_dns_answer_all(&fake);
	}
}

/* Releases race with answers, on any thread: sanitizers do the looking. */

static atomic_bool storm_over;

static void *
answer_until_over(void *arg)
{
	while (!storm_over)
		fake_dns_answer_all(&fake);
	fake_dns_answer_all(&fake);
	return arg;
}

static void
test_release_races_with_answers(void **state)
{
	pthread_t answerer;

	(void)state;
	storm_over = false;
	assert_int_equal(pthread_create(&answerer, NULL, answer_until_over,
	    NULL), 0);
	for (unsigned i = 0; i < 3000; i++) {
		struct flight *f = start("storm.example.com");

		if (i % 3 == 0)
			assert_int_equal(done(f)->status, DNS_OK);
		if (i % 3 == 1)
			collect(f, 0);
		flight_release(f);
	}
	storm_over = true;
	pthread_join(answerer, NULL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_job_runs_again_with_the_answer),
		TEST(test_cached_answers_end_it_at_once),
		TEST(test_late_stays_late),
		TEST(test_own_deadline_ends_the_wait),
		TEST(test_release_says_that_it_was_under_way),
		TEST(test_same_question_is_asked_once),
		TEST(test_too_many_are_refused_and_room_comes_back),
		TEST(test_waiting_is_told_and_can_be_forbidden),
		TEST(test_release_races_with_answers)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
