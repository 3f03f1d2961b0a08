/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: what is written where, and that nothing bends a line. */

#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "log.h"

#define DAEMON_FACILITY (3 << 3)	/* LOG_DAEMON of syslog(3) */

/*
 * Our own syslog(3), found by the linker before libc's: the tests see what
 * would be sent.  <syslog.h> stays out, since it may define it inline.
 * __syslog_chk is what glibc's _FORTIFY_SOURCE makes of a call.
 */
static char	syslog_text[4096];
static int	syslog_priority = -1;
static int	syslog_facility = -1;

void	openlog(const char *ident, int option, int facility);
void	syslog(int priority, const char *fmt, ...) UTIL_PRINTF(2, 3);
void	__syslog_chk(int priority, int flag, const char *fmt, ...)
	    UTIL_PRINTF(3, 4);

void
openlog(const char *ident, int option, int facility)
{
	(void)option;
	assert_string_equal(ident, "spf-milter");
	syslog_facility = facility;
}

void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	syslog_priority = priority;
	va_start(ap, fmt);
	vsnprintf(syslog_text, sizeof(syslog_text), fmt, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	syslog_priority = priority;
	va_start(ap, fmt);
	vsnprintf(syslog_text, sizeof(syslog_text), fmt, ap);
	va_end(ap);
}

/* Standard error goes to a file between these two. */
static FILE	*capture;
static int	 saved_stderr;

static void
capture_begin(void)
{
	capture = tmpfile();
	assert_non_null(capture);
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static const char *
capture_end(void)
{
	static char text[8192];

	fflush(stderr);
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	rewind(capture);
	size_t n = fread(text, 1, sizeof(text) - 1, capture);
	text[n] = '\0';
	fclose(capture);
	return text;
}

static int
reset(void **state)
{
	(void)state;
	log_open(LOG_TARGET_STDERR, 0);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static void
test_level_decides_what_is_written(void **state)
{
	(void)state;
	capture_begin();
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	log_write(LOG_LEVEL_DEBUG, "e");
	assert_string_equal(capture_end(), "spf-milter: error: a\n"
	    "spf-milter: warning: b\nspf-milter: c\n");

	log_set_level(LOG_LEVEL_ERROR);
	assert_true(log_enabled(LOG_LEVEL_NOTICE));
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_WARNING));
	capture_begin();
	log_warning("b");
	assert_string_equal(capture_end(), "");

	log_set_level(LOG_LEVEL_DEBUG);
	capture_begin();
	log_debug("%d", 7);
	assert_string_equal(capture_end(), "spf-milter: debug: 7\n");
}

static void
test_syslog_gets_facility_priority_and_text(void **state)
{
	(void)state;
	capture_begin();
	log_open(LOG_TARGET_SYSLOG, DAEMON_FACILITY);
	assert_int_equal(syslog_facility, DAEMON_FACILITY);
	log_info("100%% of %s", "%s%n");
	assert_string_equal(syslog_text, "100% of %s%n");
	assert_int_equal(syslog_priority, 6);
	log_warning("w");
	assert_string_equal(syslog_text, "warning: w");
	assert_int_equal(syslog_priority, 4);
	log_error("e");
	assert_int_equal(syslog_priority, 3);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d");
	assert_int_equal(syslog_priority, 7);
	assert_string_equal(capture_end(), "");
}

static void
test_line_loses_its_newline(void **state)
{
	(void)state;
	capture_begin();
	log_info("a\n");
	log_info("b\r\n\n");
	log_info("%s", "");
	assert_string_equal(capture_end(),
	    "spf-milter: a\nspf-milter: b\nspf-milter: \n");
}

static void
test_line_cannot_be_bent(void **state)
{
	(void)state;
	capture_begin();
	log_info("a\nspf-milter: b\r\x1b[2J\x7f\xc3\xa9\xc2\x9b\tc");
	assert_string_equal(capture_end(),
	    "spf-milter: a\\x0aspf-milter: b\\x0d\\x1b[2J\\x7f\xc3\xa9"
	    "\\xc2\\x9b\\x09c\n");
}

