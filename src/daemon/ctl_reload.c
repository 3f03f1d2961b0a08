/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reloads, and who waits for one.
 *
 * Whoever asks gets a number, which is due when a reload that began after that
 * has ended: files may have changed since an earlier one has read them.  So
 * those who ask during a reload share the next one.
 */

#include "config.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/ctl_priv.h"
#include "daemon/metrics.h"
#include "daemon/sandbox.h"

static struct lock lock = LOCK_INITIALIZER;
static uint64_t asked LOCK_GUARDED_BY(lock);
static uint64_t done LOCK_GUARDED_BY(lock);
static struct ctl_reload last LOCK_GUARDED_BY(lock);
static char *last_text LOCK_GUARDED_BY(lock);
static void (*tell)(void);		/* before threads */

uint64_t
ctl_reload_ask(void)
{
	lock_acquire(&lock);
	uint64_t number = ++asked;
	lock_release(&lock);
	kill(getpid(), SIGHUP);
	return number;
}

bool
ctl_reload_result(uint64_t number, struct ctl_reload *r, FILE *text)
{
	lock_acquire(&lock);
	bool due = last_text != NULL && done >= number;
	*r = last;
	if (due)
		fputs(last_text, text);
	lock_release(&lock);
	return due;
}

void
ctl_reload_on_end(void (*f)(void))
{
	tell = f;
}

/* What is told of the one under way. */
static FILE *report;

static void
warn_restart(const char *name)
{
	static const char text[] = "takes effect only after a restart";

	log_event(LOG_EVENT_RELOAD, LOG_LEVEL_WARNING,
	    "reload: a new value of %s %s", name, text);
	fprintf(report, "a new value of %s %s\n", name, text);
}

static void
report_diag(const struct diag *d)
{
	char text[2000];
	struct sbuf sb;

	for (size_t i = 0; i < d->count; i++) {
		sbuf_init(&sb, text, sizeof(text));
		diag_format(&d->entries[i], &sb);
		fprintf(report, "%s\n", text);
	}
}

struct dns_options
ctl_dns_options(const struct conf *c)
{
	return (struct dns_options){
		.servers = (const char *const *)c->dns_servers.list,
		.server_count = c->dns_servers.count,
		.query_timeout_ms = c->dns_query_timeout_ms,
		.cache_size = c->dns_cache_size,
		.serve_stale_ms = c->dns_serve_stale_ms,
		.dnssec = c->dnssec,
		.canary = c->dns_canary
	};
}

/* NULL: d says why. */
static struct conf *
load(const struct conf *old, struct dns *dns, struct diag *d)
{
	struct conf *c = conf_reload(old, d);

	if (c == NULL)
		return NULL;
	const struct dns_options o = ctl_dns_options(c);
	if (sandbox_covers(c, d) && dns_configure(dns, &o, d))
		return c;
	conf_release(c);
	return NULL;
}

static void
take_up(const struct conf *old, struct conf *fresh, bool verbose)
{
	conf_diff_restart(old, fresh, warn_restart);
	if (!verbose)
		log_set_level(fresh->log_level);
	log_set_target(fresh->log, fresh->syslog_facility);
	log_set_format(fresh->log_format);
	log_set_privacy(fresh->log_privacy);
	log_diag(LOG_LEVEL_WARNING, "reload", &fresh->notes);
	report_diag(&fresh->notes);
	conf_publish(fresh);
	stats_inc(STATS_RELOADS);
	metrics_note_reload(true, time(NULL));
	log_event(LOG_EVENT_RELOAD, LOG_LEVEL_NOTICE,
	    "configuration reloaded%s%s",
	    old->path != NULL ? " from " : "",
	    old->path != NULL ? old->path : "");
	fprintf(report, "configuration reloaded%s%s\n",
	    old->path != NULL ? " from " : "",
	    old->path != NULL ? old->path : "");
}

static void
refuse(const struct diag *d)
{
	log_diag(LOG_LEVEL_ERROR, "reload", d);
	report_diag(d);
	stats_inc(STATS_RELOADS_FAILED);
	metrics_note_reload(false, time(NULL));
	log_event(LOG_EVENT_RELOAD, LOG_LEVEL_ERROR,
	    "reload: the old configuration stays in force");
	fputs("the old configuration stays in force\n", report);
}

static bool
reload(struct dns *dns, bool verbose)
{
	const struct conf *old = conf_acquire();
	struct diag d;

	diag_init(&d);
	ctl_notify_reloading();
	struct conf *fresh = load(old, dns, &d);
	if (fresh != NULL)
		take_up(old, fresh, verbose);
	else
		refuse(&d);
	ctl_notify_ready(fresh != NULL ? "Serving, reloaded" : "Serving; the "
	    "last reload failed: the old configuration stays in force");
	conf_release(old);
	diag_fini(&d);
	return fresh != NULL;
}

void
ctl_reload_now(struct dns *dns, bool verbose)
{
	char *text = NULL;
	size_t len;

	lock_acquire(&lock);
	uint64_t covered = asked;
	lock_release(&lock);
	report = open_memstream(&text, &len);
	assert(report != NULL);
	bool good = reload(dns, verbose);
	int failed = fclose(report);
	assert(failed == 0);

	lock_acquire(&lock);
	char *old_text = last_text;
	last_text = text;
	last = (struct ctl_reload){ .good = good, .time_s = time(NULL) };
	done = covered;
	lock_release(&lock);
	free(old_text);
	if (tell != NULL)
		tell();
}
