/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of session: its two lifetimes, and the texts made of them. */

#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include "base/addr.h"
#include "base/result.h"
#include "eval/eval.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "spf/identity.h"

struct flight;

/* What keeps a message from being checked. */
enum skip {
	SKIP_NOT,
	SKIP_OFF,
	SKIP_UNKNOWN,
	SKIP_LOCAL,		/* from here on a field may say why */
	SKIP_TRUSTED,
	SKIP_AUTH
};

/* Received-SPF of two scopes and Authentication-Results. */
#define SESSION_INSERTS_MAX 3

/* Fields of ours that tell of no identity, and that others may forge. */
#define SESSION_RESULTS "Authentication-Results"
#define SESSION_SKIPPED "X-SPF-Skipped"

/* A reading of MAIL FROM, and its evaluation. */
struct sender {
	struct identity	 id;
	struct flight	*flight;		/* NULL: that of HELO serves,
						 * or no lookup */
	struct eval_verdict made;		/* the verdict without flight */
};

struct message {
	enum skip	 skip;
	struct sender	 senders[IDENTITY_SENDERS_MAX];
	size_t		 sender_count;
	struct sender	*sender;		/* the one that counts */
	bool		 smtputf8;
	char		*queue_id;		/* NULL: not told */
	char		*rcpt;			/* the first; NULL: none told */
	unsigned	 rcpt_count;		/* 0: not known */

	struct eval_verdict made_helo;		/* as that of a sender */
	const struct eval_verdict *verdict[SCOPE_COUNT];	/* collected */

	bool		 decided;
	struct decision	 decision;
	bool		 concluded;		/* counted and logged */
	bool		 ended;
	struct reply	*reply;			/* of a refusal, else NULL */

	unsigned	 results_seen;	/* Authentication-Results so far */
	unsigned	 skips_seen;	/* X-SPF-Skipped so far */
	struct session_edit *forged;	/* deletions, in order of the fields */
	size_t		 forged_count;
	size_t		 forged_room;
	bool		 brings_received_spf;
	struct session_edit *edits;
	size_t		 edit_count;
	char		*values[SESSION_INSERTS_MAX];	/* of edits */
	size_t		 value_count;
};

struct session {
	const struct session_env *env;
	const struct conf *conf;
	bool		 connected;
	enum skip	 skip;			/* of all messages */
	struct addr	 client;
	char		*client_name;		/* NULL: not known */
	char		*receiver;		/* the MTA's name, or NULL */
	struct identity	*helo;			/* NULL: none given yet */
	struct flight	*helo_flight;		/* NULL: no lookup */
	struct message	*message;		/* NULL: none under way */
};

const char	*session_our_name(const struct session *s);

/* HELO is known; arg NULL: there was none. */
void	session_set_helo(struct session *s, const char *arg);
void	session_forget_helo(struct session *s);
/* MAIL FROM is known. */
void	session_set_senders(const struct session *s, const char *arg,
	    const char *mta_address);
void	session_forget_senders(struct message *m);
/* The evaluations that the message needs are begun. */
void	session_check_mail(struct session *s);
/* Collects the verdicts and decides. */
void	session_decide(const struct session *s);
/*
 * Counts and logs the message, once, if it is decided: at its end, where every
 * MTA has told the queue id and the recipients, or where no more will be told.
 */
void	session_conclude(const struct session *s);

/* Of a message that is checked; NULL flight: not looked up. */
struct flight		*session_flight(const struct session *s,
			    enum scope scope);

/* The log line of a checked message; the debug line of another one. */
void	session_log(const struct session *s);
void	session_log_skipped(const struct session *s, const char *sender);
/* The reply of a refusal. */
void	session_make_reply(const struct session *s);
/*
 * Deletions and insertions for a message that is let through.  show_skip: a
 * field says why it was not checked.
 */
void	session_make_edits(const struct session *s, bool show_skip);

#endif
