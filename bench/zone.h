/* SPDX-License-Identifier: BSD-2-Clause */
/* The names that the test DNS server knows or was asked for, and how often. */

#ifndef ZONE_H
#define ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum zone_type { ZONE_A, ZONE_AAAA, ZONE_MX, ZONE_PTR, ZONE_TXT, ZONE_SPF,
	ZONE_OTHER, ZONE_TYPES };

struct zone_record {
	struct zone_record *next;
	uint16_t	 type;
	uint16_t	 len;
	uint8_t		 rdata[];
};

struct zone_name {
	uint8_t		*wire;		/* lower case */
	uint8_t		 wire_len;
	bool		 exists;	/* else only asked for */
	bool		 dead;		/* never answers */
	bool		 fails;		/* answers SERVFAIL */
	uint32_t	 delay_ms;	/* besides the general one */
	uint32_t	 asked[ZONE_TYPES];
	struct zone_record *records;
};

/* Lines "NAME TYPE VALUE"; false: errors are printed. */
bool	zone_load(const char *path);

/* The name that starts a question, added if it is new. NULL: malformed. */
struct zone_name *zone_find(const uint8_t *wire, size_t max);

/* By its text. NULL: too long. */
struct zone_name *zone_find_text(const char *text);

void	zone_count(struct zone_name *n, uint16_t type);
void	zone_reset(void);		/* the counts */
void	zone_report(FILE *to);		/* members of a JSON object */

#endif
