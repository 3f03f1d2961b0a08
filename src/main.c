/* SPDX-License-Identifier: BSD-2-Clause */
/* Options, and the order of start and stop; nothing else. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "ctl.h"
#include "dns.h"
#include "dryrun.h"
#include "eval.h"
#include "flight.h"
#include "identity.h"
#include "log.h"
#include "milter.h"
#include "policy.h"
#include "sandbox.h"
#include "session.h"
#include "stats.h"
#include "util.h"

#define DRAIN_MS 2500		/* with libmilter's 5 s: within 8 s of a TERM */
#define EVALUATION_THREADS 2
#define MAX_IN_FLIGHT 10000

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_DRYRUN };

struct options {
	enum command	 command;
	const char	*path;
	bool		 path_given;
	bool		 background;
	bool		 verbose;
	bool		 json;
	const char	*zone;
	const char	*lines;		/* file of transactions; "-" */
	struct dryrun_transaction transaction;
};

struct service {
	char		 hostname[256];
	struct dns	*dns;
	struct flights	*flights;
	struct session_env env;
};

static void
usage(FILE *out)
{
	fputs("usage: spf-milter [-c FILE] [-f | -b] [-v]\n"
	    "       spf-milter -n [-v] [-c FILE]\n"
	    "       spf-milter -t [-c FILE] [--zone FILE] [--json] "
	    "--ip IP --helo NAME --sender ADDRESS [--rcpt ADDRESS]\n"
	    "       spf-milter -t [-c FILE] [--zone FILE] [--json] [FILE]\n"
	    "       spf-milter -V | -h\n", out);
}

static void
print_versions(void)
{
	printf("spf-milter %s\n%s\n%s\n%s\n%s\n%s\n", PACKAGE_VERSION,
	    milter_version(), eval_version(), dns_version(), conf_version(),
	    identity_version());
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "background", no_argument, NULL, 'b' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "check", no_argument, NULL, 'n' },
	{ "dry-run", no_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "ip", required_argument, NULL, 'I' },
	{ "helo", required_argument, NULL, 'H' },
	{ "sender", required_argument, NULL, 'S' },
	{ "rcpt", required_argument, NULL, 'R' },
	{ "zone", required_argument, NULL, 'Z' },
	{ "json", no_argument, NULL, 'J' },
	{ NULL, 0, NULL, 0 }
};

/* One option; false: not one of ours. */
static bool
take_option(struct options *o, int opt)
{
	switch (opt) {
	case 'c':
		o->path = optarg;
		o->path_given = true;
		return true;
	case 'f':
	case 'b':
		o->background = opt == 'b';
		return true;
	case 'v':
		o->verbose = true;
		return true;
	case 'n':
		o->command = COMMAND_CHECK;
		return true;
	case 't':
		o->command = COMMAND_DRYRUN;
		return true;
	case 'I':
		o->transaction.ip = optarg;
		return true;
	case 'H':
		o->transaction.helo = optarg;
		return true;
	case 'S':
		o->transaction.sender = optarg;
		return true;
	case 'R':
		o->transaction.rcpt = optarg;
		return true;
	case 'Z':
		o->zone = optarg;
		return true;
	case 'J':
		o->json = true;
		return true;
	default:
		return false;
	}
}

/* NULL, or what is wrong with the options taken together. */
static const char *
options_problem(struct options *o, int rest, char **argv)
{
	const struct dryrun_transaction *t = &o->transaction;
	bool single = t->ip != NULL || t->helo != NULL || t->sender != NULL ||
	    t->rcpt != NULL;

	if (o->command != COMMAND_DRYRUN) {
		if (single || o->zone != NULL || o->json)
			return "--ip, --helo, --sender, --rcpt, --zone and "
			    "--json go with -t";
		return rest > 0 ? "unexpected argument" : NULL;
	}
	if (single && (t->ip == NULL || t->helo == NULL || t->sender == NULL))
		return "one transaction needs --ip, --helo and --sender";
	if (rest > (single ? 0 : 1))
		return "unexpected argument";
	if (!single)
		o->lines = rest == 1 ? argv[0] : "-";
	return NULL;
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "c:fbvntVh", long_options,
	    NULL)) != -1) {
		if (opt == 'V') {
			print_versions();
			exit(EX_OK);
		}
		if (opt == 'h') {
			usage(stdout);
			exit(EX_OK);
		}
		if (!take_option(o, opt)) {
			usage(stderr);
			exit(EX_USAGE);
		}
	}

	const char *problem = options_problem(o, argc - optind, argv + optind);
	if (problem != NULL) {
		fprintf(stderr, "spf-milter: %s\n", problem);
		usage(stderr);
		exit(EX_USAGE);
	}
}

