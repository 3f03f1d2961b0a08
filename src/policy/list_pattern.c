/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regular expressions in the format of pcre_table(5), through PCRE2.  The
 * first one that matches decides; what it would give is not looked at.
 *
 * An expression can take longer than a mail server waits, by the text that a
 * stranger chooses.  So each has a number of steps, and where one needs more,
 * the question is at an end.
 */

#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/stats.h"
#include "policy/list_priv.h"

#define RULES_MAX 1000		/* they are tried one by one */
#define NESTED_MAX 32
#define STEPS_MAX 20000
#define DEPTH_MAX 2000
#define HEAP_KB_MAX 1024
#define KEY_MAX 1024		/* octets of a key, the last ones */

#define BLANKS " \t\r\v\f"
#define OPTIONS (PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_NEVER_UTF | \
    PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C)

struct rule {
	pcre2_code	*code;
	bool		 negated;
	size_t		 end;		/* if: behind its endif; else 0 */
	unsigned	 line;
};

struct list_patterns {
	char		*path;
	pcre2_match_context *limits;
	struct rule	*rules;
	size_t		 count;
};

/* A file that is being read. */
struct reading {
	struct list_patterns *patterns;
	size_t		 open[NESTED_MAX];	/* rules that are if */
	size_t		 depth;
	unsigned	 line;
	struct diag	*diag;
	unsigned	 mistakes;
};

static void
complain(struct reading *r, const char *what)
{
	diag_add(r->diag, r->patterns->path, r->line, "%s", what);
	r->mistakes++;
}

static uint32_t
flag_of(char c)
{
	switch (c) {
	case 'i':
		return PCRE2_CASELESS;
	case 'm':
		return PCRE2_MULTILINE;
	case 's':
		return PCRE2_DOTALL;
	case 'x':
		return PCRE2_EXTENDED;
	case 'A':
		return PCRE2_ANCHORED;
	case 'E':
		return PCRE2_DOLLAR_ENDONLY;
	case 'U':
		return PCRE2_UNGREEDY;
	default:
		return 0;
	}
}

/* Where the expression of s ends, whose first octet delimits it; NULL. */
static char *
find_end(char *s)
{
	for (char *end = s + 1; *end != '\0'; end++) {
		if (*end == '\\' && end[1] != '\0')
			end++;
		else if (*end == s[0])
			return end;
	}
	return NULL;
}

static pcre2_code *
compile(struct reading *r, const char *text, size_t len, uint32_t options)
{
	char problem[200];
	PCRE2_UCHAR why[120];
	PCRE2_SIZE where;
	struct sbuf sb;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, len, options,
	    &error, &where, NULL);

	if (code == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		sbuf_init(&sb, problem, sizeof(problem));
		sbuf_fmt(&sb, "%s, at octet %zu of the expression",
		    (const char *)why, where + 1);
		complain(r, problem);
	}
	return code;
}

/* "/expression/flags", what follows it is not looked at. */
static pcre2_code *
parse_expression(struct reading *r, char *s)
{
	uint32_t options = OPTIONS;
	char *end = util_is_alnum(s[0]) || s[0] == '\0' ? NULL : find_end(s);

	if (end == NULL) {
		complain(r, "an expression stands between two signs, such as "
		    "/expression/");
		return NULL;
	}
	for (const char *f = end + 1; util_is_alpha(*f); f++) {
		if (flag_of(*f) == 0) {
			complain(r, "this flag is not known; allowed: imsxAEU");
			return NULL;
		}
		options ^= flag_of(*f);
	}
	return compile(r, s + 1, (size_t)(end - s - 1), options);
}

static struct rule *
add_rule(struct reading *r)
{
	struct list_patterns *p = r->patterns;

	if (p->count % 16 == 0)
		p->rules = xreallocarray(p->rules, p->count + 16,
		    sizeof(*p->rules));
	p->rules[p->count] = (struct rule){ .line = r->line };
	return &p->rules[p->count++];
}

static void
end_if(struct reading *r)
{
	if (r->depth == 0) {
		complain(r, "endif without an if");
		return;
	}
	r->patterns->rules[r->open[--r->depth]].end = r->patterns->count;
}

