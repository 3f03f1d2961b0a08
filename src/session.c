/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SMTP connection.
 *
 * Two lifetimes, two structs.  The session keeps the client, the HELO
 * identity and its evaluation; the message is made at MAIL and thrown away
 * whole at the next MAIL, at HELO, at an abort and at close.  Both are small
 * where nothing happens: an idle connection holds neither identity nor
 * message, and the 3 kB of a reply exist only where mail is refused.
 *
 * Evaluations start when their identity is known and are collected when a
 * stage needs the decision, which is made once for a message.  The evaluation
 * of HELO serves MAIL FROM:<> too, since that identity is postmaster@HELO
 * (RFC 7208 s2.4).  HELO is decided first: where it says reject, MAIL FROM is
 * neither waited for nor reported; where both refuse otherwise, a rejection
 * comes before a tempfail.
 *
 * A message that is not checked keeps its header as it came: forged
 * Authentication-Results are removed where we add our own (RFC 8601 s5), and
 * clients that are trusted, or have authenticated, are trusted in this too.
 */

#include "config.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "addr.h"
#include "conf.h"
#include "eval.h"
#include "flight.h"
#include "header.h"
#include "identity.h"
#include "log.h"
#include "policy.h"
#include "reply.h"
#include "session.h"
#include "stats.h"
#include "util.h"

/*
 * Forged fields that are removed from one message.  No honest message has so
 * many: one that passes through us again and again meets the MTA's hop limit
 * first.  Above it the message is refused at any level, since a forged
 * result must not be delivered, and the MTA would have to search its queue
 * file for each removal.
 */
#define FORGED_MAX 100

/* Received-SPF of two scopes and Authentication-Results. */
#define INSERTS_MAX 3

#define LOG_LINE_SIZE 4096

/* What keeps a message from being checked; from SKIP_UNKNOWN on counted. */
enum skip {
	SKIP_NOT,
	SKIP_OFF,
	SKIP_UNKNOWN,
	SKIP_LOCAL,
	SKIP_TRUSTED,
	SKIP_AUTH
};

struct message {
	enum skip	 skip;
	struct identity	 mail;
	char		*queue_id;		/* NULL: not told */

	struct flight	*flight;		/* of MAIL FROM; NULL: that of
						 * HELO serves, or no lookup */
	struct eval_verdict *made[SCOPE_COUNT];	/* verdicts without flight */
	const struct eval_verdict *verdict[SCOPE_COUNT];	/* collected */

	bool		 decided;
	bool		 concluded;		/* counted and logged */
	bool		 ended;
	enum scope	 scope;			/* the one that decided */
	struct reply	*reply;			/* of a refusal, else NULL */

	unsigned	 results_seen;	/* Authentication-Results so far */
	unsigned	*forged;	/* which of them are, from 1 */
	size_t		 forged_count;
	struct session_edit *edits;
	size_t		 edit_count;
	char		*values[INSERTS_MAX];	/* of edits */
	size_t		 value_count;
};

struct session {
	const struct session_env *env;
	const struct conf *conf;
	bool		 connected;
	enum skip	 skip;			/* of all messages */
	struct addr	 client;
	char		*receiver;		/* the MTA's name, or NULL */
	struct identity	*helo;			/* NULL: none given yet */
	struct flight	*helo_flight;		/* NULL: no lookup */
	struct message	*message;		/* NULL: none under way */
};

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

static const enum stats_counter result_counters[RESULT_COUNT] = {
	[RESULT_NONE] = STATS_RESULT_NONE,
	[RESULT_NEUTRAL] = STATS_RESULT_NEUTRAL,
	[RESULT_PASS] = STATS_RESULT_PASS,
	[RESULT_FAIL] = STATS_RESULT_FAIL,
	[RESULT_SOFTFAIL] = STATS_RESULT_SOFTFAIL,
	[RESULT_TEMPERROR] = STATS_RESULT_TEMPERROR,
	[RESULT_PERMERROR] = STATS_RESULT_PERMERROR,
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
	out->headers = checks && (c->headers & CONF_HEADER_AUTH_RESULTS) != 0;
	/* Where nothing is refused, the end is where verdicts are logged. */
	out->end = checks && (c->headers != 0 || c->add_header_on_skip ||
	    !refuses);
}

