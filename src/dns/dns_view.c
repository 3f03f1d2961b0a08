/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views: what one job has asked and been told.
 *
 * An answer stays with its view, whatever becomes of it in the table, and
 * counts once.  Before it is one, it is an errand: the question that the job
 * lacks an answer to, which is pending, or one that was put ahead.  Several
 * may be under way, and be answered in any order and while the job runs; only
 * the answer to the pending one wakes it, since no other brings it on.
 *
 * served tells that the waiter of an errand may be looked at; awaited, whose
 * answer wakes.  Whoever clears awaited, the answer or dns_view_fetch that
 * finds the answer there, is the one that lets the job run again.
 */

#include "config.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"

/* Most checks need no more; others grow. */
#define VIEW_SLOTS 12

struct slot {
	uint64_t		 hash[2];
	struct dns_answer	*answer;
	enum dns_source		 source;
};

struct errand {
	struct errand		*next;
	struct dns_view		*view;
	bool			 used;		/* under way or served */
	bool			 needed;	/* it was pending */
	_Atomic bool		 served;	/* waiter.answer is there */
	enum dns_source		 source;
	struct dns_waiter	 waiter;
	struct dns_key		 key;
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
	struct slot		*slots;
	struct slot		 first_slots[VIEW_SLOTS];
	bool			 has_pending;
	struct dns_key		 pending;
	struct errand		 errands;	/* the first of a list */
	unsigned		 errand_count;	/* used */
	_Atomic(struct errand *) awaited;	/* or NULL */
	void			(*wake)(void *);
	void			*arg;
};

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
	struct errand *next;
	for (struct errand *e = &v->errands; e != NULL; e = next) {
		next = e->next;
		dns_answer_release(e->waiter.answer);
		if (e != &v->errands)
			free(e);
	}
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

/* Errands */

static struct errand *
errand_find(struct dns_view *v, const struct dns_key *k)
{
	for (struct errand *e = &v->errands; e != NULL; e = e->next)
		if (e->used && e->key.hash[0] == k->hash[0] &&
		    e->key.hash[1] == k->hash[1])
			return e;
	return NULL;
}

static struct errand *
errand_add(struct dns_view *v, const struct dns_key *k)
{
	struct errand *e = &v->errands;

	while (e->used && e->next != NULL)
		e = e->next;
	if (e->used)
		e = e->next = xcalloc(1, sizeof(*e));
	v->errand_count++;
	e->view = v;
	e->used = true;
	e->needed = false;
	e->key = *k;
	return e;
}

/* Its view is not freed before this has returned. */
static void
errand_woken(void *arg)
{
	struct errand *e = arg;
	struct dns_view *v = e->view;
	struct errand *awaited = e;

	atomic_store(&e->served, true);
	if (atomic_compare_exchange_strong(&v->awaited, &awaited, NULL))
		v->wake(v->arg);
}

static void
errand_put(struct errand *e)
{
	struct dns_view *v = e->view;

	e->source = DNS_SOURCE_NETWORK;
	e->waiter.wake = errand_woken;
	e->waiter.arg = e;
	if (!dns_question_put(v->dns->questions, &e->key, &v->client,
	    &e->waiter))
		return;		/* by now another thread may have it */
	if (e->waiter.known)
		e->source = DNS_SOURCE_CACHE;
	atomic_store(&e->served, true);
}

/* The reference to its answer, or NULL. */
static struct dns_answer *
errand_end(struct errand *e)
{
	struct dns_answer *answer = e->waiter.answer;

	e->view->errand_count--;
	e->used = false;
	atomic_store(&e->served, false);
	e->waiter.answer = NULL;
	e->waiter.state = DNS_WAITER_IDLE;
	return answer;
}

/* Asking */

/* A new reference to an answer of the table, or NULL. */
static struct dns_answer *
view_look_up(struct dns_view *v, const struct dns_key *k,
    enum dns_source *source)
{
	bool stale;
	struct dns_answer *answer = dns_cache_get(v->dns->cache, k,
	    v->dns->now_ms(), &stale);

	if (answer == NULL)
		return NULL;
	v->hits++;
	*source = stale ? DNS_SOURCE_STALE : DNS_SOURCE_CACHE;
	return answer;
}

