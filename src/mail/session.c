/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMTP connection: its events, and what they are answered.
 *
 * Two lifetimes, two structs.  The session keeps the client, the HELO
 * identity and its evaluation; the message is made at MAIL and thrown away
 * whole at the next MAIL, at HELO, at an abort and at close.  Both are small
 * where nothing happens: an idle connection holds no message, and the 3 kB of
 * a reply exist only where mail is refused.
 *
 * Fields that claim an SPF result of ours are forged (RFC 8601 s5), and so is
 * X-SPF-Skipped: they are removed, whatever kind of field we add.  A
 * Received-SPF claims nothing of the kind, yet OpenDMARC believes the first
 * one that it finds; so ours comes to stand above it, though we would have
 * added none.  Clients in trusted networks may hand back what we have said;
 * authenticated ones may not.
 */

#include "config.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "eval/flight.h"
#include "mail/crowd.h"
#include "mail/session_priv.h"
#include "policy/authres.h"
#include "policy/reply.h"

/*
 * Forged fields that are removed from one message.  No honest message has so
 * many.  Above it the message is refused at any level: a forged result must
 * not be delivered, no mail may vanish, and what is forged now will be so at
 * a later try.  Postfix reads its queue file once for each removal, so 10,000
 * would keep it busy for seconds; sendmail takes less than 1,000 fields.
 */
#define FORGED_MAX 1000

#define HOUR_MS INT64_C(3600000)

static const struct {
	const char	*text;
	enum stats_counter counter;
} skips[] = {
	[SKIP_NOT] = { NULL, STATS_MESSAGES },
	[SKIP_OFF] = { "checks are off", STATS_MESSAGES },
	[SKIP_UNKNOWN] = { "client not known", STATS_PROTOCOL_ERRORS },
	[SKIP_LOCAL] = { "submitted on this machine", STATS_SKIPPED_LOCAL },
	[SKIP_TRUSTED] = { "client in a trusted network",
	    STATS_SKIPPED_TRUSTED },
	[SKIP_AUTH] = { "client authenticated", STATS_SKIPPED_AUTH },
};

/* Facts of a configuration. */

static bool
checks_anything(const struct conf *c)
{
	return policy_checks(&c->policy, SCOPE_HELO) ||
	    policy_checks(&c->policy, SCOPE_MAILFROM);
}

static bool
can_refuse(const struct conf *c)
{
	return policy_can_refuse(&c->policy, SCOPE_HELO) ||
	    policy_can_refuse(&c->policy, SCOPE_MAILFROM);
}

void
session_needs(const struct conf *c, struct session_needs *out)
{
	bool checks = checks_anything(c);
	bool refuses = can_refuse(c);

	out->rcpt = refuses && c->reject_at == CONF_STAGE_RCPT;
	out->headers = checks && c->remove_forged;
	/* Where nothing is refused, the end is where verdicts are logged. */
	out->end = checks && (c->headers != 0 || c->remove_forged ||
	    c->add_header_on_skip || !refuses);
}

static const char *
mta_name(const struct session *s)
{
	return s->receiver != NULL ? s->receiver : s->env->hostname;
}

const char *
session_our_name(const struct session *s)
{
	return s->conf->hostname[0] != '\0' ? s->conf->hostname : mta_name(s);
}

struct session *
session_new(const struct session_env *env, const struct conf *conf)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->env = env;
	s->conf = conf;
	stats_inc(STATS_SESSIONS);
	return s;
}

/* The end of a message, whatever ended it. */
static void
finish_message(struct session *s)
{
	struct message *m = s->message;

	if (m == NULL)
		return;
	session_conclude(s);
	session_forget_senders(m);
	free(m->queue_id);
	free(m->rcpt);
	free(m->reply);
	for (size_t i = 0; i < m->value_count; i++)
		free(m->values[i]);
	free(m->edits);
	free(m->forged);
	free(m);
	s->message = NULL;
}

static void
forget_client(struct session *s)
{
	session_forget_helo(s);
	free(s->client_name);
	s->client_name = NULL;
	free(s->receiver);
	s->receiver = NULL;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	finish_message(s);
	forget_client(s);
	free(s);
}

