/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocation, bounded text, numbers, clock, diag. */

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

/* Runs f in a child; true: it ended by abort. */
static bool
aborts(void (*f)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(3);
		f();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
allocate_overflow(void)
{
	/* Wraps around to 4 octets, which would be granted. */
	free(xreallocarray(NULL, SIZE_MAX / 4 + 2, 4));
}

static void
init_without_storage(void)
{
	char c;
	struct sbuf sb;

	sbuf_init(&sb, &c, 0);
}

static void
test_alloc_overflow_aborts(void **state)
{
	(void)state;
	assert_true(aborts(allocate_overflow));
}

static void
test_alloc_of_nothing_is_not_null(void **state)
{
	(void)state;
	void *a = xcalloc(0, 8);
	void *b = xcalloc(8, 0);
	void *c = xreallocarray(NULL, 0, 8);
	void *d = xmemdup("", 0);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_non_null(d);
	free(a);
	free(b);
	free(c);
	free(d);
}

static void
test_calloc_is_zeroed_and_realloc_keeps(void **state)
{
	(void)state;
	unsigned char *p = xcalloc(4, 4);

	for (size_t i = 0; i < 16; i++)
		assert_int_equal(p[i], 0);
	memcpy(p, "0123456789abcdef", 16);
	p = xreallocarray(p, 100, 16);
	assert_memory_equal(p, "0123456789abcdef", 16);
	free(p);
}

static void
test_dup_copies(void **state)
{
	(void)state;
	char *s = xstrdup("example.com");
	char *n = xstrndup("example.com", 7);
	char *whole = xstrndup("abc", 100);
	char *m = xmemdup("a\0b", 3);

	assert_string_equal(s, "example.com");
	assert_string_equal(n, "example");
	assert_string_equal(whole, "abc");
	assert_memory_equal(m, "a\0b", 3);
	free(s);
	free(n);
	free(whole);
	free(m);
}

static void
test_strndup_stops_at_max_without_nul(void **state)
{
	(void)state;
	char *source = xmemdup("abcd", 4);
	char *copy = xstrndup(source, 4);

	assert_string_equal(copy, "abcd");
	free(source);
	free(copy);
}

static void
test_asprintf_formats_any_length(void **state)
{
	(void)state;
	char *s = xasprintf("%s:%d", "a", 53);
	char *longer = xasprintf("%5000d", 7);

	assert_string_equal(s, "a:53");
	assert_int_equal(strlen(longer), 5000);
	assert_int_equal(longer[4999], '7');
	free(s);
	free(longer);
}

static void
test_sbuf_collects(void **state)
{
	(void)state;
	char storage[16];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	assert_string_equal(storage, "");
	sbuf_str(&sb, "ab");
	sbuf_char(&sb, 'c');
	sbuf_add(&sb, "defg", 2);
	sbuf_add(&sb, NULL, 0);
	sbuf_fmt(&sb, "%d%s", 12, "x");
	assert_string_equal(storage, "abcde12x");
	assert_int_equal(sb.len, 8);
	assert_true(sbuf_ok(&sb));
}

static void
test_sbuf_is_full_at_size_minus_one(void **state)
{
	(void)state;
	char storage[4];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	sbuf_str(&sb, "abc");
	assert_true(sbuf_ok(&sb));
	sbuf_str(&sb, "");
	assert_true(sbuf_ok(&sb));
	sbuf_char(&sb, 'd');
	assert_false(sbuf_ok(&sb));
	assert_string_equal(storage, "abc");
}

static void
test_sbuf_overflow_drops_the_piece_and_sticks(void **state)
{
	(void)state;
	char storage[8];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	sbuf_str(&sb, "abcde");
	sbuf_str(&sb, "fgh");
	assert_string_equal(storage, "abcde");
	sbuf_char(&sb, 'f');
	sbuf_fmt(&sb, "%d", 1);
	assert_string_equal(storage, "abcde");
	assert_int_equal(sb.len, 5);
	assert_false(sbuf_ok(&sb));
}

static void
test_sbuf_fmt_overflow_leaves_no_part(void **state)
{
	(void)state;
	char storage[8];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	sbuf_str(&sb, "abc");
	sbuf_fmt(&sb, "%s", "12345");
	assert_string_equal(storage, "abc");
	assert_int_equal(sb.len, 3);
	assert_false(sbuf_ok(&sb));
}

static void
test_sbuf_of_one_octet_holds_nothing(void **state)
{
	(void)state;
	char storage[1];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	sbuf_str(&sb, "");
	assert_true(sbuf_ok(&sb));
	sbuf_char(&sb, 'a');
	assert_false(sbuf_ok(&sb));
	assert_string_equal(storage, "");
	assert_true(aborts(init_without_storage));
}

static void
test_copy_tells_when_it_cuts(void **state)
{
	(void)state;
	char dst[4];

	assert_true(util_copy(dst, sizeof(dst), "abc"));
	assert_string_equal(dst, "abc");
	assert_false(util_copy(dst, sizeof(dst), "wxyz"));
	assert_string_equal(dst, "wxy");
	assert_true(util_copy(dst, 1, ""));
	assert_string_equal(dst, "");
	assert_false(util_copy(dst, 1, "a"));
	assert_string_equal(dst, "");
}

static bool
parses(const char *s, uint64_t max, uint64_t want)
{
	uint64_t got = 4711;
	bool ok = util_parse_uint(s, strlen(s), max, &got);

	return ok ? got == want : (got == 4711 && want == 4711);
}

static void
test_parse_uint_takes_digits_up_to_max(void **state)
{
	(void)state;
	assert_true(parses("0", 0, 0));
	assert_true(parses("32", 32, 32));
	assert_true(parses("007", 9, 7));
	assert_true(parses("18446744073709551615", UINT64_MAX, UINT64_MAX));
	/* 4711: refused, the output untouched */
	assert_true(parses("33", 32, 4711));
	assert_true(parses("5", 4, 4711));
	assert_true(parses("18446744073709551616", UINT64_MAX, 4711));
	assert_true(parses("99999999999999999999999", UINT64_MAX, 4711));
}

static void
test_parse_uint_refuses_all_else(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1.0", "a",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(parses(bad[i], 1000, 4711));
	uint64_t got = 4711;
	assert_false(util_parse_uint("1\0002", 3, 1000, &got));
	assert_true(util_parse_uint("123x", 3, 1000, &got));
	assert_int_equal(got, 123);
}

/* A file of len octets x, one of which may be a NUL, read as a text. */
static char *
read_text(size_t len, size_t nul, size_t max)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		fputc(i == nul ? '\0' : 'x', f);
	rewind(f);
	errno = 0;
	char *text = util_read_text(fileno(f), max);
	fclose(f);
	return text;
}

