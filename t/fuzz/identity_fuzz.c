/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as a HELO argument and as a reverse-path. */

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spf/identity.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_identity(const struct identity *id)
{
	size_t len = strlen(id->lookup);

	assert(id->address != NULL && id->local != NULL);
	assert(id->domain != NULL && id->local[0] != '\0');
	assert((id->status == IDENTITY_OK) == (len > 0));
	if (len > 0)
		assert(identity_name_is_valid(id->lookup, len, true));
	assert(strchr(id->domain, '@') == NULL || id->null_sender ||
	    strcmp(id->address, id->domain) == 0);
	assert(identity_status_text(id->status)[0] != '\0');
}

static void
check_senders(const char *arg, const char *mta_address,
    const struct identity *helo)
{
	struct identity ids[IDENTITY_SENDERS_MAX];
	size_t n = identity_senders(ids, arg, mta_address, helo);

	assert(n == 1 || n == IDENTITY_SENDERS_MAX);
	for (size_t i = 0; i < n; i++) {
		check_identity(&ids[i]);
		identity_fini(&ids[i]);
	}
}

/* What stands behind a NUL is what the MTA has made of it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *arg = xcalloc(size + 1, 1);
	struct identity helo;
	struct identity mail;

	if (size > 0)
		memcpy(arg, data, size);
	size_t len = strlen(arg);
	identity_from_helo(&helo, arg);
	check_identity(&helo);
	identity_from_mail(&mail, arg, &helo);
	check_identity(&mail);
	check_senders(arg, len < size ? arg + len + 1 : NULL, &helo);
	identity_fini(&mail);
	identity_fini(&helo);
	free(arg);
	return 0;
}
