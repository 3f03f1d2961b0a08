/* SPDX-License-Identifier: BSD-2-Clause */
/* The control thread: SIGHUP and SIGUSR1 reload the configuration. */

#ifndef CTL_H
#define CTL_H

#include <stdbool.h>

/*
 * Starts the thread; before milter_run, after every fork, with SIGHUP and
 * SIGUSR1 blocked in every thread (process_block_signals).  path is the
 * configuration file, copied; NULL: built-in defaults, a reload changes
 * nothing.  verbose: the log level stays as it is.  False: errno.
 */
bool	ctl_start(const char *path, bool verbose);
void	ctl_stop(void);

/*
 * Once a signal has told libmilter to stop, SIGALRM comes after so long: more
 * than libmilter's 5 s and the time that sessions are given.
 */
#define CTL_STOP_MS 7800

/* Has a signal told libmilter to stop? */
bool	ctl_stop_signalled(void);

/* Service manager notification (sd_notify); nothing where there is none. */
void	ctl_notify_ready(void);
void	ctl_notify_stopping(void);

#endif
