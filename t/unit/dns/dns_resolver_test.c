/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom the resolver asks: plans, questions past libunbound, the relay. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Plans */

/* The servers of a plan made of o, or "refused". */
static const char *
plan_text(const struct dns_options *o, struct dns_plan *p)
{
	static char text[1000];
	struct diag d;
	struct sbuf sb;

	diag_init(&d);
	sbuf_init(&sb, text, sizeof(text));
	if (dns_plan_make(p, o, &d)) {
		assert_int_equal(d.count, 0);
		dns_plan_format(p, &sb);
	} else {
		assert_int_equal(d.count, 1);
		sbuf_str(&sb, "refused");
	}
	diag_fini(&d);
	return text;
}

static const char *
plan_of_file(const char *text, struct dns_plan *p)
{
	char path[] = "/tmp/dns_resolver_test.XXXXXX";
	int fd = mkstemp(path);
	const struct dns_options o = { .resolv_conf = path };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	close(fd);
	const char *servers = plan_text(&o, p);
	unlink(path);
	return servers;
}

static void
test_plan_is_made_of_resolv_conf(void **state)
{
	static const struct {
		const char *file;
		const char *servers;
		bool tcp;
	} cases[] = {
		{ "", "127.0.0.1:53", false },
		{ "search example.com\noptions edns0 trust-ad\n",
		    "127.0.0.1:53", false },
		{ "nameserver 192.0.2.1\nnameserver\t2001:db8::1 # ours\n",
		    "192.0.2.1:53, [2001:db8::1]:53", false },
		{ "nameserver fe80::1%lo", "[fe80::1%lo]:53", false },
		{ "nameserver\nnameserver host.example\nnameservers ::1\n"
		    "# nameserver 192.0.2.2\n;nameserver 192.0.2.3\n"
		    "\tnameserver 192.0.2.4;\r\n", "192.0.2.4:53", false },
		{ "options timeout:1 use-vc attempts:1\nnameserver ::1",
		    "[::1]:53", true },
		{ "options use-vcr\n", "127.0.0.1:53", false }
	};
	struct dns_plan p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(plan_of_file(cases[i].file, &p),
		    cases[i].servers);
		assert_int_equal(p.tcp, cases[i].tcp);
		assert_false(p.given);
	}
}

static void
test_plan_without_resolv_conf(void **state)
{
	const struct dns_options none = { .resolv_conf = "/nonexistent" };
	const struct dns_options wrong = { .resolv_conf = "/dev/null/x" };
	struct dns_plan p;

	(void)state;
	assert_string_equal(plan_text(&none, &p), "127.0.0.1:53");
	assert_string_equal(plan_text(&wrong, &p), "refused");
}

static void
test_plan_takes_sixteen_servers_at_most(void **state)
{
	char file[1000] = "";
	struct dns_plan p;

	(void)state;
	for (int i = 1; i <= 20; i++)
		snprintf(file + strlen(file), sizeof(file) - strlen(file),
		    "nameserver 192.0.2.%d\n", i);
	plan_of_file(file, &p);
	assert_int_equal(p.count, 16);
	assert_string_equal(p.servers[15].host, "192.0.2.16");
}

static void
test_plan_is_made_of_the_servers_given(void **state)
{
	static const char *const servers[] = {
		"192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]", "[::1]:54"
	};
	static const char *const bad[] = {
		"example.com:53", "192.0.2.1:", "[192.0.2.1", "[::1]x", "",
		"192.0.2.1:99999999999999999999999999999999999999999999999999"
	};
	const struct dns_options o = {
		.servers = servers, .server_count = COUNT(servers),
		.resolv_conf = "/dev/null/x"
	};
	struct dns_plan p;

	(void)state;
	assert_string_equal(plan_text(&o, &p), "192.0.2.1:53, "
	    "192.0.2.1:5353, [2001:db8::1]:53, [::1]:54");
	assert_true(p.given);
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct dns_options one = {
			.servers = &bad[i], .server_count = 1
		};
		assert_string_equal(plan_text(&one, &p), "refused");
	}
}

