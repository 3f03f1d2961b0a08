/* SPDX-License-Identifier: BSD-2-Clause */
/* No service manager to notify. */

#include "config.h"

#include "daemon/ctl.h"

void
ctl_notify_ready(const char *status)
{
	(void)status;
}

void
ctl_notify_reloading(void)
{
}

void
ctl_notify_stopping(void)
{
}
