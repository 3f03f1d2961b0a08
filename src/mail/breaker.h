/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether temperrors are our own fault: the name servers fail, or nearly all
 * that was asked of them in the last minute has failed.
 */

#ifndef BREAKER_H
#define BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct breaker;
struct dns;

/* dns is borrowed. */
struct breaker	*breaker_new(const struct dns *dns);
void		 breaker_free(struct breaker *b);	/* NULL allowed */

/*
 * A check of mail of domain (in any case) that client brings has asked the
 * DNS, and failed says whether its result is temperror.  Any thread; now_ms is
 * util_now_ms.
 */
void	breaker_note(struct breaker *b, const struct addr *client,
	    const char *domain, bool failed, int64_t now_ms);
/*
 * By all signs of the last patience_ms it is our fault: no mail should be
 * deferred for it.  Logged when that begins and ends, which is seen here.
 */
bool	breaker_is_open(struct breaker *b, int64_t patience_ms,
	    int64_t now_ms);
/*
 * It needs to be asked for mail that is no temperror, too, so that it sees the
 * end of trouble.  Cheap.
 */
bool	breaker_is_in_doubt(const struct breaker *b);

#endif
