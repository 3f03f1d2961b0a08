/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate that sessions pass: how many are inside, and whether one more may
 * come.  It closes when none is left; what comes then finds no session.
 */

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#include "lock.h"
#include "milter_priv.h"
#include "util.h"

static struct lock lock = LOCK_INITIALIZER;
static struct cond none;
static unsigned inside;			/* lock */
static bool closed;			/* lock; milter_gate_drain is done */

void
milter_gate_init(void)
{
	cond_init(&none);
}

bool
milter_gate_enter(void)
{
	lock_acquire(&lock);
	bool open = !closed;
	if (open)
		inside++;
	lock_release(&lock);
	return open;
}

void
milter_gate_leave(void)
{
	lock_acquire(&lock);
	if (--inside == 0)
		cond_broadcast(&none);
	lock_release(&lock);
}

unsigned
milter_gate_drain(int64_t grace_ms)
{
	int64_t until_ms = util_now_ms() + grace_ms;

	lock_acquire(&lock);
	while (inside != 0 && cond_wait_until(&none, &lock, until_ms))
		;
	unsigned left = inside;
	closed = left == 0;
	lock_release(&lock);
	return left;
}
