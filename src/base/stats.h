/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters and histograms as table rows (stats_table.h); relaxed atomics, any
 * thread.
 */

#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

struct exposition;

enum stats_counter {
#define METRIC(name, help)
#define STATS(id, key, labels, by) STATS_##id,
#define HISTOGRAM(id, name, help)
#include "base/stats_table.h"
#undef STATS
#undef HISTOGRAM
	STATS_COUNT
};

enum stats_histogram {
#define STATS(id, key, labels, by)
#define HISTOGRAM(id, name, help) STATS_##id,
#include "base/stats_table.h"
#undef STATS
#undef HISTOGRAM
#undef METRIC
	STATS_HISTOGRAM_COUNT
};

/* The label that tells the cells of a counter apart, and how many it has. */
enum stats_by {
	STATS_BY_NOTHING,	/* 1 */
	STATS_BY_IDENTITY,	/* enum scope */
	STATS_BY_LEVEL,		/* 0 to 6 */
	STATS_BY_TYPE		/* enum stats_type */
};
#define STATS_CELLS_MAX 7

enum stats_type { STATS_TYPE_A, STATS_TYPE_AAAA, STATS_TYPE_MX, STATS_TYPE_PTR,
	STATS_TYPE_TXT, STATS_TYPE_OTHER };

/* Of those without cells. */
void		 stats_add(enum stats_counter c, uint64_t n);
void		 stats_inc(enum stats_counter c);
/* Of the others. */
void		 stats_inc_at(enum stats_counter c, unsigned cell);

uint64_t	 stats_get(enum stats_counter c);	/* of all cells */
uint64_t	 stats_get_at(enum stats_counter c, unsigned cell);
/* 1 for one without cells. */
unsigned	 stats_cells(enum stats_counter c);
/* "helo", "3", "TXT"; "" without cells. */
const char	*stats_cell_name(enum stats_counter c, unsigned cell);

/* Something has taken so many microseconds. */
void		 stats_observe(enum stats_histogram h, int64_t us);

#define STATS_BUCKETS 16
struct stats_distribution {
	uint64_t	count;
	uint64_t	sum_us;
	uint64_t	buckets[STATS_BUCKETS];	/* by the bounds, each without
						 * those before */
};
/* Upper bounds in microseconds; the last is UINT64_MAX. */
extern const uint64_t stats_bounds_us[STATS_BUCKETS];

void		 stats_read(enum stats_histogram h,
		    struct stats_distribution *out);

/*
 * Appends "key=value" of counters that are not 0, separated by blanks: from
 * *next on, which is moved, as many as fit.  False: none is left.
 */
bool		 stats_format(struct sbuf *out, unsigned *next);
/* All metrics of the table. */
void		 stats_expose(struct exposition *e);

#endif
