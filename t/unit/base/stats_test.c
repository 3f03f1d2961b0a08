/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: table, sums from many threads, text. */

#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/stats.h"

static const char *const names[] = {
#define STATS(id, name, text) name,
#include "base/stats_table.h"
#undef STATS
};

static const char *const texts[] = {
#define STATS(id, name, text) text,
#include "base/stats_table.h"
#undef STATS
};

#define THREADS 4
#define ROUNDS 10000

static void
test_rows_have_unique_names_and_texts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STATS_COUNT; i++) {
		const char *name = names[i];
		assert_true(strlen(name) > 0);
		assert_true(strlen(texts[i]) > 0);
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
	stats_add(STATS_REJECTED, UINT64_C(5000000000));
	next = 0;
	assert_true(stats_format(&sb, &next));
	assert_true(sbuf_ok(&sb));
	assert_string_equal(text, "messages=2 rejected=5000000000");
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

	for (unsigned i = 0; i < STATS_COUNT; i++)
		stats_add((enum stats_counter)i, UINT64_MAX -
		    stats_get((enum stats_counter)i));
	sbuf_init(&sb, text, sizeof(text));
	while (stats_format(&sb, &next)) {
		assert_true(sbuf_ok(&sb));
		for (const char *p = strtok(text, " "); p != NULL;
		    p = strtok(NULL, " ")) {
			char want[80];

			snprintf(want, sizeof(want), "%s=%" PRIu64,
			    names[shown++], UINT64_MAX);
			assert_string_equal(p, want);
		}
		sbuf_init(&sb, text, sizeof(text));
	}
	assert_int_equal(shown, STATS_COUNT);
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
		cmocka_unit_test(test_format_goes_on_where_the_text_was_full),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
