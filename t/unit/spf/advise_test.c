/* SPDX-License-Identifier: BSD-2-Clause */
/* What is found in the text of a record. */

#include "unit.h"

#include <stdio.h>

#include "spf/advise.h"
#include "spf/record.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FIRST_OF_DNS ADVISE_NO_RECORD

static struct advice
look_at_octets(const char *text, size_t len)
{
	struct advice a = { NULL, 0 };
	char *copy = malloc(len == 0 ? 1 : len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	record_free(advise_record(copy, len, &a));
	free(copy);
	return a;
}

static struct advice
look_at(const char *text)
{
	return look_at_octets(text, strlen(text));
}

static const struct advise_finding *
find(const struct advice *a, enum advise_kind k)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->findings[i].kind == k)
			return &a->findings[i];
	return NULL;
}

/* A text that shows it, the place it is about ("" for all), one without. */
static const struct {
	enum advise_kind kind;
	const char	*bad;
	const char	*place;
	const char	*good;
} cases[] = {
	{ ADVISE_NOT_SPF, "v=spf1; mx -all", "", "v=spf1 mx -all" },
	{ ADVISE_NOT_SPF, "v=spf10 -all", "", "v=spf1" },
	{ ADVISE_SYNTAX, "v=spf1 ipv4:192.0.2.1 -all", "ipv4:192.0.2.1",
	    "v=spf1 ip4:192.0.2.1 -all" },
	{ ADVISE_SYNTAX, "v=spf1 ip4:192.0.2.1/33 -all", "33",
	    "v=spf1 ip4:192.0.2.1/32 -all" },
	{ ADVISE_SYNTAX, "v=spf1 a\tmx -all", "\tmx", "v=spf1 a mx -all" },
	{ ADVISE_SYNTAX, "v=spf1 redirect=a.example redirect=b.example",
	    "redirect=b.example", "v=spf1 redirect=a.example" },
	{ ADVISE_AFTER_ALL, "v=spf1 -all mx", "mx", "v=spf1 mx -all" },
	{ ADVISE_AFTER_ALL, "v=spf1 -all ~all", "~all", "v=spf1 -all" },
	{ ADVISE_NO_ALL, "v=spf1 mx", "", "v=spf1 redirect=a.example" },
	{ ADVISE_NEUTRAL_ALL, "v=spf1 mx ?all", "?all", "v=spf1 mx ~all" },
	{ ADVISE_REDIRECT_WITH_ALL, "v=spf1 redirect=a.example mx ~all",
	    "redirect=a.example", "v=spf1 mx redirect=a.example" },
	{ ADVISE_EVERYONE, "v=spf1 mx all", "all", "v=spf1 mx -all" },
	{ ADVISE_EVERYONE, "v=spf1 ip4:1.2.3.4/0 -all", "ip4:1.2.3.4/0",
	    "v=spf1 ip4:1.2.3.0/24 -all" },
	{ ADVISE_EVERYONE, "v=spf1 ip6:2001:db8::/0 -all",
	    "ip6:2001:db8::/0", "v=spf1 ip6:2001:db8::/32 -all" },
	{ ADVISE_EVERYONE, "v=spf1 mx/0 -all", "mx/0", "v=spf1 mx/24 -all" },
	{ ADVISE_EVERYONE, "v=spf1 a//0 -all", "a//0", "v=spf1 a//64 -all" },
	{ ADVISE_EVERYONE, "v=spf1 +all", "+all", "v=spf1 -ip4:0.0.0.0/0" },
	{ ADVISE_WIDE, "v=spf1 ip4:8.0.0.0/8 -all", "ip4:8.0.0.0/8",
	    "v=spf1 ip4:8.0.0.0/14 -all" },
	{ ADVISE_WIDE, "v=spf1 ip6:2600::/20 -all", "ip6:2600::/20",
	    "v=spf1 ip6:2600::/24 -all" },
	{ ADVISE_WIDE, "v=spf1 a/4 -all", "a/4", "v=spf1 -a/4 -all" },
	{ ADVISE_PTR, "v=spf1 a ptr -all", "ptr", "v=spf1 a -all" },
	{ ADVISE_PTR, "v=spf1 ptr:a.example -all", "ptr:a.example",
	    "v=spf1 a:ptr.a.example -all" },
	{ ADVISE_DUPLICATE, "v=spf1 a:b.example mx A:B.Example -all",
	    "A:B.Example", "v=spf1 a:b.example mx:b.example -all" },
	{ ADVISE_DUPLICATE, "v=spf1 ip4:192.0.2.7/24 ip4:192.0.2.0/24 -all",
	    "ip4:192.0.2.0/24",
	    "v=spf1 ip4:192.0.3.0/24 ip4:192.0.2.0/24 -all" },
	{ ADVISE_OVERLAP, "v=spf1 ip4:192.0.2.0/24 mx ip4:192.0.2.7 -all",
	    "ip4:192.0.2.7", "v=spf1 ip4:192.0.2.0/24 ip4:192.0.3.7 -all" },
	{ ADVISE_OVERLAP, "v=spf1 ip6:2001:db8::1 ip6:2001:db8::/64 -all",
	    "ip6:2001:db8::1",
	    "v=spf1 -ip6:2001:db8::1 ip6:2001:db8::/64 -all" },
	{ ADVISE_OVERLAP, "v=spf1 ip6:2001:db8::1 mx ip6:2001:db8::/64 -all",
	    "ip6:2001:db8::1",
	    "v=spf1 ip6:2001:db8::1 -mx ip6:2001:db8::/64 -all" },
	{ ADVISE_DUPLICATE, "v=spf1 exists:%{i}.b exists:%{i}.b -all",
	    "exists:%{i}.b", "v=spf1 exists:%{i}.b exists:%{I}.b -all" },
	{ ADVISE_HOST_BITS, "v=spf1 ip4:192.0.2.1/24 -all",
	    "ip4:192.0.2.1/24", "v=spf1 ip4:192.0.2.1/32 -all" },
	{ ADVISE_PRIVATE, "v=spf1 ip4:10.1.2.3 -all", "ip4:10.1.2.3",
	    "v=spf1 ip4:11.1.2.3 -all" },
	{ ADVISE_PRIVATE, "v=spf1 ip4:127.0.0.1 -all", "ip4:127.0.0.1",
	    "v=spf1 ip4:128.0.0.1 -all" },
	{ ADVISE_PRIVATE, "v=spf1 ip4:239.0.0.0/24 -all",
	    "ip4:239.0.0.0/24", "v=spf1 ip4:223.0.0.0/24 -all" },
	{ ADVISE_PRIVATE, "v=spf1 ip6:fd00::/8 -all", "ip6:fd00::/8",
	    "v=spf1 ip6:2001:db8::/32 -all" },
	{ ADVISE_PRIVATE, "v=spf1 ip6:::1 -all", "ip6:::1",
	    "v=spf1 ip6:::3 -all" },
	{ ADVISE_MAPPED, "v=spf1 ip6:::ffff:192.0.2.1 -all",
	    "ip6:::ffff:192.0.2.1", "v=spf1 ip6:::fffe:192.0.2.1 -all" },
	{ ADVISE_MACRO, "v=spf1 exists:%{p}.a.example -all",
	    "exists:%{p}.a.example", "v=spf1 exists:%{i}.a.example -all" },
	{ ADVISE_MACRO, "v=spf1 exists:%{I}.a.example -all",
	    "exists:%{I}.a.example", "v=spf1 a:%{d} -all" },
	{ ADVISE_MACRO, "v=spf1 a:%{h} -all", "a:%{h}",
	    "v=spf1 include:%{i}.a.example -all" },
	{ ADVISE_EXISTS, "v=spf1 exists:a.example -all", "exists:a.example",
	    "v=spf1 exists:%{ir}.a.example -all" },
	{ ADVISE_GLUED, "v=spf1 a:b.example-all", "a:b.example-all",
	    "v=spf1 a:b.example -all" },
	{ ADVISE_GLUED, "v=spf1 include:a.exampleip4:1.2.3.x -all",
	    "include:a.exampleip4:1.2.3.x", "v=spf1 a:small-all.example -all" },
	{ ADVISE_CASE, "v=spf1 IP4:192.0.2.1 -all", "IP4:192.0.2.1",
	    "v=spf1 a:MAIL.Example -all" },
	{ ADVISE_CASE, "v=spf1 mx -ALL", "-ALL", "v=spf1 mx -all" },
	{ ADVISE_CASE, "V=spf1 mx -all", "V=spf1", "v=spf1 mx -all" },
	{ ADVISE_MODIFIER, "v=spf1 include=a.example -all",
	    "include=a.example", "v=spf1 include:a.example -all" },
	{ ADVISE_EARLY, "v=spf1 exp=a.example mx -all", "exp=a.example",
	    "v=spf1 mx -all exp=a.example" },
	{ ADVISE_INCLUDE_SIGN, "v=spf1 -include:a.example ~all",
	    "-include:a.example", "v=spf1 ?include:a.example ~all" },
	{ ADVISE_EXP_UNUSED, "v=spf1 mx exp=a.example ~all",
	    "exp=a.example", "v=spf1 mx exp=a.example -all" },
};

