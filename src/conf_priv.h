/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of conf. */

#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include "conf.h"

#endif
