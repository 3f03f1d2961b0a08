/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the running daemon, as JSON: keys are stable, as the manual. */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/slowest.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/ctl.h"
#include "daemon/metrics.h"
#include "daemon/sandbox.h"
#include "daemon/status.h"
#include "dns/dns.h"
#include "tool/json_out.h"

static int64_t started_s;		/* since 1970; before threads */
static int64_t started_ms;

void
status_begin(void)
{
	started_s = time(NULL);
	started_ms = util_now_ms();
}

/* When something was, and how many seconds ago. */
static void
set_time(json_t *o, const char *key, int64_t time_s)
{
	int64_t age_s = time(NULL) - time_s;

	json_out_set(o, key, json_integer(time_s));
	json_out_set(o, "age", json_integer(age_s > 0 ? age_s : 0));
}

static json_t *
configuration(const struct conf *c)
{
	json_t *o = json_object();
	json_t *reload = json_object();
	struct ctl_reload r;

	(void)ctl_reload_result(UINT64_MAX, &r, NULL);
	json_out_set_text(o, "path", c->path);
	json_out_set(o, "behavior", json_integer(c->behavior));
	set_time(reload, "time", r.time_s);
	json_out_set(reload, "good", json_boolean(r.good));
	json_out_set(o, "reload", r.time_s != 0 ? reload : json_null());
	if (r.time_s == 0)
		json_decref(reload);
	return o;
}

