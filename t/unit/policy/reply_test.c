/* SPDX-License-Identifier: BSD-2-Clause */
/* reply: templates and explanations, octet by octet and with hostile texts. */

#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/util.h"
#include "dice.h"
#include "policy/reply.h"

static struct addr client_addr;

static struct reply_vars
usual_vars(void)
{
	assert_true(addr_parse(&client_addr, "192.0.2.1"));
	return (struct reply_vars){ .macros = {
		.client = &client_addr,
		.local = "user",
		.sender_domain = "example.com",
		.domain = "example.com",
		.helo = "mail.example.com",
		.receiver = "mx.example.org",
		.result = "fail",
		.identity = "mailfrom",
		.reason = "unknown mechanism \"ipv4:\"",
		.queue_id = "4F00BA",
	} };
}

static struct reply_template *
compiled(unsigned code, const char *enhanced, const char *text)
{
	char err[200] = "";
	struct reply_template *t = reply_compile(code, enhanced, text, err,
	    sizeof(err));
	if (t == NULL)
		fail_msg("%s: %s", text, err);
	return t;
}

static const struct reply *
formatted(const char *text, const struct reply_vars *v)
{
	static struct reply r;
	struct reply_template *t = compiled(550, "5.7.23", text);
	memset(&r, 'x', sizeof(r));
	reply_format(t, v, &r);
	reply_template_free(t);
	return &r;
}

/* What both MTAs need: see reply.h. */
static void
check_reply(const struct reply *r)
{
	size_t lines = 0;
	const char *p = r->text;

	assert_true(r->code >= 400 && r->code <= 599);
	assert_int_equal(r->enhanced[0] - '0', r->code / 100);
	assert_non_null(memchr(r->text, '\0', sizeof(r->text)));
	for (;;) {
		size_t len = strcspn(p, "\n");
		assert_in_range(len, 1, REPLY_LINE_MAX);
		for (size_t i = 0; i < len; i++)
			assert_true(p[i] >= 0x20 && p[i] <= 0x7e);
		lines++;
		if (p[len] == '\0')
			break;
		p += len + 1;
	}
	assert_in_range(lines, 1, REPLY_LINES_MAX);
}

/* Templates */

static void
check_default(enum result r, unsigned code, const char *enhanced,
    const char *text)
{
	struct reply_vars v = usual_vars();
	const struct reply_default *d = reply_default(r);
	struct reply_template *t = compiled(d->code, d->enhanced, d->text);
	struct reply reply;

	v.macros.result = result_name(r);
	reply_format(t, &v, &reply);
	reply_template_free(t);
	check_reply(&reply);
	assert_int_equal(reply.code, code);
	assert_string_equal(reply.enhanced, enhanced);
	assert_string_equal(reply.text, text);
	assert_true(strlen(reply.text) < 200);
}

static void
test_defaults_of_all_results(void **state)
{
	(void)state;
	assert_null(reply_default(RESULT_PASS));
	check_default(RESULT_FAIL, 550, "5.7.23",
	    "SPF fail: 192.0.2.1 is not allowed to send mail for example.com "
	    "(mailfrom identity); use a mail server of that domain or ask its "
	    "postmaster");
	check_default(RESULT_SOFTFAIL, 550, "5.7.23",
	    "SPF softfail: 192.0.2.1 is probably not allowed to send mail for "
	    "example.com (mailfrom identity); use a mail server of that domain "
	    "or ask its postmaster");
	check_default(RESULT_NEUTRAL, 550, "5.7.1",
	    "SPF neutral: example.com does not say that 192.0.2.1 may send its "
	    "mail (mailfrom identity), which mx.example.org requires; its "
	    "postmaster can add this address");
	check_default(RESULT_NONE, 550, "5.7.1",
	    "SPF none: no SPF record found for example.com (mailfrom "
	    "identity), which mx.example.org requires; its postmaster can "
	    "publish one");
	check_default(RESULT_PERMERROR, 550, "5.7.24",
	    "SPF permerror: the SPF record of example.com (mailfrom identity) "
	    "is wrong and its postmaster must correct it: unknown mechanism "
	    "\"ipv4:\"");
	check_default(RESULT_TEMPERROR, 451, "4.7.24",
	    "SPF temperror: the SPF record of example.com (mailfrom identity) "
	    "cannot be looked up now, try again later: unknown mechanism "
	    "\"ipv4:\"");
}