static void
assert_found(const struct advice *a, enum advise_kind k, const char *text,
    const char *place)
{
	const struct advise_finding *f = find(a, k);

	if (f == NULL) {
		fail_msg("%s: no %s", text, advise_name(k));
		return;
	}
	assert_true(f->text[0] != '\0');
	assert_int_equal(f->len, strlen(place));
	if (f->len > 0) {
		assert_true(f->offset + f->len <= strlen(text));
		assert_memory_equal(text + f->offset, place, f->len);
	}
}

static void
test_advise_finds_each_kind_in_its_place_and_not_without(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice bad = look_at(cases[i].bad);
		struct advice good = look_at(cases[i].good);

		assert_found(&bad, cases[i].kind, cases[i].bad,
		    cases[i].place);
		if (find(&good, cases[i].kind) != NULL)
			fail_msg("%s: %s", cases[i].good,
			    advise_name(cases[i].kind));
		advice_fini(&bad);
		advice_fini(&good);
	}
}

static void
test_advise_long_texts(void **state)
{
	static char text[RECORD_TEXT_MAX + 2];
	struct advice a;

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "v=spf1", 6);
	a = look_at_octets(text, 450);
	assert_null(find(&a, ADVISE_LONG));
	advice_fini(&a);
	a = look_at_octets(text, 451);
	assert_found(&a, ADVISE_LONG, text, "");
	assert_null(find(&a, ADVISE_TOO_LONG));
	advice_fini(&a);
	a = look_at_octets(text, RECORD_TEXT_MAX + 1);
	assert_found(&a, ADVISE_TOO_LONG, text, "");
	advice_fini(&a);
}

