/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping libmilter's pool of workers moving.
 *
 * libmilter built with a pool starts a worker for an event only if none is
 * idle, and counts a worker as idle until it has woken up.  So of many events
 * that arrive together all but a few are queued, and if the callbacks that
 * got a worker have to wait, for the DNS say, the queue waits with them:
 * unrelated sessions stood still for seconds.
 *
 * What moves it is another event.  So a callback that waits calls
 * milter_waiting now and then, and if no callback has begun for some
 * milliseconds we connect to our own socket and hang up.  The pool, in which
 * no worker is idle now, starts a new one for it, and that one goes on with
 * the queue.  Each waiting callback does so, hence the number of workers
 * doubles with each round.  Where nothing was queued it has cost a connection.
 */

#include "config.h"

#include <sys/socket.h>

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "milter.h"
#include "milter_priv.h"
#include "util.h"

/* No callback begun for so long, while one waits: perhaps they are queued. */
#define STALL_MS 2

static struct sockaddr_storage address;		/* set before threads */
static socklen_t address_len;
static _Atomic int64_t entered_ms;

void
milter_pump_init(int listen_fd)
{
	socklen_t len = sizeof(address);

	if (getsockname(listen_fd, (struct sockaddr *)&address, &len) == 0)
		address_len = len;
}

void
milter_pump_entered(void)
{
	atomic_store_explicit(&entered_ms, util_now_ms(),
	    memory_order_relaxed);
}

void
milter_waiting(void)
{
	int64_t last_ms = atomic_load_explicit(&entered_ms,
	    memory_order_relaxed);

	if (address_len == 0 || util_now_ms() - last_ms < STALL_MS)
		return;
	int fd = socket(address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Where it fails, enough connections are on their way already. */
	int ignored = connect(fd, (const struct sockaddr *)&address,
	    address_len);
	(void)ignored;
	close(fd);
}
