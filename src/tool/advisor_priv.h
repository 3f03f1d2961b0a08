/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of advisor: what a record leads to, as a tree.  advisor_walk.c asks
 * for it, advisor_reach.c finds who passes, advisor_find.c what is wrong,
 * advisor_flat.c writes it without lookups, the others print it.
 */

#ifndef ADVISOR_PRIV_H
#define ADVISOR_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr_ranges.h"
#include "dns/dns.h"
#include "spf/advise.h"
#include "spf/identity.h"
#include "spf/record.h"
#include "tool/advisor.h"

/* RFC 7208 s4.6.4 */
#define ADVISOR_LOOKUPS 10
#define ADVISOR_VOIDS 2
#define ADVISOR_MX_HOSTS 10

/* Bounds of our own: terms that ask, records within another, questions. */
#define ADVISOR_TERMS_MAX 100
#define ADVISOR_DEPTH_MAX 20
#define ADVISOR_QUERIES_MAX 600

/* By family. */
enum { ADVISOR_V4, ADVISOR_V6, ADVISOR_FAMILIES };

/* The addresses of a name; NULL where they were not asked for. */
struct advisor_host {
	struct dns_answer	*addresses[ADVISOR_FAMILIES];
};

/* A term of a record, or its redirect=. */
struct advisor_term {
	const struct record_term *term;		/* NULL: redirect= */
	bool	 open;		/* what it matches depends on the message, or
				 * is not known */
	bool	 loop;		/* leads to a record that leads here */
	bool	 not_followed;	/* a bound of ours */
	bool	 bad_name;	/* no name that the DNS can be asked for */
	char	 name[IDENTITY_NAME_MAX + 1];	/* asked for, or "" */
	struct advisor_record	*record;	/* what it leads to, or NULL */
	struct dns_answer	*mx;
	struct advisor_host	*hosts;		/* those of mx, or one */
	size_t			 host_count;

	unsigned lookups;	/* with those of its record; of advisor_find */
	bool	 matches[ADVISOR_FAMILIES];	/* any; of a reach that is */
	bool	 adds[ADVISOR_FAMILIES];	/* not strict; any left */
};

struct advisor_record {
	struct advisor_record	*parent;	/* NULL: the first one */
	char	 domain[IDENTITY_NAME_MAX + 1];	/* "" where it is not known */
	struct dns_answer	*answer;	/* NULL: given, or not asked */
	const char		*text;		/* NULL: there is none */
	size_t			 len;
	const struct record	*record;	/* as far as it is well formed
						 * and has been walked */
	struct record		*own;		/* the same, if it is ours */
	bool	 bad;		/* an evaluation stops at it: permerror */
	bool	 has_all;
	struct advisor_term	*terms;		/* up to all, and redirect= */
	size_t			 count;

	struct advice		 advice;	/* of advisor_find */
	unsigned		 lookups;
};

struct advisor {
	char	 domain[IDENTITY_NAME_MAX + 1];	/* A-labels, or "" */
	char	*given;				/* NULL: that of domain */
	struct advisor_record	*root;
	struct dns_answer	*mx;		/* of domain */
	struct dns_answer	*spf;
	struct advisor_host	 host;
	char	 exp_name[IDENTITY_NAME_MAX + 1];
	struct dns_answer	*exp;

	struct addr_ranges	 pass[ADVISOR_FAMILIES];
	unsigned		 lookups;
	unsigned		 voids[ADVISOR_FAMILIES];
	char			*better;	/* NULL: cannot be told */
	char			*flat;		/* NULL: there is none */
	unsigned		 flat_lookups;
	unsigned		 severities[3];	/* how many findings */
};

/* The job, see flight.h: builds root and asks about the domain. */
bool	advisor_walk(struct dns_view *view, void *advisor);
void	advisor_fini(void *advisor);

/* What is left of the record that counts at the end of redirects. */
const struct advisor_record *advisor_last(const struct advisor *a);

/* It counts as a lookup: a term that asks, or redirect=. */
bool	advisor_asks(const struct advisor_term *t);
/* A question of a term that has been answered by nothing. */
bool	advisor_is_void(const struct dns_answer *answer);

/* Who passes, of one family. */
struct advisor_reach {
	int	 family;
	bool	 strict;	/* errors and limits (RFC 7208 s4.6.4) count, as
				 * in an evaluation */
	bool	 closed;	/* terms of the first records that are open, or
				 * lead to such, match nothing */
	unsigned lookups;	/* of the whole, that is if nothing matches */
	unsigned voids;
	struct addr_ranges pass;	/* of the root; the caller frees it */
};
void	advisor_find_reach(const struct advisor *a, struct advisor_reach *r);

/* As published; a redirect= with its name.  The caller frees it. */
char	*advisor_term_text(const struct advisor_record *r,
	    const struct advisor_term *t);

/* It or anything that it leads to. */
bool	advisor_is_open(const struct advisor_term *t);

/* NULL: the record cannot be written without the lookups. */
char	*advisor_flatten(const struct advisor *a, unsigned *lookups);

/* Fills what is of advisor_find. */
void	advisor_find(struct advisor *a);

void	advisor_print_text(const struct advisor *a, bool verbose, FILE *out);
void	advisor_print_json(const struct advisor *a, FILE *out);
/* A record and what is wrong with it by itself. */
void	advisor_print_written(const char *record, const struct advice *advice,
	    FILE *out);
void	advisor_print_written_json(const char *record,
	    const struct advice *advice, FILE *out);

#endif
