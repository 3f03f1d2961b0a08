/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records written.
 *
 * The first term that matches decides, so terms of the same qualifier that
 * follow one another may stand in any order: they are a run, and are sorted by
 * what they cost.  A term that matches nothing but what an earlier one takes
 * can go, whatever its qualifier; within a run it may also be a later one.
 */

#include "config.h"

#include "spf/compose.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/util.h"
#include "spf/record.h"
#include "spf/repair.h"

#define VERSION_LEN (sizeof("v=spf1") - 1)

/* Terms and modifiers, as they will be written. */
struct piece {
	char			*text;
	const struct record_term *term;	/* NULL: a modifier */
	size_t			 run;
	bool			 gone;
};

struct composition {
	struct record	*record;
	struct piece	*pieces;
	size_t		 count;
};

static bool
is_network(const struct piece *p)
{
	return p->term != NULL && record_term_is_network(p->term);
}

/* Well formed, and not just because any name may be that of a modifier. */
enum state { GOOD, ODD, BAD };

static enum state
state_of(const char *word, size_t len)
{
	char *text = xasprintf("v=spf1 %.*s", (int)len, word);
	struct record_error e;
	struct record *r = record_parse(text, strlen(text), &e);
	enum state s = r == NULL ? BAD : r->count > 0 || r->exp != NULL ||
	    r->redirect != NULL ? GOOD : ODD;

	record_free(r);
	free(text);
	return s;
}

/* Each term well formed, if it can be; NULL: not all can. */
static char *
repair_once(const char *text)
{
	size_t size = 8 * strlen(text) + 64;
	char *storage = xcalloc(size, 1);
	const char *word = text + VERSION_LEN;
	bool good = true;
	struct sbuf out;

	sbuf_init(&out, storage, size);
	sbuf_str(&out, "v=spf1");
	while (good && *word != '\0') {
		size_t n = strcspn(++word, " ");
		enum state state = n == 0 ? GOOD : state_of(word, n);

		sbuf_char(&out, ' ');
		if (state == GOOD || !repair_term(word, n, &out)) {
			good = state != BAD;
			sbuf_add(&out, word, n);
		}
		word += n;
	}
	if (good && sbuf_ok(&out))
		return storage;
	free(storage);
	return NULL;
}

/* Until nothing is left to guess: what has lost a mark may want a blank. */
static char *
repair(const char *text, size_t len)
{
	char *now = memchr(text, '\0', len) == NULL ? xstrndup(text, len) :
	    NULL;
	bool done = now == NULL;

	while (!done) {
		char *next = repair_once(now);

		done = next == NULL || strcmp(next, now) == 0;
		free(now);
		now = next;
	}
	return now;
}

/* Without "+", names in lower case, networks without bits behind them. */
static char *
write_piece(const char *s, size_t len, const struct record_term *t)
{
	char *text = xstrndup(s, len);
	char address[ADDR_PREFIX_TEXT_SIZE];

	util_lower_octets(text, strcspn(text, ":/="));
	if (t == NULL)
		return text;
	if (text[0] == '+')
		memmove(text, text + 1, len);
	struct addr_prefix p = t->network;
	if (p.addr.family == AF_UNSPEC || !addr_prefix_trim(&p))
		return text;
	text[strcspn(text, ":")] = '\0';
	char *trimmed = xasprintf("%s:%s", text,
	    addr_prefix_format(&p, address));
	free(text);
	return trimmed;
}

static void
cut(struct composition *c)
{
	const struct record *r = c->record;
	size_t term = 0;

	c->pieces = xcalloc(r->len, sizeof(*c->pieces));
	for (size_t i = VERSION_LEN; i < r->len;) {
		size_t n = strcspn(r->text + i, " ");
		struct piece *p = &c->pieces[c->count];

		if (n == 0) {
			i++;
			continue;
		}
		if (term < r->count && r->terms[term].offset == i)
			p->term = &r->terms[term++];
		p->text = write_piece(r->text + i, n, p->term);
		c->count++;
		i += n;
	}
}

/* Terms that are gone part nothing. */
static void
number_runs(struct composition *c)
{
	const struct record_term *last = NULL;
	size_t run = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct piece *p = &c->pieces[i];

		if (p->term != NULL && !p->gone) {
			run += last != NULL &&
			    last->qualifier != p->term->qualifier;
			last = p->term;
		}
		p->run = run;
	}
}

