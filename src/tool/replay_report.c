/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the messages of a log come to.  As JSON, one object a line:
 *	client, helo, sender, rcpt	null where the log does not say, rcpt
 *			where no rule asks for it, too
 *	messages	how many were the same
 *	result		null where it was not checked
 *	action		accept tag quarantine reject tempfail
 *	rule		that decided, null: none
 *	against		the same three by the other configuration, where there
 *			is one
 * and at the end one object
 *	lines, messages, played		numbers
 *	groups		array of action, rule, messages, and with another
 *			configuration against_action, against_rule
 * The file of --state is that object and what tells the log.
 */

#include "config.h"

#include "tool/replay_priv.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "tool/json_out.h"
#include "tool/maillog.h"
#include "tool/terminal.h"

/* Counts. */

static struct replay_group *
add_group(struct replay_totals *t, const enum policy_action actions[2],
    const char *const rules[2])
{
	struct replay_group *g = &t->groups[t->group_count++];

	for (size_t i = 0; i < 2; i++) {
		g->actions[i] = actions[i];
		g->rules[i] = xstrdup(rules[i]);
	}
	return g;
}

static struct replay_group *
group(struct replay_totals *t, const struct replay_outcome *a,
    const struct replay_outcome *b)
{
	const enum policy_action actions[2] = { a->action, b->action };
	const char *rules[2] = { a->rule, b->rule };

	for (size_t i = 0; i < t->group_count; i++) {
		struct replay_group *g = &t->groups[i];
		if (g->actions[0] == a->action && g->actions[1] == b->action &&
		    strcmp(g->rules[0], a->rule) == 0 &&
		    strcmp(g->rules[1], b->rule) == 0)
			return g;
	}
	if (t->group_count < REPLAY_GROUPS_MAX)
		return add_group(t, actions, rules);
	return &t->groups[REPLAY_GROUPS_MAX - 1];
}

static bool
changes(const struct replay_group *g)
{
	return g->actions[0] != g->actions[1];
}

static char *
make_example(const struct maillog_entry *e, uint64_t messages)
{
	char text[4 * (4 * LOG_VALUE_MAX + 16)];
	struct log_record r = { .count = 0 };
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_record_string(&r, "client", e->client);
	if (e->helo != NULL)
		log_record_string(&r, "helo", e->helo);
	log_record_string(&r, "sender", e->sender[0] != '\0' ? e->sender :
	    "<>");
	if (e->rcpt != NULL)
		log_record_string(&r, "rcpt", e->rcpt);
	log_record_format(&r, &sb);
	if (messages > 1)
		sbuf_fmt(&sb, " (%llu times)", (unsigned long long)messages);
	return xstrdup(text);
}

void
replay_count(struct replay_totals *t, const struct replay_outcome *o,
    bool compared, const struct maillog_entry *e, uint64_t messages)
{
	struct replay_group *g = group(t, &o[0], &o[compared ? 1 : 0]);

	t->messages += messages;
	g->messages += messages;
	if (changes(g) && g->example_count < REPLAY_EXAMPLES)
		g->examples[g->example_count++] = make_example(e, messages);
}

static int
compare_groups(const void *a, const void *b)
{
	const struct replay_group *x = a;
	const struct replay_group *y = b;

	return (x->messages < y->messages) - (x->messages > y->messages);
}

void
replay_sort(struct replay_totals *t)
{
	qsort(t->groups, t->group_count, sizeof(t->groups[0]),
	    compare_groups);
}

void
replay_totals_free(struct replay_totals *t)
{
	for (size_t i = 0; i < t->group_count; i++) {
		struct replay_group *g = &t->groups[i];
		free(g->rules[0]);
		free(g->rules[1]);
		for (size_t k = 0; k < g->example_count; k++)
			free(g->examples[k]);
	}
	free(t);
}

/* Text. */

