/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the running daemon, as JSON: keys are stable, as the manual. */

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/stats.h"
#include "base/tally.h"
#include "base/util.h"
#include "conf/conf.h"
#include "daemon/ctl.h"
#include "daemon/sandbox.h"
#include "daemon/status.h"
#include "tool/json_out.h"

static int64_t started_s;		/* since 1970; before threads */
static int64_t started_ms;
static json_t *rules;			/* of status_write */

void
status_begin(void)
{
	started_s = time(NULL);
	started_ms = util_now_ms();
}

static json_t *
configuration(const struct conf *c)
{
	json_t *o = json_object();
	json_t *reload = json_object();
	struct ctl_reload r;

	(void)ctl_reload_result(UINT64_MAX, &r, NULL);
	json_out_set_text(o, "path", c->path);
	json_out_set(o, "behavior", json_integer(c->behavior));
	json_out_set(reload, "time", json_integer(r.time_s));
	json_out_set(reload, "good", json_boolean(r.good));
	json_out_set(o, "reload", r.time_s != 0 ? reload : json_null());
	if (r.time_s == 0)
		json_decref(reload);
	return o;
}

/* "key=value key=value", as the log has them. */
static void
add_counters(json_t *o, char *text)
{
	char *rest = NULL;

	for (char *pair = strtok_r(text, " ", &rest); pair != NULL;
	    pair = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(pair, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		json_out_set(o, pair, json_integer(strtoll(value, NULL, 10)));
	}
}

static json_t *
counters(void)
{
	json_t *o = json_object();
	char text[1900];
	struct sbuf sb;
	unsigned next = 0;

	for (;;) {
		sbuf_init(&sb, text, sizeof(text));
		if (!stats_format(&sb, &next))
			return o;
		add_counters(o, text);
	}
}

static void
add_rule(const char *name, uint64_t hits, int64_t last_s)
{
	json_t *o = json_object();

	json_out_set_text(o, "name", name);
	json_out_set(o, "hits", json_integer((json_int_t)hits));
	json_out_set(o, "last", json_integer(last_s));
	json_array_append_new(rules, o);
}

static json_t *
confinement(void)
{
	char text[200];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	if (sandbox_report()->entered)
		confine_format(sandbox_report(), &sb);
	return json_out_text(text);
}

void
status_write(FILE *out)
{
	json_t *o = json_object();
	const struct conf *c = conf_acquire();

	json_out_set_text(o, "version", PACKAGE_VERSION);
	json_out_set(o, "pid", json_integer(getpid()));
	json_out_set(o, "started", json_integer(started_s));
	json_out_set(o, "uptime",
	    json_integer((util_now_ms() - started_ms) / 1000));
	json_out_set(o, "configuration", configuration(c));
	json_out_set_text(o, "socket", c->socket.text);
	json_out_set(o, "confined", confinement());
	json_out_set(o, "counters", counters());
	rules = json_array();
	tally_each(add_rule);
	json_out_set(o, "rules", rules);
	conf_release(c);
	json_out_print(o, out);
}
