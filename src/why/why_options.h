/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of spf-why. */

#ifndef WHY_OPTIONS_H
#define WHY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "why/why_site.h"

enum why_command {
	WHY_SERVE,
	WHY_RENDER,
	WHY_NEW_KEY,
	WHY_HELP,
	WHY_VERSION
};

/* Texts are argv's. */
struct why_options {
	enum why_command command;
	const char	*argument;	/* of --render and --new-key */
	const char	*listen;
	const char	*keys[WHY_KEYS_MAX];
	size_t		 key_count;
	const char	*contact;	/* "": none */
	const char	*texts;
	const char	*language;	/* of --render; NULL: English */
	unsigned	 days;
	bool		 recheck;
	const char	*zone;		/* NULL: the DNS */
	bool		 unconfined;
};

/* False: what is wrong has been told on standard error. */
bool	why_options_parse(struct why_options *out, int argc, char **argv);
void	why_options_usage(FILE *out);

#endif
