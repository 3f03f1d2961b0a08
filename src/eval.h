/* SPDX-License-Identifier: BSD-2-Clause */
/* One SPF evaluation, check_host() of RFC 7208 s4, on top of libspf2. */

#ifndef EVAL_H
#define EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "record.h"
#include "result.h"

struct dns_view;

#define EVAL_NAME_SIZE 254
#define EVAL_PROBLEM_SIZE 300
#define EVAL_MECHANISM_SIZE 320
#define EVAL_EXPLANATION_SIZE 1024

/* Bound on DNS questions of one evaluation, whatever the record says. */
#define EVAL_MAX_QUERIES 150

/* A higher max_lookups counts as this: libspf2 nests no deeper. */
#define EVAL_LOOKUPS_MAX 20

/* Texts borrowed for the call; never NULL. */
struct eval_request {
	enum scope	 scope;
	struct addr	 client;	/* IPv4 or IPv6 */
	const char	*local;		/* "postmaster" where there is none */
	const char	*domain;	/* name to look up, valid */
	const char	*helo;		/* as sent; "" where there is none */
	const char	*receiver;
	int64_t		 time_s;	/* for %{t}: seconds since 1970 */
	unsigned	 max_lookups;
	unsigned	 max_void_lookups;
	bool		 want_explanation;	/* after a fail */
};

/* Flat: may be copied.  Texts hold what DNS published: escape on output. */
struct eval_verdict {
	enum result	 result;
	enum scope	 scope;
	bool		 bogus;		/* temperror because of DNSSEC */
	unsigned	 lookups;	/* terms that query the DNS */
	unsigned	 voids;
	unsigned	 queries;	/* DNS questions put */
	char	mechanism[EVAL_MECHANISM_SIZE];	/* the term of the record of
					 * domain that matched, as published,
					 * without its qualifier; "default"
					 * where none did; "" for none and
					 * errors */
	char	problem[EVAL_PROBLEM_SIZE];	/* why temperror, permerror or
					 * none; else "" */
	char	record_domain[EVAL_NAME_SIZE];	/* where record stands: domain
					 * or what redirect= led to */
	char	record[RECORD_TEXT_MAX + 1];	/* "" where there is none; what
						 * fits of a malformed one */
	char	explanation[EVAL_EXPLANATION_SIZE];	/* exp= of a fail */
	char	explanation_domain[EVAL_NAME_SIZE];	/* its publisher: the
							 * domain of the record
							 * with exp= */
};

/* Once, before any thread exists: libspf2's message handlers. */
void	eval_init(void);
const char *eval_version(void);		/* "libspf2 1.2.10" */

/*
 * Evaluates as far as view knows.  True: *out is final and filled; never
 * fails, internal trouble is temperror with a problem text.  False: view
 * misses an answer; call dns_view_fetch (or _wait) and eval_run again.  Any
 * thread; one at a time for one view.
 */
bool	eval_run(struct dns_view *view, const struct eval_request *in,
	    struct eval_verdict *out);

/* Fills *out for what is not looked up (an identity that is not a domain). */
void	eval_without_lookup(struct eval_verdict *out, enum scope scope,
	    enum result r, const char *problem);

#endif
