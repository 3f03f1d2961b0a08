/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluations in flight, see dns/flight.h: begun when the identity is known,
 * collected when a stage needs the verdict.
 */

#ifndef EVAL_FLIGHT_H
#define EVAL_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct eval_request;
struct eval_verdict;
struct flight;
struct flights;

/*
 * Begins an evaluation.  The request is copied with its texts and records.
 * Ends by deadline_ms at the latest (temperror).  Never fails.  Release with
 * eval_flight_release, which cancels what is still under way.  One thread at
 * a time for one flight.
 */
struct flight	*eval_flight_start(struct flights *fs,
		    const struct eval_request *in, int64_t deadline_ms);
void		 eval_flight_release(struct flight *f);	/* NULL allowed */

/*
 * The verdict; waits until until_ms or the flight's own deadline, and past
 * it gives temperror ("no answer in time"), for good: later calls say the
 * same.  Borrowed from the flight.
 */
const struct eval_verdict *eval_flight_collect(struct flight *f,
		    int64_t until_ms);

#endif
