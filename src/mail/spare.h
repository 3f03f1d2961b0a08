/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What else speaks for a message that is to be refused at its end: an aligned
 * DKIM signature, or a DMARC policy of the author's domain, which decides then.
 */

#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"

struct conf;
struct dns_client;
struct flights;
struct spare;

/* Does the configuration want it looked for? */
bool	spare_wanted(const struct conf *c);

/* One a message; conf is borrowed.  One thread at a time. */
struct spare	*spare_new(const struct conf *conf);
void		 spare_free(struct spare *s);		/* NULL allowed */

/* A field of the message, in order. */
void	spare_see_field(struct spare *s, const char *name, const char *value);

/* All fields have come: asks the DNS, where it comes to that. */
void	spare_begin(struct spare *s, struct flights *fs,
	    const struct dns_client *client);

/* The domain of the From field, "" where it is not clear. */
const char	*spare_author(const struct spare *s);

/*
 * What speaks for the message, DECISION_RESULT for nothing; waits until
 * until_ms.  A DNS that fails or is late says nothing.
 */
enum decision_reason spare_find(struct spare *s, int64_t until_ms);

#endif
