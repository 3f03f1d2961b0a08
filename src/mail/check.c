/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluations start at MAIL, those of HELO and MAIL FROM together, and are
 * collected when a stage needs the decision.  HELO alone starts nothing, since
 * a client may say it thousands of times.  Its evaluation serves MAIL FROM:<>
 * too, since that identity is postmaster@HELO (RFC 7208 s2.4).
 */

#include "config.h"

#include <time.h>

#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/flight.h"
#include "eval/eval_flight.h"
#include "mail/breaker.h"
#include "mail/check.h"
#include "mail/grace.h"
#include "policy/decide.h"

_Static_assert(CONF_LOOKUPS_MAX == EVAL_LOOKUPS_MAX,
    "what may be configured is what counts");

static enum policy_table
table_of(enum scope scope, const struct identity *id)
{
	if (scope == SCOPE_HELO)
		return TABLE_HELO;
	return id->null_sender ? TABLE_NULL_SENDER : TABLE_MAILFROM;
}

static bool
checks(const struct check *c, enum policy_table t)
{
	return policy_checks(c->policy, t);
}

static bool
checks_sender(const struct check *c, const struct identity *id)
{
	return checks(c, table_of(SCOPE_MAILFROM, id));
}

bool
check_wants(const struct check *c)
{
	for (size_t i = 0; i < c->who->sender_count; i++)
		if (checks_sender(c, &c->who->senders[i]))
			return true;
	return checks(c, TABLE_HELO);
}

/* Is the publisher's explanation of a fail ever shown? */
static bool
shows_explanation(const struct check *c, enum policy_table t)
{
	const struct finding fail = { .result = RESULT_FAIL, .table = t };

	return policy_decide(c->policy, &fail) == POLICY_REJECT;
}

static struct flight *
begin(const struct check *c, enum scope scope, const struct identity *id,
    bool want_explanation)
{
	struct eval_request request = {
		.scope = scope,
		.client = c->who->client,
		.connection = c->connection,
		.local = id->local,
		.domain = id->lookup,
		.helo = identity_field_address(c->who->helo),
		.receiver = c->who->receiver,
		.time_s = time(NULL),
		.max_lookups = c->conf->max_lookups,
		.max_void_lookups = c->conf->max_void_lookups,
		.want_explanation = want_explanation,
		.want_trace = c->want_trace,
		.local_policy = c->conf->local_policy.record,
		.best_guess = scope == SCOPE_HELO || id->null_sender ? NULL :
		    c->conf->best_guess.record,
		.wide_open_prefix = c->conf->wide_open_prefix,
		.wide_open_prefix6 = c->conf->wide_open_prefix6,
		.self_test = c->conf->self_test_ip,
	};

	return eval_flight_start(c->flights, &request,
	    util_now_ms() + c->conf->dns_timeout_ms);
}

/* The verdict on HELO if it is there; NULL: not yet, or never. */
static const struct eval_verdict *
helo_so_far(const struct check *c)
{
	if (*c->helo == NULL || !flight_is_done(*c->helo))
		return NULL;
	return eval_flight_collect(*c->helo, 0);
}

/*
 * A temperror is not kept for another message: the DNS may be back.  MAIL
 * FROM:<> may come to use this verdict, so its wishes count too.
 */
static void
begin_helo(const struct check *c)
{
	const struct eval_verdict *v = helo_so_far(c);

	if (v != NULL && v->result == RESULT_TEMPERROR)
		check_forget_helo(c->helo);
	if (*c->helo == NULL && c->who->helo->status == IDENTITY_OK &&
	    checks(c, TABLE_HELO))
		*c->helo = begin(c, SCOPE_HELO, c->who->helo,
		    shows_explanation(c, TABLE_HELO) ||
		    shows_explanation(c, TABLE_NULL_SENDER));
}

/* Of every result. */
static enum excuse
excuse_of(const struct check *c)
{
	if (c->unknown_client != NULL)
		return EXCUSE_CLIENT;
	return c->bounces ? EXCUSE_RELAY : EXCUSE_NONE;
}

