/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom to ask: the servers that the options name, or those of resolv.conf(5),
 * or 127.0.0.1 where that names none.
 *
 * Of the options of resolv.conf only use-vc is followed.  edns0 is done
 * anyway, and trust-ad matters to programs that look at the AD bit.  timeout
 * and attempts are for a resolver that asks one server after another; here
 * libunbound measures them all, and query_timeout ends its tries.
 */

#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/util.h"
#include "dns/dns_resolver_priv.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define BLANKS " \t\r\n"

const char *
dns_server_format(const struct dns_server *s, char out[DNS_SERVER_TEXT])
{
	bool v6 = strchr(s->host, ':') != NULL;
	struct sbuf sb;

	sbuf_init(&sb, out, DNS_SERVER_TEXT);
	sbuf_fmt(&sb, v6 ? "[%s]:%s" : "%s:%s", s->host, s->port);
	return out;
}

bool
dns_server_address(const struct dns_server *s, struct sockaddr_storage *out,
    socklen_t *len)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM
	};
	struct addrinfo *found;

	if (getaddrinfo(s->host, s->port, &hints, &found) != 0)
		return false;
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool
server_add(struct dns_plan *p, const char *host, size_t len, const char *port)
{
	struct dns_server s = { 0 };
	struct sockaddr_storage address;
	socklen_t size;
	uint64_t number;

	if (len == 0 || len >= sizeof(s.host) ||
	    !util_parse_uint(port, strlen(port), 65535, &number))
		return false;
	memcpy(s.host, host, len);
	if (!util_copy(s.port, sizeof(s.port), port) ||
	    !dns_server_address(&s, &address, &size))
		return false;
	if (p->count < DNS_SERVERS_MAX)
		p->servers[p->count++] = s;
	return true;
}

/* "192.0.2.1:53", "[2001:db8::1]:53" */
static bool
add_option(struct dns_plan *p, const char *text)
{
	bool bracket = text[0] == '[';
	const char *host = text + bracket;
	const char *end = strrchr(text, bracket ? ']' : ':');

	if (end == NULL)
		return !bracket && server_add(p, host, strlen(host), "53");
	const char *port = end + bracket;
	if (*port == '\0')
		port = ":53";
	return *port == ':' && server_add(p, host, (size_t)(end - host),
	    port + 1);
}

uint16_t
dns_server_port(const char *server)
{
	struct dns_plan p = { .count = 0 };
	uint64_t port = 53;

	if (server != NULL && add_option(&p, server))
		(void)util_parse_uint(p.servers[0].port,
		    strlen(p.servers[0].port), UINT16_MAX, &port);
	return (uint16_t)port;
}

void
dns_confine(struct confine *c)
{
	confine_connect(c, dns_server_port(NULL));
	for (unsigned i = 0; i < DNS_RELAY_PORTS; i++) {
		confine_connect(c, (uint16_t)(DNS_RELAY_PORT + i));
		confine_listen(c, (uint16_t)(DNS_RELAY_PORT + i));
	}
}

/* What we do not understand does not matter. */
static void
add_line(struct dns_plan *p, char *line)
{
	char *rest = line + strcspn(line, "#;");

	*rest = '\0';
	const char *word = strtok_r(line, BLANKS, &rest);
	const char *value = strtok_r(NULL, BLANKS, &rest);
	if (word == NULL || value == NULL)
		return;
	if (util_eq_nocase(word, "nameserver"))
		server_add(p, value, strlen(value), "53");
	if (!util_eq_nocase(word, "options"))
		return;
	for (; value != NULL; value = strtok_r(NULL, BLANKS, &rest))
		if (strcmp(value, "use-vc") == 0)
			p->tcp = true;
}

static bool
read_resolv_conf(struct dns_plan *p, const char *path, struct diag *d)
{
	char line[512];
	FILE *f = fopen(path, "re");

	if (f == NULL && errno != ENOENT) {
		diag_add(d, path, 0, "cannot read: %s", strerror(errno));
		return false;
	}
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		add_line(p, line);
	if (f != NULL)
		fclose(f);
	if (p->count == 0)
		server_add(p, "127.0.0.1", strlen("127.0.0.1"), "53");
	return true;
}

bool
dns_plan_make(struct dns_plan *out, const struct dns_options *o,
    struct diag *d)
{
	*out = (struct dns_plan){
		.given = o->server_count > 0, .dnssec = o->dnssec
	};
	if (o->canary != NULL)
		util_copy(out->canary, sizeof(out->canary), o->canary);
	if (o->dnssec && access(ROOT_ANCHOR, R_OK) != 0) {
		diag_add(d, ROOT_ANCHOR, 0,
		    "dnssec needs the trust anchor of the root: %s",
		    strerror(errno));
		return false;
	}
	for (size_t i = 0; i < o->server_count; i++) {
		if (!add_option(out, o->servers[i])) {
			diag_add(d, NULL, 0, "dns: not a server: %s",
			    o->servers[i]);
			return false;
		}
	}
	return out->given || read_resolv_conf(out, o->resolv_conf != NULL ?
	    o->resolv_conf : RESOLV_CONF, d);
}

bool
dns_plan_equal(const struct dns_plan *a, const struct dns_plan *b)
{
	if (a->count != b->count || a->given != b->given ||
	    a->tcp != b->tcp || a->dnssec != b->dnssec ||
	    !util_eq_nocase(a->canary, b->canary))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->servers[i].host, b->servers[i].host) != 0 ||
		    strcmp(a->servers[i].port, b->servers[i].port) != 0)
			return false;
	return true;
}

void
dns_plan_format(const struct dns_plan *p, struct sbuf *out)
{
	char text[DNS_SERVER_TEXT];

	for (size_t i = 0; i < p->count; i++)
		sbuf_fmt(out, "%s%s", i > 0 ? ", " : "",
		    dns_server_format(&p->servers[i], text));
}
