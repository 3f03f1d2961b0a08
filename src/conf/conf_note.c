/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of an option at its place, and what is worth a look. */

#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/listen.h"
#include "conf/conf_priv.h"
#include "spf/record.h"
#include "policy/suffixes.h"

void
conf_complain(const struct conf *c, struct diag *d, const char *option,
    const char *fmt, ...)
{
	const struct conf_section *top = &conf_sections[0];
	const struct conf_option *o = conf_section_option(top, option);
	const char *file = c->path;
	char message[1024];
	unsigned line = 0;
	va_list ap;

	assert(o != NULL);
	const struct conf_place *place = &c->places[o - top->options];
	if (place->file != NULL) {
		file = place->file;
		line = place->line;
	}
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	diag_add(d, file, line, "%s: %s", option, message);
}

/* What spares a message, and what that takes. */
static void
check_spare(struct conf *c, struct diag *d, const char *option)
{
	if (c->reject_at != CONF_STAGE_END)
		conf_complain(c, d, option, "only a refusal at the end of the "
		    "message can be dropped: reject_at = \"eom\" is wanted");
	if (suffixes_version() == NULL)
		conf_complain(c, d, option, "built without libpsl, which says "
		    "what domains belong together");
	else if (c->suffixes == NULL)
		conf_complain(c, d, option, "the public suffix list cannot be "
		    "read (package publicsuffix)");
}

void
conf_check_whole(struct conf *c, struct diag *d)
{
	if (!c->unless_dkim_pass && !c->leave_to_dmarc)
		return;
	c->suffixes = suffixes_load();
	if (c->unless_dkim_pass)
		check_spare(c, d, "unless_dkim_pass");
	if (c->leave_to_dmarc)
		check_spare(c, d, "leave_to_dmarc");
	if (c->unless_dkim_pass && c->dkim_results_from.count == 0)
		conf_complain(c, d, "unless_dkim_pass", "dkim_results_from "
		    "does not say whose DKIM results count");
}

static void
note_spare(struct conf *c)
{
	if (c->reject_at == CONF_STAGE_END && !c->unless_dkim_pass &&
	    !c->leave_to_dmarc)
		conf_complain(c, &c->notes, "reject_at", "\"eom\" takes the "
		    "whole of each message only to refuse it, unless "
		    "unless_dkim_pass or leave_to_dmarc is set");
	if (c->dkim_results_from.count > 0 && !c->unless_dkim_pass)
		conf_complain(c, &c->notes, "dkim_results_from",
		    "means nothing without unless_dkim_pass = true");
}

static void
note_guess(struct conf *c)
{
	const enum policy_action *table = c->policy.action[TABLE_GUESS];

	for (size_t r = 0; r < RESULT_COUNT; r++)
		if (table[r] > POLICY_ACCEPT && c->best_guess.record == NULL) {
			conf_complain(c, &c->notes, "best_guess", "is not set, "
			    "so that policy guess means nothing");
			return;
		}
}

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

	if (s->port != 0 && (s->host == NULL ||
	    strcmp(s->host, "0.0.0.0") == 0 || strcmp(s->host, "::") == 0))
		conf_complain(c, &c->notes, "socket", "listens on every "
		    "address of this machine, and whoever connects is "
		    "trusted like the MTA; inet:%u@127.0.0.1 is for this "
		    "machine alone", s->port);
}

static void
note_metrics(struct conf *c)
{
	union listen_place place;

	if (c->metrics_listen[0] != '\0' &&
	    listen_parse(c->metrics_listen, &place) &&
	    !listen_is_private(&place))
		diag_add(&c->notes, c->path, 0, "metrics: listen: whoever "
		    "reaches %s can read the metrics, and nobody is asked for "
		    "a password; 127.0.0.1 is for this machine alone",
		    c->metrics_listen);
}

static void
note_network(struct conf *c, const char *text)
{
	char meant[ADDR_TEXT_SIZE];
	struct addr_prefix p;

	if (!addr_prefix_parse(&p, text))
		return;
	if (p.len == 0)
		conf_complain(c, &c->notes, "trusted_networks",
		    "%s is every %s client: none of them is checked", text,
		    p.addr.family == AF_INET ? "IPv4" : "IPv6");
	else if (addr_prefix_trim(&p))
		conf_complain(c, &c->notes, "trusted_networks",
		    "%s is the network %s/%u", text,
		    addr_format(&p.addr, meant), p.len);
}

