/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose results an incoming Authentication-Results field claims to have. */

#include "unit.h"

#include "policy/authres.h"

#define BIG 70000

static void
check_claims(const char *const *values, size_t n, const char *id, bool expected)
{
	for (size_t i = 0; i < n; i++)
		if (authres_claims_id(values[i], id) != expected)
			fail_msg("%s: %s", expected ? "missed" : "mistaken",
			    values[i]);
}

static void
test_claims_in_every_dress(void **state)
{
	(void)state;
	static const char *const values[] = {
		"mx.example.org; spf=pass",
		"mx.example.org;spf=pass",
		"mx.example.org",
		" mx.example.org ; none",
		"MX.Example.ORG; spf=pass",
		"mx.example.org.; spf=pass",
		"mx.example.org 1; spf=pass",
		"mx.example.org. 1; spf=pass",
		"mx.example.org/1; spf=pass",
		"\n\tmx.example.org\n\t;\n\tspf=pass",
		"\"mx.example.org\"; spf=pass",
		"\"m\\x.example.org\"; spf=pass",
		"m\\x.example.org. 1; spf=pass",
		"\" mx.example.org \" 1; spf=pass",
		"(comment) mx.example.org; spf=pass",
		"(a (b) \\) c)mx.example.org(d)1; spf=pass",
		"mx . example . org; spf=pass",
		"mx(a).(b)example.org; spf=pass",
		"mx.\n example.org; spf=pass",
		"\"mx\".example.\"org\"; spf=pass",
		"other.example mx.example.org; spf=pass",
		"(a (b) mx.example.org; spf=pass )) other.example; none",
		"(unclosed mx.example.org; spf=pass",
		"\"unclosed mx.example.org; spf=pass",
		"\"a;b\" mx.example.org; spf=pass",
		"; mx.example.org; spf=pass",
		"() ; (;) mx.example.org; spf=pass",
		"=?utf-8?Q?mx=2Eexample=2Eorg?=; spf=pass",
		"=?utf-8?B?bXguZXhhbXBsZS5vcmc=?=; spf=pass",
		"(=?utf-8?Q?=29_mx=2Eexample=2Eorg=3B?=) x; spf=pass",
		"\xef\xbd\x8dx.example.org; spf=pass",
		"mx.example.org\\",
		"mx.example).org; spf=pass",
		"m)x)(a)).)example.org); spf=pass",
	};
	size_t n = sizeof(values) / sizeof(values[0]);
	check_claims(values, n, "mx.example.org", true);
	check_claims(values, n, "Mx.Example.Org.", true);
}

static void
test_fields_of_others_are_left(void **state)
{
	(void)state;
	static const char *const values[] = {
		"",
		" ",
		";",
		"other.example; spf=pass smtp.mailfrom=mx.example.org",
		"other.example 1; spf=pass (mx.example.org)",
		"amx.example.org; spf=pass",
		"a.mx.example.org; spf=pass",
		"a-mx.example.org; spf=pass",
		"mx.example.org.example; spf=pass",
		"mx.example.orgs; spf=pass",
		"mx-example.org; spf=pass",
		"\"other.example\" 1; none; mx.example.org",
		"example.org; spf=pass",
		"mx.example; spf=pass",
		"mx example org; spf=pass",
		"other.example; =?utf-8?Q?mx.example.org?=",
		"other.example; \xef\xbd\x8dx.example.org",
		"(mx . example . org) other.example; spf=pass",
	};
	check_claims(values, sizeof(values) / sizeof(values[0]),
	    "mx.example.org", false);
}

static void
test_claims_of_nobody(void **state)
{
	(void)state;
	assert_false(authres_claims_id("mx.example.org", ""));
	assert_false(authres_claims_id("mx.example.org", "."));
}

