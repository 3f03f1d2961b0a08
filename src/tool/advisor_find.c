/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with a record and what it leads to: the findings that need
 * the DNS, beside those of each record by itself.
 *
 * A finding stands with the record whose text shows it.  Of the records of
 * others only what spoils the whole is told.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spf/compose.h"
#include "tool/advisor_priv.h"

/* Of a DNS message: header, and type and class of the question. */
#define MESSAGE_OVERHEAD (12 + 4)
#define MESSAGE_UDP 512

static size_t
offset_of(const struct advisor_record *r, const struct advisor_term *t,
    size_t *len)
{
	*len = t->term != NULL ? t->term->len : r->record->redirect_len;
	return t->term != NULL ? t->term->offset :
	    r->record->redirect_offset;
}

static void
say(struct advisor_record *r, const struct advisor_term *t,
    enum advise_kind k, const char *what)
{
	size_t len;
	size_t offset = offset_of(r, t, &len);

	advice_add(&r->advice, k, offset, len, "%s", what);
}

/* As say, with the name in front. */
static void
say_name(struct advisor_record *r, const struct advisor_term *t,
    enum advise_kind k, const char *what)
{
	char *text = xasprintf("%s %s", t->name, what);

	say(r, t, k, text);
	free(text);
}

/* Names */

static bool
has_hosts(const struct advisor_host *h)
{
	for (int i = 0; i < ADVISOR_FAMILIES; i++)
		if (h->addresses[i] != NULL && h->addresses[i]->count > 0)
			return true;
	return false;
}

/* Once for a term. */
static void
find_error(struct advisor_record *r, const struct advisor_term *t,
    const struct dns_answer *answer)
{
	size_t len;

	if (answer == NULL || answer->status != DNS_TEMPERROR ||
	    advice_has(&r->advice, ADVISE_DNS, offset_of(r, t, &len)))
		return;
	char *text = xasprintf("the DNS has an error for %s (%s): mail gets "
	    "temperror", t->name, answer->problem);
	say(r, t, ADVISE_DNS, text);
	free(text);
}

static void
find_void(struct advisor_record *r, const struct advisor_term *t)
{
	const struct advisor_host *h = t->host_count == 0 ? NULL : t->hosts;

	if (t->mx != NULL) {
		if (advisor_is_void(t->mx))
			say_name(r, t, ADVISE_VOID, "has no MX: a void lookup "
			    "(two are allowed)");
	} else if (h != NULL && advisor_is_void(h->addresses[ADVISOR_V4]) &&
	    (h->addresses[ADVISOR_V6] == NULL ||
	    advisor_is_void(h->addresses[ADVISOR_V6]))) {
		say_name(r, t, ADVISE_VOID, "has no address: a void lookup "
		    "(two are allowed)");
	}
}

/* Of an mx term; they count as no lookups. */
static void
find_hosts_without_address(struct advisor_record *r,
    const struct advisor_term *t)
{
	size_t len;
	size_t offset = offset_of(r, t, &len);

	for (size_t i = 0; t->mx != NULL && i < t->host_count; i++)
		if (advisor_is_void(t->hosts[i].addresses[ADVISOR_V4]) &&
		    advisor_is_void(t->hosts[i].addresses[ADVISOR_V6]))
			advice_add(&r->advice, ADVISE_MX_ADDRESS, offset, len,
			    "%s, an MX host of %s, has no address",
			    t->mx->rr[i].data, t->name);
}

static void
find_hosts(struct advisor_record *r, const struct advisor_term *t)
{
	find_error(r, t, t->mx);
	for (size_t i = 0; i < t->host_count; i++)
		for (int f = 0; f < ADVISOR_FAMILIES; f++)
			find_error(r, t, t->hosts[i].addresses[f]);
	if (t->mx != NULL && t->mx->count > ADVISOR_MX_HOSTS)
		say_name(r, t, ADVISE_MX_HOSTS, "has more than 10 MX hosts: "
		    "permerror (RFC 7208 s4.6.4)");
	find_void(r, t);
	find_hosts_without_address(r, t);
}

/* The first of this domain in the tree, in the order of the walk. */
static const struct advisor_record *
find_domain(const struct advisor_record *r, const char *domain)
{
	const struct advisor_record *found = NULL;

	if (util_eq_nocase(r->domain, domain))
		return r;
	for (size_t i = 0; found == NULL && i < r->count; i++)
		if (r->terms[i].record != NULL)
			found = find_domain(r->terms[i].record, domain);
	return found;
}

