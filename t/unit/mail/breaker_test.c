/* SPDX-License-Identifier: BSD-2-Clause */
/* breaker: what looks like our own fault, and what only wants to. */

#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/stats.h"
#include "base/util.h"
#include "fake_dns.h"
#include "mail/breaker.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define PATIENCE (20 * SECOND)

static struct fake_dns fake;
static struct dns *dns;
static struct breaker *breaker;

static int
setup(void **state)
{
	static const struct dns_options o = { .query_timeout_ms = 4000 };

	(void)state;
	fake.backend.capacity = 10;
	dns = fake_dns_open(&fake, NULL, &o);
	breaker = breaker_new(dns);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	breaker_free(breaker);
	dns_free(dns);
	return 0;
}

static bool
is_open(int64_t now_ms)
{
	bool open = breaker_is_open(breaker, PATIENCE, now_ms);

	assert_true(breaker_is_in_doubt(breaker) || !open);
	return open;
}

/* A check of a client in network, of a domain of that number. */
static void
note(unsigned network, unsigned domain, bool failed, int64_t now_ms)
{
	char text[60];
	struct addr client;

	snprintf(text, sizeof(text), "10.%u.%u.1", network / 256,
	    network % 256);
	assert_true(addr_parse(&client, text));
	snprintf(text, sizeof(text), "d%u.example", domain);
	breaker_note(breaker, &client, text, failed, now_ms);
}

/* Of that many networks each a domain of its own, which all fail. */
static void
fail_of(unsigned networks, int64_t now_ms)
{
	for (unsigned i = 0; i < networks; i++)
		note(i, i, true, now_ms);
}

static void
test_all_of_many_that_fail_for_a_while_are_our_fault(void **state)
{
	uint64_t opened = stats_get(STATS_BREAKER_OPENED);

	(void)state;
	fail_of(30, MINUTE);
	assert_false(is_open(MINUTE));
	fail_of(30, MINUTE + PATIENCE);
	assert_false(is_open(MINUTE + PATIENCE - 1));
	assert_true(is_open(MINUTE + PATIENCE));
	assert_true(is_open(MINUTE + PATIENCE + 1));
	assert_int_equal(stats_get(STATS_BREAKER_OPENED), opened + 1);
}

static void
test_a_short_outage_is_for_deferring(void **state)
{
	(void)state;
	fail_of(30, MINUTE);
	assert_false(is_open(MINUTE));
	for (unsigned i = 0; i < 30; i++)
		note(i, 100 + i, false, MINUTE + 10 * SECOND);
	assert_false(is_open(MINUTE + 10 * SECOND));
	fail_of(30, MINUTE + PATIENCE);
	assert_false(is_open(MINUTE + PATIENCE));
	assert_true(is_open(MINUTE + 2 * PATIENCE));
}

static void
test_few_may_be_bad_luck(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 5 * MINUTE; ms += SECOND) {
		fail_of(8, ms);
		assert_false(is_open(ms));
	}
}

static void
test_one_client_opens_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		note(1, i, true, i * 100);
		assert_false(is_open(i * 100));
	}
}

static void
test_one_provider_opens_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		char text[60];
		struct addr client;

		snprintf(text, sizeof(text), "2001:db8:%x::%x", i, i);
		assert_true(addr_parse(&client, text));
		snprintf(text, sizeof(text), "d%u.example", i);
		breaker_note(breaker, &client, text, true, i * 100);
		assert_false(is_open(i * 100));
	}
}

/* Octets that are letters in one case or the other: 72 networks, not 9. */
static void
test_networks_are_counted_as_they_are(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 72; i++) {
		char text[60];
		struct addr client;

		snprintf(text, sizeof(text), "%u.%u.%u.1", 'A' + i % 2 * 32,
		    'A' + i / 4 % 9 + i / 36 * 32, 'A' + i / 2 % 2 * 32);
		assert_true(addr_parse(&client, text));
		snprintf(text, sizeof(text), "d%u.example", i);
		breaker_note(breaker, &client, text, true, MINUTE);
	}
	assert_false(is_open(MINUTE));
	assert_true(breaker_is_in_doubt(breaker));
}

