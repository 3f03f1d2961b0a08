/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up privileges.  The order matters: groups while we are still root,
 * those of the user as after a login, so that a reload can read what the user
 * may read; then the group, then the user, and last a proof that there is no
 * way back.
 *
 * And what a daemon needs once its sockets are open: its files, to read them
 * again at a reload, those of the system, name servers, and the folders from
 * which it removes its socket and pid file at the end.  Sockets of others, such
 * as that of syslog, are no files to Landlock.
 */

#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/listen.h"
#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/sandbox.h"
#include "dns/dns.h"

static struct confine_report report;	/* before threads */

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

uid_t
sandbox_uid(const struct conf *c)
{
	const struct passwd *pw = c->user[0] != '\0' && geteuid() == 0 ?
	    getpwnam(c->user) : NULL;

	return pw != NULL ? pw->pw_uid : (uid_t)-1;
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

/* No id of another one is left, saved ones included. */
static bool
is_for_good(uid_t uid, gid_t gid)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) != 0 ||
	    getresgid(&g[0], &g[1], &g[2]) != 0)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid)
			return false;
	return uid == 0 || (setuid(0) != 0 && (gid == 0 || setgid(0) != 0));
}

static bool
become(const struct conf *c, uid_t uid, gid_t gid, struct diag *d)
{
	if (initgroups(c->user, gid) != 0 || setgid(gid) != 0 ||
	    setuid(uid) != 0)
		conf_complain(c, d, "user", "cannot become user %s: %s",
		    c->user, strerror(errno));
	else if (!is_for_good(uid, gid))
		conf_complain(c, d, "user", "%s could become root again",
		    c->user);
	else
		return true;
	return false;
}

bool
sandbox_drop(const struct conf *c, bool *changed, struct diag *d)
{
	uid_t uid = geteuid();
	gid_t gid;

	*changed = false;
	if (c->user[0] != '\0') {
		if (!find_ids(c, &uid, &gid, d))
			return false;
		*changed = geteuid() == 0 || geteuid() != uid ||
		    getuid() != uid;
		if (*changed && !become(c, uid, gid, d))
			return false;
	}
	if (uid == 0 || sandbox_drop_capabilities())
		return true;
	diag_add(d, NULL, 0, "cannot give up capabilities: %s",
	    strerror(errno));
	return false;
}

static void
add_files(struct confine *f, const struct conf *c)
{
	union listen_place metrics;

	if (c->path != NULL)
		confine_read_beside(f, c->path);
	for (size_t i = 0; i < c->includes.count; i++)
		confine_read_beside(f, c->includes.list[i]);
	if (c->why_key[0] != '\0')
		confine_read_beside(f, c->why_key);
	for (size_t i = 0; i < c->list_count; i++) {
		const struct list *l = c->lists[i].list;

		for (size_t j = 0; j < list_count(l); j++)
			if (list_path(l, j) != NULL)
				confine_read_beside(f, list_path(l, j));
	}
	confine_read_beside(f, ROOT_ANCHOR);
	confine_read_system(f);
	/* Limits of threads, which are told where they are reached. */
	confine_read(f, "/proc/sys/kernel/threads-max");
	confine_read(f, "/sys/fs/cgroup");
	if (c->pid_file[0] != '\0')
		confine_remove_beside(f, c->pid_file);
	if (c->socket.path != NULL)
		confine_remove_beside(f, c->socket.path);
	if (c->control[0] != '\0')
		confine_remove_beside(f, c->control);
	if (listen_parse(c->metrics_listen, &metrics) &&
	    metrics.any.sa_family == AF_UNIX)
		confine_remove_beside(f, metrics.un.sun_path);
}

/* The daemon knocks at its own socket where it stops listening. */
static void
add_ports(struct confine *f, const struct conf *c)
{
	if (c->socket.path == NULL)
		confine_connect(f, c->socket.port);
	dns_confine(f);
	for (size_t i = 0; i < c->dns_servers.count; i++)
		confine_connect(f, dns_server_port(c->dns_servers.list[i]));
}

void
sandbox_enter(const struct conf *c)
{
	if (!c->confine || !confine_is_built()) {
		log_notice("not confined: %s", c->confine ?
		    "this build cannot" : "confine = false");
		return;
	}
	struct confine *f = confine_new();
	add_files(f, c);
	add_ports(f, c);
	confine_enter(f, &report);
	confine_log(&report);
}

const struct confine_report *
sandbox_report(void)
{
	return &report;
}

bool
sandbox_covers(const struct conf *c, struct diag *d)
{
	bool good = true;

	for (size_t i = 0; i < c->dns_servers.count; i++) {
		const char *server = c->dns_servers.list[i];

		if (confine_may_connect(dns_server_port(server)))
			continue;
		diag_add(d, c->path, 0, "dns.servers: %s: a port out of "
		    "reach, since the daemon is confined to those that it "
		    "knew at its start: restart it", server);
		good = false;
	}
	return good;
}