static void
find_missing(struct advisor_record *r, const struct advisor_term *t)
{
	const struct dns_answer *a = t->record->answer;
	size_t len;
	size_t offset = offset_of(r, t, &len);

	if (a == NULL)
		say_name(r, t, ADVISE_NOT_FOLLOWED, "was not asked for");
	else if (a->status == DNS_TEMPERROR)
		find_error(r, t, a);
	else if (a->spf_count > 1)
		advice_add(&r->advice, ADVISE_INCLUDE_BAD, offset, len,
		    "%s has %zu SPF records: permerror", t->name,
		    a->spf_count);
	else if (a->spf_count == 1)
		advice_add(&r->advice, ADVISE_INCLUDE_BAD, offset, len,
		    "the record of %s is not well formed: permerror: %s",
		    t->name, a->spf_error.message);
	else if (t->host_count > 0 && has_hosts(t->hosts))
		advice_add(&r->advice, ADVISE_INCLUDE_HOST, offset, len,
		    "%s has no SPF record but an address: permerror; to let "
		    "it send write a:%s", t->name, t->name);
	else if (t->mx != NULL && t->mx->count > 0)
		advice_add(&r->advice, ADVISE_INCLUDE_HOST, offset, len,
		    "%s has no SPF record but MX hosts: permerror; to let "
		    "them send write mx:%s", t->name, t->name);
	else
		say_name(r, t, ADVISE_INCLUDE_NO_RECORD, a->status ==
		    DNS_NXDOMAIN ? "does not exist: permerror" :
		    "has no SPF record: permerror");
}

static void
find_in_term(const struct advisor *a, struct advisor_record *r,
    const struct advisor_term *t)
{
	bool leads = t->term == NULL || t->term->mechanism == RECORD_INCLUDE;

	if (t->loop)
		say_name(r, t, ADVISE_LOOP, "leads back here: permerror");
	else if (leads && t->bad_name)
		say(r, t, ADVISE_INCLUDE_BAD, "names no domain: permerror");
	else if (t->not_followed)
		say_name(r, t, ADVISE_NOT_FOLLOWED, "was not asked for: there "
		    "is too much before it");
	else if (t->open && (t->term == NULL ||
	    t->term->mechanism != RECORD_PTR))
		say(r, t, ADVISE_NOT_FOLLOWED, a->domain[0] == '\0' &&
		    t->term != NULL && t->term->domain == NULL ?
		    "depends on the domain: see --domain" :
		    "depends on the message, so it is not told who passes");
	else if (t->record != NULL && t->record->bad)
		find_missing(r, t);
	else if (t->record != NULL &&
	    find_domain(a->root, t->name) != t->record &&
	    find_domain(a->root, r->domain) == r)
		say_name(r, t, ADVISE_TWICE, "is looked up twice, with all "
		    "that it includes");
	if (!leads)
		find_hosts(r, t);
}

/* Records */

/* For those of others only what spoils the whole. */
static void
find_in_text(struct advisor_record *r)
{
	struct advice all = { NULL, 0 };

	if (r->text == NULL)
		return;
	record_free(advise_record(r->text, r->len, &all));
	for (size_t i = 0; i < all.count; i++) {
		const struct advise_finding *f = &all.findings[i];

		if (r->parent == NULL || advise_is_for_all(f->kind))
			advice_add(&r->advice, f->kind, f->offset, f->len,
			    "%s", f->text);
	}
	advice_fini(&all);
}

static unsigned
find_in_record(struct advisor *a, struct advisor_record *r)
{
	find_in_text(r);
	for (size_t i = 0; i < r->count; i++) {
		struct advisor_term *t = &r->terms[i];

		t->lookups = advisor_asks(t);
		if (t->record != NULL)
			t->lookups += find_in_record(a, t->record);
		r->lookups += t->lookups;
		find_in_term(a, r, t);
	}
	advice_sort(&r->advice);
	return r->lookups;
}

/* Terms that find all their addresses taken; networks are told already. */
static void
find_useless(struct advisor_record *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct advisor_term *t = &r->terms[i];
		bool matches = t->matches[ADVISOR_V4] ||
		    t->matches[ADVISOR_V6];

		if (t->term == NULL || !matches ||
		    t->term->mechanism == RECORD_ALL ||
		    t->adds[ADVISOR_V4] || t->adds[ADVISOR_V6])
			continue;
		size_t at = t->term->offset;
		if (!advice_has(&r->advice, ADVISE_OVERLAP, at) &&
		    !advice_has(&r->advice, ADVISE_DUPLICATE, at))
			say(r, t, ADVISE_OVERLAP, "all of its addresses match "
			    "before it");
	}
}

