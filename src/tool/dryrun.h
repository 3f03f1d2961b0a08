/* SPDX-License-Identifier: BSD-2-Clause */
/* spf-milter -t: the same session, fed from arguments or lines. */

#ifndef DRYRUN_H
#define DRYRUN_H

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct session_env;

struct dryrun_transaction {
	const char	*ip;		/* "-": mail of this machine */
	const char	*helo;		/* "" or "-": no HELO */
	const char	*sender;	/* "" or "<>": null sender */
	const char	*rcpt;		/* NULL: postmaster@ our name */
	FILE		*header;	/* fields of the message, up to an empty
					 * line; NULL: none */
};

enum dryrun_status {		/* exit statuses of -t */
	DRYRUN_ACCEPT = 0,
	DRYRUN_REJECT = 1,
	DRYRUN_TEMPFAIL = 2,
	DRYRUN_BAD_OPTION = 64,
	DRYRUN_BAD_INPUT = 65
};

/*
 * One transaction; prints to out as text or one JSON object a line, described
 * at the top of dryrun_text.c and dryrun_json.c.  The caller looks at
 * ferror(out).
 */
enum dryrun_status dryrun_one(const struct session_env *env,
	    const struct conf *c, const struct dryrun_transaction *t,
	    bool json, FILE *out);

/*
 * Lines "ip helo sender [rcpt]" from in, in order, each printed before the
 * next is read; # starts a comment line; a sender or rcpt in angle brackets
 * may hold blanks.  A bad line is reported on standard error with its number
 * (name: of the input) and does not end the run.
 * Returns the highest status.
 */
enum dryrun_status dryrun_lines(const struct session_env *env,
	    const struct conf *c, FILE *in, const char *name, bool json,
	    FILE *out);

const char	*dryrun_version(void);	/* "jansson 2.14" */

#endif
