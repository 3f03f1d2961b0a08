/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of the running daemon as a picture of any size.  Blocks of numbers
 * stand in columns, each block below the shortest column, so that a wide
 * terminal has more of them side by side; below them lists share the rows that
 * are left.  What is more important comes first, what has no room is left out.
 * All is laid down as pieces, and the pieces are printed in the order of their
 * places.
 */

#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "daemon/status.h"
#include "tool/json_out.h"
#include "tool/terminal.h"

#define BLOCK_COLUMNS 26	/* at least */
#define BLOCK_COLUMNS_MAX 34
#define COLUMNS_MAX 8		/* of blocks */
#define RATE_COLUMNS 6		/* with the blank before it */
#define NUMBER_COLUMNS 7	/* the same */
#define NAME_COLUMN 15		/* behind number and age */

struct piece {
	unsigned		 row;
	unsigned		 column;
	unsigned		 columns;	/* that the text takes */
	enum terminal_style	 style;
	char			*text;		/* printable */
};

/* Where a list is. */
struct area {
	unsigned	row;
	unsigned	column;
	unsigned	width;
	unsigned	rows;
};

struct picture {
	const struct status_reading *now;
	const struct status_reading *before;	/* or NULL */
	struct screen_size	 size;
	struct piece		*pieces;
	size_t			 count;
	unsigned		 columns;	/* of blocks */
	unsigned		 width;		/* of each */
	unsigned		 bottom[COLUMNS_MAX];
};

enum kind { COUNTER, NUMBER, OCTETS, PERCENT };

/*
 * A number: of the counters with this key, or with all that begin with it,
 * which is a * at its end.  Of another kind: what is at this place of the
 * document, "object.key", and left out where there is nothing.
 */
struct row {
	const char	*label;
	const char	*key;
	enum kind	 kind;
};

#define END { NULL, NULL, COUNTER }
static const struct row mail[] = {
	{ "messages", "messages", COUNTER },
	{ "connections", "sessions", COUNTER },
	{ "evaluations", "evaluations", COUNTER },
	{ "not checked", "skipped_*", COUNTER }, END
};
static const struct row results[] = {
	{ "pass", "result_pass", COUNTER },
	{ "fail", "result_fail", COUNTER },
	{ "softfail", "result_softfail", COUNTER },
	{ "neutral", "result_neutral", COUNTER },
	{ "none", "result_none", COUNTER },
	{ "temperror", "result_temperror", COUNTER },
	{ "permerror", "result_permerror", COUNTER }, END
};
static const struct row actions[] = {
	{ "accepted", "accepted", COUNTER },
	{ "tagged", "tagged", COUNTER },
	{ "quarantined", "quarantined", COUNTER },
	{ "tempfailed", "tempfailed", COUNTER },
	{ "rejected", "rejected", COUNTER }, END
};
static const struct row would_refuse[] = {
	{ "level 2", "would_refuse_2", COUNTER },
	{ "level 3", "would_refuse_3", COUNTER },
	{ "level 4", "would_refuse_4", COUNTER },
	{ "level 5", "would_refuse_5", COUNTER },
	{ "level 6", "would_refuse_6", COUNTER }, END
};
static const struct row dns[] = {
	{ "queries", "dns_queries", COUNTER },
	{ "cache hits", "dns_cache_hits", COUNTER },
	{ "failures", "dns_failures", COUNTER },
	{ "timeouts", "dns_timeouts", COUNTER },
	{ "stale", "dns_stale", COUNTER },
	{ "evictions", "dns_evicted", COUNTER }, END
};
static const struct row at_present[] = {
	{ "connections", "sessions.open", NUMBER },
	{ "wait for DNS", "flights", NUMBER },
	{ "cache hits", "cache.hit_ratio", PERCENT },
	{ "cached", "cache.entries", NUMBER },
	{ "cache uses", "cache.octets", OCTETS },
	{ "of at most", "cache.octets_max", OCTETS }, END
};
static const struct {
	const char		*title;
	const struct row	*rows;
} blocks[] = {
	{ "Mail", mail }, { "Results", results }, { "Actions", actions },
	{ "Would refuse", would_refuse }, { "DNS", dns },
	{ "At present", at_present }
};

