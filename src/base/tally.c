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
	struct tally	*next;		/* lock; the newest first */
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
	struct tally *t = tallies;

	while (t != NULL && strcmp(t->name, name) != 0)
		t = t->next;
	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		t->name = xstrdup(name);
		t->next = tallies;
		tallies = t;
	}
	lock_release(&lock);
	return t;
}

void
tally_hit(struct tally *t, int64_t now_s)
{
	if (t == NULL)
		return;
	atomic_fetch_add(&t->hits, 1);
	atomic_store(&t->last_s, now_s);
}

void
tally_each(void (*report)(const char *name, uint64_t hits, int64_t last_s))
{
	for (struct tally *t = tallies; t != NULL; t = t->next)
		if (t->hits > 0)
			report(t->name, t->hits, t->last_s);
}

void
tally_walk(void (*see)(void *arg, const char *name, uint64_t hits,
    int64_t last_s), void *arg)
{
	for (struct tally *t = tallies; t != NULL; t = t->next)
		see(arg, t->name, t->hits, t->last_s);
}
