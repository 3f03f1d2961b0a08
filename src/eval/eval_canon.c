/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The canonical text of a record: what libspf2 compiles instead of it.
 *
 * libspf2's compiler overflows its stack on some legal terms, misreads others
 * and silently drops what compiles to more than 511 octets.  So it never sees
 * an octet that a publisher or a client chose.  Each domain is replaced by a
 * mark, "_-3.x"; terms whose match needs no DNS are decided here: an ip4 or
 * ip6 term that does not match this client is left out, and the first one that
 * does ends the text as an "all", because nothing behind it can be reached.
 * (The grammar of the whole record has been checked before.)
 */

#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/util.h"
#include "eval/eval_priv.h"
#include "spf/record.h"

static const char *
qualifier(enum result r)
{
	switch (r) {
	case RESULT_PASS:
		return "";
	case RESULT_FAIL:
		return "-";
	case RESULT_SOFTFAIL:
		return "~";
	case RESULT_NEUTRAL:
		return "?";
	case RESULT_NONE:
	case RESULT_TEMPERROR:
	case RESULT_PERMERROR:
		break;
	}
	assert(false);
	return "";
}

/* ip4, ip6 and all terms that match: decided without the DNS. */
static bool
is_fixed(const struct record_term *t, const struct addr *client)
{
	return t->mechanism == RECORD_ALL ||
	    (record_term_is_network(t) &&
	    addr_prefix_match(&t->network, client));
}

static void
add_mark(struct sbuf *sb, struct eval_canon *out, struct eval_marks *m,
    struct eval_mark mark)
{
	assert(m->count < EVAL_MARKS_MAX);
	sbuf_str(sb, "_-");
	sbuf_uint(sb, m->count);
	sbuf_str(sb, ".x");
	m->marks[m->count++] = mark;
	out->terms++;
}

/* The name that libspf2 shall know a querying term by. */
static const char *
mechanism(const struct record_term *t)
{
	/* Our DNS layer does the whole of ptr and answers yes or no. */
	return t->mechanism == RECORD_PTR ? "exists" :
	    record_mechanism_name(t->mechanism);
}

/*
 * The prefix length for the client's family.  libspf2 refuses 0, where the
 * mark answers with the client's own address instead.
 */
static void
add_cidr(struct sbuf *sb, const struct record_term *t,
    const struct addr *client)
{
	if (t->mechanism != RECORD_A && t->mechanism != RECORD_MX)
		return;
	if (client->family == AF_INET && t->bits4 > 0 && t->bits4 < 32)
		sbuf_fmt(sb, "/%u", (unsigned)t->bits4);
	if (client->family == AF_INET6 && t->bits6 > 0 && t->bits6 < 128)
		sbuf_fmt(sb, "//%u", (unsigned)t->bits6);
}

/* It matches whatever libspf2 would compare, so "all" says as much. */
static void
add_fixed(struct sbuf *sb, struct eval_canon *out, const struct record_term *t)
{
	sbuf_char(sb, ' ');
	sbuf_str(sb, qualifier(t->qualifier));
	sbuf_str(sb, "all");
	out->terms++;
	out->fixed = t;
}

void
eval_canon_write(struct eval_canon *out, struct eval_marks *m,
    const struct eval_check *c, const struct addr *client, unsigned budget)
{
	const struct record *r = c->record;
	unsigned querying = 0;
	struct sbuf sb;

	assert(budget <= EVAL_LOOKUPS_MAX);
	sbuf_init(&sb, out->text, sizeof(out->text));
	sbuf_str(&sb, "v=spf1");
	out->terms = 0;
	out->fixed = NULL;
	for (size_t i = 0; i < r->count && querying <= budget; i++) {
		const struct record_term *t = &r->terms[i];

		if (record_term_asks(t)) {
			sbuf_char(&sb, ' ');
			sbuf_str(&sb, qualifier(t->qualifier));
			sbuf_str(&sb, mechanism(t));
			sbuf_char(&sb, ':');
			add_mark(&sb, out, m,
			    (struct eval_mark){ EVAL_MARK_TERM, c, t });
			add_cidr(&sb, t, client);
			querying++;
		} else if (is_fixed(t, client)) {
			/*
			 * The probe tells that no querying term matched: the
			 * last mark asked is the term that did.
			 */
			if (querying > 0) {
				sbuf_str(&sb, " exists:");
				add_mark(&sb, out, m, (struct eval_mark){
				    EVAL_MARK_PROBE, c, t });
			}
			add_fixed(&sb, out, t);
			break;
		}
	}
	/* RFC 7208 s6.1: after all mechanisms; an "all" has ended the text. */
	if (r->redirect != NULL && out->fixed == NULL && querying <= budget) {
		sbuf_str(&sb, " redirect=");
		add_mark(&sb, out, m,
		    (struct eval_mark){ EVAL_MARK_REDIRECT, c, NULL });
	}
	assert(sbuf_ok(&sb));
}
