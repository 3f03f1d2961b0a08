/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking a record up again, for strangers: limits, a queue and threads. */

#ifndef WHY_RECHECK_H
#define WHY_RECHECK_H

#include <stdint.h>

#include "base/util.h"
#include "policy/token.h"
#include "why/why_page.h"

struct why_rechecks;		/* all of a process */
struct why_recheck;		/* one */

/*
 * The resolver, that of zone unless it is NULL, and threads.  NULL: d says
 * why.
 */
struct why_rechecks *why_rechecks_new(const char *zone, struct diag *d);
/*
 * Begins none any more, and waits for what is under way; what waits in the
 * queue is told that it is too many.  Each has its done called.
 */
void	why_rechecks_stop(struct why_rechecks *r);	/* NULL allowed */
void	why_rechecks_free(struct why_rechecks *r);	/* NULL allowed */

/*
 * Begins to evaluate what token tells of, at the wish of client.  done(arg) is
 * called once, from another thread, when the result is there.  NULL: too many
 * ask; done is not called.  One thread at a time.
 */
struct why_recheck *why_recheck_start(struct why_rechecks *r,
	    const struct token *token, const struct addr *client,
	    void (*done)(void *), void *arg);
/* After done; borrowed. */
const struct why_check *why_recheck_result(const struct why_recheck *c);
/* After done, before why_rechecks_free; NULL allowed. */
void	why_recheck_free(struct why_recheck *c);

#endif