/* What fits into *columns, of any octets; *columns: what it takes. */
static char *
cut(const char *s, unsigned *columns)
{
	char *text = NULL;
	size_t size = 0, len = 0;
	unsigned used = 0;

	while (s[len] != '\0') {
		size_t n = util_print_length(s + len, strnlen(s + len, 4));
		unsigned more = terminal_width(s + len, n > 0 ? n : 1);

		if (used + more > *columns)
			break;
		used += more;
		len += n > 0 ? n : 1;
	}
	*columns = used;
	char *start = xstrndup(s, len);
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		util_die("out of memory");
	terminal_put_text(out, start);
	if (fclose(out) != 0)
		util_die("out of memory");
	free(start);
	return text;
}

/* Of at most so many columns; nothing where there is no such row. */
static void
put(struct picture *p, unsigned row, unsigned column, unsigned columns,
    enum terminal_style style, const char *text)
{
	if (row >= p->size.rows || column >= p->size.columns)
		return;
	if (columns > p->size.columns - column)
		columns = p->size.columns - column;
	p->pieces = xreallocarray(p->pieces, p->count + 1,
	    sizeof(p->pieces[0]));
	struct piece *piece = &p->pieces[p->count++];
	*piece = (struct piece){ row, column, columns, style, NULL };
	piece->text = cut(text, &piece->columns);
}

/* So that it ends before column end. */
static void
put_right(struct picture *p, unsigned row, unsigned end,
    enum terminal_style style, const char *text)
{
	unsigned len = (unsigned)strlen(text);

	put(p, row, end > len ? end - len : 0, len, style, text);
}

/* Of six columns at most. */
static void
format_number(double n, char *out, size_t size)
{
	static const char units[] = "kMGTPE";
	size_t unit = 0;

	if (n < 999999.5) {
		snprintf(out, size, "%.0f", n);
		return;
	}
	for (n /= 1000; n >= 999.5 && unit < sizeof(units) - 2; unit++)
		n /= 1000;
	snprintf(out, size, "%.*f%c", n < 9.995 ? 2 : n < 99.95, n,
	    units[unit]);
}

/* Of five. */
static void
format_rate(double n, char *out, size_t size)
{
	if (n < 0.005)
		snprintf(out, size, "0");
	else if (n < 99.95)
		snprintf(out, size, "%.*f", n < 9.995 ? 2 : 1, n);
	else if (n < 99999.5)
		snprintf(out, size, "%.0f", n);
	else if (n < 999500)
		snprintf(out, size, "%.0fk", n / 1000);
	else
		format_number(n, out, size);
}

static void
format_octets(double n, char *out, size_t size)
{
	static const char *const units[] = { "B", "K", "M", "G", "T" };
	size_t unit = 0;

	for (; n >= 999.5 && unit < 4; unit++)
		n /= 1024;
	snprintf(out, size, "%.*f%s", unit > 0 && n < 99.95, n, units[unit]);
}

/* "12s", "5m", "3h", "40d". */
static void
format_age(int64_t s, char *out, size_t size)
{
	if (s < 0)
		s = 0;
	if (s < 100)
		snprintf(out, size, "%" PRId64 "s", s);
	else if (s < 100 * 60)
		snprintf(out, size, "%" PRId64 "m", s / 60);
	else if (s < 100 * 3600)
		snprintf(out, size, "%" PRId64 "h", s / 3600);
	else
		snprintf(out, size, "%" PRId64 "d", s / 86400);
}

static int64_t
sum_of(const json_t *document, const char *key)
{
	json_t *counters = json_object_get(document, "counters");
	size_t len = strcspn(key, "*");
	int64_t sum = 0;
	const char *k;
	json_t *value;

	if (key[len] == '\0')
		return json_out_number_of(counters, key);
	json_object_foreach(counters, k, value)
		if (strncmp(k, key, len) == 0)
			sum += json_integer_value(value);
	return sum;
}

/* Seconds that rates are of: between readings, or since the start; 0: none. */
static double
span_of(const struct picture *p)
{
	const json_t *now = p->now->document;

	if (p->before == NULL)
		return (double)json_out_number_of(now, "uptime");
	const json_t *before = p->before->document;
	if (json_out_number_of(now, "pid") !=
	    json_out_number_of(before, "pid") ||
	    json_out_number_of(now, "started") !=
	    json_out_number_of(before, "started"))
		return 0;
	return (double)(p->now->at_ms - p->before->at_ms) / 1000;
}

