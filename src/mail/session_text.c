/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session tells of a message: log line, reply and header fields. */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "eval/flight.h"
#include "mail/session_priv.h"
#include "policy/header.h"
#include "policy/reply.h"

#define LOG_LINE_SIZE 4096

/* A text that is not there has no pair. */
static void
pair_if(struct sbuf *line, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		log_pair(line, key, value);
}

/* An address as typed, without its brackets. */
static void
pair_path(struct sbuf *line, const char *key, const char *path)
{
	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 2 && path[0] == '<' && path[len - 1] == '>') {
		char *address = xstrndup(path + 1, len - 2);

		log_pair(line, key, address);
		free(address);
	} else {
		pair_if(line, key, path);
	}
}

void
session_log_skipped(const struct session *s, const char *sender)
{
	char storage[LOG_LINE_SIZE];
	char client[ADDR_TEXT_SIZE];
	struct sbuf line;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	sbuf_init(&line, storage, sizeof(storage));
	pair_if(&line, "queue_id", s->message->queue_id);
	pair_if(&line, "client", addr_format(&s->client, client));
	log_pair(&line, "skipped", session_skip_reason(s));
	pair_path(&line, "sender", sender);
	pair_if(&line, "client_name", s->client_name);
	log_text(LOG_LEVEL_DEBUG, storage);
}

/* Long values come last: lines are cut, and strangers choose them. */
void
session_log(const struct session *s)
{
	const struct message *m = s->message;
	const struct decision *d = &m->decision;
	const struct eval_verdict *v = m->verdict[d->scope];
	enum scope other = d->scope == SCOPE_HELO ? SCOPE_MAILFROM
	    : SCOPE_HELO;
	const struct flight *f = session_flight(s, d->scope);
	char storage[LOG_LINE_SIZE];
	char client[ADDR_TEXT_SIZE];
	struct sbuf line;

	sbuf_init(&line, storage, sizeof(storage));
	log_pair(&line, "queue_id", m->queue_id != NULL ? m->queue_id : "-");
	log_pair(&line, "client", addr_format(&s->client, client));
	log_pair(&line, "identity", scope_name(d->scope));
	log_pair(&line, "result", result_name(v->result));
	log_pair(&line, "action", policy_action_name(d->action));
	log_pair_uint(&line, "level", d->parts[d->scope].level);
	if (m->verdict[other] != NULL)
		log_pair(&line, other == SCOPE_HELO ? "helo_result"
		    : "mailfrom_result",
		    result_name(m->verdict[other]->result));
	log_pair_uint(&line, "lookups", v->lookups);
	log_pair_uint(&line, "duration_ms",
	    f != NULL ? (uint64_t)flight_duration_ms(f) : 0);
	if (v->stale)
		log_pair(&line, "stale", "yes");
	if (m->rcpt_count > 0)
		log_pair_uint(&line, "rcpts", m->rcpt_count);
	pair_if(&line, "helo", s->helo->address);
	log_pair(&line, "sender", m->sender->id.null_sender ? "<>"
	    : m->sender->id.address);
	pair_path(&line, "rcpt", m->rcpt);
	pair_if(&line, "client_name", s->client_name);
	pair_if(&line, "record_domain", v->record_domain);
	pair_if(&line, "mechanism", v->mechanism);
	pair_if(&line, "reason", v->problem);
	/* The reason of too many names them too. */
	if (v->voids > 0 && v->problem[0] == '\0')
		log_pair(&line, "void", v->void_terms);
	log_text(LOG_LEVEL_INFO, storage);
}

/* In ASCII where it can be: an A-label says more than question marks. */
static const char *
domain_of(const struct identity *id)
{
	return id->status == IDENTITY_OK ? id->lookup : id->domain;
}