static void
put_share(const struct replay_totals *t, uint64_t messages, FILE *out)
{
	fprintf(out, "%10llu  %6.2f%%", (unsigned long long)messages,
	    t->messages > 0 ? 100.0 * (double)messages / (double)t->messages
	    : 0.0);
}

static void
put_rule(const char *rule, FILE *out)
{
	if (rule[0] == '\0')
		return;
	fputs(" by rule ", out);
	terminal_put_text(out, rule);
}

/* What one configuration does, by action and rule. */
static void
put_side(const struct replay_totals *t, size_t side, FILE *out)
{
	bool done[REPLAY_GROUPS_MAX] = { false };

	for (size_t i = 0; i < t->group_count; i++) {
		const struct replay_group *g = &t->groups[i];
		uint64_t messages = 0;

		if (done[i])
			continue;
		for (size_t k = i; k < t->group_count; k++) {
			const struct replay_group *other = &t->groups[k];
			if (other->actions[side] != g->actions[side] ||
			    strcmp(other->rules[side], g->rules[side]) != 0)
				continue;
			done[k] = true;
			messages += other->messages;
		}
		put_share(t, messages, out);
		fprintf(out, "  %s", policy_action_name(g->actions[side]));
		put_rule(g->rules[side], out);
		fputc('\n', out);
	}
}

static void
put_change(const struct replay_totals *t, const struct replay_group *g,
    FILE *out)
{
	put_share(t, g->messages, out);
	fprintf(out, "  %s", policy_action_name(g->actions[0]));
	put_rule(g->rules[0], out);
	fprintf(out, " -> %s", policy_action_name(g->actions[1]));
	put_rule(g->rules[1], out);
	fputc('\n', out);
	for (size_t i = 0; i < g->example_count; i++)
		fprintf(out, "    %s\n", g->examples[i]);
}

void
replay_print_text(const struct replay_totals *t, const char *against,
    FILE *out)
{
	uint64_t changed = 0;

	fprintf(out, "%llu messages in %llu lines, of which %llu differ\n",
	    (unsigned long long)t->messages, (unsigned long long)t->lines,
	    (unsigned long long)t->played);
	put_side(t, 0, out);
	if (against == NULL)
		return;
	fprintf(out, "against %s\n", against);
	put_side(t, 1, out);
	for (size_t i = 0; i < t->group_count; i++)
		if (changes(&t->groups[i]))
			changed += t->groups[i].messages;
	fprintf(out, "%llu messages change\n", (unsigned long long)changed);
	for (size_t i = 0; i < t->group_count; i++)
		if (changes(&t->groups[i]))
			put_change(t, &t->groups[i], out);
}

/* JSON. */

static void
set_outcome(json_t *object, const struct replay_outcome *o)
{
	json_out_set_found(object, "result", o->result);
	json_out_set_text(object, "action", policy_action_name(o->action));
	json_out_set_found(object, "rule", o->rule);
}

void
replay_print_message(const struct maillog_entry *e, uint64_t messages,
    const struct replay_outcome *o, bool compared, FILE *out)
{
	json_t *object = json_out_object();

	json_out_set_text(object, "client", e->client);
	json_out_set_text(object, "helo", e->helo);
	json_out_set_text(object, "sender", e->sender);
	json_out_set_text(object, "rcpt", e->rcpt);
	json_out_set(object, "messages", json_integer((json_int_t)messages));
	set_outcome(object, &o[0]);
	if (compared) {
		json_t *other = json_object();
		set_outcome(other, &o[1]);
		json_out_set(object, "against", other);
	}
	json_out_print(object, out);
}

