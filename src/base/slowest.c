/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each ten minutes have a table of their own with their slowest domains, and
 * the six last tables hold those of the hour: who is among the slowest of all
 * is so in its own table.  So nobody is missed for want of room, and who was
 * slow long ago makes room for others without being looked for.
 */

#include "config.h"

#include <string.h>

#include "base/lock.h"
#include "base/slowest.h"
#include "base/util.h"

#define SLICE_S 600
#define SLICES 6

struct table {
	int64_t		slice;		/* which ten minutes since 1970 */
	size_t		count;
	struct slowest	entries[SLOWEST_MAX];	/* the longest first */
};

static struct lock lock = LOCK_INITIALIZER;
static struct table tables[SLICES] LOCK_GUARDED_BY(lock);

static size_t
find(const struct table *t, const char *domain)
{
	size_t i = 0;

	while (i < t->count && strcmp(t->entries[i].domain, domain) != 0)
		i++;
	return i;
}

/* In its place, where there is one for it. */
static void
put(struct table *t, const struct slowest *e)
{
	size_t i = find(t, e->domain);

	if (i == SLOWEST_MAX)
		i--;			/* the last goes for it */
	else if (i == t->count)
		t->entries[t->count++] = *e;
	if (t->entries[i].duration_ms > e->duration_ms)
		return;
	for (; i > 0 && t->entries[i - 1].duration_ms < e->duration_ms; i--)
		t->entries[i] = t->entries[i - 1];
	t->entries[i] = *e;
}

void
slowest_note(const char *domain, int64_t duration_ms, int64_t now_s)
{
	struct slowest e = { .duration_ms = duration_ms, .time_s = now_s };
	int64_t slice = now_s / SLICE_S;

	util_copy(e.domain, sizeof(e.domain), domain);
	util_lower_octets(e.domain, strlen(e.domain));
	lock_acquire(&lock);
	struct table *t = &tables[slice % SLICES];
	if (t->slice != slice) {
		t->slice = slice;
		t->count = 0;
	}
	put(t, &e);
	lock_release(&lock);
}

size_t
slowest_read(struct slowest out[SLOWEST_MAX], int64_t now_s)
{
	struct table all = { .count = 0 };
	int64_t slice = now_s / SLICE_S;

	lock_acquire(&lock);
	for (size_t i = 0; i < SLICES; i++) {
		const struct table *t = &tables[i];

		for (size_t j = 0; t->slice > slice - SLICES &&
		    j < t->count; j++)
			put(&all, &t->entries[j]);
	}
	lock_release(&lock);
	memcpy(out, all.entries, all.count * sizeof(all.entries[0]));
	return all.count;
}
