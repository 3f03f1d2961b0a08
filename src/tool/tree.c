/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of an evaluation for terminals. */

#include "config.h"

#include "tool/tree.h"

#include <string.h>

#include "eval/eval.h"
#include "eval/explain.h"
#include "tool/terminal.h"

static enum terminal_style
style_of_result(enum result r)
{
	switch (r) {
	case RESULT_PASS:
		return TERMINAL_GREEN;
	case RESULT_FAIL:
	case RESULT_PERMERROR:
		return TERMINAL_RED;
	case RESULT_SOFTFAIL:
	case RESULT_TEMPERROR:
		return TERMINAL_YELLOW;
	case RESULT_NONE:
	case RESULT_NEUTRAL:
		break;
	}
	return TERMINAL_BOLD;
}

static enum terminal_style
style_of_line(const struct explanation *e, size_t line)
{
	const struct explain_line *l = &e->lines[line];

	if (l->decides)
		return style_of_result(e->verdict->result);
	return l->kind == EXPLAIN_REST || l->kind == EXPLAIN_QUESTION ?
	    TERMINAL_FAINT : TERMINAL_PLAIN;
}

/* Rows after the first one stand below its text. */
static void
put_line(const struct terminal *t, unsigned indent,
    const struct explanation *e, size_t line)
{
	static const char star[] = "* ";
	const struct explain_line *l = &e->lines[line];
	unsigned column = indent + EXPLAIN_BRANCH_COLUMNS * l->depth;
	enum explain_drawing drawing = t->utf8 ? EXPLAIN_UTF8 : EXPLAIN_ASCII;
	char text[EXPLAIN_TEXT_SIZE];
	char margin[EXPLAIN_TEXT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	explain_put_branch(e, line, true, drawing, &sb);
	fprintf(t->out, "%*s%s", (int)indent, "", text);
	sbuf_init(&sb, margin, sizeof(margin));
	sbuf_fmt(&sb, "%*s", (int)indent, "");
	explain_put_branch(e, line, false, drawing, &sb);
	sbuf_str(&sb, "  ");
	sbuf_init(&sb, text, sizeof(text));
	if (l->decides)
		sbuf_str(&sb, star);
	explain_put_text(e, line, &sb);
	terminal_set_style(t, style_of_line(e, line));
	terminal_put_lines(t, column, column + 2, margin, text);
	terminal_set_style(t, TERMINAL_PLAIN);
}

void
tree_put(const struct terminal *t, unsigned indent,
    const struct eval_verdict *v)
{
	struct explanation *e = explain_new(v);

	for (size_t i = 0; i < e->count; i++)
		put_line(t, indent, e, i);
	explain_free(e);
}