static void
parse_rule(struct reading *r, char *s)
{
	bool is_if = s[0] == 'i' && s[1] == 'f' && strchr(BLANKS, s[2]) != NULL;

	if (strncmp(s, "endif", 5) == 0 && strspn(s + 5, BLANKS) ==
	    strlen(s + 5)) {
		end_if(r);
		return;
	}
	if (is_if)
		s += 2 + strspn(s + 2, BLANKS);
	if (r->patterns->count == RULES_MAX ||
	    (is_if && r->depth == NESTED_MAX)) {
		complain(r, "too many expressions");
		r->mistakes = LIST_MISTAKES_MAX;
		return;
	}
	bool negated = s[0] == '!';
	s += negated ? 1 + strspn(s + 1, BLANKS) : 0;
	pcre2_code *code = parse_expression(r, s);
	if (code == NULL)
		return;
	if (is_if)
		r->open[r->depth++] = r->patterns->count;
	struct rule *rule = add_rule(r);
	rule->code = code;
	rule->negated = negated;
}

/* A line that begins with a blank goes on with what is before it. */
static void
parse_text(struct reading *r, char *text)
{
	unsigned next = 0;
	char *line;

	while (r->mistakes < LIST_MISTAKES_MAX &&
	    (line = list_text_line(&text, &next)) != NULL) {
		char *begin = line + strspn(line, BLANKS);
		char *end = line + strlen(line);

		r->line = next;
		if (*begin == '\0' || *begin == '#')
			continue;
		while (*text == ' ' || *text == '\t') {
			char *more = list_text_line(&text, &next);
			size_t len = strlen(more);
			if (more[strspn(more, BLANKS)] == '#')
				continue;
			memmove(end, more, len + 1);
			end += len;
		}
		parse_rule(r, begin);
	}
	if (r->depth > 0) {
		r->line = r->patterns->rules[r->open[r->depth - 1]].line;
		complain(r, "if without an endif");
	}
}

static struct list_patterns *
patterns_new(const char *path)
{
	struct list_patterns *p = xcalloc(1, sizeof(*p));

	p->path = xstrdup(path);
	p->limits = pcre2_match_context_create(NULL);
	if (p->limits == NULL)
		util_die("out of memory");
	pcre2_set_match_limit(p->limits, STEPS_MAX);
	pcre2_set_depth_limit(p->limits, DEPTH_MAX);
	pcre2_set_heap_limit(p->limits, HEAP_KB_MAX);
	return p;
}

void
list_patterns_free(struct list_patterns *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		pcre2_code_free(p->rules[i].code);
	pcre2_match_context_free(p->limits);
	free(p->rules);
	free(p->path);
	free(p);
}

bool
list_pattern_read(struct list_table *t, const char *path, struct diag *d)
{
	char *text = list_text_read(path, d);
	struct reading r = { .diag = d };

	if (text == NULL)
		return false;
	r.patterns = t->patterns = patterns_new(path);
	parse_text(&r, text);
	t->entries = t->patterns->count;
	free(text);
	return r.mistakes == 0;
}

static void
tell_stopped(const struct list_patterns *p, const struct rule *r)
{
	stats_inc(STATS_EXPRESSIONS_STOPPED);
	log_warning("%s:%u: this expression was stopped after %d steps",
	    p->path, r->line, STEPS_MAX);
}

/* 1: it matches; 0: it does not; -1: it was stopped. */
static int
try_rule(const struct list_patterns *p, const struct rule *r, const char *key,
    size_t len, pcre2_match_data *found)
{
	int n = pcre2_match(r->code, (PCRE2_SPTR)key, len, 0, 0, found,
	    p->limits);

	if (n < 0 && n != PCRE2_ERROR_NOMATCH) {
		tell_stopped(p, r);
		return -1;
	}
	return (n >= 0) != r->negated;
}

int
list_patterns_match(const struct list_patterns *p, const char *key)
{
	size_t len = strlen(key);
	int result = LIST_NOTHING;

	if (len > KEY_MAX) {
		key += len - KEY_MAX;
		len = KEY_MAX;
	}
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	if (found == NULL)
		util_die("out of memory");
	for (size_t i = 0; i < p->count && result == LIST_NOTHING;) {
		const struct rule *r = &p->rules[i];
		int matches = try_rule(p, r, key, len, found);

		if (matches < 0)
			result = LIST_STOPPED;
		else if (r->end == 0 && matches > 0)
			result = 128;
		i = r->end != 0 && matches == 0 ? r->end : i + 1;
	}
	pcre2_match_data_free(found);
	return result;
}

const char *
list_pattern_library(void)
{
	return "PCRE2 " LIST_TEXT(PCRE2_MAJOR) "." LIST_TEXT(PCRE2_MINOR);
}
