/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration text read a second time, as its writer means it.
 *
 * libconfuse judges what a text is worth; where it stops at an error it names
 * the token that it did not expect, which is rarely the mistake that was made.
 * This reader looks for the mistakes that people make.  It is asked only what
 * to say, so it may be wrong about a text without harm, and it gives up
 * wherever it does not understand.
 */

#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"

#define NAME_MAX_OCTETS 60	/* of a name or value in a message */

/* Where something was given; 0: it was not. */
struct mark {
	const void	*what;		/* row of a table, or title in it */
	int		 line;
};

struct walk {
	const struct conf_token *token;		/* not used up yet */
	const struct conf_section *section;	/* NULL: one that is not ours */
	const char	*file;
	struct diag	*repeats;	/* or NULL */
	struct mark	*marks;
	size_t		 mark_count;
	struct conf_mistake *mistake;
	bool		 stopped;
};

static void tell(struct walk *w, int line, const char *fmt, ...)
    UTIL_PRINTF(3, 4);

static void
tell(struct walk *w, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->mistake->text, sizeof(w->mistake->text), fmt, ap);
	va_end(ap);
	w->mistake->line = line;
	w->stopped = true;
}

/* Tokens */

static void
advance(struct walk *w)
{
	if (w->token->kind != TOKEN_END)
		w->token++;
}

static bool
accept_sign(struct walk *w, char sign)
{
	if (w->token->sign != sign)
		return false;
	advance(w);
	return true;
}

static bool
is_assignment(const struct conf_token *t)
{
	return t->sign == '=' || t->kind == TOKEN_APPEND;
}

/* Options */

static void
copy_name(char out[NAME_MAX_OCTETS], const struct conf_token *t)
{
	snprintf(out, NAME_MAX_OCTETS, "%.*s", t->len, t->text);
}

static const struct conf_option *
option_of(const struct walk *w, const char *name)
{
	return conf_section_option(w->section, name);
}

static bool
takes_list(const struct walk *w, const char *name)
{
	const struct conf_option *o = option_of(w, name);

	return o != NULL && conf_kinds[o->kind].is_list;
}

/* There are as many as rows and titles. */
static int *
line_of(struct walk *w, const void *what)
{
	for (size_t i = 0; i < w->mark_count; i++)
		if (w->marks[i].what == what)
			return &w->marks[i].line;
	w->marks = xreallocarray(w->marks, w->mark_count + 1,
	    sizeof(*w->marks));
	w->marks[w->mark_count] = (struct mark){ what, 0 };
	return &w->marks[w->mark_count++].line;
}

static void
note_option(struct walk *w, const struct conf_option *o, int line)
{
	int *first = line_of(w, o);

	if (*first != 0 && w->repeats != NULL)
		diag_add(w->repeats, w->file, (unsigned)line,
		    "%s is set in line %d already; this value counts",
		    o->name, *first);
	*first = line;
}

static void
note_section(struct walk *w, const void *what, const char *title, int line)
{
	const struct conf_section *s = w->section;
	int *first = line_of(w, what);

	if (*first != 0 && w->repeats != NULL)
		diag_add(w->repeats, w->file, (unsigned)line,
		    "section %s%s%s stands in line %d already; %s", s->name,
		    title[0] != '\0' ? " " : "", title, *first,
		    s->size > 0 ? "only this one counts" : "both count");
	*first = line;
}

/* One with a title takes the place of one before it; others add up. */
static void
begin_section(struct walk *w, const char *title, int line)
{
	const struct conf_section *s = w->section;

	if (s != NULL && s->size == 0)
		note_section(w, s, "", line);
	if (s == NULL || s->size == 0)
		return;
	for (size_t i = 0; s->titles != NULL && s->titles[i] != NULL; i++)
		if (strcmp(s->titles[i], title) == 0)
			note_section(w, s->titles[i], title, line);
	for (size_t i = 0; i < s->option_count; i++)
		*line_of(w, &s->options[i]) = 0;
}

/* Statements */

static void
read_list(struct walk *w, const char *name, int line)
{
	if (!takes_list(w, name)) {
		tell(w, line, "%s takes one value, without braces", name);
		return;
	}
	while (!w->stopped && w->token->kind == TOKEN_WORD) {
		advance(w);
		if (w->token->kind == TOKEN_WORD)
			tell(w, w->token->line, "the elements of a list have "
			    "commas between them");
		else
			accept_sign(w, ',');
	}
	if (!w->stopped && !accept_sign(w, '}'))
		w->stopped = true;
}

