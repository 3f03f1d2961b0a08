/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's own HTTP server: routes, doors, answers that take their time. */

#include "unit.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/listen.h"
#include "base/util.h"
#include "daemon/http.h"

#define FAR_MS 60000		/* reached only by a bug */

static union listen_place control;
static union listen_place metrics;
static struct http *server;
static atomic_uint asked;
static atomic_bool ready;

static bool
answer_hello(struct http_request *q, struct http_answer *a)
{
	a->type = "text/hello";
	fprintf(a->body, "hello, %s\n", q->accept);
	return true;
}

static bool
answer_when_ready(struct http_request *q, struct http_answer *a)
{
	atomic_fetch_add(&asked, 1);
	q->state++;
	fprintf(a->body, "asked %u times\n", (unsigned)q->state);
	a->status = 422;
	return q->is_late || atomic_load(&ready);
}

static bool
answer_large(struct http_request *q, struct http_answer *a)
{
	(void)q;
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", a->body);
	return true;
}

static const struct http_route routes[] = {
	{ "GET", "/hello", HTTP_CONTROL | HTTP_METRICS, answer_hello, 0 },
	{ "POST", "/wait", HTTP_CONTROL, answer_when_ready, FAR_MS },
	{ "POST", "/late", HTTP_CONTROL, answer_when_ready, 100 },
	{ "GET", "/large", HTTP_METRICS, answer_large, 0 },
	{ NULL, NULL, 0, NULL, 0 }
};

static int
listen_anywhere(union listen_place *place)
{
	socklen_t len = sizeof(place->in);

	place->in = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = listen_open(place);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &place->any, &len), 0);
	return fd;
}

static int
start(void **state)
{
	struct diag d;
	const struct http_door doors[] = {
		{ listen_anywhere(&control), HTTP_CONTROL },
		{ listen_anywhere(&metrics), HTTP_METRICS }
	};

	(void)state;
	atomic_store(&ready, false);
	atomic_store(&asked, 0);
	diag_init(&d);
	server = http_start(doors, 2, routes, &d);
	diag_print(&d, "http_test");
	diag_fini(&d);
	return server != NULL ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	http_stop(server);
	return 0;
}

static int
ask(const union listen_place *place, const char *request)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &place->any, sizeof(place->in)), 0);
	assert_int_equal(write(fd, request, strlen(request)),
	    strlen(request));
	return fd;
}

/* Everything until the end; how much it is. */
static size_t
take(int fd, char *out, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	char octets[4096];
	ssize_t n;

	while (poll(&p, 1, FAR_MS) == 1 &&
	    (n = read(fd, octets, sizeof(octets))) > 0) {
		if (len + (size_t)n < size)
			memcpy(out + len, octets, (size_t)n);
		len += (size_t)n;
	}
	close(fd);
	out[len < size ? len : size - 1] = '\0';
	return len;
}

static void
expect(const union listen_place *place, const char *request,
    const char *begin, const char *part)
{
	char text[2000];

	take(ask(place, request), text, sizeof(text));
	assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
	assert_non_null(strstr(text, part));
}

