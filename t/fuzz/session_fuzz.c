/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session that gets any events, in any order, with any texts.  The input is
 * texts divided by NUL: the configuration in letters (see configure), zone
 * lines that are added to ours, and one text an event, whose first letter
 * says which (see play).  What the session answers is held against a model
 * of what went in: which steps are legal, what a reply looks like, and that
 * every edit follows the grammar of its field.
 */

#include "config.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/result.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "mail/session.h"
#include "policy/authres.h"
#include "policy/header.h"
#include "policy/policy.h"
#include "policy/reply.h"
#include "fake_dns.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS_MAX 400
#define FORGED_MAX 100
#define OUR_NAME "mx.example.org"
#define RESULTS "Authentication-Results"
#define SKIPPED "X-SPF-Skipped"

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
    "why.example.com. TXT \"ask %{o} about %{s}, %{i} and %{h}\"\n";

/* What a session has been told. */
struct model {
	bool		 connected;
	bool		 known;			/* the client's address */
	bool		 local;			/* from port 0 */
	struct addr	 client;
	const char	*receiver;		/* the MTA's name, or ours */
	const char	*next_receiver;		/* from the next connect on */
	const char	*helo;			/* NULL: none, or "" */
	const char	*auth;			/* of the next MAIL */

	bool		 message;
	bool		 skipped;
	bool		 sees_fields;
	bool		 ended;
	bool		 answered;		/* RCPT has been */
	enum session_step_kind answer;
	char		 text[REPLY_TEXT_SIZE];	/* of answer */
	const char	*results[EVENTS_MAX];	/* incoming fields; NULL: one
						 * that says why not checked */
	size_t		 result_count;
	bool		 brings_spf;		/* Received-SPF */
};

struct player {
	struct conf	*conf;
	struct session_env env;
	struct session	*session;
	struct model	 model;
};

static const char *
our_name(const struct player *p)
{
	return p->conf->hostname[0] != '\0' ? p->conf->hostname
	    : p->model.receiver;
}

/* Replies and steps. */

static void
check_reply(const struct reply *r)
{
	size_t lines = 1;
	size_t column = 0;

	assert(r->code >= 400 && r->code <= 599);
	assert(r->enhanced[0] == (char)('0' + r->code / 100));
	assert(r->text[0] != '\0');
	for (const char *p = r->text; *p != '\0'; p++) {
		assert(*p == '\n' ? column > 0 : util_is_print(*p));
		column = *p == '\n' ? 0 : column + 1;
		lines += *p == '\n';
		assert(column <= REPLY_LINE_MAX);
	}
	assert(column > 0 && lines <= REPLY_LINES_MAX);
}

/* What the policy makes of the verdicts so far. */
static enum policy_action
action_of(const struct player *p)
{
	enum policy_action action[SCOPE_COUNT];

	for (int i = 0; i < SCOPE_COUNT; i++) {
		const struct eval_verdict *v = session_verdict(p->session,
		    (enum scope)i);

		assert(v == NULL || v->scope == (enum scope)i);
		action[i] = v == NULL ? POLICY_SKIP : policy_decide(
		    &p->conf->policy, (enum scope)i, v->result);
	}
	if (action[SCOPE_HELO] == POLICY_REJECT)
		assert(session_verdict(p->session, SCOPE_MAILFROM) == NULL);
	return action[SCOPE_HELO] > action[SCOPE_MAILFROM] ?
	    action[SCOPE_HELO] : action[SCOPE_MAILFROM];
}

static bool
is_decided(const struct session *s)
{
	return session_verdict(s, SCOPE_HELO) != NULL ||
	    session_verdict(s, SCOPE_MAILFROM) != NULL;
}

static bool
can_refuse(const struct conf *c)
{
	return policy_can_refuse(&c->policy, SCOPE_HELO) ||
	    policy_can_refuse(&c->policy, SCOPE_MAILFROM);
}

static void
check_step(struct session_step step)
{
	assert((step.reply != NULL) == (step.kind == SESSION_TEMPFAIL ||
	    step.kind == SESSION_REJECT));
	if (step.reply == NULL)
		return;
	check_reply(step.reply);
	assert(step.kind == (step.reply->code >= 500 ? SESSION_REJECT
	    : SESSION_TEMPFAIL));
}

