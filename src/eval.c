/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SPF evaluation: chooses records, keeps the limits of RFC 7208 s4.6.4
 * over the whole tree, makes the verdict and fetches the explanation.
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
#include <string.h>

#include "addr.h"
#include "dns.h"
#include "eval_priv.h"
#include "identity.h"
#include "macro.h"
#include "record.h"
#include "result.h"
#include "stats.h"
#include "util.h"

/* An explanation is expanded in this much, and then cut. */
#define EXPLANATION_MAX 4096

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

	if (!eval_ask_strictly(run, c->domain, DNS_TYPE_TXT, &answer))
		return false;
	if (answer->status == DNS_NXDOMAIN) {
		eval_stop(run, missing, "domain %s does not exist", c->domain);
	} else if (answer->spf_count == 0) {
		eval_stop(run, missing, "no SPF record at %s", c->domain);
	} else if (answer->spf_count > 1) {
		note_bad_record(run, c, answer);
		eval_stop(run, RESULT_PERMERROR, "%zu SPF records at %s",
		    answer->spf_count, c->domain);
	} else if (answer->spf == NULL) {
		note_bad_record(run, c, answer);
		eval_stop(run, RESULT_PERMERROR,
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

	if (!eval_count_lookup(run))
		return false;
	if (eval_expand_name(run, m->check, domain, out) &&
	    identity_name_is_valid(out, strlen(out), true))
		return true;
	if (!run->stopped)
		eval_stop(run, RESULT_PERMERROR, "%s of %s names no domain",
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
	const struct eval_mark *m = eval_mark_get(run, mark);
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

	if (!eval_expand_name(run, c, c->record->exp, name) ||
	    !eval_ask(run, name, DNS_TYPE_TXT, &answer) || answer->count != 1 ||
	    answer->rr[0].len > EXPLANATION_MAX)
		return;
	struct macro *m = macro_compile(MACRO_EXPLAIN, answer->rr[0].data,
	    answer->rr[0].len, &error);
	if (m == NULL)
		return;
	sbuf_init(&sb, text, sizeof(text));
	if (eval_fill_vars(run, c, m, &vars))
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
