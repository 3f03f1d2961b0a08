/* SPDX-License-Identifier: BSD-2-Clause */
/* Not written yet. */

#include "config.h"

#include "log.h"
