/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of answers and of questions in flight.
 *
 * An entry is found by a 128-bit SipHash of type and lower-case name under a
 * key drawn at start.  Nobody outside can choose the bucket, and two names
 * with one hash will not be met, so entries hold no name.
 *
 * Each shard has its lock, its buckets and its share of the octets.  Entries
 * with an answer form a ring; when the share is used up a hand goes round it,
 * takes the mark off entries found since it came by last and evicts those
 * without a mark (CLOCK).  A new entry has none: a flood of names that nobody
 * asks for twice pushes out itself, not what is in use.  An entry lives while
 * it has an answer or a question.  What is dropped is freed after the lock
 * has been released.
 *
 * Answers with a time to live of 0 are not kept: those who waited for them
 * together are served by one, later questions go out again.
 *
 * An answer whose time to live has ended stays until it is replaced or
 * evicted.  It is given again (RFC 8767) only where a question has ended in a
 * temporary error and stale_ms allows it: the error is then not stored as an
 * answer, but as the time for which it stands (error_ms).
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/lock.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "spf/identity.h"

#define SHARDS 32
#define MIN_BUCKETS 16
#define MAX_TTL 86400

/* A small answer with its entry: sizes the buckets. */
#define TYPICAL_OCTETS 384

struct entry {
	struct entry		*chain;		/* of the bucket, or garbage */
	struct entry		*next;		/* ring, with an answer only */
	struct entry		*prev;
	uint64_t		 hash[2];
	struct dns_answer	*answer;
	struct dns_question	*question;
	int64_t			 expires_ms;
	bool			 used;
	uint32_t		 error_ms;	/* after expires_ms: for so
						 * long answer is given
						 * stale */
};

struct shard {
	struct lock	  lock;		/* of all below, and of waiters */
	struct entry	**buckets;
	size_t		  mask;		/* of the buckets */
	struct entry	 *hand;		/* in the ring; NULL: it is empty */
	size_t		  entries;	/* in the ring */
	size_t		  octets;	/* of those */
	size_t		  max_octets;
	int64_t		  stale_ms;
	char		  pad[64];	/* no line of cache for two locks */
};

struct dns_cache {
	struct shard	shards[SHARDS];
	size_t		octets;		/* as configured */
	int64_t		stale_ms;
	struct hash_key	key;
};

/* What has to be freed when the lock is no longer held. */
struct garbage {
	struct entry		*entries;
	struct dns_answer	*answer;
};

/* Copies in lower case; 0: not a name. */
static size_t
name_lower(char to[DNS_NAME_MAX], const char *name)
{
	size_t len = strnlen(name, DNS_NAME_MAX + 1);

	if (!identity_name_is_valid(name, len, false))
		return 0;
	for (size_t i = 0; i < len; i++)
		to[i] = util_lower(name[i]);
	return len;
}

bool
dns_cache_key(const struct dns_cache *c, struct dns_key *out,
    const char *name, enum dns_type type)
{
	char padded[HASH_ROOM(DNS_NAME_MAX + 2)];
	size_t len = name_lower(padded, name);

	if (len == 0)
		return false;
	memcpy(out->name, padded, len);
	out->name[len] = '\0';
	out->type = (uint16_t)type;
	padded[len] = (char)(out->type & 0xff);
	padded[len + 1] = (char)(out->type >> 8);
	memset(padded + len + 2, 0, 8 - (len + 2) % 8);
	hash_octets(&c->key, padded, len + 2, out->hash);
	return true;
}

static size_t
mask_for(size_t max_octets)
{
	size_t buckets = MIN_BUCKETS;

	while (buckets < max_octets / TYPICAL_OCTETS)
		buckets *= 2;
	return buckets - 1;
}

struct dns_cache *
dns_cache_new(size_t octets, int64_t stale_ms)
{
	struct dns_cache *c = xcalloc(1, sizeof(*c));

	hash_key_draw(&c->key);
	for (size_t i = 0; i < SHARDS; i++)
		lock_init(&c->shards[i].lock);
	dns_cache_configure(c, octets, stale_ms, 0);
	return c;
}

static void
garbage_free(struct garbage *g)
{
	dns_answer_release(g->answer);
	while (g->entries != NULL) {
		struct entry *e = g->entries;
		g->entries = e->chain;
		dns_answer_release(e->answer);
		free(e);
	}
}

