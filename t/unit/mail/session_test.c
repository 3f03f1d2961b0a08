/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/key.h"
#include "base/log.h"
#include "base/result.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "capture.h"
#include "conf_text.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "fake_dns.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "policy/header.h"
#include "policy/policy.h"
#include "policy/reply.h"
#include "policy/suffixes.h"
#include "policy/token.h"

/* Every client is 192.0.2.1 or 2001:db8::1 unless a test says otherwise. */
static const char zone[] =
    "none.example.com. TXT \"not a policy\"\n"
    "neutral.example.com. TXT \"v=spf1 ?all\"\n"
    "pass.example.com. TXT \"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\"\n"
    "fail.example.com. TXT \"v=spf1 -all\"\n"
    "softfail.example.com. TXT \"v=spf1 ~all\"\n"
    "void.example.com. TXT \"v=spf1 a:gone.example.com mx ~all\"\n"
    "temperror.example.com. SERVFAIL\n"
    "permerror.example.com. TXT \"v=spf1 bogus -all\"\n"
    "explained.example.com. TXT \"v=spf1 -all exp=e.example.com\"\n"
    "soft-explained.example.com. TXT \"v=spf1 ~all exp=e.example.com\"\n"
    "elsewhere.example.com. TXT \"v=spf1 redirect=fail.example.com\"\n"
    "e.example.com. TXT \"ask %{o} about %{i}\"\n"
    "open.example.com. TXT \"v=spf1 +all\"\n"
    "v4.example.com. TXT \"v=spf1 ip4:198.51.100.7 -all\"\n"
    "local.example.com. TXT \"v=spf1 exists:%{l}.ok.example.com -all\"\n"
    "postmaster.ok.example.com. A 127.0.0.2\n"
    "helo.example.com. TXT \"v=spf1 exists:%{h} -all\"\n"
    "mail.example.net. A 192.0.2.9\n"
    "_dmarc.dmarc.example. TXT \"v=DMARC1; p=none\"\n"
    "_dmarc.two.example. TXT \"v=DMARC1; p=none\"\n"
    "_dmarc.two.example. TXT \"v=DMARC1; p=reject\"\n"
    "_dmarc.other.example. TXT \"v=spf1 -all\"\n"
    "_dmarc.broken.example. SERVFAIL\n"
    "_dmarc.sick.dmarc.example. SERVFAIL\n"
    "1.2.0.192.in-addr.arpa. PTR liar.example.net\n"
    "1.2.0.192.in-addr.arpa. PTR mx.partner.example\n"
    "liar.example.net. A 192.0.2.9\n"
    "mx.partner.example. A 192.0.2.1\n"
    /* What tests hold back, and that no cache keeps. */
    "$TTL 0\n"
    "held.example.com. TXT \"v=spf1 -all\"\n"
    "held1.example.com. TXT \"v=spf1 -all\"\n"
    "held2.example.com. TXT \"v=spf1 -all\"\n";

/* One session on its own resolver and configuration. */
struct fixture {
	struct fake_dns	 fake;
	struct dns	*dns;
	struct flights	*flights;
	struct session_env env;
	const struct conf *conf;
	struct session	*session;
};

static struct conf *
load(const char *text)
{
	struct diag d;

	diag_init(&d);
	struct conf *c = conf_from_text(text, strlen(text), NULL, &d);
	assert_int_equal(d.count, 0);
	assert_non_null(c);
	diag_fini(&d);
	return c;
}

static void
use(struct fixture *f, const struct conf *c)
{
	session_free(f->session);
	conf_release(f->conf);
	f->conf = c;
	f->session = session_new(&f->env, c);
}

/* A new session: the levels of HELO and MAIL FROM, and what more it says. */
static void
configure(struct fixture *f, unsigned helo, unsigned mail, const char *more)
{
	char *text = xasprintf("behavior = %u\ncheck_helo = %s\n"
	    "behavior_helo = %u\n%s", mail, helo > 0 ? "true" : "false", helo,
	    more);

	use(f, load(text));
	free(text);
}

#define NO_FIELDS "headers = {}\n"
#define RESULTS_ONLY "headers = {\"authentication-results\"}\n"
#define BOTH_FIELDS \
	"headers = {\"received-spf\", \"authentication-results\"}\n"
#define KEEP_FORGED "remove_forged = false\n"
#define SHOW_SKIP "add_header_on_skip = true\n"
#define RELAY "relay { client = {192.0.2.1, 192.0.2.7} }\n"
#define AT_MAIL "reject_at = \"mail\"\n"
#define REPLY(result, code, enhanced, text) "reply " result " { code = " #code \
	" enhanced = \"" enhanced "\" text = \"" text "\" }\n"

static int
setup(void **state)
{
	static const struct dns_options options = {
		.query_timeout_ms = 4000,
	};
	static const struct flight_options flights = {
		.threads = 2,
		.max_in_flight = 100,
	};
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->fake.backend.capacity = 1000;
	f->dns = fake_dns_open(&f->fake, zone, &options);
	f->flights = flights_new(f->dns, &flights);
	assert_non_null(f->flights);
	f->env.flights = f->flights;
	f->env.hostname = "mx.example.org";
	configure(f, 3, 3, "");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	session_free(f->session);
	flights_free(f->flights);
	dns_free(f->dns);
	conf_release(f->conf);
	free(f);
	return 0;
}

/* What is held back is answered, and nothing more is held. */
static void
release(struct fixture *f)
{
	fake_dns_hold(&f->fake, NULL);
	fake_dns_answer_all(&f->fake);
}

static void
connect_to(struct session *s, const char *ip, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct addr a;

	if (addr_parse_v4(&a, ip, strlen(ip))) {
		in.sin_port = htons(port);
		memcpy(&in.sin_addr, a.bytes, 4);
		session_connect(s, (struct sockaddr *)&in, "client.example.net",
		    "mta.example.org");
		return;
	}
	assert_true(addr_parse_v6(&a, ip, strlen(ip)));
	in6.sin6_port = htons(port);
	memcpy(&in6.sin6_addr, a.bytes, 16);
	session_connect(s, (struct sockaddr *)&in6, "[2001:db8::1]",
	    "mta.example.org");
}

static struct session_step
mail(struct fixture *f, const char *from)
{
	return session_mail(f->session, &(struct session_sender){
	    .arg = from });
}

static struct session_step
mail_authenticated(struct fixture *f, const char *user)
{
	return session_mail(f->session, &(struct session_sender){
	    .arg = "<u@fail.example.com>", .auth_user = user });
}

static struct session_step
rcpt(struct fixture *f)
{
	return session_rcpt(f->session, "<user@example.org>");
}

/* The answer to MAIL; no HELO where helo is NULL. */
static struct session_step
begin(struct fixture *f, const char *helo, const char *from)
{
	connect_to(f->session, "192.0.2.1", 25000);
	if (helo != NULL)
		session_helo(f->session, helo);
	return mail(f, from);
}

/* Up to the answer to RCPT. */
static struct session_step
transact(struct fixture *f, const char *helo, const char *from)
{
	struct session_step step = begin(f, helo, from);

	return step.kind == SESSION_CONTINUE ? rcpt(f) : step;
}

struct edits {
	const struct session_edit *edit;
	size_t count;
};

static struct edits
end(struct fixture *f)
{
	struct edits e = { NULL, 99 };
	struct session_step step = session_end(f->session, &e.edit, &e.count);

	assert_int_equal(step.kind, SESSION_CONTINUE);
	assert_null(step.reply);
	return e;
}

static void
assert_insert(const struct session_edit *e, const char *name,
    const char *part)
{
	assert_int_equal(e->kind, SESSION_INSERT);
	assert_string_equal(e->name, name);
	if (strstr(e->value, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, e->value);
}

static void
assert_delete_of(const struct session_edit *e, const char *name,
    unsigned index)
{
	assert_int_equal(e->kind, SESSION_DELETE);
	assert_string_equal(e->name, name);
	assert_int_equal(e->index, index);
}

static void
assert_delete(const struct session_edit *e, unsigned index)
{
	assert_delete_of(e, "Authentication-Results", index);
}

static void
assert_refused(struct session_step step, unsigned code, const char *enhanced)
{
	assert_int_equal(step.kind, code >= 500 ? SESSION_REJECT
	    : SESSION_TEMPFAIL);
	assert_non_null(step.reply);
	assert_int_equal(step.reply->code, code);
	assert_string_equal(step.reply->enhanced, enhanced);
}

static void
assert_continues(struct session_step step)
{
	assert_int_equal(step.kind, SESSION_CONTINUE);
	assert_null(step.reply);
}

static void
assert_accepts(struct session_step step)
{
	assert_int_equal(step.kind, SESSION_ACCEPT);
	assert_null(step.reply);
}

static void
assert_result(struct fixture *f, enum scope scope, enum result r)
{
	const struct eval_verdict *v = session_verdict(f->session, scope);

	assert_non_null(v);
	assert_int_equal(v->scope, scope);
	assert_string_equal(result_name(v->result), result_name(r));
}

/* What is logged. */

static void
capture_begin(struct capture *c)
{
	capture_stderr(c);
	log_open(LOG_TARGET_STDERR, 0);
	log_set_level(LOG_LEVEL_INFO);
}

static const char *
capture_end(struct capture *c)
{
	log_set_level(LOG_LEVEL_ERROR);
	return capture_text(c);
}

static unsigned
count_of(const char *text, const char *part)
{
	unsigned n = 0;

	for (const char *p = strstr(text, part); p != NULL;
	    p = strstr(p + 1, part))
		n++;
	return n;
}

/* Results and levels. */

static void
test_levels_answer_as_their_table_says(void **state)
{
	static const struct {
		const char *sender;
		const char *answers;	/* of levels 0 to 6 */
		unsigned code;
		const char *enhanced;
	} rows[] = {
		{ "<u@pass.example.com>", "-aaaaaa", 0, NULL },
		{ "<u@fail.example.com>", "-aarrrr", 550, "5.7.23" },
		{ "<u@softfail.example.com>", "-aaarrr", 550, "5.7.23" },
		{ "<u@neutral.example.com>", "-aaaarr", 550, "5.7.1" },
		{ "<u@none.example.com>", "-aaaaar", 550, "5.7.1" },
		{ "<u@permerror.example.com>", "-aaaaar", 550, "5.7.24" },
		{ "<u@temperror.example.com>", "-attttt", 451, "4.7.24" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned level = 0; level <= POLICY_LEVEL_MAX; level++) {
			char answer = rows[i].answers[level];

			configure(f, 0, level, "");
			struct session_step step = transact(f, NULL,
			    rows[i].sender);

			if (answer == '-')
				assert_accepts(step);
			else if (answer == 'a')
				assert_continues(step);
			else
				assert_refused(step, rows[i].code,
				    rows[i].enhanced);
		}
	}
}

static void
test_level_0_looks_nothing_up_and_adds_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 0, 0, SHOW_SKIP);
	assert_accepts(transact(f, "fail.example.com",
	    "<u@fail.example.com>"));
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
	assert_string_equal(session_skip_reason(f->session),
	    "checks are off");

	assert_int_equal(end(f).count, 0);
}

static void
test_header_only_level_collects_at_the_end(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 1, "");
	assert_continues(transact(f, "mail.example.net",
	    "<u@fail.example.com>"));
	assert_null(session_verdict(f->session, SCOPE_MAILFROM));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_insert(&e.edit[0], "Received-SPF", "fail ");
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
}

static void
test_refusal_is_the_same_at_every_rcpt(void **state)
{
	struct fixture *f = *state;
	uint64_t rejected = stats_get(STATS_REJECTED);

	configure(f, 0, 3, "");
	assert_refused(transact(f, NULL,
	    "<u@fail.example.com>"), 550, "5.7.23");
	assert_refused(rcpt(f), 550, "5.7.23");

	/* Should the MTA come to the end all the same. */
	const struct session_edit *edits;
	size_t n = 99;

	assert_refused(session_end(f->session, &edits, &n), 550, "5.7.23");
	assert_int_equal(n, 0);
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_REJECTED), rejected + 1);
}

static void
test_reject_at_mail_answers_mail(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, AT_MAIL);
	assert_refused(begin(f, NULL, "<u@fail.example.com>"), 550,
	    "5.7.23");
	/* No abort comes after it. */
	assert_continues(mail(f, "<u@pass.example.com>"));
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_continues(rcpt(f));
	assert_int_equal(end(f).count, 1);
}

static void
test_reject_at_mail_knows_the_queue_id(void **state)
{
	struct fixture *f = *state;
	const struct session_sender from = { .arg = "<u@fail.example.com>",
		.queue_id = "4XyZ" };
	struct capture c;

	configure(f, 0, 3, AT_MAIL
	    REPLY("fail", 550, "5.7.23", "id %{queue_id}"));
	capture_begin(&c);
	connect_to(f->session, "192.0.2.1", 25000);
	assert_string_equal(session_mail(f->session, &from).reply->text,
	    "id 4XyZ");
	assert_non_null(strstr(capture_end(&c), "queue_id=4XyZ "));
}

static void
test_end_decides_what_no_rcpt_has_decided(void **state)
{
	struct fixture *f = *state;
	const struct session_edit *edits;
	size_t n;

	configure(f, 0, 3, "");
	assert_continues(begin(f, NULL, "<u@fail.example.com>"));
	assert_refused(session_end(f->session, &edits, &n), 550, "5.7.23");
	assert_int_equal(n, 0);
}

static void
test_nothing_to_add_is_accepted_at_mail(void **state)
{
	struct fixture *f = *state;
	uint64_t accepted = stats_get(STATS_ACCEPTED);

	configure(f, 0, 3, AT_MAIL NO_FIELDS KEEP_FORGED);
	assert_accepts(transact(f, NULL, "<u@pass.example.com>"));
	assert_int_equal(stats_get(STATS_ACCEPTED), accepted + 1);
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_ACCEPTED), accepted + 1);
}

/* An MTA takes that at RCPT as said of the whole message. */
static void
test_no_recipient_is_accepted_for_others(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS KEEP_FORGED);
	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	assert_continues(rcpt(f));
	assert_int_equal(end(f).count, 0);
}

/* HELO and MAIL FROM. */

