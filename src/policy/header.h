/* SPDX-License-Identifier: BSD-2-Clause */
/* Received-SPF and Authentication-Results fields of ours. */

#ifndef HEADER_H
#define HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "base/util.h"
#include "policy/policy.h"

struct addr;

/* Room that every field of ours fits in: values are cut to make it so. */
#define HEADER_VALUE_SIZE 5120

/* Longest text from outside in a field, before quoting. */
#define HEADER_TEXT_MAX 300

#define HEADER_RELAY_MAX 63

/*
 * One checked identity; texts as sent by the client, left out if NULL or "",
 * but for envelope_from, which is "" for the null sender.
 */
struct header_facts {
	enum result		 result;
	enum scope		 scope;
	enum source		 source;	/* of result */
	enum result		 published;	/* of other sources than the
						 * record: what SPF says */
	bool			 stale;	/* the comment says so */
	enum excuse		 excuse;	/* and this */
	const char	*wide_open;	/* the term by which a record passes
					 * everybody; the comment names it */
	const struct addr	*client;	/* AF_UNSPEC: left out */
	const char	*relayed_by;	/* who has told client and helo: a name
					 * of HEADER_RELAY_MAX octets at most */
	const char	*forwarder;	/* by whom the result says nothing: a
					 * name of HEADER_RELAY_MAX octets */
	bool		 unknown_client;	/* nothing was looked up */
	bool			 utf8;	/* the message is internationalised:
					 * envelope_from may be UTF-8 */
	const char	*envelope_from;
	const char	*domain;	/* of the identity, as sent */
	const char	*helo;
	const char	*receiver;	/* our name, authserv-id */
	const char	*mechanism;	/* that matched; "default" */
	const char	*problem;	/* of temperror, permerror and none */
	const char	*spared;	/* why it is not refused, in words that
					 * the author's domain follows */
	const char	*author;
};

/*
 * The value of a Received-SPF field (RFC 7208 s9.1), without the name:
 *   result (comment) client-ip=..; envelope-from=".."; helo=..; receiver=..;
 *   identity=..; mechanism=..; problem=".."
 * folded with "\n\t", every value a dot-atom where it is one (and has no "=",
 * which confuses readers), else a quoted-string.  The null sender is
 * envelope-from="" and not the postmaster@HELO that is checked for it (s2.4):
 * OpenDMARC compares envelope-from with the sender.  Octets that no value may
 * hold become "?", in envelope-from of an internationalised message (RFC 6532)
 * all but printable UTF-8; a value of more than HEADER_TEXT_MAX octets is cut
 * (counted), names and addresses at their start, so that the domain remains.
 * Nothing from outside can end a comment, add a key or a line.  Always fits
 * HEADER_VALUE_SIZE.  Pure but for stats.
 *
 * The result is what is published, since filters for DMARC take a pass here
 * for one of SPF, even beside Authentication-Results that says otherwise; what
 * a guess or a local policy says stands in the comment and in a key of its
 * own, guess=pass or local-policy=pass, and mechanism is its term.
 */
void	header_received_spf(struct sbuf *out, const struct header_facts *f);

/*
 * The value of one Authentication-Results field (RFC 8601): authserv_id;
 * spf=fail smtp.mailfrom=example.com.  The domain only: OpenDMARC drops
 * addresses.  One result only: of several it reports the last one, and others
 * look at the first.  It is what is published; what a guess or a local policy
 * says is a property (s2.4), policy.guess=pass or policy.local-policy=pass.
 * Always fits HEADER_VALUE_SIZE.
 */
void	header_auth_results(struct sbuf *out, const char *authserv_id,
	    const struct header_facts *f);

/*
 * The value of a Received-SPF field that covers those which a message that was
 * not checked brings: who and why, no verdict.  The grammar has no result for
 * that (s9.1), so it is "none" for the identity "none", which readers of
 * mailfrom and helo results pass over.  OpenDMARC 1.4 reads the first
 * Received-SPF only, where Authentication-Results has no spf=, and takes this
 * one as "no pass", whatever fields stand below it.
 */
void	header_cover(struct sbuf *out, const char *receiver, const char *why);

#endif
