/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libmilter's threads need of us.
 *
 * Signals.  On a thread of its own libmilter takes SIGHUP, SIGTERM and SIGINT
 * with sigwait(3), each of them as "stop", and in its stop it frees sessions
 * that its workers are still busy with.  So this program has a sigwait of its
 * own, to which libmilter is linked, and which takes nothing.
 *
 * Threads.  libmilter forgets a session whose thread it cannot start: it is
 * never answered and never closed.  So this program has a pthread_create of
 * its own, too.  A session that finds no thread (RLIMIT_NPROC, a container's
 * pids.max) is kept, and gets one of some threads that are held in reserve, or
 * the next that can be had.  As long as the reserve is not whole again no
 * callback may wait, so that those that work it off are soon free.
 *
 * The pump.  libmilter built with a pool of workers starts one for an event
 * only if none is idle, and counts a worker as idle until it has woken up.  So
 * of many events that arrive together all but a few are queued, and if the
 * callbacks that got a worker have to wait, for the DNS say, the queue waits
 * with them.  A client that sends half a packet holds a worker in the same
 * way.  The pump adds workers: one goes on with the queue until it comes to a
 * callback that waits, too, and ends if there is nothing to do.  libmilter
 * built without the pool queues nothing.
 *
 * Which routine is a worker libmilter tells: its listener starts one routine
 * again and again; without an argument, if there is a pool.
 */

#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/util.h"
#include "daemon/milter.h"
#include "daemon/milter_priv.h"

/*
 * Less page faults than with 8 MB; 64 kB are too few for libmilter.  Beyond
 * 16 kB a thread that ends gives back what it has touched (glibc), and
 * libmilter's pool ends one every tenth message: what a usual message needs
 * stays below.
 */
#define THREAD_STACK (256 * 1024)
/* More than the pool keeps idle, which is two: some of them end. */
#define RESERVE 4
#define RETRY_MS 20
#define SIGWAIT_MS 10000

typedef void *routine(void *);
typedef int create(pthread_t *, const pthread_attr_t *, routine *, void *);

/* The one of a sanitizer, if the program has one. */
create __interceptor_pthread_create __attribute__((weak));

/* A session without a thread. */
struct kept {
	struct kept	*next;
	routine		*run;
	void		*arg;
};

static atomic_uint begun;			/* callbacks */
static atomic_uint added;			/* workers of the pump */
static _Atomic(routine *) again;		/* see above */
static atomic_bool pooled;
static _Thread_local bool is_listener;
static create *create_thread;			/* these three are set */
static pthread_attr_t attributes;		/* before threads */
static routine *serve;

static struct lock lock = LOCK_INITIALIZER;
static struct cond changed;			/* for the pump */
static struct cond taken;			/* for the reserve */
static struct cond asked;			/* sigwait is called */
static bool sigwait_is_ours;			/* lock */
static struct kept *kept;			/* lock; the first */
static struct kept **kept_end = &kept;		/* lock */
static unsigned reserve;			/* lock; threads of it */
static unsigned open_count;			/* lock; connections */
static unsigned waiting;			/* lock; callbacks */
static bool slow;				/* lock; a long round */
static bool asleep;				/* lock; the pump, no round */

/* In place of the one of libc: see above. */
int
sigwait(const sigset_t *set, int *signo)
{
	sigset_t none;

	(void)set;
	lock_acquire(&lock);
	sigwait_is_ours = true;
	cond_broadcast(&asked);
	lock_release(&lock);
	sigemptyset(&none);
	do {
		*signo = sigwaitinfo(&none, NULL);
	} while (*signo < 0 && errno == EINTR);
	return errno;
}

static void
find_create_thread(void)
{
	void *found = dlsym(RTLD_NEXT, "pthread_create");

	create_thread = __interceptor_pthread_create;
	if (create_thread == NULL)
		*(void **)&create_thread = found;
}

static void
learn(routine *run, const void *arg)
{
	static routine *last;

	if (run == last) {
		atomic_store(&again, run);
		if (arg == NULL)
			atomic_store(&pooled, true);
	}
	last = run;
}

static void
keep(routine *run, void *arg)
{
	struct kept *k = xcalloc(1, sizeof(*k));

	k->run = run;
	k->arg = arg;
	lock_acquire(&lock);
	*kept_end = k;
	kept_end = &k->next;
	cond_signal(&taken);
	cond_signal(&changed);
	lock_release(&lock);
	milter_limit_report_threads();
}

/* In place of the one of libc: see above. */
int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, routine *run,
    void *arg)
{
	if (create_thread == NULL)
		find_create_thread();
	if (is_listener)
		learn(run, arg);
	if (attr == NULL && (is_listener || run == atomic_load(&again)))
		attr = &attributes;
	int error = create_thread(thread, attr, run, arg);
	if (error != EAGAIN || run != atomic_load(&again))
		return error;
	*thread = pthread_self();	/* libmilter does not look at it */
	keep(run, arg);
	return 0;
}

static void *
reserve_run(void *arg)
{
	struct kept k;

	(void)arg;
	lock_acquire(&lock);
	while (kept == NULL)
		cond_wait(&taken, &lock);
	struct kept *first = kept;
	k = *first;
	kept = k.next;
	if (kept == NULL)
		kept_end = &kept;
	reserve--;
	cond_signal(&changed);
	lock_release(&lock);
	free(first);
	return k.run(k.arg);
}

static bool	lacks_threads_locked(void) LOCK_REQUIRES(lock);
static bool
lacks_threads_locked(void)
{
	return reserve < RESERVE;
}

