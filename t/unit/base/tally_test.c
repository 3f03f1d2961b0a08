/* SPDX-License-Identifier: BSD-2-Clause */
/* tally: counts by name, for as long as the process lives. */

#include "unit.h"

#include "base/tally.h"

/* One name after the other, as they came. */
static void
see(void *arg, const char *name, uint64_t hits, int64_t last_s)
{
	static const char *const names[] = { "one", "two" };
	unsigned *seen = arg;

	assert_in_range(*seen, 0, 1);
	assert_string_equal(name, names[*seen]);
	assert_int_equal(hits, *seen == 0 ? 3 : 0);
	assert_int_equal(last_s, *seen == 0 ? 30 : 0);
	++*seen;
}

static void
test_counts_are_those_of_the_name(void **state)
{
	struct tally *one = tally_named("one");
	unsigned seen = 0;

	(void)state;
	assert_ptr_not_equal(one, tally_named("two"));
	tally_hit(one, 10);
	tally_hit(tally_named("one"), 20);
	tally_hit(one, 30);
	tally_hit(NULL, 40);
	tally_walk(see, &seen);
	assert_int_equal(seen, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_those_of_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
