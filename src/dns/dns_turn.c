/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose turn it is: which questions the backend is given, and in what order.
 *
 * A resolver that is busy with names for which nobody answers can take no
 * others, and cannot be told to leave one: libunbound's cancel keeps only the
 * answer back, the tries go on.  So what a stranger can occupy is bounded
 * here, from the small to the large: a connection, the network that it comes
 * from, all together.  A connection over its bound is refused: what it has in
 * flight is of messages that it gave up.  A network may have a part of what is
 * free at that moment, and waits for its own questions beyond that, which
 * costs a large sender a moment.  So however many networks want more than
 * they can get, something stays free for one that has nothing there.
 *
 * Of those that wait the networks with the fewest questions there come first:
 * names that are answered leave soon, so who asks for such has few, and a
 * flood takes what is left.  Networks of about as many form a ring and are
 * given one question each in turn.  Of those with none the newest is taken
 * first: by then the others have waited for too long, and serving them late
 * would make all late.
 *
 * Where a second network comes to wait for a question, it is asked at the
 * better of the two places: no name gets stuck in the queue of a flood.
 *
 * Connections and networks are known as long as they have a question.
 */

#include "config.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/dns_priv.h"

#define CONNECTION_MAX 64	/* in flight */
#define NETWORK_SHARE 8		/* of what is free a network may have 1/8 */
#define WAITING_MAX 1024	/* of a network */
#define LEVELS 16

/* A connection, or the network of that address. */
struct dns_asker {
	uint64_t		 connection;	/* 0: a network */
	struct addr		 network;
	unsigned		 in_flight;	/* asked or waiting */
	unsigned		 asked;
	struct dns_question	*first;		/* of a ring of those waiting */
	struct dns_asker	**ring;		/* of networks; NULL: in none */
	struct dns_asker	*next;
	struct dns_asker	*prev;
};

struct dns_turns {
	void			*askers;	/* tree */
	struct dns_asker	*rings[LEVELS];	/* of those that wait */
	unsigned		 capacity;
	unsigned		 asked;
};

struct dns_turns *
dns_turns_new(unsigned capacity)
{
	struct dns_turns *t = xcalloc(1, sizeof(*t));

	t->capacity = capacity;
	return t;
}

void
dns_turns_free(struct dns_turns *t)
{
	assert(t->askers == NULL);
	free(t);
}

/* Askers */

static int
compare(const void *a, const void *b)
{
	const struct dns_asker *x = a;
	const struct dns_asker *y = b;

	if (x->connection != y->connection)
		return x->connection < y->connection ? -1 : 1;
	return memcmp(&x->network, &y->network, sizeof(x->network));
}

static struct dns_asker *
asker_find(struct dns_turns *t, uint64_t connection,
    const struct addr *network)
{
	struct dns_asker *fresh = xcalloc(1, sizeof(*fresh));

	fresh->connection = connection;
	if (network != NULL)
		fresh->network = *network;
	struct dns_asker **place = tsearch(fresh, &t->askers, compare);
	assert(place != NULL);		/* else out of memory */
	if (*place != fresh)
		free(fresh);
	return *place;
}

static void
asker_release(struct dns_turns *t, struct dns_asker *a)
{
	if (a == NULL || a->in_flight > 0)
		return;
	tdelete(a, &t->askers, compare);
	free(a);
}

/* Rings */

static void
queue_add(struct dns_asker *n, struct dns_question *q)
{
	if (n->first == NULL) {
		n->first = q->next_turn = q->prev_turn = q;
		return;
	}
	q->next_turn = n->first;
	q->prev_turn = n->first->prev_turn;
	q->prev_turn->next_turn = q;
	q->next_turn->prev_turn = q;
}

static void
queue_remove(struct dns_asker *n, struct dns_question *q)
{
	if (n->first == q)
		n->first = q->next_turn != q ? q->next_turn : NULL;
	q->next_turn->prev_turn = q->prev_turn;
	q->prev_turn->next_turn = q->next_turn;
}

/* 0, 1, 2 to 3, 4 to 7 ... questions with the backend. */
static unsigned
level_of(const struct dns_asker *n)
{
	unsigned level = 0;

	while (level < LEVELS - 1 && n->asked >> level != 0)
		level++;
	return level;
}

static void
ring_add(struct dns_asker **ring, struct dns_asker *n)
{
	n->ring = ring;
	n->next = *ring != NULL ? *ring : n;
	n->prev = *ring != NULL ? (*ring)->prev : n;
	n->prev->next = n;
	n->next->prev = n;
	if (*ring == NULL || n->asked == 0)
		*ring = n;
}

