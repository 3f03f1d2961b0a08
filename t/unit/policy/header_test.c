/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header: our fields octet by octet, and read back by the grammar of RFC 7208
 * s9.1 for hostile texts.
 */

#include "unit.h"

#include "base/addr.h"
#include "base/stats.h"
#include "base/util.h"
#include "dice.h"
#include "policy/header.h"

#define BIG 70000
#define PAIRS_MAX 16

static char field_text[HEADER_VALUE_SIZE];

static const char *
received_spf(const struct header_facts *f)
{
	struct sbuf sb;
	sbuf_init(&sb, field_text, sizeof(field_text));
	header_received_spf(&sb, f);
	assert_true(sbuf_ok(&sb));
	return field_text;
}

static const char *
auth_results(const char *id, const struct header_facts *f)
{
	struct sbuf sb;
	sbuf_init(&sb, field_text, sizeof(field_text));
	header_auth_results(&sb, id, f);
	assert_true(sbuf_ok(&sb));
	return field_text;
}

static const struct addr *
client(const char *text)
{
	static struct addr a;
	assert_true(addr_parse(&a, text));
	return &a;
}

static struct header_facts
usual_facts(enum result r)
{
	return (struct header_facts){
		.result = r,
		.scope = SCOPE_MAILFROM,
		.client = client("192.0.2.1"),
		.envelope_from = "user@example.com",
		.domain = "example.com",
		.helo = "mail.example.com",
		.receiver = "mx.example.org",
		.mechanism = "ip4:192.0.2.0/24",
	};
}

/* Received-SPF, octet by octet */

static void
test_received_spf_pass(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	assert_string_equal(received_spf(&f),
	    "pass (mx.example.org: domain of example.com designates\n"
	    "\t192.0.2.1 as permitted sender) client-ip=192.0.2.1;\n"
	    "\tenvelope-from=\"user@example.com\"; helo=mail.example.com;\n"
	    "\treceiver=mx.example.org; identity=mailfrom;\n"
	    "\tmechanism=\"ip4:192.0.2.0/24\"");
}

static void
test_received_spf_helo_and_ipv6(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_FAIL);
	f.scope = SCOPE_HELO;
	f.domain = f.helo;
	f.client = client("2001:db8::25");
	f.mechanism = "all";
	assert_string_equal(received_spf(&f),
	    "fail (mx.example.org: domain of mail.example.com does not\n"
	    "\tdesignate 2001:db8::25 as permitted sender) "
	    "client-ip=\"2001:db8::25\";\n"
	    "\tenvelope-from=\"user@example.com\"; helo=mail.example.com;\n"
	    "\treceiver=mx.example.org; identity=helo; mechanism=all");
}

/* A filter for DMARC takes a pass here for one of SPF. */
static void
test_received_spf_of_a_guess_is_none(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.source = SOURCE_GUESS;
	f.published = RESULT_NONE;
	f.mechanism = "+a/24";
	assert_string_equal(received_spf(&f),
	    "none (mx.example.org: no SPF policy found for example.com, a\n"
	    "\tguess says pass) client-ip=192.0.2.1;\n"
	    "\tenvelope-from=\"user@example.com\"; helo=mail.example.com;\n"
	    "\treceiver=mx.example.org; identity=mailfrom; guess=pass;\n"
	    "\tmechanism=+a/24");
	assert_string_equal(auth_results("mx.example.org", &f),
	    "mx.example.org; spf=none smtp.mailfrom=example.com\n"
	    "\tpolicy.guess=pass");
}

static void
test_received_spf_with_local_policy_is_the_records(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.source = SOURCE_LOCAL_POLICY;
	f.published = RESULT_SOFTFAIL;
	f.mechanism = "+a";
	assert_string_equal(received_spf(&f),
	    "softfail (mx.example.org: domain of example.com probably does\n"
	    "\tnot permit 192.0.2.1 as sender, local policy says pass)\n"
	    "\tclient-ip=192.0.2.1; envelope-from=\"user@example.com\";\n"
	    "\thelo=mail.example.com; receiver=mx.example.org; "
	    "identity=mailfrom;\n\tlocal-policy=pass; mechanism=+a");
	assert_string_equal(auth_results("mx.example.org", &f),
	    "mx.example.org; spf=softfail\n"
	    "\tsmtp.mailfrom=example.com policy.local-policy=pass");
}

