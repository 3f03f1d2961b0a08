/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses: parsing, text, mapped IPv4, prefixes, sets. */

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "addr_text.h"

static void
assert_formats(const char *text, const char *want)
{
	char buf[ADDR_TEXT_SIZE];
	struct addr a = addr_of(text);

	assert_ptr_equal(addr_format(&a, buf), buf);
	assert_string_equal(buf, want);
}

static void
test_sockaddr_v4_and_v6(void **state)
{
	(void)state;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct addr a;
	struct addr want;

	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &sin.sin_addr), 1);
	assert_true(addr_from_sockaddr(&a, (struct sockaddr *)&sin));
	want = addr_of("192.0.2.1");
	assert_memory_equal(&a, &want, sizeof(a));

	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1",
	    &sin6.sin6_addr), 1);
	assert_true(addr_from_sockaddr(&a, (struct sockaddr *)&sin6));
	want = addr_of("2001:db8::1");
	assert_memory_equal(&a, &want, sizeof(a));
}

static void
test_socket_address_has_the_address_and_port(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage ss;
	struct sockaddr_in6 sin6;
	struct addr back;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct addr a = addr_of(texts[i]);
		addr_to_sockaddr(&a, 1025, &ss);
		assert_true(addr_from_sockaddr(&back, (struct sockaddr *)&ss));
		assert_memory_equal(&back, &a, sizeof(a));
	}
	memcpy(&sin6, &ss, sizeof(sin6));
	assert_int_equal(ntohs(sin6.sin6_port), 1025);
}

static void
test_sockaddr_mapped_is_v4(void **state)
{
	(void)state;
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct addr a;
	struct addr want = addr_of("192.0.2.1");

	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1",
	    &sin6.sin6_addr), 1);
	assert_true(addr_from_sockaddr(&a, (struct sockaddr *)&sin6));
	assert_int_equal(a.family, AF_INET);
	assert_memory_equal(&a, &want, sizeof(a));
}

static void
test_sockaddr_of_neither_family_is_none(void **state)
{
	(void)state;
	struct sockaddr local = { .sa_family = AF_UNIX };
	struct addr a = addr_of("192.0.2.1");
	char buf[ADDR_TEXT_SIZE];

	assert_false(addr_from_sockaddr(&a, NULL));
	assert_int_equal(a.family, AF_UNSPEC);
	a = addr_of("192.0.2.1");
	assert_false(addr_from_sockaddr(&a, &local));
	assert_int_equal(a.family, AF_UNSPEC);
	assert_string_equal(addr_format(&a, buf), "unknown");
}