static const struct conf_section *
section_named(const struct conf_token *t)
{
	char name[NAME_MAX_OCTETS];

	copy_name(name, t);
	return conf_section_find(name);
}

static bool
begins_titled(const struct conf_token *t)
{
	const struct conf_section *s = section_named(t);

	return s != NULL && conf_section_titled(s);
}

/* Does the token begin the next statement? */
static bool
begins_statement(const struct walk *w)
{
	const struct conf_token *next = w->token + 1;

	return w->token->kind == TOKEN_WORD && (is_assignment(next) ||
	    next->sign == '{' || next->sign == '(' || begins_titled(w->token));
}

/* What stands behind a value in its line was meant to belong to it. */
static void
judge_rest(struct walk *w, const char *name, int line)
{
	bool comma = w->token->sign == ',';

	if (!comma && (w->token->kind != TOKEN_WORD || w->token->line != line ||
	    begins_statement(w)))
		return;
	if (takes_list(w, name))
		tell(w, line, "a list stands in braces with commas: "
		    "%s = {\"...\", \"...\"}", name);
	else if (comma)
		tell(w, line, "no comma ends a value");
	else
		tell(w, line, "a value with blanks stands in double quotes: "
		    "%s = \"...\"", name);
}

static void
read_value(struct walk *w, const char *name, int line)
{
	const struct conf_token *value = w->token;

	if (value->sign == '=') {
		tell(w, value->line, "one \"=\" is enough");
		return;
	}
	if (value->kind == TOKEN_END || value->sign == '}') {
		tell(w, line, "%s has no value", name);
		return;
	}
	advance(w);
	if (value->sign == '{') {
		read_list(w, name, value->line);
	} else if (value->kind != TOKEN_WORD) {
		w->stopped = true;
	} else if (is_assignment(w->token)) {
		if (value->line > line)
			tell(w, line, "%s has no value", name);
		else
			tell(w, line, "a value with \"=\" stands in double "
			    "quotes: %s = \"...\"", name);
	} else {
		judge_rest(w, name, value->line);
	}
}

static void
open_section(struct walk *w, const struct conf_token *name,
    const struct conf_token *title)
{
	char text[NAME_MAX_OCTETS];

	copy_name(text, title);
	w->section = section_named(name);
	begin_section(w, text, title->line);
	advance(w);
}

/* A name that is followed by something else than = or a section. */
static void
judge_name(struct walk *w, const char *name, int line)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == ':')
		tell(w, line, "\"=\" stands between name and value: %.*s = ...",
		    (int)len - 1, name);
	else if (name[0] == '[' && name[len - 1] == ']')
		tell(w, line, "a section stands in braces: %.*s { ... }",
		    (int)len - 2, name + 1);
	else
		w->stopped = true;
}

/* The token is the sign between name and value. */
static void
read_assignment(struct walk *w, const char *name)
{
	const struct conf_option *o = option_of(w, name);
	const struct conf_token *sign = w->token;

	if (conf_section_find(name) != NULL)
		tell(w, sign->line, "%s begins a section, without \"=\"", name);
	if (o == NULL) {
		w->stopped = true;
		return;
	}
	if (sign->sign == '=')
		note_option(w, o, sign->line);
	advance(w);
	read_value(w, name, sign->line);
}

static void
read_statement(struct walk *w)
{
	const struct conf_token *name = w->token;
	char text[NAME_MAX_OCTETS];

	copy_name(text, name);
	advance(w);
	if (is_assignment(w->token)) {
		read_assignment(w, text);
	} else if (w->token->sign == '{') {
		open_section(w, name, name);
	} else if (w->token->sign == '(') {
		while (w->token->kind != TOKEN_END && w->token->sign != ')')
			advance(w);
		advance(w);
	} else if (w->token->kind == TOKEN_WORD && begins_titled(name)) {
		const struct conf_token *title = w->token;
		advance(w);
		if (w->token->sign == '{')
			open_section(w, name, title);
		else
			w->stopped = true;
	} else {
		judge_name(w, text, name->line);
	}
}

void
conf_syntax_explain(const struct conf_token *tokens, const char *file,
    struct diag *repeats, struct conf_mistake *out)
{
	struct walk w = { .token = tokens, .file = file,
		.section = &conf_sections[0], .repeats = repeats,
		.mistake = out };

	out->text[0] = '\0';
	while (!w.stopped && w.token->kind != TOKEN_END) {
		if (w.token->kind == TOKEN_WORD)
			read_statement(&w);
		else if (w.section != &conf_sections[0] &&
		    accept_sign(&w, '}'))
			w.section = &conf_sections[0];
		else
			w.stopped = true;
	}
	free(w.marks);
}
