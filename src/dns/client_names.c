/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of a client, confirmed by its address. */

#include "config.h"

#include <stdlib.h>

#include "base/util.h"
#include "dns/client_names.h"
#include "dns/dns.h"
#include "dns/flight.h"

struct search {
	struct addr		 address;
	struct client_names	 names;		/* copies */
};

/* False: its answer is missing. */
static bool
confirm(struct dns_view *v, struct search *s, const char *name)
{
	const struct dns_answer *a;
	enum dns_status status = dns_query(v, name,
	    s->address.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA, &a);

	if (status == DNS_PENDING)
		return false;
	if (status == DNS_TEMPERROR || status == DNS_LIMIT)
		s->names.whole = false;
	else if (a != NULL && dns_answer_has(a, &s->address))
		s->names.list[s->names.count++] = xstrdup(name);
	return true;
}

static void
forget(struct search *s)
{
	for (size_t i = 0; i < s->names.count; i++)
		free((char *)(uintptr_t)s->names.list[i]);
	s->names = (struct client_names){ .whole = true };
}

/* All of them are asked for at once. */
static void
ask_ahead(struct dns_view *v, const struct search *s,
    const struct dns_answer *ptr)
{
	for (size_t i = 0; i < ptr->count && i < CLIENT_NAMES_MAX; i++)
		if (dns_rr_is_name(&ptr->rr[i]))
			(void)dns_view_ahead(v, ptr->rr[i].data,
			    s->address.family == AF_INET ? DNS_TYPE_A
			    : DNS_TYPE_AAAA);
}

static bool
run(struct dns_view *v, void *arg)
{
	struct search *s = arg;
	const struct dns_answer *ptr;
	char reverse[ADDR_REVERSE_SIZE];

	forget(s);
	switch (dns_query(v, addr_format_reverse(&s->address, reverse),
	    DNS_TYPE_PTR, &ptr)) {
	case DNS_PENDING:
		return false;
	case DNS_TEMPERROR:
	case DNS_LIMIT:
		s->names.whole = false;
		return true;
	case DNS_OK:
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return true;
	}
	ask_ahead(v, s, ptr);
	for (size_t i = 0; i < ptr->count && i < CLIENT_NAMES_MAX; i++)
		if (dns_rr_is_name(&ptr->rr[i]) &&
		    !confirm(v, s, ptr->rr[i].data))
			return false;
	return true;
}

static void
fini(void *arg)
{
	forget(arg);
}

struct flight *
client_names_start(struct flights *fs, const struct dns_client *client,
    int64_t deadline_ms)
{
	static const struct flight_job job = {
		.size = sizeof(struct search),
		.max_queries = 2 * CLIENT_NAMES_MAX,
		.run = run, .fini = fini,
		.time = STATS_LOOKUP_TIME
	};
	struct flight *f = flight_new(fs, &job, 0);
	struct search *s = flight_arg(f);

	s->address = client->address;
	(void)flight_start(f, client, deadline_ms);
	return f;
}

const struct client_names *
client_names_collect(struct flight *f, int64_t until_ms)
{
	static const struct client_names unknown = { .whole = false };
	const struct search *s = flight_arg(f);

	return flight_collect(f, until_ms) == FLIGHT_DONE ? &s->names
	    : &unknown;
}
