/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of values that options have: read, cleared and printed.  A new
 * kind is a row at the end, and its name in conf_priv.h.
 */

#include "config.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"
#include "policy/reply.h"

/*
 * No text option takes other control characters than a new line.  $ is
 * escaped, for libconfuse would read ${ as the start of a variable.
 */
void
conf_print_quoted(const char *s, FILE *out)
{
	putc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (strchr("\"\\$", *s) != NULL)
			fprintf(out, "\\%c", *s);
		else
			putc(*s, out);
	}
	putc('"', out);
}

/* Texts: a socket, and what is kept as it is written */

static bool
refuse(const char *wrong, char problem[CONF_PROBLEM_SIZE])
{
	util_copy(problem, CONF_PROBLEM_SIZE, wrong);
	return false;
}

static bool
parse_socket(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *wrong = conf_socket_parse(field, text);

	(void)o;
	return wrong == NULL || refuse(wrong, problem);
}

static void
clear_socket(void *field)
{
	conf_socket_clear(field);
}

static void
print_socket(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_socket *s = field;

	(void)o;
	conf_print_quoted(s->text, out);
}

static bool
keep(void *field, const char *text)
{
	char **kept = field;

	free(*kept);
	*kept = xstrdup(text);
	return true;
}

static bool
parse_account(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)o;
	for (const char *p = text; *p != '\0'; p++) {
		if (!util_is_print(*p) || *p == ' ' || *p == ':' || *p == '/')
			return refuse("this is not a name", problem);
	}
	return keep(field, text);
}

static bool
parse_path(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *wrong = text[0] != '\0' ?
	    conf_path_problem(text, PATH_MAX) : NULL;

	(void)o;
	return wrong != NULL ? refuse(wrong, problem) : keep(field, text);
}

static bool
parse_hostname(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)o;
	(void)problem;
	return (text[0] == '\0' || conf_is_host_name(text)) &&
	    keep(field, text);
}

/* The other member of the pair is one that fits: only this one is judged. */
static bool
reply_member_is_good(unsigned code, const char *enhanced, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	struct reply_template *t = reply_compile(code, enhanced, text, problem,
	    CONF_PROBLEM_SIZE);

	reply_template_free(t);
	return t != NULL;
}

static bool
parse_enhanced(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)o;
	return reply_member_is_good(text[0] == '4' ? 450 : 550, text, "-",
	    problem) && keep(field, text);
}

static bool
parse_reply_text(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	(void)o;
	return reply_member_is_good(550, "5.7.1", text, problem) &&
	    keep(field, text);
}

static void
clear_text(void *field)
{
	char **kept = field;

	free(*kept);
	*kept = NULL;
}

static void
print_text(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	conf_print_quoted(*(char *const *)field, out);
}

/* Numbers */

struct unit {
	const char	*name;
	int64_t		 factor;
};

struct scale {
	const struct unit *units;
	const char	*names;		/* NULL: it has no units */
	const char	*bare;		/* what a number without unit is */
	const char	*small;
	const char	*large;
};

static const struct scale durations = {
	(const struct unit[]) {	/* the largest first */
		{ "h", 3600 * CONF_SECOND }, { "m", 60 * CONF_SECOND },
		{ "s", CONF_SECOND }, { "", CONF_SECOND }, { "ms", 1 },
		{ NULL, 0 }
	}, "ms, s, m and h", "seconds", "short", "long"
};

static const struct scale sizes = {
	(const struct unit[]) {
		{ "G", CONF_GIGA }, { "M", CONF_MEGA }, { "k", 1024 },
		{ "K", 1024 }, { "g", CONF_GIGA }, { "m", CONF_MEGA },
		{ "", 1 }, { NULL, 0 }
	}, "k, M and G", "octets", "small", "large"
};

static const struct scale plain = {
	.units = (const struct unit[]) { { "", 1 }, { NULL, 0 } }
};

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
	while (units->name != NULL && strcmp(units->name, name) != 0)
		units++;
	return units->name != NULL ? units : NULL;
}

static bool
refuse_limit(const struct scale *s, bool small, bool bare,
    char problem[CONF_PROBLEM_SIZE])
{
	if (bare && s->bare != NULL)
		snprintf(problem, CONF_PROBLEM_SIZE, "too %s, for a number "
		    "without unit is %s", small ? s->small : s->large,
		    s->bare);
	else
		util_copy(problem, CONF_PROBLEM_SIZE,
		    small ? "too small" : "too large");
	return false;
}

