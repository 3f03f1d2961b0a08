/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: what is written where, and that nothing bends a line. */

#include "unit.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log_priv.h"
#include "base/stats.h"
#include "capture.h"

#define DAEMON_FACILITY (3 << 3)	/* LOG_DAEMON of syslog(3) */

/*
 * Our own connect(2), found by the linker before libc's: what is meant for the
 * syslog daemon comes to a socket of the tests, or finds none.
 */
static const char *socket_name = "/dev/log";
static char	syslog_path[108];
static int	syslog_fd = -1;

__extension__ int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (address->sa_family == AF_UNIX && strcmp(socket_name,
	    ((const struct sockaddr_un *)(const void *)address)->sun_path)
	    == 0) {
		util_copy(sun.sun_path, sizeof(sun.sun_path), syslog_path);
		address = (const struct sockaddr *)&sun;
		len = sizeof(sun);
	}
	return (int)syscall(SYS_connect, fd, address, len);
}

/* A syslog daemon that reads when it is asked to. */
static void
syslog_begin(int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(syslog_path, sizeof(syslog_path), "/tmp/log_test.%ld",
	    (long)getpid());
	util_copy(sun.sun_path, sizeof(sun.sun_path), syslog_path);
	unlink(syslog_path);
	syslog_fd = socket(AF_UNIX, type, 0);
	assert_true(syslog_fd >= 0);
	assert_int_equal(bind(syslog_fd, (struct sockaddr *)&sun,
	    sizeof(sun)), 0);
}

static void
syslog_end(void)
{
	close(syslog_fd);
	unlink(syslog_path);
}

