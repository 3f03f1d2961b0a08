/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket that the site is served on. */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "why/why_listen.h"

#define BACKLOG 128

union place {
	struct sockaddr		any;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
	struct sockaddr_un	un;
};

/* "127.0.0.1:8891" or "[::1]:8891". */
static bool
parse_inet(const char *text, union place *out, socklen_t *len)
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
		*len = sizeof(out->in);
		return true;
	}
	if (host < 2 || text[0] != '[' || text[host - 1] != ']' ||
	    !addr_parse_v6(&a, text + 1, host - 2))
		return false;
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons((uint16_t)port);
	memcpy(&out->in6.sin6_addr, a.bytes, 16);
	*len = sizeof(out->in6);
	return true;
}

static bool
parse(const char *text, union place *out, socklen_t *len)
{
	static const char scheme[] = "unix:";
	const char *path = text + strlen(scheme);

	memset(out, 0, sizeof(*out));
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return parse_inet(text, out, len);
	out->un.sun_family = AF_UNIX;
	*len = sizeof(out->un);
	return path[0] == '/' && util_copy(out->un.sun_path,
	    sizeof(out->un.sun_path), path);
}

/* Removes a socket that nobody listens on any more. */
static void
remove_stale(const union place *p, socklen_t len)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (lstat(p->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, &p->any, len) != 0 && errno == ECONNREFUSED)
		(void)unlink(p->un.sun_path);
	close(fd);
}

/* The umask says who may connect to a unix socket. */
static bool
open_place(int fd, const union place *p, socklen_t len)
{
	static const int on = 1;

	if (p->any.sa_family == AF_UNIX)
		remove_stale(p, len);
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) != 0)
		return false;
	return bind(fd, &p->any, len) == 0 && listen(fd, BACKLOG) == 0;
}

int
why_listen(const char *text, struct diag *d)
{
	union place p;
	socklen_t len;

	if (!parse(text, &p, &len)) {
		diag_add(d, NULL, 0, "--listen %s: ADDRESS:PORT, "
		    "[ADDRESS]:PORT or unix:/PATH is wanted", text);
		return -1;
	}
	int fd = socket(p.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (fd >= 0 && open_place(fd, &p, len))
		return fd;
	diag_add(d, NULL, 0, "--listen %s: %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
