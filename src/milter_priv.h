/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of milter: keeping libmilter's pool of workers moving. */

#ifndef MILTER_PRIV_H
#define MILTER_PRIV_H

/*
 * Before threads.  listen_fd -1: not known, all stays as libmilter has it.
 * milter_pump_run is the thread that does it.
 */
void	 milter_pump_init(int listen_fd);
void	*milter_pump_run(void *arg);

/* To be called at the begin of every callback. */
void	 milter_pump_begun(void);

#endif
