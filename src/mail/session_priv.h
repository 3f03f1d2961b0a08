/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of session: its two lifetimes, and what a message is given. */

#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include "base/stats.h"
#include "mail/check.h"
#include "mail/evidence.h"
#include "mail/relay.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "spf/subject.h"

/* Why a message is not checked. */
struct skip {
	const char	*text;
	bool		 shown;		/* a field may say why */
	bool		 suspect;	/* fields of it may be forged */
	enum stats_counter counter;
};

/* Received-SPF of two scopes and Authentication-Results. */
#define SESSION_RESULTS_MAX 3

/* Subject fields that get a prefix. */
#define SESSION_SUBJECTS_MAX 16

/*
 * Forged fields that are removed from one message.  No honest message has so
 * many.  Above it the message is refused at any level: a forged result must
 * not be delivered, no mail may vanish, and what is forged now will be so at
 * a later try.  Postfix reads its queue file once for each removal, so 10,000
 * would keep it busy for seconds; sendmail takes less than 1,000 fields.
 */
#define SESSION_FORGED_MAX 1000

/* Fields of ours that a message brings, and what is done at its end. */
struct fields {
	unsigned	 results_seen;	/* Authentication-Results so far */
	unsigned	 skips_seen;	/* X-SPF-Skipped so far */
	struct session_edit *forged;	/* deletions, in order of the fields */
	size_t		 forged_count;
	size_t		 forged_room;
	bool		 brings_received_spf;
	unsigned	*marks_seen;	/* of each name in conf's marks; NULL:
					 * none has come */
	char		*subjects[SESSION_SUBJECTS_MAX];
	size_t		 subject_count;
	struct session_edit *edits;
	size_t		 edit_count;
	char		**values;	/* of edits, to be freed */
	size_t		 value_count;
};

/* What the recipients of equal decisions are answered. */
struct answer {
	struct answer	*next;
	struct decision	 decision;
	struct reply	*reply;		/* of a refusal, else NULL */
};

/* Of a message from a relay; no MTA takes more by default. */
#define SESSION_RCPTS_MAX 1000

/*
 * A message from a relay: its client is known once its fields are, so nothing
 * is checked before.
 */
struct relayed {
	struct addr	 from;
	struct relay_fields fields;
	struct relay_origin origin;
	bool		 traced;
	char		*sender;	/* as in session_sender */
	char		*mta_address;
	struct identity	 helo;		/* what the client said to the relay */
	struct flight	*helo_flight;
	char		**rcpts;	/* where rules want them */
	size_t		 rcpt_count;
};

/*
 * Mail of ours that is checked as the next hop will: with our public address
 * and our name.
 */
struct checked_as {
	struct subject	 seen;		/* who has brought it, for rules */
	struct identity	 helo;
	struct flight	*helo_flight;
};

struct message {
	struct subject	 who;
	const struct rule *forwarder;	/* of conf; NULL: none, or nothing that
					 * it could excuse */
	bool		 forwarder_unsure;	/* the DNS does not say */
	struct checked_as *as;		/* NULL: the client counts as itself */
	struct relayed	*relayed;	/* NULL: its client has connected */
	char		*queue_id;	/* of who */
	char		*auth_user;	/* of who */
	const struct skip *skip;	/* NULL: checked */
	struct rules_case facts;	/* what rules are asked by */
	struct rules_found found;	/* the rule, at the recipient that was
					 * asked for last */
	struct policy	 merged;	/* of the rules that may decide */
	struct evidence	 evidence;
	char		*recipient;	/* of facts */
	struct check	 check;
	struct answer	*answers;	/* NULL: not decided */
	const struct answer *lead;	/* of the first accepted recipient */
	struct decision	 decision;	/* of the whole: the mildest so far */
	bool		 decided;	/* decision is one */
	bool		 concluded;	/* counted and logged */
	char		*rcpt;		/* the first; NULL: none told */
	unsigned	 rcpt_count;
	struct spare	*spare;		/* NULL: nothing spares it */
	struct fields	 fields;
};

/*
 * Decisions, for all recipients, for one, and at the end of the message, which
 * may come without any before.  They wait as long as the MTA may.
 */
struct session_step session_judge(struct message *m);
struct session_step session_judge_recipient(struct message *m, const char *to);
struct session_step session_judge_end(struct message *m);
/* What may be refused is asked for while its body comes. */
void	session_begin_spare(struct message *m);
/*
 * Counts and logs the message, once, if it is decided: at its end, where every
 * MTA has told the queue id and the recipients, or where no more will be told.
 */
void	session_conclude(struct message *m);

/* The log line of a checked message; the debug line of another one. */
void	session_log(const struct message *m);
void	session_log_skipped(const struct message *m, const char *sender);
/* What its evaluations did, in lines of level debug. */
void	session_log_traces(const struct message *m);

/* The text of a refusal; the caller's to free. */
struct reply	*session_make_reply(const struct message *m,
		    const struct decision *d);

/* A field of the message that has come. */
void	session_see_field(struct message *m, const char *name,
	    const char *value);
/* The subject of a message that may be tagged. */
void	session_see_subject(struct message *m, const char *value);
/* Edits for a message that is let through. */
void	session_make_edits(struct message *m);
bool	session_shows_skip(const struct message *m);
void	session_fini_fields(struct fields *f);

#endif
