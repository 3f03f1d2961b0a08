/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One SPF record, by the letter of the grammar in RFC 7208 s12.
 *
 * Terms are divided by SP alone, so the record is cut there first and each
 * term is read by itself.  A term with a name and "=" is a modifier, any
 * other one a directive.  The grammar is ambiguous in one place only on
 * paper: a domain-spec may hold "/", but none can end in "/" and digits, so
 * what looks like a prefix length at the end is one.
 *
 * Nothing is repaired: any departure is permerror (s4.6), because a record
 * that we guess at may let in or refuse mail against its publisher's will.
 */

#include "config.h"

#include "spf/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spf/macro.h"

static const char version[] = "v=spf1";
#define VERSION_LEN (sizeof(version) - 1)

/* What may or must follow the name of a mechanism. */
enum argument {
	ARG_NONE,
	ARG_DOMAIN,		/* ":" domain-spec */
	ARG_DOMAIN_OPTIONAL,
	ARG_DOMAIN_CIDR,	/* both parts optional */
	ARG_IP4,
	ARG_IP6
};

static const struct mechanism {
	const char	*name;
	enum argument	 argument;
} mechanisms[] = {
	[RECORD_ALL] = { "all", ARG_NONE },
	[RECORD_INCLUDE] = { "include", ARG_DOMAIN },
	[RECORD_A] = { "a", ARG_DOMAIN_CIDR },
	[RECORD_MX] = { "mx", ARG_DOMAIN_CIDR },
	[RECORD_PTR] = { "ptr", ARG_DOMAIN_OPTIONAL },
	[RECORD_IP4] = { "ip4", ARG_IP4 },
	[RECORD_IP6] = { "ip6", ARG_IP6 },
	[RECORD_EXISTS] = { "exists", ARG_DOMAIN },
};
#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(*mechanisms))

struct parser {
	struct record		*r;
	struct record_error	*err;
};

/* Some octets of the record's text. */
struct span {
	const char	*s;
	size_t		 len;
};

static bool
fail(struct parser *p, const char *at, const char *message)
{
	p->err->offset = (size_t)(at - p->r->text);
	p->err->message = message;
	return false;
}

static struct span
span_from(struct span sp, size_t n)
{
	return (struct span){ sp.s + n, sp.len - n };
}

static bool
span_is(struct span sp, const char *text)
{
	return sp.len == strlen(text) &&
	    util_has_prefix_nocase(sp.s, sp.len, text);
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ); 0: no name here. */
static size_t
name_length(struct span sp)
{
	size_t n = 0;

	if (sp.len == 0 || !util_is_alpha(sp.s[0]))
		return 0;
	while (n < sp.len && (util_is_alnum(sp.s[n]) || sp.s[n] == '-' ||
	    sp.s[n] == '_' || sp.s[n] == '.'))
		n++;
	return n;
}

static struct macro *
parse_macro(struct parser *p, enum macro_use use, struct span sp)
{
	struct macro_error e;
	struct macro *m = macro_compile(use, sp.s, sp.len, &e);

	if (m == NULL)
		fail(p, sp.s + e.offset, e.message);
	return m;
}

