/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with a record, or may be.
 *
 * A term that is not well formed is noted, blanked out in a copy and the copy
 * read again, so that one mistake does not hide the others and every place
 * stays what it is in the text.  The record that is left is looked at word by
 * word: the terms of the grammar, and the modifiers between them, which are
 * not terms.
 */

#include "config.h"

#include "spf/advise.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "spf/macro.h"
#include "spf/record.h"
#include "spf/repair.h"

#define VERSION_LEN (sizeof("v=spf1") - 1)
#define REPAIR_SIZE (RECORD_TEXT_MAX + 64)

/* Of a network that is wider than these few know all the senders. */
#define WIDE_BITS4 12
#define WIDE_BITS6 24

static const struct kind {
	const char		*name;
	enum advise_severity	 severity;
	bool			 for_all;
} kinds[ADVISE_COUNT] = {
	[ADVISE_NOT_SPF] = { "not-spf", ADVISE_ERROR, true },
	[ADVISE_TOO_LONG] = { "too-long", ADVISE_ERROR, true },
	[ADVISE_SYNTAX] = { "syntax", ADVISE_ERROR, true },
	[ADVISE_AFTER_ALL] = { "after-all", ADVISE_WARNING, false },
	[ADVISE_NO_ALL] = { "no-all", ADVISE_WARNING, false },
	[ADVISE_NEUTRAL_ALL] = { "neutral-all", ADVISE_NOTE, false },
	[ADVISE_REDIRECT_WITH_ALL] = { "redirect-with-all", ADVISE_WARNING,
	    false },
	[ADVISE_EVERYONE] = { "everyone", ADVISE_WARNING, true },
	[ADVISE_WIDE] = { "wide", ADVISE_WARNING, true },
	[ADVISE_PTR] = { "ptr", ADVISE_WARNING, true },
	[ADVISE_DUPLICATE] = { "duplicate", ADVISE_WARNING, false },
	[ADVISE_OVERLAP] = { "overlap", ADVISE_WARNING, false },
	[ADVISE_HOST_BITS] = { "host-bits", ADVISE_WARNING, false },
	[ADVISE_PRIVATE] = { "private", ADVISE_WARNING, false },
	[ADVISE_MAPPED] = { "mapped", ADVISE_WARNING, false },
	[ADVISE_MACRO] = { "macro", ADVISE_WARNING, false },
	[ADVISE_EXISTS] = { "exists", ADVISE_WARNING, false },
	[ADVISE_GLUED] = { "glued", ADVISE_WARNING, false },
	[ADVISE_CASE] = { "case", ADVISE_WARNING, false },
	[ADVISE_LONG] = { "long", ADVISE_WARNING, false },
	[ADVISE_MODIFIER] = { "modifier", ADVISE_WARNING, false },
	[ADVISE_EARLY] = { "early", ADVISE_NOTE, false },
	[ADVISE_INCLUDE_SIGN] = { "include-sign", ADVISE_WARNING, false },
	[ADVISE_EXP_UNUSED] = { "exp-unused", ADVISE_NOTE, false },
	[ADVISE_NO_RECORD] = { "no-record", ADVISE_ERROR, false },
	[ADVISE_NEARLY] = { "nearly", ADVISE_WARNING, false },
	[ADVISE_SEVERAL_RECORDS] = { "several-records", ADVISE_ERROR, true },
	[ADVISE_LOOKUPS] = { "lookups", ADVISE_ERROR, true },
	[ADVISE_VOID] = { "void", ADVISE_WARNING, true },
	[ADVISE_VOIDS] = { "voids", ADVISE_ERROR, true },
	[ADVISE_MX_HOSTS] = { "mx-hosts", ADVISE_ERROR, true },
	[ADVISE_MX_ADDRESS] = { "mx-address", ADVISE_WARNING, false },
	[ADVISE_INCLUDE_NO_RECORD] = { "include-no-record", ADVISE_ERROR,
	    true },
	[ADVISE_INCLUDE_HOST] = { "include-host", ADVISE_ERROR, true },
	[ADVISE_INCLUDE_BAD] = { "include-bad", ADVISE_ERROR, true },
	[ADVISE_LOOP] = { "loop", ADVISE_ERROR, true },
	[ADVISE_TWICE] = { "twice", ADVISE_WARNING, true },
	[ADVISE_DNS] = { "dns", ADVISE_ERROR, true },
	[ADVISE_SPLIT] = { "split", ADVISE_WARNING, false },
	[ADVISE_ANSWER_SIZE] = { "answer-size", ADVISE_WARNING, false },
	[ADVISE_TYPE_SPF] = { "type-spf", ADVISE_WARNING, false },
	[ADVISE_NO_MAIL] = { "no-mail", ADVISE_WARNING, false },
	[ADVISE_EXP] = { "exp", ADVISE_WARNING, false },
	[ADVISE_NOT_FOLLOWED] = { "not-followed", ADVISE_NOTE, true },
};

