/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command has the running daemon do; it is at the socket path. */

#ifndef REMOTE_H
#define REMOTE_H

#include <stdbool.h>

/*
 * Has it reload, and waits until it has.  Standard error gets what it says; the
 * exit status: EX_OK, EX_CONFIG where the old configuration stays in force,
 * EX_UNAVAILABLE where there is no daemon, EX_TEMPFAIL where it takes too long.
 */
int	remote_reload(const char *path);
/* Prints how it is, as JSON or for people.  EX_OK or EX_UNAVAILABLE. */
int	remote_status(const char *path, bool json);

#endif
