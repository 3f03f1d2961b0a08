/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of a client that nobody can have made up: those that its address
 * leads to (PTR) and that lead back to it.  A job in flight, see flight.h.
 */

#ifndef CLIENT_NAMES_H
#define CLIENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_client;
struct flight;
struct flights;

#define CLIENT_NAMES_MAX 10	/* more are not looked at, as for ptr */

struct client_names {
	const char	*list[CLIENT_NAMES_MAX];
	size_t		 count;
	bool		 whole;		/* false: the DNS has failed, there may
					 * be more */
};

/* Begins; release it with flight_release. */
struct flight	*client_names_start(struct flights *fs,
		    const struct dns_client *client, int64_t deadline_ms);
/* Waits until until_ms at the longest.  Borrowed from f. */
const struct client_names *client_names_collect(struct flight *f,
		    int64_t until_ms);

#endif
