/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/stats.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"
#include "spf/record.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TIMEOUT_MS 4000

/* Answers from rdata */

static void
add_octets(struct dns_answer *a, const void *rdata, size_t len)
{
	/* From storage of its own size, so that a read past its end is seen. */
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	assert_non_null(copy);
	memcpy(copy, rdata, len);
	dns_answer_add(a, copy, len);
	free(copy);
}

/* As wire: each string with its length. */
static void
add_txt(struct dns_answer *a, const char *text)
{
	uint8_t wire[65535];
	size_t len = strlen(text);
	size_t n = 0;

	do {
		size_t piece = len > 255 ? 255 : len;
		wire[n++] = (uint8_t)piece;
		memcpy(wire + n, text, piece);
		n += piece;
		text += piece;
		len -= piece;
	} while (len > 0);
	add_octets(a, wire, n);
}

static void
test_answer_txt_joins_strings_of_any_octets(void **state)
{
	static const char rdata[] = "\003a\0b\000\002\xff\x80";
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	add_octets(a, rdata, sizeof(rdata) - 1);
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, 5);
	assert_memory_equal(a->rr[0].data, "a\0b\xff\x80", 6);
	assert_int_equal(a->spf_count, 0);
	dns_answer_release(a);
}

static void
test_answer_txt_malformed_is_dropped_and_counted(void **state)
{
	static const char *const bad[] = { "\001", "\005v=sp", "\001a\002b" };
	uint64_t before = stats_get(STATS_DNS_BAD_ANSWERS);
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		add_octets(a, bad[i], strlen(bad[i]));
	add_octets(a, "", 0);
	add_txt(a, "good");
	dns_answer_finish(a);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->count, 1);
	assert_string_equal(a->rr[0].data, "good");
	assert_int_equal(stats_get(STATS_DNS_BAD_ANSWERS), before + 1);
	dns_answer_release(a);
}

static void
test_answer_without_good_records_is_temperror(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_A, 60);

	(void)state;
	add_octets(a, "\300\0\2", 3);
	add_octets(a, "\300\0\2\1\1", 5);
	dns_answer_finish(a);
	assert_int_equal(a->status, DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_UNUSABLE);
	assert_string_equal(a->problem, "unusable answer");
	assert_int_equal(a->count, 0);
	dns_answer_release(a);
}

static void
test_answer_parses_its_spf_record(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	add_txt(a, "unrelated");
	add_txt(a, "v=spf1 mx -all");
	dns_answer_finish(a);
	assert_int_equal(a->spf_count, 1);
	assert_non_null(a->spf);
	assert_string_equal(a->spf->text, "v=spf1 mx -all");
	assert_null(a->spf_error.message);
	dns_answer_release(a);

	a = fake_txt("v=spf1 bogus", 60);
	assert_int_equal(a->spf_count, 1);
	assert_null(a->spf);
	assert_non_null(a->spf_error.message);
	assert_int_equal(a->spf_error.offset, 7);
	dns_answer_release(a);
}

static void
test_answer_counts_all_spf_records_and_keeps_two(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	for (int i = 0; i < 5; i++) {
		add_txt(a, "v=spf1 -all");
		add_txt(a, "plain");
	}
	dns_answer_finish(a);
	assert_int_equal(a->spf_count, 5);
	assert_null(a->spf);
	assert_null(a->spf_error.message);
	assert_int_equal(a->count, 4);
	dns_answer_release(a);
}

static void
test_answer_long_text_is_cut_and_refused_as_record(void **state)
{
	static char text[60001];
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_TXT, 60);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	add_txt(a, text);
	memcpy(text, "v=spf1 ", 7);
	add_txt(a, text);
	dns_answer_finish(a);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->rr[0].len, RECORD_TEXT_MAX + 1);
	assert_int_equal(a->rr[1].len, RECORD_TEXT_MAX + 1);
	assert_int_equal(a->spf_count, 1);
	assert_null(a->spf);
	assert_non_null(a->spf_error.message);
	assert_true(a->octets < 20000);
	dns_answer_release(a);
}

static void
test_answer_mx_by_preference_then_as_received(void **state)
{
	static const char *const rdata[] = {
		"\0\024\001b\0", "\0\012\001c\0", "\0\024\001a\0",
		"\0\005\004mail\007example\003com\0"
	};
	static const size_t len[] = { 5, 5, 5, 20 };
	static const char *const want[] = {
		"mail.example.com", "c", "b", "a"
	};
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_MX, 60);

	(void)state;
	for (size_t i = 0; i < COUNT(rdata); i++)
		add_octets(a, rdata[i], len[i]);
	dns_answer_finish(a);
	assert_int_equal(a->count, 4);
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(a->rr[i].data, want[i]);
	assert_int_equal(a->rr[0].preference, 5);
	assert_int_equal(a->rr[0].len, strlen(want[0]));
	dns_answer_release(a);
}

static void
test_answer_null_mx_is_the_root(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_MX, 60);

	(void)state;
	add_octets(a, "\0\0\0", 3);
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_string_equal(a->rr[0].data, "");
	dns_answer_release(a);
}

static void
test_answer_name_malformed_is_dropped(void **state)
{
	static const struct {
		const char	*rdata;
		size_t		 len;
	} bad[] = {
		{ "", 0 }, { "\001a", 2 }, { "\003ab\0", 4 },
		{ "\001a\0x", 4 }, { "\300\014", 2 }, { "\001a\300\0", 4 },
		{ "\003a.b\0", 5 }, { "\003a\0b\0", 5 }, { "\100", 1 }
	};
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_PTR, 60);
	char longest[300] = "";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		add_octets(a, bad[i].rdata, bad[i].len);
	memset(longest, 64, 65);		/* a label of 64 octets */
	add_octets(a, longest, 66);
	for (size_t i = 0; i < 256; i += 2)
		memcpy(longest + i, "\001x", 2);
	add_octets(a, longest, 257);		/* 128 labels */
	add_octets(a, longest + 2, 255);	/* 127, as long as can be */
	dns_answer_finish(a);
	assert_int_equal(a->count, 1);
	assert_int_equal(a->rr[0].len, 253);
	dns_answer_release(a);
}

static void
test_answer_keeps_octets_of_labels(void **state)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, DNS_TYPE_PTR, 60);

	(void)state;
	add_octets(a, "\004A \xff%\001b\0", 8);
	dns_answer_finish(a);
	assert_string_equal(a->rr[0].data, "A \xff%.b");
	dns_answer_release(a);
}

/* Views on a resolver that answers when the test says so */

static struct fake_dns fake;

static bool
fake_answer(const char *name, struct dns_answer *a)
{
	return fake_dns_answer(&fake, name, a);
}

