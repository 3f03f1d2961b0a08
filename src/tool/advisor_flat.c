/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record without lookups, as far as there can be one.
 *
 * All addresses that pass come first.  What is left matches other addresses
 * only, so the terms that do not pass may follow in their order.  Terms that
 * depend on the message stay as they are; one of them that does not pass would
 * have to be asked before the addresses, so then there is no such record.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "base/util.h"
#include "spf/macro.h"
#include "spf/record.h"
#include "tool/advisor_priv.h"

#define FLAT_SIZE (RECORD_TEXT_MAX + 1)

/* A term as it stands, for a record of another domain. */
static void
add_term(struct sbuf *out, const struct advisor_record *r,
    const struct advisor_term *t)
{
	const char *text = r->text + t->term->offset;
	size_t name = 0;

	sbuf_char(out, ' ');
	while (name < t->term->len && strchr(":/", text[name]) == NULL)
		name++;
	sbuf_add(out, text, name);
	if (r->parent != NULL && t->term->domain == NULL &&
	    t->name[0] != '\0')
		sbuf_fmt(out, ":%s", t->name);
	sbuf_add(out, text + name, t->term->len - name);
}

/* False: the record cannot do without what stands before the addresses. */
static bool
add_rest(struct sbuf *out, const struct advisor_record *r, unsigned *lookups)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct advisor_term *t = &r->terms[i];
		bool open = advisor_is_open(t);

		if (t->term == NULL)
			return t->record != NULL && !t->record->bad &&
			    add_rest(out, t->record, lookups);
		bool pass = t->term->qualifier == RESULT_PASS;
		if (pass && !open)
			continue;
		if ((!pass && open) || (open && r->parent != NULL))
			return false;
		add_term(out, r, t);
		*lookups += t->lookups;
	}
	return true;
}

static bool
add_addresses(struct sbuf *out, const struct advisor *a)
{
	bool good = true;

	for (int f = 0; good && f < ADVISOR_FAMILIES; f++) {
		struct advisor_reach r = { .family = f, .closed = true };
		struct addr_prefix *p;
		char text[ADDR_PREFIX_TEXT_SIZE];

		advisor_find_reach(a, &r);
		size_t count = addr_ranges_prefixes(&r.pass, &p);
		for (size_t i = 0; i < count && sbuf_ok(out); i++) {
			good = good && p[i].len > 0;
			sbuf_fmt(out, " %s:%s",
			    record_network_name(p[i].addr.family),
			    addr_prefix_format(&p[i], text));
		}
		free(p);
		addr_ranges_fini(&r.pass);
	}
	return good;
}

/* Other errors than those that the new record would not have. */
static bool
has_errors(const struct advisor_record *r)
{
	for (size_t i = 0; i < r->advice.count; i++) {
		enum advise_kind k = r->advice.findings[i].kind;

		if (advise_severity(k) == ADVISE_ERROR &&
		    k != ADVISE_LOOKUPS && k != ADVISE_VOIDS)
			return true;
	}
	for (size_t i = 0; i < r->count; i++)
		if (r->terms[i].not_followed || (r->terms[i].record != NULL &&
		    has_errors(r->terms[i].record)))
			return true;
	return false;
}

char *
advisor_flatten(const struct advisor *a, unsigned *lookups)
{
	const struct advisor_record *last = advisor_last(a);
	char storage[FLAT_SIZE];
	struct sbuf out;

	*lookups = 0;
	if (a->root->bad || a->lookups == 0 || has_errors(a->root))
		return NULL;
	sbuf_init(&out, storage, sizeof(storage));
	sbuf_str(&out, "v=spf1");
	if (!add_addresses(&out, a) || !add_rest(&out, a->root, lookups) ||
	    !sbuf_ok(&out) || *lookups >= a->lookups)
		return NULL;
	if (last->record->exp != NULL && a->exp_name[0] != '\0')
		sbuf_fmt(&out, " exp=%s", a->exp_name);
	return sbuf_ok(&out) ? xstrdup(storage) : NULL;
}