/* Too much of this client is under way, and a check lacks the answer. */
static void
note_busy(const struct dns_view *v)
{
	const struct addr network = addr_network(&v->client.address, 64);
	struct log_record r = { .event = LOG_EVENT_DNS,
		.message = "dns: too many names in flight, not asked" };
	char text[ADDR_TEXT_SIZE];

	stats_inc(STATS_DNS_OVERFLOW);
	log_record_string(&r, "network", addr_format(&network, text));
	log_record_write(&r, LOG_LEVEL_WARNING);
}

/* Was refused when nobody needed it. */
static bool
is_in_vain(const struct errand *e)
{
	return !e->needed && atomic_load(&e->served) &&
	    e->waiter.answer->failure == DNS_FAILURE_BUSY;
}

/* An answer that has no slot, if it is there. */
static const struct dns_answer *
view_learn(struct dns_view *v, const struct dns_key *k)
{
	struct errand *e = errand_find(v, k);
	struct dns_answer *answer;
	enum dns_source source;

	if (e != NULL && is_in_vain(e)) {
		dns_answer_release(errand_end(e));
		e = NULL;
	}
	if (e == NULL) {
		answer = view_look_up(v, k, &source);
	} else if (atomic_load(&e->served)) {
		source = e->waiter.stale ? DNS_SOURCE_STALE : e->source;
		answer = errand_end(e);
		v->has_pending = false;
		if (answer->failure == DNS_FAILURE_BUSY)
			note_busy(v);
	} else {
		return NULL;
	}
	return answer == NULL ? NULL : view_keep(v, k->hash, answer, source);
}

enum dns_status
dns_query(struct dns_view *v, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	struct dns_key key;

	*out = NULL;
	if (!dns_cache_key(v->dns->cache, &key, name, type))
		return DNS_NXDOMAIN;
	*out = view_find(v, key.hash);
	if (*out == NULL && v->count >= v->max_queries)
		return DNS_LIMIT;
	if (*out == NULL)
		*out = view_learn(v, &key);
	if (*out != NULL)
		return (*out)->status;
	v->all_cached = false;
	if (v->dns->now_ms() >= v->deadline_ms)
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

static struct errand *
ask_ahead(struct dns_view *v, const struct dns_key *k)
{
	/* One is left for what is pending. */
	if (v->count + v->errand_count + 1 >= v->max_queries ||
	    v->dns->now_ms() >= v->deadline_ms)
		return NULL;
	struct errand *e = errand_add(v, k);
	e->waiter.answer = view_look_up(v, k, &e->source);
	if (e->waiter.answer != NULL) {
		e->waiter.stale = e->source == DNS_SOURCE_STALE;
		atomic_store(&e->served, true);
		return e;
	}
	errand_put(e);
	return e;
}

const struct dns_answer *
dns_view_ahead(struct dns_view *v, const char *name, enum dns_type type)
{
	struct dns_key key;

	if (!dns_cache_key(v->dns->cache, &key, name, type))
		return NULL;
	const struct dns_answer *known = view_find(v, key.hash);
	if (known != NULL)
		return known;
	struct errand *e = errand_find(v, &key);
	if (e == NULL)
		e = ask_ahead(v, &key);
	return e != NULL && atomic_load(&e->served) ? e->waiter.answer : NULL;
}

bool
dns_view_fetch(struct dns_view *v, void (*wake)(void *), void *arg)
{
	if (!v->has_pending || v->dns->now_ms() >= v->deadline_ms)
		return true;
	struct errand *e = errand_find(v, &v->pending);
	bool ahead = e != NULL;
	if (!ahead)
		e = errand_add(v, &v->pending);
	e->needed = true;
	v->wake = wake;
	v->arg = arg;
	atomic_store(&v->awaited, e);
	if (!ahead)
		errand_put(e);
	struct errand *awaited = e;
	return atomic_load(&e->served) &&
	    atomic_compare_exchange_strong(&v->awaited, &awaited, NULL);
}

/* What has been served may be in its wake still. */
void
dns_view_cancel(struct dns_view *v)
{
	atomic_store(&v->awaited, NULL);
	for (struct errand *e = &v->errands; e != NULL; e = e->next) {
		if (e->waiter.wake == NULL)
			continue;
		dns_question_cancel(v->dns->questions, &e->key, &e->waiter);
		if (e->used && !atomic_load(&e->served))
			(void)errand_end(e);
	}
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
