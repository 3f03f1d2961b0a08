/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The topmost Received field of a message is that of the host that has handed
 * it to us, if this is one that writes such fields: what the sender has made up
 * stands below.  So a field is believed if, and only if, its place says that a
 * relay of the configuration has written it, and the walk ends at the first
 * host that is no relay.  A field that is not understood is no reason to
 * believe another one.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "conf/conf.h"
#include "mail/relay.h"
#include "policy/received.h"

/* No MTA writes as much. */
#define FIELD_MAX 4000

void
relay_see_field(struct relay_fields *f, const char *value)
{
	if (f->count == sizeof(f->list) / sizeof(f->list[0]))
		return;
	f->list[f->count++] = xstrdup(strlen(value) <= FIELD_MAX ? value : "");
}

void
relay_fini_fields(struct relay_fields *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->list[i]);
	f->count = 0;
}

/* What the host has written whose fields begin at *next; NULL, or a problem. */
static const char *
read_field(const struct relay_fields *f, size_t *next, struct received *out)
{
	enum received_status status = RECEIVED_BELOW;

	for (unsigned i = 0; i < 2 && status == RECEIVED_BELOW; i++) {
		if (*next == f->count)
			return "the relay has added no Received field";
		status = received_parse(out, f->list[(*next)++]);
	}
	return status == RECEIVED_CLIENT ? NULL :
	    "the Received field of the relay names no client";
}

static void
take_name(char *out, size_t size, const char *name, size_t len)
{
	struct sbuf sb;

	sbuf_init(&sb, out, size);
	sbuf_add(&sb, name, len);
}

void
relay_trace(const struct conf *c, const struct relay_fields *f,
    const struct addr *connected, struct relay_origin *out)
{
	const struct conf_relay *relay;
	struct received got;
	size_t next = 0;

	*out = (struct relay_origin){ .client = *connected, .refuse = true };
	for (unsigned hops = 0;
	    (relay = conf_relay_of(c, &out->client)) != NULL; hops++) {
		out->refuse = out->refuse && relay->refuse;
		out->problem = hops < RELAY_HOPS_MAX ?
		    read_field(f, &next, &got) : "more than 5 relays in a row";
		if (out->problem != NULL)
			return;
		out->client = got.client;
		conf_map_client(c, &out->client);
		out->authenticated = got.authenticated;
		take_name(out->helo, sizeof(out->helo), got.helo,
		    got.helo_len);
		take_name(out->by, sizeof(out->by), got.by, got.by_len);
	}
}
