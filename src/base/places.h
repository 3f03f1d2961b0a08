/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The places of a server's connections, each with its time.  One thread at a
 * time.
 */

#ifndef PLACES_H
#define PLACES_H

#include <stddef.h>
#include <stdint.h>

struct place {
	int	 fd;		/* -1: free; the caller frees it */
	int64_t	 since_ms;	/* of util_now_ms, as all times */
	int64_t	 until_ms;
	void	*waits;		/* the caller's: while it is set, it is for the
				 * caller to say when its time is over */
};

/* What a connection has in any case. */
#define PLACES_MOMENT_MS 100

void		 places_init(struct place *all, size_t count);
/* One for fd, which may stay for time_ms; NULL: none is free. */
struct place	*places_take(struct place *all, size_t count, int fd,
		    int64_t now_ms, int64_t time_ms);
/* How many are not free. */
size_t		 places_taken(const struct place *all, size_t count);
/*
 * Ends connections whose time is over; where no place is free, also those that
 * have had their moment.
 */
void		 places_end_late(const struct place *all, size_t count,
		    int64_t now_ms);

#endif
