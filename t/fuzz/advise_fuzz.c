/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record of any octets, and behind a NUL a zone that it leads into.  Places
 * of findings must be in the text, and better records must be well formed, as
 * good as they get, and have no mistake that they were to correct.
 */

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"
#include "spf/compose.h"
#include "texts.h"
#include "tool/advisor_priv.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_places(const struct advice *a, size_t len)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct advise_finding *f = &a->findings[i];

		assert(f->offset <= len && f->len <= len - f->offset);
		assert(f->text[0] != '\0');
		assert(i == 0 || f->len == 0 ||
		    f->offset >= a->findings[i - 1].offset);
	}
}

static void
check_better(const char *text, size_t len)
{
	char *better = compose_better(text, len);
	struct advice a = { NULL, 0 };

	if (better == NULL)
		return;
	struct record *r = advise_record(better, strlen(better), &a);
	char *again = compose_better(better, strlen(better));
	assert(r != NULL && again != NULL && strcmp(better, again) == 0);
	for (size_t i = 0; i < a.count; i++) {
		enum advise_kind k = a.findings[i].kind;

		assert(k != ADVISE_SYNTAX && k != ADVISE_NO_ALL &&
		    k != ADVISE_AFTER_ALL && k != ADVISE_HOST_BITS &&
		    k != ADVISE_REDIRECT_WITH_ALL && k != ADVISE_CASE &&
		    k != ADVISE_EARLY && k != ADVISE_DUPLICATE &&
		    k != ADVISE_OVERLAP);
	}
	record_free(r);
	advice_fini(&a);
	free(again);
	free(better);
}

static void
check_tree(const struct advisor_record *r)
{
	unsigned lookups = 0;

	check_places(&r->advice, r->len);
	for (size_t i = 0; i < r->count; i++) {
		lookups += r->terms[i].lookups;
		if (r->terms[i].record != NULL)
			check_tree(r->terms[i].record);
	}
	assert(r->lookups == lookups);
}

static void
check_advisor(const char *record, struct dns *dns)
{
	struct advisor a = { .domain = "example.com",
		.given = xstrdup(record) };
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + 600000, ADVISOR_QUERIES_MAX);
	static FILE *out;

	if (out == NULL)
		out = fopen("/dev/null", "w");
	assert(out != NULL);
	while (!advisor_walk(view, &a))
		fake_dns_wait(view);
	advisor_find(&a);
	check_tree(a.root);
	advisor_print_text(&a, true, out);
	advisor_print_json(&a, out);
	advisor_fini(&a);
	dns_view_free(view);
}

static void
walk(const char *record, const char *zone)
{
	static const struct dns_options o = { .query_timeout_ms = 1 };
	struct diag d;

	diag_init(&d);
	struct dns_backend *b = fake_zone_new(zone, &d);
	diag_fini(&d);
	if (b == NULL)
		return;
	struct dns *dns = dns_new_backend(b, &o);
	assert(dns != NULL);
	check_advisor(record, dns);
	dns_free(dns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *texts[2];
	struct advice a = { NULL, 0 };

	record_free(advise_record((const char *)data, size, &a));
	check_places(&a, size);
	advice_fini(&a);
	check_better((const char *)data, size);
	if (size == 0 || memchr(data, '\0', size) == NULL)
		return 0;
	texts_init(texts, 2, data, size);
	walk(texts[0], texts[1]);
	texts_fini(texts, 2);
	return 0;
}
