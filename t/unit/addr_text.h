/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and networks of texts that are known to be good, for tests. */

#ifndef ADDR_TEXT_H
#define ADDR_TEXT_H

#include "unit.h"

#include "base/addr.h"

static inline struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static inline struct addr_prefix
prefix_of(const char *text)
{
	struct addr_prefix p;

	assert_true(addr_prefix_parse(&p, text));
	return p;
}

#endif
