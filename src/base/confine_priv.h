/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of confine: what is allowed, and who takes the rest away. */

#ifndef CONFINE_PRIV_H
#define CONFINE_PRIV_H

#include <string.h>

#include "base/confine.h"

/* Bits of what is done with a path. */
#define CONFINE_READ 1u
#define CONFINE_WRITE 2u
#define CONFINE_REMOVE 4u
/* And with a port. */
#define CONFINE_CONNECT 1u
#define CONFINE_LISTEN 2u
/* Of which versions of Landlock before this one know nothing. */
#define CONFINE_PORTS_SINCE 4u

struct confine_path {
	char		*path;		/* without links where it is there */
	unsigned	 rights;
};

struct confine_port {
	uint16_t	 port;
	unsigned	 rights;
};

struct confine {
	struct confine_path *paths;
	size_t		 path_count;
	struct confine_port *ports;
	size_t		 port_count;
	bool		 no_sockets;
};

/*
 * Each takes away what it stands for.  False: reason, of CONFINE_REASON_SIZE,
 * says why not.
 */
typedef bool confine_step(const struct confine *c, struct confine_report *r,
    char *reason);
confine_step confine_drop_new_privs;
confine_step confine_drop_dumpable;
confine_step confine_landlock;
confine_step confine_seccomp;

/* reason: "what: errno in words".  Returns false. */
static inline bool
confine_failed(char *reason, const char *what, int error)
{
	struct sbuf sb;

	sbuf_init(&sb, reason, CONFINE_REASON_SIZE);
	sbuf_fmt(&sb, "%s: %s", what, strerror(error));
	return false;
}

#endif
