/* SPDX-License-Identifier: BSD-2-Clause */
/* How a result came about, drawn on the page. */

#ifndef WHY_TREE_H
#define WHY_TREE_H

#include <stdio.h>

#include "eval/explain.h"
#include "why/why_text.h"

/* Nested lists; what is on the way to the result is marked. */
void	why_tree_write(const struct explanation *e,
	    const struct why_language *l, FILE *out);

#endif