/* Digits of a prefix length: no leading zero, at most max. */
static bool
parse_bits(struct span sp, unsigned max, unsigned *out)
{
	uint64_t n = 0;

	if (sp.len > 1 && sp.s[0] == '0')
		return false;
	if (!util_parse_uint(sp.s, sp.len, max, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

/*
 * Takes a slash and digits off the end of *sp.  False: a length that may not
 * stand there.  Where there is none, *bits is left alone.
 */
static bool
take_bits(struct parser *p, struct span *sp, const char *slash, unsigned max,
    uint8_t *bits)
{
	size_t n = strlen(slash);
	size_t digits = sp->len;
	while (digits > 0 && util_is_digit(sp->s[digits - 1]))
		digits--;
	if (digits == sp->len || digits < n ||
	    memcmp(sp->s + digits - n, slash, n) != 0)
		return true;

	unsigned value = 0;
	if (!parse_bits(span_from(*sp, digits), max, &value))
		return fail(p, sp->s + digits, "bad prefix length");
	*bits = (uint8_t)value;
	sp->len = digits - n;
	return true;
}

/* ":" domain-spec, and nothing else. */
static bool
parse_domain(struct parser *p, struct span sp, struct record_term *t)
{
	if (sp.len == 0 || sp.s[0] != ':')
		return fail(p, sp.s, "expected : and a domain");
	t->domain = parse_macro(p, MACRO_DOMAIN_SPEC, span_from(sp, 1));
	return t->domain != NULL;
}

/* [ ":" domain-spec ] [ "/" digits ] [ "//" digits ] */
static bool
parse_domain_cidr(struct parser *p, struct span sp, struct record_term *t)
{
	t->bits4 = 32;
	t->bits6 = 128;
	if (!take_bits(p, &sp, "//", 128, &t->bits6) ||
	    !take_bits(p, &sp, "/", 32, &t->bits4))
		return false;
	return sp.len == 0 || parse_domain(p, sp, t);
}

/* ":" network [ "/" digits ] */
static bool
parse_network(struct parser *p, struct span sp, struct record_term *t)
{
	bool v4 = t->mechanism == RECORD_IP4;
	unsigned max = v4 ? 32 : 128;

	if (sp.len == 0 || sp.s[0] != ':')
		return fail(p, sp.s, "expected : and an address");
	sp = span_from(sp, 1);
	const char *slash = memchr(sp.s, '/', sp.len);
	size_t n = slash == NULL ? sp.len : (size_t)(slash - sp.s);
	if (!(v4 ? addr_parse_v4 : addr_parse_v6)(&t->network.addr, sp.s, n))
		return fail(p, sp.s, v4 ? "not an IPv4 address" :
		    "not an IPv6 address");
	t->network.len = max;
	if (slash != NULL &&
	    !parse_bits(span_from(sp, n + 1), max, &t->network.len))
		return fail(p, slash + 1, "bad prefix length");
	return true;
}

static bool
parse_argument(struct parser *p, enum argument argument, struct span sp,
    struct record_term *t)
{
	switch (argument) {
	case ARG_NONE:
		return sp.len == 0 ||
		    fail(p, sp.s, "this mechanism takes no argument");
	case ARG_DOMAIN:
		return parse_domain(p, sp, t);
	case ARG_DOMAIN_OPTIONAL:
		return sp.len == 0 || parse_domain(p, sp, t);
	case ARG_DOMAIN_CIDR:
		return parse_domain_cidr(p, sp, t);
	case ARG_IP4:
	case ARG_IP6:
		return parse_network(p, sp, t);
	}
	return false;
}

static bool
parse_qualifier(char c, enum result *out)
{
	static const char signs[] = "+-~?";
	static const enum result results[] = {
		RESULT_PASS, RESULT_FAIL, RESULT_SOFTFAIL, RESULT_NEUTRAL
	};
	const char *at = strchr(signs, c);

	if (at == NULL)
		return false;
	*out = results[at - signs];
	return true;
}

static bool
parse_directive(struct parser *p, struct span sp)
{
	struct record_term *t = &p->r->terms[p->r->count++];

	t->offset = (size_t)(sp.s - p->r->text);
	t->len = sp.len;
	t->qualifier = RESULT_PASS;
	if (parse_qualifier(sp.s[0], &t->qualifier))
		sp = span_from(sp, 1);

	size_t n = name_length(sp);
	for (size_t i = 0; i < MECHANISM_COUNT; i++) {
		if (!span_is((struct span){ sp.s, n }, mechanisms[i].name))
			continue;
		t->mechanism = (enum record_mechanism)i;
		return parse_argument(p, mechanisms[i].argument,
		    span_from(sp, n), t);
	}
	return fail(p, p->r->text + t->offset, "unknown mechanism");
}

static bool
parse_modifier(struct parser *p, struct span name, struct span value)
{
	struct macro **known = NULL;
	if (span_is(name, "redirect")) {
		known = &p->r->redirect;
		p->r->redirect_offset = p->err->term;
		p->r->redirect_len = p->err->term_len;
	} else if (span_is(name, "exp"))
		known = &p->r->exp;

	if (known == NULL) {
		/* s6: ignored, but it must be a macro-string, any letter */
		struct macro *m = parse_macro(p, MACRO_EXPLAIN, value);
		macro_free(m);
		return m != NULL;
	}
	if (*known != NULL)
		return fail(p, name.s, "modifier given twice");
	*known = parse_macro(p, MACRO_DOMAIN_SPEC, value);
	return *known != NULL;
}

static bool
parse_term(struct parser *p, struct span sp)
{
	size_t n = name_length(sp);

	p->err->term = (size_t)(sp.s - p->r->text);
	p->err->term_len = sp.len;
	if (n > 0 && n < sp.len && sp.s[n] == '=')
		return parse_modifier(p, (struct span){ sp.s, n },
		    span_from(sp, n + 1));
	return parse_directive(p, sp);
}

static bool
parse_terms(struct parser *p)
{
	const char *s = p->r->text;
	size_t len = p->r->len;

	for (size_t i = 0; i < len; i++)
		if (!util_is_print(s[i]))
			return fail(p, s + i, "octet that is not printable");

	for (size_t i = VERSION_LEN; i < len;) {
		if (s[i] == ' ') {
			i++;
			continue;
		}
		const char *end = memchr(s + i, ' ', len - i);
		size_t n = end == NULL ? len - i : (size_t)(end - (s + i));
		if (!parse_term(p, (struct span){ s + i, n }))
			return false;
		i += n;
	}
	return true;
}

unsigned
record_term_bits(const struct record_term *t, sa_family_t family)
{
	switch (t->mechanism) {
	case RECORD_ALL:
		return 0;
	case RECORD_IP4:
	case RECORD_IP6:
		return t->network.addr.family == family ? t->network.len :
		    RECORD_BITS_UNKNOWN;
	case RECORD_A:
	case RECORD_MX:
		return family == AF_INET ? t->bits4 : t->bits6;
	case RECORD_INCLUDE:
	case RECORD_PTR:
	case RECORD_EXISTS:
		break;
	}
	return RECORD_BITS_UNKNOWN;
}

static const struct record_term *
find_widest(const struct record *r, sa_family_t family)
{
	const struct record_term *widest = NULL;
	unsigned least = RECORD_BITS_UNKNOWN;

	for (size_t i = 0; i < r->count; i++) {
		const struct record_term *t = &r->terms[i];
		unsigned bits = record_term_bits(t, family);

		if (t->qualifier == RESULT_PASS && bits < least) {
			widest = t;
			least = bits;
		}
		if (t->mechanism == RECORD_ALL)
			break;
	}
	return widest;
}

/* Words divided by blanks: the terms and the version. */
static size_t
count_terms(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (s[i] != ' ' && (i == 0 || s[i - 1] == ' '))
			n++;
	return n;
}

bool
record_is_spf(const char *octets, size_t len)
{
	return util_has_prefix_nocase(octets, len, version) &&
	    (len == VERSION_LEN || octets[VERSION_LEN] == ' ');
}

bool
record_is_nearly_spf(const char *octets, size_t len)
{
	size_t i = 0;

	if (record_is_spf(octets, len))
		return false;
	while (i < len && !util_is_alnum(octets[i]))
		i++;
	return util_has_prefix_nocase(octets + i, len - i, "v=spf") ||
	    util_has_prefix_nocase(octets + i, len - i, "spf1") ||
	    util_has_prefix_nocase(octets + i, len - i, "spf2");
}

struct record *
record_parse(const char *octets, size_t len, struct record_error *err)
{
	*err = (struct record_error){ 0 };
	if (!record_is_spf(octets, len)) {
		err->message = "not an SPF record";
		return NULL;
	}
	if (len > RECORD_TEXT_MAX) {
		err->offset = RECORD_TEXT_MAX;
		err->message = "longer than 4096 octets";
		return NULL;
	}

	struct record *r = xcalloc(1, sizeof(*r));
	struct parser p = { .r = r, .err = err };
	r->text = xcalloc(len + 1, 1);
	memcpy(r->text, octets, len);
	r->len = len;
	r->terms = xcalloc(count_terms(octets, len), sizeof(*r->terms));
	atomic_init(&r->references, 1);
	if (!parse_terms(&p)) {
		record_free(r);
		return NULL;
	}
	r->widest4 = find_widest(r, AF_INET);
	r->widest6 = find_widest(r, AF_INET6);
	return r;
}

struct record *
record_share(struct record *r)
{
	if (r != NULL)
		atomic_fetch_add_explicit(&r->references, 1,
		    memory_order_relaxed);
	return r;
}

void
record_free(struct record *r)
{
	if (r == NULL || atomic_fetch_sub_explicit(&r->references, 1,
	    memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < r->count; i++)
		macro_free(r->terms[i].domain);
	macro_free(r->redirect);
	macro_free(r->exp);
	free(r->terms);
	free(r->text);
	free(r);
}

bool
record_term_is_network(const struct record_term *t)
{
	return t->mechanism == RECORD_IP4 || t->mechanism == RECORD_IP6;
}

bool
record_term_asks(const struct record_term *t)
{
	return t->mechanism != RECORD_ALL && !record_term_is_network(t);
}

const char *
record_mechanism_name(enum record_mechanism m)
{
	return mechanisms[m].name;
}

const char *
record_network_name(sa_family_t family)
{
	return mechanisms[family == AF_INET6 ? RECORD_IP6 : RECORD_IP4].name;
}
