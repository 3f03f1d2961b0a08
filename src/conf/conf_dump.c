/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration printed, and compared with another. */

#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_priv.h"

static void
dump_section(const char *section, const void *base, const void *defaults,
    FILE *out)
{
	const struct conf_option *o = NULL;

	while ((o = conf_option_next(section, o)) != NULL) {
		char *value = conf_value_text(o, base);
		char *standard = conf_value_text(o, defaults);

		fprintf(out, "%s%s = %s%s\n", section != NULL ? "\t" : "",
		    o->row.name, value,
		    strcmp(value, standard) == 0 ? "\t# default" : "");
		free(standard);
		free(value);
	}
}

/* What the levels come to. */
static void
dump_policy(const struct policy *p, FILE *out)
{
	fprintf(out, "# %-12s%-12s%s\n", "result", scope_name(SCOPE_HELO),
	    scope_name(SCOPE_MAILFROM));
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		enum result r = (enum result)i;

		fprintf(out, "# %-12s%-12s%s\n", result_name(r),
		    policy_action_name(policy_decide(p, SCOPE_HELO, r)),
		    policy_action_name(policy_decide(p, SCOPE_MAILFROM, r)));
	}
}

void
conf_dump(const struct conf *c, FILE *out)
{
	struct diag none;

	diag_init(&none);
	struct conf *defaults = conf_load(NULL, &none);
	assert(defaults != NULL);
	diag_fini(&none);
	defaults->behavior_helo = conf_default_helo(c);
	dump_section(NULL, c, defaults, out);
	dump_policy(&c->policy, out);
	fputs("dns {\n", out);
	dump_section("dns", c, defaults, out);
	fputs("}\n", out);
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		if (i == RESULT_PASS)
			continue;
		fprintf(out, "reply %s {\n", result_name((enum result)i));
		dump_section("reply", &c->reply_sources[i],
		    &defaults->reply_sources[i], out);
		fputs("}\n", out);
	}
	conf_release(defaults);
}

void
conf_diff_restart(const struct conf *a, const struct conf *b,
    void (*report_name)(const char *name))
{
	for (size_t i = 0; i < conf_row_count(); i++) {
		const struct conf_option *o = conf_option(i);
		if (!o->row.restart)
			continue;
		char *ta = conf_value_text(o, a);
		char *tb = conf_value_text(o, b);
		if (strcmp(ta, tb) != 0)
			report_name(o->row.name);
		free(tb);
		free(ta);
	}
}
