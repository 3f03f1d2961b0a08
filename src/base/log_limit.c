/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repeats: what strangers or an outage can bring about again and again must
 * not fill a disk.  A kind of warning or error is known by the address of its
 * format, so each has its own count without being named.  The minute of a kind
 * begins with its first line; what is suppressed in it is told at its end.
 */

#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "base/lock.h"
#include "base/log_priv.h"
#include "base/stats.h"
#include "base/util.h"

#define KINDS_MAX 64		/* the others share the last one */
#define CALLED_OCTETS 120

struct kind {
	const char	*kind;		/* NULL: free */
	int64_t		 end_ms;	/* of its minute; 0: none has begun */
	unsigned	 lines;
	unsigned	 suppressed;
	unsigned	 untold;	/* of minutes that are over */
	char		 called[CALLED_OCTETS];
};

static struct lock lock = LOCK_INITIALIZER;
static struct kind kinds[KINDS_MAX] LOCK_GUARDED_BY(lock);
static _Atomic int64_t due_ms = INT64_MAX;

static struct kind	*find(const char *kind) LOCK_REQUIRES(lock);
static struct kind *
find(const char *kind)
{
	struct kind *k = kinds;

	while (k < kinds + KINDS_MAX - 1 && k->kind != NULL && k->kind != kind)
		k++;
	k->kind = kind;
	return k;
}

static void	end_if_over(struct kind *k, int64_t now_ms)
		    LOCK_REQUIRES(lock);
static void
end_if_over(struct kind *k, int64_t now_ms)
{
	if (k->end_ms == 0 || now_ms < k->end_ms)
		return;
	k->untold += k->suppressed;
	k->suppressed = 0;
	k->lines = 0;
	k->end_ms = 0;
}

bool
log_limit_takes(const char *kind, int64_t now_ms)
{
	lock_acquire(&lock);
	struct kind *k = find(kind);
	end_if_over(k, now_ms);
	if (k->end_ms == 0)
		k->end_ms = now_ms + LOG_LIMIT_MS;
	if (k->untold > 0)
		atomic_store(&due_ms, now_ms);
	else if (k->end_ms < atomic_load(&due_ms))
		atomic_store(&due_ms, k->end_ms);
	bool takes = k->lines < LOG_LIMIT_LINES;
	if (takes)
		k->lines++;
	else
		k->suppressed++;
	lock_release(&lock);
	if (!takes)
		stats_inc(STATS_LOG_SUPPRESSED);
	return takes;
}

void
log_limit_call(const char *kind, const char *text)
{
	size_t len = strnlen(text, CALLED_OCTETS - 1);

	if (text[len] != '\0')
		len = util_print_cut(text, len);
	lock_acquire(&lock);
	struct kind *k = find(kind);
	memcpy(k->called, text, len);
	k->called[len] = '\0';
	lock_release(&lock);
}

bool
log_limit_tell(int64_t now_ms, bool at_end, struct sbuf *out)
{
	int64_t next_ms = INT64_MAX;
	bool told = false;

	lock_acquire(&lock);
	for (struct kind *k = kinds; k < kinds + KINDS_MAX; k++) {
		end_if_over(k, at_end ? INT64_MAX : now_ms);
		if (k->untold > 0 && !told) {
			sbuf_fmt(out, "%u more lines suppressed like: %s",
			    k->untold, k->called);
			k->untold = 0;
			told = true;
		}
		int64_t end_ms = k->untold > 0 ? now_ms : k->end_ms;
		if (end_ms != 0 && end_ms < next_ms)
			next_ms = end_ms;
	}
	atomic_store(&due_ms, next_ms);
	lock_release(&lock);
	return told;
}

int64_t
log_limit_due(void)
{
	return atomic_load(&due_ms);
}