static void
test_macros_of_administrators(void **state)
{
	(void)state;
	struct reply_vars v = usual_vars();
	const struct reply *r = formatted("%{result} %{identity} %{r} "
	    "%{queue_id} %{s} 100%% %{reason}", &v);
	assert_string_equal(r->text, "fail mailfrom mx.example.org 4F00BA "
	    "user@example.com 100% unknown mechanism \"ipv4:\"");
	assert_int_equal(r->code, 550);
	assert_string_equal(r->enhanced, "5.7.23");
}

static void
test_template_lines_are_kept(void **state)
{
	(void)state;
	struct reply_vars v = usual_vars();
	const struct reply *r = formatted("one %{d}\n\n  two  \n \nthree\n",
	    &v);
	check_reply(r);
	assert_string_equal(r->text, "one example.com\ntwo\nthree");
}

static void
test_macro_values_make_no_lines(void **state)
{
	(void)state;
	struct reply_vars v = usual_vars();
	v.macros.local = "a\r\n250 ok\nb\t\x01\x7f\x80\xff";
	const struct reply *r = formatted("from %{l}\nbye", &v);
	check_reply(r);
	assert_string_equal(r->text, "from a??250 ok?b?????\nbye");
}

static void
test_empty_expansion_has_a_text(void **state)
{
	(void)state;
	struct reply_vars v = usual_vars();
	v.macros.local = "";
	const struct reply *r = formatted("%{l}", &v);
	check_reply(r);
	assert_string_equal(r->text, "Refused by the SPF policy");
}

static void
test_long_template_line_is_broken(void **state)
{
	(void)state;
	struct reply_vars v = usual_vars();
	char helo[REPLY_LINE_MAX + 102];
	memset(helo, 'x', sizeof(helo) - 1);
	helo[sizeof(helo) - 1] = '\0';
	v.macros.helo = helo;

	/* no blank: in the middle of the word */
	const struct reply *r = formatted("%{h} end", &v);
	check_reply(r);
	assert_int_equal(strcspn(r->text, "\n"), REPLY_LINE_MAX);
	assert_int_equal(strlen(r->text), strlen(helo) + strlen("\n end"));
	assert_string_equal(strchr(r->text, ' ') - 1, "x end");
	/* at the last blank that fits */
	helo[REPLY_LINE_MAX] = ' ';
	r = formatted("%{h} end", &v);
	assert_int_equal(strcspn(r->text, "\n"), REPLY_LINE_MAX);
	assert_int_equal(r->text[REPLY_LINE_MAX + 1], 'x');
	helo[10] = ' ';
	helo[REPLY_LINE_MAX] = 'x';
	r = formatted("%{h} end", &v);
	assert_int_equal(strcspn(r->text, "\n"), 10);
}

static void
test_huge_values_leave_room_for_the_explanation(void **state)
{
	(void)state;
	static char huge[70001];
	struct reply_vars v = usual_vars();
	memset(huge, 'x', sizeof(huge) - 1);
	v.macros.helo = huge;
	v.explanation = "because";
	v.explanation_domain = "example.com";
	const struct reply *r = formatted("no %{h}\nno %{h}\n%{d}", &v);
	check_reply(r);
	assert_string_equal(r->text, "no\nno\nexample.com\n"
	    "The domain example.com explains:\nbecause");
	/* as many as go into the room of the template */
	huge[1500] = '\0';
	v.explanation = huge;
	r = formatted("%{h}\n%{h}\n%{h}\n%{h}", &v);
	check_reply(r);
	const char *tail = strstr(r->text, "\nThe domain example.com");
	assert_non_null(tail);
	assert_in_range(tail - r->text, 1800, 1900);
	assert_int_equal(strlen(tail), REPLY_EXPLANATION_MAX + 1 +
	    strlen("\nThe domain example.com explains:\n"));
}