static void
test_comment_names_the_term_that_passes_everybody(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.wide_open = "+all of a;b.example.com";
	assert_non_null(strstr(received_spf(&f), " permitted sender, record "
	    "is wide open by +all of\n\ta?b.example.com) client-ip="));
	assert_null(strstr(auth_results("mx.example.org", &f), "wide"));
}

static void
test_received_spf_null_sender_is_empty(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.envelope_from = "";
	assert_non_null(strstr(received_spf(&f),
	    "; envelope-from=\"\";"));
	f.envelope_from = NULL;
	assert_null(strstr(received_spf(&f), "envelope-from"));
}

static void
test_received_spf_error_has_problem(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PERMERROR);
	f.mechanism = "";
	f.problem = "unknown mechanism \"ipv4:\"";
	assert_string_equal(received_spf(&f),
	    "permerror (mx.example.org: SPF policy cannot be interpreted for\n"
	    "\texample.com) client-ip=192.0.2.1; "
	    "envelope-from=\"user@example.com\";\n"
	    "\thelo=mail.example.com; receiver=mx.example.org; "
	    "identity=mailfrom;\n"
	    "\tproblem=\"unknown mechanism \\\"ipv4:\\\"\"");
}

static void
test_received_spf_sentence_of_each_result(void **state)
{
	(void)state;
	static const char *const begin[RESULT_COUNT] = {
		[RESULT_NONE] = "none (no SPF policy found for example.com) ",
		[RESULT_NEUTRAL] = "neutral (domain of example.com neither "
		    "permits nor denies\n\t192.0.2.1) ",
		[RESULT_PASS] = "pass (domain of example.com designates "
		    "192.0.2.1 as permitted\n\tsender) ",
		[RESULT_FAIL] = "fail (domain of example.com does not "
		    "designate 192.0.2.1 as\n\tpermitted sender) ",
		[RESULT_SOFTFAIL] = "softfail (domain of example.com probably "
		    "does not permit\n\t192.0.2.1 as sender) ",
		[RESULT_TEMPERROR] = "temperror (SPF policy cannot be looked "
		    "up now for example.com)\n\t",
		[RESULT_PERMERROR] = "permerror (SPF policy cannot be "
		    "interpreted for example.com)\n\t",
	};
	for (int r = 0; r < RESULT_COUNT; r++) {
		struct header_facts f = usual_facts((enum result)r);
		f.receiver = NULL;
		const char *value = received_spf(&f);
		if (strncmp(value, begin[r], strlen(begin[r])) != 0)
			assert_string_equal(value, begin[r]);
	}
}

static void
test_received_spf_tells_of_stale_data_in_its_comment(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.stale = true;
	assert_string_equal(received_spf(&f),
	    "pass (mx.example.org: domain of example.com designates\n"
	    "\t192.0.2.1 as permitted sender, from stale DNS data)\n"
	    "\tclient-ip=192.0.2.1; envelope-from=\"user@example.com\";\n"
	    "\thelo=mail.example.com; receiver=mx.example.org; "
	    "identity=mailfrom;\n"
	    "\tmechanism=\"ip4:192.0.2.0/24\"");
	f.result = RESULT_NONE;
	f.mechanism = NULL;
	assert_string_equal(received_spf(&f),
	    "none (mx.example.org: no SPF policy found for example.com, from\n"
	    "\tstale DNS data) client-ip=192.0.2.1; "
	    "envelope-from=\"user@example.com\";\n"
	    "\thelo=mail.example.com; receiver=mx.example.org; "
	    "identity=mailfrom");
}

static void
test_fields_tell_what_spares_a_message(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_FAIL);
	f.spared = "not refused for";
	f.author = "a)b.example";
	assert_non_null(strstr(received_spf(&f), "not refused for a?b.example)"
	    "\n\tclient-ip="));
	assert_non_null(strstr(auth_results("x", &f),
	    "reason=\"not refused for a\\)b.example\""));
	f.problem = "x";
	assert_non_null(strstr(auth_results("x", &f), "reason=\"x\""));
}

