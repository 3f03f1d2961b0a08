/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as a HELO argument and as a reverse-path. */

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "util.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *arg = xstrndup((const char *)data, size);
	struct identity helo;
	struct identity mail;

	identity_from_helo(&helo, arg);
	check_identity(&helo);
	identity_from_mail(&mail, arg, &helo);
	check_identity(&mail);
	identity_fini(&mail);
	identity_fini(&helo);
	free(arg);
	return 0;
}