static void
test_one_dead_domain_opens_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		note(i % 200, 1, true, i * 100);
		assert_false(is_open(i * 100));
	}
}

/* A wave of spam in the name of one, beside what is always broken. */
static void
test_one_dead_domain_of_many_counts_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		note(i % 200, i % 10 == 0 ? i / 10 % 19 : 1, true, i * 100);
		note(200 + i % 6, 300 + i % 6, false, i * 100);
		assert_false(is_open(i * 100));
	}
}

/* As many as fail here, most networks have mail of one that is well. */
static void
test_one_good_domain_of_many_networks_is_enough(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		note(i % 40, i, true, i * 100);
		note(40 + i % 160, 9000, false, i * 100);
		assert_false(is_open(i * 100));
	}
}

/* An hour of mail of which a tenth is of domains that are broken. */
static void
test_ordinary_brokenness_opens_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 36000; i++) {
		unsigned domain = i * 7919 % 997;

		note(i * 104729 % 4001, domain, domain % 10 == 0, i * 100);
		assert_false(is_open(i * 100));
	}
}

static void
test_it_ends_when_some_succeed(void **state)
{
	(void)state;
	fail_of(100, MINUTE);
	assert_false(is_open(MINUTE));
	assert_true(is_open(MINUTE + PATIENCE));
	note(200, 200, false, MINUTE + PATIENCE);
	assert_true(is_open(MINUTE + PATIENCE));
	for (unsigned i = 0; i < 40; i++)
		note(i, i, false, MINUTE + PATIENCE);
	assert_false(is_open(MINUTE + PATIENCE));
}

/* Few are enough to stay, or a small site would begin each minute anew. */
static void
test_it_stays_while_all_of_few_fail_and_ends_within_a_minute(void **state)
{
	(void)state;
	fail_of(30, 0);
	assert_false(is_open(0));
	assert_true(is_open(PATIENCE));
	for (unsigned i = 1; i < 10; i++) {
		note(i, i, true, i * MINUTE);
		assert_true(is_open(i * MINUTE));
	}
	/* One may find its place taken, by a hash with a random key. */
	for (unsigned i = 20; i < 24; i++)
		note(i, i, false, 9 * MINUTE);
	assert_false(is_open(9 * MINUTE));

	fail_of(30, 20 * MINUTE);
	assert_false(is_open(20 * MINUTE));
	assert_true(is_open(20 * MINUTE + PATIENCE));
	assert_false(is_open(21 * MINUTE));
}

static void
test_servers_that_fail_are_enough(void **state)
{
	(void)state;
	assert_false(is_open(MINUTE));
	atomic_store(&fake.backend.failing_since_ms, MINUTE);
	assert_false(is_open(MINUTE + PATIENCE - 1));
	assert_true(is_open(MINUTE + PATIENCE));
	assert_true(is_open(9 * MINUTE));
	atomic_store(&fake.backend.failing_since_ms, 0);
	assert_false(is_open(9 * MINUTE));
	/* Asked late, it is known all the same. */
	atomic_store(&fake.backend.failing_since_ms, 10 * MINUTE);
	assert_true(is_open(10 * MINUTE + PATIENCE));
	atomic_store(&fake.backend.failing_since_ms, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup,	\
	    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_many_that_fail_for_a_while_are_our_fault),
		TEST(a_short_outage_is_for_deferring),
		TEST(few_may_be_bad_luck),
		TEST(one_client_opens_nothing),
		TEST(one_provider_opens_nothing),
		TEST(networks_are_counted_as_they_are),
		TEST(one_dead_domain_opens_nothing),
		TEST(one_dead_domain_of_many_counts_once),
		TEST(one_good_domain_of_many_networks_is_enough),
		TEST(ordinary_brokenness_opens_nothing),
		TEST(it_ends_when_some_succeed),
		TEST(it_stays_while_all_of_few_fail_and_ends_within_a_minute),
		TEST(servers_that_fail_are_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
