/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of a client are those that the MTA tells, since both MTAs tell
 * only one that they have confirmed; else we confirm them ourselves.
 */

#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "base/util.h"
#include "conf/conf.h"
#include "dns/client_names.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "eval/eval.h"
#include "eval/eval_flight.h"
#include "mail/evidence.h"
#include "spf/subject.h"

static int64_t
deadline(const struct evidence *e)
{
	return util_now_ms() + e->conf->dns_timeout_ms;
}

static struct flight *
begin_pass(const struct evidence *e, size_t domain)
{
	const struct eval_request request = {
		.scope = SCOPE_MAILFROM,
		.client = e->who->client,
		.connection = e->connection,
		.local = "postmaster",
		.domain = e->conf->pass_domains[domain],
		.helo = identity_field_address(e->who->helo),
		.receiver = e->who->receiver,
		.time_s = time(NULL),
		.max_lookups = e->conf->max_lookups,
		.max_void_lookups = e->conf->max_void_lookups,
		.wide_open_prefix = e->conf->wide_open_prefix,
		.wide_open_prefix6 = e->conf->wide_open_prefix6,
		.self_test = e->conf->self_test_ip,
	};

	return eval_flight_start(e->flights, &request, deadline(e));
}

static bool
asks(uint64_t mask, size_t bit)
{
	return (mask >> bit & 1) != 0;
}

void
evidence_begin(struct evidence *e, const struct rules_found *found)
{
	const struct dns_client client = {
		.connection = e->connection, .address = e->who->client
	};

	if ((found->needs & RULES_NEED_NAMES) != 0 && e->names == NULL &&
	    e->who->client_name == NULL)
		e->names = client_names_start(e->flights, &client,
		    deadline(e));
	if (found->passes == 0)
		return;
	if (e->passes == NULL)
		e->passes = xcalloc(RULES_DOMAINS_MAX, sizeof(*e->passes));
	for (size_t i = 0; i < RULES_DOMAINS_MAX; i++)
		if (asks(found->passes, i) && e->passes[i] == NULL)
			e->passes[i] = begin_pass(e, i);
}

static void
collect_names(struct evidence *e, struct rules_case *c, int64_t until_ms)
{
	const struct client_names *names;

	e->has_names = true;
	if (e->who->client_name != NULL) {
		c->names = &e->who->client_name;
		c->name_count = 1;
		c->lacks &= ~RULES_NEED_NAMES;
		return;
	}
	names = client_names_collect(e->names, until_ms);
	c->names = names->list;
	c->name_count = names->count;
	if (names->whole)
		c->lacks &= ~RULES_NEED_NAMES;
}

static void
collect_pass(struct evidence *e, size_t domain, struct rules_case *c,
    int64_t until_ms)
{
	const struct eval_verdict *v = eval_flight_collect(e->passes[domain],
	    until_ms);
	uint64_t bit = UINT64_C(1) << domain;

	e->has_passes |= bit;
	/* A record that passes everybody is evidence of nobody. */
	if (v->result == RESULT_PASS && v->wide_open[0] == '\0')
		c->passes |= bit;
	if (v->result != RESULT_TEMPERROR)
		c->judged |= bit;
}

bool
evidence_collect(struct evidence *e, const struct rules_found *found,
    struct rules_case *c, int64_t until_ms)
{
	bool names = (found->needs & RULES_NEED_NAMES) != 0 && !e->has_names;
	uint64_t passes = found->passes & ~e->has_passes;

	evidence_begin(e, found);
	if (names)
		collect_names(e, c, until_ms);
	for (size_t i = 0; i < RULES_DOMAINS_MAX; i++)
		if (asks(passes, i))
			collect_pass(e, i, c, until_ms);
	return names || passes != 0;
}

void
evidence_end(struct evidence *e)
{
	(void)flight_release(e->names);
	for (size_t i = 0; e->passes != NULL && i < RULES_DOMAINS_MAX; i++)
		eval_flight_release(e->passes[i]);
	free(e->passes);
	e->names = NULL;
	e->passes = NULL;
}
