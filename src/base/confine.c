/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is allowed is collected first and then made the only thing that is, by
 * what the kernel has: each part that is missing is told and leaves the others
 * as they are.
 *
 * The order: no_new_privs is what Landlock and seccomp ask for; the filter of
 * system calls comes last, since it takes away those that the others need.
 *
 * Files are allowed by their folders: an administrator, and every editor,
 * replaces a file by another one of its name.
 */

#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine_priv.h"

static const char *const part_names[CONFINE_PARTS] = {
	[CONFINE_NO_NEW_PRIVS] = "no_new_privs",
	[CONFINE_SECCOMP] = "seccomp",
	[CONFINE_LANDLOCK] = "landlock",
	[CONFINE_NON_DUMPABLE] = "non-dumpable"
};

/* Before threads; from then on it is only read. */
static struct confine *kept;
static const struct confine *entered;	/* NULL: files are not confined */
static bool ports_hold;

struct confine *
confine_new(void)
{
	return xcalloc(1, sizeof(struct confine));
}

void
confine_free(struct confine *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->path_count; i++)
		free(c->paths[i].path);
	free(c->paths);
	free(c->ports);
	free(c);
}

/* Of a path that is not there nothing is allowed. */
static void
add_path(struct confine *c, const char *path, unsigned rights)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		return;
	for (size_t i = 0; i < c->path_count; i++)
		if (strcmp(c->paths[i].path, real) == 0) {
			c->paths[i].rights |= rights;
			free(real);
			return;
		}
	c->paths = xreallocarray(c->paths, c->path_count + 1,
	    sizeof(*c->paths));
	c->paths[c->path_count++] = (struct confine_path){ real, rights };
}

static void
add_folder(struct confine *c, const char *path, unsigned rights)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? xstrdup(".") : slash == path ?
	    xstrdup("/") : xstrndup(path, (size_t)(slash - path));

	add_path(c, folder, rights);
	free(folder);
}

/* All that is below the root is too much to read for one file of it. */
static void
add_readable(struct confine *c, const char *path)
{
	if (strrchr(path, '/') == path)
		add_path(c, path, CONFINE_READ);
	else
		add_folder(c, path, CONFINE_READ);
}

static void
add_port(struct confine *c, uint16_t port, unsigned rights)
{
	for (size_t i = 0; i < c->port_count; i++)
		if (c->ports[i].port == port) {
			c->ports[i].rights |= rights;
			return;
		}
	c->ports = xreallocarray(c->ports, c->port_count + 1,
	    sizeof(*c->ports));
	c->ports[c->port_count++] = (struct confine_port){ port, rights };
}

void
confine_read(struct confine *c, const char *path)
{
	add_path(c, path, CONFINE_READ);
}

void
confine_write(struct confine *c, const char *path)
{
	add_path(c, path, CONFINE_READ | CONFINE_WRITE);
}

void
confine_read_beside(struct confine *c, const char *path)
{
	char *real = realpath(path, NULL);

	add_readable(c, path);
	if (real != NULL)
		add_readable(c, real);
	free(real);
}

void
confine_remove_beside(struct confine *c, const char *path)
{
	add_folder(c, path, CONFINE_REMOVE);
}

void
confine_connect(struct confine *c, uint16_t port)
{
	add_port(c, port, CONFINE_CONNECT);
}

void
confine_listen(struct confine *c, uint16_t port)
{
	add_port(c, port, CONFINE_LISTEN);
}

void
confine_no_sockets(struct confine *c)
{
	c->no_sockets = true;
}

/*
 * Libraries and their texts, zones of time, the settings of the system, which
 * programs of others replace at any time, and what we are told of ourselves.
 */
void
confine_read_system(struct confine *c)
{
	static const char *const folders[] = {
		"/etc", "/usr", "/lib", "/lib64", "/proc/self",
		"/run/systemd/resolve", "/run/NetworkManager",
		"/run/resolvconf", "/run/connman", "/run/nscd",
		"/sys/devices/system/cpu", "/dev/urandom"
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		confine_read(c, folders[i]);
	confine_read_beside(c, "/etc/resolv.conf");
	confine_write(c, "/dev/null");
}

/* While it can still be asked for. */
static void
name_user(char name[CONFINE_USER_SIZE])
{
	const struct passwd *pw = getpwuid(geteuid());
	struct sbuf sb;

	sbuf_init(&sb, name, CONFINE_USER_SIZE);
	if (pw != NULL)
		sbuf_str(&sb, pw->pw_name);
	else
		sbuf_uint(&sb, geteuid());
}

void
confine_enter(struct confine *c, struct confine_report *out)
{
	static const struct {
		enum confine_part part;
		confine_step	*take;
	} steps[] = {
		{ CONFINE_NON_DUMPABLE, confine_drop_dumpable },
		{ CONFINE_NO_NEW_PRIVS, confine_drop_new_privs },
		{ CONFINE_LANDLOCK, confine_landlock },
		{ CONFINE_SECCOMP, confine_seccomp }
	};

	*out = (struct confine_report){ .entered = true };
	name_user(out->user);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		out->holds[steps[i].part] = steps[i].take(c, out,
		    out->missing[steps[i].part]);
	kept = c;
	if (out->holds[CONFINE_LANDLOCK])
		entered = kept;
	ports_hold = out->holds[CONFINE_LANDLOCK] &&
	    out->landlock >= CONFINE_PORTS_SINCE;
}

const char *
confine_part_name(enum confine_part p)
{
	return part_names[p];
}

void
confine_format(const struct confine_report *r, struct sbuf *out)
{
	const char *before = "";

	for (unsigned p = 0; p < CONFINE_PARTS; p++) {
		if (!r->holds[p])
			continue;
		sbuf_fmt(out, "%s%s", before, part_names[p]);
		if (p == CONFINE_LANDLOCK)
			sbuf_fmt(out, "=%u", r->landlock);
		before = " ";
	}
}

/* Links are read whatever is allowed. */
static bool
is_within(const struct confine *c, const char *path)
{
	char *real = realpath(path, NULL);
	bool found = real == NULL;	/* and something else is wrong */

	for (size_t i = 0; !found && i < c->path_count; i++) {
		const struct confine_path *p = &c->paths[i];
		size_t len = strlen(p->path);

		found = (p->rights & CONFINE_READ) != 0 &&
		    strncmp(real, p->path, len) == 0 &&
		    (real[len] == '/' || real[len] == '\0');
	}
	free(real);
	return found;
}

const char *
confine_strerror(int error, const char *path)
{
	if (error == EACCES && entered != NULL && !is_within(entered, path))
		return "out of reach, since the daemon is confined to the "
		    "folders that it knew at its start: restart it";
	return strerror(error);
}

bool
confine_may_connect(uint16_t port)
{
	for (size_t i = 0; ports_hold && i < kept->port_count; i++)
		if (kept->ports[i].port == port &&
		    (kept->ports[i].rights & CONFINE_CONNECT) != 0)
			return true;
	return !ports_hold;
}
