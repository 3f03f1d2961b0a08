/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct dns_backend *
zone(const char *text)
{
	struct diag d;

	diag_init(&d);
	struct dns_backend *b = fake_zone_new(text, &d);
	if (b == NULL)
		fail_msg("line %u: %s", d.entries[0].line,
		    d.entries[0].message);
	diag_fini(&d);
	return b;
}

static void
keep_answer(void *arg, struct dns_answer *a)
{
	*(struct dns_answer **)arg = a;
}

/* NULL: no answer yet. */
static struct dns_answer *
ask(struct dns_backend *b, const char *name, enum dns_type type)
{
	struct dns_answer *a = NULL;

	b->ops->start(b, name, type, keep_answer, &a);
	return a;
}

static void
assert_status(struct dns_backend *b, const char *name, enum dns_type type,
    enum dns_status want)
{
	struct dns_answer *a = ask(b, name, type);

	assert_non_null(a);
	if (a->status != want)
		fail_msg("%s: %d, not %d", name, a->status, want);
	dns_answer_release(a);
}

/* One record, its octets as text. */
static void
assert_data(struct dns_backend *b, const char *name, enum dns_type type,
    const char *want)
{
	struct dns_answer *a = ask(b, name, type);

	assert_non_null(a);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, strlen(want));
	assert_string_equal(a->rr[0].data, want);
	dns_answer_release(a);
}

static void
assert_ttl(struct dns_backend *b, const char *name, uint32_t want)
{
	struct dns_answer *a = ask(b, name, DNS_TYPE_TXT);

	assert_non_null(a);
	assert_int_equal(a->ttl, want);
	dns_answer_release(a);
}

static void
test_zone_of_the_manual(void **state)
{
	struct dns_backend *b = zone(
	    "$ORIGIN example.com.\n"
	    "$TTL 300\n"
	    "@\t3600 IN\tTXT\t\"v=spf1 mx include:_spf \" \"-all\"  ; note\n"
	    "\tMX\t10 mail\t\t\t; of the same name\n"
	    "mail\tA\t192.0.2.1\n"
	    "*.dyn\tTXT\t( \"v=spf1\"\n"
	    "\t\t  \" -all\" )\n"
	    "1.2.0.192.in-addr.arpa.\tPTR\tmail\n"
	    "slow\tTIMEOUT\n"
	    "broken\tSERVFAIL TXT\n");
	struct dns_answer *a;

	(void)state;
	assert_data(b, "example.com", DNS_TYPE_TXT,
	    "v=spf1 mx include:_spf -all");
	assert_ttl(b, "example.com", 3600);
	a = ask(b, "example.com", DNS_TYPE_MX);
	assert_string_equal(a->rr[0].data, "mail.example.com");
	assert_int_equal(a->rr[0].preference, 10);
	assert_int_equal(a->ttl, 300);
	dns_answer_release(a);
	assert_status(b, "mail.example.com", DNS_TYPE_A, DNS_OK);
	assert_data(b, "host-1.dyn.example.com", DNS_TYPE_TXT, "v=spf1 -all");
	assert_data(b, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR,
	    "mail.example.com");
	assert_status(b, "broken.example.com", DNS_TYPE_TXT, DNS_TEMPERROR);
	assert_status(b, "broken.example.com", DNS_TYPE_A, DNS_NODATA);
	b->ops->free(b);
}

static void
test_zone_address_types(void **state)
{
	struct dns_backend *b = zone(
	    "a.example A 192.0.2.1\n"
	    " a 192.0.2.2\n"
	    " aaaa 2001:db8::1\n");
	struct dns_answer *a = ask(b, "a.example", DNS_TYPE_A);

	(void)state;
	assert_int_equal(a->count, 2);
	assert_int_equal(a->rr[1].len, 4);
	assert_memory_equal(a->rr[0].data, "\300\0\2\1", 4);
	assert_memory_equal(a->rr[1].data, "\300\0\2\2", 4);
	dns_answer_release(a);
	a = ask(b, "a.example", DNS_TYPE_AAAA);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, 16);
	assert_memory_equal(a->rr[0].data,
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	dns_answer_release(a);
	b->ops->free(b);
}

