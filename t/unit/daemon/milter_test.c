/* SPDX-License-Identifier: BSD-2-Clause */
/* What the pump of libmilter's workers does next. */

#include "unit.h"

#include "daemon/milter_priv.h"

#define SHORT MILTER_PUMP_SHORT_MS
#define LONG MILTER_PUMP_LONG_MS

/* One call: what it is given, and what it says and leaves. */
struct row {
	struct milter_pump	before;
	unsigned		waiting;
	unsigned		moved;
	unsigned		held;
	unsigned		added;
	int64_t			round_ms;
	unsigned		burst;
};

static void
test_next_follows_the_table(void **state)
{
	(void)state;
	static const struct row rows[] = {
		/* Callbacks begin by themselves: nothing is added. */
		{ { SHORT, 1, 5, false }, 5, 3, 0, 0, SHORT, 1 },
		/* None has begun: one is added. */
		{ { SHORT, 1, 5, false }, 5, 0, 0, 1, SHORT, 1 },
		/* It found a callback: twice as many, up to a bound. */
		{ { SHORT, 1, 5, true }, 6, 1, 0, 0, SHORT, 2 },
		{ { SHORT, 8, 5, true }, 13, 8, 0, 0, SHORT, 16 },
		{ { SHORT, 64, 5, true }, 70, 64, 0, 0, SHORT, 64 },
		/* Fewer began than were added: so many are enough. */
		{ { SHORT, 8, 5, true }, 5, 3, 0, 0, SHORT, 8 },
		/* Nothing was queued: fewer, and more rarely, up to a bound. */
		{ { SHORT, 1, 5, true }, 5, 0, 0, 1, SHORT + 1, 1 },
		{ { SHORT, 8, 5, true }, 4, 0, 0, 4, SHORT + 1, 4 },
		{ { LONG, 1, 5, true }, 5, 0, 0, 1, LONG, 1 },
		/* More wait than before: often again. */
		{ { LONG, 1, 5, true }, 6, 1, 0, 0, SHORT, 1 },
		/* In a long round other mail alone makes callbacks begin. */
		{ { LONG, 1, 5, true }, 5, 9, 0, 0, LONG, 1 },
		/* In a short one a worker may just not be gone yet. */
		{ { SHORT, 1, 5, true }, 5, 0, 1, 1, SHORT + 1, 1 },
		/* Half packets hold those that were added. */
		{ { LONG, 1, 0, true }, 0, 0, 1, 2, 20, 2 },
		{ { 20, 2, 0, true }, 0, 0, 2, 4, 20, 4 },
		{ { 20, 4, 0, true }, 0, 0, 1, 4, 20, 4 },
		{ { 20, 4, 0, true }, 0, 0, 0, 2, 30, 2 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct milter_pump p = rows[i].before;
		unsigned added = milter_pump_next(&p, rows[i].waiting,
		    rows[i].moved, rows[i].held);

		if (added != rows[i].added || p.round_ms != rows[i].round_ms ||
		    p.burst != rows[i].burst ||
		    p.waiting != rows[i].waiting ||
		    p.added != (rows[i].moved == 0))
			fail_msg("row %zu: %u added, %d ms, burst %u", i,
			    added, (int)p.round_ms, p.burst);
	}
}

/* Idle connections cost a few threads a second, whatever came before. */
static void
test_rounds_get_long_when_nothing_is_found(void **state)
{
	(void)state;
	struct milter_pump p = { SHORT, 64, 9, true };
	int64_t ms = 0;
	unsigned added = 0;

	for (int i = 0; i < 100; i++) {
		added += milter_pump_next(&p, 9, 0, 0);
		ms += p.round_ms;
	}
	assert_in_range(p.round_ms, LONG, 2 * LONG);
	assert_true(added < 200);
	assert_true(ms > 15000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_follows_the_table),
		cmocka_unit_test(test_rounds_get_long_when_nothing_is_found),
	};

	return cmocka_run_group_tests_name("milter", tests, NULL, NULL);
}
