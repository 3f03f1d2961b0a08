/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an evaluation asks the DNS: names are expanded, questions put and
 * counted, and the answers to the terms of a record made ready for libspf2.
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
#include "spf/identity.h"
#include "spf/macro.h"
#include "spf/record.h"

#define MX_MAX 10		/* RFC 7208 s4.6.4: more is permerror */
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

/* Asking */

static const char *
type_name(enum dns_type type)
{
	switch (type) {
	case DNS_TYPE_A:
		return "A";
	case DNS_TYPE_PTR:
		return "PTR";
	case DNS_TYPE_MX:
		return "MX";
	case DNS_TYPE_TXT:
		return "TXT";
	case DNS_TYPE_AAAA:
		return "AAAA";
	}
	assert(false);
	return "";
}

static enum dns_type
address_type(const struct eval_run *run)
{
	return run->in->client.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

/* For a name that turns out not to be one. */
static const struct dns_answer no_name = { .status = DNS_NXDOMAIN };

bool
eval_ask(struct eval_run *run, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	switch (dns_query(run->view, name, type, out)) {
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
		eval_stop(run, RESULT_TEMPERROR, "no answer in time for %s %s",
		    type_name(type), name);
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
	eval_stop(run, RESULT_TEMPERROR, "DNS error for %s %s: %s",
	    type_name(type), name, (*out)->problem);
	return false;
}

/* Macros bring any octet into a name, but none that could feign an entry. */
static void
note_void(struct eval_run *run, const struct record_term *t, const char *name)
{
	static const char cut[] = "...";
	struct sbuf *sb = &run->voids;

	if (run->verdict.voids++ == 0)
		sbuf_init(sb, run->void_terms,
		    sizeof(run->void_terms) - strlen(cut));
	else
		sbuf_str(sb, ", ");
	sbuf_str(sb, record_mechanism_name(t->mechanism));
	sbuf_char(sb, ':');
	for (; *name != '\0'; name++)
		sbuf_char(sb, util_is_alnum(*name) ||
		    strchr("-._", *name) != NULL ? *name : '?');
	if (!sbuf_ok(sb))
		memcpy(sb->data + sb->len, cut, sizeof(cut));
	run->verdict.void_terms = run->void_terms;
}

/* Counts the answer to a term's own question (RFC 7208 s4.6.4). */
static bool
count_void(struct eval_run *run, const struct record_term *t, const char *name,
    const struct dns_answer *answer)
{
	if (answer->status != DNS_NODATA && answer->status != DNS_NXDOMAIN)
		return true;
	note_void(run, t, name);
	if (run->verdict.voids <= run->in->max_void_lookups)
		return true;
	stats_inc(STATS_LIMIT_VOID);
	eval_stop(run, RESULT_PERMERROR, "more than %u void DNS lookups: %s",
	    run->in->max_void_lookups, run->void_terms);
	return false;
}

/* A term's own question. */
static bool
ask_term(struct eval_run *run, const struct record_term *t, const char *name,
    enum dns_type type, const struct dns_answer **out)
{
	return eval_ask_strictly(run, name, type, out) &&
	    count_void(run, t, name, *out);
}

bool
eval_count_lookup(struct eval_run *run)
{
	if (run->verdict.lookups < run->max_lookups) {
		run->verdict.lookups++;
		return true;
	}
	stats_inc(STATS_LIMIT_LOOKUPS);
	eval_stop(run, RESULT_PERMERROR, "more than %u DNS lookups",
	    run->max_lookups);
	return false;
}

/* Validated names of the client (RFC 7208 s5.5) */

enum relation { RELATION_SAME, RELATION_SUBDOMAIN, RELATION_OTHER };

static enum relation
relation(const char *name, const char *domain)
{
	size_t len = strlen(name);
	size_t tail = strlen(domain);

	if (len < tail || !util_eq_nocase(name + len - tail, domain))
		return RELATION_OTHER;
	if (len == tail)
		return RELATION_SAME;
	return name[len - tail - 1] == '.' ? RELATION_SUBDOMAIN :
	    RELATION_OTHER;
}

/* A name from the DNS that the DNS can be asked for. */
static bool
is_askable(const struct dns_rr *rr)
{
	return strlen(rr->data) == rr->len &&
	    identity_name_is_valid(rr->data, rr->len, false);
}

/* The client's address is among those of the name; an error means no. */
static bool
is_validated(struct eval_run *run, const char *name)
{
	const struct addr *client = &run->in->client;
	const size_t size = client->family == AF_INET ? 4 : 16;
	const struct dns_answer *a;

	if (!eval_ask(run, name, address_type(run), &a))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rr[i].len == size &&
		    memcmp(a->rr[i].data, client->bytes, size) == 0)
			return true;
	return false;
}

/*
 * A validated name among those of answer (PTR), of which only ten are looked
 * at: the nearest to domain, and none that is farther than last.  NULL: there
 * is none, or the run has stopped.
 */
static const char *
find_validated(struct eval_run *run, const struct dns_answer *answer,
    const char *domain, unsigned last)
{
	for (unsigned near = RELATION_SAME; near <= last; near++) {
		for (size_t i = 0; i < answer->count && i < PTR_MAX; i++) {
			const struct dns_rr *rr = &answer->rr[i];

			if (!is_askable(rr) ||
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

/* Fills name with the one that is asked for. */
static bool
ask_ptr(struct eval_run *run, char name[ADDR_REVERSE_SIZE],
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
	if (macro_uses_validated(m) && ask_ptr(run, name, &answer))
		vars->validated = find_validated(run, answer, c->domain,
		    RELATION_OTHER);
	return !run->stopped;
}

bool
eval_expand_name(struct eval_run *run, const struct eval_check *c,
    const struct macro *m, char out[EVAL_NAME_SIZE])
{
	struct macro_vars vars;

	if (m == NULL) {
		memcpy(out, c->domain, EVAL_NAME_SIZE);
		return true;
	}
	return eval_fill_vars(run, c, m, &vars) &&
	    macro_expand_name(m, &vars, out) == MACRO_NAME_OK;
}

/* Terms */

static enum eval_reply
reply_unless_stopped(const struct eval_run *run, bool match)
{
	if (run->stopped)
		return EVAL_REPLY_UNWIND;
	return match ? EVAL_REPLY_CLIENT : EVAL_REPLY_NOTHING;
}

/* The addresses of a name for a term; any: with a prefix length of 0. */
static enum eval_reply
reply_addresses(const struct dns_answer *answer, bool any)
{
	if (answer->count == 0)
		return EVAL_REPLY_NOTHING;
	return any ? EVAL_REPLY_CLIENT : EVAL_REPLY_RECORDS;
}

static bool
matches_any(const struct eval_run *run, const struct record_term *t)
{
	return (run->in->client.family == AF_INET ? t->bits4 : t->bits6) == 0;
}

static enum eval_reply
query_a(struct eval_run *run, const struct record_term *t, const char *name,
    const struct dns_answer **answer)
{
	if (!ask_term(run, t, name, address_type(run), answer))
		return EVAL_REPLY_UNWIND;
	return reply_addresses(*answer, matches_any(run, t));
}

static enum eval_reply
query_mx(struct eval_run *run, const struct record_term *t, const char *name,
    const struct dns_answer **answer)
{
	if (!ask_term(run, t, name, DNS_TYPE_MX, answer))
		return EVAL_REPLY_UNWIND;
	if ((*answer)->count > MX_MAX) {
		eval_stop(run, RESULT_PERMERROR, "more than %d MX names at %s",
		    MX_MAX, name);
		return EVAL_REPLY_UNWIND;
	}
	run->mx = *answer;
	run->mx_any = matches_any(run, t);
	return EVAL_REPLY_RECORDS;
}

static enum eval_reply
query_exists(struct eval_run *run, const struct record_term *t,
    const char *name)
{
	const struct dns_answer *answer;

	if (!ask_term(run, t, name, DNS_TYPE_A, &answer))
		return EVAL_REPLY_UNWIND;
	return reply_unless_stopped(run, answer->count > 0);
}

/* Errors are no match (RFC 7208 s5.5). */
static enum eval_reply
query_ptr(struct eval_run *run, const struct record_term *t,
    const char *target)
{
	const struct dns_answer *answer;
	char name[ADDR_REVERSE_SIZE];

	if (!ask_ptr(run, name, &answer) || !count_void(run, t, name, answer))
		return EVAL_REPLY_UNWIND;
	return reply_unless_stopped(run, find_validated(run, answer, target,
	    RELATION_SUBDOMAIN) != NULL);
}

const struct eval_mark *
eval_mark_get(struct eval_run *run, size_t index)
{
	assert(index < run->marks.count);
	const struct eval_mark *m = &run->marks.marks[index];
	if (m->check != NULL && m->check->main)
		run->matched = m->term;
	return m;
}

enum eval_reply
eval_mark_query(struct eval_run *run, size_t mark,
    const struct dns_answer **answer)
{
	char name[EVAL_NAME_SIZE];

	if (run->stopped)
		return EVAL_REPLY_UNWIND;
	const struct eval_mark *m = eval_mark_get(run, mark);
	if (m->kind == EVAL_MARK_PROBE)
		return EVAL_REPLY_NOTHING;
	assert(m->kind == EVAL_MARK_TERM);
	if (!eval_count_lookup(run))
		return EVAL_REPLY_UNWIND;
	/* No query, so not a void lookup either. */
	if (!eval_expand_name(run, m->check, m->term->domain, name))
		return reply_unless_stopped(run, false);
	switch (m->term->mechanism) {
	case RECORD_A:
		return query_a(run, m->term, name, answer);
	case RECORD_MX:
		return query_mx(run, m->term, name, answer);
	case RECORD_PTR:
		return query_ptr(run, m->term, name);
	case RECORD_EXISTS:
		return query_exists(run, m->term, name);
	case RECORD_ALL:
	case RECORD_INCLUDE:
	case RECORD_IP4:
	case RECORD_IP6:
		break;
	}
	assert(false);
	return EVAL_REPLY_NOTHING;
}

/* The hosts of an mx term are asked for directly after it, in order. */
enum eval_reply
eval_mark_host(struct eval_run *run, size_t mark, size_t host,
    const struct dns_answer **answer)
{
	if (run->stopped)
		return EVAL_REPLY_UNWIND;
	assert(mark < run->marks.count && run->mx != NULL &&
	    host < run->mx->count);
	const struct dns_rr *rr = &run->mx->rr[host];
	if (!is_askable(rr))
		return EVAL_REPLY_NOTHING;
	if (!eval_ask_strictly(run, rr->data, address_type(run), answer))
		return EVAL_REPLY_UNWIND;
	return reply_addresses(*answer, run->mx_any);
}
