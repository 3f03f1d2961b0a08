/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "mail/session.h"
#include "tool/dryrun.h"
#include "capture.h"
#include "fake_dns.h"

static const char zone[] =
    "pass.example.com. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "fail.example.com. TXT \"v=spf1 -all exp=e.example.com\"\n"
    "e.example.com. TXT \"one line\"\n"
    "temperror.example.com. SERVFAIL\n"
    "odd.example.com. TXT \"v=spf1 \\\\ \\228 -all\"\n";

struct fixture {
	struct dns	*dns;
	struct flights	*flights;
	struct session_env env;
	struct conf	*conf;
	char		*out;		/* what the last run printed */
	struct capture	 err;	/* and on standard error */
};

static int
setup(void **state)
{
	static const struct dns_options options = {
		.query_timeout_ms = 4000,
		.cache_size = 1 << 20,
	};
	static const struct flight_options flights = {
		.threads = 1,
		.max_in_flight = 10,
	};
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct diag d;

	diag_init(&d);
	struct dns_backend *backend = fake_zone_new(zone, &d);
	assert_non_null(backend);
	f->dns = dns_new_backend(backend, &options);
	assert_non_null(f->dns);
	f->flights = flights_new(f->dns, &flights);
	assert_non_null(f->flights);
	f->env.flights = f->flights;
	f->env.hostname = "mx.example.org";
	f->conf = conf_load(NULL, NULL, &d);
	assert_non_null(f->conf);
	diag_fini(&d);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	flights_free(f->flights);
	dns_free(f->dns);
	conf_release(f->conf);
	free(f->out);
	free(f);
	return 0;
}

static enum dryrun_status
one(struct fixture *f, const struct dryrun_transaction *t, bool json)
{
	size_t size;

	free(f->out);
	FILE *out = open_memstream(&f->out, &size);
	assert_non_null(out);
	capture_stderr(&f->err);
	enum dryrun_status status = dryrun_one(&f->env, f->conf, t, json,
	    out);
	(void)capture_text(&f->err);
	fclose(out);
	return status;
}

static enum dryrun_status
lines_of(struct fixture *f, const char *text, size_t len, bool json)
{
	size_t size;

	free(f->out);
	FILE *in = tmpfile();
	FILE *out = open_memstream(&f->out, &size);
	assert_non_null(in);
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, in), len);
	rewind(in);
	capture_stderr(&f->err);
	enum dryrun_status status = dryrun_lines(&f->env, f->conf, in,
	    "test", json, out);
	(void)capture_text(&f->err);
	fclose(in);
	fclose(out);
	return status;
}

static enum dryrun_status
lines(struct fixture *f, const char *text)
{
	return lines_of(f, text, strlen(text), false);
}