/* decided: at this stage the session must have made up its mind. */
static void
check_answer(const struct player *p, struct session_step step, bool decided)
{
	const struct model *m = &p->model;
	enum policy_action action = action_of(p);

	check_step(step);
	assert((session_skip_reason(p->session) != NULL) == m->skipped);
	if (m->skipped || !decided) {
		assert(!is_decided(p->session) && step.reply == NULL);
		return;
	}
	assert(is_decided(p->session));
	if (action == POLICY_REJECT)
		assert(step.kind == SESSION_REJECT);
	else if (action == POLICY_TEMPFAIL)
		assert(step.kind == SESSION_TEMPFAIL);
	else
		assert(step.kind == SESSION_CONTINUE ||
		    (step.kind == SESSION_ACCEPT && !m->sees_fields));
}

/* Fields: a strict reader, which leaves the folding behind. */

static char *
unfold(const char *value)
{
	char *text = xstrdup(value);
	size_t line = 0;

	for (char *p = text; *p != '\0'; p++) {
		line = *p == '\n' ? 0 : line + 1;
		assert(line <= 960);	/* 998 with the name, RFC 5322 */
		if (*p != '\n') {
			assert(util_is_print(*p));
			continue;
		}
		assert(p > text && p[1] == '\t' && p[2] > ' ');
		memmove(p, p + 1, strlen(p));
		*p = ' ';
	}
	return text;
}

