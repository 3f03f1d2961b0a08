/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load generator: mail servers that speak the milter protocol.
 *
 * A client is one mail server process: it has one message at a time and waits
 * for the replies that the filter has negotiated.  A thread serves its clients
 * with one epoll instance.  Messages take the senders in turn, in one order
 * for all threads.  With --rate a message begins when its time has come, and
 * its latency counts from then on, whether a client was free or not.
 */

#include "config.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plan.h"
#include "tally.h"
#include "base/util.h"

#define NS 1000000000ULL
#define RETRY_NS 1000000ULL		/* after a full backlog */
#define LOOK_NS (NS / 2)		/* between looks for late replies */
#define INPUT_SIZE 16384
#define EVENTS 256

enum client_state { CLIENT_FREE, CLIENT_RETRIES, CLIENT_CONNECTS,
	CLIENT_NEGOTIATES, CLIENT_AWAITS, CLIENT_PAUSES };

struct client {
	int		 fd;		/* -1: none */
	enum client_state state;
	struct client	*next;		/* in a queue of the thread */
	const struct sender *sender;
	unsigned	 step;
	bool		 mail_taken;
	uint64_t	 due_ns;	/* end of a pause */
	uint64_t	 begin_ns;
	uint64_t	 step_ns;
	uint64_t	 longest_ns;
	size_t		 have;
	char		 verdict[TALLY_VERDICT_SIZE];
	unsigned char	 input[INPUT_SIZE];
};

struct queue {
	struct client	*head;
	struct client	*tail;
};

struct thread {
	pthread_t	 id;
	int		 epoll;
	unsigned	 client_count;
	unsigned	 busy;
	struct client	*clients;
	struct queue	 idle;
	struct queue	 retries;	/* in the order of due_ns */
	struct queue	 pauses;	/* in the order of due_ns */
	struct tally	 tally;
};

static struct options {
	const char	*socket;
	const char	*senders;
	unsigned	 connections;
	unsigned	 threads;
	unsigned	 idle;
	uint64_t	 messages;
	double		 seconds;
	double		 rate;
	double		 pause_ms;
	double		 timeout;
	bool		 kept;
} options = { .connections = 16, .threads = 1, .timeout = 60 };

static struct {
	struct sockaddr_storage addr;
	socklen_t	 len;
} place;

static struct senders senders;
static struct plan plan;
static uint64_t start_ns;
static _Atomic uint64_t taken;		/* messages */

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static void
queue_push(struct queue *q, struct client *c)
{
	c->next = NULL;
	if (q->head == NULL)
		q->head = c;
	else
		q->tail->next = c;
	q->tail = c;
}

static struct client *
queue_pop(struct queue *q)
{
	struct client *c = q->head;

	if (c != NULL)
		q->head = c->next;
	return c;
}

/* A message */

static void
message_over(struct thread *t, struct client *c)
{
	if (c->fd >= 0 && !options.kept) {
		close(c->fd);
		c->fd = -1;
	}
	c->state = CLIENT_FREE;
	t->busy--;
	queue_push(&t->idle, c);
}

static void
message_fails(struct thread *t, struct client *c, const char *what, int error)
{
	tally_error(&t->tally, what, error);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	message_over(t, c);
}

static bool
client_send(struct thread *t, struct client *c, const void *data, size_t len)
{
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

	if (n == (ssize_t)len)
		return true;
	message_fails(t, c, "write", n < 0 ? errno : 0);
	return false;
}

/* Counts a message and says good-bye, at once where it was broken off. */
static void
message_ends(struct thread *t, struct client *c)
{
	static const unsigned char end[10] = { 0, 0, 0, 1, 'A', 0, 0, 0, 1 };
	unsigned char out[sizeof(end)];
	bool aborts = c->mail_taken && plan.steps[c->step].command != 'E';
	uint64_t now = now_ns();

	tally_message(&t->tally, c->sender->label, c->verdict,
	    now - c->begin_ns, c->longest_ns);
	t->tally.last_ns = now;
	memcpy(out, end, sizeof(out));
	out[9] = options.kept ? 'K' : 'Q';
	if (client_send(t, c, aborts ? out : out + 5, aborts ? 10 : 5))
		message_over(t, c);
}