/* Explanations */

static const char *
explained(const char *explanation)
{
	struct reply_vars v = usual_vars();
	v.explanation = explanation;
	v.explanation_domain = "example.com";
	const struct reply *r = formatted("no", &v);
	check_reply(r);
	return r->text;
}

#define HEADING "no\nThe domain example.com explains:\n"

static void
test_explanation_stands_on_its_own_lines(void **state)
{
	(void)state;
	assert_string_equal(explained("See http://example.com/spf"),
	    HEADING "See http://example.com/spf");
	assert_string_equal(explained("two  blanks stay"),
	    HEADING "two  blanks stay");
}

static void
test_no_explanation_no_heading(void **state)
{
	(void)state;
	assert_string_equal(explained(NULL), "no");
	assert_string_equal(explained(""), "no");
	assert_string_equal(explained("   "), "no");
}

static void
test_explanation_is_wrapped_at_blanks(void **state)
{
	(void)state;
	char text[120];
	char expected[200];

	/* 75 octets fit, 76 do not */
	memset(text, 'a', 72);
	strcpy(text + 71, " it.");
	snprintf(expected, sizeof(expected), HEADING "%s", text);
	assert_string_equal(explained(text), expected);
	memset(text, 'a', 72);
	strcpy(text + 72, "   it.");
	snprintf(expected, sizeof(expected), HEADING "%.72s\nit.", text);
	assert_string_equal(explained(text), expected);
	/* the blank behind the 75th octet ends a full line */
	memset(text, 'a', 75);
	text[2] = ' ';
	strcpy(text + 75, " it.");
	snprintf(expected, sizeof(expected), HEADING "%.75s\nit.", text);
	assert_string_equal(explained(text), expected);
}

static void
test_explanation_keeps_links_whole(void **state)
{
	(void)state;
	char text[200] = "See http://example.com/";
	char expected[300] = HEADING "See\nhttp://example.com/";
	for (int i = 0; i < 100; i++) {
		strcat(text, "a");
		strcat(expected, "a");
	}
	strcat(text, " for more");
	strcat(expected, "\nfor more");
	assert_string_equal(explained(text), expected);
}

static void
test_explanation_is_cut_at_800_octets(void **state)
{
	(void)state;
	char text[1002];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	const char *r = explained(text) + strlen(HEADING);
	assert_int_equal(strspn(r, "a"), REPLY_LINE_MAX);
	assert_int_equal(r[REPLY_LINE_MAX], '\n');
	assert_int_equal(strlen(r), REPLY_EXPLANATION_MAX + 1);
}

static void
test_explanation_has_printable_ascii_only(void **state)
{
	(void)state;
	assert_string_equal(explained("a\r\n250 ok\tb\x80\xff\x7f c"),
	    HEADING "a??250 ok?b??? c");
	struct reply_vars v = usual_vars();
	v.explanation = "x";
	v.explanation_domain = "ev\nil.example";
	assert_string_equal(formatted("no", &v)->text,
	    "no\nThe domain ev?il.example explains:\nx");
	v.explanation_domain = NULL;
	assert_string_equal(formatted("no", &v)->text,
	    "no\nThe domain unknown explains:\nx");
}

static void
test_worst_explanations_fit(void **state)
{
	(void)state;
	static char text[2000];
	char domain[300];
	char template[] = "1\n2\n3\n4\n5\n6\n7\n8 %{d} %{h}";
	struct reply_vars v = usual_vars();
	memset(domain, 'd', sizeof(domain) - 1);
	domain[sizeof(domain) - 1] = '\0';
	v.explanation_domain = domain;
	v.explanation = text;
	for (size_t word = 1; word < 80; word++) {
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = i % (word + 1) == word ? ' ' : 'w';
		const struct reply *r = formatted(template, &v);
		check_reply(r);
		/* no line is lost: all letters up to the cut are there */
		size_t sent = 0;
		size_t told = 0;
		for (size_t i = 0; i < REPLY_EXPLANATION_MAX; i++)
			sent += text[i] == 'w';
		for (const char *p = r->text; *p != '\0'; p++)
			told += *p == 'w';
		assert_int_equal(told, sent);
	}
}

