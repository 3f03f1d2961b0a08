/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of milter: the gate, the socket, libmilter's threads. */

#ifndef MILTER_PRIV_H
#define MILTER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct conf;
struct diag;

/*
 * Each successful enter has its leave; false: closed, nothing that sessions
 * share may be touched.  Any thread, after milter_gate_init.
 */
void	 milter_gate_init(void);
bool	 milter_gate_enter(void);
void	 milter_gate_leave(void);
/* Waits until none is inside and closes; else how many are. */
unsigned milter_gate_drain(int64_t grace_ms);

/* False: another program serves there, which libmilter would unlink. */
bool	 milter_socket_is_free(const struct conf *c, struct diag *d);
/*
 * After libmilter has bound it: owner, group, mode, options.  *listen_fd is
 * libmilter's; -1: not found, which costs speed only.
 */
bool	 milter_socket_adopt(const struct conf *c, int *listen_fd,
	    struct diag *d);
/* Unless it is another's by now. */
void	 milter_socket_remove(void);

/*
 * Before threads.  listen_fd -1: not known, all stays as libmilter has it.
 * milter_pool_start begins serve, which calls smfi_main, on a thread that goes
 * on for as long as the process does; false: errno.
 */
void	 milter_pool_init(int listen_fd);
bool	 milter_pool_start(void *(*serve)(void *));

/* To be called at the begin of every callback. */
void	 milter_pool_begun(void);

#endif
