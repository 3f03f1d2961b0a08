/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A relay on the loopback that takes EDNS off the questions to one server.
 *
 * Some forwarders, and some firewalls before them, drop questions that have
 * EDNS.  libunbound cannot be told to leave it out, and finds out only where
 * the server says so.  So libunbound is given this relay to ask, and goes on
 * to do all else.  Each question goes out from a socket, and so a port, of
 * its own; TCP, for answers over 512 octets, has a thread a question.
 *
 * The ports that it listens on are few and known, for who confines us.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define SLOTS 256		/* questions by UDP under way; the oldest
				 * gives way */
#define FDS (3 + SLOTS)
#define STREAMS_MAX 16		/* questions by TCP under way */
#define STREAM_SECONDS 4
#define MESSAGE_MAX 4096	/* of UDP without EDNS: 512 are legal */
#define HEADER_SIZE 12
#define OPT_SIZE 11

struct slot {
	struct sockaddr_in	from;
	uint8_t			id[2];
};

struct dns_relay {
	struct dns_server	server;
	struct sockaddr_storage	address;	/* of server */
	socklen_t		address_len;
	struct sockaddr_in	local;
	int			stop[2];	/* pipe; -1: none */
	int			tcp;
	pthread_t		thread;
	struct pollfd		fds[FDS];	/* stop, udp, tcp, slots */
	struct slot		slots[SLOTS];
	size_t			next_slot;

	struct lock		lock;
	unsigned		streams;	/* lock */
	bool			freed;		/* lock: by the last stream */
};

struct stream {
	struct dns_relay	*relay;
	int			 fd;
};

