/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the servers of a plan are, as they say themselves: whether one answers,
 * and why one has no answer.
 */

#include "config.h"

#include "base/log.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define TYPE_NS 2
#define RCODE_SERVFAIL 2
#define RCODE_REFUSED 5

/* The first that has ended like this, or NULL. */
static const struct dns_probe *
find_end(const struct dns_probe *probes, size_t count, enum dns_probe_end end)
{
	for (size_t i = 0; i < count; i++)
		if (probes[i].end == end)
			return &probes[i];
	return NULL;
}

enum dns_health
dns_health_check(const struct dns_plan *plan, int64_t wait_ms, int stop_fd,
    bool *closed)
{
	struct dns_probe probes[2 * DNS_SERVERS_MAX];
	size_t count = 2 * plan->count;
	enum dns_health health = DNS_HEALTH_DOWN;

	for (size_t i = 0; i < count; i++)
		probes[i] = (struct dns_probe){
			.server = &plan->servers[i / 2], .tcp = plan->tcp,
			.edns = i % 2 == 0, .decides = i % 2 == 0
		};
	dns_probe_round(probes, count, "", TYPE_NS, wait_ms, stop_fd);
	*closed = true;
	for (size_t i = 0; i < count; i++) {
		*closed = *closed && probes[i].end == DNS_PROBE_CLOSED;
		if (probes[i].end != DNS_PROBE_ANSWERED)
			continue;
		if (probes[i].edns)
			health = DNS_HEALTH_GOOD;
		else if (health == DNS_HEALTH_DOWN)
			health = DNS_HEALTH_NO_EDNS;
	}
	return health;
}

bool
dns_health_canary(const struct dns_plan *plan, int64_t wait_ms, int stop_fd)
{
	struct dns_probe probes[DNS_SERVERS_MAX];
	bool good = false;

	for (size_t i = 0; i < plan->count; i++)
		probes[i] = (struct dns_probe){
			.server = &plan->servers[i], .tcp = plan->tcp,
			.decides = true, .strict = true
		};
	dns_probe_round(probes, plan->count, plan->canary, DNS_TYPE_TXT,
	    wait_ms, stop_fd);
	for (size_t i = 0; i < plan->count; i++)
		good = good || dns_probe_succeeded(&probes[i]);
	return good;
}

static enum dns_failure
failure_of(const struct dns_probe *p)
{
	if (p->end == DNS_PROBE_ANSWERED && p->rcode == RCODE_REFUSED)
		return DNS_FAILURE_REFUSED;
	if (p->end == DNS_PROBE_ANSWERED && p->rcode == RCODE_SERVFAIL)
		return DNS_FAILURE_SERVFAIL;
	return DNS_FAILURE_UNUSABLE;
}

static void
log_failure(const struct dns_probe *p, const char *name, enum dns_type type)
{
	struct log_record r = { .event = LOG_EVENT_DNS,
		.message = "dns: a name server has no answer" };
	char server[DNS_SERVER_TEXT];

	log_record_string(&r, "failure", dns_failure_name(failure_of(p)));
	log_record_string(&r, "server", dns_server_format(p->server, server));
	log_record_name(&r, "name", name);
	log_record_uint(&r, "type", type);
	log_record_write(&r, LOG_LEVEL_WARNING);
}

enum dns_failure
dns_health_explain(const struct dns_plan *plan, const char *name,
    enum dns_type type, int64_t wait_ms, int stop_fd)
{
	struct dns_probe probes[DNS_SERVERS_MAX];

	for (size_t i = 0; i < plan->count; i++)
		probes[i] = (struct dns_probe){
			.server = &plan->servers[i], .tcp = plan->tcp,
			.decides = true
		};
	dns_probe_round(probes, plan->count, name, (uint16_t)type, wait_ms,
	    stop_fd);
	const struct dns_probe *p = find_end(probes, plan->count,
	    DNS_PROBE_ANSWERED);
	if (p == NULL)
		p = find_end(probes, plan->count, DNS_PROBE_GARBAGE);
	if (p != NULL) {
		log_failure(p, name, type);
		return failure_of(p);
	}
	return find_end(probes, plan->count, DNS_PROBE_SILENT) != NULL ?
	    DNS_FAILURE_TIMEOUT : DNS_FAILURE_NO_SERVER;
}
