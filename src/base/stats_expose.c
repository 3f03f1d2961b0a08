/* SPDX-License-Identifier: BSD-2-Clause */
/* The metrics of the table as text, in the order of the table. */

#include "config.h"

#include <assert.h>

#include "base/exposition.h"
#include "base/stats_priv.h"

#define LABELS_SIZE 80

/* What stands in the table, line by line. */
struct line {
	const char	*metric;	/* NULL: one more row of the last */
	const char	*help;
	unsigned	 index;		/* of its counter or histogram */
	enum { LINE_METRIC, LINE_ROW, LINE_HISTOGRAM } kind;
};

static const struct line lines[] = {
#define METRIC(name, help) { name, help, 0, LINE_METRIC },
#define STATS(id, key, labels, by) { NULL, NULL, STATS_##id, LINE_ROW },
#define HISTOGRAM(id, name, help) { name, help, STATS_##id, LINE_HISTOGRAM },
#include "base/stats_table.h"
#undef STATS
#undef HISTOGRAM
#undef METRIC
};

static const char *const by_names[] = {
	[STATS_BY_IDENTITY] = "identity",
	[STATS_BY_LEVEL] = "level",
	[STATS_BY_TYPE] = "type",
};

static void
expose_row(struct exposition *e, enum stats_counter c)
{
	const struct stats_row *row = &stats_rows[c];

	for (unsigned i = 0; i < stats_cells(c); i++) {
		char storage[LABELS_SIZE];
		struct sbuf labels;

		sbuf_init(&labels, storage, sizeof(storage));
		sbuf_str(&labels, row->labels);
		if (row->by != STATS_BY_NOTHING)
			sbuf_fmt(&labels, "%s%s=\"%s\"",
			    labels.len > 0 ? "," : "", by_names[row->by],
			    stats_cell_name(c, i));
		assert(sbuf_ok(&labels));
		exposition_value(e, storage, stats_get_at(c, i));
	}
}

static void
expose_histogram(struct exposition *e, enum stats_histogram h)
{
	struct stats_distribution d;

	stats_read(h, &d);
	exposition_histogram(e, stats_bounds_us, d.buckets, STATS_BUCKETS,
	    d.sum_us);
}

void
stats_expose(struct exposition *e)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct line *l = &lines[i];

		switch (l->kind) {
		case LINE_METRIC:
			exposition_begin(e, l->metric, EXPOSITION_COUNTER,
			    l->help);
			break;
		case LINE_ROW:
			expose_row(e, (enum stats_counter)l->index);
			break;
		case LINE_HISTOGRAM:
			exposition_begin(e, l->metric, EXPOSITION_HISTOGRAM,
			    l->help);
			expose_histogram(e, (enum stats_histogram)l->index);
			break;
		}
	}
}
