/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of dryrun: one transaction that has been played, as data. */

#ifndef DRYRUN_PRIV_H
#define DRYRUN_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/result.h"
#include "base/util.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "policy/reply.h"

struct eval_verdict;
struct identity;
struct rule;
struct rules;
struct rules_case;

enum dryrun_stage {
	DRYRUN_STAGE_CONNECT,
	DRYRUN_STAGE_HELO,
	DRYRUN_STAGE_MAIL,
	DRYRUN_STAGE_RCPT,
	DRYRUN_STAGE_END
};

/* What was found out about one identity, and what the policy says to it. */
struct dryrun_check {
	const struct eval_verdict *verdict;	/* NULL: not checked */
	const struct identity	*identity;
	struct decision_part	 decision;
};

/* Everything is borrowed, from the arguments or the session. */
struct dryrun_report {
	const char		*ip;		/* NULL: this machine */
	const char		*helo;		/* NULL: none */
	const char		*sender;
	const char		*rcpt;
	const char		*skipped;	/* why; NULL: checked */
	const struct rules	*rules;		/* that were tried */
	const struct rules_case	*facts;		/* by these; NULL: none were */
	struct dryrun_check	 checks[SCOPE_COUNT];
	bool			 explained;	/* with the traces */
	enum dryrun_stage	 last;		/* that was asked */
	const struct reply	*reply;		/* to it; NULL: the MTA's */
	const struct session_edit *edits;	/* the last stands on top */
	size_t			 edit_count;
	enum policy_action	 action;	/* what it comes to */
	unsigned		 would;	/* see decide_would */
};

/* HELO may be left out. */
bool	dryrun_is_played(const struct dryrun_report *r,
	    enum dryrun_stage stage);
/*
 * The next line of the reply to a stage as an SMTP client reads it (RFC 5321
 * s4.2.1, RFC 2034 s4): "550-5.7.23 first", "550 5.7.23 last".  *at is NULL
 * before the first one.  False: none is left; none at all is the MTA's own.
 */
#define DRYRUN_LINE_SIZE (REPLY_LINE_MAX + 32)
bool	dryrun_reply_line(const struct dryrun_report *r,
	    enum dryrun_stage stage, const char **at,
	    char line[DRYRUN_LINE_SIZE]);

/*
 * The i-th rule that was tried, and in failure the condition by which it does
 * not hold; NULL there: it decides, and is the last.  NULL: there is none.
 */
const struct rule *dryrun_rule(const struct dryrun_report *r, size_t i,
	    const char **failure);

void	dryrun_print_text(const struct dryrun_report *r, FILE *out);
void	dryrun_print_json(const struct dryrun_report *r, FILE *out);

#endif
