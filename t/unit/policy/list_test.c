/* SPDX-License-Identifier: BSD-2-Clause */
/* list: entries of each kind, files, and files that change. */

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/stats.h"
#include "policy/list.h"

static char folder[] = "/tmp/list-test-XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* The path of a file in the folder; the storage is one of four. */
static const char *
path_of(const char *name)
{
	static char paths[4][200];
	static unsigned n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void
write_octets(const char *name, const void *octets, size_t len)
{
	FILE *out = fopen(path_of(name), "w");

	assert_non_null(out);
	assert_int_equal(fwrite(octets, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void
write_file(const char *name, const char *text)
{
	write_octets(name, text, strlen(text));
}

static void
remove_file(const char *name)
{
	assert_int_equal(unlink(path_of(name)), 0);
}

static void
add(struct list *l, const char *element)
{
	const char *wrong = list_add(l, element);

	if (wrong != NULL)
		fail_msg("%s: %s", element, wrong);
}

static void
add_file(struct list *l, const char *type, const char *name)
{
	char element[300];

	snprintf(element, sizeof(element), "%s:%s", type, path_of(name));
	add(l, element);
}

static void
load(struct list *l)
{
	struct diag d;

	diag_init(&d);
	if (!list_load(l, &d))
		fail_msg("%s:%u: %s", d.entries[0].file, d.entries[0].line,
		    d.entries[0].message);
	diag_fini(&d);
}

/* elements: separated by blanks. */
static struct list *
make(enum list_kind k, const char *elements)
{
	struct list *l = list_new(k);
	char copy[1000];
	char *rest = copy;
	char *element;

	assert_true(util_copy(copy, sizeof(copy), elements));
	while ((element = strsep(&rest, " ")) != NULL)
		add(l, element);
	load(l);
	return l;
}

/* The list with the file of that text alone. */
static struct list *
make_from_file(enum list_kind k, const char *type, const char *text)
{
	struct list *l = list_new(k);

	write_file("list", text);
	add_file(l, type, "list");
	load(l);
	return l;
}

static bool
has_client(const struct list *l, const char *text)
{
	struct addr a;
	const struct list_key k = { .client = &a };

	assert_true(addr_parse(&a, text));
	assert_int_equal(list_match(l, &k), list_longest(l, &a) >= 0);
	return list_match(l, &k);
}

static bool
has_text(const struct list *l, const char *text)
{
	const struct list_key k = { .text = text };

	return list_match(l, &k);
}

static int
longest(const struct list *l, const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return list_longest(l, &a);
}

/* What list_load says of a file of that text. */
static const char *
mistake_of(enum list_kind k, const char *type, const char *text)
{
	static char line[1000];
	struct list *l = list_new(k);
	struct sbuf sb;
	struct diag d;

	write_file("list", text);
	add_file(l, type, "list");
	diag_init(&d);
	assert_false(list_load(l, &d));
	sbuf_init(&sb, line, sizeof(line));
	diag_format(&d.entries[0], &sb);
	diag_fini(&d);
	list_free(l);
	remove_file("list");
	return line + strlen(folder) + 1;
}

static void
test_client_entries(void **state)
{
	(void)state;
	struct list *l = make(LIST_CLIENT, "192.0.2.1 198.51.100.0/24 "
	    "[2001:db8::]/32 203.0.113.5-203.0.113.20 2001:db9::1-2001:db9::3");

	assert_true(has_client(l, "192.0.2.1"));
	assert_false(has_client(l, "192.0.2.2"));
	assert_true(has_client(l, "198.51.100.255"));
	assert_true(has_client(l, "2001:db8:ffff::1"));
	assert_true(has_client(l, "::ffff:192.0.2.1"));
	assert_false(has_client(l, "203.0.113.4"));
	for (unsigned i = 5; i <= 20; i++) {
		char text[40];
		snprintf(text, sizeof(text), "203.0.113.%u", i);
		assert_true(has_client(l, text));
	}
	assert_false(has_client(l, "203.0.113.21"));
	assert_false(has_client(l, "2001:db9::"));
	assert_true(has_client(l, "2001:db9::1"));
	assert_true(has_client(l, "2001:db9::3"));
	assert_false(has_client(l, "2001:db9::4"));
	list_free(l);
}

static void
test_longest_tells_the_bits_of_the_narrowest_entry(void **state)
{
	(void)state;
	struct list *l = make(LIST_CLIENT,
	    "10.0.0.0/8 10.1.0.0/16 !10.9.0.0/16");

	assert_int_equal(longest(l, "10.2.0.1"), 8);
	assert_int_equal(longest(l, "10.1.0.1"), 16);
	assert_int_equal(longest(l, "10.9.0.1"), -1);
	assert_int_equal(longest(l, "192.0.2.1"), -1);
	list_free(l);
}

static void
test_exclusion_holds_wherever_it_stands(void **state)
{
	(void)state;
	struct list *l = make(LIST_CLIENT, "!10.1.0.0/16 10.0.0.0/8 10.1.2.3");

	assert_true(has_client(l, "10.2.0.1"));
	assert_false(has_client(l, "10.1.2.3"));
	list_free(l);

	write_file("list", "192.0.2.0/24\n!192.0.2.7\n!10.3.0.0/16\n");
	l = list_new(LIST_CLIENT);
	add(l, "10.0.0.0/8");
	add_file(l, "file", "list");
	load(l);
	assert_true(has_client(l, "192.0.2.1"));
	assert_false(has_client(l, "192.0.2.7"));
	assert_false(has_client(l, "10.3.0.1"));
	list_free(l);

	l = list_new(LIST_CLIENT);
	add(l, "192.0.2.0/24");
	add_file(l, "!file", "list");
	load(l);
	assert_false(has_client(l, "192.0.2.1"));
	assert_true(has_client(l, "192.0.2.7"));
	list_free(l);
	remove_file("list");
}

static void
test_an_empty_list_has_nobody(void **state)
{
	(void)state;
	struct list *l = list_new(LIST_CLIENT);

	load(l);
	assert_false(has_client(l, "192.0.2.1"));
	assert_false(list_has_files(l));
	list_free(l);
	list_free(NULL);
}

static void
test_names(void **state)
{
	(void)state;
	struct list *l = make(LIST_NAME,
	    "mx.Example.com .example.net !bad.example.net b\xc3\xbc.example");

	assert_true(has_text(l, "mx.example.com"));
	assert_true(has_text(l, "MX.EXAMPLE.COM."));
	assert_false(has_text(l, "a.mx.example.com"));
	assert_false(has_text(l, "example.net"));
	assert_true(has_text(l, "a.example.net"));
	assert_true(has_text(l, "b.a.example.net"));
	assert_false(has_text(l, "bad.example.net"));
	assert_false(has_text(l, "aexample.net"));
	assert_false(has_text(l, ".example.net"));
	assert_false(has_text(l, ""));
	assert_true(has_text(l, "xn--b-eha.example"));
	list_free(l);
}

static void
test_addresses(void **state)
{
	(void)state;
	struct list *l = make(LIST_ADDRESS, "example.com .example.net "
	    "News@Example.org postmaster@ !spam@example.com");

	assert_true(has_text(l, "anybody@example.com"));
	assert_false(has_text(l, "anybody@a.example.com"));
	assert_true(has_text(l, "u@a.example.net"));
	assert_false(has_text(l, "u@example.net"));
	assert_true(has_text(l, "news@example.org"));
	assert_false(has_text(l, "old@example.org"));
	assert_true(has_text(l, "Postmaster@any.example"));
	assert_true(has_text(l, "postmaster"));
	assert_false(has_text(l, "spam@example.com"));
	assert_true(has_text(l, "a@b@example.com"));
	assert_false(has_text(l, "example.com"));
	assert_false(has_text(l, ""));
	list_free(l);

	l = make(LIST_ADDRESS, "<>");
	assert_true(has_text(l, ""));
	assert_false(has_text(l, "u@example.com"));
	list_free(l);
}

/* Mail servers deliver all of them to the same mailbox. */
static void
test_quotes_make_no_other_local_part(void **state)
{
	(void)state;
	struct list *l = make(LIST_ADDRESS,
	    "boss@ours.example postmaster@ \"q.uote\"@ours.example");

	assert_true(has_text(l, "\"boss\"@ours.example"));
	assert_true(has_text(l, "\"b\\oss\"@ours.example"));
	assert_true(has_text(l, "b\\oss@ours.example"));
	assert_true(has_text(l, "bo\"ss\"@ours.example"));
	assert_true(has_text(l, "\"Postmaster\""));
	assert_true(has_text(l, "q.uote@ours.example"));
	assert_false(has_text(l, "\"bo ss\"@ours.example"));
	assert_false(has_text(l, "\"boss@ours.example\"@b.example"));
	assert_false(has_text(l, "\"\"@b.example"));
	assert_false(has_text(l, "\"\\"));
	list_free(l);
}

/* The key before is what a reading beyond the end would find. */
static void
test_keys_without_a_domain_match_no_domain(void **state)
{
	(void)state;
	struct list *l = make(LIST_ADDRESS, ".example.com <>");

	assert_true(has_text(l, "user@aaaa.example.com"));
	assert_false(has_text(l, "user@"));
	assert_true(has_text(l, "user@aaaa.example.com"));
	assert_false(has_text(l, "user"));
	assert_false(has_text(l, "."));
	list_free(l);

	l = make(LIST_NAME, ".example.com");
	assert_true(has_text(l, "aaaa.example.com"));
	assert_false(has_text(l, ""));
	assert_true(has_text(l, "aaaa.example.com"));
	assert_false(has_text(l, "."));
	list_free(l);
}

static void
test_long_keys_are_judged_by_their_domain(void **state)
{
	(void)state;
	struct list *l = make(LIST_ADDRESS, "example.com a@");
	char text[5000];

	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 13, "@example.com", 13);
	assert_true(has_text(l, text));
	memcpy(text + sizeof(text) - 13, "@example.net", 13);
	assert_false(has_text(l, text));
	list_free(l);
}

static void
test_wrong_elements_are_refused(void **state)
{
	(void)state;
	static const struct {
		enum list_kind kind;
		const char *element;
		const char *wrong;
	} cases[] = {
		{ LIST_CLIENT, "", "" },
		{ LIST_CLIENT, "!", "" },
		{ LIST_CLIENT, "10.0.0.0/33", "" },
		{ LIST_CLIENT, "mx.example.com", "" },
		{ LIST_CLIENT, "10.0.0.1-", "" },
		{ LIST_CLIENT, "10.0.0.9-10.0.0.1",
		    "this range ends before it begins" },
		{ LIST_CLIENT, "10.0.0.1-::1",
		    "this range ends before it begins" },
		{ LIST_CLIENT, "file:list",
		    "the path of a file must be absolute" },
		{ LIST_CLIENT, "!cdb:list",
		    "the path of a file must be absolute" },
		{ LIST_CLIENT, "mysql:/etc/x", "no such type of file; there "
		    "are file, cdb, lmdb, pcre and regexp" },
		{ LIST_NAME, "a..example", "" },
		{ LIST_NAME, "u@example.com", "" },
		{ LIST_NAME, "<>", "" },
		{ LIST_NAME, ".", "" },
		{ LIST_ADDRESS, "@example.com", "" },
		{ LIST_ADDRESS, "@", "" },
		{ LIST_ADDRESS, "u@a b", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct list *l = list_new(cases[i].kind);
		const char *wrong = list_add(l, cases[i].element);

		if (wrong == NULL)
			fail_msg("taken: %s", cases[i].element);
		assert_string_equal(wrong, cases[i].wrong);
		assert_int_equal(list_count(l), 0);
		list_free(l);
	}
}

static void
test_elements_are_told_as_understood(void **state)
{
	(void)state;
	static const char *const told[] = {
		"192.0.2.1/32", "!::1/128", "10.0.0.1-10.0.0.2", NULL
	};
	struct list *l = list_new(LIST_CLIENT);

	add(l, "192.0.2.1");
	add(l, "![::1]/128");
	add(l, "10.0.0.1-10.0.0.2");
	write_file("list", "# none\n\n192.0.2.7 # office\n  192.0.2.8\tB\n");
	add_file(l, "file", "list");
	load(l);
	assert_int_equal(list_count(l), 4);
	for (size_t i = 0; told[i] != NULL; i++)
		assert_string_equal(list_element(l, i), told[i]);
	assert_int_equal(strncmp(list_element(l, 3), "file:/", 6), 0);
	assert_int_equal(list_entries(l, 0), 1);
	assert_int_equal(list_entries(l, 3), 2);
	assert_true(has_client(l, "192.0.2.8"));
	assert_true(list_has_files(l));
	list_free(l);
	remove_file("list");
}

static void
test_mistakes_have_file_and_line(void **state)
{
	(void)state;
	assert_string_equal(mistake_of(LIST_CLIENT, "file",
	    "10.0.0.1\n\nmx.example.com\n"), "list:3: \"mx.example.com\" is "
	    "not understood; allowed: an address, a network such as "
	    "192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9");
}

static void
test_what_cannot_be_read_is_told(void **state)
{
	(void)state;
	struct list *l = list_new(LIST_CLIENT);
	struct diag d;

	add_file(l, "file", "missing");
	add_file(l, "file", ".");
	diag_init(&d);
	assert_false(list_load(l, &d));
	assert_int_equal(d.count, 2);
	assert_string_equal(d.entries[0].file, path_of("missing"));
	assert_string_equal(d.entries[0].message, strerror(ENOENT));
	assert_string_equal(d.entries[1].message,
	    "this is not a regular file");
	diag_fini(&d);
	list_free(l);
}

/* As many prefixes as there may be entries. */
static void
test_a_file_has_a_bound(void **state)
{
	(void)state;
	static const char range[] =
	    "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe\n";
	char *text = xcalloc(5000, sizeof(range));

	for (size_t i = 0; i < 5000; i++)
		memcpy(text + i * (sizeof(range) - 1), range,
		    sizeof(range) - 1);
	assert_string_equal(mistake_of(LIST_CLIENT, "file", text),
	    "list: over 999999 entries");
	free(text);
}

/* Expressions */

static bool
has_patterns(void)
{
	return list_library(2) != NULL;
}

static void
test_expressions(void **state)
{
	(void)state;
	if (!has_patterns())
		return;
	struct list *l = make_from_file(LIST_ADDRESS, "pcre",
	    "# a comment\n"
	    "/^news-[0-9]+@/ OK\n"
	    "/^Case@example\\.com$/i\n"
	    "if /@example\\.net$/\n"
	    "!/^bad/ OK\n"
	    "endif\n"
	    "|^long-\n"
	    "   line@| OK\n"
	    "/^<>$/\n");

	assert_true(has_text(l, "NEWS-7@example.com"));
	assert_true(has_text(l, "\"news-7\"@example.com"));
	assert_true(has_text(l, "Case@example.com"));
	assert_false(has_text(l, "case@example.com"));
	assert_true(has_text(l, "good@example.net"));
	assert_false(has_text(l, "bad@example.net"));
	assert_false(has_text(l, "good@example.org"));
	assert_true(has_text(l, "long-   line@example.org"));
	assert_true(has_text(l, ""));
	list_free(l);

	l = make_from_file(LIST_CLIENT, "regexp", "/^192\\.0\\.2\\.[1-3]$/\n");
	assert_true(has_client(l, "192.0.2.3"));
	assert_false(has_client(l, "192.0.2.30"));
	list_free(l);
	remove_file("list");
}

static void
test_wrong_expressions_have_file_and_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *mistake;
	} cases[] = {
		{ "/a/\n/(/ OK\n", "list:2: missing closing parenthesis, at "
		    "octet 2 of the expression" },
		{ "abc\n", "list:1: an expression stands between two signs, "
		    "such as /expression/" },
		{ "/a\n", "list:1: an expression stands between two signs, "
		    "such as /expression/" },
		{ "/a/q\n", "list:1: this flag is not known; allowed: "
		    "imsxAEU" },
		{ "endif\n", "list:1: endif without an if" },
		{ "/a/\nif /b/\n", "list:2: if without an endif" },
	};

	if (!has_patterns())
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *told = mistake_of(LIST_NAME, "pcre",
		    cases[i].text);
		assert_string_equal(told, cases[i].mistake);
	}
}

static void
test_no_expression_stalls_a_session(void **state)
{
	(void)state;
	uint64_t before = stats_get(STATS_EXPRESSIONS_STOPPED);
	char text[900];

	if (!has_patterns())
		return;
	struct list *l = make_from_file(LIST_ADDRESS, "pcre",
	    "/^(a+)+$/\n/@example\\.com$/\n");

	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 13, "@example.com", 13);
	assert_false(has_text(l, text));
	assert_int_equal(stats_get(STATS_EXPRESSIONS_STOPPED), before + 1);
	assert_true(has_text(l, "u@example.com"));
	list_free(l);

	/* One that would exclude does so. */
	l = list_new(LIST_ADDRESS);
	add(l, "example.com");
	add_file(l, "!pcre", "list");
	load(l);
	assert_false(has_text(l, text));
	list_free(l);
	remove_file("list");
}

