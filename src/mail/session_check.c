/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session checks: evaluations begun and collected, and the decision.
 *
 * Evaluations start at MAIL, those of HELO and MAIL FROM together, and are
 * collected when a stage needs the decision, which is made once for a message.
 * HELO alone starts nothing, since a client may say it thousands of times.
 * The evaluation of HELO serves the messages to come, and MAIL FROM:<> too,
 * since that identity is postmaster@HELO (RFC 7208 s2.4).  HELO is decided
 * first: where it says reject, MAIL FROM is neither waited for nor reported;
 * where both refuse otherwise, a rejection comes before a tempfail.
 */

#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "eval/flight.h"
#include "mail/session_priv.h"
#include "policy/reply.h"

_Static_assert(CONF_LOOKUPS_MAX == EVAL_LOOKUPS_MAX,
    "what may be configured is what counts");

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
		.connection = s,
		.local = id->local,
		.domain = id->lookup,
		.helo = identity_field_address(s->helo),
		.receiver = session_our_name(s),
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

void
session_set_helo(struct session *s, const char *arg)
{
	s->helo = xcalloc(1, sizeof(*s->helo));
	identity_from_helo(s->helo, arg);
}

void
session_forget_helo(struct session *s)
{
	release_helo(s);
	if (s->helo != NULL)
		identity_fini(s->helo);
	free(s->helo);
	s->helo = NULL;
}

void
session_set_senders(const struct session *s, const char *arg,
    const char *mta_address)
{
	struct message *m = s->message;
	struct identity ids[IDENTITY_SENDERS_MAX];

	m->sender_count = identity_senders(ids, arg, mta_address, s->helo);
	for (size_t i = 0; i < m->sender_count; i++)
		m->senders[i].id = ids[i];
}

static void
release_senders(struct message *m)
{
	for (size_t i = 0; i < m->sender_count; i++) {
		flight_release(m->senders[i].flight);
		m->senders[i].flight = NULL;
	}
}

void
session_forget_senders(struct message *m)
{
	release_senders(m);
	for (size_t i = 0; i < m->sender_count; i++)
		identity_fini(&m->senders[i].id);
}

/* The verdict on HELO if it is there; NULL: not yet, or never. */
static const struct eval_verdict *
helo_verdict_so_far(const struct session *s)
{
	if (s->helo_flight == NULL || !flight_is_done(s->helo_flight))
		return NULL;
	return flight_collect(s->helo_flight, 0);
}

/* A temperror is not kept for another message: the DNS may be back. */
static void
check_helo(struct session *s)
{
	const struct eval_verdict *v = helo_verdict_so_far(s);

	if (v != NULL && v->result == RESULT_TEMPERROR)
		release_helo(s);
	if (s->helo_flight == NULL)
		start_helo(s);
}

static bool
helo_rejects_already(const struct session *s)
{
	const struct eval_verdict *v = helo_verdict_so_far(s);

	return v != NULL && decide_helo_rejects(&s->conf->policy, v->result);
}

static void
start_sender(const struct session *s, struct sender *sender)
{
	if (sender->id.status != IDENTITY_OK ||
	    (sender->id.null_sender && s->helo_flight != NULL))
		return;
	sender->flight = start_flight(s, SCOPE_MAILFROM, &sender->id,
	    shows_explanation(s, SCOPE_MAILFROM));
}

void
session_check_mail(struct session *s)
{
	struct message *m = s->message;

	check_helo(s);
	if (!policy_checks(&s->conf->policy, SCOPE_MAILFROM) ||
	    helo_rejects_already(s))
		return;
	for (size_t i = 0; i < m->sender_count; i++)
		start_sender(s, &m->senders[i]);
}

const struct identity *
session_identity(const struct session *s, enum scope scope)
{
	return scope == SCOPE_HELO ? s->helo : &s->message->sender->id;
}

static struct flight *
flight_of(const struct session *s, const struct sender *sender)
{
	if (sender->flight == NULL && sender->id.null_sender)
		return s->helo_flight;
	return sender->flight;
}

struct flight *
session_flight(const struct session *s, enum scope scope)
{
	return scope == SCOPE_HELO ? s->helo_flight
	    : flight_of(s, s->message->sender);
}

