/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of values that options have: read, checked, cleared and printed.
 * A new kind is one case in conf_value_set and one in print_value, and one in
 * conf_value_clear if it owns memory or is a list.
 */

#include "config.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"
#include "policy/reply.h"

/* Texts */

static const char *
account_problem(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (!util_is_print(*p) || *p == ' ' || *p == ':' || *p == '/')
			return "this is not a name";
	}
	return NULL;
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

/* Kinds that are kept as they are written. */
static bool
text_is_good(enum conf_kind kind, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	const char *p = NULL;

	if (kind == CONF_KIND_ENHANCED)
		return reply_member_is_good(text[0] == '4' ? 450 : 550, text,
		    "-", problem);
	if (kind == CONF_KIND_TEXT)
		return reply_member_is_good(550, "5.7.1", text, problem);
	if (kind == CONF_KIND_ACCOUNT)
		p = account_problem(text);
	else if (kind == CONF_KIND_PATH && text[0] != '\0')
		p = conf_path_problem(text, PATH_MAX);
	else if (kind == CONF_KIND_HOSTNAME && text[0] != '\0')
		p = conf_is_host_name(text) ? NULL : "";
	if (p != NULL)
		util_copy(problem, CONF_PROBLEM_SIZE, p);
	return p == NULL;
}

/* Numbers */

struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit duration_units[] = {	/* the largest first */
	{ "h", 3600 * CONF_SECOND }, { "m", 60 * CONF_SECOND },
	{ "s", CONF_SECOND }, { "", CONF_SECOND }, { "ms", 1 }, { NULL, 0 }
};

static const struct unit size_units[] = {
	{ "G", CONF_GIGA }, { "M", CONF_MEGA }, { "k", 1024 }, { "K", 1024 },
	{ "g", CONF_GIGA }, { "m", CONF_MEGA }, { "", 1 }, { NULL, 0 }
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
	while (units->name != NULL && strcmp(units->name, name) != 0)
		units++;
	return units->name != NULL ? units : NULL;
}

/* Why a number is refused that reads well. */
static const char *
limit_problem(const struct conf_option *o, bool small, bool bare)
{
	if (bare && o->kind == CONF_KIND_DURATION)
		return small ? "too short, for a number without unit is seconds"
		    : "too long, for a number without unit is seconds";
	if (bare && o->kind == CONF_KIND_SIZE)
		return small ? "too small, for a number without unit is octets"
		    : "too large, for a number without unit is octets";
	return small ? "too small" : "too large";
}

/* NULL: *out is the value.  Else what is wrong. */
static const char *
number_problem(const struct conf_option *o, const struct unit *units,
    const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	const struct unit *unit = find_unit(units, text + digits);
	uint64_t n;

	if (digits == 0 || text[digits] == '.' || text[digits] == ',' ||
	    (unit == NULL && units == no_units))
		return "this is not a whole number";
	if (unit == NULL)
		return units == duration_units ?
		    "the units are ms, s, m and h" :
		    "the units are k, M and G";
	bool bare = text[digits] == '\0';
	if (!util_parse_uint(text, digits, INT64_MAX, &n) ||
	    n > (uint64_t)(INT64_MAX / unit->factor))
		return limit_problem(o, false, bare);
	int64_t value = (int64_t)n * unit->factor;
	if (value < o->min || value > o->max)
		return limit_problem(o, value < o->min, bare);
	*out = value;
	return NULL;
}

static bool
parse_number(const struct conf_option *o, const struct unit *units,
    const char *text, int64_t *out, char problem[CONF_PROBLEM_SIZE])
{
	const char *p = number_problem(o, units, text, out);

	if (p != NULL)
		util_copy(problem, CONF_PROBLEM_SIZE, p);
	return p == NULL;
}

