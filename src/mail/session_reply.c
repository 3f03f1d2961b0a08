/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a refusal. */

#include "config.h"

#include <assert.h>
#include <time.h>

#include "base/util.h"
#include "conf/conf.h"
#include "mail/session_priv.h"
#include "policy/reply.h"
#include "policy/rules.h"
#include "policy/token.h"

static void
set_fixed(struct reply *out, unsigned code, const char *enhanced,
    const char *text)
{
	out->code = code;
	util_copy(out->enhanced, sizeof(out->enhanced), enhanced);
	util_copy(out->text, sizeof(out->text), text);
}

/* Where the policy defers what the reply would refuse for good. */
static void
soften(struct reply *r)
{
	if (r->code < 500)
		return;
	r->code = 451;
	r->enhanced[0] = '4';
}

/* The page that explains this refusal; "": there is none. */
static void
put_link(const struct message *m, const struct decision *d, int64_t now_s,
    struct sbuf *link)
{
	const struct conf *c = m->check.conf;
	const struct checked *of = &m->check.of[d->scope];
	const struct identity *id = of->id;
	const struct eval_verdict *v = of->verdict;
	/* A guess's term is in no record that anybody can correct. */
	bool guessed = v->source == SOURCE_GUESS;
	struct token t = {
		.time_s = now_s,
		.result = guessed ? v->published : of->finding.result,
		.scope = d->scope,
		.null_sender = id->null_sender,
		.deferred = d->action == POLICY_TEMPFAIL,
		.level = d->parts[d->scope].level,
		.client = m->who.client,
	};
	char text[TOKEN_SIZE];

	if (c->why_url[0] == '\0')
		return;
	token_set_name(t.domain, sizeof(t.domain), identity_field_domain(id));
	token_set_name(t.receiver, sizeof(t.receiver), m->who.receiver);
	token_set_name(t.client_name, sizeof(t.client_name),
	    m->who.client_name);
	if (d->rule != NULL)
		token_set_text(t.rule, sizeof(t.rule), d->rule->name);
	if (v->mechanism[0] != '\0' && !guessed)
		token_set_text(t.reason, sizeof(t.reason), v->mechanism);
	else
		token_set_problem(&t, v->problem, id->local);
	token_encode(&t, c->why_key_octets, text);
	sbuf_fmt(link, "%s?t=%s", c->why_url, text);
}

static void
refuse_result(const struct message *m, const struct decision *d,
    struct reply *out)
{
	const struct checked *of = &m->check.of[d->scope];
	const struct identity *id = of->id;
	const struct eval_verdict *v = of->verdict;
	int64_t now_s = time(NULL);
	char link[REPLY_LINK_MAX + 1];
	struct sbuf sb;

	sbuf_init(&sb, link, sizeof(link));
	put_link(m, d, now_s, &sb);
	const struct reply_vars vars = {
		.macros = {
			.client = &m->who.client,
			.local = id->local,
			.sender_domain = identity_field_domain(id),
			.domain = identity_field_domain(id),
			.helo = identity_field_address(m->who.helo),
			.receiver = m->who.receiver,
			.time_s = now_s,
			.result = result_name(of->finding.result),
			.identity = scope_name(d->scope),
			.reason = v->problem,
			.queue_id = m->who.queue_id,
			.why_url = link,
		},
		.explanation = v->explanation,
		.explanation_domain = v->explanation_domain,
	};
	const struct reply_template *template =
	    m->check.conf->replies[of->finding.result];

	assert(template != NULL);	/* no policy refuses a pass */
	reply_format(template, &vars, out);
	if (d->action == POLICY_TEMPFAIL)
		soften(out);
}

struct reply *
session_make_reply(const struct message *m, const struct decision *d)
{
	struct reply *reply = xcalloc(1, sizeof(*reply));

	switch (d->reason) {
	case DECISION_RESULT:
	case DECISION_UNSURE:
		refuse_result(m, d, reply);
		break;
	case DECISION_FORGED:
		set_fixed(reply, 550, "5.7.1",
		    "Too many header fields claim to be ours");
		break;
	case DECISION_APART:
		set_fixed(reply, 452, "4.5.3", "This recipient wants another "
		    "treatment; send the message again");
		break;
	case DECISION_SIGNED:
	case DECISION_DMARC:
		assert(false);	/* no refusals */
	}
	return reply;
}
