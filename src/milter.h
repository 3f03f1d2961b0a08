/* SPDX-License-Identifier: BSD-2-Clause */
/* libmilter at the front: the only module that knows it. */

#ifndef MILTER_H
#define MILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

struct conf;
struct session_env;

/*
 * Binds conf's socket (mode and group of a unix socket included).  Needs the
 * privileges for it; before threads and before sandbox_drop.  False: d says
 * what, which socket and errno.
 */
bool	milter_open(const struct conf *c, struct diag *d);

/* Serves until told to stop (SIGTERM, SIGINT).  0 or -1. */
int	milter_run(const struct session_env *env);

/*
 * Waits until no session is left, grace_ms at most; true: none is, shared
 * state may be freed.  *left is the number that stayed.
 */
bool	milter_drain(int64_t grace_ms, unsigned *left);

/*
 * For a callback that has to wait, now and then while it does: sees to it that
 * libmilter serves other sessions meanwhile.  Any thread, cheap.
 */
void	milter_waiting(void);

const char *milter_version(void);	/* "libmilter 1.0.1" */

#endif
