/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF terms of the operator's own, by the parser of published records.
 *
 * Modifiers have no place in either option: nothing follows a guess, an
 * explanation would be put into a publisher's mouth, and one that is unknown,
 * which a record may have, is a slip here.  An "all" in the local policy would
 * take the place of every domain's own.
 */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "conf/conf_priv.h"
#include "spf/record.h"

#define TERM_SHOWN 60

/* at: octets of record->text that are not the operator's. */
static const char *
problem_of(const char *text, const struct record_error *e, size_t at)
{
	static char problem[CONF_PROBLEM_SIZE];	/* one thread reads */

	if (e->term_len == 0)
		return e->message;
	(void)snprintf(problem, sizeof(problem), "%s in \"%.*s%s\" at octet "
	    "%zu", e->message, e->term_len < TERM_SHOWN ? (int)e->term_len :
	    TERM_SHOWN, text + e->term, e->term_len > TERM_SHOWN ? "..." : "",
	    e->offset - at);
	return problem;
}

/* NULL, or what does not belong there. */
static const char *
misplaced(const struct record *r, bool policy)
{
	size_t words = 0;

	for (size_t i = 1; i < r->len; i++)
		if (r->text[i] != ' ' && r->text[i - 1] == ' ')
			words++;
	if (words > r->count)
		return "modifiers (NAME=VALUE) have no place here";
	if (policy && r->count == 0)
		return "there is no term";
	for (size_t i = 0; policy && i < r->count; i++)
		if (r->terms[i].mechanism == RECORD_ALL)
			return "an \"all\" would take the place of that of "
			    "every domain";
	return NULL;
}

static const char *
parse(struct conf_record *out, const char *text, bool policy)
{
	static const char version[] = "v=spf1 ";
	const size_t at = policy ? sizeof(version) - 1 : 0;
	struct record_error error;
	struct record *record = NULL;
	const char *wrong = NULL;
	char *whole = xasprintf("%s%s", policy ? version : "", text);

	if (text[0] != '\0') {
		record = record_parse(whole, strlen(whole), &error);
		wrong = record == NULL ? problem_of(whole, &error, at) :
		    misplaced(record, policy);
	}
	free(whole);
	if (wrong != NULL) {
		record_free(record);
		return wrong;
	}
	conf_record_clear(out);
	*out = (struct conf_record){ xstrdup(text), record };
	return NULL;
}

const char *
conf_terms_parse(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return parse(field, text, true);
}

const char *
conf_record_parse(const struct conf_option *o, void *field, const char *text)
{
	(void)o;
	return parse(field, text, false);
}

void
conf_record_clear(void *field)
{
	struct conf_record *r = field;

	free(r->text);
	record_free(r->record);
	*r = (struct conf_record){ NULL, NULL };
}
