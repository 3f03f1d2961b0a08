/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record check as text for terminals of 80 columns: the record, what was
 * found with the place under the text, what the lookups are for, who passes,
 * and better records.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "spf/compose.h"
#include "tool/advisor_priv.h"
#include "tool/terminal.h"

#define INDENT 4
#define BEFORE 24		/* columns of the text before a place */
#define EXCERPT (TERMINAL_COLUMNS - INDENT - 8)
#define NETWORKS_SHOWN 40

static const enum terminal_style styles[] = {
	[ADVISE_NOTE] = TERMINAL_BOLD,
	[ADVISE_WARNING] = TERMINAL_YELLOW,
	[ADVISE_ERROR] = TERMINAL_RED,
};

static void
put_heading(const struct terminal *t, const char *text)
{
	fputc('\n', t->out);
	terminal_set_style(t, TERMINAL_BOLD);
	fputs(text, t->out);
	terminal_set_style(t, TERMINAL_PLAIN);
}

static void
put_indented(const struct terminal *t, const char *text)
{
	fprintf(t->out, "%*s", INDENT, "");
	terminal_put_lines(t, INDENT, INDENT, "", text);
}

/* Excerpts have a column an octet, or four. */
static unsigned
columns(char c)
{
	return util_is_print(c) ? 1 : 4;
}

/* Where to begin so that not much stands before offset: behind a blank. */
static size_t
excerpt_start(const char *text, size_t offset)
{
	if (offset <= BEFORE)
		return 0;
	for (size_t i = offset - BEFORE; i < offset; i++)
		if (text[i] == ' ')
			return i + 1;
	return offset - BEFORE;
}

static void
put_octet(const struct terminal *t, char c)
{
	if (util_is_print(c))
		fputc(c, t->out);
	else
		fprintf(t->out, "\\x%02x", (unsigned char)c);
}

/* The text around a place, and marks under it. */
static void
put_place(const struct terminal *t, const char *text, size_t len,
    const struct advise_finding *f)
{
	size_t start = excerpt_start(text, f->offset);
	unsigned shown = 0;
	unsigned before = 0;
	unsigned marked = 0;
	size_t i = start;

	fprintf(t->out, "%*s%s", INDENT, "", start > 0 ? "... " : "");
	for (; i < len && shown < EXCERPT; i++) {
		unsigned n = columns(text[i]);

		put_octet(t, text[i]);
		shown += n;
		before += i < f->offset ? n : 0;
		marked += i >= f->offset && i < f->offset + f->len ? n : 0;
	}
	fprintf(t->out, "%s\n%*s", i < len ? " ..." : "",
	    (int)(INDENT + (start > 0 ? 4 : 0) + before), "");
	terminal_set_style(t, styles[advise_severity(f->kind)]);
	for (unsigned n = 0; n < marked; n++)
		fputc(n == 0 ? '^' : '~', t->out);
	terminal_set_style(t, TERMINAL_PLAIN);
	fputc('\n', t->out);
}

static void
put_finding(const struct terminal *t, const char *text, size_t len,
    const struct advise_finding *f)
{
	enum advise_severity severity = advise_severity(f->kind);
	const char *word = advise_severity_name(severity);
	const char *name = advise_name(f->kind);

	terminal_set_style(t, styles[severity]);
	fprintf(t->out, "%s", word);
	terminal_set_style(t, TERMINAL_PLAIN);
	fprintf(t->out, " %s: ", name);
	terminal_put_lines(t, (unsigned)(strlen(word) + strlen(name) + 3),
	    INDENT, "", f->text);
	if (f->len > 0)
		put_place(t, text, len, f);
}

static void
put_advice(const struct terminal *t, const struct advice *advice,
    const char *text, size_t len)
{
	for (size_t i = 0; i < advice->count; i++)
		put_finding(t, text, len, &advice->findings[i]);
}

static void
put_findings(const struct terminal *t, const struct advisor_record *r)
{
	if (r->advice.count > 0) {
		fputc('\n', t->out);
		if (r->parent != NULL) {
			fputs("In the record of ", t->out);
			terminal_put_text(t->out, r->domain);
			fputs(":\n", t->out);
		}
		put_advice(t, &r->advice, r->text, r->len);
	}
	for (size_t i = 0; i < r->count; i++)
		if (r->terms[i].record != NULL)
			put_findings(t, r->terms[i].record);
}

/* What each term costs, and in it each of its record. */
static void
put_costs(const struct terminal *t, const struct advisor_record *r,
    unsigned depth)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct advisor_term *term = &r->terms[i];
		unsigned indent = INDENT + 2 * depth;

		if (term->lookups == 0)
			continue;
		fprintf(t->out, "%*s%3u  ", (int)indent, "", term->lookups);
		char *text = advisor_term_text(r, term);
		terminal_put_lines(t, indent + 5, indent + 5, "", text);
		free(text);
		if (term->record != NULL)
			put_costs(t, term->record, depth + 1);
	}
}

static void
put_lookups(const struct terminal *t, const struct advisor *a)
{
	put_heading(t, "Lookups: ");
	fprintf(t->out, "%u of %d", a->lookups, ADVISOR_LOOKUPS);
	if (a->voids[ADVISOR_V4] + a->voids[ADVISOR_V6] > 0)
		fprintf(t->out, "; void %u of %d, for clients with IPv6 %u",
		    a->voids[ADVISOR_V4], ADVISOR_VOIDS,
		    a->voids[ADVISOR_V6]);
	fputc('\n', t->out);
	put_costs(t, a->root, 0);
}