/* {} is somebody's wish; a list of other networks has forgotten loopback. */
static void
note_networks(struct conf *c)
{
	static const struct addr v4 = { AF_INET, { 127, 0, 0, 1 } };
	static const struct addr v6 = { AF_INET6, { [15] = 1 } };
	static const char *const missing[2][2] = {
		{ "127.0.0.0/8 and ::1/128 are", "127.0.0.0/8 is" },
		{ "::1/128 is", NULL }
	};
	const struct list *l = c->trusted_networks;
	const struct list_key keys[2] = { { .client = &v4 },
		{ .client = &v6 } };
	const char *lacks = missing[list_match(l, &keys[0])]
	    [list_match(l, &keys[1])];

	for (size_t i = 0; i < list_count(l); i++) {
		note_network(c, list_element(l, i));
		if (list_entries(l, i) == 0)
			conf_complain(c, &c->notes, "trusted_networks",
			    "%s has no entry", list_element(l, i));
	}
	if (list_count(l) > 0 && lacks != NULL)
		conf_complain(c, &c->notes, "trusted_networks",
		    "%s not in the list: mail from this machine is checked; "
		    "\"+=\" adds to the default", lacks);
}

void
conf_check_why(struct conf *c, struct diag *d)
{
	if (c->why_url[0] == '\0')
		return;
	if (c->why_key[0] == '\0') {
		conf_complain(c, d, "why_url", "needs why_key, the key that "
		    "links are signed with");
		return;
	}
	const char *problem = key_read(c->why_key, c->why_key_octets);
	if (problem != NULL)
		conf_complain(c, d, "why_key", "%s: %s", c->why_key, problem);
}

/* t: the widest term for clients of a family, or NULL. */
static void
note_term(struct conf *c, const struct record_term *t, sa_family_t family,
    unsigned narrow_enough)
{
	if (t == NULL || record_term_bits(t, family) >= narrow_enough)
		return;
	conf_complain(c, &c->notes, "local_policy", "\"%.*s\" lets more "
	    "clients send for any domain than one organisation has",
	    (int)t->len, c->local_policy.record->text + t->offset);
}

static void
note_local_policy(struct conf *c)
{
	const struct record *r = c->local_policy.record;

	if (r == NULL)
		return;
	note_term(c, r->widest4, AF_INET, c->wide_open_prefix);
	note_term(c, r->widest6, AF_INET6, c->wide_open_prefix6);
}

/* The first that fits counts. */
static void
note_mappings(struct conf *c)
{
	const struct conf_mapping *all = c->client_map.list;
	char text[ADDR_PREFIX_TEXT_SIZE];

	for (size_t i = 1; i < c->client_map.count; i++)
		for (size_t j = 0; j < i; j++)
			if (addr_prefix_is_within(&all[i].from,
			    &all[j].from)) {
				conf_complain(c, &c->notes, "client_map",
				    "%s never counts: an entry before it is "
				    "for the same addresses",
				    addr_prefix_format(&all[i].from, text));
				break;
			}
}

/* Clients by which an item means anybody: one note a family. */
static void
note_everybody(struct conf *c, const struct conf_item *item,
    const struct list *l, const char *section, const char *so)
{
	struct addr_prefix p;

	for (size_t i = 0; i < list_count(l); i++)
		if (addr_prefix_parse(&p, list_element(l, i)) && p.len == 0)
			diag_add(&c->notes, item->file, item->line,
			    "%s: client: %s is every %s client: %s", section,
			    list_element(l, i),
			    p.addr.family == AF_INET ? "IPv4" : "IPv6", so);
}

static void
note_relays(struct conf *c)
{
	const struct conf_items *all = &c->relays;

	for (size_t i = 0; i < all->count; i++) {
		const struct conf_relay *r = all->list[i].values;

		note_everybody(c, &all->list[i], r->client, "relay",
		    "anybody can name another one in Received");
	}
}

/* A name or a record of theirs beside the address is evidence. */
static void
note_forwarders(struct conf *c)
{
	const struct conf_items *all = &c->forwarders;

	for (size_t i = 0; i < all->count; i++) {
		const struct conf_item *item = &all->list[i];
		const struct conf_forwarder *f = item->values;

		if (f->client == NULL || f->client_name != NULL ||
		    f->spf_pass_for.count > 0)
			continue;
		char *section = xasprintf("forwarder \"%s\"", item->title);
		note_everybody(c, item, f->client, section,
		    "nobody is refused for fail or softfail");
		free(section);
	}
}

void
conf_note(struct conf *c)
{
	note_mappings(c);
	note_local_policy(c);
	note_socket(c);
	note_metrics(c);
	note_group(c);
	note_networks(c);
	note_relays(c);
	note_forwarders(c);
	note_spare(c);
	note_guess(c);
	conf_note_tags(c);
	conf_note_rules(c);
}
