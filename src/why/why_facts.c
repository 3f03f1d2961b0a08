/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "why/why_facts.h"
#include "why/why_propose.h"

/* A name that has lost labels, and one with A-labels, are told as such. */
static void
set_domain(struct why_facts *f, const char *name)
{
	char unicode[4 * IDENTITY_NAME_MAX + 1];
	struct sbuf sb;

	sbuf_init(&sb, f->domain, sizeof(f->domain));
	if (name[0] == '.')
		sbuf_str(&sb, "\xe2\x80\xa6");
	if (name[0] != '.' && identity_name_to_unicode(name, unicode))
		sbuf_fmt(&sb, "%s (%s)", unicode, name);
	else
		sbuf_str(&sb, name);
}

static void
set_postmaster(char *out, size_t size, const char *domain)
{
	struct sbuf sb;

	sbuf_init(&sb, out, size);
	sbuf_fmt(&sb, "postmaster@%s", domain[0] == '.' ? domain + 1 : domain);
}

static void
set_times(struct why_facts *f, int64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm utc;
	struct tm local;

	if (gmtime_r(&t, &utc) == NULL || localtime_r(&t, &local) == NULL)
		return;
	strftime(f->utc, sizeof(f->utc), "%Y-%m-%d %H:%M:%S UTC", &utc);
	strftime(f->iso, sizeof(f->iso), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (strftime(f->local, sizeof(f->local), "%Y-%m-%d %H:%M:%S %Z",
	    &local) > 0 && strcmp(f->local, f->utc) == 0)
		f->local[0] = '\0';
}

/* Texts name their values; each is there, whatever there is to tell. */
static void
set_values(struct why_facts *f, const struct token *t, const char *contact)
{
	const struct why_value values[] = {
		{ "client", f->client },
		{ "domain", f->domain },
		{ "receiver", t != NULL ? t->receiver : "" },
		{ "reason", t != NULL ? t->reason : "" },
		{ "time", f->utc },
		{ "postmaster", f->postmaster },
		{ "contact", contact[0] != '\0' ? contact : f->contact },
		{ "proposal", f->proposal },
		{ "days", f->days },
		{ NULL, NULL }
	};

	_Static_assert(sizeof(values) <= sizeof(f->values), "values fit");
	memcpy(f->values, values, sizeof(values));
}

void
why_facts_init(struct why_facts *f, const struct token *t,
    const char *contact, unsigned days)
{
	struct sbuf sb;

	memset(f, 0, sizeof(*f));
	sbuf_init(&sb, f->days, sizeof(f->days));
	sbuf_uint(&sb, days);
	if (t != NULL) {
		addr_format(&t->client, f->client);
		set_domain(f, t->domain);
		set_postmaster(f->postmaster, sizeof(f->postmaster),
		    t->domain);
		set_postmaster(f->contact, sizeof(f->contact), t->receiver);
		set_times(f, t->time_s);
	}
	f->proposal = t != NULL ? why_propose(t) : xstrdup("");
	set_values(f, t, contact);
}

void
why_facts_fini(struct why_facts *f)
{
	free(f->proposal);
}