static void
test_claims_in_long_values(void **state)
{
	(void)state;
	static char text[BIG + 64];

	memset(text, ' ', BIG);
	strcpy(text + BIG, "mx.example.org; spf=pass");
	assert_true(authres_claims_id(text, "mx.example.org"));
	memset(text, '(', BIG / 2);
	memset(text + BIG / 2, ')', BIG / 2);
	assert_true(authres_claims_id(text, "mx.example.org"));
	strcpy(text + BIG, "other.example; spf=pass");
	assert_false(authres_claims_id(text, "mx.example.org"));
	/* a name too long to look at: in doubt, ours */
	memset(text, 'a', BIG);
	assert_true(authres_claims_id(text, "mx.example.org"));
}

static void
check_spf(const char *const *values, size_t n, bool expected)
{
	for (size_t i = 0; i < n; i++)
		if (authres_claims_spf(values[i]) != expected)
			fail_msg("%s: %s", expected ? "missed" : "mistaken",
			    values[i]);
}

static void
test_spf_results_in_every_dress(void **state)
{
	(void)state;
	static const char *const values[] = {
		"mx.example.org; spf=pass",
		"mx.example.org;spf=",
		"mx.example.org; dkim=pass header.d=a.example; spf=pass",
		"mx.example.org; SPF=pass",
		"mx.example.org; spf/1=pass",
		"mx.example.org; spf / 1 = pass",
		"mx.example.org; spf\n\t=\n\tpass",
		"mx.example.org; (a (b) \\) c) spf (d) = pass",
		"mx.example.org; s(a)p(b)f(c)=pass",
		"mx.example.org; \"spf\"=pass",
		"mx.example.org; s\\p\"f\" = pass",
		"mx.example.org; dkim=pass (spf=pass)",
		"mx.example.org; (unclosed spf=pass",
		"mx.example.org; s)pf)=pass",
		"mx.example.org; (a (spf) = pass",
		"mx.example.org; spf (a (b) =pass",
		"mx.example.org; spf (a\\) =pass",
		"mx.example.org; (a (b) spf=pass )",
		"mx.example.org; none \"unclosed; spf=pass",
		"mx.example.org; sspf=pass",
		"mx.example.org; x-spf=pass",
		"mx.example.org spf=pass",
		"mx.example.org; =?utf-8?Q?spf=3Dpass?=",
		"=?utf-8?Q?mx=2Eexample=2Eorg=3B_s=70f=3Dpass?=",
		"spf=pass",
	};
	check_spf(values, sizeof(values) / sizeof(values[0]), true);
}

static void
test_results_of_other_methods(void **state)
{
	(void)state;
	static const char *const values[] = {
		"",
		"mx.example.org",
		"mx.example.org; none",
		"mx.example.org; dkim=pass (2048-bit key; unprotected) "
		    "header.d=spf.example header.i=@spf.example "
		    "header.a=rsa-sha256 header.s=spf header.b=SpF/1abc",
		"mx.example.org; dmarc=fail (p=reject dis=none) "
		    "header.from=spf",
		"mx.example.org; arc=none; iprev=pass policy.iprev=192.0.2.1",
		"mx.example.org; dkim=pass header.d=b\xc3\xbc" "cher.example",
		"spf.example.org; auth=pass smtp.auth=spf",
		"mx.example.org; sp=f; sp f",
	};
	check_spf(values, sizeof(values) / sizeof(values[0]), false);
}

static void
test_spf_results_in_long_values(void **state)
{
	(void)state;
	static char text[BIG + 64];

	memset(text, '(', BIG / 2);
	memset(text + BIG / 2, ')', BIG / 2);
	strcpy(text + BIG, "spf pass");
	assert_false(authres_claims_spf(text));
	strcpy(text + BIG, "spf () = pass");
	assert_true(authres_claims_spf(text));
}

static bool
is_wanted(const char *domain, void *arg)
{
	return strcmp(domain, arg) == 0;
}

static bool
passes(const char *value, const char *domain)
{
	char wanted[64];

	strcpy(wanted, domain);
	return authres_dkim_passes(value, "mx.example.org", is_wanted, wanted);
}

