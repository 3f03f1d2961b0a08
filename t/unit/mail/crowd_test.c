/* SPDX-License-Identifier: BSD-2-Clause */
/* crowd: many domains behind one address are noticed, once an hour. */

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "addr_text.h"
#include "mail/crowd.h"

#define HOUR_MS INT64_C(3600000)

static struct crowd crowd;

/* How often the domains first to last of a client made them many. */
static unsigned
bring(const char *client, unsigned first, unsigned last, int64_t now_ms)
{
	struct addr a = addr_of(client);
	unsigned told = 0;

	for (unsigned i = first; i <= last; i++) {
		char domain[40];
		snprintf(domain, sizeof(domain), "d%u.example", i);
		told += crowd_note(&crowd, &a, domain, strlen(domain), now_ms);
	}
	return told;
}

static int
setup(void **state)
{
	(void)state;
	crowd_init(&crowd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	crowd_fini(&crowd);
	return 0;
}

static void
test_few_domains_are_no_crowd(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(bring("172.17.0.1", 1, 15, i), 0);
}

static void
test_many_domains_are_told_once(void **state)
{
	(void)state;
	assert_int_equal(bring("172.17.0.1", 1, 40, 0), 1);
	assert_int_equal(bring("172.17.0.1", 1, 1000, HOUR_MS - 1), 0);
	assert_int_equal(bring("172.17.0.1", 1, 40, HOUR_MS), 1);
}

static void
test_domains_of_another_hour_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(bring("172.17.0.1", 1, 12, 0), 0);
	assert_int_equal(bring("172.17.0.1", 13, 24, HOUR_MS), 0);
}

static void
test_case_does_not_make_another_domain(void **state)
{
	struct addr a = addr_of("172.17.0.1");
	char domain[] = "abcdefghijklmnopqrstuvwxyz.example";

	(void)state;
	for (unsigned i = 0; i < 26; i++) {
		domain[i] = (char)('A' + i);
		assert_false(crowd_note(&crowd, &a, domain, strlen(domain),
		    0));
	}
}

static void
test_clients_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(bring("10.0.0.1", 1, 12, 0), 0);
	assert_int_equal(bring("10.0.0.2", 13, 24, 0), 0);
	assert_int_equal(bring("fd00::1", 25, 36, 0), 0);
	assert_int_equal(bring("10.0.0.1", 13, 40, 0), 1);
}

/* More clients than places: none is taken for another. */
static void
test_a_place_belongs_to_one_client_for_an_hour(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4 * CROWD_CLIENTS; i++) {
		char client[20];
		snprintf(client, sizeof(client), "10.0.%u.%u", i / 256,
		    i % 256);
		assert_int_equal(bring(client, i, i, 0), 0);
	}
	assert_int_equal(bring("172.17.0.1", 1, 40, HOUR_MS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup,	\
	    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(few_domains_are_no_crowd),
		TEST(many_domains_are_told_once),
		TEST(domains_of_another_hour_do_not_count),
		TEST(case_does_not_make_another_domain),
		TEST(clients_are_told_apart),
		TEST(a_place_belongs_to_one_client_for_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