/* The next datagram, or "" if there is none. */
static const char *
syslog_read(void)
{
	static char text[4096];
	ssize_t n = recv(syslog_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
assert_syslog(int priority, const char *text)
{
	const char *line = syslog_read();
	char head[16];
	char tail[400];

	snprintf(head, sizeof(head), "<%d>", priority);
	snprintf(tail, sizeof(tail), " spf-milter[%ld]: %s", (long)getpid(),
	    text);
	assert_memory_equal(line, head, strlen(head));
	/* "Nov  6 08:30:00" */
	assert_true(line[strlen(head) + 3] == ' ' &&
	    line[strlen(head) + 9] == ':' && line[strlen(head) + 12] == ':');
	assert_string_equal(line + strlen(head) + 15, tail);
}

static struct capture err;

static void
put_pair(struct sbuf *out, const char *key, const char *value)
{
	struct log_record r = { .count = 0 };

	log_record_string(&r, key, value);
	log_record_format(&r, out);
}

static int
reset(void **state)
{
	(void)state;
	log_open(LOG_TARGET_STDERR, 0);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_TEXT);
	return 0;
}

static void
test_level_decides_what_is_written(void **state)
{
	(void)state;
	capture_stderr(&err);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	log_write(LOG_LEVEL_DEBUG, "e");
	assert_string_equal(capture_text(&err), "spf-milter: error: a\n"
	    "spf-milter: warning: b\nspf-milter: c\n");

	log_set_level(LOG_LEVEL_ERROR);
	assert_true(log_enabled(LOG_LEVEL_NOTICE));
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_false(log_enabled(LOG_LEVEL_WARNING));
	capture_stderr(&err);
	log_warning("b");
	assert_string_equal(capture_text(&err), "");

	log_set_level(LOG_LEVEL_DEBUG);
	capture_stderr(&err);
	log_debug("%d", 7);
	assert_string_equal(capture_text(&err), "spf-milter: debug: 7\n");
}

static void
test_syslog_gets_facility_priority_and_text(void **state)
{
	(void)state;
	syslog_begin(SOCK_DGRAM);
	capture_stderr(&err);
	log_open(LOG_TARGET_SYSLOG, DAEMON_FACILITY);
	log_info("100%% of %s", "%s%n");
	assert_syslog(DAEMON_FACILITY | 6, "100% of %s%n");
	log_warning("w");
	assert_syslog(DAEMON_FACILITY | 4, "warning: w");
	log_error("e");
	assert_syslog(DAEMON_FACILITY | 3, "error: e");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("d");
	assert_syslog(DAEMON_FACILITY | 7, "debug: d");
	assert_string_equal(syslog_read(), "");
	assert_string_equal(capture_text(&err), "");
	syslog_end();
}

static void
test_another_target_has_the_lines_from_then_on(void **state)
{
	(void)state;
	syslog_begin(SOCK_DGRAM);
	capture_stderr(&err);
	log_info("a");
	log_set_target(LOG_TARGET_SYSLOG, DAEMON_FACILITY);
	log_info("b");
	assert_syslog(DAEMON_FACILITY | 6, "b");
	log_set_target(LOG_TARGET_SYSLOG, 0);
	log_info("c");
	assert_syslog(6, "c");
	log_set_target(LOG_TARGET_STDERR, 0);
	log_info("d");
	assert_string_equal(syslog_read(), "");
	assert_string_equal(capture_text(&err), "spf-milter: a\n"
	    "spf-milter: d\n");
	syslog_end();
}

static void
test_syslog_daemon_that_comes_back_gets_lines_again(void **state)
{
	(void)state;
	syslog_begin(SOCK_DGRAM);
	log_open(LOG_TARGET_SYSLOG, 0);
	syslog_end();
	syslog_begin(SOCK_DGRAM);
	log_info("again");
	assert_syslog(6, "again");
	syslog_end();

	/* Without one nobody waits. */
	log_open(LOG_TARGET_SYSLOG, 0);
	int64_t start_ms = util_now_ms();
	for (int i = 0; i < 1000; i++)
		log_info("lost");
	assert_true(util_now_ms() - start_ms < 5000);
	syslog_begin(SOCK_DGRAM);
	log_info("there");
	assert_syslog(6, "there");
	syslog_end();
}

/* It can be connected to, and takes nothing. */
static void
test_syslog_daemon_that_is_out_of_order_costs_a_line(void **state)
{
	(void)state;
	syslog_begin(SOCK_DGRAM);
	assert_int_equal(shutdown(syslog_fd, SHUT_RD), 0);
	log_open(LOG_TARGET_SYSLOG, 0);
	alarm(20);
	log_info("lost");
	alarm(0);
	syslog_end();
	syslog_begin(SOCK_DGRAM);
	log_info("there");
	assert_syslog(6, "there");
	syslog_end();
}

/* As where a disk is full, and then is not. */
static void
test_line_behind_a_part_of_one_begins_anew(void **state)
{
	(void)state;
	struct rlimit old;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	const struct rlimit few = { 20, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	capture_stderr(&err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	log_info("0123456789");
	log_info("lost");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	log_info("a");
	log_info("b");
	assert_string_equal(capture_text(&err), "spf-milter: 01234567\n"
	    "spf-milter: a\nspf-milter: b\n");
}

static void
test_syslog_stream_gets_a_nul_behind_each_line(void **state)
{
	(void)state;
	char text[400];

	syslog_begin(SOCK_STREAM);
	assert_int_equal(listen(syslog_fd, 1), 0);
	log_open(LOG_TARGET_SYSLOG, 0);
	log_info("a");
	log_info("b");
	int fd = accept(syslog_fd, NULL, NULL);
	ssize_t n = recv(fd, text, sizeof(text), 0);
	close(fd);
	size_t first = strlen(text) + 1;
	assert_true(n > 0 && first < (size_t)n);
	assert_string_equal(text + first - 3, " a");
	assert_string_equal(text + n - 3, " b");
	syslog_end();
}

/* What libmilter calls; <syslog.h> may define it inline. */
void	syslog(int priority, const char *fmt, ...) UTIL_PRINTF(2, 3);

static void
test_syslog_of_libraries_is_our_log(void **state)
{
	(void)state;
	capture_stderr(&err);
	syslog(3, "%s: bad", "x");
	syslog(DAEMON_FACILITY | 4, "w");
	syslog(6, "i");
	syslog(7, "d");
	assert_string_equal(capture_text(&err), "spf-milter: error: x: bad\n"
	    "spf-milter: warning: w\nspf-milter: i\n");
}

/* The queue */

#define MANY 10000		/* lines, more than the queue has room for */

static void
log_many(void)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < MANY; i++)
		log_info("%d %s", i, text);
}

static void
test_queue_writes_all_lines_in_their_order(void **state)
{
	(void)state;
	char want[8192];
	struct sbuf sb;

	sbuf_init(&sb, want, sizeof(want));
	capture_stderr(&err);
	assert_true(log_start());
	for (int i = 0; i < 300; i++) {
		log_info("%d", i);
		sbuf_fmt(&sb, "spf-milter: %d\n", i);
		if (i % 100 == 0)
			poll(NULL, 0, 10);
	}
	log_stop();
	assert_true(sbuf_ok(&sb));
	assert_string_equal(capture_text(&err), want);
}

static int	full_pipe[2];

/* Standard error is a pipe that nobody reads. */
static void
pipe_begin(void)
{
	assert_int_equal(pipe(full_pipe), 0);
	err.saved = dup(STDERR_FILENO);
	assert_true(dup2(full_pipe[1], STDERR_FILENO) >= 0);
	close(full_pipe[1]);
}

static void
pipe_end(void)
{
	assert_true(dup2(err.saved, STDERR_FILENO) >= 0);
	close(err.saved);
	close(full_pipe[0]);
}

/* Lines that came, in order, until MANY have come or are told as dropped. */
static unsigned
read_lines(unsigned *dropped, bool *error)
{
	FILE *in = fdopen(dup(full_pipe[0]), "r");
	char line[400];
	unsigned count = 0;
	int before = -1;
	int number;
	unsigned lost;

	*dropped = 0;
	*error = false;
	while (count + *dropped < MANY &&
	    fgets(line, sizeof(line), in) != NULL) {
		if (sscanf(line, "spf-milter: warning: %u log lines dropped",
		    &lost) == 1) {
			*dropped += lost;
		} else if (strcmp(line, "spf-milter: error: e\n") == 0) {
			*error = true;
		} else {
			assert_int_equal(sscanf(line, "spf-milter: %d xxx",
			    &number), 1);
			assert_true(number > before);
			before = number;
			count++;
		}
	}
	fclose(in);
	return count;
}

static void
test_queue_drops_what_is_not_taken_and_tells_how_much(void **state)
{
	(void)state;
	unsigned dropped;
	bool error;
	uint64_t before = stats_get(STATS_LOG_DROPPED);

	pipe_begin();
	assert_true(log_start());
	log_many();
	log_error("e");
	unsigned count = read_lines(&dropped, &error);
	pipe_end();
	log_stop();
	assert_true(dropped > 0);
	assert_int_equal(count + dropped, MANY);
	assert_int_equal(stats_get(STATS_LOG_DROPPED) - before, dropped);
	/* There is room for what an operator should know. */
	assert_true(error);
}

static void
test_queue_that_nobody_takes_ends_in_time(void **state)
{
	(void)state;
	pipe_begin();
	assert_true(log_start());
	log_many();
	int64_t start_ms = util_now_ms();
	log_stop();
	int64_t took_ms = util_now_ms() - start_ms;
	pipe_end();
	/* One second without progress, of four in all. */
	assert_in_range(took_ms, 0, 3000);
}

/* Ends a child by what; what the child has sent to syslog last. */
static const char *
last_words(void (*end)(void), bool with_queue)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDERR_FILENO);	/* as in the background */
		log_open(LOG_TARGET_SYSLOG, DAEMON_FACILITY);
		if (with_queue)
			log_start();
		log_info("before");
		end();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(syslog_read(), "before"));
	const char *line = strstr(syslog_read(), "]: ");
	assert_non_null(line);
	return line + 3;
}