static void
test_parse_refuses_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
		"1.2.3.04", "0x1.2.3.4", "1..2.3", "1.2.3.4 ", " 1.2.3.4",
		"1.2.3.4/32", "[192.0.2.1]", ":", ":::", "1::2::3", "::12345",
		"::g", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7:8", "fe80::1%lo",
		"::192.0.2.256", "::192.0.02.1", "192.0.2.1::",
		"0000:0000:0000:0000:0000:0000:255.255.255.2555",
		"example.com",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct addr a = addr_of("2001:db8::7");
		struct addr before = a;
		if (addr_parse(&a, bad[i]))
			fail_msg("taken: %s", bad[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void
test_parse_family_takes_its_own_only(void **state)
{
	(void)state;
	struct addr a;

	assert_true(addr_parse_v4(&a, "192.0.2.1", 9));
	assert_false(addr_parse_v4(&a, "2001:db8::1", 11));
	assert_true(addr_parse_v6(&a, "2001:db8::1", 11));
	assert_false(addr_parse_v6(&a, "192.0.2.1", 9));
}

static void
test_parse_respects_the_length(void **state)
{
	(void)state;
	struct addr a;
	struct addr want = addr_of("192.0.2.1");

	assert_true(addr_parse_v4(&a, "192.0.2.199", 9));
	assert_memory_equal(&a, &want, sizeof(a));
	assert_false(addr_parse_v4(&a, "192.0.2.1\0", 10));
	assert_false(addr_parse_v4(&a, "192.0.2.1", 0));
	assert_false(addr_parse_v6(&a, "::1\0", 4));
}

static void
test_parse_v6_does_not_unmap(void **state)
{
	(void)state;
	struct addr a;
	char buf[ADDR_TEXT_SIZE];
	const char *text = "::ffff:192.0.2.1";

	assert_true(addr_parse_v6(&a, text, strlen(text)));
	assert_int_equal(a.family, AF_INET6);
	assert_string_equal(addr_format(&a, buf), text);
	assert_true(addr_parse(&a, text));
	assert_int_equal(a.family, AF_INET);
	assert_string_equal(addr_format(&a, buf), "192.0.2.1");
}

static void
test_format_is_canonical(void **state)
{
	(void)state;
	/* RFC 5952 s4 and s5 */
	assert_formats("255.255.255.255", "255.255.255.255");
	assert_formats("::", "::");
	assert_formats("::1", "::1");
	assert_formats("1::", "1::");
	assert_formats("::1:2", "::1:2");
	assert_formats("::192.0.2.1", "::c000:201");
	assert_formats("2001:0DB8:0:0:0:0:0:1", "2001:db8::1");
	assert_formats("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
	assert_formats("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
	assert_formats("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
	assert_formats("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6");
	assert_formats("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
	assert_formats("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1");
	assert_formats("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void
test_format_reads_back(void **state)
{
	(void)state;
	/* Every pattern of zero groups. */
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		struct addr a = { .family = AF_INET6 };
		struct addr b;
		char buf[ADDR_TEXT_SIZE];

		for (unsigned i = 0; i < 8; i++)
			a.bytes[2 * i + 1] = (uint8_t)(pattern >> i & 1);
		addr_format(&a, buf);
		assert_true(addr_parse_v6(&b, buf, strlen(buf)));
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void
test_reverse_names(void **state)
{
	(void)state;
	char buf[ADDR_REVERSE_SIZE];
	struct addr v4 = addr_of("192.0.2.1");
	struct addr v6 = addr_of("2001:db8::cb01");
	struct addr none = { .family = AF_UNSPEC };

	assert_string_equal(addr_format_reverse(&v4, buf),
	    "1.2.0.192.in-addr.arpa");
	/* RFC 7208 s7.4 */
	assert_string_equal(addr_format_reverse(&v6, buf),
	    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_string_equal(addr_format_reverse(&none, buf), "");
}

static bool
loopback(const char *text)
{
	struct addr a = addr_of(text);

	return addr_is_loopback(&a);
}

static void
test_loopback(void **state)
{
	(void)state;
	struct addr none = { .family = AF_UNSPEC, .bytes = { 127 } };

	assert_true(loopback("127.0.0.1"));
	assert_true(loopback("127.255.255.255"));
	assert_true(loopback("::1"));
	assert_true(loopback("::ffff:127.0.0.1"));
	assert_false(loopback("126.255.255.255"));
	assert_false(loopback("128.0.0.1"));
	assert_false(loopback("::"));
	assert_false(loopback("7f00::1"));
	assert_false(addr_is_loopback(&none));
}

static bool
matches(const char *network, const char *text)
{
	struct addr_prefix p = prefix_of(network);
	struct addr a = addr_of(text);

	return addr_prefix_match(&p, &a);
}

static void
test_prefix_matches_its_bits_only(void **state)
{
	(void)state;
	assert_true(matches("192.0.2.1", "192.0.2.1"));
	assert_false(matches("192.0.2.1", "192.0.2.0"));
	assert_true(matches("192.0.2.77/24", "192.0.2.200"));
	assert_false(matches("192.0.2.77/24", "192.0.3.77"));
	assert_true(matches("192.0.2.128/25", "192.0.2.255"));
	assert_false(matches("192.0.2.128/25", "192.0.2.127"));
	assert_true(matches("192.0.2.2/31", "192.0.2.3"));
	assert_false(matches("192.0.2.2/31", "192.0.2.1"));
	assert_true(matches("0.0.0.0/0", "203.0.113.9"));
	assert_true(matches("128.0.0.0/1", "192.0.2.1"));
	assert_false(matches("128.0.0.0/1", "127.0.0.1"));
	assert_true(matches("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(matches("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(matches("2001:db8::1/128", "2001:db8::1"));
	assert_false(matches("2001:db8::1/128", "2001:db8::"));
}

static void
test_prefix_never_crosses_families(void **state)
{
	(void)state;
	struct addr none = { .family = AF_UNSPEC };
	struct addr_prefix all = prefix_of("0.0.0.0/0");
	struct addr_prefix of_none = { .addr = none };

	assert_false(matches("0.0.0.0/0", "2001:db8::1"));
	assert_false(matches("::/0", "192.0.2.1"));
	assert_false(matches("192.0.2.1", "c000:201::"));
	assert_false(addr_prefix_match(&all, &none));
	assert_false(addr_prefix_match(&of_none, &none));
}

static void
test_prefix_of_mapped_is_v4(void **state)
{
	(void)state;
	struct addr_prefix p = prefix_of("::ffff:192.0.2.0/120");

	assert_int_equal(p.addr.family, AF_INET);
	assert_int_equal(p.len, 24);
	assert_true(matches("::ffff:192.0.2.0/120", "192.0.2.9"));
	assert_true(matches("::ffff:0.0.0.0/96", "198.51.100.1"));
	assert_true(matches("::ffff:192.0.2.1", "192.0.2.1"));
	assert_false(matches("::ffff:192.0.2.1", "192.0.2.2"));
	assert_false(addr_prefix_parse(&p, "::ffff:192.0.2.0/95"));
}

static void
test_prefix_takes_the_brackets_of_postfix(void **state)
{
	(void)state;
	assert_true(matches("[::1]/128", "::1"));
	assert_true(matches("[2001:db8::]/32", "2001:db8::25"));
	assert_true(matches("[2001:db8::25]", "2001:db8::25"));
	assert_false(matches("[2001:db8::25]", "2001:db8::26"));
}

static void
test_prefix_is_within_what_has_all_of_it(void **state)
{
	(void)state;
	static const struct {
		const char *inner;
		const char *outer;
		bool within;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", true },
		{ "192.0.2.0/25", "192.0.2.0/24", true },
		{ "192.0.2.128/25", "192.0.2.7/24", true },
		{ "192.0.2.0/24", "192.0.2.0/25", false },
		{ "192.0.3.0/25", "192.0.2.0/24", false },
		{ "192.0.2.1", "0.0.0.0/0", true },
		{ "2001:db8::1", "0.0.0.0/0", false },
		{ "192.0.2.1", "::/0", false },
		{ "2001:db8::/48", "2001:db8::/32", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr_prefix inner = prefix_of(cases[i].inner);
		struct addr_prefix outer = prefix_of(cases[i].outer);

		assert_int_equal(addr_prefix_is_within(&inner, &outer),
		    cases[i].within);
	}
}

static void
test_prefix_trim_clears_what_does_not_count(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *kept;	/* NULL: as it is */
	} cases[] = {
		{ "192.0.2.1/24", "192.0.2.0" }, { "192.0.2.0/24", NULL },
		{ "192.0.2.5/32", NULL }, { "192.0.2.7/30", "192.0.2.4" },
		{ "0.0.0.1/0", "0.0.0.0" }, { "0.0.0.0/0", NULL },
		{ "2001:db8::1/64", "2001:db8::" }, { "2001:db8::1", NULL },
		{ "2001:db8:ffff::/33", "2001:db8:8000::" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr_prefix p = prefix_of(cases[i].text);
		struct addr_prefix before = p;
		char buf[ADDR_TEXT_SIZE];

		assert_int_equal(addr_prefix_trim(&p), cases[i].kept != NULL);
		if (cases[i].kept != NULL)
			assert_string_equal(addr_format(&p.addr, buf),
			    cases[i].kept);
		else
			assert_memory_equal(&p, &before, sizeof(p));
	}
}

static void
test_private_ranges_have_their_edges(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned bits;
	} cases[] = {
		{ "9.255.255.255", 0 }, { "10.0.0.0", 8 },
		{ "10.255.255.255", 8 }, { "11.0.0.0", 0 },
		{ "172.15.255.255", 0 }, { "172.17.0.1", 12 },
		{ "172.31.255.255", 12 }, { "172.32.0.0", 0 },
		{ "192.168.0.1", 16 }, { "192.169.0.0", 0 },
		{ "169.254.1.1", 16 }, { "100.63.255.255", 0 },
		{ "100.64.0.0", 10 }, { "100.127.255.255", 10 },
		{ "100.128.0.0", 0 }, { "fbff::1", 0 }, { "fc00::1", 7 },
		{ "fdff:ffff::1", 7 }, { "fe80::1", 10 }, { "febf::1", 10 },
		{ "fec0::1", 0 }, { "::ffff:10.0.0.1", 8 },
		{ "127.0.0.1", 0 }, { "::1", 0 }, { "192.0.2.1", 0 },
		{ "198.51.100.1", 0 }, { "203.0.113.1", 0 },
		{ "2001:db8::1", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = addr_of(cases[i].text);
		if (addr_private_bits(&a) != cases[i].bits)
			fail_msg("%s: %u", cases[i].text,
			    addr_private_bits(&a));
	}
	struct addr none = { .family = AF_UNSPEC };
	assert_int_equal(addr_private_bits(&none), 0);
}

static void
test_set_finds_the_longest_prefix(void **state)
{
	(void)state;
	struct addr_set s;
	struct addr_prefix wide = prefix_of("10.0.0.0/8");
	struct addr_prefix narrow = prefix_of("10.1.0.0/16");
	struct addr a = addr_of("10.1.2.3");
	struct addr b = addr_of("10.2.0.1");
	struct addr c = addr_of("192.0.2.1");

	addr_set_init(&s);
	addr_set_add(&s, &narrow);
	addr_set_add(&s, &wide);
	addr_set_seal(&s);
	assert_int_equal(addr_set_longest(&s, &a)->len, 16);
	assert_int_equal(addr_set_longest(&s, &b)->len, 8);
	assert_null(addr_set_longest(&s, &c));
	addr_set_fini(&s);
}

static void
test_prefix_refuses_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/024",
		"192.0.2.0/00", "192.0.2.0/-1", "192.0.2.0/+1",
		"192.0.2.0/ 8", "192.0.2.0/8 ", "192.0.2.0/24/24",
		"192.0.2/24", "192.0.2.0/4294967304", "2001:db8::/129",
		"2001:db8::/0x20", "example.com/24", "[", "[]", "[]/0",
		"[::1", "::1]", "[::1]128", "[192.0.2.1]/32", "[[::1]]",
		"192.0.2.0/18446744073709551624",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct addr_prefix p;
		if (addr_prefix_parse(&p, bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(prefix_of("192.0.2.0/0").len, 0);
	assert_int_equal(prefix_of("2001:db8::/128").len, 128);
}

static void
test_set_contains_what_any_prefix_matches(void **state)
{
	(void)state;
	struct addr_set s;
	struct addr a = addr_of("192.0.2.5");
	struct addr b = addr_of("2001:db8::5");
	struct addr_prefix v4 = prefix_of("192.0.2.0/24");
	struct addr_prefix v6 = prefix_of("2001:db8::/32");

	addr_set_init(&s);
	addr_set_seal(&s);
	assert_null(addr_set_longest(&s, &a));
	addr_set_add(&s, &v6);
	addr_set_seal(&s);
	assert_null(addr_set_longest(&s, &a));
	assert_non_null(addr_set_longest(&s, &b));
	addr_set_add(&s, &v4);
	addr_set_seal(&s);
	assert_non_null(addr_set_longest(&s, &a));
	addr_set_fini(&s);
	assert_null(addr_set_longest(&s, &a));
}

static struct addr
numbered(unsigned n)
{
	return (struct addr){ AF_INET, { 10, 0, 0, (uint8_t)n } };
}

static void
test_set_of_a_range_is_what_lies_within(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40 * 40; i++) {
		struct addr first = numbered(i / 40);
		struct addr last = numbered(i % 40);
		struct addr_set s;

		addr_set_init(&s);
		assert_int_equal(addr_set_add_range(&s, &first, &last),
		    i / 40 <= i % 40);
		addr_set_seal(&s);
		for (unsigned n = 0; n <= 40; n++) {
			struct addr a = numbered(n);
			bool found = addr_set_longest(&s, &a) != NULL;
			assert_int_equal(found, n >= i / 40 && n <= i % 40);
		}
		addr_set_fini(&s);
	}
}

static void
test_set_of_the_widest_range_is_one_prefix(void **state)
{
	(void)state;
	struct addr first = addr_of("::");
	struct addr last = addr_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct addr v4 = addr_of("192.0.2.1");
	struct addr_set s;

	addr_set_init(&s);
	assert_true(addr_set_add_range(&s, &first, &last));
	assert_false(addr_set_add_range(&s, &first, &v4));
	addr_set_seal(&s);
	assert_int_equal(s.count, 1);
	assert_int_equal(addr_set_longest(&s, &last)->len, 0);
	assert_null(addr_set_longest(&s, &v4));
	addr_set_fini(&s);
}

/* The wider ones are found behind those that are no longer around. */
static void
test_set_finds_wider_prefixes_behind_narrow_ones(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3",
		"10.1.2.3", "10.1.9.0/24", "0.0.0.0/0"
	};
	static const struct {
		const char	*addr;
		unsigned	 len;
	} cases[] = {
		{ "10.1.2.3", 32 }, { "10.1.2.4", 24 }, { "10.1.8.255", 16 },
		{ "10.1.9.0", 24 }, { "10.1.10.0", 16 }, { "10.2.0.0", 8 },
		{ "9.255.255.255", 0 }, { "255.255.255.255", 0 }
	};
	struct addr_set s;

	addr_set_init(&s);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr_prefix p = prefix_of(texts[i]);
		addr_set_add(&s, &p);
	}
	addr_set_seal(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = addr_of(cases[i].addr);
		assert_int_equal(addr_set_longest(&s, &a)->len, cases[i].len);
	}
	addr_set_fini(&s);
}

static void
test_set_has_each_prefix_once(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"10.1.0.0/16", "10.0.0.1", "10.1.2.3/16", "10.0.0.1",
		"10.0.0.0/16", "10.0.0.1"
	};
	struct addr_set s;

	addr_set_init(&s);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr_prefix p = prefix_of(texts[i]);
		addr_set_add(&s, &p);
	}
	addr_set_seal(&s);
	assert_int_equal(s.count, 3);
	addr_set_fini(&s);
}

static void
test_network_is_of_its_family(void **state)
{
	static const struct {
		const char	*addr;
		unsigned	 v6_bits;
		const char	*network;
	} cases[] = {
		{ "192.0.2.255", 64, "192.0.2.0" },
		{ "192.0.2.1", 32, "192.0.2.0" },
		{ "2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::" },
		{ "2001:db8:1:2:3:4:5:6", 32, "2001:db8::" },
	};
	const struct addr none = { .family = AF_UNSPEC };
	struct addr a;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(addr_parse(&a, cases[i].addr));
		a = addr_network(&a, cases[i].v6_bits);
		assert_string_equal(addr_format(&a, text), cases[i].network);
	}
	a = addr_network(&none, 64);
	assert_int_equal(a.family, AF_UNSPEC);
}

static void
test_prefix_text_has_no_length_for_an_address(void **state)
{
	static const char *const texts[] = { "192.0.2.0/24", "192.0.2.1",
		"0.0.0.0/0", "2001:db8::/32", "2001:db8::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124" };
	char buf[ADDR_PREFIX_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr_prefix p = prefix_of(texts[i]);

		assert_string_equal(addr_prefix_format(&p, buf), texts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockaddr_v4_and_v6),
		cmocka_unit_test(
		    test_socket_address_has_the_address_and_port),
		cmocka_unit_test(test_sockaddr_mapped_is_v4),
		cmocka_unit_test(test_sockaddr_of_neither_family_is_none),
		cmocka_unit_test(test_parse_refuses_malformed),
		cmocka_unit_test(test_parse_family_takes_its_own_only),
		cmocka_unit_test(test_parse_respects_the_length),
		cmocka_unit_test(test_parse_v6_does_not_unmap),
		cmocka_unit_test(test_format_is_canonical),
		cmocka_unit_test(test_format_reads_back),
		cmocka_unit_test(test_reverse_names),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_prefix_matches_its_bits_only),
		cmocka_unit_test(test_prefix_never_crosses_families),
		cmocka_unit_test(test_prefix_of_mapped_is_v4),
		cmocka_unit_test(test_prefix_takes_the_brackets_of_postfix),
		cmocka_unit_test(test_prefix_is_within_what_has_all_of_it),
		cmocka_unit_test(test_prefix_trim_clears_what_does_not_count),
		cmocka_unit_test(test_private_ranges_have_their_edges),
		cmocka_unit_test(test_network_is_of_its_family),
		cmocka_unit_test(test_set_finds_the_longest_prefix),
		cmocka_unit_test(test_prefix_refuses_malformed),
		cmocka_unit_test(test_set_contains_what_any_prefix_matches),
		cmocka_unit_test(test_set_of_a_range_is_what_lies_within),
		cmocka_unit_test(test_set_of_the_widest_range_is_one_prefix),
		cmocka_unit_test(
		    test_set_finds_wider_prefixes_behind_narrow_ones),
		cmocka_unit_test(test_set_has_each_prefix_once),
		cmocka_unit_test(
		    test_prefix_text_has_no_length_for_an_address),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
