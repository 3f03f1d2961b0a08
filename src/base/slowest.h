/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domains that took longest in the last hour, in a memory that does not
 * grow.  Any thread; times are seconds since 1970.
 */

#ifndef SLOWEST_H
#define SLOWEST_H

#include <stddef.h>
#include <stdint.h>

#define SLOWEST_MAX 16
#define SLOWEST_NAME 254

struct slowest {
	char		domain[SLOWEST_NAME];	/* lower case, cut */
	int64_t		duration_ms;	/* the longest */
	int64_t		time_s;		/* when that ended */
};

/* domain: any octets, in any case. */
void	slowest_note(const char *domain, int64_t duration_ms, int64_t now_s);
/* How many there are; the longest first. */
size_t	slowest_read(struct slowest out[SLOWEST_MAX], int64_t now_s);

#endif