static const char *
our_name(const struct session *s)
{
	if (s->conf->hostname[0] != '\0')
		return s->conf->hostname;
	return s->receiver != NULL ? s->receiver : s->env->hostname;
}

/* Evaluations. */

/* Is the publisher's explanation of a fail of this scope ever shown? */
static bool
shows_explanation(const struct session *s, enum scope scope)
{
	return policy_decide(&s->conf->policy, scope, RESULT_FAIL) ==
	    POLICY_REJECT;
}

static struct flight *
start_flight(const struct session *s, enum scope scope,
    const struct identity *id, bool want_explanation)
{
	struct eval_request request = {
		.scope = scope,
		.client = s->client,
		.local = id->local,
		.domain = id->lookup,
		.helo = s->helo->address,
		.receiver = our_name(s),
		.time_s = time(NULL),
		.max_lookups = s->conf->max_lookups,
		.max_void_lookups = s->conf->max_void_lookups,
		.want_explanation = want_explanation,
	};

	return flight_start(s->env->flights, &request,
	    util_now_ms() + s->conf->dns_timeout_ms);
}

/* MAIL FROM:<> may come to use this verdict, so its wishes count too. */
static void
start_helo(struct session *s)
{
	if (s->helo->status != IDENTITY_OK ||
	    !policy_checks(&s->conf->policy, SCOPE_HELO))
		return;
	s->helo_flight = start_flight(s, SCOPE_HELO, s->helo,
	    shows_explanation(s, SCOPE_HELO) ||
	    shows_explanation(s, SCOPE_MAILFROM));
}

static void
release_helo(struct session *s)
{
	flight_release(s->helo_flight);
	s->helo_flight = NULL;
}

/* A temperror is not kept for another message: the DNS may be back. */
static void
renew_helo(struct session *s)
{
	if (s->helo_flight == NULL || !flight_is_done(s->helo_flight))
		return;

	const struct eval_verdict *v = flight_collect(s->helo_flight, 0);

	if (v->result == RESULT_TEMPERROR) {
		release_helo(s);
		start_helo(s);
	}
}

static bool
helo_rejects_already(const struct session *s)
{
	if (s->helo_flight == NULL || !flight_is_done(s->helo_flight))
		return false;
	return policy_decide(&s->conf->policy, SCOPE_HELO,
	    flight_collect(s->helo_flight, 0)->result) == POLICY_REJECT;
}

static void
start_mail(const struct session *s, struct message *m)
{
	if (m->mail.status != IDENTITY_OK ||
	    !policy_checks(&s->conf->policy, SCOPE_MAILFROM) ||
	    (m->mail.null_sender && s->helo_flight != NULL) ||
	    helo_rejects_already(s))
		return;
	m->flight = start_flight(s, SCOPE_MAILFROM, &m->mail,
	    shows_explanation(s, SCOPE_MAILFROM));
}

static const struct identity *
identity_of(const struct session *s, enum scope scope)
{
	return scope == SCOPE_HELO ? s->helo : &s->message->mail;
}

/* In ASCII where it can be: an A-label says more than question marks. */
static const char *
domain_of(const struct identity *id)
{
	return id->status == IDENTITY_OK ? id->lookup : id->domain;
}

/* NULL: not looked up. */
static struct flight *
flight_of(const struct session *s, enum scope scope)
{
	const struct message *m = s->message;

	if (scope == SCOPE_MAILFROM &&
	    (m->flight != NULL || !m->mail.null_sender))
		return m->flight;
	return s->helo_flight;
}