/* Sends steps until one is replied to. */
static void
message_goes_on(struct thread *t, struct client *c)
{
	for (;; c->step++) {
		const struct plan_step *s = &plan.steps[c->step];
		const struct piece *p = &c->sender->pieces[s->kind];

		if (s->replied)
			c->step_ns = now_ns();
		if (!client_send(t, c, s->of_sender ? p->data : s->data,
		    s->of_sender ? p->len : s->len))
			return;
		if (s->command == 'M')
			c->mail_taken = true;
		if (s->replied) {
			c->state = CLIENT_AWAITS;
			return;
		}
	}
}

static void
message_steps_on(struct thread *t, struct client *c)
{
	bool pauses = options.pause_ms > 0 &&
	    plan.steps[c->step].command == 'M';

	c->step++;
	if (!pauses) {
		message_goes_on(t, c);
		return;
	}
	c->state = CLIENT_PAUSES;
	c->due_ns = now_ns() + (uint64_t)(options.pause_ms * 1e6);
	queue_push(&t->pauses, c);
}

/* Connections */

static void
client_negotiates(struct thread *t, struct client *c)
{
	c->state = CLIENT_NEGOTIATES;
	c->have = 0;
	client_send(t, c, plan_offer, sizeof(plan_offer));
}

static int
open_socket(int flags)
{
	int on = 1;
	int fd = socket(place.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    flags, 0);

	if (fd >= 0 && place.addr.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
client_connects(struct thread *t, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET,
		.data.ptr = c };

	c->fd = open_socket(SOCK_NONBLOCK);
	if (c->fd < 0) {
		message_fails(t, c, "socket", errno);
		return;
	}
	int error = connect(c->fd, (struct sockaddr *)&place.addr,
	    place.len) == 0 ? 0 : errno;
	if (error == EAGAIN) {		/* full backlog of a unix socket */
		close(c->fd);
		c->fd = -1;
		c->state = CLIENT_RETRIES;
		c->due_ns = now_ns() + RETRY_NS;
		t->tally.retries++;
		queue_push(&t->retries, c);
		return;
	}
	if (error != 0 && error != EINPROGRESS) {
		message_fails(t, c, "connect", error);
		return;
	}
	if (error == EINPROGRESS)
		ev.events = EPOLLOUT;
	epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	if (error == EINPROGRESS)
		c->state = CLIENT_CONNECTS;
	else
		client_negotiates(t, c);
}

static void
message_begins(struct thread *t, struct client *c, uint64_t number,
    uint64_t begin_ns)
{
	t->busy++;
	c->sender = &senders.list[number % senders.count];
	c->step = 0;
	c->mail_taken = false;
	c->begin_ns = begin_ns;
	c->step_ns = now_ns();
	c->longest_ns = 0;
	util_copy(c->verdict, sizeof(c->verdict), "none given");
	if (c->fd < 0)
		client_connects(t, c);
	else
		message_goes_on(t, c);
}

/* Replies */

/* "Received-SPF: RESULT" of the sender, or spf=RESULT. */
static void
note_header(struct client *c, const char *name, const char *value)
{
	const char *from = NULL;

	if (util_eq_nocase(name, "Received-SPF") &&
	    strstr(value, "identity=helo") == NULL)
		from = value;
	else if (util_eq_nocase(name, "Authentication-Results") &&
	    (from = strstr(value, "spf=")) != NULL)
		from += 4;
	if (from == NULL)
		return;
	while (*from == ' ')
		from++;
	size_t len = 0;
	while (util_is_alpha(from[len]) && len < TALLY_VERDICT_SIZE - 1)
		len++;
	memcpy(c->verdict, from, len);
	c->verdict[len] = '\0';
}

/* An inserted or added header: [index] name NUL value NUL. */
static void
take_header(struct client *c, const char *data, size_t len)
{
	const char *end = memchr(data, '\0', len);

	if (end != NULL && len > 0 && data[len - 1] == '\0' &&
	    end + 1 < data + len)
		note_header(c, data, end + 1);
}

static void
note_refusal(struct client *c, char command, const char *data, size_t len)
{
	struct sbuf text;

	sbuf_init(&text, c->verdict, sizeof(c->verdict));
	if (command == 'y' && len >= 3)
		sbuf_fmt(&text, "%.3s", data);
	else
		sbuf_fmt(&text, "%s", command == 'r' ? "reject" :
		    command == 't' ? "tempfail" : "other");
}

/* False: the client has no connection or message any more. */
static bool
take_reply(struct thread *t, struct client *c, char command,
    const char *data, size_t len)
{
	if (c->state != CLIENT_AWAITS) {
		message_fails(t, c, "a reply that nobody awaits", 0);
		return false;
	}
	uint64_t took = now_ns() - c->step_ns;
	if (took > c->longest_ns)
		c->longest_ns = took;
	if (command == 'c' && plan.steps[c->step].command != 'E') {
		message_steps_on(t, c);
		return c->fd >= 0;
	}
	if (command != 'c' && command != 'a')
		note_refusal(c, command, data, len);
	message_ends(t, c);
	return false;
}

static bool
take_packet(struct thread *t, struct client *c, const char *data, size_t len)
{
	char command = data[0];

	switch (command) {
	case 'O':
		if (c->state != CLIENT_NEGOTIATES)
			break;
		message_goes_on(t, c);
		return c->fd >= 0;
	case 'i':
		if (len > 5)
			take_header(c, data + 5, len - 5);
		return true;
	case 'h':
		take_header(c, data + 1, len - 1);
		return true;
	case 'm':
	case 'p':
	case 'q':
	case '+':
	case '-':
	case 'b':
		return true;
	default:
		break;
	}
	return take_reply(t, c, command, data + 1, len - 1);
}

static bool
take_packets(struct thread *t, struct client *c)
{
	size_t at = 0;
	bool goes_on = true;

	while (goes_on && c->have - at >= 5) {
		uint32_t len;
		memcpy(&len, c->input + at, sizeof(len));
		len = ntohl(len);
		if (len == 0 || len > INPUT_SIZE - 4) {
			message_fails(t, c, "a packet of bad length", 0);
			return false;
		}
		if (c->have - at < 4 + len)
			break;
		at += 4 + len;
		goes_on = take_packet(t, c, (char *)c->input + at - len, len);
	}
	c->have = goes_on ? c->have - at : 0;
	memmove(c->input, c->input + at, c->have);
	return goes_on;
}

static void
client_reads(struct thread *t, struct client *c)
{
	for (;;) {
		size_t room = INPUT_SIZE - c->have;
		ssize_t n = recv(c->fd, c->input + c->have, room, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (c->state == CLIENT_FREE) {	/* kept, but not by */
				close(c->fd);		/* the filter */
				c->fd = -1;
			} else {
				message_fails(t, c, "the filter hung up",
				    n < 0 ? errno : 0);
			}
			return;
		}
		c->have += (size_t)n;
		if (!take_packets(t, c) || (size_t)n < room)
			return;
	}
}

static void
client_event(struct thread *t, struct client *c, uint32_t events)
{
	if (c->fd < 0)
		return;
	if (c->state == CLIENT_CONNECTS) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET,
			.data.ptr = c };
		int error = 0;
		socklen_t len = sizeof(error);

		epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &ev);
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0)
			message_fails(t, c, "connect", error);
		else
			client_negotiates(t, c);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		client_reads(t, c);
}

