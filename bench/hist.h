/* SPDX-License-Identifier: BSD-2-Clause */
/* Histogram of durations: fixed storage, quantiles within 1.6 %. */

#ifndef HIST_H
#define HIST_H

#include <stdint.h>
#include <stdio.h>

#define HIST_MANTISSA 6			/* bits */
#define HIST_BUCKETS ((64 - HIST_MANTISSA + 1) << HIST_MANTISSA)

struct hist {
	uint64_t	 count;
	uint64_t	 max_ns;
	uint64_t	 buckets[HIST_BUCKETS];
};

void	 hist_add(struct hist *h, uint64_t ns);
void	 hist_merge(struct hist *to, const struct hist *from);

/* 0 of an empty one; quantile 0.5 is the median. */
uint64_t hist_quantile(const struct hist *h, double quantile);

/* {"p50": MS, "p90": MS, "p99": MS, "max": MS} */
void	 hist_print(const struct hist *h, FILE *to);

#endif
