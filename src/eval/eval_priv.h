/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of eval: one run, its marks, and what libspf2 asks about them. */

#ifndef EVAL_PRIV_H
#define EVAL_PRIV_H

#include "base/addr.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "eval/trace.h"

struct eval_spf2;
struct macro;
struct macro_vars;

#define EVAL_NAME_SIZE 254

/* One call of check_host(): the record of one domain. */
struct eval_check {
	const struct record	*record;	/* borrowed from the view */
	size_t	 traced;	/* its entry */
	bool	 main;		/* that of START, or by redirect= from it */
	bool	 passes;	/* what it passes, passes */
	bool	 hidden;	/* its domain, see run */
	char	 domain[EVAL_NAME_SIZE];
};

/* What a mark "_-N.x" in a canonical text stands for. */
enum eval_mark_kind {
	EVAL_MARK_START,	/* the record that the evaluation begins with */
	EVAL_MARK_TERM,		/* a term that queries the DNS */
	EVAL_MARK_REDIRECT,
	EVAL_MARK_PROBE		/* never matches; asked before a fixed term */
};

struct eval_mark {
	enum eval_mark_kind		 kind;
	const struct eval_check		*check;	/* whose text has the mark */
	const struct record_term	*term;	/* for a probe: the fixed term
						 * after it; NULL: redirect */
};

/*
 * Each check allowed by EVAL_LOOKUPS_MAX writes at most the marks of the
 * lookups then left, one to go over the limit, and a probe; the start.
 */
#define EVAL_CHECKS_MAX (EVAL_LOOKUPS_MAX + 1)
#define EVAL_MARKS_MAX						\
	(EVAL_CHECKS_MAX * (EVAL_CHECKS_MAX + 1) / 2 +		\
	EVAL_CHECKS_MAX + 1)

struct eval_marks {
	size_t			 count;
	struct eval_mark	 marks[EVAL_MARKS_MAX];
};

/* The longest text: "v=spf1", querying terms, probe and fixed term. */
#define EVAL_CANON_SIZE (EVAL_CHECKS_MAX * 24 + 96)

struct eval_canon {
	char				 text[EVAL_CANON_SIZE];
	unsigned			 terms;		/* written */
	const struct record_term	*fixed;		/* see below; or NULL */
};

/*
 * Writes the canonical text of c's record for this client, with marks added
 * to m.  The text ends at the first ip4, ip6 or all term that matches (the
 * fixed term), or behind budget + 1 querying terms, since asking the last of
 * these exceeds the limit.  Every octet is ours.
 */
void	eval_canon_write(struct eval_canon *out, struct eval_marks *m,
	    const struct eval_check *c, const struct addr *client,
	    unsigned budget);

/* An explanation is expanded in this much, and then cut. */
#define EVAL_EXPANSION_SIZE 4096

/* What one eval_run knows. */
struct eval_run {
	struct dns_view			*view;
	const struct eval_request	*in;
	struct eval_spf2		*spf2;		/* lent to it */
	const struct record		*own;		/* of ours, in place of
							 * the domain's; or
							 * NULL */
	enum source		 source;	/* of the record */
	unsigned		 max_lookups;
	struct eval_verdict	 verdict;	/* in the making: its texts
						 * are borrowed */

	struct trace		*trace;		/* NULL: not wanted */
	size_t			 traced;	/* what questions belong to */

	/* Local parts are not to be told: neither is the name that was expanded
	 * last, for it was made of one, or of a HELO that may have one. */
	bool				 hides;
	bool				 hidden;

	/* Set once: libspf2 unwinds, what it says does not matter any more. */
	bool			 stopped;
	bool			 pending;	/* stopped for an answer */
	bool			 unpublished;	/* or for want of a record of a
						 * domain that exists */
	enum result		 stop_result;	/* else */

	const struct eval_check		*last;		/* main check */
	const struct record_term	*matched;	/* if last matches: the
							 * term, as far as
							 * known */
	const struct record_term	*mx_term;	/* under way, */
	const struct dns_answer		*mx;		/* and its hosts */
	size_t				 check_count;
	struct eval_check		 checks[EVAL_CHECKS_MAX];
	struct eval_marks		 marks;
	struct sbuf			 voids;	/* once there is one */
	char	 void_terms[EVAL_VOIDS_MAX + 1];
	char	 problem[EVAL_PROBLEM_MAX + 1];
	char	 mechanism[EVAL_MECHANISM_MAX + 1];
	char	 wide_open[EVAL_WIDE_OPEN_MAX + 1];
	char	 explanation[EVAL_EXPANSION_SIZE];
};

