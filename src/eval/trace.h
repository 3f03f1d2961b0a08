/* SPDX-License-Identifier: BSD-2-Clause */
/* What one evaluation did, as data: records, terms and questions, a tree. */

#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/result.h"
#include "dns/dns.h"
#include "spf/record.h"

enum trace_kind {
	TRACE_RECORD,		/* of the domain, an include or a redirect */
	TRACE_TERM,		/* one that asks the DNS, or redirect= */
	TRACE_QUESTION
};

enum trace_match {
	TRACE_NOT_REACHED,
	TRACE_STOPPED,		/* the evaluation ended within it */
	TRACE_NO_MATCH,
	TRACE_MATCH		/* of redirect=: followed */
};

/*
 * In the order of the evaluation.  What a RECORD belongs to is the term that
 * led to it; a TERM belongs to its record; a QUESTION to the record that it
 * looked for, to the term, or, for exp=, to the record that has it.  Why a
 * term has not matched is in its questions and in its result.
 */
struct trace_entry {
	enum trace_kind		 kind;
	size_t			 parent;	/* TRACE_NONE: the first, and
						 * the records of ours */
	unsigned		 lookups;	/* as counted before it, over */
	unsigned		 voids;		/* the whole tree (s4.6.4) */
	char			*name;		/* RECORD: its domain; TERM:
						 * expanded, "" if that is no
						 * name; QUESTION: asked for */

	enum source		 whose;		/* RECORD: the domain's, ours */

	/* RECORD; include and redirect=: that of their record */
	enum result		 result;	/* NONE: there is none, since
						 * the evaluation stopped */
	const struct record	*record;	/* NULL: none that is valid */

	/* TERM */
	size_t			 term;		/* of the record's terms; their
						 * count: redirect= */
	enum trace_match	 match;

	/* QUESTION */
	enum dns_type		 type;
	enum dns_status		 status;
	enum dns_source		 source;
	struct dns_answer	*answer;	/* NULL: no time or no name */
};

#define TRACE_NONE SIZE_MAX

/* As many entries as the limits of an evaluation allow, some 600. */
struct trace {
	struct addr		 client;
	size_t			 count;
	size_t			 room;
	struct trace_entry	*entries;
};

/*
 * What a term of the record of an entry has come to.  ip4, ip6 and all have no
 * entries: their match is told from the record and the client.
 */
enum trace_match trace_term_match(const struct trace *t, size_t record,
		    size_t term);

/* The entry of a term, or, for the count of terms, of redirect=; or NULL. */
const struct trace_entry *trace_find_term(const struct trace *t,
		    size_t record, size_t term);

/*
 * In the making.  add gives the index of the new entry, which has *e, the
 * reference to its answer and a copy of name.  set_name and end do nothing
 * for NULL, which an evaluation has that wants no trace.
 */
struct trace	*trace_new(const struct addr *client);
void		 trace_free(struct trace *t);
size_t		 trace_add(struct trace *t, const struct trace_entry *e,
		    const char *name);
void		 trace_set_name(struct trace *t, size_t entry,
		    const char *name);
/* The end of the evaluation: results of records, matches of includes. */
void		 trace_end(struct trace *t);

#endif
