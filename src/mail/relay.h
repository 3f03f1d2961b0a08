/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client behind relays of ours: whom the Received fields name that the
 * relays themselves have written.
 */

#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct conf;

#define RELAY_HOPS_MAX 5

/* The newest Received fields of a message; zeros: none has come. */
struct relay_fields {
	char		*list[2 * RELAY_HOPS_MAX];	/* qmail adds two */
	size_t		 count;
};

#define RELAY_HELO_SIZE 256
#define RELAY_NAME_SIZE 64

struct relay_origin {
	struct addr	 client;	/* by client_map; that of a relay where
					 * there is a problem */
	char		 helo[RELAY_HELO_SIZE];
	char		 by[RELAY_NAME_SIZE];	/* the relay that has said so,
						 * "" for longer names */
	bool		 authenticated;	/* the client, to the relay */
	bool		 refuse;	/* each relay can pass on a refusal */
	const char	*problem;	/* NULL: none; else why the client is
					 * not known */
};

/* The value of a Received field, in the order of the header. */
void	relay_see_field(struct relay_fields *f, const char *value);
void	relay_fini_fields(struct relay_fields *f);

/*
 * Walks from the relay that has connected through those behind it, each of
 * which the field before has to name, up to the first host that is none.
 */
void	relay_trace(const struct conf *c, const struct relay_fields *f,
	    const struct addr *connected, struct relay_origin *out);

#endif
