/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMTP connection: its events, and what they are answered.
 *
 * Two lifetimes, two structs.  The session keeps what the connection has said
 * and the evaluation of HELO; the message is made at MAIL and thrown away
 * whole at the next MAIL, at HELO, at an abort and at close.  What it is
 * judged by is its subject, what came of it are its decisions: one a
 * recipient, of which equal ones are one.  Both are small where nothing
 * happens: an idle connection holds no message, and the 3 kB of a reply exist
 * only where mail is refused.
 */

#include "config.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "conf/conf.h"
#include "mail/crowd.h"
#include "mail/session_priv.h"
#include "mail/spare.h"
#include "policy/reply.h"

enum stage {
	STAGE_NEW,		/* not connected */
	STAGE_IDLE,		/* no message is under way */
	STAGE_MESSAGE,		/* after MAIL */
	STAGE_ENDED,		/* after the end of the message */
	STAGE_COUNT
};

struct session {
	uint64_t	 number;		/* never used again */
	const struct session_env *env;
	const struct conf *conf;
	enum stage	 stage;
	const struct skip *skip;		/* of all messages, or NULL */
	bool		 is_relay;		/* the client is a relay */
	struct addr	 client;		/* by client_map */
	char		*client_name;		/* NULL: not known */
	char		*mta_name;		/* NULL: not told */
	char		*daemon;		/* NULL: not told */
	char		*port;			/* NULL: not told */
	struct identity	*helo;			/* NULL: none given yet */
	struct flight	*helo_flight;		/* of check.c */
	struct message	*message;		/* NULL: none */
};

static const struct skip
	skip_off = { .text = "checks are off" },
	skip_local = { .text = "submitted on this machine", .shown = true,
		.counter = STATS_SKIPPED_LOCAL },
	skip_trusted = { .text = "client in a trusted network", .shown = true,
		.counter = STATS_SKIPPED_TRUSTED },
	skip_authenticated = { .text = "client authenticated", .shown = true,
		.suspect = true, .counter = STATS_SKIPPED_AUTH },
	skip_policy = { .text = "skipped by policy", .shown = true,
		.suspect = true, .counter = STATS_SKIPPED_POLICY };

/* Facts of a configuration. */

static bool
checks_anything(const struct conf *c)
{
	return policy_checks(&c->rules.most, TABLE_HELO) ||
	    policy_checks(&c->rules.most, TABLE_MAILFROM) ||
	    policy_checks(&c->rules.most, TABLE_NULL_SENDER);
}

static bool
can_refuse(const struct conf *c)
{
	return policy_can_refuse(&c->rules.most);
}

static bool
has_relays(const struct conf *c)
{
	return checks_anything(c) && c->relays.count > 0;
}

void
session_needs(const struct conf *c, struct session_needs *out)
{
	const struct policy *most = &c->rules.most;

	out->rcpt = (can_refuse(c) && c->reject_at != CONF_STAGE_MAIL) ||
	    c->rules.asks_recipient;
	out->end_of_header = spare_wanted(c) || has_relays(c);
	out->headers = (checks_anything(c) && c->remove_forged) ||
	    policy_can(most, POLICY_TAG) || out->end_of_header;
	out->quarantine = policy_can(most, POLICY_QUARANTINE) ||
	    (has_relays(c) && can_refuse(c));
	out->daemon = c->rules.asks_daemon;
}

/* Stages. */

enum event { EVENT_CONNECT, EVENT_HELO, EVENT_MAIL, EVENT_RCPT, EVENT_HEADER,
	EVENT_END_OF_HEADER, EVENT_END };

/* What may come when; the rest is an error of the protocol. */
static const struct {
	const char	*name;
	bool		 at[STAGE_COUNT];
} events[] = {
	/*				new    idle   message ended */
	[EVENT_CONNECT] = { "connect", { true, false, false, false } },
	[EVENT_HELO] = { "HELO",	{ false, true, true, true } },
	[EVENT_MAIL] = { "MAIL",	{ false, true, true, true } },
	[EVENT_RCPT] = { "RCPT",	{ false, false, true, false } },
	[EVENT_HEADER] = { "header",	{ false, false, true, false } },
	[EVENT_END_OF_HEADER] = { "end of header",
	    { false, false, true, false } },
	[EVENT_END] = { "end of message", { false, false, true, false } },
};

static bool
allows(const struct session *s, enum event e)
{
	if (events[e].at[s->stage])
		return true;
	stats_inc(STATS_PROTOCOL_ERRORS);
	log_debug("unexpected %s", events[e].name);
	return false;
}