static void
test_read_text_takes_any_length_up_to_max(void **state)
{
	static const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i];
		char *text = read_text(len, SIZE_MAX, len);

		assert_non_null(text);
		assert_int_equal(strlen(text), len);
		assert_int_equal(strspn(text, "x"), len);
		free(text);
		assert_null(read_text(len + 1, SIZE_MAX, len));
		assert_int_equal(errno, EFBIG);
		assert_null(read_text(len + 1, len, len + 1));
		assert_int_equal(errno, EILSEQ);
	}
	assert_null(util_read_text(-1, 1));
	assert_int_equal(errno, EBADF);
}

static void
test_clock_is_monotonic(void **state)
{
	(void)state;
	int64_t last = util_now_ms();

	assert_true(last >= 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = util_now_ms();
		assert_true(now >= last);
		last = now;
	}
}

static void
test_classes_are_ascii_only(void **state)
{
	(void)state;
	unsigned alpha = 0;
	unsigned digit = 0;
	unsigned alnum = 0;
	unsigned space = 0;
	unsigned print = 0;

	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		alpha += util_is_alpha(c);
		digit += util_is_digit(c);
		alnum += util_is_alnum(c);
		space += util_is_space(c);
		print += util_is_print(c);
		if (util_is_alnum(c))
			assert_true(util_is_print(c));
	}
	assert_int_equal(alpha, 52);
	assert_int_equal(digit, 10);
	assert_int_equal(alnum, 62);
	assert_int_equal(space, 6);
	assert_int_equal(print, 95);
	for (const char *s = " \t\n\v\f\r"; *s != '\0'; s++)
		assert_true(util_is_space(*s));
	assert_true(util_is_print(' ') && util_is_print('~'));
	assert_false(util_is_print('\x7f') || util_is_print('\0'));
}