static void
test_received_spf_tells_of_an_excuse_in_its_comment(void **state)
{
	struct header_facts f = usual_facts(RESULT_TEMPERROR);

	(void)state;
	f.excuse = EXCUSE_GRACE;
	assert_non_null(strstr(received_spf(&f), "now\n\tfor example.com, "
	    "accepted because that has lasted too long)"));
	f.excuse = EXCUSE_OUTAGE;
	assert_non_null(strstr(received_spf(&f), "now\n\tfor example.com, "
	    "accepted because our own DNS fails)"));
}

static void
test_utf8_stands_in_internationalised_messages_only(void **state)
{
	static const char address[] = "\xec\x9c\xa0\xe2\x80\xae"
	    "\xc3\"@xn--4k0bq22d.example";
	struct header_facts f = usual_facts(RESULT_PASS);

	(void)state;
	f.envelope_from = address;
	f.helo = "\xc3\xbc.example";
	assert_non_null(strstr(received_spf(&f),
	    "envelope-from=\"???????\\\"@xn--4k0bq22d.example\""));
	f.utf8 = true;
	assert_non_null(strstr(received_spf(&f),
	    "envelope-from=\"\xec\x9c\xa0????\\\"@xn--4k0bq22d.example\""));
	assert_non_null(strstr(received_spf(&f), "helo=??.example;"));
}

static void
test_cut_leaves_no_part_of_a_character(void **state)
{
	char address[HEADER_TEXT_MAX + 10] = "";
	struct header_facts f = usual_facts(RESULT_PASS);
	struct sbuf sb;

	(void)state;
	sbuf_init(&sb, address, sizeof(address));
	while (sbuf_ok(&sb))
		sbuf_str(&sb, "\xec\x9c\xa0");
	f.envelope_from = address;
	f.utf8 = true;
	/* 309 octets, of which the last 297 begin with a character. */
	assert_int_equal(strlen(address), 309);
	assert_non_null(strstr(received_spf(&f), "\"...\xec\x9c\xa0"));
	address[308] = '\0';
	assert_non_null(strstr(received_spf(&f), "\"...?\xec\x9c\xa0"));
	assert_non_null(strstr(received_spf(&f), "\xec\x9c\xa0??\""));
}

static void
test_lines_fill_78_columns_and_no_more(void **state)
{
	(void)state;
	char helo[80] = "";
	struct header_facts f = { .scope = SCOPE_HELO, .helo = helo };
	static const char start[] =
	    "Received-SPF: none (no SPF policy found for unknown)";

	/* " helo=x" and its ";" end in column 78, then in 79 */
	memset(helo, 'x', 78 - (sizeof(start) - 1) - strlen(" helo=;"));
	assert_non_null(strstr(received_spf(&f), ") helo=x"));
	strcat(helo, "x");
	assert_non_null(strstr(received_spf(&f), ")\n\thelo=x"));
}

static void
test_received_spf_leaves_out_what_is_missing(void **state)
{
	(void)state;
	struct addr none = { .family = AF_UNSPEC };
	struct header_facts f = {
		.result = RESULT_NONE,
		.scope = SCOPE_MAILFROM,
		.client = &none,
		.helo = "",
	};
	const char *expected =
	    "none (no SPF policy found for unknown) identity=mailfrom";
	assert_string_equal(received_spf(&f), expected);
	f.client = NULL;
	f.helo = NULL;
	assert_string_equal(received_spf(&f), expected);
}

static void
test_received_spf_quotes_equal_signs(void **state)
{
	(void)state;
	struct header_facts f = {
		.result = RESULT_PASS,
		.scope = SCOPE_MAILFROM,
		.envelope_from = "b+n=r@example.com",
		.domain = "example.com",
		.helo = "identity=helo",
		.mechanism = "exists:x;identity=mailfrom",
	};
	assert_string_equal(received_spf(&f),
	    "pass (domain of example.com designates this client as permitted\n"
	    "\tsender) envelope-from=\"b+n\\=r@example.com\"; "
	    "helo=\"identity\\=helo\";\n"
	    "\tidentity=mailfrom; "
	    "mechanism=\"exists:x\\;identity\\=mailfrom\"");
}

