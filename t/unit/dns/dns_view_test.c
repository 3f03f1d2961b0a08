/* SPDX-License-Identifier: BSD-2-Clause */
/* Views that put questions ahead. */

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/stats.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"

static struct fake_dns fake;
static struct dns *dns;
static struct dns_view *view;
static atomic_int wakes;

static int
set_up(void **state)
{
	const struct dns_options o = { .query_timeout_ms = 4000,
		.cache_size = 1 << 20 };

	(void)state;
	dns = fake_dns_open(&fake, "known. TXT \"known\"\n", &o);
	fake_dns_hold(&fake, "");
	view = dns_view_new(dns, NULL, INT64_MAX, 4);
	wakes = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	dns_view_free(view);
	dns_free(dns);
	return 0;
}

static void
count_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static enum dns_status
ask(const char *name)
{
	const struct dns_answer *a;

	return dns_query(view, name, DNS_TYPE_TXT, &a);
}

static const struct dns_answer *
ahead(const char *name)
{
	return dns_view_ahead(view, name, DNS_TYPE_TXT);
}

static bool
fetch(void)
{
	return dns_view_fetch(view, count_wake, NULL);
}

static void
answer(const char *name)
{
	assert_true(fake_dns_answer(&fake, name, fake_txt(name, 0)));
}

static void
test_ahead_is_under_way_together(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), DNS_PENDING);
	assert_null(ahead("b"));
	assert_null(ahead("c"));
	assert_null(ahead("b"));
	assert_false(fetch());
	assert_int_equal(fake.asked, 3);
	answer("c");
	assert_int_equal(wakes, 0);
	answer("a");
	assert_int_equal(wakes, 1);
	/* The run after that needs b, which is under way. */
	assert_int_equal(ask("a"), DNS_OK);
	assert_int_equal(ask("b"), DNS_PENDING);
	assert_false(fetch());
	answer("b");
	assert_int_equal(wakes, 2);
	assert_int_equal(ask("b"), DNS_OK);
	assert_int_equal(ask("c"), DNS_OK);
	assert_int_equal(fake.asked, 3);
	assert_int_equal(dns_view_queries(view), 3);
}

static void
test_ahead_counts_only_once_it_is_asked(void **state)
{
	(void)state;
	assert_null(ahead("b"));
	answer("b");
	const struct dns_answer *b = ahead("b");
	assert_string_equal(b->rr[0].data, "b");
	assert_int_equal(dns_view_queries(view), 0);
	assert_int_equal(ask("b"), DNS_OK);
	assert_ptr_equal(ahead("b"), b);
	assert_int_equal(dns_view_queries(view), 1);
	assert_int_equal(wakes, 0);
}

static void
test_ahead_of_what_was_served_meanwhile_is_fetched_at_once(void **state)
{
	(void)state;
	assert_null(ahead("b"));
	assert_int_equal(ask("b"), DNS_PENDING);
	answer("b");
	assert_true(fetch());
	assert_int_equal(ask("b"), DNS_OK);
	assert_int_equal(wakes, 0);
}

static void
test_ahead_asks_nothing_that_is_known(void **state)
{
	enum dns_source source;
	const struct dns_answer *a;

	(void)state;
	assert_int_equal(ask("x"), DNS_PENDING);
	assert_false(fetch());
	assert_true(fake_dns_answer(&fake, "x", fake_txt("x", 60)));
	struct dns_view *other = dns_view_new(dns, NULL, INT64_MAX, 4);
	assert_non_null(dns_view_ahead(other, "x", DNS_TYPE_TXT));
	assert_int_equal(dns_query(other, "x", DNS_TYPE_TXT, &a), DNS_OK);
	dns_answer_release(dns_view_share(other, a, &source));
	assert_int_equal(source, DNS_SOURCE_CACHE);
	assert_true(dns_view_all_cached(other));
	dns_view_free(other);
	assert_null(ahead(""));
	assert_int_equal(fake.asked, 1);
}

static void
test_ahead_keeps_within_the_limit(void **state)
{
	static const char *const names[] = { "b", "c", "d", "e" };

	(void)state;
	assert_int_equal(ask("a"), DNS_PENDING);
	for (size_t i = 0; i < 4; i++)
		assert_null(ahead(names[i]));
	assert_int_equal(fake.asked, 3);
}

