/* SPDX-License-Identifier: BSD-2-Clause */
/* The seven SPF results (RFC 7208 s2.6), the two scopes, and the sources. */

#include "config.h"

#include "base/result.h"

#include <assert.h>
#include <string.h>

static const char *const result_names[RESULT_COUNT] = {
	[RESULT_NONE] = "none",
	[RESULT_NEUTRAL] = "neutral",
	[RESULT_PASS] = "pass",
	[RESULT_FAIL] = "fail",
	[RESULT_SOFTFAIL] = "softfail",
	[RESULT_TEMPERROR] = "temperror",
	[RESULT_PERMERROR] = "permerror",
};

static const char *const scope_names[SCOPE_COUNT] = {
	[SCOPE_HELO] = "helo",
	[SCOPE_MAILFROM] = "mailfrom",
};

static const char *const source_names[] = {
	[SOURCE_RECORD] = "record",
	[SOURCE_LOCAL_POLICY] = "local_policy",
	[SOURCE_GUESS] = "guess",
};

const char *
result_name(enum result r)
{
	assert((unsigned)r < RESULT_COUNT);
	return result_names[r];
}

const char *
scope_name(enum scope s)
{
	assert((unsigned)s < SCOPE_COUNT);
	return scope_names[s];
}

const char *
source_name(enum source s)
{
	assert((unsigned)s <= SOURCE_GUESS);
	return source_names[s];
}

bool
result_parse(enum result *out, const char *name)
{
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		if (strcmp(name, result_names[i]) == 0) {
			*out = (enum result)i;
			return true;
		}
	}
	return false;
}