/* Time */

static void
serve_queues(struct thread *t, uint64_t now)
{
	while (t->pauses.head != NULL && t->pauses.head->due_ns <= now)
		message_goes_on(t, queue_pop(&t->pauses));
	while (t->retries.head != NULL && t->retries.head->due_ns <= now)
		client_connects(t, queue_pop(&t->retries));
}

/* When the message of this number may begin. */
static uint64_t
due_of(uint64_t number)
{
	if (options.rate <= 0)
		return start_ns;
	return start_ns + (uint64_t)((double)number / options.rate * 1e9);
}

static bool
is_over(uint64_t number, uint64_t due)
{
	if (options.messages > 0)
		return number >= options.messages;
	uint64_t until = start_ns + (uint64_t)(options.seconds * 1e9);
	return due >= until || now_ns() >= until;
}

/* Begins what is due; the time of the next, or 0 if there is none. */
static uint64_t
begin_messages(struct thread *t)
{
	for (;;) {
		uint64_t number = atomic_load(&taken);
		uint64_t due = due_of(number);

		if (is_over(number, due))
			return 0;
		uint64_t now = now_ns();
		if (due > now || t->idle.head == NULL)
			return due > now ? due : now + LOOK_NS;
		if (!atomic_compare_exchange_strong(&taken, &number,
		    number + 1))
			continue;
		message_begins(t, queue_pop(&t->idle), number,
		    options.rate > 0 ? due : now);
	}
}

