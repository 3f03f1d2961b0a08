/* SPDX-License-Identifier: BSD-2-Clause */
/* spf-milter -t --replay: the messages of a mail log, judged now. */

#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct session_env;

struct replay_request {
	const char	*log;		/* file, "-": standard input */
	const struct conf *conf;
	const struct conf *against;	/* to compare with; NULL: none */
	const char	*state;		/* file to go on from; NULL: none */
	unsigned	 rate;		/* DNS questions a second, 0: any */
	bool		 json;
};

/*
 * Plays each message of the log that differs from those before it once, and
 * prints to out what it comes to: a summary as text, or as JSON, described at
 * the top of replay_report.c, an object a message in order, then the summary.
 * The caller looks at ferror(out).  Returns an exit status; standard error
 * says why it is not 0.
 */
int	replay(const struct session_env *env, const struct replay_request *q,
	    FILE *out);

#endif