static void
test_line_keeps_the_escapes_of_pairs(void **state)
{
	(void)state;
	char text[64];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_pair(&sb, "k", "a\"b\\c\n");
	capture_begin();
	log_info("%s", text);
	assert_string_equal(capture_end(),
	    "spf-milter: k=\"a\\\"b\\\\c\\x0a\"\n");
}

static void
test_long_line_is_cut_between_escapes(void **state)
{
	(void)state;
	/* Moves the cut over every place of a unit of text. */
	for (int shift = 0; shift < 8; shift++) {
		char text[4000];
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		for (int i = 0; i < shift; i++)
			sbuf_char(&sb, '.');
		for (int i = 0; i < 600; i++)
			sbuf_str(&sb, "\\x0a\\\\");
		assert_true(sbuf_ok(&sb));
		capture_begin();
		log_info("%s", text);
		const char *got = capture_end() + strlen("spf-milter: ");
		size_t len = strlen(got);

		assert_in_range(len, 1980, 2000);
		assert_string_equal(got + len - 4, "...\n");
		assert_memory_equal(got, text, len - 4);
		size_t units = len - 4 - (size_t)shift;
		assert_true(units % 6 == 0 || units % 6 == 4);
	}
}

static void
test_long_line_of_controls_is_cut(void **state)
{
	(void)state;
	char text[6000];

	memset(text, '\x1b', sizeof(text));
	text[sizeof(text) - 2] = 'x';
	text[sizeof(text) - 1] = '\0';
	capture_begin();
	log_info("%s", text);
	const char *got = capture_end();
	size_t len = strlen(got);

	assert_true(len <= 2020);
	assert_ptr_equal(strchr(got, '\n'), got + len - 1);
	assert_string_equal(got + len - 8, "\\x1b...\n");
}

static void
assert_pair(const char *value, size_t len, const char *want)
{
	char text[1024];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	char *text_of = xstrndup(value, len);
	log_pair(&sb, "k", text_of);
	free(text_of);
	assert_true(sbuf_ok(&sb));
	assert_string_equal(text, want);
}

static void
test_pair_escapes_the_value(void **state)
{
	(void)state;
	assert_pair("example.com", 11, "k=example.com");
	assert_pair("", 0, "k=\"\"");
	assert_pair("a b", 3, "k=\"a b\"");
	assert_pair("a=b", 3, "k=\"a=b\"");
	assert_pair("a\"b", 3, "k=\"a\\\"b\"");
	assert_pair("a\\b", 3, "k=\"a\\\\b\"");
	assert_pair("\r\n\t\x1b\x7f\x80\xff", 7,
	    "k=\\x0d\\x0a\\x09\\x1b\\x7f\\x80\\xff");
	assert_pair("<a@b>;(,)'", 10, "k=<a@b>;(,)'");
	assert_pair("\xec\x9c\xa0@b\xc3\xbc.example", 15,
	    "k=\xec\x9c\xa0@b\xc3\xbc.example");
	assert_pair("\xec\x9c\xa0 \xe2\x80\xae\xc3", 8,
	    "k=\"\xec\x9c\xa0 \\xe2\\x80\\xae\\xc3\"");
}

/* Moves the cut over every place of a character. */
static void
test_cuts_leave_characters_whole(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		char text[3000];
		char pair[1024];
		char want[1024];
		struct sbuf sb;

		sbuf_init(&sb, text, sizeof(text));
		sbuf_add(&sb, "..", shift);
		while (sbuf_ok(&sb))
			sbuf_str(&sb, "\xec\x9c\xa0");
		size_t whole = shift + (LOG_VALUE_MAX - shift) / 3 * 3;

		snprintf(want, sizeof(want), "k=%.*s...", (int)whole, text);
		sbuf_init(&sb, pair, sizeof(pair));
		log_pair(&sb, "k", text);
		assert_string_equal(pair, want);
		capture_begin();
		log_info("%s", text);
		const char *got = capture_end() + strlen("spf-milter: ");
		size_t len = strlen(got);

		assert_in_range(len, 1980, 2000);
		assert_string_equal(got + len - 4, "...\n");
		assert_memory_equal(got, text, len - 4);
		assert_int_equal((len - 4 - shift) % 3, 0);
	}
}