/* The verdict of a scope that is checked; waits until until_ms. */
static const struct eval_verdict *
collect(const struct session *s, enum scope scope, int64_t until_ms)
{
	struct message *m = s->message;
	const struct identity *id = identity_of(s, scope);

	if (id->status == IDENTITY_OK) {
		const struct eval_verdict *v =
		    flight_collect(flight_of(s, scope), until_ms);

		if (v->scope == scope)
			return v;
		/* Its texts stay those of HELO, whose flight lives longer. */
		m->made[scope] = xmemdup(v, sizeof(*v));
		m->made[scope]->scope = scope;
	} else {
		m->made[scope] = xcalloc(1, sizeof(*m->made[scope]));
		eval_without_lookup(m->made[scope], scope, RESULT_NONE,
		    identity_status_text(id->status));
	}
	return m->made[scope];
}

/* The log line and the counters of a checked message, once. */

static void
count_message(const struct message *m)
{
	if (m->reply == NULL)
		stats_inc(STATS_ACCEPTED);
	else if (m->reply->code >= 500)
		stats_inc(STATS_REJECTED);
	else
		stats_inc(STATS_TEMPFAILED);
}

static const char *
action_text(const struct message *m)
{
	if (m->reply == NULL)
		return policy_action_name(POLICY_ACCEPT);
	return policy_action_name(m->reply->code >= 500 ? POLICY_REJECT
	    : POLICY_TEMPFAIL);
}

/* Long values come last: lines are cut, and strangers choose them. */
static void
log_message(const struct session *s, const struct message *m)
{
	const struct eval_verdict *v = m->verdict[m->scope];
	enum scope other = m->scope == SCOPE_HELO ? SCOPE_MAILFROM
	    : SCOPE_HELO;
	const struct flight *f = flight_of(s, m->scope);
	char storage[LOG_LINE_SIZE];
	char client[ADDR_TEXT_SIZE];
	struct sbuf line;

	sbuf_init(&line, storage, sizeof(storage));
	log_pair(&line, "queue_id", m->queue_id != NULL ? m->queue_id : "-");
	log_pair(&line, "client", addr_format(&s->client, client));
	log_pair(&line, "identity", scope_name(m->scope));
	log_pair(&line, "result", result_name(v->result));
	log_pair(&line, "action", action_text(m));
	sbuf_fmt(&line, " level=%u", s->conf->policy.level[m->scope]);
	if (m->verdict[other] != NULL)
		log_pair(&line, other == SCOPE_HELO ? "helo_result"
		    : "mailfrom_result",
		    result_name(m->verdict[other]->result));
	sbuf_fmt(&line, " lookups=%u duration_ms=%lld", v->lookups,
	    f != NULL ? (long long)flight_duration_ms(f) : 0);
	log_pair(&line, "helo", s->helo->address);
	log_pair(&line, "sender", m->mail.null_sender ? "<>"
	    : m->mail.address);
	log_pair(&line, "mechanism", v->mechanism);
	log_pair(&line, "reason", v->problem);
	log_info("%s", storage);
}

static void
conclude(const struct session *s, struct message *m)
{
	if (!m->decided || m->concluded)
		return;
	m->concluded = true;
	count_message(m);
	if (log_enabled(LOG_LEVEL_INFO))
		log_message(s, m);
}

/* The end of a message, whatever ended it. */

static void
free_edits(struct message *m)
{
	for (size_t i = 0; i < m->value_count; i++)
		free(m->values[i]);
	free(m->edits);
	free(m->forged);
}

static void
finish_message(struct session *s)
{
	struct message *m = s->message;

	if (m == NULL)
		return;
	conclude(s, m);
	flight_release(m->flight);
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		free(m->made[scope]);
	identity_fini(&m->mail);
	free(m->queue_id);
	free(m->reply);
	free_edits(m);
	free(m);
	s->message = NULL;
}