static double
rate_of(const struct picture *p, const char *key)
{
	double span = span_of(p);
	int64_t change = sum_of(p->now->document, key);

	if (p->before != NULL)
		change -= sum_of(p->before->document, key);
	return span > 0 && change > 0 ? (double)change / span : 0;
}

/* The column of blocks that ends first. */
static unsigned
shortest(const struct picture *p)
{
	unsigned best = 0;

	for (unsigned i = 1; i < p->columns; i++)
		if (p->bottom[i] < p->bottom[best])
			best = i;
	return best;
}

/* NULL: there is nothing at this place. */
static const json_t *
value_at(const json_t *document, const char *key)
{
	size_t len = strcspn(key, ".");
	char *first = xstrndup(key, len);
	json_t *value = json_object_get(document, first);

	free(first);
	if (key[len] == '.')
		value = json_object_get(value, key + len + 1);
	return json_is_number(value) ? value : NULL;
}

/* False: there is no such value, and no row. */
static bool
format_value(const struct picture *p, const struct row *r, char *out,
    size_t size)
{
	const json_t *value = value_at(p->now->document, r->key);
	double n = json_number_value(value);

	if (r->kind == COUNTER)
		format_number((double)sum_of(p->now->document, r->key), out,
		    size);
	else if (r->kind == NUMBER)
		format_number(n, out, size);
	else if (r->kind == OCTETS)
		format_octets(n, out, size);
	else
		snprintf(out, size, "%.1f%%", n * 100);
	return r->kind == COUNTER || value != NULL;
}

static bool
put_row(struct picture *p, unsigned column, unsigned row,
    const struct row *r)
{
	char text[32];
	unsigned end = column + p->width - 1;

	if (!format_value(p, r, text, sizeof(text)))
		return false;
	put(p, row, column + 1, p->width - RATE_COLUMNS - NUMBER_COLUMNS - 1,
	    TERMINAL_PLAIN, r->label);
	put_right(p, row, end - RATE_COLUMNS, TERMINAL_PLAIN, text);
	if (r->kind == COUNTER) {
		format_rate(rate_of(p, r->key), text, sizeof(text));
		put_right(p, row, end, TERMINAL_PLAIN, text);
	}
	return true;
}

static void
put_block(struct picture *p, const char *title, const struct row *rows)
{
	unsigned place = shortest(p);
	unsigned column = place * p->width;
	unsigned row = p->bottom[place] + 1;

	for (const struct row *r = rows; r->label != NULL; r++)
		row += put_row(p, column, row, r);
	if (row == p->bottom[place] + 1)
		return;
	put(p, p->bottom[place], column, p->width, TERMINAL_BOLD, title);
	if (rows[0].kind == COUNTER)
		put_right(p, p->bottom[place], column + p->width - 1,
		    TERMINAL_FAINT, "/s");
	p->bottom[place] = row;
}

static void
put_uptime(struct picture *p)
{
	const json_t *o = p->now->document;
	const json_t *c = json_object_get(o, "configuration");
	int64_t up = json_out_number_of(o, "uptime");
	char *text = xasprintf("spf-milter %s, up %" PRId64 "d %02" PRId64
	    ":%02" PRId64 ":%02" PRId64 ", level %" PRId64 ", process %"
	    PRId64, json_out_text_of(o, "version"), up / 86400, up / 3600 % 24,
	    up / 60 % 60, up % 60, json_out_number_of(c, "behavior"),
	    json_out_number_of(o, "pid"));

	put(p, 0, 0, p->size.columns, TERMINAL_BOLD, text);
	free(text);
}

/* What is wrong with it, the worst first, or NULL; the caller frees it. */
static char *
find_problem(const json_t *o, const char *trouble)
{
	const json_t *c = json_object_get(o, "configuration");
	const json_t *r = json_object_get(c, "reload");

	if (trouble != NULL)
		return xasprintf("not reachable, trying: %s", trouble);
	if (json_is_false(json_object_get(o, "ready")))
		return xasprintf("not ready: %s",
		    json_out_text_of(o, "problem"));
	if (json_is_true(json_object_get(json_object_get(o, "dns"),
	    "failing")))
		return xstrdup("no name server has answers");
	if (json_is_true(json_object_get(json_object_get(o, "breaker"),
	    "open")))
		return xstrdup("temperrors are our own fault: no mail is "
		    "deferred for them");
	return json_is_false(json_object_get(r, "good")) ? xstrdup("the last "
	    "reload failed: the old configuration is in force") : NULL;
}