/* At most shown networks. */
static void
put_networks(const struct terminal *t, const struct addr_ranges *s,
    size_t shown)
{
	struct addr_prefix *p;
	size_t count = addr_ranges_prefixes(s, &p);
	size_t size = (shown < count ? shown : count) *
	    (ADDR_PREFIX_TEXT_SIZE + 1) + 64;
	char *storage = xcalloc(size, 1);
	char text[ADDR_PREFIX_TEXT_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, storage, size);
	for (size_t i = 0; i < count && i < shown; i++)
		sbuf_fmt(&sb, "%s%s", i > 0 ? " " : "",
		    addr_prefix_format(&p[i], text));
	if (count > shown)
		sbuf_fmt(&sb, " and %zu more (-v)", count - shown);
	put_indented(t, storage);
	free(storage);
	free(p);
}

static void
put_passing(const struct terminal *t, const struct advisor *a, bool verbose)
{
	static const char *const names[] = {
		[ADVISOR_V4] = "IPv4", [ADVISOR_V6] = "IPv6"
	};
	char number[ADDR_COUNT_SIZE];

	put_heading(t, "Addresses that pass:");
	for (int i = 0; i < ADVISOR_FAMILIES; i++)
		fprintf(t->out, "%s %s %s", i > 0 ? "," : "", names[i],
		    addr_ranges_count(&a->pass[i], number));
	fputc('\n', t->out);
	for (int i = 0; i < ADVISOR_FAMILIES; i++)
		if (a->pass[i].count > 0)
			put_networks(t, &a->pass[i],
			    verbose ? SIZE_MAX / 256 : NETWORKS_SHOWN);
}

/* To be copied, so not broken; and as a name server takes it. */
static void
put_record(const struct terminal *t, const char *record)
{
	size_t n = compose_string(record);

	fprintf(t->out, "%*s%s\n", INDENT, "", record);
	if (record[n] == '\0')
		return;
	put_indented(t, "as strings of a TXT record:");
	for (; *record != '\0'; record += n) {
		n = compose_string(record);
		fprintf(t->out, "%*s\"%.*s\"\n", INDENT, "", (int)n, record);
	}
}

/* A better way of saying what should not be said. */
static bool
lets_everybody(const struct advisor *a)
{
	for (size_t i = 0; i < a->root->advice.count; i++)
		if (a->root->advice.findings[i].kind == ADVISE_EVERYONE)
			return true;
	return false;
}

static void
put_better(const struct terminal *t, const struct advisor *a, bool verbose)
{
	bool faults = a->severities[ADVISE_ERROR] > 0 ||
	    a->severities[ADVISE_WARNING] > 0;

	if (faults && a->better != NULL &&
	    strcmp(a->better, a->root->text) != 0) {
		put_heading(t, "Corrected:\n");
		put_record(t, a->better);
		if (lets_everybody(a))
			put_indented(t, "Everybody still passes: only you "
			    "know who should.");
	}
	if (a->flat == NULL || (!verbose && a->lookups <= ADVISOR_LOOKUPS))
		return;
	put_heading(t, "With fewer lookups: ");
	fprintf(t->out, "%u\n", a->flat_lookups);
	put_record(t, a->flat);
	if (strlen(a->flat) > ADVISE_LONG_TEXT)
		put_indented(t, "Its answer does not fit a DNS packet of 512 "
		    "octets, so it needs EDNS or TCP.");
	put_indented(t, "These are the addresses of today. Who publishes them "
	    "has to look after them: when a provider changes its own the "
	    "record has to follow, or mail is lost.");
}

static void
put_name(const struct terminal *t, const char *domain)
{
	char text[4 * IDENTITY_NAME_MAX + 1];

	terminal_put_text(t->out, domain);
	if (identity_name_to_unicode(domain, text))
		fprintf(t->out, " (%s)", text);
}

static void
put_sum(const struct terminal *t, const unsigned severities[3])
{
	enum advise_severity worst = ADVISE_ERROR;

	while (worst > ADVISE_NOTE && severities[worst] == 0)
		worst--;
	fputc('\n', t->out);
	terminal_set_style(t, worst == ADVISE_NOTE ? TERMINAL_GREEN :
	    styles[worst]);
	fprintf(t->out, "=> errors %u, warnings %u, notes %u\n",
	    severities[ADVISE_ERROR], severities[ADVISE_WARNING],
	    severities[ADVISE_NOTE]);
	terminal_set_style(t, TERMINAL_PLAIN);
}

void
advisor_print_text(const struct advisor *a, bool verbose, FILE *out)
{
	struct terminal t = terminal_open(out);

	terminal_set_style(&t, TERMINAL_BOLD);
	put_name(&t, a->domain[0] != '\0' ? a->domain : "The record");
	terminal_set_style(&t, TERMINAL_PLAIN);
	fputc('\n', out);
	if (a->root->text != NULL)
		put_indented(&t, a->root->text);
	put_findings(&t, a->root);
	if (a->root->text != NULL) {
		put_lookups(&t, a);
		put_passing(&t, a, verbose);
		put_better(&t, a, verbose);
	}
	put_sum(&t, a->severities);
}

void
advisor_print_written(const char *record, const struct advice *advice,
    FILE *out)
{
	struct terminal t = terminal_open(out);

	put_record(&t, record);
	if (advice->count > 0)
		fputc('\n', out);
	put_advice(&t, advice, record, strlen(record));
}
