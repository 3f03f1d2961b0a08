/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions in flight: their turn, their age, their end, and who is woken.
 *
 * A question has two references.  One is the backend's, dropped when it has
 * called done, as late as that may be, or when it is clear that the backend
 * will not be given the question.  The other is that of the list by age; it is
 * kept in the order of the deadlines, which is that of age but for a while
 * after a change of the timeout, and one thread looks at its head.  When a
 * question is too old its waiters get a temporary error; the backend's answer
 * may still follow and is then remembered for others.
 *
 * The same thread gives the backend the questions that had to wait for their
 * turn.  One that nobody waits for any more before that is never asked.
 *
 * Waking: the table counts up waking of each waiter it hands over, under the
 * lock of the shard; wake_all calls wake and counts down, which is the last
 * it does with the waiter.  Cancelling leaves the table and then waits for
 * the count to be 0, so that a view is never freed under a call of wake.  It
 * announces itself first, so that counting down needs no lock: one of the two
 * sees the other.
 *
 * Locks: `lock` and the locks of the shards are never held together.
 */

#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"

/* Longest sleep of one who cancels before it looks again. */
#define WAIT_STEP_MS 1000

struct dns_questions {
	struct dns_backend	*backend;
	struct dns_cache	*cache;
	int64_t			(*now_ms)(void);
	atomic_uint		 cancelling;	/* wait for a wake to be over */
	pthread_t		 timer;

	struct lock		 lock;		/* of what follows */
	int64_t			 timeout_ms;
	struct dns_turns	*turns;
	struct cond		 timer_cond;
	struct cond		 wake_cond;	/* a wake is over */
	struct dns_question	*oldest;
	struct dns_question	*newest;
	bool			 stopping;
};

/* Questions by age */

static void
question_release(struct dns_question *q)
{
	if (atomic_fetch_sub(&q->references, 1) == 1)
		free(q);
}

static void
list_add_locked(struct dns_questions *qs, struct dns_question *q)
{
	q->deadline_ms = qs->now_ms() + qs->timeout_ms;
	q->listed = true;
	struct dns_question *older = qs->newest;
	while (older != NULL && older->deadline_ms > q->deadline_ms)
		older = older->older;	/* they had more time */
	q->older = older;
	q->newer = older != NULL ? older->newer : qs->oldest;
	*(older != NULL ? &older->newer : &qs->oldest) = q;
	*(q->newer != NULL ? &q->newer->older : &qs->newest) = q;
}

/* The caller has the reference of the list from now on. */
static void
list_remove_locked(struct dns_questions *qs, struct dns_question *q)
{
	if (q->older != NULL)
		q->older->newer = q->newer;
	else
		qs->oldest = q->newer;
	if (q->newer != NULL)
		q->newer->older = q->older;
	else
		qs->newest = q->older;
	q->listed = false;
}

/* Has the timer ask the question whose turn may have come. */
static void
ask_next_locked(struct dns_questions *qs)
{
	if (dns_turns_ready(qs->turns))
		cond_signal(&qs->timer_cond);
}

/* The backend is done with q. */
static void
question_leave(struct dns_questions *qs, struct dns_question *q)
{
	lock_acquire(&qs->lock);
	bool listed = q->listed;
	if (listed)
		list_remove_locked(qs, q);
	dns_turns_leave(qs->turns, q);
	ask_next_locked(qs);
	lock_release(&qs->lock);
	if (listed)
		question_release(q);
}

/* Its last waiter has left while it waited for its turn. */
static void
question_abandon(struct dns_questions *qs, struct dns_question *q)
{
	lock_acquire(&qs->lock);
	bool dropped = dns_turns_drop(qs->turns, q);
	if (dropped)
		list_remove_locked(qs, q);
	lock_release(&qs->lock);
	if (dropped) {
		stats_inc(STATS_DNS_CANCELLED);
		question_release(q);
		question_release(q);
	}
	question_release(q);
}

/* Ends of questions */

static void
wake_all(struct dns_questions *qs, struct dns_waiter *w)
{
	while (w != NULL) {
		/* Once woken, its view may use the waiter again. */
		struct dns_waiter *next = w->next;
		w->wake(w->arg);
		atomic_fetch_sub(&w->waking, 1);
		if (atomic_load(&qs->cancelling) > 0) {
			lock_acquire(&qs->lock);
			cond_broadcast(&qs->wake_cond);
			lock_release(&qs->lock);
		}
		w = next;
	}
}

static bool
settle(struct dns_question *q, struct dns_answer *answer)
{
	struct dns_questions *qs = q->owner;
	struct dns_waiter *wake;
	bool first = dns_cache_settle(qs->cache, q, answer, qs->now_ms(),
	    &wake);

	wake_all(qs, wake);
	dns_answer_release(answer);
	return first;
}

static enum stats_type
stats_type_of(uint16_t type)
{
	switch ((enum dns_type)type) {
	case DNS_TYPE_A:
		return STATS_TYPE_A;
	case DNS_TYPE_PTR:
		return STATS_TYPE_PTR;
	case DNS_TYPE_MX:
		return STATS_TYPE_MX;
	case DNS_TYPE_TXT:
		return STATS_TYPE_TXT;
	case DNS_TYPE_AAAA:
		return STATS_TYPE_AAAA;
	case DNS_TYPE_SPF:
		break;
	}
	return STATS_TYPE_OTHER;
}

