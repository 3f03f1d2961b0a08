/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration texts, made fit for libconfuse and split into tokens.
 *
 * Before libconfuse 3.3 sees a text we blank out its comments: libconfuse
 * counts the line of a comment twice (so its line numbers are wrong), refuses
 * comments between the elements of a list, and takes an unterminated comment
 * or section for the end of the file.  A semicolon is a letter to it, and
 * "pid_file = /x;" would name a file that nobody meant; so we blank out those
 * that end something, too.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"

#define WORD_ENDS " #\"'\t\n\r={}()+,*"	/* without quotes */

struct scan {
	char		*p;
	int		 line;
	const char	*problem;
	unsigned	 depth;		/* of braces */
	int		 brace_line;	/* of the last opening one */
	struct conf_token *tokens;
	size_t		 count;
	size_t		 room;
};

static void
add_token(struct scan *s, struct conf_token t)
{
	if (s->count == s->room) {
		s->room = s->room * 2 + 16;
		s->tokens = xreallocarray(s->tokens, s->room,
		    sizeof(*s->tokens));
	}
	t.line = s->line;
	s->tokens[s->count++] = t;
}

static void
add_word(struct scan *s, const char *text, const char *end)
{
	add_token(s, (struct conf_token){ .kind = TOKEN_WORD, .text = text,
		.len = (int)(end - text) });
}

static void
scan_comment(struct scan *s)
{
	bool block = s->p[1] == '*';
	const char *close = block ? strstr(s->p + 2, "*/") : NULL;

	if (block && close == NULL) {
		s->problem = "this comment has no end";
		return;
	}
	const char *end = block ? close + 2 : s->p + strcspn(s->p, "\n");
	for (; s->p < end; s->p++) {
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
	}
}

/* ${NAME}: a missing } would make libconfuse search the file for one. */
static void
scan_variable(struct scan *s)
{
	size_t len = strcspn(s->p, "}\n");

	if (s->p[len] != '}')
		s->problem = "${ has no } in its line; \\$ is a dollar sign";
	else
		s->p += len + 1;
}

static void
scan_string(struct scan *s)
{
	char quote = *s->p++;
	const char *text = s->p;
	int line = 0;

	while (s->problem == NULL && *s->p != '\0' && *s->p != quote) {
		if (*s->p == '\n' || (*s->p == '\\' && s->p[1] == '\n'))
			line++;
		if (quote == '"' && s->p[0] == '$' && s->p[1] == '{')
			scan_variable(s);
		else
			s->p += s->p[0] == '\\' && s->p[1] != '\0' ? 2 : 1;
	}
	if (*s->p == '\0')
		s->problem = "this string has no closing quote";
	if (s->problem != NULL)
		return;
	add_word(s, text, s->p++);
	s->line += line;
}

/* A sign, or another octet that ends words. */
static void
add_sign(struct scan *s)
{
	struct conf_token t = { .kind = TOKEN_SIGN, .sign = *s->p };

	if (s->p[0] == '+' && s->p[1] == '=') {
		add_token(s, (struct conf_token){ .kind = TOKEN_APPEND });
		s->p++;
	} else if (strchr("={}(),", *s->p) != NULL)
		add_token(s, t);
	else if (!util_is_space(*s->p))
		add_word(s, s->p, s->p + 1);
}

static bool
follows_in_line(const struct scan *s)
{
	return s->count > 0 && s->tokens[s->count - 1].line == s->line;
}

/* One word, blank or sign. */
static void
scan_other(struct scan *s)
{
	size_t word = strcspn(s->p, WORD_ENDS);

	if (word > 0 && s->p[0] == ';' && !follows_in_line(s)) {
		s->problem = "\";\" begins no comment; \"#\" does";
		return;
	}
	if (word > 0 && s->p[0] == ';') {
		*s->p++ = ' ';
		return;
	}
	for (; word > 0 && s->p[word - 1] == ';'; word--)
		s->p[word - 1] = ' ';
	if (word > 0)
		add_word(s, s->p, s->p + word);
	else
		add_sign(s);
	s->line += *s->p == '\n';
	if (*s->p == '{') {
		s->depth++;
		s->brace_line = s->line;
	} else if (*s->p == '}' && s->depth > 0) {
		s->depth--;
	}
	s->p += word > 0 ? word : 1;
}

struct conf_token *
conf_scan(char *text, int *line, const char **problem)
{
	struct scan s = { .p = text, .line = 1 };

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		s.problem = "the file begins with a byte order mark (BOM); "
		    "save it as UTF-8 without one";
	while (*s.p != '\0' && s.problem == NULL) {
		if (*s.p == '#' || (*s.p == '/' &&
		    (s.p[1] == '/' || s.p[1] == '*'))) {
			scan_comment(&s);
		} else if (*s.p == '"' || *s.p == '\'') {
			scan_string(&s);
		} else if (s.p[0] == '$' && s.p[1] == '{') {
			const char *name = s.p;
			scan_variable(&s);
			add_word(&s, name, s.p);
		} else {
			scan_other(&s);
		}
	}
	if (s.problem == NULL && s.depth > 0) {
		s.problem = "this brace is never closed";
		s.line = s.brace_line;
	}
	add_token(&s, (struct conf_token){ .kind = TOKEN_END });
	*line = s.line;
	*problem = s.problem;
	if (s.problem == NULL)
		return s.tokens;
	free(s.tokens);
	return NULL;
}
