/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others write about a message.  Input: texts divided by NUL: a From
 * field, an Authentication-Results field, a DMARC record.
 */

#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "policy/authres.h"
#include "policy/dmarc.h"
#include "policy/from.h"
#include "texts.h"

#define TEXTS 3

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One domain that can be asked for, and it stands behind the last @. */
static void
check_from(const char *value)
{
	char domain[IDENTITY_NAME_MAX + 1];

	if (from_parse(value, domain) != FROM_ONE) {
		assert(domain[0] == '\0');
		return;
	}
	assert(identity_name_is_valid(domain, strlen(domain), true));
	for (const char *p = domain; *p != '\0'; p++)
		assert(util_is_print(*p) && *p == util_lower(*p));
	assert(strchr(value, '@') != NULL);
}

/* Only the last one counts, so all are seen. */
static bool
is_none(const char *domain, void *arg)
{
	assert(strlen(domain) <= IDENTITY_NAME_MAX);
	++*(unsigned *)arg;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];
	unsigned count = 0;

	texts_init(text, TEXTS, data, size);
	check_from(text[0]);
	assert(!authres_dkim_passes(text[1], "mx.example.org", is_none,
	    &count));
	/* Who has a word for it has claimed the name and a pass. */
	if (count > 0)
		assert(authres_claims_id(text[1], "mx.example.org"));
	if (dmarc_is_record(text[2], strlen(text[2])))
		assert(strstr(text[2], "DMARC1") != NULL);
	texts_fini(text, TEXTS);
	return 0;
}
