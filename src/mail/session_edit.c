/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields: those of ours that a message brings, and what is removed and
 * added at its end.
 *
 * Fields that claim an SPF result of ours are forged (RFC 8601 s5), and so is
 * X-SPF-Skipped: they are removed, whatever kind of field we add.  A
 * Received-SPF claims nothing of the kind, yet OpenDMARC believes the first
 * one that it finds; so ours comes to stand above it, though we would have
 * added none.  Clients in trusted networks may hand back what we have said;
 * authenticated ones may not.
 */

#include "config.h"

#include <stdlib.h>

#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "mail/session_priv.h"
#include "mail/spare.h"
#include "policy/authres.h"
#include "policy/header.h"
#include "policy/rules.h"
#include "policy/tag.h"

#define RESULTS "Authentication-Results"
#define RECEIVED "Received-SPF"
#define SKIPPED "X-SPF-Skipped"

/* In our name, or in that of the MTA, which other filters of it go by. */
static bool
is_forged(const struct subject *who, const char *value)
{
	return authres_claims_spf(value) &&
	    (authres_claims_id(value, who->receiver) ||
	    authres_claims_id(value, who->mta_name));
}

static void
note_forged(struct fields *f, const char *name, unsigned index)
{
	if (f->forged_count > SESSION_FORGED_MAX)
		return;
	if (f->forged_count == f->forged_room) {
		f->forged_room = 2 * f->forged_room + 8;
		f->forged = xreallocarray(f->forged, f->forged_room,
		    sizeof(*f->forged));
	}
	f->forged[f->forged_count++] = (struct session_edit){
		.kind = SESSION_DELETE,
		.index = index,
		.name = name,
	};
}

/* One that a tag of ours adds: whoever reads it takes it for ours. */
static void
see_mark(struct message *m, const char *name)
{
	const struct conf_texts *marks = &m->check.conf->marks;
	struct fields *f = &m->fields;

	for (size_t i = 0; i < marks->count; i++) {
		if (!util_eq_nocase(name, marks->list[i]))
			continue;
		if (f->marks_seen == NULL)
			f->marks_seen = xcalloc(marks->count,
			    sizeof(*f->marks_seen));
		note_forged(f, marks->list[i], ++f->marks_seen[i]);
	}
}

void
session_see_field(struct message *m, const char *name, const char *value)
{
	struct fields *f = &m->fields;

	if (util_eq_nocase(name, RESULTS)) {
		f->results_seen++;
		if (is_forged(&m->who, value))
			note_forged(f, RESULTS, f->results_seen);
	} else if (util_eq_nocase(name, SKIPPED)) {
		note_forged(f, SKIPPED, ++f->skips_seen);
	} else if (util_eq_nocase(name, RECEIVED)) {
		f->brings_received_spf = true;
	} else {
		see_mark(m, name);
	}
}

void
session_see_subject(struct message *m, const char *value)
{
	struct fields *f = &m->fields;

	if (f->subject_count < SESSION_SUBJECTS_MAX)
		f->subjects[f->subject_count++] = xstrdup(value);
}

static const char *
spared(const struct decision *d)
{
	switch (d->reason) {
	case DECISION_SIGNED:
		return "not refused for a DKIM signature aligned with";
	case DECISION_DMARC:
		return "not refused but left to the DMARC policy of";
	case DECISION_RESULT:
	case DECISION_FORGED:
	case DECISION_UNSURE:
	case DECISION_APART:
		break;
	}
	return NULL;
}

static struct header_facts
facts_of(const struct message *m, enum scope scope)
{
	const struct checked *of = m->check.of;
	const struct eval_verdict *v = of[scope].verdict;
	bool unknown = m->check.unknown_client != NULL;
	bool error = unknown || v->result == RESULT_TEMPERROR ||
	    v->result == RESULT_PERMERROR;

	return (struct header_facts){
		.result = v->result,
		.scope = scope,
		.source = v->source,
		.published = v->published,
		.stale = v->stale,
		.excuse = m->decision.parts[scope].excuse,
		.forwarder = of[scope].finding.excuse == EXCUSE_FORWARDER ?
		    m->forwarder->name : NULL,
		.wide_open = v->wide_open,
		.client = &m->who.client,
		.relayed_by = m->who.relayed_by,
		.unknown_client = unknown,
		.utf8 = m->who.smtputf8,
		.envelope_from = identity_field_path(of[SCOPE_MAILFROM].id),
		.domain = identity_field_domain(of[scope].id),
		.helo = identity_field_address(m->who.helo),
		.receiver = m->who.receiver,
		.mechanism = v->mechanism,
		.problem = error ? v->problem : NULL,
		.spared = scope == m->decision.scope ? spared(&m->decision) :
		    NULL,
		.author = m->spare != NULL ? spare_author(m->spare) : "",
	};
}

/* Takes value. */
static void
add_edit(struct fields *f, enum session_edit_kind kind, const char *name,
    char *value)
{
	f->values[f->value_count++] = value;
	f->edits[f->edit_count++] = (struct session_edit){
		.kind = kind,
		.index = 1,
		.name = name,
		.value = value,
	};
}

static void
add_insert(struct fields *f, const char *name, const char *value)
{
	add_edit(f, SESSION_INSERT, name, xstrdup(value));
}