static void
test_cut_address_keeps_its_domain(void **state)
{
	(void)state;
	char address[HEADER_TEXT_MAX + 64];
	struct header_facts f = usual_facts(RESULT_PASS);

	/* the cut must not make an address of victim.example */
	strcpy(address, "u@victim.example");
	memset(address + 16, 'x', HEADER_TEXT_MAX);
	strcpy(address + HEADER_TEXT_MAX, "@attacker.example");
	f.envelope_from = address;
	const char *value = received_spf(&f);
	assert_null(strstr(value, "victim"));
	assert_non_null(strstr(value, "envelope-from=\"...x"));
	assert_non_null(strstr(value, "x@attacker.example\";"));
}

static void
test_cut_is_counted(void **state)
{
	(void)state;
	char text[HEADER_TEXT_MAX + 2];
	struct header_facts f = usual_facts(RESULT_PASS);

	memset(text, 'x', sizeof(text));
	text[HEADER_TEXT_MAX] = '\0';
	f.helo = text;
	uint64_t before = stats_get(STATS_HEADERS_CUT);
	received_spf(&f);
	assert_int_equal(stats_get(STATS_HEADERS_CUT), before);
	text[HEADER_TEXT_MAX] = 'x';
	text[HEADER_TEXT_MAX + 1] = '\0';
	received_spf(&f);
	assert_int_equal(stats_get(STATS_HEADERS_CUT), before + 1);
}

/* A strict reader of RFC 7208 s9.1; every departure fails the test. */

struct pair {
	char	key[32];
	char	value[HEADER_TEXT_MAX + 1];
};

struct parsed {
	char		 result[16];
	char		 comment[1024];
	struct pair	 pairs[PAIRS_MAX];
	size_t		 count;
};

/* 1*WSP or a fold, RFC 5322 s3.2.2. */
static const char *
read_fws(const char *p)
{
	assert_true(*p == ' ' || *p == '\n');
	if (*p == '\n')
		assert_int_equal(*++p, '\t');
	return p + 1;
}

static const char *
read_comment(const char *p, char *out)
{
	assert_int_equal(*p++, '(');
	while (*p != ')') {
		if (*p == ' ' || *p == '\n') {
			p = read_fws(p);
			*out++ = ' ';
			continue;
		}
		assert_true(*p > 0x20 && *p < 0x7f);
		assert_null(strchr("()\\", *p));
		*out++ = *p++;
	}
	*out = '\0';
	return p + 1;
}

/* s3.2.4, and no delimiter without its backslash, for simple readers. */
static const char *
read_quoted(const char *p, char *out, const char *end)
{
	p++;
	while (*p != '"') {
		if (*p == '\\')
			p++;
		else
			assert_null(strchr("=;()", *p));
		assert_true(*p >= 0x20 && *p < 0x7f);
		assert_true(out < end);
		*out++ = *p++;
	}
	*out = '\0';
	return p + 1;
}

static const char *
read_dot_atom(const char *p, char *out, const char *end)
{
	static const char atext[] = "!#$%&'*+-/?^_`{|}~";
	const char *start = p;

	for (; util_is_alnum(*p) || (*p != '\0' && strchr(atext, *p) != NULL) ||
	    *p == '.'; p++) {
		if (*p == '.') {
			assert_true(p > start && p[-1] != '.');
			assert_true(p[1] != '\0' && p[1] != ';');
		}
		assert_true(out < end);
		*out++ = *p;
	}
	assert_true(p > start);
	*out = '\0';
	return p;
}

static const char *
read_value(const char *p, char *out)
{
	char *end = out + HEADER_TEXT_MAX;
	return *p == '"' ? read_quoted(p, out, end)
	    : read_dot_atom(p, out, end);
}

static void
parse_received_spf(const char *p, struct parsed *out)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz");
	assert_in_range(n, 4, sizeof(out->result) - 1);
	memcpy(out->result, p, n);
	out->result[n] = '\0';
	p = read_comment(read_fws(p + n), out->comment);
	out->count = 0;
	do {
		assert_true(out->count < PAIRS_MAX);
		struct pair *pair = &out->pairs[out->count++];
		p = read_fws(p);
		n = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
		assert_in_range(n, 1, sizeof(pair->key) - 1);
		memcpy(pair->key, p, n);
		pair->key[n] = '\0';
		assert_int_equal(p[n], '=');
		p = read_value(p + n + 1, pair->value);
	} while (*p++ == ';');
	assert_int_equal(p[-1], '\0');
}

