/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of a list, in memory whole: addresses as a set of prefixes,
 * names as texts by their hash.  A file of a database is not asked in place,
 * for it may be cut or rewritten at any moment, and the disk may let a mail
 * server wait.
 */

#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "policy/list_priv.h"
#include "spf/identity.h"

#define TEXT_MAX 512		/* octets of an entry */

struct list_table *
list_table_new(enum list_kind k)
{
	struct list_table *t = xcalloc(1, sizeof(*t));

	t->kind = k;
	t->references = 1;
	addr_set_init(&t->in.addrs);
	addr_set_init(&t->out.addrs);
	return t;
}

static void
side_fini(struct list_side *s)
{
	addr_set_fini(&s->addrs);
	for (size_t i = 0; i < s->text_count; i++)
		free(s->texts[i]);
	free(s->texts);
	free(s->places);
}

void
list_table_release(struct list_table *t)
{
	if (t == NULL || atomic_fetch_sub(&t->references, 1) > 1)
		return;
	side_fini(&t->in);
	side_fini(&t->out);
	list_patterns_free(t->patterns);
	for (size_t i = 0; t->behavior != NULL && i <= LIST_LEVELS; i++)
		addr_set_fini(&t->behavior[i]);
	free(t->behavior);
	free(t);
}

/* Entries */

static void
add_text(struct list_side *s, const char *text)
{
	if (s->text_count == s->text_room) {
		s->text_room = 2 * s->text_room + 8;
		s->texts = xreallocarray(s->texts, s->text_room,
		    sizeof(*s->texts));
	}
	s->texts[s->text_count++] = xstrdup(text);
}

static const char *
add_range(struct list_side *s, const char *text)
{
	const char *dash = strchr(text, '-');
	size_t len = (size_t)(dash - text);
	struct addr first;
	struct addr last;
	char copy[ADDR_TEXT_SIZE];

	if (len >= sizeof(copy))
		return "";
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!addr_parse(&first, copy) || !addr_parse(&last, dash + 1))
		return "";
	return addr_set_add_range(&s->addrs, &first, &last) ? NULL :
	    "this range ends before it begins";
}

static const char *
add_client(struct list_side *s, const char *text)
{
	struct addr_prefix p;

	if (strchr(text, '-') != NULL)
		return add_range(s, text);
	if (!addr_prefix_parse(&p, text))
		return "";
	addr_set_add(&s->addrs, &p);
	return NULL;
}

/*
 * In place, in size octets: lower case, A-labels, no dot at the end.  False:
 * this is no domain.
 */
static bool
make_domain(char *domain, size_t size)
{
	char ascii[IDENTITY_NAME_MAX + 1];

	if (!identity_name_to_ascii(domain, ascii))
		return false;
	size_t len = strlen(ascii);
	if (len > 0 && ascii[len - 1] == '.')
		len--;
	if (len >= size || !identity_name_is_valid(ascii, len, false))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!util_is_alnum(ascii[i]) &&
		    strchr("-_.", ascii[i]) == NULL)
			return false;
	util_lower_octets(ascii, len);
	memcpy(domain, ascii, len);
	domain[len] = '\0';
	return true;
}

