/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record check as JSON: one object a line, ASCII, with these keys:
 *	version		of this form: 1; keys may be added to it
 *	domain		A-labels, null where none was given
 *	domain_unicode	the same with U-labels, null where there is none
 *	record		null where there is none
 *	findings	array, in the order of the text output:
 *	    name	stable, see spf-milter(8)
 *	    severity	error warning note
 *	    domain	whose record it is about, null for one that was given
 *	    offset, length	octets of that record; 0 and 0: the whole
 *	    text	for people
 *	lookups, lookups_allowed	numbers
 *	void_lookups	numbers ip4 and ip6, of clients of that family
 *	terms		array of what asks the DNS:
 *	    term	as published
 *	    name	asked for, null where it depends on the message
 *	    lookups	with those of its record
 *	    record, terms	of an include or redirect, else null
 *	pass		ip4 and ip6, each with
 *	    addresses	their number in decimal, a string
 *	    networks	array, merged
 *	corrected	a better record, null where it cannot be told
 *	without_lookups	null where there is none, else
 *	    record
 *	    lookups	that are left
 *	    strings	array: as a TXT record
 * Of a record that is generated there are version, record, strings and
 * findings.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "spf/compose.h"
#include "tool/advisor_priv.h"
#include "tool/json_out.h"

#define VERSION_OF_FORM 1

static const char *const families[] = {
	[ADVISOR_V4] = "ip4", [ADVISOR_V6] = "ip6"
};

static void
add_finding(json_t *list, const struct advise_finding *f, const char *domain)
{
	json_t *object = json_object();

	json_out_set_text(object, "name", advise_name(f->kind));
	json_out_set_text(object, "severity",
	    advise_severity_name(advise_severity(f->kind)));
	json_out_set_found(object, "domain", domain);
	json_out_set(object, "offset", json_integer((json_int_t)f->offset));
	json_out_set(object, "length", json_integer((json_int_t)f->len));
	json_out_set_text(object, "text", f->text);
	json_array_append_new(list, object);
}

static void
add_findings(json_t *list, const struct advisor_record *r)
{
	for (size_t i = 0; i < r->advice.count; i++)
		add_finding(list, &r->advice.findings[i], r->domain);
	for (size_t i = 0; i < r->count; i++)
		if (r->terms[i].record != NULL)
			add_findings(list, r->terms[i].record);
}

static json_t *
json_terms(const struct advisor_record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct advisor_term *t = &r->terms[i];

		if (t->lookups == 0)
			continue;
		json_t *object = json_object();
		char *text = advisor_term_text(r, t);

		json_out_set_text(object, "term", text);
		json_out_set_found(object, "name", t->name);
		json_out_set(object, "lookups", json_integer(t->lookups));
		json_out_set_text(object, "record",
		    t->record != NULL ? t->record->text : NULL);
		json_out_set(object, "terms", t->record != NULL ?
		    json_terms(t->record) : json_null());
		json_array_append_new(list, object);
		free(text);
	}
	return list;
}

static json_t *
json_networks(const struct addr_ranges *s)
{
	char number[ADDR_COUNT_SIZE];
	char text[ADDR_PREFIX_TEXT_SIZE];
	json_t *object = json_object();
	json_t *list = json_array();
	struct addr_prefix *p;
	size_t count = addr_ranges_prefixes(s, &p);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
		    json_out_text(addr_prefix_format(&p[i], text)));
	free(p);
	json_out_set_text(object, "addresses", addr_ranges_count(s, number));
	json_out_set(object, "networks", list);
	return object;
}

static json_t *
json_strings(const char *record)
{
	json_t *list = json_array();

	while (*record != '\0') {
		size_t n = compose_string(record);
		char *text = xstrndup(record, n);

		json_array_append_new(list, json_out_text(text));
		free(text);
		record += n;
	}
	return list;
}

static json_t *
json_flat(const struct advisor *a)
{
	if (a->flat == NULL)
		return json_null();

	json_t *object = json_object();

	json_out_set_text(object, "record", a->flat);
	json_out_set(object, "lookups", json_integer(a->flat_lookups));
	json_out_set(object, "strings", json_strings(a->flat));
	return object;
}

static void
set_domain(json_t *object, const struct advisor *a)
{
	char text[4 * IDENTITY_NAME_MAX + 1];

	json_out_set_found(object, "domain", a->domain);
	json_out_set_text(object, "domain_unicode",
	    identity_name_to_unicode(a->domain, text) ? text : NULL);
}

void
advisor_print_json(const struct advisor *a, FILE *out)
{
	json_t *object = json_out_object();
	json_t *findings = json_array();
	json_t *voids = json_object();
	json_t *pass = json_object();

	add_findings(findings, a->root);
	for (int i = 0; i < ADVISOR_FAMILIES; i++) {
		json_out_set(voids, families[i], json_integer(a->voids[i]));
		json_out_set(pass, families[i], json_networks(&a->pass[i]));
	}
	json_out_set(object, "version", json_integer(VERSION_OF_FORM));
	set_domain(object, a);
	json_out_set_text(object, "record", a->root->text);
	json_out_set(object, "findings", findings);
	json_out_set(object, "lookups", json_integer(a->lookups));
	json_out_set(object, "lookups_allowed", json_integer(ADVISOR_LOOKUPS));
	json_out_set(object, "void_lookups", voids);
	json_out_set(object, "terms", json_terms(a->root));
	json_out_set(object, "pass", pass);
	json_out_set_text(object, "corrected", a->better);
	json_out_set(object, "without_lookups", json_flat(a));
	json_out_print(object, out);
}

void
advisor_print_written_json(const char *record, const struct advice *advice,
    FILE *out)
{
	json_t *object = json_out_object();
	json_t *findings = json_array();

	for (size_t i = 0; i < advice->count; i++)
		add_finding(findings, &advice->findings[i], "");
	json_out_set(object, "version", json_integer(VERSION_OF_FORM));
	json_out_set_text(object, "record", record);
	json_out_set(object, "strings", json_strings(record));
	json_out_set(object, "findings", findings);
	json_out_print(object, out);
}
