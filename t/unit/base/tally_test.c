/* SPDX-License-Identifier: BSD-2-Clause */
/* tally: counts by name, for as long as the process lives. */

#include "unit.h"

#include "base/tally.h"

static unsigned reported;

static void
report(const char *name, uint64_t hits, int64_t last_s)
{
	reported++;
	assert_string_equal(name, "one");
	assert_int_equal(hits, 3);
	assert_int_equal(last_s, 30);
}

static void
test_counts_are_those_of_the_name(void **state)
{
	struct tally *one = tally_named("one");

	(void)state;
	assert_ptr_not_equal(one, tally_named("two"));
	tally_hit(one, 10);
	tally_hit(tally_named("one"), 20);
	tally_hit(one, 30);
	tally_hit(NULL, 40);
	/* Of names that were never hit there is nothing to say. */
	tally_each(report);
	assert_int_equal(reported, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_those_of_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
