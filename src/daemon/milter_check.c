/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the socket that a configuration names can be had on this machine. */

#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/milter.h"
#include "daemon/milter_priv.h"
#include "daemon/sandbox.h"

static bool
check_path(const struct conf *c, const char *path, struct diag *d)
{
	char problem[UNIX_SOCKET_PROBLEM_SIZE];

	if (unix_socket_check(path, problem))
		return true;
	conf_complain(c, d, "socket", "%s", problem);
	return false;
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
	if (c->socket.handed != NULL)
		return true;
	if (c->socket.family == AF_UNIX)
		return check_path(c, c->socket.path, d);
	return c->socket.host == NULL || check_host(c, d);
}

bool
milter_check(const struct conf *c, struct diag *d)
{
	gid_t gid;
	bool group = c->socket_group[0] == '\0' || sandbox_find_group(c,
	    "socket_group", c->socket_group, &gid, d);

	return check_socket(c, d) && group;
}
