/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test includes: cmocka and the headers it wants first. */

#ifndef UNIT_H
#define UNIT_H

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