static void
check_lines(const char *value, size_t name_len)
{
	size_t column = name_len + 2;
	for (; *value != '\0'; value++) {
		column = *value == '\n' ? 0 : column + 1;
		assert_true(column <= 998);
		assert_int_not_equal(*value, '\r');
	}
}

/* What a text from outside must read as. */
static const char *
sanitised(const char *s, bool keep_end)
{
	static char out[HEADER_TEXT_MAX + 1];
	size_t len = strlen(s);

	if (len > HEADER_TEXT_MAX && keep_end) {
		strcpy(out, "...");
		strcat(out, s + len - (HEADER_TEXT_MAX - 3));
	} else if (len > HEADER_TEXT_MAX) {
		memcpy(out, s, HEADER_TEXT_MAX - 3);
		strcpy(out + HEADER_TEXT_MAX - 3, "...");
	} else {
		strcpy(out, s);
	}
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	return out;
}

struct expectation {
	const char	*key;
	const char	*text;
	bool		 keep_end;
};

static void
check_parsed(const struct header_facts *f, const struct parsed *p)
{
	char address[ADDR_TEXT_SIZE];
	const char *ours = f->source == SOURCE_RECORD ? NULL :
	    result_name(f->result);
	const struct expectation all[] = {
		{ "client-ip", addr_format(f->client, address), true },
		{ "envelope-from", f->envelope_from, true },
		{ "helo", f->helo, true },
		{ "receiver", f->receiver, true },
		{ "identity", scope_name(f->scope), true },
		{ f->source == SOURCE_GUESS ? "guess" : "local-policy", ours,
		    true },
		{ "mechanism", f->mechanism, false },
		{ "problem", f->problem, false },
	};
	size_t n = 0;

	assert_string_equal(p->result, result_name(ours != NULL ?
	    f->published : f->result));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].text == NULL || (all[i].text[0] == '\0' &&
		    strcmp(all[i].key, "envelope-from") != 0))
			continue;
		assert_true(n < p->count);
		assert_string_equal(p->pairs[n].key, all[i].key);
		assert_string_equal(p->pairs[n].value,
		    sanitised(all[i].text, all[i].keep_end));
		n++;
	}
	assert_int_equal(n, p->count);
}

static void
check_hostile(const struct header_facts *f)
{
	struct parsed p;
	const char *value = received_spf(f);

	check_lines(value, strlen("Received-SPF"));
	parse_received_spf(value, &p);
	check_parsed(f, &p);
}

static char big_quotes[BIG + 1];
static char big_lines[BIG + 1];
static char big_name[BIG + 1];
static char longest_relay[HEADER_RELAY_MAX + 1];

static void
fill_big(void)
{
	memset(big_quotes, '"', BIG);
	memset(big_name, 'a', BIG);
	for (size_t i = 0; i < BIG; i++)
		big_lines[i] = "x\r\n:"[i % 4];
}

