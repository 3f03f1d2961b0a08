/* SPDX-License-Identifier: BSD-2-Clause */
/* Evaluations in flight, over a backend that answers when the test says so. */

#include "unit.h"

#include <pthread.h>

#include "base/lock.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "eval/eval.h"
#include "eval/flight.h"

/* Asked questions wait here until answer_all. */
struct held {
	struct held	*next;
	dns_done_fn	*done;
	void		*arg;
	enum dns_type	 type;
};

static struct {
	struct dns_backend backend;
	struct lock	 lock;
	struct held	*held;
	unsigned	 asked;
	uint32_t	 ttl;
} gate = { .lock = LOCK_INITIALIZER };

static struct dns *dns;
static struct flights *flights;

static void
gate_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct held *h = xcalloc(1, sizeof(*h));

	(void)b;
	(void)name;
	h->done = done;
	h->arg = arg;
	h->type = type;
	lock_acquire(&gate.lock);
	h->next = gate.held;
	gate.held = h;
	gate.asked++;
	lock_release(&gate.lock);
}

/* Every TXT question gets the same record.  Returns how many there were. */
static unsigned
answer_all(void)
{
	static const uint8_t record[] = "\013v=spf1 -all";
	unsigned n = 0;

	lock_acquire(&gate.lock);
	struct held *h = gate.held;
	gate.held = NULL;
	lock_release(&gate.lock);
	while (h != NULL) {
		struct held *next = h->next;
		struct dns_answer *a = dns_answer_new(DNS_OK, h->type,
		    gate.ttl);

		dns_answer_add(a, record, sizeof(record) - 1);
		dns_answer_finish(a);
		h->done(h->arg, a);
		free(h);
		h = next;
		n++;
	}
	return n;
}

static void
gate_free(struct dns_backend *b)
{
	(void)b;
	answer_all();
}

static const struct dns_backend_ops gate_ops = {
	.start = gate_start,
	.free = gate_free
};

static atomic_bool may_wait;
static atomic_int waiters;

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
	gate.backend.ops = &gate_ops;
	gate.asked = 0;
	may_wait = true;
	gate.ttl = 0;
	dns = dns_new_backend(&gate.backend, &o);
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
start(const char *domain, int64_t within_ms)
{
	struct eval_request r = { .scope = SCOPE_MAILFROM, .local = "user",
		.helo = "mail.example.com", .receiver = "mx.example.org",
		.max_lookups = 10, .max_void_lookups = 2 };

	r.domain = domain;
	assert_true(addr_parse(&r.client, "192.0.2.1"));
	return flight_start(flights, &r, util_now_ms() + within_ms);
}

static int64_t
in_ms(int64_t ms)
{
	return util_now_ms() + ms;
}

static void
test_verdict_comes_after_the_answer(void **state)
{
	(void)state;
	struct flight *f = start("one.example.com", 60000);

	assert_false(flight_is_done(f));
	assert_int_equal(answer_all(), 1);
	const struct eval_verdict *v = flight_collect(f, in_ms(30000));
	assert_int_equal(v->result, RESULT_FAIL);
	assert_int_equal(v->scope, SCOPE_MAILFROM);
	assert_string_equal(v->mechanism, "-all");
	assert_true(flight_is_done(f));
	assert_true(flight_duration_ms(f) >= 0);
	flight_release(f);
}

static void
test_request_is_copied(void **state)
{
	char domain[] = "copied.example.com";

	(void)state;
	struct flight *f = start(domain, 60000);
	memset(domain, 'x', sizeof(domain) - 1);
	answer_all();
	assert_string_equal(flight_collect(f, in_ms(30000))->record_domain,
	    "copied.example.com");
	flight_release(f);
}

static void
test_late_is_temperror_for_good(void **state)
{
	uint64_t late = stats_get(STATS_EVALUATIONS_LATE);

	(void)state;
	struct flight *f = start("late.example.com", 60000);
	const struct eval_verdict *v = flight_collect(f, in_ms(10));
	assert_int_equal(v->result, RESULT_TEMPERROR);
	assert_true(v->problem[0] != '\0');
	answer_all();
	assert_ptr_equal(flight_collect(f, in_ms(1000)), v);
	assert_int_equal(v->result, RESULT_TEMPERROR);
	assert_int_equal(stats_get(STATS_EVALUATIONS_LATE), late + 1);
	flight_release(f);
}