static void
test_mail_null_sender_uses_helo(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 1, 1, "");
	assert_continues(transact(f, "local.example.com", "<>"));

	struct edits e = end(f);

	assert_result(f, SCOPE_HELO, RESULT_PASS);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[0], "Received-SPF", "identity=helo");
	assert_insert(&e.edit[1], "Received-SPF", "identity=mailfrom");
	assert_insert(&e.edit[1], "Received-SPF",
	    "; envelope-from=\"\";");
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations + 1);
}

static void
test_mail_null_sender_is_checked_where_helo_is_not(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	assert_refused(transact(f, "fail.example.com", "<>"), 550, "5.7.23");
	assert_null(session_verdict(f->session, SCOPE_HELO));
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
}

static void
test_mail_null_sender_has_its_own_level(void **state)
{
	struct fixture *f = *state;

	configure(f, 1, 4, "");
	assert_refused(transact(f, "softfail.example.com", "<>"), 550,
	    "5.7.23");
	assert_result(f, SCOPE_HELO, RESULT_SOFTFAIL);
	assert_result(f, SCOPE_MAILFROM, RESULT_SOFTFAIL);
}

static void
test_mail_null_sender_is_explained_though_helo_is_not(void **state)
{
	struct fixture *f = *state;

	configure(f, 1, 3, "");
	struct session_step step = transact(f, "explained.example.com",
	    "<>");

	assert_refused(step, 550, "5.7.23");
	assert_non_null(strstr(step.reply->text,
	    "ask explained.example.com about 192.0.2.1"));
}

/* What the MTA makes of an argument, and what is checked at level 3. */
static void
test_sender_of_the_mta_counts(void **state)
{
	static const struct {
		const char *typed;
		const char *mta_address;
		const char *checked;
		enum result result;
	} cases[] = {
		{ "<u@pass.example.com>", "u@pass.example.com",
		    "u@pass.example.com", RESULT_PASS },
		{ "<u%fail.example.com>", "u@fail.example.com",
		    "u@fail.example.com", RESULT_FAIL },
		{ "<u%fail.example.com>", NULL, "u@fail.example.com",
		    RESULT_FAIL },
		{ "<u>", "u@fail.example.com", "u@fail.example.com",
		    RESULT_FAIL },
		{ "<u%pass.example.com@fail.example.com>",
		    "u@pass.example.com",
		    "u%pass.example.com@fail.example.com", RESULT_FAIL },
		{ "<u%fail.example.com@pass.example.com>",
		    "u@fail.example.com", "u@fail.example.com",
		    RESULT_FAIL },
		{ "<u%pass.example.com@[192.0.2.1]>", "u@pass.example.com",
		    "u%pass.example.com@[192.0.2.1]", RESULT_NONE },
	};
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture c;

		capture_begin(&c);
		connect_to(f->session, "192.0.2.1", 25000);
		session_mail(f->session, &(struct session_sender){
		    .arg = cases[i].typed,
		    .mta_address = cases[i].mta_address });
		if (rcpt(f).kind == SESSION_CONTINUE)
			end(f);
		assert_result(f, SCOPE_MAILFROM, cases[i].result);
		session_abort(f->session);

		char *want = xasprintf(" sender=%s ", cases[i].checked);
		const char *text = capture_end(&c);

		if (strstr(text, want) == NULL)
			fail_msg("%s: %s", cases[i].typed, text);
		free(want);
	}
}

/* Both are under way at once, and both are waited for. */
static void
test_two_senders_are_looked_up_together(void **state)
{
	struct fixture *f = *state;
	const struct session_sender from = {
		.arg = "<u%held1.example.com@held2.example.com>",
		.mta_address = "u@held1.example.com",
	};
	uint64_t cancelled = stats_get(STATS_EVALUATIONS_CANCELLED);

	configure(f, 0, 3, "");
	fake_dns_hold(&f->fake, "held");
	connect_to(f->session, "192.0.2.1", 25000);
	assert_continues(session_mail(f->session, &from));
	assert_int_equal(f->fake.asked, 2);
	release(f);
	assert_refused(rcpt(f), 550, "5.7.23");
	fake_dns_hold(&f->fake, "held");
	assert_continues(session_mail(f->session, &(struct session_sender){
	    .arg = "<u%held1.example.com@held2.example.com>",
	    .mta_address = "u@held1.example.com" }));
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 2);
}

static void
test_no_helo_is_none_without_lookup(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 3, 3, "");
	assert_continues(transact(f, NULL, "<>"));
	assert_result(f, SCOPE_HELO, RESULT_NONE);
	assert_result(f, SCOPE_MAILFROM, RESULT_NONE);
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
}

static void
test_helo_that_is_no_domain_is_none_without_lookup(void **state)
{
	static const char *const helos[] = { "[192.0.2.1]", "localhost", "",
		"a..b.example.com", "[IPv6:2001:db8::1]" };
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 3, 0, "");
	for (size_t i = 0; i < sizeof(helos) / sizeof(helos[0]); i++) {
		uint64_t bad = stats_get(STATS_BAD_IDENTITY);

		assert_continues(transact(f, helos[i], "<u@example.com>"));
		assert_result(f, SCOPE_HELO, RESULT_NONE);
		assert_null(session_verdict(f->session, SCOPE_MAILFROM));
		assert_int_equal(stats_get(STATS_BAD_IDENTITY), bad + 1);
	}
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
}

static void
test_helo_rejection_leaves_mail_from_out(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "");
	struct session_step step = transact(f, "fail.example.com",
	    "<u@pass.example.com>");

	assert_refused(step, 550, "5.7.23");
	assert_non_null(strstr(step.reply->text, "fail.example.com"));
	assert_result(f, SCOPE_HELO, RESULT_FAIL);
	assert_null(session_verdict(f->session, SCOPE_MAILFROM));
}

static void
test_mail_from_rejection_wins_over_helo_temperror(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "");
	assert_refused(transact(f, "temperror.example.com",
	    "<u@fail.example.com>"), 550, "5.7.23");
}

static void
test_helo_temperror_is_noted(void **state)
{
	struct fixture *f = *state;

	configure(f, 6, 6, "");
	assert_continues(transact(f, "temperror.example.com",
	    "<u@pass.example.com>"));
	assert_insert(&end(f).edit[0], "Received-SPF", "temperror ");
	assert_result(f, SCOPE_HELO, RESULT_TEMPERROR);
}

static void
test_mail_from_decides_where_both_are_temperror(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3,
	    REPLY("temperror", 451, "4.7.24", "%{identity}"));
	assert_string_equal(transact(f, "temperror.example.com",
	    "<u@temperror.example.com>").reply->text, "mailfrom");
}

static void
test_helo_temperror_defers_the_null_sender(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3,
	    REPLY("temperror", 451, "4.7.24", "%{identity} %{d}"));
	struct session_step step = transact(f, "temperror.example.com",
	    "<>");

	assert_refused(step, 451, "4.7.24");
	assert_string_equal(step.reply->text,
	    "mailfrom temperror.example.com");
}

static void
test_helo_name_is_known_to_records(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	assert_continues(transact(f, "mail.example.net",
	    "<u@helo.example.com>"));
	assert_refused(transact(f, "other.example.net",
	    "<u@helo.example.com>"), 550, "5.7.23");
}

static void
test_helo_that_comes_last_counts(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 0, "");
	connect_to(f->session, "192.0.2.1", 25000);
	session_helo(f->session, "fail.example.com");
	session_helo(f->session, "pass.example.com");
	assert_continues(mail(f, "<u@example.com>"));
	assert_continues(rcpt(f));
	assert_result(f, SCOPE_HELO, RESULT_PASS);
	session_helo(f->session, "fail.example.com");
	assert_null(session_verdict(f->session, SCOPE_HELO));
	assert_continues(mail(f, "<u@example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

/* However many: the DNS hears of the last one, when MAIL comes. */
static void
test_helo_begins_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 3, 3, "");
	connect_to(f->session, "192.0.2.1", 25000);
	for (int i = 0; i < 1000; i++) {
		char *name = xasprintf("held%d.example.com", i);

		session_helo(f->session, name);
		free(name);
	}
	assert_int_equal(f->fake.asked, 0);
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
	assert_continues(mail(f, "<u@pass.example.com>"));
	assert_int_equal(f->fake.asked, 2);
	session_helo(f->session, "held.example.com");
	assert_continues(mail_authenticated(f, "kim"));
	assert_int_equal(f->fake.asked, 2);
}

static void
test_helo_and_mail_from_are_looked_up_together(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "");
	fake_dns_hold(&f->fake, "held");
	assert_continues(begin(f, "held.example.com", "<u@held2.example.com>"));
	assert_int_equal(f->fake.asked, 2);
}

static void
test_helo_verdict_serves_the_whole_connection(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 0, "");
	connect_to(f->session, "192.0.2.1", 25000);
	session_helo(f->session, "held.example.com");
	for (int i = 0; i < 3; i++) {
		assert_continues(mail(f, "<u@example.com>"));
		assert_refused(rcpt(f), 550, "5.7.23");
	}
	assert_int_equal(f->fake.asked, 1);
}

