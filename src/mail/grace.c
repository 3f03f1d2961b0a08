/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is deferred for a temperror: the network of a client (/24, /64) with a
 * domain, since a first try.
 *
 * A mail server tries again and again, as one that only wants to get through
 * does not: so it takes a second try a while after the first, and one after
 * the time of grace.  Then the door is open, to all that waits behind it,
 * until a check has an answer or nobody has tried for a day and a half, which
 * is longer than any mail server waits between two tries, or than a day
 * between two letters.
 *
 * The table has a fixed size and no lists.  The hash of a wider network
 * chooses a row, and of a row such a network has a quarter at most.  So
 * whoever floods us with domains pushes out what is his own, and it takes
 * thousands of networks to fill the rows of others; one is wide enough that
 * nobody has many (IPv6 is handed out by the /32).  What goes first is what
 * was tried once only, then what was not tried for the longest time.  The hash
 * has a secret key, and nobody can aim at a row.
 */

#include "config.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/stats.h"
#include "base/util.h"
#include "mail/grace.h"
#include "spf/identity.h"

#define ROWS 512
#define ROW_ENTRIES 128
#define SHARE (ROW_ENTRIES / 4)		/* of a row a wide network may have */
#define NETWORK_BITS 64			/* of IPv6 */
#define WIDE_BITS 32
#define RETRY_MS INT64_C(60000)		/* between tries that count, or */
#define RETRY_PART 4			/* this part of a shorter grace */
#define IDLE_MS INT64_C(129600000)	/* 36 hours: forgotten */

enum state {
	STATE_FREE,
	STATE_TRIED,		/* once, or several times at once */
	STATE_RETRIED,
	STATE_OVER		/* deferred no more */
};

struct entry {
	uint64_t	hash;		/* of network and domain */
	uint64_t	wide;		/* of the wide network */
	int64_t		first_ms;
	int64_t		since_ms;	/* in this state */
	int64_t		last_ms;	/* tried */
	enum state	state;
};

struct row {
	unsigned	used;
	struct entry	entries[ROW_ENTRIES];
};

struct grace {
	struct hash_key	 key;
	_Atomic unsigned used;		/* of all rows; written with lock */
	struct lock	 lock;		/* of the rows */
	struct row	 rows[ROWS];
};

/* What an entry is found by. */
struct place {
	struct row	*row;
	uint64_t	 hash;
	uint64_t	 wide;
};

struct grace *
grace_new(void)
{
	struct grace *g = xcalloc(1, sizeof(*g));

	hash_key_draw(&g->key);
	lock_init(&g->lock);
	return g;
}

void
grace_free(struct grace *g)
{
	if (g == NULL)
		return;
	lock_fini(&g->lock);
	free(g);
}

static uint64_t
hash(const struct grace *g, const struct addr *network, const char *domain)
{
	const size_t size = sizeof(*network);
	char octets[HASH_ROOM(sizeof(*network) + IDENTITY_NAME_MAX)] = "";
	size_t len = strlen(domain);
	uint64_t out[2];

	assert(len <= IDENTITY_NAME_MAX);
	memcpy(octets, network, size);
	for (size_t i = 0; i < len; i++)
		octets[size + i] = util_lower(domain[i]);
	hash_octets(&g->key, octets, size + len, out);
	return out[0];
}

static struct place
place_of(struct grace *g, const struct addr *client, const char *domain)
{
	const struct addr network = addr_network(client, NETWORK_BITS);
	const struct addr wide = addr_network(client, WIDE_BITS);
	struct place p = { .hash = hash(g, &network, domain),
		.wide = hash(g, &wide, "") };

	p.row = &g->rows[p.wide % ROWS];
	return p;
}

static struct entry *
find(const struct place *p)
{
	if (p->row->used == 0)
		return NULL;
	for (struct entry *e = p->row->entries;
	    e < p->row->entries + ROW_ENTRIES; e++)
		if (e->state != STATE_FREE && e->hash == p->hash)
			return e;
	return NULL;
}