/* The message. */

static struct session_step
continues(void)
{
	return (struct session_step){ SESSION_CONTINUE, NULL };
}

/* A refusal that is still to be given, and perhaps to be dropped. */
static bool
is_held(const struct message *m)
{
	return m->check.conf->reject_at == CONF_STAGE_END &&
	    decision_refuses(&m->decision);
}

static void
free_relayed(struct relayed *r)
{
	if (r == NULL)
		return;
	check_forget_helo(&r->helo_flight);
	relay_fini_fields(&r->fields);
	identity_fini(&r->helo);
	free(r->sender);
	free(r->mta_address);
	for (size_t i = 0; i < r->rcpt_count; i++)
		free(r->rcpts[i]);
	free(r->rcpts);
	free(r);
}

static void
free_checked_as(struct checked_as *as)
{
	if (as == NULL)
		return;
	check_forget_helo(&as->helo_flight);
	identity_fini(&as->helo);
	free(as);
}

static void
forget_senders(struct subject *who)
{
	for (size_t i = 0; i < who->sender_count; i++)
		identity_fini(&who->senders[i]);
	who->sender_count = 0;
}

/* The end of a message, whatever ended it. */
static void
finish_message(struct session *s)
{
	struct message *m = s->message;

	if (m == NULL)
		return;
	if (!is_held(m))
		session_conclude(m);
	check_end(&m->check);
	evidence_end(&m->evidence);
	forget_senders(&m->who);
	for (struct answer *a = m->answers, *next; a != NULL; a = next) {
		next = a->next;
		free(a->reply);
		free(a);
	}
	session_fini_fields(&m->fields);
	spare_free(m->spare);
	free_relayed(m->relayed);
	free_checked_as(m->as);
	free(m->recipient);
	free(m->auth_user);
	free(m->queue_id);
	free(m->rcpt);
	free(m);
	s->message = NULL;
	s->stage = STAGE_IDLE;
}

/* The connection. */

struct session *
session_new(const struct session_env *env, const struct conf *conf)
{
	static _Atomic uint64_t last;
	struct session *s = xcalloc(1, sizeof(*s));

	s->number = atomic_fetch_add(&last, 1) + 1;
	s->env = env;
	s->conf = conf;
	stats_inc(STATS_SESSIONS);
	return s;
}

static void
set_helo(struct session *s, const char *arg)
{
	s->helo = xcalloc(1, sizeof(*s->helo));
	identity_from_helo(s->helo, arg);
}

static void
forget_helo(struct session *s)
{
	check_forget_helo(&s->helo_flight);
	if (s->helo != NULL)
		identity_fini(s->helo);
	free(s->helo);
	s->helo = NULL;
}

static void
forget_client(struct session *s)
{
	forget_helo(s);
	free(s->client_name);
	s->client_name = NULL;
	free(s->mta_name);
	s->mta_name = NULL;
	free(s->daemon);
	s->daemon = NULL;
	free(s->port);
	s->port = NULL;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	finish_message(s);
	forget_client(s);
	free(s);
	stats_inc(STATS_SESSIONS_ENDED);
}

static bool
has_port_zero(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return in.sin_port == 0;
	}
	memcpy(&in6, sa, sizeof(in6));
	return in6.sin6_port == 0;
}

static bool
is_name(const char *client_name)
{
	return client_name != NULL && client_name[0] != '\0' &&
	    client_name[0] != '[';
}

static const struct skip *
skip_of_client(const struct conf *c, const struct addr *client, bool local)
{
	const struct list_key key = { .client = client };

	if (!checks_anything(c))
		return &skip_off;
	if (local)
		return &skip_local;
	return list_match(c->trusted_networks, &key) ? &skip_trusted : NULL;
}

void
session_connect(struct session *s, const struct sockaddr *sa,
    const char *client_name, const char *mta_name)
{
	(void)allows(s, EVENT_CONNECT);
	finish_message(s);
	forget_client(s);
	s->stage = STAGE_IDLE;
	if (is_name(client_name))
		s->client_name = xstrdup(client_name);
	if (mta_name != NULL && mta_name[0] != '\0')
		s->mta_name = xstrdup(mta_name);

	bool known = addr_from_sockaddr(&s->client, sa);
	bool local = !known || (addr_is_loopback(&s->client) &&
	    has_port_zero(sa));

	conf_map_client(s->conf, &s->client);
	s->is_relay = !local && has_relays(s->conf) &&
	    conf_relay_of(s->conf, &s->client) != NULL;
	s->skip = s->is_relay ? NULL :
	    skip_of_client(s->conf, &s->client, local);
}

