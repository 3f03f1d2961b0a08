/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket that MTAs connect to: whether it is free, whose it is, which
 * descriptor libmilter has for it, and its end.
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "milter_priv.h"
#include "util.h"

static const char *socket_path;		/* of a unix socket, or NULL */
static struct stat socket_stat;

/* The path of a unix socket, or NULL. */
static const char *
unix_path(const char *socket)
{
	if (socket[0] == '/')
		return socket;
	if (strncmp(socket, "unix:", 5) == 0)
		return socket + 5;
	if (strncmp(socket, "local:", 6) == 0)
		return socket + 6;
	return NULL;
}

/* libmilter unlinks whatever socket is there, a living one too: ask first. */
static bool
is_served(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (!util_copy(sun.sun_path, sizeof(sun.sun_path), path))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool served = connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0;
	close(fd);
	return served;
}

/* (gid_t)-1: leave it.  False: no such group. */
static bool
find_group(const struct conf *c, gid_t *gid, struct diag *d)
{
	*gid = (gid_t)-1;
	if (c->socket_group[0] == '\0')
		return true;

	const struct group *gr = getgrnam(c->socket_group);
	if (gr == NULL) {
		conf_complain(c, d, "socket_group", "there is no group \"%s\"",
		    c->socket_group);
		return false;
	}
	*gid = gr->gr_gid;
	return true;
}

/*
 * The user that we are going to be owns the socket: milter_waiting connects
 * to it.
 */
static bool
set_owner(const struct conf *c, const char *path, struct diag *d)
{
	const struct passwd *pw = c->user[0] != '\0' && geteuid() == 0 ?
	    getpwnam(c->user) : NULL;
	uid_t uid = pw != NULL ? pw->pw_uid : (uid_t)-1;
	gid_t gid;

	if (!find_group(c, &gid, d))
		return false;
	if (chown(path, uid, gid) != 0 || chmod(path, c->socket_mode) != 0) {
		diag_add(d, NULL, 0, "%s: cannot set owner, group %s and "
		    "mode %04o: %s", path, c->socket_group,
		    (unsigned)c->socket_mode, strerror(errno));
		return false;
	}
	return true;
}

/*
 * libmilter keeps its listening socket to itself.  -1: not found, which costs
 * speed only.
 */
static int
find_listener(void)
{
	for (int fd = 0; fd < 64; fd++) {
		int listens = 0;
		socklen_t len = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		    &len) == 0 && listens != 0)
			return fd;
	}
	return -1;
}

/*
 * libmilter writes a header and its final reply apart and never turns off
 * Nagle's algorithm: 40 ms a message over TCP.  Accepted sockets inherit the
 * option from the listening one.
 */
static void
set_nodelay(int listen_fd)
{
	const int yes = 1;

	setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

bool
milter_socket_is_free(const struct conf *c, struct diag *d)
{
	const char *path = unix_path(c->socket);

	if (path != NULL && is_served(path)) {
		diag_add(d, NULL, 0, "%s: another program answers on this "
		    "socket", path);
		return false;
	}
	return true;
}

bool
milter_socket_adopt(const struct conf *c, int *listen_fd, struct diag *d)
{
	const char *path = unix_path(c->socket);

	*listen_fd = find_listener();
	if (path != NULL) {
		socket_path = xstrdup(path);
		(void)stat(path, &socket_stat);
		return set_owner(c, path, d);
	}
	set_nodelay(*listen_fd);
	return true;
}

void
milter_socket_remove(void)
{
	struct stat st;

	if (socket_path != NULL && stat(socket_path, &st) == 0 &&
	    st.st_dev == socket_stat.st_dev && st.st_ino == socket_stat.st_ino)
		unlink(socket_path);
}
