/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as table rows (stats_table.h); relaxed atomics, any thread. */

#ifndef STATS_H
#define STATS_H

#include <stdint.h>

#include "base/util.h"

enum stats_counter {
#define STATS(id, name, text) STATS_##id,
#include "base/stats_table.h"
#undef STATS
	STATS_COUNT
};

void		 stats_add(enum stats_counter c, uint64_t n);
void		 stats_inc(enum stats_counter c);
uint64_t	 stats_get(enum stats_counter c);
/*
 * Appends "name=value" of counters that are not 0, separated by blanks: from
 * *next on, which is moved, as many as fit.  False: none is left.
 */
bool		 stats_format(struct sbuf *out, unsigned *next);

#endif
