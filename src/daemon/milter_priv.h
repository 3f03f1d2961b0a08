/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of milter: the gate, the socket, libmilter's threads, limits. */

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
void	 milter_gate_close(void);
bool	 milter_gate_is_open(void);
/* Waits for those inside of the closed gate; how many are left. */
unsigned milter_gate_wait(int64_t until_ms);

/*
 * Lets bind make conf's socket: owner, group and mode are set, and what is
 * replaced is at most a socket that nobody serves.  False: d says why.
 */
bool	 milter_socket_open(const struct conf *c,
	    bool (*bind)(const char *place), struct diag *d);
/*
 * The same for the socket that we have been handed as c says: in its place
 * libmilter opens one of its own, which becomes that one.
 */
bool	 milter_handed_open(const struct conf *c,
	    bool (*bind)(const char *place), struct diag *d);
/* Lets go of those that nobody serves, which is told. */
void	 milter_handed_close(const struct conf *c);
/* Unless it is another's by now. */
void	 milter_socket_remove(void);
/*
 * From now on nobody is let in; who comes is refused at once, or, at a socket
 * that we were handed, left to who serves it next.
 */
void	 milter_socket_close(void);

/*
 * Begins serve, which calls smfi_main, on a thread that goes on for as long as
 * the process does.  False: d says why.
 */
bool	 milter_pool_start(void *(*serve)(void *), struct diag *d);
/* To be called at the begin of every callback. */
void	 milter_pool_begun(void);
/* Of connections, on any thread. */
void	 milter_pool_opened(void);
void	 milter_pool_closed(void);
/* Am I the thread that accepts connections? */
bool	 milter_pool_is_listener(void);
/* One more connection would find no thread. */
bool	 milter_pool_is_short(void);

/* The pump of milter_pool.c from round to round; begins with a burst of 1. */
#define MILTER_PUMP_SHORT_MS 2
#define MILTER_PUMP_LONG_MS 200
struct milter_pump {
	int64_t		round_ms;	/* how long the next one is */
	unsigned	burst;		/* workers that are added at once */
	unsigned	waiting;	/* callbacks, a round before */
	bool		added;		/* workers, before this round */
};

/*
 * After a round: callbacks that wait, that have begun in it, and the workers
 * added before it that are still there.  How many are to be added.  Pure.
 */
unsigned milter_pump_next(struct milter_pump *p, unsigned waiting,
	    unsigned moved, unsigned held);

/* Takes as many descriptors as the system gives.  Before threads. */
void	 milter_limit_init(void);
/* Are there enough left if a new connection got fd? */
bool	 milter_limit_takes(int fd);
/* One line a minute; any thread. */
void	 milter_limit_report_descriptors(void);
void	 milter_limit_report_threads(void);

#endif
