/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of ctl: a reload. */

#ifndef CTL_PRIV_H
#define CTL_PRIV_H

#include "daemon/ctl.h"

/* On the first thread. */
void	ctl_reload_now(struct dns *dns, bool verbose);

#endif