static void
test_lower_changes_capitals_only(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		if (i >= 'A' && i <= 'Z')
			assert_int_equal(util_lower(c), (char)(i + 32));
		else
			assert_int_equal(util_lower(c), c);
	}
}

static void
test_lower_octets_are_as_many_as_told(void **state)
{
	(void)state;
	char text[] = "IP4:[A@Z]\xC3\x89";

	util_lower_octets(text, 0);
	assert_string_equal(text, "IP4:[A@Z]\xC3\x89");
	util_lower_octets(text, 3);
	assert_string_equal(text, "ip4:[A@Z]\xC3\x89");
	util_lower_octets(text, strlen(text));
	assert_string_equal(text, "ip4:[a@z]\xC3\x89");
}

static void
test_eq_nocase(void **state)
{
	(void)state;
	assert_true(util_eq_nocase("", ""));
	assert_true(util_eq_nocase("Example.COM", "eXAMPLE.com"));
	assert_false(util_eq_nocase("example.com", "example.co"));
	assert_false(util_eq_nocase("example.co", "example.com"));
	assert_false(util_eq_nocase("", "a"));
	/* '[' and '{' differ by the bit that case differs by */
	assert_false(util_eq_nocase("[", "{"));
}

static void
test_has_prefix_nocase_respects_length(void **state)
{
	(void)state;
	assert_true(util_has_prefix_nocase("V=SPF1 -all", 11, "v=spf1"));
	assert_true(util_has_prefix_nocase("v=spf1", 6, "v=spf1"));
	assert_true(util_has_prefix_nocase("x", 1, ""));
	assert_false(util_has_prefix_nocase("v=spf1", 5, "v=spf1"));
	assert_false(util_has_prefix_nocase("v=spf2", 6, "v=spf1"));
}