/* capacity: of the backend, 0 without bound. */
static struct dns *
fake_new_capacity(unsigned capacity, size_t cache_size,
    int64_t serve_stale_ms)
{
	struct dns_options o = {
		.query_timeout_ms = TIMEOUT_MS, .cache_size = cache_size,
		.serve_stale_ms = serve_stale_ms
	};

	fake.backend.capacity = capacity;
	struct dns *d = fake_dns_open(&fake, NULL, &o);
	fake_dns_hold(&fake, "");
	return d;
}

static struct dns *
fake_new_stale(size_t cache_size, int64_t serve_stale_ms)
{
	return fake_new_capacity(0, cache_size, serve_stale_ms);
}

static struct dns *
fake_new(size_t cache_size)
{
	return fake_new_stale(cache_size, 0);
}

static struct dns_view *
view_of(struct dns *d)
{
	return dns_view_new(d, NULL, INT64_MAX, 100);
}

static void
count_wake(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static enum dns_status
ask(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	return dns_query(v, name, DNS_TYPE_TXT, &a);
}

/* Puts a question through, with the answer to be remembered. */
static void
learn(struct dns *d, const char *name, struct dns_answer *answer)
{
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	assert_int_equal(ask(v, name), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_true(fake_answer(name, answer));
	assert_int_equal(wakes, 1);
	dns_view_free(v);
}

static bool
is_cached(struct dns *d, const char *name)
{
	struct dns_view *v = view_of(d);
	bool cached = ask(v, name) != DNS_PENDING;

	dns_view_free(v);
	return cached;
}

static void
test_query_is_pending_until_woken(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	const struct dns_answer *a;
	atomic_int wakes = 0;

	(void)state;
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_TXT, &a),
	    DNS_PENDING);
	assert_null(a);
	assert_int_equal(fake.asked, 0);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(wakes, 0);
	assert_true(fake_answer("example.com", fake_txt("v=spf1", 60)));
	assert_int_equal(wakes, 1);
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_TXT, &a),
	    DNS_OK);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_int_equal(dns_view_queries(v), 1);
	assert_false(dns_view_all_cached(v));
	dns_view_free(v);
	dns_free(d);
}

static void
test_cached_answer_needs_no_query(void **state)
{
	struct dns *d = fake_new(1 << 20);
	uint64_t hits = stats_get(STATS_DNS_CACHE_HITS);

	(void)state;
	learn(d, "example.com", fake_txt("v=spf1", 60));
	struct dns_view *v = view_of(d);
	assert_int_equal(ask(v, "EXAMPLE.com"), DNS_OK);
	assert_int_equal(ask(v, "example.COM"), DNS_OK);
	assert_true(dns_view_all_cached(v));
	assert_int_equal(dns_view_queries(v), 1);
	const struct dns_answer *a;
	assert_int_equal(dns_query(v, "example.com", DNS_TYPE_A, &a),
	    DNS_PENDING);
	dns_view_free(v);
	assert_int_equal(stats_get(STATS_DNS_CACHE_HITS), hits + 1);
	assert_int_equal(fake.asked, 1);
	dns_free(d);
}

static void
test_single_flight_serves_all_waiters(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v[20];
	atomic_int wakes = 0;
	uint64_t shared = stats_get(STATS_DNS_SHARED);

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		v[i] = view_of(d);
		assert_int_equal(ask(v[i], i % 2 ? "A.example" : "a.example"),
		    DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes));
	}
	assert_int_equal(fake.asked, 1);
	assert_int_equal(stats_get(STATS_DNS_SHARED), shared + 19);
	/* Not remembered by the table, and yet all have it. */
	assert_true(fake_answer("a.example", fake_txt("once", 0)));
	assert_int_equal(wakes, 20);
	for (size_t i = 0; i < COUNT(v); i++) {
		assert_int_equal(ask(v[i], "a.example"), DNS_OK);
		dns_view_free(v[i]);
	}
	dns_free(d);
}

static void
test_fetch_finds_answer_that_came_meanwhile(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);

	(void)state;
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	learn(d, "a.example", fake_txt("text", 60));
	assert_true(dns_view_fetch(v, count_wake, NULL));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(fake.asked, 1);
	dns_view_free(v);
	dns_free(d);
}

static void
test_fetch_without_question_returns_at_once(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);

	(void)state;
	assert_true(dns_view_fetch(v, count_wake, NULL));
	dns_view_cancel(v);
	dns_view_free(v);
	dns_view_free(NULL);
	dns_free(d);
	dns_free(NULL);
}

