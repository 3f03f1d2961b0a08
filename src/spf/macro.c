/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RFC 7208 s7 macro strings, compiled into a row of pieces.
 *
 * A piece is literal text, or a macro letter with its transformers; the long
 * names of our own templates have letters too.  %%, %_ and %- never change, so
 * they become literal text when compiled.  Expansion makes the text of one
 * macro at a time and never looks at expanded text again: a value from outside
 * cannot bring in a macro.
 *
 * A name for the DNS is the last 253 octets of the expansion, so it is built
 * from the right and stops as soon as there is enough, however long the
 * values are.
 */

#include "config.h"

#include "spf/macro.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "spf/identity.h"

static const char delimiters[] = ".-+,/_=";

struct piece {
	char		 letter;	/* lower case; LITERAL; or LONG_ */
	size_t		 start;		/* literal: place in text */
	size_t		 len;
	bool		 escape;	/* the letter was upper case */
	bool		 reverse;
	unsigned	 keep;		/* right-hand parts; 0: all */
	unsigned	 delims;	/* bit i: delimiters[i]; 0: none */
};

struct macro {
	char		*text;		/* all literals, one after the other */
	struct piece	*pieces;
	size_t		 count;
};

/* Stand for letters; behind LITERAL in the order of macro_reply_names. */
enum { LITERAL, LONG_RESULT, LONG_IDENTITY, LONG_REASON, LONG_QUEUE_ID,
	LONG_WHY_URL };

const char *const macro_reply_names[] = {
	"result", "identity", "reason", "queue_id", "why_url", NULL
};

struct compiler {
	enum macro_use		 use;
	const char		*s;
	size_t			 len;
	size_t			 pos;
	struct macro		*m;
	struct sbuf		 text;
	struct macro_error	*err;
};

static bool
fail(struct compiler *c, size_t offset, const char *message)
{
	c->err->offset = offset;
	c->err->message = message;
	return false;
}

static struct piece *
add_piece(struct compiler *c, char letter)
{
	struct piece *p = &c->m->pieces[c->m->count++];
	p->letter = letter;
	return p;
}

static void
add_literal(struct compiler *c, const char *s, size_t len)
{
	size_t n = c->m->count;
	struct piece *p = n == 0 ? NULL : &c->m->pieces[n - 1];

	if (p == NULL || p->letter != LITERAL) {
		p = add_piece(c, LITERAL);
		p->start = c->text.len;
	}
	sbuf_add(&c->text, s, len);
	p->len += len;
}

/* At "name}" of a long name: takes it. */
static bool
compile_long(struct compiler *c)
{
	const char *s = c->s + c->pos;
	size_t rest = c->len - c->pos;

	for (int i = 0; macro_reply_names[i] != NULL; i++) {
		size_t n = strlen(macro_reply_names[i]);
		if (rest > n && s[n] == '}' &&
		    memcmp(s, macro_reply_names[i], n) == 0) {
			add_piece(c, (char)(LITERAL + 1 + i));
			c->pos += n + 1;
			return true;
		}
	}
	return false;
}

/* *DIGIT: a count that no value can have is as good as any larger one. */
static bool
compile_digits(struct compiler *c, struct piece *p)
{
	size_t start = c->pos;

	for (; c->pos < c->len && util_is_digit(c->s[c->pos]); c->pos++) {
		unsigned digit = (unsigned)(c->s[c->pos] - '0');
		if (p->keep > (UINT_MAX - digit) / 10)
			p->keep = UINT_MAX;
		else
			p->keep = p->keep * 10 + digit;
	}
	if (c->pos > start && p->keep == 0)
		return fail(c, start, "the number of parts must not be zero");
	return true;
}

static unsigned
delimiter_bit(char ch)
{
	const char *at = ch == '\0' ? NULL : strchr(delimiters, ch);
	return at == NULL ? 0 : 1U << (at - delimiters);
}

