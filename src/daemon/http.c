/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread of ours drives libmicrohttpd, which has one server a door, so that
 * strangers at one leave the places of the other alone.  Everything below,
 * except http_wake, happens on that thread; so there is no lock.
 *
 * A connection is for one request, and has a fixed time in all (places): the
 * library's own timeout begins anew with each octet, and the end of a half
 * request may escape it.  While a route has no answer its connection is
 * suspended, and others are served.
 */

#include "config.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/places.h"
#include "daemon/http.h"

#define CONNECTIONS_MAX 16		/* a door */
#define CONNECTION_MS 10000
#define ROUND_MS 1000			/* of looking for what is late */
#define VAIN_MAX 50			/* rounds without an event */
#define VAIN_MS 100			/* of rest after each more */
#define IDLE_S 10
#define CONNECTION_MEMORY 8192		/* the head of a request, and more */
#define BODY_MAX 4096			/* of which nothing is read */

struct request {
	struct MHD_Connection	*connection;
	struct http_request	 q;
	int64_t			 wait_until_ms;	/* 0: it has not waited */
	size_t			 body;
};

struct door {
	struct http		*http;
	unsigned		 bit;
	struct MHD_Daemon	*mhd;
	bool			 has_room;	/* again, since the last run */
	struct place		 places[CONNECTIONS_MAX]; /* waits: request */
};

struct http {
	const struct http_route	*routes;
	struct door		 doors[HTTP_DOORS_MAX];
	size_t			 door_count;
	int			 woken;		/* eventfd */
	atomic_bool		 ends;
	bool			 runs;
	bool			 moved;		/* an event, in this round */
	unsigned		 vain;		/* rounds that had none */
	pthread_t		 thread;
};

/* Connections and their time. */

static void
on_connection(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct door *door = arg;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	struct place *p = *context;

	door->http->moved = true;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = places_take(door->places, CONNECTIONS_MAX,
		    info->connect_fd, util_now_ms(), CONNECTION_MS);
	} else if (p != NULL) {
		p->fd = -1;
		door->has_room = true;
	}
}

static struct place *
place_of(struct MHD_Connection *c)
{
	struct place *p = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

	assert(p != NULL);		/* there are as many as connections */
	return p;
}

static void
resume(struct place *p, int64_t now_ms)
{
	struct request *r = p->waits;

	p->waits = NULL;
	p->since_ms = now_ms;
	p->until_ms = now_ms + CONNECTION_MS;
	MHD_resume_connection(r->connection);
}

/* Those that wait, and those that have lasted too long. */
static void
look_at(struct door *door, bool woken)
{
	int64_t now_ms = util_now_ms();

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct place *p = &door->places[i];
		struct request *r = p->waits;
		bool late = p->until_ms <= now_ms;

		if (p->fd >= 0 && r != NULL && (woken || late)) {
			r->q.is_late = late;
			resume(p, now_ms);
		}
	}
	places_end_late(door->places, CONNECTIONS_MAX, now_ms);
}

/* Requests. */

/* Takes the text, which is of len octets and from malloc. */
static enum MHD_Result
send_text(struct MHD_Connection *c, const struct http_answer *a, char *text,
    size_t len, const char *allow)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, text,
	    MHD_RESPMEM_MUST_FREE);

	assert(r != NULL);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
	    a->type);
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL,
	    "no-store");
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (allow != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	enum MHD_Result done = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return done;
}

static struct http_answer
answer_begin(char **text, size_t *len)
{
	*text = NULL;
	FILE *body = open_memstream(text, len);
	assert(body != NULL);
	return (struct http_answer){ .status = MHD_HTTP_OK, .body = body,
		.type = "text/plain; charset=utf-8" };
}

static void
answer_end(struct http_answer *a)
{
	int failed = fclose(a->body);

	assert(failed == 0);
	a->body = NULL;
}

static enum MHD_Result
refuse(struct MHD_Connection *c, unsigned status, const char *allow)
{
	char *text;
	size_t len;
	struct http_answer a = answer_begin(&text, &len);

	a.status = status;
	fprintf(a.body, "%s\n", allow == NULL ? "not found" :
	    "this method is not allowed");
	answer_end(&a);
	return send_text(c, &a, text, len, allow);
}

/* The connection is suspended before anybody can resume it. */
static enum MHD_Result
wait_for_answer(struct MHD_Connection *c, struct request *r, int64_t wait_ms)
{
	struct place *p = place_of(c);

	if (r->wait_until_ms == 0)
		r->wait_until_ms = util_now_ms() + wait_ms;
	p->until_ms = r->wait_until_ms;
	r->connection = c;
	p->waits = r;
	MHD_suspend_connection(c);
	return MHD_YES;
}

static enum MHD_Result
serve_route(const struct http_route *route, struct MHD_Connection *c,
    struct request *r)
{
	char *text;
	size_t len;
	struct http_answer a = answer_begin(&text, &len);

	r->q.accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
	    MHD_HTTP_HEADER_ACCEPT);
	if (r->q.accept == NULL)
		r->q.accept = "";
	bool done = route->answer(&r->q, &a);
	assert(done || !r->q.is_late);
	answer_end(&a);
	if (done)
		return send_text(c, &a, text, len, NULL);
	free(text);
	return wait_for_answer(c, r, route->wait_ms);
}

