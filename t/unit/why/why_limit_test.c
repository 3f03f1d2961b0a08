/* SPDX-License-Identifier: BSD-2-Clause */
/* why_limit: how often a network, and all of them, may ask. */

#include "unit.h"

#include <stdio.h>

#include "why/why_limit.h"

static struct why_limit limit;

static int
set_up(void **state)
{
	(void)state;
	memset(&limit, 0, sizeof(limit));
	return 0;
}

static bool
pass(const char *client, int64_t now_ms)
{
	struct addr a = { .family = AF_UNSPEC };

	if (client != NULL)
		assert_true(addr_parse(&a, client));
	return why_limit_pass(&limit, &a, now_ms);
}

static void
test_network_may_ask_at_once_and_then_slowly(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WHY_LIMIT_NETWORK; i++)
		assert_true(pass("192.0.2.1", 1000));
	assert_false(pass("192.0.2.99", 1000));
	assert_true(pass("198.51.100.1", 1000));
	assert_false(pass("192.0.2.1", 10999));
	assert_true(pass("192.0.2.1", 11000));
	assert_false(pass("192.0.2.1", 11000));
	for (unsigned i = 0; i < WHY_LIMIT_NETWORK; i++)
		assert_true(pass("192.0.2.1", 1000000));
	assert_false(pass("192.0.2.1", 1000000));
}

static void
test_ipv6_networks_are_large(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WHY_LIMIT_NETWORK; i++)
		assert_true(pass("2001:db8:0:1::1", 1000));
	assert_false(pass("2001:db8:0:ff::1", 1000));
	assert_true(pass("2001:db8:0:100::1", 1000));
}

static void
test_nobody_in_particular_is_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WHY_LIMIT_NETWORK; i++)
		assert_true(pass(NULL, 1000));
	assert_false(pass(NULL, 1000));
}

/* More networks than there are places, for a long time. */
static void
test_all_together_have_a_limit(void **state)
{
	unsigned passed = 0;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.1", i / 256 % 256,
		    i % 256);
		passed += pass(text, 1000 + i);
	}
	assert_in_range(passed, WHY_LIMIT_ALL + 99, WHY_LIMIT_ALL + 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_network_may_ask_at_once_and_then_slowly, set_up),
		cmocka_unit_test_setup(test_ipv6_networks_are_large, set_up),
		cmocka_unit_test_setup(test_nobody_in_particular_is_one,
		    set_up),
		cmocka_unit_test_setup(test_all_together_have_a_limit, set_up),
	};

	return cmocka_run_group_tests_name("why_limit", tests, NULL, NULL);
}