static bool
compile_letter(struct compiler *c)
{
	size_t start = c->pos;
	if (start == c->len)
		return fail(c, start, "macro without a letter");

	char letter = util_lower(c->s[c->pos]);
	if (letter == '\0' || strchr("slodiphcrtv", letter) == NULL)
		return fail(c, start, "unknown macro letter");
	/* s7.2: letters for the text of an explanation only */
	if (c->use == MACRO_DOMAIN_SPEC && strchr("crt", letter) != NULL)
		return fail(c, start, "macro letter for explanations only");

	struct piece *p = add_piece(c, letter);
	p->escape = c->s[c->pos++] != letter;
	if (!compile_digits(c, p))
		return false;
	if (c->pos < c->len && util_lower(c->s[c->pos]) == 'r') {
		p->reverse = true;
		c->pos++;
	}
	while (c->pos < c->len && delimiter_bit(c->s[c->pos]) != 0)
		p->delims |= delimiter_bit(c->s[c->pos++]);
	if (c->pos == c->len || c->s[c->pos] != '}')
		return fail(c, c->pos, "macro is not closed by }");
	c->pos++;
	return true;
}

/* At "%". */
static bool
compile_expand(struct compiler *c)
{
	char next = '\0';
	if (++c->pos < c->len)
		next = c->s[c->pos++];

	switch (next) {
	case '%':
		add_literal(c, "%", 1);
		return true;
	case '_':
		add_literal(c, " ", 1);
		return true;
	case '-':
		add_literal(c, "%20", 3);
		return true;
	case '{':
		return (c->use == MACRO_REPLY && compile_long(c)) ||
		    compile_letter(c);
	default:
		return fail(c, c->pos - (next != '\0'),
		    "% must be followed by {, %, _ or -");
	}
}

static bool
is_literal_octet(enum macro_use use, char ch)
{
	switch (use) {
	case MACRO_DOMAIN_SPEC:
		return util_is_print(ch) && ch != ' ';
	case MACRO_EXPLAIN:
		return util_is_print(ch);
	case MACRO_REPLY:
		return ch != '\0';
	}
	return false;
}

/* The longest literal from here on. */
static bool
compile_literal(struct compiler *c)
{
	size_t start = c->pos;

	for (; c->pos < c->len && c->s[c->pos] != '%'; c->pos++)
		if (!is_literal_octet(c->use, c->s[c->pos]))
			return fail(c, c->pos, "octet that is not allowed");
	add_literal(c, c->s + start, c->pos - start);
	return true;
}

/*
 * toplabel of s7.1: letters, digits and hyphens, not only digits, no hyphen
 * at either end.
 */
static bool
is_toplabel(const char *s, size_t len)
{
	bool other = false;

	for (size_t i = 0; i < len; i++) {
		if (!util_is_alnum(s[i]) && s[i] != '-')
			return false;
		if (!util_is_digit(s[i]))
			other = true;
	}
	return other && s[0] != '-' && s[len - 1] != '-';
}

/*
 * domain-end of s7.1 for the source from start on, where the last macro of
 * the string has ended, or the string begins.
 */
static bool
is_domain_end(const char *s, size_t start, size_t len)
{
	if (start == len)
		return len > 0;
	if (s[len - 1] == '.')
		len--;
	size_t label = len;
	while (label > start && s[label - 1] != '.')
		label--;
	return label > start && is_toplabel(s + label, len - label);
}

static bool
compile_all(struct compiler *c)
{
	size_t macro_end = 0;

	while (c->pos < c->len) {
		bool literal = c->s[c->pos] != '%';
		if (!(literal ? compile_literal(c) : compile_expand(c)))
			return false;
		if (!literal)
			macro_end = c->pos;
	}
	if (c->use != MACRO_DOMAIN_SPEC ||
	    is_domain_end(c->s, macro_end, c->len))
		return true;
	return fail(c, macro_end, c->len == 0 ? "empty domain" :
	    "domain must end in a top-level label or a macro");
}

