/* SPDX-License-Identifier: BSD-2-Clause */
/* What Received fields of MTAs say of the client, and what they do not. */

#include "unit.h"

#include <stdio.h>

#include "policy/received.h"

#define BIG 70000

struct sample {
	const char	*value;
	const char	*client;
	const char	*helo;
	const char	*by;
};

static void
check_samples(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &samples[i];
		struct received r;
		char client[ADDR_TEXT_SIZE];

		if (received_parse(&r, s->value) != RECEIVED_CLIENT)
			fail_msg("not understood: %s", s->value);
		assert_string_equal(addr_format(&r.client, client), s->client);
		assert_int_equal(r.helo_len, strlen(s->helo));
		assert_memory_equal(r.helo, s->helo, r.helo_len);
		assert_int_equal(r.by_len, strlen(s->by));
		assert_memory_equal(r.by, s->by, r.by_len);
	}
}

#define CHECK(samples) check_samples(samples, \
	sizeof(samples) / sizeof(samples[0]))

static void
test_postfix_is_understood(void **state)
{
	static const struct sample samples[] = {
		{ "from mail.example.com (mail.example.com [192.0.2.1])\n"
		    "\tby mx.example.org (Postfix) with ESMTP id 4TtG5x2Cz1zZ\n"
		    "\tfor <u@example.org>; Thu, 26 Nov 2026 12:00:00 +0000 "
		    "(UTC)", "192.0.2.1", "mail.example.com",
		    "mx.example.org" },
		{ "from [198.51.100.9] (unknown [192.0.2.1])\n"
		    "\tby mx.example.org (Postfix) with SMTP id 1; 26 Nov 2026",
		    "192.0.2.1", "[198.51.100.9]", "mx.example.org" },
		{ "from localhost (mail.example.com [IPv6:2001:db8::25])\n"
		    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
		    "(256/256 bits)\n"
		    "\t key-exchange X25519 server-signature RSA-PSS "
		    "(2048 bits) server-digest SHA256)\n"
		    "\t(Client CN \"mail.example.com\", Issuer \"A ?CA?\" "
		    "(verified OK))\n"
		    "\tby mx.example.org (Postfix/Debian) with ESMTPS id 1\n"
		    "\tfor <\"a;b (c\"@example.org>; Thu, 26 Nov 2026",
		    "2001:db8::25", "localhost", "mx.example.org" },
		{ "from a?b?c (mail.example.com [192.0.2.1]:40123)\r\n"
		    "        by mx.example.org with ESMTP;date", "192.0.2.1",
		    "a?b?c", "mx.example.org" },
		{ "from mail.example.com (unknown [::ffff:192.0.2.1]) by mx "
		    "(Postfix) with ESMTP id 1; date", "192.0.2.1",
		    "mail.example.com", "mx" },
	};

	(void)state;
	CHECK(samples);
}

static void
test_sendmail_is_understood(void **state)
{
	static const struct sample samples[] = {
		{ "from mail.example.com (mail.example.com [192.0.2.1])\n"
		    "\tby mx2.example.org (8.17.1.9/8.17.1.9/Debian-2) with "
		    "ESMTPS id 3AQC000000123\n"
		    "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 "
		    "verify=NO)\n"
		    "\tfor <u@example.org>; Thu, 26 Nov 2026 12:00:00 GMT",
		    "192.0.2.1", "mail.example.com", "mx2.example.org" },
		{ "from mail.example.com (x.example.net [192.0.2.1] (may be "
		    "forged))\n\tby mx2 (8.17.1/8.17.1) with SMTP id 3; date",
		    "192.0.2.1", "mail.example.com", "mx2" },
		{ "from mail.example.com (x.example.net "
		    "[IPv6:2001:db8:0:0:0:0:0:25])\n\tby mx2 (8.17.1/8.17.1) "
		    "with ESMTP id 3; date", "2001:db8::25",
		    "mail.example.com", "mx2" },
		{ "from h ([192.0.2.1]) by mx2 (8.17.1/8.17.1) with SMTP id 3;"
		    " date", "192.0.2.1", "h", "mx2" },
		{ "from h (IDENT:root@x.example.net [192.0.2.1]) by mx2 "
		    "(8.17.1/8.17.1) with SMTP id 3; date", "192.0.2.1", "h",
		    "mx2" },
	};

	(void)state;
	CHECK(samples);
}

