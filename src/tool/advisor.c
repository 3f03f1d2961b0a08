/* SPDX-License-Identifier: BSD-2-Clause */
/* A record check from request to status, and records of parts. */

#include "config.h"

#include "tool/advisor.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/util.h"
#include "dns/flight.h"
#include "spf/compose.h"
#include "spf/record.h"
#include "tool/advisor_priv.h"

#define TIME_MS 30000

static enum advisor_status
status_of(const unsigned severities[3])
{
	return severities[ADVISE_ERROR] > 0 ? ADVISOR_ERRORS :
	    severities[ADVISE_WARNING] > 0 ? ADVISOR_WARNINGS :
	    ADVISOR_CLEAN;
}

/* A-labels, without a dot at the end. */
static bool
read_domain(const char *text, char out[IDENTITY_NAME_MAX + 1])
{
	if (!identity_name_to_ascii(text, out))
		return false;
	size_t len = strlen(out);
	if (len > 0 && out[len - 1] == '.')
		out[--len] = '\0';
	return identity_name_is_valid(out, len, true);
}

static enum advisor_status
print(struct advisor *a, const struct advisor_request *r, FILE *out)
{
	advisor_find(a);
	if (r->json)
		advisor_print_json(a, out);
	else
		advisor_print_text(a, r->verbose, out);
	fflush(out);
	return status_of(a->severities);
}

enum advisor_status
advisor_check(struct flights *fs, const struct advisor_request *r, FILE *out)
{
	static const struct flight_job job = {
		.size = sizeof(struct advisor),
		.max_queries = ADVISOR_QUERIES_MAX,
		.run = advisor_walk,
		.fini = advisor_fini,
		.time = STATS_LOOKUP_TIME
	};
	int64_t deadline_ms = util_now_ms() + TIME_MS;
	enum advisor_status status = ADVISOR_NO_ANSWER;
	char domain[IDENTITY_NAME_MAX + 1] = "";

	if (r->domain != NULL && !read_domain(r->domain, domain)) {
		fprintf(stderr, "spf-milter: not a domain name: %s\n",
		    r->domain);
		return ADVISOR_BAD_OPTION;
	}
	struct flight *f = flight_new(fs, &job, 0);
	struct advisor *a = flight_arg(f);
	memcpy(a->domain, domain, sizeof(a->domain));
	if (r->record != NULL)
		a->given = xstrdup(r->record);
	if (flight_start(f, NULL, deadline_ms) &&
	    flight_collect(f, deadline_ms) == FLIGHT_DONE)
		status = print(a, r, out);
	else
		fprintf(stderr, "spf-milter: the DNS has not answered in %d "
		    "seconds\n", TIME_MS / 1000);
	(void)flight_release(f);
	return status;
}

/* Writing */

static bool
complain(const struct advisor_part *p, const char *what)
{
	fprintf(stderr, "spf-milter: --%s %s: %s\n", p->option, p->value,
	    what);
	return false;
}

static bool
add_network(struct sbuf *out, const struct advisor_part *p)
{
	char text[ADDR_PREFIX_TEXT_SIZE];
	struct addr_prefix network;

	if (!addr_prefix_parse(&network, p->value) ||
	    strchr(p->value, '[') != NULL)
		return complain(p, "not an address or network such as "
		    "192.0.2.0/24");
	sbuf_fmt(out, " %s:%s", record_network_name(network.addr.family),
	    addr_prefix_format(&network, text));
	return true;
}

/* A name or, with macros, any that the grammar allows. */
static bool
add_name(struct sbuf *out, const struct advisor_part *p, char divider)
{
	char name[IDENTITY_NAME_MAX + 1];
	bool macros = strchr(p->value, '%') != NULL;
	size_t before = out->len;
	struct record_error e;

	if (!macros && !read_domain(p->value, name))
		return complain(p, "not a domain name");
	sbuf_fmt(out, " %s%c%s", p->option, divider,
	    macros ? p->value : name);
	char *text = xasprintf("v=spf1%s", out->data + before);
	struct record *r = record_parse(text, strlen(text), &e);
	bool good = r != NULL && strchr(p->value, ' ') == NULL;
	record_free(r);
	free(text);
	return good || complain(p, r == NULL ? e.message : "has a blank");
}

static bool
add_all(struct sbuf *out, const struct advisor_part *p)
{
	static const char *const words[][2] = {
		{ "pass", "+all" }, { "neutral", "?all" }, { "soft", "~all" },
		{ "fail", "-all" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(p->value, words[i][0]) == 0) {
			sbuf_fmt(out, " %s", words[i][1]);
			return true;
		}
	return complain(p, "fail, soft, neutral or pass");
}

static bool
add_part(struct sbuf *out, const struct advisor_part *p)
{
	if (p->value == NULL)
		sbuf_fmt(out, " %s", p->option);
	else if (strcmp(p->option, "ip") == 0)
		return add_network(out, p);
	else if (strcmp(p->option, "all") == 0)
		return add_all(out, p);
	else
		return add_name(out, p,
		    strcmp(p->option, "redirect") == 0 ? '=' : ':');
	return true;
}

static enum advisor_status
print_written(const char *text, bool json, FILE *out)
{
	char *better = compose_better(text, strlen(text));
	const char *record = better != NULL ? better : text;
	unsigned severities[3] = { 0 };
	struct advice advice = { NULL, 0 };

	record_free(advise_record(record, strlen(record), &advice));
	for (size_t i = 0; i < advice.count; i++)
		severities[advise_severity(advice.findings[i].kind)]++;
	if (json)
		advisor_print_written_json(record, &advice, out);
	else
		advisor_print_written(record, &advice, out);
	fflush(out);
	advice_fini(&advice);
	free(better);
	return status_of(severities);
}

/* Of several ends all but one would be dropped without a word. */
static bool
has_one_end(const struct advisor_part *parts, size_t count)
{
	size_t ends = 0;

	for (size_t i = 0; i < count; i++)
		ends += strcmp(parts[i].option, "all") == 0 ||
		    strcmp(parts[i].option, "redirect") == 0;
	if (ends <= 1)
		return true;
	fputs("spf-milter: a record has one end: --all or --redirect, once\n",
	    stderr);
	return false;
}

enum advisor_status
advisor_generate(const struct advisor_part *parts, size_t count, bool json,
    FILE *out)
{
	char storage[RECORD_TEXT_MAX + 1];
	bool good = has_one_end(parts, count);
	struct sbuf text;

	sbuf_init(&text, storage, sizeof(storage));
	sbuf_str(&text, "v=spf1");
	/* The order of the arguments is not that of a record: all is last. */
	for (int last = 0; last < 2; last++)
		for (size_t i = 0; i < count; i++)
			if ((strcmp(parts[i].option, "all") == 0) == last)
				good &= add_part(&text, &parts[i]);
	if (!sbuf_ok(&text))
		fputs("spf-milter: the record is too long\n", stderr);
	return good && sbuf_ok(&text) ? print_written(storage, json, out) :
	    ADVISOR_BAD_OPTION;
}