static bool
is_covered(const struct piece *p, const struct piece *by)
{
	if (is_network(p) && is_network(by))
		return addr_prefix_is_within(&p->term->network,
		    &by->term->network);
	const char *a = p->text + strspn(p->text, "-~?");
	const char *b = by->text + strspn(by->text, "-~?");
	/* The case of macro letters matters. */
	return strchr(a, '%') != NULL ? strcmp(a, b) == 0 :
	    util_eq_nocase(a, b);
}

/* Of two that are the same the first is kept. */
static bool
is_taken(const struct composition *c, const struct piece *p)
{
	for (const struct piece *by = c->pieces; by < c->pieces + c->count;
	    by++)
		if (by != p && by->term != NULL && !by->gone &&
		    is_covered(p, by) && (by < p ||
		    (by->run == p->run && !is_covered(by, p))))
			return true;
	return false;
}

/* What is never looked at. */
static void
drop_behind_all(struct composition *c)
{
	bool all = false;

	for (size_t i = 0; i < c->count; i++) {
		struct piece *p = &c->pieces[i];

		p->gone = all && p->term != NULL;
		all = all || (p->term != NULL &&
		    p->term->mechanism == RECORD_ALL);
	}
	for (size_t i = 0; i < c->count; i++) {
		struct piece *p = &c->pieces[i];

		if (p->term == NULL)
			p->gone = all &&
			    strncmp(p->text, "redirect=", 9) == 0;
	}
}

/* What others take; false: nothing. */
static bool
drop_taken(struct composition *c)
{
	bool some = false;

	for (size_t i = 0; i < c->count; i++) {
		struct piece *p = &c->pieces[i];

		if (p->term == NULL || p->gone || !is_taken(c, p))
			continue;
		p->gone = true;
		some = true;
	}
	return some;
}

/* What is asked of the DNS for it, roughly; all comes last. */
static int
cost(const struct piece *p)
{
	static const int costs[] = {
		[RECORD_IP4] = 0,
		[RECORD_IP6] = 1,
		[RECORD_A] = 2,
		[RECORD_MX] = 3,
		[RECORD_INCLUDE] = 4,
		[RECORD_EXISTS] = 5,
		[RECORD_PTR] = 6,
		[RECORD_ALL] = 7,
	};

	return costs[p->term->mechanism];
}

/* Stable, and of a record that has been read, so it need not be fast. */
static void
sort(struct composition *c)
{
	for (size_t i = 1; i < c->count; i++) {
		struct piece p = c->pieces[i];
		size_t j = i;

		for (; j > 0 && p.term != NULL; j--) {
			const struct piece *before = &c->pieces[j - 1];

			if (before->term != NULL && (before->run < p.run ||
			    cost(before) <= cost(&p)))
				break;
			c->pieces[j] = *before;
		}
		c->pieces[j] = p;
	}
}

static char *
join(const struct composition *c)
{
	char *out = xstrdup("v=spf1");
	bool ends = c->record->redirect != NULL;

	for (size_t i = 0; i < c->record->count; i++)
		ends = ends || c->record->terms[i].mechanism == RECORD_ALL;
	for (size_t i = 0; i <= c->count; i++) {
		const struct piece *p = i < c->count ? &c->pieces[i] : NULL;
		bool end = !ends && (p == NULL || p->term == NULL);
		bool gone = p == NULL || p->gone;
		char *more = xasprintf("%s%s%s%s", out, end ? " ~all" : "",
		    gone ? "" : " ", gone ? "" : p->text);

		ends = ends || end;
		free(out);
		out = more;
	}
	return out;
}

char *
compose_better(const char *text, size_t len)
{
	struct composition c = { .count = 0 };
	struct record_error e;
	char *better = NULL;

	if (!record_is_spf(text, len) || len > RECORD_TEXT_MAX)
		return NULL;
	char *repaired = repair(text, len);
	if (repaired != NULL)
		c.record = record_parse(repaired, strlen(repaired), &e);
	if (c.record != NULL) {
		cut(&c);
		drop_behind_all(&c);
		do {
			number_runs(&c);
		} while (drop_taken(&c));
		sort(&c);
		better = join(&c);
	}
	for (size_t i = 0; i < c.count; i++)
		free(c.pieces[i].text);
	free(c.pieces);
	record_free(c.record);
	free(repaired);
	return better;
}

size_t
compose_string(const char *text)
{
	size_t len = strlen(text);

	if (len <= COMPOSE_STRING_MAX)
		return len;
	for (size_t n = COMPOSE_STRING_MAX; n > 0; n--)
		if (text[n - 1] == ' ')
			return n;
	return COMPOSE_STRING_MAX;
}