const char *
advise_name(enum advise_kind k)
{
	return kinds[k].name;
}

enum advise_severity
advise_severity(enum advise_kind k)
{
	return kinds[k].severity;
}

const char *
advise_severity_name(enum advise_severity s)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[s];
}

bool
advise_is_for_all(enum advise_kind k)
{
	return kinds[k].for_all;
}

void
advice_add(struct advice *a, enum advise_kind k, size_t offset, size_t len,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	a->findings = xreallocarray(a->findings, a->count + 1,
	    sizeof(*a->findings));
	a->findings[a->count++] = (struct advise_finding){
		.kind = k, .offset = offset, .len = len, .text = text
	};
}

bool
advice_has(const struct advice *a, enum advise_kind k, size_t offset)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->findings[i].kind == k && a->findings[i].offset == offset)
			return true;
	return false;
}

static int
compare(const void *pa, const void *pb)
{
	const struct advise_finding *a = pa;
	const struct advise_finding *b = pb;
	size_t at_a = a->len == 0 ? 0 : a->offset + 1;
	size_t at_b = b->len == 0 ? 0 : b->offset + 1;

	if (at_a != at_b)
		return at_a < at_b ? -1 : 1;
	return a->kind < b->kind ? -1 : a->kind > b->kind;
}

void
advice_sort(struct advice *a)
{
	if (a->count > 0)
		qsort(a->findings, a->count, sizeof(*a->findings), compare);
}

void
advice_fini(struct advice *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->findings[i].text);
	free(a->findings);
	*a = (struct advice){ NULL, 0 };
}

/* One word of the record behind its version. */
struct word {
	const struct record_term *term;	/* NULL: a modifier */
	size_t	 offset;
	size_t	 len;
	size_t	 name;		/* octets before the name, and of it */
	size_t	 name_len;
};

/* What is looked at, and where it goes. */
struct look {
	const char	*text;		/* blanks in place of what is wrong */
	const struct record *record;
	struct word	*words;
	size_t		 count;
	struct advice	*out;
};

/* The argument that a term has behind its name, "" for none. */
static const char *
argument_of(const struct look *l, const struct word *w, size_t *len)
{
	size_t skip = w->name + w->name_len;

	skip += skip < w->len && strchr(":=", l->text[w->offset + skip]) !=
	    NULL;
	*len = w->len - skip;
	return l->text + w->offset + skip;
}

static void
say(const struct look *l, enum advise_kind k, const struct word *w,
    const char *what)
{
	advice_add(l->out, k, w->offset, w->len, "%s", what);
}

static bool
word_is(const struct look *l, const struct word *w, const char *name)
{
	return w->name_len == strlen(name) && util_has_prefix_nocase(l->text +
	    w->offset + w->name, w->name_len, name);
}

/* Networks */

/* Nobody on the Internet sends from there. */
static bool
is_unreachable(const struct addr_prefix *p)
{
	static const struct addr_prefix ranges[] = {
		{ { AF_INET, { 0 } }, 8 },
		{ { AF_INET, { 127 } }, 8 },
		{ { AF_INET, { 224 } }, 3 },
		{ { AF_INET6, { 0 } }, 127 },
		{ { AF_INET6, { 0xff } }, 8 },
	};
	unsigned bits = addr_private_bits(&p->addr);

	if (bits > 0 && p->len >= bits)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (addr_prefix_is_within(p, &ranges[i]))
			return true;
	return false;
}

static bool
is_mapped(const struct addr_prefix *p)
{
	static const struct addr_prefix mapped = {
		{ AF_INET6, { [10] = 0xff, [11] = 0xff } }, 96
	};

	return addr_prefix_is_within(p, &mapped);
}

