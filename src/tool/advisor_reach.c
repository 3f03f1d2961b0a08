/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses pass: check_host() for all clients of a family at once.
 *
 * Each record has the addresses that are decided so far.  What a term matches
 * of the others is decided by its qualifier; where the evaluation would stop
 * with an error all that are left are.  An include matches what passes in its
 * record, and is an error for what is one there.
 *
 * Lookups are counted as for a client that nothing matches before.  One that
 * is decided within an include without passing has a few less; that it gets
 * by a limit by this is neglected.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "tool/advisor_priv.h"

/* What has become of the clients that come to a record. */
struct outcome {
	struct addr_ranges	 decided;
	struct addr_ranges	 pass;
	struct addr_ranges	 error;
};

static void
add_all(const struct advisor_reach *r, struct addr_ranges *s)
{
	const struct addr_prefix all = {
		{ .family = r->family == ADVISOR_V4 ? AF_INET : AF_INET6 }, 0
	};

	addr_ranges_add(s, &all);
}

/* what is taken up by to, as far as it is not decided. */
static bool
decide(struct outcome *o, struct addr_ranges *to,
    const struct addr_ranges *what)
{
	struct addr_ranges left = { NULL, 0 };

	addr_ranges_join(&left, what);
	addr_ranges_subtract(&left, &o->decided);
	if (to != NULL)
		addr_ranges_join(to, &left);
	addr_ranges_join(&o->decided, &left);
	bool any = left.count > 0;
	addr_ranges_fini(&left);
	return any;
}

bool
advisor_asks(const struct advisor_term *t)
{
	return t->term == NULL || record_term_asks(t->term);
}

bool
advisor_is_void(const struct dns_answer *answer)
{
	return answer != NULL && (answer->status == DNS_NODATA ||
	    answer->status == DNS_NXDOMAIN);
}

bool
advisor_is_open(const struct advisor_term *t)
{
	if (t->open || t->not_followed)
		return true;
	for (size_t i = 0; t->record != NULL && i < t->record->count; i++)
		if (advisor_is_open(&t->record->terms[i]))
			return true;
	return false;
}

/* The networks of a host; false: the DNS has an error. */
static bool
add_host(const struct advisor_reach *r, const struct record_term *t,
    const struct advisor_host *h, struct addr_ranges *match)
{
	const struct dns_answer *a = h->addresses[r->family];
	bool v4 = r->family == ADVISOR_V4;

	if (a == NULL)
		return true;
	for (size_t i = 0; i < a->count; i++) {
		struct addr_prefix p = {
			.addr = { .family = v4 ? AF_INET : AF_INET6 },
			.len = v4 ? t->bits4 : t->bits6
		};

		memcpy(p.addr.bytes, a->rr[i].data, a->rr[i].len);
		addr_ranges_add(match, &p);
	}
	return a->status != DNS_TEMPERROR;
}

static bool
count_void(struct advisor_reach *r, const struct dns_answer *answer)
{
	if (advisor_is_void(answer))
		r->voids++;
	return !r->strict || r->voids <= ADVISOR_VOIDS;
}

/* What a host term matches; false: then comes an error. */
static bool
match_hosts(struct advisor_reach *r, const struct advisor_term *t,
    struct addr_ranges *match)
{
	const struct dns_answer *first = t->mx;
	bool good = true;

	if (t->term->mechanism == RECORD_EXISTS)
		first = t->hosts[0].addresses[ADVISOR_V4];
	else if (t->term->mechanism == RECORD_A)
		first = t->hosts[0].addresses[r->family];
	if (!count_void(r, first) ||
	    (first != NULL && first->status == DNS_TEMPERROR) ||
	    (t->mx != NULL && t->mx->count > ADVISOR_MX_HOSTS))
		return false;
	if (t->term->mechanism == RECORD_EXISTS) {
		if (first != NULL && first->count > 0)
			add_all(r, match);
		return true;
	}
	for (size_t i = 0; good && i < t->host_count; i++)
		good = add_host(r, t->term, &t->hosts[i], match);
	return good;
}

