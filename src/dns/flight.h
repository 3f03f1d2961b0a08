/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs in flight: functions of DNS answers, begun when what they need is
 * known, collected when what they find is needed.
 *
 * A job runs from its start whenever there may be more answers than before,
 * see dns.h, so it never waits.  The first run is within flight_start: a job
 * whose answers are cached costs no thread.  Each later one is done by the
 * one who waits in flight_collect, or else by a thread of this module.
 *
 * A flight belongs to who has made it, who calls all functions below, one at
 * a time.  What the job works on is part of it.  Until flight_is_done, or
 * flight_collect, has said that it is done, that storage belongs to the job;
 * it is freed after flight_release, and after a run that may be under way
 * then, on whatever thread.
 */

#ifndef FLIGHT_H
#define FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stats.h"

struct dns;
struct dns_client;
struct dns_view;

struct flights;			/* all of a process */
struct flight;			/* one job */

struct flight_options {
	unsigned	 threads;	/* that go on with jobs */
	size_t		 max_in_flight;	/* beyond it: refused at once */
	bool		(*waiting)(bool begins);	/* told when a thread
						 * waits in flight_collect;
						 * false: it may not; or
						 * NULL */
};

/* dns is borrowed.  NULL: threads could not be made (errno). */
struct flights	*flights_new(struct dns *dns, const struct flight_options *o);
/* Joins; no struct flight may be left. */
void		 flights_free(struct flights *f);

struct flight_job {
	size_t	  size;			/* of arg */
	unsigned  max_queries;		/* of its view */
	/* False: an answer is missing (DNS_PENDING).  No lock is held. */
	bool	(*run)(struct dns_view *v, void *arg);
	void	(*fini)(void *arg);
	enum stats_histogram time;	/* what it takes is seen there */
};

/* arg is job->size + more octets of zero, for the caller to fill in. */
struct flight	*flight_new(struct flights *f, const struct flight_job *job,
		    size_t more);
void		*flight_arg(struct flight *f);
/*
 * Begins.  Unknown answers are temporary errors from deadline_ms on.  False:
 * too much is in flight; it has ended without being done.
 */
bool		 flight_start(struct flight *f, const struct dns_client *client,
		    int64_t deadline_ms);
/* True: it was under way still, and is not gone on with.  NULL allowed. */
bool		 flight_release(struct flight *f);

enum flight_end {
	FLIGHT_DONE,
	FLIGHT_LATE,		/* not by the time given, or its deadline */
	FLIGHT_REFUSED		/* too many wait, or are in flight */
};

/* It has ended: flight_collect would return at once. */
bool		 flight_is_done(const struct flight *f);
/* Waits until until_ms or the deadline.  Later calls say the same. */
enum flight_end	 flight_collect(struct flight *f, int64_t until_ms);

/* How many wait for the DNS. */
size_t		 flights_count(struct flights *f);

/* Milliseconds from start to end; for the log. */
int64_t		 flight_duration_ms(const struct flight *f);

#endif
