/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands, and the order of start and stop; nothing else. */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/control.h"
#include "daemon/ctl.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/milter.h"
#include "daemon/options.h"
#include "daemon/remote.h"
#include "daemon/sandbox.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "mail/breaker.h"
#include "mail/crowd.h"
#include "mail/grace.h"
#include "mail/session.h"
#include "policy/list.h"
#include "policy/policy.h"
#include "policy/suffixes.h"
#include "spf/identity.h"
#include "tool/advisor.h"
#include "tool/dryrun.h"
#include "tool/replay.h"

#define STOP_ROUND_MS 100	/* a second SIGTERM is seen so soon */
/* They go on where answers have come, which one thread of libunbound brings. */
#define EVALUATION_THREADS 2
#define MAX_IN_FLIGHT 10000

struct service {
	char		 hostname[256];
	struct dns	*dns;
	struct flights	*flights;
	struct crowd	 crowd;
	struct session_env env;
	void		(*dns_failed)(void);	/* or NULL */
};

static void
print_versions(void)
{
	printf("spf-milter %s\n%s\n%s\n%s\n%s\n%s\n%s\n", PACKAGE_VERSION,
	    milter_version(), eval_version(), dns_version(), conf_version(),
	    identity_version(), dryrun_version());
	for (size_t i = 0; i < LIST_LIBRARIES; i++) {
		if (list_library(i) != NULL)
			puts(list_library(i));
	}
	if (suffixes_version() != NULL)
		puts(suffixes_version());
	if (http_version() != NULL)
		printf("libmicrohttpd %s\n", http_version());
}

/* Prints what d has and exits with status, unless ok. */
static void
require(bool ok, const struct diag *d, int status)
{
	if (ok)
		return;
	diag_print(d, "spf-milter");
	exit(status);
}

/*
 * The configuration that o names.  The default file may be missing: then the
 * built-in defaults hold.
 */
static struct conf *
load(const struct options *o, struct diag *d)
{
	const char *path = o->config != NULL ? o->config : CONF_DEFAULT_PATH;

	if (o->config == NULL && access(path, F_OK) != 0 && errno == ENOENT) {
		fprintf(stderr, "spf-milter: no %s, using the defaults\n",
		    path);
		path = NULL;
	}
	struct conf *c = conf_load(path, o->settings, d);
	require(c != NULL, d, EX_CONFIG);
	return c;
}

static bool
check_pid_file(const struct conf *c, struct diag *d)
{
	char problem[PROCESS_PROBLEM_SIZE];
	bool good = process_check_pid_file(c->pid_file, problem);

	if (!good)
		conf_complain(c, d, "pid_file", "%s: %s", c->pid_file,
		    problem);
	return good;
}

/* Whether this machine has what c names: -n asks it, and a start. */
static bool
check_site(const struct conf *c, struct diag *d)
{
	bool accounts = sandbox_check(c, d);
	bool socket = milter_check(c, d);
	bool control = control_check(c, d);

	return check_pid_file(c, d) && accounts && socket && control;
}

/* What keeps mail servers from us: for a terminal, or for the log. */
static void
note_site(const struct conf *c, bool logs)
{
	struct diag d;

	diag_init(&d);
	milter_note(c, &d);
	if (logs)
		log_diag(LOG_LEVEL_WARNING, NULL, &d);
	else
		diag_print(&d, "spf-milter");
	diag_fini(&d);
}

static int
check(const struct conf *c, bool verbose, struct diag *d)
{
	const char *mail = policy_level_departure(c->behavior);
	const char *helo = policy_level_departure(c->behavior_helo);

	if (verbose) {
		conf_dump(c, stdout);
		fflush(stdout);		/* what follows comes after it */
	}
	diag_print(&c->notes, "spf-milter");
	note_site(c, false);
	if (mail != NULL)
		fprintf(stderr, "behavior = %u: %s\n", c->behavior, mail);
	if (helo != NULL)
		fprintf(stderr, "behavior_helo = %u: %s\n", c->behavior_helo,
		    helo);
	if (c->socket.handed != NULL)
		fprintf(stderr, "socket = %s: opened by what starts the "
		    "daemon, so it is not checked\n", c->socket.text);
	require(check_site(c, d), d, EX_CONFIG);
	fprintf(stderr, "%s: configuration is valid\n",
	    c->path != NULL ? c->path : "built-in defaults");
	return EX_OK;
}