static void
test_advise_every_kind_of_text_has_a_case(void **state)
{
	(void)state;
	for (unsigned k = 0; k < FIRST_OF_DNS; k++) {
		bool found = k == ADVISE_LONG || k == ADVISE_TOO_LONG;

		for (size_t i = 0; i < COUNT(cases); i++)
			found = found || cases[i].kind == k;
		if (!found)
			fail_msg("no case: %s", advise_name(k));
	}
}

static void
test_advise_names_are_unique_and_severities_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ADVISE_COUNT; i++) {
		assert_non_null(advise_name(i));
		assert_non_null(advise_severity_name(advise_severity(i)));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(advise_name(i),
			    advise_name(j));
	}
}

/* The records of the two Korean documents that these findings are for. */
static void
test_advise_good_records_have_no_finding(void **state)
{
	static const char *const good[] = {
		"v=spf1 -all",
		"v=spf1 ip4:61.251.112.141 ip4:61.251.112.143 "
		    "ip4:61.251.112.144 -all",
		"v=spf1 redirect=_spf.google.com",
		"v=spf1 include:spf-a.hotmail.com include:spf-b.hotmail.com "
		    "~all",
		"v=spf1 mx a:mail.example.kr include:%{d}.x.example "
		    "exists:%{ir}.%{v}._spf.%{d2} -all exp=e.example",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct advice a = look_at(good[i]);

		if (a.count > 0)
			fail_msg("%s: %s", good[i], a.findings[0].text);
		advice_fini(&a);
	}
}

static void
test_advise_one_mistake_does_not_hide_others(void **state)
{
	const char *text = "v=spf1 foo:bar ip4:1.2.3 ptr \xed\x95\x9c baz -all";
	struct advice a = { NULL, 0 };
	struct record *r = advise_record(text, strlen(text), &a);
	size_t errors = 0;

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->terms[0].mechanism, RECORD_PTR);
	assert_int_equal(r->terms[0].offset, strstr(text, "ptr") - text);
	for (size_t i = 0; i < a.count; i++) {
		errors += a.findings[i].kind == ADVISE_SYNTAX;
		assert_true(i == 0 || a.findings[i].offset >=
		    a.findings[i - 1].offset);
	}
	assert_int_equal(errors, 4);
	assert_non_null(find(&a, ADVISE_PTR));
	record_free(r);
	advice_fini(&a);
}

static void
assert_meant(const char *text, enum advise_kind k, const char *meant)
{
	struct advice a = look_at(text);
	const struct advise_finding *f = find(&a, k);

	assert_non_null(f != NULL ? strstr(f->text, meant) : NULL);
	advice_fini(&a);
}

static void
test_advise_says_what_was_meant(void **state)
{
	(void)state;
	assert_meant("v=spf1 redirect:a.example", ADVISE_SYNTAX,
	    "write redirect=a.example");
	assert_meant("v=spf1 mx ip4=192.0.2.0/24 -all", ADVISE_MODIFIER,
	    "write ip4:192.0.2.0/24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_advise_finds_each_kind_in_its_place_and_not_without),
		cmocka_unit_test(test_advise_long_texts),
		cmocka_unit_test(test_advise_every_kind_of_text_has_a_case),
		cmocka_unit_test(
		    test_advise_names_are_unique_and_severities_have_names),
		cmocka_unit_test(test_advise_good_records_have_no_finding),
		cmocka_unit_test(test_advise_one_mistake_does_not_hide_others),
		cmocka_unit_test(test_advise_says_what_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
