/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

int
main(void)
{
	return 77;
}
