/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters as table rows (stats_table.h); relaxed atomics, any thread.  A row
 * has as many cells as the label has values by which it is told apart; all
 * cells stand in one array.
 */

#include "config.h"

#include "base/stats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "base/result.h"
#include "base/stats_priv.h"

enum { CELLS_NOTHING = 1, CELLS_IDENTITY = SCOPE_COUNT, CELLS_LEVEL = 7,
	CELLS_TYPE = 6 };

/* Where the cells of a row begin. */
enum {
#define METRIC(name, help)
#define HISTOGRAM(id, name, help)
#define STATS(id, key, labels, by) \
	FIRST_##id, LAST_##id = FIRST_##id + CELLS_##by - 1,
#include "base/stats_table.h"
#undef STATS
	CELLS
};

const struct stats_row stats_rows[STATS_COUNT] = {
#define STATS(id, key, labels, by) \
	[STATS_##id] = { key, labels, STATS_BY_##by, FIRST_##id },
#include "base/stats_table.h"
#undef STATS
#undef HISTOGRAM
#undef METRIC
};

static const unsigned cell_counts[] = {
	[STATS_BY_NOTHING] = CELLS_NOTHING,
	[STATS_BY_IDENTITY] = CELLS_IDENTITY,
	[STATS_BY_LEVEL] = CELLS_LEVEL,
	[STATS_BY_TYPE] = CELLS_TYPE,
};

static const char *const cell_names[][STATS_CELLS_MAX] = {
	[STATS_BY_NOTHING] = { "" },
	[STATS_BY_IDENTITY] = { [SCOPE_HELO] = "helo",
		[SCOPE_MAILFROM] = "mailfrom" },
	[STATS_BY_LEVEL] = { "0", "1", "2", "3", "4", "5", "6" },
	[STATS_BY_TYPE] = { [STATS_TYPE_A] = "A", [STATS_TYPE_AAAA] = "AAAA",
		[STATS_TYPE_MX] = "MX", [STATS_TYPE_PTR] = "PTR",
		[STATS_TYPE_TXT] = "TXT", [STATS_TYPE_OTHER] = "other" },
};

/* From half a millisecond to what the longest evaluation takes. */
const uint64_t stats_bounds_us[STATS_BUCKETS] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 5000000, 10000000, 20000000, UINT64_MAX
};

struct histogram {
	_Atomic uint64_t	buckets[STATS_BUCKETS];
	_Atomic uint64_t	sum_us;
};

/* Nothing is ordered by a counter, so relaxed is enough. */
static _Atomic uint64_t cells[CELLS];
static struct histogram histograms[STATS_HISTOGRAM_COUNT];

static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t
get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

unsigned
stats_cells(enum stats_counter c)
{
	assert((unsigned)c < STATS_COUNT);
	return cell_counts[stats_rows[c].by];
}

const char *
stats_cell_name(enum stats_counter c, unsigned cell)
{
	assert(cell < stats_cells(c));
	return cell_names[stats_rows[c].by][cell];
}

void
stats_add(enum stats_counter c, uint64_t n)
{
	assert(stats_cells(c) == 1);
	add(&cells[stats_rows[c].first], n);
}

void
stats_inc(enum stats_counter c)
{
	stats_add(c, 1);
}

void
stats_inc_at(enum stats_counter c, unsigned cell)
{
	assert(cell < stats_cells(c));
	add(&cells[stats_rows[c].first + cell], 1);
}

uint64_t
stats_get_at(enum stats_counter c, unsigned cell)
{
	assert(cell < stats_cells(c));
	return get(&cells[stats_rows[c].first + cell]);
}

uint64_t
stats_get(enum stats_counter c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < stats_cells(c); i++)
		n += stats_get_at(c, i);
	return n;
}

void
stats_observe(enum stats_histogram h, int64_t us)
{
	uint64_t n = us > 0 ? (uint64_t)us : 0;
	unsigned i = 0;

	assert((unsigned)h < STATS_HISTOGRAM_COUNT);
	while (n > stats_bounds_us[i])
		i++;
	add(&histograms[h].buckets[i], 1);
	add(&histograms[h].sum_us, n);
}

void
stats_read(enum stats_histogram h, struct stats_distribution *out)
{
	assert((unsigned)h < STATS_HISTOGRAM_COUNT);
	out->count = 0;
	out->sum_us = get(&histograms[h].sum_us);
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		out->buckets[i] = get(&histograms[h].buckets[i]);
		out->count += out->buckets[i];
	}
}

bool
stats_format(struct sbuf *out, unsigned *next)
{
	size_t start = out->len;

	for (; *next < STATS_COUNT; ++*next) {
		uint64_t value = stats_get((enum stats_counter)*next);
		size_t before = out->len;

		if (value == 0)
			continue;
		sbuf_fmt(out, "%s%s=%" PRIu64, before > start ? " " : "",
		    stats_rows[*next].key, value);
		if (!sbuf_ok(out))
			break;
	}
	/* The one that did not fit is for the next text. */
	out->overflow = false;
	assert(out->len > start || *next == STATS_COUNT);
	return out->len > start;
}
