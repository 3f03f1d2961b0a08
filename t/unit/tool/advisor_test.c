/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a record leads to: findings that need the DNS, and sets of addresses
 * that must be what evaluations say of each of them.
 */

#include "unit.h"

#include <stdio.h>

#include "base/result.h"
#include "base/util.h"
#include "dice.h"
#include "dns/dns.h"
#include "eval/eval.h"
#include "fake_dns.h"
#include "spf/compose.h"
#include "tool/advisor_priv.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct dns_options options = {
	.query_timeout_ms = 4000,
	.cache_size = 1 << 20,
};

static struct dns *
open_zone(const char *zone)
{
	struct diag d;

	diag_init(&d);
	struct dns_backend *b = fake_zone_new(zone, &d);
	if (b == NULL)
		fail_msg("%s: %s", zone, d.entries[0].message);
	diag_fini(&d);
	struct dns *dns = dns_new_backend(b, &options);
	assert_non_null(dns);
	return dns;
}

/* record NULL: that of domain; domain NULL: none. */
static struct advisor *
advise(struct dns *dns, const char *domain, const char *record)
{
	struct advisor *a = xcalloc(1, sizeof(*a));
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + 600000, ADVISOR_QUERIES_MAX);

	if (domain != NULL)
		util_copy(a->domain, sizeof(a->domain), domain);
	if (record != NULL)
		a->given = xstrdup(record);
	while (!advisor_walk(view, a))
		fake_dns_wait(view);
	dns_view_free(view);
	advisor_find(a);
	return a;
}

static void
release(struct advisor *a)
{
	advisor_fini(a);
	free(a);
}

/* The first of this kind, and the record that it stands with. */
static const struct advise_finding *
find(const struct advisor_record *r, enum advise_kind k,
    const struct advisor_record **where)
{
	const struct advise_finding *f = NULL;

	*where = r;
	for (size_t i = 0; i < r->advice.count; i++)
		if (r->advice.findings[i].kind == k)
			return &r->advice.findings[i];
	for (size_t i = 0; f == NULL && i < r->count; i++)
		if (r->terms[i].record != NULL)
			f = find(r->terms[i].record, k, where);
	return f;
}

static const char zone[] =
    "$ORIGIN example.com.\n"
    "@ MX 10 mail\n"
    "mail A 192.0.2.1\n"
    "mail AAAA 2001:db8::1\n"
    "two A 192.0.2.2\n"
    "$ORIGIN d.example.\n"
    "clean TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "clean MX 10 mail.example.com.\n"
    "none A 192.0.2.1\n"
    "nearly A 192.0.2.1\n"
    "nearly TXT \"v=spf1; mx -all\"\n"
    "sender-id A 192.0.2.1\n"
    "sender-id TXT \"v=spf1 -all\"\n"
    "sender-id TXT \"spf2.0/pra -all\"\n"
    "several A 192.0.2.1\n"
    "several TXT \"v=spf1 mx -all\"\n"
    "several TXT \"v=spf1 a -all\"\n"
    "bad TXT \"v=spf1 foo -all\"\n"
    "loop A 192.0.2.1\n"
    "loop TXT \"v=spf1 include:loop2.d.example -all\"\n"
    "loop2 TXT \"v=spf1 redirect=loop.d.example\"\n"
    "one TXT \"v=spf1 ip4:192.0.2.16/28 -all\"\n"
    "both TXT \"v=spf1 include:one.d.example -all\"\n"
    "broken SERVFAIL\n"
    "split A 192.0.2.1\n"
    "split TXT \"v=spf1 ip4:192.0.2.1\" \"ip4:192.0.2.7 -all\"\n"
    "joined A 192.0.2.1\n"
    "joined TXT \"v=spf1 ip4:192.0.2.1 \" \"ip4:192.0.2.7 -all\"\n"
    "type99 A 192.0.2.1\n"
    "type99 TXT \"v=spf1 -all\"\n"
    "type99 SPF \"v=spf1 -all\"\n"
    "nomail TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "quiet TXT \"v=spf1 -all\"\n"
    "nullmx MX 0 .\n"
    "nullmx TXT \"v=spf1 mx -all\"\n"
    "exp1 TXT \"go away\"\n"
    "exp2 TXT \"go\"\n"
    "exp2 TXT \"away\"\n"
    "gone MX 10 nowhere\n"
    "onlymx MX 10 mail.example.com.\n"
    "open TXT \"v=spf1 +all\"\n"
    "chain1 TXT \"v=spf1 a:two.example.com a:two.example.com "
	"include:chain2.d.example include:one.d.example ~all\"\n"
    "chain2 TXT \"v=spf1 include:chain3.d.example a:mail.example.com ~all\"\n"
    "chain3 TXT \"v=spf1 mx:example.com mx:example.com "
	"a:mail.example.com ~all\"\n";

