/* SPDX-License-Identifier: BSD-2-Clause */
/* Any set of addresses of one family, to be added to, cut and counted. */

#ifndef ADDR_RANGES_H
#define ADDR_RANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* From first to last, both included. */
struct addr_range {
	struct addr	first;
	struct addr	last;
};

/*
 * In order, and with a gap between any two.  All zero is the empty set;
 * release with addr_ranges_fini.
 */
struct addr_ranges {
	struct addr_range	*ranges;
	size_t			 count;
};

void	addr_ranges_fini(struct addr_ranges *s);
void	addr_ranges_add(struct addr_ranges *s, const struct addr_prefix *p);
void	addr_ranges_join(struct addr_ranges *s,
	    const struct addr_ranges *more);
void	addr_ranges_subtract(struct addr_ranges *s,
	    const struct addr_ranges *less);
bool	addr_ranges_has(const struct addr_ranges *s, const struct addr *a);

/* As few prefixes as there can be, in order; their number.  free() *out. */
size_t	addr_ranges_prefixes(const struct addr_ranges *s,
	    struct addr_prefix **out);

/* 2^128 in decimal and a NUL. */
#define ADDR_COUNT_SIZE 40

/* How many addresses; returns buf. */
const char *addr_ranges_count(const struct addr_ranges *s,
	    char buf[ADDR_COUNT_SIZE]);

#endif