static void
test_helo_temperror_is_evaluated_anew_for_the_next_message(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 0, "");
	fake_dns_set_zone(&f->fake, "held.example.com. SERVFAIL\n");
	assert_continues(begin(f, "held.example.com", "<u@example.com>"));
	end(f);
	assert_result(f, SCOPE_HELO, RESULT_TEMPERROR);
	fake_dns_set_zone(&f->fake, zone);
	assert_continues(mail(f, "<u@example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_mapped_client_is_ipv4(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	connect_to(f->session, "::ffff:198.51.100.7", 25000);
	assert_continues(mail(f, "<u@v4.example.com>"));
	assert_continues(rcpt(f));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_insert(&e.edit[0], "Received-SPF", "client-ip=198.51.100.7");
}

static void
test_ipv6_client_is_checked(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	connect_to(f->session, "2001:db8::1", 25000);
	assert_continues(mail(f, "<u@pass.example.com>"));
	assert_continues(rcpt(f));
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	connect_to(f->session, "2001:db8::2", 25000);
	assert_continues(mail(f, "<u@pass.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

/* Waiting. */

static void
test_answer_between_mail_and_rcpt_is_used(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "");
	fake_dns_hold(&f->fake, "held");
	assert_continues(begin(f, NULL, "<u@held.example.com>"));
	release(f);
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_late_answer_is_tempfail(void **state)
{
	struct fixture *f = *state;
	uint64_t late = stats_get(STATS_EVALUATIONS_LATE);

	configure(f, 0, 3, "dns { reply_timeout = 100ms }");
	fake_dns_hold(&f->fake, "held");
	assert_refused(transact(f, NULL,
	    "<u@held.example.com>"), 451, "4.7.24");
	release(f);
	/* Decided once: the second recipient gets the same. */
	assert_refused(rcpt(f), 451, "4.7.24");
	assert_int_equal(stats_get(STATS_EVALUATIONS_LATE), late + 1);
}

static void
test_late_answer_is_a_temperror_field_where_nothing_refuses(void **state)
{
	struct fixture *f = *state;

	configure(f, 1, 1, "dns { reply_timeout = 100ms }");
	fake_dns_hold(&f->fake, "held");
	assert_continues(transact(f, "held.example.com",
	    "<u@held.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[0], "Received-SPF", "temperror ");
	assert_insert(&e.edit[1], "Received-SPF", "temperror ");
	/* The next message asks again, for HELO too. */
	release(f);
	assert_continues(mail(f, "<u@held.example.com>"));
	e = end(f);
	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[0], "Received-SPF", "fail ");
	assert_insert(&e.edit[1], "Received-SPF", "fail ");
}

static void
test_mail_from_is_cancelled_where_helo_rejects(void **state)
{
	struct fixture *f = *state;
	uint64_t cancelled = stats_get(STATS_EVALUATIONS_CANCELLED);

	configure(f, 3, 3, "");
	fake_dns_hold(&f->fake, "held");
	assert_continues(begin(f, "held.example.com", "<u@held2.example.com>"));
	assert_true(fake_dns_answer(&f->fake, "held.example.com",
	    fake_txt("v=spf1 -all", 0)));
	assert_refused(rcpt(f), 550, "5.7.23");
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 1);
	assert_null(session_verdict(f->session, SCOPE_MAILFROM));
}

static void
test_mail_from_is_not_begun_where_helo_has_rejected(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "");
	assert_refused(transact(f, "held.example.com",
	    "<u@example.com>"), 550, "5.7.23");

	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	assert_continues(mail(f, "<u@example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
}

static void
test_client_that_leaves_cancels(void **state)
{
	struct fixture *f = *state;
	uint64_t cancelled = stats_get(STATS_EVALUATIONS_CANCELLED);

	configure(f, 3, 3, "");
	fake_dns_hold(&f->fake, "held");
	assert_continues(begin(f, "held.example.com", "<u@held2.example.com>"));
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 1);
	session_free(f->session);
	f->session = NULL;
	assert_int_equal(stats_get(STATS_EVALUATIONS_CANCELLED),
	    cancelled + 2);
}

/* Who is not checked. */

static void
assert_skipped(struct fixture *f, struct session_step step,
    const char *reason)
{
	assert_accepts(step);
	assert_string_equal(session_skip_reason(f->session), reason);
	assert_null(session_verdict(f->session, SCOPE_HELO));
	assert_null(session_verdict(f->session, SCOPE_MAILFROM));
	/* Where the answer to MAIL was not heard. */
	assert_continues(rcpt(f));
}

static void
test_trusted_network_is_not_checked(void **state)
{
	struct fixture *f = *state;
	uint64_t skipped = stats_get(STATS_SKIPPED_TRUSTED);
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 3, 3, "trusted_networks = {\"192.0.2.0/28\"}");
	assert_skipped(f, transact(f, "fail.example.com",
	    "<u@fail.example.com>"), "client in a trusted network");
	assert_int_equal(stats_get(STATS_SKIPPED_TRUSTED), skipped + 1);
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
}

static void
test_trusted_network_holds_for_mapped_clients(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "trusted_networks = {\"192.0.2.0/28\"}");
	connect_to(f->session, "::ffff:192.0.2.1", 25000);
	assert_skipped(f, mail(f, "<u@fail.example.com>"),
	    "client in a trusted network");
}

static void
test_authenticated_client_is_not_checked(void **state)
{
	struct fixture *f = *state;
	uint64_t skipped = stats_get(STATS_SKIPPED_AUTH);

	configure(f, 3, 3, KEEP_FORGED);
	connect_to(f->session, "192.0.2.1", 25000);
	session_helo(f->session, "fail.example.com");
	assert_skipped(f, mail_authenticated(f, "kim"),
	    "client authenticated");
	assert_int_equal(stats_get(STATS_SKIPPED_AUTH), skipped + 1);
}

static void
test_authentication_counts_only_where_trusted(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "trust_authenticated = false");
	connect_to(f->session, "192.0.2.1", 25000);
	assert_continues(mail_authenticated(f, "kim"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_empty_user_has_not_authenticated(void **state)
{
	struct fixture *f = *state;

	connect_to(f->session, "192.0.2.1", 25000);
	assert_continues(mail_authenticated(f, ""));
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_mail_of_this_machine_is_not_checked(void **state)
{
	struct fixture *f = *state;
	struct sockaddr sun = { .sa_family = AF_UNIX };
	const char *why = "submitted on this machine";
	uint64_t skipped = stats_get(STATS_SKIPPED_LOCAL);

	configure(f, 3, 3, "trusted_networks = {}");
	session_connect(f->session, NULL, NULL, NULL);
	assert_skipped(f, mail(f, "<u@fail.example.com>"), why);
	session_connect(f->session, &sun, "localhost", NULL);
	assert_skipped(f, mail(f, "<u@fail.example.com>"), why);
	connect_to(f->session, "127.0.0.1", 0);
	assert_skipped(f, mail(f, "<u@fail.example.com>"), why);
	connect_to(f->session, "::1", 0);
	assert_skipped(f, mail(f, "<u@fail.example.com>"), why);
	assert_int_equal(stats_get(STATS_SKIPPED_LOCAL), skipped + 4);
	/* With a port it is an SMTP client as any other. */
	connect_to(f->session, "127.0.0.1", 25000);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
	connect_to(f->session, "192.0.2.1", 0);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_policy_sections_decide_over_the_level(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "policy mailfrom { softfail = reject\n"
	    "fail = header }\npolicy null_sender { fail = reject }");
	assert_continues(transact(f, "fail.example.com",
	    "<u@fail.example.com>"));
	assert_refused(transact(f, "fail.example.com",
	    "<u@softfail.example.com>"), 550, "5.7.23");
	assert_refused(transact(f, "fail.example.com", "<>"), 550, "5.7.23");
	assert_refused(transact(f, "fail.example.com",
	    "<u@temperror.example.com>"), 451, "4.7.24");
}

/* Sections hold at every level; HELO follows up to 3 where it is not set. */
static void
test_higher_level_that_would_refuse_is_counted_and_logged(void **state)
{
	static const struct {
		const char *conf;
		const char *sender;
		unsigned would;
	} rows[] = {
		{ "behavior = 1 behavior_helo = 1",
		    "<u@softfail.example.com>", 4 },
		{ "behavior = 3 behavior_helo = 1",
		    "<u@neutral.example.com>", 5 },
		{ "behavior = 3 behavior_helo = 1",
		    "<u@pass.example.com>", 0 },
		{ "behavior = 3 behavior_helo = 1",
		    "<u@fail.example.com>", 0 },
		{ "behavior = 3 behavior_helo = 1 "
		    "policy mailfrom { neutral = tag }",
		    "<u@neutral.example.com>", 0 },
		{ "behavior = 3 behavior_helo = 1 rule r { behavior = 1 }",
		    "<u@fail.example.com>", 0 },
		{ "behavior = 1", "<u@pass.example.com>", 3 },
		{ "behavior = 1 check_helo = no", "<u@pass.example.com>", 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned would = rows[i].would;
		uint64_t at_4 = stats_get(STATS_WOULD_REFUSE_4);
		uint64_t at_5 = stats_get(STATS_WOULD_REFUSE_5);
		const struct session_edit *edits;
		char text[24];
		struct capture c;
		size_t n;

		use(f, load(rows[i].conf));
		(void)transact(f, "fail.example.com", rows[i].sender);
		capture_begin(&c);
		(void)session_end(f->session, &edits, &n);
		session_abort(f->session);
		snprintf(text, sizeof(text), " would=%u ", would);
		assert_int_equal(count_of(capture_end(&c), " would="),
		    would != 0);
		assert_true(would == 0 || strstr(c.text, text) != NULL);
		assert_int_equal(stats_get(STATS_WOULD_REFUSE_4) - at_4,
		    would != 0 && would <= 4);
		assert_int_equal(stats_get(STATS_WOULD_REFUSE_5) - at_5,
		    would != 0 && would <= 5);
	}
}

static void
test_table_that_skips_everything_looks_nothing_up(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);
	uint64_t skipped = stats_get(STATS_SKIPPED_POLICY);

	configure(f, 0, 3, KEEP_FORGED "policy null_sender { pass = skip "
	    "none = skip neutral = skip softfail = skip fail = skip "
	    "permerror = skip temperror = skip }");
	assert_skipped(f, transact(f, "fail.example.com", "<>"),
	    "skipped by policy");
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
	assert_int_equal(stats_get(STATS_SKIPPED_POLICY), skipped + 1);
	assert_refused(transact(f, "fail.example.com",
	    "<u@fail.example.com>"), 550, "5.7.23");
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations + 1);
}

static void
test_skipped_result_has_no_field_but_covers_forged_ones(void **state)
{
	struct fixture *f = *state;
	const char *text = BOTH_FIELDS "policy mailfrom { none = skip }";

	configure(f, 0, 3, text);
	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	assert_int_equal(end(f).count, 0);
	configure(f, 3, 3, text);
	assert_continues(transact(f, "pass.example.com",
	    "<u@none.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[0], "Authentication-Results", "smtp.helo=");
	assert_insert(&e.edit[1], "Received-SPF", "identity=helo");
	configure(f, 0, 3, text);
	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	session_header(f->session, "Received-SPF", "pass");
	e = end(f);
	assert_insert(&e.edit[e.count - 1], "Received-SPF", "none");
}

static struct session_step
rcpt_to(struct fixture *f, const char *to)
{
	return session_rcpt(f->session, to);
}

/* Nobody tells the name of this client. */
static void
begin_nameless(struct fixture *f, const char *from)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 1025 };

	in.sin_addr.s_addr = htonl(0xc0000201);
	session_connect(f->session, (struct sockaddr *)&in, "[192.0.2.1]",
	    "mta.example.org");
	assert_continues(mail(f, from));
}

static void
test_rule_that_needs_no_lookup_skips_at_mail(void **state)
{
	struct fixture *f = *state;
	uint64_t evaluations = stats_get(STATS_EVALUATIONS);

	configure(f, 3, 3, KEEP_FORGED "rule a { client = 192.0.2.0/24 "
	    "sender = fail.example.com action = skip }");
	assert_skipped(f, transact(f, "fail.example.com",
	    "<u@fail.example.com>"), "skipped by policy");
	assert_int_equal(stats_get(STATS_EVALUATIONS), evaluations);
	assert_refused(transact(f, NULL, "<u@explained.example.com>"), 550,
	    "5.7.23");
}

/* At level 1 no mail is ever refused, for a guess either. */
static void
test_rule_of_level_1_lets_a_guess_through(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "best_guess = \"v=spf1 ?all\"\n"
	    "policy guess { neutral = reject }\n"
	    "rule a { sender = a@ behavior = 1 }\n"
	    "rule b { sender = b@ behavior = 4 }\n");
	assert_refused(transact(f, NULL, "<u@none.example.com>"), 550,
	    "5.7.1");
	assert_refused(transact(f, NULL, "<b@none.example.com>"), 550,
	    "5.7.1");
	assert_continues(transact(f, NULL, "<a@none.example.com>"));
}

static void
test_rules_decide_on_each_recipient(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, "rule lenient { recipient = {lenient@} "
	    "behavior = 1 }\nrule strict { recipient = strict@example.org "
	    "result = softfail action = reject }");
	capture_begin(&c);
	assert_continues(begin(f, NULL, "<u@fail.example.com>"));
	assert_refused(rcpt_to(f, "<user@example.org>"), 550, "5.7.23");
	assert_continues(rcpt_to(f, "<Lenient@example.org>"));
	assert_refused(rcpt_to(f, "strict@example.org"), 550, "5.7.23");
	assert_insert(&end(f).edit[0], "Received-SPF", "fail");
	session_abort(f->session);
	assert_continues(begin(f, NULL, "<u@softfail.example.com>"));
	assert_refused(rcpt_to(f, "<strict@example.org>"), 550, "5.7.23");
	assert_continues(rcpt_to(f, "<strict@example.com>"));
	session_abort(f->session);
	assert_continues(begin(f, NULL, "<u@softfail.example.com>"));
	assert_refused(rcpt_to(f, "<strict@example.org>"), 550, "5.7.23");
	session_abort(f->session);
	const char *text = capture_end(&c);

	assert_non_null(strstr(text, "action=accept level=1 rule=lenient "));
	assert_non_null(strstr(text, "action=accept level=3 would=4 lookups="));
	assert_non_null(strstr(text, "action=reject level=3 rule=strict "));
}

static void
test_names_of_a_client_are_confirmed(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "rule p { client_name = .partner.example "
	    "action = header }\nrule l { client_name = .example.net "
	    "sender = softfail.example.com action = reject }");
	begin_nameless(f, "<u@fail.example.com>");
	assert_continues(rcpt(f));
	/* The MTA has confirmed another name, so this one is not asked for. */
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 550,
	    "5.7.23");
	assert_refused(transact(f, NULL, "<u@softfail.example.com>"), 550,
	    "5.7.23");
	begin_nameless(f, "<u@softfail.example.com>");
	assert_continues(rcpt(f));
}

static void
test_client_passes_for_a_domain(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "rule p { spf_pass_for = {v4.example.com, "
	    "pass.example.com} sender = .example.com action = header }\n"
	    "rule q { spf_pass_for = v4.example.com action = header }");
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
	configure(f, 0, 3, "rule q { spf_pass_for = v4.example.com "
	    "action = header }");
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 550,
	    "5.7.23");
}

/* It may be an exception: nothing is refused for good. */
/* Else everybody would pass for it. */
static void
test_wide_open_record_is_no_evidence(void **state)
{
	static const char *const sections[] = {
		"rule p { spf_pass_for = open.example.com action = header }",
		"forwarder p { spf_pass_for = open.example.com }"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		configure(f, 0, 3, sections[i]);
		assert_refused(transact(f, NULL, "<u@fail.example.com>"), 550,
		    "5.7.23");
	}
}

static void
test_rule_that_the_dns_leaves_open_defers(void **state)
{
	struct fixture *f = *state;
	struct session_step step;

	configure(f, 0, 3, "rule p { spf_pass_for = temperror.example.com "
	    "action = header }");
	step = transact(f, NULL, "<u@fail.example.com>");
	assert_refused(step, 451, "4.7.23");
	assert_continues(transact(f, NULL, "<u@softfail.example.com>"));
}

static void
test_rule_without_need_asks_for_nothing(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "rule p { client = 198.51.100.0/24 "
	    "client_name = .partner.example spf_pass_for = v4.example.com "
	    "action = header }");
	begin_nameless(f, "<u@pass.example.com>");
	assert_continues(rcpt(f));
	assert_int_equal(f->fake.asked, 1);
}

static void
test_mixed_recipients_are_told_to_come_again(void **state)
{
	struct fixture *f = *state;
	const char *rule = "rule t { recipient = {tag@} action = tag }\n"
	    "rule r { recipient = {reject@} action = reject }\n";
	char *split = xasprintf("%smixed_recipients = split", rule);

	configure(f, 0, 3, split);
	assert_continues(begin(f, NULL, "<u@softfail.example.com>"));
	assert_refused(rcpt_to(f, "<reject@example.org>"), 550, "5.7.23");
	assert_continues(rcpt_to(f, "<tag@example.org>"));
	assert_refused(rcpt_to(f, "<user@example.org>"), 452, "4.5.3");
	assert_continues(rcpt_to(f, "<tag@example.com>"));
	end(f);
	assert_int_equal(session_decision(f->session)->action, POLICY_TAG);
	/* The next transaction is for the one that was left. */
	assert_continues(mail(f, "<u@softfail.example.com>"));
	assert_continues(rcpt_to(f, "<user@example.org>"));
	configure(f, 0, 3, rule);
	assert_continues(begin(f, NULL, "<u@softfail.example.com>"));
	assert_continues(rcpt_to(f, "<tag@example.org>"));
	assert_continues(rcpt_to(f, "<user@example.org>"));
	end(f);
	assert_int_equal(session_decision(f->session)->action,
	    POLICY_ACCEPT);
	free(split);
}

/* A rule for HELO's result alone: its rejection cannot cut MAIL FROM short. */
static void
test_rule_by_the_result_of_helo(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "rule h { identity = helo result = fail "
	    "client = 192.0.2.1 action = header }");
	assert_continues(transact(f, "fail.example.com",
	    "<u@pass.example.com>"));
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_refused(transact(f, "fail.example.com",
	    "<u@fail.example.com>"), 550, "5.7.23");
}

static void
test_rule_by_daemon_needs_it_told(void **state)
{
	struct fixture *f = *state;
	struct session_needs needs;

	session_needs(f->conf, &needs);
	assert_false(needs.daemon);
	configure(f, 1, 1, "rule d { daemon = MSA action = reject }\n"
	    "rule u { recipient = {a@} }");
	session_needs(f->conf, &needs);
	assert_true(needs.daemon && needs.rcpt);
	connect_to(f->session, "192.0.2.1", 25000);
	session_daemon(f->session, "MSA", NULL);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
	connect_to(f->session, "192.0.2.1", 25000);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_continues(rcpt(f));
}

static void
test_deferral_of_a_result_has_a_4xx_reply(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "policy mailfrom { fail = tempfail }");
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 451,
	    "4.7.23");
	configure(f, 0, 3, "policy mailfrom { fail = tempfail }"
	    REPLY("fail", 421, "4.3.0", "Wait"));
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 421,
	    "4.3.0");
}

static void
test_skip_adds_a_field_where_asked_for(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, SHOW_SKIP);
	connect_to(f->session, "127.0.0.1", 25000);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_continues(rcpt(f));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_insert(&e.edit[0], "X-SPF-Skipped", "");
	assert_string_equal(e.edit[0].value, "client in a trusted network");
}

