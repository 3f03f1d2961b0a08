/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing is taken away: on this system we know of no way, or the program is
 * built with what has to trace it (sanitizers, coverage).
 */

#include "config.h"

#include "base/confine_priv.h"

bool
confine_is_built(void)
{
	return false;
}

static bool
is_missing(char *reason)
{
	(void)util_copy(reason, CONFINE_REASON_SIZE, "not in this build");
	return false;
}

bool
confine_drop_new_privs(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	return is_missing(reason);
}

bool
confine_drop_dumpable(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	return is_missing(reason);
}

bool
confine_landlock(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	return is_missing(reason);
}

bool
confine_seccomp(const struct confine *c, struct confine_report *r,
    char *reason)
{
	(void)c;
	(void)r;
	return is_missing(reason);
}