static void
test_ttl_ends_for_others_not_for_the_view(void **state)
{
	struct dns *d = fake_new(1 << 20);

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	struct dns_view *v = view_of(d);
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	fake_dns_advance(&fake, 59000);
	assert_true(is_cached(d, "a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached(d, "a.example"));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	dns_view_free(v);
	/* The old answer is replaced by the new one. */
	learn(d, "a.example", fake_txt("new", 60));
	assert_true(is_cached(d, "a.example"));
	dns_free(d);
}

static void
test_ttl_zero_is_not_kept(void **state)
{
	struct dns *d = fake_new(1 << 20);

	(void)state;
	learn(d, "a.example", fake_txt("text", 0));
	assert_false(is_cached(d, "a.example"));
	learn(d, "a.example", fake_txt("text", 0));
	assert_int_equal(fake.asked, 2);
	dns_free(d);
}

static void
test_ttl_is_a_day_at_most(void **state)
{
	struct dns *d = fake_new(1 << 20);

	(void)state;
	learn(d, "a.example", fake_txt("text", UINT32_MAX));
	fake_dns_advance(&fake, 86399000);
	assert_true(is_cached(d, "a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached(d, "a.example"));
	dns_free(d);
}

static void
test_negative_answers_live_as_told(void **state)
{
	struct dns *d = fake_new(1 << 20);

	(void)state;
	learn(d, "nx.example", dns_answer_empty(DNS_NXDOMAIN, DNS_TYPE_TXT,
	    30));
	learn(d, "nd.example", dns_answer_empty(DNS_NODATA, DNS_TYPE_TXT, 30));
	struct dns_view *v = view_of(d);
	assert_int_equal(ask(v, "nx.example"), DNS_NXDOMAIN);
	assert_int_equal(ask(v, "nd.example"), DNS_NODATA);
	dns_view_free(v);
	fake_dns_advance(&fake, 30001);
	assert_false(is_cached(d, "nx.example"));
	assert_false(is_cached(d, "nd.example"));
	dns_free(d);
}

static void
test_temperror_is_kept_five_seconds_at_most(void **state)
{
	struct dns *d = fake_new(1 << 20);
	uint64_t failures = stats_get(STATS_DNS_FAILURES);

	(void)state;
	learn(d, "a.example", dns_answer_empty(DNS_TEMPERROR, DNS_TYPE_TXT,
	    3600));
	assert_int_equal(stats_get(STATS_DNS_FAILURES), failures + 1);
	fake_dns_advance(&fake, 4000);
	assert_true(is_cached(d, "a.example"));
	fake_dns_advance(&fake, 1001);
	assert_false(is_cached(d, "a.example"));
	dns_free(d);
}

static void
test_bogus_is_counted_and_shown(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_answer *a = dns_answer_error(DNS_FAILURE_BOGUS, "",
	    DNS_TYPE_TXT, 5);
	uint64_t before = stats_get(STATS_DNS_BOGUS);

	(void)state;
	learn(d, "a.example", a);
	assert_int_equal(stats_get(STATS_DNS_BOGUS), before + 1);
	struct dns_view *v = view_of(d);
	const struct dns_answer *seen;
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &seen),
	    DNS_TEMPERROR);
	assert_int_equal(seen->failure, DNS_FAILURE_BOGUS);
	dns_view_free(v);
	dns_free(d);
}

static void
test_cache_of_size_zero_keeps_nothing(void **state)
{
	struct dns *d = fake_new(0);

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	assert_false(is_cached(d, "a.example"));
	dns_free(d);
}

/* The table without the rest, for its accounts. */
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
		add_octets(a, "\300\0\2\1", 4);
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
test_invalid_names_are_not_asked_for(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", ".a", "a." };
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	char name[300];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ask(v, bad[i]), DNS_NXDOMAIN);
	memset(name, 'x', 64);
	name[64] = '\0';
	assert_int_equal(ask(v, name), DNS_NXDOMAIN);
	assert_int_equal(ask(v, name + 1), DNS_PENDING);
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'x';
	name[254] = '\0';
	assert_int_equal(ask(v, name), DNS_NXDOMAIN);
	name[253] = '\0';
	assert_int_equal(ask(v, name), DNS_PENDING);
	assert_int_equal(dns_view_queries(v), 0);
	dns_view_free(v);
	dns_free(d);
}

static void
test_limit_of_questions(void **state)
{
	struct dns *d = fake_new(1 << 20);
	const struct dns_answer *a;
	char name[20];

	(void)state;
	for (int i = 0; i < 31; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		learn(d, name, fake_txt(name, 60));
	}
	struct dns_view *v = dns_view_new(d, NULL, INT64_MAX, 30);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_int_equal(ask(v, name), DNS_OK);
	}
	assert_int_equal(ask(v, "n30.example"), DNS_LIMIT);
	assert_int_equal(ask(v, "new.example"), DNS_LIMIT);
	assert_int_equal(dns_query(v, "n7.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_string_equal(a->rr[0].data, "n7.example");
	assert_int_equal(dns_view_queries(v), 30);
	dns_view_free(v);
	dns_free(d);
}

static void
test_deadline_makes_unknown_a_temperror(void **state)
{
	struct dns *d = fake_new(1 << 20);
	const struct dns_answer *a;
	atomic_int wakes = 0;

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	struct dns_view *v = dns_view_new(d, NULL, util_now_ms() + 1000, 10);
	assert_int_equal(ask(v, "b.example"), DNS_PENDING);
	fake_dns_advance(&fake, 1000);
	assert_true(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(dns_query(v, "b.example", DNS_TYPE_TXT, &a),
	    DNS_TEMPERROR);
	assert_null(a);
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(fake.asked, 1);
	dns_view_free(v);
	dns_free(d);
}

/* Waits for a thread of dns without a fixed sleep. */
static void
await(atomic_int *value, int wanted)
{
	for (int i = 0; i < 10000 && *value < wanted; i++)
		usleep(500);
	assert_int_equal(*value, wanted);
}

static void
test_timeout_serves_waiters_and_late_answer_is_kept(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v[2] = { view_of(d), view_of(d) };
	atomic_int wakes = 0;
	uint64_t timeouts = stats_get(STATS_DNS_TIMEOUTS);

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(v[i], "slow.example"), DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes));
	}
	fake_dns_advance(&fake, TIMEOUT_MS - 1000);
	assert_int_equal(wakes, 0);
	fake_dns_advance(&fake, 1000);
	await(&wakes, 2);
	for (int i = 0; i < 2; i++) {
		const struct dns_answer *a;
		assert_int_equal(dns_query(v[i], "slow.example", DNS_TYPE_TXT,
		    &a), DNS_TEMPERROR);
		assert_int_equal(a->failure, DNS_FAILURE_TIMEOUT);
		assert_string_equal(a->problem, "no answer in 4 s");
		dns_view_free(v[i]);
	}
	assert_int_equal(stats_get(STATS_DNS_TIMEOUTS), timeouts + 1);
	assert_true(fake_answer("slow.example", fake_txt("late", 60)));
	struct dns_view *next = view_of(d);
	assert_int_equal(ask(next, "slow.example"), DNS_OK);
	dns_view_free(next);
	dns_free(d);
}

static const char *
problem_of(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	assert_int_equal(dns_query(v, name, DNS_TYPE_TXT, &a), DNS_TEMPERROR);
	return a->problem;
}

static void
test_timeout_where_nobody_is_asked_is_no_name_server(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	(void)state;
	fake.backend.no_server = true;
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	assert_string_equal(problem_of(v, "a.example"), "no name server");
	dns_view_free(v);
	dns_free(d);
}

static void
test_timeout_can_be_changed(void **state)
{
	const struct dns_options less = { .query_timeout_ms = 1500 };
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v[3] = { view_of(d), view_of(d), view_of(d) };
	const char *const names[] = { "old.example", "a.example", "b.example" };
	atomic_int wakes = 0;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			assert_true(dns_configure(d, &less, &diag));
		assert_int_equal(ask(v[i], names[i]), DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes));
	}
	fake_dns_advance(&fake, 1500);
	await(&wakes, 2);
	for (int i = 1; i < 3; i++)
		assert_string_equal(problem_of(v[i], names[i]),
		    "no answer in 1500 ms");
	fake_dns_advance(&fake, TIMEOUT_MS - 1500);
	await(&wakes, 3);
	problem_of(v[0], names[0]);
	for (int i = 0; i < 3; i++)
		dns_view_free(v[i]);
	dns_free(d);
	diag_fini(&diag);
}