/* A domain or a record; a finding of one, and none of the other. */
static const struct {
	enum advise_kind kind;
	const char	*bad;
	const char	*place;
	const char	*good;
} cases[] = {
	{ ADVISE_NO_RECORD, "none.d.example", "", "clean.d.example" },
	{ ADVISE_NO_RECORD, "no.such.example", "", "clean.d.example" },
	{ ADVISE_NEARLY, "nearly.d.example", "", "clean.d.example" },
	{ ADVISE_NEARLY, "sender-id.d.example", "", "clean.d.example" },
	{ ADVISE_SEVERAL_RECORDS, "several.d.example", "",
	    "clean.d.example" },
	{ ADVISE_LOOKUPS, "v=spf1 include:chain1.d.example "
	    "include:chain2.d.example -all", "",
	    "v=spf1 include:chain1.d.example -all" },
	{ ADVISE_VOID, "v=spf1 a:x.d.example -all", "a:x.d.example",
	    "v=spf1 a:two.example.com -all" },
	{ ADVISE_VOID, "v=spf1 mx:two.example.com -all",
	    "mx:two.example.com", "v=spf1 mx:example.com -all" },
	{ ADVISE_VOID, "v=spf1 exists:x.d.example -all",
	    "exists:x.d.example", "v=spf1 exists:two.example.com -all" },
	{ ADVISE_VOID, "v=spf1 a:two.example.com a:two.example.com/31 "
	    "a:two.example.com/30 -all", "",
	    "v=spf1 a:two.example.com a:two.example.com/31 -all" },
	{ ADVISE_VOIDS, "v=spf1 a:x.d.example a:y.d.example mx:z.d.example "
	    "-all", "", "v=spf1 a:x.d.example a:y.d.example -all" },
	{ ADVISE_MX_ADDRESS, "v=spf1 mx:gone.d.example -all",
	    "mx:gone.d.example", "v=spf1 mx:example.com -all" },
	{ ADVISE_INCLUDE_NO_RECORD, "v=spf1 include:x.d.example -all",
	    "include:x.d.example", "v=spf1 include:one.d.example -all" },
	{ ADVISE_INCLUDE_NO_RECORD, "v=spf1 mx redirect=exp1.d.example",
	    "redirect=exp1.d.example", "v=spf1 redirect=one.d.example" },
	{ ADVISE_INCLUDE_HOST, "v=spf1 include:mail.example.com -all",
	    "include:mail.example.com", "v=spf1 include:exp1.d.example" },
	{ ADVISE_INCLUDE_HOST, "v=spf1 include:onlymx.d.example -all",
	    "include:onlymx.d.example", "v=spf1 include:x.d.example" },
	{ ADVISE_INCLUDE_BAD, "v=spf1 include:several.d.example -all",
	    "include:several.d.example", "v=spf1 include:one.d.example" },
	{ ADVISE_INCLUDE_BAD, "v=spf1 include:bad.d.example -all",
	    "include:bad.d.example", "v=spf1 include:one.d.example" },
	{ ADVISE_LOOP, "loop.d.example", "redirect=loop.d.example",
	    "v=spf1 include:both.d.example -all" },
	{ ADVISE_TWICE, "v=spf1 include:both.d.example include:one.d.example "
	    "-all", "include:one.d.example",
	    "v=spf1 include:both.d.example -all" },
	{ ADVISE_DNS, "broken.d.example", "", "clean.d.example" },
	{ ADVISE_DNS, "v=spf1 a:broken.d.example -all", "a:broken.d.example",
	    "v=spf1 a:two.example.com -all" },
	{ ADVISE_DNS, "v=spf1 include:broken.d.example -all",
	    "include:broken.d.example", "v=spf1 include:one.d.example" },
	{ ADVISE_SPLIT, "split.d.example", "ip4:192.0.2.1ip4:192.0.2.7",
	    "joined.d.example" },
	{ ADVISE_TYPE_SPF, "type99.d.example", "", "clean.d.example" },
	{ ADVISE_NO_MAIL, "nomail.d.example", "", "quiet.d.example" },
	{ ADVISE_NO_MAIL, "nullmx.d.example", "", "clean.d.example" },
	{ ADVISE_EXP, "v=spf1 -all exp=x.d.example", "",
	    "v=spf1 -all exp=exp1.d.example" },
	{ ADVISE_EXP, "v=spf1 -all exp=broken.d.example", "",
	    "v=spf1 -all exp=exp1.d.example" },
	{ ADVISE_EXP, "v=spf1 -all exp=exp2.d.example", "",
	    "v=spf1 -all exp=%{i}.d.example" },
	{ ADVISE_NOT_FOLLOWED, "v=spf1 include:%{i}.d.example -all",
	    "include:%{i}.d.example", "v=spf1 include:one.d.example -all" },
	{ ADVISE_NOT_FOLLOWED, "v=spf1 a -all", "a",
	    "v=spf1 a:two.example.com -all" },
	{ ADVISE_EVERYONE, "v=spf1 include:open.d.example -all", "+all",
	    "v=spf1 include:one.d.example -all" },
	{ ADVISE_OVERLAP, "v=spf1 include:one.d.example ip4:192.0.2.17 -all",
	    "ip4:192.0.2.17", "v=spf1 include:one.d.example ip4:192.0.2.1" },
};