void
session_daemon(struct session *s, const char *name, const char *port)
{
	free(s->daemon);
	s->daemon = name != NULL ? xstrdup(name) : NULL;
	free(s->port);
	s->port = port != NULL ? xstrdup(port) : NULL;
}

static void
count_identity(const struct identity *id)
{
	if (id->status != IDENTITY_OK)
		stats_inc(STATS_BAD_IDENTITY);
}

/* HELO ends a message as RSET does (RFC 5321 s4.1.4). */
void
session_helo(struct session *s, const char *arg)
{
	if (!allows(s, EVENT_HELO))
		return;
	finish_message(s);
	forget_helo(s);
	if (s->skip != NULL && !s->conf->rules.checks_as)
		return;
	set_helo(s, arg);
	count_identity(s->helo);
}

/* MAIL. */

/* Fields of the message are looked at. */
static bool
sees_fields(const struct message *m)
{
	return m->check.conf->remove_forged &&
	    (m->skip == NULL || m->skip->suspect);
}

static bool
may_be_tagged(const struct message *m)
{
	return m->skip == NULL &&
	    policy_can(&m->check.conf->rules.most, POLICY_TAG);
}

/* Nothing more of the message is wanted. */
static bool
is_done(const struct message *m)
{
	if (sees_fields(m))
		return false;
	return m->skip != NULL ? !session_shows_skip(m)
	    : m->decided && m->check.conf->headers == 0 &&
	    m->decision.action < POLICY_TAG;
}

static void
set_subject(const struct session *s, const struct session_sender *from,
    struct message *m)
{
	const char *mta_name = s->mta_name != NULL ? s->mta_name
	    : s->env->hostname;
	const char *hostname = s->conf->hostname;

	m->who = (struct subject){
		.client = s->client,
		.client_name = s->client_name,
		.mta_name = mta_name,
		.receiver = hostname[0] != '\0' ? hostname : mta_name,
		.helo = s->helo,
		.authenticated = m->auth_user[0] != '\0',
		.auth_user = m->auth_user,
		.daemon = s->daemon != NULL ? s->daemon : "",
		.port = s->port != NULL ? s->port : "",
		.smtputf8 = from->smtputf8,
	};
}

/* What is needed of it once the header is there. */
static void
begin_relayed(struct message *m, const struct session_sender *from)
{
	stats_inc(STATS_RELAYED);
	m->relayed = xcalloc(1, sizeof(*m->relayed));
	m->relayed->from = m->who.client;
	m->relayed->sender = xstrdup(from->arg != NULL ? from->arg : "");
	if (spare_wanted(m->check.conf))
		m->spare = spare_new(m->check.conf);
	if (from->mta_address != NULL)
		m->relayed->mta_address = xstrdup(from->mta_address);
}

static void
skip_if_authenticated(struct message *m)
{
	if (m->skip == NULL && m->who.authenticated &&
	    m->check.conf->trust_authenticated)
		m->skip = &skip_authenticated;
}

static struct message *
begin_message(struct session *s, const struct session_sender *from)
{
	struct message *m = xcalloc(1, sizeof(*m));

	s->message = m;
	s->stage = STAGE_MESSAGE;
	m->decision.action = POLICY_ACCEPT;
	m->auth_user = xstrdup(from->auth_user != NULL ? from->auth_user : "");
	m->check = (struct check){
		.who = &m->who,
		.conf = s->conf,
		.flights = s->env->flights,
		.grace = s->env->grace,
		.breaker = s->env->breaker,
		.connection = s->number,
		.helo = &s->helo_flight,
		.want_trace = s->env->want_trace ||
		    log_enabled(LOG_LEVEL_DEBUG),
	};
	m->evidence = (struct evidence){
		.who = &m->who,
		.conf = s->conf,
		.flights = s->env->flights,
		.connection = s->number,
	};
	m->facts = (struct rules_case){
		.who = &m->who,
		.now_s = time(NULL),
		.lacks = RULES_NEED_RECIPIENT | RULES_NEED_NAMES |
		    RULES_NEED_FINDINGS,
	};
	set_subject(s, from, m);
	session_queue_id(s, from->queue_id);
	m->skip = s->skip;
	if (s->is_relay)
		begin_relayed(m, from);
	else
		skip_if_authenticated(m);
	stats_inc(STATS_MESSAGES);
	return m;
}

static void
skip_message(const struct session *s, const char *sender)
{
	const struct message *m = s->message;

	if (m->skip != &skip_off)
		stats_inc(m->skip->counter);
	if (m->skip == &skip_trusted && s->env->crowd != NULL)
		crowd_watch(s->env->crowd, &m->who, sender,
		    s->conf->trusted_networks);
	session_log_skipped(m, sender);
}

