/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transaction of -t as text: a line of the arguments, then indented what
 * was checked, where it is to be explained with the tree of the evaluation,
 * the rules that were tried, what each SMTP stage answers ("ok": the MTA's own
 * answer), "+" lines for the header fields that are added, "-" lines for those
 * of the message that are removed, "quarantine" and the reason, which higher
 * behavior would refuse it, and "=> " with the action.  Octets that are not
 * printable, in ASCII or UTF-8, are written \xNN, a backslash \\.
 */

#include "config.h"

#include <string.h>

#include "base/log.h"
#include "eval/eval.h"
#include "policy/rules.h"
#include "spf/identity.h"
#include "tool/dryrun_priv.h"
#include "tool/terminal.h"
#include "tool/tree.h"

static void
put_labelled(FILE *out, const char *label, const char *about,
    const char *text)
{
	if (text[0] == '\0')
		return;
	fprintf(out, "    %s", label);
	if (about[0] != '\0') {
		fputs(" of ", out);
		terminal_put_text(out, about);
	}
	fputs(": ", out);
	terminal_put_text(out, text);
	fputc('\n', out);
}

static void
put_tree(const struct eval_verdict *v, FILE *out)
{
	const struct terminal t = terminal_open(out);

	if (v->trace != NULL)
		tree_put(&t, TREE_INDENT, v);
}

static void
put_check(FILE *out, const struct dryrun_report *r, enum scope scope)
{
	const struct eval_verdict *v = r->checks[scope].verdict;

	if (v == NULL)
		return;

	const char *address = r->checks[scope].identity->address;

	fprintf(out, "  %s: %s, ", scope_name(scope), result_name(v->result));
	terminal_put_text(out, address[0] != '\0' ? address : "no name given");
	fputc('\n', out);
	if (v->source != SOURCE_RECORD)
		put_labelled(out, "source", "", source_name(v->source));
	put_labelled(out, "mechanism", "", v->mechanism);
	put_labelled(out, "problem", "", v->problem);
	put_labelled(out, "record", v->record_domain, v->record);
	put_labelled(out, "wide open", "", v->wide_open);
	put_labelled(out, "explanation", v->explanation_domain,
	    v->explanation);
	if (v->queries > 0)
		fprintf(out, "    lookups: %u, void %u, queries %u\n",
		    v->lookups, v->voids, v->queries);
	put_labelled(out, "void", "", v->void_terms);
	if (r->explained) {
		put_tree(v, out);
		fprintf(out, "    level %u: %s\n",
		    r->checks[scope].decision.level,
		    policy_action_name(r->checks[scope].decision.action));
	}
}

static void
put_rules(FILE *out, const struct dryrun_report *r)
{
	const struct rule *rule;
	const char *failure;

	for (size_t i = 0; (rule = dryrun_rule(r, i, &failure)) != NULL; i++) {
		fputs("  rule ", out);
		terminal_put_text(out, rule->name);
		if (failure != NULL)
			fprintf(out, ": not by %s\n", failure);
		else
			fputs(": decides\n", out);
	}
}

static void
put_stages(FILE *out, const struct dryrun_report *r)
{
	static const char *const labels[] = {
		[DRYRUN_STAGE_CONNECT] = "connect",
		[DRYRUN_STAGE_HELO] = "HELO",
		[DRYRUN_STAGE_MAIL] = "MAIL FROM",
		[DRYRUN_STAGE_RCPT] = "RCPT TO",
		[DRYRUN_STAGE_END] = "end of message",
	};

	for (enum dryrun_stage i = DRYRUN_STAGE_CONNECT; i <= r->last; i++) {
		char line[DRYRUN_LINE_SIZE] = "ok";
		const char *at = NULL;

		if (!dryrun_is_played(r, i))
			continue;
		(void)dryrun_reply_line(r, i, &at, line);
		/* Replies are printable by contract. */
		do
			fprintf(out, "  %s: %s\n", labels[i], line);
		while (dryrun_reply_line(r, i, &at, line));
	}
}

/* Ours are ASCII with folds; a fold goes on behind its own plus sign. */
static void
put_field(FILE *out, const struct session_edit *e)
{
	fprintf(out, "  + %s: ", e->name);
	for (const char *s = e->value; *s != '\0'; s++) {
		fputc(*s, out);
		if (*s == '\n')
			fputs("  + ", out);
	}
	fputc('\n', out);
}

/* There is no message, so a subject that is changed is the prefix alone. */
static void
put_edit(FILE *out, const struct session_edit *e)
{
	if (e->kind == SESSION_INSERT || e->kind == SESSION_CHANGE)
		put_field(out, e);
	else if (e->kind == SESSION_DELETE)
		fprintf(out, "  - %s number %u\n", e->name, e->index);
	else if (e->kind == SESSION_QUARANTINE)
		fprintf(out, "  quarantine: %s\n", e->value);
}

static void
put_arguments(FILE *out, const struct dryrun_report *r)
{
	char storage[4 * (4 * LOG_VALUE_MAX + 16)];
	struct log_record pairs = { .count = 0 };
	struct sbuf line;

	sbuf_init(&line, storage, sizeof(storage));
	log_record_string(&pairs, "client", r->ip != NULL ? r->ip : "-");
	log_record_string(&pairs, "helo", r->helo != NULL ? r->helo : "-");
	log_record_string(&pairs, "sender", r->sender);
	log_record_string(&pairs, "rcpt", r->rcpt);
	log_record_format(&pairs, &line);
	fprintf(out, "%s\n", storage);
}

void
dryrun_print_text(const struct dryrun_report *r, FILE *out)
{
	put_arguments(out, r);
	if (r->skipped != NULL)
		fprintf(out, "  not checked: %s\n", r->skipped);
	put_check(out, r, SCOPE_HELO);
	put_check(out, r, SCOPE_MAILFROM);
	put_rules(out, r);
	put_stages(out, r);
	for (size_t i = r->edit_count; i-- > 0;)
		put_edit(out, &r->edits[i]);
	if (r->would != 0)
		fprintf(out, "  would refuse it: behavior %u\n", r->would);
	fprintf(out, "  => %s\n", policy_action_name(r->action));
}
