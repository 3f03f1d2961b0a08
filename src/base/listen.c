/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of our own that others connect to. */

#include "config.h"

#include <sys/stat.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/listen.h"
#include "base/unix_socket.h"

#define BACKLOG 128

/* "127.0.0.1:9886" or "[::1]:9886". */
static bool
parse_inet(const char *text, union listen_place *out)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon == NULL ? 0 : (size_t)(colon - text);
	uint64_t port;
	struct addr a;

	if (colon == NULL || !util_parse_uint(colon + 1, strlen(colon + 1),
	    65535, &port) || port == 0)
		return false;
	if (addr_parse_v4(&a, text, host)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons((uint16_t)port);
		memcpy(&out->in.sin_addr, a.bytes, 4);
		return true;
	}
	if (host < 2 || text[0] != '[' || text[host - 1] != ']' ||
	    !addr_parse_v6(&a, text + 1, host - 2))
		return false;
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons((uint16_t)port);
	memcpy(&out->in6.sin6_addr, a.bytes, 16);
	return true;
}

bool
listen_parse(const char *text, union listen_place *out)
{
	static const char scheme[] = "unix:";
	const char *path = text + strlen(scheme);

	memset(out, 0, sizeof(*out));
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return parse_inet(text, out);
	out->un.sun_family = AF_UNIX;
	return path[0] == '/' && util_copy(out->un.sun_path,
	    sizeof(out->un.sun_path), path);
}

bool
listen_is_private(const union listen_place *p)
{
	struct addr a;

	return !addr_from_sockaddr(&a, &p->any) || addr_is_loopback(&a) ||
	    addr_private_bits(&a) > 0;
}

static socklen_t
length(const union listen_place *p)
{
	if (p->any.sa_family == AF_INET)
		return sizeof(p->in);
	return p->any.sa_family == AF_INET6 ? sizeof(p->in6) : sizeof(p->un);
}

/* Removes a socket that nobody listens on any more; one that does is busy. */
static void
remove_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	int fd = unix_socket_connect(path, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	else if (errno == ECONNREFUSED)
		(void)unlink(path);
}

static bool
open_place(int fd, const union listen_place *p)
{
	static const int on = 1;

	if (p->any.sa_family == AF_UNIX)
		remove_stale(p->un.sun_path);
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) != 0)
		return false;
	return bind(fd, &p->any, length(p)) == 0 && listen(fd, BACKLOG) == 0;
}

int
listen_open(const union listen_place *place)
{
	int fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);

	if (fd < 0 || open_place(fd, place))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}
