/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals while the daemon runs: reload and stop. */

#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dns/dns.h"

struct conf;

/*
 * Keeps the signals of ctl_run for it, and lets writing to nobody, or to a
 * file that may grow no more, fail in place of a signal.  First thing, before
 * any thread exists.
 */
void	ctl_take_signals(void);

/*
 * Returns when SIGTERM or SIGINT comes: true, or false where that was the
 * doing of ctl_fail.  Until then SIGHUP and SIGUSR1 reload the current
 * configuration.  Called once, after ctl_take_signals.  dns is told what
 * changes for it.  verbose: the log level stays as it is.
 */
bool	ctl_run(struct dns *dns, bool verbose);

/* The last reload. */
struct ctl_reload {
	bool		good;
	int64_t		time_s;		/* since 1970; 0: there was none */
};

/* Asks for one; the number of who asks.  Any thread, never waits. */
uint64_t ctl_reload_ask(void);
/*
 * Whether that one has ended: then text gets what there is to say of it, lines
 * that are not escaped.  *r is always set.  Any thread.
 */
bool	ctl_reload_result(uint64_t number, struct ctl_reload *r, FILE *text);
/* f is called after each reload, on the first thread; before ctl_run. */
void	ctl_reload_on_end(void (*f)(void));

/* What c says for the resolver; texts are borrowed from c. */
struct dns_options ctl_dns_options(const struct conf *c);

/* After ctl_run: has SIGTERM or SIGINT come again? */
bool	ctl_is_told_again(void);

/* Ends ctl_run: the daemon cannot go on.  Any thread. */
void	ctl_fail(void);

/*
 * Service manager notification (sd_notify(3)); nothing where there is none.
 * A reload is over when the daemon is ready again.  status: a line.
 */
void	ctl_notify_ready(const char *status);
void	ctl_notify_reloading(void);
void	ctl_notify_stopping(void);

#endif
