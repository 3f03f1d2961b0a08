/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last lines of trouble, for who asks the daemon how it is.  They are kept
 * as text of a bounded length, made of what the log has been given, from which
 * local parts are gone already.  Where more is to be hidden from now on, what
 * there is goes.
 */

#include "config.h"

#include <string.h>

#include "base/lock.h"
#include "base/log_priv.h"
#include "base/util.h"

#define TEXT_OCTETS (2 * LOG_LINE_OCTETS)	/* before it is cut */

static struct lock lock = LOCK_INITIALIZER;
static struct log_recent lines[LOG_RECENT_MAX] LOCK_GUARDED_BY(lock);
static size_t count LOCK_GUARDED_BY(lock);
static size_t next LOCK_GUARDED_BY(lock);

static void
format(const struct log_line *line, struct log_recent *out)
{
	char text[TEXT_OCTETS];
	struct log_line bare = *line;
	struct sbuf whole;
	struct sbuf cut;

	sbuf_init(&whole, text, sizeof(text));
	sbuf_init(&cut, out->text, sizeof(out->text));
	bare.level = LOG_LEVEL_NOTICE;		/* which has no prefix */
	log_text_put(&whole, &bare);
	log_text_make_safe(&cut, whole.data, whole.len);
	out->time_s = line->time_ms / 1000;
	out->level = log_levels[line->level].name;
}

void
log_recent_note(const struct log_line *line)
{
	struct log_recent fresh;

	if (line->level != LOG_LEVEL_ERROR &&
	    line->level != LOG_LEVEL_WARNING)
		return;
	format(line, &fresh);
	lock_acquire(&lock);
	lines[next] = fresh;
	next = (next + 1) % LOG_RECENT_MAX;
	if (count < LOG_RECENT_MAX)
		count++;
	lock_release(&lock);
}

void
log_recent_forget(void)
{
	lock_acquire(&lock);
	count = 0;
	lock_release(&lock);
}

size_t
log_recent_read(struct log_recent out[LOG_RECENT_MAX])
{
	lock_acquire(&lock);
	size_t n = count;
	for (size_t i = 0; i < n; i++)
		out[i] = lines[(next + LOG_RECENT_MAX - 1 - i) %
		    LOG_RECENT_MAX];
	lock_release(&lock);
	return n;
}
