/* SPDX-License-Identifier: BSD-2-Clause */
/* The From field of a message: the domain of its author. */

#ifndef FROM_H
#define FROM_H

#include "spf/identity.h"

enum from_status {
	FROM_NONE,		/* no field, or no address in it */
	FROM_ONE,		/* one address, and nobody reads another */
	FROM_SEVERAL,		/* more addresses than one, or a group */
	FROM_UNCLEAR		/* readers may differ */
};

/*
 * Of the value of a field; domain gets A-labels in lower case, two labels at
 * least, for FROM_ONE, else "".  A name before the address may be anything
 * that RFC 5322 and RFC 6532 allow, encoded-words and UTF-8 included, since it
 * is no address for anybody; the address itself must be one without blanks,
 * comments, encoded-words and routes.  Linear in the length of value.
 */
enum from_status from_parse(const char *value,
	    char domain[IDENTITY_NAME_MAX + 1]);

#endif