static void
end_out_of_memory(void)
{
	volatile size_t size = SIZE_MAX;

	free(xreallocarray(NULL, size, 2));
}

static void
end_by_assertion(void)
{
	char text[2];
	struct sbuf sb;

	sbuf_init(&sb, text, 0);
}

static void
end_by_lock(void)
{
	struct lock l = LOCK_INITIALIZER;

	lock_assert_held(&l);
}

static void
test_reason_of_an_abort_is_in_the_log(void **state)
{
	(void)state;
	syslog_begin(SOCK_DGRAM);
	for (int queue = 0; queue < 2; queue++) {
		assert_string_equal(last_words(end_out_of_memory, queue),
		    "error: allocation too large");
		assert_string_equal(last_words(end_by_lock, queue),
		    "error: lock is not held");
		const char *told = last_words(end_by_assertion, queue);
		assert_non_null(strstr(told, "error: "));
		assert_non_null(strstr(told, "util.c:"));
		assert_non_null(strstr(told, "\"size > 0\" does not hold"));
	}
	syslog_end();
}

static void
test_line_loses_its_newline(void **state)
{
	(void)state;
	capture_stderr(&err);
	log_info("a\n");
	log_info("b\r\n\n");
	log_info("%s", "");
	assert_string_equal(capture_text(&err),
	    "spf-milter: a\nspf-milter: b\nspf-milter: \n");
}