void
dns_cache_free(struct dns_cache *c)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shards[i];
		for (size_t b = 0; b <= s->mask; b++) {
			struct garbage g = { .entries = s->buckets[b] };
			garbage_free(&g);
		}
		free(s->buckets);
		lock_fini(&s->lock);
	}
	free(c);
}

static struct shard *
shard_of(struct dns_cache *c, const struct dns_key *k)
{
	return &c->shards[k->hash[1] % SHARDS];
}

static struct entry *
find_locked(const struct shard *s,
    const struct dns_key *k)
{
	struct entry *e = s->buckets[k->hash[0] & s->mask];

	while (e != NULL && (e->hash[0] != k->hash[0] ||
	    e->hash[1] != k->hash[1]))
		e = e->chain;
	return e;
}

static struct entry *
find_or_add_locked(struct shard *s,
    const struct dns_key *k)
{
	struct entry *e = find_locked(s, k);

	if (e != NULL)
		return e;
	e = xcalloc(1, sizeof(*e));
	e->hash[0] = k->hash[0];
	e->hash[1] = k->hash[1];
	e->chain = s->buckets[k->hash[0] & s->mask];
	s->buckets[k->hash[0] & s->mask] = e;
	return e;
}

static void
ring_add_locked(struct shard *s, struct entry *e)
{
	if (s->hand == NULL) {
		e->next = e->prev = s->hand = e;
	} else {
		e->next = s->hand;
		e->prev = s->hand->prev;
		e->prev->next = e;
		e->next->prev = e;
	}
	s->entries++;
	s->octets += sizeof(*e) + e->answer->octets;
}

static void
ring_remove_locked(struct shard *s, struct entry *e)
{
	if (e->next == e)
		s->hand = NULL;
	else if (s->hand == e)
		s->hand = e->next;
	e->next->prev = e->prev;
	e->prev->next = e->next;
	s->entries--;
	s->octets -= sizeof(*e) + e->answer->octets;
}

/* e leaves its bucket, and the table with all it holds. */
static void
discard_locked(struct shard *s, struct entry *e,
    struct garbage *g)
{
	struct entry **link = &s->buckets[e->hash[0] & s->mask];

	while (*link != e)
		link = &(*link)->chain;
	*link = e->chain;
	e->chain = g->entries;
	g->entries = e;
}

/* An entry with a question stays, and loses its old answer when answered. */
static void
evict_locked(struct shard *s, int64_t now_ms,
    struct garbage *g)
{
	struct entry *kept = NULL;

	while (s->octets > s->max_octets && s->hand != NULL &&
	    s->hand != kept) {
		struct entry *e = s->hand;
		s->hand = e->next;
		if (e->question != NULL) {
			if (kept == NULL)
				kept = e;
			continue;
		}
		kept = NULL;
		if (e->used && e->expires_ms + s->stale_ms > now_ms) {
			e->used = false;
			continue;
		}
		ring_remove_locked(s, e);
		discard_locked(s, e, g);
		stats_inc(STATS_DNS_EVICTED);
	}
}

static void
move_locked(struct shard *s, struct entry **buckets, size_t mask)
{
	struct entry *next;

	for (size_t b = 0; s->buckets != NULL && b <= s->mask; b++) {
		for (struct entry *e = s->buckets[b]; e != NULL; e = next) {
			struct entry **to = &buckets[e->hash[0] & mask];
			next = e->chain;
			e->chain = *to;
			*to = e;
		}
	}
	s->buckets = buckets;
	s->mask = mask;
}

static void
configure(struct shard *s, size_t max_octets, int64_t stale_ms,
    int64_t now_ms)
{
	size_t mask = mask_for(max_octets);
	struct entry **buckets = xcalloc(mask + 1, sizeof(struct entry *));
	struct garbage g = { 0 };

	lock_acquire(&s->lock);
	struct entry **old = s->buckets;
	s->max_octets = max_octets;
	s->stale_ms = stale_ms;
	evict_locked(s, now_ms, &g);
	move_locked(s, buckets, mask);
	lock_release(&s->lock);
	free(old);
	garbage_free(&g);
}

void
dns_cache_configure(struct dns_cache *c, size_t octets, int64_t stale_ms,
    int64_t now_ms)
{
	assert(stale_ms >= 0 && stale_ms <= UINT32_MAX);
	if (c->shards[0].buckets != NULL && c->octets == octets &&
	    c->stale_ms == stale_ms)
		return;
	c->octets = octets;
	c->stale_ms = stale_ms;
	for (size_t i = 0; i < SHARDS; i++)
		configure(&c->shards[i], octets / SHARDS, stale_ms, now_ms);
}

