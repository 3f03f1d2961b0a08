/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluations in flight.
 *
 * A flight belongs to one of three: the thread that runs the evaluation (the
 * caller of flight_start first, then one of ours, or the one that waits for
 * the verdict), the DNS while an answer is missing, or nobody once it is done.
 * The state says which and changes under the one lock of the module; the
 * evaluation itself runs without it, and its request, view and verdict are
 * touched only by the thread that has RUNNING.
 *
 *	RUNNING --pending--> WAITING --wake--> QUEUED --thread--> RUNNING
 *	                     WAITING --wake--> READY --collector--> RUNNING
 *	RUNNING --verdict--> DONE
 *
 * wake can come while the thread that fetched is still RUNNING; it is then
 * only noted.  A released flight is abandoned: the thread that runs it frees
 * it, else flight_release does, after dns_view_free has seen wake return.
 */

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/flight.h"

enum flight_state { FLIGHT_RUNNING, FLIGHT_WAITING, FLIGHT_QUEUED,
	FLIGHT_READY, FLIGHT_DONE };

struct flight {
	struct flights		*owner;
	struct flight		*next;		/* in the queue; lock */
	enum flight_state	 state;		/* lock */
	bool			 woken;		/* lock */
	bool			 abandoned;	/* lock */
	bool			 counted;	/* among in_flight; lock */
	struct cond		*collector;	/* that waits; lock */
	int64_t			 started_ms;
	int64_t			 finished_ms;	/* lock until done */
	int64_t			 deadline_ms;
	struct eval_request	 request;
	struct dns_view		*view;
	struct eval_verdict	*late;		/* given where time ran out; */
	int64_t			 late_ms;	/* both the collector's */
	struct eval_verdict	 verdict;	/* filled once done */
	char			 texts[];	/* of the request */
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
	eval_verdict_fini(&f->verdict);
	free(f->late);
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
finish(struct flight *f)
{
	struct flights *fs = f->owner;

	if (dns_view_all_cached(f->view))
		stats_inc(STATS_EVALUATIONS_CACHED);
	dns_view_free(f->view);
	f->view = NULL;
	lock_acquire(&fs->lock);
	uncount_locked(f);
	f->finished_ms = util_now_ms();
	f->state = FLIGHT_DONE;
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

/* Runs f, which is RUNNING, until it is done or has to wait. */
static void
run(struct flight *f)
{
	while (!eval_run(f->view, &f->request, &f->verdict)) {
		if (!admit(f)) {
			stats_inc(STATS_EVALUATIONS_REFUSED);
			eval_without_lookup(&f->verdict, f->request.scope,
			    RESULT_TEMPERROR, "too many checks under way");
			break;
		}
		if (!dns_view_fetch(f->view, wake, f) && !park(f))
			return;
	}
	finish(f);
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
		int error = pthread_create(&fs->threads[i], NULL, worker, fs);

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

static char *
copy_text(char **at, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = memcpy(*at, s, size);

	*at += size;
	return copy;
}

struct flight *
flight_start(struct flights *fs, const struct eval_request *in,
    int64_t deadline_ms)
{
	size_t size = strlen(in->local) + strlen(in->domain) +
	    strlen(in->helo) + strlen(in->receiver) + 4;
	struct flight *f = xcalloc(1, sizeof(*f) + size);
	char *at = f->texts;

	f->owner = fs;
	f->started_ms = util_now_ms();
	f->deadline_ms = deadline_ms;
	f->request = *in;
	f->request.local = copy_text(&at, in->local);
	f->request.domain = copy_text(&at, in->domain);
	f->request.helo = copy_text(&at, in->helo);
	f->request.receiver = copy_text(&at, in->receiver);
	f->view = dns_view_new(fs->dns, &(struct dns_client){
		.connection = in->connection, .address = in->client
	    }, deadline_ms, EVAL_MAX_QUERIES);
	stats_inc(STATS_EVALUATIONS);
	run(f);
	return f;
}

void
flight_release(struct flight *f)
{
	if (f == NULL)
		return;

	struct flights *fs = f->owner;

	lock_acquire(&fs->lock);
	bool running = f->state == FLIGHT_RUNNING;
	f->abandoned = true;	/* from now on wake leaves it alone */
	if (f->state == FLIGHT_QUEUED)
		queue_remove_locked(fs, f);
	if (f->state != FLIGHT_DONE)
		stats_inc(STATS_EVALUATIONS_CANCELLED);
	if (!running)
		uncount_locked(f);
	lock_release(&fs->lock);
	if (!running)
		flight_free(f);
}

bool
flight_is_done(const struct flight *f)
{
	struct flights *fs = f->owner;

	if (f->late != NULL)
		return true;
	lock_acquire(&fs->lock);
	bool done = f->state == FLIGHT_DONE;
	lock_release(&fs->lock);
	return done;
}

/*
 * Waits for f.  When it has to run again that is done here: one hand-over
 * less than by a thread of ours.
 */
static bool
wait_done(struct flight *f, int64_t until_ms)
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
		if (f->state == FLIGHT_DONE || !in_time)
			break;
		in_time = cond_wait_until(&done, &fs->lock, until_ms);
	}
	f->collector = NULL;
	bool is_done = f->state == FLIGHT_DONE;
	lock_release(&fs->lock);
	cond_fini(&done);
	return is_done;
}

/* In place of the verdict that f may have later. */
static const struct eval_verdict *
give_up(struct flight *f, const char *reason)
{
	f->late = xcalloc(1, sizeof(*f->late));
	eval_without_lookup(f->late, f->request.scope, RESULT_TEMPERROR,
	    reason);
	f->late_ms = util_now_ms();
	return f->late;
}

const struct eval_verdict *
flight_collect(struct flight *f, int64_t until_ms)
{
	if (f->late != NULL)
		return f->late;
	if (until_ms > f->deadline_ms)
		until_ms = f->deadline_ms;

	if (flight_is_done(f))
		return &f->verdict;

	bool (*waiting)(bool begins) = f->owner->waiting;
	if (waiting != NULL && !waiting(true)) {
		stats_inc(STATS_EVALUATIONS_REFUSED);
		return give_up(f, "too many checks under way");
	}
	bool done = wait_done(f, until_ms);
	if (waiting != NULL)
		(void)waiting(false);
	if (done)
		return &f->verdict;
	stats_inc(STATS_EVALUATIONS_LATE);
	return give_up(f, "no answer from the DNS in time");
}

int64_t
flight_duration_ms(const struct flight *f)
{
	return (f->late != NULL ? f->late_ms : f->finished_ms) - f->started_ms;
}