static void
test_dkim_passes_that_count(void **state)
{
	(void)state;
	static const char *const values[] = {
		"mx.example.org; dkim=pass header.d=example.com",
		"MX.example.org 1;\n\tDKIM=Pass HEADER.D=example.com;",
		"mx.example.org;\n\tdkim=pass (2048-bit key; unprotected)"
		    " header.d=example.com header.i=@example.com"
		    " header.b=\"a/b;c+d=\"",
		"mx.example.org; dkim=fail reason=\"x; y\" header.d=a.example;"
		    " dkim=pass header.d=example.com",
		"mx.example.org; dkim=pass header.d=a.example; dkim=pass"
		    " header.d=\"example.com\" header.s=s header.b=/+aB;"
		    " spf=fail",
		"(a (b)) mx.example.org (c); dkim=pass header.d=example.com"
		    " ; dmarc=fail (\"",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!passes(values[i], "example.com"))
			fail_msg("missed: %s", values[i]);
}

static void
test_dkim_passes_that_do_not_count(void **state)
{
	(void)state;
	static const char *const values[] = {
		"", ";", "mx.example.org", "mx.example.org; none",
		"other.example; dkim=pass header.d=example.com",
		"amx.example.org; dkim=pass header.d=example.com",
		"mx.example.org other; dkim=pass header.d=example.com",
		"mx.example.org dkim=pass header.d=example.com",
		"mx.example.org; dkim=fail header.d=example.com",
		"mx.example.org; dkim=passed header.d=example.com",
		"mx.example.org; dkim=pass header.i=@example.com",
		"mx.example.org; dkim=pass header.d=example.net"
		    " header.i=@example.com",
		"mx.example.org; dkim=pass header.d=example.net"
		    " header.d=example.com",
		"mx.example.org; dkim=pass header.d=example.com x",
		"mx.example.org; dkim=pass header.d = example.com",
		"mx.example.org; dkim-adsp=pass header.d=example.com",
		"mx.example.org; dkim=fail (dkim=pass header.d=example.com)",
		"mx.example.org; dkim=fail header.s=\"; dkim=pass"
		    " header.d=example.com",
		"mx.example.org; dkim=pass header.d=example.com (unended",
		"mx.example.org; dkim=pass header.d=ex\\ample.com",
		"mx.example.org; dkim=pass header.d=ex\xc3\xa4mple.com",
		/* behind results whose texts are a stranger's */
		"mx.example.org; spf=pass (x); dkim=pass header.d=example.com",
		"mx.example.org; spf=fail (mx: domain of \"x) ; dkim=pass"
		    " header.d=example.com (\"@evil.example does not)",
		"mx.example.org; dkim=fail (of \"x) header.d=a.example;"
		    " dkim=pass header.d=example.com",
		"mx.example.org; arc=pass header.d=a.example; dkim=pass"
		    " header.d=example.com",
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (passes(values[i], "example.com"))
			fail_msg("taken: %s", values[i]);
}

static void
test_dkim_passes_of_long_values(void **state)
{
	(void)state;
	static char value[BIG + 128];

	strcpy(value, "mx.example.org; dkim=pass header.d=example.com x=");
	memset(value + strlen(value), 'a', BIG);
	assert_false(passes(value, "example.com"));
	strcpy(value, "mx.example.org; ");
	memset(value + strlen(value), ' ', BIG);
	strcpy(value + BIG, "dkim=pass header.d=example.com");
	assert_true(passes(value, "example.com"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims_in_every_dress),
		cmocka_unit_test(test_fields_of_others_are_left),
		cmocka_unit_test(test_claims_of_nobody),
		cmocka_unit_test(test_claims_in_long_values),
		cmocka_unit_test(test_spf_results_in_every_dress),
		cmocka_unit_test(test_results_of_other_methods),
		cmocka_unit_test(test_spf_results_in_long_values),
		cmocka_unit_test(test_dkim_passes_that_count),
		cmocka_unit_test(test_dkim_passes_that_do_not_count),
		cmocka_unit_test(test_dkim_passes_of_long_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