static void
ring_remove(struct dns_asker *n)
{
	if (*n->ring == n)
		*n->ring = n->next != n ? n->next : NULL;
	n->next->prev = n->prev;
	n->prev->next = n->next;
	n->ring = NULL;
}

/* n is in the ring of its level if, and only if, it has one that waits. */
static void
ring_update(struct dns_turns *t, struct dns_asker *n)
{
	struct dns_asker **ring = n->first != NULL ?
	    &t->rings[level_of(n)] : NULL;

	if (ring == n->ring)
		return;
	if (n->ring != NULL)
		ring_remove(n);
	if (ring != NULL)
		ring_add(ring, n);
}

static bool
may_ask(const struct dns_turns *t, const struct dns_asker *n)
{
	unsigned room = t->capacity - t->asked;

	return room > 0 && n->asked <= room / NETWORK_SHARE;
}

/* The first of those that wait, or NULL. */
static struct dns_asker *
ring_first(const struct dns_turns *t)
{
	for (unsigned level = 0; level < LEVELS; level++)
		if (t->rings[level] != NULL)
			return t->rings[level];
	return NULL;
}

/* Questions */

static void
ask(struct dns_turns *t, struct dns_question *q)
{
	q->turn = DNS_TURN_NOW;
	q->asker->asked++;
	t->asked++;
}

static void
forget(struct dns_turns *t, struct dns_question *q)
{
	q->asker->in_flight--;
	ring_update(t, q->asker);
	asker_release(t, q->asker);
	if (q->connection != NULL) {
		q->connection->in_flight--;
		asker_release(t, q->connection);
	}
}

enum dns_turn
dns_turns_enter(struct dns_turns *t, struct dns_question *q,
    const struct dns_client *c)
{
	struct addr network = addr_network(&c->address, 64);
	struct dns_asker *n = asker_find(t, 0, &network);
	struct dns_asker *first = ring_first(t);

	q->asker = n;
	q->connection = c->connection != 0 ?
	    asker_find(t, c->connection, NULL) : NULL;
	n->in_flight++;
	if (q->connection != NULL)
		q->connection->in_flight++;
	if ((q->connection != NULL &&
	    q->connection->in_flight > CONNECTION_MAX) ||
	    n->in_flight - n->asked > WAITING_MAX) {
		forget(t, q);
		q->turn = DNS_TURN_NEVER;
	} else if (n->first == NULL && may_ask(t, n) &&
	    (n->asked == 0 || first == NULL || n->asked < first->asked)) {
		ask(t, q);
	} else {
		q->turn = DNS_TURN_LATER;
		queue_add(n, q);
		ring_update(t, n);
	}
	return q->turn;
}

bool
dns_turns_ready(const struct dns_turns *t)
{
	const struct dns_asker *first = ring_first(t);

	return first != NULL && may_ask(t, first);
}

struct dns_question *
dns_turns_next(struct dns_turns *t)
{
	struct dns_asker *n = ring_first(t);

	if (n == NULL || !may_ask(t, n))
		return NULL;
	struct dns_question *q = n->first;
	*n->ring = n->next;
	queue_remove(n, q);
	ask(t, q);
	ring_update(t, n);
	return q;
}

bool
dns_turns_drop(struct dns_turns *t, struct dns_question *q)
{
	if (q->turn != DNS_TURN_LATER)
		return false;
	queue_remove(q->asker, q);
	q->turn = DNS_TURN_NEVER;
	forget(t, q);
	return true;
}

void
dns_turns_leave(struct dns_turns *t, struct dns_question *q)
{
	assert(q->turn == DNS_TURN_NOW);
	q->asker->asked--;
	t->asked--;
	forget(t, q);
}

void
dns_turns_share(struct dns_turns *t, struct dns_question *q,
    const struct dns_client *c)
{
	if (q->turn != DNS_TURN_LATER)
		return;
	struct addr network = addr_network(&c->address, 64);
	struct dns_asker *other = asker_find(t, 0, &network);
	struct dns_asker *old = q->asker;
	if (other != old && other->first == NULL &&
	    other->asked < old->asked) {
		queue_remove(old, q);
		old->in_flight--;
		ring_update(t, old);
		asker_release(t, old);
		q->asker = other;
		other->in_flight++;
		queue_add(other, q);
		ring_update(t, other);
	}
	asker_release(t, other);
}
