/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of answers and questions, without threads. */
#include "unit.h"

#include <stdio.h>

#include "base/stats.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define STALE_MS 3600000

static struct dns_answer *
failure(void)
{
	return dns_answer_empty(DNS_TEMPERROR, DNS_TYPE_TXT, 5);
}

static void
table_put(struct dns_cache *c, const char *name, struct dns_answer *a,
    int64_t now)
{
	struct dns_question q = { .settled = false };
	struct dns_waiter w = { .state = DNS_WAITER_IDLE };
	struct dns_waiter *wake;
	struct dns_question *waiting;

	assert_true(dns_cache_key(c, &q.key, name, DNS_TYPE_TXT));
	assert_int_equal(dns_cache_join(c, &q, &w, now, &waiting),
	    DNS_JOIN_FIRST);
	assert_true(dns_cache_settle(c, &q, a, now, &wake));
	assert_null(wake);
	assert_false(dns_cache_wait(c, &q.key, &w));
	dns_answer_release(w.answer);
	dns_answer_release(a);
}

static bool
table_has(struct dns_cache *c, const char *name, int64_t now)
{
	struct dns_key k;

	assert_true(dns_cache_key(c, &k, name, DNS_TYPE_TXT));
	bool stale;
	struct dns_answer *a = dns_cache_get(c, &k, now, &stale);
	dns_answer_release(a);
	return a != NULL;
}

static void
test_cache_stays_within_its_size(void **state)
{
	const size_t size = 512 * 1024;
	struct dns_cache *c = dns_cache_new(size, 0);
	uint64_t evicted = stats_get(STATS_DNS_EVICTED);
	char name[40];
	size_t most = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 a mx -all", 60), 1000);
		if (i % 100 == 0 && dns_cache_octets(c) > most)
			most = dns_cache_octets(c);
	}
	assert_true(most <= size);
	assert_true(most > size / 2);
	assert_true(stats_get(STATS_DNS_EVICTED) > evicted + 10000);
	assert_true(table_has(c, "n19999.example", 1000));
	assert_false(table_has(c, "n0.example", 1000));
	dns_cache_free(c);
}

static void
test_cache_keeps_what_is_used(void **state)
{
	struct dns_cache *c = dns_cache_new(512 * 1024, 0);
	char name[40];
	int lost = 0;

	(void)state;
	table_put(c, "hot.example", fake_txt("v=spf1 -all", 60), 1000);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 a mx -all", 60), 1000);
		if (!table_has(c, "hot.example", 1000))
			lost++;
	}
	assert_int_equal(lost, 0);
	dns_cache_free(c);
}

static void
test_cache_refuses_what_would_fill_it(void **state)
{
	struct dns_cache *c = dns_cache_new(512 * 1024, 0);
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_A, 60);
	char name[40];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 -all", 60), 1000);
	}
	size_t before = dns_cache_octets(c);
	for (int i = 0; i < 500; i++)
		dns_answer_add(a, (const uint8_t *)"\300\0\2\1", 4);
	dns_answer_finish(a);
	table_put(c, "big.example", a, 1000);
	assert_false(table_has(c, "big.example", 1000));
	assert_int_equal(dns_cache_octets(c), before);
	dns_cache_free(c);
}

static void
test_cache_evicts_around_questions(void **state)
{
	struct dns_cache *c = dns_cache_new(64 * 1024, 0);
	struct dns_question q = { .settled = false };
	struct dns_waiter w = { .state = DNS_WAITER_IDLE };
	struct dns_waiter *wake;
	struct dns_question *waiting;
	char name[40];

	(void)state;
	table_put(c, "old.example", fake_txt("v=spf1 -all", 1), 1000);
	assert_true(dns_cache_key(c, &q.key, "old.example", DNS_TYPE_TXT));
	assert_int_equal(dns_cache_join(c, &q, &w, 2001, &waiting),
	    DNS_JOIN_FIRST);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 -all", 60), 2001);
	}
	struct dns_answer *a = fake_txt("v=spf1 ?all", 60);
	assert_true(dns_cache_settle(c, &q, a, 2001, &wake));
	assert_ptr_equal(w.answer, a);
	assert_true(table_has(c, "old.example", 2001));
	assert_true(dns_cache_octets(c) <= 64 * 1024);
	dns_answer_release(w.answer);
	dns_answer_release(a);
	dns_cache_free(c);
}

static void
test_key_depends_on_name_type_and_secret(void **state)
{
	struct dns_cache *c = dns_cache_new(0, 0);
	struct dns_cache *other = dns_cache_new(0, 0);
	struct dns_key a, b;

	(void)state;
	dns_cache_key(c, &a, "Example.COM", DNS_TYPE_A);
	assert_string_equal(a.name, "example.com");
	dns_cache_key(c, &b, "example.com", DNS_TYPE_A);
	assert_memory_equal(a.hash, b.hash, sizeof(a.hash));
	dns_cache_key(c, &b, "example.com", DNS_TYPE_TXT);
	assert_memory_not_equal(a.hash, b.hash, sizeof(a.hash));
	dns_cache_key(other, &b, "example.com", DNS_TYPE_A);
	assert_memory_not_equal(a.hash, b.hash, sizeof(a.hash));
	dns_cache_free(c);
	dns_cache_free(other);
}