/* What a local part has without quotes (RFC 5321 s4.1.2); UTF-8 too. */
static bool
is_plain(char c)
{
	return util_is_alnum(c) || (c & 0x80) != 0 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/*
 * In place: a local part without the quotes and backslashes that it does not
 * need, since whoever types it chooses whether they are there.
 */
static void
unquote(char *address)
{
	char *at = strrchr(address, '@');
	char *end = at != NULL ? at : address + strlen(address);
	char plain[2 * TEXT_MAX];
	size_t n = 0;

	for (const char *p = address; p < end; p++) {
		if (*p == '"')
			continue;
		if (*p == '\\' && p + 1 < end)
			p++;
		if (!is_plain(*p))
			return;
		plain[n++] = *p;
	}
	memcpy(address, plain, n);
	memmove(address + n, end, strlen(end) + 1);
}

/* [.]domain, and for addresses local@[domain] and <>. */
static const char *
add_name(enum list_kind k, struct list_side *s, const char *text)
{
	bool is_address = k == LIST_ADDRESS;
	char copy[TEXT_MAX];
	char *domain = copy;
	char *at;

	if (!util_copy(copy, sizeof(copy), text))
		return "";
	util_lower_octets(copy, strlen(copy));
	if (is_address)
		unquote(copy);
	at = is_address ? strrchr(copy, '@') : NULL;
	if (at == copy)
		return "";
	if (at != NULL)
		domain = at + 1;
	else if (copy[0] == '.')
		domain = copy + 1;
	if ((at == NULL || *domain != '\0') &&
	    (!is_address || strcmp(copy, "<>") != 0) &&
	    !make_domain(domain, sizeof(copy) - (size_t)(domain - copy)))
		return "";
	add_text(s, copy);
	return NULL;
}

/* A range is many prefixes. */
bool
list_table_is_full(const struct list_table *t)
{
	return t->entries >= LIST_ENTRIES_MAX ||
	    t->in.addrs.count >= LIST_ENTRIES_MAX ||
	    t->out.addrs.count >= LIST_ENTRIES_MAX;
}

const char *
list_table_add(struct list_table *t, const char *entry)
{
	struct list_side *s = entry[0] == '!' ? &t->out : &t->in;
	const char *text = entry + (entry[0] == '!');

	if (list_table_is_full(t))
		return NULL;
	const char *wrong = t->kind == LIST_CLIENT ? add_client(s, text) :
	    add_name(t->kind, s, text);
	if (wrong == NULL)
		t->entries++;
	return wrong;
}

void
list_table_add_prefix(struct list_table *t, const struct addr_prefix *p,
    bool in)
{
	if (list_table_is_full(t))
		return;
	addr_set_add(in ? &t->in.addrs : &t->out.addrs, p);
	t->narrowest = true;
	t->entries++;
}

void
list_table_add_behavior(struct list_table *t, const struct addr_prefix *p,
    unsigned level)
{
	if (t->behavior == NULL) {
		t->behavior = xcalloc(LIST_LEVELS + 1, sizeof(*t->behavior));
		for (size_t i = 0; i <= LIST_LEVELS; i++)
			addr_set_init(&t->behavior[i]);
	}
	if (!list_table_is_full(t))
		addr_set_add(&t->behavior[level], p);
}

/* The place of text, or the free one where it would be. */
static uint32_t *
find_place(const struct list_side *s, const char *text)
{
	size_t i = hash_quick(text, strlen(text));

	for (;; i++) {
		uint32_t *place = &s->places[i & s->place_mask];

		if (*place == 0 || strcmp(s->texts[*place - 1], text) == 0)
			return place;
	}
}

static void
side_seal(struct list_side *s)
{
	size_t room = 2;

	addr_set_seal(&s->addrs);
	if (s->text_count == 0)
		return;
	while (room < 2 * s->text_count)
		room *= 2;
	s->place_mask = room - 1;
	s->places = xcalloc(room, sizeof(*s->places));
	for (uint32_t i = 0; i < s->text_count; i++)
		*find_place(s, s->texts[i]) = i + 1;
}

void
list_table_seal(struct list_table *t)
{
	side_seal(&t->in);
	side_seal(&t->out);
	for (size_t i = 0; t->behavior != NULL && i <= LIST_LEVELS; i++)
		addr_set_seal(&t->behavior[i]);
}

/* Questions */

/* Whether an entry is what is looked for. */
typedef bool meet_fn(void *arg, const char *entry);

static bool
has_text(void *arg, const char *text)
{
	const struct list_side *s = arg;

	return s->text_count > 0 && *find_place(s, text) != 0;
}

/* Of domain itself, and those that begin with a dot above it, till one is. */
static bool
meet_domain(char *domain, meet_fn *meet, void *arg)
{
	const char *dot = domain;

	if (domain[0] == '\0' || domain[0] == '.')
		return false;
	if (meet(arg, domain))
		return true;
	while ((dot = strchr(dot + 1, '.')) != NULL) {
		if (meet(arg, dot))
			return true;
	}
	return false;
}

/* text: local@domain, or "" for the null sender. */
static bool
meet_address(char *text, meet_fn *meet, void *arg)
{
	char *at = strrchr(text, '@');

	if (at == NULL)
		return meet(arg, "<>");
	if (meet(arg, text) || meet_domain(at + 1, meet, arg))
		return true;

	char kept = at[1];
	at[1] = '\0';
	bool found = meet(arg, text);
	at[1] = kept;
	return found;
}

/*
 * As entries are written; of a long text the end, since no entry is as long,
 * but the domain may be one.
 */
static void
normalise(enum list_kind k, const char *text, char out[2 * TEXT_MAX])
{
	size_t len = strlen(text);
	size_t room = 2 * TEXT_MAX - 2;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len > room) {
		text += len - room;
		len = room;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	util_lower_octets(out, len);
	if (k != LIST_ADDRESS)
		return;
	unquote(out);
	if (text[0] != '\0' && strchr(out, '@') == NULL)
		memcpy(out + strlen(out), "@", 2);
}

static int
match_text(const struct list_table *t, const char *text)
{
	bool (*ask)(char *, meet_fn *, void *) =
	    t->kind == LIST_NAME ? meet_domain : meet_address;
	struct list_side in = t->in;
	struct list_side out = t->out;
	char copy[2 * TEXT_MAX];

	normalise(t->kind, text, copy);
	if (out.text_count > 0 && ask(copy, has_text, &out))
		return LIST_OUT;
	return ask(copy, has_text, &in) ? 0 : LIST_NOTHING;
}

/* Marks */

static bool
mark(void *arg, const char *entry)
{
	struct list_marks *m = arg;
	uint64_t hash = hash_quick(entry, strlen(entry));

	m->bits[hash >> 6 & 1] |= UINT64_C(1) << (hash & 63);
	hash >>= 32;
	m->bits[2 + (hash >> 6 & 1)] |= UINT64_C(1) << (hash & 63);
	return false;
}

/* Of its /24 or /48; false: p has more than one. */
static bool
mark_network(struct list_marks *m, const struct addr_prefix *p)
{
	char text[ADDR_TEXT_SIZE];
	struct addr network = addr_network(&p->addr, 48);

	if (p->len < (p->addr.family == AF_INET ? 24 : 48))
		return false;
	mark(m, addr_format(&network, text));
	return true;
}

bool
list_table_mark_client(const char *entry, struct list_marks *m)
{
	struct addr_prefix p;

	return addr_prefix_parse(&p, entry) && mark_network(m, &p);
}

void
list_table_mark_texts(const struct list_table *t, struct list_marks *m)
{
	for (size_t i = 0; i < t->in.text_count; i++)
		mark(m, t->in.texts[i]);
}

void
list_key_marks(enum list_kind k, const struct list_key *key,
    struct list_marks *out)
{
	char copy[2 * TEXT_MAX];

	memset(out, 0, sizeof(*out));
	if (k == LIST_CLIENT) {
		mark_network(out, &(struct addr_prefix){ *key->client, 128 });
		return;
	}
	normalise(k, key->text, copy);
	if (k == LIST_NAME)
		meet_domain(copy, mark, out);
	else
		meet_address(copy, mark, out);
}

static int
match_client(const struct list_table *t, const struct addr *a)
{
	const struct addr_prefix *in = addr_set_longest(&t->in.addrs, a);
	const struct addr_prefix *out = addr_set_longest(&t->out.addrs, a);

	if (t->narrowest)
		return in != NULL && (out == NULL || in->len > out->len) ?
		    (int)in->len : LIST_NOTHING;
	if (out != NULL)
		return LIST_OUT;
	return in != NULL ? (int)in->len : LIST_NOTHING;
}

int
list_table_behavior(const struct list_table *t, const struct addr *a)
{
	const struct addr_prefix *longest = NULL;
	int level = -1;

	for (int i = 0; t->behavior != NULL && i <= LIST_LEVELS; i++) {
		const struct addr_prefix *p = addr_set_longest(&t->behavior[i],
		    a);

		if (p != NULL && (longest == NULL || p->len > longest->len)) {
			longest = p;
			level = i < LIST_LEVELS ? i : -1;
		}
	}
	return level;
}

/* As it is typed, but for needless quotes. */
static int
match_patterns(const struct list_table *t, const char *text)
{
	char copy[2 * TEXT_MAX];

	if (t->kind == LIST_ADDRESS && strpbrk(text, "\"\\") != NULL &&
	    util_copy(copy, sizeof(copy), text)) {
		unquote(copy);
		text = copy;
	}
	return list_patterns_match(t->patterns, text[0] == '\0' ? "<>" : text);
}

int
list_table_match(const struct list_table *t, const struct list_key *k)
{
	char client[ADDR_TEXT_SIZE];

	if (t->patterns != NULL)
		return match_patterns(t, t->kind == LIST_CLIENT ?
		    addr_format(k->client, client) : k->text);
	return t->kind == LIST_CLIENT ? match_client(t, k->client) :
	    match_text(t, k->text);
}