/* Files that change */

struct refreshed {
	struct diag news;
	struct diag mistakes;
};

static size_t
refresh(struct list *l, struct refreshed *r)
{
	diag_init(&r->news);
	diag_init(&r->mistakes);
	list_refresh(l, &r->news, &r->mistakes);
	return r->news.count + r->mistakes.count;
}

static void
forget(struct refreshed *r)
{
	diag_fini(&r->news);
	diag_fini(&r->mistakes);
}

static void
expect_quiet(struct list *l)
{
	struct refreshed r;

	assert_int_equal(refresh(l, &r), 0);
	forget(&r);
}

static void
test_a_changed_file_is_taken_up_once_it_rests(void **state)
{
	(void)state;
	struct list *l = make_from_file(LIST_CLIENT, "file", "192.0.2.1\n");
	struct refreshed r;

	expect_quiet(l);
	write_file("list", "192.0.2.1\n192.0.2.22\n");
	expect_quiet(l);
	assert_false(has_client(l, "192.0.2.22"));
	assert_int_equal(refresh(l, &r), 1);
	assert_string_equal(r.news.entries[0].file, path_of("list"));
	assert_string_equal(r.news.entries[0].message,
	    "the list has changed: 2 entries");
	forget(&r);
	assert_true(has_client(l, "192.0.2.22"));
	expect_quiet(l);
	list_free(l);
	remove_file("list");
}