static void
test_line_cannot_be_bent(void **state)
{
	(void)state;
	capture_stderr(&err);
	log_info("a\nspf-milter: b\r\x1b[2J\x7f\xc3\xa9\xc2\x9b\tc");
	assert_string_equal(capture_text(&err),
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
	put_pair(&sb, "k", "a\"b\\c\n");
	capture_stderr(&err);
	log_info("%s", text);
	assert_string_equal(capture_text(&err),
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
		capture_stderr(&err);
		log_info("%s", text);
		const char *got = capture_text(&err) + strlen("spf-milter: ");
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
	capture_stderr(&err);
	log_info("%s", text);
	const char *got = capture_text(&err);
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
	put_pair(&sb, "k", text_of);
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
		put_pair(&sb, "k", text);
		assert_string_equal(pair, want);
		capture_stderr(&err);
		log_info("%s", text);
		const char *got = capture_text(&err) + strlen("spf-milter: ");
		size_t len = strlen(got);

		assert_in_range(len, 1980, 2000);
		assert_string_equal(got + len - 4, "...\n");
		assert_memory_equal(got, text, len - 4);
		assert_int_equal((len - 4 - shift) % 3, 0);
	}
}

static void
test_record_is_a_line_of_pairs_in_their_order(void **state)
{
	(void)state;
	struct log_record r = { .count = 0 };
	char id[] = "4bX1";

	log_record_string(&r, "queue_id", id);
	log_record_word(&r, "result", "fail");
	log_record_uint(&r, "level", 0);
	log_record_uint(&r, "most", UINT64_MAX);
	log_record_string(&r, "empty", "");
	log_record_string_if(&r, "none", NULL);
	log_record_string_if(&r, "none", "");
	log_record_string_if(&r, "helo", "a b");
	log_record_text(&r, "rcpt", "u@example.com>", 13);
	log_record_string(&r, "reason", "\xec\x9c\xa0\n\x1b");
	id[0] = '5';			/* borrowed until it is written */
	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_DEBUG);
	log_record_write(&r, LOG_LEVEL_INFO);
	assert_string_equal(capture_text(&err), "spf-milter: queue_id=5bX1 "
	    "result=fail level=0 most=18446744073709551615 empty=\"\" "
	    "helo=\"a b\" rcpt=u@example.com "
	    "reason=\xec\x9c\xa0\\x0a\\x1b\n");
}

