/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals are blocked in all threads and taken one by one by the first, which
 * has little else to do.  Those that come during a reload are one.  Every few
 * seconds it looks whether files of lists have changed, and rules expired: if
 * the disk hangs, signals wait, and mail goes on.
 */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/ctl_priv.h"

#define LISTS_SECONDS 2		/* a changed file is taken up within twice */
#define DAY_SECONDS 86400

/* The signals that the first thread takes. */
static sigset_t
own_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return set;
}

void
ctl_take_signals(void)
{
	const sigset_t set = own_signals();

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Once a day; a start and a reload tell them, too.  False: there are none. */
static bool
tell_expired(const struct conf *c, struct diag *mistakes)
{
	static int64_t told_s;		/* of the first thread */
	int64_t now_s = util_now_ms() / 1000;
	bool due = told_s != 0 && now_s - told_s >= DAY_SECONDS;

	if (due || told_s == 0)
		told_s = now_s;
	return conf_expired(c, time(NULL), due ? mistakes : NULL);
}

/* What changes by itself.  False: there is nothing. */
static bool
look_around(void)
{
	const struct conf *c = conf_acquire();
	struct diag mistakes;
	struct diag news;

	diag_init(&mistakes);
	diag_init(&news);
	bool any = conf_refresh(c, &news, &mistakes);
	any = tell_expired(c, &mistakes) || any;
	log_diag(LOG_LEVEL_NOTICE, NULL, &news);
	log_diag(LOG_LEVEL_WARNING, NULL, &mistakes);
	diag_fini(&news);
	diag_fini(&mistakes);
	conf_release(c);
	return any;
}

/* The next signal of set, which is blocked. */
static int
wait_for_signal(const sigset_t *set)
{
	const struct timespec round = { .tv_sec = LISTS_SECONDS };
	int signo;

	do {
		signo = look_around() ? sigtimedwait(set, NULL, &round) :
		    sigwaitinfo(set, NULL);
	} while (signo < 0 && (errno == EINTR || errno == EAGAIN));
	return signo;
}

static atomic_bool failed;

void
ctl_fail(void)
{
	atomic_store(&failed, true);
	kill(getpid(), SIGTERM);
}

bool
ctl_run(struct dns *dns, bool verbose)
{
	const sigset_t set = own_signals();
	int signo;

	while ((signo = wait_for_signal(&set)) == SIGHUP || signo == SIGUSR1)
		ctl_reload_now(dns, verbose);
	return !atomic_load(&failed);
}

bool
ctl_is_told_again(void)
{
	const sigset_t set = own_signals();
	const struct timespec at_once = { 0, 0 };
	int signo;

	do {
		signo = sigtimedwait(&set, NULL, &at_once);
	} while (signo == SIGHUP || signo == SIGUSR1);
	return signo > 0;
}
