/* SPDX-License-Identifier: BSD-2-Clause */
/* libunbound, with a name server on the loopback, and other backends. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct dns_view *
view_of(struct dns *d)
{
	return dns_view_new(d, NULL, INT64_MAX, 100);
}

static void
count_wake(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static int server_socket;
static atomic_int server_queries;

/* The answers of the name server, by the first label. */
static size_t
server_reply(uint8_t *m, size_t n)
{
	static const uint8_t soa[] =
	    "\300\014\0\006\0\001\0\0\016\020\0\026\0\0"
	    "\0\0\0\001\0\0\0\001\0\0\0\001\0\0\0\001\0\0\0\007";
	static const uint8_t txt[] =
	    "\300\014\0\020\0\001\0\0\001\054\0\007\006v=spf1";
	const uint8_t *label = m + 13;
	bool ok = *label == 'g' || *label == '\\';

	m[2] = 0x81;
	m[3] = *label == 'n' ? 0x83 : *label == 's' ? 0x82 : 0x80;
	m[7] = ok;			/* answers */
	m[9] = !ok && *label != 's' && *label != 'e';	/* authority */
	m[11] = 0;			/* no EDNS */
	size_t end = 12;
	while (end < n && m[end] != 0)
		end += 1 + (size_t)m[end];
	end += 5;
	if (m[7]) {
		memcpy(m + end, txt, sizeof(txt) - 1);
		end += sizeof(txt) - 1;
	} else if (m[9]) {
		memcpy(m + end, soa, sizeof(soa) - 1);
		end += sizeof(soa) - 1;
	}
	return end;
}

static void *
server_run(void *arg)
{
	uint8_t m[2048];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	(void)arg;
	while ((n = recvfrom(server_socket, m, 512, 0,
	    (struct sockaddr *)&from, &len)) > 1) {
		server_queries++;
		size_t size = server_reply(m, (size_t)n);
		sendto(server_socket, m, size, 0, (struct sockaddr *)&from,
		    len);
		len = sizeof(from);
	}
	return NULL;
}

static pthread_t server_thread;
static struct sockaddr_in server_address;
static char server_text[40];

static int
server_start(void **state)
{
	socklen_t len = sizeof(server_address);

	(void)state;
	server_queries = 0;
	server_socket = socket(AF_INET, SOCK_DGRAM, 0);
	server_address = (struct sockaddr_in){ .sin_family = AF_INET };
	server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server_socket, (struct sockaddr *)&server_address, len) != 0)
		return -1;
	getsockname(server_socket, (struct sockaddr *)&server_address, &len);
	snprintf(server_text, sizeof(server_text), "127.0.0.1:%u",
	    ntohs(server_address.sin_port));
	return pthread_create(&server_thread, NULL, server_run, NULL);
}

static int
server_stop(void **state)
{
	(void)state;
	sendto(server_socket, "", 1, 0, (struct sockaddr *)&server_address,
	    sizeof(server_address));
	pthread_join(server_thread, NULL);
	close(server_socket);
	return 0;
}

static struct dns *
unbound_with(const char *server)
{
	const char *const servers[] = { server };
	struct dns_options o = {
		.servers = servers, .server_count = 1,
		.query_timeout_ms = 8000, .cache_size = 1 << 20
	};
	struct diag diag;

	diag_init(&diag);
	struct dns *d = dns_new(&o, &diag);
	diag_fini(&diag);
	return d;
}

static const struct dns_answer *
resolve(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	while (dns_query(v, name, DNS_TYPE_TXT, &a) == DNS_PENDING)
		fake_dns_wait(v);
	assert_non_null(a);
	return a;
}

static void
test_unbound_maps_answers(void **state)
{
	struct dns *d = unbound_with(server_text);
	struct dns_view *v;
	const struct dns_answer *a;

	(void)state;
	assert_non_null(d);
	v = view_of(d);
	a = resolve(v, "good.example.com");
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->ttl, 300);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_non_null(a->spf);
	a = resolve(v, "nx.example.com");
	assert_int_equal(a->status, DNS_NXDOMAIN);
	assert_int_equal(a->ttl, 7);		/* minimum of the SOA */
	a = resolve(v, "data.example.com");
	assert_int_equal(a->status, DNS_NODATA);
	assert_int_equal(a->ttl, 7);
	a = resolve(v, "empty.example.com");	/* no SOA */
	assert_int_equal(a->status, DNS_NODATA);
	assert_true(a->ttl <= 5);
	a = resolve(v, "servfail.example.com");
	assert_int_equal(a->status, DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_SERVFAIL);
	assert_string_equal(a->problem, "SERVFAIL");
	dns_view_free(v);
	dns_free(d);
}

static void
test_unbound_asks_the_servers_for_all_names(void **state)
{
	static const char *const names[] = {
		"g.test", "g.invalid", "g.home.arpa",
		"g.1.168.192.in-addr.arpa",
		"g.2.0.192.in-addr.arpa", "g.10.in-addr.arpa",
		"g.8.b.d.0.1.0.0.2.ip6.arpa", "\\x we\xffird@.example"
	};
	struct dns *d = unbound_with(server_text);
	struct dns_view *v;

	(void)state;
	assert_non_null(d);
	v = view_of(d);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(resolve(v, names[i])->status, DNS_OK);
	assert_true(server_queries >= (int)COUNT(names));
	dns_view_free(v);
	dns_free(d);
}

static void
test_unbound_stops_with_questions_open(void **state)
{
	/* A socket that nobody reads: no answer, no refusal. */
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	char text[40];
	char name[40];
	const struct dns_answer *a;
	atomic_int wakes = 0;

	(void)state;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(sin.sin_port));
	struct dns *d = unbound_with(text);
	assert_non_null(d);
	for (int i = 0; i < 100; i++) {
		struct dns_view *v = view_of(d);
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_int_equal(dns_query(v, name, DNS_TYPE_TXT, &a),
		    DNS_PENDING);
		assert_false(dns_view_fetch(v, count_wake, &wakes));
		dns_view_free(v);
	}
	dns_free(d);
	assert_int_equal(wakes, 0);
	close(fd);
}

static void
test_version_names_the_library(void **state)
{
	(void)state;
	assert_memory_equal(dns_version(), "libunbound ", 11);
}

static void
test_new_reports_a_missing_zone_file(void **state)
{
	struct dns_options o = {
		.zone_file = "/nonexistent/zone", .query_timeout_ms = 1000
	};
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_null(dns_new(&o, &diag));
	assert_int_equal(diag.count, 1);
	assert_string_equal(diag.entries[0].file, "/nonexistent/zone");
	diag_fini(&diag);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_unbound_maps_answers,
		    server_start, server_stop),
		cmocka_unit_test_setup_teardown(
		    test_unbound_asks_the_servers_for_all_names,
		    server_start, server_stop),
		cmocka_unit_test(test_unbound_stops_with_questions_open),
		cmocka_unit_test(test_version_names_the_library),
		cmocka_unit_test(test_new_reports_a_missing_zone_file)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
