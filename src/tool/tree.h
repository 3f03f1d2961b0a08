/* SPDX-License-Identifier: BSD-2-Clause */
/* How a result came about: the tree of an evaluation, drawn or as JSON. */

#ifndef TREE_H
#define TREE_H

#include <jansson.h>

struct eval_verdict;
struct terminal;

#define TREE_INDENT 4

/*
 * In lines of 80 columns behind indent blanks.  A star, and on a terminal the
 * colour of the result, marks the way to it.  The verdict has a trace.
 */
void	tree_put(const struct terminal *t, unsigned indent,
	    const struct eval_verdict *v);

/* An array of records, as told at the top of tree_json.c; null: no trace. */
json_t	*tree_json(const struct eval_verdict *v);

#endif
