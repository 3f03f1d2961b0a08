/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HELO arguments and reverse-paths, and the name that SPF looks up for them.
 *
 * The argument comes as the client typed it, so this is a reader of what is
 * seen in SMTP, not of RFC 5321 grammar: the path is what the innermost angle
 * brackets hold, else everything; a source route goes; the local part is all
 * before the last @, with its quotes.  Only the domain decides whether there
 * is anything to check.
 *
 * MTAs read more than that into it.  Without @ they take <u%d> and <d!u> for
 * u@d, and deliver that; so do we.  And where d is one of their own domains,
 * <u%p@d> is u@p to them, but Return-Path says u%p@d: what they tell and what
 * the recipient sees are two senders then, and neither may be spoofed.
 */

#include "config.h"

#include "spf/identity.h"

#include <idn2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define LABEL_MAX 63
/*
 * A character is up to four octets of UTF-8 and at least one of an A-label,
 * so no name that fits is lost, and the converter never gets much text.
 */
#define UTF8_MAX (4 * (IDENTITY_NAME_MAX + 1))

static const char postmaster[] = "postmaster";

/* Some octets of an argument. */
struct span {
	const char	*s;
	size_t		 len;
};

static struct span
trim(struct span sp)
{
	while (sp.len > 0 && util_is_space(sp.s[0])) {
		sp.s++;
		sp.len--;
	}
	while (sp.len > 0 && util_is_space(sp.s[sp.len - 1]))
		sp.len--;
	return sp;
}

bool
identity_name_is_valid(const char *name, size_t len, bool multi_label)
{
	size_t label = 0;
	size_t dots = 0;

	if (len > IDENTITY_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dot = name[i] == '.';
		if (name[i] == '\0' || (dot ? label == 0 : label == LABEL_MAX))
			return false;
		label = dot ? 0 : label + 1;
		dots += dot;
	}
	return label > 0 && (dots > 0 || !multi_label);
}

static size_t
length_without_dot(const char *domain)
{
	size_t len = strlen(domain);

	return len > 0 && domain[len - 1] == '.' ? len - 1 : len;
}

/*
 * A domain of visible ASCII into out.  The grammar of host names is not asked
 * for: underscores and worse are published, and a name that nobody has
 * published has no record.
 */
static enum identity_status
lookup_ascii(char out[IDENTITY_NAME_MAX + 1], const char *domain)
{
	size_t len = length_without_dot(domain);

	if (len > IDENTITY_NAME_MAX)
		return IDENTITY_TOO_LONG;
	for (size_t i = 0; i < len; i++)
		if (!util_is_print(domain[i]) || domain[i] == ' ')
			return IDENTITY_MALFORMED;
	if (!identity_name_is_valid(domain, len, false))
		return IDENTITY_MALFORMED;
	if (!identity_name_is_valid(domain, len, true))
		return IDENTITY_SINGLE_LABEL;
	memcpy(out, domain, len);
	out[len] = '\0';
	return IDENTITY_OK;
}

static bool
is_host_name(const char *s)
{
	while (util_is_alnum(*s) || *s == '-' || *s == '_' || *s == '.')
		s++;
	return *s == '\0';
}

/* RFC 8616 s4: U-labels become A-labels. */
static enum identity_status
to_ascii(char *out, size_t size, const char *domain)
{
	uint8_t *ascii = NULL;

	if (strlen(domain) > UTF8_MAX)
		return IDENTITY_TOO_LONG;
	int rc = idn2_lookup_u8((const uint8_t *)domain, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc == IDN2_TOO_BIG_DOMAIN)
		return IDENTITY_TOO_LONG;
	if (rc != IDN2_OK)
		return IDENTITY_MALFORMED;
	bool fits = util_copy(out, size, (const char *)ascii);
	idn2_free(ascii);
	return fits ? IDENTITY_OK : IDENTITY_TOO_LONG;
}

static enum identity_status
lookup_utf8(char out[IDENTITY_NAME_MAX + 1], const char *domain)
{
	char name[IDENTITY_NAME_MAX + 2];	/* with a trailing dot */
	enum identity_status status = to_ascii(name, sizeof(name), domain);

	/* Mapping may have made a slash or a blank of one character. */
	if (status == IDENTITY_OK && !is_host_name(name))
		status = IDENTITY_MALFORMED;
	return status == IDENTITY_OK ? lookup_ascii(out, name) : status;
}

bool
identity_name_to_ascii(const char *name, char out[IDENTITY_NAME_MAX + 1])
{
	if (util_is_ascii(name))
		return util_copy(out, IDENTITY_NAME_MAX + 1, name);
	return to_ascii(out, IDENTITY_NAME_MAX + 1, name) == IDENTITY_OK;
}

