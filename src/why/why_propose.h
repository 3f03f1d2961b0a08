/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that would let a client pass.  Pure. */

#ifndef WHY_PROPOSE_H
#define WHY_PROPOSE_H

#include "policy/token.h"

/*
 * What the record could be, as far as a token tells; an ellipsis stands for the
 * terms that it does not know.  The caller frees it; "": it needs no other
 * address.
 */
char	*why_propose(const struct token *t);

/*
 * record, which has decided by term mechanism as verdicts tell it ("-all",
 * "default"), with the client's address before that term: no term before it
 * has matched, so the client passes.  NULL: it would be too long, or the term
 * is not in it.  The caller frees it.
 */
char	*why_propose_record(const char *record, const char *mechanism,
	    const struct addr *client);

#endif
