/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the pump does next: a function of what it saw (milter_pool.c).
 *
 * While callbacks wait and none has begun for a moment, others may be queued
 * behind them: a worker is added.  If as many callbacks begin as workers were
 * added, more may be queued: the next time twice as many are added.  If none
 * begins, nothing was queued: the rounds get rarer until more callbacks wait,
 * for other mail alone makes callbacks begin.
 *
 * A worker may also be held by a client that has sent half a packet: no
 * callback begins, and the worker stays.  Then twice as many are added, too,
 * but after a round that is long enough for one that found nothing to be gone.
 * This can come when no callback waits: then the rounds are as rare as can be.
 */

#include "config.h"

#include <stdbool.h>

#include "daemon/milter_priv.h"

#define ROUND_HELD_MS 20
#define BURST_MAX 64

static bool
is_worth_more(const struct milter_pump *p, unsigned moved, unsigned held)
{
	return held >= p->burst ||
	    (moved >= p->burst && p->round_ms == MILTER_PUMP_SHORT_MS);
}

unsigned
milter_pump_next(struct milter_pump *p, unsigned waiting, unsigned moved,
    unsigned held)
{
	bool more = waiting > p->waiting;
	bool answered = p->added;

	p->waiting = waiting;
	if (p->round_ms < ROUND_HELD_MS)
		held = 0;
	if (answered && moved + held == 0)
		p->burst = p->burst > 1 ? p->burst / 2 : 1;
	else if (answered && is_worth_more(p, moved, held) &&
	    p->burst < BURST_MAX)
		p->burst *= 2;
	if (more)
		p->round_ms = MILTER_PUMP_SHORT_MS;
	else if (answered && held > 0)
		p->round_ms = ROUND_HELD_MS;
	else if (answered && moved == 0 && p->round_ms < MILTER_PUMP_LONG_MS)
		p->round_ms += p->round_ms / 2;
	p->added = moved == 0;
	return p->added ? p->burst : 0;
}
