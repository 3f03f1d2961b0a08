/* SPDX-License-Identifier: BSD-2-Clause */
/* One SPF evaluation, check_host() of RFC 7208 s4, on top of libspf2. */

#ifndef EVAL_H
#define EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/result.h"
#include "spf/record.h"

struct dns_view;
struct trace;

/* Longest texts of a verdict; a record: RECORD_TEXT_MAX. */
#define EVAL_PROBLEM_MAX 399
#define EVAL_MECHANISM_MAX 319
#define EVAL_WIDE_OPEN_MAX 599
#define EVAL_EXPLANATION_MAX 1023
#define EVAL_VOIDS_MAX 239

/* Bound on DNS questions of one evaluation, whatever the record says. */
#define EVAL_MAX_QUERIES 150

/* A higher max_lookups counts as this: libspf2 nests no deeper. */
#define EVAL_LOOKUPS_MAX 20

/* Texts borrowed for the call; never NULL. */
struct eval_request {
	enum scope	 scope;
	struct addr	 client;	/* IPv4 or IPv6 */
	uint64_t	 connection;	/* of the client; see dns_client */
	const char	*local;		/* "postmaster" where there is none */
	const char	*domain;	/* name to look up, valid */
	const char	*helo;		/* as sent; "" where there is none */
	const char	*receiver;
	int64_t		 time_s;	/* for %{t}: seconds since 1970 */
	unsigned	 max_lookups;
	unsigned	 max_void_lookups;
	bool		 want_explanation;	/* after a fail */
	bool		 want_trace;

	/*
	 * Ours, without redirect= and exp=; NULL: none.  They outlive the
	 * verdict's trace.  The local policy, which has no "all", is tried
	 * where the domain's record, or the guess, has come to an "all" that
	 * does not pass or to its end, or where there is neither; the guess
	 * where the domain exists and has no record.
	 */
	struct record	*local_policy;
	struct record	*best_guess;

	/* A record is wide open that passes a shorter prefix, or all. */
	unsigned	 wide_open_prefix;	/* of IPv4 */
	unsigned	 wide_open_prefix6;
	struct addr	 self_test;	/* or passes this client, where it has
					 * passed; AF_UNSPEC: not asked */
};

/*
 * Texts hold what DNS published (escape on output) and are never NULL; "":
 * there is none.  A copy shares the texts and the trace of its original.
 */
struct eval_verdict {
	enum result	 result;
	enum scope	 scope;
	enum source	 source;	/* of result */
	enum result	 published;	/* what SPF itself says: result where
					 * its source is the record */
	bool		 bogus;		/* temperror because of DNSSEC */
	bool		 limited;	/* temperror because the client has too
					 * much under way, or we no time left;
					 * says nothing of the DNS */
	bool		 asked;		/* the DNS, not the cache alone */
	bool		 stale;		/* built on DNS answers past their time
					 * to live (RFC 8767) */
	unsigned	 lookups;	/* terms that query the DNS */
	unsigned	 voids;
	unsigned	 queries;	/* DNS questions put */
	const char	*mechanism;	/* the term that matched, of the record
					 * of domain, the local policy or the
					 * guess, as it stands there, with its
					 * qualifier ("+" where it has none);
					 * "default" where none did; "" for
					 * none and errors */
	const char	*problem;	/* why temperror, permerror or none */
	const char	*wide_open;	/* the term by which a record that was
					 * looked at passes everybody: "+all",
					 * "+all of include.example",
					 * "+exists:%{i}.x for 192.0.2.1" */
	const char	*void_terms;	/* the void lookups, "a:x.example,
					 * mx:y.example": mechanism and name
					 * asked for, '?' for odd octets */
	const char	*record_domain;	/* where record stands: domain or what
					 * redirect= led to */
	const char	*record;	/* what fits of a malformed one */
	const char	*explanation;	/* exp= of a fail */
	const char	*explanation_domain;	/* its publisher: the domain of
						 * the record with exp= */
	char		*texts;		/* all of them, just their size; NULL:
					 * they are static */
	struct trace	*trace;		/* see eval/trace.h; NULL: not wanted */
};

/* Once, before any thread exists: libspf2's message handlers. */
void	eval_init(void);
const char *eval_version(void);		/* "libspf2 1.2.10" */

/*
 * Evaluates as far as view knows.  True: *out is final and filled, release it
 * with eval_verdict_fini; never fails, internal trouble is temperror with a
 * problem text.  False: view misses an answer; call dns_view_fetch (or _wait)
 * and eval_run again.  Any thread; one at a time for one view.
 */
bool	eval_run(struct dns_view *view, const struct eval_request *in,
	    struct eval_verdict *out);

/*
 * Fills *out for what is not looked up (an identity that is not a domain).
 * problem is static text; there is nothing to release.
 */
void	eval_without_lookup(struct eval_verdict *out, enum scope scope,
	    enum result r, const char *problem);

void	eval_verdict_fini(struct eval_verdict *v);

#endif