static bool
takes_method(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	    (strcmp(route->method, MHD_HTTP_METHOD_GET) == 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}

static enum MHD_Result
find_route(const struct door *door, struct MHD_Connection *c,
    struct request *r, const char *path, const char *method)
{
	const char *allow = NULL;

	for (const struct http_route *route = door->http->routes;
	    route->path != NULL; route++) {
		if ((route->doors & door->bit) == 0 ||
		    strcmp(route->path, path) != 0)
			continue;
		if (takes_method(route, method))
			return serve_route(route, c, r);
		allow = strcmp(route->method, MHD_HTTP_METHOD_GET) == 0 ?
		    "GET, HEAD" : route->method;
	}
	return refuse(c, allow != NULL ? MHD_HTTP_METHOD_NOT_ALLOWED :
	    MHD_HTTP_NOT_FOUND, allow);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path,
    const char *method, const char *version, const char *data, size_t *size,
    void **context)
{
	const struct door *door = arg;
	struct request *r = *context;

	door->http->moved = true;
	(void)version;
	(void)data;
	if (r == NULL) {
		*context = xcalloc(1, sizeof(*r));
		return MHD_YES;
	}
	if (*size > 0) {
		r->body += *size;
		*size = 0;
		return r->body <= BODY_MAX ? MHD_YES : MHD_NO;
	}
	return find_route(door, c, r, path, method);
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)c;
	(void)code;
	free(*context);
	*context = NULL;
}

/* The thread. */

/* A server that was full listens again in its next run. */
static int
round_ms(const struct http *h)
{
	MHD_UNSIGNED_LONG_LONG most = ROUND_MS;
	bool idle = true;

	for (size_t i = 0; i < h->door_count; i++) {
		MHD_UNSIGNED_LONG_LONG ms;
		size_t taken = places_taken(h->doors[i].places,
		    CONNECTIONS_MAX);

		idle = idle && taken == 0;
		if (h->doors[i].has_room)
			return 0;
		if (taken == CONNECTIONS_MAX && most > PLACES_MOMENT_MS)
			most = PLACES_MOMENT_MS;
		if (MHD_get_timeout(h->doors[i].mhd, &ms) == MHD_YES &&
		    ms < most)
			most = ms;
	}
	return idle && most == ROUND_MS ? -1 : (int)most;
}

static bool
take_wake(const struct http *h)
{
	uint64_t times;

	return read(h->woken, &times, sizeof(times)) == sizeof(times);
}

/*
 * At the limit of open files the library takes nobody, and who waits makes it
 * ready again at once.
 */
static void
rest_if_vain(struct http *h, bool ready)
{
	struct pollfd end = { .fd = h->woken, .events = POLLIN };

	h->vain = ready && !h->moved ? h->vain + 1 : 0;
	if (h->vain > VAIN_MAX)
		(void)poll(&end, 1, VAIN_MS);
}

static void *
serve(void *arg)
{
	struct http *h = arg;
	struct pollfd fds[1 + HTTP_DOORS_MAX] = {
		{ .fd = h->woken, .events = POLLIN }
	};

	for (size_t i = 0; i < h->door_count; i++) {
		fds[1 + i].events = POLLIN;
		fds[1 + i].fd = MHD_get_daemon_info(h->doors[i].mhd,
		    MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	}
	while (!atomic_load(&h->ends)) {
		h->moved = false;
		bool ready = poll(fds, 1 + h->door_count, round_ms(h)) > 0;
		bool woken = take_wake(h);
		for (size_t i = 0; i < h->door_count; i++) {
			look_at(&h->doors[i], woken);
			h->doors[i].has_room = false;
			(void)MHD_run(h->doors[i].mhd);
		}
		rest_if_vain(h, ready);
	}
	return NULL;
}

/* Start and stop. */

static _Noreturn void
on_panic(void *arg, const char *file, unsigned line, const char *reason)
{
	(void)arg;
	util_die("libmicrohttpd: %s:%u: %s", file, line,
	    reason != NULL ? reason : "");
}

static bool
open_door(struct http *h, int fd, unsigned bit)
{
	struct door *door = &h->doors[h->door_count];

	door->http = h;
	door->bit = bit;
	places_init(door->places, CONNECTIONS_MAX);
	door->mhd = MHD_start_daemon(MHD_USE_EPOLL |
	    MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, door,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, door,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_END);
	if (door->mhd == NULL)
		return false;
	h->door_count++;
	return true;
}

static bool
start(struct http *h, const struct http_door *doors, size_t count)
{
	h->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; h->woken >= 0 && i < count; i++) {
		if (!open_door(h, doors[i].fd, doors[i].door))
			break;
	}
	if (h->door_count < count)
		return false;
	errno = thread_start(&h->thread, serve, h);
	h->runs = errno == 0;
	return h->runs;
}

struct http *
http_start(const struct http_door *doors, size_t count,
    const struct http_route *routes, struct diag *d)
{
	struct http *h = xcalloc(1, sizeof(*h));

	assert(count <= HTTP_DOORS_MAX);
	h->routes = routes;
	MHD_set_panic_func(on_panic, NULL);
	if (start(h, doors, count))
		return h;
	diag_add(d, NULL, 0, "cannot serve HTTP: %s", strerror(errno));
	http_stop(h);
	return NULL;
}

void
http_wake(struct http *h)
{
	static const uint64_t once = 1;

	/* It fails only where it is woken already. */
	(void)!write(h->woken, &once, sizeof(once));
}

/* libmicrohttpd ends none that is suspended. */
static void
close_door(struct door *door)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (door->places[i].fd >= 0 && door->places[i].waits != NULL)
			resume(&door->places[i], 0);
	}
	MHD_stop_daemon(door->mhd);
}

void
http_stop(struct http *h)
{
	if (h == NULL)
		return;
	atomic_store(&h->ends, true);
	if (h->runs) {
		http_wake(h);
		pthread_join(h->thread, NULL);
	}
	for (size_t i = 0; i < h->door_count; i++)
		close_door(&h->doors[i]);
	if (h->woken >= 0)
		close(h->woken);
	free(h);
}

const char *
http_version(void)
{
	return MHD_get_version();
}