static bool
helo_rejects(const struct check *c, const struct eval_verdict *v)
{
	/* At the end it may come to be let through, and MAIL FROM counts. */
	if (v == NULL || !c->settled || c->excusable ||
	    c->conf->reject_at == CONF_STAGE_END)
		return false;

	const struct finding f = {
		.result = v->result,
		.table = TABLE_HELO,
		.excuse = excuse_of(c),
	};

	return decide_helo_rejects(c->policy, &f);
}

void
check_begin(struct check *c)
{
	const struct subject *who = c->who;

	c->of[SCOPE_HELO].id = who->helo;
	c->of[SCOPE_MAILFROM].id = &who->senders[0];
	if (c->unknown_client != NULL)
		return;
	begin_helo(c);
	if (helo_rejects(c, helo_so_far(c)))
		return;
	for (size_t i = 0; i < who->sender_count; i++) {
		const struct identity *id = &who->senders[i];

		if (id->status == IDENTITY_OK && checks_sender(c, id) &&
		    (!id->null_sender || *c->helo == NULL))
			c->senders[i].flight = begin(c, SCOPE_MAILFROM, id,
			    shows_explanation(c, table_of(SCOPE_MAILFROM,
			    id)));
	}
}

/* A guess that does not pass saves nothing that is refused without a record. */
static struct finding
find(const struct check *c, const struct eval_verdict *v, enum scope scope,
    const struct identity *id)
{
	const bool guessed = v->source == SOURCE_GUESS;
	const struct finding spf = {
		.result = guessed ? v->published : v->result,
		.table = table_of(scope, id),
		.mechanism = v->mechanism,
		.wide_open = v->wide_open[0] != '\0',
	};
	const struct finding guess = {
		.result = v->result,
		.table = TABLE_GUESS,
		.mechanism = v->mechanism,
	};

	return !guessed || (v->result != RESULT_PASS &&
	    policy_is_worse(c->policy, &spf, &guess)) ? spf : guess;
}

/* made: room for a verdict that f does not hold. */
static struct checked
collect(const struct check *c, struct flight *f, const struct identity *id,
    enum scope scope, struct eval_verdict *made, int64_t until_ms)
{
	struct checked got = { .id = id, .verdict = made };

	if (c->unknown_client != NULL || id->status != IDENTITY_OK) {
		eval_without_lookup(made, scope, RESULT_NONE,
		    c->unknown_client != NULL ? c->unknown_client :
		    identity_status_text(id->status));
	} else {
		got.verdict = eval_flight_collect(f, until_ms);
		got.duration_ms = flight_duration_ms(f);
	}
	if (got.verdict->scope != scope) {
		/* The texts stay those of HELO, whose flight lives longer. */
		*made = *got.verdict;
		made->scope = scope;
		got.verdict = made;
	}
	got.finding = find(c, got.verdict, scope, id);
	got.finding.excuse = excuse_of(c);
	return got;
}

/* Of more senders than one the worst counts. */
static struct checked
collect_senders(struct check *c, int64_t until_ms)
{
	struct checked worst = { .id = &c->who->senders[0] };

	for (size_t i = 0; i < c->who->sender_count; i++) {
		const struct identity *id = &c->who->senders[i];
		struct check_sender *s = &c->senders[i];

		if (!checks_sender(c, id))
			continue;

		struct flight *f = s->flight == NULL && id->null_sender
		    ? *c->helo : s->flight;
		struct checked got = collect(c, f, id, SCOPE_MAILFROM, &s->made,
		    until_ms);

		if (worst.verdict == NULL || policy_is_worse(c->policy,
		    &got.finding, &worst.finding))
			worst = got;
	}
	return worst;
}

void
check_end(struct check *c)
{
	for (size_t i = 0; i < c->who->sender_count; i++) {
		eval_flight_release(c->senders[i].flight);
		c->senders[i].flight = NULL;
	}
}