static void
test_zone_names_absolute_relative_and_any_case(void **state)
{
	struct dns_backend *b = zone(
	    "Plain.Example TXT before-origin\n"
	    "$origin Example.NET.\n"
	    "Host txt relative\n"
	    "other.example. txt absolute\n"
	    "@ MX 5 Host\n"
	    "alias CNAME @\n"
	    "null MX 0 .\n"
	    "odd\\032\\@\\255 TXT octets\n");

	(void)state;
	assert_data(b, "plain.example", DNS_TYPE_TXT, "before-origin");
	assert_data(b, "host.example.net", DNS_TYPE_TXT, "relative");
	assert_data(b, "other.example", DNS_TYPE_TXT, "absolute");
	assert_data(b, "example.net", DNS_TYPE_MX, "Host.Example.NET");
	assert_data(b, "alias.example.net", DNS_TYPE_MX, "Host.Example.NET");
	assert_data(b, "null.example.net", DNS_TYPE_MX, "");
	assert_data(b, "odd @\xff.example.net", DNS_TYPE_TXT, "octets");
	b->ops->free(b);
}

static void
test_zone_names_in_quotes(void **state)
{
	struct dns_backend *b = zone(
	    "$ORIGIN \"example.net.\"\n"
	    "\"host\" TXT relative\n"
	    "\"a (b); c\" TXT odd\n"
	    "\"q\\\"\\;.example.\" TXT escapes\n"
	    "mx MX 5 \"host\"\n"
	    "alias CNAME \"mx.example.net.\"\n");

	(void)state;
	assert_data(b, "host.example.net", DNS_TYPE_TXT, "relative");
	assert_data(b, "a (b); c.example.net", DNS_TYPE_TXT, "odd");
	assert_data(b, "q\";.example", DNS_TYPE_TXT, "escapes");
	assert_data(b, "alias.example.net", DNS_TYPE_MX, "host.example.net");
	b->ops->free(b);
}

static void
test_zone_names_in_utf8_are_a_labels(void **state)
{
	struct dns_backend *b = zone(
	    "$ORIGIN b\xc3\xbc" "cher.example.\n"
	    "@ TXT origin\n"
	    "\"_spf\" TXT below\n"
	    "*.B\xc3\x9c" "CHER MX 1 \xea\xb9\x80\xec\xb9\x98\n"
	    "raw\\195\\188.example. TXT octets\n");

	(void)state;
	assert_data(b, "xn--bcher-kva.example", DNS_TYPE_TXT, "origin");
	assert_data(b, "_spf.xn--bcher-kva.example", DNS_TYPE_TXT, "below");
	assert_data(b, "x.xn--bcher-kva.xn--bcher-kva.example", DNS_TYPE_MX,
	    "xn--4k0bq22d.xn--bcher-kva.example");
	assert_data(b, "raw\xc3\xbc.example", DNS_TYPE_TXT, "octets");
	b->ops->free(b);
}

/* The order of names, which decides what is below another. */
static void
test_zone_names_beside_others(void **state)
{
	struct dns_backend *b = zone(
	    "$ORIGIN example.\n"
	    "x-y TXT hyphen\n"
	    "a.x.y TXT below\n"
	    "xx.y TXT other\n"
	    "y.example. TXT absolute\n"
	    "x!.y TXT before\n");

	(void)state;
	assert_data(b, "x-y.example", DNS_TYPE_TXT, "hyphen");
	assert_data(b, "y.example", DNS_TYPE_TXT, "absolute");
	assert_status(b, "x.y.example", DNS_TYPE_TXT, DNS_NODATA);
	assert_status(b, "x.example", DNS_TYPE_TXT, DNS_NXDOMAIN);
	assert_status(b, "x-.example", DNS_TYPE_TXT, DNS_NXDOMAIN);
	assert_status(b, "y.example", DNS_TYPE_A, DNS_NODATA);
	assert_status(b, "example", DNS_TYPE_A, DNS_NODATA);
	assert_status(b, "xample", DNS_TYPE_A, DNS_NXDOMAIN);
	b->ops->free(b);
}

