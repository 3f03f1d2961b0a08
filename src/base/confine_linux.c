/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What prctl(2) takes away.
 *
 * Who is not dumpable leaves no core, which would have the key of links and
 * the addresses of messages, and cannot be traced or looked into through /proc
 * by processes of the same user.
 */

#include "config.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>

#include "base/confine_priv.h"

bool
confine_is_built(void)
{
	return true;
}

bool
confine_drop_new_privs(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ||
	    confine_failed(reason, "prctl", errno);
}

bool
confine_drop_dumpable(const struct confine *c, struct confine_report *r,
    char *reason)
{
	const struct rlimit none = { 0, 0 };

	(void)c;
	(void)r;
	/* Not dumpable is enough; this is for who looks at the limits. */
	(void)setrlimit(RLIMIT_CORE, &none);
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ||
	    confine_failed(reason, "prctl", errno);
}
