/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views, questions in flight and their timeouts.
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

#include "dns/dns.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

/* Most checks need no more; others grow. */
#define VIEW_SLOTS 12

/* Longest sleep of dns_view_wait before it looks at the clock again. */
#define WAIT_STEP_MS 1000

struct dns {
	struct dns_backend	*backend;
	struct dns_cache	*cache;
	_Atomic int64_t		 timeout_ms;
	_Atomic int64_t		 advanced_ms;	/* by tests */
	atomic_uint		 cancelling;	/* wait for a wake to be over */
	pthread_t		 timer;

	struct lock		 lock;		/* of what follows */
	struct dns_turns	*turns;
	struct cond		 timer_cond;
	struct cond		 wake_cond;	/* a wake is over */
	struct dns_question	*oldest;
	struct dns_question	*newest;
	bool			 stopping;
};

struct slot {
	uint64_t		 hash[2];
	struct dns_answer	*answer;
	enum dns_source		 source;
};

struct dns_view {
	struct dns		*dns;
	struct dns_client	 client;
	int64_t			 deadline_ms;
	unsigned		 max_queries;
	unsigned		 count;		/* of slots */
	unsigned		 room;
	unsigned		 hits;
	bool			 all_cached;
	bool			 has_stale;
	bool			 has_pending;
	bool			 fetched;	/* waiter has been used */
	bool			 woken;		/* dns->lock */
	struct slot		*slots;
	struct slot		 first_slots[VIEW_SLOTS];
	struct dns_waiter	 waiter;
	struct dns_key		 pending;
};

static int64_t
now_ms(struct dns *d)
{
	return util_now_ms() + atomic_load_explicit(&d->advanced_ms,
	    memory_order_relaxed);
}

/* Questions by age */

static void
question_release(struct dns_question *q)
{
	if (atomic_fetch_sub(&q->references, 1) == 1)
		free(q);
}

static void
list_add_locked(struct dns *d, struct dns_question *q)
{
	q->deadline_ms = now_ms(d) + d->timeout_ms;
	q->listed = true;
	struct dns_question *older = d->newest;
	while (older != NULL && older->deadline_ms > q->deadline_ms)
		older = older->older;	/* they had more time */
	q->older = older;
	q->newer = older != NULL ? older->newer : d->oldest;
	*(older != NULL ? &older->newer : &d->oldest) = q;
	*(q->newer != NULL ? &q->newer->older : &d->newest) = q;
}

/* The caller has the reference of the list from now on. */
static void
list_remove_locked(struct dns *d, struct dns_question *q)
{
	if (q->older != NULL)
		q->older->newer = q->newer;
	else
		d->oldest = q->newer;
	if (q->newer != NULL)
		q->newer->older = q->older;
	else
		d->newest = q->older;
	q->listed = false;
}

/* The backend is done with q. */
static void
question_leave(struct dns *d, struct dns_question *q)
{
	lock_acquire(&d->lock);
	bool listed = q->listed;
	if (listed)
		list_remove_locked(d, q);
	dns_turns_leave(d->turns, q);
	if (dns_turns_ready(d->turns))
		cond_broadcast(&d->timer_cond);
	lock_release(&d->lock);
	if (listed)
		question_release(q);
}

/* Its last waiter has left while it waited for its turn. */
static void
question_abandon(struct dns *d, struct dns_question *q)
{
	lock_acquire(&d->lock);
	bool dropped = dns_turns_drop(d->turns, q);
	if (dropped)
		list_remove_locked(d, q);
	lock_release(&d->lock);
	if (dropped) {
		stats_inc(STATS_DNS_CANCELLED);
		question_release(q);
		question_release(q);
	}
	question_release(q);
}

/* Ends of questions */

static void
wake_all(struct dns *d, struct dns_waiter *w)
{
	while (w != NULL) {
		/* Once woken, its view may use the waiter again. */
		struct dns_waiter *next = w->next;
		w->wake(w->arg);
		atomic_fetch_sub(&w->waking, 1);
		if (atomic_load(&d->cancelling) > 0) {
			lock_acquire(&d->lock);
			cond_broadcast(&d->wake_cond);
			lock_release(&d->lock);
		}
		w = next;
	}
}

static bool
settle(struct dns_question *q, struct dns_answer *answer)
{
	struct dns *d = q->dns;
	struct dns_waiter *wake;
	bool first = dns_cache_settle(d->cache, q, answer, now_ms(d), &wake);

	wake_all(d, wake);
	dns_answer_release(answer);
	return first;
}

static void
question_done(void *arg, struct dns_answer *answer)
{
	struct dns_question *q = arg;

	if (answer->status == DNS_TEMPERROR)
		stats_inc(STATS_DNS_FAILURES);
	if (answer->failure == DNS_FAILURE_BOGUS)
		stats_inc(STATS_DNS_BOGUS);
	question_leave(q->dns, q);
	settle(q, answer);
	question_release(q);
}