static void
assert_out(const struct fixture *f, const char *part)
{
	if (strstr(f->out, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, f->out);
}

static void
test_one_accepted_transaction_shows_the_field(void **state)
{
	struct fixture *f = *state;
	const struct dryrun_transaction t = {
		.ip = "192.0.2.1",
		.helo = "mail.example.net",
		.sender = "u@pass.example.com",
	};

	assert_int_equal(one(f, &t, false), DRYRUN_ACCEPT);
	assert_out(f, "client=192.0.2.1 helo=mail.example.net "
	    "sender=u@pass.example.com rcpt=postmaster@mx.example.org\n");
	assert_out(f, "\n  mailfrom: pass, u@pass.example.com\n"
	    "    mechanism: +ip4:192.0.2.1\n"
	    "    record of pass.example.com: v=spf1 ip4:192.0.2.1 -all\n");
	assert_out(f, "\n  RCPT TO: ok\n  end of message: ok\n"
	    "  + Received-SPF: pass ");
	assert_out(f, "\n  => accept\n");
	assert_string_equal(f->err.text, "");
}

static void
test_reply_is_shown_as_the_client_reads_it(void **state)
{
	struct fixture *f = *state;
	const struct dryrun_transaction t = {
		.ip = "192.0.2.9",
		.helo = "-",
		.sender = "<u@fail.example.com>",
		.rcpt = "user@example.org",
	};

	assert_int_equal(one(f, &t, false), DRYRUN_REJECT);
	assert_out(f, "\n  RCPT TO: 550-5.7.23 ");
	assert_out(f, "\n  RCPT TO: 550-5.7.23 The domain fail.example.com "
	    "explains:\n  RCPT TO: 550 5.7.23 one line\n  => reject\n");
	assert_null(strstr(f->out, "HELO"));
	assert_null(strstr(f->out, "  + "));
}

static void
test_empty_sender_is_the_null_sender(void **state)
{
	struct fixture *f = *state;
	const struct dryrun_transaction t = {
		.ip = "192.0.2.9",
		.helo = "temperror.example.com",
		.sender = "",
	};

	assert_int_equal(one(f, &t, false), DRYRUN_TEMPFAIL);
	assert_out(f, "sender=<> ");
	assert_out(f, "\n  mailfrom: temperror, "
	    "postmaster@temperror.example.com\n");
}

static void
test_bad_address_is_told_and_nothing_printed(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "", "192.0.2", "192.0.2.1/24",
		"::1%lo", "[::1]", "mail.example.com", " 192.0.2.1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dryrun_transaction t = {
			.ip = bad[i],
			.helo = "mail.example.net",
			.sender = "u@pass.example.com",
		};

		assert_int_equal(one(f, &t, false), DRYRUN_BAD_OPTION);
		assert_string_equal(f->out, "");
		assert_non_null(strstr(f->err.text, ": not an IPv4 or IPv6"));
	}
	struct dryrun_transaction t = { .ip = "a b\n", .helo = "-",
		.sender = "u@pass.example.com" };
	one(f, &t, false);
	assert_string_equal(f->err.text, "spf-milter: --ip=\"a b\\x0a\": not "
	    "an IPv4 or IPv6 address\n");
}

static void
test_lines_give_the_highest_status(void **state)
{
	struct fixture *f = *state;
	static const char pass[] = "192.0.2.1 - u@pass.example.com\n";
	static const char fail[] = "192.0.2.1 - u@fail.example.com\n";
	static const char temp[] = "192.0.2.1 - u@temperror.example.com\n";
	char text[400];
	struct sbuf sb;

	assert_int_equal(lines(f, ""), DRYRUN_ACCEPT);
	assert_int_equal(lines(f, pass), DRYRUN_ACCEPT);
	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "%s%s%s", pass, fail, pass);
	assert_int_equal(lines(f, text), DRYRUN_REJECT);
	sbuf_fmt(&sb, "%s%s", temp, fail);
	assert_int_equal(lines(f, text), DRYRUN_TEMPFAIL);
	sbuf_fmt(&sb, "x\n%s", temp);
	assert_int_equal(lines(f, text), DRYRUN_BAD_INPUT);
}

static void
test_bad_lines_are_numbered_and_do_not_end_the_run(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "# comment\n\n"
	    "192.0.2.1 mail.example.net\n"
	    "192.0.2.1\n"
	    "192.0.2.300 mail.example.net u@pass.example.com\n"
	    "192.0.2.1 a b c d\n"
	    "192.0.2.1 a\0b c\n"
	    "\0\n"
	    " \t192.0.2.1\t-  <u@pass.example.com>\t \r\n"
	    "192.0.2.1 - u@fail.example.com";

	assert_int_equal(lines_of(f, text, sizeof(text) - 1, false),
	    DRYRUN_BAD_INPUT);
	assert_string_equal(f->err.text,
	    "test:3: the sender is missing; a line is: ip helo sender [rcpt]\n"
	    "test:4: helo and sender are missing; a line is: "
	    "ip helo sender [rcpt]\n"
	    "test:5: ip=192.0.2.300: not an IPv4 or IPv6 address\n"
	    "test:6: more than four words; a line is: ip helo sender [rcpt]\n"
	    "test:7: NUL octet\n"
	    "test:8: NUL octet\n");
	assert_out(f, "=> accept\n");
	assert_out(f, "=> reject\n");
}

