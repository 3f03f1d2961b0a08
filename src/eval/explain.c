/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace has entries in the order of the evaluation, and none for terms that
 * ask nothing.  Here it becomes what people read: each record with its terms
 * in their order, up to the one that ended it, and below a term what it asked
 * and the record that it led to.
 *
 * The way to the result goes from the record whose word it is through the term
 * that matched, or at which the evaluation stopped, into the record that this
 * one led to, and so on.
 */

#include "config.h"

#include "eval/explain.h"

#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"

#define FIRST_ROOM 32
#define ANSWERS_SHOWN 4
#define OCTETS_SHOWN 400	/* of a text that is no record */

/* The lines. */

struct builder {
	struct explanation	*e;
	const struct trace	*trace;
	size_t			 room;
};

static struct explain_line *
add(struct builder *b, enum explain_kind kind, unsigned depth, bool decides)
{
	struct explanation *e = b->e;

	if (e->count == b->room) {
		b->room = b->room == 0 ? FIRST_ROOM : 2 * b->room;
		e->lines = xreallocarray(e->lines, b->room,
		    sizeof(*e->lines));
	}
	e->lines[e->count] = (struct explain_line){
		.kind = kind,
		.depth = depth,
		.decides = decides,
	};
	return &e->lines[e->count++];
}

static void add_record(struct builder *b, size_t record, unsigned depth,
    bool decides);

/* From the i-th question of parent on; only that one, or all. */
static void
add_questions(struct builder *b, size_t parent, size_t from, bool all,
    unsigned depth)
{
	size_t nth = 0;

	for (size_t i = parent + 1; i < b->trace->count; i++) {
		const struct trace_entry *e = &b->trace->entries[i];

		if (e->kind != TRACE_QUESTION || e->parent != parent)
			continue;
		if (nth == from || (all && nth > from))
			add(b, EXPLAIN_QUESTION, depth, false)->entry = e;
		nth++;
	}
}

/* What a term, which has an entry, has led to. */
static void
add_below(struct builder *b, size_t term, unsigned depth, bool decides)
{
	add_questions(b, term, 0, true, depth);
	for (size_t i = term + 1; i < b->trace->count; i++) {
		const struct trace_entry *e = &b->trace->entries[i];

		if (e->kind == TRACE_RECORD && e->parent == term)
			add_record(b, i, depth, decides);
	}
}

static enum result
result_of_term(const struct explain_line *l)
{
	bool leads = l->term == NULL ||
	    l->term->mechanism == RECORD_INCLUDE;

	if (leads)
		return l->entry != NULL ? l->entry->result : RESULT_NONE;
	return l->match == TRACE_MATCH ? l->term->qualifier : RESULT_NONE;
}

static void
add_term(struct builder *b, size_t record, size_t term, unsigned depth,
    bool decides)
{
	const struct record *r = b->trace->entries[record].record;
	const struct trace_entry *entry = trace_find_term(b->trace, record,
	    term);
	enum trace_match match = trace_term_match(b->trace, record, term);
	struct explain_line *l = add(b, EXPLAIN_TERM, depth, decides &&
	    match != TRACE_NO_MATCH);

	l->entry = entry;
	l->match = match;
	if (term < r->count) {
		l->term = &r->terms[term];
		l->text = r->text + l->term->offset;
		l->len = l->term->len;
	} else {
		l->text = r->text + r->redirect_offset;
		l->len = r->redirect_len;
	}
	l->result = result_of_term(l);
	if (entry != NULL)
		add_below(b, (size_t)(entry - b->trace->entries), depth + 1,
		    l->decides);
}

static void
add_rest(struct builder *b, const struct trace_entry *record, size_t term,
    unsigned depth)
{
	const struct record *r = record->record;

	if (term >= r->count)
		return;
	struct explain_line *l = add(b, EXPLAIN_REST, depth, false);
	l->entry = record;
	l->text = r->text + r->terms[term].offset;
	l->len = r->len - r->terms[term].offset;
}

static void
add_terms(struct builder *b, size_t record, unsigned depth, bool decides)
{
	const struct trace_entry *e = &b->trace->entries[record];
	const struct record *r = e->record;
	size_t i = 0;

	while (i < r->count && trace_term_match(b->trace, record, i) ==
	    TRACE_NO_MATCH)
		add_term(b, record, i++, depth, decides);
	if (i < r->count) {
		bool reached = trace_term_match(b->trace, record, i) !=
		    TRACE_NOT_REACHED;
		if (reached)
			add_term(b, record, i, depth, decides);
		add_rest(b, e, i + reached, depth);
	} else if (r->redirect != NULL) {
		add_term(b, record, r->count, depth, decides);
	} else {
		struct explain_line *l = add(b, EXPLAIN_DEFAULT, depth,
		    decides);
		l->entry = e;
		l->result = e->result;
	}
}

