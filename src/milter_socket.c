/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket that MTAs connect to: whether it is free, whose it is, who may
 * come in, and its end.
 *
 * libmilter keeps its listening socket to itself and takes whoever comes.  So
 * this program has an accept of its own (as milter_pool.c has a sigwait).
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "lock.h"
#include "milter_priv.h"
#include "stats.h"
#include "util.h"

#define PAUSE_MS 100
#define PARKED_MS 1000

static struct lock door_lock = LOCK_INITIALIZER;
static struct cond door;
static int listener = -1;		/* door_lock; known once asked for */
static bool closed;			/* door_lock */
static bool parked;			/* door_lock; the listener */
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

/* At the limit of open files libmilter would try again at once, for ever. */
static int
refuse(int fd)
{
	struct pollfd nothing = { .fd = -1 };

	stats_inc(STATS_CONNECTIONS_REFUSED);
	if (fd < 0)
		(void)poll(&nothing, 1, PAUSE_MS);
	else
		close(fd);
	errno = ECONNABORTED;
	return -1;
}

/*
 * libmilter writes a header and its final reply apart and never turns off
 * Nagle's algorithm: 40 ms a message over TCP.
 */
static void
set_nodelay(int fd, const struct sockaddr *peer)
{
	const int yes = 1;

	if (peer->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

/*
 * The listener waits here for good once the door is closed: libmilter must not
 * see that its socket has gone, it would stop everything.
 */
static void
pass_door(int fd)
{
	lock_acquire(&door_lock);
	listener = fd;
	if (closed) {
		parked = true;
		cond_broadcast(&door);
	}
	while (closed)
		cond_wait(&door, &door_lock);
	lock_release(&door_lock);
}

/* In place of the one of libc: see above. */
int
accept(int fd, struct sockaddr *restrict peer, socklen_t *restrict len)
{
	if (!milter_pool_is_listener())
		return accept4(fd, peer, len, 0);

	pass_door(fd);
	int accepted = accept4(fd, peer, len, 0);
	if (accepted < 0 && errno != EMFILE && errno != ENFILE)
		return -1;
	if (accepted < 0 || !milter_limit_takes(accepted)) {
		milter_limit_report_descriptors();
		return refuse(accepted);
	}
	if (milter_pool_is_short())
		return refuse(accepted);
	set_nodelay(accepted, peer);
	milter_pool_opened();
	return accepted;
}

bool
milter_socket_is_free(const struct conf *c, struct diag *d)
{
	const char *path = unix_path(c->socket);

	cond_init(&door);
	if (path != NULL && is_served(path)) {
		diag_add(d, NULL, 0, "%s: another program answers on this "
		    "socket", path);
		return false;
	}
	return true;
}

bool
milter_socket_adopt(const struct conf *c, struct diag *d)
{
	const char *path = unix_path(c->socket);

	if (path == NULL)
		return true;
	socket_path = xstrdup(path);
	(void)stat(path, &socket_stat);
	return set_owner(c, path, d);
}

void
milter_socket_remove(void)
{
	struct stat st;

	if (socket_path != NULL && stat(socket_path, &st) == 0 &&
	    st.st_dev == socket_stat.st_dev && st.st_ino == socket_stat.st_ino)
		unlink(socket_path);
}

/* Wakes the listener, which may be in poll(2); true: it is at the door. */
static bool
park_listener(int fd)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int64_t until_ms = util_now_ms() + PARKED_MS;

	if (getsockname(fd, (struct sockaddr *)&own, &len) != 0)
		return false;
	int knock = socket(own.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (knock >= 0)
		(void)connect(knock, (const struct sockaddr *)&own, len);
	lock_acquire(&door_lock);
	while (!parked && cond_wait_until(&door, &door_lock, until_ms))
		;
	bool at_door = parked;
	lock_release(&door_lock);
	if (knock >= 0)
		close(knock);
	return at_door;
}

void
milter_socket_close(void)
{
	lock_acquire(&door_lock);
	closed = true;
	int fd = listener;
	lock_release(&door_lock);
	/* Shut down, a unix socket still wakes poll(2) as readable. */
	if (fd >= 0 && (socket_path != NULL || park_listener(fd)))
		shutdown(fd, SHUT_RDWR);
	milter_socket_remove();
}