static void reach_record(struct advisor_reach *r,
    const struct advisor_record *record, struct outcome *o);

/* What an include or redirect= leads to. */
static void
reach_below(struct advisor_reach *r, const struct advisor_term *t,
    struct outcome *below)
{
	if (t->record != NULL)
		reach_record(r, t->record, below);
	else if (t->loop || t->bad_name)
		add_all(r, &below->error);
}

static void
fini(struct outcome *o)
{
	addr_ranges_fini(&o->decided);
	addr_ranges_fini(&o->pass);
	addr_ranges_fini(&o->error);
}

/* Terms that ask nothing, and all others with their error. */
static void
match_term(struct advisor_reach *r, const struct advisor_term *t,
    struct addr_ranges *match, struct addr_ranges *error)
{
	bool v4 = r->family == ADVISOR_V4;
	struct outcome below = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	switch (t->term->mechanism) {
	case RECORD_ALL:
		add_all(r, match);
		break;
	case RECORD_IP4:
	case RECORD_IP6:
		if (v4 == (t->term->mechanism == RECORD_IP4))
			addr_ranges_add(match, &t->term->network);
		break;
	case RECORD_A:
	case RECORD_MX:
	case RECORD_EXISTS:
		if (t->host_count + (t->mx != NULL) > 0 &&
		    !match_hosts(r, t, match))
			add_all(r, error);
		break;
	case RECORD_PTR:
		break;
	case RECORD_INCLUDE:
		reach_below(r, t, &below);
		addr_ranges_join(match, &below.pass);
		addr_ranges_join(error, &below.error);
		fini(&below);
		break;
	}
}

static void
reach_term(struct advisor_reach *r, struct advisor_term *t, struct outcome *o)
{
	struct addr_ranges match = { NULL, 0 };
	struct addr_ranges error = { NULL, 0 };

	match_term(r, t, &match, &error);
	bool adds = decide(o, t->term->qualifier == RESULT_PASS ? &o->pass :
	    NULL, &match);
	if (!r->strict && !r->closed) {
		t->matches[r->family] = match.count > 0;
		t->adds[r->family] = adds;
	}
	if (r->strict)
		decide(o, &o->error, &error);
	addr_ranges_fini(&match);
	addr_ranges_fini(&error);
}

static void
reach_redirect(struct advisor_reach *r, const struct advisor_term *t,
    struct outcome *o)
{
	struct outcome below = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	reach_below(r, t, &below);
	/* What passes there and what fails are apart from each other. */
	addr_ranges_subtract(&below.pass, &o->decided);
	addr_ranges_join(&o->pass, &below.pass);
	if (r->strict)
		decide(o, &o->error, &below.error);
	fini(&below);
}

static void
reach_record(struct advisor_reach *r, const struct advisor_record *record,
    struct outcome *o)
{
	struct addr_ranges all = { NULL, 0 };

	add_all(r, &all);
	if (record->bad && r->strict)
		decide(o, &o->error, &all);
	for (size_t i = 0; i < record->count; i++) {
		struct advisor_term *t = &record->terms[i];

		if (advisor_asks(t) && ++r->lookups > ADVISOR_LOOKUPS &&
		    r->strict)
			decide(o, &o->error, &all);
		if (r->closed && t->term != NULL && advisor_is_open(t))
			continue;
		if (t->term == NULL)
			reach_redirect(r, t, o);
		else
			reach_term(r, t, o);
	}
	addr_ranges_fini(&all);
}

void
advisor_find_reach(const struct advisor *a, struct advisor_reach *r)
{
	struct outcome o = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	reach_record(r, a->root, &o);
	r->pass = o.pass;
	o.pass = (struct addr_ranges){ NULL, 0 };
	fini(&o);
}