static void
test_a_broken_file_keeps_the_old_list_and_is_told_once(void **state)
{
	(void)state;
	struct list *l = make_from_file(LIST_CLIENT, "file", "192.0.2.1\n");
	struct refreshed r;

	write_file("list", "192.0.2.22\nnonsense\n");
	expect_quiet(l);
	assert_int_equal(refresh(l, &r), 2);
	assert_int_equal(r.mistakes.count, 2);
	assert_int_equal(r.mistakes.entries[0].line, 2);
	assert_string_equal(r.mistakes.entries[1].message,
	    "the list stays as it was");
	forget(&r);
	assert_true(has_client(l, "192.0.2.1"));
	assert_false(has_client(l, "192.0.2.22"));
	expect_quiet(l);

	remove_file("list");
	expect_quiet(l);
	assert_int_equal(refresh(l, &r), 2);
	assert_string_equal(r.mistakes.entries[0].message, strerror(ENOENT));
	forget(&r);
	assert_true(has_client(l, "192.0.2.1"));

	write_file("list", "192.0.2.22\n");
	expect_quiet(l);
	assert_int_equal(refresh(l, &r), 1);
	forget(&r);
	assert_false(has_client(l, "192.0.2.1"));
	assert_true(has_client(l, "192.0.2.22"));
	list_free(l);
	remove_file("list");
}