/* Resolver and evaluations, which tell waiting; false: d says why. */
static bool
service_start(struct service *s, const struct conf *c, const char *zone,
    bool (*waiting)(bool begins), struct diag *d)
{
	struct dns_options dns = ctl_dns_options(c);
	const struct flight_options flights = {
		.threads = EVALUATION_THREADS,
		.max_in_flight = MAX_IN_FLIGHT,
		.waiting = waiting
	};

	if (gethostname(s->hostname, sizeof(s->hostname) - 1) != 0)
		util_copy(s->hostname, sizeof(s->hostname), "localhost");
	dns.zone_file = zone;
	dns.failed = s->dns_failed;
	eval_init();
	s->dns = dns_new(&dns, d);
	if (s->dns == NULL)
		return false;
	s->flights = flights_new(s->dns, &flights);
	if (s->flights == NULL) {
		diag_add(d, NULL, 0, "cannot start threads: %s",
		    strerror(errno));
		return false;
	}
	crowd_init(&s->crowd);
	s->env.crowd = &s->crowd;
	s->env.flights = s->flights;
	s->env.hostname = s->hostname;
	return true;
}

static void
service_stop(struct service *s)
{
	flights_free(s->flights);
	dns_free(s->dns);
	crowd_fini(&s->crowd);
	grace_free(s->env.grace);
	breaker_free(s->env.breaker);
}

static FILE *
open_input(const char *path)
{
	FILE *in = fopen(path, "r");

	if (in == NULL) {
		fprintf(stderr, "spf-milter: %s: %s\n", path, strerror(errno));
		exit(EX_NOINPUT);
	}
	return in;
}

static int
dryrun_file(const struct service *s, const struct options *o,
    const struct conf *c)
{
	if (strcmp(o->lines, "-") == 0 && isatty(STDIN_FILENO))
		fputs("spf-milter: reading standard input, lines of: ip helo "
		    "sender [rcpt]; Control-D ends them\n", stderr);
	if (strcmp(o->lines, "-") == 0)
		return (int)dryrun_lines(&s->env, c, stdin, "standard input",
		    o->json, stdout);

	FILE *in = open_input(o->lines);
	int status = (int)dryrun_lines(&s->env, c, in, o->lines, o->json,
	    stdout);
	fclose(in);
	return status;
}

static int
replay_log(const struct service *s, const struct options *o,
    const struct conf *c, struct diag *d)
{
	struct replay_request q = { .log = o->replay, .conf = c,
		.state = o->state, .rate = o->questions, .json = o->json };
	struct conf *other = NULL;

	if (o->against != NULL) {
		other = conf_load(o->against, o->settings, d);
		require(other != NULL, d, EX_CONFIG);
		q.against = other;
	}
	int status = replay(&s->env, &q, stdout);
	conf_release(other);
	return status;
}

static int
dryrun(const struct options *o, const struct conf *c, struct diag *d)
{
	struct dryrun_transaction one = { .ip = o->ip, .helo = o->helo,
		.sender = o->sender, .rcpt = o->rcpt };
	struct service s = { .dns = NULL };
	int status;

	if (o->header != NULL)
		one.header = open_input(o->header);
	log_set_level(o->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	require(service_start(&s, c, o->zone, NULL, d), d, EX_DATAERR);
	s.env.want_trace = o->explain || (o->json && o->replay == NULL);
	if (o->replay != NULL)
		status = replay_log(&s, o, c, d);
	else if (o->lines != NULL)
		status = dryrun_file(&s, o, c);
	else
		status = (int)dryrun_one(&s.env, c, &one, o->json, stdout);
	service_stop(&s);
	if (one.header != NULL)
		fclose(one.header);
	return status;
}

/* The configuration says which name servers to ask. */
static int
advise(const struct options *o, const struct conf *c, struct diag *d)
{
	const struct advisor_request request = { .domain = o->domain,
		.record = o->record, .json = o->json, .verbose = o->verbose };
	struct service s = { .dns = NULL };

	log_set_level(LOG_LEVEL_ERROR);
	require(service_start(&s, c, o->zone, NULL, d), d, EX_DATAERR);
	int status = (int)advisor_check(s.flights, &request, stdout);
	service_stop(&s);
	return status;
}

/* status, unless something could not be printed. */
static int
printed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("spf-milter: standard output");
	return EX_IOERR;
}

