/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The evaluations of a subject: begun together, collected when a stage needs
 * the verdicts.
 */

#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "eval/eval.h"
#include "policy/policy.h"
#include "spf/subject.h"

struct breaker;
struct conf;
struct flight;
struct flights;
struct grace;

/* What came of one scope. */
struct checked {
	const struct identity		*id;	/* the sender that counts */
	const struct eval_verdict	*verdict;	/* NULL: not checked */
	struct finding			 finding;	/* of verdict */
	int64_t				 duration_ms;
};

/* A sender's evaluation. */
struct check_sender {
	struct flight		*flight;	/* NULL: of HELO, or none */
	struct eval_verdict	 made;		/* the verdict without flight */
};

/* All but the last four are the caller's to set, and outlive the rest. */
struct check {
	const struct subject	*who;
	const struct conf	*conf;
	const struct policy	*policy;	/* what it checks is checked */
	bool			 settled;	/* and it decides */
	struct flights		*flights;
	struct grace		*grace;	/* of session_env, as the next one */
	struct breaker		*breaker;
	uint64_t		 connection;	/* see dns_client */
	struct flight		**helo;		/* kept for the connection; at
						 * first NULL: none yet */
	bool			 excusable;	/* a result may come not to
						 * count */
	bool			 want_trace;	/* of verdicts */
	bool			 bounces;	/* a refusal would be bounced by
						 * the relay that hears it */
	const char		*unknown_client;	/* why it is not known:
						 * nothing is looked up */
	struct check_sender	 senders[IDENTITY_SENDERS_MAX];
	struct eval_verdict	 made_helo;
	struct checked		 of[SCOPE_COUNT];
	bool			 collected;
};

/* Does the policy want anything of this subject checked? */
bool	check_wants(const struct check *c);
/*
 * Begins what the policy wants checked.  The evaluation of HELO serves the
 * messages to come, but for a temperror.
 */
void	check_begin(struct check *c);
/*
 * Fills in of; waits until until_ms, then it is a temperror.  Where HELO
 * rejects, MAIL FROM is neither waited for nor told.  Once: later calls change
 * nothing.
 */
void	check_collect(struct check *c, int64_t until_ms);
/* Gives up what is not collected; the verdicts are gone. */
void	check_end(struct check *c);
void	check_forget_helo(struct flight **helo);

#endif