static void
test_exim_is_understood(void **state)
{
	static const struct sample samples[] = {
		{ "from mail.example.com ([192.0.2.1])\n"
		    "\tby mx.example.org with esmtps  (TLS1.3) tls "
		    "TLS_AES_256_GCM_SHA384\n"
		    "\t(Exim 4.96)\n\t(envelope-from <u@example.com>)\n"
		    "\tid 1abcde-000000-01\n\tfor u@example.org;\n"
		    "\tThu, 26 Nov 2026 12:00:00 +0000", "192.0.2.1",
		    "mail.example.com", "mx.example.org" },
		{ "from x.example.net ([192.0.2.1] helo=mail.example.com)\n"
		    "\tby mx.example.org with smtp (Exim 4.96) id 1; date",
		    "192.0.2.1", "mail.example.com", "mx.example.org" },
		{ "from x.example.net ([2001:db8::25]:4025 helo=h ident=u) "
		    "by mx with smtp (Exim 4.96) id 1; date", "2001:db8::25",
		    "h", "mx" },
		{ "from [192.0.2.1] (helo=mail.example.com)\n"
		    "\tby mx.example.org with esmtp (Exim 4.96)\n\tid 1; date",
		    "192.0.2.1", "mail.example.com", "mx.example.org" },
		{ "from [192.0.2.1] (port=4025 helo=h ident=u) by mx with "
		    "smtp (Exim 4.96) id 1; date", "192.0.2.1", "h", "mx" },
		{ "from [192.0.2.1] (helo=[198.51.100.1]) by mx with esmtp "
		    "(Exim 4.96) id 1; date", "192.0.2.1", "[198.51.100.1]",
		    "mx" },
		{ "from [192.0.2.1] by mx with esmtp (Exim 4.96) id 1; date",
		    "192.0.2.1", "[192.0.2.1]", "mx" },
	};

	(void)state;
	CHECK(samples);
}

static void
test_qmail_is_understood(void **state)
{
	static const struct sample samples[] = {
		{ "from unknown (HELO mail.example.com) (192.0.2.1)\n"
		    "  by mx.example.org with SMTP; 26 Nov 2026 12:00:00 -0000",
		    "192.0.2.1", "mail.example.com", "mx.example.org" },
		{ "from mail.example.com (192.0.2.1)\n"
		    "  by mx.example.org with SMTP; 26 Nov 2026 12:00:00 -0000",
		    "192.0.2.1", "mail.example.com", "mx.example.org" },
		{ "from x.example.net (HELO a?b) (user@192.0.2.1)\n"
		    "  by 0 with SMTP; 26 Nov 2026", "192.0.2.1", "a?b", "0" },
		{ "from unknown (HELO h) (2001:db8::25)\n  by mx with SMTP; "
		    "date", "2001:db8::25", "h", "mx" },
		{ "from unknown (HELO h) ([192.0.2.1])  by mx with ESMTP; "
		    "date", "192.0.2.1", "h", "mx" },
	};
	static const char *const queue =
	    "(qmail 12345 invoked from network); 26 Nov 2026 12:00:00 -0000";
	struct received r;

	(void)state;
	CHECK(samples);
	assert_int_equal(received_parse(&r, queue), RECEIVED_BELOW);
	assert_int_equal(received_parse(&r, "(qmail 1 invoked by uid 89); "
	    "26 Nov 2026"), RECEIVED_UNKNOWN);
}

static void
test_exchange_is_understood(void **state)
{
	static const struct sample samples[] = {
		{ "from mail.example.com (192.0.2.1) by EX01.example.org\n"
		    " (10.0.0.5) with Microsoft SMTP Server "
		    "(version=TLS1_2,\n cipher=TLS_ECDHE_RSA_WITH_AES_256) id "
		    "15.1.2507.9 via Frontend\n Transport; Thu, 26 Nov 2026",
		    "192.0.2.1", "mail.example.com", "EX01.example.org" },
		{ "from EX01.example.org ([fe80::1c2d%12]) by EX01.example.org "
		    "([fe80::1c2d%12]) with mapi id 15.01.2507.009; date",
		    "fe80::1c2d", "EX01.example.org", "EX01.example.org" },
		{ "from A.example.com (2001:db8:40::16) by B.example.com\n"
		    " (2001:db8:41::7) with Microsoft SMTP Server id 15.20;"
		    " date", "2001:db8:40::16", "A.example.com",
		    "B.example.com" },
	};

	(void)state;
	CHECK(samples);
}

