/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control thread: it waits for SIGHUP and SIGUSR1, which are blocked in
 * all threads, and reloads.  Signals that come meanwhile are one.
 *
 * libmilter takes SIGHUP, SIGTERM and SIGINT on a thread of its own with
 * sigwait(3), and each of them as "stop".  A SIGHUP to the process is pending
 * for all threads, and who gets it, or a handler of it, is a race that
 * libmilter wins now and then.  So this program has a sigwait of its own, to
 * which libmilter is linked, and which does not wait for SIGHUP.
 */

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>

#include "conf.h"
#include "ctl.h"
#include "log.h"
#include "stats.h"
#include "util.h"

static pthread_t control_thread;
static char *control_path;	/* both set before the thread starts */
static bool log_verbose;
static atomic_bool stopping;
static atomic_bool stop_signalled;

/* The next signal of set, which is blocked. */
static int
wait_for_signal(const sigset_t *set)
{
	int signo;

	do {
		signo = sigwaitinfo(set, NULL);
	} while (signo < 0 && errno == EINTR);
	return signo;
}

static const struct itimerval stop_time = {
	.it_value = { CTL_STOP_MS / 1000, CTL_STOP_MS % 1000 * 1000 }
};

/* In place of the one of libc: see above. */
int
sigwait(const sigset_t *set, int *signo)
{
	sigset_t others = *set;

	sigdelset(&others, SIGHUP);
	int caught = wait_for_signal(&others);
	if (caught < 0)
		return errno;
	atomic_store(&stop_signalled, true);
	setitimer(ITIMER_REAL, &stop_time, NULL);
	*signo = caught;
	return 0;
}

bool
ctl_stop_signalled(void)
{
	return atomic_load(&stop_signalled);
}

static void
warn_restart(const char *name)
{
	log_warning("reload: a new value of %s takes effect only after a "
	    "restart", name);
}

static void
log_diag(const struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[1024];
		struct sbuf sb;

		sbuf_init(&sb, line, sizeof(line));
		diag_format(&d->entries[i], &sb);
		log_error("reload: %s", line);
	}
}

static void
reload(void)
{
	struct diag d;

	diag_init(&d);
	struct conf *fresh = conf_load(control_path, &d);
	if (fresh != NULL) {
		const struct conf *old = conf_acquire();

		conf_diff_restart(old, fresh, warn_restart);
		conf_release(old);
		if (!log_verbose)
			log_set_level(fresh->log_level);
		conf_publish(fresh);
		stats_inc(STATS_RELOADS);
		log_notice("configuration reloaded%s%s",
		    control_path != NULL ? " from " : "",
		    control_path != NULL ? control_path : "");
	} else {
		log_diag(&d);
		stats_inc(STATS_RELOADS_FAILED);
		log_error("reload: the old configuration stays in force");
	}
	diag_fini(&d);
}

static void *
control(void *arg)
{
	sigset_t reloads;

	(void)arg;
	sigemptyset(&reloads);
	sigaddset(&reloads, SIGHUP);
	sigaddset(&reloads, SIGUSR1);
	while (wait_for_signal(&reloads) > 0 && !atomic_load(&stopping))
		reload();
	return NULL;
}

bool
ctl_start(const char *path, bool verbose)
{
	log_verbose = verbose;
	control_path = path != NULL ? xstrdup(path) : NULL;

	int error = pthread_create(&control_thread, NULL, control, NULL);
	if (error != 0) {
		errno = error;
		return false;
	}
	return true;
}

void
ctl_stop(void)
{
	atomic_store(&stopping, true);
	pthread_kill(control_thread, SIGUSR1);
	pthread_join(control_thread, NULL);
	free(control_path);
	control_path = NULL;
}