struct macro *
macro_compile(enum macro_use use, const char *s, size_t len,
    struct macro_error *err)
{
	size_t percents = 0;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '%')
			percents++;

	/* Only %- grows, from two octets to three. */
	struct macro *m = xcalloc(1, sizeof(*m));
	m->pieces = xcalloc(2 * percents + 1, sizeof(*m->pieces));
	m->text = xcalloc(len + percents + 1, 1);

	struct compiler c = {
		.use = use, .s = s, .len = len, .m = m, .err = err
	};
	sbuf_init(&c.text, m->text, len + percents + 1);
	if (!compile_all(&c)) {
		macro_free(m);
		return NULL;
	}
	assert(sbuf_ok(&c.text));
	/* Compiled records are cached: give back what was not needed. */
	m->pieces = xreallocarray(m->pieces, m->count + 1, sizeof(*m->pieces));
	return m;
}

void
macro_free(struct macro *m)
{
	if (m == NULL)
		return;
	free(m->pieces);
	free(m->text);
	free(m);
}

static bool
uses_letter(const struct macro *m, char letter)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->pieces[i].letter == letter)
			return true;
	return false;
}

bool
macro_uses(const struct macro *m, const char *letters)
{
	while (*letters != '\0' && !uses_letter(m, *letters))
		letters++;
	return *letters != '\0';
}

bool
macro_escapes(const struct macro *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->pieces[i].escape)
			return true;
	return false;
}

bool
macro_uses_validated(const struct macro *m)
{
	return uses_letter(m, 'p');
}

bool
macro_uses_why_url(const struct macro *m)
{
	return uses_letter(m, LONG_WHY_URL);
}

static char *
copy_or(const char *s, const char *instead)
{
	return xstrdup(s == NULL ? instead : s);
}

/*
 * %{i}: dotted quad, or the 32 nibbles of IPv6 divided by dots.  In a name
 * the case does not matter; in texts the openspf suite wants capitals.
 */
static char *
client_parts(const struct addr *a)
{
	static const char hex[] = "0123456789ABCDEF";
	char text[ADDR_TEXT_SIZE];

	if (a->family != AF_INET6)
		return xstrdup(addr_format(a, text));
	char *out = xcalloc(64, 1);
	for (size_t i = 0; i < 16; i++) {
		out[4 * i] = hex[a->bytes[i] >> 4];
		out[4 * i + 1] = '.';
		out[4 * i + 2] = hex[a->bytes[i] & 15];
		if (i < 15)
			out[4 * i + 3] = '.';
	}
	return out;
}

static char *
letter_value(char letter, const struct macro_vars *v)
{
	const char *local = v->local == NULL ? "" : v->local;
	const char *domain = v->sender_domain == NULL ? "" : v->sender_domain;
	char text[ADDR_TEXT_SIZE];

	switch (letter) {
	case 's':
		return xasprintf("%s@%s", local, domain);
	case 'l':
		return xstrdup(local);
	case 'o':
		return xstrdup(domain);
	case 'd':
		return copy_or(v->domain, "");
	case 'i':
		return client_parts(v->client);
	case 'p':
		return copy_or(v->validated, "unknown");
	case 'v':
		return xstrdup(v->client->family == AF_INET6 ? "ip6" :
		    "in-addr");
	case 'h':
		return copy_or(v->helo, "");
	case 'c':
		return xstrdup(addr_format(v->client, text));
	case 'r':
		return copy_or(v->receiver, "unknown");
	case 't':
		return xasprintf("%lld", (long long)v->time_s);
	case LONG_RESULT:
		return copy_or(v->result, "");
	case LONG_IDENTITY:
		return copy_or(v->identity, "");
	case LONG_REASON:
		return copy_or(v->reason, "");
	case LONG_WHY_URL:
		return copy_or(v->why_url, "");
	default:
		assert(letter == LONG_QUEUE_ID);
		return xstrdup(v->queue_id == NULL || *v->queue_id == '\0' ?
		    "-" : v->queue_id);
	}
}

static bool
divides(const struct piece *p, char ch)
{
	if (p->delims == 0)
		return ch == '.';
	return (delimiter_bit(ch) & p->delims) != 0;
}

/*
 * The transformers of s7.3: the last parts, in order or reversed.  The result
 * is as long as value or shorter.
 */