/* Its own question comes first, that of exp= last. */
static void
add_record(struct builder *b, size_t record, unsigned depth, bool decides)
{
	add_questions(b, record, 0, false, depth);
	if (b->trace->entries[record].record != NULL)
		add_terms(b, record, depth, decides);
	add_questions(b, record, 1, true, depth);
}

struct explanation *
explain_new(const struct eval_verdict *v)
{
	struct builder b = { .trace = v->trace };

	b.e = xcalloc(1, sizeof(*b.e));
	b.e->verdict = v;
	for (size_t i = 0; i < b.trace->count; i++) {
		const struct trace_entry *e = &b.trace->entries[i];

		if (e->kind != TRACE_RECORD || e->parent != TRACE_NONE)
			continue;
		bool decides = e->whose == v->source;
		struct explain_line *l = add(&b, EXPLAIN_RECORD, 0, decides);
		l->entry = e;
		l->result = decides ? v->result :
		    e->whose == SOURCE_RECORD ? v->published : e->result;
		add_record(&b, i, 1, decides);
	}
	return b.e;
}

void
explain_free(struct explanation *e)
{
	if (e == NULL)
		return;
	free(e->lines);
	free(e);
}

/* The text. */

const char *
explain_status(const struct trace_entry *question)
{
	switch (question->status) {
	case DNS_OK:
		return "found";
	case DNS_NODATA:
		return "no such data";
	case DNS_NXDOMAIN:
		return "no such name";
	case DNS_TEMPERROR:
	case DNS_PENDING:
		return question->answer != NULL &&
		    question->answer->problem != NULL ?
		    question->answer->problem : "no answer in time";
	case DNS_LIMIT:
		return "not asked: too many questions";
	}
	return "";
}

bool
explain_put_answer(const struct trace_entry *question, size_t i,
    struct sbuf *out)
{
	const struct dns_answer *answer = question->answer;
	char text[ADDR_TEXT_SIZE];
	struct addr a;

	if (answer == NULL || i >= answer->count)
		return false;
	const struct dns_rr *rr = &answer->rr[i];
	if (question->type == DNS_TYPE_MX)
		sbuf_fmt(out, "%u ", rr->preference);
	if (question->type == DNS_TYPE_A || question->type == DNS_TYPE_AAAA) {
		memset(&a, 0, sizeof(a));
		a.family = question->type == DNS_TYPE_A ? AF_INET : AF_INET6;
		memcpy(a.bytes, rr->data, rr->len);
		sbuf_str(out, addr_format(&a, text));
	} else {
		sbuf_str(out, rr->data);
	}
	return true;
}

void
explain_put_found(const struct trace_entry *q, struct sbuf *out)
{
	const struct dns_answer *a = q->answer;

	if (q->type == DNS_TYPE_TXT && a->spf != NULL) {
		sbuf_str(out, a->spf->text);
	} else if (q->type == DNS_TYPE_TXT && a->spf_count > 1) {
		sbuf_fmt(out, "%zu SPF records", a->spf_count);
	} else if (q->type == DNS_TYPE_TXT) {
		size_t len = a->count > 0 ? strlen(a->rr[0].data) : 0;

		sbuf_add(out, a->count > 0 ? a->rr[0].data : "",
		    len < OCTETS_SHOWN ? len : OCTETS_SHOWN);
	} else {
		for (size_t i = 0; i < a->count && i < ANSWERS_SHOWN; i++) {
			if (i > 0)
				sbuf_str(out, ", ");
			(void)explain_put_answer(q, i, out);
		}
		if (a->count > ANSWERS_SHOWN)
			sbuf_fmt(out, " and %zu more",
			    a->count - ANSWERS_SHOWN);
	}
}

static void
put_question(const struct trace_entry *q, struct sbuf *out)
{
	static const char *const sources[] = {
		[DNS_SOURCE_NETWORK] = "",
		[DNS_SOURCE_CACHE] = ", cached",
		[DNS_SOURCE_STALE] = ", stale",
	};

	sbuf_fmt(out, "%s %s: ", dns_type_name(q->type), q->name);
	if (q->status == DNS_OK)
		explain_put_found(q, out);
	else
		sbuf_str(out, explain_status(q));
	if (q->answer != NULL)
		sbuf_fmt(out, " (TTL %u%s)", (unsigned)q->answer->ttl,
		    sources[q->source]);
}

