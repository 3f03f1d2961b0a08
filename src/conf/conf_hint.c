/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an unknown name may have been meant to be.
 *
 * A wrong guess costs more time than none: a name has to agree with an option
 * in two of three letters.  Case, "_" and "-" do not count, nor does an "spf"
 * in front, as in the spfbehavior of qmail.
 */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_priv.h"

#define FOLDED_MAX 32	/* letters of a name that is looked at */
#define DISTANCE_MAX 2

/* False: too long to be one of ours. */
static bool
fold(const char *name, char out[FOLDED_MAX + 1])
{
	size_t n = 0;

	if (util_has_prefix_nocase(name, strlen(name), "spf"))
		name += 3;
	for (; *name != '\0'; name++) {
		if (*name == '_' || *name == '-')
			continue;
		if (n == FOLDED_MAX)
			return false;
		out[n++] = util_lower(*name);
	}
	out[n] = '\0';
	return true;
}

/* Insertions, deletions and replacements that turn a into b. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[FOLDED_MAX + 1];
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t best = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > diagonal + 1)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[len];
}

/* Rows of the section that the name stands in win over others. */
static const struct conf_row *
nearest(const char *section, const char *name)
{
	const struct conf_row *near = NULL;
	char given[FOLDED_MAX + 1];
	char ours[FOLDED_MAX + 1];

	if (!fold(name, given))
		return NULL;
	size_t limit = strlen(given) / 3;
	size_t least = (limit < DISTANCE_MAX ? limit : DISTANCE_MAX) + 1;
	for (size_t i = 0; i < conf_row_count(); i++) {
		const struct conf_row *r = conf_row(i);
		if (!fold(r->name, ours))
			continue;
		size_t distance = edit_distance(ours, given);
		if (distance < least || (distance == least && near != NULL &&
		    conf_option_find(section, r->name) != NULL)) {
			least = distance;
			near = r;
		}
	}
	return near;
}

/* "dns.timeout" as log and manual write it, or the name alone. */
static const char *
bare_name(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

static const struct conf_row *
same_name(const char *name)
{
	for (size_t i = 0; i < conf_row_count(); i++)
		if (strcmp(conf_row(i)->name, name) == 0)
			return conf_row(i);
	return NULL;
}

void
conf_hint(const char *section, const char *name, char out[CONF_HINT_SIZE])
{
	const struct conf_row *r = same_name(bare_name(name));
	const char *end = "";

	out[0] = '\0';
	if (r != NULL && r->section != NULL) {
		bool reply = strcmp(r->section, "reply") == 0;
		snprintf(out, CONF_HINT_SIZE, "; it belongs into section %s: "
		    "%s%s { %s = ... }", r->section, r->section,
		    reply ? " fail" : "", r->name);
	} else if (r != NULL) {
		snprintf(out, CONF_HINT_SIZE, "; \"%s\" stands outside of "
		    "sections", r->name);
	} else if ((r = nearest(section, name)) != NULL) {
		if (r->section != NULL &&
		    (section == NULL || strcmp(r->section, section) != 0))
			end = r->section;
		snprintf(out, CONF_HINT_SIZE, "; did you mean \"%s\"%s%s?",
		    r->name, end[0] != '\0' ? " of section " : "", end);
	}
}