static void
test_route_answers(void **state)
{
	char text[2000];

	(void)state;
	expect(&control, "GET /hello HTTP/1.0\r\nAccept: you\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello, you\n");
	expect(&metrics, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/hello\r\n");
	take(ask(&metrics, "HEAD /hello HTTP/1.0\r\n\r\n"), text,
	    sizeof(text));
	assert_non_null(strstr(text, "Content-Length: 8\r\n"));
	assert_null(strstr(text, "hello, "));
}

static void
test_other_doors_and_methods_are_refused(void **state)
{
	(void)state;
	expect(&metrics, "POST /wait HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 404 ", "not found\n");
	expect(&control, "GET /nothing HTTP/1.0\r\n\r\n", "HTTP/1.1 404 ", "");
	expect(&control, "GET /wait HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 405 ", "\r\nAllow: POST\r\n");
	expect(&control, "DELETE /hello HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
}

static void
test_large_answer_comes_whole(void **state)
{
	char text[200];

	(void)state;
	assert_true(take(ask(&metrics, "GET /large HTTP/1.0\r\n\r\n"), text,
	    sizeof(text)) > 1000000);
}

static void
await_asked(unsigned times)
{
	int64_t end_ms = util_now_ms() + FAR_MS;

	while (atomic_load(&asked) < times && util_now_ms() < end_ms)
		(void)poll(NULL, 0, 1);
	assert_int_equal(atomic_load(&asked), times);
}

/* As a reload does; others are served meanwhile, and it is asked again. */
static void
test_answer_may_come_later(void **state)
{
	static const char hello[] = "GET /hello HTTP/1.0\r\n\r\n";
	char text[2000];

	(void)state;
	int fd = ask(&control, "POST /wait HTTP/1.0\r\n"
	    "Content-Length: 3\r\n\r\nabc");
	await_asked(1);
	expect(&control, hello, "HTTP/1.1 200", "hello");
	http_wake(server);
	await_asked(2);
	expect(&control, hello, "HTTP/1.1 200", "hello");
	atomic_store(&ready, true);
	http_wake(server);
	take(fd, text, sizeof(text));
	assert_non_null(strstr(text, "HTTP/1.1 422 "));
	assert_non_null(strstr(text, "\r\n\r\nasked 3 times\n"));
}

static void
test_answer_is_due_when_its_time_is_over(void **state)
{
	(void)state;
	expect(&control, "POST /late HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 422 ", "\r\n\r\nasked 2 times\n");
}

/* Also one whose client has gone, and one that has not asked yet. */
static void
test_stop_ends_those_that_wait(void **state)
{
	char text[2000];

	(void)state;
	int fd = ask(&control, "POST /wait HTTP/1.0\r\n\r\n");
	int silent = ask(&control, "POST");
	close(ask(&control, "POST /wait HTTP/1.0\r\n\r\n"));
	await_asked(2);
	http_stop(server);
	server = NULL;
	assert_int_equal(take(fd, text, sizeof(text)), 0);
	assert_int_equal(take(silent, text, sizeof(text)), 0);
}

#define HALVES 50

/* However many, and whether their clients are there or not. */
static void
test_half_requests_keep_nobody_waiting(void **state)
{
	static const char whole[] = "GET /hello HTTP/1.0\r\n\r\n";
	int64_t begin_ms = util_now_ms();
	int fds[HALVES];

	(void)state;
	for (size_t i = 0; i < HALVES; i++)
		fds[i] = ask(&metrics, "GET /hel");
	expect(&control, whole, "HTTP/1.1 200", "");
	expect(&metrics, whole, "HTTP/1.1 200", "");
	for (size_t i = 0; i < HALVES; i++)
		close(fds[i]);
	for (size_t i = 0; i < HALVES; i++)
		close(ask(&metrics, "GET /hel"));
	expect(&metrics, whole, "HTTP/1.1 200", "");
	assert_in_range(util_now_ms() - begin_ms, 0, 5000);
}

/* Those who wait for an answer give way to nobody. */
static void
test_full_door_leaves_the_other_open(void **state)
{
	char text[2000];
	int fds[20];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		fds[i] = ask(&control, "POST /wait HTTP/1.0\r\n\r\n");
	await_asked(16);
	expect(&metrics, "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200", "");
	atomic_store(&ready, true);
	http_wake(server);
	for (size_t i = 0; i < 20; i++) {
		take(fds[i], text, sizeof(text));
		assert_non_null(strstr(text, "HTTP/1.1 422 "));
	}
}

/* As in a daemon with thousands of connections: select(2) would not do. */
static void
test_descriptors_may_be_high(void **state)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	stop(state);
	int high = fcntl(STDERR_FILENO, F_DUPFD, 1500);
	if (high < 0)
		skip();
	int low[1500];
	size_t n = 0;
	while (n < 1500 && (low[n] = dup(STDERR_FILENO)) < 1500 &&
	    low[n] >= 0)
		n++;
	assert_int_equal(start(state), 0);
	expect(&control, "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200", "");
	while (n > 0)
		close(low[--n]);
	close(high);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_route_answers),
		TEST(test_other_doors_and_methods_are_refused),
		TEST(test_large_answer_comes_whole),
		TEST(test_answer_may_come_later),
		TEST(test_answer_is_due_when_its_time_is_over),
		TEST(test_stop_ends_those_that_wait),
		TEST(test_half_requests_keep_nobody_waiting),
		TEST(test_full_door_leaves_the_other_open),
		TEST(test_descriptors_may_be_high),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