static void
test_own_deadline_ends_the_wait(void **state)
{
	(void)state;
	struct flight *f = start("deadline.example.com", 20);
	int64_t before_ms = util_now_ms();

	assert_int_equal(flight_collect(f, in_ms(60000))->result,
	    RESULT_TEMPERROR);
	assert_true(util_now_ms() - before_ms < 30000);
	flight_release(f);
}

static void
test_release_cancels(void **state)
{
	uint64_t cancelled = stats_get(STATS_EVALUATIONS_CANCELLED);

	(void)state;
	flight_release(start("left.example.com", 60000));
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 1);
	assert_int_equal(answer_all(), 1);
}

static void
test_same_question_is_asked_once(void **state)
{
	struct flight *f[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		f[i] = start("shared.example.com", 60000);
	assert_int_equal(gate.asked, 1);
	answer_all();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(flight_collect(f[i], in_ms(30000))->result,
		    RESULT_FAIL);
		flight_release(f[i]);
	}
}

static void
test_cached_answers_end_it_at_once(void **state)
{
	uint64_t cached = stats_get(STATS_EVALUATIONS_CACHED);

	(void)state;
	gate.ttl = 60;
	struct flight *first = start("cached.example.com", 60000);
	answer_all();
	assert_int_equal(flight_collect(first, in_ms(30000))->result,
	    RESULT_FAIL);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CACHED), cached);
	struct flight *second = start("cached.example.com", 60000);
	assert_true(flight_is_done(second));
	assert_int_equal(flight_collect(second, 0)->result, RESULT_FAIL);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CACHED), cached + 1);
	flight_release(second);
	flight_release(first);
}

static void
test_too_many_are_refused_and_room_comes_back(void **state)
{
	static const char *const names[] = { "a.example.com",
		"b.example.com", "c.example.com", "d.example.com" };
	uint64_t refused = stats_get(STATS_EVALUATIONS_REFUSED);
	struct flight *f[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		f[i] = start(names[i], 60000);
	struct flight *fifth = start("e.example.com", 60000);
	assert_true(flight_is_done(fifth));
	assert_int_equal(flight_collect(fifth, 0)->result, RESULT_TEMPERROR);
	assert_int_equal(stats_get(STATS_EVALUATIONS_REFUSED), refused + 1);
	flight_release(fifth);
	for (int i = 0; i < 4; i++)
		flight_release(f[i]);
	answer_all();
	struct flight *again = start("f.example.com", 60000);
	answer_all();
	assert_int_equal(flight_collect(again, in_ms(30000))->result,
	    RESULT_FAIL);
	flight_release(again);
}

/* Releases race with answers, on any thread: sanitizers do the looking. */

/* Told before and after; where it may not wait, the answer is there at once. */
static void
test_waiting_is_told_and_can_be_forbidden(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		may_wait = i == 0;
		waiters = 0;
		struct flight *f = start(i == 0 ? "one.example.com" :
		    "two.example.com", 60000);
		int64_t start_ms = util_now_ms();
		const struct eval_verdict *v = flight_collect(f,
		    in_ms(may_wait ? 10 : 60000));

		assert_int_equal(v->result, RESULT_TEMPERROR);
		assert_int_equal(waiters, 0);
		assert_true(util_now_ms() - start_ms < 30000);
		if (!may_wait)
			assert_string_equal(v->problem,
			    "too many checks under way");
		flight_release(f);
		answer_all();
	}
}

static atomic_bool storm_over;

static void *
answer_until_over(void *arg)
{
	while (!atomic_load(&storm_over))
		answer_all();
	answer_all();
	return arg;
}

static void
test_release_races_with_answers(void **state)
{
	pthread_t answerer;

	(void)state;
	atomic_store(&storm_over, false);
	assert_int_equal(pthread_create(&answerer, NULL, answer_until_over,
	    NULL), 0);
	for (unsigned i = 0; i < 3000; i++) {
		struct flight *f = start("storm.example.com", 60000);

		if (i % 3 == 0) {
			enum result r =
			    flight_collect(f, in_ms(30000))->result;
			assert_int_equal(r, RESULT_FAIL);
		}
		flight_release(f);
	}
	atomic_store(&storm_over, true);
	pthread_join(answerer, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_verdict_comes_after_the_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_request_is_copied,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_late_is_temperror_for_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_own_deadline_ends_the_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_release_cancels,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_same_question_is_asked_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_cached_answers_end_it_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_too_many_are_refused_and_room_comes_back, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_waiting_is_told_and_can_be_forbidden, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_release_races_with_answers, set_up, tear_down)
	};

	eval_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
