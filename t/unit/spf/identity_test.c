/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>

#include "spf/identity.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Seven labels of 35 octets with their dots and one of 1: 253 octets. */
#define LABEL35 "a2345678901234567890123456789012345"
#define NAME253 LABEL35 "." LABEL35 "." LABEL35 "." LABEL35 "." LABEL35 "." \
	LABEL35 "." LABEL35 ".b"
#define LABEL63 LABEL35 "6789012345678901234567890123"

static void
check_helo(const char *arg, enum identity_status status, const char *lookup)
{
	struct identity id;

	identity_from_helo(&id, arg);
	if (id.status != status || strcmp(id.lookup, lookup) != 0)
		fail_msg("%s: status %d, lookup %s", arg, (int)id.status,
		    id.lookup);
	assert_string_equal(id.address, arg);
	assert_string_equal(id.domain, arg);
	assert_string_equal(id.local, "postmaster");
	assert_false(id.null_sender);
	identity_fini(&id);
}

static void
test_identity_helo_name(void **state)
{
	(void)state;
	check_helo("mail.example.com", IDENTITY_OK, "mail.example.com");
	check_helo("Mail.Example.COM.", IDENTITY_OK, "Mail.Example.COM");
	check_helo("_spf.my_host.example", IDENTITY_OK,
	    "_spf.my_host.example");
	check_helo("odd!#$%&'*/=?^`{|}~.example", IDENTITY_OK,
	    "odd!#$%&'*/=?^`{|}~.example");
	check_helo("-a-.example", IDENTITY_OK, "-a-.example");
}

static void
test_identity_helo_missing(void **state)
{
	struct identity id;

	(void)state;
	check_helo("", IDENTITY_EMPTY, "");
	identity_from_helo(&id, NULL);
	assert_int_equal(id.status, IDENTITY_EMPTY);
	assert_string_equal(id.address, "");
	assert_string_equal(id.domain, "");
	assert_string_equal(id.local, "postmaster");
	identity_fini(&id);
}