static struct advisor *
advise_either(struct dns *dns, const char *text)
{
	bool record = strncmp(text, "v=spf1", 6) == 0;

	return record ? advise(dns, NULL, text) : advise(dns, text, NULL);
}

static void
test_advisor_finds_each_kind_in_its_place_and_not_without(void **state)
{
	struct dns *dns = open_zone(zone);
	const struct advisor_record *r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advisor *a = advise_either(dns, cases[i].bad);
		const struct advise_finding *f = find(a->root, cases[i].kind,
		    &r);

		if (f == NULL)
			fail_msg("%s: no %s", cases[i].bad,
			    advise_name(cases[i].kind));
		assert_int_equal(f->len, strlen(cases[i].place));
		if (f->len > 0)
			assert_memory_equal(r->text + f->offset,
			    cases[i].place, f->len);
		assert_true(a->severities[advise_severity(f->kind)] > 0);
		release(a);

		a = advise_either(dns, cases[i].good);
		if (find(a->root, cases[i].kind, &r) != NULL)
			fail_msg("%s: %s", cases[i].good,
			    advise_name(cases[i].kind));
		release(a);
	}
	dns_free(dns);
}

static void
test_advisor_every_kind_of_the_dns_has_a_case(void **state)
{
	(void)state;
	for (unsigned k = ADVISE_NO_RECORD; k < ADVISE_COUNT; k++) {
		/* Tests of their own. */
		bool found = k == ADVISE_MX_HOSTS || k == ADVISE_ANSWER_SIZE;

		for (size_t i = 0; i < COUNT(cases); i++)
			found = found || cases[i].kind == k;
		if (!found)
			fail_msg("no case: %s", advise_name(k));
	}
}

static void
assert_found_in(const char *text, const char *domain, enum advise_kind k,
    bool want)
{
	struct dns *dns = open_zone(text);
	struct advisor *a = advise(dns, domain, NULL);
	const struct advisor_record *r;

	assert_int_equal(find(a->root, k, &r) != NULL, want);
	release(a);
	dns_free(dns);
}

static void
test_advisor_more_than_ten_mx_hosts(void **state)
{
	char text[2000];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, text, sizeof(text));
	sbuf_str(&sb, "a.example TXT \"v=spf1 mx -all\"\n");
	for (int i = 0; i < 11; i++) {
		assert_found_in(text, "a.example", ADVISE_MX_HOSTS, false);
		sbuf_fmt(&sb, "a.example MX %d h%d.example\n", i, i);
	}
	assert_true(sbuf_ok(&sb));
	assert_found_in(text, "a.example", ADVISE_MX_HOSTS, true);
}

/* 12 + 4 octets, the name with its two, 12 and 1 for each text of 100. */
static void
test_advisor_answers_over_512_octets(void **state)
{
	const char *more = "a.example TXT \"0123456789 0123456789 0123456789 "
	    "0123456789 0123456789 0123456789 0123456789 0123456789 "
	    "0123456789.\"\n";
	char text[2000];
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, text, sizeof(text));
	sbuf_str(&sb, "a.example TXT \"v=spf1 -all\"\n");
	for (int i = 0; i < 4; i++) {
		assert_found_in(text, "a.example", ADVISE_ANSWER_SIZE, false);
		sbuf_str(&sb, more);
	}
	sbuf_str(&sb, "a.example TXT \"and some more\"\n");
	assert_found_in(text, "a.example", ADVISE_ANSWER_SIZE, true);
}