static void
test_zone_strings(void **state)
{
	struct dns_backend *b = zone(
	    "a.example TXT \"semi;colon (paren)\" word\\ with\\;signs\n"
	    "b.example TXT \"q\\\"uote\\\\ \\065\\000\\255\"\n"
	    "c.example TXT \"\"\n"
	    "d.example TXT \"one\"\"two\"three\"four\"\r\n");
	struct dns_answer *a;

	(void)state;
	assert_data(b, "a.example", DNS_TYPE_TXT,
	    "semi;colon (paren)word with;signs");
	a = ask(b, "b.example", DNS_TYPE_TXT);
	assert_int_equal(a->rr[0].len, 11);
	assert_memory_equal(a->rr[0].data, "q\"uote\\ A\0\xff", 12);
	dns_answer_release(a);
	assert_data(b, "c.example", DNS_TYPE_TXT, "");
	assert_data(b, "d.example", DNS_TYPE_TXT, "onetwothreefour");
	b->ops->free(b);
}

static void
test_zone_long_string_is_cut_into_strings(void **state)
{
	static char text[1100];
	char want[1025];

	(void)state;
	for (size_t len = 254; len <= 1024; len += 127) {
		memset(want, 'x', len);
		want[len] = '\0';
		snprintf(text, sizeof(text), "a.example TXT \"%s\"", want);
		struct dns_backend *b = zone(text);
		assert_data(b, "a.example", DNS_TYPE_TXT, want);
		b->ops->free(b);
	}
}

static void
test_zone_times_to_live(void **state)
{
	struct dns_backend *b = zone(
	    "a.example TXT default\n"
	    "$TTL 7\n"
	    "b.example TXT general\n"
	    "c.example IN 9 TXT own\n"
	    "d.example 0 IN TXT zero\n"
	    "e.example 5 CNAME a.example\n"
	    "f.example 9 CNAME d.example\n"
	    "$TTL 1h30M\n"
	    "g.example TXT units\n"
	    "h.example 1w2d3h4m5s IN TXT units\n"
	    "i.example IN 2D TXT unit\n");

	(void)state;
	assert_ttl(b, "a.example", 3600);
	assert_ttl(b, "b.example", 7);
	assert_ttl(b, "c.example", 9);
	assert_ttl(b, "d.example", 0);
	assert_ttl(b, "e.example", 5);
	assert_ttl(b, "f.example", 0);
	assert_ttl(b, "g.example", 5400);
	assert_ttl(b, "h.example", 788645);
	assert_ttl(b, "i.example", 172800);
	assert_ttl(b, "none.example", 5400);
	b->ops->free(b);
}

static void
test_zone_nxdomain_unless_name_or_one_below_exists(void **state)
{
	struct dns_backend *b = zone(
	    "deep.below.example.com A 192.0.2.1\n"
	    "other.example.com SOA ns.example.com. root 1 2 3 4 5\n"
	    "type99.example.com SPF \"v=spf1 -all\"\n");

	(void)state;
	assert_status(b, "deep.below.example.com", DNS_TYPE_TXT, DNS_NODATA);
	assert_status(b, "below.example.com", DNS_TYPE_A, DNS_NODATA);
	assert_status(b, "com", DNS_TYPE_A, DNS_NODATA);
	assert_status(b, "other.example.com", DNS_TYPE_A, DNS_NODATA);
	assert_status(b, "type99.example.com", DNS_TYPE_TXT, DNS_NODATA);
	assert_data(b, "type99.example.com", DNS_TYPE_SPF, "v=spf1 -all");
	assert_status(b, "elow.example.com", DNS_TYPE_A, DNS_NXDOMAIN);
	assert_status(b, "x.deep.below.example.com", DNS_TYPE_A, DNS_NXDOMAIN);
	assert_status(b, "net", DNS_TYPE_A, DNS_NXDOMAIN);
	b->ops->free(b);
}

static void
test_zone_wildcards(void **state)
{
	struct dns_backend *b = zone(
	    "*.example.com TXT any\n"
	    "there.example.com A 192.0.2.1\n"
	    "*.alias.example.com CNAME x.y.example.com\n");

	(void)state;
	assert_data(b, "x.example.com", DNS_TYPE_TXT, "any");
	assert_data(b, "x.y.example.com", DNS_TYPE_TXT, "any");
	assert_data(b, "x.alias.example.com", DNS_TYPE_TXT, "any");
	assert_status(b, "x.example.com", DNS_TYPE_A, DNS_NODATA);
	/* RFC 4592 s2.2.1: not below a name that exists, nor that name. */
	assert_status(b, "there.example.com", DNS_TYPE_TXT, DNS_NODATA);
	assert_status(b, "x.there.example.com", DNS_TYPE_TXT, DNS_NXDOMAIN);
	assert_status(b, "example.com", DNS_TYPE_TXT, DNS_NODATA);
	b->ops->free(b);
}

