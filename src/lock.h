/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutex and condition variable that check every return and know their owner. */

#ifndef LOCK_H
#define LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	pthread_mutex_t	mutex;
	pthread_t	owner;		/* meaningful while held */
	atomic_bool	held;
};

struct cond {
	pthread_cond_t	cond;		/* on the monotonic clock */
};

#define LOCK_INITIALIZER { .mutex = PTHREAD_MUTEX_INITIALIZER }

void	lock_init(struct lock *l);
void	lock_fini(struct lock *l);
void	lock_acquire(struct lock *l);
void	lock_release(struct lock *l);
/* Asserts that the calling thread holds l. */
void	lock_assert_held(const struct lock *l);

void	cond_init(struct cond *c);
void	cond_fini(struct cond *c);
void	cond_signal(struct cond *c);
void	cond_broadcast(struct cond *c);
/*
 * Waits with l held until signalled or until deadline_ms (util_now_ms);
 * false: the deadline has passed.  Wakes spuriously: test your condition.
 */
bool	cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ms);

#endif
