/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole evaluation in a DNS of any content.  The input is a line with the
 * client's address, the HELO name and the sender, and a zone text behind it.
 * The verdict must hold together, with a policy and a guess of ours, too, and
 * a second run that knows all answers must come to the same.
 */

#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/result.h"
#include "base/util.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"
#include "eval/eval.h"
#include "eval/trace.h"
#include "fake_dns.h"
#include "spf/identity.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_LOOKUPS 10
#define MAX_VOIDS 2

static void
check_verdict(const struct eval_verdict *v)
{
	const bool evaluated = v->result == RESULT_PASS ||
	    v->result == RESULT_FAIL || v->result == RESULT_SOFTFAIL ||
	    v->result == RESULT_NEUTRAL;

	assert(result_name(v->result) != NULL);
	assert((v->problem[0] == '\0') == evaluated);
	assert((v->mechanism[0] != '\0') == evaluated);
	assert(!evaluated || v->published == RESULT_NONE ||
	    strncmp(v->record, "v=spf1", 6) == 0 ||
	    (v->record[0] | 0x20) == 'v');
	assert(strncmp(v->problem, "internal error", 14) != 0);
	assert(v->lookups <= MAX_LOOKUPS && v->voids <= MAX_VOIDS + 1);
	assert((v->void_terms[0] != '\0') == (v->voids > 0));
	assert(strlen(v->void_terms) <= EVAL_VOIDS_MAX);
	assert(v->queries <= EVAL_MAX_QUERIES);
	assert(v->explanation[0] == '\0' || v->result == RESULT_FAIL);
	for (const char *p = v->explanation; *p != '\0'; p++)
		assert(util_is_print(*p));
	assert(!v->bogus || v->result == RESULT_TEMPERROR);
}

static void
check_same(const struct eval_verdict *a, const struct eval_verdict *b)
{
	assert(a->result == b->result);
	assert(a->lookups == b->lookups && a->voids == b->voids);
	assert(a->queries == b->queries);
	assert(strcmp(a->mechanism, b->mechanism) == 0);
	assert(strcmp(a->problem, b->problem) == 0);
	assert(strcmp(a->void_terms, b->void_terms) == 0);
	assert(strcmp(a->record, b->record) == 0);
	assert(strcmp(a->record_domain, b->record_domain) == 0);
	assert(strcmp(a->explanation, b->explanation) == 0);
}

/* The trace, which finds matches by itself, comes to the same result. */
static void
check_trace(const struct eval_verdict *v)
{
	const struct trace *t = v->trace;

	assert(t->count > 0 && t->entries[0].kind == TRACE_RECORD);
	enum result r = t->entries[0].result;
	if (v->problem[0] == '\0')
		assert(r == v->published);
	else
		assert(r == (v->source == SOURCE_RECORD ? RESULT_NONE :
		    v->published));
	for (size_t i = 1; i < t->count; i++)
		assert(t->entries[i].parent < i ||
		    t->entries[i].whose != SOURCE_RECORD);
}

static void
evaluate(struct dns *dns, const struct eval_request *r)
{
	struct eval_verdict v;
	struct eval_verdict again;
	unsigned waits = 0;
	struct dns_view *view = dns_view_new(dns, NULL,
	    util_now_ms() + 600000, EVAL_MAX_QUERIES);

	while (!eval_run(view, r, &v)) {
		fake_dns_wait(view);
		assert(++waits <= EVAL_MAX_QUERIES);
	}
	check_verdict(&v);
	check_trace(&v);
	bool done = eval_run(view, r, &again);
	assert(done);
	check_same(&v, &again);
	eval_verdict_fini(&again);
	eval_verdict_fini(&v);
	dns_view_free(view);
}

/* Cuts a word off *rest. */
static char *
next_word(char **rest)
{
	char *word = *rest;
	char *end = strchr(word, ' ');

	*rest = end == NULL ? word + strlen(word) : end + 1;
	if (end != NULL)
		*end = '\0';
	return word;
}

/* Every input is evaluated with records of ours, and without. */
static void
evaluate_both(struct dns *dns, struct eval_request *r)
{
	static const char policy[] = "v=spf1 include:example.com a/8";
	static const char guess[] = "v=spf1 mx/24 ptr ?all";
	struct record_error e;

	evaluate(dns, r);
	r->local_policy = record_parse(policy, strlen(policy), &e);
	r->best_guess = record_parse(guess, strlen(guess), &e);
	r->wide_open_prefix = 8;
	(void)addr_parse(&r->self_test, "203.0.113.1");
	evaluate(dns, r);
	record_free(r->local_policy);
	record_free(r->best_guess);
}

static void
evaluate_line(struct dns *dns, char *line)
{
	const char *ip = next_word(&line);
	const char *helo = next_word(&line);
	struct identity helo_id = { 0 };
	struct identity mail_id = { 0 };
	struct eval_request r = {
		.scope = SCOPE_MAILFROM,
		.helo = helo,
		.receiver = "mx.example.org",
		.time_s = 1234567890,
		.max_lookups = MAX_LOOKUPS,
		.max_void_lookups = MAX_VOIDS,
		.want_explanation = true,
		.want_trace = true
	};

	if (!addr_parse(&r.client, ip))
		(void)addr_parse(&r.client, "192.0.2.1");
	identity_from_helo(&helo_id, helo);
	identity_from_mail(&mail_id, line, &helo_id);
	r.local = mail_id.local;
	r.domain = mail_id.status == IDENTITY_OK ? mail_id.lookup :
	    "example.com";
	evaluate_both(dns, &r);
	identity_fini(&mail_id);
	identity_fini(&helo_id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct dns_options o = { .query_timeout_ms = 1 };
	struct diag d;

	if (!ready)
		eval_init();
	ready = true;
	char *input = malloc(size + 1);
	assert(input != NULL);
	if (size > 0)
		memcpy(input, data, size);
	input[size] = '\0';
	char *zone = strchr(input, '\n');
	if (zone != NULL)
		*zone++ = '\0';
	diag_init(&d);
	struct dns_backend *b = fake_zone_new(zone == NULL ? "" : zone,
	    &d);
	if (b != NULL) {
		struct dns *dns = dns_new_backend(b, &o);

		assert(dns != NULL);
		evaluate_line(dns, input);
		dns_free(dns);
	}
	diag_fini(&d);
	free(input);
	return 0;
}
