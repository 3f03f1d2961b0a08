/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts by name.  They are never forgotten, so a reload keeps them, and who
 * counts needs no lock; there are as many as an administrator has thought of
 * names.
 */

#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "base/lock.h"
#include "base/tally.h"
#include "base/util.h"

struct tally {
	struct tally	*_Atomic next;	/* written with lock; NULL: the last */
	char		*name;
	_Atomic uint64_t hits;
	_Atomic int64_t	 last_s;
};

static struct lock lock = LOCK_INITIALIZER;
static struct tally *_Atomic tallies;

struct tally *
tally_named(const char *name)
{
	lock_acquire(&lock);
	struct tally *_Atomic *place = &tallies;

	while (*place != NULL && strcmp((*place)->name, name) != 0)
		place = &(*place)->next;
	struct tally *t = *place;
	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		t->name = xstrdup(name);
		*place = t;
	}
	lock_release(&lock);
	return t;
}

void
tally_hit(struct tally *t, int64_t now_s)
{
	if (t == NULL)
		return;
	atomic_store(&t->last_s, now_s);
	atomic_fetch_add(&t->hits, 1);
}

void
tally_walk(void (*see)(void *arg, const char *name, uint64_t hits,
    int64_t last_s), void *arg)
{
	for (struct tally *t = tallies; t != NULL; t = t->next) {
		uint64_t hits = t->hits;

		see(arg, t->name, hits, hits > 0 ? t->last_s : 0);
	}
}
