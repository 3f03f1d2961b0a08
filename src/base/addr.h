/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses as SPF sees them: an IPv4-mapped IPv6 address is IPv4. */

#ifndef ADDR_H
#define ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	sa_family_t	family;		/* AF_INET, AF_INET6; AF_UNSPEC: none */
	uint8_t		bytes[16];	/* network order, 4 or 16 used */
};

/* "2001:db8::1" with NUL; "1.0.0...ip6.arpa" with NUL. */
#define ADDR_TEXT_SIZE 46
#define ADDR_REVERSE_SIZE 74

/*
 * From a socket address (NULL allowed).  False: neither IPv4 nor IPv6, and
 * out becomes AF_UNSPEC.  IPv4-mapped IPv6 becomes IPv4 (RFC 7208 s5).
 */
bool	addr_from_sockaddr(struct addr *out, const struct sockaddr *sa);
/* A socket address of it; not of AF_UNSPEC. */
void	addr_to_sockaddr(const struct addr *a, uint16_t port,
	    struct sockaddr_storage *out);

/*
 * Strict dotted quad or RFC 4291 text of len octets, no scope, no brackets.
 * False: *out untouched.  addr_parse_v4/v6 accept one family and do not
 * unmap; addr_parse accepts both and unmaps.
 */
bool	addr_parse(struct addr *out, const char *text);
bool	addr_parse_v4(struct addr *out, const char *text, size_t len);
bool	addr_parse_v6(struct addr *out, const char *text, size_t len);

/* Canonical text (RFC 5952); "unknown" for AF_UNSPEC.  Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_SIZE]);

/* "4.3.2.1.in-addr.arpa" or nibbles under ip6.arpa; "" for AF_UNSPEC.  Returns
 * buf. */
const char *addr_format_reverse(const struct addr *a,
	    char buf[ADDR_REVERSE_SIZE]);

/* Of two of one family the order of their octets; <0, 0, >0. */
int	addr_compare(const struct addr *a, const struct addr *b);
/* Becomes the one behind it; false: it was the last, and is the first now. */
bool	addr_next(struct addr *a);

bool	addr_is_loopback(const struct addr *a);
/*
 * How many bits the private range has that a is in, such as 8 for 10.1.2.3:
 * networks that no record on the Internet can mean (RFC 1918, 3927, 6598, 4193
 * and 4291 s2.5.6).  0: in none; loopback is none.
 */
unsigned addr_private_bits(const struct addr *a);

/*
 * The first len bits of addr, at most as many as it has; the other bits are
 * ignored by matching.
 */
struct addr_prefix {
	struct addr	addr;
	unsigned	len;
};

/*
 * That a client is in: its /24; of IPv6 that of v6_bits, whole octets; else
 * AF_UNSPEC.
 */
struct addr addr_network(const struct addr *a, unsigned v6_bits);

/*
 * "ADDR" or "ADDR/LEN", both families, LEN decimal without leading zeros; an
 * IPv6 address may stand in brackets, as Postfix writes it.  False: malformed
 * or too long a prefix.  ::ffff:a.b.c.d/96+n becomes IPv4/n, a shorter prefix
 * of such an address is malformed.
 */
bool	addr_prefix_parse(struct addr_prefix *out, const char *text);
/*
 * "192.0.2.0/24"; an address alone where the length is that of one.  Returns
 * buf.
 */
#define ADDR_PREFIX_TEXT_SIZE (ADDR_TEXT_SIZE + 4)
const char *addr_prefix_format(const struct addr_prefix *p,
	    char buf[ADDR_PREFIX_TEXT_SIZE]);
/* Clears the bits behind the first len; false: there were none. */
bool	addr_prefix_trim(struct addr_prefix *p);
/*
 * The widest that begins at first and does not go beyond last; *end is its own
 * last address.
 */
struct addr_prefix addr_prefix_widest(const struct addr *first,
	    const struct addr *last, struct addr *end);
/*
 * Gives a, which is in a network of p's size or is one address and p another,
 * the place in p that it has there.
 */
void	addr_prefix_move(const struct addr_prefix *p, struct addr *a);
/* Different families never match, and AF_UNSPEC not even itself. */
bool	addr_prefix_match(const struct addr_prefix *p, const struct addr *a);
/* Whatever p matches outer does, too. */
bool	addr_prefix_is_within(const struct addr_prefix *p,
	    const struct addr_prefix *outer);

/*
 * A set of prefixes: added, then sealed once, and from then on any thread may
 * ask.  A question takes as many steps as the number of prefixes has bits, and
 * one for each prefix within another.
 */
struct addr_set {
	struct addr_node	*nodes;		/* of addr.c */
	size_t			 count;
	size_t			 room;
};

void	addr_set_init(struct addr_set *s);
void	addr_set_fini(struct addr_set *s);
void	addr_set_add(struct addr_set *s, const struct addr_prefix *p);
/*
 * From first to last, both included.  False, and nothing is added: they are
 * of different families, or in the wrong order.
 */
bool	addr_set_add_range(struct addr_set *s, const struct addr *first,
	    const struct addr *last);
void	addr_set_seal(struct addr_set *s);
/* The longest prefix of s that a matches; NULL: none. */
const struct addr_prefix *addr_set_longest(const struct addr_set *s,
	    const struct addr *a);

#endif