static void
test_zone_cname_chains(void **state)
{
	struct dns_backend *b = zone(
	    "a.example CNAME b.example\n"
	    "b.example CNAME c.example\n"
	    "c.example TXT end\n"
	    "l1.example CNAME l2.example\n"
	    "l2.example CNAME l1.example\n"
	    "gone.example CNAME nowhere.example\n"
	    "bare.example CNAME host.example\n"
	    "host.example A 192.0.2.1\n"
	    "down.example CNAME bad.example\n"
	    "bad.example SERVFAIL\n");

	(void)state;
	assert_data(b, "a.example", DNS_TYPE_TXT, "end");
	assert_status(b, "l1.example", DNS_TYPE_TXT, DNS_TEMPERROR);
	assert_status(b, "gone.example", DNS_TYPE_TXT, DNS_NXDOMAIN);
	assert_status(b, "bare.example", DNS_TYPE_TXT, DNS_NODATA);
	assert_status(b, "down.example", DNS_TYPE_TXT, DNS_TEMPERROR);
	b->ops->free(b);
}

static void
test_zone_servfail_for_one_type_or_all(void **state)
{
	struct dns_backend *b = zone(
	    "all.example SERVFAIL\n"
	    " TXT hidden\n"
	    "one.example servfail txt\n"
	    " A 192.0.2.1\n");

	(void)state;
	assert_status(b, "all.example", DNS_TYPE_TXT, DNS_TEMPERROR);
	assert_status(b, "all.example", DNS_TYPE_A, DNS_TEMPERROR);
	assert_status(b, "one.example", DNS_TYPE_TXT, DNS_TEMPERROR);
	assert_status(b, "one.example", DNS_TYPE_A, DNS_OK);
	assert_status(b, "one.example", DNS_TYPE_MX, DNS_NODATA);
	b->ops->free(b);
}

static void
test_zone_timeout_gets_no_answer_before_the_end(void **state)
{
	struct dns_backend *b = zone("slow.example TIMEOUT TXT\n"
	    " A 192.0.2.1\n");
	struct dns_answer *a = NULL;
	struct dns_answer *second = NULL;

	(void)state;
	b->ops->start(b, "slow.example", DNS_TYPE_TXT, keep_answer, &a);
	b->ops->start(b, "slow.example", DNS_TYPE_TXT, keep_answer, &second);
	assert_null(a);
	assert_status(b, "slow.example", DNS_TYPE_A, DNS_OK);
	b->ops->free(b);
	assert_non_null(a);
	assert_non_null(second);
	assert_int_equal(a->status, DNS_TEMPERROR);
	dns_answer_release(a);
	dns_answer_release(second);
}

static void
never(void *arg)
{
	(void)arg;
	fail_msg("wake without need");
}

static void
test_zone_behind_a_view(void **state)
{
	struct dns_options o = {
		.query_timeout_ms = 4000, .cache_size = 1 << 20
	};
	struct dns *d = dns_new_backend(
	    zone("a.example TXT one\nslow.example TIMEOUT\n"), &o);
	struct dns_view *v = dns_view_new(d, NULL, INT64_MAX, 10);
	const struct dns_answer *a;

	(void)state;
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a),
	    DNS_PENDING);
	/* This backend answers at once, so nobody has to be woken. */
	assert_true(dns_view_fetch(v, never, NULL));
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_int_equal(dns_query(v, "slow.example", DNS_TYPE_TXT, &a),
	    DNS_PENDING);
	assert_false(dns_view_fetch(v, never, NULL));
	dns_view_free(v);
	dns_free(d);
}