/* Databases: files of the corpus, whole and not. */

/* The octets of one, without its sign. */
static size_t
read_corpus(const char *name, char octets[8192])
{
	char path[400];

	snprintf(path, sizeof(path), "%s/t/fuzz/corpus/list/%s",
	    getenv("SRCDIR") != NULL ? getenv("SRCDIR") : ".", name);
	FILE *in = fopen(path, "r");
	assert_non_null(in);
	assert_int_not_equal(fgetc(in), EOF);
	size_t len = fread(octets, 1, 8192, in);
	fclose(in);
	return len;
}

/* What tcprules has made. */
static void
test_half_a_cdb_is_refused(void **state)
{
	(void)state;
	char octets[8192];

	if (list_library(0) == NULL)
		return;
	size_t len = read_corpus("tcprules", octets);
	for (size_t n = 0; n <= len; n += n + 50 < len ? 50 : 1) {
		struct list *l = list_new(LIST_CLIENT);
		struct diag d;

		write_octets("list.cdb", octets, n);
		add_file(l, "cdb", "list");
		diag_init(&d);
		assert_int_equal(list_load(l, &d), n == len);
		assert_int_equal(d.count, n < len);
		if (n == len) {
			assert_true(has_client(l, "10.2.3.4"));
			assert_false(has_client(l, "10.1.2.4"));
			assert_false(has_client(l, "10.1.2.3"));
			assert_false(has_client(l, "192.0.2.1"));
			assert_false(has_client(l, "2001:db8::1"));
		}
		diag_fini(&d);
		list_free(l);
	}
	remove_file("list.cdb");
}