bool
identity_name_to_unicode(const char *name,
    char out[4 * IDENTITY_NAME_MAX + 1])
{
	char *text = NULL;

	if (!util_is_ascii(name) ||
	    idn2_to_unicode_8z8z(name, &text, 0) != IDN2_OK)
		return false;
	size_t len = strlen(text);
	size_t i = 0;
	for (size_t n = 1; n > 0 && i < len; i += n)
		n = util_print_length(text + i, len - i);
	bool good = i == len && !util_is_ascii(text) &&
	    util_copy(out, 4 * IDENTITY_NAME_MAX + 1, text);
	idn2_free(text);
	return good;
}

static bool
has_u_labels(const struct identity *id)
{
	return id->status == IDENTITY_OK && !util_is_ascii(id->domain);
}

static void
set_alabel_address(struct identity *id)
{
	if (has_u_labels(id))
		id->alabel_address = xasprintf("%s@%s", id->local, id->lookup);
}

/* Fills status and lookup from domain. */
static void
set_lookup(struct identity *id)
{
	const char *domain = id->domain;
	char name[IDENTITY_NAME_MAX + 1] = "";

	if (*domain == '\0')
		id->status = IDENTITY_EMPTY;
	else if (*domain == '[')
		id->status = IDENTITY_LITERAL;
	else if (util_is_ascii(domain))
		id->status = lookup_ascii(name, domain);
	else
		id->status = lookup_utf8(name, domain);
	id->lookup = xstrdup(name);
}

void
identity_from_helo(struct identity *out, const char *arg)
{
	if (arg == NULL)
		arg = "";
	*out = (struct identity){
		.address = xstrdup(arg),
		.local = xstrdup(postmaster),
		.domain = xstrdup(arg)
	};
	set_lookup(out);
	if (has_u_labels(out))
		out->alabel_address = xstrdup(out->lookup);
}

/*
 * The octets between the innermost angle brackets, or all.  Brackets within
 * a quoted local part do not count; false: a quote does not end.
 */
