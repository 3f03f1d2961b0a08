/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs in flight.
 *
 * A flight is with one of three: the thread that runs the job (the caller of
 * flight_start first, then one of ours, or the one that waits for it), the
 * DNS while an answer is missing, or nobody once it is over.  The state says
 * which and changes under the one lock of the module; the job itself runs
 * without it, and arg and view are touched only by the thread that has
 * RUNNING.
 *
 *	RUNNING --pending--> WAITING --wake--> QUEUED --thread--> RUNNING
 *	                     WAITING --wake--> READY --collector--> RUNNING
 *	RUNNING --> OVER
 *
 * wake comes once for a fetch, from a thread of dns or of a backend, and that
 * can be while the thread that fetched is still RUNNING; it is then only
 * noted.  A released flight is abandoned: the thread that runs it frees it,
 * else flight_release does, after dns_view_free has seen wake return.
 */

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/util.h"
#include "dns/dns.h"
#include "dns/flight.h"

enum flight_state { FLIGHT_RUNNING, FLIGHT_WAITING, FLIGHT_QUEUED,
	FLIGHT_READY, FLIGHT_OVER };

struct flight {
	struct flights		*owner;
	const struct flight_job	*job;
	struct flight		*next;		/* in the queue; lock */
	enum flight_state	 state;		/* lock */
	bool			 woken;		/* lock */
	bool			 abandoned;	/* lock */
	bool			 counted;	/* among in_flight; lock */
	bool			 given_up;	/* lock; set by the owner */
	enum flight_end		 end;		/* like given_up */
	struct cond		*collector;	/* that waits; lock */
	int64_t			 started_us;
	int64_t			 ended_us;	/* lock */
	int64_t			 deadline_ms;
	struct dns_view		*view;
	alignas(max_align_t) char arg[];
};

struct flights {
	struct dns		*dns;
	size_t			 max_in_flight;
	bool			(*waiting)(bool begins);
	struct lock		 lock;
	struct cond		 work;
	struct flight		*head;		/* lock; queue of QUEUED */
	struct flight		*tail;		/* lock */
	size_t			 in_flight;	/* lock */
	bool			 stopping;	/* lock */
	unsigned		 thread_count;
	pthread_t		 threads[];
};

static void
queue_push_locked(struct flights *fs, struct flight *f)
{
	f->state = FLIGHT_QUEUED;
	f->next = NULL;
	if (fs->tail != NULL)
		fs->tail->next = f;
	else
		fs->head = f;
	fs->tail = f;
	cond_signal(&fs->work);
}

static struct flight *
queue_pop_locked(struct flights *fs)
{
	struct flight *f = fs->head;

	fs->head = f->next;
	if (fs->head == NULL)
		fs->tail = NULL;
	f->state = FLIGHT_RUNNING;
	return f;
}

static void
queue_remove_locked(struct flights *fs, struct flight *f)
{
	struct flight *prev = NULL;

	for (struct flight *p = fs->head; p != f; p = p->next)
		prev = p;
	if (prev != NULL)
		prev->next = f->next;
	else
		fs->head = f->next;
	if (fs->tail == f)
		fs->tail = prev;
}

static void
flight_free(struct flight *f)
{
	dns_view_free(f->view);
	f->job->fini(f->arg);
	free(f);
}

static void
uncount_locked(struct flight *f)
{
	if (f->counted) {
		f->counted = false;
		f->owner->in_flight--;
	}
}

static void
wake(void *arg)
{
	struct flight *f = arg;
	struct flights *fs = f->owner;

	lock_acquire(&fs->lock);
	if (f->state == FLIGHT_RUNNING) {
		f->woken = true;
	} else if (f->collector != NULL) {
		f->state = FLIGHT_READY;
		cond_signal(f->collector);
	} else if (!f->abandoned) {
		queue_push_locked(fs, f);
	}
	lock_release(&fs->lock);
}

/* May f go on in the background?  Counts it the first time. */
static bool
admit(struct flight *f)
{
	struct flights *fs = f->owner;

	lock_acquire(&fs->lock);
	if (!f->counted && fs->in_flight < fs->max_in_flight) {
		f->counted = true;
		fs->in_flight++;
	}
	bool admitted = f->counted;
	lock_release(&fs->lock);
	return admitted;
}

static void
end_locked(struct flight *f)
{
	f->ended_us = util_now_us();
	stats_observe(f->job->time, f->ended_us - f->started_us);
}

static void
finish(struct flight *f)
{
	struct flights *fs = f->owner;

	dns_view_free(f->view);
	f->view = NULL;
	lock_acquire(&fs->lock);
	uncount_locked(f);
	if (!f->given_up)
		end_locked(f);
	f->state = FLIGHT_OVER;
	bool abandoned = f->abandoned;
	if (f->collector != NULL)
		cond_signal(f->collector);
	lock_release(&fs->lock);
	if (abandoned)
		flight_free(f);
}

/*
 * After a fetch that has to wait: true if f has to run again at once; false
 * if it is out of our hands.
 */
static bool
park(struct flight *f)
{
	struct flights *fs = f->owner;
	bool again = false;

	lock_acquire(&fs->lock);
	bool abandoned = f->abandoned;
	if (abandoned) {
		uncount_locked(f);
	} else if (f->woken) {
		f->woken = false;
		again = true;
	} else {
		f->state = FLIGHT_WAITING;
	}
	lock_release(&fs->lock);
	if (abandoned)
		flight_free(f);
	return again;
}

/*
 * Runs f, which is RUNNING, until it is done or has to wait.  False: it may
 * not wait, which is found out the first time.
 */
