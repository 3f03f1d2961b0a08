/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum options_command {
	OPTIONS_RUN,
	OPTIONS_CHECK,
	OPTIONS_DRYRUN,
	OPTIONS_VERSION,
	OPTIONS_HELP
};

#define OPTIONS_SETTINGS_MAX 100

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
	bool		 json;
};

/* False: standard error has the mistake and a hint; exit with EX_USAGE. */
bool	options_parse(struct options *out, int argc, char **argv);

void	options_usage(FILE *out);

#endif
