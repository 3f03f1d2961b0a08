/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of list_pattern.c where its library is missing. */

#include "config.h"

#include "policy/list_priv.h"

const char *
list_pattern_library(void)
{
	return NULL;
}

/* Never called: list_add asks for the library. */
bool
list_pattern_read(struct list_table *t, const char *path, struct diag *d)
{
	(void)t;
	diag_add(d, path, 0, "built without the library for it");
	return false;
}

int
list_patterns_match(const struct list_patterns *p, const char *key)
{
	(void)p;
	(void)key;
	return LIST_NOTHING;
}

void
list_patterns_free(struct list_patterns *p)
{
	(void)p;
}
