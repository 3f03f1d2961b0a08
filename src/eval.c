/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SPF evaluation: chooses records, answers what libspf2 asks about the
 * marks of our canonical texts, keeps the limits of RFC 7208 s4.6.4 over the
 * whole tree, and fetches the explanation.
 *
 * Everything that ends an evaluation other than by a matching term (an answer
 * not there yet, a DNS error, a limit, a bad record) is a stop: it is noted in
 * the run, libspf2 is told "try again" until it has unwound, and what was
 * noted counts.  Such errors end the evaluation wherever in the tree of
 * includes they occur (RFC 7208 s5.2, s6.1), so one note is enough.
 *
 * A run that misses an answer is thrown away and repeated when the answer is
 * there.  So a run keeps no state but in struct eval_run, names are expanded
 * only when libspf2 asks for them, and no question is put that the verdict
 * does not need.
 */

#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "dns.h"
#include "eval.h"
#include "eval_priv.h"
#include "identity.h"
#include "macro.h"
#include "record.h"
#include "result.h"
#include "stats.h"
#include "util.h"

#define MX_MAX 10		/* RFC 7208 s4.6.4: more is permerror */
#define PTR_MAX 10		/* RFC 7208 s4.6.4: the others are ignored */

/* An explanation is expanded in this much, and then cut. */
#define EXPLANATION_MAX 4096

/* Stopping */

static void stop(struct eval_run *run, enum result r, const char *fmt, ...)
    UTIL_PRINTF(3, 4);

static void
stop(struct eval_run *run, enum result r, const char *fmt, ...)
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

/*
 * False: the run has stopped.  Else *out is the answer, which may be that
 * the DNS has an error: the caller knows what this means.
 */
static bool
ask(struct eval_run *run, const char *name, enum dns_type type,
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
		stop(run, RESULT_TEMPERROR, "no answer in time for %s %s",
		    type_name(type), name);
		return false;
	case DNS_LIMIT:
		stats_inc(STATS_LIMIT_QUERIES);
		stop(run, RESULT_PERMERROR, "too many DNS queries");
		return false;
	case DNS_PENDING:
		stop(run, RESULT_TEMPERROR, "no answer yet");
		run->pending = true;
		return false;
	}
	assert(false);
	return false;
}

/* The same where a DNS error is temperror (RFC 7208 s5, s4.4). */
static bool
ask_strictly(struct eval_run *run, const char *name, enum dns_type type,
    const struct dns_answer **out)
{
	if (!ask(run, name, type, out))
		return false;
	if ((*out)->status != DNS_TEMPERROR)
		return true;
	run->bogus = (*out)->bogus;
	stop(run, RESULT_TEMPERROR, run->bogus ?
	    "DNSSEC validation failed for %s %s" : "DNS error for %s %s",
	    type_name(type), name);
	return false;
}

/* Counts the answer to a term's own question (RFC 7208 s4.6.4). */
static bool
count_void(struct eval_run *run, const struct dns_answer *answer)
{
	if (answer->status != DNS_NODATA && answer->status != DNS_NXDOMAIN)
		return true;
	if (++run->voids <= run->in->max_void_lookups)
		return true;
	stats_inc(STATS_LIMIT_VOID);
	stop(run, RESULT_PERMERROR, "more than %u void DNS lookups",
	    run->in->max_void_lookups);
	return false;
}

static bool
count_lookup(struct eval_run *run)
{
	if (run->lookups < run->max_lookups) {
		run->lookups++;
		return true;
	}
	stats_inc(STATS_LIMIT_LOOKUPS);
	stop(run, RESULT_PERMERROR, "more than %u DNS lookups",
	    run->max_lookups);
	return false;
}

/* Validated names of the client (RFC 7208 s5.5) */

enum relation { RELATION_SAME, RELATION_SUBDOMAIN, RELATION_OTHER };
#define RELATION_COUNT 3

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

	if (!ask(run, name, address_type(run), &a))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->rr[i].len == size &&
		    memcmp(a->rr[i].data, client->bytes, size) == 0)
			return true;
	return false;
}

/*
 * The first validated name in relation to domain among those of answer (PTR),
 * of which only ten are looked at.  NULL: none, or the run has stopped.
 */
static const char *
find_validated(struct eval_run *run, const struct dns_answer *answer,
    const char *domain, enum relation wanted)
{
	for (size_t i = 0; i < answer->count && i < PTR_MAX; i++) {
		const struct dns_rr *rr = &answer->rr[i];

		if (!is_askable(rr) || relation(rr->data, domain) != wanted)
			continue;
		if (is_validated(run, rr->data))
			return rr->data;
		if (run->stopped)
			return NULL;
	}
	return NULL;
}