static void
test_advisor_counts_what_each_term_costs(void **state)
{
	struct dns *dns = open_zone(zone);
	struct advisor *a = advise(dns, NULL, "v=spf1 ip4:192.0.2.1 "
	    "include:chain1.d.example a:two.example.com -all mx");

	(void)state;
	assert_int_equal(a->lookups, 11);
	assert_int_equal(a->root->count, 4);
	assert_int_equal(a->root->terms[0].lookups, 0);
	assert_int_equal(a->root->terms[1].lookups, 10);
	assert_int_equal(a->root->terms[2].lookups, 1);
	assert_int_equal(a->root->terms[1].record->terms[2].lookups, 6);
	assert_int_equal(a->voids[ADVISOR_V4], 0);
	assert_int_equal(a->voids[ADVISOR_V6], 3);	/* of two */
	release(a);
	dns_free(dns);
}

/* Ten includes of themselves each would be asked for ever. */
static void
test_advisor_walk_has_bounds(void **state)
{
	struct dns_options o = options;
	char text[20000];
	struct sbuf sb;
	struct fake_dns f = { .backend = { .capacity = 0 } };
	const struct advisor_record *r;

	(void)state;
	sbuf_init(&sb, text, sizeof(text));
	for (int i = 0; i < 30; i++) {
		sbuf_fmt(&sb, "d%d.example TXT \"v=spf1", i);
		for (int j = 1; j <= 10; j++)
			sbuf_fmt(&sb, " include:d%d.example", i + j);
		sbuf_str(&sb, " -all\"\n");
	}
	assert_true(sbuf_ok(&sb));
	struct dns *dns = fake_dns_open(&f, text, &o);
	struct advisor *a = advise(dns, "d0.example", NULL);
	assert_true(a->lookups > ADVISOR_TERMS_MAX);
	assert_true(f.asked <= ADVISOR_QUERIES_MAX);
	assert_non_null(find(a->root, ADVISE_NOT_FOLLOWED, &r));
	assert_null(a->flat);
	release(a);
	dns_free(dns);
}

static void
test_advisor_asks_for_all_includes_at_once(void **state)
{
	struct fake_dns f = { .backend = { .capacity = 0 } };
	struct dns *dns = fake_dns_open(&f, zone, &options);
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + 600000, ADVISOR_QUERIES_MAX);
	struct advisor a = { .given = xstrdup("v=spf1 include:one.d.example "
	    "include:both.d.example a:mail.example.com -all") };

	(void)state;
	fake_dns_hold(&f, "");
	assert_false(advisor_walk(view, &a));
	assert_int_equal(f.asked, 3);	/* and the first one is pending */
	fake_dns_hold(&f, NULL);
	fake_dns_answer_all(&f);
	while (!advisor_walk(view, &a))
		fake_dns_wait(view);
	assert_int_equal(f.asked, 4);
	advisor_fini(&a);
	dns_view_free(view);
	dns_free(dns);
}

/* Sets of addresses beside evaluations */

static enum result
evaluate(struct dns *dns, const char *domain, const struct addr *client)
{
	const struct eval_request in = {
		.scope = SCOPE_MAILFROM, .client = *client, .local = "u",
		.domain = domain, .helo = "h.example", .receiver = "r.example",
		.max_lookups = ADVISOR_LOOKUPS,
		.max_void_lookups = ADVISOR_VOIDS
	};
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + 600000, EVAL_MAX_QUERIES);
	struct eval_verdict v;

	while (!eval_run(view, &in, &v))
		fake_dns_wait(view);
	enum result r = v.result;
	eval_verdict_fini(&v);
	dns_view_free(view);
	return r;
}

#define DOMAINS 5
#define HOSTS 4

static void
add_network(uint32_t *d, struct sbuf *out)
{
	if (dice(d, 3) == 0)
		sbuf_fmt(out, "ip6:2001:db8::%x/%u", dice(d, 64),
		    120 + dice(d, 9));
	else
		sbuf_fmt(out, "ip4:192.0.2.%u/%u", dice(d, 256),
		    24 + dice(d, 9));
}

