/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What else speaks for a message that is to be refused.
 *
 * Both ways rest on the From field, and on what strangers cannot have made.
 * Of the Authentication-Results of a server that is named, the topmost is that
 * of the filter before us, which removes all others and writes one always; a
 * field below a Received field has come with the message in any case.
 *
 * OpenDKIM 2.11 undoes the quoted-printable of a signature's identity (i=) and
 * writes what comes out into its results as it is, semicolons included: one
 * bad signature is then a pass of any domain for whoever reads the field.  So
 * a message with such an identity has no signatures here.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "base/util.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "dns/flight.h"
#include "mail/spare.h"
#include "policy/authres.h"
#include "policy/dmarc.h"
#include "policy/from.h"
#include "policy/suffixes.h"

#define RESULTS_MAX 16384	/* octets of a field; longer says nothing */
#define QUERY_SIZE (sizeof("_dmarc.") + IDENTITY_NAME_MAX)

struct spare {
	const struct conf *conf;
	enum from_status from;
	char		 author[IDENTITY_NAME_MAX + 1];
	const char	*server;	/* of results */
	char		*results;	/* the topmost; NULL: none */
	bool		 below;		/* a Received field has come */
	bool		 doubtful;	/* what is said of signatures */
	struct flight	*flight;	/* NULL: the DNS is not asked */
};

bool
spare_wanted(const struct conf *c)
{
	return c->unless_dkim_pass || c->leave_to_dmarc;
}

struct spare *
spare_new(const struct conf *conf)
{
	struct spare *s = xcalloc(1, sizeof(*s));

	s->conf = conf;
	return s;
}

void
spare_free(struct spare *s)
{
	if (s == NULL)
		return;
	flight_release(s->flight);
	free(s->results);
	free(s);
}

/* Fields. */

static void
see_from(struct spare *s, const char *value)
{
	s->from = s->from == FROM_NONE ? from_parse(value, s->author)
	    : FROM_SEVERAL;
}

static void
see_results(struct spare *s, const char *value)
{
	const struct conf_texts *servers = &s->conf->dkim_results_from;

	for (size_t i = 0; i < servers->count && s->server == NULL; i++)
		if (authres_claims_id(value, servers->list[i]))
			s->server = servers->list[i];
	if (s->server != NULL && strlen(value) <= RESULTS_MAX)
		s->results = xstrdup(value);
}

/* Is an octet of i= encoded, in a list of tags (RFC 6376 s3.2)? */
static bool
has_encoded_identity(const char *tags)
{
	while (*tags != '\0') {
		size_t len = strcspn(tags, ";");
		const char *name = tags + strspn(tags, " \t\r\n");
		const char *value = memchr(tags, '=', len);

		if (value != NULL && util_lower(*name) == 'i' &&
		    name + 1 + strspn(name + 1, " \t\r\n") == value &&
		    memchr(value + 1, '=', len - (size_t)(value + 1 - tags)))
			return true;
		tags += len + (tags[len] == ';');
	}
	return false;
}

void
spare_see_field(struct spare *s, const char *name, const char *value)
{
	if (util_eq_nocase(name, "From"))
		see_from(s, value);
	else if (util_eq_nocase(name, "Received"))
		s->below = true;
	else if (util_eq_nocase(name, "DKIM-Signature"))
		s->doubtful |= has_encoded_identity(value);
	else if (!s->below && s->server == NULL &&
	    util_eq_nocase(name, "Authentication-Results"))
		see_results(s, value);
}

const char *
spare_author(const struct spare *s)
{
	return s->author;
}

/* Signatures. */

static bool
is_aligned(const char *domain, void *arg)
{
	const struct spare *s = arg;

	return dmarc_is_aligned(s->conf->suffixes, domain, s->author);
}

static bool
is_signed(struct spare *s)
{
	return s->conf->unless_dkim_pass && s->from == FROM_ONE &&
	    s->results != NULL && !s->doubtful &&
	    authres_dkim_passes(s->results, s->server, is_aligned, s);
}

/* The policy of the author's domain. */

struct question {
	char	names[2][QUERY_SIZE];	/* the second may be "" */
	bool	published;
};

/* RFC 7489 s6.6.3: more records than one are none. */
static bool
has_one_record(const struct dns_answer *a)
{
	size_t count = 0;

	for (size_t i = 0; i < a->count; i++)
		count += dmarc_is_record(a->rr[i].data, a->rr[i].len);
	return count == 1;
}

static bool
question_run(struct dns_view *v, void *arg)
{
	struct question *q = arg;

	for (size_t i = 0; i < 2 && q->names[i][0] != '\0'; i++) {
		const struct dns_answer *a;
		enum dns_status status = dns_query(v, q->names[i],
		    DNS_TYPE_TXT, &a);

		if (status == DNS_PENDING)
			return false;
		if (status == DNS_OK && has_one_record(a))
			q->published = true;
		if (q->published || status == DNS_TEMPERROR)
			break;
	}
	return true;
}

static void
question_fini(void *arg)
{
	(void)arg;
}

void
spare_begin(struct spare *s, struct flights *fs,
    const struct dns_client *client)
{
	static const struct flight_job job = {
		.size = sizeof(struct question),
		.max_queries = 2,
		.run = question_run, .fini = question_fini,
		.time = STATS_LOOKUP_TIME
	};

	if (s->flight != NULL || !s->conf->leave_to_dmarc ||
	    s->from != FROM_ONE || is_signed(s))
		return;
	s->flight = flight_new(fs, &job, 0);

	struct question *q = flight_arg(s->flight);
	const char *organization = suffixes_organization(s->conf->suffixes,
	    s->author);
	struct sbuf sb;

	sbuf_init(&sb, q->names[0], QUERY_SIZE);
	sbuf_fmt(&sb, "_dmarc.%s", s->author);
	sbuf_init(&sb, q->names[1], QUERY_SIZE);
	if (strcmp(organization, s->author) != 0)
		sbuf_fmt(&sb, "_dmarc.%s", organization);
	flight_start(s->flight, client,
	    util_now_ms() + s->conf->dns_timeout_ms);
}

static bool
is_left_to_dmarc(struct spare *s, int64_t until_ms)
{
	if (s->flight == NULL ||
	    flight_collect(s->flight, until_ms) != FLIGHT_DONE)
		return false;
	return ((const struct question *)flight_arg(s->flight))->published;
}

enum decision_reason
spare_find(struct spare *s, int64_t until_ms)
{
	if (is_signed(s))
		return DECISION_SIGNED;
	return is_left_to_dmarc(s, until_ms) ? DECISION_DMARC
	    : DECISION_RESULT;
}