/* The decision. */

static struct macro_vars
reply_macros(const struct session *s, const struct eval_verdict *v)
{
	const struct identity *id = identity_of(s, v->scope);

	return (struct macro_vars){
		.client = &s->client,
		.local = id->local,
		.sender_domain = domain_of(id),
		.domain = domain_of(id),
		.helo = s->helo->address,
		.receiver = our_name(s),
		.time_s = time(NULL),
		.result = result_name(v->result),
		.identity = scope_name(v->scope),
		.reason = v->problem,
		.queue_id = s->message->queue_id,
	};
}

static void
refuse(const struct session *s, struct message *m)
{
	const struct eval_verdict *v = m->verdict[m->scope];
	const struct reply_template *template = s->conf->replies[v->result];
	const struct reply_vars vars = {
		.macros = reply_macros(s, v),
		.explanation = v->explanation,
		.explanation_domain = v->explanation_domain,
	};

	assert(template != NULL);	/* no policy refuses a pass */
	m->reply = xcalloc(1, sizeof(*m->reply));
	reply_format(template, &vars, m->reply);
}

/* The verdict of one scope, collected, counted and turned into an action. */
static enum policy_action
judge(const struct session *s, enum scope scope, int64_t until_ms)
{
	struct message *m = s->message;

	if (!policy_checks(&s->conf->policy, scope))
		return POLICY_SKIP;
	m->verdict[scope] = collect(s, scope, until_ms);
	stats_inc(result_counters[m->verdict[scope]->result]);
	return policy_decide(&s->conf->policy, scope,
	    m->verdict[scope]->result);
}

static void
decide(const struct session *s)
{
	struct message *m = s->message;
	int64_t until_ms = util_now_ms() + s->conf->dns_reply_timeout_ms;
	enum policy_action helo = judge(s, SCOPE_HELO, until_ms);
	enum policy_action mail = POLICY_SKIP;

	if (helo != POLICY_REJECT) {
		mail = judge(s, SCOPE_MAILFROM, until_ms);
	} else {
		flight_release(m->flight);
		m->flight = NULL;
	}
	/* The order of the actions is the order of their force. */
	m->scope = helo > mail ? SCOPE_HELO : SCOPE_MAILFROM;
	m->decided = true;
	if (helo >= POLICY_TEMPFAIL || mail >= POLICY_TEMPFAIL)
		refuse(s, m);
	/* Else at the end, where every MTA has told the queue id. */
	if (m->reply != NULL || s->conf->headers == 0)
		conclude(s, m);
}

/* A field says why a message was not checked. */
static bool
shows_skip(const struct session *s, enum skip skip)
{
	return s->conf->add_header_on_skip && (skip == SKIP_LOCAL ||
	    skip == SKIP_TRUSTED || skip == SKIP_AUTH);
}

/* What the stages from MAIL on answer, as far as it is known. */
static struct session_step
current_step(const struct session *s)
{
	const struct message *m = s->message;
	struct session_step step = { SESSION_CONTINUE, NULL };

	if (m->skip != SKIP_NOT) {
		if (m->skip != SKIP_UNKNOWN && !shows_skip(s, m->skip))
			step.kind = SESSION_ACCEPT;
	} else if (m->reply != NULL) {
		step.kind = m->reply->code >= 500 ? SESSION_REJECT
		    : SESSION_TEMPFAIL;
		step.reply = m->reply;
	} else if (m->decided && s->conf->headers == 0) {
		step.kind = SESSION_ACCEPT;
	}
	return step;
}

/* Events. */

struct session *
session_new(const struct session_env *env, const struct conf *conf)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->env = env;
	s->conf = conf;
	stats_inc(STATS_SESSIONS);
	return s;
}