/* "key=value key=value", as the log has them. */
static void
add_counters(json_t *o, char *text)
{
	char *rest = NULL;

	for (char *pair = strtok_r(text, " ", &rest); pair != NULL;
	    pair = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(pair, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		json_out_set(o, pair, json_integer(strtoll(value, NULL, 10)));
	}
}

static json_t *
counters(void)
{
	json_t *o = json_object();
	char text[1900];
	struct sbuf sb;
	unsigned next = 0;

	for (;;) {
		sbuf_init(&sb, text, sizeof(text));
		if (!stats_format(&sb, &next))
			return o;
		add_counters(o, text);
	}
}

/* The most hits first. */
static void
add_rule(void *arg, const char *name, uint64_t hits, int64_t last_s)
{
	json_t *rules = arg;
	json_t *o = json_object();
	size_t i = 0;

	if (hits > 0) {
		json_out_set_text(o, "name", name);
		json_out_set(o, "hits", json_integer((json_int_t)hits));
		set_time(o, "last", last_s);
		while (i < json_array_size(rules) && (uint64_t)
		    json_integer_value(json_object_get(json_array_get(rules,
		    i), "hits")) >= hits)
			i++;
		json_array_insert(rules, i, o);
	}
	json_decref(o);
}

static json_t *
rules(void)
{
	json_t *all = json_array();

	tally_walk(add_rule, all);
	return all;
}

static json_t *
sessions(const struct metrics_figures *f)
{
	json_t *o = json_object();

	json_out_set(o, "open", json_integer((json_int_t)f->sessions_open));
	json_out_set(o, "total",
	    json_integer((json_int_t)stats_get(STATS_SESSIONS)));
	return o;
}

/* Of what was not found in the cache, the DNS was asked, or had been. */
static json_t *
hit_ratio(uint64_t hits)
{
	uint64_t all = hits + stats_get(STATS_DNS_QUERIES) +
	    stats_get(STATS_DNS_SHARED);

	return all > 0 ? json_real((double)hits / (double)all) : json_null();
}

static json_t *
cache(const struct metrics_figures *f)
{
	json_t *o = json_object();
	uint64_t hits = stats_get(STATS_DNS_CACHE_HITS);

	json_out_set(o, "entries", json_integer((json_int_t)f->cache_entries));
	json_out_set(o, "octets", json_integer((json_int_t)f->cache_octets));
	json_out_set(o, "octets_max",
	    json_integer((json_int_t)f->cache_octets_max));
	json_out_set(o, "hits", json_integer((json_int_t)hits));
	json_out_set(o, "hit_ratio", hit_ratio(hits));
	json_out_set(o, "evictions",
	    json_integer((json_int_t)stats_get(STATS_DNS_EVICTED)));
	return o;
}

static json_t *
servers(void)
{
	struct dns_server_figures all[DNS_SERVERS_MAX];
	json_t *list = json_array();
	size_t count = metrics_read_servers(all);

	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();
		bool known = all[i].state != DNS_SERVER_UNKNOWN;

		json_out_set_text(o, "address", all[i].address);
		json_out_set_text(o, "state",
		    dns_server_state_name(all[i].state));
		json_out_set(o, "age", known ? json_integer((util_now_ms() -
		    all[i].seen_ms) / 1000) : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
dns(const struct metrics_figures *f)
{
	json_t *o = json_object();

	json_out_set(o, "failing", json_boolean(f->dns_failing));
	json_out_set(o, "servers", servers());
	return o;
}

static json_t *
breaker(const struct metrics_figures *f)
{
	json_t *o = json_object();

	json_out_set(o, "open", json_boolean(f->breaker_open));
	json_out_set(o, "openings",
	    json_integer((json_int_t)stats_get(STATS_BREAKER_OPENED)));
	return o;
}

/* Whether mail is served as it should be, or why not. */
static void
add_readiness(json_t *o)
{
	char reason[METRICS_REASON_SIZE];
	bool ready = metrics_is_ready(reason);

	json_out_set(o, "ready", json_boolean(ready));
	json_out_set_text(o, "problem", ready ? NULL : reason);
}

static json_t *
slowest(void)
{
	struct slowest all[SLOWEST_MAX];
	json_t *list = json_array();
	size_t count = slowest_read(all, time(NULL));

	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();

		json_out_set_text(o, "domain", all[i].domain);
		json_out_set(o, "milliseconds",
		    json_integer(all[i].duration_ms));
		set_time(o, "time", all[i].time_s);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
errors(void)
{
	struct log_recent *all = xcalloc(LOG_RECENT_MAX, sizeof(*all));
	json_t *list = json_array();
	size_t count = log_recent_read(all);

	for (size_t i = 0; i < count; i++) {
		json_t *o = json_object();

		set_time(o, "time", all[i].time_s);
		json_out_set_text(o, "level", all[i].level);
		json_out_set_text(o, "text", all[i].text);
		json_array_append_new(list, o);
	}
	free(all);
	return list;
}

static json_t *
confinement(void)
{
	char text[200];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	if (sandbox_report()->entered)
		confine_format(sandbox_report(), &sb);
	return json_out_text(text);
}

/* What mail does at this moment. */
static void
add_figures(json_t *o)
{
	struct metrics_figures f;

	metrics_read(&f);
	json_out_set(o, "sessions", sessions(&f));
	json_out_set(o, "flights", json_integer((json_int_t)f.flights));
	json_out_set(o, "cache", cache(&f));
	json_out_set(o, "dns", dns(&f));
	json_out_set(o, "breaker", breaker(&f));
}

void
status_write(FILE *out)
{
	json_t *o = json_object();
	const struct conf *c = conf_acquire();

	json_out_set_text(o, "version", PACKAGE_VERSION);
	json_out_set(o, "pid", json_integer(getpid()));
	json_out_set(o, "started", json_integer(started_s));
	json_out_set(o, "uptime",
	    json_integer((util_now_ms() - started_ms) / 1000));
	json_out_set(o, "configuration", configuration(c));
	json_out_set_text(o, "socket", c->socket.text);
	json_out_set(o, "confined", confinement());
	conf_release(c);
	add_readiness(o);
	add_figures(o);
	json_out_set(o, "counters", counters());
	json_out_set(o, "rules", rules());
	json_out_set(o, "slowest", slowest());
	json_out_set(o, "errors", errors());
	json_out_print(o, out);
}
