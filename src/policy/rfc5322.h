/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of structured header fields (RFC 5322 s3.2), read strictly. */

#ifndef RFC5322_H
#define RFC5322_H

#include <stdbool.h>

#include "base/util.h"

/*
 * Moves *p behind blanks, folds and comments.  False: a comment does not end,
 * or holds a quote: programs that put texts of others into comments quote
 * them, and then two readers may see two ends.
 */
bool	rfc5322_skip_blanks(const char **p);

/*
 * Moves *p, which is at a quote, behind its end; what is quoted goes to out
 * unless that is NULL.  False: it does not end.
 */
bool	rfc5322_skip_quoted(const char **p, struct sbuf *out);

#endif
