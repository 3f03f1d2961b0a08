/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver: one libunbound after another.
 *
 * libunbound cannot be told other servers once it has begun.  So where the
 * plan changes there is a new one, the current, beside the old, which is freed
 * when its last question has been answered.  The thread of this file, the
 * keeper, makes them: at the word of dns_configure, where resolv.conf has
 * changed, and where the servers turn out to drop EDNS, to put relays between
 * (dns_relay.c).
 *
 * resolv.conf is read every second, which shows a change however it was
 * made, and taken up if it says the same twice, so that none is taken half
 * written.
 *
 * The keeper also checks whether the servers answer at all: with each plan,
 * and again where questions fail until one does.  Servers that answer may have
 * lost the rest of the world; so where names fail they are asked for the
 * canary, too, until they find it.  And it holds questions back
 * that libunbound has answered SERVFAIL, for as long as it takes to ask the
 * servers what they say (dns_health.c); of many at once only some, and what
 * is due every second goes before them: names that fail come without end.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define TICK_MS 1000
#define CHECK_MS 1000
#define EXPLAIN_MS 500
#define FAILURES_MAX 64		/* questions held back at once */
#define SILENCE_MS 4000		/* libunbound needs more to give up */
#define RELAYED_MS 60000	/* then EDNS is tried again */
#define CANARY_MS 3000		/* between questions for it */
#define SURVEY_MS 5000		/* between two, where somebody looks */
#define SURVEY_WAIT_MS 300

/* One libunbound with what it asks. */
struct generation {
	struct generation	*next;		/* retired */
	struct dns_plan		 plan;
	bool			 relayed;
	struct dns_relay	*relays[DNS_SERVERS_MAX];	/* if relayed */
	struct dns_backend	*unbound;
	size_t			 open;		/* lock of the resolver */
};

/* A question under way. */
struct errand {
	struct errand		*next;		/* lock: failures */
	struct resolver		*resolver;
	struct generation	*generation;
	dns_done_fn		*done;
	void			*arg;
	struct dns_answer	*answer;	/* held back */
	int64_t			 start_ms;
	int64_t			 failed_ms;
	enum dns_type		 type;
	char			 name[];
};

struct resolver {
	struct dns_backend	 backend;	/* first */
	void			(*failed)(void);
	char			*resolv_conf;	/* NULL: the usual */
	_Atomic int64_t		 timeout_ms;	/* of a question */
	int			 stop[2];	/* pipe; -1: none */
	pthread_t		 keeper;
	struct dns_plan		 seen;		/* keeper: in resolv.conf */
	struct generation	*retired;	/* keeper */
	int64_t			 tick_ms;	/* keeper: the next */
	int64_t			 checked_ms;	/* keeper: the last time */
	bool			 down;		/* keeper: none answers */
	bool			 no_edns;	/* keeper: none with EDNS */
	bool			 names_fail;	/* keeper: ask for the canary */
	bool			 canary_fails;	/* keeper */
	int64_t			 canary_ms;	/* keeper: the last time */
	int64_t			 surveyed_ms;	/* keeper: the last time */
	_Atomic bool		 looked_at;	/* a survey is wanted */

	struct lock		 lock;		/* of what follows */
	struct cond		 changed;
	struct generation	*current;	/* written by the keeper */
	struct errand		*failures;	/* to be explained, in order */
	struct errand		**last;
	size_t			 failure_count;
	struct dns_server_figures seen_servers[DNS_SERVERS_MAX]; /* of
						 * current */
	struct dns_plan		 wanted;
	bool			 is_wanted;
	bool			 stopping;
};

/* Questions */

static void
errand_end(struct errand *e, struct dns_answer *a)
{
	struct resolver *r = e->resolver;

	lock_acquire(&r->lock);
	e->generation->open--;
	lock_release(&r->lock);
	e->done(e->arg, a);
	free(e);
}