/* Once: what comes after a timeout is no other end. */
static void
count_end(struct dns_question *q, enum stats_counter end)
{
	if (atomic_exchange(&q->counted, true))
		return;
	stats_inc_at(end, stats_type_of(q->key.type));
	stats_observe(STATS_DNS_TIME, util_now_us() - q->asked_us);
}

static enum stats_counter
end_of(const struct dns_answer *answer)
{
	static const enum stats_counter failures[] = {
		[DNS_FAILURE_SERVFAIL] = STATS_DNS_SERVFAIL,
		[DNS_FAILURE_REFUSED] = STATS_DNS_REFUSED,
		[DNS_FAILURE_TIMEOUT] = STATS_DNS_TIMEOUTS,
		[DNS_FAILURE_BOGUS] = STATS_DNS_BOGUS,
		[DNS_FAILURE_NO_SERVER] = STATS_DNS_UNREACHED,
		[DNS_FAILURE_UNUSABLE] = STATS_DNS_UNUSABLE,
		[DNS_FAILURE_BUSY] = STATS_DNS_UNRESOLVED,
		[DNS_FAILURE_RESOLVER] = STATS_DNS_UNRESOLVED,
	};

	if (answer->status == DNS_TEMPERROR)
		return failures[answer->failure];
	if (answer->status == DNS_NXDOMAIN)
		return STATS_DNS_NXDOMAIN;
	return answer->status == DNS_NODATA ? STATS_DNS_NODATA :
	    STATS_DNS_ANSWERED;
}

static void
question_done(void *arg, struct dns_answer *answer)
{
	struct dns_question *q = arg;

	if (answer->status == DNS_TEMPERROR)
		stats_inc(STATS_DNS_FAILURES);
	else
		atomic_store(&q->owner->backend->seen_ms, util_now_ms());
	count_end(q, end_of(answer));
	question_leave(q->owner, q);
	settle(q, answer);
	question_release(q);
}

static void
question_ask(struct dns_question *q)
{
	struct dns_backend *b = q->owner->backend;

	stats_inc_at(STATS_DNS_QUERIES, stats_type_of(q->key.type));
	b->ops->start(b, q->key.name, (enum dns_type)q->key.type,
	    question_done, q);
}

/* It will not be asked: too much of this client is under way. */
static void
question_refuse(struct dns_question *q)
{
	settle(q, dns_answer_error(DNS_FAILURE_BUSY, "",
	    (enum dns_type)q->key.type, 0));
	question_release(q);
}

static void
timeout_format(struct dns_questions *qs, char *out, size_t size)
{
	struct sbuf sb;

	lock_acquire(&qs->lock);
	int64_t ms = qs->timeout_ms;
	lock_release(&qs->lock);
	sbuf_init(&sb, out, size);
	if (ms % 1000 == 0)
		sbuf_fmt(&sb, " in %" PRId64 " s", ms / 1000);
	else
		sbuf_fmt(&sb, " in %" PRId64 " ms", ms);
}

static void
question_expire(struct dns_question *q)
{
	char more[40];

	timeout_format(q->owner, more, sizeof(more));
	bool nobody = atomic_load(&q->owner->backend->no_server);
	count_end(q, nobody ? STATS_DNS_UNREACHED : STATS_DNS_TIMEOUTS);
	if (!settle(q, dns_answer_error(nobody ? DNS_FAILURE_NO_SERVER :
	    DNS_FAILURE_TIMEOUT, nobody ? "" : more,
	    (enum dns_type)q->key.type, DNS_TEMPERROR_TTL)))
		return;
	atomic_store(&q->owner->backend->doubt, true);
	struct log_record r = { .event = LOG_EVENT_DNS,
		.message = "dns: no answer in time" };
	log_record_name(&r, "name", q->key.name);
	log_record_uint(&r, "type", q->key.type);
	log_record_write(&r, LOG_LEVEL_WARNING);
}

/* Asks what may be asked now, and ends what is too old.  False: nothing. */
static bool
timer_work_locked(struct dns_questions *qs) LOCK_REQUIRES(qs->lock)
{
	struct dns_question *next = dns_turns_next(qs->turns);
	struct dns_question *q = qs->oldest;

	if (next == NULL && (q == NULL || q->deadline_ms > qs->now_ms()))
		return false;
	bool waited = false;
	if (next == NULL) {
		list_remove_locked(qs, q);
		waited = dns_turns_drop(qs->turns, q);
	} else {
		next->asked_us = util_now_us();
	}
	lock_release(&qs->lock);
	if (next != NULL) {
		question_ask(next);
	} else {
		if (waited)
			question_refuse(q);
		else
			question_expire(q);
		question_release(q);
	}
	lock_acquire(&qs->lock);
	return true;
}