/* A term of domain i; friendly: it can but pass. */
static void
add_term(uint32_t *d, struct sbuf *out, unsigned i, bool friendly)
{
	static const char *const signs[] = { "", "", "", "+", "-", "~", "?" };

	sbuf_fmt(out, " %s", signs[dice(d, friendly ? 4 : COUNT(signs))]);
	switch (dice(d, i + 1 < DOMAINS ? 8 : 6)) {
	case 0:
		sbuf_fmt(out, "a:h%u.example/%u//%u", dice(d, HOSTS + 1),
		    24 + dice(d, 9), 120 + dice(d, 9));
		break;
	case 1:
		sbuf_fmt(out, "mx:d%u.example", dice(d, DOMAINS));
		break;
	case 2:
		sbuf_fmt(out, "a:h%u.example", dice(d, HOSTS));
		break;
	case 6:
	case 7:
		sbuf_fmt(out, "include:d%u.example", i + 1 +
		    dice(d, DOMAINS - i));	/* the last has none */
		break;
	default:
		add_network(d, out);
		break;
	}
}

static void
add_record(uint32_t *d, struct sbuf *out, unsigned i, bool friendly)
{
	static const char *const ends[] = { " -all", " ~all", " ?all", "" };

	sbuf_fmt(out, "d%u.example TXT \"v=spf1", i);
	for (uint32_t n = 1 + dice(d, 6); n > 0; n--)
		add_term(d, out, i, friendly);
	if (dice(d, 4) == 0)
		sbuf_fmt(out, " redirect=d%u.example",
		    i + 1 + dice(d, DOMAINS - i));
	else
		sbuf_str(out, friendly ? "" : ends[dice(d, COUNT(ends))]);
	sbuf_str(out, "\"\n");
}

static void
random_zone(uint32_t *d, struct sbuf *out, bool friendly)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		if (dice(d, 4) > 0)
			sbuf_fmt(out, "h%u.example A 192.0.2.%u\n", i,
			    dice(d, 256));
		if (dice(d, 4) > 0)
			sbuf_fmt(out, "h%u.example AAAA 2001:db8::%x\n", i,
			    dice(d, 64));
	}
	for (unsigned i = 0; i < DOMAINS; i++) {
		add_record(d, out, i, friendly && i > 0);
		if (dice(d, 3) > 0)
			sbuf_fmt(out, "d%u.example MX 10 h%u.example\n", i,
			    dice(d, HOSTS));
	}
	assert_true(sbuf_ok(out));
}

/* At and beside each end of the set, and some at random. */
static size_t
samples(uint32_t *d, const struct addr_ranges *s, int family,
    struct addr *out, size_t room)
{
	struct addr base = { .family = family == ADVISOR_V4 ? AF_INET :
		AF_INET6, .bytes = { 192, 0, 2 } };
	struct addr a;
	size_t n = 0;

	if (family == ADVISOR_V6)
		memcpy(base.bytes, "\x20\x01\x0d\xb8", 4);
	for (size_t i = 0; i < s->count && n + 4 < room; i++) {
		out[n++] = s->ranges[i].first;
		out[n++] = s->ranges[i].last;
		a = s->ranges[i].last;
		if (addr_next(&a))
			out[n++] = a;
	}
	for (int i = 0; i < 6 && n < room; i++) {
		out[n] = base;
		out[n++].bytes[family == ADVISOR_V4 ? 3 : 15] =
		    (uint8_t)dice(d, 256);
	}
	return n;
}

static void
assert_same_as_evaluations(uint32_t *d, struct dns *dns,
    const struct advisor *a, const char *text)
{
	struct addr clients[40];
	char client[ADDR_TEXT_SIZE];

	for (int f = 0; f < ADVISOR_FAMILIES; f++) {
		size_t n = samples(d, &a->pass[f], f, clients,
		    COUNT(clients));

		for (size_t i = 0; i < n; i++) {
			bool pass = evaluate(dns, a->domain, &clients[i]) ==
			    RESULT_PASS;

			if (pass != addr_ranges_has(&a->pass[f], &clients[i]))
				fail_msg("%s passes: %d, in\n%s", addr_format(
				    &clients[i], client), pass, text);
		}
	}
}

/*
 * Where a client may be decided within an include without passing it has
 * fewer lookups than the walk counts, so limits are told only from records
 * that can but pass.
 */
