/* SPDX-License-Identifier: BSD-2-Clause */
/* slowest: the slowest domains of the last hour. */

#include "unit.h"

#include <stdio.h>

#include "base/slowest.h"

/* Each test has hours of its own. */
static int64_t
new_day(void)
{
	static int64_t day = 20000;

	return day++ * 86400;
}

static void
note(const char *prefix, int i, int64_t duration_ms, int64_t now_s)
{
	char domain[40];

	snprintf(domain, sizeof(domain), "%s%d.example", prefix, i);
	slowest_note(domain, duration_ms, now_s);
}

static void
test_the_longest_come_first_and_no_more_than_there_is_room(void **state)
{
	struct slowest all[SLOWEST_MAX];
	int64_t now_s = new_day();

	(void)state;
	assert_int_equal(slowest_read(all, now_s), 0);
	for (int i = 0; i < 40; i++)
		note("d", i * 7 % 40, 100 + i * 7 % 40, now_s + i);
	assert_int_equal(slowest_read(all, now_s + 40), SLOWEST_MAX);
	for (int i = 0; i < SLOWEST_MAX; i++) {
		char domain[40];

		snprintf(domain, sizeof(domain), "d%d.example", 39 - i);
		assert_string_equal(all[i].domain, domain);
		assert_int_equal(all[i].duration_ms, 139 - i);
	}
}

static void
test_a_domain_has_one_place_by_its_longest(void **state)
{
	struct slowest all[SLOWEST_MAX];
	int64_t now_s = new_day();

	(void)state;
	slowest_note("A.example", 50, now_s);
	slowest_note("b.example", 60, now_s + 1);
	slowest_note("a.EXAMPLE", 70, now_s + 2);
	slowest_note("a.example", 10, now_s + 3);
	/* Of another ten minutes. */
	slowest_note("b.example", 65, now_s + 900);
	assert_int_equal(slowest_read(all, now_s + 900), 2);
	assert_string_equal(all[0].domain, "a.example");
	assert_int_equal(all[0].duration_ms, 70);
	assert_int_equal(all[0].time_s, now_s + 2);
	assert_string_equal(all[1].domain, "b.example");
	assert_int_equal(all[1].duration_ms, 65);
}

static void
test_one_hour_is_remembered_and_who_was_hidden_comes_out(void **state)
{
	struct slowest all[SLOWEST_MAX];
	int64_t now_s = new_day();

	(void)state;
	for (int i = 0; i < SLOWEST_MAX; i++)
		note("old", i, 9000, now_s);
	note("new", 1, 5, now_s + 3000);
	assert_int_equal(slowest_read(all, now_s + 3000), SLOWEST_MAX);
	assert_int_equal(all[SLOWEST_MAX - 1].duration_ms, 9000);
	assert_int_equal(slowest_read(all, now_s + 3599), SLOWEST_MAX);
	assert_int_equal(slowest_read(all, now_s + 3600), 1);
	assert_string_equal(all[0].domain, "new1.example");
	assert_int_equal(slowest_read(all, now_s + 7200), 0);
}

static void
test_a_long_name_is_cut(void **state)
{
	struct slowest all[SLOWEST_MAX];
	int64_t now_s = new_day();
	char name[2 * SLOWEST_NAME];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	slowest_note(name, 1, now_s);
	assert_int_equal(slowest_read(all, now_s), 1);
	assert_int_equal(strlen(all[0].domain), SLOWEST_NAME - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_longest_come_first_and_no_more_than_there_is_room),
		cmocka_unit_test(test_a_domain_has_one_place_by_its_longest),
		cmocka_unit_test(
		    test_one_hour_is_remembered_and_who_was_hidden_comes_out),
		cmocka_unit_test(test_a_long_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