/* The longest values of as many pairs as there can be. */
static void
test_record_is_cut_at_the_end_of_the_line(void **state)
{
	(void)state;
	struct log_record r = { .count = 0 };
	char value[LOG_VALUE_MAX + 2];
	char want[2100] = "spf-milter: result=fail";
	size_t len = strlen(want);

	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_record_word(&r, "result", "fail");
	while (r.count < LOG_PAIRS_MAX) {
		log_record_string(&r, "k", value);
		if (len + 206 < sizeof(want))
			len += (size_t)snprintf(want + len, sizeof(want) - len,
			    " k=%.*s...", LOG_VALUE_MAX, value);
	}
	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_INFO);
	const char *got = capture_text(&err);

	len = strlen(got);
	assert_in_range(len, 1990, 2020);
	assert_string_equal(got + len - 4, "...\n");
	assert_memory_equal(got, want, len - 4);
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
	put_pair(&sb, "a", "1");
	put_pair(&sb, "b", "123456");
	assert_string_equal(text, "a=1");
	assert_false(sbuf_ok(&sb));
}

static void
test_record_has_a_message_before_its_pairs(void **state)
{
	(void)state;
	struct log_record r = { .event = LOG_EVENT_DNS,
		.message = "dns: no answer" };

	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_WARNING);
	log_record_string(&r, "name", "a b");
	log_record_uint(&r, "type", 16);
	log_record_write(&r, LOG_LEVEL_WARNING);
	assert_string_equal(capture_text(&err),
	    "spf-milter: warning: dns: no answer\n"
	    "spf-milter: warning: dns: no answer: name=\"a b\" type=16\n");
}

/* JSON */

/* What stands behind the time of the only line. */
static const char *
json_text(void)
{
	static const char form[] =
	    "{\"time\":\"0000-00-00T00:00:00.000Z\",";
	const char *got = capture_text(&err);

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		assert_true(form[i] == got[i] || (form[i] == '0' &&
		    util_is_digit(got[i])));
	return got + sizeof(form) - 1;
}

static void
test_json_has_message_and_pairs_with_their_types(void **state)
{
	(void)state;
	struct log_record r = { .event = LOG_EVENT_MESSAGE };

	log_set_format(LOG_FORMAT_JSON);
	log_record_string(&r, "helo", "a \"b\\\xec\x9c\xa0\n\xff");
	log_record_word(&r, "result", "fail");
	log_record_uint(&r, "lookups", UINT64_MAX);
	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_INFO);
	assert_string_equal(json_text(), "\"severity\":\"info\","
	    "\"event\":\"message\",\"helo\":\"a \\\"b\\\\\\\\\xec\x9c\xa0"
	    "\\\\x0a\\\\xff\",\"result\":\"fail\","
	    "\"lookups\":18446744073709551615}\n");

	capture_stderr(&err);
	log_error("%s", "x \"\x1b\n y");
	assert_string_equal(json_text(), "\"severity\":\"error\","
	    "\"message\":\"x \\\"\\\\x1b\\\\x0a y\"}\n");

	r = (struct log_record){ .event = LOG_EVENT_DNS, .message = "m" };
	log_record_uint(&r, "type", 1);
	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_WARNING);
	assert_string_equal(json_text(), "\"severity\":\"warning\","
	    "\"event\":\"dns\",\"message\":\"m\",\"type\":1}\n");
}

