/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The figures of the moment are asked of those who have them, which takes
 * locks that mail takes, one at a time and for as long as it takes to copy a
 * number.  So an answer of /healthz says that none of them is held for good.
 */

#include "config.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/exposition.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/metrics_priv.h"
#include "daemon/milter.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "mail/breaker.h"
#include "mail/grace.h"
#include "mail/session.h"

static struct {
	const struct session_env *env;
	struct dns		*dns;
	_Atomic bool		 reload_failed;
	_Atomic int64_t		 reload_s;
} source;

void
metrics_init(const struct session_env *env, struct dns *dns)
{
	source.env = env;
	source.dns = dns;
	atomic_store(&source.reload_s, time(NULL));
}

void
metrics_note_reload(bool ok, int64_t now_s)
{
	atomic_store(&source.reload_failed, !ok);
	if (ok)
		atomic_store(&source.reload_s, now_s);
}

static void
read_conf(const struct conf *c, struct metrics_figures *out)
{
	struct diag expired;

	diag_init(&expired);
	(void)conf_expired(c, time(NULL), &expired);
	out->rules = c->rules.count;
	out->rules_expired = expired.count;
	out->behavior = c->behavior;
	out->behavior_helo = c->behavior_helo;
	diag_fini(&expired);
}

static bool
breaker_opened(const struct conf *c)
{
	return source.env->breaker != NULL && breaker_is_open(
	    source.env->breaker, c->dns_timeout_ms, util_now_ms());
}

void
metrics_read(struct metrics_figures *out)
{
	const struct conf *c = conf_acquire();
	const struct session_env *env = source.env;
	char reason[METRICS_REASON_SIZE];
	struct dns_figures cache;
	/*
	 * Ended first: those that end meanwhile would be missing.  Still, some
	 * machines see an end before its begin.
	 */
	uint64_t ended = stats_get(STATS_SESSIONS_ENDED);
	uint64_t begun = stats_get(STATS_SESSIONS);

	*out = (struct metrics_figures){ .ready = metrics_is_ready(reason) };
	dns_read_figures(source.dns, &cache);
	out->sessions_open = begun > ended ? begun - ended : 0;
	out->flights = flights_count(env->flights);
	out->cache_entries = cache.entries;
	out->cache_octets = cache.octets;
	out->cache_octets_max = cache.octets_max;
	out->dns_failing = dns_failing_since_ms(source.dns) != 0;
	out->grace_entries = env->grace != NULL ? grace_count(env->grace) : 0;
	out->reload_ok = !atomic_load(&source.reload_failed);
	out->reload_s = (uint64_t)atomic_load(&source.reload_s);
	if (c != NULL) {
		out->breaker_open = breaker_opened(c);
		read_conf(c, out);
	}
	conf_release(c);
}

size_t
metrics_read_servers(struct dns_server_figures *out)
{
	return dns_read_servers(source.dns, out);
}

bool
metrics_is_ready(char reason[METRICS_REASON_SIZE])
{
	int64_t since_ms = dns_failing_since_ms(source.dns);
	const struct conf *c = conf_acquire();
	struct sbuf sb;

	sbuf_init(&sb, reason, METRICS_REASON_SIZE);
	dns_check_soon(source.dns);
	if (!milter_is_serving() || c == NULL)
		sbuf_str(&sb, "the daemon is about to stop");
	else if (since_ms != 0)
		sbuf_fmt(&sb, "no name server answers, or none the canary, "
		    "for %" PRId64 " s", (util_now_ms() - since_ms) / 1000);
	else if (breaker_opened(c))
		sbuf_str(&sb, "nearly all lookups fail, whoever asks");
	conf_release(c);
	return sb.len == 0;
}

bool
metrics_answer(struct http_request *q, struct http_answer *a)
{
	struct exposition e = exposition_new(a->body, q->accept);
	struct metrics_figures f;

	metrics_read(&f);
	a->type = exposition_type(&e);
	metrics_expose(&e, &f);
	return true;
}

bool
metrics_answer_healthz(struct http_request *q, struct http_answer *a)
{
	struct metrics_figures f;

	(void)q;
	metrics_read(&f);
	if (milter_failed())
		a->status = 503;
	fprintf(a->body, "%s\n", milter_failed() ?
	    "libmilter has given up" : "ok");
	return true;
}

bool
metrics_answer_readyz(struct http_request *q, struct http_answer *a)
{
	char reason[METRICS_REASON_SIZE];
	bool ready = metrics_is_ready(reason);

	(void)q;
	if (!ready)
		a->status = 503;
	fprintf(a->body, "%s\n", ready ? "ok" : reason);
	return true;
}
