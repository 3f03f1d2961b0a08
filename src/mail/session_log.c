/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log says of a message. */

#include "config.h"

#include <string.h>

#include "base/log.h"
#include "eval/explain.h"
#include "mail/session_priv.h"
#include "mail/spare.h"

/* An address as typed, without its brackets. */
static void
add_path(struct log_record *r, const char *key, const char *path)
{
	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 2 && path[0] == '<' && path[len - 1] == '>')
		log_record_address(r, key, path + 1, len - 2);
	else if (len > 0 && strcmp(path, "<>") != 0)
		log_record_address(r, key, path, len);
	else
		log_record_string_if(r, key, path);
}

static const char *
queue_id(const struct message *m)
{
	return m->who.queue_id != NULL ? m->who.queue_id : "-";
}

void
session_log_skipped(const struct message *m, const char *sender)
{
	struct log_record r = { .event = LOG_EVENT_SKIPPED };
	char client[ADDR_TEXT_SIZE];

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	log_record_string_if(&r, "queue_id", m->who.queue_id);
	log_record_string_if(&r, "client", addr_format(&m->who.client, client));
	log_record_string(&r, "skipped", m->skip->text);
	if (m->found.rule != NULL)
		log_record_string(&r, "rule", m->found.rule->name);
	add_path(&r, "sender", sender);
	log_record_string_if(&r, "client_name", m->who.client_name);
	log_record_write(&r, LOG_LEVEL_DEBUG);
}

/* Long values come last: lines are cut, and strangers choose them. */
void
session_log(const struct message *m)
{
	const struct subject *who = &m->who;
	const struct decision *d = &m->decision;
	const struct checked *of = m->check.of;
	const struct eval_verdict *v = of[d->scope].verdict;
	const struct identity *sender = of[SCOPE_MAILFROM].id;
	enum scope other = d->scope == SCOPE_HELO ? SCOPE_MAILFROM
	    : SCOPE_HELO;
	struct log_record r = { .event = LOG_EVENT_MESSAGE };
	char client[ADDR_TEXT_SIZE];
	char as[ADDR_TEXT_SIZE];
	char relay[ADDR_TEXT_SIZE];

	log_record_string(&r, "queue_id", queue_id(m));
	log_record_string(&r, "client", addr_format(m->as != NULL ?
	    &m->as->seen.client : &who->client, client));
	if (m->as != NULL)
		log_record_string(&r, "check_as", addr_format(&who->client,
		    as));
	if (m->forwarder != NULL)
		log_record_string(&r, "forwarder", m->forwarder->name);
	if (m->relayed != NULL)
		log_record_string(&r, "relay", addr_format(&m->relayed->from,
		    relay));
	log_record_word(&r, "identity", scope_name(d->scope));
	log_record_word(&r, "result", result_name(v->result));
	log_record_word(&r, "action", policy_action_name(d->action));
	if (d->reason == DECISION_SIGNED || d->reason == DECISION_DMARC)
		log_record_word(&r, "spared", d->reason == DECISION_SIGNED ?
		    "dkim" : "dmarc");
	log_record_uint(&r, "level", d->parts[d->scope].level);
	if (d->would != 0)
		log_record_uint(&r, "would", d->would);
	if (d->rule != NULL)
		log_record_string(&r, "rule", d->rule->name);
	if (of[other].verdict != NULL)
		log_record_word(&r, other == SCOPE_HELO ? "helo_result"
		    : "mailfrom_result",
		    result_name(of[other].verdict->result));
	log_record_uint(&r, "lookups", v->lookups);
	log_record_uint(&r, "duration_ms",
	    (uint64_t)of[d->scope].duration_ms);
	if (v->source != SOURCE_RECORD)
		log_record_word(&r, "source", source_name(v->source));
	if (v->wide_open[0] != '\0')
		log_record_word(&r, "record", "wide-open");
	if (decision_excuse(d) != EXCUSE_NONE)
		log_record_word(&r, "excuse",
		    policy_excuse_name(decision_excuse(d)));
	if (v->stale)
		log_record_word(&r, "stale", "yes");
	if (m->rcpt_count > 0)
		log_record_uint(&r, "rcpts", m->rcpt_count);
	log_record_host(&r, "helo", who->helo->address);
	if (sender->null_sender)
		log_record_word(&r, "sender", "<>");
	else
		log_record_address(&r, "sender", sender->address,
		    strlen(sender->address));
	add_path(&r, "rcpt", m->rcpt);
	if (m->spare != NULL)
		log_record_string_if(&r, "author", spare_author(m->spare));
	log_record_string_if(&r, "client_name", who->client_name);
	log_record_string_if(&r, "record_domain", v->record_domain);
	log_record_string_if(&r, "mechanism", v->mechanism);
	log_record_string_if(&r, "wide_open", v->wide_open);
	log_record_string_if(&r, "reason", v->problem);
	/* The reason of too many names them too. */
	if (v->voids > 0 && v->problem[0] == '\0')
		log_record_string(&r, "void", v->void_terms);
	log_record_write(&r, LOG_LEVEL_INFO);
}

/* Of one evaluation; its trace may have some 600. */
#define TRACE_LINES_MAX 100

static void
log_line(const struct message *m, enum scope scope,
    const struct explanation *e, size_t line)
{
	char text[EXPLAIN_TEXT_SIZE];
	struct log_record r = { .event = LOG_EVENT_TRACE };
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	explain_put_branch(e, line, true, EXPLAIN_ASCII, &sb);
	if (e->lines[line].decides)
		sbuf_str(&sb, "* ");
	explain_put_text(e, line, &sb);
	log_record_string(&r, "queue_id", queue_id(m));
	log_record_word(&r, "identity", scope_name(scope));
	log_record_string(&r, "trace", text);
	log_record_write(&r, LOG_LEVEL_DEBUG);
}

void
session_log_traces(const struct message *m)
{
	for (size_t s = 0; s < SCOPE_COUNT; s++) {
		const struct eval_verdict *v = m->check.of[s].verdict;

		if (v == NULL || v->trace == NULL)
			continue;
		struct explanation *e = explain_new(v);
		for (size_t i = 0; i < e->count && i < TRACE_LINES_MAX; i++)
			log_line(m, (enum scope)s, e, i);
		if (e->count > TRACE_LINES_MAX)
			log_debug("queue_id=%s identity=%s: %zu more lines of "
			    "trace", queue_id(m), scope_name((enum scope)s),
			    e->count - TRACE_LINES_MAX);
		explain_free(e);
	}
}