static void
put_state(struct picture *p, const char *trouble)
{
	const json_t *o = p->now->document;
	char *text = find_problem(o, trouble);
	bool good = text == NULL;

	if (good)
		text = xasprintf("running, confined by %s",
		    json_out_text_of(o, "confined")[0] != '\0' ?
		    json_out_text_of(o, "confined") : "nothing");
	put(p, 1, 0, p->size.columns, good ? TERMINAL_GREEN : TERMINAL_RED,
	    text);
	free(text);
}

static void
put_rates(struct picture *p)
{
	char text[80];
	double span = span_of(p);

	if (p->before == NULL)
		snprintf(text, sizeof(text),
		    "numbers, and rates a second, since the start");
	else if (span > 0)
		snprintf(text, sizeof(text),
		    "numbers since the start, rates a second of the last "
		    "%.1f s", span);
	else
		snprintf(text, sizeof(text), "numbers since the start");
	put(p, 2, 0, p->size.columns, TERMINAL_FAINT, text);
}

static void
put_blocks(struct picture *p)
{
	unsigned n = p->size.columns / BLOCK_COLUMNS;

	p->columns = n < 1 ? 1 : n > COLUMNS_MAX ? COLUMNS_MAX : n;
	n = p->size.columns / p->columns;
	p->width = n < BLOCK_COLUMNS ? BLOCK_COLUMNS :
	    n > BLOCK_COLUMNS_MAX ? BLOCK_COLUMNS_MAX : n;
	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		p->bottom[i] = 3;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		put_block(p, blocks[i].title, blocks[i].rows);
}

/* Lines of a number, how long ago, and a name, which may be a stranger's. */
struct list {
	const char	*array;
	const char	*title;
	const char	*number;
	const char	*name;
};
static const struct list rules = { "rules", "    Hits  ago  Rule", "hits",
	"name" };
static const struct list slowest = { "slowest",
	"      ms  ago  Slowest domain", "milliseconds", "domain" };

static unsigned
length_of(const struct picture *p, const char *array)
{
	return (unsigned)json_array_size(json_object_get(p->now->document,
	    array));
}

static void
put_age(struct picture *p, unsigned row, unsigned end, const json_t *item)
{
	char text[32];

	format_age(json_out_number_of(item, "age"), text, sizeof(text));
	put_right(p, row, end, TERMINAL_PLAIN, text);
}

static void
put_item(struct picture *p, unsigned row, unsigned column, unsigned width,
    const struct list *l, const json_t *item)
{
	char text[32];

	format_number((double)json_out_number_of(item, l->number), text,
	    sizeof(text));
	put_right(p, row, column + 8, TERMINAL_PLAIN, text);
	put_age(p, row, column + 13, item);
	put(p, row, column + NAME_COLUMN, width > NAME_COLUMN + 1 ? width -
	    NAME_COLUMN - 1 : 0, TERMINAL_PLAIN,
	    json_out_text_of(item, l->name));
}

/* In the column and width of area, from its first row on. */
static void
put_list(struct picture *p, const struct area *area, const struct list *l)
{
	json_t *items = json_object_get(p->now->document, l->array);
	size_t i;
	json_t *item;

	if (json_array_size(items) == 0 || area->rows < 2)
		return;
	put(p, area->row, area->column, area->width, TERMINAL_BOLD, l->title);
	json_array_foreach(items, i, item)
		if (i + 1 < area->rows)
			put_item(p, area->row + 1 + (unsigned)i, area->column,
			    area->width, l, item);
}

