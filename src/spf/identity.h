/* SPDX-License-Identifier: BSD-2-Clause */
/* HELO arguments and reverse-paths, parsed into what SPF checks. */

#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/* Longest DNS name in text, without a trailing dot, and its storage. */
#define IDENTITY_NAME_MAX 253

enum identity_status {
	IDENTITY_OK,		/* lookup holds a name that DNS can be asked */
	IDENTITY_EMPTY,		/* no HELO was given, or an empty argument */
	IDENTITY_LITERAL,	/* [192.0.2.1]: never checked */
	IDENTITY_SINGLE_LABEL,	/* "localhost": not a domain for SPF */
	IDENTITY_MALFORMED,	/* empty or long label, blanks and controls,
				 * UTF-8 that is not valid IDNA */
	IDENTITY_TOO_LONG	/* more than 253 octets */
};

/*
 * One identity.  The result of any status but IDENTITY_OK is "none", without
 * a lookup (RFC 7208 s4.3).  All texts are as the client sent them (any octet
 * but NUL) unless said otherwise, are never NULL, and live until
 * identity_fini.
 */
struct identity {
	enum identity_status	 status;
	bool	 null_sender;	/* MAIL FROM:<>; address is postmaster@HELO */
	char	*address;	/* local@domain without brackets or route; the
				 * argument itself for HELO */
	char	*local;		/* all before the last @; "postmaster" where
				 * there is none, and for HELO */
	char	*domain;	/* all behind the last @, or that of a route;
				 * trailing dot kept */
	char	*lookup;	/* A-labels, no trailing dot, case of ASCII
				 * kept; "" unless OK */
	char	*alabel_address;	/* NULL, see identity_field_address */
};

/*
 * Zero-initialised storage is a valid empty identity (IDENTITY_OK is not its
 * status: the caller must not use it before filling).  Both functions always
 * fill *out from scratch and never fail; release with identity_fini.  Pure.
 *
 * identity_from_helo: arg NULL or "": IDENTITY_EMPTY.
 * identity_from_mail: arg is the MAIL FROM argument as the client typed it:
 *   <u@d>, u@d, <@relay:u@d>, < u@d >, <Foo <u@d>>, <u@d>foo, <>.  The null
 *   sender becomes postmaster@HELO with helo's status and lookup (RFC 7208
 *   s2.4).  Without @, d!u and u%d are u@d, as with both MTAs; u@d@ is too.
 *   An address with none of these has the whole of it as local part and an
 *   empty domain (IDENTITY_EMPTY); "@d" has the local part "postmaster".
 *   UTF-8 domains are turned into A-labels for lookup (RFC 8616 s4).
 */
void	identity_from_helo(struct identity *out, const char *arg);
void	identity_from_mail(struct identity *out, const char *arg,
	    const struct identity *helo);
void	identity_fini(struct identity *id);

/*
 * The address for header fields and macros: with A-labels for U-labels.  The
 * local part, and a domain that is not OK, are as sent.
 */
const char *identity_field_address(const struct identity *id);

/* The same, as an envelope has it: "" for the null sender. */
const char *identity_field_path(const struct identity *id);

/* The same of the domain: as A-labels where it can be looked up. */
const char *identity_field_domain(const struct identity *id);

/*
 * The senders of a message, in out: 1 or IDENTITY_SENDERS_MAX, of which the
 * worse counts.  mta_address is what the MTA has made of arg, without
 * brackets, "" for the null sender, NULL where it does not tell.  An argument
 * can be read in more ways than one, and what counts is the sender that the
 * message gets: where its domain differs from that of arg, the first is
 * mta_address.  The second is arg itself, where the MTA has found its domain
 * in the local part of arg, behind a domain of its own that the recipient
 * will see.  Case and a trailing dot are no difference; nor is a domain that
 * the MTA drops (sendmail, of a local user).  Local parts are not compared,
 * since MTAs rewrite them.
 */
#define IDENTITY_SENDERS_MAX 2
size_t	identity_senders(struct identity out[IDENTITY_SENDERS_MAX],
	    const char *arg, const char *mta_address,
	    const struct identity *helo);

/*
 * True if name of len octets (no trailing dot) can be asked of the DNS:
 * labels of 1 to 63 octets, 253 in all, two labels at least if multi_label.
 * Any octet but NUL and dot may stand in a label.
 */
bool	identity_name_is_valid(const char *name, size_t len, bool multi_label);

/*
 * Turns the U-labels of a name into A-labels (RFC 8616 s4); one of ASCII stays
 * as it is.  False: not valid IDNA, or too long.
 */
bool	identity_name_to_ascii(const char *name,
	    char out[IDENTITY_NAME_MAX + 1]);

/*
 * The other way, for people to read.  False: there is no A-label in name, or
 * one that stands for nothing that can be printed; out is not to be used.
 */
bool	identity_name_to_unicode(const char *name,
	    char out[4 * IDENTITY_NAME_MAX + 1]);

/* "libidn2 2.3.3". */
const char	*identity_version(void);

/* Static text, for problem=. */
const char	*identity_status_text(enum identity_status s);

#endif
