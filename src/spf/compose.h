/* SPDX-License-Identifier: BSD-2-Clause */
/* Records written: a better one of another, and as strings of a TXT record. */

#ifndef COMPOSE_H
#define COMPOSE_H

#include <stddef.h>

/* Longest string of a TXT record (RFC 1035 s3.3). */
#define COMPOSE_STRING_MAX 255

/*
 * What the record text says, without what is never looked at or stands twice,
 * with terms that are wrong as they were meant, what costs no lookup before
 * what does as far as that changes no result, and ~all at its end where it has
 * no end.  NULL: something is wrong and it cannot be told what was meant.
 * The caller frees it.  Pure.
 */
char	*compose_better(const char *text, size_t len);

/*
 * How many octets of text the next string of a TXT record takes; cut behind a
 * blank if there is one.
 */
size_t	 compose_string(const char *text);

#endif
