/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All metrics, as text: the counters and histograms of stats, hits of rules,
 * and the figures of the moment, of which each is a row here.
 */

#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/exposition.h"
#include "base/process_figures.h"
#include "base/stats.h"
#include "base/tally.h"
#include "daemon/metrics.h"
#include "daemon/metrics_priv.h"
#include "dns/dns.h"

#define RULES_MAX 500		/* that are told by their names */
#define LABELS_SIZE 120		/* a name of 40 characters, escaped */

struct figure {
	const char		*name;
	enum exposition_kind	 kind;
	bool			 micro;	/* in millionths */
	const char		*help;
	size_t			 offset;
};

#define GAUGE(name, field, help) { name, EXPOSITION_GAUGE, false, help, \
	offsetof(struct metrics_figures, field) }

static const struct figure gauges[] = {
	GAUGE("spf_milter_ready", ready,
	    "1 where mail is served and name servers answer, as /readyz"),
	GAUGE("spf_milter_sessions_open", sessions_open,
	    "SMTP connections that are open"),
	GAUGE("spf_milter_flights", flights,
	    "Evaluations and lookups that wait for the DNS"),
	GAUGE("spf_milter_dns_cache_entries", cache_entries,
	    "Answers in the cache"),
	GAUGE("spf_milter_dns_cache_bytes", cache_octets,
	    "Memory that the answers in the cache take"),
	GAUGE("spf_milter_dns_cache_max_bytes", cache_octets_max,
	    "Memory that they may take (dns.cache_size)"),
	GAUGE("spf_milter_dns_failing", dns_failing,
	    "1 where no name server answers, or none the canary"),
	GAUGE("spf_milter_breaker_open", breaker_open,
	    "1 where temperrors are our own fault and mail is let through"),
	GAUGE("spf_milter_grace_entries", grace_entries,
	    "Deferred senders that are remembered (temperror_grace)"),
	GAUGE("spf_milter_rules", rules, "Rules of the configuration"),
	GAUGE("spf_milter_rules_expired", rules_expired,
	    "Rules that have expired and do nothing"),
	GAUGE("spf_milter_behavior", behavior,
	    "The level in force for MAIL FROM"),
	GAUGE("spf_milter_behavior_helo", behavior_helo,
	    "The level in force for HELO, 0 where it is not checked"),
	GAUGE("spf_milter_last_reload_successful", reload_ok,
	    "0 where the last reload was refused and the old configuration is "
	    "in force"),
	GAUGE("spf_milter_last_reload_success_timestamp_seconds", reload_s,
	    "When the configuration in force was taken up"),
};

#define PROCESS(name, kind, micro, field, help) { name, EXPOSITION_##kind, \
	micro, help, offsetof(struct process_figures, field) }

static const struct figure process[] = {
	PROCESS("process_cpu_seconds", COUNTER, true, cpu_us,
	    "Time of user and system that was used"),
	PROCESS("process_start_time_seconds", GAUGE, true, start_us,
	    "When the process was started, since 1970"),
	PROCESS("process_resident_memory_bytes", GAUGE, false, resident_octets,
	    "Memory that is resident"),
	PROCESS("process_virtual_memory_bytes", GAUGE, false, virtual_octets,
	    "Memory that is addressed"),
	PROCESS("process_open_fds", GAUGE, false, descriptors,
	    "Descriptors that are open"),
	PROCESS("process_max_fds", GAUGE, false, descriptors_max,
	    "Descriptors that may be open"),
	PROCESS("process_threads", GAUGE, false, threads, "Threads"),
};

static void
expose_figures(struct exposition *e, const struct figure *rows, size_t count,
    const void *base)
{
	for (const struct figure *f = rows; f < rows + count; f++) {
		uint64_t value;

		memcpy(&value, (const char *)base + f->offset, sizeof(value));
		exposition_begin(e, f->name, f->kind, f->help);
		if (f->micro)
			exposition_micro(e, "", value);
		else
			exposition_value(e, "", value);
	}
}

static void
expose_build(struct exposition *e)
{
	char storage[LABELS_SIZE];
	struct sbuf labels;

	sbuf_init(&labels, storage, sizeof(storage));
	exposition_label(&labels, "version", PACKAGE_VERSION);
	exposition_label(&labels, "resolver", dns_version());
	exposition_begin(e, "spf_milter_build", EXPOSITION_INFO,
	    "What this program is");
	exposition_value(e, storage, 1);
}

/*
 * Those of rules; what is beyond RULES_MAX is told together.  Who has a name
 * keeps it, so that no count falls or jumps.
 */
struct hits {
	struct exposition	*e;
	bool			 times;	/* of the last one, not how many */
	size_t			 told;
	uint64_t		 rest;
};

static void
expose_hits(void *arg, const char *name, uint64_t hits, int64_t last_s)
{
	struct hits *h = arg;
	char storage[LABELS_SIZE];
	struct sbuf labels;

	if (h->times && hits == 0)
		return;
	if (h->told++ >= RULES_MAX) {
		h->rest += hits;
		return;
	}
	sbuf_init(&labels, storage, sizeof(storage));
	exposition_label(&labels, "rule", name);
	exposition_value(h->e, storage, h->times ? (uint64_t)last_s : hits);
}

static void
expose_rules(struct exposition *e)
{
	struct hits hits = { .e = e };
	struct hits times = { .e = e, .times = true };

	exposition_begin(e, "spf_milter_rule_hits", EXPOSITION_COUNTER,
	    "Messages and recipients that a rule has decided; of more than "
	    "500 rules the newest are summed up without a name");
	tally_walk(expose_hits, &hits);
	if (hits.told > RULES_MAX)
		exposition_value(e, "", hits.rest);
	exposition_begin(e, "spf_milter_rule_last_hit_timestamp_seconds",
	    EXPOSITION_GAUGE, "When a rule decided last, since 1970");
	tally_walk(expose_hits, &times);
}

void
metrics_expose(struct exposition *e, const struct metrics_figures *f)
{
	struct process_figures p;

	expose_build(e);
	expose_figures(e, gauges, sizeof(gauges) / sizeof(gauges[0]), f);
	stats_expose(e);
	expose_rules(e);
	if (process_figures_read(&p))
		expose_figures(e, process,
		    sizeof(process) / sizeof(process[0]), &p);
	exposition_end(e);
}
