/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaky buckets, each as the time at which it is full again.  A network whose
 * bucket is full says nothing, so its place is free; all places are taken only
 * where more have passed than all together may.
 */

#include "config.h"

#include <stddef.h>
#include <string.h>

#include "why/why_limit.h"

#define NETWORK_MS 10000
#define ALL_MS 1000
#define V6_BITS 56

static bool
has_room(const struct why_bucket *b, unsigned size, int64_t each_ms,
    int64_t now_ms)
{
	return b->full_ms - now_ms <= (int64_t)(size - 1) * each_ms;
}

static void
take(struct why_bucket *b, int64_t each_ms, int64_t now_ms)
{
	if (b->full_ms < now_ms)
		b->full_ms = now_ms;
	b->full_ms += each_ms;
}

static bool
is_of(const struct why_bucket *b, const struct addr *network)
{
	return b->network.family == network->family &&
	    memcmp(b->network.bytes, network->bytes,
	    sizeof(network->bytes)) == 0;
}

/* That of network, or an empty place for it; NULL: there is none. */
static struct why_bucket *
find(struct why_limit *l, const struct addr *network, int64_t now_ms)
{
	struct why_bucket *free_one = NULL;

	for (size_t i = 0; i < WHY_LIMIT_NETWORKS; i++) {
		struct why_bucket *b = &l->networks[i];

		if (b->full_ms <= now_ms)
			free_one = b;
		else if (is_of(b, network))
			return b;
	}
	if (free_one != NULL)
		*free_one = (struct why_bucket){ .network = *network };
	return free_one;
}

bool
why_limit_pass(struct why_limit *l, const struct addr *client, int64_t now_ms)
{
	const struct addr network = addr_network(client, V6_BITS);
	struct why_bucket *b = find(l, &network, now_ms);

	if (b == NULL ||
	    !has_room(b, WHY_LIMIT_NETWORK, NETWORK_MS, now_ms) ||
	    !has_room(&l->all, WHY_LIMIT_ALL, ALL_MS, now_ms))
		return false;
	take(b, NETWORK_MS, now_ms);
	take(&l->all, ALL_MS, now_ms);
	return true;
}