/* False: not now. */
static bool
hold_back(struct errand *e, struct dns_answer *a)
{
	struct resolver *r = e->resolver;

	lock_acquire(&r->lock);
	bool hold = !r->stopping && r->failure_count < FAILURES_MAX;
	if (hold) {
		e->answer = a;
		e->failed_ms = util_now_ms();
		*r->last = e;
		r->last = &e->next;
		r->failure_count++;
		cond_broadcast(&r->changed);
	}
	lock_release(&r->lock);
	return hold;
}

static void
errand_done(void *arg, struct dns_answer *a)
{
	struct errand *e = arg;

	if (a->failure != DNS_FAILURE_SERVFAIL || !hold_back(e, a))
		errand_end(e, a);
}

static void
resolver_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct resolver *r = (struct resolver *)b;
	size_t size = strlen(name) + 1;
	struct errand *e = xcalloc(1, sizeof(*e) + size);

	*e = (struct errand){
		.resolver = r, .done = done, .arg = arg, .type = type,
		.start_ms = util_now_ms()
	};
	memcpy(e->name, name, size);
	lock_acquire(&r->lock);
	struct generation *g = r->current;
	e->generation = g;
	g->open += 2;		/* the errand, and the call of start */
	lock_release(&r->lock);
	g->unbound->ops->start(g->unbound, name, type, errand_done, e);
	lock_acquire(&r->lock);
	g->open--;
	lock_release(&r->lock);
}

/* Failures */

/* libunbound has waited in vain. */
static bool
is_given_up(const struct errand *e)
{
	return e->failed_ms - e->start_ms >= SILENCE_MS;
}

static struct errand *
take_failure_locked(struct resolver *r)
{
	struct errand *e = r->failures;

	r->failures = e->next;
	if (r->failures == NULL)
		r->last = &r->failures;
	r->failure_count--;
	return e;
}

/* What libunbound calls SERVFAIL, as the servers call it. */
static enum dns_failure
explain(struct resolver *r, const struct errand *e)
{
	enum dns_failure why = dns_health_explain(&e->generation->plan,
	    e->name, e->type, EXPLAIN_MS, r->stop[0]);
	bool silent = why == DNS_FAILURE_TIMEOUT;

	if (silent || why == DNS_FAILURE_NO_SERVER)
		atomic_store(&r->backend.doubt, true);
	return silent && !is_given_up(e) ? DNS_FAILURE_SERVFAIL : why;
}

/*
 * The servers are not asked for those that have waited while others were
 * explained, nor for those that nobody waits for any more.
 */
static void
end_failure(struct resolver *r, struct errand *e)
{
	int64_t now_ms = util_now_ms();
	enum dns_failure why = is_given_up(e) ? DNS_FAILURE_TIMEOUT :
	    DNS_FAILURE_SERVFAIL;

	r->names_fail = true;
	if (is_given_up(e))
		atomic_store(&r->backend.doubt, true);
	if (now_ms - e->failed_ms < EXPLAIN_MS &&
	    now_ms - e->start_ms < atomic_load(&r->timeout_ms))
		why = explain(r, e);
	dns_answer_release(e->answer);
	errand_end(e, dns_answer_error(why, "", e->type, DNS_TEMPERROR_TTL));
}

/* Do they answer? */

static void
report_health(struct resolver *r, const struct dns_plan *plan,
    enum dns_health health)
{
	char text[DNS_SERVERS_MAX * (DNS_SERVER_TEXT + 2)];
	struct sbuf sb;
	bool down = health == DNS_HEALTH_DOWN;

	sbuf_init(&sb, text, sizeof(text));
	dns_plan_format(plan, &sb);
	if (down && !r->down) {
		stats_inc(STATS_DNS_NO_SERVER);
		log_warning("dns: no name server answers: %s", text);
	}
	if (!down && r->down)
		log_notice("dns: a name server answers again: %s", text);
	if (health == DNS_HEALTH_NO_EDNS && !r->no_edns)
		log_warning("dns: questions with EDNS are dropped by %s%s",
		    text, plan->dnssec ? ": dnssec cannot work" : "");
	r->down = down;
	if (!down)
		r->no_edns = health == DNS_HEALTH_NO_EDNS;
}

