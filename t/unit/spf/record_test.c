/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "spf/macro.h"
#include "spf/record.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* From storage of its own size, so that a read past its end is seen. */
static struct record *
parse_octets(const char *s, size_t len, struct record_error *err)
{
	char *copy = malloc(len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, s, len);
	struct record *r = record_parse(copy, len, err);
	free(copy);
	return r;
}

static struct record *
parse(const char *s)
{
	struct record_error err;
	struct record *r = parse_octets(s, strlen(s), &err);
	if (r == NULL)
		fail_msg("%s: %zu: %s", s, err.offset, err.message);
	return r;
}

static void
assert_literal(const struct macro *m, const char *want)
{
	static const struct addr client = { .family = AF_INET };
	const struct macro_vars none = { .client = &client };
	char text[512];
	struct sbuf sb;

	assert_non_null(m);
	sbuf_init(&sb, text, sizeof(text));
	macro_expand(m, &none, &sb);
	assert_string_equal(text, want);
}

static void
test_record_version(void **state)
{
	static const char *const spf[] = {
		"v=spf1", "v=spf1 ", "V=SpF1 -all", "v=spf1 nonsense!"
	};
	static const char *const other[] = {
		"", "v", "v=spf", "v=spf10", "v=spf10 -all", "v=spf1-all",
		"v=spf1\t-all", " v=spf1 -all", "v=spf2.0/pra -all",
		"spf2.0/pra -all", "v=spf1/mfrom", "\"v=spf1 -all\""
	};

	(void)state;
	for (size_t i = 0; i < COUNT(spf); i++)
		assert_true(record_is_spf(spf[i], strlen(spf[i])));
	for (size_t i = 0; i < COUNT(other); i++) {
		struct record_error err;
		assert_false(record_is_spf(other[i], strlen(other[i])));
		assert_null(parse_octets(other[i], strlen(other[i]), &err));
		assert_non_null(err.message);
	}
	assert_false(record_is_spf("v=spf1\0", 7));
	assert_false(record_is_spf("v=spf1", 5));
}

static void
test_record_empty_has_no_terms(void **state)
{
	static const char *const empty[] = { "v=spf1", "V=SPF1", "v=spf1   " };

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++) {
		struct record *r = parse(empty[i]);
		assert_int_equal(r->count, 0);
		assert_null(r->redirect);
		assert_null(r->exp);
		assert_string_equal(r->text, empty[i]);
		assert_int_equal(r->len, strlen(empty[i]));
		record_free(r);
	}
}

static void
test_record_every_mechanism_in_order(void **state)
{
	static const char text[] = "v=spf1 +include:a.example.com ?a  ~mx "
	    "ptr -ip4:192.0.2.1 IP6:2001:db8::1 Exists:b.example.com -ALL  ";
	static const struct {
		enum record_mechanism	 mechanism;
		enum result		 qualifier;
		const char		*term;
	} want[] = {
		{ RECORD_INCLUDE, RESULT_PASS, "+include:a.example.com" },
		{ RECORD_A, RESULT_NEUTRAL, "?a" },
		{ RECORD_MX, RESULT_SOFTFAIL, "~mx" },
		{ RECORD_PTR, RESULT_PASS, "ptr" },
		{ RECORD_IP4, RESULT_FAIL, "-ip4:192.0.2.1" },
		{ RECORD_IP6, RESULT_PASS, "IP6:2001:db8::1" },
		{ RECORD_EXISTS, RESULT_PASS, "Exists:b.example.com" },
		{ RECORD_ALL, RESULT_FAIL, "-ALL" },
	};
	struct record *r = parse(text);

	(void)state;
	assert_int_equal(r->count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		const struct record_term *t = &r->terms[i];
		assert_int_equal(t->mechanism, want[i].mechanism);
		assert_int_equal(t->qualifier, want[i].qualifier);
		assert_int_equal(t->len, strlen(want[i].term));
		assert_memory_equal(r->text + t->offset, want[i].term,
		    t->len);
	}
	assert_literal(r->terms[0].domain, "a.example.com");
	assert_null(r->terms[1].domain);
	assert_null(r->terms[3].domain);
	assert_literal(r->terms[6].domain, "b.example.com");
	record_free(r);
}