/* False: errno. */
static bool	refill_locked(void) LOCK_REQUIRES(lock);
static bool
refill_locked(void)
{
	pthread_t thread;

	while (lacks_threads_locked()) {
		reserve++;
		lock_release(&lock);
		errno = create_thread(&thread, &attributes, reserve_run, NULL);
		lock_acquire(&lock);
		if (errno != 0) {
			reserve--;
			return false;
		}
	}
	return true;
}

static void *
added_run(void *arg)
{
	routine *worker = atomic_load(&again);

	(void)worker(arg);
	atomic_fetch_sub(&added, 1);
	return NULL;
}

static void
add_workers(unsigned n)
{
	pthread_t thread;

	for (unsigned i = 0; i < n; i++) {
		atomic_fetch_add(&added, 1);
		if (create_thread(&thread, &attributes, added_run, NULL) == 0)
			continue;
		if (i == 0)
			keep(added_run, NULL);
		else
			atomic_fetch_sub(&added, 1);
		break;
	}
}

/* Each but two idle ones is held by a connection. */
static unsigned	may_add_locked(unsigned n) LOCK_REQUIRES(lock);
static unsigned
may_add_locked(unsigned n)
{
	unsigned most = open_count + 2;
	unsigned now = atomic_load(&added);

	if (lacks_threads_locked() || now >= most)
		return 0;
	return n < most - now ? n : most - now;
}

static bool	is_busy_locked(void) LOCK_REQUIRES(lock);
static bool
is_busy_locked(void)
{
	return lacks_threads_locked() ||
	    (atomic_load(&pooled) && (waiting > 0 || open_count > 0));
}

/* Rounds, until there is nothing to look after. */
static void	pump_locked(void) LOCK_REQUIRES(lock);
static void
pump_locked(void)
{
	struct milter_pump p = { .burst = 1, .waiting = waiting,
		.round_ms = waiting > 0 ? MILTER_PUMP_SHORT_MS :
		    MILTER_PUMP_LONG_MS };
	unsigned begun_before = atomic_load(&begun);
	unsigned added_before = atomic_load(&added);

	while (is_busy_locked()) {
		slow = p.round_ms > MILTER_PUMP_SHORT_MS;
		cond_wait_until(&changed, &lock, util_now_ms() +
		    (lacks_threads_locked() ? RETRY_MS : p.round_ms));
		(void)refill_locked();
		unsigned moved = atomic_load(&begun) - begun_before;
		unsigned now = atomic_load(&added);
		unsigned n = may_add_locked(milter_pump_next(&p, waiting,
		    moved, now > added_before ? now - added_before : 0));
		begun_before += moved;
		added_before = now;
		if (n == 0 || !atomic_load(&pooled))
			continue;
		lock_release(&lock);
		add_workers(n);
		lock_acquire(&lock);
	}
}

static void *
pump_run(void *arg)
{
	(void)arg;
	lock_acquire(&lock);
	for (;;) {
		pump_locked();
		asleep = true;
		cond_wait(&changed, &lock);
		asleep = false;
	}
	return NULL;
}

void
milter_pool_begun(void)
{
	atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);
}

void
milter_pool_opened(void)
{
	lock_acquire(&lock);
	open_count++;
	if (asleep && atomic_load(&pooled))
		cond_signal(&changed);
	lock_release(&lock);
}

void
milter_pool_closed(void)
{
	lock_acquire(&lock);
	if (open_count > 0)
		open_count--;
	lock_release(&lock);
}

bool
milter_waiting(bool begins)
{
	bool pool = atomic_load(&pooled);

	lock_acquire(&lock);
	bool may = !begins || !pool || !lacks_threads_locked();
	if (!begins)
		waiting--;
	else if (may && (waiting++ == 0 || slow || asleep) && pool)
		cond_signal(&changed);
	lock_release(&lock);
	return may;
}

bool
milter_pool_is_listener(void)
{
	return is_listener;
}

bool
milter_pool_is_short(void)
{
	lock_acquire(&lock);
	bool lacks = lacks_threads_locked() && !atomic_load(&pooled);
	lock_release(&lock);
	return lacks;
}

static void *
listener_run(void *arg)
{
	is_listener = true;
	return serve(arg);
}

/* It goes on for as long as the process does.  False: errno. */
static bool
start_thread(routine *run)
{
	pthread_t thread;

	errno = create_thread(&thread, &attributes, run, NULL);
	if (errno == 0)
		pthread_detach(thread);
	return errno == 0;
}

static bool
start_threads(void)
{
	lock_acquire(&lock);
	bool filled = refill_locked();
	lock_release(&lock);
	return filled && start_thread(pump_run) && start_thread(listener_run);
}

bool
milter_pool_start(void *(*run)(void *), struct diag *d)
{
	serve = run;
	cond_init(&changed);
	cond_init(&taken);
	cond_init(&asked);
	if (create_thread == NULL)
		find_create_thread();
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	if (!start_threads()) {
		diag_add(d, NULL, 0, "cannot start a thread: %s",
		    strerror(errno));
		return false;
	}

	int64_t until_ms = util_now_ms() + SIGWAIT_MS;
	lock_acquire(&lock);
	while (!sigwait_is_ours && cond_wait_until(&asked, &lock, until_ms))
		;
	bool ours = sigwait_is_ours;
	lock_release(&lock);
	if (!ours)
		diag_add(d, NULL, 0, "libmilter does not call the sigwait of "
		    "this program: it would end at SIGHUP");
	return ours;
}