static void
test_late_answer_serves_who_asked_anew(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	(void)state;
	assert_int_equal(ask(v, "slow.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	dns_view_free(v);
	struct fake_question *first = fake_dns_take(&fake, NULL);

	fake_dns_advance(&fake, 5001);
	v = view_of(d);
	assert_int_equal(ask(v, "slow.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(fake.asked, 2);
	fake_question_answer(first, fake_txt("first", 60));
	assert_int_equal(wakes, 2);
	assert_int_equal(ask(v, "slow.example"), DNS_OK);
	/* The second answer comes, and nobody waits for it. */
	assert_true(fake_answer("slow.example", fake_txt("second", 60)));
	assert_int_equal(wakes, 2);
	dns_view_free(v);
	dns_free(d);
}

static void
test_late_temperror_changes_nothing(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	(void)state;
	assert_int_equal(ask(v, "slow.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 1);
	dns_view_free(v);
	struct fake_question *first = fake_dns_take(&fake, NULL);
	fake_dns_advance(&fake, 5001);
	learn(d, "slow.example", fake_txt("second", 60));
	fake_question_answer(first, dns_answer_empty(DNS_TEMPERROR,
	    DNS_TYPE_TXT, 5));
	v = view_of(d);
	assert_int_equal(ask(v, "slow.example"), DNS_OK);
	dns_view_free(v);
	dns_free(d);
}

static void
test_timeouts_come_in_order_of_age(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v[3];
	atomic_int wakes[3] = { 0 };
	static const char *const names[] = { "a.example", "b.example",
	    "c.example" };

	(void)state;
	for (int i = 0; i < 3; i++) {
		v[i] = view_of(d);
		assert_int_equal(ask(v[i], names[i]), DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes[i]));
		fake_dns_advance(&fake, 1000);
	}
	/* The middle one leaves the list. */
	assert_true(fake_answer("b.example", fake_txt("text", 60)));
	fake_dns_advance(&fake, TIMEOUT_MS - 3000);
	await(&wakes[0], 1);
	assert_int_equal(wakes[2], 0);
	fake_dns_advance(&fake, 2000);
	await(&wakes[2], 1);
	for (int i = 0; i < 3; i++)
		dns_view_free(v[i]);
	dns_free(d);
}

static void
test_cancel_ends_the_wait_and_not_the_query(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v[3] = { view_of(d), view_of(d), view_of(d) };
	atomic_int wakes = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(v[i], "a.example"), DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes));
	}
	dns_view_cancel(v[1]);
	dns_view_free(v[0]);
	assert_true(fake_answer("a.example", fake_txt("text", 60)));
	assert_int_equal(wakes, 1);
	/* Cancelled and used again. */
	assert_int_equal(ask(v[1], "a.example"), DNS_OK);
	assert_int_equal(ask(v[2], "a.example"), DNS_OK);
	dns_view_cancel(v[2]);
	dns_view_free(v[1]);
	dns_view_free(v[2]);
	dns_free(d);
}

/* Answers past their time to live (RFC 8767) */

#define STALE_MS 3600000

static struct dns_answer *
failure(void)
{
	return dns_answer_empty(DNS_TEMPERROR, DNS_TYPE_TXT, 5);
}

/* Asks for name, which has to be asked for, and gives it this answer. */
static enum dns_status
ask_anew(struct dns *d, const char *name, struct dns_answer *answer,
    bool *stale)
{
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	assert_int_equal(ask(v, name), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_true(fake_answer(name, answer));
	assert_int_equal(wakes, 1);
	enum dns_status status = ask(v, name);
	*stale = dns_view_has_stale(v);
	dns_view_free(v);
	return status;
}

static enum dns_status
ask_cached(struct dns *d, const char *name, bool *stale)
{
	struct dns_view *v = view_of(d);
	enum dns_status status = ask(v, name);

	*stale = dns_view_has_stale(v);
	dns_view_free(v);
	return status;
}

/* The DNS fails, and nothing stands in for it. */
static void
assert_fails(struct dns *d, const char *name)
{
	bool stale;

	assert_int_equal(ask_anew(d, name, failure(), &stale), DNS_TEMPERROR);
	assert_false(stale);
}

static void
test_stale_answer_stands_in_for_an_error(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	struct dns_view *v = view_of(d);
	uint64_t before = stats_get(STATS_DNS_STALE);
	const struct dns_answer *a;
	atomic_int wakes = 0;

	(void)state;
	learn(d, "a.example", fake_txt("v=spf1", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_true(fake_answer("a.example", failure()));
	assert_int_equal(wakes, 1);
	assert_int_equal(dns_query(v, "a.example", DNS_TYPE_TXT, &a), DNS_OK);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_true(dns_view_has_stale(v));
	assert_false(dns_view_all_cached(v));
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 1);
	/* The view asks once. */
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 1);
	dns_view_free(v);
	dns_free(d);
}

static void
test_stale_answer_comes_at_once_while_the_error_stands(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	uint64_t before = stats_get(STATS_DNS_STALE);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("v=spf1", 60));
	assert_int_equal(ask_cached(d, "a.example", &stale), DNS_OK);
	assert_false(stale);
	for (int i = 1; i <= 2; i++) {
		fake_dns_advance(&fake, 60001);
		assert_int_equal(ask_anew(d, "a.example", failure(), &stale),
		    DNS_OK);
		assert_true(stale);
		fake_dns_advance(&fake, 4000);
		assert_int_equal(ask_cached(d, "a.example", &stale), DNS_OK);
		assert_true(stale);
		assert_int_equal(fake.asked, 1 + i);
		fake_dns_advance(&fake, 1001);
		assert_int_equal(ask_cached(d, "a.example", &stale),
		    DNS_PENDING);
		assert_false(stale);
	}
	assert_int_equal(stats_get(STATS_DNS_STALE), before + 4);
	dns_free(d);
}

static void
test_stale_answer_comes_to_who_fetches_late(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	struct dns_view *v = view_of(d);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("v=spf1", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	assert_int_equal(ask_anew(d, "a.example", failure(), &stale), DNS_OK);
	assert_true(dns_view_fetch(v, count_wake, NULL));
	assert_int_equal(ask(v, "a.example"), DNS_OK);
	assert_true(dns_view_has_stale(v));
	assert_int_equal(fake.asked, 2);
	dns_view_free(v);
	dns_free(d);
}

static void
test_stale_answer_after_a_timeout_until_a_late_answer(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	struct dns_view *v[2] = { view_of(d), view_of(d) };
	uint64_t timeouts = stats_get(STATS_DNS_TIMEOUTS);
	atomic_int wakes = 0;
	bool stale;

	(void)state;
	learn(d, "slow.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(v[i], "slow.example"), DNS_PENDING);
		assert_false(dns_view_fetch(v[i], count_wake, &wakes));
	}
	fake_dns_advance(&fake, TIMEOUT_MS);
	await(&wakes, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(v[i], "slow.example"), DNS_OK);
		assert_true(dns_view_has_stale(v[i]));
		dns_view_free(v[i]);
	}
	assert_int_equal(stats_get(STATS_DNS_TIMEOUTS), timeouts + 1);
	assert_true(fake_answer("slow.example", dns_answer_empty(DNS_NXDOMAIN,
	    DNS_TYPE_TXT, 60)));
	assert_int_equal(ask_cached(d, "slow.example", &stale), DNS_NXDOMAIN);
	assert_false(stale);
	dns_free(d);
}

static void
test_fresh_answer_replaces_the_stale_one(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask_anew(d, "a.example", failure(), &stale), DNS_OK);
	fake_dns_advance(&fake, 5001);
	assert_int_equal(ask_anew(d, "a.example", dns_answer_empty(DNS_NODATA,
	    DNS_TYPE_TXT, 30), &stale), DNS_NODATA);
	assert_false(stale);
	assert_int_equal(ask_cached(d, "a.example", &stale), DNS_NODATA);
	assert_false(stale);
	/* The error of long ago is forgotten with the old answer. */
	fake_dns_advance(&fake, 30001);
	assert_int_equal(ask_cached(d, "a.example", &stale), DNS_PENDING);
	/* That there is nothing is an answer too. */
	assert_int_equal(ask_anew(d, "a.example", failure(), &stale),
	    DNS_NODATA);
	assert_true(stale);
	dns_free(d);
}

static void
test_stale_time_ends(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("old", 60));
	learn(d, "b.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60000 + STALE_MS - 1000);
	assert_int_equal(ask_anew(d, "a.example", failure(), &stale), DNS_OK);
	assert_true(stale);
	fake_dns_advance(&fake, 1001);
	assert_fails(d, "a.example");
	assert_fails(d, "b.example");
	dns_free(d);
}

static void
test_failed_validation_ends_the_stale_answer(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	struct dns_answer *a = dns_answer_error(DNS_FAILURE_BOGUS, "",
	    DNS_TYPE_TXT, 5);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("old", 60));
	fake_dns_advance(&fake, 60001);
	assert_int_equal(ask_anew(d, "a.example", a, &stale), DNS_TEMPERROR);
	assert_false(stale);
	assert_int_equal(ask_cached(d, "a.example", &stale), DNS_TEMPERROR);
	assert_false(stale);
	fake_dns_advance(&fake, 5001);
	assert_fails(d, "a.example");
	dns_free(d);
}

