/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An honest client sends its request at once and has its answer in
 * milliseconds.  So where all places are taken, whoever has been there for a
 * moment can be spared: half requests, however many, keep nobody waiting.
 *
 * A connection is ended by a shutdown: its server hears of that as of any other
 * end, and frees the place.
 */

#include "config.h"

#include <sys/socket.h>

#include <stdbool.h>

#include "base/places.h"

void
places_init(struct place *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		all[i] = (struct place){ .fd = -1 };
}

struct place *
places_take(struct place *all, size_t count, int fd, int64_t now_ms,
    int64_t time_ms)
{
	struct place *p = all;

	while (p < all + count && p->fd >= 0)
		p++;
	if (p == all + count)
		return NULL;
	*p = (struct place){ .fd = fd, .since_ms = now_ms,
		.until_ms = now_ms + time_ms };
	return p;
}

size_t
places_taken(const struct place *all, size_t count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++)
		taken += all[i].fd >= 0;
	return taken;
}

void
places_end_late(const struct place *all, size_t count, int64_t now_ms)
{
	bool full = places_taken(all, count) == count;

	for (const struct place *p = all; p < all + count; p++) {
		int64_t end_ms = full ? p->since_ms + PLACES_MOMENT_MS :
		    p->until_ms;

		if (p->fd >= 0 && p->waits == NULL && end_ms <= now_ms)
			(void)shutdown(p->fd, SHUT_RDWR);
	}
}