static bool
parse_octal(const char *text, mode_t *out)
{
	size_t len = strlen(text);
	mode_t mode = 0;

	if (len == 0 || len > 4 || strspn(text, "01234567") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		mode = (mode_t)(mode * 8 + (mode_t)(text[i] - '0'));
	if (mode > 0777)
		return false;
	*out = mode;
	return true;
}

static bool
parse_bool(const char *text, bool *out)
{
	static const char *const names[] = {
		"false", "true", "no", "yes", "off", "on"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (util_eq_nocase(text, names[i])) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return false;
}

static bool
parse_word(const struct conf_word *words, const char *text, int *out)
{
	for (; words->name != NULL; words++) {
		if (util_eq_nocase(text, words->name)) {
			*out = words->value;
			return true;
		}
	}
	return false;
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
add_server(struct conf *c, const char *text)
{
	char *server;

	if (!parse_server(text, &server))
		return false;
	c->dns_servers = xreallocarray(c->dns_servers,
	    c->dns_server_count + 1, sizeof(*c->dns_servers));
	c->dns_servers[c->dns_server_count++] = server;
	return true;
}

static bool
add_network(struct addr_set *set, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	struct addr_prefix p;

	if (!addr_prefix_parse(&p, text)) {
		if (strpbrk(text, " ,") != NULL)
			util_copy(problem, CONF_PROBLEM_SIZE,
			    "each network stands in quotes of its own");
		return false;
	}
	addr_set_add(set, &p);
	return true;
}

/*
 * The functions that know every kind.  Enumerations are read and
 * written as int, which they are on all compilers we know.
 */

_Static_assert(sizeof(enum conf_stage) == sizeof(int), "enum is int");
_Static_assert(sizeof(enum log_target) == sizeof(int), "enum is int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "enum is int");

bool
conf_value_set(const struct conf_option *o, void *base, const char *text,
    char problem[CONF_PROBLEM_SIZE])
{
	void *field = (char *)base + o->offset;
	int64_t n;
	const char *p;
	int word;

	problem[0] = '\0';
	switch (o->kind) {
	case CONF_KIND_SOCKET:
		p = conf_socket_parse(field, text);
		util_copy(problem, CONF_PROBLEM_SIZE, p != NULL ? p : "");
		return p == NULL;
	case CONF_KIND_ACCOUNT:
	case CONF_KIND_PATH:
	case CONF_KIND_HOSTNAME:
	case CONF_KIND_ENHANCED:
	case CONF_KIND_TEXT:
		if (!text_is_good(o->kind, text, problem))
			return false;
		free(*(char **)field);
		*(char **)field = xstrdup(text);
		return true;
	case CONF_KIND_OCTAL:
		return parse_octal(text, field);
	case CONF_KIND_UINT:
		if (!parse_number(o, no_units, text, &n, problem))
			return false;
		*(unsigned *)field = (unsigned)n;
		return true;
	case CONF_KIND_BOOL:
		return parse_bool(text, field);
	case CONF_KIND_WORD:
		return parse_word(o->words, text, field);
	case CONF_KIND_DURATION:
		return parse_number(o, duration_units, text, field, problem);
	case CONF_KIND_SIZE:
		if (!parse_number(o, size_units, text, &n, problem) ||
		    (int64_t)(size_t)n != n)
			return false;
		*(size_t *)field = (size_t)n;
		return true;
	case CONF_KIND_WORDS:
		if (!parse_word(o->words, text, &word))
			return false;
		*(unsigned *)field |= (unsigned)word;
		return true;
	case CONF_KIND_NETWORKS:
		return add_network(field, text, problem);
	case CONF_KIND_SERVERS:
		return add_server(base, text);
	}
	return false;
}

static void
clear_servers(struct conf *c)
{
	for (size_t i = 0; i < c->dns_server_count; i++)
		free(c->dns_servers[i]);
	free(c->dns_servers);
	c->dns_servers = NULL;
	c->dns_server_count = 0;
}

void
conf_value_clear(const struct conf_option *o, void *base)
{
	void *field = (char *)base + o->offset;

	if (o->kind <= CONF_KIND_TEXT) {
		free(*(char **)field);
		*(char **)field = NULL;
	} else if (o->kind == CONF_KIND_SOCKET) {
		conf_socket_clear(field);
	} else if (o->kind == CONF_KIND_WORDS) {
		*(unsigned *)field = 0;
	} else if (o->kind == CONF_KIND_NETWORKS) {
		addr_set_fini(field);
	} else if (o->kind == CONF_KIND_SERVERS) {
		clear_servers(base);
	}
}

/*
 * No text option takes other control characters than a new line.  $ is
 * escaped, for libconfuse would read ${ as the start of a variable.
 */
static void
print_quoted(const char *s, FILE *out)
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

/* In the largest unit that needs no fraction. */
static void
print_number(int64_t n, const struct unit *units, FILE *out)
{
	while (units[1].name != NULL && n % units->factor != 0)
		units++;
	fprintf(out, "%lld%s", (long long)(n / units->factor),
	    n == 0 ? "" : units->name);
}

static void
print_words(const struct conf_word *words, unsigned bits, FILE *out)
{
	const char *comma = "";

	putc('{', out);
	for (; words->name != NULL; words++) {
		if ((bits & (unsigned)words->value) == 0)
			continue;
		fprintf(out, "%s\"%s\"", comma, words->name);
		comma = ", ";
	}
	putc('}', out);
}

static void
print_networks(const struct addr_set *set, FILE *out)
{
	char buf[ADDR_TEXT_SIZE];

	putc('{', out);
	for (size_t i = 0; i < set->count; i++)
		fprintf(out, "%s\"%s/%u\"", i > 0 ? ", " : "",
		    addr_format(&set->prefixes[i].addr, buf),
		    set->prefixes[i].len);
	putc('}', out);
}

static void
print_servers(const struct conf *c, FILE *out)
{
	putc('{', out);
	for (size_t i = 0; i < c->dns_server_count; i++)
		fprintf(out, "%s\"%s\"", i > 0 ? ", " : "",
		    c->dns_servers[i]);
	putc('}', out);
}

static const char *
word_name(const struct conf_word *words, int value)
{
	while (words->name != NULL && words->value != value)
		words++;
	assert(words->name != NULL);
	return words->name;
}

static void
print_value(const struct conf_option *o, const void *base, FILE *out)
{
	const void *field = (const char *)base + o->offset;

	switch (o->kind) {
	case CONF_KIND_SOCKET:
		print_quoted(((const struct conf_socket *)field)->text, out);
		return;
	case CONF_KIND_ACCOUNT:
	case CONF_KIND_PATH:
	case CONF_KIND_HOSTNAME:
	case CONF_KIND_ENHANCED:
	case CONF_KIND_TEXT:
		print_quoted(*(char *const *)field, out);
		return;
	case CONF_KIND_OCTAL:
		fprintf(out, "\"%04o\"", (unsigned)*(const mode_t *)field);
		return;
	case CONF_KIND_UINT:
		fprintf(out, "%u", *(const unsigned *)field);
		return;
	case CONF_KIND_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		return;
	case CONF_KIND_WORD:
		fprintf(out, "\"%s\"", word_name(o->words,
		    *(const int *)field));
		return;
	case CONF_KIND_DURATION:
		/* From seconds on: 20 is how the sample file spells it. */
		print_number(*(const int64_t *)field, duration_units + 3, out);
		return;
	case CONF_KIND_SIZE:
		print_number((int64_t)*(const size_t *)field, size_units, out);
		return;
	case CONF_KIND_WORDS:
		print_words(o->words, *(const unsigned *)field, out);
		return;
	case CONF_KIND_NETWORKS:
		print_networks(field, out);
		return;
	case CONF_KIND_SERVERS:
		print_servers(base, out);
		return;
	}
}

char *
conf_value_text(const struct conf_option *o, const void *base)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	print_value(o, base, out);
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}
