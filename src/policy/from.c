/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The author's domain, where there is no doubt about it.
 *
 * What is decided by it is whether a refusal is dropped, so a field that two
 * programs may read in two ways has no domain here.  That is why this is a
 * reader of the grammar of RFC 5322 s3.4 without its obsolete forms but one:
 * dots in a name, as in "John Q. Public <...>".
 */

#include "config.h"

#include "policy/from.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "policy/rfc5322.h"

/* Printable ASCII or UTF-8, and folds. */
static bool
is_clean(const char *s)
{
	while (*s != '\0') {
		size_t n = util_is_space(*s) ? 1 :
		    util_print_length(s, strnlen(s, 4));

		if (n == 0)
			return false;
		s += n;
	}
	return true;
}

/* RFC 5322 s3.2.3, RFC 6532 s3.2; with the dot. */
static bool
is_atext(char c)
{
	return (unsigned char)c >= 0x80 || util_is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static bool
is_host_octet(char c)
{
	return util_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* Of len octets at s, in lower case. */
static bool
set_domain(char domain[IDENTITY_NAME_MAX + 1], const char *s, size_t len)
{
	char *name = xstrndup(s, len);
	bool valid = identity_name_to_ascii(name, domain);

	free(name);
	for (const char *p = domain; valid && *p != '\0'; p++)
		valid = is_host_octet(*p);
	if (!valid)
		return false;
	util_lower_octets(domain, strlen(domain));
	return identity_name_is_valid(domain, strlen(domain), true);
}

static size_t
atom_length(const char *s)
{
	size_t len = 0;

	while (is_atext(s[len]))
		len++;
	return len;
}

/* local@domain at *p, up to where its atom ends. */
static bool
read_address(const char **p, char domain[IDENTITY_NAME_MAX + 1])
{
	const char *s = *p;

	if (*s == '"') {
		if (!rfc5322_skip_quoted(&s, NULL))
			return false;
	} else {
		size_t local = atom_length(s);

		for (size_t i = 0; i + 1 < local; i++)
			if (s[i] == '=' && s[i + 1] == '?')
				return false;
		if (local == 0)
			return false;
		s += local;
	}
	if (*s++ != '@')
		return false;
	*p = s + atom_length(s);
	return set_domain(domain, s, (size_t)(*p - s));
}

static bool
read_brackets(const char **p, char domain[IDENTITY_NAME_MAX + 1])
{
	(*p)++;
	if (!read_address(p, domain) || **p != '>')
		return false;
	(*p)++;
	return true;
}

/* Behind the only address, or where there is none. */
static enum from_status
rest(const char *p, enum from_status at_end)
{
	if (!rfc5322_skip_blanks(&p))
		return FROM_UNCLEAR;
	if (*p == '\0')
		return at_end;
	return *p == ',' || *p == ':' || *p == ';' ? FROM_SEVERAL
	    : FROM_UNCLEAR;
}

/* Words of a name, then an address in brackets; or an address alone. */
static enum from_status
read_mailbox(const char *p, char domain[IDENTITY_NAME_MAX + 1])
{
	bool first = true;

	for (;;) {
		if (!rfc5322_skip_blanks(&p))
			return FROM_UNCLEAR;

		const char *word = p;

		if (*p == '<')
			return read_brackets(&p, domain) ?
			    rest(p, FROM_ONE) : FROM_UNCLEAR;
		if (*p == '"' ? !rfc5322_skip_quoted(&p, NULL) :
		    (p += atom_length(p)) == word)
			return rest(p, FROM_NONE);
		if (*p == '@')
			return first && read_address(&word, domain) ?
			    rest(word, FROM_ONE) : FROM_UNCLEAR;
		first = false;
	}
}

enum from_status
from_parse(const char *value, char domain[IDENTITY_NAME_MAX + 1])
{
	enum from_status status = is_clean(value) ?
	    read_mailbox(value, domain) : FROM_UNCLEAR;

	if (status != FROM_ONE)
		domain[0] = '\0';
	return status;
}
