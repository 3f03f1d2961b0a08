/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd is told; does nothing where it did not start us. */

#include "config.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/ctl.h"

void
ctl_notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

/* The time tells it this reload from an earlier one. */
void
ctl_notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
ctl_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
