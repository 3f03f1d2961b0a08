/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections tag: their values, and which of them is meant. */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"
#include "policy/tag.h"

const char *
conf_field_add(const struct conf_option *o, void *field, const char *text)
{
	struct tag_fields *f = field;
	struct tag_field one;
	const char *wrong = tag_field_parse(&one, text);

	(void)o;
	if (wrong != NULL)
		return wrong;
	f->list = xreallocarray(f->list, f->count + 1, sizeof(*f->list));
	f->list[f->count++] = one;
	return NULL;
}

static void
add_mark(struct conf_texts *marks, const char *name)
{
	for (size_t i = 0; i < marks->count; i++)
		if (util_eq_nocase(marks->list[i], name))
			return;
	marks->list = xreallocarray(marks->list, marks->count + 1,
	    sizeof(*marks->list));
	marks->list[marks->count++] = xstrdup(name);
}

static void
add_marks(struct conf *c, const struct tag *t)
{
	for (size_t i = 0; i < t->fields.count; i++)
		add_mark(&c->marks, t->fields.list[i].name);
}

void
conf_gather_marks(struct conf *c)
{
	add_marks(c, &tag_default);
	for (size_t i = 0; i < c->tags.count; i++)
		add_marks(c, c->tags.list[i].values);
}

bool
conf_check_tag(struct conf *c, const struct conf_item *item,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct tag *t = item->values;

	(void)c;
	if (t->fields.count > 0 ||
	    (t->subject != NULL && t->subject[0] != '\0'))
		return true;
	util_copy(problem, CONF_PROBLEM_SIZE, "it marks nothing: subject or "
	    "fields is wanted");
	return false;
}

static const struct tag *
find(const struct conf *c, const char *title)
{
	for (size_t i = 0; i < c->tags.count; i++)
		if (strcmp(c->tags.list[i].title, title) == 0)
			return c->tags.list[i].values;
	return NULL;
}

bool
conf_has_tag(const struct conf *c, const char *title)
{
	return find(c, title) != NULL;
}

/* A result's own, the common one, or that of a rule. */
static bool
is_meant(const struct conf *c, const char *title)
{
	enum result r;

	if (result_parse(&r, title) || strcmp(title, "default") == 0)
		return true;
	for (size_t i = 0; i < c->rules.count; i++)
		if (c->rules.list[i].tag != NULL &&
		    strcmp(c->rules.list[i].tag, title) == 0)
			return true;
	return false;
}

void
conf_note_tags(struct conf *c)
{
	bool used = policy_can(&c->rules.most, POLICY_TAG);

	for (size_t i = 0; i < c->tags.count; i++) {
		const struct conf_item *item = &c->tags.list[i];

		if (!used)
			diag_add(&c->notes, item->file, item->line, "tag "
			    "\"%s\" marks nothing: no action is \"tag\"",
			    item->title);
		else if (!is_meant(c, item->title))
			diag_add(&c->notes, item->file, item->line, "tag "
			    "\"%s\" marks nothing: no result has this name, "
			    "and no rule names it", item->title);
	}
}

const struct tag *
conf_tag(const struct conf *c, const char *title, enum result r)
{
	const struct tag *t = find(c, title != NULL ? title : result_name(r));

	if (t == NULL)
		t = find(c, "default");
	return t != NULL ? t : &tag_default;
}
