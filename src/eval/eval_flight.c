/* SPDX-License-Identifier: BSD-2-Clause */
/* Evaluations as jobs of flight, and what is said where one does not end. */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/slowest.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "eval/eval_flight.h"
#include "spf/record.h"

struct evaluation {
	struct eval_request	 request;
	struct eval_verdict	 verdict;	/* filled once done */
	struct eval_verdict	*late;		/* the owner's, in its place */
	bool			 noted;		/* its duration; the owner's */
	char			 texts[];	/* of the request */
};

static bool
evaluation_run(struct dns_view *v, void *arg)
{
	struct evaluation *e = arg;

	if (!eval_run(v, &e->request, &e->verdict))
		return false;
	if (!e->verdict.asked)
		stats_inc(STATS_EVALUATIONS_CACHED);
	return true;
}

static void
evaluation_fini(void *arg)
{
	struct evaluation *e = arg;

	eval_verdict_fini(&e->verdict);
	record_free(e->request.local_policy);
	record_free(e->request.best_guess);
	free(e->late);
}

/* In place of the verdict that it may have later. */
static const struct eval_verdict *
give_up(struct evaluation *e, enum flight_end end)
{
	bool late = end == FLIGHT_LATE;

	stats_inc(late ? STATS_EVALUATIONS_LATE : STATS_EVALUATIONS_REFUSED);
	e->late = xcalloc(1, sizeof(*e->late));
	eval_without_lookup(e->late, e->request.scope, RESULT_TEMPERROR,
	    late ? "no answer from the DNS in time" :
	    "too many checks under way");
	e->late->limited = true;
	return e->late;
}

static char *
copy_text(char **at, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = memcpy(*at, s, size);

	*at += size;
	return copy;
}

struct flight *
eval_flight_start(struct flights *fs, const struct eval_request *in,
    int64_t deadline_ms)
{
	static const struct flight_job job = {
		.size = sizeof(struct evaluation),
		.max_queries = EVAL_MAX_QUERIES,
		.run = evaluation_run, .fini = evaluation_fini,
		.time = STATS_EVALUATION_TIME
	};
	const struct dns_client client = {
		.connection = in->connection, .address = in->client
	};
	struct flight *f = flight_new(fs, &job, strlen(in->local) +
	    strlen(in->domain) + strlen(in->helo) + strlen(in->receiver) + 4);
	struct evaluation *e = flight_arg(f);
	char *at = e->texts;

	e->request = *in;
	e->request.local = copy_text(&at, in->local);
	e->request.domain = copy_text(&at, in->domain);
	e->request.helo = copy_text(&at, in->helo);
	e->request.receiver = copy_text(&at, in->receiver);
	e->request.local_policy = record_share(in->local_policy);
	e->request.best_guess = record_share(in->best_guess);
	stats_inc(STATS_EVALUATIONS);
	if (!flight_start(f, &client, deadline_ms))
		give_up(e, FLIGHT_REFUSED);
	return f;
}

void
eval_flight_release(struct flight *f)
{
	if (flight_release(f))
		stats_inc(STATS_EVALUATIONS_CANCELLED);
}

/* One that the cache has answered has not waited, and costs nothing here. */
static void
note_duration(struct flight *f, struct evaluation *e)
{
	if (e->noted)
		return;
	e->noted = true;
	/* Who is in it is nobody's: some clients give an address in HELO. */
	const char *at = strrchr(e->request.domain, '@');
	slowest_note(at != NULL ? at + 1 : e->request.domain,
	    flight_duration_ms(f), time(NULL));
}

const struct eval_verdict *
eval_flight_collect(struct flight *f, int64_t until_ms)
{
	struct evaluation *e = flight_arg(f);

	if (e->late != NULL)
		return e->late;
	enum flight_end end = flight_collect(f, until_ms);
	if (end == FLIGHT_LATE || (end == FLIGHT_DONE && e->verdict.asked))
		note_duration(f, e);
	return end == FLIGHT_DONE ? &e->verdict : give_up(e, end);
}
