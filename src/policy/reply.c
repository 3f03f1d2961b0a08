/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMTP replies from templates.
 *
 * Each line of a template is a macro string of its own.  So the number of
 * lines is the operator's, and a newline in an address can only become "?".
 *
 * Room is shared out beforehand, so that nothing a stranger says, and no
 * template, can push out the rest: template text first, up to its own limit,
 * then the link, then the explanation.  An explanation of 800 octets makes at
 * most 22 lines, since two lines in a row that were wrapped hold more than 75
 * octets.
 */

#include "config.h"

#include "policy/reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define EXPLANATION_WIDTH 75
#define EXPLANATION_LINES 22
#define DOMAIN_MAX 253

/* Octets of the template's lines, and of the explanation with its heading. */
#define TEMPLATE_ROOM 1900
#define EXPLANATION_ROOM (DOMAIN_MAX + 32 + EXPLANATION_LINES + \
	REPLY_EXPLANATION_MAX)

#define LINK_ROOM (1 + REPLY_LINE_MAX)

_Static_assert(TEMPLATE_ROOM + LINK_ROOM + EXPLANATION_ROOM < REPLY_TEXT_SIZE,
    "a reply has room for all its parts");
_Static_assert(REPLY_TEMPLATE_LINES_MAX + 1 + 1 + EXPLANATION_LINES <=
    REPLY_LINES_MAX, "a reply has lines for all its parts");

struct reply_template {
	unsigned	 code;
	char		 enhanced[REPLY_ENHANCED_SIZE];
	struct macro	*lines[REPLY_TEMPLATE_LINES_MAX];
	size_t		 count;
	bool		 has_link;	/* in one of the lines */
};

/* Codes: RFC 7372 s3.2 (5.7.23, x.7.24), and 5.7.1 where it has none. */
static const struct reply_default defaults[RESULT_COUNT] = {
	[RESULT_FAIL] = { 550, "5.7.23",
	    "SPF fail: %{c} is not allowed to send mail for %{d} "
	    "(%{identity} identity); use a mail server of that domain or "
	    "ask its postmaster" },
	[RESULT_SOFTFAIL] = { 550, "5.7.23",
	    "SPF softfail: %{c} is probably not allowed to send mail for "
	    "%{d} (%{identity} identity); use a mail server of that domain "
	    "or ask its postmaster" },
	[RESULT_NEUTRAL] = { 550, "5.7.1",
	    "SPF neutral: %{d} does not say that %{c} may send its mail "
	    "(%{identity} identity), which %{r} requires; its postmaster can "
	    "add this address" },
	[RESULT_NONE] = { 550, "5.7.1",
	    "SPF none: no SPF record found for %{d} (%{identity} identity), "
	    "which %{r} requires; its postmaster can publish one" },
	[RESULT_PERMERROR] = { 550, "5.7.24",
	    "SPF permerror: the SPF record of %{d} (%{identity} identity) is "
	    "wrong and its postmaster must correct it: %{reason}" },
	[RESULT_TEMPERROR] = { 451, "4.7.24",
	    "SPF temperror: the SPF record of %{d} (%{identity} identity) "
	    "cannot be looked up now, try again later: %{reason}" },
};

const struct reply_default *
reply_default(enum result r)
{
	return defaults[r].text != NULL ? &defaults[r] : NULL;
}

/* "." and one to three digits, RFC 3463 s2; NULL: something else. */
static const char *
skip_number(const char *s)
{
	unsigned digits = 0;

	if (*s++ != '.')
		return NULL;
	while (digits < 4 && util_is_digit(s[digits]))
		digits++;
	return digits >= 1 && digits <= 3 ? s + digits : NULL;
}

static bool
check_codes(unsigned code, const char *enhanced, struct sbuf *err)
{
	if (code < 400 || code > 599) {
		sbuf_str(err, "code must be 400 to 599");
		return false;
	}
	if (enhanced == NULL || enhanced[0] != (char)('0' + code / 100)) {
		sbuf_fmt(err, "enhanced must begin with %u, as code %u does",
		    code / 100, code);
		return false;
	}
	const char *s = skip_number(enhanced + 1);
	if (s != NULL)
		s = skip_number(s);
	if (s == NULL || *s != '\0') {
		sbuf_fmt(err, "enhanced must be like \"%u.7.1\"", code / 100);
		return false;
	}
	return true;
}

static bool
check_text(const char *text, struct sbuf *err)
{
	bool empty = true;
	unsigned lines = 1;

	if (strlen(text) > REPLY_TEMPLATE_TEXT_MAX) {
		sbuf_fmt(err, "text must have at most %d octets",
		    REPLY_TEMPLATE_TEXT_MAX);
		return false;
	}
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n') {
			lines++;
		} else if (!util_is_print(*p)) {
			sbuf_str(err, "text must be printable ASCII and "
			    "newlines");
			return false;
		} else if (*p != ' ')
			empty = false;
	}
	if (empty) {
		sbuf_str(err, "text must not be empty");
		return false;
	}
	if (lines > REPLY_TEMPLATE_LINES_MAX) {
		sbuf_fmt(err, "text must have at most %d lines",
		    REPLY_TEMPLATE_LINES_MAX);
		return false;
	}
	return true;
}

