/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views: what one job has asked and been told.
 *
 * An answer stays with its view, whatever becomes of it in the table, and
 * counts once; the one question that the job lacks an answer to is pending.
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
	struct slot		*slots;
	struct slot		 first_slots[VIEW_SLOTS];
	struct dns_waiter	 waiter;
	struct dns_key		 pending;
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
	int64_t now = d->now_ms();
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

bool
dns_view_fetch(struct dns_view *v, void (*wake)(void *), void *arg)
{
	struct dns *d = v->dns;

	view_take(v);
	if (!v->has_pending || d->now_ms() >= v->deadline_ms)
		return true;
	v->fetched = true;
	v->waiter.wake = wake;
	v->waiter.arg = arg;
	return dns_question_put(d->questions, &v->pending, &v->client,
	    &v->waiter);
}

void
dns_view_cancel(struct dns_view *v)
{
	if (v->fetched)
		dns_question_cancel(v->dns->questions, &v->pending,
		    &v->waiter);
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
