/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom the resolver asks. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dns.h"
#include "dns_priv.h"
#include "dns_resolver_priv.h"
#include "util.h"

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
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_is_made_of_resolv_conf),
		cmocka_unit_test(test_plan_without_resolv_conf),
		cmocka_unit_test(test_plan_takes_sixteen_servers_at_most),
		cmocka_unit_test(test_plan_is_made_of_the_servers_given),
		cmocka_unit_test(test_plans_are_compared)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