static void
ask_for_canary(struct resolver *r)
{
	const struct dns_plan *plan = &r->current->plan;
	bool fails = !dns_health_canary(plan, CHECK_MS, r->stop[0]);

	if (fails && !r->canary_fails)
		log_warning("dns: no name server has an answer for the "
		    "canary %s", plan->canary);
	if (!fails && r->canary_fails)
		log_notice("dns: a name server has an answer for the canary "
		    "%s again", plan->canary);
	r->canary_fails = fails;
	r->names_fail = false;
	r->canary_ms = util_now_ms();
}

/* The clock of their failing runs until all is well. */
static void
note_failing(struct resolver *r)
{
	if (!r->down && !r->canary_fails)
		atomic_store(&r->backend.failing_since_ms, 0);
	else if (atomic_load(&r->backend.failing_since_ms) == 0)
		atomic_store(&r->backend.failing_since_ms, util_now_ms());
}

/* Generations */

static void
generation_free(struct generation *g)
{
	if (g->unbound != NULL)
		g->unbound->ops->free(g->unbound);
	for (size_t i = 0; i < DNS_SERVERS_MAX; i++)
		dns_relay_free(g->relays[i]);
	free(g);
}

/* What libunbound is told: the servers, or the relays before them. */
static bool
make_relays(struct generation *g, struct dns_plan *told, struct diag *d)
{
	for (size_t i = 0; g->relayed && i < g->plan.count; i++) {
		g->relays[i] = dns_relay_new(&g->plan.servers[i]);
		if (g->relays[i] == NULL) {
			diag_add(d, NULL, 0, "dns: cannot make a relay: %s",
			    strerror(errno));
			return false;
		}
		dns_relay_server(g->relays[i], &told->servers[i]);
	}
	return true;
}

static struct generation *
generation_new(const struct resolver *r, const struct dns_plan *plan,
    bool relayed, struct diag *d)
{
	struct generation *g = xcalloc(1, sizeof(*g));
	struct dns_plan told = *plan;

	g->plan = *plan;
	g->relayed = relayed;
	if (make_relays(g, &told, d))
		g->unbound = dns_unbound_new(&told, r->failed, d);
	if (g->unbound != NULL)
		return g;
	generation_free(g);
	return NULL;
}

static void
reap(struct resolver *r)
{
	struct generation **link = &r->retired;

	while (*link != NULL) {
		struct generation *g = *link;
		lock_acquire(&r->lock);
		bool idle = g->open == 0;
		lock_release(&r->lock);
		if (idle) {
			*link = g->next;
			generation_free(g);
		} else {
			link = &g->next;
		}
	}
}

/* How each server is */

/* As they have been seen, or as new ones. */
static void
get_seen(struct resolver *r, const struct dns_plan *plan, bool same,
    struct dns_server_figures seen[DNS_SERVERS_MAX])
{
	memset(seen, 0, DNS_SERVERS_MAX * sizeof(*seen));
	lock_acquire(&r->lock);
	if (same)
		memcpy(seen, r->seen_servers, sizeof(r->seen_servers));
	lock_release(&r->lock);
	for (size_t i = 0; i < plan->count; i++)
		dns_server_format(&plan->servers[i], seen[i].address);
}

static void
set_seen(struct resolver *r,
    const struct dns_server_figures seen[DNS_SERVERS_MAX])
{
	lock_acquire(&r->lock);
	memcpy(r->seen_servers, seen, sizeof(r->seen_servers));
	lock_release(&r->lock);
}

static void
survey(struct resolver *r)
{
	const struct dns_plan *plan = &r->current->plan;
	struct dns_server_figures seen[DNS_SERVERS_MAX];

	atomic_store(&r->looked_at, false);
	get_seen(r, plan, true, seen);
	dns_health_survey(plan, SURVEY_WAIT_MS, r->stop[0], seen);
	set_seen(r, seen);
	r->surveyed_ms = util_now_ms();
}

static bool
is_survey_due(const struct resolver *r)
{
	return atomic_load(&r->looked_at) && !r->down &&
	    util_now_ms() - r->surveyed_ms >= SURVEY_MS;
}

static size_t
resolver_servers(struct dns_backend *b,
    struct dns_server_figures out[DNS_SERVERS_MAX])
{
	struct resolver *r = (struct resolver *)b;

