/* SPDX-License-Identifier: BSD-2-Clause */
/* Buckets by the highest bits of a value: exact below 128 ns. */

#include "config.h"

#include "hist.h"

static unsigned
bucket_of(uint64_t ns)
{
	unsigned shift = 0;

	while (ns >> shift >= 2U << HIST_MANTISSA)
		shift++;
	return (shift << HIST_MANTISSA) + (unsigned)(ns >> shift);
}

/* The middle of the values of a bucket. */
static uint64_t
bucket_value(unsigned bucket)
{
	unsigned shift = 0;

	if (bucket >= 2U << HIST_MANTISSA)
		shift = (bucket >> HIST_MANTISSA) - 1;
	uint64_t low = (uint64_t)(bucket - (shift << HIST_MANTISSA)) << shift;
	return low + ((uint64_t)1 << shift) / 2;
}

void
hist_add(struct hist *h, uint64_t ns)
{
	h->count++;
	h->buckets[bucket_of(ns)]++;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

void
hist_merge(struct hist *to, const struct hist *from)
{
	to->count += from->count;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		to->buckets[i] += from->buckets[i];
}

uint64_t
hist_quantile(const struct hist *h, double quantile)
{
	uint64_t rank = (uint64_t)((double)h->count * quantile);
	uint64_t seen = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > rank) {
			uint64_t value = bucket_value(i);
			return value < h->max_ns ? value : h->max_ns;
		}
	}
	return h->max_ns;
}

void
hist_print(const struct hist *h, FILE *to)
{
	fprintf(to, "{\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, "
	    "\"max\": %.3f}", (double)hist_quantile(h, 0.5) / 1e6,
	    (double)hist_quantile(h, 0.9) / 1e6,
	    (double)hist_quantile(h, 0.99) / 1e6, (double)h->max_ns / 1e6);
}