static void
put_record(const struct explain_line *l, struct sbuf *out)
{
	if (l->entry->whose == SOURCE_RECORD)
		sbuf_str(out, l->entry->name);
	else
		sbuf_fmt(out, "%s, %s", l->entry->whose == SOURCE_GUESS ?
		    "best guess" : "local policy", l->entry->record->text);
	sbuf_fmt(out, ": %s", result_name(l->result));
}

static const char *
reason(const struct explain_line *l)
{
	if (l->entry != NULL && l->entry->name[0] == '\0')
		return ", it has no name that can be asked for";
	switch (l->term->mechanism) {
	case RECORD_IP4:
	case RECORD_IP6:
		return ", the client is not in it";
	case RECORD_A:
	case RECORD_MX:
		return ", the client is none of its addresses";
	case RECORD_PTR:
		return ", no confirmed name of the client is in it";
	case RECORD_EXISTS:
		return ", there is no such address";
	case RECORD_ALL:
	case RECORD_INCLUDE:
		return "";
	}
	return "";
}

static void
put_match(const struct explain_line *l, struct sbuf *out)
{
	switch (l->match) {
	case TRACE_NOT_REACHED:
		break;
	case TRACE_STOPPED:
		sbuf_str(out, "stopped");
		return;
	case TRACE_NO_MATCH:
		sbuf_fmt(out, "no match%s", reason(l));
		break;
	case TRACE_MATCH:
		sbuf_fmt(out, "%s: %s", l->term != NULL ? "match" :
		    "followed", result_name(l->term != NULL ?
		    l->term->qualifier : l->result));
		break;
	}
	if (l->term != NULL && l->term->mechanism == RECORD_INCLUDE)
		sbuf_fmt(out, ", its record says %s",
		    result_name(l->result));
}

/* The name that was asked for, where the text does not show it. */
static bool
hides_name(const struct explain_line *l)
{
	const char *name = l->entry->name;
	size_t len = strlen(name);

	return len > 0 && (len > l->len || memchr(l->text, '%', l->len) !=
	    NULL || !util_has_prefix_nocase(l->text + l->len - len, len,
	    name));
}

static void
put_term(const struct explain_line *l, struct sbuf *out)
{
	sbuf_add(out, l->text, l->len);
	if (l->entry != NULL && hides_name(l))
		sbuf_fmt(out, " (%s)", l->entry->name);
	sbuf_str(out, ": ");
	put_match(l, out);
	if (l->entry == NULL)
		return;
	sbuf_fmt(out, " [lookup %u", l->entry->lookups + 1);
	if (l->entry->voids > 0)
		sbuf_fmt(out, ", %u void before it", l->entry->voids);
	sbuf_char(out, ']');
}

/* The end of the way has the reason of an error. */
static bool
is_end(const struct explanation *e, size_t line)
{
	if (!e->lines[line].decides)
		return false;
	for (size_t i = line + 1; i < e->count; i++)
		if (e->lines[i].decides)
			return false;
	return true;
}

void
explain_put_text(const struct explanation *e, size_t line, struct sbuf *out)
{
	const struct explain_line *l = &e->lines[line];

	switch (l->kind) {
	case EXPLAIN_RECORD:
		put_record(l, out);
		break;
	case EXPLAIN_QUESTION:
		put_question(l->entry, out);
		break;
	case EXPLAIN_TERM:
		put_term(l, out);
		break;
	case EXPLAIN_DEFAULT:
		sbuf_fmt(out, "nothing matched: %s", result_name(l->result));
		break;
	case EXPLAIN_REST:
		sbuf_str(out, "not reached: ");
		sbuf_add(out, l->text, l->len);
		break;
	}
	if (e->verdict->problem[0] != '\0' && is_end(e, line))
		sbuf_fmt(out, ": %s", e->verdict->problem);
}

/* Whether another line of this depth comes before one that is less deep. */
static bool
goes_on(const struct explanation *e, size_t line, unsigned depth)
{
	for (size_t i = line + 1; i < e->count; i++)
		if (e->lines[i].depth <= depth)
			return e->lines[i].depth == depth;
	return false;
}

void
explain_put_branch(const struct explanation *e, size_t line, bool first,
    enum explain_drawing drawing, struct sbuf *out)
{
	static const char *const marks[][4] = {
		[EXPLAIN_ASCII] = { "|- ", "`- ", "|  ", "   " },
		[EXPLAIN_UTF8] = { "\xe2\x94\x9c\xe2\x94\x80 ",
		    "\xe2\x94\x94\xe2\x94\x80 ", "\xe2\x94\x82  ", "   " },
	};
	unsigned depth = e->lines[line].depth;

	for (unsigned d = 1; d <= depth; d++) {
		bool more = goes_on(e, line, d);
		bool here = first && d == depth;

		sbuf_str(out, marks[drawing][(here ? 0 : 2) + !more]);
	}
}
