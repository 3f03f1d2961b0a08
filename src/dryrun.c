/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spf-milter -t: what one transaction would get, without MTA and socket.
 *
 * Text: a line of the arguments, then indented what was checked, what each
 * SMTP stage answers ("ok": the MTA's own answer), "+" lines for the header
 * fields that are added, and "=> accept", "=> reject" or "=> tempfail".
 * Octets that are not printable ASCII are written \xNN, a backslash \\.
 *
 * JSON: one object a line, ASCII, with these keys:
 *	client		address as given, null for mail of this machine
 *	helo		null where none was given
 *	sender, rcpt	as given
 *	skipped		why nothing was checked, else null
 *	helo_check, mailfrom_check	null where not checked, else
 *	    identity	the address or name that was checked
 *	    domain	the name looked up, null where none fits
 *	    result	none neutral pass fail softfail temperror permerror
 *	    action	what the policy says: accept reject tempfail skip
 *	    level	behaviour level of this identity
 *	    mechanism, record, record_domain, problem, explanation,
 *	    explanation_domain	null where there is none
 *	    lookups, void_lookups, queries	numbers
 *	stages		array, in order, up to the one that ended it:
 *	    stage	connect helo mail rcpt end
 *	    reply	array of lines as the client reads them; empty: ok
 *	headers		array of name and value, as they stand from the top
 *	action		accept reject tempfail
 * A text that is not UTF-8 has each octet from 0x80 as \xNN in the string,
 * and its backslashes doubled.
 */

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "conf.h"
#include "dryrun.h"
#include "eval.h"
#include "identity.h"
#include "log.h"
#include "policy.h"
#include "reply.h"
#include "result.h"
#include "session.h"
#include "util.h"

/* Longer lines are bad input. */
#define LINE_MAX_OCTETS ((size_t)1 << 20)

enum stage { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_END };

static const struct {
	const char	*key;		/* in JSON */
	const char	*label;		/* in text */
} stages[] = {
	[STAGE_CONNECT] = { "connect", "connect" },
	[STAGE_HELO] = { "helo", "HELO" },
	[STAGE_MAIL] = { "mail", "MAIL FROM" },
	[STAGE_RCPT] = { "rcpt", "RCPT TO" },
	[STAGE_END] = { "end", "end of message" },
};

/* One transaction, played: what the two printers show. */
struct report {
	const struct conf	*conf;
	const struct session	*session;
	const char		*ip;		/* NULL: this machine */
	const char		*helo;		/* NULL: none */
	const char		*sender;
	const char		*rcpt;
	enum stage		 last;		/* that was asked */
	struct session_step	 step;		/* its answer */
	const struct session_edit *edits;
	size_t			 edit_count;
	struct identity		 identity[SCOPE_COUNT];
};

/* Text. */

static void
put_escaped(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\\\", out);
		else if (util_is_print(*s))
			fputc(*s, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*s);
	}
}

static void
put_labelled(FILE *out, const char *label, const char *about,
    const char *text)
{
	if (text[0] == '\0')
		return;
	fprintf(out, "    %s", label);
	if (about[0] != '\0') {
		fputs(" of ", out);
		put_escaped(out, about);
	}
	fputs(": ", out);
	put_escaped(out, text);
	fputc('\n', out);
}

static void
put_check(FILE *out, const struct report *r, enum scope scope)
{
	const struct eval_verdict *v = session_verdict(r->session, scope);
	const char *address = r->identity[scope].address;

	if (v == NULL)
		return;
	fprintf(out, "  %s: %s, ", scope_name(scope), result_name(v->result));
	put_escaped(out, address[0] != '\0' ? address : "no name given");
	fputc('\n', out);
	put_labelled(out, "mechanism", "", v->mechanism);
	put_labelled(out, "problem", "", v->problem);
	put_labelled(out, "record", v->record_domain, v->record);
	put_labelled(out, "explanation", v->explanation_domain,
	    v->explanation);
	if (v->queries > 0)
		fprintf(out, "    lookups: %u, void %u, queries %u\n",
		    v->lookups, v->voids, v->queries);
}

/*
 * Calls put for each line of a reply as an SMTP client reads it (RFC 5321
 * s4.2.1, RFC 2034 s4): "550-5.7.23 first", "550 5.7.23 last".
 */
