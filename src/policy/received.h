/* SPDX-License-Identifier: BSD-2-Clause */
/* Received fields: from whom an MTA has taken a message, in its own words. */

#ifndef RECEIVED_H
#define RECEIVED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* Texts point into the value. */
struct received {
	struct addr	 client;
	const char	*helo;
	size_t		 helo_len;	/* 0: it gave none */
	const char	*by;		/* the name of the MTA */
	size_t		 by_len;
	bool		 authenticated;	/* the client, to the MTA (RFC 3848) */
};

enum received_status {
	RECEIVED_CLIENT,	/* all is there */
	RECEIVED_BELOW,		/* qmail's queue: the field below it, which is
				 * of the same host, has it */
	RECEIVED_UNKNOWN	/* no client, or not for sure */
};

/*
 * Reads the value of a field (RFC 5321 s4.4), folded or not, in the forms of
 * Postfix, sendmail, Exim, qmail and Exchange, and of MTAs that write like
 * one of them.  The client has chosen its HELO and perhaps its name: where
 * these might be taken for something else, the status is RECEIVED_UNKNOWN.
 * *out is written for RECEIVED_CLIENT only.  Linear in the length of value.
 */
enum received_status received_parse(struct received *out, const char *value);

#endif
