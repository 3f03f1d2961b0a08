/* SPDX-License-Identifier: BSD-2-Clause */
/* Readiness for systemd; does nothing where it did not start us. */

#include "config.h"

#include <systemd/sd-daemon.h>

#include "daemon/ctl.h"

void
ctl_notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void
ctl_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