/* The verdict on id; waits until until_ms.  made: where f does not hold it. */
static const struct eval_verdict *
collect(struct flight *f, const struct identity *id, enum scope scope,
    struct eval_verdict *made, int64_t until_ms)
{
	if (id->status == IDENTITY_OK) {
		const struct eval_verdict *v = flight_collect(f, until_ms);

		if (v->scope == scope)
			return v;
		/* The texts stay those of HELO, whose flight lives longer. */
		*made = *v;
		made->scope = scope;
	} else {
		eval_without_lookup(made, scope, RESULT_NONE,
		    identity_status_text(id->status));
	}
	return made;
}

static const struct eval_verdict *
collect_helo(const struct session *s, int64_t until_ms)
{
	return collect(s->helo_flight, s->helo, SCOPE_HELO,
	    &s->message->made_helo, until_ms);
}

/* Of more senders than one the worst counts. */
static const struct eval_verdict *
collect_sender(const struct session *s, int64_t until_ms)
{
	struct message *m = s->message;
	const struct eval_verdict *worst = NULL;

	for (size_t i = 0; i < m->sender_count; i++) {
		struct sender *sender = &m->senders[i];
		const struct eval_verdict *v = collect(flight_of(s, sender),
		    &sender->id, SCOPE_MAILFROM, &sender->made, until_ms);

		if (worst != NULL && !policy_is_worse(&s->conf->policy,
		    SCOPE_MAILFROM, v->result, worst->result))
			continue;
		worst = v;
		m->sender = sender;
	}
	return worst;
}

static void
count_message(const struct message *m)
{
	static const enum stats_counter counters[] = {
		[POLICY_ACCEPT] = STATS_ACCEPTED,
		[POLICY_TEMPFAIL] = STATS_TEMPFAILED,
		[POLICY_REJECT] = STATS_REJECTED,
	};

	stats_inc(counters[m->decision.action]);
}

void
session_conclude(const struct session *s)
{
	struct message *m = s->message;

	if (!m->decided || m->concluded)
		return;
	m->concluded = true;
	count_message(m);
	if (log_enabled(LOG_LEVEL_INFO))
		session_log(s);
}

static const enum stats_counter result_counters[RESULT_COUNT] = {
	[RESULT_NONE] = STATS_RESULT_NONE,
	[RESULT_NEUTRAL] = STATS_RESULT_NEUTRAL,
	[RESULT_PASS] = STATS_RESULT_PASS,
	[RESULT_FAIL] = STATS_RESULT_FAIL,
	[RESULT_SOFTFAIL] = STATS_RESULT_SOFTFAIL,
	[RESULT_TEMPERROR] = STATS_RESULT_TEMPERROR,
	[RESULT_PERMERROR] = STATS_RESULT_PERMERROR,
};

/* The verdict of one scope, collected and counted; NULL: not checked. */
static const enum result *
judge(const struct session *s, enum scope scope, int64_t until_ms)
{
	const struct eval_verdict *v;

	if (!policy_checks(&s->conf->policy, scope))
		return NULL;
	v = scope == SCOPE_HELO ? collect_helo(s, until_ms)
	    : collect_sender(s, until_ms);
	stats_inc(result_counters[v->result]);
	s->message->verdict[scope] = v;
	return &v->result;
}

void
session_decide(const struct session *s)
{
	const struct policy *p = &s->conf->policy;
	const enum result *results[SCOPE_COUNT] = { NULL };
	struct message *m = s->message;
	int64_t until_ms = util_now_ms() + s->conf->dns_reply_timeout_ms;

	results[SCOPE_HELO] = judge(s, SCOPE_HELO, until_ms);
	if (results[SCOPE_HELO] == NULL ||
	    !decide_helo_rejects(p, *results[SCOPE_HELO]))
		results[SCOPE_MAILFROM] = judge(s, SCOPE_MAILFROM, until_ms);
	else
		release_senders(m);
	m->decision = decide(p, results);
	m->decided = true;
	if (decision_refuses(&m->decision))
		session_make_reply(s);
}
