/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks exclude and notice misuse; conditions wake and keep deadlines. */

#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/util.h"

#define THREADS 4
#define ROUNDS 10000

/* Longer than any test may take; reached only by a bug. */
#define FAR_MS 60000

static struct lock counter_lock = LOCK_INITIALIZER;
static unsigned counter LOCK_GUARDED_BY(counter_lock);

/* Runs f in a child; true: it ended by abort. */
static bool
aborts(void (*f)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(3);
		/* A lock that does not notice would wait for ever. */
		alarm(10);
		f();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
acquire_twice(void)
{
	struct lock l;

	lock_init(&l);
	lock_acquire(&l);
	lock_acquire(&l);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
acquire_static_twice(void)
{
	lock_acquire(&counter_lock);
	lock_acquire(&counter_lock);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
release_free_lock(void)
{
	struct lock l;

	lock_init(&l);
	lock_release(&l);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void *
release_argument(void *arg)
{
	lock_release(arg);
	return NULL;
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
release_lock_of_another_thread(void)
{
	pthread_t thread;

	lock_acquire(&counter_lock);
	if (pthread_create(&thread, NULL, release_argument, &counter_lock) ==
	    0)
		pthread_join(thread, NULL);
}

static void
assert_without_lock(void)
{
	lock_assert_held(&counter_lock);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
wait_without_lock(void)
{
	struct cond c;

	cond_init(&c);
	cond_wait_until(&c, &counter_lock, 0);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
wait_for_ever_without_lock(void)
{
	struct cond c;

	cond_init(&c);
	cond_wait(&c, &counter_lock);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
static void
free_held_lock(void)
{
	struct lock l;

	lock_init(&l);
	lock_acquire(&l);
	lock_fini(&l);
}

static void
test_misuse_aborts(void **state)
{
	(void)state;
	assert_true(aborts(acquire_twice));
	assert_true(aborts(acquire_static_twice));
	assert_true(aborts(release_free_lock));
	assert_true(aborts(release_lock_of_another_thread));
	assert_true(aborts(assert_without_lock));
	assert_true(aborts(wait_without_lock));
	assert_true(aborts(wait_for_ever_without_lock));
	assert_true(aborts(free_held_lock));
}

static void *
count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		lock_acquire(&counter_lock);
		lock_assert_held(&counter_lock);
		counter++;
		lock_release(&counter_lock);
	}
	return NULL;
}

static void
test_lock_excludes_other_threads(void **state)
{
	(void)state;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, count, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	lock_acquire(&counter_lock);
	assert_int_equal(counter, THREADS * ROUNDS);
	lock_release(&counter_lock);
}

static void
test_wait_past_the_deadline_returns_false_with_the_lock(void **state)
{
	(void)state;
	struct lock l;
	struct cond c;

	lock_init(&l);
	cond_init(&c);
	lock_acquire(&l);
	assert_false(cond_wait_until(&c, &l, util_now_ms() - 1));
	assert_false(cond_wait_until(&c, &l, INT64_MIN));
	lock_assert_held(&l);
	lock_release(&l);
	cond_fini(&c);
	lock_fini(&l);
}

static void
test_wait_lasts_until_the_deadline(void **state)
{
	(void)state;
	struct lock l;
	struct cond c;

	lock_init(&l);
	cond_init(&c);
	lock_acquire(&l);
	int64_t deadline = util_now_ms() + 20;
	while (cond_wait_until(&c, &l, deadline))
		continue;
	assert_true(util_now_ms() >= deadline);
	lock_release(&l);
	cond_fini(&c);
	lock_fini(&l);
}

static struct lock ready_lock = LOCK_INITIALIZER;
static struct cond ready_changed;
static bool ready LOCK_GUARDED_BY(ready_lock);

static void *
make_ready(void *arg)
{
	(void)arg;
	lock_acquire(&ready_lock);
	ready = true;
	cond_signal(&ready_changed);
	lock_release(&ready_lock);
	return NULL;
}

static void
test_wait_without_a_deadline_ends_with_the_signal(void **state)
{
	(void)state;
	pthread_t thread;

	cond_init(&ready_changed);
	lock_acquire(&ready_lock);
	assert_int_equal(pthread_create(&thread, NULL, make_ready, NULL), 0);
	while (!ready)
		cond_wait(&ready_changed, &ready_lock);
	lock_assert_held(&ready_lock);
	lock_release(&ready_lock);
	assert_int_equal(pthread_join(thread, NULL), 0);
	cond_fini(&ready_changed);
}

/* A turn that is handed from one thread to the next. */
struct relay {
	struct lock	lock;
	struct cond	cond;
	int		turn;		/* under lock */
	bool		broadcast;
};

struct runner {
	struct relay	*relay;
	int		 number;
	pthread_t	 thread;
};

static void *
run(void *arg)
{
	struct runner *r = arg;
	struct relay *relay = r->relay;
	int64_t deadline = util_now_ms() + FAR_MS;
	bool in_time = true;

	lock_acquire(&relay->lock);
	while (relay->turn != r->number && in_time)
		in_time = cond_wait_until(&relay->cond, &relay->lock, deadline);
	lock_assert_held(&relay->lock);
	relay->turn++;
	if (relay->broadcast)
		cond_broadcast(&relay->cond);
	else
		cond_signal(&relay->cond);
	lock_release(&relay->lock);
	return in_time ? r : NULL;
}

static void
run_relay(int threads, bool broadcast)
{
	struct relay relay = { .turn = threads, .broadcast = broadcast };
	struct runner runners[THREADS];

	lock_init(&relay.lock);
	cond_init(&relay.cond);
	for (int i = 0; i < threads; i++) {
		runners[i].relay = &relay;
		runners[i].number = i;
		assert_int_equal(pthread_create(&runners[i].thread, NULL, run,
		    &runners[i]), 0);
	}
	lock_acquire(&relay.lock);
	relay.turn = 0;
	if (broadcast)
		cond_broadcast(&relay.cond);
	else
		cond_signal(&relay.cond);
	lock_release(&relay.lock);
	for (int i = 0; i < threads; i++) {
		void *in_time = NULL;
		assert_int_equal(pthread_join(runners[i].thread, &in_time), 0);
		assert_non_null(in_time);
	}
	assert_int_equal(relay.turn, threads);
	cond_fini(&relay.cond);
	lock_fini(&relay.lock);
}

static void
test_signal_wakes_a_waiter(void **state)
{
	(void)state;
	run_relay(1, false);
}

static void
test_broadcast_wakes_all(void **state)
{
	(void)state;
	run_relay(THREADS, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse_aborts),
		cmocka_unit_test(test_lock_excludes_other_threads),
		cmocka_unit_test(
		    test_wait_past_the_deadline_returns_false_with_the_lock),
		cmocka_unit_test(test_wait_lasts_until_the_deadline),
		cmocka_unit_test(
		    test_wait_without_a_deadline_ends_with_the_signal),
		cmocka_unit_test(test_signal_wakes_a_waiter),
		cmocka_unit_test(test_broadcast_wakes_all),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