static void
transform(const struct piece *p, char *value)
{
	const size_t len = strlen(value);
	char *copy = xmemdup(value, len + 1);
	const char **parts = xcalloc(len + 1, sizeof(*parts));
	size_t count = 0;
	size_t first = 0;
	struct sbuf out;

	parts[count++] = copy;
	for (size_t i = 0; i < len; i++) {
		if (divides(p, copy[i])) {
			copy[i] = '\0';
			parts[count++] = copy + i + 1;
		}
	}
	if (p->keep != 0 && p->keep < count)
		first = count - p->keep;
	sbuf_init(&out, value, len + 1);
	for (size_t i = first; i < count; i++) {
		if (i > first)
			sbuf_char(&out, '.');
		sbuf_str(&out, parts[p->reverse ? count - 1 - i : i]);
	}
	free(parts);
	free(copy);
}

/* All but the unreserved characters of RFC 3986 s2.3 as %XX. */
static char *
url_escape(const char *value)
{
	size_t size = 3 * strlen(value) + 1;
	char *text = xcalloc(size, 1);
	struct sbuf out;

	sbuf_init(&out, text, size);
	for (; *value != '\0'; value++) {
		if (util_is_alnum(*value) || strchr("-._~", *value) != NULL)
			sbuf_char(&out, *value);
		else
			sbuf_fmt(&out, "%%%02X", (unsigned char)*value);
	}
	return text;
}

/* The text of a piece; the caller frees it. */
static char *
piece_expand(const struct macro *m, const struct piece *p,
    const struct macro_vars *v)
{
	if (p->letter == LITERAL)
		return xstrndup(m->text + p->start, p->len);

	char *value = letter_value(p->letter, v);
	if (p->keep != 0 || p->reverse || p->delims != 0)
		transform(p, value);
	if (!p->escape)
		return value;
	char *escaped = url_escape(value);
	free(value);
	return escaped;
}

void
macro_expand(const struct macro *m, const struct macro_vars *v,
    struct sbuf *out)
{
	for (size_t i = 0; i < m->count && sbuf_ok(out); i++) {
		char *text = piece_expand(m, &m->pieces[i], v);
		sbuf_str(out, text);
		free(text);
	}
}

/* The last size octets at most, at the end of buf; returns their start. */
static size_t
expand_tail(const struct macro *m, const struct macro_vars *v, char *buf,
    size_t size)
{
	size_t start = size;

	for (size_t i = m->count; i > 0 && start > 0; i--) {
		char *text = piece_expand(m, &m->pieces[i - 1], v);
		size_t len = strlen(text);
		size_t n = len < start ? len : start;

		start -= n;
		memcpy(buf + start, text + len - n, n);
		free(text);
	}
	return start;
}

static bool
is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] > 0x7f)
			return false;
	return true;
}

enum macro_name_status
macro_expand_name(const struct macro *m, const struct macro_vars *v,
    char out[254])
{
	/* Room for the octet before the name and the dot behind it. */
	char buf[IDENTITY_NAME_MAX + 2];

	/* RFC 8616 s4: terms with %{s} or %{l} then match nothing. */
	if (v->local != NULL && !is_ascii(v->local, strlen(v->local)) &&
	    macro_uses(m, "sl"))
		return MACRO_NAME_NOT_ASCII;

	size_t end = sizeof(buf);
	size_t start = expand_tail(m, v, buf, end);
	if (start < end && buf[end - 1] == '.')
		end--;
	/* s7.3: whole labels and their dots go until the rest fits. */
	while (end - start > IDENTITY_NAME_MAX) {
		const char *dot = memchr(buf + start, '.', end - start);
		if (dot == NULL)
			return MACRO_NAME_INVALID;
		start = (size_t)(dot - buf) + 1;
	}
	if (!identity_name_is_valid(buf + start, end - start, false))
		return MACRO_NAME_INVALID;
	if (!is_ascii(buf + start, end - start))
		return MACRO_NAME_NOT_ASCII;
	memcpy(out, buf + start, end - start);
	out[end - start] = '\0';
	return MACRO_NAME_OK;
}
