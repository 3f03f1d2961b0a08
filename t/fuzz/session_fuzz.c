/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session that gets any events, in any order, with any texts.  The input is
 * texts divided by NUL: the configuration in letters (see configure), zone
 * lines that are added to ours, and one text an event, whose first letter
 * says which (see play).  What has to hold of every answer is asserted here;
 * what the right answer is, is for t/golden and session_test to say.
 */

#include "config.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "fake_dns.h"
#include "mail/session.h"
#include "policy/decide.h"
#include "policy/reply.h"
#include "policy/suffixes.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS_MAX 400
#define OUR_NAME "mx.example.org"
#define PREFIX "[SPF]"

static const char zone[] =
    "$TTL 1\n"
    "neutral.example.com. TXT \"v=spf1 ?all\"\n"
    "pass.example.com. TXT \"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\"\n"
    "fail.example.com. TXT \"v=spf1 -all exp=why.example.com\"\n"
    "softfail.example.com. TXT \"v=spf1 ~all\"\n"
    "temperror.example.com. SERVFAIL\n"
    "slow.example.com. TIMEOUT\n"
    "permerror.example.com. TXT \"v=spf1 bogus -all\"\n"
    "macro.example.com. TXT \"v=spf1 exists:%{l}.%{h} -all\"\n"
    "_dmarc.example.org. TXT \"v=DMARC1; p=none\"\n"
    "why.example.com. TXT \"ask %{o} about %{s}, %{i} and %{h}\"\n";

/* Fields that may be deleted, and those that may be inserted. */
static const char *const names[] = {
	"Authentication-Results", "X-SPF-Skipped", "X-SPF-Tag", "Received-SPF"
};
#define DELETED 3
#define NAMES (sizeof(names) / sizeof(names[0]))

struct player {
	struct session_env env;
	const struct conf *conf;
	struct session	*session;
	const char	*mta_name;	/* from the next connect on */
	const char	*auth;		/* of the next MAIL */
	bool		 connected;
	bool		 is_ours;	/* OUR_NAME is, or the MTA's */
	bool		 open;		/* a message is under way */
	bool		 refused;
	char		 text[REPLY_TEXT_SIZE];	/* of the refusal */
	unsigned	 seen[DELETED];	/* fields so far */
	unsigned	 plain;		/* the last that is plainly forged */
	unsigned	 subjects;	/* so far */
};

/* Answers. */

static void
check_reply(const struct reply *r)
{
	size_t lines = 1;
	size_t column = 0;

	assert(r->code >= 400 && r->code <= 599);
	assert(r->enhanced[0] == (char)('0' + r->code / 100));
	for (const char *p = r->text; *p != '\0'; p++) {
		assert(*p == '\n' ? column > 0 : util_is_print(*p));
		column = *p == '\n' ? 0 : column + 1;
		lines += *p == '\n';
		assert(column <= REPLY_LINE_MAX);
	}
	assert(column > 0 && lines <= REPLY_LINES_MAX);
}

/* One message is refused for one reason, which does not change. */
static void
check_refusal(struct player *p, const struct reply *r)
{
	check_reply(r);
	if (p->refused)
		assert(strcmp(r->text, p->text) == 0);
	p->refused = true;
	util_copy(p->text, sizeof(p->text), r->text);
}

static bool
is_checked(const struct session *s)
{
	return session_verdict(s, SCOPE_HELO) != NULL ||
	    session_verdict(s, SCOPE_MAILFROM) != NULL;
}

/* held: a refusal waits for the end of the message. */
static void
check_step(struct player *p, struct session_step step, bool held)
{
	const struct session *s = p->session;

	if (!p->open) {
		assert(step.kind == SESSION_CONTINUE && step.reply == NULL);
		return;
	}

	/* With rules each recipient has its own. */
	if (p->conf->rules.count > 0) {
		assert((step.reply != NULL) == (step.kind == SESSION_REJECT ||
		    step.kind == SESSION_TEMPFAIL));
		assert(step.reply == NULL || (step.kind == SESSION_REJECT) ==
		    (step.reply->code >= 500));
		return;
	}

	enum session_step_kind refusal = session_decision(s)->action ==
	    POLICY_REJECT ? SESSION_REJECT : SESSION_TEMPFAIL;

	if (step.reply != NULL) {
		assert(step.kind == refusal);
		check_refusal(p, step.reply);
	} else {
		assert(step.kind == SESSION_CONTINUE ||
		    step.kind == SESSION_ACCEPT);
		assert(!p->refused);
		assert(held || !decision_refuses(session_decision(s)));
	}
	if (session_skip_reason(s) != NULL)
		assert(!is_checked(s));
}