static void
log_counters(void)
{
	char text[1900];		/* a line has 2,000 */
	struct sbuf sb;
	unsigned next = 0;

	for (;;) {
		sbuf_init(&sb, text, sizeof(text));
		if (!stats_format(&sb, &next))
			return;
		log_info("counters: %s", text);
	}
}

static void
log_rule(void *arg, const char *name, uint64_t hits, int64_t last_s)
{
	char text[32] = "";
	time_t last = (time_t)last_s;
	struct tm tm;

	(void)arg;
	if (hits == 0)
		return;
	if (localtime_r(&last, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	log_info("rule \"%s\": hits=%llu last=%s", name,
	    (unsigned long long)hits, text);
}

/* A reload reads the files as the user that we are by now. */
static void
warn_of_reload(const struct conf *c)
{
	struct diag d;

	diag_init(&d);
	conf_release(conf_reload(c, &d));
	log_diag(LOG_LEVEL_WARNING, "a reload will not work", &d);
	diag_fini(&d);
}

/* Of the process: its file, its socket and its user. */
static int
start_process(const struct conf *c, struct diag *d)
{
	char problem[PROCESS_PROBLEM_SIZE];
	bool changed;

	if (!process_write_pid_file(c->pid_file, problem)) {
		conf_complain(c, d, "pid_file", "%s: %s", c->pid_file,
		    problem);
		return EX_OSERR;
	}
	if (!milter_open(c, d) || !control_open(c, d))
		return EX_UNAVAILABLE;
	if (!sandbox_drop(c, &changed, d))
		return EX_NOPERM;
	if (geteuid() == 0)
		log_warning("running as root: set user in the configuration");
	sandbox_enter(c);
	if (changed)
		warn_of_reload(c);
	return EX_OK;
}

/* Who starts it by hand would see nothing where the log goes elsewhere. */
static void
greet(const struct conf *c)
{
	static const char *const places[] = {
		[LOG_TARGET_STDERR] = "standard error",
		[LOG_TARGET_SYSLOG] = "syslog, as spf-milter",
		[LOG_TARGET_JOURNALD] = "the journal, as spf-milter"
	};

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "spf-milter: ready on %s; the log goes to %s\n",
		    c->socket.text, places[c->log]);
}

/*
 * Everything up to the first message that can be served, from where we are in
 * the background.  Another status than EX_OK: d says why.
 */
static int
start(const struct conf *c, struct service *s, struct diag *d)
{
	log_diag(LOG_LEVEL_WARNING, NULL, &c->notes);
	if (!check_site(c, d))
		return EX_UNAVAILABLE;	/* an address may come up later */
	note_site(c, true);
	int status = start_process(c, d);
	if (status != EX_OK)
		return status;
	if (!log_start()) {
		diag_add(d, NULL, 0, "cannot start a thread: %s",
		    strerror(errno));
		return EX_OSERR;
	}
	if (!service_start(s, c, NULL, milter_waiting, d))
		return EX_OSERR;
	s->env.grace = grace_new();
	s->env.breaker = breaker_new(s->dns);
	metrics_init(&s->env, s->dns);
	if (!milter_start(&s->env, d) || !control_start(d))
		return EX_OSERR;
	log_event(LOG_EVENT_START, LOG_LEVEL_NOTICE,
	    "spf-milter %s listens on %s, behavior %u", PACKAGE_VERSION,
	    c->socket.text, c->behavior);
	greet(c);
	process_started();
	ctl_notify_ready("Serving");
	return EX_OK;
}

/* False: we are the parent of a daemon, or there is none; *status is ours. */
static bool
go_to_background(const struct options *o, int *status)
{
	if (!o->background || process_background(status))
		return true;
	if (*status < 0) {
		fprintf(stderr, "spf-milter: cannot go to the background: "
		    "%s\n", strerror(errno));
		*status = EX_OSERR;
	}
	return false;
}

/*
 * Until the last message under way has ended, for stop_grace at most, or until
 * told once more; how many are left.
 */
static unsigned
stop_serving(void)
{
	const struct conf *c = conf_acquire();
	int64_t now_ms = util_now_ms();
	int64_t until_ms = now_ms + c->stop_grace_ms;
	unsigned left;

	conf_release(c);
	milter_stop();
	do {
		int64_t round_ms = now_ms + STOP_ROUND_MS;

		left = milter_wait(round_ms < until_ms ? round_ms : until_ms);
		now_ms = util_now_ms();
	} while (left > 0 && now_ms < until_ms && !ctl_is_told_again());
	return left;
}

static int
serve(const struct options *o, struct conf *c, struct diag *d)
{
	struct service s = { .dns_failed = ctl_fail };
	int status;

	log_set_format(c->log_format);
	log_set_privacy(c->log_privacy);
	log_open(c->log, c->syslog_facility);
	log_set_level(o->verbose ? LOG_LEVEL_DEBUG : c->log_level);
	conf_publish(c);
	if (!go_to_background(o, &status))
		return status;
	status = start(c, &s, d);
	if (status != EX_OK) {
		diag_print(d, "spf-milter");
		milter_close();
		control_stop();
		process_remove_pid_file();
		log_stop();
		return status;
	}
	bool asked = ctl_run(s.dns, o->verbose);
	status = asked && !milter_failed() ? EX_OK : EX_OSERR;
	ctl_notify_stopping();
	control_stop();
	unsigned left = stop_serving();
	log_counters();
	tally_walk(log_rule, NULL);
	process_remove_pid_file();
	if (left > 0) {
		log_warning("stopped with messages under way: %u", left);
		log_stop();
		_exit(status);
	}
	service_stop(&s);
	conf_publish(NULL);
	log_event(LOG_EVENT_STOP, LOG_LEVEL_NOTICE, "stopped");
	log_stop();
	return status;
}

/* Also where the file has mistakes by now. */
static int
ask_running(const struct options *o)
{
	char *path = conf_find_control(o->config != NULL ? o->config :
	    CONF_DEFAULT_PATH, o->settings);
	int status = EX_UNAVAILABLE;

	if (path[0] == '\0')
		fputs("spf-milter: control = \"\": without this socket only "
		    "signals reach the daemon\n", stderr);
	else if (o->command == OPTIONS_RELOAD)
		status = remote_reload(path);
	else if (o->watch)
		status = remote_watch(path, o->json,
		    (int64_t)o->period_s * 1000);
	else
		status = remote_status(path, o->json);
	free(path);
	return status;
}

static int
run(const struct options *o, struct diag *d)
{
	if (o->command == OPTIONS_RELOAD || o->command == OPTIONS_STATUS)
		return printed(ask_running(o));
	if (o->command == OPTIONS_GENERATE)
		return printed((int)advisor_generate(o->parts, o->part_count,
		    o->json, stdout));
	if (o->command == OPTIONS_RUN)
		ctl_take_signals();

	struct conf *c = load(o, d);
	int status = EX_OK;

	if (o->command == OPTIONS_RUN)
		return serve(o, c, d);	/* which publishes c */
	if (o->command == OPTIONS_CHECK)
		status = check(c, o->verbose, d);
	else if (o->command == OPTIONS_ADVISE)
		status = printed(advise(o, c, d));
	else
		status = printed(dryrun(o, c, d));
	conf_release(c);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct diag d;

	milter_take_handed();
	if (!process_open_standard())
		return EX_OSERR;
	if (!options_parse(&o, argc, argv))
		return EX_USAGE;
	if (o.command == OPTIONS_HELP) {
		options_usage(stdout);
		return EX_OK;
	}
	if (o.command == OPTIONS_VERSION) {
		print_versions();
		return EX_OK;
	}
	diag_init(&d);
	int status = run(&o, &d);
	diag_fini(&d);
	return status;
}
