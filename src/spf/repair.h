/* SPDX-License-Identifier: BSD-2-Clause */
/* What was meant by a term of a record that is wrong. */

#ifndef REPAIR_H
#define REPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/util.h"

/*
 * Appends to out what most likely was meant by term, one or two terms that are
 * well formed.  False: that cannot be told, and out is as it was.  Pure.
 */
bool	repair_term(const char *term, size_t len, struct sbuf *out);

#endif
