/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMTP connection: events in, steps and edits out.  Knows no libmilter
 * type; the daemon and the dry run drive the same code.
 */

#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "policy/reply.h"

struct breaker;
struct conf;
struct crowd;
struct decision;
struct eval_verdict;
struct flights;
struct grace;
struct identity;
struct rules_case;
struct session;
struct sockaddr;

struct session_env {
	struct flights	*flights;
	const char	*hostname;	/* ours, where neither configuration
					 * nor MTA names one */
	struct crowd	*crowd;		/* NULL: nobody is warned */
	struct grace	*grace;		/* NULL: a temperror has no end */
	struct breaker	*breaker;	/* NULL: it is never our own fault */
	bool		 want_trace;	/* verdicts have theirs; at log level
					 * debug, too */
};

enum session_step_kind {
	SESSION_CONTINUE,
	SESSION_ACCEPT,		/* at MAIL: nothing more of this message is
				 * wanted */
	SESSION_TEMPFAIL,
	SESSION_REJECT
};

/* reply is set for TEMPFAIL and REJECT, and borrowed until the next call. */
struct session_step {
	enum session_step_kind	 kind;
	const struct reply	*reply;
};

enum session_edit_kind {
	SESSION_DELETE,		/* occurrence index (from 1) of name */
	SESSION_CHANGE,		/* the same gets value; 1 of none is added */
	SESSION_INSERT,		/* before all fields, the MTA's own included */
	SESSION_QUARANTINE	/* the message is held, for the reason value */
};

/* Apply in the given order: deletions come first, from the last index. */
struct session_edit {
	enum session_edit_kind	 kind;
	unsigned		 index;
	const char		*name;
	const char		*value;		/* folded */
};

/* What the MTA tells with MAIL FROM; NULL: nothing. */
struct session_sender {
	const char	*arg;		/* as the client typed it */
	const char	*mta_address;	/* what the MTA has made of it, see
					 * identity_senders */
	const char	*auth_user;	/* or "": not authenticated */
	const char	*queue_id;
	bool		 smtputf8;	/* the message is internationalised
					 * (RFC 6531) */
};

/* What a configuration needs the MTA to send; the rest is negotiated away. */
struct session_needs {
	bool	rcpt;			/* refusals at RCPT, rules by it */
	bool	headers;		/* fields must be seen */
	bool	end_of_header;		/* it must be told of */
	bool	quarantine;		/* it is asked to hold mail */
	bool	daemon;			/* rules by daemon or port */
};
void	session_needs(const struct conf *c, struct session_needs *out);

/*
 * All functions of one session: one thread at a time, any thread.  conf is
 * borrowed and must outlive the session; env too.  Events in an order that
 * the milter protocol does not know are counted and change nothing.
 *
 * session_connect: sa NULL (or loopback with port 0, which is how Postfix
 *   shows its own sendmail(1)) is mail submitted on this machine.  client_name
 *   is what the MTA calls the client, NULL or "[address]" where it knows no
 *   name; mta_name the MTA's own name (its j macro) or NULL.
 * session_helo: may come any number of times, the last one counts.
 * session_mail: ends any earlier message.
 *   SESSION_ACCEPT: not checked, or all is known and no field is added.
 * session_rcpt: to is the argument as typed.  The verdicts are collected here
 *   where reject_at says so.  The answer is for this recipient: never ACCEPT,
 *   with which the MTA would take others too.
 * session_header: for fields of the message, in order; name without colon.
 * session_end_of_header: all fields have come.  Mail of a relay begins to be
 *   checked here; where it is not told, at the end.
 * session_end: *edits is borrowed until the next call.  The message keeps its
 *   memory for it: call session_abort once they are applied.
 * session_abort: ends the message, keeps the connection; may come twice.
 */
struct session	*session_new(const struct session_env *env,
		    const struct conf *conf);
void		 session_free(struct session *s);	/* NULL allowed */

void	session_connect(struct session *s, const struct sockaddr *sa,
	    const char *client_name, const char *mta_name);
/* After session_connect: the daemon of the MTA and its port; NULL: not told. */
void	session_daemon(struct session *s, const char *name, const char *port);
void	session_helo(struct session *s, const char *arg);
struct session_step session_mail(struct session *s,
	    const struct session_sender *from);
struct session_step session_rcpt(struct session *s, const char *to);
void	session_header(struct session *s, const char *name,
	    const char *value);
void	session_end_of_header(struct session *s);
struct session_step session_end(struct session *s,
	    const struct session_edit **edits, size_t *n);
void	session_abort(struct session *s);

/* The queue id, where the MTA tells it after MAIL; NULL ignored. */
void	session_queue_id(struct session *s, const char *id);

/*
 * For the dry run, of the current message: the verdict of a scope, NULL where
 * it was not checked, and on whom it is; what was decided; and why the message
 * was not checked at all, or NULL.
 */
const struct eval_verdict *session_verdict(const struct session *s,
	    enum scope scope);
const struct identity *session_identity(const struct session *s,
	    enum scope scope);
const struct decision *session_decision(const struct session *s);
const char	*session_skip_reason(const struct session *s);
/* What its rules were asked by, with the last recipient; NULL: not asked. */
const struct rules_case *session_facts(const struct session *s);

#endif