/* The longest values of as many pairs as there can be. */
static void
test_json_that_is_cut_is_an_object_and_says_so(void **state)
{
	(void)state;
	struct log_record r = { .count = 0 };
	char value[LOG_VALUE_MAX + 2];

	log_set_format(LOG_FORMAT_JSON);
	memset(value, '\x01', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	while (r.count < LOG_PAIRS_MAX - 1)
		log_record_string(&r, "k", value);
	log_record_uint(&r, "last", 7);
	capture_stderr(&err);
	log_record_write(&r, LOG_LEVEL_INFO);
	const char *got = json_text();
	size_t len = strlen(got);
	static const char end[] = "\\\\x01...\",\"last\":7,\"cut\":true}\n";

	assert_in_range(len, 2900, 4000);
	assert_string_equal(got + len - strlen(end), end);
}

/* The journal */

static void
journal_begin(void)
{
	socket_name = "/run/systemd/journal/socket";
	syslog_begin(SOCK_DGRAM);
	log_open(LOG_TARGET_JOURNALD, 2 << 3);
}

static void
journal_end(void)
{
	syslog_end();
	socket_name = "/dev/log";
}

static void
test_journal_gets_fields(void **state)
{
	(void)state;
	struct log_record r = { .event = LOG_EVENT_MESSAGE };

	journal_begin();
	log_set_format(LOG_FORMAT_JSON);	/* which is for others */
	log_record_string(&r, "queue_id", "4b\nPRIORITY=0");
	log_record_word(&r, "result", "fail");
	log_record_uint(&r, "level", 3);
	log_record_write(&r, LOG_LEVEL_INFO);
	assert_string_equal(syslog_read(), "MESSAGE=queue_id=\""
	    "4b\\x0aPRIORITY=0\" result=fail level=3\nPRIORITY=6\n"
	    "SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=spf-milter\n"
	    "MESSAGE_ID=9f7c04809fc042feb92ef697319ca522\n"
	    "SPF_EVENT=message\nSPF_QUEUE_ID=4b\\x0aPRIORITY=0\n"
	    "SPF_RESULT=fail\nSPF_LEVEL=3\n");
	log_error("e");
	assert_string_equal(syslog_read(), "MESSAGE=error: e\nPRIORITY=3\n"
	    "SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=spf-milter\n");
	journal_end();
}

static void
test_journal_that_comes_back_gets_lines_again(void **state)
{
	(void)state;
	journal_begin();
	journal_end();
	journal_begin();
	syslog_end();
	syslog_begin(SOCK_DGRAM);
	log_info("again");
	assert_non_null(strstr(syslog_read(), "MESSAGE=again\n"));
	journal_end();
}

/* Repeats */

static unsigned
take_many(const char *kind, int64_t now_ms)
{
	unsigned taken = 0;

	for (int i = 0; i < 100; i++)
		taken += log_limit_takes(kind, now_ms);
	return taken;
}

static void
test_repeats_are_told_at_the_end_of_their_minute(void **state)
{
	(void)state;
	static const char kind[] = "a kind";
	static const char other[] = "another";
	const int64_t now_ms = util_now_ms() + 10 * LOG_LIMIT_MS;
	char text[200];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	while (log_limit_tell(now_ms - 1, false, &sb))
		;
	assert_int_equal(take_many(kind, now_ms), LOG_LIMIT_LINES);
	log_limit_call(kind, "dns: 1");
	assert_true(log_limit_takes(other, now_ms + 1));
	assert_int_equal(log_limit_due(), now_ms + LOG_LIMIT_MS);
	sbuf_init(&sb, text, sizeof(text));
	assert_false(log_limit_tell(now_ms + LOG_LIMIT_MS - 1, false, &sb));
	assert_true(log_limit_tell(now_ms + LOG_LIMIT_MS, false, &sb));
	assert_string_equal(text, "94 more lines suppressed like: dns: 1");
	assert_false(log_limit_tell(now_ms + LOG_LIMIT_MS, false, &sb));
	assert_int_equal(log_limit_due(), now_ms + LOG_LIMIT_MS + 1);
	assert_false(log_limit_tell(now_ms + LOG_LIMIT_MS + 1, false, &sb));
	assert_true(log_limit_due() == INT64_MAX);

	/* The next minute begins with the next line, told or not. */
	const int64_t next_ms = now_ms + 2 * LOG_LIMIT_MS;
	assert_int_equal(take_many(kind, next_ms), LOG_LIMIT_LINES);
	assert_int_equal(take_many(kind, next_ms + LOG_LIMIT_MS),
	    LOG_LIMIT_LINES);
	sbuf_init(&sb, text, sizeof(text));
	assert_true(log_limit_tell(next_ms + LOG_LIMIT_MS, true, &sb));
	assert_string_equal(text, "188 more lines suppressed like: dns: 1");
	assert_true(log_limit_due() == INT64_MAX);
}

static void
test_flood_of_one_kind_is_a_few_lines(void **state)
{
	(void)state;
	uint64_t before = stats_get(STATS_LOG_SUPPRESSED);
	struct log_record r = { .message = "of a record" };

	capture_stderr(&err);
	assert_true(log_start());
	for (int i = 0; i < 1000; i++) {
		log_warning("flood %d", i);
		log_record_write(&r, LOG_LEVEL_ERROR);
	}
	for (int i = 0; i < 20; i++)
		log_event(LOG_EVENT_RELOAD, LOG_LEVEL_ERROR, "told %d", i);
	log_stop();
	const char *got = capture_text(&err);
	assert_non_null(strstr(got, "warning: flood 5\n"));
	assert_null(strstr(got, "flood 6"));
	assert_non_null(strstr(got, "error: told 19\n"));
	assert_non_null(strstr(got,
	    "warning: 994 more lines suppressed like: flood 5\n"));
	assert_non_null(strstr(got,
	    "warning: 994 more lines suppressed like: of a record\n"));
	assert_int_equal(stats_get(STATS_LOG_SUPPRESSED) - before, 1988);
}

/* Personal data */

#define DAY_MS INT64_C(86400000)

static const char *
hidden(const char *address, int64_t time_ms)
{
	static char text[LOG_PRIVACY_OCTETS];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_privacy_put(&sb, address, strlen(address), time_ms);
	return text;
}

static const char *
hidden_name(const char *name)
{
	static char text[LOG_PRIVACY_OCTETS];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	log_privacy_put_name(&sb, name);
	return text;
}

static void
test_hash_of_a_person_is_another_one_each_day(void **state)
{
	(void)state;
	log_set_privacy(LOG_PRIVACY_HASH);
	char first[LOG_PRIVACY_OCTETS];

	util_copy(first, sizeof(first), hidden("u@example.com", 0));
	assert_string_equal(hidden("U@EXAMPLE.com", DAY_MS - 1) + 13,
	    "@EXAMPLE.com");
	assert_memory_equal(hidden("U@EXAMPLE.com", DAY_MS - 1), first, 13);
	assert_memory_not_equal(hidden("u@example.net", 0), first, 13);
	assert_memory_not_equal(hidden("u@example.com", DAY_MS), first, 13);
	/* The key of a day that is over is gone. */
	assert_memory_not_equal(hidden("u@example.com", 0), first, 13);
	log_set_privacy(LOG_PRIVACY_NONE);
}

static void
test_a_line_from_before_midnight_does_not_change_the_key(void **state)
{
	(void)state;
	log_set_privacy(LOG_PRIVACY_HASH);
	char first[LOG_PRIVACY_OCTETS];

	util_copy(first, sizeof(first), hidden("u@example.com", 7 * DAY_MS));
	assert_memory_equal(hidden("u@example.com", 7 * DAY_MS - 1), first,
	    13);
	assert_memory_equal(hidden("u@example.com", 7 * DAY_MS), first, 13);
	/* A clock that was wrong is corrected. */
	assert_memory_not_equal(hidden("u@example.com", 0), first, 13);
	log_set_privacy(LOG_PRIVACY_NONE);
}

static void
test_nothing_of_a_local_part_is_left(void **state)
{
	(void)state;
	log_set_privacy(LOG_PRIVACY_DROP);
	assert_string_equal(hidden("u@example.com", 0), "*@example.com");
	assert_string_equal(hidden("\"a@b\"@example.com", 0),
	    "*@example.com");
	assert_string_equal(hidden("@r.example:u@example.com", 0),
	    "*@example.com");
	assert_string_equal(hidden("u", 0), "*");
	assert_string_equal(hidden("<u@example.com>u", 0), "*");
	assert_string_equal(hidden("u@example.com@", 0), "*@");
	assert_string_equal(hidden_name("u.a.example.com"), "*.example.com");
	assert_string_equal(hidden_name("example.com"), "example.com");
	assert_string_equal(hidden_name("u@a.example.com"), "*.example.com");
	/* What HELO may have brought. */
	assert_string_equal(hidden_name("u@example.com"), "*@example.com");
	assert_string_equal(hidden_name("a.b@c.u@example"), "*@example");
	log_set_privacy(LOG_PRIVACY_NONE);
}

static void
test_pause_passes_once_an_interval(void **state)
{
	(void)state;
	static struct log_pause pause;
	const int64_t hour_ms = 3600000;

	assert_true(log_is_due(&pause, hour_ms));
	for (int i = 0; i < 3; i++)
		assert_false(log_is_due(&pause, hour_ms));
	pause.next_ms = util_now_ms();	/* the hour is over */
	assert_true(log_is_due(&pause, hour_ms));
	assert_false(log_is_due(&pause, hour_ms));
	assert_true(pause.next_ms > util_now_ms() + hour_ms / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_level_decides_what_is_written,
		    reset),
		cmocka_unit_test_setup(
		    test_syslog_gets_facility_priority_and_text, reset),
		cmocka_unit_test_setup(
		    test_another_target_has_the_lines_from_then_on, reset),
		cmocka_unit_test_setup(
		    test_syslog_daemon_that_comes_back_gets_lines_again,
		    reset),
		cmocka_unit_test_setup(
		    test_syslog_daemon_that_is_out_of_order_costs_a_line,
		    reset),
		cmocka_unit_test_setup(
		    test_line_behind_a_part_of_one_begins_anew, reset),
		cmocka_unit_test_setup(
		    test_syslog_stream_gets_a_nul_behind_each_line, reset),
		cmocka_unit_test_setup(test_syslog_of_libraries_is_our_log,
		    reset),
		cmocka_unit_test_setup(
		    test_queue_writes_all_lines_in_their_order, reset),
		cmocka_unit_test_setup(
		    test_queue_drops_what_is_not_taken_and_tells_how_much,
		    reset),
		cmocka_unit_test_setup(
		    test_queue_that_nobody_takes_ends_in_time, reset),
		cmocka_unit_test_setup(test_reason_of_an_abort_is_in_the_log,
		    reset),
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
		cmocka_unit_test(test_record_is_a_line_of_pairs_in_their_order),
		cmocka_unit_test(test_record_is_cut_at_the_end_of_the_line),
		cmocka_unit_test(test_pair_cuts_a_long_value),
		cmocka_unit_test(test_pair_that_does_not_fit_leaves_no_part),
		cmocka_unit_test_setup(
		    test_record_has_a_message_before_its_pairs, reset),
		cmocka_unit_test_setup(
		    test_json_has_message_and_pairs_with_their_types, reset),
		cmocka_unit_test_setup(
		    test_json_that_is_cut_is_an_object_and_says_so, reset),
		cmocka_unit_test_setup(test_journal_gets_fields, reset),
		cmocka_unit_test_setup(
		    test_journal_that_comes_back_gets_lines_again, reset),
		cmocka_unit_test_setup(
		    test_repeats_are_told_at_the_end_of_their_minute, reset),
		cmocka_unit_test_setup(test_flood_of_one_kind_is_a_few_lines,
		    reset),
		cmocka_unit_test(test_hash_of_a_person_is_another_one_each_day),
		cmocka_unit_test(
		    test_a_line_from_before_midnight_does_not_change_the_key),
		cmocka_unit_test(test_nothing_of_a_local_part_is_left),
		cmocka_unit_test(test_pause_passes_once_an_interval),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
