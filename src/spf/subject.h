/* SPDX-License-Identifier: BSD-2-Clause */
/* Who brings a message and to whom: the facts that it is judged by. */

#ifndef SUBJECT_H
#define SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "spf/identity.h"

/* Texts and HELO are borrowed for the life of the message. */
struct subject {
	struct addr		 client;	/* AF_UNSPEC: this machine */
	const char		*client_name;	/* NULL: not known */
	const char		*mta_name;	/* the MTA's own */
	const char		*receiver;	/* ours, by which we judge */
	const struct identity	*helo;
	struct identity		 senders[IDENTITY_SENDERS_MAX];
	size_t			 sender_count;	/* of which the worse counts */
	const char		*relayed_by;	/* who has told client and HELO;
						 * NULL: the client connected */
	const char		*queue_id;	/* NULL: not told */
	bool			 authenticated;
	const char		*auth_user;	/* "": none, or not told */
	const char		*daemon;	/* of the MTA; "": not told */
	const char		*port;		/* its own; "": not told */
	bool			 smtputf8;	/* as in RFC 6531 */
};

#endif
