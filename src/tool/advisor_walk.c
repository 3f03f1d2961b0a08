/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of what a record leads to.
 *
 * The walk is a job: it runs from its start until it has all answers.  A run
 * that lacks one goes on all the same and asks ahead for what else it comes
 * by, so that a tree takes about as many round trips as it is deep; what it
 * has built is thrown away.
 *
 * An evaluation stops at the first match, the walk at nothing but all, since
 * what counts is the worst that mail can meet.  So it has bounds of its own:
 * a tree of ten includes of ten each would have no end.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spf/macro.h"
#include "tool/advisor_priv.h"

struct walk {
	struct dns_view	*view;
	const struct advisor *advisor;
	unsigned	 terms;		/* that ask */
	bool		 pending;
};

static const enum dns_type address_types[] = {
	[ADVISOR_V4] = DNS_TYPE_A,
	[ADVISOR_V6] = DNS_TYPE_AAAA
};

/* A reference to the answer; NULL: none yet, or none at all. */
static struct dns_answer *
ask(struct walk *w, const char *name, enum dns_type type)
{
	const struct dns_answer *answer;
	enum dns_source source;

	if (w->pending) {
		(void)dns_view_ahead(w->view, name, type);
		return NULL;
	}
	w->pending = dns_query(w->view, name, type, &answer) == DNS_PENDING;
	return answer == NULL ? NULL : dns_view_share(w->view, answer,
	    &source);
}

static void
ask_host(struct walk *w, const char *name, struct advisor_host *out)
{
	for (int i = 0; i < ADVISOR_FAMILIES; i++)
		out->addresses[i] = ask(w, name, address_types[i]);
}

static void
ask_mx(struct walk *w, struct advisor_term *t)
{
	t->mx = ask(w, t->name, DNS_TYPE_MX);
	if (t->mx == NULL || t->mx->count > ADVISOR_MX_HOSTS)
		return;
	t->host_count = t->mx->count;
	t->hosts = xcalloc(t->host_count + 1, sizeof(*t->hosts));
	for (size_t i = 0; i < t->host_count; i++)
		if (dns_rr_is_name(&t->mx->rr[i]))
			ask_host(w, t->mx->rr[i].data, &t->hosts[i]);
}

static void
ask_a(struct walk *w, struct advisor_term *t)
{
	t->host_count = 1;
	t->hosts = xcalloc(1, sizeof(*t->hosts));
	if (t->term->mechanism == RECORD_A)
		ask_host(w, t->name, &t->hosts[0]);
	else
		t->hosts[0].addresses[ADVISOR_V4] = ask(w, t->name,
		    DNS_TYPE_A);
}

/* The name of a term, as far as it does not depend on the message. */
static void
set_name(const struct walk *w, const struct advisor_record *r,
    const struct macro *domain, struct advisor_term *t)
{
	static const struct addr nobody = { .family = AF_INET };
	const struct macro_vars vars = { .client = &nobody,
		.domain = r->domain, .sender_domain = w->advisor->domain };

	if (domain == NULL) {
		memcpy(t->name, r->domain, sizeof(t->name));
		t->open = t->name[0] == '\0';
		return;
	}
	t->open = macro_uses(domain, MACRO_MESSAGE_LETTERS) ||
	    (r->domain[0] == '\0' && macro_uses(domain, "do"));
	if (!t->open && macro_expand_name(domain, &vars, t->name) !=
	    MACRO_NAME_OK) {
		t->name[0] = '\0';
		t->bad_name = true;
	}
}

/* Of a name without a record: was another mechanism meant? */
static void
ask_what_it_is(struct walk *w, struct advisor_term *t)
{
	t->host_count = 1;
	t->hosts = xcalloc(1, sizeof(*t->hosts));
	ask_host(w, t->name, &t->hosts[0]);
	t->mx = ask(w, t->name, DNS_TYPE_MX);
}

static struct advisor_record *walk_record(struct walk *w,
    struct advisor_record *parent, const char *domain);

static void
follow(struct walk *w, struct advisor_record *r, struct advisor_term *t)
{
	unsigned depth = 0;

	if (!identity_name_is_valid(t->name, strlen(t->name), true)) {
		t->bad_name = true;
		return;
	}
	for (const struct advisor_record *p = r; p != NULL; p = p->parent) {
		t->loop = t->loop || util_eq_nocase(p->domain, t->name);
		depth++;
	}
	t->not_followed = depth > ADVISOR_DEPTH_MAX;
	if (t->loop || t->not_followed)
		return;
	t->record = walk_record(w, r, t->name);
	const struct dns_answer *a = t->record->answer;
	if (a != NULL && a->spf_count == 0 && (a->status == DNS_OK ||
	    a->status == DNS_NODATA))
		ask_what_it_is(w, t);
}

static void
walk_term(struct walk *w, struct advisor_record *r, struct advisor_term *t)
{
	set_name(w, r, t->term == NULL ? r->record->redirect :
	    t->term->domain, t);
	if (t->open || t->bad_name)
		return;
	t->not_followed = w->terms++ >= ADVISOR_TERMS_MAX;
	if (t->not_followed)
		return;
	if (t->term == NULL) {
		follow(w, r, t);
		return;
	}
	switch (t->term->mechanism) {
	case RECORD_INCLUDE:
		follow(w, r, t);
		break;
	case RECORD_A:
	case RECORD_EXISTS:
		ask_a(w, t);
		break;
	case RECORD_MX:
		ask_mx(w, t);
		break;
	case RECORD_PTR:
		t->open = true;
		break;
	case RECORD_ALL:
	case RECORD_IP4:
	case RECORD_IP6:
		break;
	}
}