static const char *const hostile[] = {
	"", " ", "\"", "\\", "\\\"", "(", ")", "((", "))", ";", "=", "\r\n",
	"\n", "\n\n", "\n ", "\t", "a\r\nX-Forged: yes\r\n\r\nbody",
	"\"; identity=helo; x=\"", "a) client-ip=203.0.113.9; y=(b",
	"a; identity=mailfrom", "\\\n", "a\\", ".", "..", ".a", "a.", "a..b",
	"a b  c", " a", "a ", "%s%n%d", "%", "\x01\x7f", "\x80\xff",
	"\xed\x95\x9c\xea\xb5\xad.example", "\"quoted\"@example.com",
	"<u@example.com>", "u@example.com,v@example.com", "a/b", "a:b", "a@b",
	"[192.0.2.1]", "=?utf-8?Q?x?=", "*", big_quotes, big_lines, big_name,
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOSTILE_COUNT COUNT(hostile)

static void
test_hostile_texts_are_values_and_no_more(void **state)
{
	(void)state;
	fill_big();
	memset(longest_relay, '(', HEADER_RELAY_MAX);
	for (size_t i = 0; i < HOSTILE_COUNT * 9; i++) {
		struct header_facts f = usual_facts(RESULT_FAIL);
		f.stale = true;
		f.excuse = EXCUSE_OUTAGE;
		f.source = SOURCE_GUESS;
		f.spared = "let through since it is signed by";
		f.relayed_by = longest_relay;
		f.forwarder = longest_relay;
		const char **slot[] = { &f.envelope_from, &f.domain, &f.helo,
			&f.receiver, &f.mechanism, &f.problem, &f.wide_open,
			&f.author };
		size_t which = i / HOSTILE_COUNT;
		for (size_t j = 0; j < COUNT(slot); j++)
			if (j == which || which == COUNT(slot))
				*slot[j] = hostile[i % HOSTILE_COUNT];
		for (int r = 0; r < RESULT_COUNT; r++) {
			f.result = (enum result)r;
			f.scope = r % 2 == 0 ? SCOPE_HELO : SCOPE_MAILFROM;
			check_hostile(&f);
		}
	}
}

/* Texts of random pieces; the same ones in every run. */
static uint32_t random_state = 7208;

static uint32_t
random_below(uint32_t n)
{
	return dice(&random_state, n);
}

static void
random_text(char *out, size_t size)
{
	size_t target = random_below(8) == 0 ? size - 16 : random_below(40);
	struct sbuf sb;

	sbuf_init(&sb, out, size);
	while (sb.len < target) {
		const char *s = hostile[random_below(HOSTILE_COUNT - 3)];
		if (random_below(2) == 0)
			sbuf_char(&sb, (char)(1 + random_below(255)));
		else
			sbuf_add(&sb, s, strlen(s) > 12 ? 12 : strlen(s));
	}
}

static void
test_random_texts_are_values_and_no_more(void **state)
{
	(void)state;
	static char text[7][512];

	for (int i = 0; i < 5000; i++) {
		for (size_t j = 0; j < COUNT(text); j++)
			random_text(text[j], sizeof(text[j]));
		struct header_facts f = {
			.result = (enum result)random_below(RESULT_COUNT),
			.scope = (enum scope)random_below(SCOPE_COUNT),
			.source = (enum source)random_below(3),
			.stale = i % 2 == 0,
			.wide_open = text[6],
			.client = client(random_below(2) == 0
			    ? "203.0.113.255" : "2001:db8::ffff"),
			.envelope_from = text[0],
			.domain = text[1],
			.helo = text[2],
			.receiver = text[3],
			.mechanism = text[4],
			.problem = text[5],
		};
		check_hostile(&f);
	}
}

static void
test_comment_shows_domain_without_delimiters(void **state)
{
	(void)state;
	struct parsed p;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.domain = "a(b)c\\d\"e=f;g\nh";
	parse_received_spf(received_spf(&f), &p);
	assert_string_equal(p.comment, "mx.example.org: domain of "
	    "a?b?c?d?e?f?g?h designates 192.0.2.1 as permitted sender");
}

/* Not checked */

static void
test_cover_is_no_verdict(void **state)
{
	(void)state;
	char text[HEADER_VALUE_SIZE];
	struct sbuf sb;
	struct parsed p;

	sbuf_init(&sb, text, sizeof(text));
	header_cover(&sb, "mx.example.org", "authenticated client");
	assert_true(sbuf_ok(&sb));
	assert_string_equal(text, "none (mx.example.org: skipped, "
	    "authenticated client)\n\treceiver=mx.example.org; identity=none");
	parse_received_spf(text, &p);
	assert_int_equal(p.count, 2);
}

static void
test_cover_without_receiver(void **state)
{
	(void)state;
	char text[HEADER_VALUE_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	header_cover(&sb, NULL, "trusted network");
	assert_string_equal(text,
	    "none (skipped, trusted network) identity=none");
}

/* Authentication-Results */

static void
test_auth_results_of_either_scope(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_FAIL);
	assert_string_equal(auth_results("mx.example.org", &f),
	    "mx.example.org; spf=fail smtp.mailfrom=example.com");
	f.scope = SCOPE_HELO;
	assert_string_equal(auth_results("mx.example.org", &f),
	    "mx.example.org; spf=fail smtp.helo=example.com");
}

static void
test_auth_results_problem_is_reason(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_TEMPERROR);
	f.problem = "no answer (SERVFAIL)";
	assert_string_equal(auth_results("mx.example.org", &f),
	    "mx.example.org; spf=temperror\n"
	    "\treason=\"no answer \\(SERVFAIL\\)\" smtp.mailfrom=example.com");
}

