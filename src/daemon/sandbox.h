/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up privileges for good. */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/util.h"

struct conf;

/* Whether conf's user and group exist.  False: d says which does not. */
bool	sandbox_check(const struct conf *c, struct diag *d);

/* The group that an option of c names.  False: d says that there is none. */
bool	sandbox_find_group(const struct conf *c, const char *option,
	    const char *name, gid_t *gid, struct diag *d);

/*
 * Changes to conf's user, group and the supplementary groups of that user with
 * no way back.  Nothing to change where user is "" or already ours.  False: d
 * says why.  *changed says whether we were somebody else.
 */
bool	sandbox_drop(const struct conf *c, bool *changed, struct diag *d);

#endif
