/* SPDX-License-Identifier: BSD-2-Clause */
/* Not written yet. */

#include "config.h"

int
main(void)
{
	return 70;
}