static void
question_ask(struct dns_question *q)
{
	struct dns_backend *b = q->dns->backend;

	stats_inc(STATS_DNS_QUERIES);
	b->ops->start(b, q->key.name, (enum dns_type)q->key.type,
	    question_done, q);
}

/* It will not be asked: too much of this client is under way. */
static void
question_refuse(struct dns_question *q)
{
	static struct log_limit limit;
	unsigned suppressed;
	char network[ADDR_TEXT_SIZE];

	if (settle(q, dns_answer_error(DNS_FAILURE_BUSY, "",
	    (enum dns_type)q->key.type, 0))) {
		stats_inc(STATS_DNS_OVERFLOW);
		if (log_limit_pass(&limit, 10000, &suppressed))
			log_warning("dns: too many names in flight, not "
			    "asked: network=%s more=%u",
			    addr_format(&q->network, network), suppressed);
	}
	question_release(q);
}

static void
timeout_format(const struct dns *d, char *out, size_t size)
{
	struct sbuf sb;

	sbuf_init(&sb, out, size);
	int64_t ms = atomic_load(&d->timeout_ms);
	if (ms % 1000 == 0)
		sbuf_fmt(&sb, " in %" PRId64 " s", ms / 1000);
	else
		sbuf_fmt(&sb, " in %" PRId64 " ms", ms);
}

static void
question_expire(struct dns_question *q)
{
	static struct log_limit limit;
	unsigned suppressed;
	char more[40];

	timeout_format(q->dns, more, sizeof(more));
	bool nobody = atomic_load(&q->dns->backend->no_server);
	if (!settle(q, dns_answer_error(nobody ? DNS_FAILURE_NO_SERVER :
	    DNS_FAILURE_TIMEOUT, nobody ? "" : more,
	    (enum dns_type)q->key.type, DNS_TEMPERROR_TTL)))
		return;
	stats_inc(STATS_DNS_TIMEOUTS);
	if (!log_limit_pass(&limit, 10000, &suppressed))
		return;
	char storage[LOG_VALUE_MAX * 4 + 40];
	struct sbuf text;
	sbuf_init(&text, storage, sizeof(storage));
	log_pair(&text, "name", q->key.name);
	log_warning("dns: no answer%s: %s type=%u more=%u", more, storage,
	    q->key.type, suppressed);
}

/* Asks what may be asked now, and ends what is too old.  False: nothing. */
static bool
timer_work_locked(struct dns *d) LOCK_REQUIRES(d->lock)
{
	struct dns_question *next = dns_turns_next(d->turns);
	struct dns_question *q = d->oldest;

	if (next == NULL && (q == NULL || q->deadline_ms > now_ms(d)))
		return false;
	bool waited = false;
	if (next == NULL) {
		list_remove_locked(d, q);
		waited = dns_turns_drop(d->turns, q);
	}
	lock_release(&d->lock);
	if (next != NULL) {
		question_ask(next);
	} else {
		if (waited)
			question_refuse(q);
		else
			question_expire(q);
		question_release(q);
	}
	lock_acquire(&d->lock);
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
	struct dns *d = arg;

	lock_acquire(&d->lock);
	while (!d->stopping) {
		if (timer_work_locked(d))
			continue;
		cond_wait_until(&d->timer_cond, &d->lock, util_now_ms() +
		    (d->oldest == NULL ? d->timeout_ms :
		    d->oldest->deadline_ms - now_ms(d)));
	}
	lock_release(&d->lock);
	return NULL;
}

/* The resolver */

int
dns_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	sigset_t all;
	sigset_t old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

static void
dns_destroy(struct dns *d)
{
	d->backend->ops->free(d->backend);
	dns_cache_free(d->cache);
	dns_turns_free(d->turns);
	cond_fini(&d->wake_cond);
	cond_fini(&d->timer_cond);
	lock_fini(&d->lock);
	free(d);
}

static void
set_timeout(struct dns *d, int64_t ms)
{
	atomic_store(&d->timeout_ms, ms > 0 ? ms : 1);
}

struct dns *
dns_new_backend(struct dns_backend *b, const struct dns_options *o)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->backend = b;
	d->cache = dns_cache_new(o->cache_size, o->serve_stale_ms);
	d->turns = dns_turns_new(b->capacity > 0 ? b->capacity : UINT_MAX);
	set_timeout(d, o->query_timeout_ms);
	lock_init(&d->lock);
	cond_init(&d->timer_cond);
	cond_init(&d->wake_cond);
	int error = dns_thread_start(&d->timer, timer_run, d);
	if (error != 0) {
		dns_destroy(d);
		errno = error;
		return NULL;
	}
	return d;
}

