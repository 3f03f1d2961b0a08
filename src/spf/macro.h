/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 7208 s7 macro strings: compiled once, expanded often, any use. */

#ifndef MACRO_H
#define MACRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

struct addr;

enum macro_use {
	MACRO_DOMAIN_SPEC,	/* in a record: s7.1 domain-spec, no c r t */
	MACRO_EXPLAIN,		/* text of an exp= record: c r t allowed */
	MACRO_REPLY		/* our templates: as MACRO_EXPLAIN, and the long
				 * names of macro_reply_names */
};

/* Values for expansion; pointers borrowed, NULL means empty unless said. */
struct macro_vars {
	const struct addr	*client;	/* i c v; never NULL */
	const char	*local;		/* l */
	const char	*sender_domain;	/* o; s is local@sender_domain */
	const char	*domain;	/* d */
	const char	*helo;		/* h */
	const char	*validated;	/* p; NULL: "unknown" */
	const char	*receiver;	/* r; NULL: "unknown" */
	int64_t		 time_s;	/* t: seconds since 1970 */
	/* Long names, MACRO_REPLY only: */
	const char	*result;	/* %{result} */
	const char	*identity;	/* %{identity}: helo or mailfrom */
	const char	*reason;	/* %{reason} */
	const char	*queue_id;	/* %{queue_id}; NULL or "": "-" */
	const char	*why_url;	/* %{why_url} */
};

struct macro;				/* immutable once compiled */

struct macro_error {
	size_t		 offset;	/* octets from the start of the text */
	const char	*message;	/* static text */
};

/*
 * Compiles len octets.  NULL: a syntax error, *err says where and what.
 * A domain-spec must also end in "." toplabel or a macro, and may hold only
 * visible ASCII (s7.1); explanations visible ASCII and blank; templates any
 * octet but NUL.  The result does not refer to s.
 */
struct macro	*macro_compile(enum macro_use use, const char *s, size_t len,
		    struct macro_error *err);
void		 macro_free(struct macro *m);

/* True if expanding m needs the validated name (%{p} or %{P}). */
bool		 macro_uses_validated(const struct macro *m);
/* True for %{why_url}. */
bool		 macro_uses_why_url(const struct macro *m);

/* What is another one for each message of a domain: all but d and o. */
#define MACRO_MESSAGE_LETTERS "slihpcrtv"
/* True if m has one of these letters, given in lower case. */
bool		 macro_uses(const struct macro *m, const char *letters);
/* True if it has an upper-case letter, which means URL escaping (s7.3). */
bool		 macro_escapes(const struct macro *m);

/*
 * Appends the expansion to out, whose overflow tells that it did not fit.
 * Pure.  URL escaping for upper-case letters (s7.3), transformers and
 * delimiters of s7.1.
 */
void	macro_expand(const struct macro *m, const struct macro_vars *v,
	    struct sbuf *out);

enum macro_name_status {
	MACRO_NAME_OK,		/* out is a name that DNS can be asked */
	MACRO_NAME_INVALID,	/* empty or long label, empty name, NUL */
	MACRO_NAME_NOT_ASCII	/* RFC 8616 s4: matches nothing */
};

/*
 * Expands for a DNS query: over 253 octets whole labels are removed from the
 * left (RFC 7208 s7.3), one trailing dot is dropped.  out is filled for
 * MACRO_NAME_OK only.
 */
enum macro_name_status macro_expand_name(const struct macro *m,
	    const struct macro_vars *v, char out[254]);

/* NULL-terminated list of the long names, for documentation checks. */
extern const char *const macro_reply_names[];

#endif