static void
slot_close(struct pollfd *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void
relay_destroy(struct dns_relay *r)
{
	for (size_t i = 0; i < FDS; i++)
		slot_close(&r->fds[i]);
	lock_fini(&r->lock);
	free(r);
}

/* An OPT record without data at the end, as libunbound writes it. */
static size_t
take_edns_off(uint8_t *m, size_t len)
{
	if (len < HEADER_SIZE + OPT_SIZE || m[10] != 0 || m[11] != 1)
		return len;
	const uint8_t *opt = m + len - OPT_SIZE;
	if (opt[0] != 0 || opt[1] != 0 || opt[2] != 41)
		return len;
	m[11] = 0;
	return len - OPT_SIZE;
}

/* UDP */

static void
take_question(struct dns_relay *r)
{
	uint8_t m[MESSAGE_MAX];
	struct pollfd *p = &r->fds[3 + r->next_slot];
	struct slot *s = &r->slots[r->next_slot];
	socklen_t len = sizeof(s->from);

	slot_close(p);
	ssize_t n = recvfrom(r->fds[1].fd, m, sizeof(m), 0,
	    (struct sockaddr *)&s->from, &len);
	if (n < HEADER_SIZE)
		return;
	p->fd = socket(r->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return;
	if (connect(p->fd, (struct sockaddr *)&r->address,
	    r->address_len) != 0 ||
	    send(p->fd, m, take_edns_off(m, (size_t)n), 0) < 0)
		slot_close(p);
	memcpy(s->id, m, sizeof(s->id));
	r->next_slot = (r->next_slot + 1) % SLOTS;
}

/* The rest of an answer is compared by libunbound. */
static void
give_answer(struct dns_relay *r, size_t i)
{
	uint8_t m[MESSAGE_MAX];
	struct pollfd *p = &r->fds[3 + i];
	const struct slot *s = &r->slots[i];
	ssize_t n = recv(p->fd, m, sizeof(m), 0);

	if (n >= 0 && (n < HEADER_SIZE || memcmp(m, s->id, sizeof(s->id)) != 0))
		return;
	if (n > 0)
		sendto(r->fds[1].fd, m, (size_t)n, 0,
		    (const struct sockaddr *)&s->from, sizeof(s->from));
	slot_close(p);
}

/* TCP */

/* Length and message (RFC 1035 s4.2.2) into m of 2 + 65,535 octets. */
static size_t
message_read(int fd, uint8_t *m)
{
	if (recv(fd, m, 2, MSG_WAITALL) != 2)
		return 0;
	size_t len = (size_t)(m[0] << 8 | m[1]);
	return recv(fd, m + 2, len, MSG_WAITALL) == (ssize_t)len ? len : 0;
}

static bool
message_write(int fd, uint8_t *m, size_t len)
{
	m[0] = (uint8_t)(len >> 8);
	m[1] = (uint8_t)len;
	return send(fd, m, len + 2, MSG_NOSIGNAL) == (ssize_t)len + 2;
}

static void
set_timeout(int fd)
{
	const struct timeval t = { .tv_sec = STREAM_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static void
stream_relay(const struct dns_relay *r, int client, uint8_t *m)
{
	size_t len = message_read(client, m);
	int fd = socket(r->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	set_timeout(fd);
	if (len > 0 && connect(fd, (const struct sockaddr *)&r->address,
	    r->address_len) == 0 &&
	    message_write(fd, m, take_edns_off(m + 2, len)) &&
	    (len = message_read(fd, m)) > 0)
		message_write(client, m, len);
	close(fd);
}

static void
stream_end(struct stream *s)
{
	struct dns_relay *r = s->relay;

	close(s->fd);
	free(s);
	lock_acquire(&r->lock);
	bool last = --r->streams == 0 && r->freed;
	lock_release(&r->lock);
	if (last)
		relay_destroy(r);
}

static void *
stream_run(void *arg)
{
	struct stream *s = arg;
	uint8_t *m = xreallocarray(NULL, 2 + 65535, 1);

	set_timeout(s->fd);
	stream_relay(s->relay, s->fd, m);
	free(m);
	stream_end(s);
	return NULL;
}

static void
take_stream(struct dns_relay *r)
{
	int fd = accept4(r->fds[2].fd, NULL, NULL, SOCK_CLOEXEC);
	pthread_t thread;

	if (fd < 0)
		return;
	lock_acquire(&r->lock);
	bool full = r->streams == STREAMS_MAX;
	if (!full)
		r->streams++;
	lock_release(&r->lock);
	if (full) {
		close(fd);
		return;
	}
	struct stream *s = xcalloc(1, sizeof(*s));
	*s = (struct stream){ .relay = r, .fd = fd };
	if (thread_start(&thread, stream_run, s) != 0)
		stream_end(s);
	else
		pthread_detach(thread);
}

/* Start and end */

static void *
relay_run(void *arg)
{
	struct dns_relay *r = arg;

	while (r->fds[0].revents == 0) {
		if (poll(r->fds, FDS, -1) < 0)
			continue;
		for (size_t i = 0; i < SLOTS; i++)
			if (r->fds[3 + i].revents != 0)
				give_answer(r, i);
		if (r->fds[1].revents != 0)
			take_question(r);
		if (r->fds[2].revents != 0)
			take_stream(r);
	}
	return NULL;
}

/* The same port for both; false: errno. */
static bool
bind_both(struct dns_relay *r)
{
	const struct sockaddr *local = (const struct sockaddr *)&r->local;
	const socklen_t len = sizeof(r->local);
	const int yes = 1;

	r->fds[1].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	r->fds[2].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	return r->fds[1].fd >= 0 && r->fds[2].fd >= 0 &&
	    setsockopt(r->fds[2].fd, SOL_SOCKET, SO_REUSEADDR, &yes,
	    sizeof(yes)) == 0 &&
	    bind(r->fds[1].fd, local, len) == 0 &&
	    bind(r->fds[2].fd, local, len) == 0 &&
	    listen(r->fds[2].fd, STREAMS_MAX) == 0;
}

/* Others may have some of the ports, for UDP or for TCP. */
static bool
relay_bind(struct dns_relay *r)
{
	r->local.sin_family = AF_INET;
	r->local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < DNS_RELAY_PORTS; i++) {
		r->local.sin_port = htons((uint16_t)(DNS_RELAY_PORT + i));
		if (bind_both(r))
			return true;
		if (errno != EADDRINUSE)
			return false;
		slot_close(&r->fds[1]);
		slot_close(&r->fds[2]);
	}
	return false;
}

struct dns_relay *
dns_relay_new(const struct dns_server *s)
{
	struct dns_relay *r = xcalloc(1, sizeof(*r));
	int error = EINVAL;

	lock_init(&r->lock);
	for (size_t i = 0; i < FDS; i++)
		r->fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (dns_server_address(s, &r->address, &r->address_len)) {
		/* Can so many be polled? */
		if (relay_bind(r) && poll(r->fds, FDS, 0) >= 0 &&
		    pipe2(r->stop, O_CLOEXEC) == 0) {
			r->fds[0].fd = r->stop[0];
			error = thread_start(&r->thread, relay_run, r);
			if (error == 0)
				return r;
			close(r->stop[1]);
		} else {
			error = errno;
		}
	}
	relay_destroy(r);
	errno = error;
	return NULL;
}

void
dns_relay_free(struct dns_relay *r)
{
	if (r == NULL)
		return;
	close(r->stop[1]);
	pthread_join(r->thread, NULL);
	lock_acquire(&r->lock);
	r->freed = true;
	bool last = r->streams == 0;
	lock_release(&r->lock);
	if (last)
		relay_destroy(r);
}

void
dns_relay_server(const struct dns_relay *r, struct dns_server *out)
{
	struct sbuf sb;

	*out = (struct dns_server){ .host = "127.0.0.1" };
	sbuf_init(&sb, out->port, sizeof(out->port));
	sbuf_uint(&sb, ntohs(r->local.sin_port));
}
