/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind a mark: the answers to the question of a term, and the
 * record that an evaluation, an include or a redirect goes on with.
 */

#include "config.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval_priv.h"
#include "spf/identity.h"
#include "spf/record.h"

#define MX_MAX 10		/* RFC 7208 s4.6.4: more is permerror */

/* Of a malformed term this much is quoted. */
#define TERM_SHOWN 60

/* As libspf2 will find: the client's network of the term's size has one. */
static bool
matches(const struct eval_run *run, const struct record_term *t,
    const struct dns_answer *answer)
{
	const struct addr *client = &run->in->client;
	const bool v4 = client->family == AF_INET;
	const struct addr_prefix network = { *client, v4 ? t->bits4 :
	    t->bits6 };
	struct addr a = { .family = client->family };

	for (size_t i = 0; i < answer->count; i++) {
		if (answer->rr[i].len != (v4 ? 4 : 16))
			continue;
		memcpy(a.bytes, answer->rr[i].data, answer->rr[i].len);
		if (addr_prefix_match(&network, &a))
			return true;
	}
	return false;
}

/* Trace */

static void
note_term(struct eval_run *run, const struct eval_mark *m)
{
	const struct record *r = m->check->record;

	run->traced = eval_trace(run, (struct trace_entry){
		.kind = TRACE_TERM, .parent = m->check->traced,
		.term = m->term == NULL ? r->count :
		    (size_t)(m->term - r->terms), .match = TRACE_STOPPED
	}, "");
}

/* Of an mx term this comes again with each of its hosts. */
static void
note_reply(struct eval_run *run, const struct record_term *t,
    enum eval_reply reply, const struct dns_answer *answer)
{
	if (run->trace == NULL)
		return;
	bool match = reply == EVAL_REPLY_CLIENT ||
	    (reply == EVAL_REPLY_RECORDS && answer->type != DNS_TYPE_MX &&
	    matches(run, t, answer));
	run->trace->entries[run->traced].match =
	    reply == EVAL_REPLY_UNWIND ? TRACE_STOPPED :
	    match ? TRACE_MATCH : TRACE_NO_MATCH;
}

/* Limits (RFC 7208 s4.6.4) */

static bool
count_lookup(struct eval_run *run)
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

/* Macros bring any octet into a name, but none that could feign an entry. */
static void
note_void(struct eval_run *run, const struct record_term *t, const char *name)
{
	static const char cut[] = "...";
	struct sbuf *sb = &run->voids;

	run->verdict.voids++;
	if (run->void_terms[0] == '\0')
		sbuf_init(sb, run->void_terms,
		    sizeof(run->void_terms) - strlen(cut));
	else
		sbuf_str(sb, ", ");
	sbuf_str(sb, record_mechanism_name(t->mechanism));
	sbuf_char(sb, ':');
	if (run->hidden)
		sbuf_char(sb, '*');
	for (; !run->hidden && *name != '\0'; name++)
		sbuf_char(sb, util_is_alnum(*name) ||
		    strchr("-._", *name) != NULL ? *name : '?');
	if (!sbuf_ok(sb))
		memcpy(sb->data + sb->len, cut, sizeof(cut));
	run->verdict.void_terms = run->void_terms;
}

/* Counts the answer to a term's own question. */
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
	if (!ask_term(run, t, name, eval_address_type(run), answer))
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
		    MX_MAX, eval_shown(run, name));
		return EVAL_REPLY_UNWIND;
	}
	run->mx_term = t;
	run->mx = *answer;
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

	if (!eval_ask_ptr(run, name, &answer) ||
	    !count_void(run, t, name, answer))
		return EVAL_REPLY_UNWIND;
	return reply_unless_stopped(run, eval_find_validated(run, answer,
	    target, EVAL_RELATION_SUBDOMAIN) != NULL);
}

/* The mark that libspf2 asks about: of these the last may match. */
static const struct eval_mark *
note_asked(struct eval_run *run, size_t index)
{
	assert(index < run->marks.count);
	const struct eval_mark *m = &run->marks.marks[index];
	if (m->check != NULL && m->check->main)
		run->matched = m->term;
	if (m->kind == EVAL_MARK_TERM || m->kind == EVAL_MARK_REDIRECT)
		note_term(run, m);
	return m;
}

