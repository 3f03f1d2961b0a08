/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses as SPF sees them: an IPv4-mapped IPv6 address is IPv4. */

#include "config.h"

#include "base/addr.h"
#include "base/util.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 32
#define V6_BITS 128
#define MAPPED_BITS 96		/* of ::ffff:0:0/96 before the IPv4 address */
#define GROUPS 8

static const uint8_t mapped_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static void
set(struct addr *out, sa_family_t family, const void *bytes)
{
	memset(out, 0, sizeof(*out));
	out->family = family;
	memcpy(out->bytes, bytes, family == AF_INET ? 4 : 16);
}

static bool
is_mapped(const struct addr *a)
{
	return a->family == AF_INET6 &&
	    memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static void
unmap(struct addr *a)
{
	if (is_mapped(a)) {
		struct addr v6 = *a;
		set(a, AF_INET, v6.bytes + sizeof(mapped_prefix));
	}
}

bool
addr_from_sockaddr(struct addr *out, const struct sockaddr *sa)
{
	memset(out, 0, sizeof(*out));
	out->family = AF_UNSPEC;
	if (sa == NULL)
		return false;
	/* Copied because sa may be aligned for struct sockaddr only. */
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in sin;
		memcpy(&sin, sa, sizeof(sin));
		set(out, AF_INET, &sin.sin_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 sin6;
		memcpy(&sin6, sa, sizeof(sin6));
		set(out, AF_INET6, &sin6.sin6_addr);
		unmap(out);
		return true;
	}
	return false;
}

void
addr_to_sockaddr(const struct addr *a, uint16_t port,
    struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };

	assert(a->family == AF_INET || a->family == AF_INET6);
	memset(out, 0, sizeof(*out));
	if (a->family == AF_INET) {
		memcpy(&in.sin_addr, a->bytes, sizeof(in.sin_addr));
		memcpy(out, &in, sizeof(in));
	} else {
		memcpy(&in6.sin6_addr, a->bytes, sizeof(in6.sin6_addr));
		memcpy(out, &in6, sizeof(in6));
	}
}

/*
 * inet_pton with a length, limited to the octets that belong into an address:
 * some systems let it accept a scope ("fe80::1%eth0").
 */
static bool
parse_family(struct addr *out, sa_family_t family, const char *text,
    size_t len)
{
	char copy[ADDR_TEXT_SIZE];
	uint8_t bytes[16];

	if (len >= sizeof(copy))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = util_lower(text[i]);
		if (!util_is_digit(c) && c != '.' && c != ':' &&
		    !(c >= 'a' && c <= 'f'))
			return false;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(family, copy, bytes) != 1)
		return false;
	set(out, family, bytes);
	return true;
}

bool
addr_parse_v4(struct addr *out, const char *text, size_t len)
{
	return parse_family(out, AF_INET, text, len);
}

bool
addr_parse_v6(struct addr *out, const char *text, size_t len)
{
	return parse_family(out, AF_INET6, text, len);
}

bool
addr_parse(struct addr *out, const char *text)
{
	size_t len = strlen(text);

	if (addr_parse_v4(out, text, len))
		return true;
	if (!addr_parse_v6(out, text, len))
		return false;
	unmap(out);
	return true;
}

/* Where the first longest run of two or more zero groups is; RFC 5952 s4.2. */
static unsigned
find_zero_run(const unsigned groups[GROUPS], unsigned *len)
{
	unsigned best = GROUPS;

	*len = 1;
	for (unsigned i = 0; i < GROUPS; i++) {
		unsigned n = 0;
		while (i + n < GROUPS && groups[i + n] == 0)
			n++;
		if (n > *len) {
			best = i;
			*len = n;
		}
	}
	return best;
}

/*
 * Not inet_ntop: that writes ::1:2 as ::0.1.0.2, where RFC 5952 s5 wants a
 * dotted quad only under a prefix that is known to hold IPv4 addresses.
 */
static void
format_v6(const struct addr *a, struct sbuf *out)
{
	unsigned groups[GROUPS];
	unsigned run;

	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = (unsigned)a->bytes[2 * i] << 8 |
		    a->bytes[2 * i + 1];
	unsigned start = find_zero_run(groups, &run);
	for (unsigned i = 0; i < GROUPS; i++) {
		if (i == start) {
			sbuf_str(out, "::");
			i += run - 1;
			continue;
		}
		if (i > 0 && i != start + run)
			sbuf_char(out, ':');
		sbuf_fmt(out, "%x", groups[i]);
	}
}

static void
format_v4(const uint8_t bytes[4], struct sbuf *out)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			sbuf_char(out, '.');
		sbuf_uint(out, bytes[i]);
	}
}

