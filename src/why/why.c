/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spf-why: the page that a refusal's link leads to.
 *
 * A program of its own with a user of its own: it reads what anybody sends,
 * and neither its fall nor a flood of readers touches mail.  It knows of a
 * refusal what the link says, and asks nobody.
 */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/process.h"
#include "eval/eval.h"
#include "dns/dns.h"
#include "why/why_http.h"
#include "why/why_options.h"
#include "why/why_recheck.h"
#include "why/why_site.h"

static int
new_key(const char *path)
{
	const char *problem = key_make(path);

	if (problem == NULL)
		return EX_OK;
	fprintf(stderr, "spf-why: %s: %s\n", path, problem);
	return EX_CANTCREAT;
}

static void
print_versions(void)
{
	printf("spf-why %s\nlibmicrohttpd %s\n%s\n%s\n", PACKAGE_VERSION,
	    why_http_version(), eval_version(), dns_version());
}

/* False: d says why. */
static bool
site_init(struct why_site *s, const struct why_options *o, struct diag *d)
{
	*s = (struct why_site){ .key_count = o->key_count,
		.contact = o->contact, .days = o->days,
		.offers_check = o->recheck };
	for (size_t i = 0; i < o->key_count; i++) {
		const char *problem = key_read(o->keys[i], s->keys[i]);

		if (problem != NULL)
			diag_add(d, o->keys[i], 0, "%s", problem);
	}
	s->texts = d->count == 0 ? why_texts_load(o->texts, d) : NULL;
	return s->texts != NULL;
}

static void
site_fini(struct why_site *s)
{
	explicit_bzero(s->keys, sizeof(s->keys));
	why_texts_free(s->texts);
}

/* A token, or the link with one. */
static int
render(const struct why_site *s, const char *link, const char *language)
{
	const char *t = strstr(link, "?t=");
	char *token;

	t = t != NULL ? t + strlen("?t=") : link;
	token = xstrndup(t, strcspn(t, "&"));
	(void)why_site_answer(s, &(struct why_request){ .token = token,
	    .language = language }, NULL, time(NULL), stdout);
	free(token);
	if (fflush(stdout) == 0)
		return EX_OK;
	perror("spf-why: standard output");
	return EX_IOERR;
}

static sigset_t
take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return set;
}

/* Until told to end. */
static void
run(struct why_http *h, const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };

	while (sigtimedwait(signals, NULL, &second) < 0)
		why_http_expire(h, util_now_ms());
}

/*
 * Gives up what it does not need: of files all but zones of time, and of
 * sockets all but the one that listens, unless it asks the DNS.
 */
static void
confine(const struct why_options *o)
{
	static struct confine_report report;

	if (o->unconfined || !confine_is_built()) {
		log_notice("not confined: %s", o->unconfined ?
		    "--unconfined" : "this build cannot");
		return;
	}
	struct confine *c = confine_new();
	confine_read(c, "/usr/share/zoneinfo");
	confine_read(c, "/etc/localtime");
	if (o->zone != NULL)
		confine_read_beside(c, o->zone);
	if (o->recheck) {
		confine_read_system(c);
		dns_confine(c);
	} else {
		confine_no_sockets(c);
	}
	confine_enter(c, &report);
	confine_log(&report);
}

/* -1: d says why. */
static int
open_listener(const char *text, struct diag *d)
{
	union listen_place place;

	if (!listen_parse(text, &place)) {
		diag_add(d, NULL, 0, "--listen %s: " LISTEN_SHAPES " is "
		    "wanted", text);
		return -1;
	}
	int fd = listen_open(&place);
	if (fd < 0)
		diag_add(d, NULL, 0, "--listen %s: %s", text,
		    strerror(errno));
	return fd;
}

/* Serves with rechecks, which are NULL where there are none. */
static int
serve_with(int listener, const struct why_site *s, const struct why_options *o,
    struct why_rechecks *rechecks, const sigset_t *signals, struct diag *d)
{
	struct why_http *h = why_http_start(listener, s, rechecks, d);
	if (h == NULL)
		return EX_OSERR;
	log_notice("spf-why %s listens on %s", PACKAGE_VERSION, o->listen);
	run(h, signals);
	why_rechecks_stop(rechecks);
	why_http_stop(h);
	log_notice("stopped");
	return EX_OK;
}

static int
serve(const struct why_site *s, const struct why_options *o, struct diag *d)
{
	const sigset_t signals = take_signals();
	struct why_rechecks *rechecks = NULL;

	if (geteuid() == 0) {
		diag_add(d, NULL, 0, "not as root: it reads what anybody "
		    "sends; start it as a user of its own");
		return EX_NOPERM;
	}
	log_open(LOG_TARGET_STDERR, 0);
	eval_init();
	int listener = open_listener(o->listen, d);
	if (listener < 0)
		return EX_UNAVAILABLE;
	confine(o);
	log_set_level(LOG_LEVEL_ERROR);
	if (o->recheck)
		rechecks = why_rechecks_new(o->zone, d);
	int status = o->recheck && rechecks == NULL ? EX_CONFIG :
	    serve_with(listener, s, o, rechecks, &signals, d);
	why_rechecks_free(rechecks);
	return status;
}

static int
run_command(const struct why_options *o)
{
	struct why_site s;
	struct diag d;
	int status = EX_CONFIG;

	diag_init(&d);
	if (site_init(&s, o, &d))
		status = o->command == WHY_RENDER ?
		    render(&s, o->argument, o->language) : serve(&s, o, &d);
	diag_print(&d, "spf-why");
	site_fini(&s);
	diag_fini(&d);
	return status;
}

int
main(int argc, char **argv)
{
	struct why_options o;

	if (!process_open_standard())
		return EX_OSERR;
	if (!why_options_parse(&o, argc, argv))
		return EX_USAGE;
	switch (o.command) {
	case WHY_HELP:
		why_options_usage(stdout);
		return EX_OK;
	case WHY_VERSION:
		print_versions();
		return EX_OK;
	case WHY_NEW_KEY:
		return new_key(o.argument);
	case WHY_SERVE:
	case WHY_RENDER:
		break;
	}
	return run_command(&o);
}
