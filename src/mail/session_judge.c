/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is decided about a message, and what that is answered with.
 *
 * A recipient has a decision by the rule that holds for it; equal ones are
 * one and share an answer.  What concerns the whole message goes by the
 * mildest of those that were not told to come again.
 */

#include "config.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "mail/session_priv.h"
#include "mail/spare.h"

_Static_assert(STATS_CELLS_MAX == POLICY_LEVEL_MAX + 1,
    "actions are counted by level");

static struct session_step
step_of(const struct answer *a)
{
	struct session_step step = { SESSION_CONTINUE, NULL };

	if (a->reply != NULL) {
		step.kind = a->decision.action == POLICY_REJECT ?
		    SESSION_REJECT : SESSION_TEMPFAIL;
		step.reply = a->reply;
	}
	return step;
}

/* What is answered by d: equal decisions share it. */
static struct answer *
answer(struct message *m, const struct decision *d)
{
	struct answer *a = m->answers;

	while (a != NULL && !decision_equals(&a->decision, d))
		a = a->next;
	if (a != NULL)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->decision = *d;
	if (decision_refuses(d))
		a->reply = session_make_reply(m, d);
	if (d->rule != NULL && decision_is_by_policy(d))
		tally_hit(d->rule->tally, m->facts.now_s);
	a->next = m->answers;
	m->answers = a;
	return a;
}

static bool
is_forwarding(const struct checked *k)
{
	return k->verdict != NULL && (k->finding.result == RESULT_FAIL ||
	    k->finding.result == RESULT_SOFTFAIL);
}

/* Has a forwarder of ours brought what fails? */
static void
excuse_forwarder(struct message *m, int64_t until_ms)
{
	struct checked *of = m->check.of;
	struct rules_found found;
	struct policy unused;

	if (!m->check.excusable || (!is_forwarding(&of[SCOPE_HELO]) &&
	    !is_forwarding(&of[SCOPE_MAILFROM])))
		return;
	do
		found = rules_find(&m->check.conf->forwarder_rules, &m->facts,
		    &unused);
	while (found.rule == NULL && evidence_collect(&m->evidence, &found,
	    &m->facts, until_ms));
	m->forwarder = found.rule;
	m->forwarder_unsure = found.rule == NULL && found.needs != 0;
	for (size_t i = 0; i < SCOPE_COUNT && found.rule != NULL; i++)
		if (is_forwarding(&of[i]))
			of[i].finding.excuse = EXCUSE_FORWARDER;
}

static void
collect_findings(struct message *m, int64_t until_ms)
{
	if ((m->facts.lacks & RULES_NEED_FINDINGS) == 0)
		return;
	check_collect(&m->check, until_ms);
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (m->check.of[i].verdict != NULL)
			m->facts.findings[i] = &m->check.of[i].finding;
	m->facts.lacks &= ~RULES_NEED_FINDINGS;
	excuse_forwarder(m, until_ms);
}

/*
 * The rule for the recipient.  What a rule needs is waited for only once the
 * rest of it holds; so rules are asked again as more is known.
 */
static void
find_rule(struct message *m, int64_t until_ms)
{
	const struct rules *rules = &m->check.conf->rules;
	struct policy unused;

	for (;;) {
		m->found = rules_find(rules, &m->facts, &unused);
		if (evidence_collect(&m->evidence, &m->found, &m->facts,
		    until_ms))
			continue;
		if ((m->found.needs & m->facts.lacks &
		    RULES_NEED_FINDINGS) == 0)
			return;
		collect_findings(m, until_ms);
	}
}

/* How long the MTA is let wait for the answer that is due now. */
static int64_t
deadline(const struct message *m)
{
	return util_now_ms() + m->check.conf->dns_reply_timeout_ms;
}

/* Decides, at the first time by the verdicts that are waited for. */
static struct answer *
judge(struct message *m, int64_t until_ms)
{
	if (!m->check.settled)
		find_rule(m, until_ms);
	collect_findings(m, until_ms);

	struct decision d = decide(m->found.policy, m->facts.findings);

	d.rule = m->found.rule;
	if (m->found.needs != 0 || m->forwarder_unsure)
		d = decide_unsure(&d);
	return answer(m, &d);
}

/* The mildest of those that are not told to come again counts for all. */
static void
weigh(struct message *m, const struct answer *a)
{
	const struct decision *d = &a->decision;

	if (!m->decided || d->action < m->decision.action)
		m->decision = *d;
	m->decided = true;
}

struct session_step
session_judge(struct message *m)
{
	const struct answer *a = judge(m, deadline(m));

	weigh(m, a);
	return step_of(a);
}

static void
set_recipient(struct message *m, const char *to)
{
	struct identity id = { .address = NULL };

	identity_from_mail(&id, to, m->who.helo);
	free(m->recipient);
	m->recipient = xstrdup(identity_field_path(&id));
	m->facts.recipient = m->recipient;
	m->facts.lacks &= ~RULES_NEED_RECIPIENT;
	identity_fini(&id);
}

