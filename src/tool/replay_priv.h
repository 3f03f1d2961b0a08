/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of replay: what messages come to, counted. */

#ifndef REPLAY_PRIV_H
#define REPLAY_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"

#define REPLAY_GROUPS_MAX 1000	/* kinds of outcomes; more are one */
#define REPLAY_EXAMPLES 5

struct maillog_entry;

/* What one configuration does with a message. */
struct replay_outcome {
	enum policy_action	 action;
	const char		*result;	/* "": not checked */
	const char		*rule;		/* "": none */
};

/* Messages that come to the same, by both configurations. */
struct replay_group {
	enum policy_action	 actions[2];
	char			*rules[2];
	uint64_t		 messages;
	char			*examples[REPLAY_EXAMPLES];
	size_t			 example_count;
};

struct replay_totals {
	uint64_t	 lines;
	uint64_t	 played;	/* that differ */
	uint64_t	 messages;
	uint64_t	 digest;	/* of what was played, in order */
	struct replay_group groups[REPLAY_GROUPS_MAX];
	size_t		 group_count;
};

/* o has one outcome, or two. */
void	replay_count(struct replay_totals *t, const struct replay_outcome *o,
	    bool compared, const struct maillog_entry *e, uint64_t messages);
/* The groups of most messages first. */
void	replay_sort(struct replay_totals *t);
void	replay_totals_free(struct replay_totals *t);

void	replay_print_text(const struct replay_totals *t,
	    const char *against, FILE *out);
void	replay_print_message(const struct maillog_entry *e,
	    uint64_t messages, const struct replay_outcome *o, bool compared,
	    FILE *out);
void	replay_print_json(const struct replay_totals *t, bool compared,
	    FILE *out);

/*
 * What of the log named so was played, by which configurations, is in the
 * file path.  False: errno, or 0 for a file that is none of ours or of
 * something else.  A file that is missing is an empty one.
 */
bool	replay_load(struct replay_totals *t, const char *path,
	    const char *about);
bool	replay_save(const struct replay_totals *t, const char *path,
	    const char *about);

#endif