static void
test_what_is_never_stale(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);

	(void)state;
	/* What was not kept, */
	learn(d, "zero.example", fake_txt("text", 0));
	assert_fails(d, "zero.example");
	/* also after something that was; */
	learn(d, "a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 61001);
	learn(d, "a.example", fake_txt("text", 0));
	assert_fails(d, "a.example");
	/* and an error. */
	fake_dns_advance(&fake, 5001);
	assert_fails(d, "a.example");
	dns_free(d);
}

static void
test_remainder_of_an_answer_is_no_newer_one(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_anew(d, "a.example", fake_txt("text",
		    0), &stale), DNS_OK);
		assert_false(stale);
	}
	assert_int_equal(ask_anew(d, "a.example", failure(), &stale), DNS_OK);
	assert_true(stale);
	dns_free(d);
}

static void
test_nothing_is_stale_by_default(void **state)
{
	struct dns *d = fake_new(1 << 20);
	uint64_t before = stats_get(STATS_DNS_STALE);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	assert_fails(d, "a.example");
	assert_int_equal(ask_cached(d, "a.example", &stale), DNS_TEMPERROR);
	assert_int_equal(stats_get(STATS_DNS_STALE), before);
	dns_free(d);
}

static void
test_error_that_is_not_kept_leaves_the_stale_answer(void **state)
{
	struct dns *d = fake_new_stale(1 << 20, STALE_MS);
	bool stale;

	(void)state;
	learn(d, "a.example", fake_txt("text", 60));
	fake_dns_advance(&fake, 60001);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_anew(d, "a.example", dns_answer_empty(
		    DNS_TEMPERROR, DNS_TYPE_TXT, 0), &stale), DNS_OK);
		assert_true(stale);
		fake_dns_advance(&fake, 1);
	}
	dns_free(d);
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

struct slow_wake {
	atomic_int	 inside;
	atomic_int	 cancelling;
	atomic_int	 over;
	struct dns_view	*view;
};

static void
slow_wake(void *arg)
{
	struct slow_wake *s = arg;

	s->inside = 1;
	while (!s->cancelling)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	s->over = 1;
}

static void *
answer_thread(void *arg)
{
	(void)arg;
	fake_answer("a.example", fake_txt("text", 60));
	return NULL;
}

static void
test_cancel_waits_for_wake_under_way(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct slow_wake s = { .view = view_of(d) };
	pthread_t thread;

	(void)state;
	assert_int_equal(ask(s.view, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(s.view, slow_wake, &s));
	pthread_create(&thread, NULL, answer_thread, NULL);
	await(&s.inside, 1);
	s.cancelling = 1;
	dns_view_cancel(s.view);
	assert_int_equal(s.over, 1);
	dns_view_free(s.view);
	pthread_join(thread, NULL);
	dns_free(d);
}

static void
test_cancel_races_with_answers(void **state)
{
	struct dns *d = fake_new(0);

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct dns_view *v = view_of(d);
		atomic_int *wakes = calloc(1, sizeof(*wakes));
		pthread_t thread;
		assert_int_equal(ask(v, "a.example"), DNS_PENDING);
		assert_false(dns_view_fetch(v, count_wake, wakes));
		pthread_create(&thread, NULL, answer_thread, NULL);
		for (int k = 0; k < i % 7; k++)
			sched_yield();
		dns_view_cancel(v);
		assert_true(*wakes <= 1);
		free(wakes);		/* wake must not touch it any more */
		dns_view_free(v);
		pthread_join(thread, NULL);
	}
	dns_free(d);
}

/* Runs on within wake: the next question is fetched from there. */
struct chain {
	struct dns_view	*view;
	atomic_int	 done;
};

static void
chain_wake(void *arg)
{
	struct chain *c = arg;

	assert_int_equal(ask(c->view, "a.example"), DNS_OK);
	if (ask(c->view, "b.example") == DNS_PENDING)
		assert_false(dns_view_fetch(c->view, chain_wake, c));
	else
		c->done = 1;
}