static void
print_diag(const struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[2048];
		struct sbuf sb;

		sbuf_init(&sb, line, sizeof(line));
		diag_format(&d->entries[i], &sb);
		fprintf(stderr, "spf-milter: %s\n", line);
	}
}

/* Prints what d has and exits with status, unless ok. */
static void
require(bool ok, const struct diag *d, int status)
{
	if (ok)
		return;
	print_diag(d);
	exit(status);
}

/* The default file may be missing: then the built-in defaults hold. */
static struct conf *
load(struct options *o, struct diag *d)
{
	if (!o->path_given && access(o->path, F_OK) != 0 && errno == ENOENT) {
		fprintf(stderr, "spf-milter: no %s, using the defaults\n",
		    o->path);
		o->path = NULL;
	}
	struct conf *c = conf_load(o->path, d);
	require(c != NULL, d, EX_CONFIG);
	if (o->verbose)
		c->log_level = LOG_LEVEL_DEBUG;
	return c;
}

static int
check(const struct conf *c, bool verbose)
{
	const char *mail = policy_level_departure(c->behavior);
	const char *helo = policy_level_departure(c->behavior_helo);

	if (verbose)
		conf_dump(c, stdout);
	if (mail != NULL)
		printf("behavior = %u: %s\n", c->behavior, mail);
	if (helo != NULL)
		printf("behavior_helo = %u: %s\n", c->behavior_helo, helo);
	printf("%s: configuration is valid\n",
	    c->path != NULL ? c->path : "built-in defaults");
	return EX_OK;
}

/* Resolver and evaluations; false: d says why. */
static bool
service_start(struct service *s, const struct conf *c, const char *zone,
    struct diag *d)
{
	const struct dns_options dns = {
		.servers = (const char *const *)c->dns_servers,
		.server_count = c->dns_server_count,
		.zone_file = zone,
		.query_timeout_ms = c->dns_query_timeout_ms,
		.cache_size = c->dns_cache_size,
		.dnssec = c->dnssec
	};
	const struct flight_options flights = {
		.threads = EVALUATION_THREADS,
		.max_in_flight = MAX_IN_FLIGHT
	};

	if (gethostname(s->hostname, sizeof(s->hostname) - 1) != 0)
		util_copy(s->hostname, sizeof(s->hostname), "localhost");
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
	s->env.flights = s->flights;
	s->env.hostname = s->hostname;
	return true;
}

static void
service_stop(struct service *s)
{
	flights_free(s->flights);
	dns_free(s->dns);
}

