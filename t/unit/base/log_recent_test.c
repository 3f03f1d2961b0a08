/* SPDX-License-Identifier: BSD-2-Clause */
/* log_recent: the last lines of trouble, as the log has them. */

#include "unit.h"

#include <stdio.h>

#include "base/log.h"
#include "base/log_priv.h"
#include "capture.h"

static struct capture capture;
static struct log_recent all[LOG_RECENT_MAX];

static int
forget(void **state)
{
	(void)state;
	log_set_privacy(LOG_PRIVACY_NONE);
	log_recent_forget();
	return 0;
}

static void
test_errors_and_warnings_are_kept_the_newest_first(void **state)
{
	(void)state;
	capture_stderr(&capture);
	log_notice("started");
	log_error("cannot do %d", 1);
	log_info("a message");
	log_warning("odd: a\nb");
	(void)capture_text(&capture);
	assert_int_equal(log_recent_read(all), 2);
	assert_string_equal(all[0].text, "odd: a\\x0ab");
	assert_string_equal(all[0].level, "warning");
	assert_string_equal(all[1].text, "cannot do 1");
	assert_string_equal(all[1].level, "error");
	assert_true(all[0].time_s >= all[1].time_s && all[1].time_s > 0);
}

static void
test_as_many_are_kept_as_there_is_room(void **state)
{
	char text[20];

	(void)state;
	capture_stderr(&capture);
	for (int i = 0; i < LOG_RECENT_MAX + 5; i++)
		log_event(LOG_EVENT_NONE, LOG_LEVEL_ERROR, "line %d", i);
	(void)capture_text(&capture);
	assert_int_equal(log_recent_read(all), LOG_RECENT_MAX);
	for (int i = 0; i < LOG_RECENT_MAX; i++) {
		snprintf(text, sizeof(text), "line %d", LOG_RECENT_MAX + 4 - i);
		assert_string_equal(all[i].text, text);
	}
}

static void
test_a_long_line_is_cut(void **state)
{
	char text[2 * LOG_RECENT_OCTETS];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_stderr(&capture);
	log_error("%s", text);
	(void)capture_text(&capture);
	assert_int_equal(log_recent_read(all), 1);
	assert_true(strlen(all[0].text) < LOG_RECENT_OCTETS);
	assert_string_equal(all[0].text + strlen(all[0].text) - 4, "x...");
}

static void
warn_of(const char *address)
{
	struct log_record r = { .message = "odd" };

	log_record_address(&r, "sender", address, strlen(address));
	log_record_write(&r, LOG_LEVEL_WARNING);
}

static void
test_what_the_log_hides_is_not_kept(void **state)
{
	(void)state;
	capture_stderr(&capture);
	warn_of("joe@example.com");
	assert_int_equal(log_recent_read(all), 1);
	assert_string_equal(all[0].text, "odd: sender=joe@example.com");
	/* Nor what it had not hidden before. */
	log_set_privacy(LOG_PRIVACY_DROP);
	assert_int_equal(log_recent_read(all), 0);
	warn_of("joe@example.com");
	log_set_privacy(LOG_PRIVACY_DROP);
	(void)capture_text(&capture);
	assert_int_equal(log_recent_read(all), 1);
	assert_string_equal(all[0].text, "odd: sender=*@example.com");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_errors_and_warnings_are_kept_the_newest_first, forget),
		cmocka_unit_test_setup(test_as_many_are_kept_as_there_is_room,
		    forget),
		cmocka_unit_test_setup(test_a_long_line_is_cut, forget),
		cmocka_unit_test_setup(test_what_the_log_hides_is_not_kept,
		    forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
