/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of milter: keeping libmilter's pool of workers moving. */

#ifndef MILTER_PRIV_H
#define MILTER_PRIV_H

#include <stdbool.h>

/*
 * Starts the thread that does it.  listen_fd -1: not known, all stays as
 * libmilter has it.  False: errno.
 */
bool	milter_pump_start(int listen_fd);

/* To be called at the begin of every callback. */
void	milter_pump_begun(void);

#endif
