/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that bring mail of so many domains that many must be behind them. */

#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/lock.h"

struct list;
struct subject;

#define CROWD_CLIENTS 64	/* that are watched at a time */

struct crowd_client {
	struct addr	 addr;		/* AF_UNSPEC: free */
	uint64_t	 domains;	/* bits of their hashes */
	unsigned	 count;		/* of those bits */
	int64_t		 until_ms;	/* then it begins anew */
};

struct crowd {
	struct lock		lock;
	struct crowd_client	clients[CROWD_CLIENTS];	/* under lock */
};

void	crowd_init(struct crowd *c);
void	crowd_fini(struct crowd *c);

/*
 * The client has brought mail of a domain of len octets (in any case).  True:
 * with it, these are about 20 different ones within an hour; told once in that
 * hour.  Any thread; now_ms is util_now_ms.
 */
bool	crowd_note(struct crowd *c, const struct addr *client,
	    const char *domain, size_t len, int64_t now_ms);

/*
 * The message of a trusted client, and its MAIL FROM as typed (NULL: none):
 * warns where a client that is trusted for no other reason than its private
 * address brings mail of many domains.
 */
void	crowd_watch(struct crowd *c, const struct subject *who,
	    const char *from, const struct list *trusted);

#endif
