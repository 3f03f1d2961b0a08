/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenMetrics is stricter than the old format: a counter is described without
 * its _total, a unit is told, and the text has an end.  Bounds of buckets are
 * written as OpenMetrics wants them, 1.0, in both: a scraper that is given
 * another format later goes on with the same series.
 */

#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/exposition.h"

#define OPEN_TYPE "application/openmetrics-text"
#define MICRO 1000000

/* Weights as q=0 are not looked at: who names it can read it. */
static bool
accepts_open(const char *accept)
{
	for (const char *p = accept; *p != '\0'; p++)
		if (util_has_prefix_nocase(p, strlen(p), OPEN_TYPE))
			return true;
	return false;
}

struct exposition
exposition_new(FILE *out, const char *accept)
{
	return (struct exposition){ .out = out, .open = accepts_open(accept) };
}

const char *
exposition_type(const struct exposition *e)
{
	return e->open ? OPEN_TYPE "; version=1.0.0; charset=utf-8" :
	    "text/plain; version=0.0.4; charset=utf-8";
}

/* What the samples of a kind have behind the name of the metric. */
static const char *
suffix(enum exposition_kind kind)
{
	switch (kind) {
	case EXPOSITION_COUNTER:
		return "_total";
	case EXPOSITION_INFO:
		return "_info";
	case EXPOSITION_GAUGE:
	case EXPOSITION_HISTOGRAM:
		break;
	}
	return "";
}

static const char *
type_name(const struct exposition *e)
{
	switch (e->kind) {
	case EXPOSITION_COUNTER:
		return "counter";
	case EXPOSITION_INFO:
		return e->open ? "info" : "gauge";
	case EXPOSITION_GAUGE:
		return "gauge";
	case EXPOSITION_HISTOGRAM:
		return "histogram";
	}
	assert(false);
}

/* NULL: it has none. */
static const char *
unit_of(const char *name)
{
	static const char *const units[] = { "_seconds", "_bytes" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i]);

		if (len > n && strcmp(name + len - n, units[i]) == 0)
			return units[i] + 1;
	}
	return NULL;
}

void
exposition_begin(struct exposition *e, const char *name,
    enum exposition_kind kind, const char *help)
{
	e->name = name;
	e->kind = kind;

	const char *more = e->open ? "" : suffix(kind);
	const char *unit = unit_of(name);

	fprintf(e->out, "# HELP %s%s %s.\n# TYPE %s%s %s\n", name, more, help,
	    name, more, type_name(e));
	if (e->open && unit != NULL)
		fprintf(e->out, "# UNIT %s %s\n", name, unit);
}

static void
put_name(struct exposition *e, const char *labels)
{
	const char *more = suffix(e->kind);

	assert(e->kind != EXPOSITION_HISTOGRAM);
	if (labels[0] != '\0')
		fprintf(e->out, "%s%s{%s} ", e->name, more, labels);
	else
		fprintf(e->out, "%s%s ", e->name, more);
}

void
exposition_value(struct exposition *e, const char *labels, uint64_t value)
{
	put_name(e, labels);
	fprintf(e->out, "%" PRIu64 "\n", value);
}

/* With one digit behind the point at least. */
static void
put_micro(FILE *out, uint64_t millionths)
{
	uint64_t part = millionths % MICRO;
	int digits = 6;

	while (digits > 1 && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	fprintf(out, "%" PRIu64 ".%0*" PRIu64, millionths / MICRO, digits,
	    part);
}

void
exposition_micro(struct exposition *e, const char *labels, uint64_t millionths)
{
	put_name(e, labels);
	put_micro(e->out, millionths);
	putc('\n', e->out);
}

void
exposition_histogram(struct exposition *e, const uint64_t *bounds_us,
    const uint64_t *buckets, size_t count, uint64_t sum_us)
{
	uint64_t below = 0;

	assert(e->kind == EXPOSITION_HISTOGRAM);
	for (size_t i = 0; i < count; i++) {
		below += buckets[i];
		fprintf(e->out, "%s_bucket{le=\"", e->name);
		if (i + 1 < count)
			put_micro(e->out, bounds_us[i]);
		else
			fputs("+Inf", e->out);
		fprintf(e->out, "\"} %" PRIu64 "\n", below);
	}
	fprintf(e->out, "%s_count %" PRIu64 "\n%s_sum ", e->name, below,
	    e->name);
	put_micro(e->out, sum_us);
	putc('\n', e->out);
}

void
exposition_end(struct exposition *e)
{
	if (e->open)
		fputs("# EOF\n", e->out);
}

void
exposition_label(struct sbuf *labels, const char *name, const char *value)
{
	sbuf_fmt(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			sbuf_str(labels, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			sbuf_char(labels, '\\');
		sbuf_char(labels, *value);
	}
	sbuf_char(labels, '"');
}
