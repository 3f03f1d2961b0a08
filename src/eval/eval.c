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
 * does not need; but the hosts of an mx term are asked for together where the
 * first one has not ended it.
 *
 * What is ours (a guess, the local policy) and the test with another client
 * are runs of their own on the same view, behind that of the domain's record.
 * Nothing that is wrong with them may spoil what the domain has published: a
 * limit or an error in them means that they say nothing.  Only where the local
 * policy cannot be looked up now and the result is fail or softfail, for which
 * mail may be refused, is that a temperror: later it may be let through.
 */

#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "eval/eval_priv.h"
#include "spf/macro.h"
#include "spf/record.h"

/* The verdict */

/* Any trouble means that there is none; the result stands (s6.2). */
static void
explain(struct eval_run *run)
{
	const struct eval_check *c = run->last;
	const struct dns_answer *answer;
	char name[EVAL_NAME_SIZE];
	struct macro_error error;
	struct macro_vars vars;
	struct sbuf sb;

	run->traced = c->traced;
	if (!eval_expand_name(run, c, c->record->exp, name) ||
	    !eval_ask(run, name, DNS_TYPE_TXT, &answer) || answer->count != 1 ||
	    answer->rr[0].len > sizeof(run->explanation))
		return;
	struct macro *m = macro_compile(MACRO_EXPLAIN, answer->rr[0].data,
	    answer->rr[0].len, &error);
	if (m == NULL)
		return;
	sbuf_init(&sb, run->explanation, sizeof(run->explanation));
	if (eval_fill_vars(run, c, m, &vars))
		macro_expand(m, &vars, &sb);
	macro_free(m);
	for (size_t i = 0; i < sb.len; i++)
		if (!util_is_print(sb.data[i]))
			return;
	if (!sbuf_ok(&sb) || sb.len == 0)
		return;
	run->explanation[EVAL_EXPLANATION_MAX] = '\0';
	run->verdict.explanation = run->explanation;
	run->verdict.explanation_domain = c->domain;
}

/* Pass, fail, softfail and neutral come from a term, or by default. */
static void
set_result(struct eval_run *run, enum result r, bool matched)
{
	struct eval_verdict *v = &run->verdict;

	if (!matched)
		run->matched = NULL;
	if (run->stopped) {
		v->result = run->stop_result;
		v->problem = run->problem;
	} else if (r == RESULT_NONE || r == RESULT_TEMPERROR ||
	    r == RESULT_PERMERROR || (matched && run->matched == NULL)) {
		/* Not known to happen: all these come as a stop. */
		v->result = RESULT_TEMPERROR;
		v->problem = "internal error: libspf2 gave no result";
	} else {
		v->result = r;
		v->mechanism = "default";
		if (matched) {
			eval_copy_term(run->mechanism, run->last->record,
			    run->matched);
			v->mechanism = run->mechanism;
		}
	}
	v->published = v->result;
}

/* Copies the texts into a block of just their size. */
static void
own_texts(struct eval_verdict *v)
{
	const char **const texts[] = { &v->mechanism, &v->problem,
		&v->wide_open, &v->void_terms, &v->record_domain, &v->record,
		&v->explanation, &v->explanation_domain };
	const size_t count = sizeof(texts) / sizeof(texts[0]);
	size_t size = count;

	for (size_t i = 0; i < count; i++)
		size += strnlen(*texts[i], RECORD_TEXT_MAX);
	v->texts = xcalloc(size, 1);
	char *at = v->texts;
	for (size_t i = 0; i < count; i++) {
		size_t len = strnlen(*texts[i], RECORD_TEXT_MAX);

		*texts[i] = memcpy(at, *texts[i], len);
		at += len + 1;
	}
}

/*
 * Rooms for runs.  There are as many as threads that have run at once: making
 * what libspf2 needs costs as much as a check, and a run is too large for the
 * stacks of threads (THREAD_STACK in milter_pool.c).  A run begins with all of
 * its state assigned, so it cannot know anything of the one before.
 */
