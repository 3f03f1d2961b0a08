/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spf-milter -t: what one transaction would get, without MTA and socket.
 * dryrun_text.c and dryrun_json.c say what is printed.
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/util.h"
#include "conf/conf.h"
#include "mail/session.h"
#include "tool/dryrun.h"
#include "tool/dryrun_priv.h"

/* Longer lines are bad input. */
#define LINE_MAX_OCTETS ((size_t)1 << 20)
#define CLIENT_PORT 1025	/* as those of remote MTAs */
#define ERROR_SIZE (4 * LOG_VALUE_MAX + 100)

/* The transaction. */

/* Not unmapped: that is for the session to do. */
static bool
make_sockaddr(struct sockaddr_storage *out, const char *ip)
{
	struct addr a;

	if (!addr_parse_v4(&a, ip, strlen(ip)) &&
	    !addr_parse_v6(&a, ip, strlen(ip)))
		return false;
	addr_to_sockaddr(&a, CLIENT_PORT, out);
	return true;
}

/* True: nothing more is asked after this stage. */
static bool
ends_at(struct dryrun_report *r, enum dryrun_stage stage,
    struct session_step step)
{
	r->last = stage;
	r->reply = step.reply;
	return step.kind != SESSION_CONTINUE;
}

/* Lines. */

struct line {
	char	*octets;	/* len and a NUL */
	size_t	 len;
	size_t	 size;
	bool	 too_long;	/* the rest was read and dropped */
};

/* Without the newline; false: nothing is left. */
static bool
read_line(FILE *in, struct line *l)
{
	int c = getc(in);

	if (c == EOF)
		return false;
	l->len = 0;
	l->too_long = false;
	for (; c != EOF && c != '\n'; c = getc(in)) {
		if (l->len >= LINE_MAX_OCTETS) {
			l->too_long = true;
			continue;
		}
		if (l->len + 1 >= l->size) {
			l->size = 2 * l->size + 256;
			l->octets = xreallocarray(l->octets, l->size, 1);
		}
		l->octets[l->len++] = (char)c;
	}
	if (l->octets == NULL)
		l->octets = xcalloc(1, 1);
	l->octets[l->len] = '\0';
	return true;
}

/* Of the message. */

/* As libmilter tells it: one blank behind the colon is none of the value. */
static void
play_field(struct session *s, char *field)
{
	char *colon = strchr(field, ':');

	if (colon == NULL)
		return;
	*colon = '\0';
	session_header(s, field, colon + 1 + (colon[1] == ' '));
}

static void
play_header(struct session *s, FILE *in)
{
	struct line l = { NULL, 0, 0, false };
	char *field = xstrdup("");

	while (read_line(in, &l)) {
		if (l.len > 0 && l.octets[l.len - 1] == '\r')
			l.octets[--l.len] = '\0';
		if (l.len == 0)
			break;

		bool folded = l.octets[0] == ' ' || l.octets[0] == '\t';
		char *more = folded ? xasprintf("%s\n%s", field, l.octets) :
		    xstrdup(l.octets);

		if (!folded)
			play_field(s, field);
		free(field);
		field = more;
	}
	play_field(s, field);
	free(field);
	free(l.octets);
}

/* Until the MTA would ask no more. */
static void
play(struct dryrun_report *r, struct session *s, const struct sockaddr *sa,
    FILE *header)
{
	const struct session_sender from = {
		.arg = r->sender,
		/* No client may send another one without SMTPUTF8. */
		.smtputf8 = !util_is_ascii(r->sender),
	};

	session_connect(s, sa, NULL, NULL);
	if (r->helo != NULL)
		session_helo(s, r->helo);
	if (ends_at(r, DRYRUN_STAGE_MAIL, session_mail(s, &from)) ||
	    ends_at(r, DRYRUN_STAGE_RCPT, session_rcpt(s, r->rcpt)))
		return;
	if (header != NULL)
		play_header(s, header);
	ends_at(r, DRYRUN_STAGE_END, session_end(s, &r->edits, &r->edit_count));
}

static void
take_decision(struct dryrun_report *r, const struct session *s)
{
	const struct decision *d = session_decision(s);

	r->skipped = session_skip_reason(s);
	r->action = d->action;
	r->would = d->would;
	r->facts = session_facts(s);
	for (int i = 0; i < SCOPE_COUNT; i++) {
		enum scope scope = (enum scope)i;

		r->checks[i] = (struct dryrun_check){
			.verdict = session_verdict(s, scope),
			.identity = session_identity(s, scope),
			.decision = d->parts[i],
		};
	}
}

static const enum dryrun_status statuses[] = {
	[POLICY_SKIP] = DRYRUN_ACCEPT,
	[POLICY_ACCEPT] = DRYRUN_ACCEPT,
	[POLICY_TAG] = DRYRUN_ACCEPT,
	[POLICY_QUARANTINE] = DRYRUN_ACCEPT,
	[POLICY_TEMPFAIL] = DRYRUN_TEMPFAIL,
	[POLICY_REJECT] = DRYRUN_REJECT,
};

static char *
default_rcpt(const struct session_env *env, const struct conf *c)
{
	return xasprintf("postmaster@%s",
	    c->hostname[0] != '\0' ? c->hostname : env->hostname);
}

static bool
is_none(const char *s)
{
	return s[0] == '\0' || strcmp(s, "-") == 0;
}

