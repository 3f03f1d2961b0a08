/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets of our own that others connect to. */

#ifndef LISTEN_H
#define LISTEN_H

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <stdbool.h>

#include "base/util.h"

#define LISTEN_SHAPES "ADDRESS:PORT, [ADDRESS]:PORT or unix:/PATH"

union listen_place {
	struct sockaddr		any;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
	struct sockaddr_un	un;
};

/* Of LISTEN_SHAPES.  False: it is of none. */
bool	listen_parse(const char *text, union listen_place *out);

/* A unix socket, or an address of this machine or of a network of our own. */
bool	listen_is_private(const union listen_place *place);

/*
 * A socket that listens and does not block; at a unix socket's place one that
 * is left over gives way, and the umask says who may connect.  -1: errno.
 */
int	listen_open(const union listen_place *place);

#endif
