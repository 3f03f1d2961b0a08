/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two witnesses say that it is us.
 *
 * The resolver asks the name servers itself where names fail, and the canary
 * if there is one (dns_failing_since_ms); no client has a hand in that.
 *
 * And the last check of each network counts, for a minute, as its vote.  Where
 * the cache knew all it tells nothing and is no vote.  Nine of ten networks
 * and of ten domains must fail, and there must be ten of each at least: so one
 * client with many dead domains has one vote, and many clients with one dead
 * domain name one domain.  A place for votes belongs for a minute to the
 * network that came first; the hash that chooses it has a secret key.
 *
 * Either must go on for a while, since a short outage is what deferring is
 * for.  Votes that were enough once go on being so while nearly all of them
 * fail, few as they are, or a small site would begin each minute anew: one
 * good vote of few ends it, and so does a minute without votes.
 */

#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "mail/breaker.h"
#include "spf/identity.h"

#define PLACES 256
#define MINUTE_MS INT64_C(60000)
#define MANY 10			/* networks, and domains */
#define NEARLY_ALL 90		/* in 100 */
#define NETWORK_BITS 32		/* of IPv6: nobody has many */
#define BITS 1024		/* that domains are counted by */

struct vote {
	uint64_t	network;
	uint64_t	domain;
	int64_t		until_ms;	/* 0: none */
	bool		failed;
};

struct breaker {
	const struct dns *dns;
	struct hash_key	 key;
	_Atomic bool	 doubt;		/* written with lock */
	struct lock	 lock;		/* of what follows */
	bool		 open;
	bool		 voted;		/* that nearly all fails */
	int64_t		 voted_ms;	/* since then */
	struct vote	 votes[PLACES];
};

struct breaker *
breaker_new(const struct dns *dns)
{
	struct breaker *b = xcalloc(1, sizeof(*b));

	b->dns = dns;
	hash_key_draw(&b->key);
	lock_init(&b->lock);
	return b;
}

void
breaker_free(struct breaker *b)
{
	if (b == NULL)
		return;
	lock_fini(&b->lock);
	free(b);
}

static uint64_t
hash(const struct breaker *b, const void *octets, size_t len)
{
	char room[HASH_ROOM(IDENTITY_NAME_MAX)] = "";
	uint64_t out[2];

	memcpy(room, octets, len);
	hash_octets(&b->key, room, len, out);
	return out[0];
}

/* In any case it is the same. */
static uint64_t
hash_domain(const struct breaker *b, const char *domain)
{
	char lower[IDENTITY_NAME_MAX + 1];
	size_t len = 0;

	for (; domain[len] != '\0' && len < IDENTITY_NAME_MAX; len++)
		lower[len] = util_lower(domain[len]);
	return hash(b, lower, len);
}

void
breaker_note(struct breaker *b, const struct addr *client, const char *domain,
    bool failed, int64_t now_ms)
{
	const struct addr network = addr_network(client, NETWORK_BITS);
	const struct vote vote = {
		.network = hash(b, &network, sizeof(network)),
		.domain = hash_domain(b, domain),
		.until_ms = now_ms + MINUTE_MS,
		.failed = failed,
	};
	struct vote *v = &b->votes[vote.network % PLACES];

	lock_acquire(&b->lock);
	if (v->until_ms <= now_ms || v->network == vote.network)
		*v = vote;
	lock_release(&b->lock);
}

/* Of one kind of votes. */
struct tally {
	unsigned	networks;
	unsigned	domains;
	uint64_t	seen[BITS / 64];
};

static void
count(struct tally *t, const struct vote *v)
{
	uint64_t *word = &t->seen[v->domain % BITS / 64];
	uint64_t bit = UINT64_C(1) << v->domain % 64;

	t->networks++;
	t->domains += (*word & bit) == 0;
	*word |= bit;
}

static bool
is_nearly_all(unsigned part, unsigned rest)
{
	return part * 100 >= (part + rest) * NEARLY_ALL;
}

static bool
nearly_all_fail(const struct breaker *b, int64_t now_ms)
{
	const unsigned enough = b->voted ? 1 : MANY;
	struct tally failed = { .networks = 0 };
	struct tally good = { .networks = 0 };

	for (const struct vote *v = b->votes; v < b->votes + PLACES; v++)
		if (v->until_ms > now_ms)
			count(v->failed ? &failed : &good, v);
	return failed.networks >= enough && failed.domains >= enough &&
	    is_nearly_all(failed.networks, good.networks) &&
	    is_nearly_all(failed.domains, good.domains);
}

static bool
look(struct breaker *b, int64_t patience_ms, int64_t now_ms)
{
	int64_t since_ms = dns_failing_since_ms(b->dns);
	bool voted = nearly_all_fail(b, now_ms);
	bool doubt = voted || since_ms != 0;

	if (voted && !b->voted)
		b->voted_ms = now_ms;
	b->voted = voted;
	if (voted && (since_ms == 0 || b->voted_ms < since_ms))
		since_ms = b->voted_ms;
	atomic_store(&b->doubt, doubt);
	return doubt && (b->open || now_ms - since_ms >= patience_ms);
}

bool
breaker_is_open(struct breaker *b, int64_t patience_ms, int64_t now_ms)
{
	lock_acquire(&b->lock);
	bool was = b->open;
	bool is = look(b, patience_ms, now_ms);
	b->open = is;
	lock_release(&b->lock);
	if (is && !was) {
		stats_inc(STATS_BREAKER_OPENED);
		log_error("dns: our lookups fail, for whomever they are: until "
		    "that is over no mail is deferred for temperror");
	} else if (was && !is) {
		log_notice("dns: our lookups succeed again: mail is deferred "
		    "for temperror as configured");
	}
	return is;
}

bool
breaker_is_in_doubt(const struct breaker *b)
{
	return atomic_load(&b->doubt);
}