static void
walk_terms(struct walk *w, struct advisor_record *r)
{
	const struct record *record = r->record;

	r->terms = xcalloc(record->count + 1, sizeof(*r->terms));
	while (r->count < record->count && !r->has_all) {
		struct advisor_term *t = &r->terms[r->count];

		t->term = &record->terms[r->count++];
		r->has_all = t->term->mechanism == RECORD_ALL;
		if (record_term_asks(t->term))
			walk_term(w, r, t);
	}
	if (!r->has_all && record->redirect != NULL)
		walk_term(w, r, &r->terms[r->count++]);
}

/* Of the first record, what can be read of one that is not well formed. */
static void
read_text(struct advisor_record *r, const char *text, size_t len)
{
	struct advice advice = { NULL, 0 };

	r->text = text;
	r->len = len;
	if (r->answer != NULL)
		r->record = r->answer->spf;
	if (r->record == NULL && r->parent == NULL)
		r->record = r->own = advise_record(text, len, &advice);
	r->bad = r->record == NULL;
	for (size_t i = 0; i < advice.count; i++)
		r->bad = r->bad || advice.findings[i].kind == ADVISE_SYNTAX;
	advice_fini(&advice);
}

static struct advisor_record *
new_record(struct advisor_record *parent, const char *domain)
{
	struct advisor_record *r = xcalloc(1, sizeof(*r));

	r->parent = parent;
	util_copy(r->domain, sizeof(r->domain), domain);
	return r;
}

static struct advisor_record *
walk_record(struct walk *w, struct advisor_record *parent, const char *domain)
{
	struct advisor_record *r = new_record(parent, domain);
	const struct dns_answer *a = r->answer = ask(w, domain, DNS_TYPE_TXT);

	r->bad = true;
	for (size_t i = 0; a != NULL && a->spf_count == 1 && i < a->count; i++)
		if (record_is_spf(a->rr[i].data, a->rr[i].len))
			read_text(r, a->rr[i].data, a->rr[i].len);
	if (r->record != NULL)
		walk_terms(w, r);
	return r;
}

static struct advisor_record *
walk_root(struct walk *w, const struct advisor *a)
{
	if (a->given == NULL)
		return walk_record(w, NULL, a->domain);
	struct advisor_record *r = new_record(NULL, a->domain);
	read_text(r, a->given, strlen(a->given));
	if (r->record != NULL)
		walk_terms(w, r);
	return r;
}

/* Only after a fail, so of the record that ends the redirects. */
static void
ask_exp(struct walk *w, struct advisor *a)
{
	const struct advisor_record *last = advisor_last(a);
	struct advisor_term t = { .open = false };

	if (last->record == NULL || last->record->exp == NULL)
		return;
	set_name(w, last, last->record->exp, &t);
	if (t.open || t.bad_name)
		return;
	memcpy(a->exp_name, t.name, sizeof(a->exp_name));
	a->exp = ask(w, t.name, DNS_TYPE_TXT);
}

static void
ask_domain(struct walk *w, struct advisor *a)
{
	if (a->domain[0] == '\0')
		return;
	a->mx = ask(w, a->domain, DNS_TYPE_MX);
	ask_host(w, a->domain, &a->host);
	if (a->given == NULL)
		a->spf = ask(w, a->domain, DNS_TYPE_SPF);
}

const struct advisor_record *
advisor_last(const struct advisor *a)
{
	const struct advisor_record *r = a->root;

	while (r->count > 0 && r->terms[r->count - 1].term == NULL &&
	    r->terms[r->count - 1].record != NULL)
		r = r->terms[r->count - 1].record;
	return r;
}

char *
advisor_term_text(const struct advisor_record *r,
    const struct advisor_term *t)
{
	return t->term == NULL ? xasprintf("redirect=%s", t->name) :
	    xstrndup(r->text + t->term->offset, t->term->len);
}

static void
free_host(struct advisor_host *h)
{
	for (int i = 0; i < ADVISOR_FAMILIES; i++) {
		dns_answer_release(h->addresses[i]);
		h->addresses[i] = NULL;
	}
}

static void
free_record(struct advisor_record *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		struct advisor_term *t = &r->terms[i];

		free_record(t->record);
		dns_answer_release(t->mx);
		for (size_t j = 0; j < t->host_count; j++)
			free_host(&t->hosts[j]);
		free(t->hosts);
	}
	free(r->terms);
	record_free(r->own);
	dns_answer_release(r->answer);
	advice_fini(&r->advice);
	free(r);
}

/* What a run has built. */
static void
forget(struct advisor *a)
{
	free_record(a->root);
	a->root = NULL;
	free_host(&a->host);
	dns_answer_release(a->mx);
	dns_answer_release(a->spf);
	dns_answer_release(a->exp);
	a->mx = a->spf = a->exp = NULL;
}

bool
advisor_walk(struct dns_view *view, void *advisor)
{
	struct advisor *a = advisor;
	struct walk w = { .view = view, .advisor = a };

	forget(a);
	a->root = walk_root(&w, a);
	ask_exp(&w, a);
	ask_domain(&w, a);
	return !w.pending;
}

void
advisor_fini(void *advisor)
{
	struct advisor *a = advisor;

	forget(a);
	for (int i = 0; i < ADVISOR_FAMILIES; i++)
		addr_ranges_fini(&a->pass[i]);
	free(a->given);
	free(a->better);
	free(a->flat);
}
