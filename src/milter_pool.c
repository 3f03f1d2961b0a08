/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libmilter's threads need of us.
 *
 * Signals.  On a thread of its own libmilter takes SIGHUP, SIGTERM and SIGINT
 * with sigwait(3), each of them as "stop", and in its stop it frees sessions
 * that its workers are still busy with.  So this program has a sigwait of its
 * own, to which libmilter is linked, and which takes nothing.
 *
 * The pump, which keeps the pool of workers moving.
 *
 * libmilter built with a pool starts a worker for an event only if none is
 * idle, and counts a worker as idle until it has woken up.  So of many events
 * that arrive together all but a few are queued, and if the callbacks that
 * got a worker have to wait, for the DNS say, the queue waits with them:
 * unrelated sessions stood still for seconds.
 *
 * What moves it is another event.  So while callbacks wait and for some
 * milliseconds none has begun, a thread connects to our own socket and hangs
 * up.  The pool, in which no worker is idle now, starts a new one for it, and
 * that one goes on with the queue until it comes to a callback that waits, too.
 * If then as many callbacks begin as connections were made, more may be queued:
 * the next time twice as many are made.  If none begins, nothing was queued:
 * the rounds get rarer until more callbacks wait, for other mail alone makes
 * callbacks begin.
 *
 * libmilter built without the pool starts a thread for each connection and
 * queues nothing; it is pushed for nothing then, but rarely.
 */

#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "lock.h"
#include "milter.h"
#include "milter_priv.h"
#include "util.h"

/*
 * Less page faults than with 8 MB; 64 kB are too few for libmilter.  Beyond
 * 16 kB a thread that ends gives back what it has touched (glibc), and
 * libmilter's pool ends one every tenth message: what a usual message needs
 * stays below.
 */
#define THREAD_STACK (256 * 1024)
/* No callback begun for so long, while one waits: perhaps they are queued. */
#define ROUND_MS 2
#define ROUND_MAX_MS 200
#define BURST_MAX 64

static struct sockaddr_storage address;		/* set before threads */
static socklen_t address_len;
static atomic_uint begun;			/* callbacks */

static struct lock lock = LOCK_INITIALIZER;
static struct cond changed;			/* the first, or one more */
static unsigned waiting;			/* lock */
static bool rare;				/* lock; a long round */

/* In place of the one of libc: see above. */
int
sigwait(const sigset_t *set, int *signo)
{
	sigset_t none;

	(void)set;
	sigemptyset(&none);
	do {
		*signo = sigwaitinfo(&none, NULL);
	} while (*signo < 0 && errno == EINTR);
	return errno;
}

static void
push(unsigned times)
{
	while (times-- > 0) {
		int fd = socket(address.ss_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			return;
		/* If it fails, enough connections are on their way. */
		int ignored = connect(fd, (const struct sockaddr *)&address,
		    address_len);
		(void)ignored;
		close(fd);
	}
}

/* Rounds, from the first that waits to the last. */
static void	pump_locked(void) LOCK_REQUIRES(lock);
static void
pump_locked(void)
{
	int64_t round_ms = ROUND_MS;
	unsigned burst = 1;
	bool pushed = false;
	unsigned begun_before = atomic_load(&begun);
	unsigned waiting_before = waiting;

	while (waiting > 0) {
		cond_wait_until(&changed, &lock, util_now_ms() + round_ms);
		unsigned moved = atomic_load(&begun) - begun_before;
		bool stalled = moved == 0;
		begun_before += moved;
		bool more = waiting > waiting_before;
		waiting_before = waiting;
		if (more)
			round_ms = ROUND_MS;
		else if (pushed && stalled && round_ms < ROUND_MAX_MS)
			round_ms += round_ms / 2;
		if (pushed && stalled && burst > 1)
			burst /= 2;
		else if (pushed && round_ms == ROUND_MS && moved >= burst &&
		    burst < BURST_MAX)
			burst *= 2;
		rare = round_ms > ROUND_MS;
		pushed = stalled;
		if (!stalled)
			continue;
		lock_release(&lock);
		push(burst);
		lock_acquire(&lock);
	}
}

void
milter_pool_init(int listen_fd)
{
	socklen_t len = sizeof(address);

	cond_init(&changed);
	if (getsockname(listen_fd, (struct sockaddr *)&address, &len) == 0)
		address_len = len;
}

static void *
pump_run(void *arg)
{
	(void)arg;
	lock_acquire(&lock);
	while (address_len != 0) {
		while (waiting == 0)
			cond_wait(&changed, &lock);
		pump_locked();
	}
	lock_release(&lock);
	return NULL;
}

void
milter_pool_begun(void)
{
	atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);
}

void
milter_waiting(bool begins)
{
	lock_acquire(&lock);
	if (!begins)
		waiting--;
	else if (waiting++ == 0 || rare)
		cond_signal(&changed);
	lock_release(&lock);
}

/* It goes on for as long as the process does.  False: errno. */
static bool
start_thread(void *(*run)(void *))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run, NULL);
	if (errno == 0)
		pthread_detach(thread);
	return errno == 0;
}

bool
milter_pool_start(void *(*serve)(void *))
{
#ifdef HAVE_PTHREAD_SETATTR_DEFAULT_NP
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, THREAD_STACK);
		pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
#endif
	return start_thread(pump_run) && start_thread(serve);
}