static bool
parse_number(const struct conf_option *o, const struct scale *s,
    const char *text, int64_t *out, char problem[CONF_PROBLEM_SIZE])
{
	size_t digits = strspn(text, "0123456789");
	const struct unit *unit = find_unit(s->units, text + digits);
	bool bare = text[digits] == '\0';
	uint64_t n;

	if (digits == 0 || text[digits] == '.' || text[digits] == ',' ||
	    (unit == NULL && s->names == NULL))
		return refuse("this is not a whole number", problem);
	if (unit == NULL) {
		snprintf(problem, CONF_PROBLEM_SIZE, "the units are %s",
		    s->names);
		return false;
	}
	if (!util_parse_uint(text, digits, INT64_MAX, &n) ||
	    n > (uint64_t)(INT64_MAX / unit->factor))
		return refuse_limit(s, false, bare, problem);
	int64_t value = (int64_t)n * unit->factor;
	if (value < o->min || value > o->max)
		return refuse_limit(s, value < o->min, bare, problem);
	*out = value;
	return true;
}

static bool
parse_uint(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	int64_t n;

	if (!parse_number(o, &plain, text, &n, problem))
		return false;
	*(unsigned *)field = (unsigned)n;
	return true;
}

static void
print_uint(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	fprintf(out, "%u", *(const unsigned *)field);
}

static bool
parse_duration(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	return parse_number(o, &durations, text, field, problem);
}

static bool
parse_size(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	int64_t n;

	if (!parse_number(o, &sizes, text, &n, problem) ||
	    (int64_t)(size_t)n != n)
		return false;
	*(size_t *)field = (size_t)n;
	return true;
}

/* In the largest unit that needs no fraction. */
static void
print_number(int64_t n, const struct unit *units, FILE *out)
{
	while (units[1].name != NULL && n % units->factor != 0)
		units++;
	fprintf(out, "%lld%s", (long long)(n / units->factor),
	    n == 0 ? "" : units->name);
}

/* From seconds on: 20 is how the sample file spells it. */
static void
print_duration(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	print_number(*(const int64_t *)field, durations.units + 3, out);
}

static void
print_size(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	print_number((int64_t)*(const size_t *)field, sizes.units, out);
}

