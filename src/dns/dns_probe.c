/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking name servers past libunbound.
 *
 * Of servers that refuse, fail, talk nonsense or are silent libunbound says
 * SERVFAIL and no more.  What they say is asked for here, to be told to an
 * operator; only the kind of an answer is looked at, never its data.
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define HEADER_SIZE 12
#define QUESTION_MAX (HEADER_SIZE + DNS_NAME_MAX + 2 + 4 + 11)
#define ANSWER_MAX 4096
#define FLAG_QR 0x80			/* of octet 2 */
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3
#define AGAIN_MS 400			/* datagrams get lost */
#define PROBES_MAX (2 * DNS_SERVERS_MAX)

static size_t
question_write(uint8_t out[QUESTION_MAX], const struct dns_probe *p,
    const char *name, uint16_t type)
{
	static const uint8_t opt[] = { 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0 };
	uint8_t *at = out + HEADER_SIZE;

	memset(out, 0, HEADER_SIZE);
	out[0] = (uint8_t)(p->id >> 8);
	out[1] = (uint8_t)p->id;
	out[2] = 0x01;			/* recursion desired */
	out[5] = 1;
	out[11] = p->edns;
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		*at++ = (uint8_t)len;
		memcpy(at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	*at++ = 0;
	*at++ = (uint8_t)(type >> 8);
	*at++ = (uint8_t)type;
	*at++ = 0;
	*at++ = 1;
	if (p->edns) {
		memcpy(at, opt, sizeof(opt));
		at += sizeof(opt);
	}
	return (size_t)(at - out);
}

static void
probe_end(struct dns_probe *p, enum dns_probe_end end)
{
	p->end = end;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* A socket that has only what this server sends. */
static void
probe_open(struct dns_probe *p)
{
	struct sockaddr_storage address;
	socklen_t len;
	int whole_header = 2 + HEADER_SIZE;

	p->end = DNS_PROBE_SILENT;
	p->fd = -1;
	if (getrandom(&p->id, sizeof(p->id), 0) < 0 ||
	    !dns_server_address(p->server, &address, &len))
		return;
	p->fd = socket(address.ss_family, (p->tcp ? SOCK_STREAM : SOCK_DGRAM) |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		return;
	if (p->tcp)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVLOWAT, &whole_header,
		    sizeof(whole_header));
	if (connect(p->fd, (struct sockaddr *)&address, len) != 0 &&
	    errno != EINPROGRESS)
		probe_end(p, DNS_PROBE_CLOSED);
}

/* By TCP once, as soon as there is a connection. */
static void
probe_send(struct dns_probe *p, const char *name, uint16_t type)
{
	uint8_t m[2 + QUESTION_MAX];
	size_t len = question_write(m + 2, p, name, type);

	m[0] = (uint8_t)(len >> 8);
	m[1] = (uint8_t)len;
	if (p->fd < 0 || (p->tcp && p->sent))
		return;
	ssize_t n = p->tcp ? send(p->fd, m, len + 2, MSG_NOSIGNAL) :
	    send(p->fd, m + 2, len, MSG_NOSIGNAL);
	if (n >= 0)
		p->sent = true;
	else if (errno != EAGAIN)
		probe_end(p, DNS_PROBE_CLOSED);
}

static void
probe_read(struct dns_probe *p)
{
	uint8_t storage[2 + ANSWER_MAX];
	size_t prefix = p->tcp ? 2 : 0;
	const uint8_t *m = storage + prefix;
	ssize_t n = recv(p->fd, storage, sizeof(storage), 0);

	if (n < 0) {
		probe_end(p, DNS_PROBE_CLOSED);
	} else if (p->tcp && n == 0) {
		probe_end(p, DNS_PROBE_SILENT);
	} else if ((size_t)n < prefix + HEADER_SIZE ||
	    (m[2] & FLAG_QR) == 0 || (m[0] << 8 | m[1]) != p->id) {
		p->end = DNS_PROBE_GARBAGE;	/* the answer may follow */
		if (p->tcp)
			probe_end(p, DNS_PROBE_GARBAGE);
	} else {
		p->rcode = m[3] & 0x0f;
		probe_end(p, DNS_PROBE_ANSWERED);
	}
}

bool
dns_probe_succeeded(const struct dns_probe *p)
{
	return p->end == DNS_PROBE_ANSWERED && (p->rcode == RCODE_NOERROR ||
	    p->rcode == RCODE_NXDOMAIN);
}

/* False: the round is over. */
static bool
wait_for_answers(struct dns_probe *probes, size_t count, int64_t until_ms,
    int stop_fd)
{
	struct pollfd fds[PROBES_MAX + 1];
	int64_t left = until_ms - util_now_ms();
	bool open = false;

	for (size_t i = 0; i < count; i++) {
		const struct dns_probe *p = &probes[i];

		fds[i] = (struct pollfd){ p->fd, p->tcp && !p->sent ?
			POLLOUT : POLLIN, 0 };
		open = open || p->fd >= 0;
	}
	fds[count] = (struct pollfd){ stop_fd, POLLIN, 0 };
	if (!open || left <= 0 || poll(fds, (nfds_t)count + 1,
	    (int)(left < AGAIN_MS ? left : AGAIN_MS)) < 0 ||
	    fds[count].revents != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if ((fds[i].revents & ~POLLOUT) == 0)
			continue;
		probe_read(&probes[i]);
		if (probes[i].decides && probes[i].end == DNS_PROBE_ANSWERED &&
		    (!probes[i].strict || dns_probe_succeeded(&probes[i])))
			return false;
	}
	return true;
}

void
dns_probe_round(struct dns_probe *probes, size_t count, const char *name,
    uint16_t type, int64_t wait_ms, int stop_fd)
{
	int64_t until_ms = util_now_ms() + wait_ms;
	int64_t again_ms = 0;

	if (count > PROBES_MAX)
		count = PROBES_MAX;
	for (size_t i = 0; i < count; i++)
		probe_open(&probes[i]);
	do {
		bool again = util_now_ms() >= again_ms;

		if (again)
			again_ms = util_now_ms() + AGAIN_MS;
		for (size_t i = 0; i < count; i++)
			if (again || probes[i].tcp)
				probe_send(&probes[i], name, type);
	} while (wait_for_answers(probes, count, until_ms, stop_fd));
	for (size_t i = 0; i < count; i++)
		probe_end(&probes[i], probes[i].end);
}