/* The domain */

static bool
gets_mail(const struct advisor *a)
{
	if (a->mx != NULL && a->mx->count > 0)
		return a->mx->count > 1 || a->mx->rr[0].len > 0;
	return has_hosts(&a->host);
}

static bool
is_known(const struct dns_answer *answer)
{
	return answer != NULL && answer->status != DNS_TEMPERROR;
}

static void
find_no_mail(struct advisor *a)
{
	struct advisor_record *r = a->root;

	if (r->text == NULL || !is_known(a->mx) ||
	    !is_known(a->host.addresses[ADVISOR_V4]) ||
	    !is_known(a->host.addresses[ADVISOR_V6]) || gets_mail(a) ||
	    util_eq_nocase(r->text, "v=spf1 -all"))
		return;
	advice_add(&r->advice, ADVISE_NO_MAIL, 0, 0, "%s: it gets no mail; if "
	    "it sends none either publish v=spf1 -all", a->mx->count > 0 ?
	    "the domain has a null MX" :
	    "the domain has neither MX nor address");
}

static void
find_no_record(struct advisor *a)
{
	struct advisor_record *r = a->root;
	const struct dns_answer *answer = r->answer;

	if (a->given != NULL || r->text != NULL)
		return;
	if (answer == NULL || answer->status == DNS_TEMPERROR)
		advice_add(&r->advice, ADVISE_DNS, 0, 0, "the DNS has an error "
		    "for the TXT records of %s (%s)", a->domain,
		    answer == NULL ? "no answer" : answer->problem);
	else if (answer->status == DNS_NXDOMAIN)
		advice_add(&r->advice, ADVISE_NO_RECORD, 0, 0,
		    "the domain does not exist");
	else if (answer->spf_count > 1)
		advice_add(&r->advice, ADVISE_SEVERAL_RECORDS, 0, 0,
		    "%zu SPF records: permerror; a domain may have one",
		    answer->spf_count);
	else
		advice_add(&r->advice, ADVISE_NO_RECORD, 0, 0, "no SPF record; "
		    "to begin with publish %s", !gets_mail(a) ?
		    "v=spf1 -all, if it sends no mail" :
		    a->mx->count > 0 ? "v=spf1 mx ~all" : "v=spf1 a ~all");
}

static void
find_nearly(struct advisor *a)
{
	const struct dns_answer *answer = a->root->answer;

	for (size_t i = 0; answer != NULL && i < answer->count; i++) {
		const struct dns_rr *rr = &answer->rr[i];

		if (record_is_nearly_spf(rr->data, rr->len))
			advice_add(&a->root->advice, ADVISE_NEARLY, 0, 0,
			    "a TXT record that SPF ignores: %.200s; %s",
			    rr->data, util_has_prefix_nocase(rr->data, rr->len,
			    "spf2") ? "Sender ID was abandoned, remove it" :
			    "a record begins with v=spf1 and a blank");
	}
}

static void
find_answer_size(struct advisor *a)
{
	const struct dns_answer *answer = a->root->answer;

	if (answer == NULL)
		return;
	size_t size = MESSAGE_OVERHEAD + strlen(a->domain) + 2 +
	    answer->wire_size;
	if (size > MESSAGE_UDP)
		advice_add(&a->root->advice, ADVISE_ANSWER_SIZE, 0, 0,
		    "all TXT records of the domain take %zu octets; over %d "
		    "they need EDNS or TCP, which some networks block", size,
		    MESSAGE_UDP);
}

/* Between strings where there is no blank; *i: from this one on. */
static bool
next_split(const struct advisor_record *r, size_t *i, size_t *at)
{
	const struct dns_answer *a = r->answer;

	for (; a != NULL && r->text != NULL && *i < a->spf_joint_count; ++*i) {
		*at = a->spf_joints[*i];
		if (*at < r->len && r->text[*at] != ' ' &&
		    r->text[*at - 1] != ' ')
			return true;
	}
	return false;
}

static void
find_splits(struct advisor *a)
{
	struct advisor_record *r = a->root;
	size_t at;

	for (size_t i = 0; next_split(r, &i, &at); i++) {
		size_t end = at;

		while (at > 0 && r->text[at - 1] != ' ')
			at--;
		while (end < r->len && r->text[end] != ' ')
			end++;
		advice_add(&r->advice, ADVISE_SPLIT, at, end - at, "two "
		    "strings of the TXT record meet within it; if a blank was "
		    "meant it has to stand in one of them");
	}
}

