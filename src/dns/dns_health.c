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

const char *
dns_server_state_name(enum dns_server_state s)
{
	static const char *const names[] = {
		[DNS_SERVER_UNKNOWN] = "unknown",
		[DNS_SERVER_ANSWERS] = "answers",
		[DNS_SERVER_NO_EDNS] = "no_edns",
		[DNS_SERVER_GARBAGE] = "garbage",
		[DNS_SERVER_SILENT] = "silent",
		[DNS_SERVER_UNREACHABLE] = "unreachable",
	};

	return names[s];
}

/* By questions with EDNS and without; to_end: all have had their time. */
static enum dns_server_state
state_of(const struct dns_probe *edns, const struct dns_probe *plain,
    bool to_end)
{
	if (edns->end == DNS_PROBE_ANSWERED)
		return DNS_SERVER_ANSWERS;
	if (plain->end == DNS_PROBE_ANSWERED)
		return to_end ? DNS_SERVER_NO_EDNS : DNS_SERVER_UNKNOWN;
	if (edns->end == DNS_PROBE_GARBAGE)
		return DNS_SERVER_GARBAGE;
	if (edns->end == DNS_PROBE_CLOSED && plain->end == DNS_PROBE_CLOSED)
		return DNS_SERVER_UNREACHABLE;
	return to_end ? DNS_SERVER_SILENT : DNS_SERVER_UNKNOWN;
}

/* What is not known now stays as it was. */
static void
note_states(const struct dns_probe *probes, size_t count, bool to_end,
    struct dns_server_figures *seen)
{
	for (size_t i = 0; i < count; i += 2) {
		enum dns_server_state state = state_of(&probes[i],
		    &probes[i + 1], to_end);

		if (state == DNS_SERVER_UNKNOWN)
			continue;
		seen[i / 2].state = state;
		seen[i / 2].seen_ms = util_now_ms();
	}
}

/* Two for each server; how many there are. */
static size_t
make_probes(struct dns_probe *probes, const struct dns_plan *plan,
    bool deciding)
{
	for (size_t i = 0; i < 2 * plan->count; i++)
		probes[i] = (struct dns_probe){
			.server = &plan->servers[i / 2], .tcp = plan->tcp,
			.edns = i % 2 == 0, .decides = deciding && i % 2 == 0
		};
	return 2 * plan->count;
}

enum dns_health
dns_health_check(const struct dns_plan *plan, int64_t wait_ms, int stop_fd,
    bool *closed, struct dns_server_figures *seen)
{
	struct dns_probe probes[2 * DNS_SERVERS_MAX];
	size_t count = make_probes(probes, plan, true);
	enum dns_health health = DNS_HEALTH_DOWN;

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
	note_states(probes, count, health != DNS_HEALTH_GOOD, seen);
	return health;
}

void
dns_health_survey(const struct dns_plan *plan, int64_t wait_ms, int stop_fd,
    struct dns_server_figures *seen)
{
	struct dns_probe probes[2 * DNS_SERVERS_MAX];
	size_t count = make_probes(probes, plan, false);

	dns_probe_round(probes, count, "", TYPE_NS, wait_ms, stop_fd);
	note_states(probes, count, true, seen);
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
