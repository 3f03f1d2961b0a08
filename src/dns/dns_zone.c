/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers from a text instead of the network: for the dry run and for tests.
 *
 * A AAAA MX TXT SPF PTR CNAME are answered; other types only make their name
 * exist.  CNAMEs are followed, a loop is a temporary error.  "*" as first
 * label is a wildcard (RFC 4592).  A name below which there are others exists.
 * TIMEOUT never gets an answer and SERVFAIL a temporary error.
 *
 * Records stand in the order of their names read from the right, where a dot
 * comes before all else: what is below a name follows it directly, so whether
 * there is anything is seen from one place, and no name needs to be entered
 * for those above it.
 */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/util.h"
#include "dns/dns_zone_priv.h"

#define CNAME_MAX 12

/* A question that gets no answer before the end. */
struct parked {
	struct parked	*next;
	enum dns_type	 type;
	dns_done_fn	*done;
	void		*arg;
};

struct zone {
	struct dns_backend	 backend;	/* first */
	struct zone_text	 text;		/* its rrs sorted */
	struct lock		 lock;
	struct parked		*parked;	/* lock */
};

/* Names */

/* What is left of a name, read from its end. */
struct tail {
	const struct zone_name	*name;
	size_t			 own;
	size_t			 origin;
};

static struct tail
tail_of(const struct zone_name *name)
{
	return (struct tail){ name, strlen(name->own), strlen(name->origin) };
}

/* Its next octet as a number: 0 at its start, 1 for a dot, else more. */
static int
tail_next(struct tail *t)
{
	char c;

	if (t->origin > 0)
		c = t->name->origin[--t->origin];
	else if (t->own > 0)
		c = t->name->own[--t->own];
	else
		return 0;
	return c == '.' ? 1 : (unsigned char)util_lower(c) + 1;
}

/* 0: equal.  *below: b is below a. */
static int
name_compare(const struct zone_name *a, const struct zone_name *b, bool *below)
{
	struct tail ta = tail_of(a);
	struct tail tb = tail_of(b);
	int ca;
	int cb;

	if (a->origin == b->origin) {
		ta.origin = 0;
		tb.origin = 0;
	}
	do {
		ca = tail_next(&ta);
		cb = tail_next(&tb);
	} while (ca == cb && ca != 0);
	*below = ca == 0 && cb == 1;
	return ca - cb;
}

static void
name_text(const struct zone_name *name, char out[DNS_NAME_MAX + 1])
{
	struct sbuf sb;

	sbuf_init(&sb, out, DNS_NAME_MAX + 1);
	sbuf_str(&sb, name->own);
	sbuf_str(&sb, name->origin);
	assert(sbuf_ok(&sb));
}

/* Looking up */

static int
rr_compare(const void *pa, const void *pb)
{
	const struct zone_rr *a = pa;
	const struct zone_rr *b = pb;
	bool below;
	int order = name_compare(&a->name, &b->name, &below);

	if (order != 0)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* The records of one name; count 0: at most others are below it. */
struct rr_set {
	const struct zone_rr	*rrs;
	size_t			 count;
};

/* Found by bisection.  False: there is no such name. */
static bool
find_exact(const struct zone *z, const char *text, struct rr_set *out)
{
	const struct zone_name name = { text, "" };
	size_t low = 0;
	size_t high = z->text.count;
	bool below = false;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (name_compare(&name, &z->text.rrs[middle].name, &below) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (below = false; high < z->text.count; high++)
		if (name_compare(&name, &z->text.rrs[high].name, &below) != 0)
			break;
	out->count = high - low;
	out->rrs = out->count > 0 ? &z->text.rrs[low] : NULL;
	return below || high > low;
}

/* The name itself, or the wildcard below its closest encloser. */
static bool
find_name(const struct zone *z, const char *name, struct rr_set *out)
{
	char wildcard[DNS_NAME_MAX + 3];
	const char *above = name;
	struct sbuf sb;

	if (find_exact(z, name, out))
		return true;
	do {
		above = strchr(above, '.');
		if (above == NULL)
			return false;
	} while (!find_exact(z, ++above, out));
	sbuf_init(&sb, wildcard, sizeof(wildcard));
	sbuf_fmt(&sb, "*.%s", above);
	return find_exact(z, wildcard, out);
}

/* What the records of one name say about a type. */
struct found {
	int		 fault;		/* TIMEOUT, SERVFAIL or 0 */
	const struct zone_name *cname;
	size_t		 count;		/* of the type */
	uint32_t	 ttl;		/* the least of those used */
};

static void
look_at(const struct rr_set *set, enum dns_type type, struct found *f)
{
	f->fault = 0;
	f->cname = NULL;
	f->count = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct zone_rr *rr = &set->rrs[i];
		bool fault = rr->type >= ZONE_TYPE_TIMEOUT;
		if (fault && (rr->fault_type == ZONE_TYPE_ANY ||
		    rr->fault_type == (int)type)) {
			f->fault = rr->type;
			return;
		}
		if (rr->type == (int)type)
			f->count++;
		else if (rr->type == ZONE_TYPE_CNAME)
			f->cname = &rr->target;
		else
			continue;
		if (rr->ttl < f->ttl)
			f->ttl = rr->ttl;
	}
}

static void
add_target(struct dns_answer *a, const struct zone_rr *rr)
{
	char text[DNS_NAME_MAX + 1];
	char wire[2 + DNS_NAME_MAX + 3];
	const char *name = text;
	struct sbuf sb;

	name_text(&rr->target, text);
	sbuf_init(&sb, wire, sizeof(wire));
	if (rr->type == DNS_TYPE_MX) {
		sbuf_char(&sb, (char)(rr->preference >> 8));
		sbuf_char(&sb, (char)(rr->preference & 0xff));
	}
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		sbuf_char(&sb, (char)label);
		sbuf_add(&sb, name, label);
		name += label + (name[label] == '.');
	}
	sbuf_char(&sb, '\0');
	dns_answer_add(a, (const uint8_t *)wire, sb.len);
}

