/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket that MTAs connect to: who may come in, and its end.
 *
 * libmilter keeps its listening socket to itself and takes whoever comes.  So
 * this program has an accept of its own (as milter_pool.c has a sigwait).
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/stats.h"
#include "base/unix_socket.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter_priv.h"
#include "daemon/sandbox.h"

#define PAUSE_MS 100
#define PARKED_MS 1000

static struct lock door_lock = LOCK_INITIALIZER;
static struct cond door;
static int listener = -1;		/* door_lock; known once asked for */
static bool closed;			/* door_lock */
static bool parked;			/* door_lock; the listener */
static bool handed;			/* over to us; before threads */
static struct unix_socket place = UNIX_SOCKET_NONE;	/* before threads */
static bool is_unix;				/* before threads */

static bool
cannot_listen(const struct conf *c, struct diag *d)
{
	diag_add(d, NULL, 0, "cannot listen on %s: %s", c->socket.text,
	    errno != 0 ? strerror(errno) : "libmilter gave no reason");
	return false;
}

/* By libmilter. */
static bool
bind_name(const char *name, void *arg)
{
	bool (*bind)(const char *) = *(bool (**)(const char *))arg;
	char text[sizeof("unix:") + sizeof(struct sockaddr_un)] = "unix:";

	util_copy(text + strlen(text), sizeof(text) - strlen(text), name);
	return bind(text);
}

/* For the user that we are going to be: it removes the socket at the end. */
static bool
make_unix(const struct conf *c, bool (*bind)(const char *), struct diag *d)
{
	struct unix_socket_wish w = { .text = c->socket.text,
		.path = c->socket.path, .uid = sandbox_uid(c),
		.gid = (gid_t)-1, .group = c->socket_group,
		.mode = c->socket_mode, .bind = bind_name, .arg = &bind };

	if (c->socket_group[0] != '\0' && !sandbox_find_group(c,
	    "socket_group", c->socket_group, &w.gid, d))
		return false;
	return unix_socket_make(&place, &w, d);
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
	cond_init(&door);
	handed = c->socket.handed != NULL;
	if (handed)
		return milter_handed_open(c, bind, d);
	is_unix = c->socket.path != NULL;
	if (is_unix)
		return make_unix(c, bind, d);
	errno = 0;
	return bind(c->socket.text) || cannot_listen(c, d);
}

void
milter_socket_remove(void)
{
	unix_socket_remove(&place);
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
	if (fd >= 0 && (is_unix || park_listener(fd)))
		shutdown(fd, SHUT_RDWR);
}
