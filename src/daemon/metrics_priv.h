/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of metrics. */

#ifndef METRICS_PRIV_H
#define METRICS_PRIV_H

struct exposition;
struct metrics_figures;

/* All metrics, these among them, to the end. */
void	metrics_expose(struct exposition *e, const struct metrics_figures *f);

#endif
