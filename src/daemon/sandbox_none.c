/* SPDX-License-Identifier: BSD-2-Clause */
/* Without Linux there are none to give up. */

#include "config.h"

#include "daemon/sandbox.h"

bool
sandbox_drop_capabilities(void)
{
	return true;
}