static void
forget_helo(struct session *s)
{
	release_helo(s);
	if (s->helo != NULL)
		identity_fini(s->helo);
	free(s->helo);
	s->helo = NULL;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	finish_message(s);
	forget_helo(s);
	free(s->receiver);
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

void
session_connect(struct session *s, const struct sockaddr *sa,
    const char *receiver)
{
	const struct conf *c = s->conf;

	if (s->connected)
		protocol_error("connect");
	finish_message(s);
	forget_helo(s);
	free(s->receiver);
	s->receiver = NULL;
	if (c->hostname[0] == '\0' && receiver != NULL && receiver[0] != '\0')
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

static void
set_helo(struct session *s, const char *arg)
{
	s->helo = xcalloc(1, sizeof(*s->helo));
	identity_from_helo(s->helo, arg);
	start_helo(s);
}

/* HELO ends a message as RSET does (RFC 5321 s4.1.4). */
void
session_helo(struct session *s, const char *arg)
{
	finish_message(s);
	forget_helo(s);
	if (!s->connected) {
		protocol_error("HELO");
		return;
	}
	if (s->skip != SKIP_NOT)
		return;
	set_helo(s, arg);
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

struct session_step
session_mail(struct session *s, const char *from, const char *mta_address,
    const char *auth_user)
{
	finish_message(s);

	struct message *m = xcalloc(1, sizeof(*m));

	s->message = m;
	m->skip = skip_of(s, auth_user);
	stats_inc(STATS_MESSAGES);
	if (m->skip > SKIP_OFF)
		stats_inc(skips[m->skip].counter);
	if (m->skip != SKIP_NOT)
		return current_step(s);

	if (s->helo == NULL)
		set_helo(s, NULL);
	identity_from_mail(&m->mail, from, s->helo);
	if (!identity_is_mta_sender(&m->mail, mta_address)) {
		identity_fini(&m->mail);
		identity_from_mail(&m->mail, mta_address, s->helo);
	}
	if (!m->mail.null_sender)
		count_identity(&m->mail);
	renew_helo(s);
	start_mail(s, m);
	if (s->conf->reject_at == CONF_STAGE_MAIL && can_refuse(s->conf))
		decide(s);
	return current_step(s);
}

/*
 * The decision does not depend on the recipient, but the MTA logs it with
 * the refusal.
 */
struct session_step
session_rcpt(struct session *s, const char *to)
{
	struct message *m = s->message;

	(void)to;
	if (m == NULL || m->ended)
		return protocol_error("RCPT");
	if (m->skip == SKIP_NOT && !m->decided && can_refuse(s->conf))
		decide(s);
	return current_step(s);
}

void
session_header(struct session *s, const char *name, const char *value)
{
	struct message *m = s->message;

	if (m == NULL || m->ended) {
		protocol_error("header");
		return;
	}
	if (m->skip != SKIP_NOT ||
	    (s->conf->headers & CONF_HEADER_AUTH_RESULTS) == 0 ||
	    !util_eq_nocase(name, "Authentication-Results"))
		return;
	m->results_seen++;
	if (m->forged_count > FORGED_MAX ||
	    !header_claims_authserv_id(value, our_name(s)))
		return;
	if (m->forged == NULL)
		m->forged = xcalloc(FORGED_MAX, sizeof(*m->forged));
	if (m->forged_count < FORGED_MAX)
		m->forged[m->forged_count] = m->results_seen;
	m->forged_count++;
}

/* Edits. */

static struct header_facts
facts_of(const struct session *s, enum scope scope)
{
	const struct message *m = s->message;
	const struct eval_verdict *v = m->verdict[scope];
	bool error = v->result == RESULT_TEMPERROR ||
	    v->result == RESULT_PERMERROR;

	return (struct header_facts){
		.result = v->result,
		.scope = scope,
		.client = &s->client,
		.envelope_from = m->mail.address,
		.domain = domain_of(identity_of(s, scope)),
		.helo = s->helo->address,
		.receiver = our_name(s),
		.mechanism = v->mechanism[0] != '\0' ? v->mechanism : NULL,
		.problem = error && v->problem[0] != '\0' ? v->problem : NULL,
	};
}

static void
add_insert(struct message *m, const char *name, const struct sbuf *value)
{
	char *copy = xmemdup(value->data, value->len + 1);

	m->values[m->value_count++] = copy;
	m->edits[m->edit_count++] = (struct session_edit){
		.kind = SESSION_INSERT,
		.name = name,
		.value = copy,
	};
}

/* From the last index: deletions shift what follows in some MTAs. */
static void
add_deletions(struct message *m)
{
	for (size_t i = m->forged_count; i-- > 0;)
		m->edits[m->edit_count++] = (struct session_edit){
			.kind = SESSION_DELETE,
			.index = m->forged[i],
			.name = "Authentication-Results",
		};
	stats_add(STATS_HEADERS_DELETED, m->forged_count);
}

/* There is nothing to say of a HELO that was not given. */
static bool
has_field(const struct session *s, enum scope scope)
{
	return s->message->verdict[scope] != NULL &&
	    (scope != SCOPE_HELO || s->helo->status != IDENTITY_EMPTY);
}

/*
 * Each insertion comes to stand above the earlier ones: Received-SPF of MAIL
 * FROM, of HELO, Authentication-Results is how they are read from the top.
 */
static void
add_fields(const struct session *s, struct message *m)
{
	static const enum scope order[] = { SCOPE_MAILFROM, SCOPE_HELO };
	struct header_facts facts[SCOPE_COUNT];
	size_t count = 0;
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (has_field(s, order[i]))
			facts[count++] = facts_of(s, order[i]);
	if (count > 0 &&
	    (s->conf->headers & CONF_HEADER_AUTH_RESULTS) != 0) {
		sbuf_init(&value, storage, sizeof(storage));
		header_auth_results(&value, our_name(s), facts, count);
		add_insert(m, "Authentication-Results", &value);
	}
	if ((s->conf->headers & CONF_HEADER_RECEIVED_SPF) == 0)
		return;
	for (size_t i = count; i-- > 0;) {
		sbuf_init(&value, storage, sizeof(storage));
		header_received_spf(&value, &facts[i]);
		add_insert(m, "Received-SPF", &value);
	}
}

static void
add_skipped(const struct session *s, struct message *m)
{
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	sbuf_init(&value, storage, sizeof(storage));
	header_skipped(&value, our_name(s), skips[m->skip].text);
	add_insert(m, HEADER_SKIPPED_NAME, &value);
}

static void
refuse_forgeries(struct message *m)
{
	log_warning("refused a message with more than %d forged "
	    "Authentication-Results fields", FORGED_MAX);
	m->reply = xcalloc(1, sizeof(*m->reply));
	m->reply->code = 550;
	util_copy(m->reply->enhanced, sizeof(m->reply->enhanced), "5.7.1");
	util_copy(m->reply->text, sizeof(m->reply->text),
	    "Too many Authentication-Results fields claim to be ours");
}

/* End of a message that is checked; its decision may come as late as here. */
static void
end_checked(struct session *s, struct message *m)
{
	if (!m->decided)
		decide(s);
	if (m->reply == NULL && m->forged_count > FORGED_MAX)
		refuse_forgeries(m);
	conclude(s, m);
	if (m->reply != NULL)
		return;
	m->edits = xcalloc(m->forged_count + INSERTS_MAX,
	    sizeof(*m->edits));
	add_deletions(m);
	add_fields(s, m);
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
	if (m->skip == SKIP_NOT) {
		end_checked(s, m);
	} else if (shows_skip(s, m->skip)) {
		m->edits = xcalloc(1, sizeof(*m->edits));
		add_skipped(s, m);
	}
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

const char *
session_skip_reason(const struct session *s)
{
	return s->message != NULL ? skips[s->message->skip].text : NULL;
}