static void
test_skip_leaves_fields_as_they_came(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RESULTS_ONLY SHOW_SKIP);
	connect_to(f->session, "127.0.0.1", 25000);
	assert_continues(mail(f, "<u@fail.example.com>"));
	session_header(f->session, "Authentication-Results",
	    "mta.example.org; spf=pass");

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_int_equal(e.edit[0].kind, SESSION_INSERT);
}

/* Replies. */

static void
test_reply_has_the_values_of_the_identity(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, REPLY("fail", 550, "5.7.23",
	    "%{s} %{l} %{o} %{d} %{i} %{h} %{r} %{p} %{c} %{v} "
	    "%{result} %{identity} %{queue_id}"));
	begin(f, "mail.example.net", "<@relay.example:u@fail.example.com>");
	session_queue_id(f->session, NULL);
	session_queue_id(f->session, "");
	session_queue_id(f->session, "4XyZ");
	session_queue_id(f->session, "other");
	assert_string_equal(rcpt(f).reply->text, "u@fail.example.com u "
	    "fail.example.com fail.example.com 192.0.2.1 mail.example.net "
	    "mta.example.org unknown 192.0.2.1 in-addr fail mailfrom 4XyZ");
}

static void
test_reply_has_the_values_of_helo(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, REPLY("fail", 550, "5.7.23",
	    "%{s} %{d} %{identity} %{queue_id}"));
	assert_string_equal(transact(f, "fail.example.com",
	    "<u@pass.example.com>").reply->text,
	    "postmaster@fail.example.com fail.example.com helo -");
}

static void
test_reply_names_us_by_configuration_then_mta_then_system(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, REPLY("fail", 550, "5.7.23", "%{r}"));
	assert_string_equal(transact(f, NULL,
	    "<u@fail.example.com>").reply->text, "mta.example.org");
	session_connect(f->session, (struct sockaddr *)&(struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = 1 }, NULL, NULL);
	mail(f, "<u@fail.example.com>");
	assert_string_equal(rcpt(f).reply->text, "mx.example.org");
	configure(f, 0, 3, "hostname = \"conf.example.org\"\n"
	    REPLY("fail", 550, "5.7.23", "%{r}"));
	assert_string_equal(transact(f, NULL,
	    "<u@fail.example.com>").reply->text, "conf.example.org");
}

static void
test_reply_reason_is_the_problem(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 6, REPLY("none", 550, "5.7.1", "why: %{reason}"));
	assert_non_null(strstr(transact(f, NULL,
	    "<u@none.example.com>").reply->text, "why: "));
	assert_string_not_equal(session_verdict(f->session,
	    SCOPE_MAILFROM)->problem, "");
	assert_non_null(strstr(rcpt(f).reply->text,
	    session_verdict(f->session, SCOPE_MAILFROM)->problem));
}

/* Configures links; key is what they are signed with. */
static void
configure_links(struct fixture *f, uint8_t key[1][KEY_SIZE], const char *rules)
{
	char dir[] = "/tmp/session_test.XXXXXX";

	assert_non_null(mkdtemp(dir));
	char *path = xasprintf("%s/key", dir);
	char *more = xasprintf("why_url = \"https://mail.example.org/why\"\n"
	    "why_key = \"%s\"\nhostname = \"conf.example.org\"\n%s", path,
	    rules);
	assert_null(key_make(path));
	assert_null(key_read(path, key[0]));
	configure(f, 3, 6, more);
	unlink(path);
	rmdir(dir);
	free(more);
	free(path);
}

/* The facts of the link in the last line of a refusal. */
static struct token
linked(struct session_step step, uint8_t (*key)[KEY_SIZE])
{
	static const char before[] = "\nSee https://mail.example.org/why?t=";
	const uint8_t (*keys)[KEY_SIZE] = (const uint8_t (*)[KEY_SIZE])key;
	struct token t;

	assert_non_null(step.reply);
	const char *line = strstr(step.reply->text, before);
	assert_non_null(line);
	assert_true(token_decode(&t, line + strlen(before), keys, 1));
	assert_true(t.time_s > 0);
	assert_string_equal(t.receiver, "conf.example.org");
	return t;
}

static void
test_link_tells_the_facts_of_a_refusal(void **state)
{
	struct fixture *f = *state;
	uint8_t key[1][KEY_SIZE];
	char client[ADDR_TEXT_SIZE];

	configure_links(f, key, "");
	struct token t = linked(transact(f, NULL, "<alice@fail.example.com>"),
	    key);
	assert_int_equal(t.result, RESULT_FAIL);
	assert_int_equal(t.scope, SCOPE_MAILFROM);
	assert_false(t.null_sender);
	assert_int_equal(t.level, 6);
	assert_string_equal(addr_format(&t.client, client), "192.0.2.1");
	assert_string_equal(t.domain, "fail.example.com");
	assert_string_equal(t.reason, "-all");
	t = linked(transact(f, NULL, "<u@permerror.example.com>"), key);
	assert_int_equal(t.result, RESULT_PERMERROR);
	assert_non_null(strstr(t.reason, "bogus"));
	t = linked(transact(f, NULL, "<u@temperror.example.com>"), key);
	assert_int_equal(t.result, RESULT_TEMPERROR);
}

static void
test_link_tells_what_is_put_off(void **state)
{
	struct fixture *f = *state;
	uint8_t key[1][KEY_SIZE];

	configure_links(f, key, "policy mailfrom { fail = \"tempfail\" }\n");
	assert_true(linked(transact(f, NULL, "<u@fail.example.com>"),
	    key).deferred);
	assert_true(linked(transact(f, NULL, "<u@temperror.example.com>"),
	    key).deferred);
	assert_false(linked(transact(f, NULL, "<u@permerror.example.com>"),
	    key).deferred);
}

/* Its page must not tell anybody to correct a record that is not there. */
static void
test_link_of_a_guess_tells_that_there_is_no_record(void **state)
{
	struct fixture *f = *state;
	uint8_t key[1][KEY_SIZE];

	configure_links(f, key, "best_guess = \"v=spf1 -all\"\n"
	    "policy guess { fail = \"reject\" }\n");
	struct token t = linked(transact(f, NULL, "<u@none.example.com>"),
	    key);
	assert_int_equal(t.result, RESULT_NONE);
	assert_string_equal(t.domain, "none.example.com");
	assert_null(strstr(t.reason, "all"));
}

static void
test_link_tells_the_rule_that_decided(void **state)
{
	struct fixture *f = *state;
	uint8_t key[1][KEY_SIZE];

	configure_links(f, key, "rule strict { client = 192.0.2.0/24 "
	    "behavior = 4 }\n");
	struct token t = linked(transact(f, NULL, "<u@softfail.example.com>"),
	    key);
	assert_string_equal(t.rule, "strict");
	assert_int_equal(t.level, 4);
}

static void
test_link_tells_which_identity_was_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t key[1][KEY_SIZE];

	configure_links(f, key, "");
	struct token t = linked(transact(f, "fail.example.com",
	    "<u@pass.example.com>"), key);
	assert_int_equal(t.scope, SCOPE_HELO);
	assert_int_equal(t.level, 3);
	assert_string_equal(t.domain, "fail.example.com");
	t = linked(transact(f, "softfail.example.com", "<>"), key);
	assert_int_equal(t.scope, SCOPE_MAILFROM);
	assert_true(t.null_sender);
	assert_string_equal(t.domain, "softfail.example.com");
}

static void
test_explanation_belongs_to_fail_alone(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 4, "");
	struct session_step step = transact(f, NULL,
	    "<u@explained.example.com>");

	assert_refused(step, 550, "5.7.23");
	assert_non_null(strstr(step.reply->text,
	    "\nThe domain explained.example.com explains:\n"
	    "ask explained.example.com about 192.0.2.1"));
	step = transact(f, NULL, "<u@soft-explained.example.com>");
	assert_refused(step, 550, "5.7.23");
	assert_null(strstr(step.reply->text, "explains"));
}

static void
test_step_follows_the_code_of_the_template(void **state)
{
	struct fixture *f = *state;
	uint64_t tempfailed = stats_get(STATS_TEMPFAILED);
	uint64_t rejected = stats_get(STATS_REJECTED);

	configure(f, 0, 3, REPLY("fail", 451, "4.7.23", "later"));
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 451,
	    "4.7.23");
	configure(f, 0, 3, REPLY("fail", 554, "5.7.23", "never"));
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 554,
	    "5.7.23");
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_TEMPFAILED), tempfailed + 1);
	assert_int_equal(stats_get(STATS_REJECTED), rejected + 1);
}

/* Edits. */

static void
test_fields_are_inserted_from_the_lowest(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, BOTH_FIELDS);
	assert_continues(transact(f, "neutral.example.com",
	    "<u@pass.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 3);
	assert_insert(&e.edit[0], "Authentication-Results",
	    "mta.example.org;");
	assert_insert(&e.edit[0], "Authentication-Results",
	    "smtp.mailfrom=pass.example.com");
	assert_null(strstr(e.edit[0].value, "smtp.helo"));
	assert_insert(&e.edit[1], "Received-SPF", "identity=helo");
	assert_insert(&e.edit[1], "Received-SPF", "neutral ");
	assert_insert(&e.edit[2], "Received-SPF", "identity=mailfrom");
	assert_insert(&e.edit[2], "Received-SPF", "pass ");
}

static void
test_helo_that_was_not_given_has_no_field(void **state)
{
	struct fixture *f = *state;

	configure(f, 1, 1, BOTH_FIELDS);
	assert_continues(transact(f, NULL, "<u@pass.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 2);
	assert_null(strstr(e.edit[0].value, "spf=none"));
	assert_insert(&e.edit[1], "Received-SPF", "identity=mailfrom");
	configure(f, 1, 0, BOTH_FIELDS);
	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	assert_int_equal(end(f).count, 0);
}

static void
test_domain_beyond_ascii_is_told_as_a_label(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 1, RESULTS_ONLY);
	assert_continues(transact(f, NULL,
	    "<u@b\xc3\xbc" "cher.example.com>"));
	assert_insert(&end(f).edit[0], "Authentication-Results",
	    "smtp.mailfrom=xn--bcher-kva.example.com");
}

static void
test_forged_results_are_deleted_from_the_last(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RESULTS_ONLY);

	struct session *s = f->session;
	uint64_t deleted = stats_get(STATS_HEADERS_DELETED);

	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	session_header(s, "Subject", "mta.example.org; spf=pass");
	session_header(s, "Authentication-Results",
	    "mta.example.org; spf=pass");
	session_header(s, "authentication-results",
	    "other.example.net; spf=pass");
	session_header(s, "AUTHENTICATION-RESULTS",
	    "MTA.example.org; spf=pass");
	session_header(s, "Authentication-Results-Original",
	    "mta.example.org; spf=pass");

	struct edits e = end(f);

	assert_int_equal(e.count, 3);
	assert_delete(&e.edit[0], 3);
	assert_delete(&e.edit[1], 1);
	assert_insert(&e.edit[2], "Authentication-Results",
	    "mta.example.org;");
	assert_int_equal(stats_get(STATS_HEADERS_DELETED), deleted + 2);
}

/* By the bits CONF_HEADER_*. */
static const char *const header_kinds[] = { NO_FIELDS, "", RESULTS_ONLY,
	BOTH_FIELDS };

/* Whatever we add, and under the MTA's name too, which others take. */
static void
test_forged_results_go_in_every_configuration(void **state)
{
	struct fixture *f = *state;

	for (unsigned headers = 0; headers <= 3; headers++) {
		char *text = xasprintf("hostname = \"own.example.org\"\n%s",
		    header_kinds[headers]);

		configure(f, 0, 3, text);
		free(text);
		assert_continues(transact(f, NULL, "<u@none.example.com>"));
		session_header(f->session, "Authentication-Results",
		    "mta.example.org; spf=pass");
		session_header(f->session, "Authentication-Results",
		    "own.example.org; dkim=pass; spf=pass");
		session_header(f->session, "Authentication-Results",
		    "own.example.org; dkim=pass");

		struct edits e = end(f);

		assert_int_equal(e.count, 2 + (headers & 1) + headers / 2);
		assert_delete(&e.edit[0], 2);
		assert_delete(&e.edit[1], 1);
	}
}

static void
test_received_spf_that_is_brought_is_covered(void **state)
{
	struct fixture *f = *state;

	for (unsigned headers = 0; headers <= 3; headers++) {
		configure(f, 0, 3, header_kinds[headers]);
		assert_continues(transact(f, NULL, "<u@none.example.com>"));
		session_header(f->session, "received-spf", "pass");

		struct edits e = end(f);

		assert_int_equal(e.count, 1 + headers / 2);
		assert_insert(&e.edit[e.count - 1], "Received-SPF", "none ");
		assert_insert(&e.edit[e.count - 1], "Received-SPF",
		    "identity=mailfrom");
	}
	/* Nothing is known of the sender, and there was no HELO. */
	configure(f, 3, 0, BOTH_FIELDS);
	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	session_header(f->session, "Received-SPF", "pass");
	assert_insert(&end(f).edit[1], "Received-SPF", "identity=helo");
}

/* We add it to mail that is not checked, and readers may go by it. */
static void
test_forged_skip_goes(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS);

	struct session *s = f->session;

	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	session_header(s, "X-SPF-Skipped", "client authenticated");
	session_header(s, "Authentication-Results",
	    "mta.example.org; spf=pass");
	session_header(s, "x-spf-skipped", "");

	struct edits e = end(f);

	assert_int_equal(e.count, 3);
	assert_delete_of(&e.edit[0], "X-SPF-Skipped", 2);
	assert_delete(&e.edit[1], 1);
	assert_delete_of(&e.edit[2], "X-SPF-Skipped", 1);
}

static void
test_forged_fields_of_authenticated_clients(void **state)
{
	struct fixture *f = *state;
	uint64_t rejected = stats_get(STATS_REJECTED);

	connect_to(f->session, "192.0.2.1", 25000);
	assert_continues(mail_authenticated(f, "kim"));
	assert_continues(rcpt(f));
	session_header(f->session, "Authentication-Results",
	    "mta.example.org; spf=pass");
	session_header(f->session, "Received-SPF", "pass");

	struct edits e = end(f);

	assert_int_equal(e.count, 2);
	assert_delete(&e.edit[0], 1);
	assert_insert(&e.edit[1], "Received-SPF", "authenticated");

	assert_continues(mail_authenticated(f, "kim"));
	for (int i = 0; i <= 1000; i++)
		session_header(f->session, "Authentication-Results",
		    "mta.example.org; spf=pass");
	size_t n;
	const struct session_edit *edits;
	assert_refused(session_end(f->session, &edits, &n), 550, "5.7.1");
	assert_int_equal(stats_get(STATS_REJECTED), rejected + 1);
}

