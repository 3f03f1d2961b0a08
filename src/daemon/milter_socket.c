/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket that MTAs connect to: whether it is free, whose it is, who may
 * come in, and its end.
 *
 * A unix socket is made in a folder of its own beside its place, gets owner,
 * group and mode there and is then put in its place.  In a folder of others
 * somebody could put a link in the way of what root gives away (path.c).
 *
 * libmilter keeps its listening socket to itself and takes whoever comes.  So
 * this program has an accept of its own (as milter_pool.c has a sigwait).
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/path.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter_priv.h"
#include "daemon/sandbox.h"

#define OWN_NAME_SIZE 48
#define OWN_TRIES 100
#define PAUSE_MS 100
#define PARKED_MS 1000

static struct lock door_lock = LOCK_INITIALIZER;
static struct cond door;
static int listener = -1;		/* door_lock; known once asked for */
static bool closed;			/* door_lock */
static bool parked;			/* door_lock; the listener */
static bool handed;			/* over to us; before threads */
/* Of a unix socket; before threads. */
static int folder = -1;
static const char *socket_name;		/* in folder */
static struct stat socket_stat;

/* What act, which takes a place, does within a folder. */
static bool
act_in(int dir, bool (*act)(const char *place), const char *place)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	errno = 0;
	bool done = fchdir(dir) == 0 && act(place);
	int error = errno;
	if ((back < 0 || fchdir(back) != 0) && chdir("/") != 0)
		done = false;
	if (back >= 0)
		close(back);
	errno = error;
	return done;
}

static bool
is_served(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	util_copy(sun.sun_path, sizeof(sun.sun_path), name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool served = connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) == 0;
	close(fd);
	return served;
}

const char *
milter_socket_obstacle(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISSOCK(st.st_mode) ? NULL : "is there and is not a socket";
}

/* For the user that we are going to be: it removes the socket at the end. */
static bool
set_owner(const struct conf *c, int dir, const char *name, struct diag *d)
{
	const struct passwd *pw = c->user[0] != '\0' && geteuid() == 0 ?
	    getpwnam(c->user) : NULL;
	uid_t uid = pw != NULL ? pw->pw_uid : (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (c->socket_group[0] != '\0' && !sandbox_find_group(c,
	    "socket_group", c->socket_group, &gid, d))
		return false;
	if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fchmodat(dir, name, c->socket_mode, 0) == 0)
		return true;
	diag_add(d, NULL, 0, "%s: cannot set owner, group %s and mode %04o: "
	    "%s", c->socket.text, c->socket_group, (unsigned)c->socket_mode,
	    strerror(errno));
	return false;
}

static bool
cannot_listen(const struct conf *c, int error, struct diag *d)
{
	diag_add(d, NULL, 0, "cannot listen on %s: %s", c->socket.text,
	    error != 0 ? strerror(error) : "libmilter gave no reason");
	return false;
}

/* In the folder dir, which only we may enter. */
static bool
make_socket(const struct conf *c, int dir, bool (*bind)(const char *),
    struct diag *d)
{
	char place[sizeof("unix:") + sizeof(struct sockaddr_un)] = "unix:";