struct eval_room {
	struct eval_room	*next;		/* of the spare ones */
	struct eval_spf2	*spf2;
	struct eval_run		 run;
};

static struct lock spare_lock = LOCK_INITIALIZER;
static struct eval_room *spare;			/* spare_lock */

static struct eval_room *
room_take(void)
{
	lock_acquire(&spare_lock);
	struct eval_room *room = spare;
	if (room != NULL)
		spare = room->next;
	lock_release(&spare_lock);
	if (room == NULL) {
		room = xcalloc(1, sizeof(*room));
		room->spf2 = eval_spf2_new();
	}
	return room;
}

static void
room_give_back(struct eval_room *room)
{
	lock_acquire(&spare_lock);
	room->next = spare;
	spare = room;
	lock_release(&spare_lock);
}

/* With a first room: what can fail fails here, not with the first message. */
void
eval_init(void)
{
	eval_spf2_init();
	room_give_back(room_take());
}

static void
evaluate(struct eval_run *run)
{
	enum result r = RESULT_NONE;
	bool matched = false;
	struct eval_canon text;

	/* Of most mail nothing is left to evaluate after this. */
	if (!eval_mark_open(run, 0, &text)) {
		assert(run->stopped);
	} else if (text.terms == 1 && text.fixed != NULL) {
		r = text.fixed->qualifier;
		matched = true;
	} else {
		r = eval_spf2_check(run, &text, &matched);
	}
	set_result(run, r, matched);
}

static struct eval_run *
run_new(struct eval_room *room, struct dns_view *view,
    const struct eval_request *in)
{
	const bool hides = log_hides();

	room->run = (struct eval_run){
		.view = view,
		.in = in,
		.spf2 = room->spf2,
		.max_lookups = in->max_lookups < EVAL_LOOKUPS_MAX ?
		    in->max_lookups : EVAL_LOOKUPS_MAX,
		.traced = TRACE_NONE,
		.hides = hides,
		/* Some clients give an address in HELO. */
		.hidden = hides && strchr(in->domain, '@') != NULL,
		.marks = { .count = 1,
		    .marks = { { .kind = EVAL_MARK_START } } }
	};
	eval_without_lookup(&room->run.verdict, in->scope, RESULT_NONE, "");
	return &room->run;
}

/* Records of ours */

/* A term of it has matched, and not an "all" that does not pass. */
static bool
has_matched(const struct eval_run *run)
{
	return !run->stopped && run->matched != NULL &&
	    (run->matched->mechanism != RECORD_ALL ||
	    run->matched->qualifier == RESULT_PASS);
}

/* A guess fails for what strangers do; the local policy is worth a look. */
static void
note_trouble(const struct eval_run *ours)
{
	struct log_record r = {
		.message = "local_policy says nothing of a domain" };

	stats_inc(STATS_OWN_RECORD_ERRORS);
	if (ours->source != SOURCE_LOCAL_POLICY)
		return;
	log_record_host(&r, "domain", ours->in->domain);
	log_record_string(&r, "reason", ours->problem);
	log_record_write(&r, LOG_LEVEL_WARNING);
}

/* From now on the result of ours is that of run. */
static void
adopt(struct eval_run *run, const struct eval_run *ours)
{
	struct eval_verdict *v = &run->verdict;

	v->result = ours->verdict.result;
	v->source = ours->source;
	v->bogus = ours->verdict.bogus;
	v->limited = ours->verdict.limited;
	memcpy(run->mechanism, ours->mechanism, sizeof(run->mechanism));
	memcpy(run->problem, ours->problem, sizeof(run->problem));
	v->mechanism = ours->verdict.mechanism == ours->mechanism ?
	    run->mechanism : ours->verdict.mechanism;
	v->problem = ours->stopped ? run->problem : "";
}