static bool
ask_ptr(struct eval_run *run, const struct dns_answer **out)
{
	char name[ADDR_REVERSE_SIZE];

	return ask(run, addr_format_reverse(&run->in->client, name),
	    DNS_TYPE_PTR, out);
}

/* %{p}: the domain itself, else a name below it, else any (s7.3). */
static const char *
validated_name(struct eval_run *run, const char *domain)
{
	const struct dns_answer *answer;

	if (!ask_ptr(run, &answer))
		return NULL;
	for (int r = 0; r < RELATION_COUNT && !run->stopped; r++) {
		const char *name = find_validated(run, answer, domain,
		    (enum relation)r);
		if (name != NULL)
			return name;
	}
	return NULL;
}

/* Macros */

/* What m needs, within c.  False: the run has stopped. */
static bool
fill_vars(struct eval_run *run, const struct eval_check *c,
    const struct macro *m, struct macro_vars *vars)
{
	const struct eval_request *in = run->in;

	*vars = (struct macro_vars){
		.client = &in->client,
		.local = in->local,
		.sender_domain = in->domain,
		.domain = c->domain,
		.helo = in->helo,
		.receiver = in->receiver,
		.time_s = in->time_s
	};
	if (macro_uses_validated(m))
		vars->validated = validated_name(run, c->domain);
	return !run->stopped;
}

/*
 * The target name of a term; m NULL: the domain itself.  False: not a name
 * that the DNS can be asked for, or the run has stopped.
 */