static void
test_plans_are_compared(void **state)
{
	static const char *const files[] = {
		"nameserver 192.0.2.1", "nameserver 192.0.2.2", "",
		"nameserver 192.0.2.1\nnameserver 192.0.2.2",
		"nameserver 192.0.2.2\nnameserver 192.0.2.1",
		"nameserver 192.0.2.1\noptions use-vc"
	};
	struct dns_plan a;
	struct dns_plan b;

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		plan_of_file(files[i], &a);
		for (size_t j = 0; j < COUNT(files); j++) {
			plan_of_file(files[j], &b);
			assert_int_equal(dns_plan_equal(&a, &b), i == j);
		}
	}
	b = a;
	b.dnssec = true;
	assert_false(dns_plan_equal(&a, &b));
	b = a;
	strcpy(b.canary, "canary.example");
	assert_false(dns_plan_equal(&a, &b));
}

/* A server that answers one question, by UDP or TCP */

struct one {
	struct dns_server	server;
	int			fd;
	bool			stream;
	void			(*answer)(uint8_t *m, size_t *len);
	uint8_t			question[600];
	size_t			len;
	pthread_t		thread;
};

static void
one_stream(struct one *o)
{
	uint8_t m[600];
	int fd = accept(o->fd, NULL, NULL);

	assert_true(recv(fd, m, 2, MSG_WAITALL) == 2);
	o->len = (size_t)(m[0] << 8 | m[1]);
	assert_true(o->len <= sizeof(o->question));
	assert_int_equal(recv(fd, o->question, o->len, MSG_WAITALL), o->len);
	size_t len = o->len;
	memcpy(m + 2, o->question, len);
	o->answer(m + 2, &len);
	m[1] = (uint8_t)len;
	assert_int_equal(send(fd, m, len + 2, MSG_NOSIGNAL), len + 2);
	close(fd);
}

static void *
one_run(void *arg)
{
	struct one *o = arg;
	uint8_t m[600];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);

	if (o->stream) {
		one_stream(o);
		return NULL;
	}
	ssize_t n = recvfrom(o->fd, o->question, sizeof(o->question), 0,
	    (struct sockaddr *)&from, &from_len);
	if (n < 12)
		return NULL;
	o->len = (size_t)n;
	size_t len = o->len;
	memcpy(m, o->question, len);
	o->answer(m, &len);
	sendto(o->fd, m, len, 0, (struct sockaddr *)&from, from_len);
	return NULL;
}

static void
one_start(struct one *o, bool stream, void (*answer)(uint8_t *, size_t *))
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	*o = (struct one){ .stream = stream, .answer = answer,
		.server = { .host = "127.0.0.1" } };
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o->fd = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	assert_int_equal(bind(o->fd, (struct sockaddr *)&sin, len), 0);
	if (stream)
		assert_int_equal(listen(o->fd, 1), 0);
	getsockname(o->fd, (struct sockaddr *)&sin, &len);
	snprintf(o->server.port, sizeof(o->server.port), "%u",
	    ntohs(sin.sin_port));
	if (answer != NULL)
		assert_int_equal(pthread_create(&o->thread, NULL, one_run, o),
		    0);
}

static void
one_stop(struct one *o)
{
	if (o->answer != NULL)
		pthread_join(o->thread, NULL);
	close(o->fd);
}

static void
answer_refused(uint8_t *m, size_t *len)
{
	(void)len;
	m[2] |= 0x80;
	m[3] = 5;
}

static void
answer_garbage(uint8_t *m, size_t *len)
{
	memset(m, 0xff, *len);
}

/* Questions past libunbound */

static struct dns_probe
probe_by(const struct dns_server *s, bool tcp, bool edns)
{
	struct dns_probe p = {
		.server = s, .tcp = tcp, .edns = edns, .decides = true
	};

	dns_probe_round(&p, 1, "a.example", DNS_TYPE_TXT, 300, -1);
	return p;
}