static void
test_zone_of_many_names(void **state)
{
	size_t size = 5000 * 40;
	char *text = calloc(1, size);
	struct sbuf sb;
	char name[40];

	(void)state;
	sbuf_init(&sb, text, size);
	for (int i = 0; i < 5000; i++)
		sbuf_fmt(&sb, "n%d.example TXT n%d.example\n", i, i);
	assert_true(sbuf_ok(&sb));
	struct dns_backend *b = zone(text);
	for (int i = 0; i < 5000; i += 37) {
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_data(b, name, DNS_TYPE_TXT, name);
	}
	b->ops->free(b);
	free(text);
}

static void
test_zone_empty_text_has_no_names(void **state)
{
	struct dns_backend *b = zone("; nothing\n\n  \t; here\n");

	(void)state;
	assert_status(b, "example.com", DNS_TYPE_A, DNS_NXDOMAIN);
	b->ops->free(b);
}

static void
test_zone_errors_have_their_line(void **state)
{
	static const struct {
		const char	*text;
		unsigned	 line;
	} bad[] = {
		{ "a.example", 1 },
		{ "a.example IN 300", 1 },
		{ "\n\na.example BOGUS x", 3 },
		{ " A 192.0.2.1", 1 },
		{ "a.example A", 1 },
		{ "a.example A 192.0.2.256", 1 },
		{ "a.example A 192.0.2.1 192.0.2.2", 1 },
		{ "a.example AAAA 192.0.2.1", 1 },
		{ "a.example MX mail", 1 },
		{ "a.example MX 65536 mail", 1 },
		{ "a.example MX 10", 1 },
		{ "a.example PTR a..b", 1 },
		{ "a.example 1h30 TXT x", 1 },
		{ "a.example h TXT x", 1 },
		{ "a.example 70w70000w TXT x", 1 },
		{ "$TTL 1x", 1 },
		{ "$TTL \"\"", 1 },
		{ "$TTL 1\\000", 1 },
		{ "\xff.example TXT x", 1 },
		{ "a.example CNAME \\", 1 },
		{ "a.example TXT", 1 },
		{ "a.example TXT \"open", 1 },
		{ "a.example TXT \"open\n\"", 1 },
		{ "a.example TXT \\256", 1 },
		{ "a.example TXT \\25", 1 },
		{ "a.example TXT ( x\n\ny", 1 },
		{ "a.example TXT x )", 1 },
		{ "a.example TXT (( x ))", 1 },
		{ "a\\.b.example TXT x", 1 },
		{ "a\\000.example TXT x", 1 },
		{ "\"\" TXT x", 1 },
		{ "$INCLUDE file", 1 },
		{ "$ORIGIN a..b", 1 },
		{ "a.example TIMEOUT SOA", 1 },
		{ "a.example SERVFAIL TXT A", 1 },
		{ "a.example TXT (\n x ) y\nb.example A", 3 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct diag d;
		diag_init(&d);
		if (fake_zone_new(bad[i].text, &d) != NULL)
			fail_msg("taken: %s", bad[i].text);
		if (d.count < 1 || d.entries[0].line != bad[i].line)
			fail_msg("wrong line: %s", bad[i].text);
		diag_fini(&d);
	}
}

static void
test_zone_reports_all_errors_at_once(void **state)
{
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_null(fake_zone_new("a.example A x\nb.example A 192.0.2.1\n"
	    "c.example TXT \"open\nd.example MX y\n", &d));
	assert_int_equal(d.count, 3);
	assert_int_equal(d.entries[0].line, 1);
	assert_int_equal(d.entries[1].line, 3);
	assert_int_equal(d.entries[2].line, 4);
	diag_fini(&d);
}

static void
test_zone_names_of_all_lengths(void **state)
{
	char name[300];
	char text[400];
	struct diag d;

	(void)state;
	for (size_t i = 0; i < 255; i++)
		name[i] = i % 2 ? '.' : 'x';
	name[253] = '\0';
	snprintf(text, sizeof(text), "%s TXT longest", name);
	struct dns_backend *b = zone(text);
	assert_data(b, name, DNS_TYPE_TXT, "longest");
	b->ops->free(b);
	name[253] = '.';
	name[255] = '\0';
	snprintf(text, sizeof(text), "%s TXT longer", name);
	diag_init(&d);
	assert_null(fake_zone_new(text, &d));
	memset(name, 'y', 64);
	name[64] = '\0';
	snprintf(text, sizeof(text), "%s TXT label", name);
	assert_null(fake_zone_new(text, &d));
	diag_fini(&d);
}

static void
test_zone_text_of_64_kilobytes(void **state)
{
	size_t size = 70000;
	char *text = calloc(1, size);
	struct sbuf sb;
	struct diag d;

	(void)state;
	sbuf_init(&sb, text, size);
	sbuf_str(&sb, "big.example TXT");
	for (int i = 0; i < 300; i++)
		sbuf_fmt(&sb, " %0200d", i);
	struct dns_backend *b = zone(text);
	assert_status(b, "big.example", DNS_TYPE_TXT, DNS_OK);
	b->ops->free(b);
	for (int i = 0; i < 40; i++)
		sbuf_fmt(&sb, " %0200d", i);
	assert_true(sbuf_ok(&sb));
	diag_init(&d);
	assert_null(fake_zone_new(text, &d));
	diag_fini(&d);
	free(text);
}

static struct dns *
dns_of_zone_file(const char *path, struct diag *d)
{
	const struct dns_options o = {
		.zone_file = path, .query_timeout_ms = 1000
	};

	diag_init(d);
	return dns_new(&o, d);
}

static struct dns *
dns_of_zone(const char *text, size_t len, struct diag *d)
{
	char path[] = "/tmp/dns_zone_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	struct dns *dns = dns_of_zone_file(path, d);
	unlink(path);
	return dns;
}

static void
test_zone_of_a_file(void **state)
{
	static const char good[] = "a.example TXT text";
	static const char bad[] = "a.example TXT text\nb.example A x\n";
	const struct dns_answer *a;
	struct diag d;
	char line[200];
	struct sbuf sb;

	(void)state;
	struct dns *dns = dns_of_zone(good, sizeof(good) - 1, &d);
	assert_non_null(dns);
	struct dns_view *v = dns_view_new(dns, NULL, INT64_MAX, 1);
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a),
	    DNS_PENDING);
	assert_true(dns_view_fetch(v, NULL, NULL));
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_string_equal(a->rr[0].data, "text");
	dns_view_free(v);
	dns_free(dns);
	diag_fini(&d);

	assert_null(dns_of_zone(bad, sizeof(bad) - 1, &d));
	sbuf_init(&sb, line, sizeof(line));
	diag_format(&d.entries[0], &sb);
	assert_non_null(strstr(line, ":2: not an IPv4 address"));
	diag_fini(&d);

	assert_null(dns_of_zone(good, sizeof(good), &d));	/* a NUL */
	assert_int_equal(d.count, 1);
	diag_fini(&d);
	assert_null(dns_of_zone_file("/", &d));
	assert_int_equal(d.count, 1);
	diag_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_of_the_manual),
		cmocka_unit_test(test_zone_address_types),
		cmocka_unit_test(
		    test_zone_names_absolute_relative_and_any_case),
		cmocka_unit_test(test_zone_names_in_quotes),
		cmocka_unit_test(test_zone_names_in_utf8_are_a_labels),
		cmocka_unit_test(test_zone_names_beside_others),
		cmocka_unit_test(test_zone_strings),
		cmocka_unit_test(test_zone_long_string_is_cut_into_strings),
		cmocka_unit_test(test_zone_times_to_live),
		cmocka_unit_test(
		    test_zone_nxdomain_unless_name_or_one_below_exists),
		cmocka_unit_test(test_zone_wildcards),
		cmocka_unit_test(test_zone_cname_chains),
		cmocka_unit_test(test_zone_servfail_for_one_type_or_all),
		cmocka_unit_test(
		    test_zone_timeout_gets_no_answer_before_the_end),
		cmocka_unit_test(test_zone_behind_a_view),
		cmocka_unit_test(test_zone_of_many_names),
		cmocka_unit_test(test_zone_empty_text_has_no_names),
		cmocka_unit_test(test_zone_errors_have_their_line),
		cmocka_unit_test(test_zone_reports_all_errors_at_once),
		cmocka_unit_test(test_zone_names_of_all_lengths),
		cmocka_unit_test(test_zone_text_of_64_kilobytes),
		cmocka_unit_test(test_zone_of_a_file)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
