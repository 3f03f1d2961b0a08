/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constant databases, through tinycdb.  It maps files, and a mapped file that
 * is cut while we read it ends the program: it gets a copy in memory.
 *
 * One that qmail's tcprules has made (cr.yp.to/ucspi-tcp/tcprules.html) is
 * told by its records.  A key is an address, the begin of one up to a dot, or
 * "" for all; with "=" for names and "@" for users, which are passed over
 * here, because nobody has confirmed them.  A value is "D" for "deny" and a
 * "+" before each variable, all ended by NUL.  tcpserver takes the record of
 * the address, then that of the longest begin.
 */

#include "config.h"

#include <cdb.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/list_priv.h"

#define HEAD_SIZE 2048		/* where and how long the 256 tables are */
#define RELAY "+RELAYCLIENT="
#define BEHAVIOR "+SPFBEHAVIOR="

struct record {
	const char	*key;
	size_t		 key_len;
	const char	*value;
	size_t		 value_len;
};

/* All that the head names is there. */
static bool
is_whole(const struct cdb *c)
{
	const unsigned char *head = cdb_get(c, HEAD_SIZE, 0);
	struct stat st;

	if (head == NULL || fstat(cdb_fileno(c), &st) != 0)
		return false;
	for (size_t i = 0; i < HEAD_SIZE; i += 8) {
		uint64_t begin = cdb_unpack(head + i);
		uint64_t slots = cdb_unpack(head + i + 4);

		if (begin + 8 * slots > (uint64_t)st.st_size)
			return false;
	}
	return true;
}

/* 1: out is the next record; 0: there is none; -1: it does not fit. */
static int
next_record(struct cdb *c, unsigned *where, struct record *out)
{
	int found = cdb_seqnext(where, c);

	if (found <= 0)
		return found;
	out->key = cdb_getkey(c);
	out->key_len = cdb_keylen(c);
	out->value = cdb_getdata(c);
	out->value_len = cdb_datalen(c);
	return out->key != NULL && out->value != NULL ? 1 : -1;
}

/* The octets of a string with its NUL; 0: it has none. */
static size_t
string_size(const char *s, size_t len)
{
	size_t n = strnlen(s, len);

	return n < len ? n + 1 : 0;
}

static bool
is_rule_value(const struct record *r)
{
	const char *s = r->value;
	size_t left = r->value_len;

	while (left > 0) {
		size_t n = string_size(s, left);

		if (n == 0 || (s[0] != '+' && (s[0] != 'D' || n != 2)))
			return false;
		s += n;
		left -= n;
	}
	return true;
}

/* What only tcprules writes. */
static bool
is_rule_sign(const struct record *r)
{
	return r->value_len > 0 || r->key_len == 0 || r->key[0] == '=' ||
	    r->key[r->key_len - 1] == '.';
}

/* What a rule sets; a variable that stands twice has its last value. */
struct rule {
	bool		 relays;
	unsigned	 level;		/* LIST_LEVELS: none */
};

/* As qmail's patch reads it: a number above 6 is 6. */
static unsigned
parse_level(const char *s)
{
	uint64_t n;

	if (!util_parse_uint(s, strlen(s), UINT32_MAX, &n))
		return LIST_LEVELS;
	return n < LIST_LEVELS ? (unsigned)n : LIST_LEVELS - 1;
}

static struct rule
read_rule(const struct record *r)
{
	static const struct rule denies = { false, LIST_LEVELS };
	struct rule rule = denies;
	const char *s = r->value;

	for (size_t left = r->value_len; left > 0;) {
		size_t n = string_size(s, left);

		if (s[0] == 'D')
			return denies;
		if (strncmp(s, RELAY, sizeof(RELAY) - 1) == 0)
			rule.relays = true;
		if (strncmp(s, BEHAVIOR, sizeof(BEHAVIOR) - 1) == 0)
			rule.level = parse_level(s + sizeof(BEHAVIOR) - 1);
		s += n;
		left -= n;
	}
	return rule;
}

/* False: a key without an address. */
static bool
parse_rule_key(const struct record *r, struct addr_prefix *out)
{
	char text[ADDR_TEXT_SIZE];
	struct sbuf sb;
	unsigned dots = 0;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_add(&sb, r->key, r->key_len);
	if (!sbuf_ok(&sb) || strlen(text) != r->key_len)
		return false;
	if (addr_prefix_parse(out, text))
		return strchr(text, '/') == NULL;
	for (const char *s = text; *s != '\0'; s++)
		dots += *s == '.';
	if (dots == 0 || dots > 3 || text[r->key_len - 1] != '.')
		return false;
	for (unsigned i = dots; i < 4; i++)
		sbuf_str(&sb, i < 3 ? "0." : "0");
	if (!sbuf_ok(&sb) || !addr_parse_v4(&out->addr, text, sb.len))
		return false;
	out->len = 8 * dots;
	return true;
}

static void
add_prefix(struct list_table *t, const struct addr_prefix *p,
    const struct rule *rule)
{
	list_table_add_prefix(t, p, rule->relays);
	list_table_add_behavior(t, p, rule->level);
}

static void
add_rule(struct list_table *t, const struct record *r)
{
	const struct rule rule = read_rule(r);
	struct addr_prefix p = { .len = 0 };

	if (r->key_len == 0) {
		p.addr.family = AF_INET;
		add_prefix(t, &p, &rule);
		p.addr.family = AF_INET6;
		add_prefix(t, &p, &rule);
	} else if (parse_rule_key(r, &p)) {
		add_prefix(t, &p, &rule);
	}
}

/* The others: a map may have keys that are for other lists. */
static void
add_key(struct list_table *t, const struct record *r)
{
	char *key = xstrndup(r->key, r->key_len);

	list_table_add(t, key);
	free(key);
}

/* Of all records: 1: tcprules has made them; 0: another; -1: broken. */
static int
is_tcprules(struct cdb *c)
{
	struct record r;
	bool all = true;
	bool some = false;
	unsigned where;
	int found;

	cdb_seqinit(&where, c);
	while ((found = next_record(c, &where, &r)) > 0) {
		all = all && is_rule_value(&r);
		some = some || is_rule_sign(&r);
	}
	return found < 0 ? -1 : all && some;
}

static bool
read_records(struct list_table *t, struct cdb *c)
{
	int rules = is_tcprules(c);
	struct record r;
	unsigned where;

	if (rules < 0)
		return false;
	cdb_seqinit(&where, c);
	while (next_record(c, &where, &r) > 0) {
		if (rules == 0 || t->kind != LIST_CLIENT)
			add_key(t, &r);
		else
			add_rule(t, &r);
	}
	return true;
}

static bool
read_copy(struct list_table *t, int fd)
{
	struct cdb c;

	if (cdb_init(&c, fd) != 0)
		return false;
	bool good = is_whole(&c) && read_records(t, &c);
	cdb_free(&c);
	return good;
}

bool
list_cdb_read(struct list_table *t, const char *path, struct diag *d)
{
	int from = list_text_open(path, d);

	if (from < 0)
		return false;
	int fd = list_copy(from);
	bool good = fd >= 0 && read_copy(t, fd);
	if (fd < 0)
		diag_add(d, path, 0, "%s", strerror(errno));
	else if (!good)
		diag_add(d, path, 0, "this is no cdb, or only the begin of "
		    "one");
	if (fd >= 0)
		close(fd);
	close(from);
	return good;
}

const char *
list_cdb_library(void)
{
	return "tinycdb " LIST_TEXT(TINYCDB_VERSION);
}