static void
look_at_width(const struct look *l, const struct word *w)
{
	const struct record_term *t = w->term;
	bool named = t->mechanism == RECORD_A || t->mechanism == RECORD_MX;
	unsigned bits4 = t->mechanism == RECORD_IP4 ? t->network.len :
	    named ? t->bits4 : 32;
	unsigned bits6 = t->mechanism == RECORD_IP6 ? t->network.len :
	    named ? t->bits6 : 128;

	if (t->qualifier != RESULT_PASS)
		return;
	if (t->mechanism == RECORD_ALL)
		say(l, ADVISE_EVERYONE, w, "everybody may send: mail of "
		    "forgers passes as yours; end the record with -all or "
		    "~all");
	else if (bits4 == 0 || bits6 == 0)
		say(l, ADVISE_EVERYONE, w, "a prefix length of 0 means all "
		    "addresses: everybody may send");
	else if (bits4 < WIDE_BITS4 || bits6 < WIDE_BITS6)
		advice_add(l->out, ADVISE_WIDE, w->offset, w->len, "a network "
		    "as large as /%u has senders that are not yours",
		    bits4 < WIDE_BITS4 ? bits4 : bits6);
}

static void
look_at_network(const struct look *l, const struct word *w)
{
	struct addr_prefix p = w->term->network;
	char text[ADDR_PREFIX_TEXT_SIZE];

	if (addr_prefix_trim(&p))
		advice_add(l->out, ADVISE_HOST_BITS, w->offset, w->len,
		    "the address has bits behind its prefix length; "
		    "%s is the same", addr_prefix_format(&p, text));
	if (is_mapped(&p))
		say(l, ADVISE_MAPPED, w, "no client has such an address: "
		    "write it with ip4");
	else if (p.len > 0 && is_unreachable(&p))
		say(l, ADVISE_PRIVATE, w, "private or reserved: nobody on the "
		    "Internet sends from there, and in other networks it is "
		    "another machine");
}

static bool
is_network(const struct word *w)
{
	return w->term != NULL && record_term_is_network(w->term);
}

/* Pairs */

static bool
is_within(const struct word *w, const struct word *outer)
{
	return is_network(w) && is_network(outer) &&
	    addr_prefix_is_within(&w->term->network, &outer->term->network);
}

static bool
is_same(const struct look *l, const struct word *a, const struct word *b)
{
	size_t len = a->len - a->name;

	if (is_network(a) && is_network(b))
		return a->term->network.len == b->term->network.len &&
		    is_within(a, b);
	if (len != b->len - b->name)
		return false;
	const char *s = l->text + a->offset + a->name;
	const char *t = l->text + b->offset + b->name;
	bool macros = memchr(s, '%', len) != NULL;
	for (size_t i = 0; i < len; i++)
		if (macros ? s[i] != t[i] : util_lower(s[i]) !=
		    util_lower(t[i]))
			return false;
	return true;
}

/* The order of a and b, and of what is between them, does not matter. */
static bool
is_one_run(const struct word *a, const struct word *b)
{
	for (const struct word *w = a; w < b; w++)
		if (w->term != NULL && w->term->qualifier !=
		    b->term->qualifier)
			return false;
	return true;
}

static void
look_at_pair(const struct look *l, const struct word *first,
    const struct word *w)
{
	if (is_same(l, first, w))
		say(l, ADVISE_DUPLICATE, w, "stands twice");
	else if (is_within(w, first))
		advice_add(l->out, ADVISE_OVERLAP, w->offset, w->len,
		    "is within %.*s, which stands before it", (int)first->len,
		    l->text + first->offset);
	else if (is_within(first, w) && is_one_run(first, w))
		advice_add(l->out, ADVISE_OVERLAP, first->offset, first->len,
		    "is within %.*s, which stands behind it", (int)w->len,
		    l->text + w->offset);
}

/* Each word is told once. */
static void
look_at_pairs(const struct look *l)
{
	for (size_t j = 1; j < l->count; j++) {
		const struct word *w = &l->words[j];
		size_t before = l->out->count;

		if (w->term == NULL || w->term->mechanism == RECORD_ALL)
			continue;
		for (size_t i = 0; i < j && l->out->count == before; i++)
			if (l->words[i].term != NULL)
				look_at_pair(l, &l->words[i], w);
	}
}

/* Names and macros */

/* "include:a.exampleinclude:b.example", "a:a.example-all" */
static bool
is_glued(const char *s, size_t len)
{
	return memchr(s, ':', len) != NULL || (len > 4 &&
	    strchr("-~?+", s[len - 4]) != NULL &&
	    util_has_prefix_nocase(s + len - 3, 3, "all"));
}

