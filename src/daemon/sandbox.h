/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up privileges, and all that the daemon does not need, for good. */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/confine.h"
#include "base/util.h"

struct conf;

/* Whether conf's user and group exist.  False: d says which does not. */
bool	sandbox_check(const struct conf *c, struct diag *d);

/* The user that we are going to be, who exists; -1: the one that we are. */
uid_t	sandbox_uid(const struct conf *c);

/* The group that an option of c names.  False: d says that there is none. */
bool	sandbox_find_group(const struct conf *c, const char *option,
	    const char *name, gid_t *gid, struct diag *d);

/*
 * Changes to conf's user, group and the supplementary groups of that user with
 * no way back.  Where user is "" or already ours, only capabilities are given
 * up: the groups are those that the service manager has given.  False: d says
 * why.  *changed says whether we were somebody else.
 */
bool	sandbox_drop(const struct conf *c, bool *changed, struct diag *d);

/*
 * Takes away what a daemon of c does not need (confine), and logs what holds
 * and what does not.  Once sockets are open and privileges are dropped, before
 * there are threads.
 */
void	sandbox_enter(const struct conf *c);
/* What holds; any thread, after that. */
const struct confine_report *sandbox_report(void);
/*
 * Whether what a reload has read can work as we are confined: what cannot be
 * reached has not been read.  False: d says why not.
 */
bool	sandbox_covers(const struct conf *c, struct diag *d);

/*
 * Capabilities of who is not root, of which one may have been given to bind a
 * port.  False: errno.  For sandbox.c.
 */
bool	sandbox_drop_capabilities(void);

#endif