	lock_acquire(&r->lock);
	size_t count = r->current->plan.count;
	memcpy(out, r->seen_servers, sizeof(r->seen_servers));
	lock_release(&r->lock);
	atomic_store(&r->looked_at, true);
	return count;
}

/*
 * Checks the servers of plan, which may be the one in force, and makes what
 * is needed to ask them the current.
 */
static bool
adopt(struct resolver *r, const struct dns_plan *plan, struct diag *d)
{
	struct generation *old = r->current;
	bool same = old != NULL && dns_plan_equal(&old->plan, plan);
	char text[DNS_SERVERS_MAX * (DNS_SERVER_TEXT + 2)];
	struct dns_server_figures seen[DNS_SERVERS_MAX];
	struct sbuf sb;
	bool closed;

	get_seen(r, plan, same, seen);
	enum dns_health health = dns_health_check(plan, CHECK_MS, r->stop[0],
	    &closed, seen);
	if (same)
		set_seen(r, seen);
	r->checked_ms = util_now_ms();
	atomic_store(&r->backend.no_server, closed);
	report_health(r, plan, health);
	bool relayed = (health == DNS_HEALTH_NO_EDNS && !plan->dnssec) ||
	    (health == DNS_HEALTH_DOWN && same && old->relayed);
	if (same && relayed == old->relayed)
		return true;
	struct generation *g = generation_new(r, plan, relayed, d);
	if (g == NULL)
		return false;
	lock_acquire(&r->lock);
	r->current = g;
	memcpy(r->seen_servers, seen, sizeof(seen));
	lock_release(&r->lock);
	if (old != NULL) {
		old->next = r->retired;
		r->retired = old;
	}
	sbuf_init(&sb, text, sizeof(text));
	dns_plan_format(plan, &sb);
	log_info("dns: asking %s%s%s", text, plan->tcp ? " by TCP" : "",
	    relayed ? " without EDNS" : "");
	return true;
}

/* The keeper */

static void
adopt_or_log(struct resolver *r, const struct dns_plan *plan)
{
	struct diag d;

	diag_init(&d);
	if (!adopt(r, plan, &d))
		log_diag(LOG_LEVEL_ERROR, NULL, &d);
	diag_fini(&d);
}

static void
watch_resolv_conf(struct resolver *r)
{
	const struct dns_plan *current = &r->current->plan;
	const struct dns_options o = {
		.resolv_conf = r->resolv_conf, .dnssec = current->dnssec,
		.canary = current->canary
	};
	struct dns_plan now;
	struct diag d;

	diag_init(&d);
	if (!current->given && dns_plan_make(&now, &o, &d)) {
		bool twice = dns_plan_equal(&now, &r->seen);
		r->seen = now;
		if (twice && !dns_plan_equal(&now, current))
			adopt_or_log(r, &now);
	}
	diag_fini(&d);
}

/* What may have been a loss of datagrams is not believed for ever. */
static bool
is_check_due(const struct resolver *r, bool doubt)
{
	return r->down || doubt || (r->current->relayed &&
	    util_now_ms() - r->checked_ms >= RELAYED_MS);
}

static bool
is_canary_due(const struct resolver *r)
{
	return r->current->plan.canary[0] != '\0' && !r->down &&
	    (r->names_fail || r->canary_fails) &&
	    util_now_ms() - r->canary_ms >= CANARY_MS;
}

/* The next is due after a while of the end of this one. */
static void
tick(struct resolver *r)
{
	reap(r);
	watch_resolv_conf(r);
	bool doubt = atomic_exchange(&r->backend.doubt, false);
	r->names_fail = r->names_fail || doubt;
	if (is_check_due(r, doubt))
		adopt_or_log(r, &r->current->plan);
	if (r->current->plan.canary[0] == '\0')
		r->canary_fails = false;
	if (is_canary_due(r))
		ask_for_canary(r);
	note_failing(r);
	if (is_survey_due(r))
		survey(r);
	r->tick_ms = util_now_ms() + TICK_MS;
}

