/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results fields that a message brings: what they claim. */

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

#endif