static void
find_type_spf(struct advisor *a)
{
	const struct advisor_record *r = a->root;

	if (a->spf == NULL || a->spf->count == 0)
		return;
	bool same = r->text != NULL && a->spf->rr[0].len == r->len &&
	    memcmp(a->spf->rr[0].data, r->text, r->len) == 0;
	advice_add(&a->root->advice, ADVISE_TYPE_SPF, 0, 0, "%s record of type "
	    "SPF (99), which RFC 7208 has abandoned: remove it",
	    same ? "the same" : "another");
}

static void
find_exp(struct advisor *a)
{
	const struct dns_answer *e = a->exp;
	bool good = e != NULL && e->count == 1;

	for (size_t i = 0; good && i < e->rr[0].len; i++)
		good = util_is_print(e->rr[0].data[i]);
	if (e != NULL && !good)
		advice_add(&a->root->advice, ADVISE_EXP, 0, 0, "exp=: %s has "
		    "%s", a->exp_name, e->status == DNS_TEMPERROR ?
		    "an error in the DNS" : e->count == 0 ? "no text" :
		    e->count > 1 ? "several texts, so nobody sees any" :
		    "a text of other letters than ASCII");
}

/* Limits */

static void
find_voids(struct advisor *a)
{
	bool over4 = a->voids[ADVISOR_V4] > ADVISOR_VOIDS;
	bool over6 = a->voids[ADVISOR_V6] > ADVISOR_VOIDS;

	if (over4)
		advice_add(&a->root->advice, ADVISE_VOIDS, 0, 0, "%u void "
		    "lookups, %d are allowed: mail that nothing matches before "
		    "gets permerror (RFC 7208 s4.6.4)", a->voids[ADVISOR_V4],
		    ADVISOR_VOIDS);
	else if (over6)
		advice_add(&a->root->advice, ADVISE_VOID, 0, 0, "%u void "
		    "lookups for clients with IPv6, %d are allowed: mail by "
		    "IPv6 that nothing matches before gets permerror",
		    a->voids[ADVISOR_V6], ADVISOR_VOIDS);
}

static void
find_limits(struct advisor *a)
{
	struct advisor_reach r[ADVISOR_FAMILIES];

	for (int i = 0; i < ADVISOR_FAMILIES; i++) {
		r[i] = (struct advisor_reach){ .family = i };
		advisor_find_reach(a, &r[i]);
		a->voids[i] = r[i].voids;
		a->lookups = r[i].lookups;
		addr_ranges_fini(&r[i].pass);
		r[i] = (struct advisor_reach){ .family = i, .strict = true };
		advisor_find_reach(a, &r[i]);
		a->pass[i] = r[i].pass;
	}
	if (a->lookups > ADVISOR_LOOKUPS)
		advice_add(&a->root->advice, ADVISE_LOOKUPS, 0, 0, "%u DNS "
		    "lookups, %d are allowed: mail that nothing matches before "
		    "gets permerror (RFC 7208 s4.6.4)", a->lookups,
		    ADVISOR_LOOKUPS);
	find_voids(a);
}

/* Of a record that is not well formed as its strings might be. */
static char *
better(const struct advisor_record *r)
{
	size_t from = 0;
	size_t at;
	char *text = xstrdup("");

	for (size_t i = 0; r->bad && next_split(r, &i, &at); i++) {
		char *more = xasprintf("%s%.*s ", text, (int)(at - from),
		    r->text + from);

		free(text);
		text = more;
		from = at;
	}
	char *whole = xasprintf("%s%s", text, r->text + from);
	char *out = compose_better(whole, strlen(whole));
	free(text);
	free(whole);
	return out;
}

static void
count(struct advisor *a, const struct advisor_record *r)
{
	for (size_t i = 0; i < r->advice.count; i++)
		a->severities[advise_severity(r->advice.findings[i].kind)]++;
	for (size_t i = 0; i < r->count; i++)
		if (r->terms[i].record != NULL)
			count(a, r->terms[i].record);
}

void
advisor_find(struct advisor *a)
{
	struct advisor_record *r = a->root;

	find_in_record(a, r);
	find_limits(a);
	find_useless(r);
	find_no_record(a);
	find_nearly(a);
	find_no_mail(a);
	find_answer_size(a);
	find_splits(a);
	find_type_spf(a);
	find_exp(a);
	advice_sort(&r->advice);
	count(a, r);
	if (r->text != NULL) {
		a->better = better(r);
		a->flat = advisor_flatten(a, &a->flat_lookups);
	}
}