static struct dns_probe
probe(const struct dns_server *s, bool edns)
{
	return probe_by(s, false, edns);
}

static void
test_probe_asks_and_tells_the_code(void **state)
{
	static const uint8_t plain[] =
	    "\1\0\0\1\0\0\0\0\0\0\1a\7example\0\0\20\0\1";
	static const uint8_t edns[] =
	    "\1\0\0\1\0\0\0\0\0\1\1a\7example\0\0\20\0\1"
	    "\0\0\51\4\320\0\0\0\0\0\0";
	struct one o;

	(void)state;
	for (int i = 0; i < 2; i++) {
		one_start(&o, false, answer_refused);
		struct dns_probe p = probe(&o.server, i == 1);
		one_stop(&o);
		assert_int_equal(p.end, DNS_PROBE_ANSWERED);
		assert_int_equal(p.rcode, 5);
		assert_int_equal(o.len, 1 + (i ? sizeof(edns) :
		    sizeof(plain)));
		assert_memory_equal(o.question + 2, i ? edns : plain,
		    o.len - 2);
	}
}

static void
test_probe_asks_by_tcp(void **state)
{
	struct one o;

	(void)state;
	one_start(&o, true, answer_refused);
	struct dns_probe p = probe_by(&o.server, true, true);
	one_stop(&o);
	assert_int_equal(p.end, DNS_PROBE_ANSWERED);
	assert_int_equal(p.rcode, 5);
	assert_int_equal(o.len, 12 + 11 + 4 + 11);
	assert_int_equal(probe_by(&o.server, true, true).end,
	    DNS_PROBE_CLOSED);
	one_start(&o, true, NULL);
	assert_int_equal(probe_by(&o.server, true, true).end,
	    DNS_PROBE_SILENT);
	one_stop(&o);
}

static void
test_probe_tells_garbage_silence_and_nobody(void **state)
{
	struct one o;

	(void)state;
	one_start(&o, false, answer_garbage);
	assert_int_equal(probe(&o.server, true).end, DNS_PROBE_GARBAGE);
	one_stop(&o);
	one_start(&o, false, NULL);
	assert_int_equal(probe(&o.server, true).end, DNS_PROBE_SILENT);
	one_stop(&o);
	assert_int_equal(probe(&o.server, true).end, DNS_PROBE_CLOSED);
}

static void
test_probe_round_ends_when_told(void **state)
{
	struct one o;
	int fds[2];

	(void)state;
	one_start(&o, false, NULL);
	struct dns_probe p = { .server = &o.server };
	assert_int_equal(pipe(fds), 0);
	close(fds[1]);
	int64_t start = util_now_ms();
	dns_probe_round(&p, 1, "a.example", DNS_TYPE_TXT, 60000, fds[0]);
	assert_true(util_now_ms() - start < 30000);
	assert_int_equal(p.end, DNS_PROBE_SILENT);
	close(fds[0]);
	one_stop(&o);
}

static void
answer_servfail(uint8_t *m, size_t *len)
{
	(void)len;
	m[2] |= 0x80;
	m[3] = 2;
}

static void
answer_nxdomain(uint8_t *m, size_t *len)
{
	(void)len;
	m[2] |= 0x80;
	m[3] = 3;
}

