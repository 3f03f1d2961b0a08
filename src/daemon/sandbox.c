/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up privileges.  The order matters: groups while we are still root,
 * those of the user as after a login, so that a reload can read what the user
 * may read; then the group, then the user, and last a proof that there is no
 * way back.
 */

#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/util.h"
#include "conf/conf.h"
#include "daemon/sandbox.h"

bool
sandbox_find_group(const struct conf *c, const char *option, const char *name,
    gid_t *gid, struct diag *d)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL) {
		conf_complain(c, d, option, "there is no group \"%s\"", name);
		return false;
	}
	*gid = gr->gr_gid;
	return true;
}

static bool
find_ids(const struct conf *c, uid_t *uid, gid_t *gid, struct diag *d)
{
	const struct passwd *pw = getpwnam(c->user);

	if (pw == NULL) {
		conf_complain(c, d, "user", "there is no user \"%s\"",
		    c->user);
		return false;
	}
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return c->group[0] == '\0' ||
	    sandbox_find_group(c, "group", c->group, gid, d);
}

/* Root reads anybody's file at the start; a reload is made as user. */
static bool
owns_key(const struct conf *c, uid_t uid, struct diag *d)
{
	struct stat st;

	if (c->why_url[0] == '\0' || uid == 0 || stat(c->why_key, &st) != 0 ||
	    st.st_uid == uid)
		return true;
	conf_complain(c, d, "why_key", "%s: it does not belong to user %s, as "
	    "whom a reload reads it", c->why_key, c->user);
	return false;
}

bool
sandbox_check(const struct conf *c, struct diag *d)
{
	uid_t uid;
	gid_t gid;

	if (c->user[0] != '\0')
		return find_ids(c, &uid, &gid, d) && owns_key(c, uid, d);
	return c->group[0] == '\0' ||
	    sandbox_find_group(c, "group", c->group, &gid, d);
}

bool
sandbox_drop(const struct conf *c, bool *changed, struct diag *d)
{
	uid_t uid;
	gid_t gid;

	*changed = false;
	if (c->user[0] == '\0')
		return true;
	if (!find_ids(c, &uid, &gid, d))
		return false;
	if (geteuid() != 0 && geteuid() == uid && getuid() == uid)
		return true;
	if (initgroups(c->user, gid) != 0 || setgid(gid) != 0 ||
	    setuid(uid) != 0) {
		conf_complain(c, d, "user", "cannot become user %s: %s",
		    c->user, strerror(errno));
		return false;
	}
	if (uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		conf_complain(c, d, "user", "%s could become root again",
		    c->user);
		return false;
	}
	*changed = true;
	return true;
}