static bool
run(struct flight *f)
{
	bool admitted = true;

	while (!f->job->run(f->view, f->arg)) {
		admitted = admit(f);
		if (!admitted)
			break;
		if (!dns_view_fetch(f->view, wake, f) && !park(f))
			return true;
	}
	finish(f);
	return admitted;
}

static void *
worker(void *arg)
{
	struct flights *fs = arg;

	lock_acquire(&fs->lock);
	for (;;) {
		while (fs->head == NULL && !fs->stopping)
			cond_wait(&fs->work, &fs->lock);
		if (fs->head == NULL)
			break;
		struct flight *f = queue_pop_locked(fs);
		lock_release(&fs->lock);
		run(f);
		lock_acquire(&fs->lock);
	}
	lock_release(&fs->lock);
	return NULL;
}

struct flights *
flights_new(struct dns *dns, const struct flight_options *o)
{
	struct flights *fs = xcalloc(1,
	    sizeof(*fs) + o->threads * sizeof(fs->threads[0]));

	fs->dns = dns;
	fs->max_in_flight = o->max_in_flight;
	fs->waiting = o->waiting;
	lock_init(&fs->lock);
	cond_init(&fs->work);
	for (unsigned i = 0; i < o->threads; i++) {
		int error = thread_start(&fs->threads[i], worker, fs);

		if (error != 0) {
			flights_free(fs);
			errno = error;
			return NULL;
		}
		fs->thread_count++;
	}
	return fs;
}

void
flights_free(struct flights *fs)
{
	if (fs == NULL)
		return;
	lock_acquire(&fs->lock);
	fs->stopping = true;
	cond_broadcast(&fs->work);
	lock_release(&fs->lock);
	for (unsigned i = 0; i < fs->thread_count; i++)
		pthread_join(fs->threads[i], NULL);
	assert(fs->head == NULL);
	cond_fini(&fs->work);
	lock_fini(&fs->lock);
	free(fs);
}

struct flight *
flight_new(struct flights *fs, const struct flight_job *job, size_t more)
{
	struct flight *f = xcalloc(1, sizeof(*f) + job->size + more);

	f->owner = fs;
	f->job = job;
	return f;
}

void *
flight_arg(struct flight *f)
{
	return f->arg;
}

bool
flight_start(struct flight *f, const struct dns_client *client,
    int64_t deadline_ms)
{
	f->started_us = util_now_us();
	f->deadline_ms = deadline_ms;
	f->view = dns_view_new(f->owner->dns, client, deadline_ms,
	    f->job->max_queries);
	bool admitted = run(f);
	if (!admitted)
		f->end = FLIGHT_REFUSED;
	return admitted;
}

bool
flight_release(struct flight *f)
{
	if (f == NULL)
		return false;

	struct flights *fs = f->owner;

	lock_acquire(&fs->lock);
	bool running = f->state == FLIGHT_RUNNING;
	bool over = f->state == FLIGHT_OVER;
	f->abandoned = true;	/* from now on wake leaves it alone */
	if (f->state == FLIGHT_QUEUED)
		queue_remove_locked(fs, f);
	if (!running)
		uncount_locked(f);
	lock_release(&fs->lock);
	if (!running)
		flight_free(f);
	return !over;
}

bool
flight_is_done(const struct flight *f)
{
	struct flights *fs = f->owner;

	if (f->given_up)
		return true;
	lock_acquire(&fs->lock);
	bool over = f->state == FLIGHT_OVER;
	lock_release(&fs->lock);
	return over;
}

/*
 * Waits for f.  When it has to run again that is done here: one hand-over
 * less than by a thread of ours.
 */
static bool
wait_until_over(struct flight *f, int64_t until_ms)
{
	struct flights *fs = f->owner;
	struct cond done;
	bool in_time = true;

	cond_init(&done);
	lock_acquire(&fs->lock);
	f->collector = &done;
	for (;;) {
		if (f->state == FLIGHT_READY) {
			f->state = FLIGHT_RUNNING;
			lock_release(&fs->lock);
			run(f);
			lock_acquire(&fs->lock);
			continue;
		}
		if (f->state == FLIGHT_OVER || !in_time)
			break;
		in_time = cond_wait_until(&done, &fs->lock, until_ms);
	}
	f->collector = NULL;
	bool is_over = f->state == FLIGHT_OVER;
	lock_release(&fs->lock);
	cond_fini(&done);
	return is_over;
}

/* Whatever f comes to later. */
static enum flight_end
give_up(struct flight *f, enum flight_end end)
{
	lock_acquire(&f->owner->lock);
	f->given_up = true;
	f->end = end;
	end_locked(f);
	lock_release(&f->owner->lock);
	return end;
}

enum flight_end
flight_collect(struct flight *f, int64_t until_ms)
{
	bool (*waiting)(bool begins) = f->owner->waiting;
	int64_t begin_us;

	if (flight_is_done(f))
		return f->end;
	if (waiting != NULL && !waiting(true))
		return give_up(f, FLIGHT_REFUSED);
	begin_us = util_now_us();
	bool over = wait_until_over(f, until_ms < f->deadline_ms ? until_ms :
	    f->deadline_ms);
	stats_observe(STATS_WAIT_TIME, util_now_us() - begin_us);
	if (waiting != NULL)
		(void)waiting(false);
	return over ? f->end : give_up(f, FLIGHT_LATE);
}

int64_t
flight_duration_ms(const struct flight *f)
{
	return (f->ended_us - f->started_us) / 1000;
}

size_t
flights_count(struct flights *fs)
{
	lock_acquire(&fs->lock);
	size_t n = fs->in_flight;
	lock_release(&fs->lock);
	return n;
}
