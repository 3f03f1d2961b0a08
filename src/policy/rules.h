/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: for whom, on what evidence and until when another policy is in
 * force.  Pure, but for lists, whose files change while they are asked.
 */

#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy/list.h"
#include "policy/policy.h"

struct subject;
struct tally;

/*
 * Texts, one of which must be met; "!" before one excludes.  Where all
 * exclude, every other text meets them.  Borrowed.
 */
struct rule_words {
	const char *const *list;
	size_t		 count;		/* 0: no condition */
};

/* Domains that a client has to pass for: of all rules, bits of a mask. */
#define RULES_DOMAINS_MAX 64

/* Conditions, of which all must hold; NULL or 0: there is none. */
struct rule {
	const char	*name;
	struct tally	*tally;		/* of the times that it decides; NULL:
					 * they are not counted */
	int64_t		 expires_s;	/* since 1970; INT64_MAX: never */
	const struct list *client;
	const struct list *client_name;	/* confirmed names alone */
	const struct list *helo;
	const struct list *sender;	/* each reading of the sender */
	const struct list *recipient;
	struct rule_words authenticated;	/* users, or "true", "false" */
	struct rule_words daemon;
	struct rule_words port;
	enum scope	 scope;		/* of the next three */
	struct rule_words result;
	struct rule_words mechanism;	/* "all", "default", ... */
	bool		 wide_open;
	uint64_t	 passes;	/* for one of these domains */
	struct addr	 check_as;	/* the client counts as this one;
					 * AF_UNSPEC: as itself */
	const struct policy *policy;	/* where it decides */
	const char	*tag;		/* how mail is marked; NULL: as its
					 * result says */
	bool		 by_level;	/* policy has one for each level, and
					 * the list of clients says which */
};

/* The list by which most mail is told that a rule is not for it. */
enum rule_gate { RULE_GATE_CLIENT, RULE_GATE_SENDER, RULE_GATE_HELO,
	RULE_GATE_RECIPIENT, RULE_GATE_NONE };

struct rule_mark {
	enum rule_gate	 gate;
	unsigned	 conditions;	/* of rules.c: bits of those it has */
	struct list_marks marks;	/* of that list */
	bool		 adds;		/* it may want what the standard does
					 * not */
};

/* In the order in which they are tried. */
struct rules {
	struct rule	*list;
	size_t		 count;
	const struct policy *standard;	/* where none of them decides */
	struct rule_mark *marks;	/* of each rule */
	struct policy	 most;		/* that any policy of these does */
	bool		 asks_recipient;
	bool		 asks_daemon;	/* or its port */
	bool		 checks_as;	/* clients count as others */
};

/* Fills in what follows from list and standard; marks are the caller's. */
void	rules_seal(struct rules *rs);

/* What has to be found out before a rule can be judged: bits. */
#define RULES_NEED_RECIPIENT 1u
#define RULES_NEED_NAMES 2u
#define RULES_NEED_PASSES 4u
#define RULES_NEED_FINDINGS 8u

/* What is known of a message; texts are borrowed. */
struct rules_case {
	const struct subject *who;
	int64_t		 now_s;
	unsigned	 lacks;		/* RULES_NEED_* that are not known */
	const char	*recipient;	/* local@domain */
	const char *const *names;	/* confirmed, of the client */
	size_t		 name_count;
	uint64_t	 judged;	/* domains that are known about, */
	uint64_t	 passes;	/* and those the client passes for */
	const struct finding *findings[SCOPE_COUNT];	/* NULL: not checked */
};

/*
 * merged is filled in where needs is not 0: with the most that any rule that
 * may decide does, so that what it looks up is enough for each of them.
 */
struct rules_found {
	const struct rule *rule;	/* that decides; NULL: none */
	const struct policy *policy;	/* in force then */
	unsigned	 needs;		/* RULES_NEED_*: rules before it may
					 * decide; 0: all is said */
	uint64_t	 passes;	/* domains that they ask about */
};

/* The first rule that holds. */
struct rules_found rules_find(const struct rules *rs,
	    const struct rules_case *c, struct policy *merged);

/* The address as which the client is checked, by the first rule that holds. */
struct addr	 rules_check_as(const struct rules *rs,
	    const struct rules_case *c);

/* Whether clients that have not authenticated can be meant by it. */
bool		 rule_takes_strangers(const struct rule *r);

/*
 * The name of the condition by which a rule does not hold, else of one that
 * cannot be judged yet; NULL: it holds.
 */
const char	*rule_failure(const struct rule *r,
	    const struct rules_case *c);

#endif