/* An event that the protocol does not allow here. */
static struct session_step
protocol_error(const char *event)
{
	stats_inc(STATS_PROTOCOL_ERRORS);
	log_debug("unexpected %s", event);
	return (struct session_step){ SESSION_CONTINUE, NULL };
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

void
session_connect(struct session *s, const struct sockaddr *sa,
    const char *client_name, const char *receiver)
{
	const struct conf *c = s->conf;

	if (s->connected)
		protocol_error("connect");
	finish_message(s);
	forget_client(s);
	if (is_name(client_name))
		s->client_name = xstrdup(client_name);
	if (receiver != NULL && receiver[0] != '\0')
		s->receiver = xstrdup(receiver);

	bool known = addr_from_sockaddr(&s->client, sa);

	s->connected = true;
	if (!checks_anything(c))
		s->skip = SKIP_OFF;
	else if (!known ||
	    (addr_is_loopback(&s->client) && has_port_zero(sa)))
		s->skip = SKIP_LOCAL;
	else if (addr_set_contains(&c->trusted_networks, &s->client))
		s->skip = SKIP_TRUSTED;
	else
		s->skip = SKIP_NOT;
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
	finish_message(s);
	session_forget_helo(s);
	if (!s->connected) {
		protocol_error("HELO");
		return;
	}
	if (s->skip != SKIP_NOT)
		return;
	session_set_helo(s, arg);
	count_identity(s->helo);
}

static enum skip
skip_of(const struct session *s, const char *auth_user)
{
	if (!s->connected)
		return SKIP_UNKNOWN;
	if (s->skip == SKIP_NOT && s->conf->trust_authenticated &&
	    auth_user != NULL && auth_user[0] != '\0')
		return SKIP_AUTH;
	return s->skip;
}

/* A field says why a message was not checked. */
static bool
shows_skip(const struct session *s, enum skip skip)
{
	return s->conf->add_header_on_skip && skip >= SKIP_LOCAL;
}

/* Fields of the message are looked at. */
static bool
sees_fields(const struct session *s, enum skip skip)
{
	return s->conf->remove_forged &&
	    (skip == SKIP_NOT || skip == SKIP_AUTH);
}

/* Nothing more of the message is wanted. */
static bool
is_done(const struct session *s, const struct message *m)
{
	if (m->skip == SKIP_UNKNOWN || sees_fields(s, m->skip))
		return false;
	return m->skip == SKIP_NOT ? m->decided && s->conf->headers == 0
	    : !shows_skip(s, m->skip);
}

/* What the stages from MAIL on answer, as far as it is known. */
static struct session_step
current_step(const struct session *s)
{
	const struct message *m = s->message;
	struct session_step step = { SESSION_CONTINUE, NULL };

	if (m->reply != NULL) {
		step.kind = m->decision.action == POLICY_REJECT ?
		    SESSION_REJECT : SESSION_TEMPFAIL;
		step.reply = m->reply;
	} else if (is_done(s, m)) {
		step.kind = SESSION_ACCEPT;
	}
	return step;
}

/* name is domain or below it. */
static bool
is_below(const char *name, const char *domain, size_t len)
{
	size_t all = strlen(name);

	return all >= len && util_has_prefix_nocase(name + all - len, len,
	    domain) && (all == len || name[all - len - 1] == '.');
}

/*
 * A client that is trusted for no other reason than its private address is
 * one machine, and all clients if they are hidden behind it.
 */
static bool
may_be_crowd(const struct session *s, const char *auth_user)
{
	unsigned bits = addr_private_bits(&s->client);

	return s->env->crowd != NULL && s->message->skip == SKIP_TRUSTED &&
	    bits > 0 && (auth_user == NULL || auth_user[0] == '\0') &&
	    addr_set_longest(&s->conf->trusted_networks, &s->client)->len <=
	    bits;
}

static void
watch_crowd(const struct session *s, const char *from, const char *auth_user)
{
	static struct log_limit limit;
	const char *at = from != NULL ? strrchr(from, '@') : NULL;
	char client[ADDR_TEXT_SIZE];
	unsigned others;

	if (at == NULL || !may_be_crowd(s, auth_user))
		return;
	size_t len = strcspn(++at, "> \t");
	if (is_below(session_our_name(s), at, len) ||
	    !crowd_note(s->env->crowd, &s->client, at, len, util_now_ms()) ||
	    !log_limit_pass(&limit, HOUR_MS, &others))
		return;
	log_warning("%s brings mail of many domains and is not checked because "
	    "its address is private: if all clients look like it, the MTA "
	    "does not see their real addresses (NAT, proxy, container "
	    "bridge); else name it in trusted_networks",
	    addr_format(&s->client, client));
}

struct session_step
session_mail(struct session *s, const struct session_sender *from)
{
	finish_message(s);

	struct message *m = xcalloc(1, sizeof(*m));

	s->message = m;
	m->decision.action = POLICY_ACCEPT;
	m->sender = &m->senders[0];
	m->skip = skip_of(s, from->auth_user);
	m->smtputf8 = from->smtputf8;
	session_queue_id(s, from->queue_id);
	stats_inc(STATS_MESSAGES);
	if (m->skip > SKIP_OFF)
		stats_inc(skips[m->skip].counter);
	watch_crowd(s, from->arg, from->auth_user);
	if (m->skip != SKIP_NOT) {
		session_log_skipped(s, from->arg);
		return current_step(s);
	}

	if (s->helo == NULL)
		session_set_helo(s, NULL);
	session_set_senders(s, from->arg, from->mta_address);
	if (!m->sender->id.null_sender)
		count_identity(&m->sender->id);
	session_check_mail(s);
	if (s->conf->reject_at == CONF_STAGE_MAIL && can_refuse(s->conf))
		session_decide(s);

	struct session_step step = current_step(s);

	if (step.kind != SESSION_CONTINUE)
		session_conclude(s);
	return step;
}

/*
 * The decision does not depend on the recipient, but the MTA logs it with
 * the refusal.
 */
struct session_step
session_rcpt(struct session *s, const char *to)
{
	struct message *m = s->message;

	if (m == NULL || m->ended)
		return protocol_error("RCPT");
	if (m->rcpt == NULL)
		m->rcpt = xstrdup(to);
	m->rcpt_count++;
	if (m->skip == SKIP_NOT && !m->decided && can_refuse(s->conf))
		session_decide(s);

	struct session_step step = current_step(s);

	if (step.kind == SESSION_ACCEPT) {
		m->rcpt_count = 0;	/* more may come, but not to us */
		session_conclude(s);
	}
	return step;
}

/* In our name, or in that of the MTA, which other filters of it go by. */
static bool
is_forged(const struct session *s, const char *value)
{
	return authres_claims_spf(value) &&
	    (authres_claims_id(value, session_our_name(s)) ||
	    authres_claims_id(value, mta_name(s)));
}

static void
note_forged(struct message *m, const char *name, unsigned index)
{
	if (m->forged_count > FORGED_MAX)
		return;
	if (m->forged_count == m->forged_room) {
		m->forged_room = 2 * m->forged_room + 8;
		m->forged = xreallocarray(m->forged, m->forged_room,
		    sizeof(*m->forged));
	}
	m->forged[m->forged_count++] = (struct session_edit){
		.kind = SESSION_DELETE,
		.index = index,
		.name = name,
	};
}

static void
see_results(const struct session *s, struct message *m, const char *value)
{
	m->results_seen++;
	if (is_forged(s, value))
		note_forged(m, SESSION_RESULTS, m->results_seen);
}

void
session_header(struct session *s, const char *name, const char *value)
{
	struct message *m = s->message;

	if (m == NULL || m->ended)
		protocol_error("header");
	else if (!sees_fields(s, m->skip))
		return;
	else if (util_eq_nocase(name, SESSION_RESULTS))
		see_results(s, m, value);
	else if (util_eq_nocase(name, SESSION_SKIPPED))
		note_forged(m, SESSION_SKIPPED, ++m->skips_seen);
	else if (util_eq_nocase(name, "Received-SPF"))
		m->brings_received_spf = true;
}

static void
refuse_forgeries(struct message *m)
{
	log_warning("refused a message with more than %d forged fields",
	    FORGED_MAX);
	m->decision = decide_forged(&m->decision);
	m->reply = xcalloc(1, sizeof(*m->reply));
	m->reply->code = 550;
	util_copy(m->reply->enhanced, sizeof(m->reply->enhanced), "5.7.1");
	util_copy(m->reply->text, sizeof(m->reply->text),
	    "Too many header fields claim to be ours");
	if (m->skip != SKIP_NOT)
		stats_inc(STATS_REJECTED);
}

struct session_step
session_end(struct session *s, const struct session_edit **edits, size_t *n)
{
	struct message *m = s->message;

	*edits = NULL;
	*n = 0;
	if (m == NULL || m->ended)
		return protocol_error("end of message");
	m->ended = true;
	/* The decision may come as late as here. */
	if (m->skip == SKIP_NOT && !m->decided)
		session_decide(s);
	if (m->reply == NULL && m->forged_count > FORGED_MAX)
		refuse_forgeries(m);
	session_conclude(s);
	if (m->reply == NULL)
		session_make_edits(s, shows_skip(s, m->skip));
	*edits = m->edits;
	*n = m->edit_count;
	return current_step(s);
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
}

const struct eval_verdict *
session_verdict(const struct session *s, enum scope scope)
{
	return s->message != NULL ? s->message->verdict[scope] : NULL;
}

const struct decision *
session_decision(const struct session *s)
{
	return &s->message->decision;
}

const char *
session_skip_reason(const struct session *s)
{
	return s->message != NULL ? skips[s->message->skip].text : NULL;
}