/* Edits. */

/* Folded lines that can be seen, and no line of another field. */
static void
check_value(const char *value)
{
	size_t column = 0;

	for (const char *p = value; *p != '\0'; p++) {
		column = *p == '\n' ? 0 : column + 1;
		assert(column <= 960);	/* 998 with the name, RFC 5322 */
		if (*p != '\n') {
			assert(util_is_print(*p));
			continue;
		}
		assert(p > value && p[1] == '\t' && p[2] > ' ');
		p++;
	}
	assert(column > 0);
}

static size_t
name_of(const char *name)
{
	size_t i = 0;

	while (i < NAMES && !util_eq_nocase(names[i], name))
		i++;
	return i;
}

/* Deletions come first, those of a name from the last one. */
static size_t
check_deletions(const struct player *p, const struct session_edit *edits,
    size_t n)
{
	unsigned next[DELETED];
	bool plain = false;
	size_t i = 0;

	memcpy(next, p->seen, sizeof(next));
	for (; i < n && edits[i].kind == SESSION_DELETE; i++) {
		size_t name = name_of(edits[i].name);

		assert(name < DELETED);
		assert(edits[i].index > 0 && edits[i].index <= next[name]);
		next[name] = edits[i].index - 1;
		plain |= name == 0 && edits[i].index == p->plain;
	}
	if (p->conf->remove_forged && session_skip_reason(p->session) == NULL)
		assert(plain || p->plain == 0);
	return i;
}

static void
check_edits(const struct player *p, const struct session_edit *edits,
    size_t n)
{
	size_t i = check_deletions(p, edits, n);

	for (; i < n && edits[i].kind == SESSION_CHANGE; i++) {
		assert(strcmp(edits[i].name, "Subject") == 0);
		assert(strncmp(edits[i].value, PREFIX, sizeof(PREFIX) - 1) ==
		    0);
		assert(edits[i].index > 0 &&
		    edits[i].index <= p->subjects + (p->subjects == 0));
	}
	if (i < n && edits[i].kind == SESSION_QUARANTINE)
		check_value(edits[i++].value);
	assert(n - i <= 4);
	for (; i < n; i++) {
		assert(edits[i].kind == SESSION_INSERT);
		assert(name_of(edits[i].name) < NAMES);
		check_value(edits[i].value);
	}
}

/* Events. */

static void
end_message(struct player *p)
{
	p->open = false;
	assert(session_skip_reason(p->session) == NULL);
	assert(!is_checked(p->session));
}

static void
play_connect(struct player *p, const char *text, uint16_t port)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	struct addr a;

	if (addr_parse_v4(&a, text, strlen(text))) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a.bytes, 4);
	} else if (addr_parse_v6(&a, text, strlen(text))) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a.bytes, 16);
	}
	session_connect(p->session, *text == '\0' ? NULL
	    : (struct sockaddr *)&ss, text, p->mta_name);
	p->connected = true;
	p->is_ours = strcmp(p->conf->hostname, OUR_NAME) == 0 ||
	    (p->mta_name != NULL && strcmp(p->mta_name, OUR_NAME) == 0);
	end_message(p);
}

static void
play_helo(struct player *p, const char *text)
{
	session_helo(p->session, text);
	end_message(p);
}

static void
play_mail(struct player *p, const char *text)
{
	const struct session_sender from = { .arg = text,
		.auth_user = p->auth };
	struct session_step step = session_mail(p->session, &from);

	p->open = p->connected;
	p->refused = false;
	memset(p->seen, 0, sizeof(p->seen));
	p->plain = 0;
	p->subjects = 0;
	p->auth = NULL;
	check_step(p, step, false);
}