/* e has something to give; *stale: past its time to live. */
static bool
is_known_locked(const struct entry *e, int64_t now_ms, bool *stale)
{
	*stale = e->expires_ms <= now_ms;
	return e->answer != NULL && e->expires_ms + e->error_ms > now_ms;
}

struct dns_answer *
dns_cache_get(struct dns_cache *c, const struct dns_key *k, int64_t now_ms,
    bool *stale)
{
	struct shard *s = shard_of(c, k);
	struct dns_answer *answer = NULL;

	lock_acquire(&s->lock);
	struct entry *e = find_locked(s, k);
	if (e != NULL && is_known_locked(e, now_ms, stale)) {
		answer = e->answer;
		dns_answer_acquire(answer);
		e->used = true;
	}
	lock_release(&s->lock);
	return answer;
}

static void
waiter_serve_locked(struct dns_waiter *w, struct dns_answer *answer,
    bool stale)
{
	dns_answer_acquire(answer);
	w->answer = answer;
	w->stale = stale;
	w->state = DNS_WAITER_SERVED;
}

static void
waiter_add_locked(struct dns_question *q, struct dns_waiter *w,
    enum dns_waiter_state state)
{
	w->state = state;
	w->next = q->waiters;
	w->link = &q->waiters;
	if (w->next != NULL)
		w->next->link = &w->next;
	q->waiters = w;
}

enum dns_join
dns_cache_join(struct dns_cache *c, struct dns_question *fresh,
    struct dns_waiter *w, int64_t now_ms, struct dns_question **waiting)
{
	struct shard *s = shard_of(c, &fresh->key);
	enum dns_join join;
	bool stale;

	*waiting = NULL;
	lock_acquire(&s->lock);
	assert(w->answer == NULL);
	struct entry *e = find_or_add_locked(s, &fresh->key);
	if (is_known_locked(e, now_ms, &stale)) {
		waiter_serve_locked(w, e->answer, stale);
		join = DNS_JOIN_ANSWERED;
	} else if (e->question != NULL) {
		waiter_add_locked(e->question, w, DNS_WAITER_WAITING);
		if (e->question->turn == DNS_TURN_LATER) {
			*waiting = e->question;
			atomic_fetch_add(&e->question->references, 1);
		}
		join = DNS_JOIN_WAITS;
	} else {
		e->question = fresh;
		waiter_add_locked(fresh, w, DNS_WAITER_STARTING);
		join = DNS_JOIN_FIRST;
	}
	w->known = join == DNS_JOIN_ANSWERED;
	lock_release(&s->lock);
	return join;
}

bool
dns_cache_wait(struct dns_cache *c, const struct dns_key *k,
    struct dns_waiter *w)
{
	struct shard *s = shard_of(c, k);

	lock_acquire(&s->lock);
	bool waits = w->state == DNS_WAITER_STARTING;
	if (waits)
		w->state = DNS_WAITER_WAITING;
	lock_release(&s->lock);
	return waits;
}

/* The question of e, if it is in vain; the table knows it no longer. */
static struct dns_question *
take_unwanted_locked(struct shard *s,
    struct entry *e, struct garbage *g)
{
	struct dns_question *q = e->question;

	if (q->waiters != NULL || q->turn != DNS_TURN_LATER)
		return NULL;
	q->settled = true;
	atomic_fetch_add(&q->references, 1);
	e->question = NULL;
	if (e->answer == NULL)
		discard_locked(s, e, g);
	return q;
}

struct dns_question *
dns_cache_leave(struct dns_cache *c, const struct dns_key *k,
    struct dns_waiter *w)
{
	struct shard *s = shard_of(c, k);
	struct dns_question *unwanted = NULL;
	struct garbage g = { 0 };

	lock_acquire(&s->lock);
	if (w->state == DNS_WAITER_WAITING) {
		*w->link = w->next;
		if (w->next != NULL)
			w->next->link = w->link;
		w->state = DNS_WAITER_IDLE;
		struct entry *e = find_locked(s, k);
		assert(e != NULL);	/* it has a question until then */
		unwanted = take_unwanted_locked(s, e, &g);
	}
	lock_release(&s->lock);
	garbage_free(&g);
	return unwanted;
}

/*
 * All waiters of q get the answer.  Returned: those who sleep.  From here to
 * their wake they are held by waking, which makes cancellers wait.
 */
