/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a refusal. */

#include "config.h"

#include <assert.h>
#include <time.h>

#include "base/util.h"
#include "conf/conf.h"
#include "mail/session_priv.h"
#include "policy/reply.h"

static void
refuse_forgeries(struct reply *out)
{
	out->code = 550;
	util_copy(out->enhanced, sizeof(out->enhanced), "5.7.1");
	util_copy(out->text, sizeof(out->text),
	    "Too many header fields claim to be ours");
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

static void
refuse_result(const struct message *m, const struct decision *d,
    struct reply *out)
{
	const struct identity *id = m->check.of[d->scope].id;
	const struct eval_verdict *v = m->check.of[d->scope].verdict;
	const struct reply_vars vars = {
		.macros = {
			.client = &m->who.client,
			.local = id->local,
			.sender_domain = identity_field_domain(id),
			.domain = identity_field_domain(id),
			.helo = identity_field_address(m->who.helo),
			.receiver = m->who.receiver,
			.time_s = time(NULL),
			.result = result_name(v->result),
			.identity = scope_name(d->scope),
			.reason = v->problem,
			.queue_id = m->who.queue_id,
		},
		.explanation = v->explanation,
		.explanation_domain = v->explanation_domain,
	};
	const struct reply_template *template =
	    m->check.conf->replies[v->result];

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
		refuse_result(m, d, reply);
		break;
	case DECISION_FORGED:
		refuse_forgeries(reply);
		break;
	}
	return reply;
}
