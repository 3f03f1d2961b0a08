/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <sys/socket.h>

#include "base/addr.h"
#include "dns/dns_priv.h"

#define CAPACITY 320	/* 1/8 of it is 40 */

static struct dns_question questions[8000];
static size_t used;
static struct dns_turns *turns;

static int
setup(void **state)
{
	(void)state;
	memset(questions, 0, sizeof(questions));
	used = 0;
	turns = dns_turns_new(CAPACITY);
	return 0;
}

/* Whatever happened, all leaves, and nothing is left. */
static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < used; i++)
		if (questions[i].turn == DNS_TURN_NOW)
			dns_turns_leave(turns, &questions[i]);
		else
			dns_turns_drop(turns, &questions[i]);
	assert_null(dns_turns_next(turns));
	dns_turns_free(turns);
	return 0;
}

static struct dns_client
client(const char *address)
{
	struct dns_client c = { 0 };

	assert_true(addr_parse(&c.address, address));
	return c;
}

/* Client n of many networks. */
static struct dns_client
client_number(unsigned n)
{
	struct dns_client c = { .address = { .family = AF_INET } };

	c.address.bytes[0] = 198;
	c.address.bytes[1] = (uint8_t)(n >> 8);
	c.address.bytes[2] = (uint8_t)n;
	return c;
}

static struct dns_question *
enter(const struct dns_client *c)
{
	assert_true(used < sizeof(questions) / sizeof(questions[0]));
	struct dns_question *q = &questions[used++];

	dns_turns_enter(turns, q, c);
	return q;
}

/* As many as c gets at once. */
static unsigned
fill(const struct dns_client *c)
{
	unsigned n = 0;

	while (enter(c)->turn == DNS_TURN_NOW)
		n++;
	return n;
}

static void
test_turn_connection_over_its_bound_is_refused(void **state)
{
	struct dns_client c = client("192.0.2.1");
	unsigned accepted = 0;

	(void)state;
	c.connection = 1;
	while (enter(&c)->turn != DNS_TURN_NEVER)
		accepted++;
	assert_int_equal(accepted, 64);
	c.connection = 2;
	assert_int_equal(enter(&c)->turn, DNS_TURN_LATER);

	/* What has ended is not counted. */
	dns_turns_leave(turns, &questions[0]);
	assert_ptr_equal(dns_turns_next(turns)->connection,
	    questions[1].connection);
	questions[0].turn = DNS_TURN_NONE;
	c.connection = 1;
	assert_int_equal(enter(&c)->turn, DNS_TURN_LATER);
	assert_int_equal(enter(&c)->turn, DNS_TURN_NEVER);
}

static void
test_turn_network_waits_for_itself_only(void **state)
{
	static const char *const same[] = { "192.0.2.255", "2001:db8:0:1::9" };
	static const char *const other[] = { "192.0.3.1", "2001:db8:0:2::1" };
	static const char *const flood[] = { "192.0.2.1", "2001:db8:0:1::1" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dns_client c = client(flood[i]);
		assert_in_range(fill(&c), CAPACITY / 10, CAPACITY / 8);
		c = client(same[i]);
		assert_int_equal(enter(&c)->turn, DNS_TURN_LATER);
		c = client(other[i]);
		assert_int_equal(enter(&c)->turn, DNS_TURN_NOW);
	}
}

static void
test_turn_comes_in_order_when_something_ends(void **state)
{
	struct dns_client c = client("192.0.2.1");
	unsigned n = fill(&c);
	struct dns_question *first = &questions[n];
	struct dns_question *second = enter(&c);

	(void)state;
	assert_false(dns_turns_ready(turns));
	dns_turns_leave(turns, &questions[0]);
	questions[0].turn = DNS_TURN_NONE;
	assert_true(dns_turns_ready(turns));
	assert_ptr_equal(dns_turns_next(turns), first);
	assert_int_equal(first->turn, DNS_TURN_NOW);
	assert_null(dns_turns_next(turns));
	assert_true(dns_turns_drop(turns, second));
	assert_false(dns_turns_drop(turns, second));
	assert_false(dns_turns_drop(turns, first));
}

static void
test_turn_network_has_a_bound_on_those_that_wait(void **state)
{
	struct dns_client c = client("192.0.2.1");
	unsigned waiting = 0;

	(void)state;
	fill(&c);
	while (enter(&c)->turn == DNS_TURN_LATER)
		waiting++;
	assert_in_range(waiting, 1000, 1100);
	c = client("192.0.3.1");
	assert_int_equal(enter(&c)->turn, DNS_TURN_NOW);
}

static void
test_turn_something_stays_free_whoever_floods(void **state)
{
	(void)state;
	/* 100 networks, each with more than it can get. */
	for (unsigned round = 0; round < 50; round++)
		for (unsigned n = 0; n < 100; n++) {
			struct dns_client c = client_number(n);
			enter(&c);
		}
	for (unsigned n = 100; n < 110; n++) {
		struct dns_client c = client_number(n);
		assert_int_equal(enter(&c)->turn, DNS_TURN_NOW);
	}
}

/* Many networks with one question each have all; of those that wait, ... */
static void
test_turn_the_fewest_then_the_newest_come_first(void **state)
{
	struct dns_client c;

	(void)state;
	for (unsigned n = 0; n < CAPACITY; n++) {
		c = client_number(n);
		assert_int_equal(enter(&c)->turn, DNS_TURN_NOW);
	}
	struct dns_question *has_one = enter(&c);
	c = client("192.0.2.1");
	struct dns_question *older = enter(&c);
	c = client("192.0.3.1");
	struct dns_question *newer = enter(&c);
	for (unsigned n = 0; n < 9; n++) {
		dns_turns_leave(turns, &questions[n]);
		questions[n].turn = DNS_TURN_NONE;
	}
	assert_ptr_equal(dns_turns_next(turns), newer);
	assert_ptr_equal(dns_turns_next(turns), older);
	assert_null(dns_turns_next(turns));
	for (unsigned n = 9; n < 11; n++) {
		dns_turns_leave(turns, &questions[n]);
		questions[n].turn = DNS_TURN_NONE;
	}
	assert_ptr_equal(dns_turns_next(turns), has_one);
}

static void
test_turn_a_second_network_does_not_wait_for_the_first(void **state)
{
	struct dns_client flood = client("192.0.2.1");
	struct dns_client honest = client("192.0.3.1");

	(void)state;
	fill(&flood);
	struct dns_question *q = enter(&flood);
	dns_turns_share(turns, q, &flood);
	assert_null(dns_turns_next(turns));
	dns_turns_share(turns, q, &honest);
	assert_ptr_equal(dns_turns_next(turns), q);
	dns_turns_share(turns, q, &honest);
	assert_null(dns_turns_next(turns));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_turn_connection_over_its_bound_is_refused, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_network_waits_for_itself_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_comes_in_order_when_something_ends, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_network_has_a_bound_on_those_that_wait, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_something_stays_free_whoever_floods, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_the_fewest_then_the_newest_come_first, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_turn_a_second_network_does_not_wait_for_the_first,
		    setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