static void
each_reply_line(const struct reply *reply,
    void (*put)(void *arg, const char *line), void *arg)
{
	char storage[REPLY_LINE_MAX + 32];
	const char *at = reply->text;

	for (;;) {
		size_t len = strcspn(at, "\n");
		bool last = at[len] == '\0';
		struct sbuf line;

		sbuf_init(&line, storage, sizeof(storage));
		sbuf_fmt(&line, "%u%c%s ", reply->code, last ? ' ' : '-',
		    reply->enhanced);
		sbuf_add(&line, at, len);
		put(arg, storage);
		if (last)
			break;
		at += len + 1;
	}
}

/* HELO may be left out. */
static bool
is_played(const struct report *r, enum stage stage)
{
	return stage != STAGE_HELO || r->helo != NULL;
}

struct text_stage {
	FILE		*out;
	const char	*label;
};

static void
put_stage_line(void *arg, const char *line)
{
	const struct text_stage *stage = arg;

	/* Replies are printable by contract. */
	fprintf(stage->out, "  %s: %s\n", stage->label, line);
}

static void
put_stages(FILE *out, const struct report *r)
{
	for (enum stage i = STAGE_CONNECT; i <= r->last; i++) {
		struct text_stage stage = { out, stages[i].label };

		if (!is_played(r, i))
			continue;
		if (i == r->last && r->step.reply != NULL)
			each_reply_line(r->step.reply, put_stage_line,
			    &stage);
		else
			put_stage_line(&stage, "ok");
	}
}

/* Ours are ASCII with folds; a fold goes on behind its own plus sign. */
static void
put_field(FILE *out, const struct session_edit *e)
{
	fprintf(out, "  + %s: ", e->name);
	for (const char *s = e->value; *s != '\0'; s++) {
		fputc(*s, out);
		if (*s == '\n')
			fputs("  + ", out);
	}
	fputc('\n', out);
}

static const char *
action_text(const struct report *r)
{
	switch (r->step.kind) {
	case SESSION_CONTINUE:
	case SESSION_ACCEPT:
		break;
	case SESSION_TEMPFAIL:
		return policy_action_name(POLICY_TEMPFAIL);
	case SESSION_REJECT:
		return policy_action_name(POLICY_REJECT);
	}
	return policy_action_name(POLICY_ACCEPT);
}

static void
put_arguments(FILE *out, const struct report *r)
{
	char storage[4 * (4 * LOG_VALUE_MAX + 16)];
	struct sbuf line;

	sbuf_init(&line, storage, sizeof(storage));
	log_pair(&line, "client", r->ip != NULL ? r->ip : "-");
	log_pair(&line, "helo", r->helo != NULL ? r->helo : "-");
	log_pair(&line, "sender", r->sender);
	log_pair(&line, "rcpt", r->rcpt);
	fprintf(out, "%s\n", storage);
}

static void
print_text(FILE *out, const struct report *r)
{
	const char *skipped = session_skip_reason(r->session);

	put_arguments(out, r);
	if (skipped != NULL)
		fprintf(out, "  not checked: %s\n", skipped);
	put_check(out, r, SCOPE_HELO);
	put_check(out, r, SCOPE_MAILFROM);
	put_stages(out, r);
	/* The last insertion stands on top. */
	for (size_t i = r->edit_count; i-- > 0;)
		if (r->edits[i].kind == SESSION_INSERT)
			put_field(out, &r->edits[i]);
	fprintf(out, "  => %s\n", action_text(r));
}

/* JSON. */

/* Out of memory is fatal here as everywhere. */
static void *
json_allocate(size_t size)
{
	return xreallocarray(NULL, 1, size);
}

static json_t *
json_octets(const char *s)
{
	json_t *text = json_string(s);

	if (text != NULL)
		return text;

	size_t size = 4 * strlen(s) + 1;
	char *storage = xcalloc(size, 1);
	struct sbuf escaped;

	sbuf_init(&escaped, storage, size);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			sbuf_str(&escaped, "\\\\");
		else if ((unsigned char)*s < 0x80)
			sbuf_char(&escaped, *s);
		else
			sbuf_fmt(&escaped, "\\x%02x", (unsigned char)*s);
	}
	text = json_string(storage);
	free(storage);
	return text;
}

/* Takes over value. */
static void
set(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(failed == 0);
}

