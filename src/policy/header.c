/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields about SPF, made.
 *
 * A field is made of words, and a line is broken only between words, so
 * nothing that stands in a value can touch the layout.  A word is a result, a
 * word of the comment, or a whole key=value.  Every text from outside goes
 * through clean_text, which leaves what is printable, and then either into
 * the comment (without what could end it) or through put_value, which quotes.
 *
 * Many readers of these fields look for '=', ';' and parentheses without
 * minding quotes (OpenDMARC 1.4 is one: an address with '=' loses its domain
 * there), or search them with a regular expression.  So these are written as
 * quoted-pairs, which RFC 5322 s3.2.1 allows and which mean the same to a
 * strict reader, and no bare value has a '='.
 *
 * Cutting could turn user@victim.example.AAAA@attacker.example, for which the
 * attacker's domain may say pass, into an address of the victim.  Names and
 * addresses are therefore cut at their start, and "..." marks every cut.
 */

#include "config.h"

#include "policy/header.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/stats.h"

#define LINE_WIDTH 78		/* RFC 5322 s2.1.1, where possible */
#define TAB_WIDTH 8
#define KEY_MAX 32
#define VALUE_SIZE (2 * HEADER_TEXT_MAX + 2)	/* every octet quoted */
#define COMMENT_SIZE 2048

/* What a bare value may hold beside letters, digits and dots. */
static const char atext[] = "!#$%&'*+-/?^_`{|}~"; /* RFC 5322, without = */
static const char token[] = "!#$%&'*+-^_`{|}~";	/* RFC 2045, the same */

enum cut { CUT_START, CUT_END };

/* The field being written: words with a blank or a fold between them. */
struct field {
	struct sbuf	*out;
	size_t		 column;
	bool		 begun;
	bool		 has_pair;
};

struct style {
	const char	*bare;		/* NULL: always quoted */
	enum cut	 cut;
	bool		 utf8;
};

static const struct style style_address = { NULL, CUT_START, false };
static const struct style style_address_utf8 = { NULL, CUT_START, true };
static const struct style style_name = { atext, CUT_START, false };
static const struct style style_term = { atext, CUT_END, false };
static const struct style style_text = { NULL, CUT_END, false };
static const struct style style_token = { token, CUT_START, false };

static bool
is_empty(const char *s)
{
	return s == NULL || s[0] == '\0';
}

static void
field_begin(struct field *f, struct sbuf *out, const char *name)
{
	f->out = out;
	f->column = strlen(name) + strlen(": ");
	f->begun = false;
	f->has_pair = false;
}

static void
field_word(struct field *f, const char *word, size_t len)
{
	/* a blank before the word, perhaps a ";" behind it */
	if (f->begun && f->column + len + 2 > LINE_WIDTH) {
		sbuf_str(f->out, "\n\t");
		f->column = TAB_WIDTH;
	} else if (f->begun) {
		sbuf_char(f->out, ' ');
		f->column++;
	}
	sbuf_add(f->out, word, len);
	f->column += len;
	f->begun = true;
}

static void
field_separator(struct field *f)
{
	sbuf_char(f->out, ';');
	f->column++;
}

/*
 * Printable ASCII or UTF-8 of s, cut to HEADER_TEXT_MAX octets.  True: it was
 * cut.
 */
static bool
clean_text(char out[HEADER_TEXT_MAX + 1], const char *s, enum cut cut,
    bool utf8)
{
	static const char mark[] = "...";
	const size_t mark_len = sizeof(mark) - 1;
	size_t len = strlen(s);
	bool too_long = len > HEADER_TEXT_MAX;
	size_t keep = too_long ? HEADER_TEXT_MAX - mark_len : len;
	char *p = out;

	if (too_long && cut == CUT_START) {
		memcpy(p, mark, mark_len);
		p += mark_len;
		s += len - keep;
	}
	for (const char *end = s + keep; s < end;) {
		size_t n = utf8 ? util_print_length(s, (size_t)(end - s)) :
		    util_is_print(*s);

		if (n == 0)
			*p++ = '?';
		else
			p = (char *)memcpy(p, s, n) + n;
		s += n > 0 ? n : 1;
	}
	if (too_long && cut == CUT_END) {
		memcpy(p, mark, mark_len);
		p += mark_len;
	}
	*p = '\0';
	return too_long;
}

/* RFC 5322 s3.2.3 dot-atom-text of the given special characters. */
static bool
is_bare(const char *s, const char *specials)
{
	bool after_dot = true;

	for (; *s != '\0'; s++) {
		if (*s == '.' && after_dot)
			return false;
		after_dot = *s == '.';
		if (!after_dot && !util_is_alnum(*s) &&
		    strchr(specials, *s) == NULL)
			return false;
	}
	return !after_dot;
}

/* What a reader that does not mind quotes may look for. */
static bool
is_special(char c)
{
	return c == '"' || c == '\\' || c == '=' || c == ';' || c == '(' ||
	    c == ')';
}

