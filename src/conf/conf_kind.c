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
#include <time.h>

#include "base/listen.h"
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

static const char *
parse_socket(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return conf_socket_parse(field, text);
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

/* Takes text unless something is wrong with it; returns what. */
static const char *
keep(const char *wrong, void *field, const char *text)
{
	char **kept = field;

	if (wrong == NULL) {
		free(*kept);
		*kept = xstrdup(text);
	}
	return wrong;
}

static const char *
parse_account(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	for (const char *p = text; *p != '\0'; p++) {
		if (!util_is_print(*p) || *p == ' ' || *p == ':' || *p == '/')
			return "this is not a name";
	}
	return keep(NULL, field, text);
}

static const char *
parse_path(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(text[0] == '\0' ? NULL :
	    conf_path_problem(text, PATH_MAX), field, text);
}

static const char *
parse_hostname(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(text[0] == '\0' || conf_is_host_name(text) ? NULL : "",
	    field, text);
}

static const char *
parse_listen(const struct conf_option *o, void *field, const char *text)
{
	union listen_place place;

	(void)o;
	return keep(text[0] == '\0' || listen_parse(text, &place) ? NULL : "",
	    field, text);
}

#define URL_MAX 150	/* a reply line has room for it and a token */

static const char *
parse_url(const struct conf_option *o, void *field, const char *text)
{
	static const char *const schemes[] = { "https://", "http://" };
	size_t len = strlen(text);
	size_t scheme = 0;

	(void)o;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (util_has_prefix_nocase(text, len, schemes[i]))
			scheme = strlen(schemes[i]);
	if (len > 0 && (scheme == 0 || !util_is_alnum(text[scheme]) ||
	    len > URL_MAX))
		return "";
	for (size_t i = 0; i < len; i++)
		if (!util_is_print(text[i]) ||
		    strchr(" \"#<>?\\^`{|}", text[i]) != NULL)
			return "";
	return keep(NULL, field, text);
}

/* The other member of the pair is one that fits: only this one is judged. */
static const char *
reply_problem(unsigned code, const char *enhanced, const char *text)
{
	static char problem[CONF_PROBLEM_SIZE];	/* one thread reads */
	struct reply_template *t = reply_compile(code, enhanced, text, problem,
	    sizeof(problem));
	bool good = t != NULL;

	reply_template_free(t);
	return good ? NULL : problem;
}

static const char *
parse_enhanced(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(reply_problem(text[0] == '4' ? 450 : 550, text, "-"),
	    field, text);
}

static const char *
parse_reply_text(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(reply_problem(550, "5.7.1", text), field, text);
}

static const char *
parse_prefix(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(tag_subject_problem(text), field, text);
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
	const char *text = *(char *const *)field;

	(void)o;
	if (text != NULL)
		conf_print_quoted(text, out);
}

/* SPF terms, and an address */

static void
print_record(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_record *r = field;

	(void)o;
	conf_print_quoted(r->text, out);
}

static const char *
parse_address(const struct conf_option *o, void *field, const char *text)
{
	struct addr a = { .family = AF_UNSPEC };

	(void)o;
	if (text[0] != '\0' && !addr_parse(&a, text))
		return "";
	*(struct addr *)field = a;
	return NULL;
}

static void
print_address(const struct conf_option *o, const void *field, FILE *out)
{
	const struct addr *a = field;
	char text[ADDR_TEXT_SIZE] = "";

	if (a->family == AF_UNSPEC && o->default_text == NULL)
		return;
	fprintf(out, "\"%s\"", a->family == AF_UNSPEC ? "" :
	    addr_format(a, text));
}

/* UTF-8 too: it is for people. */
static bool
is_line(const char *text)
{
	while (*text != '\0' && (util_is_print(*text) || (*text & 0x80) != 0))
		text++;
	return *text == '\0';
}

static const char *
parse_line(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return keep(is_line(text) ? NULL : "", field, text);
}

/* Numbers */

struct unit {
	const char	*name;
	int64_t		 factor;
};

struct scale {
	const struct unit *units;	/* the largest first */
	const char	*unknown;	/* what is said of other units */
	const char	*small;
	const char	*large;
	const char	*bare_small;	/* of a number without unit */
	const char	*bare_large;
};

static const struct scale durations = {
	(const struct unit[]) {
		{ "h", 3600 * CONF_SECOND }, { "m", 60 * CONF_SECOND },
		{ "s", CONF_SECOND }, { "", CONF_SECOND }, { "ms", 1 },
		{ NULL, 0 }
	},
	"the units are ms, s, m and h", "too small", "too large",
	"too short, for a number without unit is seconds",
	"too long, for a number without unit is seconds"
};

static const struct scale sizes = {
	(const struct unit[]) {
		{ "G", CONF_GIGA }, { "M", CONF_MEGA }, { "k", 1024 },
		{ "K", 1024 }, { "g", CONF_GIGA }, { "m", CONF_MEGA },
		{ "", 1 }, { NULL, 0 }
	},
	"the units are k, M and G", "too small", "too large",
	"too small, for a number without unit is octets",
	"too large, for a number without unit is octets"
};

static const char not_whole[] = "this is not a whole number";
static const struct scale plain = {
	(const struct unit[]) { { "", 1 }, { NULL, 0 } },
	not_whole, "too small", "too large", "too small", "too large"
};

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
	while (units->name != NULL && strcmp(units->name, name) != 0)
		units++;
	return units->name != NULL ? units : NULL;
}

