/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon tells of itself, and at which doors. */

#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>

#include "base/util.h"

struct conf;

/* Whether the doors that c names can be opened.  False: d says what not. */
bool	control_check(const struct conf *c, struct diag *d);
/*
 * Opens them, before privileges are dropped.  One that c only has by default
 * may fail: that is logged.  False: d says why.
 */
bool	control_open(const struct conf *c, struct diag *d);
/* Begins to answer, after ctl_take_signals.  False: d says why. */
bool	control_start(struct diag *d);
/* Ends what has begun; may be called without. */
void	control_stop(void);

#endif