const char *
addr_format(const struct addr *a, char buf[ADDR_TEXT_SIZE])
{
	struct sbuf out;

	sbuf_init(&out, buf, ADDR_TEXT_SIZE);
	if (a->family == AF_INET) {
		format_v4(a->bytes, &out);
	} else if (is_mapped(a)) {
		sbuf_str(&out, "::ffff:");
		format_v4(a->bytes + sizeof(mapped_prefix), &out);
	} else if (a->family == AF_INET6) {
		format_v6(a, &out);
	} else {
		sbuf_str(&out, "unknown");
	}
	return buf;
}

const char *
addr_format_reverse(const struct addr *a, char buf[ADDR_REVERSE_SIZE])
{
	struct sbuf out;

	sbuf_init(&out, buf, ADDR_REVERSE_SIZE);
	if (a->family == AF_INET) {
		sbuf_fmt(&out, "%u.%u.%u.%u.in-addr.arpa", a->bytes[3],
		    a->bytes[2], a->bytes[1], a->bytes[0]);
	} else if (a->family == AF_INET6) {
		for (unsigned i = 16; i > 0; i--)
			sbuf_fmt(&out, "%x.%x.", a->bytes[i - 1] & 15,
			    a->bytes[i - 1] >> 4);
		sbuf_str(&out, "ip6.arpa");
	}
	return buf;
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t v6_loopback[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return a->family == AF_INET6 &&
	    memcmp(a->bytes, v6_loopback, sizeof(v6_loopback)) == 0;
}

unsigned
addr_private_bits(const struct addr *a)
{
	static const struct addr_prefix ranges[] = {
		{ { AF_INET, { 10 } }, 8 },
		{ { AF_INET, { 172, 16 } }, 12 },
		{ { AF_INET, { 192, 168 } }, 16 },
		{ { AF_INET, { 169, 254 } }, 16 },
		{ { AF_INET, { 100, 64 } }, 10 },
		{ { AF_INET6, { 0xfc } }, 7 },
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (addr_prefix_match(&ranges[i], a))
			return ranges[i].len;
	}
	return 0;
}

/* Of a prefix: len octets, which may be an IPv6 address in brackets. */
static bool
parse_prefix_addr(struct addr *out, const char *text, size_t len)
{
	if (len > 2 && text[0] == '[' && text[len - 1] == ']')
		return addr_parse_v6(out, text + 1, len - 2);
	return addr_parse_v4(out, text, len) || addr_parse_v6(out, text, len);
}

bool
addr_prefix_parse(struct addr_prefix *out, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct addr_prefix p;

	if (!parse_prefix_addr(&p.addr, text, len))
		return false;
	p.len = p.addr.family == AF_INET ? V4_BITS : V6_BITS;
	if (slash != NULL) {
		const char *digits = slash + 1;
		uint64_t bits;
		if (digits[0] == '0' && digits[1] != '\0')
			return false;
		if (!util_parse_uint(digits, strlen(digits), p.len, &bits))
			return false;
		p.len = (unsigned)bits;
	}
	if (is_mapped(&p.addr)) {
		/* Shorter: IPv4 is meant, but no IPv4 client would match. */
		if (p.len < MAPPED_BITS)
			return false;
		p.len -= MAPPED_BITS;
		unmap(&p.addr);
	}
	*out = p;
	return true;
}

const char *
addr_prefix_format(const struct addr_prefix *p,
    char buf[ADDR_PREFIX_TEXT_SIZE])
{
	char text[ADDR_TEXT_SIZE];
	struct sbuf out;

	sbuf_init(&out, buf, ADDR_PREFIX_TEXT_SIZE);
	sbuf_str(&out, addr_format(&p->addr, text));
	if (p->len < (p->addr.family == AF_INET ? V4_BITS : V6_BITS))
		sbuf_fmt(&out, "/%u", p->len);
	return buf;
}

bool
addr_prefix_trim(struct addr_prefix *p)
{
	bool found = false;

	for (unsigned i = p->len / 8; i < sizeof(p->addr.bytes); i++) {
		unsigned kept = i == p->len / 8 ? p->len % 8 : 0;
		uint8_t bits = (uint8_t)(0xff >> kept);

		found = found || (p->addr.bytes[i] & bits) != 0;
		p->addr.bytes[i] &= (uint8_t)~bits;
	}
	return found;
}

struct addr
addr_network(const struct addr *a, unsigned v6_bits)
{
	struct addr network = { .family = a->family };

	memcpy(network.bytes, a->bytes, a->family == AF_INET6 ? v6_bits / 8 :
	    a->family == AF_INET ? 3 : 0);
	return network;
}

void
addr_prefix_move(const struct addr_prefix *p, struct addr *a)
{
	a->family = p->addr.family;
	for (unsigned i = 0; 8 * i < p->len; i++) {
		unsigned rest = p->len - 8 * i;
		unsigned own = rest < 8 ? 0xffU >> rest : 0;

		a->bytes[i] = (uint8_t)((a->bytes[i] & own) |
		    (p->addr.bytes[i] & ~own));
	}
}

bool
addr_prefix_match(const struct addr_prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8;
	unsigned rest = p->len % 8;

	if (a->family == AF_UNSPEC || a->family != p->addr.family ||
	    memcmp(a->bytes, p->addr.bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    (a->bytes[whole] ^ p->addr.bytes[whole]) >> (8 - rest) == 0;
}

bool
addr_prefix_is_within(const struct addr_prefix *p,
    const struct addr_prefix *outer)
{
	return p->len >= outer->len && addr_prefix_match(outer, &p->addr);
}

/*
 * Prefixes do not overlap but where one is within the other.  Sorted by their
 * first address, the wider one first, each stands behind what it is within:
 * all that match an address are the last that begins at or before it, and
 * those around that one.
 */
struct addr_node {
	struct addr_prefix prefix;
	size_t		 around;	/* 1 + index of a wider one; 0: none */
};

void
addr_set_init(struct addr_set *s)
{
	s->nodes = NULL;
	s->count = 0;
	s->room = 0;
}

void
addr_set_fini(struct addr_set *s)
{
	free(s->nodes);
	addr_set_init(s);
}

void
addr_set_add(struct addr_set *s, const struct addr_prefix *p)
{
	if (s->count == s->room) {
		s->room = 2 * s->room + 8;
		s->nodes = xreallocarray(s->nodes, s->room,
		    sizeof(*s->nodes));
	}
	struct addr_node *n = &s->nodes[s->count++];

	n->prefix = *p;
	n->around = 0;
	addr_prefix_trim(&n->prefix);
}

int
addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static unsigned
bits_of(const struct addr *a)
{
	return a->family == AF_INET ? V4_BITS : V6_BITS;
}

bool
addr_next(struct addr *a)
{
	for (unsigned i = bits_of(a) / 8; i > 0; i--) {
		if (++a->bytes[i - 1] != 0)
			return true;
	}
	return false;
}

struct addr_prefix
addr_prefix_widest(const struct addr *first, const struct addr *last,
    struct addr *end)
{
	struct addr_prefix p = { *first, bits_of(first) };

	*end = *first;
	for (; p.len > 0; p.len--) {
		unsigned i = p.len - 1;
		uint8_t bit = (uint8_t)(0x80 >> i % 8);
		struct addr wider = *end;

		wider.bytes[i / 8] |= bit;
		if ((first->bytes[i / 8] & bit) != 0 ||
		    addr_compare(&wider, last) > 0)
			break;
		*end = wider;
	}
	return p;
}

bool
addr_set_add_range(struct addr_set *s, const struct addr *first,
    const struct addr *last)
{
	struct addr at = *first;
	struct addr end;

	if (first->family != last->family || addr_compare(first, last) > 0)
		return false;
	do {
		struct addr_prefix p = addr_prefix_widest(&at, last, &end);

		addr_set_add(s, &p);
		at = end;
	} while (addr_compare(&end, last) < 0 && addr_next(&at));
	return true;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct addr_prefix *p = &((const struct addr_node *)a)->prefix;
	const struct addr_prefix *q = &((const struct addr_node *)b)->prefix;
	int order = addr_compare(&p->addr, &q->addr);

	return order != 0 ? order : (p->len > q->len) - (p->len < q->len);
}

/* Of i and what is around it, the first that a matches; 1 + index, or 0. */
static size_t
innermost(const struct addr_set *s, size_t i, const struct addr *a)
{
	while (i > 0 && !addr_prefix_match(&s->nodes[i - 1].prefix, a))
		i = s->nodes[i - 1].around;
	return i;
}

/* Equal ones would stand around one another, a step each for who asks. */
static void
drop_duplicates(struct addr_set *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (kept == 0 || compare_nodes(&s->nodes[kept - 1],
		    &s->nodes[i]) != 0)
			s->nodes[kept++] = s->nodes[i];
	}
	s->count = kept;
}

void
addr_set_seal(struct addr_set *s)
{
	if (s->count > 0)
		qsort(s->nodes, s->count, sizeof(*s->nodes), compare_nodes);
	drop_duplicates(s);
	for (size_t i = 0; i < s->count; i++)
		s->nodes[i].around = innermost(s, i, &s->nodes[i].prefix.addr);
}

const struct addr_prefix *
addr_set_longest(const struct addr_set *s, const struct addr *a)
{
	size_t low = 0;		/* nodes before it begin at or before a */
	size_t high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr_compare(&s->nodes[middle].prefix.addr, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t i = innermost(s, low, a);
	return i > 0 ? &s->nodes[i - 1].prefix : NULL;
}
