/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "spf/macro.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct addr client4;
static struct addr client6;

/* The example of RFC 7208 s7.4. */
static struct macro_vars
example_vars(void)
{
	assert_true(addr_parse(&client4, "192.0.2.3"));
	assert_true(addr_parse(&client6, "2001:db8::cb01"));
	return (struct macro_vars){
		.client = &client4,
		.local = "strong-bad",
		.sender_domain = "email.example.com",
		.domain = "email.example.com",
		.helo = "mx.example.org",
		.receiver = "mail.example.net",
		.time_s = 1234567890,
		.result = "fail",
		.identity = "mailfrom",
		.reason = "not listed",
		.queue_id = "4Xk0",
		.why_url = "https://w"
	};
}

/* From storage of its own size, so that a read past its end is seen. */
static struct macro *
compile(enum macro_use use, const char *s, struct macro_error *err)
{
	size_t len = strlen(s);
	char *copy = malloc(len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, s, len);
	struct macro *m = macro_compile(use, copy, len, err);
	free(copy);
	return m;
}

static void
check_expand(enum macro_use use, const struct macro_vars *v, const char *s,
    const char *want)
{
	char storage[2048];
	struct sbuf out;
	struct macro_error err;
	struct macro *m = compile(use, s, &err);
	if (m == NULL)
		fail_msg("%s: %zu: %s", s, err.offset, err.message);
	sbuf_init(&out, storage, sizeof(storage));
	macro_expand(m, v, &out);
	assert_true(sbuf_ok(&out));
	if (strcmp(storage, want) != 0)
		fail_msg("%s gives %s, not %s", s, storage, want);
	macro_free(m);
}

struct expand_case {
	const char	*source;
	const char	*want;
};

static void
check_expand_all(enum macro_use use, const struct macro_vars *v,
    const struct expand_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_expand(use, v, cases[i].source, cases[i].want);
}

static void
test_macro_rfc_examples(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" },
		{ "%{d2}", "example.com" },
		{ "%{d1}", "com" },
		{ "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" },
		{ "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" },
		{ "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}",
		    "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		    "3.2.0.192.in-addr.strong.lp._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net",
		    "example.com.trusted-domains.example.net" },
	};
	struct macro_vars v = example_vars();

	(void)state;
	check_expand_all(MACRO_DOMAIN_SPEC, &v, cases, COUNT(cases));
	v.client = &client6;
	check_expand(MACRO_DOMAIN_SPEC, &v, "%{ir}.%{v}._spf.%{d2}",
	    "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

static void
test_macro_letters(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{h}", "mx.example.org" },
		{ "%{i}", "192.0.2.3" },
		{ "%{c}", "192.0.2.3" },
		{ "%{p}", "unknown" },
		{ "%{r}", "mail.example.net" },
		{ "%{t}", "1234567890" },
		{ "%{v}", "in-addr" },
		{ "from %{c} at %{t}", "from 192.0.2.3 at 1234567890" },
		{ "", "" },
	};
	struct macro_vars v = example_vars();

	(void)state;
	check_expand_all(MACRO_EXPLAIN, &v, cases, COUNT(cases));
	v.client = &client6;
	check_expand(MACRO_EXPLAIN, &v, "%{c}", "2001:db8::cb01");
	check_expand(MACRO_EXPLAIN, &v, "%{i}",
	    "2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "C.B.0.1");
	v.validated = "mx.example.org";
	check_expand(MACRO_EXPLAIN, &v, "%{p2}", "example.org");
}

static void
test_macro_missing_values(void **state)
{
	struct macro_vars v = { .client = &client4 };

	(void)state;
	(void)example_vars();
	check_expand(MACRO_REPLY, &v,
	    "[%{s}][%{l}][%{o}][%{d}][%{h}][%{p}][%{r}][%{t}]",
	    "[@][][][][][unknown][unknown][0]");
	check_expand(MACRO_REPLY, &v,
	    "[%{result}][%{identity}][%{reason}][%{queue_id}][%{why_url}]"
	    "[%{l1r-}]",
	    "[][][][-][][]");
}

static void
test_macro_all_parts_where_there_are_few(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{d4}", "example.com" },
		{ "%{d4r}", "com.example" },
		{ "%{d127}", "example.com" },
		{ "%{d999999999999999999999999r}", "com.example" },
		{ "%{l1r-}", "jane" },
		{ "%{l1-}", "jane" },
		{ "%{d01}", "com" },
	};
	struct macro_vars v = example_vars();

	(void)state;
	v.domain = "example.com";
	v.local = "jane";
	check_expand_all(MACRO_DOMAIN_SPEC, &v, cases, COUNT(cases));
}

