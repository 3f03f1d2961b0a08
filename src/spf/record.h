/* SPDX-License-Identifier: BSD-2-Clause */
/* One SPF record: strict RFC 7208 s12 grammar, octets to an immutable tree. */

#ifndef RECORD_H
#define RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/result.h"

struct macro;

/* Longer records are refused as permerror. */
#define RECORD_TEXT_MAX 4096

enum record_mechanism {
	RECORD_ALL,
	RECORD_INCLUDE,
	RECORD_A,
	RECORD_MX,
	RECORD_PTR,
	RECORD_IP4,
	RECORD_IP6,
	RECORD_EXISTS
};

/* One directive, in the order of the record. */
struct record_term {
	enum result		 qualifier;	/* pass fail softfail neutral */
	enum record_mechanism	 mechanism;
	struct macro		*domain;	/* NULL: the current domain */
	struct addr_prefix	 network;	/* ip4 and ip6 */
	uint8_t			 bits4;		/* a and mx: 32 where absent */
	uint8_t			 bits6;		/* a and mx: 128 where absent */
	size_t			 offset;	/* the term in text, with its */
	size_t			 len;		/* qualifier */
};

struct record {
	char			*text;		/* len octets and a NUL */
	size_t			 len;
	struct record_term	*terms;
	size_t			 count;		/* takes up to 64 octets of
						 * memory an octet of text */
	struct macro		*redirect;	/* NULL: none */
	size_t			 redirect_offset;	/* the term in text */
	size_t			 redirect_len;
	struct macro		*exp;		/* NULL: none */

	/*
	 * Of the terms that pass, up to the first "all", the one that lets the
	 * most addresses of a family in; NULL: none of them tells by itself.
	 */
	const struct record_term *widest4;
	const struct record_term *widest6;
	_Atomic unsigned	 references;
};

struct record_error {
	size_t		 offset;	/* octets from the start of the text */
	const char	*message;	/* static text */
	size_t		 term;		/* where the term begins that is wrong;
					 * printable ASCII without blanks */
	size_t		 term_len;	/* 0: it is not in one term */
};

/* Starts with "v=spf1" and then a blank or the end (s4.5). */
bool	record_is_spf(const char *octets, size_t len);
/*
 * Is no such record, but was meant as one or is one of Sender ID (RFC 4406):
 * "v=spf1; ...", "\"v=spf1 ...", "spf1 ...", "spf2.0/pra ...".
 */
bool	record_is_nearly_spf(const char *octets, size_t len);

/*
 * Parses a record for which record_is_spf holds.  NULL: any departure from
 * the grammar (s4.6: permerror), *err says where.  NUL and 8-bit octets are
 * errors.  Unknown modifiers are checked and dropped; redirect= and exp= may
 * stand once each.  ip4/ip6 networks keep their host bits ignored.  The tree
 * owns all it points to; free with record_free.  Pure.
 */
struct record	*record_parse(const char *octets, size_t len,
		    struct record_error *err);
/* One more reference; record_free gives one up.  Both take NULL. */
struct record	*record_share(struct record *r);
void		 record_free(struct record *r);

/*
 * So many leading bits of a client of this family decide whether the term
 * matches, as far as the text tells: 0 for "all", RECORD_BITS_UNKNOWN where it
 * does not tell, or for the other family.
 */
#define RECORD_BITS_UNKNOWN 255
unsigned	 record_term_bits(const struct record_term *t,
		    sa_family_t family);

/* It asks the DNS, which counts as a lookup (s4.6.4). */
bool		 record_term_asks(const struct record_term *t);
/* ip4 or ip6 */
bool		 record_term_is_network(const struct record_term *t);
const char	*record_mechanism_name(enum record_mechanism m);
/* "ip4" or "ip6": of a term that has such an address */
const char	*record_network_name(sa_family_t family);

#endif