static void
clear(struct grace *g, struct row *row, struct entry *e)
{
	e->state = STATE_FREE;
	row->used--;
	atomic_fetch_sub(&g->used, 1);
}

/* a is to go before b. */
static bool
is_weaker(const struct entry *a, const struct entry *b)
{
	if ((a->state == STATE_TRIED) != (b->state == STATE_TRIED))
		return a->state == STATE_TRIED;
	return a->last_ms < b->last_ms;
}

/* The weakest, of one wide network or (0) of all; NULL: there is none. */
static struct entry *
weakest(struct row *row, uint64_t wide)
{
	struct entry *w = NULL;

	for (struct entry *e = row->entries; e < row->entries + ROW_ENTRIES;
	    e++) {
		if (e->state != STATE_FREE && (wide == 0 || e->wide == wide) &&
		    (w == NULL || is_weaker(e, w)))
			w = e;
	}
	return w;
}

/* What has not been tried for too long goes; then one more, if it must. */
static void
make_room(struct grace *g, const struct place *p, int64_t now_ms)
{
	unsigned own = 0;

	for (struct entry *e = p->row->entries;
	    e < p->row->entries + ROW_ENTRIES; e++) {
		if (e->state == STATE_FREE)
			continue;
		if (now_ms - e->last_ms > IDLE_MS)
			clear(g, p->row, e);
		else
			own += e->wide == p->wide;
	}
	if (own < SHARE && p->row->used < ROW_ENTRIES)
		return;
	struct entry *w = weakest(p->row, own < SHARE ? 0 : p->wide);
	assert(w != NULL);
	clear(g, p->row, w);
	stats_inc(STATS_GRACE_EVICTED);
}

static struct entry *
add(struct grace *g, const struct place *p, int64_t now_ms)
{
	struct entry *e = p->row->entries;

	make_room(g, p, now_ms);
	while (e->state != STATE_FREE)
		e++;
	*e = (struct entry){ .hash = p->hash, .wide = p->wide,
		.first_ms = now_ms, .since_ms = now_ms,
		.state = STATE_TRIED };
	p->row->used++;
	atomic_fetch_add(&g->used, 1);
	return e;
}

/* Tries that come at once, as those of a queue, are one. */
static void
try(struct entry *e, int64_t grace_ms, int64_t now_ms)
{
	int64_t part_ms = grace_ms / RETRY_PART;
	bool spaced = now_ms - e->since_ms >=
	    (part_ms < RETRY_MS ? part_ms : RETRY_MS);

	e->last_ms = now_ms;
	if (!spaced)
		return;
	if (e->state == STATE_TRIED) {
		e->state = STATE_RETRIED;
		e->since_ms = now_ms;
	} else if (now_ms - e->first_ms >= grace_ms) {
		e->state = STATE_OVER;
	}
}

bool
grace_note(struct grace *g, const struct addr *client, const char *domain,
    int64_t grace_ms, int64_t now_ms)
{
	const struct place p = place_of(g, client, domain);

	lock_acquire(&g->lock);
	struct entry *e = find(&p);
	if (e != NULL && now_ms - e->last_ms > IDLE_MS) {
		clear(g, p.row, e);
		e = NULL;
	}
	if (e == NULL)
		e = add(g, &p, now_ms);
	try(e, grace_ms, now_ms);
	bool over = e->state == STATE_OVER;
	lock_release(&g->lock);
	return over;
}

void
grace_forget(struct grace *g, const struct addr *client, const char *domain)
{
	if (atomic_load(&g->used) == 0)
		return;
	const struct place p = place_of(g, client, domain);

	lock_acquire(&g->lock);
	struct entry *e = find(&p);
	if (e != NULL)
		clear(g, p.row, e);
	lock_release(&g->lock);
}

unsigned
grace_count(const struct grace *g)
{
	return atomic_load(&g->used);
}