static void
test_macro_every_delimiter(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{l.}", "a-b+c,d/e_f=g.h" },
		{ "%{l-}", "a.b+c,d/e_f=g.h" },
		{ "%{l+}", "a-b.c,d/e_f=g.h" },
		{ "%{l,}", "a-b+c.d/e_f=g.h" },
		{ "%{l/}", "a-b+c,d.e_f=g.h" },
		{ "%{l_}", "a-b+c,d/e.f=g.h" },
		{ "%{l=}", "a-b+c,d/e_f.g.h" },
		{ "%{l2/_}", "e.f=g.h" },
		{ "%{lr.-+,/_=}", "h.g.f.e.d.c.b.a" },
		{ "%{l3r.-+,/_=}", "c.b.a" },
	};
	struct macro_vars v = example_vars();

	(void)state;
	v.local = "a-b+c,d/e_f=g.h";
	check_expand_all(MACRO_DOMAIN_SPEC, &v, cases, COUNT(cases));
	check_expand(MACRO_DOMAIN_SPEC, &v, "%{D2R}", "example.email");
}

static void
test_macro_empty_parts_stay(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{l-}", ".a..b." },
		{ "%{lr-}", ".b..a." },
		{ "%{l1-}", "" },
		{ "%{l2-}", "b." },
		{ "%{l2r-}", "a." },
		{ "%{l3r-}", ".a." },
	};
	struct macro_vars v = example_vars();

	(void)state;
	v.local = "-a--b-";
	check_expand_all(MACRO_EXPLAIN, &v, cases, COUNT(cases));
}

static void
test_macro_upper_case_is_url_escaped(void **state)
{
	static const struct expand_case cases[] = {
		{ "%{L}", "~jack%26jill%3Dup-a_b3.c%20%25%22%C3%A9" },
		{ "%{l}", "~jack&jill=up-a_b3.c %\"\303\251" },
		{ "%{L1r-}", "~jack%26jill%3Dup" },
		{ "%{S1}", "com" },
		{ "%{H}", "mx.example.org" },
	};
	struct macro_vars v = example_vars();

	(void)state;
	v.local = "~jack&jill=up-a_b3.c %\"\303\251";
	check_expand_all(MACRO_EXPLAIN, &v, cases, COUNT(cases));
}

static void
test_macro_values_are_not_expanded_again(void **state)
{
	struct macro_vars v = example_vars();

	(void)state;
	v.local = "%{d}%%%_";
	check_expand(MACRO_EXPLAIN, &v, "%{l}!", "%{d}%%%_!");
}

static void
test_macro_percent_escapes(void **state)
{
	struct macro_vars v = example_vars();

	(void)state;
	check_expand(MACRO_DOMAIN_SPEC, &v,
	    "a%%b%_%_c%-d.example.com", "a%b  c%20d.example.com");
	check_expand(MACRO_DOMAIN_SPEC, &v, "%-%-%-%-", "%20%20%20%20");
}

static void
test_macro_reply_names(void **state)
{
	struct macro_vars v = example_vars();

	(void)state;
	check_expand(MACRO_REPLY, &v,
	    "%{result} %{identity} %{reason} %{queue_id} %{why_url} %{r} %{i}\n"
	    "\303\251",
	    "fail mailfrom not listed 4Xk0 https://w mail.example.net "
	    "192.0.2.3\n\303\251");
	v.queue_id = "";
	check_expand(MACRO_REPLY, &v, "%{queue_id}", "-");
	for (size_t i = 0; macro_reply_names[i] != NULL; i++) {
		char text[64];
		struct macro_error err;
		snprintf(text, sizeof(text), "%%{%s}", macro_reply_names[i]);
		struct macro *m = compile(MACRO_REPLY, text, &err);
		assert_non_null(m);
		macro_free(m);
		assert_null(compile(MACRO_EXPLAIN, text, &err));
	}
}