static void
test_fetch_from_within_wake(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct chain c = { .view = view_of(d) };

	(void)state;
	assert_int_equal(ask(c.view, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(c.view, chain_wake, &c));
	assert_true(fake_answer("a.example", fake_txt("text", 0)));
	assert_int_equal(c.done, 0);
	assert_true(fake_answer("b.example", fake_txt("text", 0)));
	assert_int_equal(c.done, 1);
	dns_view_free(c.view);
	dns_free(d);
}

static void
test_free_with_questions_open(void **state)
{
	struct dns *d = fake_new(1 << 20);
	struct dns_view *v = view_of(d);
	atomic_int wakes = 0;

	(void)state;
	assert_int_equal(ask(v, "a.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	dns_view_free(v);
	dns_free(d);
	assert_int_equal(wakes, 0);
}

/* Many threads on few names; each answer must be right for its name. */

struct crowd {
	struct dns	*dns;
	unsigned	 seed;
	int		 wrong;
};

static void *
crowd_ask(void *arg)
{
	struct crowd *c = arg;
	const struct dns_answer *a;
	char name[20];

	for (int i = 0; i < 2000; i++) {
		struct dns_view *v = view_of(c->dns);
		c->seed = c->seed * 1103515245 + 12345;
		snprintf(name, sizeof(name), "n%u.example", c->seed >> 16 & 63);
		while (dns_query(v, name, DNS_TYPE_TXT, &a) == DNS_PENDING)
			fake_dns_wait(v);
		if (a->count != 1 || strcmp(a->rr[0].data, name) != 0)
			c->wrong++;
		dns_view_free(v);
	}
	return NULL;
}

static atomic_int crowd_over;

static void *
crowd_answer(void *arg)
{
	(void)arg;
	while (!crowd_over) {
		struct fake_question *q = fake_dns_take(&fake, NULL);
		if (q == NULL)
			sched_yield();
		else
			fake_question_answer(q, fake_txt(q->name,
			    q->name[1] % 2 ? 0 : 60));
	}
	return NULL;
}

static void
test_crowd_gets_right_answers(void **state)
{
	struct dns *d = fake_new(8192);		/* evicts all the time */
	struct crowd crowd[4];
	pthread_t threads[4];
	pthread_t answers[2];

	(void)state;
	crowd_over = 0;
	for (size_t i = 0; i < COUNT(answers); i++)
		pthread_create(&answers[i], NULL, crowd_answer, NULL);
	for (size_t i = 0; i < COUNT(crowd); i++) {
		crowd[i] = (struct crowd){ .dns = d, .seed = (unsigned)i };
		pthread_create(&threads[i], NULL, crowd_ask, &crowd[i]);
	}
	for (size_t i = 0; i < COUNT(crowd); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(crowd[i].wrong, 0);
	}
	crowd_over = 1;
	for (size_t i = 0; i < COUNT(answers); i++)
		pthread_join(answers[i], NULL);
	dns_free(d);
}

/* libunbound, with a name server on the loopback */

static int server_socket;
static atomic_int server_queries;

/* The answers of the name server, by the first label. */
static size_t
server_reply(uint8_t *m, size_t n)
{
	static const uint8_t soa[] =
	    "\300\014\0\006\0\001\0\0\016\020\0\026\0\0"
	    "\0\0\0\001\0\0\0\001\0\0\0\001\0\0\0\001\0\0\0\007";
	static const uint8_t txt[] =
	    "\300\014\0\020\0\001\0\0\001\054\0\007\006v=spf1";
	const uint8_t *label = m + 13;
	bool ok = *label == 'g' || *label == '\\';

	m[2] = 0x81;
	m[3] = *label == 'n' ? 0x83 : *label == 's' ? 0x82 : 0x80;
	m[7] = ok;			/* answers */
	m[9] = !ok && *label != 's' && *label != 'e';	/* authority */
	m[11] = 0;			/* no EDNS */
	size_t end = 12;
	while (end < n && m[end] != 0)
		end += 1 + (size_t)m[end];
	end += 5;
	if (m[7]) {
		memcpy(m + end, txt, sizeof(txt) - 1);
		end += sizeof(txt) - 1;
	} else if (m[9]) {
		memcpy(m + end, soa, sizeof(soa) - 1);
		end += sizeof(soa) - 1;
	}
	return end;
}

static void *
server_run(void *arg)
{
	uint8_t m[2048];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;

	(void)arg;
	while ((n = recvfrom(server_socket, m, 512, 0,
	    (struct sockaddr *)&from, &len)) > 1) {
		server_queries++;
		size_t size = server_reply(m, (size_t)n);
		sendto(server_socket, m, size, 0, (struct sockaddr *)&from,
		    len);
		len = sizeof(from);
	}
	return NULL;
}

static pthread_t server_thread;
static struct sockaddr_in server_address;
static char server_text[40];

static int
server_start(void **state)
{
	socklen_t len = sizeof(server_address);

	(void)state;
	server_queries = 0;
	server_socket = socket(AF_INET, SOCK_DGRAM, 0);
	server_address = (struct sockaddr_in){ .sin_family = AF_INET };
	server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server_socket, (struct sockaddr *)&server_address, len) != 0)
		return -1;
	getsockname(server_socket, (struct sockaddr *)&server_address, &len);
	snprintf(server_text, sizeof(server_text), "127.0.0.1:%u",
	    ntohs(server_address.sin_port));
	return pthread_create(&server_thread, NULL, server_run, NULL);
}

static int
server_stop(void **state)
{
	(void)state;
	sendto(server_socket, "", 1, 0, (struct sockaddr *)&server_address,
	    sizeof(server_address));
	pthread_join(server_thread, NULL);
	close(server_socket);
	return 0;
}

static struct dns *
unbound_with(const char *server)
{
	const char *const servers[] = { server };
	struct dns_options o = {
		.servers = servers, .server_count = 1,
		.query_timeout_ms = 8000, .cache_size = 1 << 20
	};
	struct diag diag;

	diag_init(&diag);
	struct dns *d = dns_new(&o, &diag);
	diag_fini(&diag);
	return d;
}

static const struct dns_answer *
resolve(struct dns_view *v, const char *name)
{
	const struct dns_answer *a;

	while (dns_query(v, name, DNS_TYPE_TXT, &a) == DNS_PENDING)
		fake_dns_wait(v);
	assert_non_null(a);
	return a;
}

static void
test_unbound_maps_answers(void **state)
{
	struct dns *d = unbound_with(server_text);
	struct dns_view *v;
	const struct dns_answer *a;

	(void)state;
	assert_non_null(d);
	v = view_of(d);
	a = resolve(v, "good.example.com");
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->ttl, 300);
	assert_string_equal(a->rr[0].data, "v=spf1");
	assert_non_null(a->spf);
	a = resolve(v, "nx.example.com");
	assert_int_equal(a->status, DNS_NXDOMAIN);
	assert_int_equal(a->ttl, 7);		/* minimum of the SOA */
	a = resolve(v, "data.example.com");
	assert_int_equal(a->status, DNS_NODATA);
	assert_int_equal(a->ttl, 7);
	a = resolve(v, "empty.example.com");	/* no SOA */
	assert_int_equal(a->status, DNS_NODATA);
	assert_true(a->ttl <= 5);
	a = resolve(v, "servfail.example.com");
	assert_int_equal(a->status, DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_SERVFAIL);
	assert_string_equal(a->problem, "SERVFAIL");
	dns_view_free(v);
	dns_free(d);
}