static enum eval_reply
query_term(struct eval_run *run, const struct eval_check *c,
    const struct record_term *t, const struct dns_answer **answer)
{
	char name[EVAL_NAME_SIZE];

	/* No query, so not a void lookup either. */
	if (!eval_expand_name(run, c, t->domain, name))
		return reply_unless_stopped(run, false);
	trace_set_name(run->trace, run->traced, eval_shown(run, name));
	switch (t->mechanism) {
	case RECORD_A:
		return query_a(run, t, name, answer);
	case RECORD_MX:
		return query_mx(run, t, name, answer);
	case RECORD_PTR:
		return query_ptr(run, t, name);
	case RECORD_EXISTS:
		return query_exists(run, t, name);
	case RECORD_ALL:
	case RECORD_INCLUDE:
	case RECORD_IP4:
	case RECORD_IP6:
		break;
	}
	assert(false);
	return EVAL_REPLY_NOTHING;
}

enum eval_reply
eval_mark_query(struct eval_run *run, size_t mark,
    const struct dns_answer **answer)
{
	if (run->stopped)
		return EVAL_REPLY_UNWIND;
	const struct eval_mark *m = note_asked(run, mark);
	if (m->kind == EVAL_MARK_PROBE)
		return EVAL_REPLY_NOTHING;
	assert(m->kind == EVAL_MARK_TERM);
	if (!count_lookup(run))
		return EVAL_REPLY_UNWIND;
	enum eval_reply reply = query_term(run, m->check, m->term, answer);
	note_reply(run, m->term, reply, *answer);
	return reply;
}

/*
 * The hosts of an mx term from this one on, up to one that is known to end it:
 * this one, which is needed, must not find its place taken by those after it.
 * The first is asked for alone: most senders have no other.
 */
static void
ask_ahead(struct eval_run *run, size_t host)
{
	for (; host < run->mx->count; host++) {
		const struct dns_rr *rr = &run->mx->rr[host];

		if (!dns_rr_is_name(rr))
			continue;
		const struct dns_answer *a = dns_view_ahead(run->view,
		    rr->data, eval_address_type(run));
		if (a != NULL && (a->status == DNS_TEMPERROR ||
		    matches(run, run->mx_term, a)))
			break;
	}
}

/* The hosts of an mx term are asked for directly after it, in order. */
enum eval_reply
eval_mark_host(struct eval_run *run, size_t mark, size_t host,
    const struct dns_answer **answer)
{
	enum eval_reply reply = EVAL_REPLY_UNWIND;

	if (run->stopped)
		return reply;
	assert(mark < run->marks.count && run->mx != NULL &&
	    host < run->mx->count);
	const struct dns_rr *rr = &run->mx->rr[host];
	if (!dns_rr_is_name(rr))
		return EVAL_REPLY_NOTHING;
	if (eval_ask_strictly(run, rr->data, eval_address_type(run), answer))
		reply = reply_addresses(*answer,
		    matches_any(run, run->mx_term));
	else if (run->pending && host > 0)
		ask_ahead(run, host);
	note_reply(run, run->mx_term, reply, *answer);
	return reply;
}

/* Records */

void
eval_copy_term(char out[EVAL_MECHANISM_MAX + 1], const struct record *r,
    const struct record_term *t)
{
	const char *term = r->text + t->offset;
	char *to = out;

	assert(t->len > 0 && t->offset + t->len <= r->len);
	if (strchr("+-~?", *term) == NULL)
		*to++ = '+';
	size_t room = (size_t)(out + EVAL_MECHANISM_MAX - to);
	size_t len = t->len < room ? t->len : room;
	memcpy(to, term, len);
	to[len] = '\0';
}

/* The verdict shows the last record of its own domain or a redirect. */
static void
note_record(struct eval_run *run, const struct eval_check *c,
    const char *text)
{
	if (!c->main || run->own != NULL)
		return;
	run->verdict.record = text;
	run->verdict.record_domain = eval_shown_domain(c);
}

static const char *
first_spf(const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		if (record_is_spf(answer->rr[i].data, answer->rr[i].len))
			return answer->rr[i].data;
	assert(false);
	return "";
}

static void
note_bad_record(struct eval_run *run, const struct eval_check *c,
    const struct dns_answer *answer)
{
	stats_inc(STATS_BAD_RECORD);
	note_record(run, c, first_spf(answer));
}

/* What is wrong comes first, since long texts are cut at their end. */
static void
stop_malformed(struct eval_run *run, const struct eval_check *c,
    const struct dns_answer *answer)
{
	const struct record_error *e = &answer->spf_error;
	char term[TERM_SHOWN + sizeof(" in \"...\"")] = "";

	note_bad_record(run, c, answer);
	if (e->term_len > 0)
		(void)snprintf(term, sizeof(term), "%s \"%.*s%s\"",
		    e->offset == e->term ? "" : " in",
		    e->term_len < TERM_SHOWN ? (int)e->term_len : TERM_SHOWN,
		    first_spf(answer) + e->term,
		    e->term_len > TERM_SHOWN ? "..." : "");
	eval_stop(run, RESULT_PERMERROR,
	    "%s%s at octet %zu of the SPF record of %s", e->message, term,
	    e->offset, eval_shown_domain(c));
}