struct error_case {
	enum macro_use	 use;
	const char	*source;
	size_t		 offset;
};

static void
test_macro_syntax_errors_have_a_place(void **state)
{
	static const struct error_case cases[] = {
		{ MACRO_EXPLAIN, "ab%", 3 },
		{ MACRO_EXPLAIN, "ab%c", 3 },
		{ MACRO_EXPLAIN, "ab%(ir)", 3 },
		{ MACRO_EXPLAIN, "ab% ", 3 },
		{ MACRO_EXPLAIN, "ab%{", 4 },
		{ MACRO_EXPLAIN, "ab%{}", 4 },
		{ MACRO_EXPLAIN, "%{x}", 2 },
		{ MACRO_EXPLAIN, "%{1}", 2 },
		{ MACRO_EXPLAIN, "%{d", 3 },
		{ MACRO_EXPLAIN, "%{d2", 4 },
		{ MACRO_EXPLAIN, "%{d2r", 5 },
		{ MACRO_EXPLAIN, "%{d2r.", 6 },
		{ MACRO_EXPLAIN, "%{d0}", 3 },
		{ MACRO_EXPLAIN, "%{d000r}", 3 },
		{ MACRO_EXPLAIN, "%{dr2}", 4 },
		{ MACRO_EXPLAIN, "%{d.r}", 4 },
		{ MACRO_EXPLAIN, "%{drr}", 4 },
		{ MACRO_EXPLAIN, "%{d|}", 3 },
		{ MACRO_EXPLAIN, "%{d }", 3 },
		{ MACRO_EXPLAIN, "%{dd}", 3 },
		{ MACRO_EXPLAIN, "%{ d}", 2 },
		{ MACRO_EXPLAIN, "a\tb", 1 },
		{ MACRO_EXPLAIN, "a\177b", 1 },
		{ MACRO_EXPLAIN, "a\303\251", 1 },
		{ MACRO_EXPLAIN, "%{result}", 3 },
		{ MACRO_REPLY, "%{results}", 3 },
		{ MACRO_REPLY, "%{result", 3 },
		{ MACRO_REPLY, "%{RESULT}", 3 },
		{ MACRO_DOMAIN_SPEC, "a b.example.com", 1 },
		{ MACRO_DOMAIN_SPEC, "%{c}.example.com", 2 },
		{ MACRO_DOMAIN_SPEC, "%{R}.example.com", 2 },
		{ MACRO_DOMAIN_SPEC, "%{t}.example.com", 2 },
		{ MACRO_DOMAIN_SPEC, "%{x}", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct macro_error err = { 99, NULL };
		assert_null(compile(cases[i].use, cases[i].source, &err));
		assert_non_null(err.message);
		if (err.offset != cases[i].offset)
			fail_msg("%s: offset %zu", cases[i].source,
			    err.offset);
	}
}

static void
test_macro_nul_is_an_error(void **state)
{
	struct macro_error err;

	(void)state;
	assert_null(macro_compile(MACRO_REPLY, "a\0b", 3, &err));
	assert_int_equal(err.offset, 1);
	assert_null(macro_compile(MACRO_EXPLAIN, "%\0", 2, &err));
	assert_null(macro_compile(MACRO_EXPLAIN, "%{\0}", 4, &err));
	assert_null(macro_compile(MACRO_EXPLAIN, "%{d\0}", 5, &err));
	assert_null(macro_compile(MACRO_DOMAIN_SPEC, "a.com\0", 6, &err));
}

static void
test_macro_domain_end(void **state)
{
	static const char *const good[] = {
		"a.com", ".com", "a.com.", "a.1a", "a.a1", "a.xn--p1ai",
		"a.1-2", "a..com", "a/b:c.com", "_a.com", "%{d}", "%{d}.com",
		"a.com%{d}", "a%{d}", "a%%", "a%_", "a%-", "a.b-c.com",
		"1.2.3.com", "!\"#$&'()*+,;<=>?@[\\]^`{|}~.com"
	};
	static const char *const bad[] = {
		"", ".", "..", "com", "com.", "a.com..", "a.123", "a.123.",
		"192.0.2.1", "a.-com", "a.com-", "a.c_m", "a.com/24",
		"%{d}com", "%{d}.", "%{d}.123", "%{d}com.", "%%com",
		"a.com:8080", "a.com%{d}x", "a.-", "a.b{c}"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct macro_error err;
		struct macro *m = compile(MACRO_DOMAIN_SPEC, good[i], &err);
		if (m == NULL)
			fail_msg("%s: %s", good[i], err.message);
		macro_free(m);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct macro_error err;
		if (compile(MACRO_DOMAIN_SPEC, bad[i], &err) != NULL)
			fail_msg("%s is accepted", bad[i]);
	}
}

static void
test_macro_validated_name_is_told(void **state)
{
	static const struct {
		const char	*source;
		bool		 uses;
	} cases[] = {
		{ "%{p}", true }, { "a.%{P2r}.com", true },
		{ "%{d}", false }, { "p.com", false }, { "%%{p.com", false }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct macro_error err;
		struct macro *m = compile(MACRO_DOMAIN_SPEC, cases[i].source,
		    &err);
		assert_non_null(m);
		assert_int_equal(macro_uses_validated(m), cases[i].uses);
		macro_free(m);
	}
}

static void
test_macro_free_takes_null(void **state)
{
	(void)state;
	macro_free(NULL);
}

static void
test_macro_overflow_is_told(void **state)
{
	char storage[12];
	struct sbuf out;
	struct macro_error err;
	struct macro_vars v = example_vars();
	struct macro *m = compile(MACRO_EXPLAIN, "ab%{l}%{d}c", &err);

	(void)state;
	sbuf_init(&out, storage, sizeof(storage));
	macro_expand(m, &v, &out);
	assert_false(sbuf_ok(&out));
	assert_string_equal(storage, "ab");
	macro_free(m);
}

static enum macro_name_status
expand_name(const struct macro_vars *v, const char *source, char out[254])
{
	struct macro_error err;
	struct macro *m = compile(MACRO_DOMAIN_SPEC, source, &err);
	assert_non_null(m);
	enum macro_name_status status = macro_expand_name(m, v, out);
	macro_free(m);
	return status;
}

static void
test_macro_name_drops_one_trailing_dot(void **state)
{
	struct macro_vars v = example_vars();
	char out[254];

	(void)state;
	assert_int_equal(expand_name(&v, "a.%{d}.Com.", out), MACRO_NAME_OK);
	assert_string_equal(out, "a.email.example.com.Com");
	v.domain = "example.com..";
	assert_int_equal(expand_name(&v, "%{d}", out), MACRO_NAME_INVALID);
}

/* n labels of 9 octets and a dot, ended by the given text. */
static char *
long_name(size_t n, const char *end)
{
	char *s = malloc(n * 10 + strlen(end) + 1);
	assert_non_null(s);
	for (size_t i = 0; i < n; i++) {
		memcpy(s + 10 * i, "a23456789.", 10);
		s[10 * i] = (char)('a' + i);
	}
	strcpy(s + 10 * n, end);
	return s;
}

static void
test_macro_name_loses_whole_labels_on_the_left(void **state)
{
	static const struct {
		const char	*end;
		size_t		 lost;	/* labels of 25 */
	} cases[] = {
		{ "com", 0 },			/* 253 */
		{ "com.", 0 },
		{ "coms", 1 },			/* 254 */
		{ "coms.", 1 },
		{ "0123456789.com", 2 },	/* 264 */
	};
	struct macro_vars v = example_vars();
	char out[254];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *name = long_name(25, cases[i].end);
		v.domain = name;
		assert_int_equal(expand_name(&v, "%{d}", out), MACRO_NAME_OK);
		char *want = name + 10 * cases[i].lost;
		if (want[strlen(want) - 1] == '.')
			want[strlen(want) - 1] = '\0';
		assert_string_equal(out, want);
		free(name);
	}
}

