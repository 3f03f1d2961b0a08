/* SPDX-License-Identifier: BSD-2-Clause */
/* check: what temperrors are excused, and what the memories are told. */

#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/stats.h"
#include "base/util.h"
#include "conf_text.h"
#include "dns/flight.h"
#include "fake_dns.h"
#include "mail/breaker.h"
#include "mail/check.h"
#include "mail/grace.h"

#define GRACE_MS 20

static const char zone[] =
    "*.dead.example. SERVFAIL\n"
    "*.good.example. TXT \"v=spf1 -all\"\n";

struct fixture {
	struct fake_dns	 fake;
	struct dns	*dns;
	struct flights	*flights;
	struct grace	*grace;
	struct breaker	*breaker;
	struct conf	*conf;
};

static void
configure(struct fixture *f, const char *text)
{
	struct diag d;

	diag_init(&d);
	conf_release(f->conf);
	f->conf = conf_from_text(text, strlen(text), NULL, &d);
	assert_non_null(f->conf);
	diag_fini(&d);
}

static int
setup(void **state)
{
	static const struct dns_options options = {
		.query_timeout_ms = 4000, .cache_size = 1 << 20,
	};
	static const struct flight_options flights = {
		.threads = 2, .max_in_flight = 100,
	};
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->fake.backend.capacity = 1000;
	f->dns = fake_dns_open(&f->fake, zone, &options);
	f->flights = flights_new(f->dns, &flights);
	assert_non_null(f->flights);
	f->grace = grace_new();
	f->breaker = breaker_new(f->dns);
	configure(f, "temperror_grace = 20ms\ndns { timeout = 100ms }\n");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	breaker_free(f->breaker);
	grace_free(f->grace);
	flights_free(f->flights);
	dns_free(f->dns);
	conf_release(f->conf);
	free(f);
	return 0;
}

/* The excuse of MAIL FROM, after the check of that message. */
static enum excuse
check(struct fixture *f, const char *ip, const char *helo, const char *from)
{
	struct identity id;
	struct flight *helo_flight = NULL;
	struct subject who = { .receiver = "mx.example.org", .helo = &id };
	struct check c = { .who = &who, .conf = f->conf,
		.policy = &f->conf->policy, .settled = true,
		.flights = f->flights, .grace = f->grace,
		.breaker = f->breaker, .helo = &helo_flight };

	assert_true(addr_parse(&who.client, ip));
	identity_from_helo(&id, helo);
	who.sender_count = identity_senders(who.senders, from, NULL, &id);
	check_begin(&c);
	check_collect(&c, util_now_ms() + 30000);
	enum excuse e = c.of[SCOPE_MAILFROM].finding.excuse;
	check_end(&c);
	check_forget_helo(&helo_flight);
	for (size_t i = 0; i < who.sender_count; i++)
		identity_fini(&who.senders[i]);
	identity_fini(&id);
	return e;
}

static enum excuse
check_sender(struct fixture *f, const char *from)
{
	return check(f, "192.0.2.1", "mail.example.net", from);
}

/* Tries until there is an excuse, which takes ms at least. */
static void
try_until_excused(struct fixture *f, const char *from, int64_t ms)
{
	int64_t begin_ms = util_now_ms();
	enum excuse e;

	do {
		e = check_sender(f, from);
		assert_true(util_now_ms() - begin_ms < 30000);
	} while (e == EXCUSE_NONE);
	assert_int_equal(e, EXCUSE_GRACE);
	assert_true(util_now_ms() - begin_ms >= ms);
}

static void
test_temperror_is_excused_after_its_grace(void **state)
{
	struct fixture *f = *state;

	try_until_excused(f, "<u@a.dead.example>", GRACE_MS);
	assert_int_equal(check_sender(f, "<v@A.dead.example>"), EXCUSE_GRACE);
	assert_int_equal(check_sender(f, "<u@b.dead.example>"), EXCUSE_NONE);
	assert_int_equal(check(f, "198.51.100.1", "mail.example.net",
	    "<u@a.dead.example>"), EXCUSE_NONE);
	/* Of the null sender it is the domain of HELO. */
	assert_int_equal(check(f, "192.0.2.9", "a.dead.example", "<>"),
	    EXCUSE_GRACE);
	/* It is in force as it is configured now. */
	configure(f, "temperror_grace = 4h\n");
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_GRACE);
	configure(f, "");
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_NONE);
}