/* Who may be a forwarder is asked about while the rest is. */
static void
begin_forwarder(struct message *m)
{
	struct policy unused;
	struct rules_found found = rules_find(
	    &m->check.conf->forwarder_rules, &m->facts, &unused);

	m->check.excusable = found.rule != NULL || found.needs != 0;
	if (found.rule == NULL)
		evidence_begin(&m->evidence, &found);
}

/* What any rule that may decide wants checked; of no rule, the standard. */
static void
begin_checks(struct message *m)
{
	if (m->facts.who->client.family == AF_UNSPEC ||
	    m->check.unknown_client != NULL) {
		m->facts.lacks &= ~RULES_NEED_NAMES;
		m->facts.judged = UINT64_MAX;
	}
	m->found = rules_find(&m->check.conf->rules, &m->facts, &m->merged);
	m->check.settled = m->found.needs == 0;
	m->check.policy = m->check.settled ? m->found.policy : &m->merged;
	if (check_wants(&m->check)) {
		if (m->check.unknown_client == NULL)
			begin_forwarder(m);
		check_begin(&m->check);
		evidence_begin(&m->evidence, &m->found);
		return;
	}
	m->skip = &skip_policy;
	if (m->found.rule != NULL && m->check.settled)
		tally_hit(m->found.rule->tally, m->facts.now_s);
}

/* m->who.helo is set. */
static void
check_message(struct message *m, const char *sender, const char *mta_address)
{
	m->who.sender_count = identity_senders(m->who.senders, sender,
	    mta_address, m->who.helo);
	if (!m->who.senders[0].null_sender)
		count_identity(&m->who.senders[0]);
	if (m->as != NULL) {
		memcpy(m->as->seen.senders, m->who.senders,
		    sizeof(m->as->seen.senders));
		m->as->seen.sender_count = m->who.sender_count;
	}
	begin_checks(m);
	if (m->skip == NULL && m->spare == NULL && spare_wanted(m->check.conf))
		m->spare = spare_new(m->check.conf);
}

static void
check_client(struct session *s, const struct session_sender *from)
{
	if (s->helo == NULL)
		set_helo(s, NULL);
	s->message->who.helo = s->helo;
	check_message(s->message, from->arg, from->mta_address);
}

/* Whom the next hop will see in place of the client; AF_UNSPEC: the client. */
static struct addr
find_check_as(struct session *s, const struct session_sender *from)
{
	struct message *m = s->message;

	if (s->helo == NULL)
		set_helo(s, NULL);
	m->who.helo = s->helo;
	m->who.sender_count = identity_senders(m->who.senders, from->arg,
	    from->mta_address, s->helo);
	struct addr as = rules_check_as(&s->conf->rules, &m->facts);
	forget_senders(&m->who);
	return as;
}

/* False: no rule says so. */
static bool
check_as(struct session *s, const struct session_sender *from)
{
	struct message *m = s->message;

	if (!s->conf->rules.checks_as || m->skip == &skip_off)
		return false;
	const struct addr client = find_check_as(s, from);
	if (client.family == AF_UNSPEC)
		return false;
	m->as = xcalloc(1, sizeof(*m->as));
	m->as->seen = m->who;
	m->facts.who = &m->as->seen;
	m->evidence.who = &m->as->seen;
	identity_from_helo(&m->as->helo, m->who.receiver);
	m->check.helo = &m->as->helo_flight;
	m->who.helo = &m->as->helo;
	m->who.client = client;
	m->who.client_name = NULL;
	m->skip = NULL;
	check_message(m, from->arg, from->mta_address);
	return true;
}

struct session_step
session_mail(struct session *s, const struct session_sender *from)
{
	struct session_step step = continues();

	if (!allows(s, EVENT_MAIL))
		return step;
	finish_message(s);

	struct message *m = begin_message(s, from);

	if (m->relayed != NULL)
		return step;
	if (!check_as(s, from) && m->skip == NULL)
		check_client(s, from);
	if (m->skip != NULL)
		skip_message(s, from->arg);
	else if (s->conf->reject_at == CONF_STAGE_MAIL && can_refuse(s->conf))
		step = session_judge(m);
	if (step.kind == SESSION_CONTINUE && is_done(m))
		step.kind = SESSION_ACCEPT;
	if (step.kind != SESSION_CONTINUE)
		session_conclude(m);
	return step;
}

/* RCPT and later. */