static void
test_macro_name_is_the_end_of_a_huge_expansion(void **state)
{
	struct macro_vars v = example_vars();
	char out[254];
	char *local = malloc(70001);

	(void)state;
	assert_non_null(local);
	memset(local, 'x', 70000);
	local[70000] = '\0';
	v.local = local;
	assert_int_equal(expand_name(&v, "%{l}.%{L}.%{d}", out),
	    MACRO_NAME_OK);
	assert_string_equal(out, "email.example.com");
	/* One label that is too long cannot be cut. */
	assert_int_equal(expand_name(&v, "%{d}.%{l}", out),
	    MACRO_NAME_INVALID);
	for (size_t i = 1; i < 70000; i += 2)
		local[i] = '.';
	assert_int_equal(expand_name(&v, "%{lr}.example.com", out),
	    MACRO_NAME_OK);
	assert_int_equal(strlen(out), 253);
	free(local);
}

static const char label64[] =
    "a123456789012345678901234567890123456789012345678901234567890123"
    ".example.com";

static void
test_macro_name_must_be_a_name(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "example..com", ".example.com", label64
	};
	struct macro_vars v = example_vars();
	char out[254] = "untouched";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		v.domain = bad[i];
		assert_int_equal(expand_name(&v, "%{d}", out),
		    MACRO_NAME_INVALID);
		assert_string_equal(out, "untouched");
	}
	v.domain = label64 + 1;
	assert_int_equal(expand_name(&v, "%{d}", out), MACRO_NAME_OK);
	v.domain = "single";
	assert_int_equal(expand_name(&v, "%{d}", out), MACRO_NAME_OK);
	v.helo = "odd (name)";
	assert_int_equal(expand_name(&v, "%{h}", out), MACRO_NAME_OK);
}

