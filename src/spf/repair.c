/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was meant by a term that is wrong.
 *
 * Guesses are tried one after the other, and the first that is well formed is
 * it.  They are the mistakes that people make: another name for a mechanism,
 * "=" for ":", an address where a name belongs, a name without a mechanism,
 * a blank that is missing before "-all", marks behind the term, and letters
 * that the DNS does not know.
 */

#include "config.h"

#include "spf/repair.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "spf/identity.h"
#include "spf/record.h"

/* A term cut into its parts; rest begins behind the divider. */
struct parts {
	const char	*term;
	char		 qualifier[2];
	char		 name[32];	/* lower case; "" if longer */
	char		 divider;	/* ':' '=' or NUL */
	const char	*rest;
};

static struct parts
parts_of(const char *term)
{
	struct parts p = { .term = term };
	const char *s = term;
	size_t len;

	if (*s != '\0' && strchr("+-~?", *s) != NULL)
		p.qualifier[0] = *s++;
	len = strcspn(s, ":=");
	p.divider = s[len];
	p.rest = s + len + (s[len] != '\0');
	for (size_t i = 0; len < sizeof(p.name) && i < len; i++)
		p.name[i] = util_lower(s[i]);
	return p;
}

/* Takes over text; true: it is well formed. */
static bool
try_text(char *text, struct sbuf *out)
{
	char *whole = xasprintf("v=spf1 %s", text);
	struct record_error e;
	struct record *r = record_parse(whole, strlen(whole), &e);

	if (r != NULL)
		sbuf_str(out, text);
	record_free(r);
	free(whole);
	free(text);
	return r != NULL;
}

/* "ip4" or "ip6" for an address or a network; NULL for another text. */
static const char *
family_of(const char *text)
{
	struct addr_prefix p;

	if (!addr_prefix_parse(&p, text))
		return NULL;
	return record_network_name(p.addr.family);
}

/* An address stands where a name or one of the other family belongs. */
static bool
try_address(const struct parts *p, struct sbuf *out)
{
	const char *start = p->term + strlen(p->qualifier);
	const char *ip = family_of(start);

	if (ip != NULL)
		return try_text(xasprintf("%s%s:%s", p->qualifier, ip, start),
		    out);
	ip = family_of(p->rest);
	return ip != NULL && try_text(xasprintf("%s%s:%s", p->qualifier, ip,
	    p->rest), out);
}

static bool
try_divider(const struct parts *p, struct sbuf *out)
{
	static const char *const modifiers[] = { "redirect", "exp" };
	static const char *const mechanisms[] = { "include", "a", "mx", "ptr",
		"exists" };

	for (size_t i = 0; i < sizeof(modifiers) / sizeof(*modifiers); i++)
		if (p->divider == ':' && strcmp(p->name, modifiers[i]) == 0)
			return try_text(xasprintf("%s=%s", p->name, p->rest),
			    out);
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if (p->divider == '=' && strcmp(p->name, mechanisms[i]) == 0)
			return try_text(xasprintf("%s%s:%s", p->qualifier,
			    p->name, p->rest), out);
	return false;
}

static bool
try_other_name(const struct parts *p, struct sbuf *out)
{
	static const char *const names[][2] = {
		{ "includes", "include" }, { "inc", "include" },
		{ "host", "a" }, { "aaaa", "a" }, { "exist", "exists" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (p->divider != '\0' && strcmp(p->name, names[i][0]) == 0)
			return try_text(xasprintf("%s%s:%s", p->qualifier,
			    names[i][1], p->rest), out);
	return false;
}

/* A name alone; those with an underscore hold records. */
static bool
try_bare_name(const struct parts *p, struct sbuf *out)
{
	const char *name = p->term + strlen(p->qualifier);

	return p->divider == '\0' && strchr(name, '.') != NULL &&
	    try_text(xasprintf("%s%s:%s", p->qualifier,
	    name[0] == '_' ? "include" : "a", name), out);
}

/* "ip4:192.0.2.1-all" */
static bool
try_blank(const struct parts *p, struct sbuf *out)
{
	static const size_t all = sizeof("-all") - 1;
	size_t len = strlen(p->term);

	return len > all && strchr("+-~?", p->term[len - all]) != NULL &&
	    util_eq_nocase(p->term + len - all + 1, "all") &&
	    try_text(xasprintf("%.*s %s", (int)(len - all), p->term,
	    p->term + len - all), out);
}

/* Quotes and commas. */
static bool
try_without_marks(const struct parts *p, struct sbuf *out)
{
	size_t len = strlen(p->term);
	size_t start = strspn(p->term, "\"'");

	while (len > start && strchr(";,.\"'", p->term[len - 1]) != NULL)
		len--;
	return len - start < strlen(p->term) &&
	    try_text(xstrndup(p->term + start, len - start), out);
}

static bool
try_a_labels(const struct parts *p, struct sbuf *out)
{
	char name[IDENTITY_NAME_MAX + 1];

	return p->divider != '\0' && identity_name_to_ascii(p->rest, name) &&
	    strcmp(name, p->rest) != 0 &&
	    try_text(xasprintf("%s%s%c%s", p->qualifier, p->name, p->divider,
	    name), out);
}

bool
repair_term(const char *term, size_t len, struct sbuf *out)
{
	static bool (*const guesses[])(const struct parts *,
	    struct sbuf *) = { try_address, try_divider, try_other_name,
		try_blank, try_without_marks, try_a_labels, try_bare_name };
	bool done = false;

	if (len > RECORD_TEXT_MAX / 2 || memchr(term, '\0', len) != NULL)
		return false;
	char *copy = xstrndup(term, len);
	struct parts p = parts_of(copy);
	for (size_t i = 0; !done && i < sizeof(guesses) / sizeof(*guesses);
	    i++)
		done = guesses[i](&p, out);
	free(copy);
	return done;
}
