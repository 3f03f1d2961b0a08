/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control thread.
 *
 * libmilter takes SIGHUP, SIGTERM and SIGINT on a thread of its own with
 * sigwait(3), and each of them as "stop".  A signal to the process is pending
 * for all threads: whatever thread the kernel has chosen for a SIGHUP, a
 * thread that enters sigwait before that one runs takes it; and a thread that
 * sits in sigwait is chosen itself while ours is busy with a signal.  So this
 * program has a sigwait of its own, which libmilter is linked to, and which
 * does not wait for SIGHUP.  The control thread is then the only one to take
 * it.
 *
 * The handler writes one octet to a pipe that never blocks; a full pipe means
 * that a reload is due anyway.  SIGUSR1 does the same.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ctl.h"
#include "log.h"
#include "stats.h"
#include "util.h"

#define REQUEST_RELOAD 'r'
#define REQUEST_STOP 's'

/* Requests that are taken together: one reload serves them all. */
#define REQUESTS_MAX 4096

static int control_pipe[2] = { -1, -1 };
static pthread_t control_thread;
static char *control_path;	/* set before the thread starts */
static atomic_bool stop_signalled;

static void
request(char what)
{
	ssize_t n = write(control_pipe[1], &what, 1);

	(void)n;	/* full: a request is waiting already */
}

static void
on_signal(int signo)
{
	int saved = errno;

	(void)signo;
	request(REQUEST_RELOAD);
	errno = saved;
}

/* In place of the one of libc: see above. */
int
sigwait(const sigset_t *set, int *signo)
{
	sigset_t others = *set;
	int caught;

	sigdelset(&others, SIGHUP);
	do {
		caught = sigwaitinfo(&others, NULL);
	} while (caught < 0 && errno == EINTR);
	if (caught < 0)
		return errno;
	atomic_store(&stop_signalled, true);
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
		log_set_level(fresh->log_level);
		conf_publish(fresh);
		stats_inc(STATS_RELOADS);
		log_warning("configuration reloaded%s%s",
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
	char what[REQUESTS_MAX];

	(void)arg;
	sigemptyset(&reloads);
	sigaddset(&reloads, SIGHUP);
	sigaddset(&reloads, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &reloads, NULL);
	for (;;) {
		ssize_t n = read(control_pipe[0], what, sizeof(what));

		if (n > 0 && memchr(what, REQUEST_STOP, (size_t)n) != NULL)
			break;
		if (n > 0)
			reload();
		else if (n == 0 || errno != EINTR)
			break;
	}
	return NULL;
}

static bool
open_pipe(void)
{
	if (pipe(control_pipe) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		fcntl(control_pipe[i], F_SETFD, FD_CLOEXEC);
	return fcntl(control_pipe[1], F_SETFL, O_NONBLOCK) == 0;
}

bool
ctl_start(const char *path)
{
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_NODEFER | SA_RESTART };

	if (!open_pipe())
		return false;
	control_path = path != NULL ? xstrdup(path) : NULL;
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);

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
	const char stop = REQUEST_STOP;

	/* The pipe may be full of requests, which the thread works off. */
	while (write(control_pipe[1], &stop, 1) != 1 && errno == EAGAIN) {
		struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

		nanosleep(&pause, NULL);
	}
	pthread_join(control_thread, NULL);
	free(control_path);
	control_path = NULL;
}
