/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: table, sums from many threads, text. */

#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/result.h"
#include "base/stats.h"

static const char *const names[] = {
#define METRIC(name, help)
#define HISTOGRAM(id, name, help)
#define STATS(id, key, labels, by) key,
#include "base/stats_table.h"
#undef STATS
#undef HISTOGRAM
#undef METRIC
};

#define LARGE (UINT64_MAX / 2)
#define THREADS 4
#define ROUNDS 10000

static void
test_rows_have_unique_keys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATS_COUNT; i++) {
		const char *name = names[i];
		assert_true(strlen(name) > 0);
		for (const char *c = name; *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') ||
			    (*c >= '0' && *c <= '9') || *c == '_');
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, names[k]);
	}
	assert_string_equal(names[STATS_RESULT_PASS], "result_pass");
}

static void
test_format_shows_what_has_happened_only(void **state)
{
	(void)state;
	char text[256];
	struct sbuf sb;
	unsigned next = 0;

	sbuf_init(&sb, text, sizeof(text));
	assert_false(stats_format(&sb, &next));
	assert_string_equal(text, "");

	stats_inc(STATS_MESSAGES);
	stats_inc(STATS_MESSAGES);
	stats_add(STATS_WIDE_OPEN, UINT64_C(5000000000));
	next = 0;
	assert_true(stats_format(&sb, &next));
	assert_true(sbuf_ok(&sb));
	assert_string_equal(text, "messages=2 wide_open=5000000000");
	assert_false(stats_format(&sb, &next));
}

/* However many counters there are and however large. */
static void
test_format_goes_on_where_the_text_was_full(void **state)
{
	(void)state;
	unsigned next = 0;
	size_t shown = 0;
	char text[200];
	struct sbuf sb;

	for (unsigned i = 0; i < STATS_COUNT; i++) {
		enum stats_counter c = (enum stats_counter)i;

		if (stats_cells(c) == 1)
			stats_add(c, LARGE - stats_get(c));
		else
			stats_inc_at(c, stats_cells(c) - 1);
	}
	sbuf_init(&sb, text, sizeof(text));
	while (stats_format(&sb, &next)) {
		assert_true(sbuf_ok(&sb));
		for (const char *p = strtok(text, " "); p != NULL;
		    p = strtok(NULL, " ")) {
			enum stats_counter c = (enum stats_counter)shown++;
			char want[80];

			snprintf(want, sizeof(want), "%s=%" PRIu64, names[c],
			    stats_get(c));
			assert_string_equal(p, want);
		}
		sbuf_init(&sb, text, sizeof(text));
	}
	assert_int_equal(shown, STATS_COUNT);
}

static void
test_cells_are_one_counter(void **state)
{
	(void)state;
	uint64_t all = stats_get(STATS_RESULT_PASS);
	uint64_t helo = stats_get_at(STATS_RESULT_PASS, SCOPE_HELO);

	stats_inc_at(STATS_RESULT_PASS, SCOPE_HELO);
	stats_inc_at(STATS_RESULT_PASS, SCOPE_MAILFROM);
	stats_inc_at(STATS_RESULT_PASS, SCOPE_MAILFROM);
	assert_int_equal(stats_get(STATS_RESULT_PASS), all + 3);
	assert_int_equal(stats_get_at(STATS_RESULT_PASS, SCOPE_HELO), helo + 1);
	assert_string_equal(stats_cell_name(STATS_RESULT_PASS, SCOPE_HELO),
	    "helo");
	assert_string_equal(stats_cell_name(STATS_REJECTED, 6), "6");
	assert_string_equal(stats_cell_name(STATS_DNS_TIMEOUTS,
	    STATS_TYPE_OTHER), "other");
	assert_string_equal(stats_cell_name(STATS_MESSAGES, 0), "");
}

/* A time that is a bound is below it. */
static void
test_histogram_has_its_bounds(void **state)
{
	(void)state;
	struct stats_distribution d;

	for (unsigned i = 0; i + 1 < STATS_BUCKETS; i++) {
		stats_observe(STATS_WAIT_TIME, (int64_t)stats_bounds_us[i]);
		stats_observe(STATS_WAIT_TIME, (int64_t)stats_bounds_us[i] + 1);
	}
	stats_observe(STATS_WAIT_TIME, -5);
	stats_read(STATS_WAIT_TIME, &d);
	for (unsigned i = 0; i + 1 < STATS_BUCKETS; i++)
		assert_int_equal(d.buckets[i], 2);
	assert_int_equal(d.buckets[STATS_BUCKETS - 1], 1);
	assert_int_equal(d.count, 2 * STATS_BUCKETS - 1);
	assert_int_equal(d.sum_us, 2 * UINT64_C(39444000) + STATS_BUCKETS - 1);
	stats_read(STATS_DNS_TIME, &d);
	assert_int_equal(d.count, 0);
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
		cmocka_unit_test(test_rows_have_unique_keys),
		cmocka_unit_test(test_format_shows_what_has_happened_only),
		cmocka_unit_test(test_cells_are_one_counter),
		cmocka_unit_test(test_histogram_has_its_bounds),
		cmocka_unit_test(test_threads_lose_no_count),
		cmocka_unit_test(test_format_goes_on_where_the_text_was_full),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