/* Names, and no values: no rules of tcprules. */
static void
test_a_cdb_of_names_may_have_dots_at_the_end(void **state)
{
	(void)state;
	char octets[8192];
	struct list *l = list_new(LIST_NAME);

	if (list_library(0) == NULL) {
		list_free(l);
		return;
	}
	write_octets("list.cdb", octets, read_corpus("names-cdb", octets));
	add_file(l, "cdb", "list");
	load(l);
	assert_int_equal(list_entries(l, 0), 2);
	assert_true(has_text(l, "good.example"));
	assert_true(has_text(l, "other.example"));
	list_free(l);
	remove_file("list.cdb");
}

static bool
loads_lmdb(const char *octets, size_t len)
{
	struct list *l = list_new(LIST_CLIENT);
	struct diag d;

	write_octets("list.lmdb", octets, len);
	add_file(l, "lmdb", "list");
	diag_init(&d);
	bool good = list_load(l, &d);
	assert_int_equal(d.count, !good);
	diag_fini(&d);
	remove_file("list.lmdb");
	list_free(l);
	return good;
}

/* Two leaves of 512 octets below a branch, the last of five pages. */
static void
test_no_octet_of_an_lmdb_ends_the_program(void **state)
{
	(void)state;
	char octets[8192];

	if (list_library(1) == NULL)
		return;
	size_t len = read_corpus("lmdb", octets);
	assert_true(loads_lmdb(octets, len));
	for (size_t n = 0; n < len; n += 64)
		assert_false(loads_lmdb(octets, n));
	for (size_t i = 0; i < len; i++) {
		char kept = octets[i];
		octets[i] = (char)(kept ^ 1);
		(void)loads_lmdb(octets, len);
		octets[i] = (char)(kept ^ 0xff);
		(void)loads_lmdb(octets, len);
		octets[i] = kept;
	}
}