/* Writes at most VALUE_SIZE octets to `to`, no NUL; returns how many. */
static size_t
put_value(char *to, const char *value, const struct style *style)
{
	char text[HEADER_TEXT_MAX + 1];
	char *p = to;

	if (clean_text(text, value, style->cut, style->utf8))
		stats_inc(STATS_HEADERS_CUT);
	if (style->bare != NULL && is_bare(text, style->bare)) {
		size_t len = strlen(text);
		memcpy(to, text, len);
		return len;
	}
	*p++ = '"';
	for (const char *t = text; *t != '\0'; t++) {
		if (is_special(*t))
			*p++ = '\\';
		*p++ = *t;
	}
	*p++ = '"';
	return (size_t)(p - to);
}

static void
field_pair(struct field *f, const char *key, const char *value,
    const struct style *style)
{
	char pair[KEY_MAX + 1 + VALUE_SIZE];
	size_t len = strlen(key);

	assert(len <= KEY_MAX);
	memcpy(pair, key, len);
	pair[len++] = '=';
	len += put_value(pair + len, value, style);
	field_word(f, pair, len);
}

/* A pair of Received-SPF, where there is a value. */
static void
field_spf_pair(struct field *f, const char *key, const char *value,
    const struct style *style)
{
	if (value == NULL)
		return;
	if (f->has_pair)
		field_separator(f);
	f->has_pair = true;
	field_pair(f, key, value, style);
}

static const char *
if_any(const char *value)
{
	return is_empty(value) ? NULL : value;
}

/* Text from outside into a comment: nothing that ends it or looks like key. */
static void
comment_text(struct sbuf *sb, const char *from_outside, enum cut cut)
{
	char text[HEADER_TEXT_MAX + 1];

	clean_text(text, from_outside, cut, false);
	for (char *p = text; *p != '\0'; p++)
		if (is_special(*p))
			*p = '?';
	sbuf_str(sb, text);
}

static void
comment_name(struct sbuf *sb, const char *name)
{
	comment_text(sb, is_empty(name) ? "unknown" : name, CUT_START);
}

static void
comment_open(struct sbuf *sb, const char *receiver)
{
	sbuf_char(sb, '(');
	if (!is_empty(receiver)) {
		comment_name(sb, receiver);
		sbuf_str(sb, ": ");
	}
}

/* The comment goes in word by word, so that it folds like the rest. */
static void
comment_close(struct field *f, struct sbuf *sb)
{
	sbuf_char(sb, ')');
	assert(sbuf_ok(sb));
	for (const char *p = sb->data; *p != '\0';) {
		size_t len = strcspn(p, " ");
		if (len > 0)
			field_word(f, p, len);
		p += len + strspn(p + len, " ");
	}
}

/* A sentence: what stands before the domain and what behind it. */
struct sentence {
	const char	*before;
	const char	*between;	/* then comes the client */
	const char	*after;		/* between and after NULL: no client */
};

static const struct sentence sentences[RESULT_COUNT] = {
	[RESULT_NONE] = { "no SPF policy found for ", NULL, NULL },
	[RESULT_NEUTRAL] = { "domain of ", " neither permits nor denies ",
	    "" },
	[RESULT_PASS] = { "domain of ", " designates ",
	    " as permitted sender" },
	[RESULT_FAIL] = { "domain of ", " does not designate ",
	    " as permitted sender" },
	[RESULT_SOFTFAIL] = { "domain of ", " probably does not permit ",
	    " as sender" },
	[RESULT_TEMPERROR] = { "SPF policy cannot be looked up now for ",
	    NULL, NULL },
	[RESULT_PERMERROR] = { "SPF policy cannot be interpreted for ",
	    NULL, NULL },
};

/* Filters for DMARC take each of our fields for SPF's own word. */
static enum result
shown_result(const struct header_facts *facts)
{
	return facts->source == SOURCE_RECORD ? facts->result :
	    facts->published;
}

static const char *
source_key(const struct header_facts *facts)
{
	return facts->source == SOURCE_GUESS ? "guess" : "local-policy";
}

static void
comment_remarks(struct sbuf *sb, const struct header_facts *facts)
{
	if (facts->source != SOURCE_RECORD) {
		sbuf_str(sb, facts->source == SOURCE_GUESS ?
		    ", a guess says " : ", local policy says ");
		sbuf_str(sb, result_name(facts->result));
	}
	if (!is_empty(facts->wide_open)) {
		sbuf_str(sb, ", record is wide open by ");
		comment_text(sb, facts->wide_open, CUT_END);
	}
	if (!is_empty(facts->relayed_by)) {
		sbuf_str(sb, ", client told by relay ");
		comment_name(sb, facts->relayed_by);
	}
	if (facts->stale)
		sbuf_str(sb, ", from stale DNS data");
	if (!is_empty(facts->forwarder)) {
		sbuf_str(sb, ", which does not count: forwarder ");
		comment_name(sb, facts->forwarder);
	}
	if (facts->excuse == EXCUSE_GRACE)
		sbuf_str(sb, ", accepted because that has lasted too long");
	if (facts->excuse == EXCUSE_OUTAGE)
		sbuf_str(sb, ", accepted because our own DNS fails");
	if (facts->spared != NULL) {
		sbuf_fmt(sb, ", %s ", facts->spared);
		comment_name(sb, facts->author);
	}
}