static void
look_at_macro(const struct look *l, const struct word *w,
    const struct macro *m)
{
	bool direct = w->term != NULL && (w->term->mechanism == RECORD_A ||
	    w->term->mechanism == RECORD_MX ||
	    w->term->mechanism == RECORD_PTR);
	size_t len;
	const char *s = argument_of(l, w, &len);

	if (is_glued(s, len))
		say(l, ADVISE_GLUED, w, "a blank seems to be missing within "
		    "it");
	if (macro_uses(m, "p"))
		say(l, ADVISE_MACRO, w, "%{p} is slow and unreliable, and RFC "
		    "7208 says not to use it");
	else if (macro_escapes(m))
		say(l, ADVISE_MACRO, w, "a macro letter in upper case escapes "
		    "its value for URLs, which makes no sense in a name");
	else if (direct && macro_uses(m, "slih"))
		say(l, ADVISE_MACRO, w, "a name that is another one for each "
		    "message is for exists; here a host was meant");
}

static void
look_at_term(const struct look *l, const struct word *w)
{
	const struct record_term *t = w->term;

	look_at_width(l, w);
	if (is_network(w))
		look_at_network(l, w);
	if (t->domain != NULL)
		look_at_macro(l, w, t->domain);
	if (t->mechanism == RECORD_PTR)
		say(l, ADVISE_PTR, w, "ptr is slow, fails where reverse DNS "
		    "does, and RFC 7208 says not to use it; name the addresses "
		    "with ip4 and ip6, or the hosts with a");
	if (t->mechanism == RECORD_EXISTS &&
	    !macro_uses(t->domain, MACRO_MESSAGE_LETTERS))
		say(l, ADVISE_EXISTS, w, "without a macro for the client it "
		    "matches everybody or nobody");
	if (t->mechanism == RECORD_INCLUDE && (t->qualifier == RESULT_FAIL ||
	    t->qualifier == RESULT_SOFTFAIL))
		say(l, ADVISE_INCLUDE_SIGN, w, "with this sign it refuses "
		    "those that pass there, and leaves all others alone");
}

static void
look_at_modifier(const struct look *l, const struct word *w)
{
	const struct record *r = l->record;
	char storage[REPAIR_SIZE];
	struct sbuf meant;

	if (word_is(l, w, "redirect")) {
		look_at_macro(l, w, r->redirect);
		return;
	}
	if (word_is(l, w, "exp")) {
		look_at_macro(l, w, r->exp);
		return;
	}
	sbuf_init(&meant, storage, sizeof(storage));
	if (repair_term(l->text + w->offset, w->len, &meant))
		advice_add(l->out, ADVISE_MODIFIER, w->offset, w->len,
		    "with = it is a modifier that nobody knows, and ignored; "
		    "write %s", storage);
	else
		say(l, ADVISE_MODIFIER, w, "nobody knows this modifier: it is "
		    "ignored");
}

static void
look_at_case(const struct look *l, const struct word *w)
{
	const char *name = l->text + w->offset + w->name;

	for (size_t i = 0; i < w->name_len; i++) {
		if (util_lower(name[i]) == name[i])
			continue;
		say(l, ADVISE_CASE, w, "write it in lower case, which every "
		    "program understands");
		return;
	}
}

/* The whole */

static const struct word *
find_all(const struct look *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].term != NULL &&
		    l->words[i].term->mechanism == RECORD_ALL)
			return &l->words[i];
	return NULL;
}

static void
look_behind(const struct look *l, const struct word *all)
{
	for (const struct word *w = all + 1; w < l->words + l->count; w++) {
		if (w->term != NULL)
			say(l, ADVISE_AFTER_ALL, w, "stands behind all, which "
			    "matches everybody: it is never looked at");
	}
	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].term == NULL &&
		    word_is(l, &l->words[i], "redirect"))
			say(l, ADVISE_REDIRECT_WITH_ALL, &l->words[i],
			    "is ignored, since the record has all");
}

/* RFC 7208 s6: modifiers should stand at the end. */
static void
look_at_order(const struct look *l)
{
	const struct word *last = NULL;

	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].term != NULL)
			last = &l->words[i];
	for (const struct word *w = l->words; w < last; w++)
		if (w->term == NULL)
			say(l, ADVISE_EARLY, w, "modifiers belong to the end; "
			    "wherever it stands it counts behind all terms");
}

static bool
can_fail(const struct record *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->terms[i].qualifier == RESULT_FAIL)
			return true;
	return r->redirect != NULL;
}

