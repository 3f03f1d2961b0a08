/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up privileges for good. */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

#include "util.h"

struct conf;

/*
 * Changes to conf's user and group with no way back, empties supplementary
 * groups, raises the descriptor limit to the hard one.  Nothing to change
 * where user is "" or already ours.  False: d says why.
 */
bool	sandbox_drop(const struct conf *c, struct diag *d);

#endif