static void
test_ahead_is_cancelled_and_can_be_asked_again(void **state)
{
	(void)state;
	assert_int_equal(ask("a"), DNS_PENDING);
	assert_null(ahead("b"));
	assert_false(fetch());
	dns_view_cancel(view);
	answer("a");
	answer("b");
	assert_int_equal(wakes, 0);
	assert_int_equal(ask("a"), DNS_PENDING);
	assert_false(fetch());
	answer("a");
	assert_int_equal(wakes, 1);
	assert_int_equal(ask("b"), DNS_PENDING);
	assert_false(fetch());
	answer("b");
	assert_int_equal(ask("b"), DNS_OK);
}

static void
test_ahead_that_is_refused_is_asked_again_when_needed(void **state)
{
	const struct dns_client c = { .connection = 1 };
	struct dns_view *other = dns_view_new(dns, &c, INT64_MAX, 100);
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	char name[8];

	(void)state;
	dns_view_free(view);
	view = dns_view_new(dns, &c, INT64_MAX, 10);
	for (unsigned i = 0; i < 63; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_null(dns_view_ahead(other, name, DNS_TYPE_TXT));
	}
	assert_int_equal(ask("a"), DNS_PENDING);
	assert_null(ahead("a"));
	const struct dns_answer *b = ahead("b");
	assert_int_equal(b->failure, DNS_FAILURE_BUSY);
	assert_ptr_equal(ahead("b"), b);
	assert_false(fetch());
	answer("a");
	assert_int_equal(ask("a"), DNS_OK);
	assert_int_equal(ask("b"), DNS_PENDING);
	assert_false(fetch());
	answer("b");
	assert_int_equal(ask("b"), DNS_OK);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before);
	dns_view_free(other);
}

static void
test_answer_that_came_before_the_question_is_of_the_cache(void **state)
{
	struct dns_view *other = dns_view_new(dns, NULL, INT64_MAX, 4);
	enum dns_source source;
	const struct dns_answer *a;

	(void)state;
	assert_int_equal(ask("x"), DNS_PENDING);
	assert_null(dns_view_ahead(other, "x", DNS_TYPE_TXT));
	assert_true(fake_dns_answer(&fake, "x", fake_txt("x", 60)));
	assert_true(fetch());
	assert_int_equal(dns_query(view, "x", DNS_TYPE_TXT, &a), DNS_OK);
	dns_answer_release(dns_view_share(view, a, &source));
	assert_int_equal(source, DNS_SOURCE_CACHE);
	assert_int_equal(dns_query(other, "x", DNS_TYPE_TXT, &a), DNS_OK);
	dns_answer_release(dns_view_share(other, a, &source));
	assert_int_equal(source, DNS_SOURCE_NETWORK);
	dns_view_free(other);
}

/* Answers come while the view goes on, and sometimes leaves. */

static atomic_bool ended;

static void *
answer_always(void *arg)
{
	(void)arg;
	while (!ended) {
		if (fake_dns_answer_all(&fake) == 0)
			sched_yield();
	}
	return NULL;
}

static void
wait_for_wake(int before)
{
	while (wakes == before)
		sched_yield();
}

static void
test_ahead_races_with_answers(void **state)
{
	static const char *const names[] = { "a", "b", "known", "c" };
	pthread_t thread;

	(void)state;
	ended = false;
	assert_int_equal(pthread_create(&thread, NULL, answer_always, NULL),
	    0);
	for (unsigned round = 0; round < 500; round++) {
		dns_view_free(view);
		view = dns_view_new(dns, NULL, INT64_MAX, 4);
		for (size_t i = 0; i < 4;) {
			int before = wakes;

			if (ask(names[i]) != DNS_PENDING) {
				i++;
				continue;
			}
			for (size_t k = i + 1; k < 4; k++)
				(void)ahead(names[k]);
			if (fetch())
				continue;
			if ((round + i) % 5 == 0)
				break;
			wait_for_wake(before);
			assert_int_equal(wakes, before + 1);
		}
		dns_view_cancel(view);
		wakes = 0;
	}
	ended = true;
	pthread_join(thread, NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_ahead_is_under_way_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_counts_only_once_it_is_asked, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_of_what_was_served_meanwhile_is_fetched_at_once,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_asks_nothing_that_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_keeps_within_the_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_is_cancelled_and_can_be_asked_again, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_that_is_refused_is_asked_again_when_needed,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_answer_that_came_before_the_question_is_of_the_cache,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_ahead_races_with_answers, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("dns_view", tests, NULL, NULL);
}