static void
look_at_whole(const struct look *l, size_t len)
{
	const struct record *r = l->record;
	const struct word *all = find_all(l);

	if (memcmp(l->text, "v=spf1", VERSION_LEN) != 0)
		advice_add(l->out, ADVISE_CASE, 0, VERSION_LEN, "write v=spf1 "
		    "in lower case, which every program understands");
	if (len > ADVISE_LONG_TEXT)
		advice_add(l->out, ADVISE_LONG, 0, 0, "%zu octets; beyond %d "
		    "an answer may not fit a DNS packet of 512 octets", len,
		    ADVISE_LONG_TEXT);
	if (all == NULL && r->redirect == NULL)
		advice_add(l->out, ADVISE_NO_ALL, 0, 0, "neither all nor "
		    "redirect: forgers are neutral, as if there were no "
		    "record; end it with -all or ~all");
	if (all != NULL && all->term->qualifier == RESULT_NEUTRAL)
		say(l, ADVISE_NEUTRAL_ALL, all, "says nothing about forgers; "
		    "-all or ~all does");
	if (all != NULL)
		look_behind(l, all);
	look_at_order(l);
	for (size_t i = 0; r->exp != NULL && !can_fail(r) && i < l->count; i++)
		if (l->words[i].term == NULL && word_is(l, &l->words[i], "exp"))
			say(l, ADVISE_EXP_UNUSED, &l->words[i], "nothing in "
			    "the record fails, so nobody reads it");
}

static struct word
word_at(const struct look *l, size_t offset, size_t len, size_t *term)
{
	const char *s = l->text + offset;
	struct word w = { .offset = offset, .len = len };

	if (*term < l->record->count &&
	    l->record->terms[*term].offset == offset)
		w.term = &l->record->terms[(*term)++];
	w.name = strchr("+-~?", s[0]) != NULL;
	while (w.name + w.name_len < len &&
	    strchr(":/=", s[w.name + w.name_len]) == NULL)
		w.name_len++;
	return w;
}

static void
find_words(struct look *l, size_t len)
{
	size_t term = 0;

	l->words = xcalloc(len, sizeof(*l->words));
	for (size_t i = VERSION_LEN; i < len;) {
		size_t n = strcspn(l->text + i, " ");

		if (n > 0)
			l->words[l->count++] = word_at(l, i, n, &term);
		i += n + (n == 0);
	}
}

static void
look_at(const char *text, const struct record *r, struct advice *out)
{
	struct look l = { .text = text, .record = r, .out = out };

	find_words(&l, r->len);
	look_at_whole(&l, r->len);
	for (size_t i = 0; i < l.count; i++) {
		if (l.words[i].term != NULL)
			look_at_term(&l, &l.words[i]);
		else
			look_at_modifier(&l, &l.words[i]);
		look_at_case(&l, &l.words[i]);
	}
	look_at_pairs(&l);
	free(l.words);
}

/* What is wrong, and what was meant; blanks take its place. */
static void
note_syntax(char *text, size_t len, const struct record_error *e,
    struct advice *out)
{
	char storage[REPAIR_SIZE];
	size_t start = e->term;
	size_t n = e->term_len;
	struct sbuf meant;

	if (n == 0) {		/* an octet that no term may have */
		for (start = e->offset; text[start - 1] != ' '; start--)
			continue;
		while (start + n < len && text[start + n] != ' ')
			n++;
	}
	size_t at = e->offset < start + n ? e->offset : start;
	sbuf_init(&meant, storage, sizeof(storage));
	if (repair_term(text + start, n, &meant))
		advice_add(out, ADVISE_SYNTAX, at, start + n - at,
		    "%s; write %s", e->message, storage);
	else
		advice_add(out, ADVISE_SYNTAX, at, start + n - at, "%s",
		    e->message);
	memset(text + start, ' ', n);
}

struct record *
advise_record(const char *text, size_t len, struct advice *out)
{
	struct record_error e;

	if (!record_is_spf(text, len)) {
		advice_add(out, ADVISE_NOT_SPF, 0, 0, "not an SPF record: it "
		    "has to begin with v=spf1 and a blank");
		return NULL;
	}
	if (len > RECORD_TEXT_MAX) {
		advice_add(out, ADVISE_TOO_LONG, 0, 0, "longer than %d octets: "
		    "nobody reads it", RECORD_TEXT_MAX);
		return NULL;
	}
	char *copy = xcalloc(len + 1, 1);
	struct record *r;
	memcpy(copy, text, len);
	while ((r = record_parse(copy, len, &e)) == NULL)
		note_syntax(copy, len, &e, out);
	look_at(copy, r, out);
	advice_sort(out);
	free(copy);
	return r;
}