static void
test_key_all_lengths_differ(void **state)
{
	struct dns_cache *c = dns_cache_new(0, 0);
	struct dns_key last = { .hash = { 0 } };
	struct dns_key k;
	char name[DNS_NAME_MAX + 1] = "";

	(void)state;
	for (size_t i = 0; i < DNS_NAME_MAX; i++) {
		name[i] = i % 2 && i < DNS_NAME_MAX - 1 ? '.' : 'x';
		if (name[i] == '.')
			continue;
		assert_true(dns_cache_key(c, &k, name, DNS_TYPE_A));
		assert_memory_not_equal(k.hash, last.hash, sizeof(k.hash));
		last = k;
	}
	dns_cache_free(c);
}

static void
test_cache_keeps_what_is_used_stale_and_only_that(void **state)
{
	struct dns_cache *c = dns_cache_new(512 * 1024, STALE_MS);
	char name[40];
	int lost = 0;

	(void)state;
	table_put(c, "hot.example", fake_txt("v=spf1 -all", 1), 1000);
	table_put(c, "cold.example", fake_txt("v=spf1 -all", 1), 1000);
	table_put(c, "hot.example", failure(), 2001);
	table_put(c, "cold.example", failure(), 2001);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 a mx -all", 60), 2001);
		if (!table_has(c, "hot.example", 2001))
			lost++;
	}
	assert_int_equal(lost, 0);
	assert_false(table_has(c, "cold.example", 2001));
	assert_true(dns_cache_octets(c) <= 512 * 1024);
	dns_cache_free(c);
}

static void
test_cache_keeps_nothing_old_where_nothing_is_stale(void **state)
{
	static const int64_t stale_ms[] = { 0, STALE_MS };

	(void)state;
	for (size_t i = 0; i < COUNT(stale_ms); i++) {
		struct dns_cache *c = dns_cache_new(512 * 1024, stale_ms[i]);
		table_put(c, "a.example", fake_txt("text", 1), 1000);
		size_t before = dns_cache_octets(c);
		table_put(c, "a.example", fake_txt("text", 0), 2001);
		assert_int_equal(dns_cache_octets(c), i == 0 ? 0 : before);
		dns_cache_free(c);
	}
}

static int
count_known(struct dns_cache *c, int names, int64_t now_ms)
{
	char name[40];
	int known = 0;

	for (int i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		known += table_has(c, name, now_ms);
	}
	return known;
}

static void
test_cache_keeps_what_has_room_when_its_size_changes(void **state)
{
	const size_t small = 128 * 1024;
	struct dns_cache *c = dns_cache_new(1 << 20, 0);
	char name[40];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		table_put(c, name, fake_txt("v=spf1 a mx -all", 60), 1000);
	}
	size_t octets = dns_cache_octets(c);
	int known = count_known(c, 1000, 1000);
	assert_true(octets > small);
	dns_cache_configure(c, 64 << 20, 0, 1000);
	assert_int_equal(count_known(c, 1000, 1000), known);
	assert_int_equal(dns_cache_octets(c), octets);
	dns_cache_configure(c, small, 0, 1000);
	assert_true(dns_cache_octets(c) <= small);
	assert_in_range(count_known(c, 1000, 1000), 100, 900);
	dns_cache_configure(c, 0, 0, 1000);
	assert_int_equal(dns_cache_octets(c), 0);
	assert_int_equal(count_known(c, 1000, 1000), 0);
	dns_cache_free(c);
}

static void
test_cache_may_begin_to_give_stale_answers(void **state)
{
	struct dns_cache *c = dns_cache_new(1 << 20, 0);

	(void)state;
	table_put(c, "a.example", fake_txt("v=spf1 -all", 1), 1000);
	dns_cache_configure(c, 1 << 20, STALE_MS, 1000);
	table_put(c, "a.example", failure(), 2001);
	assert_true(table_has(c, "a.example", 2001));
	dns_cache_configure(c, 1 << 20, 0, 2001);
	table_put(c, "a.example", failure(), 20000);
	bool stale;
	struct dns_key k;
	assert_true(dns_cache_key(c, &k, "a.example", DNS_TYPE_TXT));
	struct dns_answer *a = dns_cache_get(c, &k, 20000, &stale);
	assert_int_equal(a->status, DNS_TEMPERROR);
	dns_answer_release(a);
	dns_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_stays_within_its_size),
		cmocka_unit_test(test_cache_keeps_what_is_used),
		cmocka_unit_test(
		    test_cache_keeps_what_has_room_when_its_size_changes),
		cmocka_unit_test(test_cache_may_begin_to_give_stale_answers),
		cmocka_unit_test(test_cache_refuses_what_would_fill_it),
		cmocka_unit_test(test_cache_evicts_around_questions),
		cmocka_unit_test(test_key_depends_on_name_type_and_secret),
		cmocka_unit_test(test_key_all_lengths_differ),
		cmocka_unit_test(
		    test_cache_keeps_what_is_used_stale_and_only_that),
		cmocka_unit_test(
		    test_cache_keeps_nothing_old_where_nothing_is_stale)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