static void
test_authentication_at_the_relay_is_seen(void **state)
{
	static const struct { const char *protocol; bool told; } cases[] = {
		{ "ESMTPA", true }, { "ESMTPSA", true }, { "esmtpsa", true },
		{ "UTF8SMTPSA", true }, { "ESMTP", false },
		{ "ESMTPS", false }, { "SMTP", false }, { "UTF8SMTPS", false },
		{ "(ESMTPA)", false }, { "a", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct received r;
		char value[200];
		snprintf(value, sizeof(value), "from ESMTPA (a [192.0.2.1]) "
		    "by mx (ESMTPA) with %s id ESMTPA; date",
		    cases[i].protocol);
		assert_int_equal(received_parse(&r, value), RECEIVED_CLIENT);
		assert_int_equal(r.authenticated, cases[i].told);
	}
}

/* What a client says may not be read as the client. */
static void
test_what_may_be_forged_is_not_understood(void **state)
{
	static const char *const values[] = {
		/* a HELO with more words than one */
		"from a (x [198.51.100.1]) (y [192.0.2.1]) by mx; date",
		"from a (x [198.51.100.1]) by b (y [192.0.2.1]) by mx; date",
		"from a (198.51.100.1) (y [192.0.2.1]) by mx; date",
		"from a (HELO b) (198.51.100.1) (192.0.2.1) by mx; date",
		"from a (x [198.51.100.1]) by b; d (y [192.0.2.1]) by mx; date",
		"from a (x [198.51.100.1]) by b with from c by mx; date",
		"from a b (y [192.0.2.1]) by mx; date",
		"from (x [198.51.100.1]) (y [192.0.2.1]) by mx; date",
		"from a\\ (x [192.0.2.1]) by mx; date",
		"from \"a b\" (x [192.0.2.1]) by mx; date",
		/* a name with more than a name in it */
		"from a (x [198.51.100.1] y [192.0.2.1]) by mx; date",
		"from a (x y [192.0.2.1]) by mx; date",
		"from a (x=1 [192.0.2.1]) by mx; date",
		"from a (helo=b [192.0.2.1]) by mx; date",
		"from a ([192.0.2.1] [198.51.100.1]) by mx; date",
		"from a ([192.0.2.1] helo=b c) by mx; date",
		"from a ([192.0.2.1] helo=b helo=c) by mx; date",
		"from a (a@b@x [192.0.2.1]) by mx; date",
		"from a (x (y) [192.0.2.1]) by mx; date",
		/* an address that the client has said */
		"from [198.51.100.1] by mx with ESMTP; date",
		"from [198.51.100.1] (helo=a) by mx with ESMTP; date",
		"from [198.51.100.1] (x) by mx (Exim 4) with ESMTP; date",
		/* no address, or half of one */
		"from a by mx; date",
		"from a (x) by mx; date",
		"from a (x [unknown]) by mx; date",
		"from a (x [192.0.2]) by mx; date",
		"from a (x [192.0.2.01]) by mx; date",
		"from a (x [192.0.2.1) by mx; date",
		"from a (x [192.0.2.1%]) by mx; date",
		"from a (x [IPv6:IPv6:2001:db8::1]) by mx; date",
		"from a (x [192.0.2.1]:99999) by mx; date",
		/* half a field */
		"", "from", "from ", "by mx; date", "for a@b; date",
		"from a (x [192.0.2.1])",
		"from a (x [192.0.2.1]) by",
		"from a (x [192.0.2.1]) by mx",
		"from a (x [192.0.2.1]) by mx; a; b",
		"from a (x [192.0.2.1]) by mx (; date",
		"from a (x [192.0.2.1]) by mx ); date",
		"from a (x [192.0.2.1]) by mx for \"a; date",
		"from a (x [192.0.2.1]) mx by; date",
		"from a (x [192.0.2.1] by mx; date",
		"fromm a (x [192.0.2.1]) by mx; date",
		/* of programs that take no mail from the network */
		"by mx.example.org (Postfix, from userid 0)\n\tid 1; date",
		"(from u@localhost)\n\tby mx (8.17.1/8.17.1/Submit); date",
		"from root by mx with local (Exim 4.96) id 1; date",
		"(qmail x invoked from network); date",
		"(qmail 1 invoked from network by a); date",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct received r;
		if (received_parse(&r, values[i]) != RECEIVED_UNKNOWN)
			fail_msg("mistaken: %s", values[i]);
	}
}

static void
test_size_does_not_matter(void **state)
{
	static const char *const pieces[] = { "(", ")", "()", "(a", "a ",
		"by ", "\"", "\\", "(\\", ";", "[", "from ",
		"(a [192.0.2.1])" };
	char *value = malloc(BIG + 32);
	struct received r;

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(strcpy(value, "from a (b [192.0.2.1]) "));
		while (len < BIG)
			len += strlen(strcpy(value + len, pieces[i]));
		assert_int_equal(received_parse(&r, value), RECEIVED_UNKNOWN);
	}
	memset(value, 'a', BIG);
	strcpy(value + BIG, " (x [192.0.2.1]) by mx; d");
	memcpy(value, "from ", 5);
	assert_int_equal(received_parse(&r, value), RECEIVED_UNKNOWN);
	free(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix_is_understood),
		cmocka_unit_test(test_sendmail_is_understood),
		cmocka_unit_test(test_exim_is_understood),
		cmocka_unit_test(test_qmail_is_understood),
		cmocka_unit_test(test_exchange_is_understood),
		cmocka_unit_test(test_authentication_at_the_relay_is_seen),
		cmocka_unit_test(test_what_may_be_forged_is_not_understood),
		cmocka_unit_test(test_size_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
