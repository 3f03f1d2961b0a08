/* SPDX-License-Identifier: BSD-2-Clause */
/* What an evaluation did, for people: its trace as the lines of a tree. */

#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/util.h"
#include "eval/trace.h"

struct eval_verdict;

enum explain_kind {
	EXPLAIN_RECORD,		/* the domain's, or one of ours; a root */
	EXPLAIN_QUESTION,
	EXPLAIN_TERM,		/* below it what it has asked, and the lines
				 * of the record that it led to */
	EXPLAIN_DEFAULT,	/* no term has matched */
	EXPLAIN_REST		/* terms that were not reached */
};

/* In the order of reading; a line is part of the last one less deep. */
struct explain_line {
	enum explain_kind	 kind;
	unsigned		 depth;
	bool			 decides;	/* on the way to the result */
	const struct trace_entry *entry;	/* DEFAULT, REST: their record;
						 * of a TERM that asks nothing
						 * NULL */
	enum trace_match	 match;		/* TERM */
	enum result		 result;	/* RECORD and DEFAULT: of the
						 * record; TERM: of the one it
						 * led to, else its own where
						 * it matches; NONE: none */
	const struct record_term *term;		/* TERM; NULL: redirect= */
	const char		*text;		/* TERM and REST: len octets as
						 * published */
	size_t			 len;
};

/* Borrows the verdict, whose trace is not NULL. */
struct explanation {
	const struct eval_verdict *verdict;
	size_t			 count;
	struct explain_line	*lines;
};

struct explanation *explain_new(const struct eval_verdict *v);
void	explain_free(struct explanation *e);		/* NULL allowed */

/*
 * What a line says, without its place in the tree; what is of others is in it
 * as it came.  A text that does not fit is cut.
 */
#define EXPLAIN_TEXT_SIZE 6144
void	explain_put_text(const struct explanation *e, size_t line,
	    struct sbuf *out);

/*
 * What stands before a line to draw the tree, in ASCII or with the lines of
 * UTF-8, three columns for each level; of the first row of its text, or of
 * those that follow it.
 */
enum explain_drawing { EXPLAIN_ASCII, EXPLAIN_UTF8 };
#define EXPLAIN_BRANCH_COLUMNS 3
void	explain_put_branch(const struct explanation *e, size_t line, bool first,
	    enum explain_drawing drawing, struct sbuf *out);

/*
 * One record of an answer as text; false: there is no such record.  TXT
 * up to its first NUL.
 */
bool	explain_put_answer(const struct trace_entry *question, size_t i,
	    struct sbuf *out);
/* The record of a question for one, or its first answers. */
void	explain_put_found(const struct trace_entry *question,
	    struct sbuf *out);
/* "found", "no such name"; of an error what it was. */
const char *explain_status(const struct trace_entry *question);

#endif
