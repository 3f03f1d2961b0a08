/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metrics as text: the format of Prometheus (0.0.4), or OpenMetrics 1.0.  The
 * names of the samples are the same in both.
 */

#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/util.h"

enum exposition_kind { EXPOSITION_COUNTER, EXPOSITION_GAUGE,
	EXPOSITION_HISTOGRAM, EXPOSITION_INFO };

struct exposition {
	FILE			*out;	/* borrowed; the caller sees to its
					 * errors */
	bool			 open;	/* OpenMetrics */
	const char		*name;	/* of the metric begun */
	enum exposition_kind	 kind;
};

/* By what a scraper accepts (the field of HTTP, "" where there is none). */
struct exposition	 exposition_new(FILE *out, const char *accept);
/* For Content-Type. */
const char		*exposition_type(const struct exposition *e);

/*
 * Begins a metric.  name is static, without the _total of a counter and the
 * _info of an info; it ends in _seconds or _bytes if that is its unit.  help
 * has no new lines, quotes and backslashes.
 */
void	exposition_begin(struct exposition *e, const char *name,
	    enum exposition_kind kind, const char *help);
/* labels: as they stand between the braces, "" for none. */
void	exposition_value(struct exposition *e, const char *labels,
	    uint64_t value);
void	exposition_micro(struct exposition *e, const char *labels,
	    uint64_t millionths);
/*
 * buckets: how many were in each, of which the bounds (in microseconds, the
 * last without limit) are the upper ends.
 */
void	exposition_histogram(struct exposition *e, const uint64_t *bounds_us,
	    const uint64_t *buckets, size_t count, uint64_t sum_us);
/* Behind the last. */
void	exposition_end(struct exposition *e);

/* Appends name="value" behind what labels has; value may be any text. */
void	exposition_label(struct sbuf *labels, const char *name,
	    const char *value);

#endif
