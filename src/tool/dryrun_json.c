/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transaction of -t as JSON: one object a line, ASCII, with these keys:
 *	version		of this form: 1; keys may be added to it
 *	client		address as given, null for mail of this machine
 *	helo		null where none was given
 *	sender, rcpt	as given
 *	skipped		why nothing was checked, else null
 *	helo_check, mailfrom_check	null where not checked, else
 *	    identity	the address or name that was checked
 *	    domain	the name looked up, null where none fits
 *	    result	none neutral pass fail softfail temperror permerror
 *	    source	record local_policy guess: of the result
 *	    published	what SPF itself says: the result of a record
 *	    action	what the policy says: accept reject tempfail skip
 *	    level	behaviour level of this identity
 *	    mechanism, record, record_domain, problem, explanation,
 *	    explanation_domain, void_terms, wide_open	null where there is none
 *	    lookups, void_lookups, queries	numbers
 *	    trace	how the result came about, see tree_json.c; null where
 *			nothing was evaluated
 *	rules		array of those that were tried, in order:
 *	    name
 *	    failed	the condition that does not hold, null for the last
 *			one, where it decides
 *	stages		array, in order, up to the one that ended it:
 *	    stage	connect helo mail rcpt end
 *	    reply	array of lines as the client reads them; empty: ok
 *	headers		array of name and value, as they stand from the top
 *	quarantine	the reason, null where the message is not held
 *	action		accept tag quarantine reject tempfail
 *	would		the lowest behavior above the one in force that would
 *			refuse it, null where none would or a rule decides
 * share/dry-run.schema.json says the same; json_out.h what becomes of a text
 * that is not UTF-8.
 */

#include "config.h"

#include <jansson.h>

#include "eval/eval.h"
#include "policy/rules.h"
#include "spf/identity.h"
#include "tool/dryrun.h"
#include "tool/dryrun_priv.h"
#include "tool/json_out.h"
#include "tool/tree.h"

#define VERSION_OF_FORM 1

static json_t *
json_check(const struct dryrun_report *r, enum scope scope)
{
	const struct dryrun_check *c = &r->checks[scope];
	const struct eval_verdict *v = c->verdict;

	if (v == NULL)
		return json_null();

	json_t *check = json_object();

	json_out_set_text(check, "identity", c->identity->address);
	json_out_set_found(check, "domain", c->identity->lookup);
	json_out_set_text(check, "result", result_name(v->result));
	json_out_set_text(check, "source", source_name(v->source));
	json_out_set_text(check, "published", result_name(v->published));
	json_out_set_text(check, "action",
	    policy_action_name(c->decision.action));
	json_out_set(check, "level", json_integer(c->decision.level));
	json_out_set_found(check, "mechanism", v->mechanism);
	json_out_set_found(check, "record", v->record);
	json_out_set_found(check, "record_domain", v->record_domain);
	json_out_set_found(check, "wide_open", v->wide_open);
	json_out_set_found(check, "problem", v->problem);
	json_out_set_found(check, "explanation", v->explanation);
	json_out_set_found(check, "explanation_domain", v->explanation_domain);
	json_out_set(check, "lookups", json_integer(v->lookups));
	json_out_set(check, "void_lookups", json_integer(v->voids));
	json_out_set_found(check, "void_terms", v->void_terms);
	json_out_set(check, "queries", json_integer(v->queries));
	json_out_set(check, "trace", tree_json(v));
	return check;
}

static json_t *
json_rules(const struct dryrun_report *r)
{
	json_t *list = json_array();
	const struct rule *rule;
	const char *failure;

	for (size_t i = 0; (rule = dryrun_rule(r, i, &failure)) != NULL; i++) {
		json_t *object = json_object();

		json_out_set_text(object, "name", rule->name);
		json_out_set_text(object, "failed", failure);
		json_array_append_new(list, object);
	}
	return list;
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
			json_array_append_new(lines, json_out_text(line));
		json_out_set_text(stage, "stage", names[i]);
		json_out_set(stage, "reply", lines);
		json_array_append_new(list, stage);
	}
	return list;
}

static const char *
quarantine_reason(const struct dryrun_report *r)
{
	for (size_t i = 0; i < r->edit_count; i++)
		if (r->edits[i].kind == SESSION_QUARANTINE)
			return r->edits[i].value;
	return NULL;
}

static json_t *
json_headers(const struct dryrun_report *r)
{
	json_t *list = json_array();

	for (size_t i = r->edit_count; i-- > 0;) {
		if (r->edits[i].kind != SESSION_INSERT &&
		    r->edits[i].kind != SESSION_CHANGE)
			continue;
		json_t *field = json_object();

		json_out_set_text(field, "name", r->edits[i].name);
		json_out_set_text(field, "value", r->edits[i].value);
		json_array_append_new(list, field);
	}
	return list;
}

void
dryrun_print_json(const struct dryrun_report *r, FILE *out)
{
	json_t *object = json_out_object();

	json_out_set(object, "version", json_integer(VERSION_OF_FORM));
	json_out_set_text(object, "client", r->ip);
	json_out_set_text(object, "helo", r->helo);
	json_out_set_text(object, "sender", r->sender);
	json_out_set_text(object, "rcpt", r->rcpt);
	json_out_set_text(object, "skipped", r->skipped);
	json_out_set(object, "helo_check", json_check(r, SCOPE_HELO));
	json_out_set(object, "mailfrom_check", json_check(r, SCOPE_MAILFROM));
	json_out_set(object, "rules", json_rules(r));
	json_out_set(object, "stages", json_stages(r));
	json_out_set(object, "headers", json_headers(r));
	json_out_set_text(object, "quarantine", quarantine_reason(r));
	json_out_set_text(object, "action", policy_action_name(r->action));
	json_out_set(object, "would", r->would != 0 ? json_integer(r->would)
	    : json_null());
	json_out_print(object, out);
}

const char *
dryrun_version(void)
{
	return "jansson " JANSSON_VERSION;
}
