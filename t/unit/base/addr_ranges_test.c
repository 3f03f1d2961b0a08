/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of addresses, beside a set that is a bit for each of 256. */

#include "unit.h"

#include "addr_text.h"
#include "base/addr_ranges.h"
#include "base/util.h"
#include "dice.h"

static struct addr_ranges
set_of(const char *const *texts)
{
	struct addr_ranges s = { NULL, 0 };

	for (; *texts != NULL; texts++) {
		struct addr_prefix p = prefix_of(*texts);

		addr_ranges_add(&s, &p);
	}
	return s;
}

static void
assert_prefixes(const struct addr_ranges *s, const char *const *want)
{
	struct addr_prefix *p;
	size_t count = addr_ranges_prefixes(s, &p);

	for (size_t i = 0; i < count; i++) {
		struct addr_prefix w;

		assert_non_null(want[i]);
		w = prefix_of(want[i]);
		assert_int_equal(p[i].len, w.len);
		assert_memory_equal(&p[i].addr, &w.addr, sizeof(w.addr));
	}
	assert_null(want[count]);
	free(p);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_ranges_merge_to_the_fewest_prefixes(void **state)
{
	struct addr_ranges s = set_of(LIST("192.0.2.128/25", "192.0.2.0/26",
	    "192.0.2.64/26", "192.0.3.7", "192.0.2.0/30", "0.0.0.0",
	    "255.255.255.255"));
	struct addr_ranges v6 = set_of(LIST("2001:db8:0:1::/64",
	    "2001:db8::/64", "::", "2001:db8:0:2::5/64"));

	(void)state;
	assert_prefixes(&s, LIST("0.0.0.0", "192.0.2.0/24", "192.0.3.7",
	    "255.255.255.255"));
	assert_prefixes(&v6, LIST("::", "2001:db8::/63", "2001:db8:0:2::/64"));
	addr_ranges_fini(&s);
	addr_ranges_fini(&v6);
	assert_prefixes(&s, (const char *const[]){ NULL });
}

static bool
has(const struct addr_ranges *s, const char *address)
{
	struct addr_prefix p = prefix_of(address);

	return addr_ranges_has(s, &p.addr);
}

static void
test_ranges_subtract_at_both_ends(void **state)
{
	struct addr_ranges s = set_of(LIST("0.0.0.0/0"));
	struct addr_ranges less = set_of(LIST("0.0.0.0/1", "192.0.0.0/2",
	    "128.0.0.0"));

	(void)state;
	addr_ranges_subtract(&s, &less);
	assert_int_equal(s.count, 1);
	assert_true(has(&s, "128.0.0.1"));
	assert_true(has(&s, "191.255.255.255"));
	assert_false(has(&s, "128.0.0.0"));
	assert_false(has(&s, "192.0.0.0"));
	addr_ranges_subtract(&less, &less);
	assert_int_equal(less.count, 0);
	addr_ranges_fini(&s);
	addr_ranges_fini(&less);
}

static void
assert_count(const struct addr_ranges *s, const char *want)
{
	char text[ADDR_COUNT_SIZE];

	assert_string_equal(addr_ranges_count(s, text), want);
}

static void
test_ranges_are_counted_without_overflow(void **state)
{
	static const struct {
		const char	*prefix;
		const char	*count;
	} cases[] = {
		{ "0.0.0.0/0", "4294967296" },
		{ "192.0.2.1", "1" },
		{ "2001:db8::/65", "9223372036854775808" },
		{ "2001:db8::/64", "18446744073709551616" },
		{ "::/0", "340282366920938463463374607431768211456" },
	};
	struct addr_ranges s = { NULL, 0 };
	struct addr_ranges one;

	(void)state;
	assert_count(&s, "0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = set_of(LIST(cases[i].prefix));
		assert_count(&s, cases[i].count);
		addr_ranges_fini(&s);
	}
	s = set_of(LIST("::/0"));
	one = set_of(LIST("::1"));
	addr_ranges_subtract(&s, &one);
	assert_count(&s, "340282366920938463463374607431768211455");
	addr_ranges_fini(&s);
	addr_ranges_fini(&one);
}

/* The last octet of the addresses of one /24. */
static struct addr_ranges
random_set(uint32_t *dice_state, sa_family_t family, bool bits[256])
{
	struct addr_ranges s = { NULL, 0 };
	size_t last = family == AF_INET ? 3 : 15;

	memset(bits, 0, 256);
	for (uint32_t n = dice(dice_state, 8); n > 0; n--) {
		struct addr_prefix p = { .addr = { .family = family },
			.len = (unsigned)last * 8 + dice(dice_state, 9) };

		p.addr.bytes[last] = (uint8_t)dice(dice_state, 256);
		addr_ranges_add(&s, &p);
		for (unsigned i = 0; i < 256; i++) {
			struct addr a = p.addr;

			a.bytes[last] = (uint8_t)i;
			bits[i] |= addr_prefix_match(&p, &a);
		}
	}
	return s;
}

static void
assert_same(const struct addr_ranges *s, sa_family_t family,
    const bool bits[256])
{
	struct addr a = { .family = family };
	size_t last = family == AF_INET ? 3 : 15;
	size_t count = 0;
	char text[ADDR_COUNT_SIZE];
	uint64_t told;

	for (unsigned i = 0; i < 256; i++) {
		a.bytes[last] = (uint8_t)i;
		assert_int_equal(addr_ranges_has(s, &a), bits[i]);
		count += bits[i];
	}
	for (size_t i = 0; i + 1 < s->count; i++) {
		a = s->ranges[i].last;
		assert_true(addr_next(&a));
		assert_true(addr_compare(&a, &s->ranges[i + 1].first) < 0);
	}
	addr_ranges_count(s, text);
	assert_true(util_parse_uint(text, strlen(text), 256, &told));
	assert_int_equal(told, count);
}

static void
test_ranges_are_sets(void **state)
{
	uint32_t dice_state = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		sa_family_t family = round % 2 == 0 ? AF_INET : AF_INET6;
		bool a[256];
		bool b[256];
		struct addr_ranges s = random_set(&dice_state, family, a);
		struct addr_ranges other = random_set(&dice_state, family, b);

		assert_same(&s, family, a);
		if (round % 4 < 2)
			addr_ranges_join(&s, &other);
		else
			addr_ranges_subtract(&s, &other);
		for (size_t i = 0; i < 256; i++)
			a[i] = round % 4 < 2 ? a[i] || b[i] : a[i] && !b[i];
		assert_same(&s, family, a);
		addr_ranges_fini(&s);
		addr_ranges_fini(&other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_merge_to_the_fewest_prefixes),
		cmocka_unit_test(test_ranges_subtract_at_both_ends),
		cmocka_unit_test(test_ranges_are_counted_without_overflow),
		cmocka_unit_test(test_ranges_are_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