static void
end_late_ones(struct thread *t, uint64_t now)
{
	uint64_t limit = (uint64_t)(options.timeout * 1e9);

	for (unsigned i = 0; i < t->client_count; i++) {
		struct client *c = &t->clients[i];
		bool waits = c->state == CLIENT_AWAITS ||
		    c->state == CLIENT_NEGOTIATES ||
		    c->state == CLIENT_CONNECTS;
		if (waits && c->step_ns + limit < now)
			message_fails(t, c, "no reply in time", 0);
	}
}

static struct timespec
time_until(const struct thread *t, uint64_t now, uint64_t due)
{
	uint64_t wait = LOOK_NS;

	if (due > now && due - now < wait)
		wait = due - now;
	if (t->pauses.head != NULL && t->pauses.head->due_ns < now + wait)
		wait = t->pauses.head->due_ns > now ?
		    t->pauses.head->due_ns - now : 0;
	if (t->retries.head != NULL && wait > RETRY_NS)
		wait = RETRY_NS;
	return (struct timespec){ (time_t)(wait / NS), (long)(wait % NS) };
}

static void *
thread_run(void *arg)
{
	struct thread *t = arg;
	struct epoll_event events[EVENTS];
	uint64_t looked = now_ns();

	for (;;) {
		uint64_t due = begin_messages(t);

		if (due == 0 && t->busy == 0)
			return NULL;
		uint64_t now = now_ns();
		struct timespec wait = time_until(t, now, due);
		int n = epoll_pwait2(t->epoll, events, EVENTS, &wait, NULL);
		for (int i = 0; i < n; i++)
			client_event(t, events[i].data.ptr, events[i].events);
		now = now_ns();
		serve_queues(t, now);
		if (now - looked > LOOK_NS) {
			looked = now;
			end_late_ones(t, now);
		}
	}
}

/* Start */

static bool
parse_place(const char *text)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&place.addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&place.addr;
	char host[64];
	unsigned port;

	if (strncmp(text, "unix:", 5) == 0) {
		un->sun_family = AF_UNIX;
		place.len = sizeof(*un);
		return util_copy(un->sun_path, sizeof(un->sun_path),
		    text + 5);
	}
	if (sscanf(text, "inet:%u@%63s", &port, host) != 2)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	place.len = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

static size_t
read_packet(int fd, unsigned char *to, size_t size)
{
	uint32_t len;

	if (recv(fd, &len, sizeof(len), MSG_WAITALL) != sizeof(len))
		return 0;
	len = ntohl(len);
	if (len == 0 || len > size ||
	    recv(fd, to, len, MSG_WAITALL) != (ssize_t)len)
		return 0;
	return len;
}