/* NULL: *out is the value. */
static const char *
parse_number(const struct conf_option *o, const struct scale *s,
    const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	const struct unit *unit = find_unit(s->units, text + digits);
	bool bare = text[digits] == '\0';
	uint64_t n;

	if (digits == 0 || text[digits] == '.' || text[digits] == ',')
		return not_whole;
	if (unit == NULL)
		return s->unknown;
	if (!util_parse_uint(text, digits, INT64_MAX, &n) ||
	    n > (uint64_t)(INT64_MAX / unit->factor))
		return bare ? s->bare_large : s->large;
	int64_t value = (int64_t)n * unit->factor;
	if (value > o->max)
		return bare ? s->bare_large : s->large;
	if (value < o->min)
		return bare ? s->bare_small : s->small;
	*out = value;
	return NULL;
}

static const char *
parse_uint(const struct conf_option *o, void *field, const char *text)
{
	int64_t n;
	const char *wrong = parse_number(o, &plain, text, &n);

	if (wrong == NULL)
		*(unsigned *)field = (unsigned)n;
	return wrong;
}

static void
print_uint(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	fprintf(out, "%u", *(const unsigned *)field);
}

static const char *
parse_duration(const struct conf_option *o, void *field, const char *text)
{
	return parse_number(o, &durations, text, field);
}

