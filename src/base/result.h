/* SPDX-License-Identifier: BSD-2-Clause */
/* The seven SPF results (RFC 7208 s2.6), the two scopes, and the sources. */

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

/* Whose word a result is. */
enum source {
	SOURCE_RECORD,		/* the domain's: SPF */
	SOURCE_LOCAL_POLICY,	/* ours, where the record says nothing better */
	SOURCE_GUESS		/* ours, where there is no record */
};

/* "pass"; "helo", "mailfrom"; "record", "local_policy", "guess".  Static. */
const char	*result_name(enum result r);
const char	*scope_name(enum scope s);
const char	*source_name(enum source s);

/* Exact lower-case name; false: not a result, *out untouched. */
bool		 result_parse(enum result *out, const char *name);

#endif