/* Links */

#define LINK "https://mail.example.org/why?t=abc-_0"

static const char *
linked(const char *text, const char *link, const char *explanation)
{
	struct reply_vars v = usual_vars();

	v.macros.why_url = link;
	v.explanation = explanation;
	v.explanation_domain = "example.com";
	const struct reply *r = formatted(text, &v);
	check_reply(r);
	return r->text;
}

static void
test_link_stands_on_a_line_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(linked("no", LINK, NULL), "no\nSee " LINK);
	assert_string_equal(linked("no\nnever", LINK, "because"),
	    "no\nnever\nSee " LINK
	    "\nThe domain example.com explains:\nbecause");
	assert_string_equal(linked("no", "", NULL), "no");
	assert_string_equal(linked("no", NULL, NULL), "no");
}

static void
test_link_stands_where_the_template_wants_it(void **state)
{
	(void)state;
	assert_string_equal(linked("read %{why_url} first\nno", LINK, NULL),
	    "read " LINK " first\nno");
	assert_string_equal(linked("%{why_url}\nno", "", NULL), "no");
}

/* Whatever else there is to say. */
static void
test_link_is_never_cut(void **state)
{
	static char link[REPLY_LINK_MAX + 1];
	static char huge[70001];
	char expected[REPLY_LINK_MAX + 10];
	struct reply_vars v = usual_vars();

	(void)state;
	memset(link, 'l', sizeof(link) - 1);
	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 450; i < sizeof(huge) - 1; i += 450)
		huge[i] = ' ';
	snprintf(expected, sizeof(expected), "\nSee %s\nThe", link);
	v.macros.why_url = link;
	v.macros.helo = huge;
	v.explanation_domain = huge;
	v.explanation = huge;
	const struct reply *r = formatted("%{h}\n2\n3\n4\n5\n6\n7\n8", &v);
	check_reply(r);
	assert_non_null(strstr(r->text, expected));
}

/* Hostile and random */

static uint32_t random_state = 8601;

static uint32_t
random_below(uint32_t n)
{
	return dice(&random_state, n);
}

static void
random_text(char *out, size_t size)
{
	size_t len = random_below(4) == 0 ? random_below((uint32_t)size)
	    : random_below(60);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(random_below(3) == 0 ? 1 + random_below(255)
		    : (uint32_t)"w \n%"[random_below(4)]);
	out[len] = '\0';
}

static void
test_random_values_keep_all_promises(void **state)
{
	(void)state;
	static char text[6][3000];
	struct reply_vars v = usual_vars();

	for (int i = 0; i < 3000; i++) {
		for (size_t j = 0; j < 6; j++)
			random_text(text[j], sizeof(text[j]));
		v.macros.local = text[0];
		v.macros.domain = text[1];
		v.macros.helo = text[2];
		v.macros.reason = text[3];
		v.explanation = text[4];
		v.explanation_domain = text[5];
		check_reply(formatted("%{s} %{h}\n%{d} %{H}\n%{reason}\n%{p}",
		    &v));
	}
}

/* Templates that are refused */

static const char *
refused(unsigned code, const char *enhanced, const char *text)
{
	static char err[200];
	strcpy(err, "untouched");
	struct reply_template *t = reply_compile(code, enhanced, text, err,
	    sizeof(err));
	if (t != NULL)
		fail_msg("%u %s %s was taken", code, enhanced, text);
	return err;
}