struct dns *
dns_new(const struct dns_options *o, struct diag *diag)
{
	struct dns_backend *b = o->zone_file != NULL ?
	    dns_zone_new(o->zone_file, diag) : dns_resolver_new(o, diag);

	if (b == NULL)
		return NULL;
	struct dns *d = dns_new_backend(b, o);
	if (d == NULL)
		diag_add(diag, NULL, 0, "dns: cannot start a thread: %s",
		    strerror(errno));
	return d;
}

bool
dns_configure(struct dns *d, const struct dns_options *o, struct diag *diag)
{
	struct dns_backend *b = d->backend;

	if (b->ops->configure != NULL && !b->ops->configure(b, o, diag))
		return false;
	set_timeout(d, o->query_timeout_ms);
	lock_acquire(&d->lock);
	cond_broadcast(&d->timer_cond);
	lock_release(&d->lock);
	return true;
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	lock_acquire(&d->lock);
	d->stopping = true;
	cond_broadcast(&d->timer_cond);
	lock_release(&d->lock);
	pthread_join(d->timer, NULL);
	dns_destroy(d);
}

void
dns_clock_advance_for_test(struct dns *d, int64_t ms)
{
	lock_acquire(&d->lock);
	atomic_fetch_add(&d->advanced_ms, ms);
	cond_broadcast(&d->timer_cond);
	cond_broadcast(&d->wake_cond);
	lock_release(&d->lock);
}

/* Views */

struct dns_view *
dns_view_new(struct dns *d, const struct dns_client *client,
    int64_t deadline_ms, unsigned max_queries)
{
	struct dns_view *v = xcalloc(1, sizeof(*v));

	v->dns = d;
	if (client != NULL)
		v->client = *client;
	v->deadline_ms = deadline_ms;
	v->max_queries = max_queries;
	v->all_cached = true;
	v->slots = v->first_slots;
	v->room = VIEW_SLOTS;
	return v;
}

void
dns_view_free(struct dns_view *v)
{
	if (v == NULL)
		return;
	dns_view_cancel(v);
	dns_answer_release(v->waiter.answer);
	for (unsigned i = 0; i < v->count; i++)
		dns_answer_release(v->slots[i].answer);
	if (v->slots != v->first_slots)
		free(v->slots);
	if (v->hits > 0)
		stats_add(STATS_DNS_CACHE_HITS, v->hits);
	free(v);
}

/* Takes over the reference. */
static const struct dns_answer *
view_keep(struct dns_view *v, const uint64_t hash[2],
    struct dns_answer *answer, enum dns_source source)
{
	if (source == DNS_SOURCE_STALE) {
		v->has_stale = true;
		stats_inc(STATS_DNS_STALE);
	}
	if (v->count == v->room) {
		unsigned room = v->room * 2;
		bool heap = v->slots != v->first_slots;
		struct slot *slots = xreallocarray(heap ? v->slots : NULL,
		    room, sizeof(*slots));
		if (!heap)
			memcpy(slots, v->first_slots, sizeof(v->first_slots));
		v->slots = slots;
		v->room = room;
	}
	v->slots[v->count++] = (struct slot){
		.hash = { hash[0], hash[1] }, .answer = answer,
		.source = source
	};
	return answer;
}

static const struct dns_answer *
view_find(const struct dns_view *v, const uint64_t hash[2])
{
	for (unsigned i = 0; i < v->count; i++) {
		const struct slot *s = &v->slots[i];
		if (s->hash[0] == hash[0] && s->hash[1] == hash[1])
			return s->answer;
	}
	return NULL;
}

/* The answer to the pending question, if it has come. */
static void
view_take(struct dns_view *v)
{
	struct dns_answer *answer = v->waiter.answer;

	if (answer == NULL)
		return;
	v->waiter.answer = NULL;
	v->waiter.state = DNS_WAITER_IDLE;
	v->has_pending = false;
	view_keep(v, v->pending.hash, answer, v->waiter.stale ?
	    DNS_SOURCE_STALE : DNS_SOURCE_NETWORK);
}

enum dns_status
dns_query(struct dns_view *v, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	struct dns *d = v->dns;
	struct dns_key key;
	bool stale;

	*out = NULL;
	if (!dns_cache_key(d->cache, &key, name, type))
		return DNS_NXDOMAIN;
	view_take(v);
	*out = view_find(v, key.hash);
	if (*out != NULL)
		return (*out)->status;
	if (v->count >= v->max_queries)
		return DNS_LIMIT;
	int64_t now = now_ms(d);
	struct dns_answer *answer = dns_cache_get(d->cache, &key, now, &stale);
	if (answer != NULL) {
		v->hits++;
		*out = view_keep(v, key.hash, answer, stale ?
		    DNS_SOURCE_STALE : DNS_SOURCE_CACHE);
		return answer->status;
	}
	v->all_cached = false;
	if (now >= v->deadline_ms)
		return DNS_TEMPERROR;
	v->pending = key;
	v->has_pending = true;
	return DNS_PENDING;
}