/* From the last index: deletions shift what follows in some MTAs. */
static void
add_deletions(struct fields *f)
{
	for (size_t i = f->forged_count; i-- > 0;)
		f->edits[f->edit_count++] = f->forged[i];
	stats_add(STATS_HEADERS_DELETED, f->forged_count);
}

/*
 * There is nothing to say of a HELO that was not given, nor of a result that
 * the policy skips, but to cover a field that says more.
 */
static bool
has_field(const struct message *m, enum scope scope)
{
	if (m->check.of[scope].verdict == NULL)
		return false;
	return m->fields.brings_received_spf ||
	    (m->decision.parts[scope].action != POLICY_SKIP &&
	    (scope != SCOPE_HELO || m->who.helo->status != IDENTITY_EMPTY));
}

static void
add_auth_results(struct message *m)
{
	const struct header_facts facts = facts_of(m, m->decision.scope);
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	sbuf_init(&value, storage, sizeof(storage));
	header_auth_results(&value, m->who.receiver, &facts);
	add_insert(&m->fields, RESULTS, storage);
}

static void
add_received_spf(struct message *m, enum scope scope)
{
	const struct header_facts facts = facts_of(m, scope);
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	sbuf_init(&value, storage, sizeof(storage));
	header_received_spf(&value, &facts);
	add_insert(&m->fields, RECEIVED, storage);
}

/*
 * Each insertion comes to stand above the earlier ones: Received-SPF of MAIL
 * FROM, of HELO, Authentication-Results is how they are read from the top.
 */
static void
add_results(struct message *m)
{
	unsigned headers = m->check.conf->headers;

	if ((headers & CONF_HEADER_AUTH_RESULTS) != 0 &&
	    has_field(m, m->decision.scope))
		add_auth_results(m);
	if ((headers & CONF_HEADER_RECEIVED_SPF) == 0 &&
	    !m->fields.brings_received_spf)
		return;
	if (has_field(m, SCOPE_HELO))
		add_received_spf(m, SCOPE_HELO);
	if (has_field(m, SCOPE_MAILFROM))
		add_received_spf(m, SCOPE_MAILFROM);
}

bool
session_shows_skip(const struct message *m)
{
	return m->check.conf->add_header_on_skip && m->skip->shown;
}

/* No result is invented, but to cover those that the message brings. */
static void
add_unchecked(struct message *m)
{
	char storage[HEADER_VALUE_SIZE];
	struct sbuf value;

	if (m->fields.brings_received_spf) {
		sbuf_init(&value, storage, sizeof(storage));
		header_cover(&value, m->who.receiver, m->skip->text);
		add_insert(&m->fields, RECEIVED, storage);
	}
	if (session_shows_skip(m))
		add_insert(&m->fields, SKIPPED, m->skip->text);
}

static void
change_subjects(struct fields *f, const char *prefix, enum result r)
{
	size_t n = f->subject_count > 0 ? f->subject_count : 1;

	for (size_t i = 0; i < n; i++) {
		char *value = tag_subject(prefix, r, f->subjects[i]);

		if (value == NULL)
			continue;
		add_edit(f, SESSION_CHANGE, "Subject", value);
		f->edits[f->edit_count - 1].index = (unsigned)i + 1;
	}
}

static void
add_tag(struct fields *f, const struct tag *t, enum result r)
{
	if (t->subject != NULL && t->subject[0] != '\0')
		change_subjects(f, t->subject, r);
	for (size_t i = t->fields.count; i-- > 0;)
		add_edit(f, SESSION_INSERT, t->fields.list[i].name,
		    tag_value(&t->fields.list[i], r));
}

static void
add_quarantine(struct message *m, enum result r)
{
	const char *domain = identity_field_domain(
	    m->check.of[m->decision.scope].id);
	char client[ADDR_TEXT_SIZE];
	char *reason = xasprintf("SPF %s: %s %.*s, client %s", result_name(r),
	    scope_name(m->decision.scope), IDENTITY_NAME_MAX, domain,
	    addr_format(&m->who.client, client));

	for (char *p = reason; *p != '\0'; p++)
		if (!util_is_print(*p))
			*p = '?';
	add_edit(&m->fields, SESSION_QUARANTINE, NULL, reason);
}

void
session_make_edits(struct message *m)
{
	enum result r = m->check.of[m->decision.scope].finding.result;
	const struct rule *rule = m->decision.rule;
	const struct tag *t = conf_tag(m->check.conf,
	    rule != NULL ? rule->tag : NULL, r);
	struct fields *f = &m->fields;
	size_t added = SESSION_RESULTS_MAX + SESSION_SUBJECTS_MAX + 1 +
	    t->fields.count;

	f->edits = xcalloc(f->forged_count + added, sizeof(*f->edits));
	f->values = xcalloc(added, sizeof(*f->values));
	add_deletions(f);
	if (m->decision.action == POLICY_TAG)
		add_tag(f, t, r);
	else if (m->decision.action == POLICY_QUARANTINE)
		add_quarantine(m, r);
	if (m->skip == NULL)
		add_results(m);
	else
		add_unchecked(m);
}

void
session_fini_fields(struct fields *f)
{
	for (size_t i = 0; i < f->value_count; i++)
		free(f->values[i]);
	for (size_t i = 0; i < f->subject_count; i++)
		free(f->subjects[i]);
	free(f->values);
	free(f->marks_seen);
	free(f->edits);
	free(f->forged);
}