static void
test_macro_name_of_8bit_local_part_matches_nothing(void **state)
{
	static const char *const with[] = {
		"%{l}.example.com", "%{s}", "%{L}.example.com", "%{s1}",
		"a.%{l2r-}.example.com"
	};
	struct macro_vars v = example_vars();
	char out[254];

	(void)state;
	v.local = "\303\251";
	for (size_t i = 0; i < COUNT(with); i++)
		assert_int_equal(expand_name(&v, with[i], out),
		    MACRO_NAME_NOT_ASCII);
	assert_int_equal(expand_name(&v, "%{d}", out), MACRO_NAME_OK);
	check_expand(MACRO_EXPLAIN, &v, "%{l}", "\303\251");
	v.helo = "\303\251.example.com";
	assert_int_equal(expand_name(&v, "%{h}", out), MACRO_NAME_NOT_ASCII);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macro_rfc_examples),
		cmocka_unit_test(test_macro_letters),
		cmocka_unit_test(test_macro_missing_values),
		cmocka_unit_test(test_macro_all_parts_where_there_are_few),
		cmocka_unit_test(test_macro_every_delimiter),
		cmocka_unit_test(test_macro_empty_parts_stay),
		cmocka_unit_test(test_macro_upper_case_is_url_escaped),
		cmocka_unit_test(test_macro_values_are_not_expanded_again),
		cmocka_unit_test(test_macro_percent_escapes),
		cmocka_unit_test(test_macro_reply_names),
		cmocka_unit_test(test_macro_syntax_errors_have_a_place),
		cmocka_unit_test(test_macro_nul_is_an_error),
		cmocka_unit_test(test_macro_domain_end),
		cmocka_unit_test(test_macro_validated_name_is_told),
		cmocka_unit_test(test_macro_free_takes_null),
		cmocka_unit_test(test_macro_overflow_is_told),
		cmocka_unit_test(test_macro_name_drops_one_trailing_dot),
		cmocka_unit_test(
		    test_macro_name_loses_whole_labels_on_the_left),
		cmocka_unit_test(
		    test_macro_name_is_the_end_of_a_huge_expansion),
		cmocka_unit_test(test_macro_name_must_be_a_name),
		cmocka_unit_test(
		    test_macro_name_of_8bit_local_part_matches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
