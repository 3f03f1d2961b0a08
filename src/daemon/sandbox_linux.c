/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities, by the system call itself: one call needs no library. */

#include "config.h"

#include <sys/syscall.h>

#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sandbox.h"

/*
 * Those that are ambient go with those that are permitted.  Where there are
 * none, the filter of a service manager may forbid to change them.
 */
bool
sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	memset(now, 0, sizeof(now));
	return (syscall(SYS_capget, &header, now) == 0 &&
	    memcmp(now, none, sizeof(none)) == 0) ||
	    syscall(SYS_capset, &header, none) == 0;
}
