/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authentication-Results of others: what they claim.
 *
 * Readers differ in how they read such a field: with nested comments or
 * without, joining pieces around dots, undoing quotes, backslashes or
 * encoded-words first, or looking for a piece of text and no more.  So a
 * claim is made if any of these readings has it.
 *
 * The part before the first ";" names the server.  It claims our name if the
 * name stands there as a whole word; a field of another server has no reason
 * to have it there.  An SPF result is claimed by "spf=" wherever it stands,
 * comments and quotes included, and with nothing between its octets but what
 * some reader passes over: other methods have no reason for these.  Where a
 * comment behind "spf" ends is again a matter of the reader, so its begin is
 * enough.
 */

#include "config.h"

#include "policy/authres.h"

#include <string.h>

#include "base/util.h"

#define CLAIM_SIZE 1024

enum octet {
	OCTET_END,
	OCTET_TEXT,		/* of a word, quoted or not */
	OCTET_BLANK,		/* white space or part of a comment */
	OCTET_NOTHING,		/* a quote, or a ")" that closes nothing */
	OCTET_SEMICOLON
};

struct scan {
	const char	*p;
	unsigned	 depth;		/* of comments */
	bool		 quoted;
};

/* RFC 5322 s3.2: the next octet, *c, without its backslash. */
static enum octet
scan_next(struct scan *s, char *c)
{
	*c = *s->p;
	if (*c == '\0')
		return OCTET_END;
	s->p++;
	if (*c == '\\' && *s->p != '\0') {
		*c = *s->p++;
		return s->depth > 0 ? OCTET_BLANK : OCTET_TEXT;
	}
	if (s->depth > 0) {
		if (*c == '(')
			s->depth++;
		else if (*c == ')')
			s->depth--;
		return OCTET_BLANK;
	}
	if (*c == '"') {
		s->quoted = !s->quoted;
		return OCTET_NOTHING;
	}
	if (util_is_space(*c))
		return OCTET_BLANK;
	if (s->quoted)
		return OCTET_TEXT;
	if (*c == '(') {
		s->depth = 1;
		return OCTET_BLANK;
	}
	if (*c == ')')
		return OCTET_NOTHING;	/* OpenDMARC passes it over */
	return *c == ';' ? OCTET_SEMICOLON : OCTET_TEXT;
}

/* Octets before the first ";" that has some text before it. */
static size_t
claim_length(const char *value)
{
	struct scan s = { .p = value };
	bool seen_text = false;

	for (;;) {
		const char *start = s.p;
		char c;
		enum octet o = scan_next(&s, &c);
		if (o == OCTET_END || (o == OCTET_SEMICOLON && seen_text))
			return (size_t)(start - value);
		if (o == OCTET_TEXT)
			seen_text = true;
	}
}

static bool
is_name_octet(char c)
{
	return util_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* Is name of len octets at p (before end), alone but for a trailing dot? */
static bool
word_ends(const char *p, const char *end)
{
	if (p < end && *p == '.')
		p++;
	return p == end || !is_name_octet(*p);
}

static bool
contains_word(const char *s, size_t len, const char *name, size_t name_len)
{
	const char *end = s + len;
	bool boundary = true;

	for (const char *p = s; (size_t)(end - p) >= name_len; p++) {
		size_t i = 0;
		while (boundary && i < name_len &&
		    util_lower(p[i]) == util_lower(name[i]))
			i++;
		if (i == name_len && word_ends(p + i, end))
			return true;
		boundary = !is_name_octet(*p);
	}
	return false;
}

/* The words of a claim: comments and runs of blanks become one blank. */
struct words {
	struct sbuf	sb;
	bool		join_dots;	/* "a . b" is "a.b" */
	bool		blank;		/* before the next octet */
};

static void
words_add(struct words *w, char c)
{
	bool join = w->join_dots && (c == '.' ||
	    (w->sb.len > 0 && w->sb.data[w->sb.len - 1] == '.'));

	if (w->blank && !join)
		sbuf_char(&w->sb, ' ');
	w->blank = false;
	sbuf_char(&w->sb, c);
}

static void
words_fill(struct words *w, const char *s, size_t len)
{
	struct scan scan = { .p = s };
	char c;

	while (scan.p < s + len) {
		switch (scan_next(&scan, &c)) {
		case OCTET_TEXT:
			words_add(w, c);
			break;
		case OCTET_BLANK:
		case OCTET_SEMICOLON:
			w->blank = true;
			break;
		case OCTET_NOTHING:
		case OCTET_END:
			break;
		}
	}
}

static bool
has_encoded_word(const char *s, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (s[i] == '=' && s[i + 1] == '?')
			return true;
	return false;
}

/* Octets that some reader may turn into our name. */
static bool
is_encoded(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return true;
	return has_encoded_word(s, len);
}

static bool
words_claim(const char *s, size_t len, const char *id, size_t id_len,
    bool join_dots)
{
	char storage[CLAIM_SIZE];
	struct words w = { .join_dots = join_dots };

	sbuf_init(&w.sb, storage, sizeof(storage));
	words_fill(&w, s, len);
	return !sbuf_ok(&w.sb) ||
	    contains_word(w.sb.data, w.sb.len, id, id_len);
}

bool
authres_claims_id(const char *value, const char *authserv_id)
{
	size_t len = claim_length(value);
	size_t id_len = strlen(authserv_id);

	if (id_len > 1 && authserv_id[id_len - 1] == '.')
		id_len--;
	if (id_len == 0)
		return false;
	return is_encoded(value, len) ||
	    contains_word(value, len, authserv_id, id_len) ||
	    words_claim(value, len, authserv_id, id_len, true) ||
	    words_claim(value, len, authserv_id, id_len, false);
}

/*
 * The next octet of a text in which "spf=", "spf/1=" or "spf(" is looked for;
 * *seen octets of the name stand before it.  True: it is the last one.
 */
static bool
method_ends(size_t *seen, char c)
{
	static const char name[] = "spf";
	const size_t len = sizeof(name) - 1;

	if (*seen == len && (c == '=' || c == '('))
		return true;
	if (*seen == len && (c == '/' || util_is_digit(c)))
		return false;
	if (*seen < len && util_lower(c) == name[*seen])
		(*seen)++;
	else
		*seen = util_lower(c) == name[0];
	return false;
}

/* Comments are passed over. */
static bool
claims_spf_outside_comments(const char *value)
{
	struct scan scan = { .p = value };
	size_t seen = 0;
	enum octet o;
	char c;

	while ((o = scan_next(&scan, &c)) != OCTET_END)
		if ((o == OCTET_TEXT || o == OCTET_SEMICOLON) &&
		    method_ends(&seen, c))
			return true;
	return false;
}

/* Comments are text like any other. */
static bool
claims_spf_anywhere(const char *value)
{
	size_t seen = 0;

	for (const char *p = value; *p != '\0'; p++)
		if (!util_is_space(*p) && strchr("\")\\", *p) == NULL &&
		    method_ends(&seen, *p))
			return true;
	return false;
}

bool
authres_claims_spf(const char *value)
{
	return claims_spf_anywhere(value) ||
	    claims_spf_outside_comments(value) ||
	    has_encoded_word(value, strlen(value));
}