static void
test_forged_fields_stay_where_they_may(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, KEEP_FORGED RESULTS_ONLY);
	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	session_header(f->session, "Authentication-Results",
	    "mta.example.org; spf=pass");
	session_header(f->session, "Received-SPF", "pass");

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_insert(&e.edit[0], "Authentication-Results", "spf=none");
}

static struct session_step
end_with_forged(struct fixture *f, unsigned forged, size_t *n)
{
	const struct session_edit *edits;

	assert_continues(mail(f, "<u@none.example.com>"));
	for (unsigned i = 0; i < forged; i++) {
		session_header(f->session, "Authentication-Results",
		    "other.example.net; spf=pass");
		session_header(f->session, "Authentication-Results",
		    "mta.example.org; spf=pass");
	}
	struct session_step step = session_end(f->session, &edits, n);
	/* From the last one; ours comes behind them. */
	for (size_t i = 0; i + 1 < *n; i++)
		assert_delete(&edits[i], 2 * (forged - (unsigned)i));
	return step;
}

static void
test_flood_of_forged_results_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t n;

	configure(f, 0, 1, RESULTS_ONLY);
	connect_to(f->session, "192.0.2.1", 25000);
	for (unsigned forged = 7; forged <= 1000; forged += 331) {
		assert_continues(end_with_forged(f, forged, &n));
		assert_int_equal(n, forged + 1);
	}
	assert_refused(end_with_forged(f, 1001, &n), 550, "5.7.1");
	assert_int_equal(n, 0);
	assert_refused(end_with_forged(f, 100000, &n), 550, "5.7.1");
	assert_int_equal(n, 0);
}

/* One message after the other. */

static void
test_second_message_starts_from_nothing(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, RESULTS_ONLY
	    REPLY("fail", 550, "5.7.23", "%{queue_id}"));

	struct session *s = f->session;

	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	session_queue_id(s, "FIRST");
	session_header(s, "Authentication-Results",
	    "mta.example.org; spf=pass");
	assert_int_equal(end(f).count, 2);
	session_abort(s);
	session_abort(s);
	assert_null(session_verdict(s, SCOPE_MAILFROM));
	assert_null(session_skip_reason(s));

	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_string_equal(rcpt(f).reply->text, "-");
	assert_continues(mail(f, "<u@pass.example.com>"));
	assert_continues(rcpt(f));
	assert_int_equal(end(f).count, 1);
}

/* One of connect, HELO, MAIL, RCPT, field, end, by its letter. */
static struct session_step
fire(struct fixture *f, char event)
{
	struct session_step step = { SESSION_CONTINUE, NULL };
	struct edits e = { NULL, 0 };

	switch (event) {
	case 'c':
		connect_to(f->session, "192.0.2.1", 25000);
		break;
	case 'h':
		session_helo(f->session, "pass.example.com");
		break;
	case 'm':
		step = mail(f, "<u@fail.example.com>");
		break;
	case 'r':
		step = rcpt(f);
		break;
	case 'f':
		session_header(f->session, "Authentication-Results", "x");
		break;
	case 'o':
		session_end_of_header(f->session);
		break;
	default:
		step = session_end(f->session, &e.edit, &e.count);
		break;
	}
	return step;
}

/* What comes at another time is counted and not answered. */
static void
test_each_stage_has_its_events(void **state)
{
	static const struct {
		const char *before;	/* the events that lead to it */
		const char *allowed;
	} stages[] = {
		{ "", "c" },
		{ "c", "hm" },
		{ "ch", "hm" },
		{ "cm", "hmrfoe" },
		{ "cme", "hm" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		for (const char *event = "chmrfoe"; *event != '\0'; event++) {
			bool allowed = strchr(stages[i].allowed, *event)
			    != NULL;

			configure(f, 0, 3, "");
			for (const char *p = stages[i].before; *p != '\0'; p++)
				fire(f, *p);

			uint64_t errors = stats_get(STATS_PROTOCOL_ERRORS);
			struct session_step step = fire(f, *event);

			assert_int_equal(stats_get(STATS_PROTOCOL_ERRORS),
			    errors + !allowed);
			if (!allowed)
				assert_continues(step);
		}
	}
}

/* Nothing is left of it, and the queue id is not that of the next one. */
static void
test_events_between_messages_change_nothing(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, REPLY("fail", 550, "5.7.23", "%{queue_id}"));
	connect_to(f->session, "192.0.2.1", 25000);
	session_abort(f->session);
	session_queue_id(f->session, "NONE");
	assert_continues(rcpt(f));
	assert_int_equal(end(f).count, 0);
	assert_string_equal(transact(f, NULL,
	    "<u@fail.example.com>").reply->text, "-");
}

static char *
noise(size_t len, const char *tail)
{
	char *s = xcalloc(len + strlen(tail) + 1, 1);

	for (size_t i = 0; i < len; i++)
		s[i] = (char)(1 + i * 37 % 255);
	memcpy(s + len, tail, strlen(tail));
	return s;
}

static void
test_long_and_odd_arguments_are_only_text(void **state)
{
	struct fixture *f = *state;
	char *helo = noise(70000, ".example.com");
	char *from = noise(70000, "@fail.example.com");

	configure(f, 1, 1, BOTH_FIELDS);
	assert_continues(transact(f, helo, from));

	struct edits e = end(f);

	assert_int_equal(e.count, 3);
	for (size_t i = 0; i < e.count; i++) {
		assert_null(strchr(e.edit[i].value, '\r'));
		for (const char *p = strchr(e.edit[i].value, '\n'); p != NULL;
		    p = strchr(p + 1, '\n'))
			assert_true(p[1] == '\t' || p[1] == ' ');
	}
	free(helo);
	free(from);
}

/* Any event at any time, in an order that a fixed generator chooses. */
static void
test_any_order_of_events_is_survived(void **state)
{
	static const char *const names[] = { NULL, "", "pass.example.com",
		"fail.example.com", "held.example.com", "[192.0.2.1]" };
	static const char *const senders[] = { NULL, "<>", "",
		"<u@pass.example.com>", "<u@fail.example.com>",
		"<u@held.example.com>", "<u@temperror.example.com>" };
	struct fixture *f = *state;
	uint32_t random = 1;

	configure(f, 3, 3, BOTH_FIELDS);

	struct session *s = f->session;

	for (int i = 0; i < 20000; i++) {
		const struct session_edit *edits;
		size_t n = 0;

		random = random * 1664525u + 1013904223u;
		uint32_t pick = random >> 24;

		switch ((random >> 16) % 10) {
		case 0:
			connect_to(s, pick % 4 == 0 ? "127.0.0.1"
			    : "192.0.2.1", (uint16_t)(pick % 3));
			break;
		case 1:
			session_helo(s, names[pick % 6]);
			break;
		case 2:
		case 3:
			session_mail(s, &(struct session_sender){
			    .arg = senders[pick % 7],
			    .auth_user = pick % 9 == 0 ? "kim" : NULL });
			break;
		case 4:
		case 5:
			session_rcpt(s, "<user@example.org>");
			break;
		case 6:
			session_header(s, "Authentication-Results",
			    "mta.example.org; spf=pass");
			break;
		case 7:
			session_end(s, &edits, &n);
			for (size_t e = 0; e < n; e++)
				assert_non_null(edits[e].name);
			break;
		case 8:
			session_queue_id(s, "4XyZ");
			break;
		default:
			session_abort(s);
			break;
		}
	}
}

/* Needs. */

/* Marks for delivery. */

#define TAGS \
	"policy mailfrom { softfail = \"tag\" fail = \"quarantine\" }\n" \
	"tag softfail { subject = \"[SPF {result}] \"\n" \
	"fields = {\"X-Spam-Flag: YES\", \"X-Why: {result}\"} }\n"

static void
assert_change(const struct session_edit *e, unsigned index, const char *value)
{
	assert_int_equal(e->kind, SESSION_CHANGE);
	assert_string_equal(e->name, "Subject");
	assert_int_equal(e->index, index);
	assert_string_equal(e->value, value);
}

static void
test_tag_changes_the_subject_and_adds_its_fields(void **state)
{
	struct fixture *f = *state;
	uint64_t tagged = stats_get(STATS_TAGGED);

	configure(f, 0, 3, NO_FIELDS TAGS);
	assert_continues(transact(f, NULL, "<u@softfail.example.com>"));
	session_header(f->session, "Subject", "=?utf-8?Q?x?=\n\ty");
	session_header(f->session, "subject", "[SPF softfail] z");
	session_header(f->session, "SUBJECT", "z");

	struct edits e = end(f);

	assert_int_equal(e.count, 4);
	assert_change(&e.edit[0], 1, "[SPF softfail] =?utf-8?Q?x?=\n\ty");
	assert_change(&e.edit[1], 3, "[SPF softfail] z");
	assert_insert(&e.edit[2], "X-Why", "softfail");
	assert_insert(&e.edit[3], "X-Spam-Flag", "YES");
	assert_int_equal(stats_get(STATS_TAGGED), tagged + 1);
}

static void
test_tag_without_a_subject_adds_one(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS AT_MAIL TAGS);
	assert_continues(transact(f, NULL, "<u@softfail.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 3);
	assert_change(&e.edit[0], 1, "[SPF softfail]");
}

/* Of tagged mail and of other, since what has no mark is trusted for it. */
static void
test_forged_marks_go(void **state)
{
	static const char *const senders[] = { "<u@softfail.example.com>",
		"<u@pass.example.com>" };
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS TAGS);
	for (size_t i = 0; i < 2; i++) {
		assert_continues(transact(f, NULL, senders[i]));
		session_header(f->session, "x-why", "pass");
		session_header(f->session, "X-Spam-Flag", "NO");
		session_header(f->session, "X-WHY", "pass");
		session_header(f->session, "X-SPF-Tag", "pass");
		session_header(f->session, "X-Why-Not", "pass");

		struct edits e = end(f);

		assert_int_equal(e.count, i == 0 ? 7 : 4);
		assert_delete_of(&e.edit[0], "X-SPF-Tag", 1);
		assert_delete_of(&e.edit[1], "X-Why", 2);
		assert_delete_of(&e.edit[2], "X-Spam-Flag", 1);
		assert_delete_of(&e.edit[3], "X-Why", 1);
	}
	configure(f, 0, 3, NO_FIELDS KEEP_FORGED TAGS);
	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	session_header(f->session, "X-Why", "pass");
	assert_int_equal(end(f).count, 0);
}

static void
test_rule_may_have_a_tag_of_its_own(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS TAGS "tag own { subject = \"[own] \" }\n"
	    "rule own { sender = {\"own@\"} action = tag tag = own }\n");
	assert_continues(transact(f, NULL, "<own@softfail.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_change(&e.edit[0], 1, "[own]");
	assert_continues(transact(f, NULL, "<u@softfail.example.com>"));
	assert_int_equal(end(f).count, 3);
}

/* The guess has another result, which is not what the mail is tagged for. */
static void
test_tag_is_that_of_the_result_that_was_judged(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, NO_FIELDS "best_guess = \"v=spf1 a/24 ?all\"\n"
	    "policy mailfrom { none = tag }\n"
	    "tag none { subject = \"[{result}] \" }\n");
	assert_continues(transact(f, NULL, "<u@none.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_change(&e.edit[0], 1, "[none]");
	configure(f, 0, 3, NO_FIELDS "best_guess = \"v=spf1 a/24 ?all\"\n"
	    "policy mailfrom { none = quarantine }\n");
	assert_continues(transact(f, NULL, "<u@none.example.com>"));
	e = end(f);
	assert_int_equal(e.count, 1);
	assert_string_equal(e.edit[0].value,
	    "SPF none: mailfrom none.example.com, client 192.0.2.1");
}

static void
test_quarantine_has_a_reason(void **state)
{
	struct fixture *f = *state;
	uint64_t held = stats_get(STATS_QUARANTINED);

	configure(f, 0, 3, AT_MAIL NO_FIELDS TAGS);
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_int_equal(e.edit[0].kind, SESSION_QUARANTINE);
	assert_string_equal(e.edit[0].value,
	    "SPF fail: mailfrom fail.example.com, client 192.0.2.1");
	assert_int_equal(stats_get(STATS_QUARANTINED), held + 1);
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
	session_header(f->session, "Subject", "x");
	assert_int_equal(end(f).count, 1);
}

/* Refusals at the end of the message. */

#define AT_END "reject_at = \"eom\"\n"
#define UNLESS_SIGNED AT_END "unless_dkim_pass = true\n" \
	"dkim_results_from = {\"dkim.example.org\", \"mx.example.org\"}\n"
#define LEFT_TO_DMARC AT_END "leave_to_dmarc = true\n"

/* A build without the public suffix list has none of this. */
static bool
configure_spare(struct fixture *f, unsigned helo, const char *more)
{
	if (suffixes_version() == NULL)
		return false;
	configure(f, helo, 3, more);
	return true;
}

struct field {
	const char	*name;
	const char	*value;
};

static const struct field author = { "From", "Kim <u@mail.dmarc.example>" };
static const struct field signed_by_dmarc_example = {
	"Authentication-Results", "mx.example.org; dkim=pass (x; y)"
	" header.d=dmarc.example header.i=@dmarc.example"
};

/* What MAIL FROM, whose result is fail, and these fields come to. */
static struct session_step
finish(struct fixture *f, const struct field *const *brought)
{
	const struct session_edit *edits;
	size_t n;

	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
	for (; *brought != NULL; brought++)
		session_header(f->session, (*brought)->name,
		    (*brought)->value);
	session_end_of_header(f->session);
	return session_end(f->session, &edits, &n);
}

static void
assert_spared(struct fixture *f, const struct field *const *brought,
    const char *part)
{
	const struct session_edit *edits;
	size_t n;

	assert_continues(finish(f, brought));
	session_abort(f->session);
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
	for (; *brought != NULL; brought++)
		session_header(f->session, (*brought)->name,
		    (*brought)->value);
	/* An MTA that does not tell where the header ends. */
	assert_continues(session_end(f->session, &edits, &n));
	assert_true(n > 0);
	assert_insert(&edits[n - 1], "Received-SPF", part);
}

static void
assert_stands(struct fixture *f, const struct field *const *brought)
{
	assert_refused(finish(f, brought), 550, "5.7.23");
}

#define FIELDS(...) ((const struct field *const []){ __VA_ARGS__, NULL })
#define FIELD(name, value) (&(const struct field){ name, value })

static void
test_refusal_waits_for_the_end(void **state)
{
	struct fixture *f = *state;
	uint64_t rejected = stats_get(STATS_REJECTED);

	configure(f, 3, 3, AT_END);
	assert_stands(f, FIELDS(&author, &signed_by_dmarc_example));
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_REJECTED), rejected + 1);
	/* Who leaves before it has not been refused. */
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_REJECTED), rejected + 1);
	assert_continues(transact(f, NULL, "<u@temperror.example.com>"));

	const struct session_edit *edits;
	size_t n;

	assert_refused(session_end(f->session, &edits, &n), 451, "4.7.24");
	assert_int_equal(n, 0);
}

