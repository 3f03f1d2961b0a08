/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: table, sums from many threads, text. */

#include "unit.h"

#include <pthread.h>

#include "stats.h"

#define THREADS 4
#define ROUNDS 10000

static void
test_rows_have_unique_names_and_texts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATS_COUNT; i++) {
		const char *name = stats_name((enum stats_counter)i);
		assert_true(strlen(name) > 0);
		assert_true(strlen(stats_text((enum stats_counter)i)) > 0);
		for (const char *c = name; *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name,
			    stats_name((enum stats_counter)k));
	}
	assert_string_equal(stats_name(STATS_RESULT_PASS), "result_pass");
}

static void
test_format_shows_what_has_happened_only(void **state)
{
	(void)state;
	char text[256];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	stats_format(&sb);
	assert_string_equal(text, "");

	stats_inc(STATS_MESSAGES);
	stats_inc(STATS_MESSAGES);
	stats_add(STATS_REJECTED, UINT64_C(5000000000));
	sbuf_init(&sb, text, sizeof(text));
	stats_format(&sb);
	assert_true(sbuf_ok(&sb));
	assert_string_equal(text, "messages=2 rejected=5000000000");
}

static void *
count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		stats_inc(STATS_SESSIONS);
	return NULL;
}

static void
test_threads_lose_no_count(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	uint64_t before = stats_get(STATS_SESSIONS);

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, count, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(stats_get(STATS_SESSIONS) - before, THREADS * ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_have_unique_names_and_texts),
		cmocka_unit_test(test_format_shows_what_has_happened_only),
		cmocka_unit_test(test_threads_lose_no_count),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