static void
test_identity_helo_that_is_no_domain(void **state)
{
	static const struct {
		const char		*arg;
		enum identity_status	 status;
	} cases[] = {
		{ "[192.0.2.1]", IDENTITY_LITERAL },
		{ "[IPv6:2001:db8::1]", IDENTITY_LITERAL },
		{ "[", IDENTITY_LITERAL },
		{ "localhost", IDENTITY_SINGLE_LABEL },
		{ "localhost.", IDENTITY_SINGLE_LABEL },
		{ "A2345678", IDENTITY_SINGLE_LABEL },
		{ LABEL63, IDENTITY_SINGLE_LABEL },
		{ ".", IDENTITY_MALFORMED },
		{ "..", IDENTITY_MALFORMED },
		{ ".example.com", IDENTITY_MALFORMED },
		{ "mail..example.com", IDENTITY_MALFORMED },
		{ "example.com..", IDENTITY_MALFORMED },
		{ "x" LABEL63 ".example.com", IDENTITY_MALFORMED },
		{ "mail example.com", IDENTITY_MALFORMED },
		{ " mail.example.com", IDENTITY_MALFORMED },
		{ "mail.example.com\r\n", IDENTITY_MALFORMED },
		{ "mail\t.example.com", IDENTITY_MALFORMED },
		{ "mail\177.example.com", IDENTITY_MALFORMED },
		{ "mail\377.example.com", IDENTITY_MALFORMED },
		{ "mail\303.example.com", IDENTITY_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_helo(cases[i].arg, cases[i].status, "");
}

static void
test_identity_length_is_that_of_a_name(void **state)
{
	(void)state;
	assert_int_equal(strlen(NAME253), 253);
	check_helo(NAME253, IDENTITY_OK, NAME253);
	check_helo(NAME253 ".", IDENTITY_OK, NAME253);
	check_helo(NAME253 "b", IDENTITY_TOO_LONG, "");
	check_helo(NAME253 "b.", IDENTITY_TOO_LONG, "");
	check_helo(NAME253 "bc", IDENTITY_TOO_LONG, "");
	check_helo(LABEL63 ".example", IDENTITY_OK, LABEL63 ".example");
}

static void
check_mail(const char *arg, const char *local, const char *domain,
    enum identity_status status, const char *lookup)
{
	struct identity id;
	struct identity helo;
	char address[600];

	identity_from_helo(&helo, "helo.example.org");
	identity_from_mail(&id, arg, &helo);
	if (strcmp(id.local, local) != 0 || strcmp(id.domain, domain) != 0 ||
	    id.status != status || strcmp(id.lookup, lookup) != 0)
		fail_msg("%s: %s @ %s, status %d, lookup %s", arg, id.local,
		    id.domain, (int)id.status, id.lookup);
	snprintf(address, sizeof(address), "%s@%s", local, domain);
	assert_string_equal(id.address, address);
	assert_false(id.null_sender);
	identity_fini(&id);
	identity_fini(&helo);
}

/* All of these are user@example.com. */
static void
test_identity_mail_forms(void **state)
{
	static const char *const args[] = {
		"<user@example.com>", "user@example.com",
		"<@relay.example.net:user@example.com>",
		"<@a.example.net,@b.example.net:user@example.com>",
		"<@[IPv6:2001:db8::1]:user@example.com>",
		"@a.example.net,@b.example.net:user@example.com",
		"< user@example.com >", "\t<user@example.com> ",
		"<@a.example.net: user@example.com >",
		"<Foo <user@example.com>>", "Foo <user@example.com>",
		"<user@example.com>foo", "<user@example.com> <x@example.net>",
		"<<user@example.com>>", "<user@example.com",
		"  user@example.com",
		"\"Foo > Bar\" <user@example.com>",
		"\"Foo \\\"<\" <user@example.com>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(args); i++)
		check_mail(args[i], "user", "example.com", IDENTITY_OK,
		    "example.com");
}

static void
test_identity_mail_local_part_is_taken_as_sent(void **state)
{
	static const char *const locals[] = {
		"\"a b\"", "\"a@b\"", "a@b", "\"a<b>c\"", "\"a\\\">b\"",
		"a b", "a..b", ".a.", "\"\"", "\"a:b\"", "a:b", "a\"b",
		"\303\251", "\377\001", "%{d}%", "'", "a;b(c)", "\\"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(locals); i++) {
		char arg[100];
		snprintf(arg, sizeof(arg), "<%s@example.com>", locals[i]);
		check_mail(arg, locals[i], "example.com", IDENTITY_OK,
		    "example.com");
	}
}

static void
test_identity_mail_without_local_part_is_postmaster(void **state)
{
	(void)state;
	check_mail("<@example.com>", "postmaster", "example.com",
	    IDENTITY_OK, "example.com");
	check_mail("@example.com", "postmaster", "example.com",
	    IDENTITY_OK, "example.com");
	check_mail("<@a.example.net:@example.com>", "postmaster",
	    "example.com", IDENTITY_OK, "example.com");
	check_mail("<@[IPv6:2001:db8::1]>", "postmaster",
	    "[IPv6:2001:db8::1]", IDENTITY_LITERAL, "");
}

static void
test_identity_mail_without_domain_is_empty(void **state)
{
	static const char *const locals[] = { "user", "user%", "%", "!user",
		"\"user\"", "\"\"" };

	(void)state;
	check_mail("<user@>", "user", "", IDENTITY_EMPTY, "");
	check_mail("<@>", "postmaster", "", IDENTITY_EMPTY, "");
	for (size_t i = 0; i < COUNT(locals); i++) {
		struct identity id;

		identity_from_mail(&id, locals[i], NULL);
		assert_int_equal(id.status, IDENTITY_EMPTY);
		assert_string_equal(id.local, locals[i]);
		assert_string_equal(id.domain, "");
		assert_string_equal(id.address, locals[i]);
		assert_false(id.null_sender);
		identity_fini(&id);
	}
}

static void
test_identity_mail_without_at_is_read_as_mtas_read_it(void **state)
{
	static const struct {
		const char *arg;
		const char *local;
		const char *domain;
	} cases[] = {
		{ "<u%example.com>", "u", "example.com" },
		{ "<example.com!u>", "u", "example.com" },
		{ "u%example.com", "u", "example.com" },
		{ "<u@example.com@>", "u", "example.com" },
		{ "<u%example.com@>", "u", "example.com" },
		{ "<u%example.com%>", "u", "example.com" },
		{ "<a!example.com!u>", "example.com!u", "a" },
		{ "<u%example.net%example.com>", "u%example.net",
		    "example.com" },
		{ "<example.com!u%example.net>", "u%example.net",
		    "example.com" },
		{ "<example.com!>", "postmaster", "example.com" },
		{ "<%example.com>", "postmaster", "example.com" },
		{ "<u%%example.com>", "u%", "example.com" },
		{ "<\"u%example.com\">", "u", "example.com" },
		{ "<\"u@example.com\">", "u", "example.com" },
		{ "<@a.example.net:u%example.com>", "u", "example.com" },
		/* With @ they are but a local part. */
		{ "<u%example.net@example.com>", "u%example.net",
		    "example.com" },
		{ "<example.net!u@example.com>", "example.net!u",
		    "example.com" },
		{ "<u%example.com@a>", "u%example.com", "a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_mail(cases[i].arg, cases[i].local, cases[i].domain,
		    strcmp(cases[i].domain, "a") == 0 ? IDENTITY_SINGLE_LABEL
		    : IDENTITY_OK, strcmp(cases[i].domain, "a") == 0 ? ""
		    : cases[i].domain);
}

static void
test_identity_mail_domain_decides(void **state)
{
	(void)state;
	check_mail("<u@Example.COM.>", "u", "Example.COM.", IDENTITY_OK,
	    "Example.COM");
	check_mail("<u@[192.0.2.1]>", "u", "[192.0.2.1]", IDENTITY_LITERAL,
	    "");
	check_mail("<u@localhost>", "u", "localhost", IDENTITY_SINGLE_LABEL,
	    "");
	check_mail("<u@a...example.com>", "u", "a...example.com",
	    IDENTITY_MALFORMED, "");
	check_mail("<u@a b.example.com>", "u", "a b.example.com",
	    IDENTITY_MALFORMED, "");
	check_mail("<u@x" LABEL63 ".example>", "u", "x" LABEL63 ".example",
	    IDENTITY_MALFORMED, "");
	check_mail("<u@" NAME253 ">", "u", NAME253, IDENTITY_OK, NAME253);
	check_mail("<u@" NAME253 "bc>", "u", NAME253 "bc",
	    IDENTITY_TOO_LONG, "");
}

static void
check_null(const char *arg, const struct identity *helo,
    enum identity_status status, const char *address, const char *domain,
    const char *lookup)
{
	struct identity id;

	identity_from_mail(&id, arg, helo);
	assert_true(id.null_sender);
	assert_int_equal(id.status, status);
	assert_string_equal(id.address, address);
	assert_string_equal(id.local, "postmaster");
	assert_string_equal(id.domain, domain);
	assert_string_equal(id.lookup, lookup);
	identity_fini(&id);
}

static void
test_identity_mail_null_sender_uses_helo(void **state)
{
	static const char *const args[] = {
		"<>", "", " ", "< >", "<", "<>foo", "<<>>",
		"<@a.example.net:>"
	};
	struct identity helo;

	(void)state;
	identity_from_helo(&helo, "Mail.example.com.");
	for (size_t i = 0; i < COUNT(args); i++)
		check_null(args[i], &helo, IDENTITY_OK,
		    "postmaster@Mail.example.com.", "Mail.example.com.",
		    "Mail.example.com");
	check_null(NULL, &helo, IDENTITY_OK, "postmaster@Mail.example.com.",
	    "Mail.example.com.", "Mail.example.com");
	identity_fini(&helo);

	identity_from_helo(&helo, "[192.0.2.1]");
	check_null("<>", &helo, IDENTITY_LITERAL, "postmaster@[192.0.2.1]",
	    "[192.0.2.1]", "");
	identity_fini(&helo);
}

static void
test_identity_mail_null_sender_without_helo(void **state)
{
	struct identity helo;
	struct identity unset = { 0 };

	(void)state;
	identity_from_helo(&helo, NULL);
	check_null("<>", &helo, IDENTITY_EMPTY, "postmaster@", "", "");
	identity_fini(&helo);
	check_null("<>", NULL, IDENTITY_EMPTY, "postmaster@", "", "");
	check_null("<>", &unset, IDENTITY_EMPTY, "postmaster@", "", "");
}

static void
test_identity_utf8_domains_become_a_labels(void **state)
{
	(void)state;
	check_mail("<u@b\303\274cher.example>", "u", "b\303\274cher.example",
	    IDENTITY_OK, "xn--bcher-kva.example");
	/* Not transitional: sharp s stays itself. */
	check_mail("<u@fa\303\237.example>", "u", "fa\303\237.example",
	    IDENTITY_OK, "xn--fa-hia.example");
	check_mail("<u@_x.\355\225\234\352\270\200.example.>", "u",
	    "_x.\355\225\234\352\270\200.example.", IDENTITY_OK,
	    "_x.xn--bj0bj06e.example");
	/* Decomposed, upper case, an ideographic full stop. */
	check_mail("<u@BU\314\210CHER\343\200\202Example>", "u",
	    "BU\314\210CHER\343\200\202Example", IDENTITY_OK,
	    "xn--bcher-kva.example");
	check_helo("b\303\274cher.example", IDENTITY_OK,
	    "xn--bcher-kva.example");
	check_helo("b\303\274cher", IDENTITY_SINGLE_LABEL, "");
}

static void
test_identity_utf8_local_part_is_kept(void **state)
{
	(void)state;
	check_mail("<\355\225\234@example.com>", "\355\225\234",
	    "example.com", IDENTITY_OK, "example.com");
}

static void
test_identity_field_address_has_a_labels(void **state)
{
	static const struct {
		const char	*helo;
		const char	*mail;
		const char	*want_helo;
		const char	*want_mail;
	} rows[] = {
		{ "A.example", "<U@B.example.>", "A.example",
		    "U@B.example." },
		{ "\303\274.example", "<>", "xn--tda.example",
		    "postmaster@xn--tda.example" },
		{ "x", "<\355\225\234@\303\274.Example.>", "x",
		    "\355\225\234@xn--tda.example" },
		{ "\303(.example", "<u@\303(.example>", "\303(.example",
		    "u@\303(.example" },
		{ "", "<\303\274>", "", "\303\274" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct identity helo;
		struct identity mail;

		identity_from_helo(&helo, rows[i].helo);
		identity_from_mail(&mail, rows[i].mail, &helo);
		assert_string_equal(identity_field_address(&helo),
		    rows[i].want_helo);
		assert_string_equal(identity_field_address(&mail),
		    rows[i].want_mail);
		identity_fini(&mail);
		identity_fini(&helo);
	}
}

static void
test_identity_bad_idna_is_malformed(void **state)
{
	static const char *const bad[] = {
		"\303(.example.com",		/* not UTF-8 */
		"\355\240\200.example.com",	/* a surrogate */
		"\300\256.example.com",		/* overlong */
		"a\342\200\256b.example.com",	/* direction override */
		"\342\204\200.\342\204\200",	/* maps to a slash */
		"\303\251\302\240.example.com",	/* maps to a blank */
		"xn--\303\251.example.com",	/* hyphens in 3 and 4 */
		"\314\210a.example.com",	/* begins with a mark */
		"\303\251..example.com",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct identity id;
		identity_from_helo(&id, bad[i]);
		if (id.status != IDENTITY_MALFORMED)
			fail_msg("case %zu: status %d, lookup %s", i,
			    (int)id.status, id.lookup);
		assert_string_equal(id.lookup, "");
		identity_fini(&id);
	}
}

static void
check_huge(char fill, const char *end, enum identity_status status)
{
	size_t size = 70000;
	char *arg = malloc(size + 100);
	struct identity id;

	assert_non_null(arg);
	memset(arg, fill, size);
	snprintf(arg + size, 100, "%s", end);
	identity_from_mail(&id, arg, NULL);
	assert_int_equal(id.status, status);
	identity_fini(&id);
	identity_from_helo(&id, arg);
	assert_string_equal(id.address, arg);
	assert_int_not_equal(id.status, IDENTITY_OK);
	identity_fini(&id);
	free(arg);
}

static void
test_identity_huge_arguments(void **state)
{
	(void)state;
	check_huge('u', "@example.com", IDENTITY_OK);
	check_huge('@', "example.com", IDENTITY_OK);
	check_huge('<', "u@example.com>", IDENTITY_OK);
	check_huge('"', "@example.com", IDENTITY_OK);
	check_huge('[', "@example.com", IDENTITY_OK);
	check_huge('u', "", IDENTITY_EMPTY);
	check_huge('.', "@", IDENTITY_EMPTY);
	check_huge('@', "", IDENTITY_EMPTY);
	check_huge(' ', "", IDENTITY_EMPTY);
	check_huge('\377', "@\377", IDENTITY_MALFORMED);
}

static void
test_identity_huge_domains(void **state)
{
	static const char *const units[] = { "a.", "\303\251.", "\303\251" };

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		size_t n = strlen(units[u]);
		char *arg = calloc(1, 70000 + n + 3);
		struct identity id;
		assert_non_null(arg);
		memcpy(arg, "u@", 2);
		for (size_t i = 0; i < 70000; i += n)
			memcpy(arg + 2 + i, units[u], n);
		identity_from_mail(&id, arg, NULL);
		assert_int_equal(id.status, IDENTITY_TOO_LONG);
		identity_fini(&id);
		free(arg);
	}
	/* Little UTF-8, but more than 253 octets of A-labels. */
	char name[60 * 5 + 8];
	for (size_t i = 0; i < 60; i++)
		memcpy(name + 5 * i, "\303\251\303\250.", 5);
	memcpy(name + 300, "example", 8);
	check_helo(name, IDENTITY_TOO_LONG, "");
}

static void
test_identity_name_is_valid(void **state)
{
	static const struct {
		const char	*name;
		bool		 any;
		bool		 multi;
	} cases[] = {
		{ "example.com", true, true }, { "com", true, false },
		{ "a b.\377", true, true }, { "", false, false },
		{ ".", false, false }, { "a.", false, false },
		{ ".a", false, false }, { "a..b", false, false },
		{ LABEL63, true, false }, { "x" LABEL63 ".b", false, false },
		{ NAME253, true, true }, { NAME253 "b", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		size_t len = strlen(name);
		assert_int_equal(identity_name_is_valid(name, len, false),
		    cases[i].any);
		assert_int_equal(identity_name_is_valid(name, len, true),
		    cases[i].multi);
	}
	assert_false(identity_name_is_valid("a\0b.com", 7, false));
	assert_true(identity_name_is_valid("a.b.com", 3, true));
}

static void
test_identity_status_has_text(void **state)
{
	(void)state;
	for (int s = IDENTITY_OK; s <= IDENTITY_TOO_LONG; s++)
		assert_true(strlen(identity_status_text(
		    (enum identity_status)s)) > 5);
	assert_string_equal(identity_status_text(IDENTITY_LITERAL),
	    "address literal");
	assert_memory_equal(identity_version(), "libidn2 ", 8);
}

/* The domains that are checked; "@" for the null sender. */
static void
test_identity_senders_are_the_mtas_and_the_one_behind_it(void **state)
{
	static const struct {
		const char *typed;
		const char *mta_address;
		const char *domains[IDENTITY_SENDERS_MAX];
	} cases[] = {
		{ "<u@a.example>", NULL, { "a.example" } },
		{ "<u@a.example>", "u@a.example", { "a.example" } },
		{ "<U@A.example.>", "u@a.example", { "A.example." } },
		{ "<u@a.example>", "u@a.example.", { "a.example" } },
		{ "<u@a.example>", "u@b.example", { "b.example" } },
		{ "<u@a.example>", "u@xa.example", { "xa.example" } },
		{ "<u@a.example>", "u", { "a.example" } },
		{ "<u@a.example>", "", { "@" } },
		{ "<x@b.example>,<u@a.example>", "u@a.example",
		    { "a.example" } },
		{ "<u@a.example (x)>", "u@a.example", { "a.example" } },
		{ "<>", "", { "@" } },
		{ "<>", NULL, { "@" } },
		{ "<>", "u@a.example", { "a.example" } },
		/* What has no domain, the MTA gives one. */
		{ "<u>", "u@mx.example", { "mx.example" } },
		{ "<u%a.example>", "u@a.example", { "a.example" } },
		{ "<u%a.example>", "u%a.example@mx.example",
		    { "mx.example" } },
		{ "<u::a.example>", "u@a.example", { "a.example" } },
		{ "<u%a.example>", "u", { "a.example" } },
		/* A domain of the MTA hides behind the one it tells. */
		{ "<u%a.example@b.example>", "u@a.example",
		    { "a.example", "b.example" } },
		{ "<u%A.example@b.example>", "u@a.example.",
		    { "a.example.", "b.example" } },
		{ "<a.example!u@b.example>", "u@a.example",
		    { "a.example", "b.example" } },
		{ "<\"u@a.example\"@b.example>", "u@a.example",
		    { "a.example", "b.example" } },
		{ "<u%a.example%b.example>", "u@a.example",
		    { "a.example", "b.example" } },
		{ "<u%a.example@[192.0.2.1]>", "u@a.example",
		    { "a.example", "[192.0.2.1]" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct identity ids[IDENTITY_SENDERS_MAX];
		size_t n = identity_senders(ids, cases[i].typed,
		    cases[i].mta_address, NULL);

		assert_int_equal(n, cases[i].domains[1] != NULL ? 2 : 1);
		for (size_t k = 0; k < n; k++) {
			assert_string_equal(ids[k].null_sender ? "@"
			    : ids[k].domain, cases[i].domains[k]);
			identity_fini(&ids[k]);
		}
	}
}

static void
test_identity_fini_takes_zeroes(void **state)
{
	struct identity id = { 0 };

	(void)state;
	identity_fini(&id);
	identity_from_helo(&id, "mail.example.com");
	identity_fini(&id);
	identity_fini(&id);
	assert_null(id.address);
}

static void
test_identity_a_labels_can_be_read(void **state)
{
	char text[4 * IDENTITY_NAME_MAX + 1];

	(void)state;
	assert_true(identity_name_to_unicode("mail.xn--3e0b707e", text));
	assert_string_equal(text, "mail.\xed\x95\x9c\xea\xb5\xad");
	assert_false(identity_name_to_unicode("example.com", text));
	assert_false(identity_name_to_unicode("xn--a", text));
	assert_false(identity_name_to_unicode("\xed\x95\x9c", text));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity_helo_name),
		cmocka_unit_test(test_identity_helo_missing),
		cmocka_unit_test(test_identity_helo_that_is_no_domain),
		cmocka_unit_test(test_identity_length_is_that_of_a_name),
		cmocka_unit_test(test_identity_mail_forms),
		cmocka_unit_test(
		    test_identity_mail_local_part_is_taken_as_sent),
		cmocka_unit_test(
		    test_identity_mail_without_local_part_is_postmaster),
		cmocka_unit_test(test_identity_mail_without_domain_is_empty),
		cmocka_unit_test(
		    test_identity_mail_without_at_is_read_as_mtas_read_it),
		cmocka_unit_test(test_identity_mail_domain_decides),
		cmocka_unit_test(test_identity_mail_null_sender_uses_helo),
		cmocka_unit_test(test_identity_mail_null_sender_without_helo),
		cmocka_unit_test(test_identity_utf8_domains_become_a_labels),
		cmocka_unit_test(test_identity_a_labels_can_be_read),
		cmocka_unit_test(test_identity_utf8_local_part_is_kept),
		cmocka_unit_test(test_identity_field_address_has_a_labels),
		cmocka_unit_test(test_identity_bad_idna_is_malformed),
		cmocka_unit_test(test_identity_huge_arguments),
		cmocka_unit_test(test_identity_huge_domains),
		cmocka_unit_test(test_identity_name_is_valid),
		cmocka_unit_test(test_identity_status_has_text),
		cmocka_unit_test(
		    test_identity_senders_are_the_mtas_and_the_one_behind_it),
		cmocka_unit_test(test_identity_fini_takes_zeroes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
