/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received fields, read strictly.
 *
 * Between "from" and "by" stand words and comments, and each MTA has its own
 * order of them:
 *
 *	HELO (NAME [ADDRESS])			Postfix, sendmail, most others
 *	HELO ([ADDRESS])			filters behind them
 *	NAME ([ADDRESS] helo=HELO ident=USER)	Exim; without "helo=" it is NAME
 *	[ADDRESS] (helo=HELO ident=USER)	Exim, of a client without name;
 *						it says that it is Exim, since
 *						such a word can be a HELO
 *	NAME (HELO HELO) (USER@ADDRESS)		qmail; without HELO it is NAME
 *	HELO (ADDRESS)				Exchange
 *
 * What a client says has no blanks and no parentheses in any of them, for the
 * MTAs see to that.  Should one not do so, a second client shows up before
 * "by", or another "from", "by" or ";" behind it, and the field is not
 * understood.  A name is one of letters, digits, dots, hyphens and underscores.
 */

#include "config.h"

#include <string.h>

#include "base/util.h"
#include "policy/received.h"
#include "policy/rfc5322.h"

#define HELO_MAX 255
#define COMMENT_DEPTH_MAX 4
#define SCOPE_MAX 16		/* of an interface: fe80::1%eth0 */

enum kind { KIND_WORD, KIND_COMMENT, KIND_SEMICOLON, KIND_END, KIND_BAD };

/* A comment is without its parentheses. */
struct token {
	enum kind	 kind;
	const char	*text;
	size_t		 len;
};

static bool
is(const struct token *t, enum kind kind, const char *text)
{
	return t->kind == kind && t->len == strlen(text) &&
	    util_has_prefix_nocase(t->text, t->len, text);
}

static struct token
take(enum kind kind, const char *text, const char *end)
{
	return (struct token){ kind, text, (size_t)(end - text) };
}

static struct token
next_comment(const char **at)
{
	const char *text = *at + 1;
	const char *p = text;
	unsigned depth = 1;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '(' && ++depth > COMMENT_DEPTH_MAX)
			break;
		else if (*p == ')' && --depth == 0)
			break;
	}
	*at = p + (*p != '\0');
	return take(depth == 0 ? KIND_COMMENT : KIND_BAD, text, p);
}

static struct token
next_word(const char **at)
{
	const char *text = *at;
	const char *p = text;

	while (*p != '\0' && !util_is_space(*p) && strchr("();", *p) == NULL) {
		if (*p != '"')
			p++;
		else if (!rfc5322_skip_quoted(&p, NULL))
			return take(KIND_BAD, text, text);
	}
	*at = p;
	return take(KIND_WORD, text, p);
}

static struct token
next_token(const char **at)
{
	while (util_is_space(**at))
		(*at)++;

	const char *p = *at;
	switch (*p) {
	case '\0':
		return take(KIND_END, p, p);
	case ';':
		*at = p + 1;
		return take(KIND_SEMICOLON, p, p + 1);
	case '(':
		return next_comment(at);
	case ')':
		return take(KIND_BAD, p, p);
	default:
		return next_word(at);
	}
}

/* Inside of comments and words. */

/* Octets of a name, or of a user before it, that s begins with. */
static size_t
name_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (util_is_alnum(s[n]) ||
	    strchr(".-_", s[n]) != NULL))
		n++;
	return n;
}

