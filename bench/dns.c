/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authoritative DNS server for measurements: answers from one zone file over
 * UDP and TCP, as late, as lossy and as broken as it is told to be, and counts
 * what it was asked.
 *
 *	dns ADDRESS PORT ZONE
 *
 * Commands come on standard input, each is answered by one line, and the end
 * of the input ends the server: nothing stays behind.
 *
 *	delay MS	loss PERCENT	ttl SECONDS
 *	dead NAME	alive NAME	reset		report
 */

#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "zone.h"

#define NS 1000000000ULL
#define HEADER_SIZE 12
#define PACKET_MAX 65535
#define QUERY_MAX 600
#define TYPE_OPT 41
#define TCP_CLIENTS 64
#define BATCH 64
#define FIXED_POLLS 3

/* An answer that waits for its time. */
struct late {
	uint64_t	 due_ns;
	int		 client;	/* of TCP; -1: UDP */
	unsigned	 generation;	/* of the client */
	struct sockaddr_in to;
	size_t		 len;
	uint8_t		*data;
};

struct client {
	int		 fd;		/* -1: none */
	unsigned	 generation;
	size_t		 have;
	uint8_t		 input[2 + QUERY_MAX];
};

struct query {
	const uint8_t	*data;
	size_t		 question_len;
	uint16_t	 type;
	size_t		 room;		/* for the answer */
	bool		 edns;
};

static struct {
	uint64_t	 delay_ns;
	uint32_t	 loss;		/* of 2^32 */
	uint32_t	 ttl;
} settings = { .ttl = 3600 };

static struct {
	uint64_t	 tcp;
	uint64_t	 lost;
	uint64_t	 truncated;
} counts;