/* Whether the message is for others, and cannot be for this one too. */
static bool
is_apart(const struct message *m, const struct answer *a)
{
	return m->check.conf->mixed_recipients == CONF_MIXED_SPLIT &&
	    m->lead != NULL && decisions_part(&m->lead->decision,
	    &a->decision);
}

struct session_step
session_judge_recipient(struct message *m, const char *to)
{
	if (m->check.conf->rules.asks_recipient)
		set_recipient(m, to);

	const struct answer *a = judge(m, deadline(m));
	bool waits = m->check.conf->reject_at == CONF_STAGE_END;
	bool taken = waits || !decision_refuses(&a->decision);

	if (taken && is_apart(m, a)) {
		struct decision d = decide_apart(&a->decision);

		return step_of(answer(m, &d));
	}
	if (taken && m->lead == NULL)
		m->lead = a;
	weigh(m, a);
	return waits ? (struct session_step){ SESSION_CONTINUE, NULL } :
	    step_of(a);
}

void
session_begin_spare(struct message *m)
{
	const struct dns_client client = {
		.connection = m->check.connection, .address = m->who.client
	};

	if (m->spare != NULL && decision_can_be_spared(&m->decision))
		spare_begin(m->spare, m->check.flights, &client);
}

/* Is there something else that speaks for it? */
static void
spare(struct message *m, int64_t until_ms)
{
	if (m->spare == NULL || !decision_can_be_spared(&m->decision))
		return;
	session_begin_spare(m);

	enum decision_reason why = spare_find(m->spare, until_ms);

	if (why == DECISION_RESULT)
		return;
	stats_inc(why == DECISION_SIGNED ? STATS_SPARED_SIGNED
	    : STATS_SPARED_DMARC);
	m->decision = decide_spared(&m->decision, why);
}

static void
judge_relayed(struct message *m, int64_t until_ms)
{
	const struct relayed *r = m->relayed;

	for (size_t i = 0; i < r->rcpt_count; i++) {
		set_recipient(m, r->rcpts[i]);
		weigh(m, judge(m, until_ms));
	}
}

struct session_step
session_judge_end(struct message *m)
{
	int64_t until_ms = deadline(m);

	if (m->skip == NULL && m->relayed != NULL)
		judge_relayed(m, until_ms);
	if (m->skip == NULL && !m->decided)
		weigh(m, judge(m, until_ms));
	spare(m, until_ms);
	if (!decision_refuses(&m->decision) &&
	    m->fields.forged_count > SESSION_FORGED_MAX) {
		stats_inc(STATS_FORGED_FIELDS);
		log_warning("refused a message with more than %d forged "
		    "fields", SESSION_FORGED_MAX);
		m->decision = decide_forged(&m->decision);
	}
	m->decided = true;
	return step_of(answer(m, &m->decision));
}

void
session_conclude(struct message *m)
{
	static const enum stats_counter counters[] = {
		[POLICY_SKIP] = STATS_ACCEPTED,
		[POLICY_ACCEPT] = STATS_ACCEPTED,
		[POLICY_TAG] = STATS_TAGGED,
		[POLICY_QUARANTINE] = STATS_QUARANTINED,
		[POLICY_TEMPFAIL] = STATS_TEMPFAILED,
		[POLICY_REJECT] = STATS_REJECTED,
	};

	static const enum stats_counter excuses[EXCUSE_COUNT] = {
		[EXCUSE_GRACE] = STATS_EXCUSED_GRACE,
		[EXCUSE_OUTAGE] = STATS_EXCUSED_OUTAGE,
		[EXCUSE_RELAY] = STATS_EXCUSED_RELAY,
		[EXCUSE_CLIENT] = STATS_EXCUSED_CLIENT,
		[EXCUSE_FORWARDER] = STATS_EXCUSED_FORWARDER,
	};

	static const enum stats_counter would[POLICY_LEVEL_MAX + 1] = {
		[2] = STATS_WOULD_REFUSE_2,
		[3] = STATS_WOULD_REFUSE_3,
		[4] = STATS_WOULD_REFUSE_4,
		[5] = STATS_WOULD_REFUSE_5,
		[6] = STATS_WOULD_REFUSE_6,
	};

	if (!m->decided || m->concluded)
		return;
	m->concluded = true;
	m->decision.would = decide_would(&m->decision,
	    m->check.conf->policy_at, m->facts.findings);
	for (unsigned i = m->decision.would; i != 0 && i <= POLICY_LEVEL_MAX;
	    i++)
		stats_inc(would[i]);
	if (m->skip == NULL || decision_refuses(&m->decision))
		stats_inc_at(counters[m->decision.action],
		    m->decision.parts[m->decision.scope].level);
	enum excuse excuse = decision_excuse(&m->decision);
	if (excuse != EXCUSE_NONE)
		stats_inc(excuses[excuse]);
	if (m->skip == NULL && log_enabled(LOG_LEVEL_INFO))
		session_log(m);
	if (m->skip == NULL && log_enabled(LOG_LEVEL_DEBUG))
		session_log_traces(m);
}