static void
test_advisor_tells_who_passes(void **state)
{
	static char text[20000];
	uint32_t d = 7;
	unsigned over = 0;

	(void)state;
	for (int round = 0; round < 160; round++) {
		bool friendly = round % 2 == 0;
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		random_zone(&d, &sb, friendly);
		struct dns *dns = open_zone(text);
		struct advisor *a = advise(dns, "d0.example", NULL);
		bool limited = a->lookups > ADVISOR_LOOKUPS ||
		    a->voids[ADVISOR_V4] > ADVISOR_VOIDS ||
		    a->voids[ADVISOR_V6] > ADVISOR_VOIDS;

		over += limited && friendly;
		if (!limited || friendly)
			assert_same_as_evaluations(&d, dns, a, text);
		release(a);
		dns_free(dns);
	}
	assert_true(over > 5);
}

/* record is that of d0.example. */
static void
assert_passes(const char *record, const char *const *clients, size_t count)
{
	char *text = xasprintf("d0.example TXT \"%s\"\n"
	    "*.h.example A 192.0.2.1\n"
	    "last.h.example A 192.0.2.2\n", record);
	struct dns *dns = open_zone(text);
	struct advisor *a = advise(dns, "d0.example", NULL);
	struct addr c;

	for (size_t i = 0; i < count; i++) {
		assert_true(addr_parse(&c, clients[i]));
		assert_true(addr_ranges_has(&a->pass[ADVISOR_V4], &c));
	}
	assert_int_equal(a->pass[ADVISOR_V4].count, count > 0);
	assert_true(addr_parse(&c, "192.0.2.2"));
	bool pass = evaluate(dns, "d0.example", &c) == RESULT_PASS;
	assert_int_equal(pass, addr_ranges_has(&a->pass[ADVISOR_V4], &c));
	release(a);
	dns_free(dns);
	free(text);
}

static void
test_advisor_nobody_passes_behind_a_limit(void **state)
{
	static const char *const both[] = { "192.0.2.1", "192.0.2.2" };
	char text[1000] = "v=spf1";
	struct sbuf sb = { text, sizeof(text), 6, false };

	(void)state;
	for (int i = 0; i < ADVISOR_LOOKUPS - 1; i++)
		sbuf_fmt(&sb, " a:h%d.h.example", i);
	sbuf_str(&sb, " a:last.h.example -all");
	assert_passes(text, both, 2);
	sb.len -= strlen(" a:last.h.example -all");
	sbuf_str(&sb, " a:h9.h.example a:last.h.example -all");
	assert_passes(text, both, 1);
	assert_passes("v=spf1 a:x.example a:h.h.example mx:h.h.example "
	    "a:last.h.example ~all", both, 2);
	assert_passes("v=spf1 a:x.example a:h.h.example mx:h.h.example "
	    "exists:y.example a:last.h.example ~all", both, 1);
	assert_passes("v=spf1 a:h.h.example include:x.example "
	    "a:last.h.example -all", both, 1);
}

/* The result of a client, by another record of the domain. */
static void
assert_same_result(struct dns *dns, struct dns *other,
    const struct addr *client, const char *text, const char *record)
{
	enum result want = evaluate(dns, "d0.example", client);
	enum result got = evaluate(other, "d0.example", client);
	char address[ADDR_TEXT_SIZE];

	/* ~all is added where there was no end. */
	if (want == RESULT_NEUTRAL && got == RESULT_SOFTFAIL &&
	    strstr(record, " ~all") != NULL)
		return;
	if (want != got)
		fail_msg("%s: %s, not %s by %s in\n%s",
		    addr_format(client, address), result_name(got),
		    result_name(want), record, text);
}

/* In text the record of d0 is replaced, which stands in one line. */
static struct dns *
open_with(const char *text, const char *record)
{
	const char *start = strstr(text, "d0.example TXT");
	const char *end = strchr(start, '\n');
	char *changed = xasprintf("%.*sd0.example TXT", (int)(start - text),
	    text);

	for (size_t n; *record != '\0'; record += n) {
		n = compose_string(record);
		char *longer = xasprintf("%s \"%.*s\"", changed, (int)n,
		    record);
		free(changed);
		changed = longer;
	}
	char *whole = xasprintf("%s%s", changed, end);
	struct dns *dns = open_zone(whole);
	free(whole);
	free(changed);
	return dns;
}