/* "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1", "fe80::1%eth0" */
static bool
parse_address(struct addr *out, const char *s, size_t len)
{
	static const char v6[] = "IPv6:";
	char text[ADDR_TEXT_SIZE];

	if (util_has_prefix_nocase(s, len, v6)) {
		s += sizeof(v6) - 1;
		len -= sizeof(v6) - 1;
	}
	const char *scope = memchr(s, '%', len);
	if (scope != NULL) {
		size_t rest = len - (size_t)(scope + 1 - s);
		if (rest == 0 || rest > SCOPE_MAX ||
		    name_length(scope + 1, rest) != rest)
			return false;
		len = (size_t)(scope - s);
	}
	if (len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return addr_parse(out, text);
}

/* The length of "[ADDRESS]" or "[ADDRESS]:PORT" at s; 0: there is none. */
static size_t
parse_bracketed(struct addr *out, const char *s, size_t len)
{
	const char *close = memchr(s, ']', len);
	uint64_t port;

	if (len == 0 || s[0] != '[' || close == NULL ||
	    !parse_address(out, s + 1, (size_t)(close - s - 1)))
		return 0;
	size_t used = (size_t)(close + 1 - s);
	size_t digits = 0;
	if (used < len && s[used] == ':')
		while (used + 1 + digits < len &&
		    util_is_digit(s[used + 1 + digits]))
			digits++;
	return digits > 0 && util_parse_uint(s + used + 1, digits, 65535,
	    &port) ? used + 1 + digits : used;
}

/* Behind "USER@" at s, or s. */
static const char *
skip_user(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && (util_is_alnum(*p) || strchr(".-_:+", *p) != NULL))
		p++;
	return p > s && p < end && *p == '@' ? p + 1 : s;
}

/*
 * Exim's " helo=HELO ident=USER" up to the end of a comment; "port=PORT" comes
 * first.  A pair is one word.
 */
static bool
parse_pairs(struct received *out, const char *s, const char *end)
{
	static const char *const keys[] = { "port=", "helo=", "ident=" };

	for (size_t i = 0; i < 3 && s < end; i++) {
		const char *p = s + (*s == ' ');
		size_t key = strlen(keys[i]);
		if (!util_has_prefix_nocase(p, (size_t)(end - p), keys[i]))
			continue;
		p += key;
		s = memchr(p, ' ', (size_t)(end - p));
		s = s != NULL ? s : end;
		if (i == 1) {
			out->helo = p;
			out->helo_len = (size_t)(s - p);
		}
	}
	return s == end;
}

/* "NAME [ADDRESS]", "[ADDRESS] helo=...", and what sendmail adds. */
static bool
parse_client(struct received *out, const struct token *comment)
{
	static const char forged[] = " (may be forged)";
	const char *end = comment->text + comment->len;
	const char *s = skip_user(comment->text, end);
	size_t name = name_length(s, (size_t)(end - s));

	if (name > 0 && s + name < end && s[name] == ' ')
		s += name + 1;
	else if (name > 0)
		return false;
	size_t used = parse_bracketed(&out->client, s, (size_t)(end - s));
	if (used == 0)
		return false;
	s += used;
	if (is(&(struct token){ KIND_COMMENT, s, (size_t)(end - s) },
	    KIND_COMMENT, forged))
		return true;
	return name > 0 ? s == end : parse_pairs(out, s, end);
}

/* The comment is "ADDRESS" or "USER@ADDRESS" and no more. */
static bool
parse_bare(struct received *out, const struct token *comment)
{
	const char *end = comment->text + comment->len;
	const char *s = skip_user(comment->text, end);

	return parse_address(&out->client, s, (size_t)(end - s));
}

/* qmail's "(HELO NAME)"; the client follows. */
static bool
parse_helo(struct received *out, const struct token *comment)
{
	static const char word[] = "HELO ";
	const size_t len = sizeof(word) - 1;

	if (comment->len <= len || strncmp(comment->text, word, len) != 0)
		return false;
	out->helo = comment->text + len;
	out->helo_len = comment->len - len;
	return true;
}

static bool
is_client(struct received *out, const struct token *t)
{
	return t->kind == KIND_COMMENT && (parse_client(out, t) ||
	    parse_bare(out, t));
}

/* What a HELO may have in these places; "" is none. */
static bool
is_helo(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f ||
		    strchr("()\"\\", s[i]) != NULL)
			return false;
	return len <= HELO_MAX;
}