void
session_make_reply(const struct session *s)
{
	struct message *m = s->message;
	const struct eval_verdict *v = m->verdict[m->decision.scope];
	const struct reply_template *template = s->conf->replies[v->result];
	const struct identity *id = session_identity(s, m->decision.scope);
	const struct reply_vars vars = {
		.macros = {
			.client = &s->client,
			.local = id->local,
			.sender_domain = domain_of(id),
			.domain = domain_of(id),
			.helo = identity_field_address(s->helo),
			.receiver = session_our_name(s),
			.time_s = time(NULL),
			.result = result_name(v->result),
			.identity = scope_name(m->decision.scope),
			.reason = v->problem,
			.queue_id = m->queue_id,
		},
		.explanation = v->explanation,
		.explanation_domain = v->explanation_domain,
	};

	assert(template != NULL);	/* no policy refuses a pass */
	m->reply = xcalloc(1, sizeof(*m->reply));
	reply_format(template, &vars, m->reply);
}

/* Edits. */

static struct header_facts
facts_of(const struct session *s, enum scope scope)
{
	const struct message *m = s->message;
	const struct identity *sender = &m->sender->id;
	const struct eval_verdict *v = m->verdict[scope];
	bool error = v->result == RESULT_TEMPERROR ||
	    v->result == RESULT_PERMERROR;

	return (struct header_facts){
		.result = v->result,
		.scope = scope,
		.stale = v->stale,
		.client = &s->client,
		.utf8 = m->smtputf8,
		.envelope_from = sender->null_sender ? ""
		    : identity_field_address(sender),
		.domain = domain_of(session_identity(s, scope)),
		.helo = identity_field_address(s->helo),
		.receiver = session_our_name(s),
		.mechanism = v->mechanism,
		.problem = error ? v->problem : NULL,
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
		m->edits[m->edit_count++] = m->forged[i];
	stats_add(STATS_HEADERS_DELETED, m->forged_count);
}

/*
 * There is nothing to say of a HELO that was not given, but to cover a field
 * that says more.
 */
static bool
has_field(const struct session *s, enum scope scope)
{
	const struct message *m = s->message;

	return m->verdict[scope] != NULL && (scope != SCOPE_HELO ||
	    s->helo->status != IDENTITY_EMPTY || m->brings_received_spf);
}

static void
add_auth_results(const struct session *s, struct message *m)
{
	const struct header_facts facts = facts_of(s, m->decision.scope);
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	sbuf_init(&value, storage, sizeof(storage));
	header_auth_results(&value, session_our_name(s), &facts);
	add_insert(m, SESSION_RESULTS, &value);
}

static void
add_received_spf(const struct session *s, struct message *m, enum scope scope)
{
	const struct header_facts facts = facts_of(s, scope);
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	sbuf_init(&value, storage, sizeof(storage));
	header_received_spf(&value, &facts);
	add_insert(m, "Received-SPF", &value);
}

/* No result is invented, but to cover those that the message brings. */
static void
add_unchecked(const struct session *s, struct message *m, bool show_skip)
{
	const char *why = session_skip_reason(s);
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	if (m->brings_received_spf) {
		sbuf_init(&value, storage, sizeof(storage));
		header_cover(&value, session_our_name(s), why);
		add_insert(m, "Received-SPF", &value);
	}
	if (show_skip) {
		sbuf_init(&value, storage, sizeof(storage));
		sbuf_str(&value, why);
		add_insert(m, SESSION_SKIPPED, &value);
	}
}

/*
 * Each insertion comes to stand above the earlier ones: Received-SPF of MAIL
 * FROM, of HELO, Authentication-Results is how they are read from the top.
 */
static void
add_fields(const struct session *s, struct message *m)
{
	if ((s->conf->headers & CONF_HEADER_AUTH_RESULTS) != 0 &&
	    has_field(s, m->decision.scope))
		add_auth_results(s, m);
	if ((s->conf->headers & CONF_HEADER_RECEIVED_SPF) == 0 &&
	    !m->brings_received_spf)
		return;
	if (has_field(s, SCOPE_HELO))
		add_received_spf(s, m, SCOPE_HELO);
	if (has_field(s, SCOPE_MAILFROM))
		add_received_spf(s, m, SCOPE_MAILFROM);
}

void
session_make_edits(const struct session *s, bool show_skip)
{
	struct message *m = s->message;

	m->edits = xcalloc(m->forged_count + SESSION_INSERTS_MAX,
	    sizeof(*m->edits));
	add_deletions(m);
	if (m->skip == SKIP_NOT)
		add_fields(s, m);
	else
		add_unchecked(s, m, show_skip);
}