static void
adopt_if_due(struct eval_run *run, const struct eval_run *ours)
{
	const enum result r = run->verdict.result;
	bool guess = ours->source == SOURCE_GUESS;

	if (!ours->stopped) {
		if (guess || has_matched(ours))
			adopt(run, ours);
		return;
	}
	note_trouble(ours);
	if (!guess && ours->stop_result == RESULT_TEMPERROR &&
	    (r == RESULT_FAIL || r == RESULT_SOFTFAIL))
		adopt(run, ours);
}

/*
 * Evaluates own with the lookups that run has left.  True: the question of the
 * local policy remains.
 */
static bool
consult(struct eval_run *run, enum source source, const struct record *own)
{
	struct eval_room *room = room_take();
	struct eval_run *ours = run_new(room, run->view, run->in);

	ours->own = own;
	ours->source = source;
	ours->trace = run->trace;
	ours->verdict.lookups = run->verdict.lookups;
	ours->verdict.voids = run->verdict.voids;
	evaluate(ours);
	run->verdict.lookups = ours->verdict.lookups;
	run->pending = ours->pending;
	if (!ours->pending)
		adopt_if_due(run, ours);
	bool remains = !ours->pending && !has_matched(ours);
	room_give_back(room);
	return remains;
}

static void
consult_ours(struct eval_run *run)
{
	const struct eval_request *in = run->in;
	bool remains = run->stopped ? run->unpublished : !has_matched(run);

	if (remains && run->unpublished && in->best_guess != NULL)
		remains = consult(run, SOURCE_GUESS, in->best_guess);
	if (remains && in->local_policy != NULL)
		(void)consult(run, SOURCE_LOCAL_POLICY, in->local_policy);
}

/* Who passes for a client that no sender should let in passes for all. */
static void
test_openness(struct eval_run *run)
{
	const struct eval_verdict *v = &run->verdict;
	struct eval_request in = *run->in;
	char client[ADDR_TEXT_SIZE];

	if (in.self_test.family == AF_UNSPEC || v->result != RESULT_PASS ||
	    v->source != SOURCE_RECORD || v->wide_open[0] != '\0')
		return;
	in.client = in.self_test;

	struct eval_room *room = room_take();
	struct eval_run *test = run_new(room, run->view, &in);

	evaluate(test);
	run->pending = test->pending;
	if (test->verdict.result == RESULT_PASS) {
		(void)snprintf(run->wide_open, sizeof(run->wide_open),
		    "%s for %s", test->verdict.mechanism,
		    addr_format(&in.client, client));
		run->verdict.wide_open = run->wide_open;
	}
	room_give_back(room);
}

bool
eval_run(struct dns_view *view, const struct eval_request *in,
    struct eval_verdict *out)
{
	struct eval_room *room = room_take();
	struct eval_run *run = run_new(room, view, in);

	run->trace = in->want_trace ? trace_new(&in->client) : NULL;
	evaluate(run);
	if (!run->pending)
		consult_ours(run);
	if (!run->pending)
		test_openness(run);
	trace_end(run->trace);
	if (!run->pending && run->verdict.result == RESULT_FAIL &&
	    run->verdict.source == SOURCE_RECORD && in->want_explanation &&
	    run->last->record->exp != NULL)
		explain(run);
	bool final = !run->pending;
	if (final) {
		*out = run->verdict;
		out->queries = dns_view_queries(view);
		out->stale = dns_view_has_stale(view);
		out->asked = !dns_view_all_cached(view);
		own_texts(out);
		out->trace = run->trace;
	} else {
		trace_free(run->trace);
	}
	room_give_back(room);
	return final;
}

void
eval_without_lookup(struct eval_verdict *out, enum scope scope, enum result r,
    const char *problem)
{
	*out = (struct eval_verdict){
		.result = r,
		.scope = scope,
		.source = SOURCE_RECORD,
		.published = r,
		.mechanism = "",
		.problem = problem,
		.wide_open = "",
		.void_terms = "",
		.record_domain = "",
		.record = "",
		.explanation = "",
		.explanation_domain = "",
	};
}

void
eval_verdict_fini(struct eval_verdict *v)
{
	free(v->texts);
	trace_free(v->trace);
}
