/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutex and condition variable that check every return and know their owner. */

/*
 * The owner is the address of a thread-local object: unique among living
 * threads, and unlike pthread_t a scalar that can be read without a race.
 * Only the thread itself stores its own address, so a relaxed load answers
 * "do I hold it" correctly without holding it.
 */

#include "config.h"

#include "base/lock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

static _Thread_local char self;

static void
check(int error, const char *what)
{
	if (error != 0)
		util_die("%s: %s", what, strerror(error));
}

static bool
is_mine(const struct lock *l)
{
	return atomic_load_explicit(&l->owner, memory_order_relaxed) == &self;
}

static void
set_owner(struct lock *l, const void *owner)
{
	atomic_store_explicit(&l->owner, owner, memory_order_relaxed);
}

void
lock_init(struct lock *l)
{
	pthread_mutexattr_t attr;

	check(pthread_mutexattr_init(&attr), "pthread_mutexattr_init");
	check(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK),
	    "pthread_mutexattr_settype");
	check(pthread_mutex_init(&l->mutex, &attr), "pthread_mutex_init");
	check(pthread_mutexattr_destroy(&attr), "pthread_mutexattr_destroy");
	atomic_init(&l->owner, NULL);
}

void
lock_fini(struct lock *l)
{
	check(pthread_mutex_destroy(&l->mutex), "pthread_mutex_destroy");
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
void
lock_acquire(struct lock *l)
{
	/* A LOCK_INITIALIZER mutex would not notice and wait for ever. */
	if (is_mine(l))
		util_die("lock acquired twice by one thread");
	check(pthread_mutex_lock(&l->mutex), "pthread_mutex_lock");
	set_owner(l, &self);
}

LOCK_ATTRIBUTE(no_thread_safety_analysis)
void
lock_release(struct lock *l)
{
	if (!is_mine(l))
		util_die("lock released by a thread that does not hold it");
	set_owner(l, NULL);
	check(pthread_mutex_unlock(&l->mutex), "pthread_mutex_unlock");
}

void
lock_assert_held(const struct lock *l)
{
	if (!is_mine(l))
		util_die("lock is not held");
}

void
cond_init(struct cond *c)
{
	pthread_condattr_t attr;

	check(pthread_condattr_init(&attr), "pthread_condattr_init");
	check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC),
	    "pthread_condattr_setclock");
	check(pthread_cond_init(&c->cond, &attr), "pthread_cond_init");
	check(pthread_condattr_destroy(&attr), "pthread_condattr_destroy");
}

void
cond_fini(struct cond *c)
{
	check(pthread_cond_destroy(&c->cond), "pthread_cond_destroy");
}

void
cond_signal(struct cond *c)
{
	check(pthread_cond_signal(&c->cond), "pthread_cond_signal");
}

void
cond_broadcast(struct cond *c)
{
	check(pthread_cond_broadcast(&c->cond), "pthread_cond_broadcast");
}

void
cond_wait(struct cond *c, struct lock *l)
{
	lock_assert_held(l);
	set_owner(l, NULL);
	check(pthread_cond_wait(&c->cond, &l->mutex), "pthread_cond_wait");
	set_owner(l, &self);
}

bool
cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ms)
{
	if (deadline_ms < 0)
		deadline_ms = 0;
	struct timespec ts = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};

	lock_assert_held(l);
	set_owner(l, NULL);
	int error = pthread_cond_timedwait(&c->cond, &l->mutex, &ts);
	set_owner(l, &self);
	if (error != ETIMEDOUT)
		check(error, "pthread_cond_timedwait");
	return error == 0;
}

int
thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	sigset_t all;
	sigset_t old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}
