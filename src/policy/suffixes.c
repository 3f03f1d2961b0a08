/* SPDX-License-Identifier: BSD-2-Clause */
/* The public suffix list, through libpsl. */

#include "config.h"

#include "policy/suffixes.h"

#include <libpsl.h>

struct suffixes *
suffixes_load(void)
{
	/* The newer one of the system's file and what libpsl has within. */
	return (struct suffixes *)psl_latest(NULL);
}

void
suffixes_free(struct suffixes *s)
{
	psl_free((psl_ctx_t *)s);
}

const char *
suffixes_organization(const struct suffixes *s, const char *domain)
{
	const char *found = psl_registrable_domain((const psl_ctx_t *)s,
	    domain);

	return found != NULL ? found : domain;
}

const char *
suffixes_version(void)
{
	return "libpsl " PSL_VERSION;
}