/* False: nothing is played, error says why; key is what ip was called. */
static bool
check_ip(const char *key, const char *ip, struct sbuf *error)
{
	struct sockaddr_storage ss;

	if (strcmp(ip, "-") == 0 || make_sockaddr(&ss, ip))
		return true;
	struct log_record r = { .count = 0 };
	log_record_string(&r, key, ip);
	log_record_format(&r, error);
	sbuf_str(error, ": not an IPv4 or IPv6 address");
	return false;
}

/* t->ip has been checked. */
static enum dryrun_status
run(const struct session_env *env, const struct conf *c,
    const struct dryrun_transaction *t, bool json, FILE *out)
{
	struct sockaddr_storage ss;
	bool local = strcmp(t->ip, "-") == 0 || !make_sockaddr(&ss, t->ip);
	char *rcpt = t->rcpt != NULL ? xstrdup(t->rcpt) : default_rcpt(env, c);
	struct session *s = session_new(env, c);
	struct dryrun_report r = {
		.ip = local ? NULL : t->ip,
		.helo = is_none(t->helo) ? NULL : t->helo,
		.sender = t->sender[0] == '\0' ? "<>" : t->sender,
		.rcpt = rcpt,
		.rules = &c->rules,
		.explained = env->want_trace,
	};

	play(&r, s, local ? NULL : (const struct sockaddr *)&ss, t->header);
	take_decision(&r, s);
	if (json)
		dryrun_print_json(&r, out);
	else
		dryrun_print_text(&r, out);
	fflush(out);
	session_free(s);
	free(rcpt);
	return statuses[r.action];
}

enum dryrun_status
dryrun_one(const struct session_env *env, const struct conf *c,
    const struct dryrun_transaction *t, bool json, FILE *out)
{
	char text[ERROR_SIZE];
	struct sbuf error;

	sbuf_init(&error, text, sizeof(text));
	if (check_ip("--ip", t->ip, &error))
		return run(env, c, t, json, out);
	fprintf(stderr, "spf-milter: %s\n", text);
	return DRYRUN_BAD_OPTION;
}

/* Transactions. */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Octets of the field at s; one that begins with < may hold blanks. */
static size_t
field_length(const char *s)
{
	if (s[0] == '<') {
		for (const char *p = strchr(s, '>'); p != NULL;
		    p = strchr(p + 1, '>'))
			if (p[1] == '\0' || is_blank(p[1]))
				return (size_t)(p + 1 - s);
	}
	size_t len = 0;

	while (s[len] != '\0' && !is_blank(s[len]))
		len++;
	return len;
}

/* Terminates the field at *at and moves behind it; NULL: none is left. */
static char *
next_field(char **at)
{
	char *s = *at;

	while (is_blank(*s))
		s++;
	if (*s == '\0')
		return NULL;

	char *end = s + field_length(s);

	*at = *end == '\0' ? end : end + 1;
	*end = '\0';
	return s;
}

/* NULL: *t has all it needs.  Else what the line lacks. */
static const char *
missing(const struct dryrun_transaction *t)
{
	if (t->helo == NULL)
		return "helo and sender are missing";
	return t->sender == NULL ? "the sender is missing" : NULL;
}

/* True: *t refers to the line.  False: error says what is wrong with it. */
static bool
parse_line(const struct line *l, struct dryrun_transaction *t,
    struct sbuf *error)
{
	char *at = l->octets;

	if (l->too_long || memchr(l->octets, '\0', l->len) != NULL) {
		sbuf_str(error, l->too_long ? "line too long" : "NUL octet");
		return false;
	}
	t->ip = next_field(&at);
	t->helo = next_field(&at);
	t->sender = next_field(&at);
	t->rcpt = next_field(&at);
	if (!check_ip("ip", t->ip, error))
		return false;

	const char *wrong = missing(t);

	if (wrong == NULL && next_field(&at) != NULL)
		wrong = "more than four words";
	if (wrong != NULL)
		sbuf_fmt(error, "%s; a line is: ip helo sender [rcpt]", wrong);
	return wrong == NULL;
}

/* Blanks alone or a comment; a NUL is not the end. */
static bool
is_empty(const struct line *l)
{
	size_t i = 0;

	while (i < l->len && is_blank(l->octets[i]))
		i++;
	return i == l->len || l->octets[i] == '#';
}

enum dryrun_status
dryrun_lines(const struct session_env *env, const struct conf *c, FILE *in,
    const char *name, bool json, FILE *out)
{
	enum dryrun_status highest = DRYRUN_ACCEPT;
	struct line line = { NULL, 0, 0, false };
	unsigned long number = 0;

	while (read_line(in, &line)) {
		struct dryrun_transaction t = { .header = NULL };
		enum dryrun_status status = DRYRUN_BAD_INPUT;
		char text[ERROR_SIZE];
		struct sbuf error;

		number++;
		if (is_empty(&line))
			continue;
		sbuf_init(&error, text, sizeof(text));
		if (parse_line(&line, &t, &error))
			status = run(env, c, &t, json, out);
		else
			fprintf(stderr, "%s:%lu: %s\n", name, number, text);
		if (status > highest)
			highest = status;
	}
	if (ferror(in)) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		highest = DRYRUN_BAD_INPUT;
	}
	free(line.octets);
	return highest;
}
