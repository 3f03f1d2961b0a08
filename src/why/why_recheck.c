/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stranger can have evaluated what a token of ours tells of, and nothing
 * else, with the limits of RFC 7208 and a deadline.  A few threads wait for
 * verdicts; what comes while the queue before them is full is refused.
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "eval/eval_flight.h"
#include "eval/explain.h"
#include "spf/identity.h"
#include "why/why_limit.h"
#include "why/why_propose.h"
#include "why/why_recheck.h"

#define THREADS 4
#define WAITING_MAX 16
#define DEADLINE_MS 10000
#define QUERY_MS 4000
#define CACHE_SIZE (4 * 1024 * 1024)

struct why_recheck {
	struct why_recheck	*next;		/* in the queue */
	struct token		 token;
	void			(*done)(void *);
	void			*arg;
	struct why_check	 check;
	char			*texts[4];	/* of check */
	struct flight		*flight;	/* whose verdict the tree of
						 * check is of; NULL: none */
	struct explanation	*tree;
};

struct why_rechecks {
	struct dns	*dns;
	struct flights	*flights;
	struct why_limit limit;			/* of the one who starts */
	struct lock	 lock;
	struct cond	 more;
	struct why_recheck *first;		/* the rest: under lock */
	size_t		 waiting;
	bool		 ends;
	pthread_t	 threads[THREADS];
	size_t		 thread_count;
};

static const char *
keep(struct why_recheck *c, size_t i, char *text)
{
	c->texts[i] = text;
	return text;
}

static void
take_verdict(struct why_recheck *c, const struct eval_verdict *v)
{
	bool has_term = v->mechanism[0] != '\0';
	char *proposal = NULL;

	if (v->result != RESULT_PASS && has_term)
		proposal = why_propose_record(v->record, v->mechanism,
		    &c->token.client);
	c->check.end = WHY_CHECK_DONE;
	c->check.result = v->result;
	c->check.problem = keep(c, 0, xstrdup(v->problem));
	c->check.record = keep(c, 1, xstrdup(v->record));
	c->check.domain = keep(c, 3, xstrdup(v->record_domain));
	c->check.proposal = keep(c, 2, proposal != NULL ? proposal :
	    xstrdup(""));
	if (v->trace != NULL)
		c->check.tree = c->tree = explain_new(v);
}

static void
evaluate(struct why_rechecks *r, struct why_recheck *c)
{
	const struct token *t = &c->token;
	const struct eval_request request = {
		.scope = t->scope,
		.client = t->client,
		.local = "postmaster",
		.domain = t->domain,
		.helo = t->scope == SCOPE_HELO || t->null_sender ? t->domain :
		    "",
		.receiver = t->receiver,
		.time_s = t->time_s,
		.max_lookups = 10,
		.max_void_lookups = 2,
		.want_trace = true,
	};
	int64_t deadline_ms = util_now_ms() + DEADLINE_MS;

	c->flight = eval_flight_start(r->flights, &request, deadline_ms);
	take_verdict(c, eval_flight_collect(c->flight, deadline_ms));
}

/* The next one in the queue; NULL: it is empty, and no more will come. */
static struct why_recheck *
next(struct why_rechecks *r)
{
	lock_acquire(&r->lock);
	while (r->first == NULL && !r->ends)
		cond_wait(&r->more, &r->lock);
	struct why_recheck *c = r->first;
	if (c != NULL) {
		r->first = c->next;
		r->waiting--;
	}
	bool ends = r->ends;
	lock_release(&r->lock);
	if (c != NULL && !ends)
		evaluate(r, c);
	return c;
}

static void *
work(void *arg)
{
	struct why_recheck *c;

	while ((c = next(arg)) != NULL)
		c->done(c->arg);
	return NULL;
}

static bool
start_threads(struct why_rechecks *r)
{
	static const struct flight_options flights = {
		.threads = 1,
		.max_in_flight = THREADS
	};

	r->flights = flights_new(r->dns, &flights);
	if (r->flights == NULL)
		return false;
	while (r->thread_count < THREADS) {
		errno = thread_start(&r->threads[r->thread_count], work, r);
		if (errno != 0)
			return false;
		r->thread_count++;
	}
	return true;
}

struct why_rechecks *
why_rechecks_new(const char *zone, struct diag *d)
{
	const struct dns_options options = {
		.zone_file = zone,
		.query_timeout_ms = QUERY_MS,
		.cache_size = CACHE_SIZE
	};
	struct dns *dns = dns_new(&options, d);

	if (dns == NULL)
		return NULL;
	struct why_rechecks *r = xcalloc(1, sizeof(*r));
	r->dns = dns;
	lock_init(&r->lock);
	cond_init(&r->more);
	if (start_threads(r))
		return r;
	diag_add(d, NULL, 0, "cannot start threads: %s", strerror(errno));
	why_rechecks_free(r);
	return NULL;
}

void
why_rechecks_stop(struct why_rechecks *r)
{
	if (r == NULL)
		return;
	lock_acquire(&r->lock);
	r->ends = true;
	cond_broadcast(&r->more);
	lock_release(&r->lock);
	while (r->thread_count > 0)
		pthread_join(r->threads[--r->thread_count], NULL);
}

void
why_rechecks_free(struct why_rechecks *r)
{
	if (r == NULL)
		return;
	why_rechecks_stop(r);
	if (r->flights != NULL)
		flights_free(r->flights);
	dns_free(r->dns);
	cond_fini(&r->more);
	lock_fini(&r->lock);
	free(r);
}

static bool
enqueue(struct why_rechecks *r, struct why_recheck *c)
{
	struct why_recheck **end = &r->first;

	lock_acquire(&r->lock);
	bool room = r->waiting < WAITING_MAX && !r->ends;
	if (room) {
		while (*end != NULL)
			end = &(*end)->next;
		*end = c;
		r->waiting++;
		cond_signal(&r->more);
	}
	lock_release(&r->lock);
	return room;
}

struct why_recheck *
why_recheck_start(struct why_rechecks *r, const struct token *token,
    const struct addr *client, void (*done)(void *), void *arg)
{
	if (!why_limit_pass(&r->limit, client, util_now_ms()) ||
	    !identity_name_is_valid(token->domain, strlen(token->domain),
	    true))
		return NULL;

	struct why_recheck *c = xcalloc(1, sizeof(*c));
	c->token = *token;
	c->done = done;
	c->arg = arg;
	c->check.end = WHY_CHECK_BUSY;
	if (enqueue(r, c))
		return c;
	why_recheck_free(c);
	return NULL;
}

const struct why_check *
why_recheck_result(const struct why_recheck *c)
{
	return &c->check;
}

void
why_recheck_free(struct why_recheck *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < sizeof(c->texts) / sizeof(c->texts[0]); i++)
		free(c->texts[i]);
	explain_free(c->tree);
	if (c->flight != NULL)
		eval_flight_release(c->flight);
	free(c);
}