static void
test_aligned_signature_spares_the_message(void **state)
{
	struct fixture *f = *state;
	uint64_t spared = stats_get(STATS_SPARED_SIGNED);

	if (!configure_spare(f, 3, UNLESS_SIGNED))
		return;
	assert_spared(f, FIELDS(&author, &signed_by_dmarc_example),
	    " mail.dmarc.example) client-ip=");
	assert_spared(f, FIELDS(FIELD("authentication-results",
	    "DKIM.example.org 1; dkim=fail header.d=a.example;\n\tdkim=pass"
	    " header.d=MAIL.dmarc.example"), &signed_by_dmarc_example, &author),
	    "not refused for a DKIM");
	assert_int_equal(stats_get(STATS_SPARED_SIGNED), spared + 4);
}

static void
test_signatures_that_do_not_spare_it(void **state)
{
	static const struct field received = { "Received", "from x by y" };
	static const char *const results[] = {
		"other.example.org; dkim=pass header.d=dmarc.example",
		"mx.example.org; dkim=fail header.d=dmarc.example",
		"mx.example.org; dkim=pass header.d=other.example",
		"mx.example.org; dkim=pass header.d=example",
		"mx.example.org; dkim=pass header.i=@dmarc.example",
		"mx.example.org; spf=pass; dkim=pass header.d=dmarc.example",
		"mx.example.org; none",
	};
	static const char *const authors[] = { "u@dmarc.example, v@x.example",
		"a: u@dmarc.example;", "u", "", "x@y.example <u@dmarc.example>",
		"\xb1\xe8 <u@dmarc.example>", "=?utf-8?Q?u?=@dmarc.example" };
	struct fixture *f = *state;

	if (!configure_spare(f, 3, UNLESS_SIGNED))
		return;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		assert_stands(f, FIELDS(&author,
		    FIELD("Authentication-Results", results[i]),
		    i > 0 ? &signed_by_dmarc_example : &received));
	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++)
		assert_stands(f, FIELDS(&signed_by_dmarc_example,
		    FIELD("From", authors[i])));
	assert_stands(f, FIELDS(&signed_by_dmarc_example));
	assert_stands(f, FIELDS(&signed_by_dmarc_example, &author, &author));
	assert_stands(f, FIELDS(&received, &signed_by_dmarc_example, &author));
}

/* OpenDKIM writes what is encoded there into its results as it is. */
static void
test_encoded_identity_of_a_signature_spares_nothing(void **state)
{
	static const char *const tags[] = {
		"v=1; i=a=40b=3Bdkim=3Dpass@evil.example; d=evil.example",
		"v=1;\n\ti\t=\n a=3B@evil.example;", "i==3B", "I=a=3bb",
	};
	struct fixture *f = *state;

	if (!configure_spare(f, 3, UNLESS_SIGNED))
		return;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		assert_stands(f, FIELDS(&signed_by_dmarc_example, &author,
		    FIELD("dkim-signature", tags[i])));
	assert_spared(f, FIELDS(&signed_by_dmarc_example, &author,
	    FIELD("DKIM-Signature", "v=1; i=@dmarc.example; bh=a=; b=c==;"
	    " si=a=3Bb")), "not refused");
}

static void
test_dmarc_policy_of_the_author_spares_the_message(void **state)
{
	struct fixture *f = *state;
	uint64_t spared = stats_get(STATS_SPARED_DMARC);

	if (!configure_spare(f, 3, LEFT_TO_DMARC))
		return;
	assert_spared(f, FIELDS(&author), " mail.dmarc.example) client-ip=");
	assert_spared(f, FIELDS(FIELD("from", "u@dmarc.example")),
	    "left to the");
	assert_int_equal(stats_get(STATS_SPARED_DMARC), spared + 4);
}

static void
test_dmarc_policies_that_do_not_spare_it(void **state)
{
	static const char *const authors[] = { "u@nothing.example",
		"u@two.example", "u@other.example", "u@broken.example",
		"u@mail.broken.example", "u@sick.dmarc.example",
		"u@dmarc.example, v@dmarc.example", "u", "u@example" };
	struct fixture *f = *state;

	if (!configure_spare(f, 3, LEFT_TO_DMARC))
		return;
	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++)
		assert_stands(f, FIELDS(FIELD("From", authors[i])));
	if (!configure_spare(f, 3, UNLESS_SIGNED))
		return;
	assert_stands(f, FIELDS(&author));
}

/* Asked at the end of the header, waited for at the end of the message. */
static void
test_late_dmarc_policy_does_not_spare_the_message(void **state)
{
	struct fixture *f = *state;

	if (!configure_spare(f, 3, LEFT_TO_DMARC
	    "dns { reply_timeout = 100ms }\n"))
		return;
	fake_dns_hold(&f->fake, "_dmarc");
	assert_stands(f, FIELDS(&author));
	release(f);
}

static void
test_what_is_not_refused_is_not_asked_for(void **state)
{
	struct fixture *f = *state;
	const struct session_edit *edits;
	struct session_needs needs;
	size_t n;

	if (!configure_spare(f, 0, LEFT_TO_DMARC KEEP_FORGED))
		return;
	session_needs(f->conf, &needs);
	assert_true(needs.headers && needs.end_of_header && needs.rcpt);

	unsigned asked = f->fake.asked;

	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	session_header(f->session, author.name, author.value);
	session_end_of_header(f->session);
	assert_continues(session_end(f->session, &edits, &n));
	assert_int_equal(f->fake.asked, asked + 1);
}

/* Where HELO alone would have refused, DMARC wants the other result. */
static void
test_both_results_are_told_of_a_message_that_is_spared(void **state)
{
	struct fixture *f = *state;
	const struct session_edit *edits;
	size_t n;

	if (!configure_spare(f, 3, LEFT_TO_DMARC))
		return;
	assert_continues(transact(f, "fail.example.com",
	    "<u@pass.example.com>"));
	session_header(f->session, author.name, author.value);
	assert_continues(session_end(f->session, &edits, &n));
	assert_int_equal(n, 2);
	assert_insert(&edits[0], "Received-SPF", "left to the");
	assert_insert(&edits[1], "Received-SPF", "pass ");
}

static void
assert_one_hit(void *arg, const char *name, uint64_t hits, int64_t last_s)
{
	(void)last_s;
	assert_int_equal(hits, strcmp(name, arg) == 0);
}

static void
test_rule_whose_refusal_is_dropped_has_decided_once(void **state)
{
	struct fixture *f = *state;

	if (!configure_spare(f, 0, LEFT_TO_DMARC "rule \"spared once\" { "
	    "sender = {fail.example.com} action = reject }\n"))
		return;
	char name[] = "spared once";
	f->conf->rules.list[0].tally = tally_named(name);
	assert_continues(finish(f, FIELDS(&author)));
	assert_ptr_equal(session_decision(f->session)->rule,
	    &f->conf->rules.list[0]);
	tally_walk(assert_one_hit, name);
}

static void
test_needs_are_as_few_as_the_configuration_allows(void **state)
{
	static const struct {
		unsigned helo;
		unsigned mail;
		const char *more;
		bool rcpt;
		bool headers;
		bool quarantine;
		bool end_of_header;
	} rows[] = {
		{ 3, 3, "", true, true, false, false },
		{ 0, 2, "", true, true, false, false },
		{ 3, 3, AT_MAIL, false, true, false, false },
		{ 3, 3, AT_MAIL NO_FIELDS, false, true, false, false },
		{ 3, 3, AT_MAIL NO_FIELDS KEEP_FORGED, false, false, false,
		    false },
		{ 3, 3, NO_FIELDS KEEP_FORGED SHOW_SKIP, true, false, false,
		    false },
		{ 1, 1, BOTH_FIELDS KEEP_FORGED, false, false, false, false },
		{ 1, 1, BOTH_FIELDS, false, true, false, false },
		{ 0, 0, "", false, false, false, false },
		{ 0, 3, AT_END KEEP_FORGED, true, false, false, false },
		{ 0, 2, "policy mailfrom { fail = tag }\n" KEEP_FORGED,
		    true, true, false, false },
		{ 0, 1, "policy guess { fail = quarantine }\n" KEEP_FORGED,
		    false, false, true, false },
		{ 3, 3, RELAY KEEP_FORGED, true, true, true, true },
		{ 1, 1, RELAY KEEP_FORGED, false, true, false, true },
		{ 0, 0, RELAY, false, false, false, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session_needs needs;

		configure(f, rows[i].helo, rows[i].mail, rows[i].more);
		session_needs(f->conf, &needs);
		assert_int_equal(needs.rcpt, rows[i].rcpt);
		assert_int_equal(needs.headers, rows[i].headers);
		assert_int_equal(needs.quarantine, rows[i].quarantine);
		assert_int_equal(needs.end_of_header, rows[i].end_of_header);
	}
}

/* Relays. */

/* What a relay writes on top. */
#define HOP(helo, addr, more) "from " helo " (unknown [" addr "])\n" \
	"\tby gate.example.org (Postfix) with " more " id 1; date"

/* Up to the end of the header of a message from 192.0.2.1. */
static void
relay(struct fixture *f, const char *from, const char *const *hops, size_t n)
{
	assert_continues(begin(f, "gate.example.org", from));
	assert_continues(rcpt(f));
	for (size_t i = 0; i < n; i++)
		session_header(f->session, "received", hops[i]);
	session_end_of_header(f->session);
}

static void
relay_one(struct fixture *f, const char *from, const char *field)
{
	relay(f, from, &field, 1);
}

static void
test_client_of_a_relay_is_whom_it_names(void **state)
{
	static const char *const fields[] = {
		HOP("pass.example.com", "192.0.2.7", "ESMTP"),
		HOP("v4.example.com", "198.51.100.7", "ESMTP"),
		HOP("pass.example.com", "192.0.2.1", "ESMTP"),
	};
	struct fixture *f = *state;
	uint64_t relayed = stats_get(STATS_RELAYED);

	configure(f, 3, 3, RELAY);
	assert_continues(begin(f, "gate.example.org", "<u@v4.example.com>"));
	assert_continues(rcpt(f));
	for (size_t i = 0; i < 3; i++)
		session_header(f->session, "Received", fields[i]);
	assert_int_equal(f->fake.asked, 0);
	session_end_of_header(f->session);
	assert_int_not_equal(f->fake.asked, 0);

	struct edits e = end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_result(f, SCOPE_HELO, RESULT_PASS);
	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[1], "Received-SPF",
	    "pass (mta.example.org: domain of v4.example.com designates\n"
	    "\t198.51.100.7 as permitted sender, client told by relay\n"
	    "\tgate.example.org) client-ip=198.51.100.7;");
	assert_insert(&e.edit[1], "Received-SPF", "helo=v4.example.com;");
	assert_int_equal(stats_get(STATS_RELAYED), relayed + 1);
}

/* The relay itself would pass. */
static void
test_mail_of_a_relay_is_held_where_other_mail_is_refused(void **state)
{
	static const char field[] = HOP("none.example.com", "198.51.100.9",
	    "ESMTP");
	struct fixture *f = *state;
	struct capture c;

	configure(f, 3, 3, RELAY);
	relay_one(f, "<u@pass.example.com>", field);
	capture_begin(&c);
	struct edits e = end(f);
	const char *text = capture_end(&c);
	assert_int_equal(e.edit[0].kind, SESSION_QUARANTINE);
	assert_int_equal(session_decision(f->session)->action,
	    POLICY_QUARANTINE);
	assert_non_null(strstr(text, "client=198.51.100.9 relay=192.0.2.1 "));
	assert_non_null(strstr(text, " result=fail action=quarantine "));
	assert_non_null(strstr(text, " excuse=relay "));

	configure(f, 3, 3, "relay { client = {192.0.2.1} refuse = yes }");
	relay_one(f, "<u@pass.example.com>", field);
	assert_refused(session_end(f->session, &e.edit, &e.count), 550,
	    "5.7.23");
}

/* What is held because a relay would have to bounce it is a refusal, too. */
static void
test_mail_of_a_relay_is_spared(void **state)
{
	static const char field[] = HOP("none.example.com", "198.51.100.9",
	    "ESMTP");
	struct fixture *f = *state;

	if (!configure_spare(f, 0, LEFT_TO_DMARC RELAY))
		return;
	relay_one(f, "<u@fail.example.com>", field);
	session_header(f->session, author.name, author.value);

	struct edits e = end(f);

	assert_int_equal(e.count, 1);
	assert_insert(&e.edit[0], "Received-SPF", "left to the");

	configure(f, 0, 3, LEFT_TO_DMARC RELAY
	    "policy mailfrom { fail = quarantine }\n");
	relay_one(f, "<u@fail.example.com>", field);
	session_header(f->session, author.name, author.value);
	assert_int_equal(end(f).edit[0].kind, SESSION_QUARANTINE);
}

static void
test_helo_of_a_relay_s_client_hides_no_mail_from(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RELAY);
	relay_one(f, "<u@v4.example.com>", HOP("fail.example.com",
	    "198.51.100.7", "ESMTP"));
	end(f);
	assert_result(f, SCOPE_HELO, RESULT_FAIL);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
}