static const char *
parse_size(const struct conf_option *o, void *field, const char *text)
{
	int64_t n;
	const char *wrong = parse_number(o, &sizes, text, &n);

	if (wrong == NULL && (int64_t)(size_t)n != n)
		return "";
	if (wrong == NULL)
		*(size_t *)field = (size_t)n;
	return wrong;
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

static const char *
parse_octal(const struct conf_option *o, void *field, const char *text)
{
	size_t len = strlen(text);
	mode_t mode = 0;

	(void)o;
	if (len == 0 || len > 4 || strspn(text, "01234567") != len)
		return "";
	for (size_t i = 0; i < len; i++)
		mode = (mode_t)(mode * 8 + (mode_t)(text[i] - '0'));
	if (mode > 0777)
		return "";
	*(mode_t *)field = mode;
	return NULL;
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

static const char *
parse_word(const struct conf_option *o, void *field, const char *text)
{
	const struct conf_word *word = find_word(o->words, text);

	if (word != NULL)
		*(int *)field = word->value;
	return word != NULL ? NULL : "";
}

static void
print_word(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_word *word = o->words;

	while (word->name != NULL && word->value != *(const int *)field)
		word++;
	if (word->name != NULL)
		fprintf(out, "\"%s\"", word->name);
}

static const char *
parse_bool(const struct conf_option *o, void *field, const char *text)
{
	static const struct conf_word words[] = {
		{ "true", true }, { "yes", true }, { "on", true },
		{ "false", false }, { "no", false }, { "off", false },
		{ NULL, 0 }
	};
	const struct conf_word *word = find_word(words, text);

	(void)o;
	if (word != NULL)
		*(bool *)field = word->value != 0;
	return word != NULL ? NULL : "";
}

static void
print_bool(const struct conf_option *o, const void *field, FILE *out)
{
	(void)o;
	fputs(*(const bool *)field ? "true" : "false", out);
}

/* Lists: parse adds one element */

static const char *
add_word(const struct conf_option *o, void *field, const char *text)
{
	const struct conf_word *word = find_word(o->words, text);

	if (word != NULL)
		*(unsigned *)field |= (unsigned)word->value;
	return word != NULL ? NULL : "";
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

static const char *
add_element(const struct conf_option *o, void *field, const char *text)
{
	struct list **l = field;

	if (*l == NULL)
		*l = list_new(o->kind == CONF_CLIENTS ? LIST_CLIENT :
		    o->kind == CONF_NAMES ? LIST_NAME : LIST_ADDRESS);
	const char *wrong = list_add(*l, text);
	return wrong != NULL && wrong[0] == '\0' &&
	    strpbrk(text, " ,") != NULL ?
	    "each entry stands in quotes of its own" : wrong;
}

static void
clear_list(void *field)
{
	list_free(*(struct list **)field);
	*(struct list **)field = NULL;
}

static void
print_list(const struct conf_option *o, const void *field, FILE *out)
{
	const struct list *l = *(struct list *const *)field;

	(void)o;
	if (l == NULL)
		return;
	putc('{', out);
	for (size_t i = 0; i < list_count(l); i++) {
		fputs(i > 0 ? ", " : "", out);
		conf_print_quoted(list_element(l, i), out);
	}
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

/* Takes text. */
static void
add_text(struct conf_texts *texts, char *text)
{
	texts->list = xreallocarray(texts->list, texts->count + 1,
	    sizeof(*texts->list));
	texts->list[texts->count++] = text;
}

static const char *
add_server(const struct conf_option *o, void *field, const char *text)
{
	char *server;

	(void)o;
	if (!parse_server(text, &server))
		return "";
	add_text(field, server);
	return NULL;
}

static const char *
add_string(const struct conf_option *o, void *field, const char *text)
{
	const char *word = text + (text[0] == '!');

	if (word[0] == '\0' || !is_line(text) ||
	    (o->words != NULL && find_word(o->words, word) == NULL))
		return "";
	add_text(field, xstrdup(text));
	return NULL;
}

static const char *
add_domain(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	if (!conf_is_host_name(text))
		return "";
	add_text(field, xstrdup(text));
	return NULL;
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

	if (texts->count == 0 && o->default_text == NULL)
		return;
	putc('{', out);
	for (size_t i = 0; i < texts->count; i++) {
		fputs(i > 0 ? ", " : "", out);
		conf_print_quoted(texts->list[i], out);
	}
	putc('}', out);
}

static void
clear_fields(void *field)
{
	tag_fields_fini(field);
}

static void
print_fields(const struct conf_option *o, const void *field, FILE *out)
{
	const struct tag_fields *f = field;

	(void)o;
	for (size_t i = 0; i < f->count; i++) {
		char *text = xasprintf("%s: %s", f->list[i].name,
		    f->list[i].value);

		fputs(i > 0 ? ", " : "{", out);
		conf_print_quoted(text, out);
		free(text);
	}
	if (f->count > 0)
		putc('}', out);
}

/* Mappings: "10.0.0.1=192.0.2.1", "10.1.0.0/24=192.0.2.0/24" */

static bool
is_whole(const struct addr_prefix *p)
{
	return p->len == (p->addr.family == AF_INET ? 32 : 128);
}

static const char *
add_mapping(const struct conf_option *o, void *field, const char *text)
{
	struct conf_mappings *all = field;
	struct conf_mapping m;
	const char *equals = strchr(text, '=');

	(void)o;
	if (equals == NULL)
		return "";
	char *from = xstrndup(text, (size_t)(equals - text));
	bool good = addr_prefix_parse(&m.from, from) &&
	    addr_prefix_parse(&m.to, equals + 1);
	free(from);
	if (!good)
		return "";
	if ((m.from.addr.family != m.to.addr.family ||
	    m.from.len != m.to.len) && !(is_whole(&m.from) && is_whole(&m.to)))
		return "one network is larger than the other";
	all->list = xreallocarray(all->list, all->count + 1,
	    sizeof(*all->list));
	all->list[all->count++] = m;
	return NULL;
}

static void
clear_mappings(void *field)
{
	struct conf_mappings *all = field;

	free(all->list);
	memset(all, 0, sizeof(*all));
}

static void
print_prefix(const struct addr_prefix *p, FILE *out)
{
	char text[ADDR_PREFIX_TEXT_SIZE];

	fputs(addr_prefix_format(p, text), out);
}

static void
print_mappings(const struct conf_option *o, const void *field, FILE *out)
{
	const struct conf_mappings *all = field;

	(void)o;
	putc('{', out);
	for (size_t i = 0; i < all->count; i++) {
		fputs(i > 0 ? ", \"" : "\"", out);
		print_prefix(&all->list[i].from, out);
		putc('=', out);
		print_prefix(&all->list[i].to, out);
		putc('"', out);
	}
	putc('}', out);
}

/* Dates: the first second that is no longer in them, by local time */

static bool
parse_part(const char *text, size_t len, int *out)
{
	uint64_t n;

	if (!util_parse_uint(text, len, 9999, &n))
		return false;
	*out = (int)n;
	return true;
}

static const char *
parse_date(const struct conf_option *o, void *field, const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	(void)o;
	if (strlen(text) != 10 || text[0] < '2' ||
	    text[4] != '-' || text[7] != '-' ||
	    !parse_part(text, 4, &tm.tm_year) ||
	    !parse_part(text + 5, 2, &tm.tm_mon) ||
	    !parse_part(text + 8, 2, &tm.tm_mday))
		return "";
	tm.tm_year -= 1900;
	tm.tm_mon--;

	struct tm first = tm;

	/* Normalised, 2027-02-30 is another day. */
	if (mktime(&first) == (time_t)-1 || first.tm_mday != tm.tm_mday ||
	    first.tm_mon != tm.tm_mon)
		return "there is no such day";
	tm.tm_mday++;
	*(int64_t *)field = mktime(&tm);
	return NULL;
}

static void
print_date(const struct conf_option *o, const void *field, FILE *out)
{
	time_t last = (time_t)*(const int64_t *)field - 1;
	char text[20];
	struct tm tm;

	(void)o;
	if (last > 0 && localtime_r(&last, &tm) != NULL &&
	    strftime(text, sizeof(text), "\"%Y-%m-%d\"", &tm) > 0)
		fputs(text, out);
}

/* The rows */

const struct conf_kind conf_kinds[] = {
	[CONF_SOCKET] = { parse_socket, clear_socket, print_socket, false },
	[CONF_ACCOUNT] = { parse_account, clear_text, print_text, false },
	[CONF_PATH] = { parse_path, clear_text, print_text, false },
	[CONF_HOSTNAME] = { parse_hostname, clear_text, print_text, false },
	[CONF_URL] = { parse_url, clear_text, print_text, false },
	[CONF_ENHANCED] = { parse_enhanced, clear_text, print_text, false },
	[CONF_TEXT] = { parse_reply_text, clear_text, print_text, false },
	[CONF_OCTAL] = { parse_octal, NULL, print_octal, false },
	[CONF_UINT] = { parse_uint, NULL, print_uint, false },
	[CONF_BOOL] = { parse_bool, NULL, print_bool, false },
	[CONF_WORD] = { parse_word, NULL, print_word, false },
	[CONF_DURATION] = { parse_duration, NULL, print_duration, false },
	[CONF_SIZE] = { parse_size, NULL, print_size, false },
	[CONF_WORDS] = { add_word, clear_words, print_words, true },
	[CONF_CLIENTS] = { add_element, clear_list, print_list, true },
	[CONF_NAMES] = { add_element, clear_list, print_list, true },
	[CONF_ADDRESSES] = { add_element, clear_list, print_list, true },
	[CONF_LINE] = { parse_line, clear_text, print_text, false },
	[CONF_DATE] = { parse_date, NULL, print_date, false },
	[CONF_STRINGS] = { add_string, clear_texts, print_texts, true },
	[CONF_CHOICES] = { add_string, clear_texts, print_texts, true },
	[CONF_DOMAINS] = { add_domain, clear_texts, print_texts, true },
	[CONF_SERVERS] = { add_server, clear_texts, print_texts, true },
	[CONF_PREFIX] = { parse_prefix, clear_text, print_text, false },
	[CONF_FIELDS] = { conf_field_add, clear_fields, print_fields, true },
	[CONF_ADDRESS] = { parse_address, NULL, print_address, false },
	[CONF_TERMS] = { conf_terms_parse, conf_record_clear, print_record,
	    false },
	[CONF_RECORD] = { conf_record_parse, conf_record_clear, print_record,
	    false },
	[CONF_MAPPINGS] = { add_mapping, clear_mappings, print_mappings, true },
	[CONF_LISTEN] = { parse_listen, clear_text, print_text, false }
};

const char *
conf_value_set(const struct conf_option *o, void *base, const char *text)
{
	return conf_kinds[o->kind].parse(o, (char *)base + o->offset, text);
}

void
conf_value_clear(const struct conf_option *o, void *base)
{
	if (conf_kinds[o->kind].clear != NULL)
		conf_kinds[o->kind].clear((char *)base + o->offset);
}

char *
conf_value_text(const struct conf_option *o, const void *base)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	conf_kinds[o->kind].print(o, (const char *)base + o->offset, out);
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}

struct list *
conf_value_list(const struct conf_option *o, void *base)
{
	return conf_kinds[o->kind].clear == clear_list ?
	    *(struct list **)(void *)((char *)base + o->offset) : NULL;
}
