/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon is to its system: background, pid file. */

#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>

/*
 * Goes to the background.  The parent waits until the child calls
 * process_started or ends, so that its exit status is true: it gets false and
 * the *status to exit with.  The child gets true, in a session of its own.
 * -1 as *status with false: errno, nothing has changed.  Before any thread.
 */
bool	process_background(int *status);

/*
 * Tells the waiting parent that all is well and lets go of the standard
 * descriptors.  Nothing to do in the foreground.
 */
void	process_started(void);

/* Writes our pid; "" is no file.  False: errno. */
bool	process_write_pid_file(const char *path);

#endif