static void
play_rcpt(struct player *p, const char *text)
{
	struct session_step step = session_rcpt(p->session, text);

	assert(step.kind != SESSION_ACCEPT);
	check_step(p, step, p->conf->reject_at == CONF_STAGE_END);
}

/* A line "name:value". */
static void
play_header(struct player *p, char *text)
{
	static const char forged[] = OUR_NAME "; spf=";
	char *colon = strchr(text, ':');
	const char *value = colon != NULL ? colon + 1 : "";

	if (colon != NULL)
		*colon = '\0';
	session_header(p->session, text, value);

	size_t name = name_of(text);

	if (name < DELETED)
		p->seen[name]++;
	if (util_eq_nocase(text, "Subject"))
		p->subjects++;
	if (name == 0 && p->is_ours &&
	    strncmp(value, forged, sizeof(forged) - 1) == 0)
		p->plain = p->seen[0];
}

static void
play_end(struct player *p)
{
	const struct session_edit *edits;
	size_t n;
	struct session_step step = session_end(p->session, &edits, &n);

	check_step(p, step, false);
	if (!p->open || step.reply != NULL) {
		assert(n == 0);
	} else {
		assert(step.kind == SESSION_CONTINUE);
		assert(is_checked(p->session) ==
		    (session_skip_reason(p->session) == NULL));
		check_edits(p, edits, n);
	}
	p->open = false;
}

static void
play_reset(struct player *p)
{
	session_free(p->session);
	p->session = session_new(&p->env, p->conf);
	p->connected = false;
	end_message(p);
}

/* The first letter says which event it is. */
static void
play(struct player *p, char *event)
{
	char *text = event + 1;

	switch (event[0]) {
	case 'j':		/* the MTA's name at the next connect */
		p->mta_name = text;
		break;
	case 'C':
		play_connect(p, text, 25000);
		break;
	case 'c':		/* as Postfix shows its own sendmail(1) */
		play_connect(p, text, 0);
		break;
	case 'H':
		play_helo(p, text);
		break;
	case 'h':
		play_helo(p, NULL);
		break;
	case 'a':		/* who has authenticated, for the next MAIL */
		p->auth = text;
		break;
	case 'M':
		play_mail(p, text);
		break;
	case 'm':
		play_mail(p, NULL);
		break;
	case 'R':
		play_rcpt(p, text);
		break;
	case 'L':
		play_header(p, text);
		break;
	case 'i':
		session_queue_id(p->session, text);
		break;
	case 'l':
		session_end_of_header(p->session);
		break;
	case 'E':
		play_end(p);
		break;
	case 'A':
		session_abort(p->session);
		end_message(p);
		break;
	case 'K':
		play_reset(p);
		break;
	default:
		break;
	}
}

/* The stage. */

/* The configuration of a text. */
static struct conf *
load(const char *text, size_t len)
{
	char path[40];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct diag d;

	assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	diag_init(&d);
	struct conf *c = conf_load(path, NULL, &d);
	assert(c != NULL && d.count == 0);
	diag_fini(&d);
	close(fd);
	return c;
}

static const char *
fields_of(const char *letters)
{
	bool only_received = strchr(letters, 'R') != NULL;
	bool only_results = strchr(letters, 'A') != NULL;

	if (only_received)
		return only_results ? "" : "\"received-spf\"";
	return only_results ? "\"authentication-results\""
	    : "\"received-spf\", \"authentication-results\"";
}

