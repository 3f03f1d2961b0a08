/* SPDX-License-Identifier: BSD-2-Clause */
/* Built without libseccomp. */

#include "config.h"

#include "base/confine_priv.h"

bool
confine_seccomp(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	(void)util_copy(reason, CONFINE_REASON_SIZE,
	    "built without libseccomp");
	return false;
}