static bool
expand_name(struct eval_run *run, const struct eval_check *c,
    const struct macro *m, char out[EVAL_NAME_SIZE])
{
	struct macro_vars vars;

	if (m == NULL) {
		memcpy(out, c->domain, EVAL_NAME_SIZE);
		return true;
	}
	return fill_vars(run, c, m, &vars) &&
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

/* The addresses of a name for a term with this prefix length. */
static enum eval_reply
reply_addresses(struct eval_run *run, const struct dns_answer *answer,
    bool any)
{
	if (answer->count == 0 || any)
		return reply_unless_stopped(run, answer->count > 0);
	return EVAL_REPLY_RECORDS;
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
	if (!ask_strictly(run, name, address_type(run), answer) ||
	    !count_void(run, *answer))
		return EVAL_REPLY_UNWIND;
	return reply_addresses(run, *answer, matches_any(run, t));
}

static enum eval_reply
query_mx(struct eval_run *run, const struct record_term *t, const char *name,
    const struct dns_answer **answer)
{
	if (!ask_strictly(run, name, DNS_TYPE_MX, answer) ||
	    !count_void(run, *answer))
		return EVAL_REPLY_UNWIND;
	if ((*answer)->count > MX_MAX) {
		stop(run, RESULT_PERMERROR, "more than %d MX names at %s",
		    MX_MAX, name);
		return EVAL_REPLY_UNWIND;
	}
	run->mx = *answer;
	run->mx_any = matches_any(run, t);
	return EVAL_REPLY_RECORDS;
}

static enum eval_reply
query_exists(struct eval_run *run, const char *name)
{
	const struct dns_answer *answer;

	if (!ask_strictly(run, name, DNS_TYPE_A, &answer) ||
	    !count_void(run, answer))
		return EVAL_REPLY_UNWIND;
	return reply_unless_stopped(run, answer->count > 0);
}

/* Errors are no match (RFC 7208 s5.5). */
static enum eval_reply
query_ptr(struct eval_run *run, const char *target)
{
	const struct dns_answer *answer;

	if (!ask_ptr(run, &answer) || !count_void(run, answer))
		return EVAL_REPLY_UNWIND;
	for (int r = RELATION_SAME; r <= RELATION_SUBDOMAIN; r++) {
		const char *name = find_validated(run, answer, target,
		    (enum relation)r);
		if (name != NULL || run->stopped)
			return reply_unless_stopped(run, name != NULL);
	}
	return EVAL_REPLY_NOTHING;
}

/* Finds a mark that libspf2 asks about; the last one asked may match. */
static const struct eval_mark *
get_mark(struct eval_run *run, size_t index)
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
	const struct eval_mark *m = get_mark(run, mark);
	if (m->kind == EVAL_MARK_PROBE)
		return EVAL_REPLY_NOTHING;
	assert(m->kind == EVAL_MARK_TERM);
	if (!count_lookup(run))
		return EVAL_REPLY_UNWIND;
	/* No query, so not a void lookup either. */
	if (!expand_name(run, m->check, m->term->domain, name))
		return reply_unless_stopped(run, false);
	switch (m->term->mechanism) {
	case RECORD_A:
		return query_a(run, m->term, name, answer);
	case RECORD_MX:
		return query_mx(run, m->term, name, answer);
	case RECORD_PTR:
		return query_ptr(run, name);
	case RECORD_EXISTS:
		return query_exists(run, name);
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
	if (!ask_strictly(run, rr->data, address_type(run), answer))
		return EVAL_REPLY_UNWIND;
	return reply_addresses(run, *answer, run->mx_any);
}

/* Records */

static const struct dns_rr *
first_spf(const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		if (record_is_spf(answer->rr[i].data, answer->rr[i].len))
			return &answer->rr[i];
	return NULL;
}

static void
note_bad_record(struct eval_run *run, const struct eval_check *c,
    const struct dns_answer *answer)
{
	stats_inc(STATS_BAD_RECORD);
	if (!c->main)
		return;
	run->bad_record = first_spf(answer);
	memcpy(run->bad_domain, c->domain, sizeof(run->bad_domain));
}

/*
 * Chooses the record of c->domain (RFC 7208 s4.4 to s4.6).  missing is the
 * result where there is none.  False: the run has stopped.
 */
static bool
find_record(struct eval_run *run, struct eval_check *c, enum result missing)
{
	const struct dns_answer *answer;

	if (!ask_strictly(run, c->domain, DNS_TYPE_TXT, &answer))
		return false;
	if (answer->status == DNS_NXDOMAIN) {
		stop(run, missing, "domain %s does not exist", c->domain);
	} else if (answer->spf_count == 0) {
		stop(run, missing, "no SPF record at %s", c->domain);
	} else if (answer->spf_count > 1) {
		note_bad_record(run, c, answer);
		stop(run, RESULT_PERMERROR, "%zu SPF records at %s",
		    answer->spf_count, c->domain);
	} else if (answer->spf == NULL) {
		note_bad_record(run, c, answer);
		stop(run, RESULT_PERMERROR,
		    "SPF record of %s, octet %zu: %s", c->domain,
		    answer->spf_error_offset, answer->spf_error);
	}
	c->record = answer->spf;
	return !run->stopped;
}

/*
 * The domain of an include or redirect.  A name that check_host() would take
 * for malformed (RFC 7208 s4.3: none) makes both a permerror.
 */
static bool
find_domain(struct eval_run *run, const struct eval_mark *m,
    char out[EVAL_NAME_SIZE])
{
	const struct macro *domain = m->kind == EVAL_MARK_REDIRECT ?
	    m->check->record->redirect : m->term->domain;

	if (!count_lookup(run))
		return false;
	if (expand_name(run, m->check, domain, out) &&
	    identity_name_is_valid(out, strlen(out), true))
		return true;
	if (!run->stopped)
		stop(run, RESULT_PERMERROR, "%s of %s names no domain",
		    m->kind == EVAL_MARK_REDIRECT ? "redirect" : "include",
		    m->check->domain);
	return false;
}

bool
eval_mark_open(struct eval_run *run, size_t mark, struct eval_text *out)
{
	char domain[EVAL_NAME_SIZE];

	if (run->stopped)
		return false;
	const struct eval_mark *m = get_mark(run, mark);
	const bool start = m->kind == EVAL_MARK_START;
	if (start) {
		bool fits = util_copy(domain, sizeof(domain), run->in->domain);
		assert(fits);
	} else if (!find_domain(run, m, domain)) {
		return false;
	}
	/* Each check but the first has cost a lookup. */
	assert(run->check_count < EVAL_CHECKS_MAX);
	struct eval_check *c = &run->checks[run->check_count++];
	memcpy(c->domain, domain, sizeof(c->domain));
	c->main = start || (m->kind == EVAL_MARK_REDIRECT && m->check->main);
	if (!find_record(run, c, start ? RESULT_NONE : RESULT_PERMERROR))
		return false;
	eval_text_write(out, &run->marks, c, &run->in->client,
	    run->max_lookups - run->lookups);
	if (c->main) {
		run->last = c;
		run->matched = out->fixed;
	}
	return true;
}

/* The verdict */

/* Any trouble means that there is none; the result stands (s6.2). */
static void
explain(struct eval_run *run, struct eval_verdict *out)
{
	const struct eval_check *c = run->last;
	const struct dns_answer *answer;
	char name[EVAL_NAME_SIZE];
	char text[EXPLANATION_MAX];
	struct macro_error error;
	struct macro_vars vars;
	struct sbuf sb;

	if (!expand_name(run, c, c->record->exp, name) ||
	    !ask(run, name, DNS_TYPE_TXT, &answer) || answer->count != 1 ||
	    answer->rr[0].len > EXPLANATION_MAX)
		return;
	struct macro *m = macro_compile(MACRO_EXPLAIN, answer->rr[0].data,
	    answer->rr[0].len, &error);
	if (m == NULL)
		return;
	sbuf_init(&sb, text, sizeof(text));
	if (fill_vars(run, c, m, &vars))
		macro_expand(m, &vars, &sb);
	macro_free(m);
	for (size_t i = 0; i < sb.len; i++)
		if (!util_is_print(text[i]))
			return;
	if (!sbuf_ok(&sb) || sb.len == 0)
		return;
	(void)util_copy(out->explanation, sizeof(out->explanation), text);
	(void)util_copy(out->explanation_domain,
	    sizeof(out->explanation_domain), c->domain);
}

static void
set_mechanism(struct eval_verdict *out, const struct record *r,
    const struct record_term *t)
{
	char text[EVAL_MECHANISM_SIZE];
	struct sbuf sb;

	assert(t->len > 0 && t->offset + t->len <= r->len);
	const char *start = r->text + t->offset;
	size_t len = t->len;
	if (strchr("+-~?", *start) != NULL) {
		start++;
		len--;
	}
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	sbuf_init(&sb, text, sizeof(text));
	sbuf_add(&sb, start, len);
	(void)util_copy(out->mechanism, sizeof(out->mechanism), text);
}

/* Pass, fail, softfail and neutral come from a term, or by default. */
static void
set_result(const struct eval_run *run, struct eval_verdict *out,
    enum result r, bool matched)
{
	if (run->stopped) {
		out->result = run->stop_result;
		out->bogus = run->bogus;
		(void)util_copy(out->problem, sizeof(out->problem),
		    run->problem);
		return;
	}
	if (r == RESULT_NONE || r == RESULT_TEMPERROR ||
	    r == RESULT_PERMERROR || (matched && run->matched == NULL)) {
		/* Not known to happen: all these come as a stop. */
		out->result = RESULT_TEMPERROR;
		(void)util_copy(out->problem, sizeof(out->problem),
		    "internal error: libspf2 gave no result");
		return;
	}
	out->result = r;
	if (matched)
		set_mechanism(out, run->last->record, run->matched);
	else
		(void)util_copy(out->mechanism, sizeof(out->mechanism),
		    "default");
}

static void
set_record(const struct eval_run *run, struct eval_verdict *out)
{
	const char *text = NULL;
	const char *domain = NULL;

	if (run->bad_record != NULL) {
		text = run->bad_record->data;
		domain = run->bad_domain;
	} else if (run->last != NULL) {
		text = run->last->record->text;
		domain = run->last->domain;
	} else {
		return;
	}
	(void)util_copy(out->record, sizeof(out->record), text);
	(void)util_copy(out->record_domain, sizeof(out->record_domain),
	    domain);
}

static void
start_run(struct eval_run *run, struct dns_view *view,
    const struct eval_request *in)
{
	run->view = view;
	run->in = in;
	run->max_lookups = in->max_lookups < EVAL_LOOKUPS_MAX ?
	    in->max_lookups : EVAL_LOOKUPS_MAX;
	run->lookups = 0;
	run->voids = 0;
	run->stopped = false;
	run->pending = false;
	run->bogus = false;
	run->last = NULL;
	run->matched = NULL;
	run->bad_record = NULL;
	run->mx = NULL;
	run->mx_any = false;
	run->check_count = 0;
	run->marks.count = 1;
	run->marks.marks[0] = (struct eval_mark){
		.kind = EVAL_MARK_START
	};
}

bool
eval_run(struct dns_view *view, const struct eval_request *in,
    struct eval_verdict *out)
{
	struct eval_run run;
	bool matched;

	start_run(&run, view, in);
	enum result r = eval_spf2_check(&run, &matched);
	if (run.pending)
		return false;
	eval_without_lookup(out, in->scope, RESULT_NONE, "");
	set_result(&run, out, r, matched);
	set_record(&run, out);
	out->lookups = run.lookups;
	out->voids = run.voids;
	if (out->result == RESULT_FAIL && in->want_explanation &&
	    run.last->record->exp != NULL)
		explain(&run, out);
	out->queries = dns_view_queries(view);
	return !run.pending;
}

void
eval_without_lookup(struct eval_verdict *out, enum scope scope, enum result r,
    const char *problem)
{
	out->result = r;
	out->scope = scope;
	out->bogus = false;
	out->lookups = 0;
	out->voids = 0;
	out->queries = 0;
	out->mechanism[0] = '\0';
	(void)util_copy(out->problem, sizeof(out->problem), problem);
	out->record_domain[0] = '\0';
	out->record[0] = '\0';
	out->explanation[0] = '\0';
	out->explanation_domain[0] = '\0';
}
