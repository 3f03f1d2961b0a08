/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of an evaluation as nested lists.
 *
 * What strangers publish stands in code elements, what we say of it in the
 * language of the page.  The way to the result is strong, so that it is told
 * without colour, too.
 */

#include "config.h"

#include "why/why_tree.h"

#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"
#include "why/why_html.h"

#define LINES_MAX 100

struct tree {
	const struct explanation	*e;
	const struct why_language	*language;
	FILE				*out;
};

static void
put_says(const struct tree *t, const char *key)
{
	why_html_markup(t->out, " ");
	why_html_escape(t->out, why_text(t->language, key));
}

static void
put_code(const struct tree *t, const char *text, size_t len)
{
	char *part = xstrndup(text, len);

	why_html_markup(t->out, "<code translate=\"no\">");
	why_html_escape(t->out, part);
	why_html_markup(t->out, "</code>");
	free(part);
}

static void
put_result(const struct tree *t, enum result r)
{
	why_html_markup(t->out, " ");
	why_html_escape(t->out, result_name(r));
}

static void
put_question(const struct tree *t, const struct trace_entry *q)
{
	char text[EXPLAIN_TEXT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "%s %s", dns_type_name(q->type), q->name);
	put_code(t, text, strlen(text));
	switch (q->status) {
	case DNS_OK:
		sbuf_init(&sb, text, sizeof(text));
		explain_put_found(q, &sb);
		why_html_markup(t->out, " &rarr; ");
		put_code(t, text, strlen(text));
		break;
	case DNS_NODATA:
		put_says(t, "tree.no_data");
		break;
	case DNS_NXDOMAIN:
		put_says(t, "tree.no_name");
		break;
	case DNS_TEMPERROR:
	case DNS_PENDING:
	case DNS_LIMIT:
		put_says(t, "tree.error");
		break;
	}
}

static void
put_term(const struct tree *t, const struct explain_line *l)
{
	put_code(t, l->text, l->len);
	switch (l->match) {
	case TRACE_NOT_REACHED:
		break;
	case TRACE_STOPPED:
		put_says(t, "tree.stopped");
		break;
	case TRACE_NO_MATCH:
		put_says(t, "tree.no_match");
		break;
	case TRACE_MATCH:
		put_says(t, l->term != NULL ? "tree.match" :
		    "tree.followed");
		put_result(t, l->term != NULL ? l->term->qualifier :
		    l->result);
		break;
	}
}

static void
put_line(const struct tree *t, const struct explain_line *l)
{
	why_html_markup(t->out, l->decides ? "<strong>" : "<span>");
	switch (l->kind) {
	case EXPLAIN_RECORD:
		put_code(t, l->entry->name, strlen(l->entry->name));
		put_result(t, l->result);
		break;
	case EXPLAIN_QUESTION:
		put_question(t, l->entry);
		break;
	case EXPLAIN_TERM:
		put_term(t, l);
		break;
	case EXPLAIN_DEFAULT:
		put_says(t, "tree.default");
		put_result(t, l->result);
		break;
	case EXPLAIN_REST:
		put_says(t, "tree.rest");
		why_html_markup(t->out, " ");
		put_code(t, l->text, l->len);
		break;
	}
	why_html_markup(t->out, l->decides ? "</strong>" : "</span>");
}

/* The lines of a depth from i on; the first behind them. */
static size_t
put_list(const struct tree *t, size_t i, unsigned depth)
{
	size_t count = t->e->count < LINES_MAX ? t->e->count : LINES_MAX;

	why_html_markup(t->out, depth == 0 ? "<ul class=\"tree\">\n" :
	    "\n<ul>\n");
	while (i < count && t->e->lines[i].depth == depth) {
		const struct explain_line *l = &t->e->lines[i++];

		why_html_markup(t->out, l->decides ? "<li class=\"way\">" :
		    "<li>");
		put_line(t, l);
		if (i < count && t->e->lines[i].depth > depth)
			i = put_list(t, i, depth + 1);
		why_html_markup(t->out, "</li>\n");
	}
	why_html_markup(t->out, "</ul>\n");
	return i;
}

void
why_tree_write(const struct explanation *e, const struct why_language *l,
    FILE *out)
{
	const struct tree t = { .e = e, .language = l, .out = out };

	(void)put_list(&t, 0, 0);
	if (e->count <= LINES_MAX)
		return;
	why_html_markup(out, "<p>");
	why_html_escape(out, why_text(l, "tree.more"));
	why_html_markup(out, "</p>\n");
}
