/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of stats: the rows. */

#ifndef STATS_PRIV_H
#define STATS_PRIV_H

#include "base/stats.h"

/* Of a counter. */
struct stats_row {
	const char	*key;
	const char	*labels;
	enum stats_by	 by;
	unsigned	 first;		/* cell */
};
extern const struct stats_row stats_rows[STATS_COUNT];

#endif
