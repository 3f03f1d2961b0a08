/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets that are open before we start and stay so when we end: a service
 * manager hands them over as descriptors (sd_listen_fds(3)), and who connects
 * in between waits for the next of us.
 *
 * libmilter opens its socket by itself and tells nobody which one it is; some
 * are built to take a descriptor, others are not.  So this program has a
 * listen of its own (as milter_socket.c has an accept): libmilter binds some
 * port of no address of its own, and where it would listen there, the socket
 * that we were handed takes the place of that one.
 */

#include "config.h"

#include <sys/socket.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter.h"
#include "daemon/milter_priv.h"

#define FIRST 3			/* as the protocol says */
#define COUNT_MAX 1000

/* All of the first thread, before any other. */
static unsigned count;		/* of sockets, from FIRST on */
static char *names;		/* of them, with a colon between */
static int handing = -1;	/* while libmilter opens */
static bool taken;		/* handing, by libmilter */

/* In place of the one of libc: see above. */
int
listen(int fd, int backlog)
{
	int (*next)(int, int);

	/* It listens already; how many may wait is up to who has opened it. */
	if (handing >= 0) {
		taken = dup3(handing, fd, O_CLOEXEC) >= 0;
		return taken ? 0 : -1;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "listen");
	return next(fd, backlog);
}

/* max where it is no number, or a greater one. */
static uint64_t
number_in(const char *variable, uint64_t max)
{
	const char *text = getenv(variable);
	uint64_t n;

	if (text == NULL || !util_parse_uint(text, strlen(text), max, &n))
		return max;
	return n;
}

void
milter_take_handed(void)
{
	uint64_t sockets = number_in("LISTEN_FDS", COUNT_MAX);
	const char *text = getenv("LISTEN_FDNAMES");

	if (sockets < COUNT_MAX &&
	    number_in("LISTEN_PID", UINT32_MAX) == (uint64_t)getpid()) {
		count = (unsigned)sockets;
		names = xstrdup(text != NULL ? text : "");
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	/* Those that are not there would be other files of ours one day. */
	for (unsigned i = 0; i < count; i++)
		if (fcntl(FIRST + (int)i, F_SETFD, FD_CLOEXEC) != 0)
			count = i;
}

/* The one of socket i, of *len octets. */
static const char *
name_of(unsigned i, size_t *len)
{
	const char *name = names;

	for (; i > 0 && name != NULL; i--) {
		name = strchr(name, ':');
		name = name != NULL ? name + 1 : NULL;
	}
	*len = name != NULL ? strcspn(name, ":") : 0;
	return name != NULL ? name : "";
}

static bool
is_called(unsigned i, const char *name)
{
	size_t len;
	const char *own = name_of(i, &len);

	return len == strlen(name) && memcmp(own, name, len) == 0;
}

/* A socket that others connect to, as libmilter wants it. */
static bool
is_listening(int fd)
{
	int type = 0;
	int listening = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_STREAM &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	    listening != 0;
}

/* The one that s means.  -1: d says why there is none. */
static int
find(const struct conf_socket *s, struct diag *d)
{
	unsigned found = 0;
	int fd = -1;

	for (unsigned i = 0; i < count; i++) {
		if (s->handed[0] != '\0' && !is_called(i, s->handed))
			continue;
		fd = FIRST + (int)i;
		found++;
	}
	if (found == 1 && is_listening(fd))
		return fd;
	if (found == 1)
		diag_add(d, NULL, 0, "%s: what we were handed is no stream "
		    "socket that listens (Accept=no is needed)", s->text);
	else if (found > 1)
		diag_add(d, NULL, 0, "%s: we were handed %u sockets that this "
		    "may mean, and can serve one: %s", s->text, found, names);
	else if (count > 0)
		diag_add(d, NULL, 0, "%s: we were handed no socket of this "
		    "name, but: %s", s->text, names);
	else
		diag_add(d, NULL, 0, "%s: we were handed no socket; start the "
		    "socket unit, not the service alone", s->text);
	return -1;
}

/* Where an MTA finds it: the log says no more than its name otherwise. */
static void
tell_place(const struct conf_socket *s, int fd)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(own) - 1;	/* a path needs no NUL */
	char host[NI_MAXHOST];
	char port[sizeof(own)];	/* or a path */

	if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    getnameinfo((const struct sockaddr *)&own, len, host,
	    sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		log_info("%s is %s%s%s", s->text, own.ss_family == AF_UNIX ?
		    "" : host, own.ss_family == AF_UNIX ? "unix:" : " port ",
		    port);
}

bool
milter_handed_open(const struct conf *c, bool (*bind)(const char *),
    struct diag *d)
{
	int fd = find(&c->socket, d);

	if (fd < 0)
		return false;
	handing = fd;
	errno = 0;
	bool opened = bind("inet:0") && taken;
	handing = -1;
	if (!opened)
		diag_add(d, NULL, 0, "%s: libmilter does not take it: %s",
		    c->socket.text, errno != 0 ? strerror(errno) :
		    "it does not call the listen of this program");
	else
		tell_place(&c->socket, fd);
	return opened;
}

void
milter_handed_close(const struct conf *c)
{
	unsigned left = taken ? count - 1 : count;

	/* If it was to be one of them, that has been told. */
	if (c->socket.handed != NULL && !taken)
		left = 0;
	for (unsigned i = 0; i < count; i++)
		close(FIRST + (int)i);
	if (left > 0)
		log_warning("sockets that we were handed and do not serve, "
		    "because socket is %s: %u of %u (%s)", c->socket.text,
		    left, count, names);
	count = 0;
}
