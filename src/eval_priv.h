/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of eval. */

#ifndef EVAL_PRIV_H
#define EVAL_PRIV_H

#include "eval.h"

#endif