/* Exim's client without a name, which the word is; *t is what follows. */
static bool
parse_nameless(struct received *out, const struct token *word,
    const char **at, struct token *t)
{
	if (parse_bracketed(&out->client, word->text, word->len) != word->len)
		return false;
	if (t->kind != KIND_COMMENT)
		return true;
	if (!parse_pairs(out, t->text, t->text + t->len))
		return false;
	*t = next_token(at);
	return true;
}

/* From the first word up to "by"; *nameless: only Exim writes so. */
static bool
parse_from(struct received *out, const char **at, bool *nameless)
{
	struct received other;
	struct token word = next_token(at);
	struct token t = next_token(at);

	if (word.kind != KIND_WORD)
		return false;
	out->helo = word.text;
	out->helo_len = word.len;
	*nameless = parse_nameless(out, &word, at, &t);
	if (!*nameless) {
		if (t.kind == KIND_COMMENT && parse_helo(out, &t))
			t = next_token(at);
		if (!is_client(out, &t))
			return false;
		t = next_token(at);
	}
	/* Of TLS, certificates, authentication. */
	while (t.kind == KIND_COMMENT && !is_client(&other, &t))
		t = next_token(at);
	return is(&t, KIND_WORD, "by");
}

/* ESMTPA, ESMTPSA, UTF8SMTPA, ... but not "SMTPS" or "LMTP" */
static bool
tells_authentication(const struct token *protocol)
{
	return protocol->kind == KIND_WORD && protocol->len > 5 &&
	    util_lower(protocol->text[protocol->len - 1]) == 'a' &&
	    (util_has_prefix_nocase(protocol->text, protocol->len, "esmtp") ||
	    util_has_prefix_nocase(protocol->text, protocol->len, "utf8"));
}

/* Behind "by": the name, the rest, a semicolon, the date. */
static bool
parse_by(struct received *out, const char **at, bool *exim)
{
	struct token t = next_token(at);

	if (t.kind != KIND_WORD)
		return false;
	out->by = t.text;
	out->by_len = t.len;
	out->authenticated = false;
	*exim = false;
	while (t.kind == KIND_WORD || t.kind == KIND_COMMENT) {
		bool with = is(&t, KIND_WORD, "with");
		t = next_token(at);
		if (is(&t, KIND_WORD, "by") || is(&t, KIND_WORD, "from"))
			return false;
		if (with && tells_authentication(&t))
			out->authenticated = true;
		if (t.kind == KIND_COMMENT && util_has_prefix_nocase(t.text,
		    t.len, "Exim "))
			*exim = true;
	}
	if (t.kind != KIND_SEMICOLON)
		return false;
	do
		t = next_token(at);
	while (t.kind == KIND_WORD || t.kind == KIND_COMMENT);
	return t.kind == KIND_END;
}

/* "(qmail 123 invoked from network); DATE" */
static bool
is_queue(const struct token *first)
{
	static const char before[] = "qmail ";
	static const char after[] = " invoked from network";
	const char *s = first->text + sizeof(before) - 1;

	if (first->kind != KIND_COMMENT ||
	    !util_has_prefix_nocase(first->text, first->len, before))
		return false;
	while (util_is_digit(*s))
		s++;
	return is(&(struct token){ KIND_COMMENT, s,
	    (size_t)(first->text + first->len - s) }, KIND_COMMENT, after);
}

enum received_status
received_parse(struct received *out, const char *value)
{
	struct received got;
	const char *at = value;
	struct token t = next_token(&at);
	bool nameless;
	bool exim;

	if (is_queue(&t))
		return RECEIVED_BELOW;
	if (!is(&t, KIND_WORD, "from") || !parse_from(&got, &at, &nameless) ||
	    !is_helo(got.helo, got.helo_len) || !parse_by(&got, &at, &exim) ||
	    (nameless && !exim))
		return RECEIVED_UNKNOWN;
	*out = got;
	return RECEIVED_CLIENT;
}
