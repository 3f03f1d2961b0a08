/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as table rows (stats_table.h); relaxed atomics, any thread. */

#include "config.h"

#include "base/stats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>

static const char *const names[STATS_COUNT] = {
#define STATS(id, name, text) [STATS_##id] = name,
#include "base/stats_table.h"
#undef STATS
};

/* Nothing is ordered by a counter, so relaxed is enough. */
static _Atomic uint64_t counters[STATS_COUNT];

void
stats_add(enum stats_counter c, uint64_t n)
{
	assert((unsigned)c < STATS_COUNT);
	atomic_fetch_add_explicit(&counters[c], n, memory_order_relaxed);
}

void
stats_inc(enum stats_counter c)
{
	stats_add(c, 1);
}

uint64_t
stats_get(enum stats_counter c)
{
	assert((unsigned)c < STATS_COUNT);
	return atomic_load_explicit(&counters[c], memory_order_relaxed);
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
		    names[*next], value);
		if (!sbuf_ok(out))
			break;
	}
	/* The one that did not fit is for the next text. */
	out->overflow = false;
	assert(out->len > start || *next == STATS_COUNT);
	return out->len > start;
}
