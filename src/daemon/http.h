/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon tells by HTTP: its own small server, on a thread of its own,
 * which mail never waits for.  libmicrohttpd is known here alone, and may be
 * missing.
 */

#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"

/* The doors that a route is served at, bits. */
#define HTTP_CONTROL 1u		/* the control socket: whoever owns it */
#define HTTP_METRICS 2u		/* anybody who can connect */
#define HTTP_DOORS_MAX 2

struct http_request {
	const char	*accept;	/* the field, "" where there is none */
	uint64_t	 state;		/* the route's own; 0 at first */
	bool		 is_late;	/* see http_route */
};

struct http_answer {
	unsigned	 status;	/* 200, unless set */
	const char	*type;		/* text/plain in UTF-8, unless set */
	FILE		*body;		/* in memory */
};

struct http_route {
	const char	*method;	/* GET, which is HEAD, too, or POST */
	const char	*path;
	unsigned	 doors;
	/*
	 * Called on the server's thread: it may take milliseconds, and waits
	 * for nothing.  False: not yet; it is called again, with the same
	 * state and an empty body, after http_wake, or with is_late when
	 * wait_ms are over; then it must answer.
	 */
	bool		(*answer)(struct http_request *q,
			    struct http_answer *a);
	int64_t		 wait_ms;	/* 0: it answers at once */
};

/* A listening socket, and which door it is. */
struct http_door {
	int		 fd;
	unsigned	 door;
};

struct http;

/*
 * Serves routes (path NULL behind the last; borrowed, as what they tell of) at
 * doors, whose listening sockets it takes; they must not block.  After
 * privileges are dropped.  NULL: d says why, and the program is to end.
 */
struct http	*http_start(const struct http_door *doors, size_t count,
		    const struct http_route *routes, struct diag *d);
/* Asks routes again that had no answer yet; any thread, never waits. */
void		 http_wake(struct http *h);
/* Ends connections that still wait, too.  NULL allowed. */
void		 http_stop(struct http *h);

const char	*http_version(void);	/* NULL: built without */

#endif