static void
test_brackets_may_hold_blanks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lines(f, "192.0.2.1 - <\"a > b\"@pass.example.com> "
	    "<\"x y\"@example.org>\n"), DRYRUN_BAD_INPUT);
	assert_int_equal(lines(f, "192.0.2.1 - <\"a b\"@pass.example.com> "
	    "<\"x y\"@example.org>\n"), DRYRUN_ACCEPT);
	assert_out(f, "rcpt=\"<\\\"x y\\\"@example.org>\"");
	assert_int_equal(lines(f, "192.0.2.1 - <u@pass.example.com\n"),
	    DRYRUN_ACCEPT);
}

static char *
long_line(size_t octets)
{
	char *text = xcalloc(octets + 60, 1);
	struct sbuf sb;

	sbuf_init(&sb, text, octets + 60);
	sbuf_str(&sb, "192.0.2.1 - ");
	for (size_t i = 0; i < octets; i++)
		sbuf_char(&sb, 'a');
	sbuf_str(&sb, "@pass.example.com\n");
	return text;
}

static void
test_long_lines_are_fine_up_to_their_limit(void **state)
{
	struct fixture *f = *state;
	char *text = long_line(100000);

	assert_int_equal(lines(f, text), DRYRUN_ACCEPT);
	free(text);
	text = long_line(1 << 20);
	assert_int_equal(lines(f, text), DRYRUN_BAD_INPUT);
	assert_string_equal(f->err.text, "test:1: line too long\n");
	assert_string_equal(f->out, "");
	free(text);
}

static void
test_unreadable_input_is_bad_input(void **state)
{
	struct fixture *f = *state;
	FILE *in = fopen("/", "r");

	assert_non_null(in);
	capture_stderr(&f->err);
	assert_int_equal(dryrun_lines(&f->env, f->conf, in, "dir", false,
	    stdout), DRYRUN_BAD_INPUT);
	(void)capture_text(&f->err);
	assert_int_equal(strncmp(f->err.text, "dir: ", 5), 0);
	fclose(in);
}

static void
test_text_escapes_what_is_not_printable(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(lines(f, "192.0.2.1 h\x1b[2J.example.net "
	    "\xff@odd.example.com\n"), DRYRUN_ACCEPT);
	assert_out(f, "  helo: none, h\\x1b[2J.example.net\n");
	assert_out(f, "  mailfrom: permerror, \\xff@odd.example.com\n");
	assert_out(f, "record of odd.example.com: v=spf1 \\\\ \\xe4 -all\n");
	for (const char *p = f->out; *p != '\0'; p++)
		assert_true(*p == '\n' || *p == '\t' || util_is_print(*p));
}

static void
test_json_is_one_ascii_object_a_line(void **state)
{
	struct fixture *f = *state;
	static const char text[] =
	    "192.0.2.1 mail.example.net u@pass.example.com\n"
	    "192.0.2.1 - \xff\\@odd.example.com\n"
	    "192.0.2.1 - \xc3\xa9@fail.example.com\n"
	    "- - <>\n";
	static const char *const actions[] = { "accept", "accept", "reject",
		"accept" };
	size_t count = 0;

	assert_int_equal(lines_of(f, text, sizeof(text) - 1, true),
	    DRYRUN_REJECT);
	for (const char *p = f->out; *p != '\0'; p = strchr(p, '\n') + 1) {
		size_t len = strcspn(p, "\n");
		json_t *object = json_loadb(p, len, 0, NULL);

		for (size_t i = 0; i < len; i++)
			assert_true(util_is_print(p[i]));
		assert_non_null(object);
		assert_string_equal(json_string_value(json_object_get(object,
		    "action")), actions[count++]);
		json_decref(object);
	}
	assert_int_equal(count, 4);
}

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *
json_line(struct fixture *f, const char *line)
{
	lines_of(f, line, strlen(line), true);
	json_t *object = json_loads(f->out, 0, NULL);
	assert_non_null(object);
	return object;
}

