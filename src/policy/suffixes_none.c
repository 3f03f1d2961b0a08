/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of suffixes.c, where it was built without libpsl. */

#include "config.h"

#include "policy/suffixes.h"

#include <stddef.h>

struct suffixes *
suffixes_load(void)
{
	return NULL;
}

void
suffixes_free(struct suffixes *s)
{
	(void)s;
}

const char *
suffixes_organization(const struct suffixes *s, const char *domain)
{
	(void)s;
	return domain;
}

const char *
suffixes_version(void)
{
	return NULL;
}