static void
field_comment(struct field *f, const struct header_facts *facts,
    const char *client)
{
	static const struct sentence unknown = {
		"client not known, so nothing was looked up for ", NULL, NULL
	};
	const struct sentence *s = facts->unknown_client ? &unknown :
	    &sentences[shown_result(facts)];
	char storage[COMMENT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	comment_open(&sb, facts->receiver);
	sbuf_str(&sb, s->before);
	comment_name(&sb, facts->domain);
	if (s->between != NULL) {
		sbuf_str(&sb, s->between);
		sbuf_str(&sb, client);
		sbuf_str(&sb, s->after);
	}
	comment_remarks(&sb, facts);
	comment_close(f, &sb);
}

static void
field_result(struct field *f, enum result r)
{
	field_word(f, result_name(r), strlen(result_name(r)));
}

void
header_received_spf(struct sbuf *out, const struct header_facts *f)
{
	struct field field;
	char client[ADDR_TEXT_SIZE] = "";

	if (f->client != NULL && f->client->family != AF_UNSPEC)
		addr_format(f->client, client);
	field_begin(&field, out, "Received-SPF");
	field_result(&field, shown_result(f));
	field_comment(&field, f, is_empty(client) ? "this client" : client);
	field_spf_pair(&field, "client-ip", if_any(client), &style_name);
	field_spf_pair(&field, "envelope-from", f->envelope_from,
	    f->utf8 ? &style_address_utf8 : &style_address);
	field_spf_pair(&field, "helo", if_any(f->helo), &style_name);
	field_spf_pair(&field, "receiver", if_any(f->receiver), &style_name);
	field_spf_pair(&field, "identity", scope_name(f->scope), &style_name);
	if (f->source != SOURCE_RECORD)
		field_spf_pair(&field, source_key(f), result_name(f->result),
		    &style_name);
	field_spf_pair(&field, "mechanism", if_any(f->mechanism), &style_term);
	field_spf_pair(&field, "problem", if_any(f->problem), &style_text);
	assert(sbuf_ok(out));
}

void
header_cover(struct sbuf *out, const char *receiver, const char *why)
{
	struct field field;
	char storage[COMMENT_SIZE];
	struct sbuf sb;

	field_begin(&field, out, "Received-SPF");
	field_result(&field, RESULT_NONE);
	sbuf_init(&sb, storage, sizeof(storage));
	comment_open(&sb, receiver);
	sbuf_str(&sb, "skipped, ");
	comment_name(&sb, why);
	comment_close(&field, &sb);
	field_spf_pair(&field, "receiver", if_any(receiver), &style_name);
	field_spf_pair(&field, "identity", "none", &style_name);
	assert(sbuf_ok(out));
}

/* smtp.mailfrom=domain; a domain of mail has no trailing dot (RFC 5321). */
static void
field_property(struct field *f, const struct header_facts *facts)
{
	const char *key = facts->scope == SCOPE_HELO ? "smtp.helo"
	    : "smtp.mailfrom";
	const char *domain = facts->domain;
	char copy[HEADER_TEXT_MAX + 1];

	if (is_empty(domain))
		return;
	size_t len = strlen(domain);
	if (len > 1 && len <= HEADER_TEXT_MAX && domain[len - 1] == '.') {
		memcpy(copy, domain, len - 1);
		copy[len - 1] = '\0';
		domain = copy;
	}
	field_pair(f, key, domain, &style_token);
}

static void
field_spared(struct field *f, const struct header_facts *facts)
{
	char reason[HEADER_TEXT_MAX + 1];
	struct sbuf sb;

	sbuf_init(&sb, reason, sizeof(reason));
	sbuf_fmt(&sb, "%s ", facts->spared);
	sbuf_str(&sb, facts->author);
	field_pair(f, "reason", reason, &style_text);
}

static void
field_method(struct field *f, const struct header_facts *facts)
{
	char key[KEY_MAX];

	field_pair(f, "spf", result_name(shown_result(facts)), &style_token);
	if (!is_empty(facts->problem))
		field_pair(f, "reason", facts->problem, &style_text);
	else if (facts->spared != NULL)
		field_spared(f, facts);
	field_property(f, facts);
	if (facts->source == SOURCE_RECORD)
		return;
	(void)snprintf(key, sizeof(key), "policy.%s", source_key(facts));
	field_pair(f, key, result_name(facts->result), &style_token);
}

void
header_auth_results(struct sbuf *out, const char *authserv_id,
    const struct header_facts *f)
{
	struct field field;
	char id[VALUE_SIZE];

	field_begin(&field, out, "Authentication-Results");
	field_word(&field, id, put_value(id, authserv_id, &style_token));
	field_separator(&field);
	field_method(&field, f);
	assert(sbuf_ok(out));
}