static bool
has_errors(const struct advisor *a)
{
	return a->severities[ADVISE_ERROR] > 0 ||
	    a->voids[ADVISOR_V6] > ADVISOR_VOIDS;
}

static void
test_advisor_better_records_change_no_result(void **state)
{
	static char text[20000];
	struct addr clients[40];
	size_t flat = 0;
	uint32_t d = 11;

	(void)state;
	for (int round = 0; round < 160; round++) {
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		random_zone(&d, &sb, false);
		struct dns *dns = open_zone(text);
		struct advisor *a = advise(dns, "d0.example", NULL);
		const char *records[] = { a->better, a->flat };

		for (size_t k = 0; !has_errors(a) && k < COUNT(records); k++) {
			if (records[k] == NULL)
				continue;
			struct dns *other = open_with(text, records[k]);

			flat += k;
			for (int f = 0; f < ADVISOR_FAMILIES; f++) {
				size_t n = samples(&d, &a->pass[f], f,
				    clients, COUNT(clients));

				while (n-- > 0)
					assert_same_result(dns, other,
					    &clients[n], text, records[k]);
			}
			dns_free(other);
		}
		release(a);
		dns_free(dns);
	}
	assert_true(flat > 10);
}

static void
test_advisor_corrects_strings_that_lack_a_blank(void **state)
{
	struct dns *dns = open_zone("a.example TXT \"v=spf1 a\" \"mx\" "
	    "\" -all\"\nb.example TXT \"v=spf1 a:lo\" \"ng.example ~all\"\n");
	struct advisor *a = advise(dns, "a.example", NULL);
	struct advisor *b = advise(dns, "b.example", NULL);

	(void)state;
	assert_string_equal(a->better, "v=spf1 a mx -all");
	assert_string_equal(b->better, "v=spf1 a:long.example ~all");
	release(a);
	release(b);
	dns_free(dns);
}

static void
test_advisor_flattens_what_does_not_depend_on_the_message(void **state)
{
	static const char *const wants[][2] = {
		{ "v=spf1 include:one.d.example mx:example.com -all",
		    "v=spf1 ip4:192.0.2.1 ip4:192.0.2.16/28 ip6:2001:db8::1 "
		    "-all" },
		{ "v=spf1 exists:%{i}.d.example include:one.d.example ~all",
		    "v=spf1 ip4:192.0.2.16/28 exists:%{i}.d.example ~all" },
		{ "v=spf1 redirect=clean.d.example",
		    "v=spf1 ip4:192.0.2.1 -all" },
		/* It would have to be asked before the addresses. */
		{ "v=spf1 -exists:%{i}.d.example include:one.d.example ~all",
		    NULL },
		{ "v=spf1 ip4:192.0.2.1 -all", NULL },
		{ "v=spf1 include:open.d.example -all", NULL },
		{ "v=spf1 include:bad.d.example -all", NULL },
		{ "v=spf1 a:broken.d.example -all", NULL },
	};
	struct dns *dns = open_zone(zone);

	(void)state;
	for (size_t i = 0; i < COUNT(wants); i++) {
		struct advisor *a = advise(dns, NULL, wants[i][0]);

		if (wants[i][1] == NULL && a->flat != NULL)
			fail_msg("%s: %s", wants[i][0], a->flat);
		if (wants[i][1] != NULL) {
			assert_non_null(a->flat);
			assert_string_equal(a->flat, wants[i][1]);
		}
		release(a);
	}
	dns_free(dns);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_advisor_finds_each_kind_in_its_place_and_not_without),
		cmocka_unit_test(test_advisor_every_kind_of_the_dns_has_a_case),
		cmocka_unit_test(test_advisor_more_than_ten_mx_hosts),
		cmocka_unit_test(test_advisor_answers_over_512_octets),
		cmocka_unit_test(test_advisor_counts_what_each_term_costs),
		cmocka_unit_test(test_advisor_walk_has_bounds),
		cmocka_unit_test(test_advisor_asks_for_all_includes_at_once),
		cmocka_unit_test(test_advisor_tells_who_passes),
		cmocka_unit_test(test_advisor_nobody_passes_behind_a_limit),
		cmocka_unit_test(test_advisor_better_records_change_no_result),
		cmocka_unit_test(
		    test_advisor_corrects_strings_that_lack_a_blank),
		cmocka_unit_test(
		    test_advisor_flattens_what_does_not_depend_on_the_message),
	};

	eval_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