/*
 * Without questions it sleeps for the time of one question: none that comes
 * in between can be due earlier, so nobody has to wake this thread but for a
 * question whose turn has come.
 */
static void *
timer_run(void *arg)
{
	struct dns_questions *qs = arg;

	lock_acquire(&qs->lock);
	while (!qs->stopping) {
		if (timer_work_locked(qs))
			continue;
		cond_wait_until(&qs->timer_cond, &qs->lock, util_now_ms() +
		    (qs->oldest == NULL ? qs->timeout_ms :
		    qs->oldest->deadline_ms - qs->now_ms()));
	}
	lock_release(&qs->lock);
	return NULL;
}

/* Putting and leaving */

static struct dns_question *
question_new(struct dns_questions *qs, const struct dns_key *k)
{
	struct dns_question *q = xcalloc(1, sizeof(*q));

	q->owner = qs;
	q->key = *k;
	atomic_init(&q->references, 2);
	return q;
}

/* Asks q, which is new, if that is possible now. */
static void
question_start(struct dns_questions *qs, struct dns_question *q,
    const struct dns_client *client)
{
	lock_acquire(&qs->lock);
	enum dns_turn turn = dns_turns_enter(qs->turns, q, client);
	/* Here: once it is listed it may expire before it is asked. */
	q->asked_us = util_now_us();
	if (turn != DNS_TURN_NEVER)
		list_add_locked(qs, q);
	ask_next_locked(qs);
	lock_release(&qs->lock);
	if (turn == DNS_TURN_NOW) {
		question_ask(q);
	} else if (turn == DNS_TURN_NEVER) {
		question_refuse(q);
		question_release(q);
	}
}

/* client waits for q too, whose turn has not come. */
static void
question_share(struct dns_questions *qs, struct dns_question *q,
    const struct dns_client *client)
{
	lock_acquire(&qs->lock);
	dns_turns_share(qs->turns, q, client);
	ask_next_locked(qs);
	lock_release(&qs->lock);
	question_release(q);
}

bool
dns_question_put(struct dns_questions *qs, const struct dns_key *k,
    const struct dns_client *client, struct dns_waiter *w)
{
	struct dns_question *q = question_new(qs, k);
	struct dns_question *waiting;

	switch (dns_cache_join(qs->cache, q, w, qs->now_ms(), &waiting)) {
	case DNS_JOIN_ANSWERED:
		free(q);
		return true;
	case DNS_JOIN_WAITS:
		free(q);
		stats_inc(STATS_DNS_SHARED);
		if (waiting != NULL)
			question_share(qs, waiting, client);
		return false;
	case DNS_JOIN_FIRST:
		break;
	}
	question_start(qs, q, client);
	return !dns_cache_wait(qs->cache, k, w);
}

void
dns_question_cancel(struct dns_questions *qs, const struct dns_key *k,
    struct dns_waiter *w)
{
	struct dns_question *unwanted = dns_cache_leave(qs->cache, k, w);

	if (unwanted != NULL)
		question_abandon(qs, unwanted);
	if (atomic_load(&w->waking) == 0)
		return;
	atomic_fetch_add(&qs->cancelling, 1);
	lock_acquire(&qs->lock);
	while (atomic_load(&w->waking) > 0)
		cond_wait_until(&qs->wake_cond, &qs->lock,
		    util_now_ms() + WAIT_STEP_MS);
	lock_release(&qs->lock);
	atomic_fetch_sub(&qs->cancelling, 1);
}

/* Start and end */

void
dns_questions_set_timeout(struct dns_questions *qs, int64_t ms)
{
	lock_acquire(&qs->lock);
	qs->timeout_ms = ms > 0 ? ms : 1;
	cond_signal(&qs->timer_cond);
	lock_release(&qs->lock);
}

static void
questions_destroy(struct dns_questions *qs)
{
	qs->backend->ops->free(qs->backend);
	dns_turns_free(qs->turns);
	cond_fini(&qs->wake_cond);
	cond_fini(&qs->timer_cond);
	lock_fini(&qs->lock);
	free(qs);
}

struct dns_questions *
dns_questions_new(struct dns_backend *b, struct dns_cache *c,
    const struct dns_options *o)
{
	struct dns_questions *qs = xcalloc(1, sizeof(*qs));

	qs->backend = b;
	qs->cache = c;
	qs->now_ms = o->now_ms != NULL ? o->now_ms : util_now_ms;
	qs->turns = dns_turns_new(b->capacity > 0 ? b->capacity : UINT_MAX);
	lock_init(&qs->lock);
	cond_init(&qs->timer_cond);
	cond_init(&qs->wake_cond);
	dns_questions_set_timeout(qs, o->query_timeout_ms);
	int error = thread_start(&qs->timer, timer_run, qs);
	if (error == 0)
		return qs;
	questions_destroy(qs);
	errno = error;
	return NULL;
}

void
dns_questions_free(struct dns_questions *qs)
{
	lock_acquire(&qs->lock);
	qs->stopping = true;
	cond_signal(&qs->timer_cond);
	lock_release(&qs->lock);
	pthread_join(qs->timer, NULL);
	questions_destroy(qs);
}