static void
set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, text != NULL ? json_octets(text) : json_null());
}

static void
set_found(json_t *object, const char *key, const char *text)
{
	set_text(object, key, text[0] != '\0' ? text : NULL);
}

static json_t *
json_check(const struct report *r, enum scope scope)
{
	const struct eval_verdict *v = session_verdict(r->session, scope);
	const struct policy *p = &r->conf->policy;

	if (v == NULL)
		return json_null();

	json_t *check = json_object();

	set_text(check, "identity", r->identity[scope].address);
	set_found(check, "domain", r->identity[scope].lookup);
	set_text(check, "result", result_name(v->result));
	set_text(check, "action",
	    policy_action_name(policy_decide(p, scope, v->result)));
	set(check, "level", json_integer(p->level[scope]));
	set_found(check, "mechanism", v->mechanism);
	set_found(check, "record", v->record);
	set_found(check, "record_domain", v->record_domain);
	set_found(check, "problem", v->problem);
	set_found(check, "explanation", v->explanation);
	set_found(check, "explanation_domain", v->explanation_domain);
	set(check, "lookups", json_integer(v->lookups));
	set(check, "void_lookups", json_integer(v->voids));
	set(check, "queries", json_integer(v->queries));
	return check;
}

static void
append_line(void *arg, const char *line)
{
	json_t *lines = arg;

	json_array_append_new(lines, json_octets(line));
}

static json_t *
json_stages(const struct report *r)
{
	json_t *list = json_array();

	for (enum stage i = STAGE_CONNECT; i <= r->last; i++) {
		if (!is_played(r, i))
			continue;
		json_t *stage = json_object();
		json_t *lines = json_array();

		if (i == r->last && r->step.reply != NULL)
			each_reply_line(r->step.reply, append_line, lines);
		set_text(stage, "stage", stages[i].key);
		set(stage, "reply", lines);
		json_array_append_new(list, stage);
	}
	return list;
}

static json_t *
json_headers(const struct report *r)
{
	json_t *list = json_array();

	for (size_t i = r->edit_count; i-- > 0;) {
		if (r->edits[i].kind != SESSION_INSERT)
			continue;
		json_t *field = json_object();

		set_text(field, "name", r->edits[i].name);
		set_text(field, "value", r->edits[i].value);
		json_array_append_new(list, field);
	}
	return list;
}

static void
print_json(FILE *out, const struct report *r)
{
	json_set_alloc_funcs(json_allocate, free);

	json_t *object = json_object();

	set_text(object, "client", r->ip);
	set_text(object, "helo", r->helo);
	set_text(object, "sender", r->sender);
	set_text(object, "rcpt", r->rcpt);
	set_text(object, "skipped", session_skip_reason(r->session));
	set(object, "helo_check", json_check(r, SCOPE_HELO));
	set(object, "mailfrom_check", json_check(r, SCOPE_MAILFROM));
	set(object, "stages", json_stages(r));
	set(object, "headers", json_headers(r));
	set_text(object, "action", action_text(r));
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

/* The transaction. */

/* Not unmapped: that is for the session to do.  A port as remote MTAs have. */
static bool
make_sockaddr(struct sockaddr_storage *out, const char *ip)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(1025) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(1025) };
	struct addr a;

	if (addr_parse_v4(&a, ip, strlen(ip))) {
		memcpy(&in.sin_addr, a.bytes, sizeof(in.sin_addr));
		memcpy(out, &in, sizeof(in));
		return true;
	}
	if (addr_parse_v6(&a, ip, strlen(ip))) {
		memcpy(&in6.sin6_addr, a.bytes, sizeof(in6.sin6_addr));
		memcpy(out, &in6, sizeof(in6));
		return true;
	}
	return false;
}

/* True: nothing more is asked after this stage. */
static bool
ends_at(struct report *r, enum stage stage, struct session_step step)
{
	r->last = stage;
	r->step = step;
	return step.kind != SESSION_CONTINUE;
}

static void
play(struct report *r, struct session *s, const struct sockaddr *sa)
{
	session_connect(s, sa, NULL);
	if (r->helo != NULL)
		session_helo(s, r->helo);
	if (ends_at(r, STAGE_MAIL, session_mail(s, r->sender, NULL, NULL)) ||
	    ends_at(r, STAGE_RCPT, session_rcpt(s, r->rcpt)))
		return;
	ends_at(r, STAGE_END, session_end(s, &r->edits, &r->edit_count));
}

