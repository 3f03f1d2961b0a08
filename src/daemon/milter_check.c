/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the socket that a configuration names can be had on this machine. */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter.h"

/* libmilter puts its socket in the place of an old one, of nothing else. */
static const char *
place_problem(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISSOCK(st.st_mode) ? NULL : "is there and is not a socket";
}

static bool
check_path(const struct conf *c, const char *path, struct diag *d)
{
	const char *slash = strrchr(path, '/');
	char *folder = xstrndup(path, slash == path ? 1 :
	    (size_t)(slash - path));
	struct stat st;
	const char *problem = NULL;

	if (stat(folder, &st) != 0)
		problem = strerror(errno);
	else if (!S_ISDIR(st.st_mode))
		problem = strerror(ENOTDIR);
	if (problem != NULL)
		conf_complain(c, d, "socket", "%s: %s", folder, problem);
	else if ((problem = place_problem(path)) != NULL)
		conf_complain(c, d, "socket", "%s %s", path, problem);
	free(folder);
	return problem == NULL;
}

/* NULL: some port of the address can be bound. */
static const char *
address_problem(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *problem = NULL;

	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) != 0)
		problem = strerror(errno);
	if (fd >= 0)
		close(fd);
	return problem;
}

static bool
check_host(const struct conf *c, struct diag *d)
{
	const struct addrinfo hints = { .ai_family = c->socket.family,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int error = getaddrinfo(c->socket.host, NULL, &hints, &found);
	const char *problem = error != 0 ? gai_strerror(error) :
	    address_problem(found);

	if (problem != NULL)
		conf_complain(c, d, "socket", "%s: %s", c->socket.host,
		    problem);
	if (found != NULL)
		freeaddrinfo(found);
	return problem == NULL;
}

static bool
check_socket(const struct conf *c, struct diag *d)
{
	if (c->socket.family == AF_UNIX)
		return check_path(c, c->socket.path, d);
	return c->socket.host == NULL || check_host(c, d);
}

bool
milter_check(const struct conf *c, struct diag *d)
{
	bool group = c->socket_group[0] == '\0' ||
	    getgrnam(c->socket_group) != NULL;

	if (!group)
		conf_complain(c, d, "socket_group", "there is no group \"%s\"",
		    c->socket_group);
	return check_socket(c, d) && group;
}
