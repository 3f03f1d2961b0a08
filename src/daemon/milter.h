/* SPDX-License-Identifier: BSD-2-Clause */
/* libmilter at the front: the only module that knows it. */

#ifndef MILTER_H
#define MILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

struct conf;
struct session_env;

/*
 * Takes note of the sockets that we are handed (sd_listen_fds(3)) and clears
 * the environment of them.  First of all, before any thread.
 */
void	milter_take_handed(void);

/*
 * Binds conf's socket (mode and group of a unix socket included).  Needs the
 * privileges for it; before threads and before sandbox_drop.  False: d says
 * what, which socket and errno.
 */
bool	milter_open(const struct conf *c, struct diag *d);

/*
 * Whether conf's socket can be bound, as far as this can be told without
 * binding it: its group, the folder of a unix socket and what stands there,
 * the address.  That it is in use does not count, and of one that is to be
 * handed over nothing can be told.  False: d says what is not.
 */
bool	milter_check(const struct conf *c, struct diag *d);

/*
 * Adds to d what keeps a mail server of this machine, whose configuration names
 * conf's unix socket, from it, and the command that mends it.
 */
void	milter_note(const struct conf *c, struct diag *d);

/* Ends what milter_open began, before milter_start or without success. */
void	milter_close(void);

/*
 * Begins to serve, on threads of libmilter; with the signals of ctl.h blocked.
 * False: d says why.  If libmilter gives up later, that is logged,
 * milter_failed says so, and the process gets a SIGTERM.
 */
bool	milter_start(const struct session_env *env, struct diag *d);
bool	milter_failed(void);
/* Connections are taken, and messages begin. */
bool	milter_is_serving(void);

/*
 * From now on no connection is taken, and no message begins: it is answered
 * with 451.  Those under way are served to their end.  libmilter's threads go
 * on for as long as the process does.
 */
void	milter_stop(void);
/*
 * After milter_stop: waits for the messages under way; how many are left.  0:
 * all sessions are freed, and so may be what they share.
 */
unsigned milter_wait(int64_t until_ms);

/*
 * A callback begins to wait, or its waiting has ended: meanwhile libmilter is
 * made to serve other sessions.  False to the first: it may not wait, for want
 * of threads, and its end is not told.  Any thread, cheap.
 */
bool	milter_waiting(bool begins);

const char *milter_version(void);	/* "libmilter 1.0.1" */

#endif