static bool
compile_lines(struct reply_template *t, const char *text, struct sbuf *err)
{
	struct macro_error e;

	for (const char *p = text;;) {
		size_t len = strcspn(p, "\n");
		struct macro *m = macro_compile(MACRO_REPLY, p, len, &e);
		if (m == NULL) {
			sbuf_fmt(err, "text, octet %zu: %s (a percent sign is "
			    "written %%%%)", (size_t)(p - text) + e.offset + 1,
			    e.message);
			return false;
		}
		t->lines[t->count++] = m;
		t->has_link = t->has_link || macro_uses_why_url(m);
		if (p[len] == '\0')
			return true;
		p += len + 1;
	}
}

struct reply_template *
reply_compile(unsigned code, const char *enhanced, const char *text, char *err,
    size_t errsize)
{
	struct sbuf message;
	sbuf_init(&message, err, errsize);
	if (!check_codes(code, enhanced, &message) ||
	    !check_text(text, &message))
		return NULL;

	struct reply_template *t = xcalloc(1, sizeof(*t));
	t->code = code;
	bool copied = util_copy(t->enhanced, sizeof(t->enhanced), enhanced);
	assert(copied);
	if (!compile_lines(t, text, &message)) {
		reply_template_free(t);
		return NULL;
	}
	return t;
}

void
reply_template_free(struct reply_template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		macro_free(t->lines[i]);
	free(t);
}

static void
clean(char *s)
{
	for (; *s != '\0'; s++)
		if (!util_is_print(*s))
			*s = '?';
}

/* The lines of a reply; what goes beyond room or lines is cut. */
struct writer {
	struct sbuf	sb;
	size_t		lines;
	size_t		lines_max;
};

static void
put_line(struct writer *w, const char *s, size_t len)
{
	size_t separator = w->lines > 0 ? 1 : 0;
	size_t room = w->sb.size - 1 - w->sb.len;

	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len == 0 || room <= separator || w->lines == w->lines_max)
		return;
	if (separator != 0)
		sbuf_char(&w->sb, '\n');
	sbuf_add(&w->sb, s, len < room - separator ? len : room - separator);
	w->lines++;
}

/*
 * Octets of the next line of at most width: up to the last blank, or where
 * the first word is longer, that word, up to REPLY_LINE_MAX.
 */
static size_t
line_length(const char *s, size_t width)
{
	size_t len = strlen(s);
	if (len <= width)
		return len;
	for (size_t i = width; i > 0; i--)
		if (s[i] == ' ')
			return i;
	size_t word = strcspn(s, " ");
	return word < REPLY_LINE_MAX ? word : REPLY_LINE_MAX;
}

static void
put_wrapped(struct writer *w, const char *s, size_t width)
{
	for (;;) {
		s += strspn(s, " ");
		if (*s == '\0')
			return;
		size_t len = line_length(s, width);
		put_line(w, s, len);
		s += len;
	}
}

static void
put_template(struct writer *w, const struct reply_template *t,
    const struct macro_vars *v)
{
	char line[TEMPLATE_ROOM + 1];
	struct sbuf sb;

	for (size_t i = 0; i < t->count; i++) {
		sbuf_init(&sb, line, sizeof(line));
		macro_expand(t->lines[i], v, &sb);
		clean(line);
		put_wrapped(w, line, REPLY_LINE_MAX);
	}
}

/* On a line of its own: no MTA breaks it, and no reader can miss it. */
static void
put_link(struct writer *w, const char *link)
{
	char line[REPLY_LINE_MAX + 1];
	struct sbuf sb;

	if (link == NULL || link[0] == '\0')
		return;
	sbuf_init(&sb, line, sizeof(line));
	sbuf_fmt(&sb, "See %s", link);
	assert(sbuf_ok(&sb));
	clean(line);
	put_line(w, line, sb.len);
}

/* RFC 7208 s8.4: it must be plain whose words these are. */
static void
put_explanation(struct writer *w, const struct reply_vars *v)
{
	char text[REPLY_EXPLANATION_MAX + 1];
	char domain[DOMAIN_MAX + 1];
	char heading[DOMAIN_MAX + 32];
	struct sbuf sb;

	if (v->explanation == NULL)
		return;
	util_copy(text, sizeof(text), v->explanation);
	if (text[strspn(text, " ")] == '\0')
		return;
	clean(text);
	util_copy(domain, sizeof(domain), v->explanation_domain != NULL
	    ? v->explanation_domain : "unknown");
	clean(domain);
	sbuf_init(&sb, heading, sizeof(heading));
	sbuf_fmt(&sb, "The domain %s explains:", domain);
	put_line(w, heading, sb.len);
	put_wrapped(w, text, EXPLANATION_WIDTH);
}

void
reply_format(const struct reply_template *t, const struct reply_vars *v,
    struct reply *out)
{
	static const char fallback[] = "Refused by the SPF policy";
	struct writer w = { .lines_max = REPLY_TEMPLATE_LINES_MAX };

	out->code = t->code;
	memcpy(out->enhanced, t->enhanced, sizeof(out->enhanced));
	sbuf_init(&w.sb, out->text, TEMPLATE_ROOM);
	put_template(&w, t, &v->macros);
	if (w.lines == 0)
		put_line(&w, fallback, sizeof(fallback) - 1);
	w.sb.size = sizeof(out->text);
	w.lines_max = REPLY_LINES_MAX;
	if (!t->has_link)
		put_link(&w, v->macros.why_url);
	put_explanation(&w, v);
	assert(sbuf_ok(&w.sb));
}