static enum dryrun_status
status_of(struct session_step step)
{
	switch (step.kind) {
	case SESSION_CONTINUE:
	case SESSION_ACCEPT:
		break;
	case SESSION_TEMPFAIL:
		return DRYRUN_TEMPFAIL;
	case SESSION_REJECT:
		return DRYRUN_REJECT;
	}
	return DRYRUN_ACCEPT;
}

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

/* DRYRUN_BAD_INPUT: *error says why, nothing is printed. */
static enum dryrun_status
run(const struct session_env *env, const struct conf *c,
    const struct dryrun_transaction *t, bool json, FILE *out,
    const char **error)
{
	struct sockaddr_storage ss;
	bool local = strcmp(t->ip, "-") == 0;

	if (!local && !make_sockaddr(&ss, t->ip)) {
		*error = "not an IPv4 or IPv6 address";
		return DRYRUN_BAD_INPUT;
	}

	char *rcpt = t->rcpt != NULL ? xstrdup(t->rcpt) : default_rcpt(env, c);
	struct session *s = session_new(env, c);
	struct report r = {
		.conf = c,
		.session = s,
		.ip = local ? NULL : t->ip,
		.helo = is_none(t->helo) ? NULL : t->helo,
		.sender = t->sender[0] == '\0' ? "<>" : t->sender,
		.rcpt = rcpt,
	};

	identity_from_helo(&r.identity[SCOPE_HELO], r.helo);
	identity_from_mail(&r.identity[SCOPE_MAILFROM], r.sender,
	    &r.identity[SCOPE_HELO]);
	play(&r, s, local ? NULL : (const struct sockaddr *)&ss);
	if (json)
		print_json(out, &r);
	else
		print_text(out, &r);
	fflush(out);

	enum dryrun_status status = status_of(r.step);

	identity_fini(&r.identity[SCOPE_MAILFROM]);
	identity_fini(&r.identity[SCOPE_HELO]);
	session_free(s);
	free(rcpt);
	return status;
}

enum dryrun_status
dryrun_one(const struct session_env *env, const struct conf *c,
    const struct dryrun_transaction *t, bool json, FILE *out)
{
	const char *error = NULL;
	enum dryrun_status status = run(env, c, t, json, out, &error);

	if (error != NULL)
		fprintf(stderr, "spf-milter: --ip: %s\n", error);
	return status;
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

/* NULL: *t refers to the line.  Else what is wrong. */
static const char *
parse_line(const struct line *l, struct dryrun_transaction *t)
{
	char *at = l->octets;

	if (l->too_long)
		return "line too long";
	if (memchr(l->octets, '\0', l->len) != NULL)
		return "NUL octet";
	t->ip = next_field(&at);
	t->helo = next_field(&at);
	t->sender = next_field(&at);
	t->rcpt = next_field(&at);
	if (t->ip == NULL || t->helo == NULL || t->sender == NULL ||
	    next_field(&at) != NULL)
		return "not of the form: ip helo sender [rcpt]";
	return NULL;
}

static bool
is_comment(const char *s)
{
	while (is_blank(*s))
		s++;
	return *s == '#';
}

/* Neither fields nor a NUL that could be taken for the end. */
static bool
is_empty(const struct line *l)
{
	size_t i = 0;

	while (i < l->len && is_blank(l->octets[i]))
		i++;
	return i == l->len;
}

enum dryrun_status
dryrun_lines(const struct session_env *env, const struct conf *c, FILE *in,
    const char *name, bool json, FILE *out)
{
	enum dryrun_status highest = DRYRUN_ACCEPT;
	struct line line = { NULL, 0, 0, false };
	unsigned long number = 0;

	while (read_line(in, &line)) {
		struct dryrun_transaction t;
		enum dryrun_status status = DRYRUN_BAD_INPUT;

		number++;
		if (is_empty(&line) || is_comment(line.octets))
			continue;

		const char *error = parse_line(&line, &t);

		if (error == NULL)
			status = run(env, c, &t, json, out, &error);
		if (error != NULL)
			fprintf(stderr, "%s:%lu: %s\n", name, number, error);
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