static void
test_an_answer_takes_the_excuse_away(void **state)
{
	struct fixture *f = *state;

	try_until_excused(f, "<u@a.dead.example>", GRACE_MS);
	fake_dns_advance(&f->fake, 6000);	/* the error is forgotten */
	fake_dns_set_zone(&f->fake, "*.dead.example. TXT \"v=spf1 -all\"\n");
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_NONE);
	fake_dns_advance(&f->fake, 86400000);
	fake_dns_set_zone(&f->fake, zone);
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_NONE);
}

/* Else a client would earn its grace by keeping us busy. */
static void
test_a_limit_of_ours_earns_no_grace(void **state)
{
	struct fixture *f = *state;
	int64_t begin_ms = util_now_ms();

	flights_free(f->flights);
	f->flights = flights_new(f->dns, &(struct flight_options){
		.threads = 1, .max_in_flight = 0 });
	fake_dns_hold(&f->fake, "");
	while (util_now_ms() - begin_ms < 3 * GRACE_MS)
		assert_int_equal(check_sender(f, "<u@a.dead.example>"),
		    EXCUSE_NONE);
}

/* Each of them would have a name of its own, and a place in the memory. */
static void
test_what_is_not_deferred_is_not_remembered(void **state)
{
	struct fixture *f = *state;

	try_until_excused(f, "<u@a.dead.example>", GRACE_MS);
	for (unsigned i = 0; i < 200; i++) {
		char helo[60];

		snprintf(helo, sizeof(helo), "h%u.dead.example", i);
		check(f, "192.0.2.1", helo, "<u@a.good.example>");
	}
	assert_int_equal(stats_get(STATS_GRACE_EVICTED), 0);
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_GRACE);
}

static void
test_failing_servers_are_our_own_fault(void **state)
{
	struct fixture *f = *state;
	_Atomic int64_t *since_ms = &f->fake.backend.failing_since_ms;

	atomic_store(since_ms, util_now_ms() - 60000);
	assert_int_equal(check_sender(f, "<u@a.dead.example>"),
	    EXCUSE_OUTAGE);
	assert_int_equal(check_sender(f, "<u@a.good.example>"), EXCUSE_NONE);
	atomic_store(since_ms, 0);
	assert_int_equal(check_sender(f, "<u@a.dead.example>"), EXCUSE_NONE);
}

/* A domain of each of many networks. */
static enum excuse
check_many(struct fixture *f, const char *domain, unsigned round)
{
	enum excuse e = EXCUSE_NONE;

	for (unsigned i = 0; i < 15; i++) {
		char ip[40];
		char from[60];

		snprintf(ip, sizeof(ip), "198.51.%u.1", i);
		snprintf(from, sizeof(from), "<u@d%u-%u.%s>", round, i,
		    domain);
		e = check(f, ip, "mail.example.net", from);
	}
	return e;
}

static void
test_all_that_fails_of_many_is_our_own_fault(void **state)
{
	struct fixture *f = *state;
	int64_t begin_ms = util_now_ms();
	unsigned round = 0;

	configure(f, "dns { timeout = 100ms }\n");
	while (check_many(f, "dead.example", round) == EXCUSE_NONE) {
		assert_true(util_now_ms() - begin_ms < 30000);
		round++;
	}
	assert_true(util_now_ms() - begin_ms >= 100);
	assert_true(breaker_is_in_doubt(f->breaker));
	assert_int_equal(check_many(f, "good.example", 0), EXCUSE_NONE);
	assert_false(breaker_is_in_doubt(f->breaker));
	assert_int_equal(check_many(f, "dead.example", ++round), EXCUSE_NONE);
}

/* Each is asked for once, for the same client. */
static void
test_what_the_cache_knows_is_no_sign(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 50; i++) {
		char ip[40];
		char from[60];

		snprintf(ip, sizeof(ip), "198.51.%u.1", i);
		snprintf(from, sizeof(from), "<u@d%u.dead.example>", i);
		assert_int_equal(check_sender(f, from), EXCUSE_NONE);
		assert_int_equal(check(f, ip, "mail.example.net", from),
		    EXCUSE_NONE);
	}
	assert_false(breaker_is_in_doubt(f->breaker));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup,	\
	    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(temperror_is_excused_after_its_grace),
		TEST(an_answer_takes_the_excuse_away),
		TEST(a_limit_of_ours_earns_no_grace),
		TEST(what_is_not_deferred_is_not_remembered),
		TEST(failing_servers_are_our_own_fault),
		TEST(all_that_fails_of_many_is_our_own_fault),
		TEST(what_the_cache_knows_is_no_sign),
	};

	eval_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