static void
test_unbound_asks_the_servers_for_all_names(void **state)
{
	static const char *const names[] = {
		"g.test", "g.invalid", "g.home.arpa",
		"g.1.168.192.in-addr.arpa",
		"g.2.0.192.in-addr.arpa", "g.10.in-addr.arpa",
		"g.8.b.d.0.1.0.0.2.ip6.arpa", "\\x we\xffird@.example"
	};
	struct dns *d = unbound_with(server_text);
	struct dns_view *v;

	(void)state;
	assert_non_null(d);
	v = view_of(d);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(resolve(v, names[i])->status, DNS_OK);
	assert_true(server_queries >= (int)COUNT(names));
	dns_view_free(v);
	dns_free(d);
}

static void
test_unbound_stops_with_questions_open(void **state)
{
	/* A socket that nobody reads: no answer, no refusal. */
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	char text[40];
	char name[40];
	atomic_int wakes = 0;

	(void)state;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(sin.sin_port));
	struct dns *d = unbound_with(text);
	assert_non_null(d);
	for (int i = 0; i < 100; i++) {
		struct dns_view *v = view_of(d);
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_int_equal(ask(v, name), DNS_PENDING);
		assert_false(dns_view_fetch(v, count_wake, &wakes));
		dns_view_free(v);
	}
	dns_free(d);
	assert_int_equal(wakes, 0);
	close(fd);
}

static void
test_version_names_the_library(void **state)
{
	(void)state;
	assert_memory_equal(dns_version(), "libunbound ", 11);
}

static void
test_new_reports_a_missing_zone_file(void **state)
{
	struct dns_options o = {
		.zone_file = "/nonexistent/zone", .query_timeout_ms = 1000
	};
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_null(dns_new(&o, &diag));
	assert_int_equal(diag.count, 1);
	assert_string_equal(diag.entries[0].file, "/nonexistent/zone");
	diag_fini(&diag);
}

/* Turns */

/* A backend that can take two questions, and it has them. */
static struct dns *
full_new(struct dns_view *holders[2], atomic_int *wakes)
{
	static const char *const names[] = { "dead1.example", "dead2.example" };
	struct dns *d = fake_new_capacity(2, 1 << 20, 0);

	learn(d, "cached.example", fake_txt("v=spf1", 60));
	for (uint8_t i = 0; i < 2; i++) {
		struct dns_client c = { .address = {
			.family = AF_INET, .bytes = { 192, 0, i, 1 }
		} };
		holders[i] = dns_view_new(d, &c, INT64_MAX, 10);
		assert_int_equal(ask(holders[i], names[i]), DNS_PENDING);
		assert_false(dns_view_fetch(holders[i], count_wake, wakes));
	}
	assert_int_equal(fake.asked, 3);
	return d;
}

static void
full_free(struct dns *d, struct dns_view *holders[2])
{
	dns_view_free(holders[0]);
	dns_view_free(holders[1]);
	dns_free(d);
}

static void
test_turn_cached_answers_whatever_is_in_flight(void **state)
{
	struct dns_view *holders[2];
	atomic_int wakes = 0;
	struct dns *d = full_new(holders, &wakes);
	struct dns_view *v = view_of(d);

	(void)state;
	assert_int_equal(ask(v, "cached.example"), DNS_OK);
	dns_view_free(v);
	full_free(d, holders);
}

