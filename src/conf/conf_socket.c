/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the text of a socket means.
 *
 * libmilter writes inet:PORT@HOST; Postfix writes inet:HOST:PORT, with an IPv6
 * address in brackets.  Both are taken, and libmilter gets its own spelling.
 * What fd: names is opened by others: it has no address here.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "conf/conf_priv.h"
#include "spf/identity.h"

#define HANDED_MAX 255

/* RFC 1123 s2.1; digits alone at the end would be an address. */
bool
conf_is_host_name(const char *s)
{
	size_t len = strlen(s);
	const char *last = strrchr(s, '.');

	last = last != NULL ? last + 1 : s;
	if (strspn(last, "0123456789") == strlen(last))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool edge = i == 0 || s[i - 1] == '.' || i + 1 == len ||
		    s[i + 1] == '.';
		if (s[i] == '.' || util_is_alnum(s[i]))
			continue;
		if (s[i] != '-' || edge)
			return false;
	}
	return identity_name_is_valid(s, len, false);
}

const char *
conf_path_problem(const char *path, size_t size)
{
	if (path[0] != '/')
		return "the path must be absolute";
	if (strlen(path) >= size)
		return "the path is too long";
	for (const char *p = path; *p != '\0'; p++) {
		if (!util_is_print(*p))
			return "the path has unprintable characters";
	}
	return NULL;
}

static const char *
host_problem(const char *host, bool v6)
{
	struct addr a;

	if (addr_parse_v4(&a, host, strlen(host)))
		return v6 ? "use inet: for an IPv4 address" : NULL;
	if (addr_parse_v6(&a, host, strlen(host)))
		return v6 ? NULL : "use inet6: for an IPv6 address";
	return conf_is_host_name(host) ? NULL :
	    "this is not an address or a host";
}

/* Without a host libmilter listens on all addresses. */
static const char *
parse_inet(struct conf_socket *s, const char *port, const char *host, int len)
{
	uint64_t n;

	if (!util_parse_uint(port, strcspn(port, "@"), UINT16_MAX, &n) ||
	    n == 0)
		return "the port must be 1 to 65535";
	s->port = (uint16_t)n;
	if (host == NULL)
		return NULL;
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']')
		s->host = xasprintf("%.*s", len - 2, host + 1);
	else
		s->host = xasprintf("%.*s", len, host);
	return host_problem(s->host, s->family == AF_INET6);
}

static const char *
parse_libmilter(struct conf_socket *s, const char *text, const char *rest)
{
	const char *at = strchr(rest, '@');

	s->text = xstrdup(text);
	return parse_inet(s, rest, at != NULL ? at + 1 : NULL,
	    at != NULL ? (int)strlen(at + 1) : 0);
}

/* rest: HOST:PORT, of which colon is the sign between. */
static const char *
parse_postfix(struct conf_socket *s, const char *rest, const char *colon)
{
	int len = (int)(colon - rest);
	bool v6 = rest[0] == '[';

	s->family = v6 ? AF_INET6 : AF_INET;
	s->text = xasprintf("inet%s:%s@%.*s", v6 ? "6" : "", colon + 1, len,
	    rest);
	return parse_inet(s, colon + 1, rest, len);
}

static bool
is_postfix(const char *rest, const char *colon)
{
	return colon != NULL && colon > rest && strchr(rest, '@') == NULL &&
	    (rest[0] == '[' || strchr(rest, ':') == colon);
}

static const char *
parse_unix(struct conf_socket *s, const char *text, const char *path)
{
	const size_t size = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	s->family = AF_UNIX;
	s->text = xstrdup(text);
	s->path = xstrdup(path);
	if (path == text || path[0] == '/')
		return conf_path_problem(path, size);	/* of libmilter */
	return "the path must be absolute; Postfix takes its own from its "
	    "queue directory";
}

/* As FileDescriptorName= of systemd.socket(5). */
static const char *
parse_handed(struct conf_socket *s, const char *text, const char *name)
{
	s->family = AF_UNSPEC;
	s->text = xstrdup(text);
	s->handed = xstrdup(name);
	for (const char *p = name; *p != '\0'; p++) {
		if (!util_is_print(*p) || *p == ':' || *p == ' ')
			return "the name has a character that none has";
	}
	return strlen(name) > HANDED_MAX ? "the name is too long" : NULL;
}

/* What stands behind the prefix, or NULL. */
static const char *
behind(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static const char *
parse(struct conf_socket *s, const char *text)
{
	const char *rest = text[0] == '/' ? text : NULL;

	if (rest != NULL || (rest = behind(text, "unix:")) != NULL ||
	    (rest = behind(text, "local:")) != NULL)
		return parse_unix(s, text, rest);
	if ((rest = behind(text, "fd:")) != NULL)
		return parse_handed(s, text, rest);
	s->family = AF_INET6;
	if ((rest = behind(text, "inet6:")) != NULL)
		return parse_libmilter(s, text, rest);
	s->family = AF_INET;
	if ((rest = behind(text, "inet:")) == NULL)
		return "";
	const char *colon = strrchr(rest, ':');
	return is_postfix(rest, colon) ? parse_postfix(s, rest, colon) :
	    parse_libmilter(s, text, rest);
}

const char *
conf_socket_parse(struct conf_socket *out, const char *text)
{
	struct conf_socket s = { .text = NULL };
	const char *problem = parse(&s, text);

	conf_socket_clear(problem == NULL ? out : &s);
	if (problem == NULL)
		*out = s;
	return problem;
}

void
conf_socket_clear(struct conf_socket *s)
{
	free(s->text);
	free(s->path);
	free(s->host);
	free(s->handed);
	memset(s, 0, sizeof(*s));
}
