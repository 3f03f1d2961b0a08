/* SPDX-License-Identifier: BSD-2-Clause */
/* The current configuration; configurations printed and compared. */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/tally.h"
#include "conf/conf_priv.h"

static struct lock current_lock = LOCK_INITIALIZER;
static struct conf *current;		/* under current_lock */

/* Only what is in force counts. */
static void
count_rules(struct conf *c)
{
	for (size_t i = 0; i < c->rules.count; i++)
		c->rules.list[i].tally = tally_named(c->rules.list[i].name);
}

void
conf_publish(struct conf *c)
{
	if (c != NULL)
		count_rules(c);
	lock_acquire(&current_lock);
	struct conf *old = current;
	current = c;
	lock_release(&current_lock);
	conf_release(old);
}

const struct conf *
conf_acquire(void)
{
	lock_acquire(&current_lock);
	struct conf *c = current;
	if (c != NULL)
		atomic_fetch_add(&c->references, 1);
	lock_release(&current_lock);
	return c;
}

void
conf_release(const struct conf *c)
{
	/* The count is the one thing that changes; the last one frees. */
	struct conf *own = (struct conf *)(uintptr_t)c;

	if (own != NULL && atomic_fetch_sub(&own->references, 1) == 1)
		conf_free(own);
}

bool
conf_refresh(const struct conf *c, struct diag *news, struct diag *mistakes)
{
	bool has_files = false;

	for (size_t i = 0; i < c->list_count; i++) {
		list_refresh(c->lists[i].list, news, mistakes);
		has_files = has_files || list_has_files(c->lists[i].list);
	}
	return has_files;
}

const struct conf_relay *
conf_relay_of(const struct conf *c, const struct addr *client)
{
	const struct list_key key = { .client = client };

	for (size_t i = 0; i < c->relays.count; i++) {
		const struct conf_relay *r = c->relays.list[i].values;
		if (list_match(r->client, &key))
			return r;
	}
	return NULL;
}

void
conf_map_client(const struct conf *c, struct addr *client)
{
	for (size_t i = 0; i < c->client_map.count; i++) {
		const struct conf_mapping *m = &c->client_map.list[i];
		if (addr_prefix_match(&m->from, client)) {
			addr_prefix_move(&m->to, client);
			return;
		}
	}
}

/* The options of one section; standard NULL: it has any title. */
static void
dump_options(const struct conf_section *s, const void *values,
    const void *standard, FILE *out)
{
	for (size_t i = 0; i < s->option_count; i++) {
		const struct conf_option *o = &s->options[i];
		char *value = conf_value_text(o, values);
		char *usual = standard != NULL ? conf_value_text(o, standard) :
		    o->default_text != NULL ? xstrdup(o->default_text) : NULL;

		if (value[0] != '\0')
			fprintf(out, "%s%s = %s%s\n",
			    s->name != NULL ? "\t" : "", o->name, value,
			    usual != NULL && strcmp(value, usual) == 0 ?
			    "\t# default" : "");
		free(usual);
		free(value);
	}
}

/* As the configuration calls it. */
static const char *
action_word(enum policy_action a)
{
	return a == POLICY_ACCEPT ? "header" : policy_action_name(a);
}

/* What levels and sections come to. */
static void
dump_policy(const struct policy *p, FILE *out)
{
	fprintf(out, "# %-10s", "result");
	for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++)
		fprintf(out, "%12s", policy_table_name((enum policy_table)t));
	for (unsigned r = 0; r < RESULT_COUNT; r++) {
		fprintf(out, "\n# %-10s", result_name((enum result)r));
		for (unsigned t = 0; t < POLICY_TABLE_COUNT; t++)
			fprintf(out, "%12s", action_word(p->action[t][r]));
	}
	putc('\n', out);
}

/* What the files of lists come to. */
static void
dump_files(const struct conf_list *l, FILE *out)
{
	for (size_t i = 0; i < list_count(l->list); i++) {
		if (list_path(l->list, i) != NULL)
			fprintf(out, "# %s: %s has %zu entries\n", l->name,
			    list_element(l->list, i),
			    list_entries(l->list, i));
	}
}

static void
dump_section(const struct conf_section *s, const struct conf *c,
    const struct conf *defaults, FILE *out)
{
	const void *values;

	for (size_t i = 0; (values = conf_section_values(s, c, i)) != NULL;
	    i++) {
		char *name = conf_section_text(s, conf_section_titled(s) ?
		    conf_section_item(s, c, i)->title : "");
		fprintf(out, "%s {\n", name);
		free(name);
		/* Titles that are always there have the same order in both. */
		dump_options(s, values, conf_section_values(s, defaults, i),
		    out);
		fputs("}\n", out);
	}
}

void
conf_dump(const struct conf *c, FILE *out)
{
	struct diag none;

	diag_init(&none);
	struct conf *defaults = conf_load(NULL, NULL, &none);
	assert(defaults != NULL);
	diag_fini(&none);
	defaults->behavior_helo = conf_default_helo(c, c->behavior);
	for (size_t i = 0; i < defaults->policy_sections.count; i++)
		conf_default_policy(c, &defaults->policy_sections.list[i]);
	dump_options(&conf_sections[0], c, defaults, out);
	for (size_t i = 0; i < c->list_count; i++)
		dump_files(&c->lists[i], out);
	dump_policy(&c->policy, out);
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++)
		dump_section(&conf_sections[i], c, defaults, out);
	conf_release(defaults);
}

/* Whether o differs in any section s of the two. */
static bool
differs(const struct conf_section *s, const struct conf_option *o,
    const struct conf *a, const struct conf *b)
{
	for (size_t i = 0;; i++) {
		const void *va = conf_section_values(s, a, i);
		const void *vb = conf_section_values(s, b, i);
		if (va == NULL || vb == NULL)
			return va != vb;
		char *ta = conf_value_text(o, va);
		char *tb = conf_value_text(o, vb);
		bool same = strcmp(ta, tb) == 0;
		free(tb);
		free(ta);
		if (!same)
			return true;
	}
}

void
conf_diff_restart(const struct conf *a, const struct conf *b,
    void (*report)(const char *name))
{
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];

		for (size_t j = 0; j < s->option_count; j++)
			if (s->options[j].restart &&
			    differs(s, &s->options[j], a, b))
				report(s->options[j].name);
	}
}
