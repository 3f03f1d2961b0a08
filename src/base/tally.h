/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts by name, for what an administrator has named; any thread. */

#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

/* One a name, from the first call on to the end of the process. */
struct tally	*tally_named(const char *name);
/* now_s: seconds since 1970.  t NULL: it is not counted. */
void		 tally_hit(struct tally *t, int64_t now_s);

/*
 * Calls see for each name in the order of their first calls.  last_s: of the
 * last hit; 0 where there are none.
 */
void		 tally_walk(void (*see)(void *arg, const char *name,
		    uint64_t hits, int64_t last_s), void *arg);

#endif
