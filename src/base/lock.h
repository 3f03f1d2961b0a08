/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutex and condition variable that check every return and know their owner,
 * and threads.
 */

#ifndef LOCK_H
#define LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What clang's -Wthread-safety reads; nothing for other compilers. */
#if defined(__clang__)
#define LOCK_ATTRIBUTE(x) __attribute__((x))
#else
#define LOCK_ATTRIBUTE(x)
#endif
#define LOCK_GUARDED_BY(l) LOCK_ATTRIBUTE(guarded_by(l))
#define LOCK_REQUIRES(l) LOCK_ATTRIBUTE(requires_capability(l))

struct LOCK_ATTRIBUTE(capability("mutex")) lock {
	pthread_mutex_t		 mutex;
	_Atomic(const void *)	 owner;		/* of lock.c; NULL: free */
};

struct cond {
	pthread_cond_t	cond;		/* on the monotonic clock */
};

#define LOCK_INITIALIZER { .mutex = PTHREAD_MUTEX_INITIALIZER }

/*
 * Misuse is a bug and aborts: acquiring a lock twice, releasing or waiting
 * with one that the calling thread does not hold, freeing one in use.
 */
void	lock_init(struct lock *l);
void	lock_fini(struct lock *l);
void	lock_acquire(struct lock *l)
	    LOCK_ATTRIBUTE(acquire_capability(*l));
void	lock_release(struct lock *l)
	    LOCK_ATTRIBUTE(release_capability(*l));
/* Asserts that the calling thread holds l. */
void	lock_assert_held(const struct lock *l)
	    LOCK_ATTRIBUTE(assert_capability(*l));

void	cond_init(struct cond *c);
void	cond_fini(struct cond *c);
void	cond_signal(struct cond *c);
void	cond_broadcast(struct cond *c);
/* Waits with l held until signalled.  Wakes spuriously: test your condition. */
void	cond_wait(struct cond *c, struct lock *l) LOCK_REQUIRES(*l);
/*
 * Waits with l held until signalled or until deadline_ms (util_now_ms);
 * false: the deadline has passed.  Wakes spuriously: test your condition.
 */
bool	cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ms)
	    LOCK_REQUIRES(*l);

/* A thread that takes no signals.  0 or an errno value. */
int	thread_start(pthread_t *out, void *(*run)(void *), void *arg);

#endif
