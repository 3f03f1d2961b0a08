/* SPDX-License-Identifier: BSD-2-Clause */
/* What a configuration may say, and is yet worth a look. */

#include "config.h"

#include <string.h>

#include "conf/conf_priv.h"

static void
note_group(struct conf *c)
{
	if (c->group[0] != '\0' && c->user[0] == '\0')
		conf_complain(c, &c->notes, "group",
		    "means nothing, because there is no user");
}

/* inet:PORT, and the addresses that mean any. */
static void
note_socket(struct conf *c)
{
	const struct conf_socket *s = &c->socket;

	if (s->family != AF_UNIX && (s->host == NULL ||
	    strcmp(s->host, "0.0.0.0") == 0 || strcmp(s->host, "::") == 0))
		conf_complain(c, &c->notes, "socket", "listens on every "
		    "address of this machine, and whoever connects is "
		    "trusted like the MTA; inet:%u@127.0.0.1 is for this "
		    "machine alone", s->port);
}

static void
note_network(struct conf *c, const struct addr_prefix *p)
{
	struct addr_prefix trimmed = *p;
	char given[ADDR_TEXT_SIZE];
	char meant[ADDR_TEXT_SIZE];

	addr_format(&p->addr, given);
	if (p->len == 0)
		conf_complain(c, &c->notes, "trusted_networks",
		    "%s/0 is every %s client: none of them is checked", given,
		    p->addr.family == AF_INET ? "IPv4" : "IPv6");
	else if (addr_prefix_trim(&trimmed))
		conf_complain(c, &c->notes, "trusted_networks",
		    "%s/%u is the network %s/%u", given, p->len,
		    addr_format(&trimmed.addr, meant), p->len);
}

/* {} is somebody's wish; a list of other networks has forgotten loopback. */
static void
note_networks(struct conf *c)
{
	const struct addr_set *set = &c->trusted_networks;
	bool has_loopback = set->count == 0;

	for (size_t i = 0; i < set->count; i++) {
		has_loopback = has_loopback ||
		    addr_is_loopback(&set->prefixes[i].addr) ||
		    set->prefixes[i].len == 0;
		note_network(c, &set->prefixes[i]);
	}
	if (!has_loopback)
		conf_complain(c, &c->notes, "trusted_networks",
		    "127.0.0.0/8 and ::1/128 are not in the list: mail from "
		    "this machine is checked; \"+=\" adds to the default");
}

void
conf_note(struct conf *c)
{
	note_socket(c);
	note_group(c);
	note_networks(c);
}