static void
test_json_tells_all_of_a_refusal(void **state)
{
	struct fixture *f = *state;
	json_t *o = json_line(f, "192.0.2.9 mail.example.net "
	    "u@fail.example.com user@example.org\n");
	const json_t *check = json_object_get(o, "mailfrom_check");
	const json_t *stages = json_object_get(o, "stages");
	const json_t *rcpt = json_array_get(stages, 3);
	const json_t *reply = json_object_get(rcpt, "reply");

	assert_string_equal(text_of(o, "client"), "192.0.2.9");
	assert_string_equal(text_of(o, "helo"), "mail.example.net");
	assert_string_equal(text_of(o, "sender"), "u@fail.example.com");
	assert_string_equal(text_of(o, "rcpt"), "user@example.org");
	assert_true(json_is_null(json_object_get(o, "skipped")));
	assert_string_equal(text_of(check, "result"), "fail");
	assert_string_equal(text_of(check, "action"), "reject");
	assert_string_equal(text_of(check, "mechanism"), "-all");
	assert_string_equal(text_of(check, "explanation"), "one line");
	assert_string_equal(text_of(check, "explanation_domain"),
	    "fail.example.com");
	assert_int_equal(json_integer_value(json_object_get(check, "level")),
	    3);
	assert_int_equal(json_array_size(stages), 4);
	assert_string_equal(text_of(rcpt, "stage"), "rcpt");
	assert_int_equal(json_array_size(reply), 3);
	assert_string_equal(json_string_value(json_array_get(reply, 2)),
	    "550 5.7.23 one line");
	assert_int_equal(json_array_size(json_object_get(o, "headers")), 0);
	json_decref(o);
}

static void
test_json_tells_why_nothing_was_checked(void **state)
{
	struct fixture *f = *state;
	json_t *o = json_line(f, "127.0.0.1 localhost u@fail.example.com\n");

	assert_string_equal(text_of(o, "skipped"),
	    "client in a trusted network");
	assert_true(json_is_null(json_object_get(o, "helo_check")));
	assert_true(json_is_null(json_object_get(o, "mailfrom_check")));
	json_decref(o);
}

static void
test_json_makes_octets_safe(void **state)
{
	struct fixture *f = *state;
	json_t *o = json_line(f, "192.0.2.1 - \xff\\@odd.example.com\n");

	assert_string_equal(text_of(o, "sender"),
	    "\\xff\\\\@odd.example.com");
	json_decref(o);
	o = json_line(f, "192.0.2.1 - \xc3\xa9\\@odd.example.com\n");
	assert_string_equal(text_of(o, "sender"),
	    "\xc3\xa9\\@odd.example.com");
	json_decref(o);
}

/* Each line is there before the next is read: through a pipe. */
static void
test_each_line_is_printed_before_the_next_is_read(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	char seen[4096];

	assert_int_equal(pipe(fds), 0);
	FILE *out = fdopen(fds[1], "w");
	const struct dryrun_transaction t = {
		.ip = "192.0.2.1",
		.helo = "-",
		.sender = "u@pass.example.com",
	};

	assert_non_null(out);
	assert_int_equal(dryrun_one(&f->env, f->conf, &t, false, out),
	    DRYRUN_ACCEPT);
	ssize_t n = read(fds[0], seen, sizeof(seen) - 1);
	assert_true(n > 0);
	seen[n] = '\0';
	assert_non_null(strstr(seen, "=> accept\n"));
	fclose(out);
	close(fds[0]);
}

#define DRYRUN_TEST(name)						\
	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DRYRUN_TEST(one_accepted_transaction_shows_the_field),
		DRYRUN_TEST(reply_is_shown_as_the_client_reads_it),
		DRYRUN_TEST(empty_sender_is_the_null_sender),
		DRYRUN_TEST(bad_address_is_told_and_nothing_printed),
		DRYRUN_TEST(lines_give_the_highest_status),
		DRYRUN_TEST(bad_lines_are_numbered_and_do_not_end_the_run),
		DRYRUN_TEST(brackets_may_hold_blanks),
		DRYRUN_TEST(long_lines_are_fine_up_to_their_limit),
		DRYRUN_TEST(unreadable_input_is_bad_input),
		DRYRUN_TEST(text_escapes_what_is_not_printable),
		DRYRUN_TEST(json_is_one_ascii_object_a_line),
		DRYRUN_TEST(json_tells_all_of_a_refusal),
		DRYRUN_TEST(json_tells_why_nothing_was_checked),
		DRYRUN_TEST(json_makes_octets_safe),
		DRYRUN_TEST(each_line_is_printed_before_the_next_is_read),
	};

	eval_init();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("dryrun", tests, NULL, NULL);
}