static int
dryrun(const struct options *o, const struct conf *c, struct diag *d)
{
	struct service s = { .dns = NULL };
	enum dryrun_status status;

	log_set_level(o->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	require(service_start(&s, c, o->zone, d), d, EX_DATAERR);
	if (o->lines == NULL) {
		status = dryrun_one(&s.env, c, &o->transaction, o->json,
		    stdout);
	} else if (strcmp(o->lines, "-") == 0) {
		status = dryrun_lines(&s.env, c, stdin, "standard input",
		    o->json, stdout);
	} else {
		FILE *in = fopen(o->lines, "r");

		if (in == NULL) {
			fprintf(stderr, "spf-milter: %s: %s\n", o->lines,
			    strerror(errno));
			exit(EX_NOINPUT);
		}
		status = dryrun_lines(&s.env, c, in, o->lines, o->json,
		    stdout);
		fclose(in);
	}
	service_stop(&s);
	return (int)status;
}

/*
 * Goes to the background.  The parent stays until the child tells it the
 * status of the start through the pipe, so that its own exit status is true.
 * Returns the descriptor to report to.
 */
static int
daemonize(void)
{
	int fds[2];
	unsigned char status = EX_OSERR;

	if (pipe(fds) != 0) {
		perror("spf-milter: pipe");
		exit(EX_OSERR);
	}
	pid_t pid = fork();
	if (pid < 0) {
		perror("spf-milter: fork");
		exit(EX_OSERR);
	}
	if (pid == 0) {
		close(fds[0]);
		setsid();
		return fds[1];
	}
	close(fds[1]);
	if (read(fds[0], &status, 1) != 1) {
		/* The child has said why and exited. */
		status = EX_OSERR;
	}
	_exit(status);
}

static void
report_started(int fd)
{
	const unsigned char status = EX_OK;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		for (int i = 0; i <= 2; i++)
			dup2(null, i);
		close(null);
	}
	if (write(fd, &status, 1) != 1)
		log_warning("nobody waits for our start");
	close(fd);
}

static bool
write_pid_file(const char *path, struct diag *d)
{
	if (path[0] == '\0')
		return true;

	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool written = fd >= 0 && dprintf(fd, "%ld\n", (long)getpid()) > 0;
	if (fd >= 0 && close(fd) != 0)
		written = false;
	if (!written)
		diag_add(d, NULL, 0, "pid_file %s: %s", path,
		    strerror(errno));
	return written;
}

/* Before any thread: only libmilter's and the control thread take these. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void
log_counters(void)
{
	char text[1900];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	stats_format(&sb);
	log_info("counters: %s", text);
}

static int
serve(const struct options *o, struct conf *c, struct diag *d)
{
	struct service s = { .dns = NULL };
	int report = -1;
	unsigned left;

	log_open(c->log, c->syslog_facility);
	log_set_level(c->log_level);
	require(milter_open(c, d), d, EX_UNAVAILABLE);
	if (o->background)
		report = daemonize();
	require(write_pid_file(c->pid_file, d), d, EX_CANTCREAT);
	require(sandbox_drop(c, d), d, EX_NOPERM);
	if (geteuid() == 0)
		log_warning("running as root: set user in the configuration");
	block_signals();
	require(service_start(&s, c, NULL, d), d, EX_OSERR);
	char *pid_file = xstrdup(c->pid_file);
	log_warning("spf-milter %s listens on %s, behavior %u",
	    PACKAGE_VERSION, c->socket, c->behavior);
	conf_publish(c);
	if (!ctl_start(o->path)) {
		log_error("control thread: %s", strerror(errno));
		exit(EX_OSERR);
	}
	if (report >= 0)
		report_started(report);
	ctl_notify_ready();
	int failed = milter_run(&s.env);
	ctl_notify_stopping();
	if (pid_file[0] != '\0')
		unlink(pid_file);
	free(pid_file);
	log_counters();
	if (!milter_drain(DRAIN_MS, &left)) {
		log_warning("stopped with %u sessions open", left);
		_exit(failed == 0 ? EX_OK : EX_OSERR);
	}
	ctl_stop();
	service_stop(&s);
	conf_publish(NULL);
	log_warning("stopped");
	return failed == 0 ? EX_OK : EX_OSERR;
}

int
main(int argc, char **argv)
{
	struct options o = { .path = CONF_DEFAULT_PATH };
	struct diag d;
	int status = EX_OK;

	parse_options(&o, argc, argv);
	diag_init(&d);
	struct conf *c = load(&o, &d);
	switch (o.command) {
	case COMMAND_RUN:
		status = serve(&o, c, &d);
		break;
	case COMMAND_CHECK:
		status = check(c, o.verbose);
		conf_release(c);
		break;
	case COMMAND_DRYRUN:
		status = dryrun(&o, c, &d);
		conf_release(c);
		break;
	}
	diag_fini(&d);
	return status;
}
