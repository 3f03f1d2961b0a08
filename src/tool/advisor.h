/* SPDX-License-Identifier: BSD-2-Clause */
/* spf-milter --check-domain, --check-record: a record and all it leads to. */

#ifndef ADVISOR_H
#define ADVISOR_H

#include <stdbool.h>
#include <stdio.h>

struct flights;

enum advisor_status {		/* exit statuses */
	ADVISOR_CLEAN = 0,	/* notes at most */
	ADVISOR_WARNINGS = 1,
	ADVISOR_ERRORS = 2,
	ADVISOR_BAD_OPTION = 64,
	ADVISOR_NO_ANSWER = 75	/* the DNS took too long */
};

/* What to look at, and what to print. */
struct advisor_request {
	const char	*domain;	/* may have U-labels; NULL: none */
	const char	*record;	/* NULL: that of domain */
	bool		 json;		/* as told at the top of
					 * advisor_json.c; else as text */
	bool		 verbose;	/* a text without lookups, even where
					 * there are few */
};

/*
 * Asks the DNS and prints to out; the caller looks at ferror(out).  Standard
 * error has what is wrong with the request.
 */
enum advisor_status advisor_check(struct flights *fs,
	    const struct advisor_request *r, FILE *out);

/* One part of a record that is to be written. */
struct advisor_part {
	const char	*option;	/* "mx", "a", "ip", "include", "exists",
					 * "redirect", "all" */
	const char	*value;		/* NULL: it has none */
};

/* Writes a record of count parts, with what may be wrong with it. */
enum advisor_status advisor_generate(const struct advisor_part *parts,
	    size_t count, bool json, FILE *out);

#endif