static bool
is_atext(char c)
{
	return util_is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/?^_`{|}~.", c) != NULL);
}

/* A dot-atom, or a quoted-string into which nothing reaches. */
static const char *
skip_value(const char *p)
{
	if (*p != '"') {
		const char *start = p;

		while (is_atext(*p))
			p++;
		assert(p > start && *start != '.' && p[-1] != '.');
		return p;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		else
			assert(strchr("=;()", *p) == NULL);
		assert(*p != '\0');
	}
	return p + 1;
}

static const char *
skip_text(const char *p, const char *text)
{
	assert(strncmp(p, text, strlen(text)) == 0);
	return p + strlen(text);
}

static const char *
skip_comment(const char *p)
{
	p = skip_text(p, "(");
	for (; *p != ')'; p++)
		assert(*p != '\0' && strchr("(\\\"=;", *p) == NULL);
	return p + 1;
}

/*
 * result (comment) key=value; key=value, keys known, in their order.  wants:
 * keys and values that must be there, NULL at its end.
 */
static void
check_received_spf(const char *value, const char *result,
    const char *const *wants)
{
	static const char *const keys[] = { "client-ip=", "envelope-from=",
		"helo=", "receiver=", "identity=", "mechanism=", "problem=" };
	char *text = unfold(value);
	const char *p = skip_text(text, result);

	p = skip_comment(skip_text(p, " "));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *pair = p + 1;

		if (*p == '\0' || strncmp(pair, keys[i], strlen(keys[i])) != 0)
			continue;
		p = skip_value(pair + strlen(keys[i]));
		if (*wants != NULL && strncmp(pair, *wants,
		    (size_t)(p - pair)) == 0 &&
		    (*wants)[p - pair] == '\0')
			wants++;
		p += *p == ';';
		assert(*p == '\0' || *p == ' ');
	}
	assert(*p == '\0' && p[-1] != ';' && *wants == NULL);
	free(text);
}

static void
check_spf_field(const struct player *p, const char *value, enum scope scope)
{
	const struct eval_verdict *v = session_verdict(p->session, scope);
	char client[ADDR_TEXT_SIZE];
	char *pairs[] = { NULL, NULL };

	addr_format(&p->model.client, client);
	pairs[0] = xasprintf("client-ip=%s%s%s", strchr(client, ':') != NULL ?
	    "\"" : "", client, strchr(client, ':') != NULL ? "\"" : "");
	pairs[1] = xasprintf("identity=%s", scope_name(scope));
	const char *const wants[] = { pairs[0], pairs[1], NULL };
	check_received_spf(value, result_name(v->result), wants);
	free(pairs[0]);
	free(pairs[1]);
}

/* Other names are not written as they are. */
static bool
is_plain(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!is_atext(*p))
			return false;
	return strlen(name) <= HEADER_TEXT_MAX;
}

/* Ours behind the deletions: id; spf=result [reason=text] [property] */
static void
check_results_field(const struct player *p, const char *value)
{
	char *text = unfold(value);
	const char *at = skip_value(text);

	at = skip_value(skip_text(at, "; spf="));
	if (strncmp(at, " reason=", 8) == 0)
		at = skip_value(at + 8);
	if (strncmp(at, " smtp.helo=", 11) == 0)
		at = skip_value(at + 11);
	else if (strncmp(at, " smtp.mailfrom=", 15) == 0)
		at = skip_value(at + 15);
	assert(*at == '\0');
	assert(authres_claims_spf(value));
	if (is_plain(our_name(p)))
		assert(authres_claims_id(value, our_name(p)));
	free(text);
}

/* Edits. */

/* The plain form, whose claim needs no reading of the RFC. */
static bool
claims_plainly(const char *value, const char *name)
{
	size_t len = strlen(name);

	return len > 0 && is_plain(name) && strncmp(value, name, len) == 0 &&
	    strncmp(value + len, "; spf=", 6) == 0;
}

static bool
is_forged(const struct player *p, const char *value)
{
	if (value == NULL)
		return true;
	return authres_claims_spf(value) &&
	    (authres_claims_id(value, our_name(p)) ||
	    authres_claims_id(value, p->model.receiver));
}

/* The field at i, from 1 among those of its name. */
static unsigned
index_of(const struct model *m, size_t i)
{
	unsigned index = 0;

	for (size_t k = 0; k <= i; k++)
		index += (m->results[k] == NULL) == (m->results[i] == NULL);
	return index;
}

/* Deletions are all the forged ones, the last first. */
static size_t
check_deletions(const struct player *p, const struct session_edit *edits,
    size_t n)
{
	const struct model *m = &p->model;
	size_t done = 0;

	for (size_t i = m->result_count; i-- > 0;) {
		bool claims = is_forged(p, m->results[i]);

		if (m->results[i] != NULL)
			assert(claims ||
			    !claims_plainly(m->results[i], our_name(p)));
		if (!claims)
			continue;
		assert(done < n && edits[done].kind == SESSION_DELETE);
		assert(edits[done].index == index_of(m, i));
		assert(strcmp(edits[done].name, m->results[i] != NULL ?
		    RESULTS : SKIPPED) == 0);
		done++;
	}
	return done;
}

static size_t
count_forged(const struct player *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->model.result_count; i++)
		count += is_forged(p, p->model.results[i]);
	return count;
}

static bool
is_insert(const struct session_edit *e, const char *name)
{
	return e->kind == SESSION_INSERT && strcmp(e->name, name) == 0;
}

/* What is inserted, from below: our results, Received-SPF of each scope. */
static void
check_edits(const struct player *p, const struct session_edit *edits,
    size_t n)
{
	const unsigned headers = p->conf->headers;
	bool received = (headers & CONF_HEADER_RECEIVED_SPF) != 0 ||
	    p->model.brings_spf;
	bool helo = session_verdict(p->session, SCOPE_HELO) != NULL &&
	    (p->model.helo != NULL || p->model.brings_spf);
	bool mail = session_verdict(p->session, SCOPE_MAILFROM) != NULL;
	size_t i = check_deletions(p, edits, n);

	if ((headers & CONF_HEADER_AUTH_RESULTS) != 0 && (helo || mail)) {
		assert(i < n && is_insert(&edits[i], RESULTS));
		check_results_field(p, edits[i++].value);
	}
	if (received && helo) {
		assert(i < n && is_insert(&edits[i], "Received-SPF"));
		check_spf_field(p, edits[i++].value, SCOPE_HELO);
	}
	if (received && mail) {
		assert(i < n && is_insert(&edits[i], "Received-SPF"));
		check_spf_field(p, edits[i++].value, SCOPE_MAILFROM);
	}
	assert(i == n);
}

static void
check_skipped_edits(const struct player *p, const struct session_edit *edits,
    size_t n)
{
	static const char *const wants[] = { "identity=none", NULL };

	size_t i = check_deletions(p, edits, n);

	if (p->model.brings_spf) {
		assert(i < n && is_insert(&edits[i], "Received-SPF"));
		check_received_spf(edits[i++].value, "none", wants);
	}
	if (i < n) {
		assert(p->conf->add_header_on_skip);
		assert(is_insert(&edits[i], SKIPPED));
		assert(strcmp(edits[i++].value,
		    session_skip_reason(p->session)) == 0);
	}
	assert(i == n);
}

/* Events. */

static void
end_message(struct model *m)
{
	m->message = false;
	m->skipped = false;
	m->ended = false;
	m->answered = false;
	m->sees_fields = false;
	m->result_count = 0;
	m->brings_spf = false;
}

static bool
is_skipped(const struct player *p)
{
	const struct model *m = &p->model;
	const struct conf *c = p->conf;

	if (!m->connected || !m->known || m->local)
		return true;
	if (!policy_checks(&c->policy, SCOPE_HELO) &&
	    !policy_checks(&c->policy, SCOPE_MAILFROM))
		return true;
	return addr_set_contains(&c->trusted_networks, &m->client) ||
	    (c->trust_authenticated && m->auth != NULL && *m->auth != '\0');
}

/* Fields of the message are not looked at. */
static bool
leaves_fields(const struct player *p)
{
	const struct model *m = &p->model;
	const struct conf *c = p->conf;

	return !c->remove_forged || !m->connected || !m->known || m->local ||
	    addr_set_contains(&c->trusted_networks, &m->client) ||
	    (!policy_checks(&c->policy, SCOPE_HELO) &&
	    !policy_checks(&c->policy, SCOPE_MAILFROM));
}

static void
play_connect(struct player *p, const char *text, uint16_t port)
{
	struct model *m = &p->model;
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	struct addr a;

	m->known = true;
	if (addr_parse_v4(&a, text, strlen(text))) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a.bytes, 4);
	} else if (addr_parse_v6(&a, text, strlen(text))) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a.bytes, 16);
	} else {
		m->known = false;
	}
	session_connect(p->session, *text == '\0' ? NULL
	    : (struct sockaddr *)&ss, p->model.helo, m->next_receiver);
	m->receiver = m->next_receiver != NULL && *m->next_receiver != '\0' ?
	    m->next_receiver : p->env.hostname;
	m->connected = true;
	m->helo = NULL;
	m->client.family = AF_UNSPEC;
	if (m->known)
		(void)addr_parse(&m->client, text);
	m->local = port == 0 && addr_is_loopback(&m->client);
	end_message(m);
}

static void
play_helo(struct player *p, const char *text)
{
	session_helo(p->session, text);
	p->model.helo = text != NULL && *text != '\0' ? text : NULL;
	if (!p->model.connected)
		p->model.helo = NULL;
	end_message(&p->model);
}

static void
play_mail(struct player *p, const char *text)
{
	struct model *m = &p->model;

	end_message(m);
	m->message = m->connected;
	m->skipped = m->connected && is_skipped(p);
	m->sees_fields = !leaves_fields(p);
	const struct session_sender from = { .arg = text,
		.auth_user = m->auth };

	check_answer(p, session_mail(p->session, &from), m->connected &&
	    p->conf->reject_at == CONF_STAGE_MAIL && can_refuse(p->conf));
	m->auth = NULL;
}

static void
play_rcpt(struct player *p, const char *text)
{
	struct model *m = &p->model;
	struct session_step step = session_rcpt(p->session, text);

	check_step(step);
	assert(step.kind != SESSION_ACCEPT);
	if (!m->message || m->ended) {
		assert(step.kind == SESSION_CONTINUE);
		return;
	}
	check_answer(p, step, can_refuse(p->conf));
	if (m->answered) {
		assert(step.kind == m->answer);
		assert(step.reply == NULL ||
		    strcmp(step.reply->text, m->text) == 0);
	}
	m->answered = true;
	m->answer = step.kind;
	if (step.reply != NULL)
		util_copy(m->text, sizeof(m->text), step.reply->text);
}

/* A line "name:value"; only what is a field of its own is counted. */
static void
play_header(struct player *p, char *text)
{
	struct model *m = &p->model;
	char *colon = strchr(text, ':');
	const char *value = colon != NULL ? colon + 1 : "";

	if (colon != NULL)
		*colon = '\0';
	session_header(p->session, text, value);
	if (!m->message || m->ended || !m->sees_fields)
		return;
	if (util_eq_nocase(text, RESULTS))
		m->results[m->result_count++] = value;
	else if (util_eq_nocase(text, SKIPPED))
		m->results[m->result_count++] = NULL;
	else if (util_eq_nocase(text, "Received-SPF"))
		m->brings_spf = true;
}

static void
play_end(struct player *p)
{
	struct model *m = &p->model;
	const struct session_edit *edits;
	size_t n;
	struct session_step step = session_end(p->session, &edits, &n);

	check_step(step);
	assert(edits != NULL || n == 0);
	if (!m->message || m->ended) {
		assert(step.kind == SESSION_CONTINUE && n == 0);
		return;
	}
	m->ended = true;
	if (m->skipped) {
		check_answer(p, step, false);
		check_skipped_edits(p, edits, n);
	} else if (action_of(p) < POLICY_TEMPFAIL &&
	    count_forged(p) > FORGED_MAX) {
		assert(step.kind == SESSION_REJECT && n == 0);
	} else {
		check_answer(p, step, true);
		if (step.reply == NULL)
			check_edits(p, edits, n);
		else
			assert(n == 0);
	}
}

static void
play_reset(struct player *p)
{
	session_free(p->session);
	p->session = session_new(&p->env, p->conf);
	memset(&p->model, 0, sizeof(p->model));
	p->model.receiver = p->env.hostname;
}

/* The first letter says which event it is. */
static void
play(struct player *p, char *event)
{
	char *text = event + 1;

	switch (event[0]) {
	case 'j':		/* the MTA's name at the next connect */
		p->model.next_receiver = text;
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
		p->model.auth = text;
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
	case 'E':
		play_end(p);
		break;
	case 'A':
		session_abort(p->session);
		end_message(&p->model);
		break;
	case 'K':
		play_reset(p);
		break;
	default:
		break;
	}
}

/* The stage. */

static struct conf *
make_conf(void)
{
	struct addr_prefix prefix;
	struct diag d;

	diag_init(&d);
	struct conf *c = conf_load(NULL, &d);
	assert(c != NULL && d.count == 0);
	diag_fini(&d);
	assert(addr_prefix_parse(&prefix, "198.51.100.0/24"));
	addr_set_add(&c->trusted_networks, &prefix);
	c->dns_timeout_ms = 1000;
	return c;
}

/* A digit is the level of MAIL FROM, a letter up to g that of HELO. */
static void
configure(struct conf *c, const char *letters)
{
	c->reject_at = CONF_STAGE_RCPT;
	c->headers = CONF_HEADER_RECEIVED_SPF | CONF_HEADER_AUTH_RESULTS;
	c->remove_forged = true;
	c->add_header_on_skip = false;
	c->trust_authenticated = true;
	policy_set_level(&c->policy, SCOPE_MAILFROM, 3);
	policy_set_level(&c->policy, SCOPE_HELO, 3);
	c->hostname[0] = '\0';
	for (const char *p = letters; *p != '\0'; p++) {
		if (*p >= '0' && *p <= '6')
			policy_set_level(&c->policy, SCOPE_MAILFROM,
			    (unsigned)(*p - '0'));
		else if (*p >= 'a' && *p <= 'g')
			policy_set_level(&c->policy, SCOPE_HELO,
			    (unsigned)(*p - 'a'));
		else if (*p == 'M')
			c->reject_at = CONF_STAGE_MAIL;
		else if (*p == 'R')
			c->headers &= ~CONF_HEADER_AUTH_RESULTS;
		else if (*p == 'A')
			c->headers &= ~CONF_HEADER_RECEIVED_SPF;
		else if (*p == 'F')
			c->remove_forged = false;
		else if (*p == 'S')
			c->add_header_on_skip = true;
		else if (*p == 'T')
			c->trust_authenticated = false;
		else if (*p == 'N')
			util_copy(c->hostname, sizeof(OUR_NAME), OUR_NAME);
	}
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
	struct dns *dns = dns_new_backend(b, &options);
	assert(dns != NULL);
	return dns;
}

static void
play_all(struct conf *conf, const char *lines, char *events, const char *end)
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
	static struct conf *conf;

	if (conf == NULL) {
		eval_init();
		log_set_level(LOG_LEVEL_ERROR);
		conf = make_conf();
		free(conf->hostname);
		conf->hostname = xcalloc(1, sizeof(OUR_NAME));
	}
	char *input = xcalloc(1, size + 3);	/* three texts at least */
	if (size > 0)
		memcpy(input, data, size);
	char *lines = input + strlen(input) + 1;
	configure(conf, input);
	char *events = lines <= input + size ? lines + strlen(lines) + 1
	    : lines;
	play_all(conf, lines, events, input + size);
	free(input);
	return 0;
}
