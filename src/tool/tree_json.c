/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of an evaluation as JSON: an array of records, each an object.
 * Every object has these keys:
 *	kind		record question term default rest
 *	says		for people
 *	decides		whether it is on the way to the result
 *	below		array of what belongs to it, in order
 * and of a record, which is the domain's or one of ours:
 *	domain		whose it is
 *	source		record local_policy guess
 *	result		what it comes to
 * of a question:
 *	type, name
 *	status		found no_data no_name error not_asked
 *	problem		why it is an error, else null
 *	ttl		seconds, null where there is no answer
 *	from		network cache stale
 *	answers		array, as text
 * of a term:
 *	term		as published
 *	name		that it asks for, macros expanded; null: none
 *	match		match no_match stopped
 *	result		of the record that it led to, or its own where it
 *			matches; null: neither
 *	lookups, voids	counted before it; null where it asks nothing
 * of default, which stands where no term has matched: result; of rest, the
 * terms that were not reached: term.
 */

#include "config.h"

#include <stdlib.h>

#include "base/util.h"
#include "eval/eval.h"
#include "eval/explain.h"
#include "tool/json_out.h"
#include "tool/tree.h"

static void
set_part(json_t *object, const char *key, const char *text, size_t len)
{
	char *part = xstrndup(text, len);

	json_out_set_text(object, key, part);
	free(part);
}

static void
set_result(json_t *object, enum result r)
{
	json_out_set_text(object, "result", result_name(r));
}

static json_t *
json_answers(const struct trace_entry *q)
{
	json_t *list = json_array();

	for (size_t i = 0;; i++) {
		char text[EXPLAIN_TEXT_SIZE];
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		if (!explain_put_answer(q, i, &sb))
			return list;
		json_array_append_new(list, json_out_text(text));
	}
}

static void
set_question(json_t *object, const struct trace_entry *q)
{
	static const char *const statuses[] = {
		[DNS_OK] = "found",
		[DNS_NODATA] = "no_data",
		[DNS_NXDOMAIN] = "no_name",
		[DNS_TEMPERROR] = "error",
		[DNS_PENDING] = "error",
		[DNS_LIMIT] = "not_asked",
	};
	static const char *const sources[] = {
		[DNS_SOURCE_NETWORK] = "network",
		[DNS_SOURCE_CACHE] = "cache",
		[DNS_SOURCE_STALE] = "stale",
	};

	json_out_set_text(object, "type", dns_type_name(q->type));
	json_out_set_text(object, "name", q->name);
	json_out_set_text(object, "status", statuses[q->status]);
	json_out_set_text(object, "problem", q->status == DNS_TEMPERROR ?
	    explain_status(q) : NULL);
	json_out_set(object, "ttl", q->answer != NULL ?
	    json_integer(q->answer->ttl) : json_null());
	json_out_set_text(object, "from", sources[q->source]);
	json_out_set(object, "answers", json_answers(q));
}

static void
set_term(json_t *object, const struct explain_line *l)
{
	static const char *const matches[] = {
		[TRACE_NOT_REACHED] = "not_reached",
		[TRACE_STOPPED] = "stopped",
		[TRACE_NO_MATCH] = "no_match",
		[TRACE_MATCH] = "match",
	};
	const struct trace_entry *e = l->entry;

	set_part(object, "term", l->text, l->len);
	json_out_set_found(object, "name", e != NULL ? e->name : "");
	json_out_set_text(object, "match", matches[l->match]);
	json_out_set_text(object, "result", l->result != RESULT_NONE ?
	    result_name(l->result) : NULL);
	json_out_set(object, "lookups", e != NULL ?
	    json_integer(e->lookups) : json_null());
	json_out_set(object, "voids", e != NULL ? json_integer(e->voids) :
	    json_null());
}

static void
set_kind(json_t *object, const struct explain_line *l)
{
	static const char *const kinds[] = {
		[EXPLAIN_RECORD] = "record",
		[EXPLAIN_QUESTION] = "question",
		[EXPLAIN_TERM] = "term",
		[EXPLAIN_DEFAULT] = "default",
		[EXPLAIN_REST] = "rest",
	};

	json_out_set_text(object, "kind", kinds[l->kind]);
	switch (l->kind) {
	case EXPLAIN_RECORD:
		json_out_set_text(object, "domain", l->entry->name);
		json_out_set_text(object, "source",
		    source_name(l->entry->whose));
		set_result(object, l->result);
		break;
	case EXPLAIN_QUESTION:
		set_question(object, l->entry);
		break;
	case EXPLAIN_TERM:
		set_term(object, l);
		break;
	case EXPLAIN_DEFAULT:
		set_result(object, l->result);
		break;
	case EXPLAIN_REST:
		set_part(object, "term", l->text, l->len);
		break;
	}
}

/* The lines of a depth from *at on, which is moved behind them. */
static json_t *
json_lines(const struct explanation *e, size_t *at, unsigned depth)
{
	json_t *list = json_array();

	while (*at < e->count && e->lines[*at].depth == depth) {
		char text[EXPLAIN_TEXT_SIZE];
		json_t *object = json_object();
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		explain_put_text(e, *at, &sb);
		set_kind(object, &e->lines[*at]);
		json_out_set_text(object, "says", text);
		json_out_set(object, "decides",
		    json_boolean(e->lines[*at].decides));
		++*at;
		json_out_set(object, "below", json_lines(e, at, depth + 1));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *
tree_json(const struct eval_verdict *v)
{
	size_t at = 0;

	if (v->trace == NULL)
		return json_null();
	struct explanation *e = explain_new(v);
	json_t *list = json_lines(e, &at, 0);
	explain_free(e);
	return list;
}
