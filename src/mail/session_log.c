/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log says of a message. */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "mail/session_priv.h"

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
session_log_skipped(const struct message *m, const char *sender)
{
	char storage[LOG_LINE_SIZE];
	char client[ADDR_TEXT_SIZE];
	struct sbuf line;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	sbuf_init(&line, storage, sizeof(storage));
	pair_if(&line, "queue_id", m->who.queue_id);
	pair_if(&line, "client", addr_format(&m->who.client, client));
	log_pair(&line, "skipped", m->skip->text);
	pair_path(&line, "sender", sender);
	pair_if(&line, "client_name", m->who.client_name);
	log_text(LOG_LEVEL_DEBUG, storage);
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
	char storage[LOG_LINE_SIZE];
	char client[ADDR_TEXT_SIZE];
	struct sbuf line;

	sbuf_init(&line, storage, sizeof(storage));
	log_pair(&line, "queue_id", who->queue_id != NULL ? who->queue_id
	    : "-");
	log_pair(&line, "client", addr_format(&who->client, client));
	log_pair(&line, "identity", scope_name(d->scope));
	log_pair(&line, "result", result_name(v->result));
	log_pair(&line, "action", policy_action_name(d->action));
	log_pair_uint(&line, "level", d->parts[d->scope].level);
	if (of[other].verdict != NULL)
		log_pair(&line, other == SCOPE_HELO ? "helo_result"
		    : "mailfrom_result",
		    result_name(of[other].verdict->result));
	log_pair_uint(&line, "lookups", v->lookups);
	log_pair_uint(&line, "duration_ms",
	    (uint64_t)of[d->scope].duration_ms);
	if (v->stale)
		log_pair(&line, "stale", "yes");
	if (m->rcpt_count > 0)
		log_pair_uint(&line, "rcpts", m->rcpt_count);
	pair_if(&line, "helo", who->helo->address);
	log_pair(&line, "sender", sender->null_sender ? "<>"
	    : sender->address);
	pair_path(&line, "rcpt", m->rcpt);
	pair_if(&line, "client_name", who->client_name);
	pair_if(&line, "record_domain", v->record_domain);
	pair_if(&line, "mechanism", v->mechanism);
	pair_if(&line, "reason", v->problem);
	/* The reason of too many names them too. */
	if (v->voids > 0 && v->problem[0] == '\0')
		log_pair(&line, "void", v->void_terms);
	log_text(LOG_LEVEL_INFO, storage);
}
