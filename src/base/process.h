/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon is to its system: descriptors, background, pid file. */

#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>

/*
 * Opens what is closed of standard input, output and error, so that no socket
 * or file of ours gets its number; reading gives nothing, writing fails.
 * First of all.  False: errno.
 */
bool	process_open_standard(void);

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

#define PROCESS_PROBLEM_SIZE 128

/*
 * Writes our pid into the file path, by no symbolic link, and keeps it locked
 * for as long as the process lives.  The file of a daemon that is gone is
 * taken over, any other is left as it is.  "" is no file.  False: problem says
 * why.  Once, after process_background.
 */
bool	process_write_pid_file(const char *path,
	    char problem[PROCESS_PROBLEM_SIZE]);

/*
 * Whether process_write_pid_file could, as far as can be told without writing;
 * that another daemon runs with the file does not count.
 */
bool	process_check_pid_file(const char *path,
	    char problem[PROCESS_PROBLEM_SIZE]);

/*
 * Removes the file, or empties it where its folder may not be changed any
 * more.  Nothing to do where none was written.
 */
void	process_remove_pid_file(void);

#endif