static struct dns_answer *
answer_of(const struct rr_set *set, enum dns_type type, uint32_t ttl)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, type, ttl);

	for (size_t i = 0; i < set->count; i++) {
		const struct zone_rr *rr = &set->rrs[i];

		if (rr->type != (int)type)
			continue;
		if (rr->type == DNS_TYPE_MX || rr->type == DNS_TYPE_PTR)
			add_target(a, rr);
		else
			dns_answer_add(a, (const uint8_t *)rr->data, rr->len);
	}
	dns_answer_finish(a);
	return a;
}

/* NULL: there will be no answer. */
static struct dns_answer *
zone_answer(const struct zone *z, const char *name, enum dns_type type)
{
	struct found f = { .ttl = UINT32_MAX };
	char target[DNS_NAME_MAX + 1];
	struct rr_set set;

	for (int hops = 0; hops < CNAME_MAX; hops++) {
		if (!find_name(z, name, &set))
			return dns_answer_empty(DNS_NXDOMAIN, type,
			    z->text.ttl);
		look_at(&set, type, &f);
		if (f.fault == ZONE_TYPE_TIMEOUT)
			return NULL;
		if (f.fault == ZONE_TYPE_SERVFAIL)
			break;
		if (f.count > 0)
			return answer_of(&set, type, f.ttl);
		if (f.cname == NULL)
			return dns_answer_empty(DNS_NODATA, type, z->text.ttl);
		name_text(f.cname, target);
		name = target;
	}
	return dns_answer_empty(DNS_TEMPERROR, type, DNS_TEMPERROR_TTL);
}

static void
zone_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct zone *z = (struct zone *)b;
	struct dns_answer *a = zone_answer(z, name, type);

	if (a != NULL) {
		done(arg, a);
		return;
	}
	struct parked *p = xcalloc(1, sizeof(*p));
	*p = (struct parked){ .type = type, .done = done, .arg = arg };
	lock_acquire(&z->lock);
	p->next = z->parked;
	z->parked = p;
	lock_release(&z->lock);
}

static void
zone_free(struct dns_backend *b)
{
	struct zone *z = (struct zone *)b;

	while (z->parked != NULL) {
		struct parked *p = z->parked;
		z->parked = p->next;
		p->done(p->arg, dns_answer_error(DNS_FAILURE_RESOLVER, "",
		    p->type, 0));
		free(p);
	}
	dns_zone_text_fini(&z->text);
	lock_fini(&z->lock);
	free(z);
}

struct dns_backend *
dns_zone_new(const char *file, char *text, struct diag *d)
{
	static const struct dns_backend_ops ops = {
		.start = zone_start, .free = zone_free
	};
	struct zone *z = xcalloc(1, sizeof(*z));

	z->backend.ops = &ops;
	lock_init(&z->lock);
	if (!dns_zone_text_read(&z->text, file, text, d)) {
		zone_free(&z->backend);
		return NULL;
	}
	if (z->text.count > 0)
		qsort(z->text.rrs, z->text.count, sizeof(*z->text.rrs),
		    rr_compare);
	return &z->backend;
}
