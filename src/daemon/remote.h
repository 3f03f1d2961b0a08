/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command has the running daemon do; it is at the socket path. */

#ifndef REMOTE_H
#define REMOTE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Has it reload, and waits until it has.  Standard error gets what it says; the
 * exit status: EX_OK, EX_CONFIG where the old configuration stays in force,
 * EX_UNAVAILABLE where there is no daemon, EX_TEMPFAIL where it takes too long.
 */
int	remote_reload(const char *path);
/*
 * Prints how it is, as JSON or for people: as a picture that fits the terminal,
 * or as lines where standard output is none.  EX_OK or EX_UNAVAILABLE.
 */
int	remote_status(const char *path, bool json);
/*
 * The same each period until a signal, q, or an error of standard output ends
 * it, in the place of the terminal; also while there is no daemon.  EX_OK.
 */
int	remote_watch(const char *path, bool json, int64_t period_ms);

#endif
