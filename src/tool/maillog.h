/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of a Postfix or sendmail as the messages that came: who brought
 * them, from whom, for whom.  Pure: text in, messages out.
 */

#ifndef MAILLOG_H
#define MAILLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a message, for one of its recipients.  NULL: the log does not say. */
struct maillog_entry {
	const char	*client;	/* address */
	const char	*name;		/* of the client, as the MTA knows it */
	const char	*helo;		/* few lines of Postfix have it; lines
					 * of spf-milter do */
	const char	*sender;	/* "": null sender */
	const char	*rcpt;
	bool		 authenticated;
	bool		 first;		/* no other recipient of the message
					 * was told before */
};

struct maillog;

/* found gets each message that has come by SMTP; the texts are borrowed. */
struct maillog	*maillog_new(void (*found)(void *arg,
		    const struct maillog_entry *e), void *arg);
void		 maillog_free(struct maillog *m);

/*
 * The log, in pieces of any size: lines of syslog (RFC 3164, times as in RFC
 * 3339 too, RFC 5424) or journalctl -o export.  Memory is bounded: messages
 * under way are remembered as long as no more than some thousands come after
 * them.
 */
void		 maillog_feed(struct maillog *m, const char *octets,
		    size_t len);
/* The log ends here: tells of messages whose end it does not have. */
void		 maillog_finish(struct maillog *m);

uint64_t	 maillog_lines(const struct maillog *m);

#endif
