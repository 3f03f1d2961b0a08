/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC (RFC 7489), as far as it concerns who else judges a message. */

#ifndef DMARC_H
#define DMARC_H

#include <stdbool.h>
#include <stddef.h>

struct suffixes;

/* Relaxed (s3.1): names of A-labels in lower case, of one organization. */
bool	dmarc_is_aligned(const struct suffixes *s, const char *a,
	    const char *b);

/* The len octets of a TXT record are a policy (s6.3): v=DMARC1, and p=. */
bool	dmarc_is_record(const char *text, size_t len);

#endif
