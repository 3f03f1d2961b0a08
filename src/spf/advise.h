/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a record, or may be: findings with their places. */

#ifndef ADVISE_H
#define ADVISE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/util.h"

struct record;

enum advise_severity {
	ADVISE_NOTE,		/* good to know */
	ADVISE_WARNING,		/* works, but not as well as it could */
	ADVISE_ERROR		/* mail meets errors in place of results */
};

/* The first ones are found in the text of a record, the others in the DNS. */
enum advise_kind {
	ADVISE_NOT_SPF,
	ADVISE_TOO_LONG,
	ADVISE_SYNTAX,
	ADVISE_AFTER_ALL,
	ADVISE_NO_ALL,
	ADVISE_NEUTRAL_ALL,
	ADVISE_REDIRECT_WITH_ALL,
	ADVISE_EVERYONE,
	ADVISE_WIDE,
	ADVISE_PTR,
	ADVISE_DUPLICATE,
	ADVISE_OVERLAP,
	ADVISE_HOST_BITS,
	ADVISE_PRIVATE,
	ADVISE_MAPPED,
	ADVISE_MACRO,
	ADVISE_EXISTS,
	ADVISE_GLUED,
	ADVISE_CASE,
	ADVISE_LONG,
	ADVISE_MODIFIER,
	ADVISE_EARLY,
	ADVISE_INCLUDE_SIGN,
	ADVISE_EXP_UNUSED,

	ADVISE_NO_RECORD,
	ADVISE_NEARLY,
	ADVISE_SEVERAL_RECORDS,
	ADVISE_LOOKUPS,
	ADVISE_VOID,
	ADVISE_VOIDS,
	ADVISE_MX_HOSTS,
	ADVISE_MX_ADDRESS,
	ADVISE_INCLUDE_NO_RECORD,
	ADVISE_INCLUDE_HOST,
	ADVISE_INCLUDE_BAD,
	ADVISE_LOOP,
	ADVISE_TWICE,
	ADVISE_DNS,
	ADVISE_SPLIT,
	ADVISE_ANSWER_SIZE,
	ADVISE_TYPE_SPF,
	ADVISE_NO_MAIL,
	ADVISE_EXP,
	ADVISE_NOT_FOLLOWED
};
#define ADVISE_COUNT (ADVISE_NOT_FOLLOWED + 1)

/* Longer ones may need more than a packet of 512 octets (RFC 7208 s3.4). */
#define ADVISE_LONG_TEXT 450

struct advise_finding {
	enum advise_kind kind;
	size_t		 offset;	/* of what it is about in the text */
	size_t		 len;		/* 0: about the whole */
	char		*text;		/* a sentence or two for people, without
					 * a dot at its end; what is quoted may
					 * have any octets but NUL */
};

/* All zero is empty; release with advice_fini. */
struct advice {
	struct advise_finding	*findings;	/* in the order of the text */
	size_t			 count;
};

/* The stable name, such as "after-all". */
const char	*advise_name(enum advise_kind k);
enum advise_severity advise_severity(enum advise_kind k);
/* "error", "warning" or "note". */
const char	*advise_severity_name(enum advise_severity s);
/* Told of the records of others too, which include= and redirect= lead to. */
bool		 advise_is_for_all(enum advise_kind k);

/*
 * Looks at a record by itself.  The record as far as it is well formed: terms
 * that are wrong are left out of it, the others have their places in text.
 * NULL: it is none at all.  The caller frees it.  Pure.
 */
struct record	*advise_record(const char *text, size_t len,
		    struct advice *out);

void	advice_add(struct advice *a, enum advise_kind k, size_t offset,
	    size_t len, const char *fmt, ...) UTIL_PRINTF(5, 6);
/* True where it has one of that kind that is about the text at offset. */
bool	advice_has(const struct advice *a, enum advise_kind k, size_t offset);
/* In the order of the text; what is about the whole comes first. */
void	advice_sort(struct advice *a);
void	advice_fini(struct advice *a);

#endif
