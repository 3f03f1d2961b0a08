/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "tool/advisor.h"

enum options_command {
	OPTIONS_RUN,
	OPTIONS_CHECK,
	OPTIONS_DRYRUN,
	OPTIONS_ADVISE,		/* --check-domain, --check-record */
	OPTIONS_GENERATE,
	OPTIONS_RELOAD,		/* of the running daemon */
	OPTIONS_STATUS,
	OPTIONS_VERSION,
	OPTIONS_HELP
};

#define OPTIONS_SETTINGS_MAX 100
#define OPTIONS_PARTS_MAX 200

/* Texts are those of argv; NULL where not given. */
struct options {
	enum options_command	 command;
	const char	*config;	/* NULL: the default file */
	/* NAME=VALUE over it, a NULL behind the last */
	const char	*settings[OPTIONS_SETTINGS_MAX + 1];
	bool		 background;
	bool		 verbose;

	/* OPTIONS_DRYRUN: one transaction, or lines */
	const char	*ip;
	const char	*helo;
	const char	*sender;
	const char	*rcpt;
	const char	*header;	/* file */
	const char	*lines;		/* file, "-" for standard input */
	const char	*zone;
	bool		 explain;
	bool		 json;
	/* or a mail log */
	const char	*replay;	/* file, "-" for standard input */
	const char	*against;	/* configuration to compare with */
	const char	*state;
	const char	*rate;		/* the text of questions */
	unsigned	 questions;	/* a second; 0: any */

	/* OPTIONS_STATUS */
	bool		 watch;		/* not once */
	const char	*seconds;	/* the text of period_s */
	unsigned	 period_s;	/* between two */

	/* OPTIONS_ADVISE: one of them, or a record and its domain */
	const char	*record;
	const char	*domain;
	/* OPTIONS_GENERATE: in the order of argv */
	struct advisor_part parts[OPTIONS_PARTS_MAX];
	size_t		 part_count;
	size_t		 ip_count;	/* of --ip among them */
};

/* False: standard error has the mistake and a hint; exit with EX_USAGE. */
bool	options_parse(struct options *out, int argc, char **argv);

void	options_usage(FILE *out);

#endif
