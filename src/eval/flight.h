/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Evaluations in flight: begun when the identity is known, collected when a
 * stage needs the verdict.  The first run is inline, so an evaluation whose
 * answers are cached costs no thread switch; one that misses an answer goes
 * on when the answer is there, on threads of this module.
 */

#ifndef FLIGHT_H
#define FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns;
struct eval_request;
struct eval_verdict;

struct flights;			/* all of a process */
struct flight;			/* one evaluation */

struct flight_options {
	unsigned	 threads;	/* that go on with evaluations */
	size_t		 max_in_flight;	/* beyond it: temperror at once */
	bool		(*waiting)(bool begins);	/* told when a thread
						 * waits in flight_collect;
						 * false: it may not; or
						 * NULL */
};

/* dns is borrowed.  NULL: threads could not be made (errno). */
struct flights	*flights_new(struct dns *dns, const struct flight_options *o);
/* Cancels what is in flight and joins; no struct flight may be left. */
void		 flights_free(struct flights *f);

/*
 * Begins an evaluation.  The request is copied with its texts.  Ends by
 * deadline_ms at the latest (temperror).  Never fails.  Release with
 * flight_release, which cancels what is still under way.  One thread at a
 * time for one flight.
 */
struct flight	*flight_start(struct flights *f, const struct eval_request *in,
		    int64_t deadline_ms);
void		 flight_release(struct flight *f);	/* NULL allowed */

bool		 flight_is_done(const struct flight *f);

/*
 * The verdict; waits until until_ms or the flight's own deadline, and past
 * it gives temperror ("no answer in time"), for good: later calls say the
 * same.  Borrowed from the flight.
 */
const struct eval_verdict *flight_collect(struct flight *f, int64_t until_ms);

/* Milliseconds from start to verdict; for the log. */
int64_t		 flight_duration_ms(const struct flight *f);

#endif