static void
put_errors(struct picture *p, unsigned row)
{
	json_t *items = json_object_get(p->now->document, "errors");
	size_t i;
	json_t *item;

	if (json_array_size(items) == 0 || row + 1 >= p->size.rows)
		return;
	put(p, row++, 0, p->size.columns, TERMINAL_BOLD,
	    "  ago  Last errors and warnings");
	json_array_foreach(items, i, item) {
		bool error = strcmp(json_out_text_of(item, "level"),
		    "error") == 0;

		put_age(p, row, 5, item);
		put(p, row++, 7, p->size.columns, error ? TERMINAL_RED :
		    TERMINAL_PLAIN, json_out_text_of(item, "text"));
	}
}

/* In one line: true if there are any. */
static bool
put_servers(struct picture *p, unsigned row)
{
	json_t *servers = json_object_get(json_object_get(p->now->document,
	    "dns"), "servers");
	unsigned column = 13;
	size_t i;
	json_t *server;

	if (json_array_size(servers) == 0)
		return false;
	put(p, row, 0, p->size.columns, TERMINAL_BOLD, "Name servers");
	json_array_foreach(servers, i, server) {
		const char *state = json_out_text_of(server, "state");
		bool good = strcmp(state, "answers") == 0 ||
		    strcmp(state, "unknown") == 0;
		char *text = xasprintf("%s %s",
		    json_out_text_of(server, "address"), state);

		put(p, row, column, p->size.columns, good ? TERMINAL_PLAIN :
		    TERMINAL_YELLOW, text);
		column += terminal_width(text, strlen(text)) + 2;
		free(text);
	}
	return true;
}

/* Rules and slow domains side by side; a third of the rows are for errors. */
static void
put_lists(struct picture *p)
{
	unsigned row = 0, errors = length_of(p, "errors");
	unsigned long_one = length_of(p, "rules");
	struct area area = { .width = p->size.columns };

	for (unsigned i = 0; i < p->columns; i++)
		if (p->bottom[i] > row)
			row = p->bottom[i];
	row += put_servers(p, row);
	unsigned left = p->size.rows > row ? p->size.rows - row : 0;
	errors = errors > left / 3 ? left / 3 : errors;
	if (length_of(p, "slowest") > long_one)
		long_one = length_of(p, "slowest");
	area.row = row;
	area.rows = long_one == 0 ? 0 : long_one + 1;
	if (area.rows > left - errors - (errors > 0))
		area.rows = left - errors - (errors > 0);
	if (length_of(p, "rules") > 0 && length_of(p, "slowest") > 0)
		area.width /= 2;
	put_list(p, &area, &rules);
	area.column = p->size.columns - area.width;
	put_list(p, &area, &slowest);
	put_errors(p, area.row + area.rows);
}

static int
compare_pieces(const void *a, const void *b)
{
	const struct piece *l = a, *r = b;

	if (l->row != r->row)
		return l->row < r->row ? -1 : 1;
	return l->column < r->column ? -1 : l->column > r->column;
}

static void
print_piece(const struct terminal *t, const struct piece *piece,
    unsigned column)
{
	fprintf(t->out, "%*s", (int)(piece->column - column), "");
	if (piece->style != TERMINAL_PLAIN)
		terminal_set_style(t, piece->style);
	fputs(piece->text, t->out);
	if (piece->style != TERMINAL_PLAIN)
		terminal_set_style(t, TERMINAL_PLAIN);
}

static void
print_pieces(struct picture *p, const struct terminal *t)
{
	unsigned row = 0, column = 0;

	if (p->count > 1)
		qsort(p->pieces, p->count, sizeof(p->pieces[0]),
		    compare_pieces);
	for (size_t i = 0; i < p->count; i++) {
		const struct piece *piece = &p->pieces[i];

		for (; row < piece->row; row++, column = 0)
			putc('\n', t->out);
		if (piece->column >= column) {
			print_piece(t, piece, column);
			column = piece->column + piece->columns;
		}
		free(piece->text);
	}
	if (p->count > 0)
		putc('\n', t->out);
	free(p->pieces);
}

void
status_draw(const struct status_reading *now,
    const struct status_reading *before, struct screen_size size,
    const char *trouble, const struct terminal *t)
{
	struct picture p = { .now = now, .before = before, .size = size };

	if (now->document != NULL) {
		put_uptime(&p);
		put_state(&p, trouble);
		put_rates(&p);
		put_blocks(&p);
		put_lists(&p);
	} else {
		put_state(&p, trouble != NULL ? trouble : "");
	}
	print_pieces(&p, t);
}
