/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the new address goes: before the term that has decided, for the first
 * one that matches counts (RFC 7208 s4.6.2).  A token tells that term but not
 * the record; "all" ends nearly all of them, so it stands at the end there,
 * and any other term is somewhere behind the beginning.
 *
 * A domain without a record gets one that ends in "~all": it has other servers
 * that nobody has told us of, and their mail must not be lost.  The name of
 * one server is that server's alone.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spf/record.h"
#include "why/why_propose.h"

/* "ip4:192.0.2.1" */
static char *
term_for(const struct addr *client)
{
	char text[ADDR_TEXT_SIZE];

	return xasprintf("%s:%s", record_network_name(client->family),
	    addr_format(client, text));
}

static bool
is_all(const char *mechanism)
{
	return mechanism[0] != '\0' && util_eq_nocase(mechanism + 1, "all");
}

static char *
propose_around(const char *reason, const char *term)
{
	if (is_all(reason))
		return xasprintf("v=spf1 \xe2\x80\xa6 %s %s", term, reason);
	if (strcmp(reason, "default") == 0)
		return xasprintf("v=spf1 \xe2\x80\xa6 %s", term);
	return xasprintf("v=spf1 %s \xe2\x80\xa6", term);
}

char *
why_propose(const struct token *t)
{
	char *term = term_for(&t->client);
	char *text = NULL;

	switch (t->result) {
	case RESULT_FAIL:
	case RESULT_SOFTFAIL:
	case RESULT_NEUTRAL:
		text = propose_around(t->reason, term);
		break;
	case RESULT_NONE:
		text = xasprintf("v=spf1 %s %s", term, t->null_sender ||
		    t->scope == SCOPE_HELO ? "-all" : "~all");
		break;
	case RESULT_PASS:
	case RESULT_TEMPERROR:
	case RESULT_PERMERROR:
		text = xstrdup("");
		break;
	}
	free(term);
	return text;
}

/* Where mechanism stands in r, which may leave out a "+"; else its end. */
static size_t
place_of(const struct record *r, const char *mechanism)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *term = r->text + r->terms[i].offset;
		const char *wanted = mechanism;
		size_t len = r->terms[i].len;

		if (*wanted == '+' && *term != '+')
			wanted++;
		if (strlen(wanted) == len && strncmp(term, wanted, len) == 0)
			return r->terms[i].offset;
	}
	return r->len;
}

static char *
insert(const struct record *r, const char *mechanism, const char *term)
{
	size_t place = place_of(r, mechanism);

	if (place < r->len)
		return xasprintf("%.*s%s %s", (int)place, r->text, term,
		    r->text + place);
	return strcmp(mechanism, "default") == 0 ?
	    xasprintf("%s %s", r->text, term) : NULL;
}

/* NULL unless text is a record. */
static char *
checked(char *text)
{
	struct record_error e;
	struct record *r = text == NULL ? NULL :
	    record_parse(text, strlen(text), &e);

	if (r == NULL) {
		free(text);
		text = NULL;
	}
	record_free(r);
	return text;
}

char *
why_propose_record(const char *record, const char *mechanism,
    const struct addr *client)
{
	struct record_error e;
	struct record *r = record_is_spf(record, strlen(record)) ?
	    record_parse(record, strlen(record), &e) : NULL;

	if (r == NULL)
		return NULL;
	char *term = term_for(client);
	char *text = checked(insert(r, mechanism, term));

	free(term);
	record_free(r);
	return text;
}
