/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket that the site is served on. */

#ifndef WHY_LISTEN_H
#define WHY_LISTEN_H

#include "base/util.h"

/*
 * Listens on "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:/PATH", where a socket
 * that is left over gives way.  -1: d says why.
 */
int	why_listen(const char *text, struct diag *d);

#endif
