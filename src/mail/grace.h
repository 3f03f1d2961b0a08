/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Temporary errors remembered: whose mail of which domain is deferred, and
 * since when.
 */

#ifndef GRACE_H
#define GRACE_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct grace;

struct grace	*grace_new(void);
void		 grace_free(struct grace *g);	/* NULL allowed */

/*
 * Mail of domain (a name to look up, in any case) that client brings is a
 * temperror.  True: that has lasted for grace_ms and over several tries, so
 * the mail need not be deferred any more.  Any thread; now_ms is util_now_ms.
 */
bool	grace_note(struct grace *g, const struct addr *client,
	    const char *domain, int64_t grace_ms, int64_t now_ms);
/* A check of it had an answer: the next temperror is the first one. */
void	grace_forget(struct grace *g, const struct addr *client,
	    const char *domain);

/* How many are remembered; any thread. */
unsigned grace_count(const struct grace *g);

#endif
