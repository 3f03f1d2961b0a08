/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an evaluation asks the DNS: questions are put, names expanded, and
 * those of the client validated.
 */

#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval_priv.h"
#include "spf/macro.h"
#include "spf/record.h"

#define PTR_MAX 10		/* RFC 7208 s4.6.4: the others are ignored */

void
eval_stop(struct eval_run *run, enum result r, const char *fmt, ...)
{
	va_list ap;

	assert(!run->stopped);
	run->stopped = true;
	run->stop_result = r;
	va_start(ap, fmt);
	(void)vsnprintf(run->problem, sizeof(run->problem), fmt, ap);
	va_end(ap);
}

/* Names */

const char *
eval_shown(const struct eval_run *run, const char *name)
{
	return run->hidden ? "*" : name;
}

const char *
eval_shown_domain(const struct eval_check *c)
{
	return c->hidden ? "*" : c->domain;
}

/* Asking */

enum dns_type
eval_address_type(const struct eval_run *run)
{
	return run->in->client.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

/* For a name that turns out not to be one. */
static const struct dns_answer no_name = { .status = DNS_NXDOMAIN };

size_t
eval_trace(struct eval_run *run, struct trace_entry e, const char *name)
{
	e.lookups = run->verdict.lookups;
	e.voids = run->verdict.voids;
	return run->trace == NULL ? TRACE_NONE :
	    trace_add(run->trace, &e, name);
}

static void
note_question(struct eval_run *run, const char *name, enum dns_type type,
    enum dns_status status, const struct dns_answer *answer)
{
	if (run->trace == NULL || status == DNS_PENDING)
		return;
	struct trace_entry e = { .kind = TRACE_QUESTION, .parent = run->traced,
		.type = type, .status = status };
	if (answer != NULL)
		e.answer = dns_view_share(run->view, answer, &e.source);
	(void)eval_trace(run, e, eval_shown(run, name));
}

bool
eval_ask(struct eval_run *run, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	enum dns_status status = dns_query(run->view, name, type, out);

	note_question(run, name, type, status, *out);
	switch (status) {
	case DNS_OK:
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		if (*out == NULL)
			*out = &no_name;
		return true;
	case DNS_TEMPERROR:
		if (*out != NULL)
			return true;
		/* The deadline of all: not to be taken for a PTR error. */
		run->verdict.limited = true;
		eval_stop(run, RESULT_TEMPERROR, "no answer in time for %s %s",
		    dns_type_name(type), eval_shown(run, name));
		return false;
	case DNS_LIMIT:
		stats_inc(STATS_LIMIT_QUERIES);
		eval_stop(run, RESULT_PERMERROR, "too many DNS queries");
		return false;
	case DNS_PENDING:
		eval_stop(run, RESULT_TEMPERROR, "no answer yet");
		run->pending = true;
		return false;
	}
	assert(false);
	return false;
}

bool
eval_ask_strictly(struct eval_run *run, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	if (!eval_ask(run, name, type, out))
		return false;
	if ((*out)->status != DNS_TEMPERROR)
		return true;
	run->verdict.bogus = (*out)->failure == DNS_FAILURE_BOGUS;
	run->verdict.limited = (*out)->failure == DNS_FAILURE_BUSY;
	eval_stop(run, RESULT_TEMPERROR, "DNS error for %s %s: %s",
	    dns_type_name(type), eval_shown(run, name), (*out)->problem);
	return false;
}

/* Validated names of the client (RFC 7208 s5.5) */

static enum eval_relation
relation(const char *name, const char *domain)
{
	size_t len = strlen(name);
	size_t tail = strlen(domain);

	if (len < tail || !util_eq_nocase(name + len - tail, domain))
		return EVAL_RELATION_OTHER;
	if (len == tail)
		return EVAL_RELATION_SAME;
	return name[len - tail - 1] == '.' ? EVAL_RELATION_SUBDOMAIN :
	    EVAL_RELATION_OTHER;
}

/* The client's address is among those of the name; an error means no. */
static bool
is_validated(struct eval_run *run, const char *name)
{
	const struct dns_answer *a;

	return eval_ask(run, name, eval_address_type(run), &a) &&
	    dns_answer_has(a, &run->in->client);
}

const char *
eval_find_validated(struct eval_run *run, const struct dns_answer *answer,
    const char *domain, unsigned last)
{
	for (unsigned near = EVAL_RELATION_SAME; near <= last; near++) {
		for (size_t i = 0; i < answer->count && i < PTR_MAX; i++) {
			const struct dns_rr *rr = &answer->rr[i];

			if (!dns_rr_is_name(rr) ||
			    relation(rr->data, domain) != near)
				continue;
			if (is_validated(run, rr->data))
				return rr->data;
			if (run->stopped)
				return NULL;
		}
	}
	return NULL;
}

bool
eval_ask_ptr(struct eval_run *run, char name[ADDR_REVERSE_SIZE],
    const struct dns_answer **out)
{
	return eval_ask(run, addr_format_reverse(&run->in->client, name),
	    DNS_TYPE_PTR, out);
}

/* Macros */

bool
eval_fill_vars(struct eval_run *run, const struct eval_check *c,
    const struct macro *m, struct macro_vars *vars)
{
	const struct eval_request *in = run->in;
	const struct dns_answer *answer;
	char name[ADDR_REVERSE_SIZE];

	*vars = (struct macro_vars){
		.client = &in->client,
		.local = in->local,
		.sender_domain = in->domain,
		.domain = c->domain,
		.helo = in->helo,
		.receiver = in->receiver,
		.time_s = in->time_s
	};
	/* s7.3: the domain itself, else a name below it, else any. */
	if (macro_uses_validated(m) && eval_ask_ptr(run, name, &answer))
		vars->validated = eval_find_validated(run, answer, c->domain,
		    EVAL_RELATION_OTHER);
	return !run->stopped;
}

bool
eval_expand_name(struct eval_run *run, const struct eval_check *c,
    const struct macro *m, char out[EVAL_NAME_SIZE])
{
	struct macro_vars vars;

	run->hidden = run->hides && (c->hidden ||
	    (m != NULL && macro_uses(m, "lsh")));
	if (m == NULL) {
		memcpy(out, c->domain, EVAL_NAME_SIZE);
		return true;
	}
	return eval_fill_vars(run, c, m, &vars) &&
	    macro_expand_name(m, &vars, out) == MACRO_NAME_OK;
}