static struct dns_waiter *
serve_all_locked(struct dns_question *q, struct dns_answer *answer,
    bool stale)
{
	struct dns_waiter *wake = NULL;
	struct dns_waiter *next;

	for (struct dns_waiter *w = q->waiters; w != NULL; w = next) {
		next = w->next;
		bool sleeps = w->state == DNS_WAITER_WAITING;
		waiter_serve_locked(w, answer, stale);
		if (!sleeps)
			continue;
		atomic_fetch_add(&w->waking, 1);
		w->next = wake;
		wake = w;
	}
	q->waiters = NULL;
	q->settled = true;
	return wake;
}

static int64_t
lifetime_ms(const struct dns_answer *a)
{
	uint32_t max = a->status == DNS_TEMPERROR ? DNS_TEMPERROR_TTL : MAX_TTL;

	return (int64_t)(a->ttl < max ? a->ttl : max) * 1000;
}

/*
 * Caches on the way count whole seconds: in the second after its end what e
 * has may come once more, with 0 left.  That is no newer answer.
 */
static bool
is_remainder_locked(const struct shard *s, const struct entry *e,
    const struct dns_answer *answer, int64_t now_ms)
{
	return s->stale_ms > 0 && answer->ttl == 0 &&
	    answer->status != DNS_TEMPERROR && e->answer != NULL &&
	    now_ms - e->expires_ms < 1000;
}

static void
store_locked(struct shard *s, struct entry *e,
    struct dns_answer *answer, int64_t now_ms, struct garbage *g)
{
	e->error_ms = 0;
	if (is_remainder_locked(s, e, answer, now_ms))
		return;
	if (e->answer != NULL) {
		ring_remove_locked(s, e);
		g->answer = e->answer;
		e->answer = NULL;
	}
	int64_t lifetime = lifetime_ms(answer);
	/* One answer may not push out most of the others. */
	if (lifetime == 0 || answer->octets > s->max_octets / 2) {
		discard_locked(s, e, g);
		return;
	}
	dns_answer_acquire(answer);
	e->answer = answer;
	e->expires_ms = now_ms + lifetime;
	e->used = false;
	ring_add_locked(s, e);
	evict_locked(s, now_ms, g);
}

/*
 * True: in place of the error that has come, e gives the answer that it has,
 * for as long as the error stands or the answer may be used.  What failed
 * validation may be an attack; no answer may hide that.
 */
static bool
stand_in_locked(const struct shard *s, struct entry *e,
    const struct dns_answer *error, int64_t now_ms)
{
	if (error->status != DNS_TEMPERROR ||
	    error->failure == DNS_FAILURE_BOGUS ||
	    e->answer == NULL || e->answer->status == DNS_TEMPERROR ||
	    e->expires_ms + s->stale_ms <= now_ms)
		return false;
	int64_t error_ms = now_ms + lifetime_ms(error) - e->expires_ms;
	if (error_ms > s->stale_ms)
		error_ms = s->stale_ms;
	e->error_ms = (uint32_t)error_ms;
	return true;
}

bool
dns_cache_settle(struct dns_cache *c, struct dns_question *q,
    struct dns_answer *answer, int64_t now_ms, struct dns_waiter **wake)
{
	struct shard *s = shard_of(c, &q->key);
	struct garbage g = { 0 };

	*wake = NULL;
	lock_acquire(&s->lock);
	bool first = !q->settled;
	if (first || answer->status != DNS_TEMPERROR) {
		struct entry *e = find_or_add_locked(s, &q->key);
		bool stale = stand_in_locked(s, e, answer, now_ms);
		if (e->question != NULL)
			*wake = serve_all_locked(e->question,
			    stale ? e->answer : answer, stale);
		e->question = NULL;
		if (!stale)
			store_locked(s, e, answer, now_ms, &g);
	}
	lock_release(&s->lock);
	garbage_free(&g);
	return first;
}

/* Of all shards. */
static void
measure(struct dns_cache *c, size_t *entries, size_t *octets)
{
	*entries = 0;
	*octets = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shards[i];
		lock_acquire(&s->lock);
		*entries += s->entries;
		*octets += s->octets;
		lock_release(&s->lock);
	}
}

size_t
dns_cache_octets(struct dns_cache *c)
{
	size_t entries;
	size_t octets;

	measure(c, &entries, &octets);
	return octets;
}

size_t
dns_cache_entries(struct dns_cache *c)
{
	size_t entries;
	size_t octets;

	measure(c, &entries, &octets);
	return entries;
}