static json_t *
json_totals(const struct replay_totals *t, bool compared)
{
	json_t *object = json_out_object();
	json_t *list = json_array();

	for (size_t i = 0; i < t->group_count; i++) {
		const struct replay_group *g = &t->groups[i];
		json_t *item = json_object();
		json_out_set_text(item, "action",
		    policy_action_name(g->actions[0]));
		json_out_set_found(item, "rule", g->rules[0]);
		if (compared) {
			json_out_set_text(item, "against_action",
			    policy_action_name(g->actions[1]));
			json_out_set_found(item, "against_rule", g->rules[1]);
		}
		json_out_set(item, "messages",
		    json_integer((json_int_t)g->messages));
		json_array_append_new(list, item);
	}
	json_out_set(object, "lines", json_integer((json_int_t)t->lines));
	json_out_set(object, "messages",
	    json_integer((json_int_t)t->messages));
	json_out_set(object, "played", json_integer((json_int_t)t->played));
	json_out_set(object, "groups", list);
	return object;
}

void
replay_print_json(const struct replay_totals *t, bool compared, FILE *out)
{
	json_out_print(json_totals(t, compared), out);
}

/* The state. */

static json_t *
json_state(const struct replay_totals *t, const char *about)
{
	json_t *object = json_totals(t, true);
	json_t *list = json_object_get(object, "groups");

	for (size_t i = 0; i < t->group_count; i++) {
		json_t *examples = json_array();
		for (size_t k = 0; k < t->groups[i].example_count; k++)
			json_array_append_new(examples,
			    json_out_text(t->groups[i].examples[k]));
		json_out_set(json_array_get(list, i), "examples", examples);
	}
	json_out_set_text(object, "about", about);
	json_out_set(object, "digest",
	    json_sprintf("%016llx", (unsigned long long)t->digest));
	return object;
}

bool
replay_save(const struct replay_totals *t, const char *path,
    const char *about)
{
	char *fresh = xasprintf("%s.new", path);
	json_t *object = json_state(t, about);
	bool saved = json_dump_file(object, fresh, JSON_INDENT(1) |
	    JSON_ENSURE_ASCII) == 0 && rename(fresh, path) == 0;
	int error = errno;

	json_decref(object);
	free(fresh);
	errno = error;
	return saved;
}

static bool
parse_action(const char *name, enum policy_action *out)
{
	for (int a = POLICY_SKIP; a <= POLICY_REJECT; a++) {
		if (strcmp(policy_action_name((enum policy_action)a),
		    name) != 0)
			continue;
		*out = (enum policy_action)a;
		return true;
	}
	return false;
}

static uint64_t
number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

static bool
load_group(struct replay_totals *t, const json_t *item)
{
	const char *rules[2] = { json_out_text_of(item, "rule"),
		json_out_text_of(item, "against_rule") };
	json_t *examples = json_object_get(item, "examples");
	enum policy_action actions[2];

	if (t->group_count == REPLAY_GROUPS_MAX ||
	    !parse_action(json_out_text_of(item, "action"), &actions[0]) ||
	    !parse_action(json_out_text_of(item, "against_action"),
	    &actions[1]))
		return false;
	struct replay_group *g = add_group(t, actions, rules);
	g->messages = number_of(item, "messages");
	for (size_t i = 0; i < json_array_size(examples) &&
	    i < REPLAY_EXAMPLES; i++) {
		const char *s = json_string_value(json_array_get(examples, i));
		if (s != NULL)
			g->examples[g->example_count++] = xstrdup(s);
	}
	return true;
}

bool
replay_load(struct replay_totals *t, const char *path, const char *about)
{
	json_error_t error;

	if (access(path, F_OK) != 0)
		return errno == ENOENT;
	json_t *object = json_load_file(path, 0, &error);
	json_t *groups = json_object_get(object, "groups");
	char *end;
	bool good = object != NULL && strcmp(json_out_text_of(object, "about"),
	    about) == 0;

	for (size_t i = 0; good && i < json_array_size(groups); i++)
		good = load_group(t, json_array_get(groups, i));
	t->messages = number_of(object, "messages");
	t->played = number_of(object, "played");
	t->digest = strtoull(json_out_text_of(object, "digest"), &end, 16);
	json_decref(object);
	errno = 0;
	return good;
}
