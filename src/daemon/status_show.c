/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the running daemon for people: what matters most comes first. */

#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "daemon/status.h"
#include "tool/json_out.h"
#include "tool/terminal.h"

#define COLUMN 38		/* of two */

static void
put_heading(const struct terminal *t, const char *text)
{
	terminal_set_style(t, TERMINAL_BOLD);
	fputs(text, t->out);
	terminal_set_style(t, TERMINAL_PLAIN);
	putc('\n', t->out);
}

static void
put_time(FILE *out, int64_t time_s)
{
	char text[32] = "";
	time_t when = (time_t)time_s;
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, out);
}

static void
put_labelled(const struct terminal *t, const char *label, const char *value)
{
	fprintf(t->out, "%-15s", label);
	terminal_put_text(t->out, value[0] != '\0' ? value : "-");
	putc('\n', t->out);
}

static void
put_process(const struct terminal *t, const json_t *o)
{
	const json_t *c = json_object_get(o, "configuration");
	const json_t *r = json_object_get(c, "reload");
	int64_t up = json_out_number_of(o, "uptime");

	terminal_set_style(t, TERMINAL_BOLD);
	fputs("spf-milter ", t->out);
	terminal_put_text(t->out, json_out_text_of(o, "version"));
	terminal_set_style(t, TERMINAL_PLAIN);
	fprintf(t->out, ", process %" PRId64 ", up %" PRId64 "d %02" PRId64
	    ":%02" PRId64 ":%02" PRId64 "\n", json_out_number_of(o, "pid"),
	    up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	put_labelled(t, "socket", json_out_text_of(o, "socket"));
	put_labelled(t, "configuration", json_out_text_of(c, "path"));
	put_labelled(t, "confined by", json_out_text_of(o, "confined"));
	if (!json_is_object(r))
		return;
	bool good = json_is_true(json_object_get(r, "good"));
	fprintf(t->out, "%-15s", "last reload");
	put_time(t->out, json_out_number_of(r, "time"));
	terminal_set_style(t, good ? TERMINAL_GREEN : TERMINAL_RED);
	fputs(good ? " done" : " failed: the old configuration is in force",
	    t->out);
	terminal_set_style(t, TERMINAL_PLAIN);
	putc('\n', t->out);
}

static void
put_counters(const struct terminal *t, json_t *counters)
{
	const char *key;
	json_t *value;
	bool second = false;

	put_heading(t, "\nCounters");
	json_object_foreach(counters, key, value) {
		int left = COLUMN - 1 - (int)strlen(key);

		fputs(second ? "    " : "", t->out);
		terminal_put_text(t->out, key);
		fprintf(t->out, " %*" JSON_INTEGER_FORMAT "%s",
		    left > 1 ? left - 1 : 1, json_integer_value(value),
		    second ? "\n" : "");
		second = !second;
	}
	if (second)
		putc('\n', t->out);
}

static void
put_rules(const struct terminal *t, const json_t *rules)
{
	size_t i;
	json_t *r;

	if (json_array_size(rules) == 0)
		return;
	put_heading(t, "\nRules, most hits first");
	json_array_foreach(rules, i, r) {
		fprintf(t->out, "%10" PRId64 "  last ",
		    json_out_number_of(r, "hits"));
		put_time(t->out, json_out_number_of(r, "last"));
		fputs("  ", t->out);
		terminal_put_text(t->out, json_out_text_of(r, "name"));
		putc('\n', t->out);
	}
}

static void
put_slowest(const struct terminal *t, const json_t *slowest)
{
	size_t i;
	json_t *d;

	if (json_array_size(slowest) == 0)
		return;
	put_heading(t, "\nSlowest domains of the last hour");
	json_array_foreach(slowest, i, d) {
		fprintf(t->out, "%10" PRId64 " ms ", json_out_number_of(d,
		    "milliseconds"));
		put_time(t->out, json_out_number_of(d, "time"));
		fputs("  ", t->out);
		terminal_put_text(t->out, json_out_text_of(d, "domain"));
		putc('\n', t->out);
	}
}

static void
put_errors(const struct terminal *t, const json_t *errors)
{
	size_t i;
	json_t *e;

	if (json_array_size(errors) == 0)
		return;
	put_heading(t, "\nLast errors and warnings, the newest first");
	json_array_foreach(errors, i, e) {
		put_time(t->out, json_out_number_of(e, "time"));
		fprintf(t->out, "  %s: ", json_out_text_of(e, "level"));
		terminal_put_text(t->out, json_out_text_of(e, "text"));
		putc('\n', t->out);
	}
}

static void
put_servers(const struct terminal *t, const json_t *servers)
{
	size_t i;
	json_t *s;

	json_array_foreach(servers, i, s) {
		fprintf(t->out, "%-15s", "name server");
		terminal_put_text(t->out, json_out_text_of(s, "address"));
		putc(' ', t->out);
		terminal_put_text(t->out, json_out_text_of(s, "state"));
		putc('\n', t->out);
	}
}

/* What a daemon of another version does not tell is left out. */
static void
put_present(const struct terminal *t, const json_t *o)
{
	const json_t *cache = json_object_get(o, "cache");
	const json_t *ratio = json_object_get(cache, "hit_ratio");

	if (json_is_false(json_object_get(o, "ready")))
		put_labelled(t, "not ready", json_out_text_of(o, "problem"));
	if (json_is_object(json_object_get(o, "sessions")))
		fprintf(t->out, "%-15s%" PRId64 " open, %" PRId64
		    " wait for the DNS\n", "connections",
		    json_out_number_of(json_object_get(o, "sessions"), "open"),
		    json_out_number_of(o, "flights"));
	if (json_is_object(cache)) {
		fprintf(t->out, "%-15s%" PRId64 " answers, %" PRId64 " of %"
		    PRId64 " octets", "cache",
		    json_out_number_of(cache, "entries"),
		    json_out_number_of(cache, "octets"),
		    json_out_number_of(cache, "octets_max"));
		if (json_is_number(ratio))
			fprintf(t->out, ", %.1f%% hits",
			    json_number_value(ratio) * 100);
		putc('\n', t->out);
	}
	put_servers(t, json_object_get(json_object_get(o, "dns"), "servers"));
}

void
status_show(const json_t *document, FILE *out)
{
	const struct terminal t = terminal_open(out);

	put_process(&t, document);
	put_present(&t, document);
	put_counters(&t, json_object_get(document, "counters"));
	put_rules(&t, json_object_get(document, "rules"));
	put_slowest(&t, json_object_get(document, "slowest"));
	put_errors(&t, json_object_get(document, "errors"));
}