static void
test_auth_results_quotes_what_is_no_token(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_NONE);
	f.domain = "a; spf=pass smtp.mailfrom=b";
	assert_string_equal(auth_results("m x", &f),
	    "\"m x\"; spf=none\n"
	    "\tsmtp.mailfrom=\"a\\; spf\\=pass smtp.mailfrom\\=b\"");
	f.domain = "a/b";
	assert_string_equal(auth_results("mx", &f),
	    "mx; spf=none smtp.mailfrom=\"a/b\"");
	f.domain = "ex\xc3\xa4mple.com";
	assert_string_equal(auth_results("mx", &f),
	    "mx; spf=none smtp.mailfrom=\"ex??mple.com\"");
}

static void
test_auth_results_domain_forms(void **state)
{
	(void)state;
	struct header_facts f = usual_facts(RESULT_PASS);
	f.domain = "example.com.";
	assert_string_equal(auth_results("mx", &f),
	    "mx; spf=pass smtp.mailfrom=example.com");
	f.domain = "";
	assert_string_equal(auth_results("mx", &f), "mx; spf=pass");
	f.domain = NULL;
	assert_string_equal(auth_results("mx", &f), "mx; spf=pass");
}

static void
test_auth_results_hostile_texts_fit(void **state)
{
	(void)state;
	fill_big();
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		struct header_facts f = usual_facts(RESULT_PERMERROR);
		f.domain = hostile[i];
		f.problem = hostile[i];
		const char *value = auth_results(hostile[i], &f);
		check_lines(value, strlen("Authentication-Results"));
		/* one method, whatever the texts say */
		size_t methods = 0;
		for (const char *p = value; *p != '\0'; p++) {
			if (*p == '\\')
				p++;
			else if (*p == ';')
				methods++;
		}
		assert_int_equal(methods, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received_spf_pass),
		cmocka_unit_test(test_received_spf_helo_and_ipv6),
		cmocka_unit_test(test_received_spf_of_a_guess_is_none),
		cmocka_unit_test(
		    test_received_spf_with_local_policy_is_the_records),
		cmocka_unit_test(
		    test_comment_names_the_term_that_passes_everybody),
		cmocka_unit_test(test_received_spf_null_sender_is_empty),
		cmocka_unit_test(test_received_spf_error_has_problem),
		cmocka_unit_test(test_received_spf_sentence_of_each_result),
		cmocka_unit_test(
		    test_received_spf_tells_of_stale_data_in_its_comment),
		cmocka_unit_test(test_fields_tell_what_spares_a_message),
		cmocka_unit_test(
		    test_received_spf_tells_of_an_excuse_in_its_comment),
		cmocka_unit_test(
		    test_utf8_stands_in_internationalised_messages_only),
		cmocka_unit_test(test_cut_leaves_no_part_of_a_character),
		cmocka_unit_test(test_lines_fill_78_columns_and_no_more),
		cmocka_unit_test(test_received_spf_leaves_out_what_is_missing),
		cmocka_unit_test(test_received_spf_quotes_equal_signs),
		cmocka_unit_test(test_cut_address_keeps_its_domain),
		cmocka_unit_test(test_cut_is_counted),
		cmocka_unit_test(test_hostile_texts_are_values_and_no_more),
		cmocka_unit_test(test_random_texts_are_values_and_no_more),
		cmocka_unit_test(test_comment_shows_domain_without_delimiters),
		cmocka_unit_test(test_cover_is_no_verdict),
		cmocka_unit_test(test_cover_without_receiver),
		cmocka_unit_test(test_auth_results_of_either_scope),
		cmocka_unit_test(test_auth_results_problem_is_reason),
		cmocka_unit_test(test_auth_results_quotes_what_is_no_token),
		cmocka_unit_test(test_auth_results_domain_forms),
		cmocka_unit_test(test_auth_results_hostile_texts_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
