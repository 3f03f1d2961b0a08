/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Landlock: files by what they are below, TCP by its port, and neither signals
 * nor abstract sockets of others.
 *
 * The kernel says at run time which version it has.  What is laid down here is
 * the interface of version 7 (Linux 6.15), of which an older kernel takes the
 * beginning; headers may be older than both.
 */

#include "config.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine_priv.h"

/* The same everywhere (but on alpha, whose own numbers a new libc knows). */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define VERSION_FLAG 1U
enum { RULE_PATH = 1, RULE_PORT = 2 };

#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_OF_FILES (UINT64_C(1) | FS_WRITE_FILE | FS_READ_FILE)
#define NET_BIND_TCP UINT64_C(1)
#define NET_CONNECT_TCP UINT64_C(2)
#define SCOPE_ABSTRACT UINT64_C(1)
#define SCOPE_SIGNAL UINT64_C(2)
#define SCOPE_SINCE 6U

/* How many rights of files the first versions have. */
static const unsigned fs_rights[] = { 0, 13, 14, 15, 15, 16 };
#define FS_VERSIONS (sizeof(fs_rights) / sizeof(fs_rights[0]) - 1)

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct port_attr {
	uint64_t rights;
	uint64_t port;
};

struct path_attr {
	uint64_t rights;
	int32_t	 fd;
} __attribute__((packed));

static size_t
attr_size(unsigned version)
{
	if (version >= SCOPE_SINCE)
		return sizeof(struct ruleset_attr);
	return offsetof(struct ruleset_attr, scoped) -
	    (version >= CONFINE_PORTS_SINCE ? 0 : sizeof(uint64_t));
}

/* A service manager may want to be told through an abstract socket. */
static bool
manager_is_abstract(void)
{
	const char *manager = getenv("NOTIFY_SOCKET");

	return manager != NULL && manager[0] == '@';
}

static int
create_ruleset(unsigned version)
{
	size_t known = version < FS_VERSIONS ? version : FS_VERSIONS;
	struct ruleset_attr attr = {
		.fs = (UINT64_C(1) << fs_rights[known]) - 1,
		.net = NET_BIND_TCP | NET_CONNECT_TCP,
		.scoped = SCOPE_SIGNAL
	};

	if (!manager_is_abstract())
		attr.scoped |= SCOPE_ABSTRACT;
	return (int)syscall(SYS_landlock_create_ruleset, &attr,
	    attr_size(version), 0);
}

static uint64_t
rights_of(const struct confine_path *p, mode_t mode)
{
	uint64_t rights = 0;

	if ((p->rights & CONFINE_READ) != 0)
		rights |= FS_READ_FILE | FS_READ_DIR;
	if ((p->rights & CONFINE_WRITE) != 0)
		rights |= FS_WRITE_FILE;
	if ((p->rights & CONFINE_REMOVE) != 0)
		rights |= FS_REMOVE_FILE;
	return S_ISDIR(mode) ? rights : rights & FS_OF_FILES;
}

/*
 * The folder of a process in /proc is another one each time that the kernel
 * has forgotten it, which it does not while it is open.
 */
static bool
add_path(int ruleset, const struct confine_path *p)
{
	bool kept = strncmp(p->path, "/proc/", strlen("/proc/")) == 0;
	struct path_attr attr = { .fd = open(p->path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (attr.fd < 0)
		return true;	/* nor could it be read */
	if (fstat(attr.fd, &st) == 0)
		attr.rights = rights_of(p, st.st_mode);
	bool added = attr.rights == 0 || syscall(SYS_landlock_add_rule,
	    ruleset, RULE_PATH, &attr, 0) == 0;
	int error = errno;
	if (!kept)
		close(attr.fd);
	errno = error;
	return added;
}

static bool
add_port(int ruleset, const struct confine_port *p)
{
	const struct port_attr attr = {
		.port = p->port,
		.rights = ((p->rights & CONFINE_CONNECT) != 0 ?
		    NET_CONNECT_TCP : 0) | ((p->rights & CONFINE_LISTEN) != 0 ?
		    NET_BIND_TCP : 0)
	};

	return syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &attr,
	    0) == 0;
}

static bool
add_rules(const struct confine *c, int ruleset, unsigned version)
{
	bool good = true;

	for (size_t i = 0; good && i < c->path_count; i++)
		good = add_path(ruleset, &c->paths[i]);
	if (version < CONFINE_PORTS_SINCE)
		return good;
	for (size_t i = 0; good && i < c->port_count; i++)
		good = add_port(ruleset, &c->ports[i]);
	return good;
}

bool
confine_landlock(const struct confine *c, struct confine_report *r,
    char *reason)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    VERSION_FLAG);

	if (version < 1)
		return confine_failed(reason, "this kernel has none, or it is "
		    "off", version < 0 ? errno : ENOSYS);
	r->landlock = (unsigned)version;
	int ruleset = create_ruleset(r->landlock);
	if (ruleset < 0)
		return confine_failed(reason, "landlock_create_ruleset",
		    errno);
	bool good = add_rules(c, ruleset, r->landlock) &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	int error = errno;
	close(ruleset);
	return good || confine_failed(reason, "landlock", error);
}