static bool
find_path(struct span arg, bool quoting, struct span *out)
{
	bool quoted = false;
	size_t begin = 0;
	size_t end = arg.len;

	for (size_t i = 0; i < end; i++) {
		char c = arg.s[i];
		if (quoting && quoted && c == '\\')
			i++;
		else if (quoting && c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<')
			begin = i + 1;
		else if (!quoted && c == '>' && begin > 0)
			end = i;
	}
	*out = trim((struct span){ arg.s + begin, end - begin });
	return !quoted;
}

/*
 * Without "@a,@b:" (RFC 5321 appendix C); a colon within an address literal
 * does not end a route.
 */
static struct span
drop_route(struct span path)
{
	bool literal = false;

	if (path.len == 0 || path.s[0] != '@')
		return path;
	for (size_t i = 0; i < path.len; i++) {
		char c = path.s[i];
		if (c == '[')
			literal = true;
		else if (c == ']')
			literal = false;
		else if (c == ':' && !literal)
			return trim((struct span){ path.s + i + 1,
			    path.len - i - 1 });
	}
	return path;
}

/* postmaster@HELO, RFC 7208 s2.4; with what is known about the HELO name. */
static void
set_null_sender(struct identity *out, const struct identity *helo)
{
	bool known = helo != NULL && helo->domain != NULL;
	const char *domain = known ? helo->domain : "";

	out->null_sender = true;
	out->status = known ? helo->status : IDENTITY_EMPTY;
	out->local = xstrdup(postmaster);
	out->domain = xstrdup(domain);
	out->address = xasprintf("%s@%s", postmaster, domain);
	out->lookup = xstrdup(known ? helo->lookup : "");
	set_alabel_address(out);
}

/* At the last c; false: there is none, or nothing behind it. */
static bool
split_at(struct span path, char c, struct span *local, struct span *domain)
{
	size_t at = path.len;

	while (at > 0 && path.s[at - 1] != c)
		at--;
	if (at == 0 || at == path.len)
		return false;
	*local = (struct span){ path.s, at - 1 };
	*domain = (struct span){ path.s + at, path.len - at };
	return true;
}

/*
 * Without a domain behind @ it is "local@domain", local@domain@, domain!local
 * or local%domain.  False: none of them.
 */
static bool
split_address(struct span path, struct span *local, struct span *domain)
{
	if (path.len > 2 && path.s[0] == '"' &&
	    path.s[path.len - 1] == '"' &&
	    memchr(path.s + 1, '"', path.len - 2) == NULL)
		path = (struct span){ path.s + 1, path.len - 2 };
	if (split_at(path, '@', local, domain))
		return true;
	while (path.len > 0 && strchr("@%", path.s[path.len - 1]) != NULL)
		path.len--;
	if (split_at(path, '@', local, domain))
		return true;

	const char *bang = memchr(path.s, '!', path.len);

	if (bang == NULL)
		return split_at(path, '%', local, domain);
	if (bang == path.s)
		return false;
	*domain = (struct span){ path.s, (size_t)(bang - path.s) };
	*local = (struct span){ bang + 1, path.len - domain->len - 1 };
	return true;
}

static void
set_address(struct identity *out, struct span path)
{
	bool at = path.s[path.len - 1] == '@';
	struct span local = { path.s, path.len - at };
	struct span domain = { path.s, 0 };

	if (split_address(path, &local, &domain))
		at = true;
	out->local = local.len == 0 ? xstrdup(postmaster) :
	    xstrndup(local.s, local.len);
	out->domain = xstrndup(domain.s, domain.len);
	out->address = at ? xasprintf("%s@%s", out->local, out->domain) :
	    xstrdup(out->local);
	set_lookup(out);
	set_alabel_address(out);
}

void
identity_from_mail(struct identity *out, const char *arg,
    const struct identity *helo)
{
	struct span all = { arg == NULL ? "" : arg, 0 };
	struct span path;

	all.len = strlen(all.s);
	if (!find_path(all, true, &path))
		find_path(all, false, &path);
	path = drop_route(path);

	*out = (struct identity){ 0 };
	if (path.len == 0)
		set_null_sender(out, helo);
	else
		set_address(out, path);
}

/* Without case and trailing dot. */
static bool
is_same_domain(const char *a, const char *b)
{
	size_t len = length_without_dot(a);

	if (len != length_without_dot(b))
		return false;
	for (size_t i = 0; i < len; i++)
		if (util_lower(a[i]) != util_lower(b[i]))
			return false;
	return true;
}

static bool
is_mta_sender(const struct identity *id, const char *mta_address)
{
	if (mta_address == NULL)
		return true;
	if (id->null_sender || mta_address[0] == '\0')
		return id->null_sender && mta_address[0] == '\0';

	const char *at = strrchr(mta_address, '@');

	return at == NULL || is_same_domain(at + 1, id->domain);
}

/* Has the MTA taken its sender out of the local part of what was typed? */
static bool
is_behind(const struct identity *typed, const struct identity *mta)
{
	size_t len = length_without_dot(mta->domain);

	if (typed->domain[0] == '\0' || len == 0 || len > UTF8_MAX)
		return false;
	for (const char *s = typed->local; *s != '\0'; s++) {
		size_t i = 0;

		while (i < len && util_lower(s[i]) ==
		    util_lower(mta->domain[i]))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

size_t
identity_senders(struct identity out[IDENTITY_SENDERS_MAX], const char *arg,
    const char *mta_address, const struct identity *helo)
{
	struct identity typed;

	identity_from_mail(&typed, arg, helo);
	if (is_mta_sender(&typed, mta_address)) {
		out[0] = typed;
		return 1;
	}
	identity_from_mail(&out[0], mta_address, helo);
	if (is_behind(&typed, &out[0])) {
		out[1] = typed;
		return 2;
	}
	identity_fini(&typed);
	return 1;
}

void
identity_fini(struct identity *id)
{
	free(id->address);
	free(id->local);
	free(id->domain);
	free(id->lookup);
	free(id->alabel_address);
	*id = (struct identity){ 0 };
}

const char *
identity_field_address(const struct identity *id)
{
	return id->alabel_address != NULL ? id->alabel_address : id->address;
}

const char *
identity_field_path(const struct identity *id)
{
	return id->null_sender ? "" : identity_field_address(id);
}

const char *
identity_field_domain(const struct identity *id)
{
	return id->status == IDENTITY_OK ? id->lookup : id->domain;
}

const char *
identity_version(void)
{
	return "libidn2 " IDN2_VERSION;
}

const char *
identity_status_text(enum identity_status s)
{
	switch (s) {
	case IDENTITY_OK:
		return "valid domain name";
	case IDENTITY_EMPTY:
		return "no domain name";
	case IDENTITY_LITERAL:
		return "address literal";
	case IDENTITY_SINGLE_LABEL:
		return "domain name of a single label";
	case IDENTITY_MALFORMED:
		return "malformed domain name";
	case IDENTITY_TOO_LONG:
		return "domain name too long";
	}
	return "";
}