	util_copy(place + strlen(place), sizeof(place) - strlen(place),
	    socket_name);
	if (!act_in(dir, bind, place))
		return cannot_listen(c, errno, d);
	return set_owner(c, dir, socket_name, d) &&
	    fstatat(dir, socket_name, &socket_stat, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Within the one of the socket.  -1: errno, which may be a stranger's doing. */
static int
make_own_folder(char name[OWN_NAME_SIZE])
{
	struct stat st;
	struct sbuf sb;
	int made = -1;

	for (unsigned i = 0; made != 0 && i < OWN_TRIES; i++) {
		sbuf_init(&sb, name, OWN_NAME_SIZE);
		sbuf_fmt(&sb, ".spf-milter.%ld.%u", (long)getpid(), i);
		made = mkdirat(folder, name, 0700);
		if (made != 0 && errno != EEXIST)
			break;
	}
	if (made != 0)
		return -1;
	int fd = openat(folder, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static bool
make_unix(const struct conf *c, bool (*bind)(const char *), struct diag *d)
{
	char own_name[OWN_NAME_SIZE];
	int own = make_own_folder(own_name);

	if (own < 0)
		return cannot_listen(c, errno, d);
	bool made = make_socket(c, own, bind, d);
	if (made && renameat(own, socket_name, folder, socket_name) != 0)
		made = cannot_listen(c, errno, d);
	if (!made)
		(void)unlinkat(own, socket_name, 0);
	close(own);
	(void)unlinkat(folder, own_name, AT_REMOVEDIR);
	return made;
}

/* What is there is replaced only if it is a socket that nobody serves. */
static bool
is_free(const char *path, struct diag *d)
{
	const char *obstacle = milter_socket_obstacle(folder, socket_name);

	if (obstacle != NULL) {
		diag_add(d, NULL, 0, "%s %s", path, obstacle);
		return false;
	}
	if (!act_in(folder, is_served, socket_name))
		return true;
	diag_add(d, NULL, 0, "%s: another program answers on this socket",
	    path);
	return false;
}

/* At the limit of open files libmilter would try again at once, for ever. */
static int
refuse(int fd)
{
	struct pollfd nothing = { .fd = -1 };

	if (fd < 0) {
		(void)poll(&nothing, 1, PAUSE_MS);
	} else {
		stats_inc(STATS_CONNECTIONS_REFUSED);
		close(fd);
	}
	errno = ECONNABORTED;
	return -1;
}

/*
 * libmilter writes a header and its final reply apart and never turns off
 * Nagle's algorithm: 40 ms a message over TCP.
 */
static void
set_nodelay(int fd, const struct sockaddr_storage *from)
{
	const int yes = 1;

	if (from->ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

/*
 * The listener waits here for good once the door is closed: libmilter must not
 * see that its socket has gone, it would stop everything.  Nobody is taken in
 * whose door has closed, so what waits at a socket that others have, too, is
 * theirs; and libmilter has waited already, so we never do.
 */
static int
take_next(int fd, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);

	lock_acquire(&door_lock);
	if (listener != fd)
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	listener = fd;
	if (closed) {
		parked = true;
		cond_broadcast(&door);
	}
	while (closed)
		cond_wait(&door, &door_lock);
	int accepted = accept4(fd, (struct sockaddr *)from, &len, 0);
	int error = errno;
	lock_release(&door_lock);
	errno = error;
	return accepted;
}

/* In place of the one of libc, whose peer is of no type of ISO C: see above. */
__extension__ int
accept(int fd, struct sockaddr *restrict peer, socklen_t *restrict len)
{
	struct sockaddr_storage from;

	if (!milter_pool_is_listener())
		return accept4(fd, peer, len, 0);

	int accepted = take_next(fd, &from);
	if (accepted < 0 && errno != EMFILE && errno != ENFILE)
		return -1;
	if (accepted < 0 || !milter_limit_takes(accepted)) {
		milter_limit_report_descriptors();
		return refuse(accepted);
	}
	if (milter_pool_is_short())
		return refuse(accepted);
	set_nodelay(accepted, &from);
	milter_pool_opened();
	/* It looks at nothing else, and believes that its socket is IPv4. */
	peer->sa_family = handed ? AF_INET : from.ss_family;
	return accepted;
}

bool
milter_socket_open(const struct conf *c, bool (*bind)(const char *),
    struct diag *d)
{
	const char *path = c->socket.path;

	cond_init(&door);
	handed = c->socket.handed != NULL;
	if (handed)
		return milter_handed_open(c, bind, d);
	errno = 0;
	if (path == NULL)
		return bind(c->socket.text) || cannot_listen(c, errno, d);
	folder = path_open_folder(path, &socket_name);
	if (folder < 0)
		return cannot_listen(c, errno, d);
	socket_name = xstrdup(socket_name);
	return is_free(path, d) && make_unix(c, bind, d);
}

void
milter_socket_remove(void)
{
	struct stat st;

	if (folder >= 0 &&
	    fstatat(folder, socket_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == socket_stat.st_dev && st.st_ino == socket_stat.st_ino)
		(void)unlinkat(folder, socket_name, 0);
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
	int fd = handed ? -1 : listener;
	lock_release(&door_lock);
	/* Shut down, a unix socket still wakes poll(2) as readable. */
	if (fd >= 0 && (folder >= 0 || park_listener(fd)))
		shutdown(fd, SHUT_RDWR);
}
