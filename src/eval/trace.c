/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one evaluation did.
 *
 * The evaluation appends what it asks, and whether a term with a question of
 * its own matches.  What an include, a redirect or a record comes to follows
 * from that, so it is told at the end, from the last entry to the first:
 * what an entry has led to stands behind it.
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "base/util.h"
#include "eval/trace.h"

#define FIRST_ROOM 16

struct trace *
trace_new(const struct addr *client)
{
	struct trace *t = xcalloc(1, sizeof(*t));

	t->client = *client;
	return t;
}

void
trace_free(struct trace *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++) {
		free(t->entries[i].name);
		dns_answer_release(t->entries[i].answer);
	}
	free(t->entries);
	free(t);
}

size_t
trace_add(struct trace *t, const struct trace_entry *e, const char *name)
{
	if (t->count == t->room) {
		t->room = t->room == 0 ? FIRST_ROOM : t->room * 2;
		t->entries = xreallocarray(t->entries, t->room,
		    sizeof(*t->entries));
	}
	t->entries[t->count] = *e;
	t->entries[t->count].name = xstrdup(name);
	return t->count++;
}

void
trace_set_name(struct trace *t, size_t entry, const char *name)
{
	if (t == NULL)
		return;
	free(t->entries[entry].name);
	t->entries[entry].name = xstrdup(name);
}

const struct trace_entry *
trace_find_term(const struct trace *t, size_t record, size_t term)
{
	for (size_t i = record + 1; i < t->count; i++) {
		const struct trace_entry *e = &t->entries[i];

		if (e->kind == TRACE_TERM && e->parent == record &&
		    e->term == term)
			return e;
	}
	return NULL;
}

static enum trace_match
own_match(const struct trace *t, size_t record, size_t term)
{
	const struct record *r = t->entries[record].record;
	const struct record_term *fixed = term < r->count ? &r->terms[term] :
	    NULL;

	if (fixed != NULL && fixed->mechanism == RECORD_ALL)
		return TRACE_MATCH;
	if (fixed != NULL && record_term_is_network(fixed))
		return addr_prefix_match(&fixed->network, &t->client) ?
		    TRACE_MATCH : TRACE_NO_MATCH;
	const struct trace_entry *e = trace_find_term(t, record, term);
	return e == NULL ? TRACE_NOT_REACHED : e->match;
}

enum trace_match
trace_term_match(const struct trace *t, size_t record, size_t term)
{
	for (size_t i = 0; i < term; i++)
		if (own_match(t, record, i) != TRACE_NO_MATCH)
			return TRACE_NOT_REACHED;
	return own_match(t, record, term);
}

static enum result
result_of(const struct trace *t, size_t entry)
{
	const struct record *r = t->entries[entry].record;

	if (r == NULL)
		return RESULT_NONE;
	for (size_t i = 0; i < r->count; i++) {
		enum trace_match m = own_match(t, entry, i);

		if (m == TRACE_MATCH)
			return r->terms[i].qualifier;
		if (m != TRACE_NO_MATCH)
			return RESULT_NONE;
	}
	if (r->redirect == NULL)
		return RESULT_NEUTRAL;
	const struct trace_entry *redirect =
	    trace_find_term(t, entry, r->count);
	return redirect == NULL ? RESULT_NONE : redirect->result;
}

/* The term that led to a record is told what came of it. */
static void
tell_parent(struct trace *t, const struct trace_entry *record)
{
	struct trace_entry *term = &t->entries[record->parent];

	term->result = record->result;
	if (record->result == RESULT_NONE)
		return;
	bool redirect = term->term ==
	    t->entries[term->parent].record->count;
	term->match = redirect || record->result == RESULT_PASS ?
	    TRACE_MATCH : TRACE_NO_MATCH;
}

void
trace_end(struct trace *t)
{
	if (t == NULL)
		return;
	for (size_t i = t->count; i-- > 0;) {
		struct trace_entry *e = &t->entries[i];

		if (e->kind != TRACE_RECORD)
			continue;
		e->result = result_of(t, i);
		if (e->parent != TRACE_NONE)
			tell_parent(t, e);
	}
}