static void
test_client_that_a_relay_does_not_name_is_none(void **state)
{
	static const char *const fields[] = {
		"from a by gate.example.org (Postfix); date",
		HOP("v4.example.com", "198.51.100.7", "ESMTP"),
	};
	struct fixture *f = *state;

	configure(f, 6, 6, BOTH_FIELDS RELAY);
	relay(f, "<u@v4.example.com>", fields, 2);
	struct edits e = end(f);
	assert_int_equal(f->fake.asked, 0);
	assert_result(f, SCOPE_MAILFROM, RESULT_NONE);
	assert_int_equal(e.count, 2);
	assert_insert(&e.edit[0], "Authentication-Results", "spf=none\n"
	    "\treason=\"the Received field of the relay names no client\"");
	assert_insert(&e.edit[1], "Received-SPF", "none (mta.example.org: "
	    "client not known, so nothing was looked\n"
	    "\tup for v4.example.com) client-ip=192.0.2.1;");
	assert_insert(&e.edit[1], "Received-SPF", "problem=\"the Received "
	    "field of the relay names no client\"");
	assert_int_equal(session_decision(f->session)->action, POLICY_ACCEPT);
}

/* The relay has a name and a record, but they say nothing of the client. */
static void
test_rules_ask_nothing_of_a_client_that_is_not_known(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RELAY "rule a { client_name = .partner.example }\n"
	    "rule b { spf_pass_for = pass.example.com }\n");
	relay_one(f, "<u@fail.example.com>", "from a by b; date");
	(void)end(f);
	assert_int_equal(f->fake.asked, 0);
	assert_null(session_decision(f->session)->rule);
}

/* The user is the relay's, who says nothing of its client. */
static void
test_rules_go_by_what_the_client_of_a_relay_is(void **state)
{
	struct fixture *f = *state;
	const char *const hops[] = { HOP("a", "198.51.100.7", "ESMTP"),
		HOP("a", "198.51.100.7", "ESMTPA") };
	static const char *const users[] = { NULL, "gate" };

	configure(f, 3, 3, RELAY "trust_authenticated = no\n"
	    "rule a { authenticated = {true, gate} action = header }\n");
	connect_to(f->session, "192.0.2.1", 25000);
	for (size_t i = 0; i < 4; i++) {
		assert_continues(mail_authenticated(f, users[i / 2]));
		assert_continues(rcpt(f));
		session_header(f->session, "Received", hops[i % 2]);
		(void)end(f);
		assert_int_equal(session_decision(f->session)->action,
		    i % 2 == 0 ? POLICY_QUARANTINE : POLICY_ACCEPT);
	}
}

static void
test_each_message_of_a_relay_has_its_client(void **state)
{
	struct fixture *f = *state;
	const struct session_edit *edits;
	size_t n;

	configure(f, 3, 3, RELAY);
	relay_one(f, "<u@v4.example.com>", HOP("v4.example.com",
	    "198.51.100.7", "ESMTP"));
	end(f);
	assert_result(f, SCOPE_HELO, RESULT_PASS);
	assert_continues(mail(f, "<>"));
	assert_continues(rcpt(f));
	session_header(f->session, "Received", HOP("v4.example.com",
	    "198.51.100.8", "ESMTP"));
	/* An MTA need not tell the end of the header. */
	assert_continues(session_end(f->session, &edits, &n));
	assert_result(f, SCOPE_HELO, RESULT_FAIL);
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
}

static void
test_relay_s_client_may_be_one_that_is_not_checked(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RELAY);
	relay_one(f, "<u@fail.example.com>", HOP("a", "10.1.2.3", "ESMTP"));
	assert_int_equal(end(f).count, 0);
	assert_string_equal(session_skip_reason(f->session),
	    "client in a trusted network");
	relay_one(f, "<u@fail.example.com>", HOP("a", "198.51.100.7",
	    "ESMTPSA"));
	assert_int_equal(end(f).count, 0);
	assert_string_equal(session_skip_reason(f->session),
	    "client authenticated");
	configure(f, 3, 3, RELAY "trust_authenticated = no\n");
	relay_one(f, "<u@fail.example.com>", HOP("a", "198.51.100.7",
	    "ESMTPSA"));
	end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
}

static void
test_relay_in_a_trusted_network_is_a_relay(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "relay { client = {10.0.0.5} }\n");
	connect_to(f->session, "10.0.0.5", 25000);
	assert_continues(mail_authenticated(f, "gate"));
	assert_null(session_skip_reason(f->session));
	session_header(f->session, "Received", HOP("a", "198.51.100.7",
	    "ESMTP"));
	session_end_of_header(f->session);
	end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
}

static void
test_aborted_mail_of_a_relay_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, RELAY);
	fake_dns_hold(&f->fake, "held.example.com");
	relay_one(f, "<u@held.example.com>", HOP("held.example.com",
	    "198.51.100.7", "ESMTP"));
	session_abort(f->session);
	assert_continues(begin(f, NULL, "<u@held.example.com>"));
	session_abort(f->session);
	release(f);
	assert_continues(begin(f, NULL, "<u@v4.example.com>"));
	session_header(f->session, "Received", HOP("a", "198.51.100.7",
	    "ESMTP"));
	end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
}

/* Forwarders. */

static void
test_what_a_forwarder_brings_is_not_refused_for_fail(void **state)
{
	static const char *const evidence[] = {
		"client = {192.0.2.0/24}",
		"client_name = {.example.net}",
		"spf_pass_for = {none.example.com, pass.example.com}",
		"client_name = {client.example.net} client = {192.0.2.1}",
	};
	static const char *const senders[] = {
		"<u@fail.example.com>", "<u@softfail.example.com>"
	};
	struct fixture *f = *state;
	struct capture c;

	for (size_t i = 0; i < 2 * sizeof(evidence) / sizeof(evidence[0]);
	    i++) {
		char *text = xasprintf("forwarder \"a b\" { %s }\n",
		    evidence[i / 2]);
		uint64_t excused = stats_get(STATS_EXCUSED_FORWARDER);

		configure(f, 4, 4, text);
		assert_continues(transact(f, "fail.example.com",
		    senders[i % 2]));
		capture_begin(&c);
		struct edits e = end(f);
		const char *line = capture_end(&c);
		assert_non_null(strstr(line, " forwarder=\"a b\" "));
		assert_non_null(strstr(line, " action=accept "));
		assert_non_null(strstr(line, " excuse=forwarder "));
		assert_insert(&e.edit[1], "Received-SPF", "forwarder a b)");
		assert_int_equal(stats_get(STATS_EXCUSED_FORWARDER),
		    excused + 1);
		free(text);
	}
}

static void
test_what_is_no_forwarder_is_refused(void **state)
{
	static const char *const evidence[] = {
		"client = {192.0.2.2}",
		"client_name = {client.example.com}",
		"spf_pass_for = {fail.example.com}",
		"spf_pass_for = {permerror.example.com}",
		"client = {192.0.2.1} spf_pass_for = {softfail.example.com}",
		"client = {192.0.2.2} spf_pass_for = {pass.example.com}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++) {
		char *text = xasprintf("forwarder a { %s }\n", evidence[i]);

		configure(f, 0, 3, text);
		assert_refused(transact(f, NULL, "<u@fail.example.com>"), 550,
		    "5.7.23");
		free(text);
	}
}

static void
test_forwarder_excuses_fail_and_softfail_alone(void **state)
{
	struct fixture *f = *state;
	unsigned asked;

	configure(f, 0, 6, "forwarder a { client = {192.0.2.1} }\n");
	assert_refused(transact(f, NULL, "<u@permerror.example.com>"), 550,
	    "5.7.24");
	assert_refused(transact(f, NULL, "<u@neutral.example.com>"), 550,
	    "5.7.1");
	assert_refused(transact(f, NULL, "<u@temperror.example.com>"), 451,
	    "4.7.24");
	/* MAIL FROM counts, though HELO fails. */
	configure(f, 3, 6, "forwarder a { client = {192.0.2.1} }\n");
	assert_refused(transact(f, "fail.example.com",
	    "<u@permerror.example.com>"), 550, "5.7.24");
	/* A client that cannot be one costs nothing more. */
	configure(f, 0, 3, "forwarder a { client = {192.0.2.2} "
	    "spf_pass_for = {v4.example.com} }\n");
	asked = f->fake.asked;
	assert_refused(transact(f, NULL, "<u@fail.example.com>"), 550,
	    "5.7.23");
	assert_int_equal(f->fake.asked, asked + 1);
}

static void
test_fail_is_deferred_where_the_dns_hides_a_forwarder(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, "forwarder a { spf_pass_for = "
	    "{temperror.example.com} }\n");
	assert_int_equal(transact(f, NULL, "<u@fail.example.com>").kind,
	    SESSION_TEMPFAIL);
	configure(f, 0, 3, "forwarder a { spf_pass_for = "
	    "{temperror.example.com} }\nforwarder b { client = {192.0.2.1} }");
	assert_continues(transact(f, NULL, "<u@fail.example.com>"));
}

static void
test_forwarder_behind_a_relay_is_one(void **state)
{
	struct fixture *f = *state;

	configure(f, 0, 3, RELAY "forwarder a { client = {198.51.100.7} }\n");
	relay_one(f, "<u@fail.example.com>", HOP("a", "198.51.100.7",
	    "ESMTP"));
	end(f);
	assert_int_equal(session_decision(f->session)->action, POLICY_ACCEPT);
}

#define CHECK_AS "rule a { client = {10.0.0.0/8} check_as = " \
	"\"198.51.100.7\" }\nrule b { authenticated = {true} " \
	"check_as = \"198.51.100.7\" action = header }\n" \
	"rule c { sender = {local.example.com} check_as = \"192.0.2.1\" }\n"

static void
test_own_mail_is_checked_as_the_next_hop_will(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 3, 3, CHECK_AS);
	connect_to(f->session, "10.0.0.9", 25000);
	session_helo(f->session, "desk.example.com");
	assert_continues(mail(f, "<u@v4.example.com>"));
	assert_continues(rcpt(f));
	capture_begin(&c);
	struct edits e = end(f);
	const char *line = capture_end(&c);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_insert(&e.edit[1], "Received-SPF", "client-ip=198.51.100.7;");
	assert_insert(&e.edit[1], "Received-SPF", "helo=mta.example.org;");
	assert_non_null(strstr(line, "client=10.0.0.9 "
	    "check_as=198.51.100.7 "));
	assert_non_null(strstr(line, " rule=a "));
	/* What others would refuse is refused here. */
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
	/* By the second rule, of clients that authenticate, it is told. */
	connect_to(f->session, "203.0.113.9", 25000);
	assert_continues(mail_authenticated(f, "u"));
	assert_continues(rcpt(f));
	end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_FAIL);
	/* Others are as ever. */
	connect_to(f->session, "192.168.0.9", 25000);
	assert_accepts(mail(f, "<u@fail.example.com>"));
	assert_string_equal(session_skip_reason(f->session),
	    "client in a trusted network");
	connect_to(f->session, "203.0.113.9", 25000);
	assert_continues(mail(f, "<u@fail.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
}

static void
test_mail_of_this_machine_may_be_checked_as_another(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, CHECK_AS);
	session_connect(f->session, NULL, NULL, "mta.example.org");
	assert_continues(mail(f, "<u@local.example.com>"));
	assert_refused(rcpt(f), 550, "5.7.23");
	assert_continues(mail(f, "<postmaster@local.example.com>"));
	assert_continues(rcpt(f));
	end(f);
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
	assert_accepts(mail(f, "<u@fail.example.com>"));
	session_abort(f->session);
	assert_accepts(mail(f, "<>"));
}

static void
test_mapped_client_is_who_the_internet_knows(void **state)
{
	struct fixture *f = *state;

	configure(f, 3, 3, "client_map = {\"10.0.0.1=198.51.100.7\"}\n");
	connect_to(f->session, "10.0.0.1", 25000);
	assert_continues(mail(f, "<u@v4.example.com>"));
	assert_continues(rcpt(f));
	struct edits e = end(f);
	assert_insert(&e.edit[0], "Received-SPF", "client-ip=198.51.100.7;");
	connect_to(f->session, "10.0.0.2", 25000);
	assert_accepts(mail(f, "<u@v4.example.com>"));
	assert_non_null(session_skip_reason(f->session));
}

/* The log and the counters. */

static void
test_log_has_one_line_of_stable_keys_a_message(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 3, 3, "");
	capture_begin(&c);
	begin(f, "pass.example.com", "<u@fail.example.com>");
	session_queue_id(f->session, "4XyZ");
	for (int i = 0; i < 3; i++)
		rcpt(f);
	session_abort(f->session);
	const char *text = capture_end(&c);

	assert_int_equal(count_of(text, "queue_id="), 1);
	assert_non_null(strstr(text, "queue_id=4XyZ client=192.0.2.1 "
	    "identity=mailfrom result=fail action=reject level=3 "
	    "helo_result=pass lookups=0 duration_ms="));
	assert_non_null(strstr(text, " rcpts=3 helo=pass.example.com "
	    "sender=u@fail.example.com rcpt=user@example.org "
	    "client_name=client.example.net record_domain=fail.example.com "
	    "mechanism=-all\n"));
}

static void
test_log_leaves_out_what_is_not_known(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 1, AT_MAIL);
	capture_begin(&c);
	connect_to(f->session, "2001:db8::1", 25000);
	mail(f, "<u@none.example.com>");
	end(f);
	const char *text = capture_end(&c);

	assert_int_equal(count_of(text, "result=none"), 1);
	assert_int_equal(count_of(text, "=\"\""), 0);
	assert_int_equal(count_of(text, "rcpt"), 0);
	assert_int_equal(count_of(text, "client_name"), 0);
	assert_int_equal(count_of(text, "record_domain"), 0);
	assert_int_equal(count_of(text, "mechanism"), 0);
	assert_int_equal(count_of(text, " helo="), 0);
	assert_int_equal(count_of(text, " reason="), 1);
}

static void
test_log_counts_the_recipients_where_no_field_is_added(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, NO_FIELDS KEEP_FORGED);
	capture_begin(&c);
	transact(f, NULL, "<u@pass.example.com>");
	rcpt(f);
	end(f);
	assert_non_null(strstr(capture_end(&c), " rcpts=2 "));
}

static void
test_log_names_the_domain_of_the_record(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, "");
	capture_begin(&c);
	transact(f, NULL, "<u@elsewhere.example.com>");
	session_abort(f->session);
	assert_non_null(strstr(capture_end(&c),
	    " record_domain=fail.example.com mechanism=-all\n"));
}

