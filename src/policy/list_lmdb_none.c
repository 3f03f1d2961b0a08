/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of list_lmdb.c where its library is missing. */

#include "config.h"

#include "policy/list_priv.h"

const char *
list_lmdb_library(void)
{
	return NULL;
}

/* Never called: list_add asks for the library. */
bool
list_lmdb_read(struct list_table *t, const char *path, struct diag *d)
{
	(void)t;
	diag_add(d, path, 0, "built without the library for it");
	return false;
}
