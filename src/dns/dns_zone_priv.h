/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of dns_zone: a zone as its text says it. */

#ifndef DNS_ZONE_PRIV_H
#define DNS_ZONE_PRIV_H

#include "dns/dns_priv.h"

enum {		/* types besides those of enum dns_type */
	ZONE_TYPE_ANY = 0,
	ZONE_TYPE_CNAME = 5,
	ZONE_TYPE_OTHER = 65536,	/* the name exists */
	ZONE_TYPE_TIMEOUT,
	ZONE_TYPE_SERVFAIL
};

/*
 * A name is own and then origin, any case, without the dot at its end; both
 * empty: the root.  An origin is "" or begins with a dot.
 */
struct zone_name {
	const char	*own;
	const char	*origin;
};

struct zone_rr {
	struct zone_name	 name;
	struct zone_name	 target;	/* of MX, PTR and CNAME */
	const char		*data;		/* rdata of A, AAAA and TXT */
	uint32_t		 len;
	uint32_t		 order;		/* in the text */
	int			 type;
	int			 fault_type;	/* of TIMEOUT and SERVFAIL */
	uint32_t		 ttl;
	uint16_t		 preference;	/* of MX */
};

struct zone_block;

struct zone_text {
	struct zone_rr		*rrs;		/* as written */
	size_t			 count;
	size_t			 room;
	uint32_t		 ttl;		/* of negative answers */
	struct zone_block	*blocks;	/* what rrs point into */
};

/*
 * Fills *z from text, which is changed; false: d has the mistakes.  Takes
 * memory in proportion to the text.  Release with dns_zone_text_fini in any
 * case.
 */
bool	dns_zone_text_read(struct zone_text *z, const char *file, char *text,
	    struct diag *d);
void	dns_zone_text_fini(struct zone_text *z);

#endif