struct dns_answer *
dns_view_share(const struct dns_view *v, const struct dns_answer *answer,
    enum dns_source *source)
{
	for (unsigned i = 0; i < v->count; i++) {
		struct slot *s = &v->slots[i];

		if (s->answer == answer) {
			dns_answer_acquire(s->answer);
			*source = s->source;
			return s->answer;
		}
	}
	assert(false);
	return NULL;
}

static struct dns_question *
question_new(struct dns *d, const struct dns_key *k)
{
	struct dns_question *q = xcalloc(1, sizeof(*q));

	q->dns = d;
	q->key = *k;
	atomic_init(&q->references, 2);
	return q;
}

/* v has put q; asks it, if that is possible now. */
static void
view_start(struct dns_view *v, struct dns_question *q)
{
	struct dns *d = v->dns;

	lock_acquire(&d->lock);
	enum dns_turn turn = dns_turns_enter(d->turns, q, &v->client);
	if (turn != DNS_TURN_NEVER)
		list_add_locked(d, q);
	if (dns_turns_ready(d->turns))
		cond_broadcast(&d->timer_cond);
	lock_release(&d->lock);
	if (turn == DNS_TURN_NOW) {
		question_ask(q);
	} else if (turn == DNS_TURN_NEVER) {
		question_refuse(q);
		question_release(q);
	}
}

/* v waits for q too, whose turn has not come. */
static void
view_share(struct dns_view *v, struct dns_question *q)
{
	struct dns *d = v->dns;

	lock_acquire(&d->lock);
	dns_turns_share(d->turns, q, &v->client);
	if (dns_turns_ready(d->turns))
		cond_broadcast(&d->timer_cond);
	lock_release(&d->lock);
	question_release(q);
}

bool
dns_view_fetch(struct dns_view *v, void (*wake)(void *), void *arg)
{
	struct dns *d = v->dns;
	int64_t now = now_ms(d);
	struct dns_question *waiting;

	view_take(v);
	if (!v->has_pending || now >= v->deadline_ms)
		return true;
	v->fetched = true;
	v->waiter.wake = wake;
	v->waiter.arg = arg;
	struct dns_question *q = question_new(d, &v->pending);
	switch (dns_cache_join(d->cache, q, &v->waiter, now, &waiting)) {
	case DNS_JOIN_ANSWERED:
		free(q);
		return true;
	case DNS_JOIN_WAITS:
		free(q);
		stats_inc(STATS_DNS_SHARED);
		if (waiting != NULL)
			view_share(v, waiting);
		return false;
	case DNS_JOIN_FIRST:
		break;
	}
	view_start(v, q);
	return !dns_cache_wait(d->cache, &v->pending, &v->waiter);
}

void
dns_view_cancel(struct dns_view *v)
{
	struct dns *d = v->dns;

	if (!v->fetched)
		return;
	struct dns_question *unwanted = dns_cache_leave(d->cache,
	    &v->pending, &v->waiter);
	if (unwanted != NULL)
		question_abandon(d, unwanted);
	if (atomic_load(&v->waiter.waking) == 0)
		return;
	atomic_fetch_add(&d->cancelling, 1);
	lock_acquire(&d->lock);
	while (atomic_load(&v->waiter.waking) > 0)
		cond_wait_until(&d->wake_cond, &d->lock,
		    util_now_ms() + WAIT_STEP_MS);
	lock_release(&d->lock);
	atomic_fetch_sub(&d->cancelling, 1);
}

static void
view_woken(void *arg)
{
	struct dns_view *v = arg;
	struct dns *d = v->dns;

	lock_acquire(&d->lock);
	v->woken = true;
	cond_broadcast(&d->wake_cond);
	lock_release(&d->lock);
}

void
dns_view_wait(struct dns_view *v)
{
	struct dns *d = v->dns;

	v->woken = false;
	if (dns_view_fetch(v, view_woken, v))
		return;
	lock_acquire(&d->lock);
	while (!v->woken) {
		int64_t left = v->deadline_ms - now_ms(d);
		if (left <= 0)
			break;
		if (left > WAIT_STEP_MS)
			left = WAIT_STEP_MS;
		cond_wait_until(&d->wake_cond, &d->lock, util_now_ms() + left);
	}
	lock_release(&d->lock);
	dns_view_cancel(v);
}

unsigned
dns_view_queries(const struct dns_view *v)
{
	return v->count;
}

bool
dns_view_all_cached(const struct dns_view *v)
{
	return v->all_cached;
}

bool
dns_view_has_stale(const struct dns_view *v)
{
	return v->has_stale;
}
