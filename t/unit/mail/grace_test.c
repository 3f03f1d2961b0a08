/* SPDX-License-Identifier: BSD-2-Clause */
/* grace: who tries long enough gets through, and no flood changes that. */

#include "unit.h"

#include <stdio.h>

#include "addr_text.h"
#include "base/stats.h"
#include "mail/grace.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define GRACE (4 * HOUR)

static struct grace *grace;

static int
setup(void **state)
{
	(void)state;
	grace = grace_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	grace_free(grace);
	return 0;
}

static bool
try_from(const char *client, const char *domain, int64_t now_ms)
{
	struct addr a = addr_of(client);

	return grace_note(grace, &a, domain, GRACE, now_ms);
}

static bool
try(int64_t now_ms)
{
	return try_from("192.0.2.1", "example.com", now_ms);
}

static void
test_who_tries_long_enough_gets_through(void **state)
{
	(void)state;
	assert_false(try(0));
	for (int64_t ms = 30 * MINUTE; ms < GRACE; ms += 30 * MINUTE)
		assert_false(try(ms));
	assert_true(try(GRACE));
	/* And all that has waited behind it, and comes later. */
	assert_true(try(GRACE));
	assert_true(try(GRACE + 1));
	assert_true(try(GRACE + 35 * HOUR));
}

static void
test_one_early_and_one_late_try_are_not_enough(void **state)
{
	(void)state;
	assert_false(try(0));
	assert_false(try(GRACE));
	assert_false(try(GRACE + 1));
	assert_false(try(GRACE + 59 * SECOND));
	assert_true(try(GRACE + MINUTE));
}

static void
test_tries_at_once_are_one(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < MINUTE; ms += SECOND)
		assert_false(try(ms));
	assert_false(try(GRACE - 1));
	assert_false(try(GRACE));
	assert_true(try(GRACE + MINUTE - 1));
}

static void
test_a_short_grace_takes_tries_as_close(void **state)
{
	struct addr a = addr_of("192.0.2.1");

	(void)state;
	assert_false(grace_note(grace, &a, "example.com", 400, 0));
	assert_false(grace_note(grace, &a, "example.com", 400, 99));
	assert_false(grace_note(grace, &a, "example.com", 400, 100));
	assert_true(grace_note(grace, &a, "example.com", 400, 400));
}

static void
test_an_answer_begins_it_anew(void **state)
{
	struct addr a = addr_of("192.0.2.77");

	(void)state;
	grace_forget(grace, &a, "example.com");
	assert_false(try(0));
	assert_false(try(HOUR));
	grace_forget(grace, &a, "example.org");
	grace_forget(grace, &a, "EXAMPLE.com");
	assert_false(try(GRACE));
	assert_false(try(GRACE + HOUR));
	assert_false(try(2 * GRACE - 1));
	assert_true(try(2 * GRACE));
	grace_forget(grace, &a, "example.com");
	assert_false(try(2 * GRACE + 1));
}

static void
test_a_day_and_a_half_of_silence_is_the_end(void **state)
{
	(void)state;
	assert_false(try(0));
	assert_false(try(HOUR));
	assert_true(try(37 * HOUR));
	assert_true(try(73 * HOUR));
	assert_false(try(109 * HOUR + 1));
}

static void
test_a_network_and_a_domain_are_one_sender(void **state)
{
	(void)state;
	assert_false(try_from("192.0.2.1", "example.com", 0));
	assert_false(try_from("192.0.2.99", "Example.COM", HOUR));
	assert_false(try_from("192.0.3.1", "example.com", GRACE));
	assert_false(try_from("192.0.2.1", "a.example.com", GRACE));
	assert_true(try_from("192.0.2.255", "example.com", GRACE));

	assert_false(try_from("2001:db8::1", "example.com", 0));
	assert_false(try_from("2001:db8::ffff:0:0:1", "example.com", HOUR));
	assert_false(try_from("2001:db8:0:1::1", "example.com", GRACE));
	assert_true(try_from("2001:db8::2", "example.com", GRACE));
}

