/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transaction of -t as JSON: one object a line, ASCII, with these keys:
 *	client		address as given, null for mail of this machine
 *	helo		null where none was given
 *	sender, rcpt	as given
 *	skipped		why nothing was checked, else null
 *	helo_check, mailfrom_check	null where not checked, else
 *	    identity	the address or name that was checked
 *	    domain	the name looked up, null where none fits
 *	    result	none neutral pass fail softfail temperror permerror
 *	    action	what the policy says: accept reject tempfail skip
 *	    level	behaviour level of this identity
 *	    mechanism, record, record_domain, problem, explanation,
 *	    explanation_domain, void_terms	null where there is none
 *	    lookups, void_lookups, queries	numbers
 *	stages		array, in order, up to the one that ended it:
 *	    stage	connect helo mail rcpt end
 *	    reply	array of lines as the client reads them; empty: ok
 *	headers		array of name and value, as they stand from the top
 *	action		accept reject tempfail
 * A text that is not UTF-8 has each octet from 0x80 as \xNN in the string,
 * and its backslashes doubled.
 */

#include "config.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"
#include "spf/identity.h"
#include "tool/dryrun.h"
#include "tool/dryrun_priv.h"

/* Out of memory is fatal here as everywhere. */
static void *
json_allocate(size_t size)
{
	return xreallocarray(NULL, 1, size);
}

static json_t *
json_octets(const char *s)
{
	json_t *text = json_string(s);

	if (text != NULL)
		return text;

	size_t size = 4 * strlen(s) + 1;
	char *storage = xcalloc(size, 1);
	struct sbuf escaped;

	sbuf_init(&escaped, storage, size);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			sbuf_str(&escaped, "\\\\");
		else if ((unsigned char)*s < 0x80)
			sbuf_char(&escaped, *s);
		else
			sbuf_escape(&escaped, *s);
	}
	text = json_string(storage);
	free(storage);
	return text;
}

/* Takes over value. */
static void
set(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(failed == 0);
}

static void
set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, text != NULL ? json_octets(text) : json_null());
}

static void
set_found(json_t *object, const char *key, const char *text)
{
	set_text(object, key, text[0] != '\0' ? text : NULL);
}

static json_t *
json_check(const struct dryrun_report *r, enum scope scope)
{
	const struct dryrun_check *c = &r->checks[scope];
	const struct eval_verdict *v = c->verdict;

	if (v == NULL)
		return json_null();

	json_t *check = json_object();

	set_text(check, "identity", c->identity->address);
	set_found(check, "domain", c->identity->lookup);
	set_text(check, "result", result_name(v->result));
	set_text(check, "action", policy_action_name(c->decision.action));
	set(check, "level", json_integer(c->decision.level));
	set_found(check, "mechanism", v->mechanism);
	set_found(check, "record", v->record);
	set_found(check, "record_domain", v->record_domain);
	set_found(check, "problem", v->problem);
	set_found(check, "explanation", v->explanation);
	set_found(check, "explanation_domain", v->explanation_domain);
	set(check, "lookups", json_integer(v->lookups));
	set(check, "void_lookups", json_integer(v->voids));
	set_found(check, "void_terms", v->void_terms);
	set(check, "queries", json_integer(v->queries));
	return check;
}

static json_t *
json_stages(const struct dryrun_report *r)
{
	static const char *const names[] = {
		[DRYRUN_STAGE_CONNECT] = "connect",
		[DRYRUN_STAGE_HELO] = "helo",
		[DRYRUN_STAGE_MAIL] = "mail",
		[DRYRUN_STAGE_RCPT] = "rcpt",
		[DRYRUN_STAGE_END] = "end",
	};
	json_t *list = json_array();

	for (enum dryrun_stage i = DRYRUN_STAGE_CONNECT; i <= r->last; i++) {
		char line[DRYRUN_LINE_SIZE];
		const char *at = NULL;

		if (!dryrun_is_played(r, i))
			continue;
		json_t *stage = json_object();
		json_t *lines = json_array();

		while (dryrun_reply_line(r, i, &at, line))
			json_array_append_new(lines, json_octets(line));
		set_text(stage, "stage", names[i]);
		set(stage, "reply", lines);
		json_array_append_new(list, stage);
	}
	return list;
}

static json_t *
json_headers(const struct dryrun_report *r)
{
	json_t *list = json_array();

	for (size_t i = r->edit_count; i-- > 0;) {
		if (r->edits[i].kind != SESSION_INSERT)
			continue;
		json_t *field = json_object();

		set_text(field, "name", r->edits[i].name);
		set_text(field, "value", r->edits[i].value);
		json_array_append_new(list, field);
	}
	return list;
}

void
dryrun_print_json(const struct dryrun_report *r, FILE *out)
{
	json_set_alloc_funcs(json_allocate, free);

	json_t *object = json_object();

	set_text(object, "client", r->ip);
	set_text(object, "helo", r->helo);
	set_text(object, "sender", r->sender);
	set_text(object, "rcpt", r->rcpt);
	set_text(object, "skipped", r->skipped);
	set(object, "helo_check", json_check(r, SCOPE_HELO));
	set(object, "mailfrom_check", json_check(r, SCOPE_MAILFROM));
	set(object, "stages", json_stages(r));
	set(object, "headers", json_headers(r));
	set_text(object, "action", policy_action_name(r->action));
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

const char *
dryrun_version(void)
{
	return "jansson " JANSSON_VERSION;
}
