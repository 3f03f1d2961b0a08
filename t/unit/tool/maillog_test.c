/* SPDX-License-Identifier: BSD-2-Clause */
/* The messages that lines of a mail log are about. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tool/maillog.h"

#define DATE "Nov  6 12:00:00 mx "
#define CLIENT DATE "postfix/smtpd[1]: 4XA: client=m.example[192.0.2.1]\n"
#define FROM DATE "postfix/qmgr[1]: 4XA: from=<a@example.com>, size=1\n"
#define TO(rcpt) DATE "postfix/lmtp[1]: 4XA: to=<" rcpt ">, relay=x, " \
	"status=sent (250 to=<no>, status=deferred)\n"
#define REMOVED DATE "postfix/qmgr[1]: 4XA: removed\n"
#define SEEN "192.0.2.1 m.example - a@example.com "

static void
see(void *arg, const struct maillog_entry *e)
{
	struct sbuf *out = arg;

	sbuf_fmt(out, "%s %s %s %s %s%s%s\n", e->client,
	    e->name != NULL ? e->name : "-", e->helo != NULL ? e->helo : "-",
	    e->sender[0] != '\0' ? e->sender : "<>",
	    e->rcpt != NULL ? e->rcpt : "-", e->authenticated ? " auth" : "",
	    e->first ? "" : " more");
}

static void
check_octets(const char *octets, size_t len, const char *want)
{
	char text[1000];
	struct sbuf out;

	sbuf_init(&out, text, sizeof(text));
	struct maillog *m = maillog_new(see, &out);
	maillog_feed(m, octets, len);
	maillog_finish(m);
	maillog_free(m);
	assert_string_equal(text, want);
}

static void
check(const char *log, const char *want)
{
	check_octets(log, strlen(log), want);
}

static void
test_each_recipient_is_told_once(void **state)
{
	(void)state;
	check(CLIENT FROM TO("b@example.org") TO("c@example.org") REMOVED,
	    SEEN "b@example.org\n" SEEN "c@example.org more\n");
	check(CLIENT FROM DATE "postfix/smtp[1]: 4XA: to=<b@example.org>, "
	    "relay=x, status=deferred (later)\n" TO("b@example.org"),
	    SEEN "b@example.org\n");
	check(CLIENT FROM DATE "postfix/virtual[1]: 4XA: to=<x@l>, "
	    "orig_to=<b@example.org>, relay=x, status=sent (x)\n" REMOVED,
	    SEEN "b@example.org\n");
}

static void
test_a_message_without_its_end_is_told(void **state)
{
	(void)state;
	check(CLIENT FROM, SEEN "-\n");
	check(CLIENT FROM REMOVED, SEEN "-\n");
	check(CLIENT FROM REMOVED TO("b@example.org"), SEEN "-\n");
	check(CLIENT, "");
	check(FROM TO("b@example.org") REMOVED, "");
}

static void
test_a_queue_id_may_come_again(void **state)
{
	(void)state;
	check(CLIENT FROM CLIENT FROM TO("b@example.org"),
	    SEEN "-\n" SEEN "b@example.org\n");
}

static void
test_what_is_refused_is_a_line_of_its_own(void **state)
{
	(void)state;
	check(DATE "postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
	    "unknown[2001:db8::1]: 550 5.1.1 <a; from=<x> to=<y>>: no; "
	    "from=<a@example.com> to=<b@example.org> proto=ESMTP "
	    "helo=<h.example>\n",
	    "2001:db8::1 - h.example a@example.com b@example.org\n");
	check(DATE "postfix/cleanup[1]: 4XA: milter-reject: END-OF-MESSAGE "
	    "from m.example[192.0.2.1]: 5.7.1 no; from=<> to=<b@example.org> "
	    "proto=SMTP helo=<h>\n",
	    "192.0.2.1 m.example h <> b@example.org\n");
	check(DATE "postfix/smtpd[1]: NOQUEUE: reject: CONNECT from "
	    "unknown[192.0.2.1]: 554 no; proto=SMTP\n", "");
}

static void
test_our_own_line_tells_helo(void **state)
{
	(void)state;
	check(CLIENT DATE "spf-milter[7]: queue_id=4XA client=192.0.2.1 "
	    "helo=h.example sender=a@example.com\n" FROM REMOVED,
	    "192.0.2.1 m.example h.example a@example.com -\n");
}

static void
test_clients_that_authenticated_are_told(void **state)
{
	(void)state;
	check(DATE "postfix/submission/smtpd[1]: 4XA: client=unknown"
	    "[192.0.2.1]:25, sasl_method=PLAIN, sasl_username=u\n" FROM,
	    "192.0.2.1 - - a@example.com - auth\n");
}

#define SM "sm-mta[5]: 6AQ: "

static void
test_sendmail_is_understood(void **state)
{
	(void)state;
	check(DATE SM "from=<a@example.com>, size=1, proto=ESMTP, "
	    "relay=m.example [192.0.2.1] (may be forged)\n"
	    DATE SM "to=<b@example.org>, ctladdr=x, stat=Deferred: later\n"
	    DATE SM "to=<b@example.org>, delay=1, dsn=2.0.0, stat=Sent\n",
	    SEEN "b@example.org\n");
	check(DATE SM "from=<>, size=1, relay=[IPv6:2001:db8:9:0:0:0:0:6]\n",
	    "2001:db8:9::6 - - <> -\n");
	check(DATE SM "Milter: to=<b@example.org>, reject=550 5.7.23 no\n"
	    DATE SM "from=<a@example.com>, size=0, relay=[192.0.2.1]\n",
	    "192.0.2.1 - - a@example.com b@example.org\n");
	check(DATE SM "from=<root>, size=1, relay=root@localhost\n", "");
}

static void
test_each_kind_of_syslog_is_read(void **state)
{
	static const char *const kinds[] = {
		"Nov 26 12:00:00 mx ", "<22>Nov 26 12:00:00 ",
		"2026-11-26T12:00:00.1+09:00 mx ",
	};
	char log[400];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(log, sizeof(log), "%spostfix/smtpd[1]: 4XA: client="
		    "m.example[192.0.2.1]\r\n%spostfix/qmgr[1]: 4XA: "
		    "from=<a@example.com>, size=1", kinds[i], kinds[i]);
		check(log, SEEN "-\n");
	}
	check("<22>1 2026-11-26T12:00:00Z mx postfix/smtpd 1 - - 4XA: "
	    "client=m.example[192.0.2.1]\n<22>1 2026-11-26T12:00:00Z mx "
	    "postfix/qmgr 1 - [a@1 b=\"\\]\"][c@1] \xef\xbb\xbf" "4XA: "
	    "from=<a@example.com>, size=1\n", SEEN "-\n");
}

static void
test_the_journal_is_read(void **state)
{
	static const char log[] = "__CURSOR=s=1\n"
	    "SYSLOG_IDENTIFIER=postfix/smtpd\n"
	    "MESSAGE=4XA: client=m.example[192.0.2.1]\n\n"
	    "__CURSOR=s=2\nOTHER\n\4\0\0\0\0\0\0\0\n\nx=\n"
	    "SYSLOG_IDENTIFIER=postfix/qmgr\n"
	    "MESSAGE\n\44\0\0\0\0\0\0\0"
	    "4XA: from=<a@\xffxample.com>, size=123\n\n";

	(void)state;
	check_octets(log, sizeof(log) - 1,
	    "192.0.2.1 m.example - a@\xffxample.com -\n");
}

static void
test_other_lines_and_any_octets_are_nothing(void **state)
{
	char *big = xcalloc(1, 100001);

	(void)state;
	check("\n\n \n<\n<22>1 \n<22>1 a b c d [\nNov\nx postfix/smtpd: \n"
	    DATE "postfix/smtpd[1]: 4XA: client=m[1.2.3]\n"
	    DATE "postfix/smtpd[1]: 4XA: client=m[192.0.2.1\n"
	    DATE "dovecot: 4XA: client=m[192.0.2.1]\n" FROM, "");
	check_octets("\0\0\n\0", 4, "");
	memset(big, '<', 100000);
	check(big, "");
	free(big);
}

static void
test_more_under_way_than_are_remembered_lose_none(void **state)
{
	char line[200];
	char text[64];
	struct sbuf out;

	(void)state;
	sbuf_init(&out, text, sizeof(text));	/* overflows, and says so */
	struct maillog *m = maillog_new(see, &out);
	for (unsigned i = 0; i < 40000; i++) {
		int n = snprintf(line, sizeof(line), DATE "sm-mta[5]: Q%u: "
		    "from=<a@example.com>, relay=[192.0.2.1]\n", i);
		maillog_feed(m, line, (size_t)n);
	}
	assert_false(sbuf_ok(&out));
	assert_int_equal(maillog_lines(m), 40000);
	maillog_finish(m);
	maillog_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_recipient_is_told_once),
		cmocka_unit_test(test_a_message_without_its_end_is_told),
		cmocka_unit_test(test_a_queue_id_may_come_again),
		cmocka_unit_test(test_what_is_refused_is_a_line_of_its_own),
		cmocka_unit_test(test_our_own_line_tells_helo),
		cmocka_unit_test(test_clients_that_authenticated_are_told),
		cmocka_unit_test(test_sendmail_is_understood),
		cmocka_unit_test(test_each_kind_of_syslog_is_read),
		cmocka_unit_test(test_the_journal_is_read),
		cmocka_unit_test(test_other_lines_and_any_octets_are_nothing),
		cmocka_unit_test(
		    test_more_under_way_than_are_remembered_lose_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