static int udp = -1;
static int listener = -1;
static struct client clients[TCP_CLIENTS];
static struct late *heap;
static size_t heap_count;
static size_t heap_room;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* The same losses in every run. */
static uint32_t
draw(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

/* Late answers: a heap, the earliest on top */

static void
heap_swap(size_t a, size_t b)
{
	struct late t = heap[a];

	heap[a] = heap[b];
	heap[b] = t;
}

static void
heap_push(const struct late *l)
{
	if (heap_count == heap_room) {
		heap_room = heap_room * 2 + 1024;
		heap = xreallocarray(heap, heap_room, sizeof(*heap));
	}
	size_t i = heap_count++;
	heap[i] = *l;
	while (i > 0 && heap[(i - 1) / 2].due_ns > heap[i].due_ns) {
		heap_swap(i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static struct late
heap_pop(void)
{
	struct late top = heap[0];
	size_t i = 0;

	heap[0] = heap[--heap_count];
	for (;;) {
		size_t least = i;
		for (size_t c = 2 * i + 1; c <= 2 * i + 2; c++)
			if (c < heap_count &&
			    heap[c].due_ns < heap[least].due_ns)
				least = c;
		if (least == i)
			return top;
		heap_swap(i, least);
		i = least;
	}
}

static void
send_now(const struct late *l)
{
	if (l->client < 0) {
		sendto(udp, l->data, l->len, 0,
		    (const struct sockaddr *)&l->to, sizeof(l->to));
		return;
	}
	struct client *c = &clients[l->client];
	uint8_t size[2] = { (uint8_t)(l->len >> 8), (uint8_t)l->len };
	if (c->fd >= 0 && c->generation == l->generation) {
		send(c->fd, size, sizeof(size), MSG_NOSIGNAL | MSG_MORE);
		send(c->fd, l->data, l->len, MSG_NOSIGNAL);
	}
}

static void
send_due(uint64_t now)
{
	while (heap_count > 0 && heap[0].due_ns <= now) {
		struct late l = heap_pop();
		send_now(&l);
		free(l.data);
	}
}

/* Answers */

static void
put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static unsigned
get16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

/* The name, as a pointer if offset is not 0, type, class IN, TTL, size. */
static size_t
put_rr(uint8_t *to, unsigned offset, unsigned type, size_t rdata_len)
{
	size_t len = offset != 0 ? 2 : 1;

	if (offset != 0)
		put16(to, 0xc000 | offset);
	else
		to[0] = 0;
	put16(to + len, type);
	put16(to + len + 2, 1);
	put16(to + len + 4, settings.ttl >> 16);
	put16(to + len + 6, settings.ttl);
	put16(to + len + 8, (unsigned)rdata_len);
	return len + 10;
}

/* RFC 2308: what is not there is remembered by the SOA record. */
static size_t
put_soa(uint8_t *to)
{
	uint8_t rdata[22] = { 0, 0, 0, 0, 0, 1 };

	for (size_t i = 6; i < sizeof(rdata); i += 4) {
		put16(rdata + i, settings.ttl >> 16);
		put16(rdata + i + 2, settings.ttl);
	}
	size_t len = put_rr(to, 0, 6, sizeof(rdata));
	memcpy(to + len, rdata, sizeof(rdata));
	return len + sizeof(rdata);
}

/* The length, or 0 if it does not fit. */
static size_t
put_records(uint8_t *to, size_t room, const struct query *q,
    const struct zone_name *n, unsigned *count)
{
	size_t len = 0;

	for (const struct zone_record *r = n->records; r != NULL;
	    r = r->next) {
		if (r->type != q->type)
			continue;
		if (len + 12 + r->len > room)
			return 0;
		len += put_rr(to + len, HEADER_SIZE, r->type, r->len);
		memcpy(to + len, r->rdata, r->len);
		len += r->len;
		(*count)++;
	}
	return len;
}

static size_t
build(uint8_t *to, const struct query *q, const struct zone_name *n)
{
	size_t len = HEADER_SIZE + q->question_len;
	unsigned answers = 0;
	bool negative = false;

	memset(to, 0, HEADER_SIZE);
	memcpy(to, q->data, 2);
	to[2] = 0x84 | (q->data[2] & 1);	/* answer, authoritative */
	to[3] = 0x80;
	put16(to + 4, 1);
	memcpy(to + HEADER_SIZE, q->data + HEADER_SIZE, q->question_len);
	if (n->fails) {
		to[3] |= 2;
	} else {
		len += put_records(to + len, q->room - len - 40, q, n,
		    &answers);
		negative = answers == 0;
		if (answers > 0 && len == HEADER_SIZE + q->question_len) {
			to[2] |= 2;
			answers = 0;
			counts.truncated++;
		}
	}
	if (negative && !n->exists)
		to[3] |= 3;
	put16(to + 6, answers);
	if (negative) {
		put16(to + 8, 1);
		len += put_soa(to + len);
	}
	if (q->edns) {
		static const uint8_t opt[11] = { 0, 0, TYPE_OPT, 0x04, 0xd0 };
		put16(to + 10, 1);
		memcpy(to + len, opt, sizeof(opt));
		len += sizeof(opt);
	}
	return len;
}

static bool
parse(struct query *q, const uint8_t *data, size_t len,
    struct zone_name **name)
{
	if (len < HEADER_SIZE + 5 || get16(data + 4) != 1 ||
	    (data[2] & 0x80) != 0)
		return false;
	*name = zone_find(data + HEADER_SIZE, len - HEADER_SIZE - 4);
	if (*name == NULL)
		return false;
	q->data = data;
	q->question_len = (*name)->wire_len + 4U;
	q->type = (uint16_t)get16(data + HEADER_SIZE + (*name)->wire_len);

	/* The only thing that may follow is the OPT record. */
	const uint8_t *opt = data + HEADER_SIZE + q->question_len;
	q->edns = get16(data + 10) == 1 && opt + 11 <= data + len &&
	    opt[0] == 0 && get16(opt + 1) == TYPE_OPT;
	q->room = q->edns ? get16(opt + 3) : 512;
	if (q->room < 512)
		q->room = 512;
	return true;
}

/* One query; client is -1 for UDP. */
static void
serve(const uint8_t *data, size_t len, int client,
    const struct sockaddr_in *from)
{
	static uint8_t out[PACKET_MAX];
	struct zone_name *name;
	struct query q;

	if (!parse(&q, data, len, &name))
		return;
	zone_count(name, q.type);
	if (client >= 0) {
		counts.tcp++;
		q.room = sizeof(out);
	}
	bool lost = client < 0 && settings.loss != 0 &&
	    draw() < settings.loss;
	counts.lost += lost;
	if (lost || name->dead)
		return;
	struct late l = { .client = client, .data = out };
	l.len = build(out, &q, name);
	if (from != NULL)
		l.to = *from;
	if (client >= 0)
		l.generation = clients[client].generation;
	uint64_t delay = settings.delay_ns + name->delay_ms * 1000000ULL;
	if (delay == 0) {
		send_now(&l);
		return;
	}
	l.data = xmemdup(out, l.len);
	l.due_ns = now_ns() + delay;
	heap_push(&l);
}

static void
read_udp(void)
{
	uint8_t data[QUERY_MAX];
	struct sockaddr_in from;

	for (int i = 0; i < BATCH; i++) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(udp, data, sizeof(data), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		serve(data, (size_t)n, -1, &from);
	}
}

/* TCP */

static void
accept_client(void)
{
	int fd = accept(listener, NULL, NULL);

	for (int i = 0; fd >= 0 && i < TCP_CLIENTS; i++) {
		if (clients[i].fd >= 0)
			continue;
		clients[i].fd = fd;
		clients[i].have = 0;
		clients[i].generation++;
		return;
	}
	if (fd >= 0)
		close(fd);
}

static void
read_client(int i)
{
	struct client *c = &clients[i];
	ssize_t n = recv(c->fd, c->input + c->have,
	    sizeof(c->input) - c->have, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(c->fd);
		c->fd = -1;
		return;
	}
	c->have += (size_t)n;
	while (c->have >= 2 && c->have >= 2 + get16(c->input)) {
		size_t size = 2 + get16(c->input);
		serve(c->input + 2, size - 2, i, NULL);
		c->have -= size;
		memmove(c->input, c->input + size, c->have);
	}
}

/* Commands */

static void
report(void)
{
	printf("{");
	zone_report(stdout);
	printf(", \"tcp\": %llu, \"lost\": %llu, \"truncated\": %llu}\n",
	    (unsigned long long)counts.tcp, (unsigned long long)counts.lost,
	    (unsigned long long)counts.truncated);
}

static void
reset(void)
{
	zone_reset();
	memset(&counts, 0, sizeof(counts));
}

static bool
set(const char *what, const char *value)
{
	double number = strtod(value, NULL);

	if (strcmp(what, "delay") == 0) {
		settings.delay_ns = (uint64_t)(number * 1e6);
	} else if (strcmp(what, "loss") == 0) {
		settings.loss = (uint32_t)(number / 100 * 4294967295.0);
	} else if (strcmp(what, "ttl") == 0) {
		settings.ttl = (uint32_t)number;
	} else if (strcmp(what, "dead") == 0 || strcmp(what, "alive") == 0) {
		struct zone_name *n = zone_find_text(value);
		if (n == NULL)
			return false;
		n->dead = what[0] == 'd';
	} else {
		return false;
	}
	return true;
}

static void
command(const char *line)
{
	char what[16];
	char value[256] = "";

	if (sscanf(line, "%15s %255s", what, value) < 1)
		return;
	if (strcmp(what, "report") == 0) {
		report();
	} else {
		bool ok = true;
		if (strcmp(what, "reset") == 0)
			reset();
		else
			ok = set(what, value);
		printf(ok ? "ok\n" : "bad command\n");
	}
	fflush(stdout);
}

/* False at the end of the input. */
static bool
read_commands(void)
{
	static char text[4096];
	static size_t have;
	ssize_t n = read(STDIN_FILENO, text + have, sizeof(text) - have - 1);

	if (n <= 0)
		return false;
	have += (size_t)n;
	text[have] = '\0';
	char *at = text;
	for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		command(at);
	}
	have -= (size_t)(at - text);
	memmove(text, at, have);
	return have < sizeof(text) - 1;
}

/* Start */

static bool
open_sockets(const char *address, const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int size = 8 << 20;
	int on = 1;

	in.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
		return false;
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size,
	    sizeof(size)) != 0)
		setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return bind(udp, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    bind(listener, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    listen(listener, TCP_CLIENTS) == 0;
}

static void
wait_for_input(struct pollfd *fds)
{
	struct timespec wait = { 1, 0 };
	uint64_t now = now_ns();

	for (int i = 0; i < TCP_CLIENTS; i++)
		fds[FIXED_POLLS + i] = (struct pollfd){ clients[i].fd,
			POLLIN, 0 };
	if (heap_count > 0) {
		uint64_t left = heap[0].due_ns > now ?
		    heap[0].due_ns - now : 0;
		if (left < NS)
			wait = (struct timespec){ 0, (long)left };
	}
	if (ppoll(fds, FIXED_POLLS + TCP_CLIENTS, &wait, NULL) < 0)
		for (int i = 0; i < FIXED_POLLS + TCP_CLIENTS; i++)
			fds[i].revents = 0;
}

static void
run(void)
{
	struct pollfd fds[FIXED_POLLS + TCP_CLIENTS] = {
		{ STDIN_FILENO, POLLIN, 0 },
		{ udp, POLLIN, 0 },
		{ listener, POLLIN, 0 },
	};

	for (;;) {
		wait_for_input(fds);
		send_due(now_ns());
		if (fds[0].revents != 0 && !read_commands())
			return;
		if (fds[1].revents != 0)
			read_udp();
		if (fds[2].revents != 0)
			accept_client();
		for (int i = 0; i < TCP_CLIENTS; i++)
			if (fds[FIXED_POLLS + i].revents != 0 &&
			    clients[i].fd >= 0)
				read_client(i);
	}
}

int
main(int argc, char **argv)
{
	for (int i = 0; i < TCP_CLIENTS; i++)
		clients[i].fd = -1;
	if (argc != 4) {
		fprintf(stderr, "usage: dns ADDRESS PORT ZONE\n");
		return 64;
	}
	if (!zone_load(argv[3]))
		return 65;
	if (!open_sockets(argv[1], argv[2])) {
		fprintf(stderr, "dns: %s:%s: %s\n", argv[1], argv[2],
		    strerror(errno));
		return 69;
	}
	printf("ok\n");
	fflush(stdout);
	run();
	return 0;
}