static void
test_record_mechanism_names(void **state)
{
	(void)state;
	assert_string_equal(record_mechanism_name(RECORD_ALL), "all");
	assert_string_equal(record_mechanism_name(RECORD_INCLUDE), "include");
	assert_string_equal(record_mechanism_name(RECORD_A), "a");
	assert_string_equal(record_mechanism_name(RECORD_MX), "mx");
	assert_string_equal(record_mechanism_name(RECORD_PTR), "ptr");
	assert_string_equal(record_mechanism_name(RECORD_IP4), "ip4");
	assert_string_equal(record_mechanism_name(RECORD_IP6), "ip6");
	assert_string_equal(record_mechanism_name(RECORD_EXISTS), "exists");
	assert_string_equal(record_network_name(AF_INET), "ip4");
	assert_string_equal(record_network_name(AF_INET6), "ip6");
}

static void
test_record_prefix_lengths_of_a_and_mx(void **state)
{
	static const struct {
		const char	*text;
		const char	*domain;
		uint8_t		 bits4;
		uint8_t		 bits6;
	} cases[] = {
		{ "v=spf1 a", NULL, 32, 128 },
		{ "v=spf1 a/24", NULL, 24, 128 },
		{ "v=spf1 a//64", NULL, 32, 64 },
		{ "v=spf1 a/24//64", NULL, 24, 64 },
		{ "v=spf1 mx/0//0", NULL, 0, 0 },
		{ "v=spf1 mx/32//128", NULL, 32, 128 },
		{ "v=spf1 mx:d.example/0", "d.example", 0, 128 },
		{ "v=spf1 a:d.example//48", "d.example", 32, 48 },
		{ "v=spf1 a:d.example./8//9", "d.example.", 8, 9 },
		{ "v=spf1 a:a/24.example/16", "a/24.example", 16, 128 },
		{ "v=spf1 a:f:b/c.example", "f:b/c.example", 32, 128 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record *r = parse(cases[i].text);
		assert_int_equal(r->count, 1);
		assert_int_equal(r->terms[0].bits4, cases[i].bits4);
		assert_int_equal(r->terms[0].bits6, cases[i].bits6);
		if (cases[i].domain == NULL)
			assert_null(r->terms[0].domain);
		else
			assert_literal(r->terms[0].domain, cases[i].domain);
		record_free(r);
	}
}

static void
test_record_macro_before_prefix_length(void **state)
{
	struct record *r = parse("v=spf1 a:%{d/}/24 a:%{d}//64 a:x.%{d2}");

	(void)state;
	assert_literal(r->terms[0].domain, "");
	assert_int_equal(r->terms[0].bits4, 24);
	assert_int_equal(r->terms[1].bits6, 64);
	assert_non_null(r->terms[2].domain);
	record_free(r);
}

static void
test_record_networks(void **state)
{
	static const struct {
		const char	*text;
		const char	*addr;
		unsigned	 len;
		bool		 v4;
	} cases[] = {
		{ "v=spf1 ip4:192.0.2.1", "192.0.2.1", 32, true },
		{ "v=spf1 ip4:192.0.2.129/25", "192.0.2.129", 25, true },
		{ "v=spf1 ip4:192.0.2.1/0", "192.0.2.1", 0, true },
		{ "v=spf1 ip6:2001:db8::1", "2001:db8::1", 128, false },
		{ "v=spf1 ip6:2001:DB8::/33", "2001:db8::", 33, false },
		{ "v=spf1 ip6:2001:db8::192.0.2.1/0", "2001:db8::c000:201",
		    0, false },
		{ "v=spf1 ip6:::/128", "::", 128, false },
		{ "v=spf1 ip6:::ffff:192.0.2.1", "::ffff:192.0.2.1", 128,
		    false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct record *r = parse(cases[i].text);
		struct addr want;
		assert_true((cases[i].v4 ? addr_parse_v4 : addr_parse_v6)(
		    &want, cases[i].addr, strlen(cases[i].addr)));
		assert_memory_equal(&r->terms[0].network.addr, &want,
		    sizeof(want));
		assert_int_equal(r->terms[0].network.len, cases[i].len);
		record_free(r);
	}
}

static void
test_record_modifiers_anywhere(void **state)
{
	struct record *r = parse("v=spf1 redirect=_spf.example.com a "
	    "EXP=why.%{d} -all");

	(void)state;
	assert_int_equal(r->count, 2);
	assert_int_equal(r->terms[0].mechanism, RECORD_A);
	assert_int_equal(r->terms[1].mechanism, RECORD_ALL);
	assert_literal(r->redirect, "_spf.example.com");
	assert_non_null(r->exp);
	record_free(r);
}

static void
test_record_unknown_modifiers_are_dropped(void **state)
{
	static const char *const values[] = {
		"foo=", "foo=bar", "exp-text=no", "moo.cow-far_out=man:dog/cat",
		"default=+", "a=192.0.2.1", "ip4=192.0.2.1", "all=", "v=spf1",
		"foo=%{d}%%%_%-", "foo==", "t=%{c}%{r}%{t}", "foo=a foo=b",
		"x=/24"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		char text[100];
		snprintf(text, sizeof(text), "v=spf1 %s -all", values[i]);
		struct record *r = parse(text);
		assert_int_equal(r->count, 1);
		assert_null(r->redirect);
		assert_null(r->exp);
		record_free(r);
	}
}

struct error_case {
	const char	*terms;
	size_t		 offset;	/* in terms */
};

static void
check_errors(const struct error_case *cases, size_t n)
{
	static const char version[] = "v=spf1 ";
	size_t skip = sizeof(version) - 1;

	for (size_t i = 0; i < n; i++) {
		char text[300];
		struct record_error err = { .offset = 9999 };
		snprintf(text, sizeof(text), "%s%s", version, cases[i].terms);
		if (parse_octets(text, strlen(text), &err) != NULL)
			fail_msg("%s is accepted", text);
		assert_non_null(err.message);
		if (err.term_len > 0) {
			assert_null(memchr(text + err.term, ' ',
			    err.term_len));
			assert_true(err.term <= err.offset && err.offset <=
			    err.term + err.term_len);
		}
		if (err.offset != skip + cases[i].offset)
			fail_msg("%s: %s at %zu", text, err.message,
			    err.offset - skip);
	}
}

static void
test_record_mechanism_errors(void **state)
{
	static const struct error_case cases[] = {
		{ "moo", 0 }, { "a moo -all", 2 }, { "-", 0 }, { "-:a.b", 0 },
		{ "-all.", 0 }, { "all:foo", 3 }, { "-all/8", 4 },
		{ "all:", 3 }, { "--all", 0 }, { "!a", 0 }, { "1a", 0 },
		{ "a1", 0 }, { "all-", 0 }, { "include", 7 },
		{ "include -all", 7 }, { "include:", 8 },
		{ "include: -all", 8 }, { "include/24", 7 },
		{ "include:example.com/24", 8 }, { "exists", 6 },
		{ "exists:", 7 }, { "exists:a.example/24", 7 },
		{ "exists/24", 6 }, { "ptr:", 4 }, { "ptr/24", 3 },
		{ "ptr:a.example/24", 4 }, { "a:", 2 }, { "mx: -all", 3 },
		{ "redirect:a.example", 0 }, { "exp:a.example", 0 },
		{ "a:museum", 2 }, { "a:museum.", 2 }, { "a:192.0.2.1", 2 },
		{ "a:abc.123", 2 }, { "a:example.-com", 2 },
		{ "a:example.com-", 2 }, { "a:example.com:8080", 2 },
		{ "a:%{x}", 4 }, { "a:%{d|}", 5 }, { "a:%{d0}", 5 },
		{ "a:foo%.example.com", 6 }, { "a:%(ir).example.com", 3 },
		{ "a:%{c}.example.com", 4 }, { "a:%{d}com", 6 },
	};

	(void)state;
	check_errors(cases, COUNT(cases));
}

static void
test_record_prefix_length_errors(void **state)
{
	static const struct error_case cases[] = {
		{ "a/33", 2 }, { "a//129", 3 }, { "a/024", 2 },
		{ "a//064", 3 }, { "a/00", 2 }, { "a/", 1 }, { "a//", 1 },
		{ "a/24/", 1 }, { "a/24//", 1 }, { "a///64", 1 },
		{ "a/24/64", 5 }, { "a/24/16", 1 }, { "a//64/24", 1 },
		{ "a//64//64", 3 }, { "a//24//64", 1 }, { "a/-1", 1 },
		{ "a/x", 1 },
		{ "a:/24", 2 }, { "a://64", 2 }, { "mx:a.example/33", 13 },
		{ "mx:a.example/4294967304", 13 },
		{ "mx:a.example//18446744073709551680", 14 },
		{ "a:a.example/24/16", 2 }, { "a:/24.a.example/", 2 },
	};

	(void)state;
	check_errors(cases, COUNT(cases));
}

static void
test_record_network_errors(void **state)
{
	static const struct error_case cases[] = {
		{ "ip4", 3 }, { "ip4 -all", 3 }, { "ip4:", 4 },
		{ "ip4/24", 3 }, { "ip4:192.0.2", 4 },
		{ "ip4:192.0.2.1.5", 4 }, { "ip4:192.0.2.256", 4 },
		{ "ip4:192.0.2.01", 4 }, { "ip4:192.0.2.1:8080", 4 },
		{ "ip4:192.0.2.1/33", 14 }, { "ip4:192.0.2.1/032", 14 },
		{ "ip4:192.0.2.1/4294967304", 14 }, { "ip4:192.0.2.1/", 14 },
		{ "ip4:192.0.2.1//32", 14 }, { "ip4:192.0.2.1/8/8", 14 },
		{ "ip4:192.0.2.1/+8", 14 }, { "ip4:/24", 4 },
		{ "ip4:2001:db8::1", 4 }, { "ip4:0xc0.0.2.1", 4 },
		{ "ip4:%{i}", 4 }, { "ip4:192.0.2.1,192.0.2.2", 4 },
		{ "ip6", 3 }, { "-all ip6", 8 }, { "ip6:", 4 },
		{ "ip6::", 4 }, { "ip6:192.0.2.1", 4 },
		{ "ip6:::192.0.2.1/129", 16 }, { "ip6:::192.0.2.1//33", 16 },
		{ "ip6:2001:db8::1/064", 16 }, { "ip6:[2001:db8::1]", 4 },
		{ "ip6:fe80::1%eth0", 4 }, { "ip6::CAFE::BABE", 4 },
		{ "ip6:2001:db8:::1", 4 }, { "ip6:2001:db8::12345", 4 },
	};

	(void)state;
	check_errors(cases, COUNT(cases));
}

static void
test_record_modifier_errors(void **state)
{
	static const struct error_case cases[] = {
		{ "redirect=", 9 }, { "?all redirect=", 14 }, { "exp=", 4 },
		{ "exp= -all", 4 }, { "exp=-all", 4 },
		{ "redirect=-all ?all", 9 }, { "redirect=a.example/24", 9 },
		{ "redirect=a.example Redirect=a.example", 19 },
		{ "exp=a.example -all EXP=b.example", 19 },
		{ "exp=%{r}.example.com", 6 }, { "redirect=com", 9 },
		{ "+redirect=a.example", 0 }, { "-foo=bar", 0 },
		{ "=all", 0 }, { "1up=foo", 0 }, { "_up=foo", 0 },
		{ "foo=%abc", 5 }, { "foo=%{x}", 6 }, { "foo=%", 5 },
		{ "moo.cow/far_out=man:dog/cat", 0 },
		{ "moo.cow:far_out=man:dog/cat", 0 }, { "f*o=bar", 0 },
	};

	(void)state;
	check_errors(cases, COUNT(cases));
}

static void
test_record_only_blanks_divide_terms(void **state)
{
	static const struct error_case cases[] = {
		{ "a\t-all", 1 }, { "a\r\n -all", 1 }, { "-all\n", 4 },
		{ "ip4:192.0.2.5\n include:a.example ~all", 13 },
		{ "a:b.example\rptr -all", 11 }, { "a\v-all", 1 },
		{ "\303\251a:b.example", 0 }, { "a:\303\251.example", 2 },
		{ "a:b.example \226all", 12 }, { "foo=\303\251", 4 },
		{ "\177", 0 }, { "a,mx", 1 }, { "a;mx", 1 },
	};

	(void)state;
	check_errors(cases, COUNT(cases));
}

static void
test_record_nul_is_an_error(void **state)
{
	static const char *const texts[] = {
		"v=spf1 a:foo.example.com\0", "v=spf1 -all \0", "v=spf1 \0 a",
		"v=spf1 foo=\0"
	};
	static const size_t lens[] = { 25, 13, 10, 12 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct record_error err;
		assert_null(parse_octets(texts[i], lens[i], &err));
		assert_int_equal(err.term_len, 0);
		assert_int_equal(err.offset, strlen(texts[i]));
	}
}

static void
test_record_reads_no_further_than_its_length(void **state)
{
	static const char text[] = "v=spf1 a:%{d}//64 ip6:2001:db8::1/64 "
	    "exp=%{l1r-}.%%.example.com";
	struct record_error err;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		record_free(parse_octets(text, len, &err));
}

static void
test_record_size_is_bounded(void **state)
{
	char text[RECORD_TEXT_MAX + 1];
	struct record_error err;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "v=spf1", 6);
	memcpy(text + RECORD_TEXT_MAX - 4, "-all", 4);
	struct record *r = parse_octets(text, RECORD_TEXT_MAX, &err);
	assert_non_null(r);
	assert_int_equal(r->count, 1);
	record_free(r);
	assert_null(parse_octets(text, RECORD_TEXT_MAX + 1, &err));
	assert_int_equal(err.term_len, 0);
	assert_int_equal(err.offset, RECORD_TEXT_MAX);
}

static void
test_record_with_many_terms_is_read_whole(void **state)
{
	char text[RECORD_TEXT_MAX];
	struct record_error err;
	size_t len = 6;

	(void)state;
	memcpy(text, "v=spf1", 6);
	for (unsigned i = 1; i <= 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    " ip4:192.0.2.%u", i);
	memcpy(text + len, " -all", 5);
	struct record *r = parse_octets(text, len + 5, &err);
	assert_non_null(r);
	assert_int_equal(r->count, 101);
	assert_int_equal(r->terms[99].network.addr.bytes[3], 100);
	assert_int_equal(r->terms[100].mechanism, RECORD_ALL);
	record_free(r);
}

static void
test_record_free_takes_null(void **state)
{
	(void)state;
	record_free(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_version),
		cmocka_unit_test(test_record_empty_has_no_terms),
		cmocka_unit_test(test_record_every_mechanism_in_order),
		cmocka_unit_test(test_record_mechanism_names),
		cmocka_unit_test(test_record_prefix_lengths_of_a_and_mx),
		cmocka_unit_test(test_record_macro_before_prefix_length),
		cmocka_unit_test(test_record_networks),
		cmocka_unit_test(test_record_modifiers_anywhere),
		cmocka_unit_test(test_record_unknown_modifiers_are_dropped),
		cmocka_unit_test(test_record_mechanism_errors),
		cmocka_unit_test(test_record_prefix_length_errors),
		cmocka_unit_test(test_record_network_errors),
		cmocka_unit_test(test_record_modifier_errors),
		cmocka_unit_test(test_record_only_blanks_divide_terms),
		cmocka_unit_test(test_record_nul_is_an_error),
		cmocka_unit_test(
		    test_record_reads_no_further_than_its_length),
		cmocka_unit_test(test_record_size_is_bounded),
		cmocka_unit_test(test_record_with_many_terms_is_read_whole),
		cmocka_unit_test(test_record_free_takes_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
