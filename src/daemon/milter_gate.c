/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate between libmilter's threads and what sessions share.  Inside are
 * the callbacks that run, and between its callbacks a connection that has a
 * message under way.  Once closed nobody enters, and when all have left,
 * nobody touches what is shared.
 *
 * libmilter sends the reply of a callback after it has left; so the gate
 * counts as empty only a moment after the last has.
 */

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/util.h"
#include "daemon/milter_priv.h"

#define REPLY_MS 200

static struct lock lock = LOCK_INITIALIZER;
static struct cond none;
static unsigned inside;			/* lock */
static bool closed;			/* lock */
/* lock; when the last one did: nothing is waited for where none has */
static int64_t left_ms = -REPLY_MS;

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
	if (--inside == 0) {
		left_ms = util_now_ms();
		cond_broadcast(&none);
	}
	lock_release(&lock);
}

void
milter_gate_close(void)
{
	lock_acquire(&lock);
	closed = true;
	lock_release(&lock);
}

bool
milter_gate_is_open(void)
{
	lock_acquire(&lock);
	bool open = !closed;
	lock_release(&lock);
	return open;
}

unsigned
milter_gate_wait(int64_t until_ms)
{
	lock_acquire(&lock);
	while (inside != 0 && cond_wait_until(&none, &lock, until_ms))
		;
	unsigned left = inside;
	int64_t replied_ms = left_ms + REPLY_MS;
	while (left == 0 && cond_wait_until(&none, &lock, replied_ms))
		;
	lock_release(&lock);
	return left;
}