static bool
parse_octal(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	size_t len = strlen(text);
	mode_t mode = 0;

	(void)o;
	(void)problem;
	if (len == 0 || len > 4 || strspn(text, "01234567") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		mode = (mode_t)(mode * 8 + (mode_t)(text[i] - '0'));
	if (mode > 0777)
		return false;
	*(mode_t *)field = mode;
	return true;
}

static void
print_octal(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	fprintf(out, "\"%04o\"", (unsigned)*(const mode_t *)field);
}

/*
 * Words.  Enumerations are read and written as int, which they are on all
 * compilers we know.
 */

_Static_assert(sizeof(enum conf_stage) == sizeof(int), "enum is int");
_Static_assert(sizeof(enum log_target) == sizeof(int), "enum is int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "enum is int");

/* NULL: none of them. */
static const struct conf_word *
find_word(const struct conf_word *words, const char *text)
{
	while (words->name != NULL && !util_eq_nocase(text, words->name))
		words++;
	return words->name != NULL ? words : NULL;
}

static bool
parse_word(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct conf_word *word = find_word(o->words, text);

	(void)problem;
	if (word != NULL)
		*(int *)field = word->value;
	return word != NULL;
}

static void
print_word(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_word *word = o->words;

	while (word->value != *(const int *)field)
		word++;
	fprintf(out, "\"%s\"", word->name);
}

static bool
parse_bool(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	static const struct conf_word words[] = {
		{ "true", true }, { "yes", true }, { "on", true },
		{ "false", false }, { "no", false }, { "off", false },
		{ NULL, 0 }
	};
	const struct conf_word *word = find_word(words, text);

	(void)o;
	(void)problem;
	if (word != NULL)
		*(bool *)field = word->value != 0;
	return word != NULL;
}

static void
print_bool(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	fputs(*(const bool *)field ? "true" : "false", out);
}

/* Lists: parse adds one element */

static bool
add_word(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	const struct conf_word *word = find_word(o->words, text);

	(void)problem;
	if (word != NULL)
		*(unsigned *)field |= (unsigned)word->value;
	return word != NULL;
}

static void
clear_words(void *field)
{
	*(unsigned *)field = 0;
}

static void
print_words(const struct conf_option *o, const void *field, FILE *out)
{
	const char *comma = "";

	putc('{', out);
	for (const struct conf_word *w = o->words; w->name != NULL; w++) {
		if ((*(const unsigned *)field & (unsigned)w->value) == 0)
			continue;
		fprintf(out, "%s\"%s\"", comma, w->name);
		comma = ", ";
	}
	putc('}', out);
}

static bool
add_network(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	struct addr_prefix p;

	(void)o;
	if (!addr_prefix_parse(&p, text))
		return refuse(strpbrk(text, " ,") == NULL ? "" :
		    "each network stands in quotes of its own", problem);
	addr_set_add(field, &p);
	return true;
}

static void
clear_networks(void *field)
{
	addr_set_fini(field);
}

static void
print_networks(const struct conf_option *o, const void *field, FILE *out)
{
	const struct addr_set *set = field;
	char buf[ADDR_TEXT_SIZE];

	(void)o;
	putc('{', out);
	for (size_t i = 0; i < set->count; i++)
		fprintf(out, "%s\"%s/%u\"", i > 0 ? ", " : "",
		    addr_format(&set->prefixes[i].addr, buf),
		    set->prefixes[i].len);
	putc('}', out);
}

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53" */
static bool
parse_server(const char *text, char **out)
{
	char buf[ADDR_TEXT_SIZE];
	struct addr a;
	uint64_t port = 53;
	size_t len = strlen(text);
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';

	if (bracketed || (colon != NULL && strchr(text, ':') == colon))
		len = (size_t)(strcspn(text, bracketed ? "]" : ":"));
	const char *rest = text + len + (bracketed && text[len] == ']');
	if (rest[0] != '\0' && (rest[0] != ':' || !util_parse_uint(rest + 1,
	    strlen(rest + 1), 65535, &port) || port == 0))
		return false;
	bool v6 = bracketed ? text[len] == ']' && addr_parse_v6(&a, text + 1,
	    len - 1) : addr_parse_v6(&a, text, len);
	if (!v6 && (bracketed || !addr_parse_v4(&a, text, len)))
		return false;
	*out = xasprintf(v6 ? "[%s]:%u" : "%s:%u", addr_format(&a, buf),
	    (unsigned)port);
	return true;
}

static bool
add_server(const struct conf_option *o, void *field, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	struct conf_texts *servers = field;
	char *server;

	(void)o;
	(void)problem;
	if (!parse_server(text, &server))
		return false;
	servers->list = xreallocarray(servers->list, servers->count + 1,
	    sizeof(*servers->list));
	servers->list[servers->count++] = server;
	return true;
}

static void
clear_texts(void *field)
{
	struct conf_texts *texts = field;

	for (size_t i = 0; i < texts->count; i++)
		free(texts->list[i]);
	free(texts->list);
	memset(texts, 0, sizeof(*texts));
}

static void
print_texts(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_texts *texts = field;

	(void)o;
	putc('{', out);
	for (size_t i = 0; i < texts->count; i++)
		fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", texts->list[i]);
	putc('}', out);
}

/* The rows */

const struct conf_kind conf_kind_socket = {
	parse_socket, clear_socket, print_socket, false
};
const struct conf_kind conf_kind_account = {
	parse_account, clear_text, print_text, false
};
const struct conf_kind conf_kind_path = {
	parse_path, clear_text, print_text, false
};
const struct conf_kind conf_kind_hostname = {
	parse_hostname, clear_text, print_text, false
};
const struct conf_kind conf_kind_enhanced = {
	parse_enhanced, clear_text, print_text, false
};
const struct conf_kind conf_kind_reply_text = {
	parse_reply_text, clear_text, print_text, false
};
const struct conf_kind conf_kind_octal = {
	parse_octal, NULL, print_octal, false
};
const struct conf_kind conf_kind_uint = {
	parse_uint, NULL, print_uint, false
};
const struct conf_kind conf_kind_bool = {
	parse_bool, NULL, print_bool, false
};
const struct conf_kind conf_kind_word = {
	parse_word, NULL, print_word, false
};
const struct conf_kind conf_kind_duration = {
	parse_duration, NULL, print_duration, false
};
const struct conf_kind conf_kind_size = {
	parse_size, NULL, print_size, false
};
const struct conf_kind conf_kind_words = {
	add_word, clear_words, print_words, true
};
const struct conf_kind conf_kind_networks = {
	add_network, clear_networks, print_networks, true
};
const struct conf_kind conf_kind_servers = {
	add_server, clear_texts, print_texts, true
};

bool
conf_value_set(const struct conf_option *o, void *base, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	problem[0] = '\0';
	return o->kind->parse(o, (char *)base + o->offset, text, problem);
}

void
conf_value_clear(const struct conf_option *o, void *base)
{
	if (o->kind->clear != NULL)
		o->kind->clear((char *)base + o->offset);
}

char *
conf_value_text(const struct conf_option *o, const void *base)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	o->kind->print(o, (const char *)base + o->offset, out);
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}