/* Decided on at the end. */
static void
keep_recipient(struct relayed *r, const char *to)
{
	if (r->rcpts == NULL)
		r->rcpts = xcalloc(SESSION_RCPTS_MAX, sizeof(*r->rcpts));
	if (r->rcpt_count < SESSION_RCPTS_MAX)
		r->rcpts[r->rcpt_count++] = xstrdup(to);
}

struct session_step
session_rcpt(struct session *s, const char *to)
{
	struct message *m = s->message;

	if (!allows(s, EVENT_RCPT))
		return continues();
	if (m->rcpt == NULL)
		m->rcpt = xstrdup(to);
	m->rcpt_count++;
	if (m->relayed != NULL && s->conf->rules.asks_recipient)
		keep_recipient(m->relayed, to);
	return m->relayed == NULL && m->skip == NULL &&
	    (can_refuse(s->conf) || s->conf->rules.asks_recipient) ?
	    session_judge_recipient(m, to) : continues();
}

void
session_header(struct session *s, const char *name, const char *value)
{
	struct message *m = s->message;

	if (!allows(s, EVENT_HEADER))
		return;
	if (sees_fields(m))
		session_see_field(m, name, value);
	if (m->spare != NULL)
		spare_see_field(m->spare, name, value);
	if (may_be_tagged(m) && util_eq_nocase(name, "Subject"))
		session_see_subject(m, value);
	if (m->relayed != NULL && util_eq_nocase(name, "Received"))
		relay_see_field(&m->relayed->fields, value);
}

/* From now on the subject is who has given the message to the relay. */
static void
trace_relayed(struct session *s)
{
	struct message *m = s->message;
	struct relayed *r = m->relayed;
	struct relay_origin *from = &r->origin;

	r->traced = true;
	relay_trace(s->conf, &r->fields, &r->from, from);
	identity_from_helo(&r->helo, from->helo);
	m->who.client = from->client;
	m->who.client_name = NULL;
	m->who.helo = &r->helo;
	m->who.relayed_by = from->by;
	m->who.authenticated = from->authenticated;
	m->who.auth_user = "";		/* that was the relay */
	m->check.helo = &r->helo_flight;
	m->check.bounces = !from->refuse;
	m->check.unknown_client = from->problem;
	if (from->problem == NULL) {
		m->skip = skip_of_client(s->conf, &from->client, false);
		skip_if_authenticated(m);
		count_identity(&r->helo);
	}
	if (m->skip == NULL)
		check_message(m, r->sender, r->mta_address);
	if (m->skip != NULL)
		skip_message(s, r->sender);
}

/* All fields have come. */
static void
end_header(struct session *s)
{
	struct relayed *r = s->message->relayed;

	if (r != NULL && !r->traced)
		trace_relayed(s);
}

void
session_end_of_header(struct session *s)
{
	if (!allows(s, EVENT_END_OF_HEADER))
		return;
	end_header(s);
	session_begin_spare(s->message);
}

struct session_step
session_end(struct session *s, const struct session_edit **edits, size_t *n)
{
	struct message *m = s->message;
	struct session_step step = continues();

	*edits = NULL;
	*n = 0;
	if (!allows(s, EVENT_END))
		return step;
	end_header(s);
	s->stage = STAGE_ENDED;
	step = session_judge_end(m);
	session_conclude(m);
	if (step.kind == SESSION_CONTINUE)
		session_make_edits(m);
	*edits = m->fields.edits;
	*n = m->fields.edit_count;
	return step;
}

void
session_abort(struct session *s)
{
	finish_message(s);
}

void
session_queue_id(struct session *s, const char *id)
{
	struct message *m = s->message;

	if (m == NULL || id == NULL || id[0] == '\0' || m->queue_id != NULL)
		return;
	m->queue_id = xstrdup(id);
	m->who.queue_id = m->queue_id;
}

/* For the dry run. */

const struct eval_verdict *
session_verdict(const struct session *s, enum scope scope)
{
	return s->message != NULL ? s->message->check.of[scope].verdict : NULL;
}

const struct identity *
session_identity(const struct session *s, enum scope scope)
{
	return s->message->check.of[scope].id;
}

const struct decision *
session_decision(const struct session *s)
{
	return &s->message->decision;
}

const char *
session_skip_reason(const struct session *s)
{
	return s->message != NULL && s->message->skip != NULL
	    ? s->message->skip->text : NULL;
}

const struct rules_case *
session_facts(const struct session *s)
{
	const struct message *m = s->message;

	return m->who.sender_count > 0 ? &m->facts : NULL;
}