/* A connection that has negotiated, or -1. */
static int
open_negotiated(unsigned char *answer, size_t size, size_t *len)
{
	int fd = open_socket(0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&place.addr,
	    place.len) == 0 && send(fd, plan_offer, sizeof(plan_offer),
	    MSG_NOSIGNAL) == sizeof(plan_offer)) {
		*len = read_packet(fd, answer, size);
		if (*len > 0 && answer[0] == 'O')
			return fd;
	}
	fprintf(stderr, "%s: cannot negotiate: %s\n", options.socket,
	    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Learns what the filter wants; the plan is the same for all connections. */
static bool
learn(void)
{
	unsigned char answer[4096];
	size_t len;
	int fd = open_negotiated(answer, sizeof(answer), &len);

	if (fd < 0)
		return false;
	bool ok = plan_init(&plan, answer + 1, len - 1, &senders);
	send(fd, "\0\0\0\1Q", 5, MSG_NOSIGNAL);
	close(fd);
	if (!ok)
		fprintf(stderr, "%s: bad negotiation\n", options.socket);
	return ok;
}

/* SMTP clients that have connected and say nothing. */
static bool
open_idle(void)
{
	unsigned char answer[4096];
	size_t len;

	for (unsigned i = 0; i < options.idle; i++) {
		const struct piece *p = &senders.list[0].pieces[PIECE_CONNECT];
		int fd = open_negotiated(answer, sizeof(answer), &len);

		if (fd < 0)
			return false;
		if (plan.steps[0].command == 'C' &&
		    send(fd, p->data, p->len, MSG_NOSIGNAL) < 0)
			return false;
		if (plan.steps[0].command == 'C' && plan.steps[0].replied &&
		    read_packet(fd, answer, sizeof(answer)) == 0)
			return false;
	}
	return true;
}

static bool
thread_init(struct thread *t, unsigned client_count)
{
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->client_count = client_count;
	t->clients = xcalloc(client_count, sizeof(*t->clients));
	tally_init(&t->tally, senders.label_count);
	for (unsigned i = 0; i < client_count; i++) {
		t->clients[i].fd = -1;
		queue_push(&t->idle, &t->clients[i]);
	}
	return t->epoll >= 0;
}

static int
run(void)
{
	struct thread *threads = xcalloc(options.threads, sizeof(*threads));
	struct tally total;

	for (unsigned i = 0; i < options.threads; i++)
		if (!thread_init(&threads[i],
		    (options.connections + i) / options.threads))
			return 1;
	tally_init(&total, senders.label_count);
	start_ns = now_ns();
	for (unsigned i = 1; i < options.threads; i++)
		if (pthread_create(&threads[i].id, NULL, thread_run,
		    &threads[i]) != 0)
			return 1;
	thread_run(&threads[0]);
	for (unsigned i = 0; i < options.threads; i++) {
		if (i > 0)
			pthread_join(threads[i].id, NULL);
		tally_merge(&total, &threads[i].tally);
	}
	tally_print(&total, senders.labels, start_ns, stdout);
	return 0;
}

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "domains", required_argument, NULL, 'd' },
	{ "connections", required_argument, NULL, 'c' },
	{ "threads", required_argument, NULL, 't' },
	{ "idle", required_argument, NULL, 'i' },
	{ "messages", required_argument, NULL, 'm' },
	{ "seconds", required_argument, NULL, 'S' },
	{ "rate", required_argument, NULL, 'r' },
	{ "pause-ms", required_argument, NULL, 'p' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "new", no_argument, NULL, 'n' },
	{ "kept", no_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 }
};

static bool
set_option(int letter, const char *value)
{
	char *end = NULL;
	double number = value != NULL ? strtod(value, &end) : 0;
	bool ok = value == NULL || (*value != '\0' && *end == '\0' &&
	    number >= 0 && number < 1e9);

	switch (letter) {
	case 's':
		options.socket = value;
		return true;
	case 'd':
		options.senders = value;
		return true;
	case 'c':
		options.connections = (unsigned)number;
		return ok && number >= 1;
	case 't':
		options.threads = (unsigned)number;
		return ok && number >= 1;
	case 'i':
		options.idle = (unsigned)number;
		return ok;
	case 'm':
		options.messages = (uint64_t)number;
		return ok;
	case 'S':
		options.seconds = number;
		return ok;
	case 'r':
		options.rate = number;
		return ok;
	case 'p':
		options.pause_ms = number;
		return ok;
	case 'T':
		options.timeout = number;
		return ok;
	case 'n':
	case 'k':
		options.kept = letter == 'k';
		return true;
	default:
		return false;
	}
}

static bool
parse_options(int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options,
	    NULL)) != -1)
		if (!set_option(letter, optarg))
			return false;
	return optind == argc && options.socket != NULL &&
	    options.senders != NULL && parse_place(options.socket) &&
	    (options.messages > 0 || options.seconds > 0) &&
	    options.threads <= options.connections;
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	if (!parse_options(argc, argv)) {
		fprintf(stderr, "usage: load --socket unix:PATH|inet:PORT@IP "
		    "--domains FILE --messages N|--seconds S\n"
		    "\t[--connections N] [--threads N] [--new|--kept] "
		    "[--rate R] [--pause-ms MS]\n"
		    "\t[--idle N] [--timeout S]\n");
		return 64;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!senders_read(&senders, options.senders) || !learn() ||
	    !open_idle())
		return 1;
	return run();
}
