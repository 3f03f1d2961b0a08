/* SPDX-License-Identifier: BSD-2-Clause */
/* places: who has one, and for how long. */

#include "unit.h"

#include <sys/socket.h>

#include <stdbool.h>
#include <unistd.h>

#include "base/places.h"

#define COUNT 3
#define TIME_MS 1000

static struct place places[COUNT];
static int clients[COUNT];

/* At place i, since i. */
static void
come(size_t i)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	clients[i] = fds[0];
	assert_ptr_equal(places_take(places, COUNT, fds[1], (int64_t)i,
	    TIME_MS), &places[i]);
}

static void
leave(size_t i)
{
	close(clients[i]);
	close(places[i].fd);
	places[i].fd = -1;
}

static bool
is_ended(size_t i)
{
	char octet;

	return read(clients[i], &octet, 1) == 0;
}

static int
take_all(void **state)
{
	(void)state;
	places_init(places, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		come(i);
	return 0;
}

static int
close_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		if (places[i].fd >= 0)
			leave(i);
	return 0;
}

static void
test_each_has_a_place_while_there_are_some(void **state)
{
	(void)state;
	assert_int_equal(places_taken(places, COUNT), COUNT);
	assert_null(places_take(places, COUNT, STDIN_FILENO, 0, TIME_MS));
	leave(1);
	assert_int_equal(places_taken(places, COUNT), COUNT - 1);
	come(1);
}

static void
test_who_is_late_is_ended(void **state)
{
	(void)state;
	leave(2);
	places_end_late(places, COUNT, TIME_MS - 1);
	assert_false(is_ended(0));
	places_end_late(places, COUNT, TIME_MS);
	assert_true(is_ended(0));
	assert_false(is_ended(1));
}

static void
test_who_has_had_a_moment_is_ended_where_no_place_is_free(void **state)
{
	(void)state;
	places_end_late(places, COUNT, PLACES_MOMENT_MS - 1);
	assert_false(is_ended(0));
	places_end_late(places, COUNT, PLACES_MOMENT_MS + 1);
	assert_true(is_ended(0));
	assert_true(is_ended(1));
	assert_false(is_ended(2));
}

static void
test_who_waits_is_left_alone(void **state)
{
	(void)state;
	places[0].waits = places;
	places_end_late(places, COUNT, TIME_MS * 2);
	assert_false(is_ended(0));
	assert_true(is_ended(1));
	leave(1);
	places_end_late(places, COUNT, TIME_MS * 2);
	assert_false(is_ended(0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, take_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_has_a_place_while_there_are_some),
		TEST(test_who_is_late_is_ended),
		TEST(test_who_has_had_a_moment_is_ended_where_no_place_is_free),
		TEST(test_who_waits_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