static void
test_turn_question_is_asked_when_another_ends(void **state)
{
	struct dns_view *holders[2];
	atomic_int wakes = 0;
	struct dns *d = full_new(holders, &wakes);
	struct dns_view *v = view_of(d);
	struct dns_view *second = view_of(d);

	(void)state;
	assert_int_equal(ask(v, "late.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_int_equal(ask(second, "late.example"), DNS_PENDING);
	assert_false(dns_view_fetch(second, count_wake, &wakes));
	assert_int_equal(fake.asked, 3);
	assert_true(fake_answer("dead1.example", fake_txt("v=spf1", 60)));
	while (fake.asked == 3)
		sched_yield();
	assert_true(fake_answer("late.example", fake_txt("v=spf1", 60)));
	assert_int_equal(wakes, 3);
	assert_int_equal(ask(v, "late.example"), DNS_OK);
	assert_int_equal(ask(second, "late.example"), DNS_OK);
	dns_view_free(v);
	dns_view_free(second);
	full_free(d, holders);
}

static void
test_turn_question_nobody_waits_for_is_never_asked(void **state)
{
	struct dns_view *holders[2];
	atomic_int wakes = 0;
	struct dns *d = full_new(holders, &wakes);
	uint64_t before = stats_get(STATS_DNS_CANCELLED);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct dns_view *v = view_of(d);
		struct dns_view *other = view_of(d);
		assert_int_equal(ask(v, "left.example"), DNS_PENDING);
		assert_false(dns_view_fetch(v, count_wake, &wakes));
		assert_int_equal(ask(other, "left.example"), DNS_PENDING);
		assert_false(dns_view_fetch(other, count_wake, &wakes));
		dns_view_free(v);
		assert_int_equal(stats_get(STATS_DNS_CANCELLED), before +
		    (uint64_t)i);
		dns_view_free(other);
	}
	assert_int_equal(stats_get(STATS_DNS_CANCELLED), before + 2);
	struct dns_view *v = view_of(d);
	assert_int_equal(ask(v, "stays.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	assert_true(fake_answer("dead1.example", fake_txt("v=spf1", 60)));
	while (fake.asked == 3)
		sched_yield();
	assert_false(fake_answer("left.example", fake_txt("v=spf1", 60)));
	assert_true(fake_answer("stays.example", fake_txt("v=spf1", 60)));
	dns_view_free(v);
	full_free(d, holders);
}

static void
test_turn_that_does_not_come_in_time_is_an_overflow(void **state)
{
	struct dns_view *holders[2];
	atomic_int wakes = 0;
	struct dns *d = full_new(holders, &wakes);
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	struct dns_view *v = view_of(d);
	const struct dns_answer *a;

	(void)state;
	assert_int_equal(ask(v, "late.example"), DNS_PENDING);
	assert_false(dns_view_fetch(v, count_wake, &wakes));
	fake_dns_advance(&fake, TIMEOUT_MS);
	while (wakes < 3)
		sched_yield();
	assert_int_equal(dns_query(v, "late.example", DNS_TYPE_TXT, &a),
	    DNS_TEMPERROR);
	assert_int_equal(a->failure, DNS_FAILURE_BUSY);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before + 1);
	/* That says nothing about the name. */
	assert_false(is_cached(d, "late.example"));
	dns_view_free(v);
	full_free(d, holders);
}

static void
test_turn_refused_question_is_answered_at_once(void **state)
{
	struct dns *d = fake_new_capacity(10000, 1 << 20, 0);
	struct dns_client c = { .connection = d };
	struct dns_view *views[70];
	char name[40];
	uint64_t before = stats_get(STATS_DNS_OVERFLOW);
	atomic_int wakes = 0;
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT(views); i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		views[i] = dns_view_new(d, &c, INT64_MAX, 10);
		assert_int_equal(ask(views[i], name), DNS_PENDING);
		if (!dns_view_fetch(views[i], count_wake, &wakes))
			continue;
		assert_int_equal(ask(views[i], name), DNS_TEMPERROR);
		refused++;
	}
	assert_int_equal(refused, 6);
	assert_int_equal(wakes, 0);
	assert_int_equal(stats_get(STATS_DNS_OVERFLOW), before + 6);
	for (unsigned i = 0; i < COUNT(views); i++)
		dns_view_free(views[i]);
	dns_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_txt_joins_strings_of_any_octets),
		cmocka_unit_test(
		    test_answer_txt_malformed_is_dropped_and_counted),
		cmocka_unit_test(test_answer_without_good_records_is_temperror),
		cmocka_unit_test(test_answer_parses_its_spf_record),
		cmocka_unit_test(
		    test_answer_counts_all_spf_records_and_keeps_two),
		cmocka_unit_test(
		    test_answer_long_text_is_cut_and_refused_as_record),
		cmocka_unit_test(test_answer_mx_by_preference_then_as_received),
		cmocka_unit_test(test_answer_null_mx_is_the_root),
		cmocka_unit_test(test_answer_name_malformed_is_dropped),
		cmocka_unit_test(test_answer_keeps_octets_of_labels),
		cmocka_unit_test(test_query_is_pending_until_woken),
		cmocka_unit_test(test_cached_answer_needs_no_query),
		cmocka_unit_test(test_single_flight_serves_all_waiters),
		cmocka_unit_test(test_fetch_finds_answer_that_came_meanwhile),
		cmocka_unit_test(test_fetch_without_question_returns_at_once),
		cmocka_unit_test(test_ttl_ends_for_others_not_for_the_view),
		cmocka_unit_test(test_ttl_zero_is_not_kept),
		cmocka_unit_test(test_ttl_is_a_day_at_most),
		cmocka_unit_test(test_negative_answers_live_as_told),
		cmocka_unit_test(test_temperror_is_kept_five_seconds_at_most),
		cmocka_unit_test(test_bogus_is_counted_and_shown),
		cmocka_unit_test(test_cache_of_size_zero_keeps_nothing),
		cmocka_unit_test(test_cache_stays_within_its_size),
		cmocka_unit_test(test_cache_keeps_what_is_used),
		cmocka_unit_test(test_cache_refuses_what_would_fill_it),
		cmocka_unit_test(test_cache_evicts_around_questions),
		cmocka_unit_test(test_key_depends_on_name_type_and_secret),
		cmocka_unit_test(test_key_all_lengths_differ),
		cmocka_unit_test(test_invalid_names_are_not_asked_for),
		cmocka_unit_test(test_limit_of_questions),
		cmocka_unit_test(test_deadline_makes_unknown_a_temperror),
		cmocka_unit_test(
		    test_timeout_serves_waiters_and_late_answer_is_kept),
		cmocka_unit_test(
		    test_timeout_where_nobody_is_asked_is_no_name_server),
		cmocka_unit_test(test_timeout_can_be_changed),
		cmocka_unit_test(test_late_answer_serves_who_asked_anew),
		cmocka_unit_test(test_late_temperror_changes_nothing),
		cmocka_unit_test(test_timeouts_come_in_order_of_age),
		cmocka_unit_test(test_stale_answer_stands_in_for_an_error),
		cmocka_unit_test(
		    test_stale_answer_comes_at_once_while_the_error_stands),
		cmocka_unit_test(test_stale_answer_comes_to_who_fetches_late),
		cmocka_unit_test(
		    test_stale_answer_after_a_timeout_until_a_late_answer),
		cmocka_unit_test(test_fresh_answer_replaces_the_stale_one),
		cmocka_unit_test(test_stale_time_ends),
		cmocka_unit_test(test_failed_validation_ends_the_stale_answer),
		cmocka_unit_test(test_what_is_never_stale),
		cmocka_unit_test(test_remainder_of_an_answer_is_no_newer_one),
		cmocka_unit_test(test_nothing_is_stale_by_default),
		cmocka_unit_test(
		    test_error_that_is_not_kept_leaves_the_stale_answer),
		cmocka_unit_test(
		    test_cache_keeps_what_is_used_stale_and_only_that),
		cmocka_unit_test(
		    test_cache_keeps_nothing_old_where_nothing_is_stale),
		cmocka_unit_test(test_cancel_ends_the_wait_and_not_the_query),
		cmocka_unit_test(test_cancel_waits_for_wake_under_way),
		cmocka_unit_test(test_cancel_races_with_answers),
		cmocka_unit_test(test_fetch_from_within_wake),
		cmocka_unit_test(test_free_with_questions_open),
		cmocka_unit_test(test_crowd_gets_right_answers),
		cmocka_unit_test_setup_teardown(test_unbound_maps_answers,
		    server_start, server_stop),
		cmocka_unit_test_setup_teardown(
		    test_unbound_asks_the_servers_for_all_names,
		    server_start, server_stop),
		cmocka_unit_test(test_unbound_stops_with_questions_open),
		cmocka_unit_test(test_version_names_the_library),
		cmocka_unit_test(test_new_reports_a_missing_zone_file),
		cmocka_unit_test(
		    test_turn_cached_answers_whatever_is_in_flight),
		cmocka_unit_test(
		    test_turn_question_is_asked_when_another_ends),
		cmocka_unit_test(
		    test_turn_question_nobody_waits_for_is_never_asked),
		cmocka_unit_test(
		    test_turn_that_does_not_come_in_time_is_an_overflow),
		cmocka_unit_test(
		    test_turn_refused_question_is_answered_at_once)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