static void *
keeper_run(void *arg)
{
	struct resolver *r = arg;

	lock_acquire(&r->lock);
	while (!r->stopping) {
		if (r->is_wanted) {
			struct dns_plan plan = r->wanted;
			r->is_wanted = false;
			lock_release(&r->lock);
			adopt_or_log(r, &plan);
		} else if (util_now_ms() >= r->tick_ms) {
			lock_release(&r->lock);
			tick(r);
		} else if (r->failures != NULL) {
			struct errand *e = take_failure_locked(r);
			lock_release(&r->lock);
			end_failure(r, e);
		} else {
			cond_wait_until(&r->changed, &r->lock, r->tick_ms);
			continue;
		}
		lock_acquire(&r->lock);
	}
	lock_release(&r->lock);
	return NULL;
}

static bool
resolver_configure(struct dns_backend *b, const struct dns_options *o,
    struct diag *d)
{
	struct resolver *r = (struct resolver *)b;
	const struct dns_options own = {
		.servers = o->servers, .server_count = o->server_count,
		.resolv_conf = r->resolv_conf, .dnssec = o->dnssec,
		.canary = o->canary
	};
	struct dns_plan plan;

	if (!dns_plan_make(&plan, &own, d))
		return false;
	atomic_store(&r->timeout_ms, o->query_timeout_ms);
	lock_acquire(&r->lock);
	r->wanted = plan;
	r->is_wanted = true;
	cond_broadcast(&r->changed);
	lock_release(&r->lock);
	return true;
}

/* Start and end */

static void
resolver_destroy(struct resolver *r)
{
	while (r->failures != NULL) {
		lock_acquire(&r->lock);
		struct errand *e = take_failure_locked(r);
		lock_release(&r->lock);
		errand_end(e, e->answer);
	}
	if (r->current != NULL)
		generation_free(r->current);
	while (r->retired != NULL) {
		struct generation *g = r->retired;
		r->retired = g->next;
		generation_free(g);
	}
	for (size_t i = 0; i < 2; i++)
		if (r->stop[i] >= 0)
			close(r->stop[i]);
	cond_fini(&r->changed);
	lock_fini(&r->lock);
	free(r->resolv_conf);
	free(r);
}

static void
resolver_free(struct dns_backend *b)
{
	struct resolver *r = (struct resolver *)b;

	lock_acquire(&r->lock);
	r->stopping = true;
	cond_broadcast(&r->changed);
	lock_release(&r->lock);
	close(r->stop[1]);
	r->stop[1] = -1;
	pthread_join(r->keeper, NULL);
	resolver_destroy(r);
}

static struct resolver *
resolver_new(const struct dns_options *o)
{
	static const struct dns_backend_ops ops = {
		.start = resolver_start, .free = resolver_free,
		.configure = resolver_configure, .servers = resolver_servers
	};
	struct resolver *r = xcalloc(1, sizeof(*r));

	r->backend.ops = &ops;
	r->failed = o->failed;
	atomic_store(&r->looked_at, true);
	r->surveyed_ms = util_now_ms() - SURVEY_MS;
	r->timeout_ms = o->query_timeout_ms;
	if (o->resolv_conf != NULL)
		r->resolv_conf = xstrdup(o->resolv_conf);
	r->stop[0] = r->stop[1] = -1;
	r->last = &r->failures;
	r->tick_ms = util_now_ms() + TICK_MS;
	r->backend.capacity = dns_unbound_capacity();
	lock_init(&r->lock);
	cond_init(&r->changed);
	return r;
}

struct dns_backend *
dns_resolver_new(const struct dns_options *o, struct diag *d)
{
	struct resolver *r = resolver_new(o);
	struct dns_plan plan;
	int error = 0;

	if (dns_plan_make(&plan, o, d) && adopt(r, &plan, d)) {
		error = pipe2(r->stop, O_CLOEXEC) != 0 ? errno :
		    thread_start(&r->keeper, keeper_run, r);
		if (error == 0)
			return &r->backend;
		diag_add(d, NULL, 0, "dns: cannot start a thread: %s",
		    strerror(error));
	}
	resolver_destroy(r);
	return NULL;
}
