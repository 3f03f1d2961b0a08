/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of HTTP for one server, which is ours: a request of HTTP/1.0, and
 * everything until the end is the answer.
 */

#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "base/util.h"
#include "daemon/ask.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define PIECE 16384

/* False: errno. */
static bool
await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		int64_t left = deadline_ms - util_now_ms();
		n = left <= 0 ? 0 : poll(&p, 1, left < 1000 ? (int)left :
		    1000);
	} while ((n == 0 && util_now_ms() < deadline_ms) ||
	    (n < 0 && errno == EINTR));
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* A request fits into the buffer of any socket. */
static bool
send_request(int fd, const char *method, const char *route)
{
	char *text = xasprintf("%s %s HTTP/1.0\r\n\r\n", method, route);
	size_t len = strlen(text);
	bool sent = send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;

	free(text);
	return sent;
}

/* False: errno. */
static bool
take_all(int fd, int64_t deadline_ms, char **text, size_t *len)
{
	ssize_t n = 1;

	while (n > 0 && *len < ANSWER_MAX) {
		if (!await(fd, POLLIN, deadline_ms))
			return false;
		*text = xreallocarray(*text, *len + PIECE + 1, 1);
		n = read(fd, *text + *len, PIECE);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			n = 1;
		else if (n > 0)
			*len += (size_t)n;
	}
	if (n == 0)
		(*text)[*len] = '\0';
	else if (n > 0)
		errno = EMSGSIZE;
	return n == 0;
}

/* The text is as long as the head says: the daemon has not ended meanwhile. */
static bool
is_whole(const char *head, const char *body, size_t len)
{
	static const char field[] = "\r\nContent-Length: ";
	const char *value = strstr(head, field);
	uint64_t length;

	if (value == NULL || value >= body)
		return false;
	value += sizeof(field) - 1;
	return util_parse_uint(value, strcspn(value, "\r"), ANSWER_MAX,
	    &length) && length == len;
}

/* "HTTP/1.1 200 OK", fields, an empty line and the text. */
static bool
read_answer(const char *all, size_t len, struct ask_answer *out)
{
	static const char version[] = "HTTP/1.";
	const size_t skip = sizeof(version) + 1;	/* "1 " */
	const char *body = len > 0 ? strstr(all, "\r\n\r\n") : NULL;
	uint64_t status;

	errno = EPROTO;
	if (body == NULL || strncmp(all, version, skip - 2) != 0 ||
	    !util_parse_uint(all + skip, 3, 599, &status))
		return false;
	body += 4;
	out->status = (unsigned)status;
	out->len = len - (size_t)(body - all);
	if (!is_whole(all, body, out->len))
		return false;
	out->text = xmemdup(body, out->len + 1);
	return true;
}

static const char *
reason(int error)
{
	switch (error) {
	case ENOENT:
		return "no daemon runs with this configuration, or it has no "
		    "control socket";
	case ECONNREFUSED:
		return "no daemon runs";
	case EAGAIN:
		return "too many ask the daemon at once";
	case EACCES:
		return "only root and the user of the daemon may ask it";
	case ETIMEDOUT:
		return "the daemon has not answered in time";
	case EPROTO:
		return "the daemon ended before it answered";
	default:
		return strerror(error);
	}
}

bool
ask_daemon(const char *path, const char *method, const char *route,
    int64_t deadline_ms, struct ask_answer *out, char *problem)
{
	char *all = NULL;
	size_t len = 0;
	int fd = unix_socket_connect(path,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);

	bool good = fd >= 0 && send_request(fd, method, route) &&
	    take_all(fd, deadline_ms, &all, &len) &&
	    read_answer(all, len, out);
	if (!good)
		snprintf(problem, ASK_PROBLEM_SIZE, "%s: %s", path,
		    reason(errno));
	if (fd >= 0)
		close(fd);
	free(all);
	return good;
}