static void
test_log_of_skipped_mail_is_a_debug_line(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	capture_begin(&c);
	log_set_level(LOG_LEVEL_DEBUG);
	connect_to(f->session, "192.0.2.1", 25000);
	session_helo(f->session, "fail.example.com");
	mail_authenticated(f, "kim");
	rcpt(f);
	const struct session_edit *edits;
	size_t n;
	session_end(f->session, &edits, &n);
	session_connect(f->session, NULL, NULL, NULL);
	mail(f, "<>");
	const char *text = capture_end(&c);

	assert_non_null(strstr(text, "client=192.0.2.1 "
	    "skipped=\"client authenticated\" sender=u@fail.example.com "
	    "client_name=client.example.net\n"));
	assert_non_null(strstr(text,
	    "skipped=\"submitted on this machine\" sender=<>\n"));
	assert_int_equal(count_of(text, "skipped="), 2);
	assert_int_equal(count_of(text, "result="), 0);

	capture_begin(&c);
	mail(f, "<u@fail.example.com>");
	assert_string_equal(capture_end(&c), "");
}

static void
test_log_line_names_void_lookups(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, "");
	capture_begin(&c);
	transact(f, "mail.example.net", "<u@void.example.com>");
	end(f);
	session_abort(f->session);
	assert_non_null(strstr(capture_end(&c),
	    " void=\"a:gone.example.com, mx:void.example.com\""));
}

static void
test_log_line_of_an_accepted_message_has_the_late_queue_id(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, "");
	capture_begin(&c);
	transact(f, "mail.example.net", "<>");
	session_queue_id(f->session, "LATE");
	end(f);
	session_abort(f->session);
	const char *text = capture_end(&c);

	assert_int_equal(count_of(text, "queue_id="), 1);
	assert_non_null(strstr(text, "queue_id=LATE "));
	assert_non_null(strstr(text, " action=accept "));
	assert_non_null(strstr(text, " sender=<> "));
	assert_null(strstr(text, "helo_result="));
}

static void
test_log_tells_both_results_where_helo_decides(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 3, 3, "policy helo { temperror = tempfail }");
	capture_begin(&c);
	transact(f, "temperror.example.com", "<u@pass.example.com>");
	session_abort(f->session);
	const char *text = capture_end(&c);

	assert_non_null(strstr(text, "queue_id=- "));
	assert_non_null(strstr(text, " identity=helo result=temperror "
	    "action=tempfail level=3 mailfrom_result=pass "));
}

static void
test_log_line_cannot_be_bent(void **state)
{
	struct fixture *f = *state;
	struct capture c;
	char *helo = noise(3000, "\n action=accept");

	configure(f, 0, 3, "");
	capture_begin(&c);
	transact(f, helo, "<a b=\"c\\\n\"@fail.example.com>");
	session_abort(f->session);
	const char *text = capture_end(&c);

	assert_int_equal(count_of(text, "\n"), 1);
	assert_int_equal(count_of(text, " action="), 1);
	assert_non_null(strstr(text, " action=reject "));
	free(helo);
}

static void
test_log_of_a_message_given_up_before_its_verdict_is_silent(void **state)
{
	struct fixture *f = *state;
	struct capture c;

	configure(f, 0, 3, "");
	capture_begin(&c);
	begin(f, NULL, "<u@fail.example.com>");
	session_abort(f->session);
	assert_string_equal(capture_end(&c), "");
}

static void
test_counters_follow_sessions_messages_and_results(void **state)
{
	struct fixture *f = *state;
	uint64_t sessions = stats_get(STATS_SESSIONS);
	uint64_t messages = stats_get(STATS_MESSAGES);
	uint64_t none = stats_get(STATS_RESULT_NONE);
	uint64_t pass = stats_get(STATS_RESULT_PASS);
	uint64_t accepted = stats_get(STATS_ACCEPTED);

	session_free(session_new(&f->env, f->conf));
	transact(f, "none.example.com", "<u@pass.example.com>");
	end(f);
	session_abort(f->session);
	assert_int_equal(stats_get(STATS_SESSIONS), sessions + 1);
	assert_int_equal(stats_get(STATS_MESSAGES), messages + 1);
	assert_int_equal(stats_get(STATS_RESULT_NONE), none + 1);
	assert_int_equal(stats_get(STATS_RESULT_PASS), pass + 1);
	assert_int_equal(stats_get(STATS_ACCEPTED), accepted + 1);
}

/* A new session is often where the one before was. */
static void
test_questions_that_others_left_are_not_charged_to_a_connection(void **state)
{
	struct fixture *f = *state;
	char from[40];

	configure(f, 0, 3, "");
	fake_dns_hold(&f->fake, "dead");
	for (unsigned i = 0; i < 65; i++) {
		(void)snprintf(from, sizeof(from), "<u@dead%u.example.com>",
		    i);
		begin(f, NULL, from);
		session_free(f->session);
		f->session = session_new(&f->env, f->conf);
	}
	assert_int_equal(f->fake.asked, 65);
	assert_continues(transact(f, NULL, "<u@pass.example.com>"));
	assert_result(f, SCOPE_MAILFROM, RESULT_PASS);
}

#define SESSION_TEST(name)						\
	cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(levels_answer_as_their_table_says),
		SESSION_TEST(level_0_looks_nothing_up_and_adds_nothing),
		SESSION_TEST(header_only_level_collects_at_the_end),
		SESSION_TEST(refusal_is_the_same_at_every_rcpt),
		SESSION_TEST(reject_at_mail_answers_mail),
		SESSION_TEST(reject_at_mail_knows_the_queue_id),
		SESSION_TEST(end_decides_what_no_rcpt_has_decided),
		SESSION_TEST(nothing_to_add_is_accepted_at_mail),
		SESSION_TEST(no_recipient_is_accepted_for_others),
		SESSION_TEST(mail_null_sender_uses_helo),
		SESSION_TEST(mail_null_sender_is_checked_where_helo_is_not),
		SESSION_TEST(mail_null_sender_has_its_own_level),
		SESSION_TEST(
		    mail_null_sender_is_explained_though_helo_is_not),
		SESSION_TEST(sender_of_the_mta_counts),
		SESSION_TEST(two_senders_are_looked_up_together),
		SESSION_TEST(no_helo_is_none_without_lookup),
		SESSION_TEST(helo_that_is_no_domain_is_none_without_lookup),
		SESSION_TEST(helo_rejection_leaves_mail_from_out),
		SESSION_TEST(mail_from_rejection_wins_over_helo_temperror),
		SESSION_TEST(helo_temperror_is_noted),
		SESSION_TEST(mail_from_decides_where_both_are_temperror),
		SESSION_TEST(helo_temperror_defers_the_null_sender),
		SESSION_TEST(helo_name_is_known_to_records),
		SESSION_TEST(helo_that_comes_last_counts),
		SESSION_TEST(helo_begins_nothing),
		SESSION_TEST(helo_and_mail_from_are_looked_up_together),
		SESSION_TEST(helo_verdict_serves_the_whole_connection),
		SESSION_TEST(
		    helo_temperror_is_evaluated_anew_for_the_next_message),
		SESSION_TEST(mapped_client_is_ipv4),
		SESSION_TEST(ipv6_client_is_checked),
		SESSION_TEST(answer_between_mail_and_rcpt_is_used),
		SESSION_TEST(late_answer_is_tempfail),
		SESSION_TEST(
		    late_answer_is_a_temperror_field_where_nothing_refuses),
		SESSION_TEST(mail_from_is_cancelled_where_helo_rejects),
		SESSION_TEST(mail_from_is_not_begun_where_helo_has_rejected),
		SESSION_TEST(client_that_leaves_cancels),
		SESSION_TEST(
		    questions_that_others_left_are_not_charged_to_a_connection),
		SESSION_TEST(trusted_network_is_not_checked),
		SESSION_TEST(trusted_network_holds_for_mapped_clients),
		SESSION_TEST(authenticated_client_is_not_checked),
		SESSION_TEST(authentication_counts_only_where_trusted),
		SESSION_TEST(empty_user_has_not_authenticated),
		SESSION_TEST(mail_of_this_machine_is_not_checked),
		SESSION_TEST(policy_sections_decide_over_the_level),
		SESSION_TEST(
		    higher_level_that_would_refuse_is_counted_and_logged),
		SESSION_TEST(table_that_skips_everything_looks_nothing_up),
		SESSION_TEST(
		    skipped_result_has_no_field_but_covers_forged_ones),
		SESSION_TEST(deferral_of_a_result_has_a_4xx_reply),
		SESSION_TEST(rule_that_needs_no_lookup_skips_at_mail),
		SESSION_TEST(rule_of_level_1_lets_a_guess_through),
		SESSION_TEST(rules_decide_on_each_recipient),
		SESSION_TEST(names_of_a_client_are_confirmed),
		SESSION_TEST(client_passes_for_a_domain),
		SESSION_TEST(wide_open_record_is_no_evidence),
		SESSION_TEST(rule_that_the_dns_leaves_open_defers),
		SESSION_TEST(rule_without_need_asks_for_nothing),
		SESSION_TEST(mixed_recipients_are_told_to_come_again),
		SESSION_TEST(rule_by_the_result_of_helo),
		SESSION_TEST(rule_by_daemon_needs_it_told),
		SESSION_TEST(skip_adds_a_field_where_asked_for),
		SESSION_TEST(skip_leaves_fields_as_they_came),
		SESSION_TEST(reply_has_the_values_of_the_identity),
		SESSION_TEST(reply_has_the_values_of_helo),
		SESSION_TEST(
		    reply_names_us_by_configuration_then_mta_then_system),
		SESSION_TEST(reply_reason_is_the_problem),
		SESSION_TEST(link_tells_the_facts_of_a_refusal),
		SESSION_TEST(link_tells_what_is_put_off),
		SESSION_TEST(link_of_a_guess_tells_that_there_is_no_record),
		SESSION_TEST(link_tells_the_rule_that_decided),
		SESSION_TEST(link_tells_which_identity_was_refused),
		SESSION_TEST(explanation_belongs_to_fail_alone),
		SESSION_TEST(step_follows_the_code_of_the_template),
		SESSION_TEST(fields_are_inserted_from_the_lowest),
		SESSION_TEST(helo_that_was_not_given_has_no_field),
		SESSION_TEST(domain_beyond_ascii_is_told_as_a_label),
		SESSION_TEST(forged_results_are_deleted_from_the_last),
		SESSION_TEST(forged_results_go_in_every_configuration),
		SESSION_TEST(received_spf_that_is_brought_is_covered),
		SESSION_TEST(forged_skip_goes),
		SESSION_TEST(forged_fields_of_authenticated_clients),
		SESSION_TEST(forged_fields_stay_where_they_may),
		SESSION_TEST(flood_of_forged_results_is_refused),
		SESSION_TEST(second_message_starts_from_nothing),
		SESSION_TEST(each_stage_has_its_events),
		SESSION_TEST(events_between_messages_change_nothing),
		SESSION_TEST(long_and_odd_arguments_are_only_text),
		SESSION_TEST(any_order_of_events_is_survived),
		SESSION_TEST(tag_changes_the_subject_and_adds_its_fields),
		SESSION_TEST(tag_without_a_subject_adds_one),
		SESSION_TEST(forged_marks_go),
		SESSION_TEST(rule_may_have_a_tag_of_its_own),
		SESSION_TEST(tag_is_that_of_the_result_that_was_judged),
		SESSION_TEST(quarantine_has_a_reason),
		SESSION_TEST(refusal_waits_for_the_end),
		SESSION_TEST(aligned_signature_spares_the_message),
		SESSION_TEST(signatures_that_do_not_spare_it),
		SESSION_TEST(encoded_identity_of_a_signature_spares_nothing),
		SESSION_TEST(dmarc_policy_of_the_author_spares_the_message),
		SESSION_TEST(dmarc_policies_that_do_not_spare_it),
		SESSION_TEST(late_dmarc_policy_does_not_spare_the_message),
		SESSION_TEST(what_is_not_refused_is_not_asked_for),
		SESSION_TEST(
		    both_results_are_told_of_a_message_that_is_spared),
		SESSION_TEST(
		    rule_whose_refusal_is_dropped_has_decided_once),
		SESSION_TEST(needs_are_as_few_as_the_configuration_allows),
		SESSION_TEST(client_of_a_relay_is_whom_it_names),
		SESSION_TEST(
		    mail_of_a_relay_is_held_where_other_mail_is_refused),
		SESSION_TEST(mail_of_a_relay_is_spared),
		SESSION_TEST(helo_of_a_relay_s_client_hides_no_mail_from),
		SESSION_TEST(client_that_a_relay_does_not_name_is_none),
		SESSION_TEST(
		    rules_ask_nothing_of_a_client_that_is_not_known),
		SESSION_TEST(rules_go_by_what_the_client_of_a_relay_is),
		SESSION_TEST(each_message_of_a_relay_has_its_client),
		SESSION_TEST(relay_s_client_may_be_one_that_is_not_checked),
		SESSION_TEST(relay_in_a_trusted_network_is_a_relay),
		SESSION_TEST(aborted_mail_of_a_relay_leaves_nothing),
		SESSION_TEST(what_a_forwarder_brings_is_not_refused_for_fail),
		SESSION_TEST(what_is_no_forwarder_is_refused),
		SESSION_TEST(forwarder_excuses_fail_and_softfail_alone),
		SESSION_TEST(fail_is_deferred_where_the_dns_hides_a_forwarder),
		SESSION_TEST(forwarder_behind_a_relay_is_one),
		SESSION_TEST(own_mail_is_checked_as_the_next_hop_will),
		SESSION_TEST(mail_of_this_machine_may_be_checked_as_another),
		SESSION_TEST(mapped_client_is_who_the_internet_knows),
		SESSION_TEST(log_has_one_line_of_stable_keys_a_message),
		SESSION_TEST(log_leaves_out_what_is_not_known),
		SESSION_TEST(
		    log_counts_the_recipients_where_no_field_is_added),
		SESSION_TEST(log_names_the_domain_of_the_record),
		SESSION_TEST(log_of_skipped_mail_is_a_debug_line),
		SESSION_TEST(log_line_names_void_lookups),
		SESSION_TEST(
		    log_line_of_an_accepted_message_has_the_late_queue_id),
		SESSION_TEST(log_tells_both_results_where_helo_decides),
		SESSION_TEST(log_line_cannot_be_bent),
		SESSION_TEST(
		    log_of_a_message_given_up_before_its_verdict_is_silent),
		SESSION_TEST(
		    counters_follow_sessions_messages_and_results),
	};

	eval_init();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