/* Floods: count domains that nobody has, of each of many networks. */

#define V4 "10.%u.%u.1"
#define V6 "2001:db8:%x:%x::1"
#define flood(pattern, networks, count, now_ms)				\
	do {								\
		for (unsigned n = 0; n < (networks); n++) {		\
			char client[60];				\
									\
			snprintf(client, sizeof(client), pattern,	\
			    n / 256, n % 256);				\
			flood_from(client, n, count, now_ms);		\
		}							\
	} while (0)

static void
flood_from(const char *client, unsigned n, unsigned count, int64_t now_ms)
{
	for (unsigned i = 0; i < count; i++) {
		char domain[60];

		snprintf(domain, sizeof(domain), "d%u-%u.example", n, i);
		try_from(client, domain, now_ms);
	}
}

#define HONEST 100

/* One domain of each of a hundred networks. */
static unsigned
honest(int64_t now_ms)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < HONEST; i++) {
		char client[60];

		snprintf(client, sizeof(client), "198.51.%u.1", i);
		passed += try_from(client, "example.com", now_ms);
	}
	return passed;
}

static void
test_one_network_floods_only_itself(void **state)
{
	(void)state;
	assert_int_equal(honest(0), 0);
	for (unsigned i = 0; i < 3; i++)
		flood(V4, 1, 20000, i * HOUR);
	assert_int_equal(honest(3 * HOUR), 0);
	assert_int_equal(honest(GRACE), HONEST);
}

/* Of 20,000 networks, which could be one customer's. */
static void
test_all_of_an_ipv6_provider_is_one_flood(void **state)
{
	(void)state;
	assert_int_equal(honest(0), 0);
	flood(V6, 20000, 5, HOUR);
	assert_int_equal(honest(2 * HOUR), 0);
	assert_int_equal(honest(GRACE), HONEST);
}

static void
test_a_retried_one_outlives_its_own_network(void **state)
{
	uint64_t evicted = stats_get(STATS_GRACE_EVICTED);

	(void)state;
	assert_false(try(0));
	assert_false(try(HOUR));
	flood_from("192.0.2.200", 0, 20000, 2 * HOUR);
	assert_true(try(GRACE));
	assert_true(stats_get(STATS_GRACE_EVICTED) >= evicted + 19000);
}

/* One row in a thousand or so is lost to four of the two hundred. */
static void
test_two_hundred_networks_push_out_nearly_nobody(void **state)
{
	(void)state;
	assert_int_equal(honest(0), 0);
	flood(V4, 200, 200, HOUR);
	assert_int_equal(honest(2 * HOUR), 0);
	flood(V4, 200, 200, 3 * HOUR);
	assert_true(honest(GRACE) >= HONEST - 5);
}

/* More than there is room for: memory and time are bounded all the same. */
static void
test_a_retried_one_outlives_all_the_world(void **state)
{
	(void)state;
	assert_int_equal(honest(0), 0);
	assert_int_equal(honest(HOUR), 0);
	flood(V4, 20000, 5, 2 * HOUR);
	assert_int_equal(honest(GRACE), HONEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup,	\
	    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_tries_long_enough_gets_through),
		TEST(one_early_and_one_late_try_are_not_enough),
		TEST(tries_at_once_are_one),
		TEST(a_short_grace_takes_tries_as_close),
		TEST(an_answer_begins_it_anew),
		TEST(a_day_and_a_half_of_silence_is_the_end),
		TEST(a_network_and_a_domain_are_one_sender),
		TEST(one_network_floods_only_itself),
		TEST(all_of_an_ipv6_provider_is_one_flood),
		TEST(a_retried_one_outlives_its_own_network),
		TEST(two_hundred_networks_push_out_nearly_nobody),
		TEST(a_retried_one_outlives_all_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
