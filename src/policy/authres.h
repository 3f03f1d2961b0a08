/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results fields that a message brings: what they say. */

#ifndef AUTHRES_H
#define AUTHRES_H

#include <stdbool.h>

/*
 * True if the value of a field claims authserv_id (RFC 8601 s5), whatever its
 * case, comments, quoting, folding or version; when in doubt, true.  No field
 * claims the name "" or ".".  Linear in the length of value.
 */
bool	authres_claims_id(const char *value, const char *authserv_id);

/*
 * True if the value of a field has an SPF result for some reader; when in
 * doubt, true.  Results of other methods make no such claim, nor does a field
 * without any.  Linear in the length of value.
 */
bool	authres_claims_spf(const char *value);

/*
 * Of the value of a field that the server authserv_id has written: true if a
 * DKIM signature has passed whose domain (header.d) counts.  Only results that
 * stand before those of other methods are looked at, and none behind what may
 * be read in two ways.  domain is in lower case.
 */
bool	authres_dkim_passes(const char *value, const char *authserv_id,
	    bool (*counts)(const char *domain, void *arg), void *arg);

#endif