/* A record that lets in more than an organisation has. */
static void
note_wide_open(struct eval_run *run, const struct eval_check *c)
{
	const bool v4 = run->in->client.family == AF_INET;
	const struct record_term *t = v4 ? c->record->widest4 :
	    c->record->widest6;
	char term[EVAL_MECHANISM_MAX + 1];

	if (t == NULL || !c->passes || *run->verdict.wide_open != '\0')
		return;
	unsigned bits = record_term_bits(t, run->in->client.family);
	if (bits > 0 && bits >= (v4 ? run->in->wide_open_prefix :
	    run->in->wide_open_prefix6))
		return;
	eval_copy_term(term, c->record, t);
	(void)snprintf(run->wide_open, sizeof(run->wide_open), "%s%s%s", term,
	    c->main ? "" : " of ", c->main ? "" :
	    eval_shown_domain(c));
	run->verdict.wide_open = run->wide_open;
}

/*
 * Chooses the record of c->domain (RFC 7208 s4.4 to s4.6).  That there is none
 * means less at the start.  False: the run has stopped.
 */
static bool
find_record(struct eval_run *run, struct eval_check *c, bool start)
{
	const enum result missing = start ? RESULT_NONE : RESULT_PERMERROR;
	const struct dns_answer *answer;

	if (start && run->own != NULL) {
		c->record = run->own;
		return true;
	}
	if (!eval_ask_strictly(run, c->domain, DNS_TYPE_TXT, &answer))
		return false;
	if (answer->status == DNS_NXDOMAIN) {
		eval_stop(run, missing, "domain %s does not exist",
		    eval_shown_domain(c));
	} else if (answer->spf_count == 0) {
		eval_stop(run, missing, "no SPF record at %s",
		    eval_shown_domain(c));
		run->unpublished = start;
	} else if (answer->spf_count > 1) {
		note_bad_record(run, c, answer);
		eval_stop(run, RESULT_PERMERROR, "%zu SPF records at %s",
		    answer->spf_count, eval_shown_domain(c));
	} else if (answer->spf == NULL) {
		stop_malformed(run, c, answer);
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
	if (eval_expand_name(run, m->check, domain, out) &&
	    identity_name_is_valid(out, strlen(out), true)) {
		trace_set_name(run->trace, run->traced, eval_shown(run, out));
		return true;
	}
	if (!run->stopped)
		eval_stop(run, RESULT_PERMERROR, "%s of %s names no domain",
		    m->kind == EVAL_MARK_REDIRECT ? "redirect" : "include",
		    eval_shown_domain(m->check));
	return false;
}

/* Each check but the first has cost a lookup. */
static struct eval_check *
new_check(struct eval_run *run, const struct eval_mark *m, const char *domain)
{
	const bool start = m->kind == EVAL_MARK_START;
	const bool redirect = m->kind == EVAL_MARK_REDIRECT;

	assert(run->check_count < EVAL_CHECKS_MAX);
	struct eval_check *c = &run->checks[run->check_count++];
	memcpy(c->domain, domain, sizeof(c->domain));
	c->hidden = run->hidden;
	c->traced = eval_trace(run, (struct trace_entry){
		.kind = TRACE_RECORD, .parent = run->traced,
		.whose = run->source
	}, eval_shown_domain(c));
	run->traced = c->traced;
	c->main = start || (redirect && m->check->main);
	c->passes = start ? run->own == NULL : m->check->passes &&
	    (redirect || m->term->qualifier == RESULT_PASS);
	return c;
}

bool
eval_mark_open(struct eval_run *run, size_t mark, struct eval_canon *out)
{
	char domain[EVAL_NAME_SIZE];

	if (run->stopped)
		return false;
	const struct eval_mark *m = note_asked(run, mark);
	const bool start = m->kind == EVAL_MARK_START;
	if (start) {
		bool fits = util_copy(domain, sizeof(domain), run->in->domain);
		assert(fits);
	} else if (!find_domain(run, m, domain)) {
		return false;
	}
	struct eval_check *c = new_check(run, m, domain);
	if (!find_record(run, c, start))
		return false;
	note_wide_open(run, c);
	eval_canon_write(out, &run->marks, c, &run->in->client,
	    run->max_lookups - run->verdict.lookups);
	note_record(run, c, c->record->text);
	if (run->trace != NULL)
		run->trace->entries[c->traced].record = c->record;
	if (c->main) {
		run->last = c;
		run->matched = out->fixed;
	}
	return true;
}