/* What libspf2 gets to see of an answer. */
enum eval_reply {
	EVAL_REPLY_UNWIND,	/* the run has stopped */
	EVAL_REPLY_NOTHING,
	EVAL_REPLY_CLIENT,	/* one address: the client's */
	EVAL_REPLY_RECORDS	/* *answer */
};

/* Stops the run; the first time only.  fmt makes the problem text. */
void	eval_stop(struct eval_run *run, enum result r, const char *fmt, ...)
	    UTIL_PRINTF(3, 4);

/* Notes *e, and how often was asked before it.  Its index, or TRACE_NONE. */
size_t	eval_trace(struct eval_run *run, struct trace_entry e,
	    const char *name);

/*
 * Asks the view.  False: the run has stopped.  Else *out is the answer, which
 * may be that the DNS has an error: the caller knows what this means; for
 * eval_ask_strictly an error is temperror (RFC 7208 s5, s4.4).
 */
bool	eval_ask(struct eval_run *run, const char *name, enum dns_type type,
	    const struct dns_answer **out);
bool	eval_ask_strictly(struct eval_run *run, const char *name,
	    enum dns_type type, const struct dns_answer **out);
enum dns_type	eval_address_type(const struct eval_run *run);

/* Asks for the names of the client; fills name with the one asked for. */
bool	eval_ask_ptr(struct eval_run *run, char name[ADDR_REVERSE_SIZE],
	    const struct dns_answer **out);

/* Of a name to a domain; the nearer first. */
enum eval_relation {
	EVAL_RELATION_SAME,
	EVAL_RELATION_SUBDOMAIN,
	EVAL_RELATION_OTHER
};

/*
 * A validated name (RFC 7208 s5.5) among those of answer (PTR), of which only
 * ten are looked at: the nearest to domain, and none that is farther than
 * last.  NULL: there is none, or the run has stopped.
 */
const char *eval_find_validated(struct eval_run *run,
	    const struct dns_answer *answer, const char *domain,
	    enum eval_relation last);

/* What m needs, within c.  False: the run has stopped. */
bool	eval_fill_vars(struct eval_run *run, const struct eval_check *c,
	    const struct macro *m, struct macro_vars *vars);
/* As texts and trace have it: "*" for a name that is hidden. */
const char *eval_shown(const struct eval_run *run, const char *name);
const char *eval_shown_domain(const struct eval_check *c);

/*
 * The target name of a term; m NULL: the domain itself.  False: not a name
 * that the DNS can be asked for, or the run has stopped.
 */
bool	eval_expand_name(struct eval_run *run, const struct eval_check *c,
	    const struct macro *m, char out[EVAL_NAME_SIZE]);

/* As published; a term without a qualifier means "+" (RFC 7208 s4.6.2). */
void	eval_copy_term(char out[EVAL_MECHANISM_MAX + 1],
	    const struct record *r, const struct record_term *t);

/*
 * For the hooks of eval_spf2.c.  eval_mark_query: a term's own question;
 * records are addresses of the client's family, or MX names (whose hosts are
 * then asked for by number).  eval_mark_open: the record of START, include or
 * redirect; false: the run has stopped.
 */
enum eval_reply	 eval_mark_query(struct eval_run *run, size_t mark,
		    const struct dns_answer **answer);
enum eval_reply	 eval_mark_host(struct eval_run *run, size_t mark, size_t host,
		    const struct dns_answer **answer);
bool		 eval_mark_open(struct eval_run *run, size_t mark,
		    struct eval_canon *out);

/* Before any thread exists. */
void			 eval_spf2_init(void);
/* What libspf2 needs besides a record; for one run at a time. */
struct eval_spf2	*eval_spf2_new(void);

/*
 * Lets libspf2 evaluate text, the record of mark 0.  Means nothing if the run
 * has stopped.  *matched is false if no term matched.
 */
enum result	 eval_spf2_check(struct eval_run *run,
		    const struct eval_canon *text, bool *matched);

#endif