/* A digit is the level of MAIL FROM, a letter up to g that of HELO. */
static struct conf *
configure(const char *letters)
{
	static const struct {
		char		 letter;
		const char	*line;
	} lines[] = {
		{ 'F', "remove_forged = false" },
		{ 'M', "reject_at = \"mail\"" },
		{ 'N', "hostname = \"" OUR_NAME "\"" },
		{ 'S', "add_header_on_skip = true" },
		{ 'T', "trust_authenticated = false" },
		{ 'Q', "policy mailfrom { softfail = tag fail = quarantine }" },
		{ 'E', "reject_at = \"eom\"\nunless_dkim_pass = true\n"
		    "dkim_results_from = {\"" OUR_NAME "\"}\n"
		    "leave_to_dmarc = true" },
		{ 'G', "relay { client = {\"203.0.113.0/24\"} }" },
		{ 'B', "relay { client = {\"203.0.113.0/24\"} refuse = yes }" },
		{ 'W', "forwarder w { spf_pass_for = {\"pass.example.com\"} "
		    "}\nforwarder n { client_name = {\".example.net\"} }" },
		{ 'U', "rule u { client = {\"198.51.100.0/25\"} "
		    "check_as = \"192.0.2.1\" }" },
		{ 'P', "tag softfail { subject = \"" PREFIX "\" }" },
		{ 'R', "mixed_recipients = split\nrule skipped { sender = "
		    "user@ daemon = \"!MSA\" action = skip }\n"
		    "rule strict { recipient = {user@, .example.org} "
		    "result = {softfail, neutral} action = reject }\n"
		    "rule known { client_name = .example.com behavior = 4 }\n"
		    "rule passes { spf_pass_for = {pass.example.com, "
		    "temperror.example.com} action = header }\n"
		    "rule marked { recipient = \"!a@example.org\" "
		    "identity = helo mechanism = {all, default} "
		    "action = tag }" },
	};
	const char *mail = strpbrk(letters, "0123456");
	const char *helo = strpbrk(letters, "abcdefg");
	int helo_level = helo != NULL ? *helo - 'a' : 3;
	char text[2048];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "behavior = %c\nbehavior_helo = %d\ncheck_helo = %s\n"
	    "headers = {%s}\ntrusted_networks = {\"198.51.100.0/24\"}\n"
	    "dns { timeout = 1s }\n", mail != NULL ? *mail : '3', helo_level,
	    helo_level == 0 ? "false" : "true", fields_of(letters));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strchr(letters, lines[i].letter) != NULL &&
		    (lines[i].letter != 'E' || suffixes_version() != NULL) &&
		    (lines[i].letter != 'R' || strchr(letters, 'M') == NULL))
			sbuf_fmt(&sb, "%s\n", lines[i].line);
	return load(text, sb.len);
}

/* Of our lines and those of the input, or of ours alone. */
static struct dns *
make_dns(const char *lines)
{
	static const struct dns_options options = { .query_timeout_ms = 1 };
	char *text = xasprintf("%s%s", zone, lines);
	struct diag d;

	diag_init(&d);
	struct dns_backend *b = fake_zone_new(text, &d);
	if (b == NULL)
		b = fake_zone_new(zone, &d);
	assert(b != NULL);
	diag_fini(&d);
	free(text);
	return dns_new_backend(b, &options);
}

static void
play_all(const struct conf *conf, const char *lines, char *events,
    const char *end)
{
	static const struct flight_options options = {
		.threads = 1,
		.max_in_flight = 100,
	};
	struct dns *dns = make_dns(lines);
	struct player *p = xcalloc(1, sizeof(*p));

	p->conf = conf;
	p->env.hostname = "host.example.org";
	p->env.flights = flights_new(dns, &options);
	assert(p->env.flights != NULL);
	play_reset(p);
	for (int i = 0; i < EVENTS_MAX && events < end; i++) {
		size_t len = strlen(events);

		play(p, events);
		events += len + 1;
	}
	session_free(p->session);
	flights_free(p->env.flights);
	dns_free(dns);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	eval_init();
	log_set_level(LOG_LEVEL_ERROR);

	char *input = xcalloc(1, size + 3);	/* three texts at least */
	if (size > 0)
		memcpy(input, data, size);
	char *lines = input + strlen(input) + 1;
	char *events = lines <= input + size ? lines + strlen(lines) + 1
	    : lines;
	struct conf *conf = configure(input);
	play_all(conf, lines, events, input + size);
	conf_release(conf);
	free(input);
	return 0;
}