static void
test_pair_separates_by_one_blank(void **state)
{
	(void)state;
	char text[64];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_pair(&sb, "a", "1");
	log_pair(&sb, "b", "2 3");
	log_pair(&sb, "c", "");
	assert_string_equal(text, "a=1 b=\"2 3\" c=\"\"");
}

static void
test_pair_cuts_a_long_value(void **state)
{
	(void)state;
	char value[LOG_VALUE_MAX + 2];
	char want[1024];
	struct sbuf sb;

	memset(value, 'a', sizeof(value));
	sbuf_init(&sb, want, sizeof(want));
	sbuf_str(&sb, "k=");
	sbuf_add(&sb, value, LOG_VALUE_MAX);
	assert_pair(value, LOG_VALUE_MAX, want);
	sbuf_str(&sb, "...");
	assert_pair(value, LOG_VALUE_MAX + 1, want);

	/* The quotes enclose the dots, the worst case fits. */
	memset(value, '\n', sizeof(value));
	value[0] = ' ';
	sbuf_init(&sb, want, sizeof(want));
	sbuf_str(&sb, "k=\" ");
	for (int i = 1; i < LOG_VALUE_MAX; i++)
		sbuf_str(&sb, "\\x0a");
	sbuf_str(&sb, "...\"");
	assert_pair(value, LOG_VALUE_MAX + 2, want);
}

static void
test_pair_that_does_not_fit_leaves_no_part(void **state)
{
	(void)state;
	char text[12];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_pair(&sb, "a", "1");
	log_pair(&sb, "b", "123456");
	assert_string_equal(text, "a=1");
	assert_false(sbuf_ok(&sb));
}

static void
test_limit_passes_once_an_interval_and_counts(void **state)
{
	(void)state;
	static struct log_limit limit;
	const int64_t hour_ms = 3600000;
	unsigned suppressed = 99;

	assert_true(log_limit_pass(&limit, hour_ms, &suppressed));
	assert_int_equal(suppressed, 0);
	for (int i = 0; i < 3; i++)
		assert_false(log_limit_pass(&limit, hour_ms, &suppressed));

	limit.next_ms = util_now_ms();	/* the hour is over */
	assert_true(log_limit_pass(&limit, hour_ms, &suppressed));
	assert_int_equal(suppressed, 3);
	assert_false(log_limit_pass(&limit, hour_ms, &suppressed));
	assert_true(limit.next_ms > util_now_ms() + hour_ms / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_level_decides_what_is_written,
		    reset),
		cmocka_unit_test_setup(
		    test_syslog_gets_facility_priority_and_text, reset),
		cmocka_unit_test_setup(test_line_loses_its_newline, reset),
		cmocka_unit_test_setup(test_line_cannot_be_bent, reset),
		cmocka_unit_test_setup(test_line_keeps_the_escapes_of_pairs,
		    reset),
		cmocka_unit_test_setup(test_long_line_is_cut_between_escapes,
		    reset),
		cmocka_unit_test_setup(test_long_line_of_controls_is_cut,
		    reset),
		cmocka_unit_test(test_pair_escapes_the_value),
		cmocka_unit_test(test_cuts_leave_characters_whole),
		cmocka_unit_test(test_pair_separates_by_one_blank),
		cmocka_unit_test(test_pair_cuts_a_long_value),
		cmocka_unit_test(test_pair_that_does_not_fit_leaves_no_part),
		cmocka_unit_test(test_limit_passes_once_an_interval_and_counts),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
