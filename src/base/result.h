/* SPDX-License-Identifier: BSD-2-Clause */
/* The seven SPF results (RFC 7208 s2.6) and the two scopes. */

#ifndef RESULT_H
#define RESULT_H

#include <stdbool.h>

enum result {
	RESULT_NONE,
	RESULT_NEUTRAL,
	RESULT_PASS,
	RESULT_FAIL,
	RESULT_SOFTFAIL,
	RESULT_TEMPERROR,
	RESULT_PERMERROR
};
#define RESULT_COUNT 7

enum scope { SCOPE_HELO, SCOPE_MAILFROM };
#define SCOPE_COUNT 2

/* "pass"; "helo" and "mailfrom".  Static text. */
const char	*result_name(enum result r);
const char	*scope_name(enum scope s);

/* Exact lower-case name; false: not a result, *out untouched. */
bool		 result_parse(enum result *out, const char *name);

#endif
