/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line as an entry of the journal, in systemd's native protocol: a datagram
 * of FIELD=value lines.  No value has a newline, for texts are escaped.
 *
 * libsystemd's sd_journal_sendv would write the same, but waits in sendmsg(2)
 * for as long as the journal stands still, and calls it a success where there
 * is none.  Here nobody waits without a deadline, and what is lost is counted:
 * the sink sends it, as any other line.
 */

#include "config.h"

#include <string.h>

#include "base/log_priv.h"
#include "base/util.h"

#define FACILITY_SHIFT 3		/* of a facility of syslog(3) */

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static void
put_pair(struct sbuf *out, const struct log_pair *p)
{
	sbuf_str(out, "SPF_");
	for (const char *c = p->key; *c != '\0'; c++)
		sbuf_char(out, upper(*c));
	sbuf_char(out, '=');
	log_text_put_value(out, p, log_text_escape);
	sbuf_char(out, '\n');
}

void
log_journal_put(struct sbuf *out, const struct log_line *line, int facility)
{
	const struct log_event_name *event = &log_events[line->event];
	const char *at = line->fields;
	struct log_pair p;

	sbuf_str(out, "MESSAGE=");
	log_text_put(out, line);
	sbuf_fmt(out, "\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n"
	    "SYSLOG_IDENTIFIER=spf-milter\n",
	    log_levels[line->level].priority, facility >> FACILITY_SHIFT);
	if (event->name != NULL)
		sbuf_fmt(out, "MESSAGE_ID=%s\nSPF_EVENT=%s\n", event->id,
		    event->name);
	while (log_line_next(line, &at, &p))
		if (p.kind != LOG_MESSAGE)
			put_pair(out, &p);
}