static void
test_bad_codes_are_refused(void **state)
{
	(void)state;
	static const unsigned codes[] = { 0, 250, 399, 600, 5500,
		(unsigned)-1 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_string_equal(refused(codes[i], "5.7.1", "x"),
		    "code must be 400 to 599");
	reply_template_free(compiled(400, "4.0.0", "x"));
	reply_template_free(compiled(599, "5.999.999", "x"));
}

static void
test_bad_enhanced_codes_are_refused(void **state)
{
	(void)state;
	static const char *const other_class[] = { NULL, "", "4.7.1", "2.0.0",
		" 5.7.1", "x" };
	static const char *const malformed[] = { "5", "5.", "5.7", "5.7.",
		"5.7.1.", "5.7.1 ", "5.7.1234", "5.1234.1", "55.7.1", "5..1",
		"5.7.x", "5.-7.1", "5.7.1\n" };
	for (size_t i = 0; i < sizeof(other_class) / sizeof(char *); i++)
		assert_string_equal(refused(550, other_class[i], "x"),
		    "enhanced must begin with 5, as code 550 does");
	for (size_t i = 0; i < sizeof(malformed) / sizeof(char *); i++)
		assert_string_equal(refused(550, malformed[i], "x"),
		    "enhanced must be like \"5.7.1\"");
}

static void
test_bad_texts_are_refused(void **state)
{
	(void)state;
	static const char *const empty[] = { "", " ", "\n", " \n " };
	static const char *const odd[] = { "a\tb", "a\r\nb", "\x80", "\x7f" };
	for (size_t i = 0; i < sizeof(empty) / sizeof(char *); i++)
		assert_string_equal(refused(550, "5.7.1", empty[i]),
		    "text must not be empty");
	for (size_t i = 0; i < sizeof(odd) / sizeof(char *); i++)
		assert_string_equal(refused(550, "5.7.1", odd[i]),
		    "text must be printable ASCII and newlines");
	assert_string_equal(refused(550, "5.7.1", "1\n2\n3\n4\n5\n6\n7\n8\n9"),
	    "text must have at most 8 lines");
	char long_text[REPLY_TEMPLATE_TEXT_MAX + 2];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(refused(550, "5.7.1", long_text),
	    "text must have at most 1024 octets");
	long_text[sizeof(long_text) - 2] = '\0';
	reply_template_free(compiled(550, "5.7.1", long_text));
}

static void
test_bad_macros_are_refused_with_their_place(void **state)
{
	(void)state;
	static const char *const bad[] = { "%", "100% sure", "%{", "%{zz}",
		"%{result", "%{results}", "%{s0}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(char *); i++)
		assert_memory_equal(refused(550, "5.7.1", bad[i]),
		    "text, octet ", 12);
	const char *err = refused(550, "5.7.1", "fine\nso far %{zz}");
	assert_memory_equal(err, "text, octet 15: ", 16);
	assert_non_null(strstr(err, "%%"));
}

static void
test_small_error_buffer_is_not_overrun(void **state)
{
	(void)state;
	char err[8] = "xxxxxxx";
	assert_null(reply_compile(250, "2.0.0", "x", err, 4));
	assert_true(strlen(err) < 4);
	assert_int_equal(err[4], 'x');
	reply_template_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_of_all_results),
		cmocka_unit_test(test_macros_of_administrators),
		cmocka_unit_test(test_template_lines_are_kept),
		cmocka_unit_test(test_macro_values_make_no_lines),
		cmocka_unit_test(test_empty_expansion_has_a_text),
		cmocka_unit_test(test_long_template_line_is_broken),
		cmocka_unit_test(
		    test_huge_values_leave_room_for_the_explanation),
		cmocka_unit_test(test_explanation_stands_on_its_own_lines),
		cmocka_unit_test(test_no_explanation_no_heading),
		cmocka_unit_test(test_explanation_is_wrapped_at_blanks),
		cmocka_unit_test(test_explanation_keeps_links_whole),
		cmocka_unit_test(test_explanation_is_cut_at_800_octets),
		cmocka_unit_test(test_explanation_has_printable_ascii_only),
		cmocka_unit_test(test_worst_explanations_fit),
		cmocka_unit_test(test_link_stands_on_a_line_of_its_own),
		cmocka_unit_test(test_link_stands_where_the_template_wants_it),
		cmocka_unit_test(test_link_is_never_cut),
		cmocka_unit_test(test_random_values_keep_all_promises),
		cmocka_unit_test(test_bad_codes_are_refused),
		cmocka_unit_test(test_bad_enhanced_codes_are_refused),
		cmocka_unit_test(test_bad_texts_are_refused),
		cmocka_unit_test(test_bad_macros_are_refused_with_their_place),
		cmocka_unit_test(test_small_error_buffer_is_not_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
