/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a NAT, a proxy or a container bridge stands before the MTA, all
 * clients have one address.  They show in the number of sender domains.
 *
 * Domains are counted without being kept: each sets one of 64 bits, and 16
 * bits are set after 18 domains or so.  A client has one place, which it
 * shares with others: who is there first keeps it for an hour.  A crowd comes
 * back often enough to get its turn.
 */

#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/util.h"
#include "mail/crowd.h"
#include "policy/list.h"
#include "spf/subject.h"

#define HOUR_MS INT64_C(3600000)
#define MANY_BITS 16

void
crowd_init(struct crowd *c)
{
	memset(c->clients, 0, sizeof(c->clients));
	for (size_t i = 0; i < CROWD_CLIENTS; i++)
		c->clients[i].addr.family = AF_UNSPEC;
	lock_init(&c->lock);
}

void
crowd_fini(struct crowd *c)
{
	lock_fini(&c->lock);
}

/* True: this domain is the one that makes them many. */
static bool
note_domain(struct crowd_client *k, uint64_t domain)
{
	uint64_t bit = UINT64_C(1) << domain % 64;

	if ((k->domains & bit) != 0)
		return false;
	k->domains |= bit;
	return ++k->count == MANY_BITS;
}

bool
crowd_note(struct crowd *c, const struct addr *client, const char *domain,
    size_t len, int64_t now_ms)
{
	uint64_t place = hash_quick((const char *)client->bytes,
	    sizeof(client->bytes)) % CROWD_CLIENTS;
	struct crowd_client *k = &c->clients[place];
	uint64_t h = hash_quick(domain, len);
	bool many = false;

	lock_acquire(&c->lock);
	if (k->addr.family == AF_UNSPEC || now_ms >= k->until_ms)
		*k = (struct crowd_client){ .addr = *client,
			.until_ms = now_ms + HOUR_MS };
	if (memcmp(&k->addr, client, sizeof(*client)) == 0)
		many = note_domain(k, h);
	lock_release(&c->lock);
	return many;
}

/* name is domain or below it. */
static bool
is_below(const char *name, const char *domain, size_t len)
{
	size_t all = strlen(name);

	return all >= len && util_has_prefix_nocase(name + all - len, len,
	    domain) && (all == len || name[all - len - 1] == '.');
}

/* Such a client is one machine, and all clients if they are behind it. */
static bool
may_be_crowd(const struct subject *who, const struct list *trusted)
{
	unsigned bits = addr_private_bits(&who->client);

	return bits > 0 && !who->authenticated &&
	    list_longest(trusted, &who->client) <= (int)bits;
}

void
crowd_watch(struct crowd *c, const struct subject *who, const char *from,
    const struct list *trusted)
{
	static struct log_pause pause;
	const char *at = from != NULL ? strrchr(from, '@') : NULL;
	char client[ADDR_TEXT_SIZE];

	if (at == NULL || !may_be_crowd(who, trusted))
		return;
	size_t len = strcspn(++at, "> \t");
	if (is_below(who->receiver, at, len) ||
	    !crowd_note(c, &who->client, at, len, util_now_ms()) ||
	    !log_is_due(&pause, HOUR_MS))
		return;
	log_warning("%s brings mail of many domains and is not checked because "
	    "its address is private: if all clients look like it, the MTA "
	    "does not see their real addresses (NAT, proxy, container "
	    "bridge); else name it in trusted_networks",
	    addr_format(&who->client, client));
}