static void
count(const struct eval_verdict *v, enum scope scope)
{
	static const enum stats_counter counters[RESULT_COUNT] = {
		[RESULT_NONE] = STATS_RESULT_NONE,
		[RESULT_NEUTRAL] = STATS_RESULT_NEUTRAL,
		[RESULT_PASS] = STATS_RESULT_PASS,
		[RESULT_FAIL] = STATS_RESULT_FAIL,
		[RESULT_SOFTFAIL] = STATS_RESULT_SOFTFAIL,
		[RESULT_TEMPERROR] = STATS_RESULT_TEMPERROR,
		[RESULT_PERMERROR] = STATS_RESULT_PERMERROR,
	};

	if (v == NULL)
		return;
	stats_inc_at(counters[v->source == SOURCE_GUESS ? v->published :
	    v->result], scope);
	if (v->source == SOURCE_LOCAL_POLICY)
		stats_inc(STATS_SOURCE_LOCAL_POLICY);
	if (v->source == SOURCE_GUESS)
		stats_inc(STATS_SOURCE_GUESS);
	if (v->wide_open[0] != '\0')
		stats_inc(STATS_WIDE_OPEN);
}

/* Of the identity's own DNS, not of a local policy that cannot be asked. */
static bool
is_temperror(const struct checked *k)
{
	return k->verdict != NULL && k->verdict->result == RESULT_TEMPERROR &&
	    k->verdict->source == SOURCE_RECORD;
}

/* An answer of the DNS, or that there is none, which says how that is. */
static void
tell_breaker(const struct check *c, const struct checked *k, int64_t now_ms)
{
	const struct eval_verdict *v = k->verdict;

	if (v != NULL && k->id->status == IDENTITY_OK &&
	    !k->id->null_sender && v->asked && !v->limited && !v->stale)
		breaker_note(c->breaker, &c->who->client, k->id->lookup,
		    is_temperror(k), now_ms);
}

/* Remembers only what is deferred: many hosts have a lame name in HELO. */
static bool
has_grace(const struct check *c, const struct checked *k, int64_t now_ms)
{
	int64_t grace_ms = c->conf->temperror_grace_ms;

	if (c->grace == NULL || grace_ms == 0 || k->id->status != IDENTITY_OK)
		return false;
	if (is_temperror(k))
		return !k->verdict->limited && policy_decide(c->policy,
		    &k->finding) >= POLICY_TEMPFAIL && grace_note(c->grace,
		    &c->who->client, k->id->lookup, grace_ms, now_ms);
	if (!k->verdict->stale)
		grace_forget(c->grace, &c->who->client, k->id->lookup);
	return false;
}

/*
 * Who is to blame for temperrors.  The verdict on HELO may be one of long ago,
 * which the breaker is not told again.
 */
static void
excuse(struct check *c)
{
	int64_t now_ms = util_now_ms();
	bool outage = false;

	if (c->breaker != NULL) {
		tell_breaker(c, &c->of[SCOPE_MAILFROM], now_ms);
		outage = (is_temperror(&c->of[SCOPE_HELO]) ||
		    is_temperror(&c->of[SCOPE_MAILFROM]) ||
		    breaker_is_in_doubt(c->breaker)) &&
		    breaker_is_open(c->breaker, c->conf->dns_timeout_ms,
		    now_ms);
	}
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		struct checked *k = &c->of[i];

		if (is_temperror(k) && outage)
			k->finding.excuse = EXCUSE_OUTAGE;
		else if (k->verdict != NULL && has_grace(c, k, now_ms))
			k->finding.excuse = EXCUSE_GRACE;
	}
}

void
check_collect(struct check *c, int64_t until_ms)
{
	if (c->collected)
		return;
	c->collected = true;
	if (checks(c, TABLE_HELO))
		c->of[SCOPE_HELO] = collect(c, *c->helo, c->who->helo,
		    SCOPE_HELO, &c->made_helo, until_ms);
	if (helo_rejects(c, c->of[SCOPE_HELO].verdict))
		check_end(c);
	else
		c->of[SCOPE_MAILFROM] = collect_senders(c, until_ms);
	count(c->of[SCOPE_HELO].verdict, SCOPE_HELO);
	count(c->of[SCOPE_MAILFROM].verdict, SCOPE_MAILFROM);
	excuse(c);
}

void
check_forget_helo(struct flight **helo)
{
	eval_flight_release(*helo);
	*helo = NULL;
}