static void
test_print_length_is_that_of_what_can_be_seen(void **state)
{
	static const struct {
		const char	*text;
		size_t		 want;
	} rows[] = {
		{ "a", 1 }, { " ", 1 }, { "~", 1 }, { "\t", 0 }, { "\x7f", 0 },
		{ "\xc2\xa1", 2 }, { "\xc3\xbc", 2 }, { "\xed\x9f\xbb", 3 },
		{ "\xec\x9c\xa0", 3 }, { "\xef\xbf\xbd", 3 },
		{ "\xf0\x9f\x93\xa7", 4 }, { "\xf0\xa0\x80\x80", 4 },
		/* not UTF-8: alone, cut, longer than needed, beyond its end */
		{ "\x80", 0 }, { "\xff", 0 }, { "\xc3", 0 }, { "\xc3" "a", 0 },
		{ "\xec\x9c", 0 }, { "\xc0\xaf", 0 }, { "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 }, { "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 }, { "\xf4\x90\x80\x80", 0 },
		{ "\xf8\x88\x80\x80\x80", 0 },
		/* C1, NBSP, soft hyphen, marks and turns of direction */
		{ "\xc2\x85", 0 }, { "\xc2\x9b", 0 }, { "\xc2\xa0", 0 },
		{ "\xc2\xad", 0 }, { "\xe2\x80\x8b", 0 },
		{ "\xe2\x80\xae", 0 }, { "\xe2\x80\xa8", 0 },
		{ "\xe2\x81\xa6", 0 }, { "\xe3\x80\x80", 0 },
		{ "\xe3\x85\xa4", 0 }, { "\xef\xbb\xbf", 0 },
		/* private use, no characters, tags */
		{ "\xee\x80\x80", 0 }, { "\xef\xbf\xbe", 0 },
		{ "\xf0\x9f\xbf\xbf", 0 }, { "\xf3\xa0\x81\xa1", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t got = util_print_length(rows[i].text,
		    strlen(rows[i].text));
		if (got != rows[i].want)
			fail_msg("row %zu: %zu", i, got);
	}
}

static void
test_print_cut_leaves_characters_whole(void **state)
{
	static const char text[] = "a\xec\x9c\xa0z\xf0\x9f\x93\xa7";
	static const size_t want[] = { 0, 1, 1, 1, 4, 5, 5, 5, 5, 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(util_print_cut(text, i), want[i]);
	/* What is not a character may be cut anywhere. */
	assert_int_equal(util_print_cut("a\xec\x9c", 2), 2);
	assert_int_equal(util_print_cut("\x80\x80\x80\x80", 3), 3);
}

static void
test_diag_keeps_every_entry_in_order(void **state)
{
	(void)state;
	struct diag d;

	diag_init(&d);
	assert_int_equal(d.count, 0);
	for (unsigned i = 0; i < 50; i++)
		diag_add(&d, "a.conf", i, "wrong %u", i * i);
	assert_int_equal(d.count, 50);
	assert_string_equal(d.entries[49].file, "a.conf");
	assert_int_equal(d.entries[49].line, 49);
	assert_string_equal(d.entries[49].message, "wrong 2401");
	diag_fini(&d);
	assert_int_equal(d.count, 0);
	assert_null(d.entries);
}

static void
assert_diag(const char *file, unsigned line, const char *want)
{
	char text[64];
	struct sbuf sb;
	struct diag d;

	diag_init(&d);
	diag_add(&d, file, line, "no %s", "good");
	sbuf_init(&sb, text, sizeof(text));
	diag_format(&d.entries[0], &sb);
	assert_string_equal(text, want);
	diag_fini(&d);
}

static void
test_diag_format_shows_the_place_there_is(void **state)
{
	(void)state;
	assert_diag("a.conf", 7, "a.conf:7: no good");
	assert_diag("a.conf", 0, "a.conf: no good");
	assert_diag(NULL, 0, "no good");
	assert_diag(NULL, 7, "no good");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_overflow_aborts),
		cmocka_unit_test(test_alloc_of_nothing_is_not_null),
		cmocka_unit_test(test_calloc_is_zeroed_and_realloc_keeps),
		cmocka_unit_test(test_dup_copies),
		cmocka_unit_test(test_strndup_stops_at_max_without_nul),
		cmocka_unit_test(test_asprintf_formats_any_length),
		cmocka_unit_test(test_sbuf_collects),
		cmocka_unit_test(test_sbuf_is_full_at_size_minus_one),
		cmocka_unit_test(
		    test_sbuf_overflow_drops_the_piece_and_sticks),
		cmocka_unit_test(test_sbuf_fmt_overflow_leaves_no_part),
		cmocka_unit_test(test_sbuf_of_one_octet_holds_nothing),
		cmocka_unit_test(test_copy_tells_when_it_cuts),
		cmocka_unit_test(test_parse_uint_takes_digits_up_to_max),
		cmocka_unit_test(test_parse_uint_refuses_all_else),
		cmocka_unit_test(test_read_text_takes_any_length_up_to_max),
		cmocka_unit_test(test_clock_is_monotonic),
		cmocka_unit_test(test_classes_are_ascii_only),
		cmocka_unit_test(test_lower_changes_capitals_only),
		cmocka_unit_test(test_lower_octets_are_as_many_as_told),
		cmocka_unit_test(test_eq_nocase),
		cmocka_unit_test(test_has_prefix_nocase_respects_length),
		cmocka_unit_test(
		    test_print_length_is_that_of_what_can_be_seen),
		cmocka_unit_test(test_print_cut_leaves_characters_whole),
		cmocka_unit_test(test_diag_keeps_every_entry_in_order),
		cmocka_unit_test(test_diag_format_shows_the_place_there_is),
	};

	return cmocka_run_group_tests_name("util", tests, NULL, NULL);
}
