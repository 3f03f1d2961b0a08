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
 */

#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/lock.h"
#include "base/result.h"
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

/* As published; a term without a qualifier means "+" (RFC 7208 s4.6.2). */
static void
set_mechanism(struct eval_run *run)
{
	const struct record *r = run->last->record;
	const struct record_term *t = run->matched;
	char *to = run->mechanism;

	assert(t->len > 0 && t->offset + t->len <= r->len);
	const char *term = r->text + t->offset;
	if (strchr("+-~?", *term) == NULL)
		*to++ = '+';
	size_t room = (size_t)(run->mechanism + EVAL_MECHANISM_MAX - to);
	size_t len = t->len < room ? t->len : room;
	memcpy(to, term, len);
	to[len] = '\0';
	run->verdict.mechanism = run->mechanism;
}

/* Pass, fail, softfail and neutral come from a term, or by default. */
static void
set_result(struct eval_run *run, enum result r, bool matched)
{
	struct eval_verdict *v = &run->verdict;

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
		if (matched)
			set_mechanism(run);
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
	trace_end(run->trace);
	if (run->verdict.result == RESULT_FAIL && run->in->want_explanation &&
	    run->last->record->exp != NULL)
		explain(run);
}

bool
eval_run(struct dns_view *view, const struct eval_request *in,
    struct eval_verdict *out)
{
	struct eval_room *room = room_take();
	struct eval_run *run = &room->run;

	*run = (struct eval_run){
		.view = view,
		.in = in,
		.spf2 = room->spf2,
		.max_lookups = in->max_lookups < EVAL_LOOKUPS_MAX ?
		    in->max_lookups : EVAL_LOOKUPS_MAX,
		.traced = TRACE_NONE,
		.trace = in->want_trace ? trace_new(&in->client) : NULL,
		.marks = { .count = 1,
		    .marks = { { .kind = EVAL_MARK_START } } }
	};
	eval_without_lookup(&run->verdict, in->scope, RESULT_NONE, "");
	evaluate(run);
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