static void
test_a_hundred_thousand_entries(void **state)
{
	(void)state;
	struct list *l = list_new(LIST_CLIENT);
	FILE *out = fopen(path_of("list"), "w");

	assert_non_null(out);
	for (unsigned i = 0; i < 100000; i++)
		fprintf(out, "%u.%u.%u.%u\n", 1 + i % 200, i / 200 % 256,
		    i / 51200, 2 * (i % 100));
	fclose(out);
	add_file(l, "file", "list");
	load(l);
	assert_int_equal(list_entries(l, 0), 100000);
	assert_true(has_client(l, "1.0.0.0"));
	assert_false(has_client(l, "1.0.0.1"));
	assert_true(has_client(l, "200.243.1.198"));
	list_free(l);
	remove_file("list");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_entries),
		cmocka_unit_test(
		    test_longest_tells_the_bits_of_the_narrowest_entry),
		cmocka_unit_test(test_exclusion_holds_wherever_it_stands),
		cmocka_unit_test(test_an_empty_list_has_nobody),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_quotes_make_no_other_local_part),
		cmocka_unit_test(test_keys_without_a_domain_match_no_domain),
		cmocka_unit_test(test_long_keys_are_judged_by_their_domain),
		cmocka_unit_test(test_wrong_elements_are_refused),
		cmocka_unit_test(test_elements_are_told_as_understood),
		cmocka_unit_test(test_mistakes_have_file_and_line),
		cmocka_unit_test(test_what_cannot_be_read_is_told),
		cmocka_unit_test(test_a_file_has_a_bound),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_wrong_expressions_have_file_and_line),
		cmocka_unit_test(test_no_expression_stalls_a_session),
		cmocka_unit_test(test_a_changed_file_is_taken_up_once_it_rests),
		cmocka_unit_test(
		    test_a_broken_file_keeps_the_old_list_and_is_told_once),
		cmocka_unit_test(test_half_a_cdb_is_refused),
		cmocka_unit_test(test_a_cdb_of_names_may_have_dots_at_the_end),
		cmocka_unit_test(test_no_octet_of_an_lmdb_ends_the_program),
		cmocka_unit_test(test_a_hundred_thousand_entries),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