/* One that finds it is enough, and that it does not exist is an answer. */
static void
test_canary_is_well_where_one_server_finds_it(void **state)
{
	static const struct {
		void	(*first)(uint8_t *, size_t *);
		void	(*second)(uint8_t *, size_t *);
		bool	good;
	} rows[] = {
		{ answer_servfail, answer_nxdomain, true },
		{ answer_nxdomain, answer_servfail, true },
		{ NULL, answer_nxdomain, true },
		{ answer_servfail, answer_refused, false },
		{ answer_garbage, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_plan p = { .count = 2, .canary = "a.example" };
		struct one o[2];

		one_start(&o[0], false, rows[i].first);
		one_start(&o[1], false, rows[i].second);
		p.servers[0] = o[0].server;
		p.servers[1] = o[1].server;
		assert_int_equal(dns_health_canary(&p, 300, -1), rows[i].good);
		one_stop(&o[0]);
		one_stop(&o[1]);
	}
}

/* The relay */

static void
test_relay_takes_edns_off_udp(void **state)
{
	struct one o;
	struct dns_server local;

	(void)state;
	one_start(&o, false, answer_refused);
	struct dns_relay *r = dns_relay_new(&o.server);
	assert_non_null(r);
	dns_relay_server(r, &local);
	struct dns_probe p = probe(&local, true);
	one_stop(&o);
	assert_int_equal(p.end, DNS_PROBE_ANSWERED);
	assert_int_equal(p.rcode, 5);
	assert_int_equal(o.question[11], 0);
	assert_int_equal(o.len, 12 + 11 + 4);
	dns_relay_free(r);
}

static void
test_relay_takes_edns_off_tcp(void **state)
{
	static const uint8_t question[] =
	    "\0\46\1\2\1\0\0\1\0\0\0\0\0\1\1a\7example\0\0\20\0\1"
	    "\0\0\51\4\320\0\0\0\0\0\0";
	struct one o;
	struct dns_server local;
	struct sockaddr_storage address;
	socklen_t len;
	uint8_t m[64];

	(void)state;
	one_start(&o, true, answer_refused);
	struct dns_relay *r = dns_relay_new(&o.server);
	assert_non_null(r);
	dns_relay_server(r, &local);
	assert_true(dns_server_address(&local, &address, &len));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(send(fd, question, sizeof(question) - 1, 0),
	    sizeof(question) - 1);
	assert_int_equal(recv(fd, m, sizeof(m), MSG_WAITALL), 2 + 27);
	assert_int_equal(m[2 + 3], 5);
	close(fd);
	one_stop(&o);
	assert_int_equal(o.question[11], 0);
	assert_int_equal(o.len, 27);
	dns_relay_free(r);
}

static void
test_relay_that_cannot_wait_is_none(void **state)
{
	const struct dns_server s = { .host = "127.0.0.1", .port = "53" };
	struct rlimit old;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	struct rlimit few = old;
	few.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	struct dns_relay *r = dns_relay_new(&s);
	int error = errno;
	setrlimit(RLIMIT_NOFILE, &old);
	assert_null(r);
	assert_int_equal(error, EINVAL);
}

static void
test_relay_ends_with_questions_open(void **state)
{
	struct one o;
	struct dns_server local;
	struct sockaddr_storage address;
	socklen_t len;

	(void)state;
	one_start(&o, false, NULL);
	struct dns_relay *r = dns_relay_new(&o.server);
	assert_non_null(r);
	dns_relay_server(r, &local);
	assert_true(dns_server_address(&local, &address, &len));
	assert_int_equal(probe(&local, true).end, DNS_PROBE_SILENT);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	dns_relay_free(r);
	close(fd);
	one_stop(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_is_made_of_resolv_conf),
		cmocka_unit_test(test_plan_without_resolv_conf),
		cmocka_unit_test(test_plan_takes_sixteen_servers_at_most),
		cmocka_unit_test(test_plan_is_made_of_the_servers_given),
		cmocka_unit_test(test_plans_are_compared),
		cmocka_unit_test(test_probe_asks_and_tells_the_code),
		cmocka_unit_test(test_probe_asks_by_tcp),
		cmocka_unit_test(test_probe_tells_garbage_silence_and_nobody),
		cmocka_unit_test(test_probe_round_ends_when_told),
		cmocka_unit_test(
		    test_canary_is_well_where_one_server_finds_it),
		cmocka_unit_test(test_relay_takes_edns_off_udp),
		cmocka_unit_test(test_relay_takes_edns_off_tcp),
		cmocka_unit_test(test_relay_that_cannot_wait_is_none),
		cmocka_unit_test(test_relay_ends_with_questions_open)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
