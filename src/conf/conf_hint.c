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

/* An option, and the section that it belongs to. */
struct found {
	const struct conf_section *section;
	const struct conf_option *option;	/* NULL: none */
};

/* Options of the section s, where the name stands, win over others. */
static struct found
nearest(const struct conf_section *s, const char *name)
{
	struct found near = { .option = NULL };
	char given[FOLDED_MAX + 1];
	char ours[FOLDED_MAX + 1];

	if (!fold(name, given))
		return near;
	size_t limit = strlen(given) / 3;
	size_t least = (limit < DISTANCE_MAX ? limit : DISTANCE_MAX) + 1;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *in = &conf_sections[i];
		for (size_t j = 0; j < in->option_count; j++) {
			if (!fold(in->options[j].name, ours))
				continue;
			size_t distance = edit_distance(ours, given);
			if (distance < least || (distance == least &&
			    near.option != NULL && in == s)) {
				least = distance;
				near = (struct found){ in, &in->options[j] };
			}
		}
	}
	return near;
}

/* "dns.timeout" as log and manual write it, or the name alone. */
static const char *
bare_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

static struct found
same_name(const char *name)
{
	struct found f = { .option = NULL };

	for (size_t i = 0; i < CONF_SECTION_COUNT && f.option == NULL; i++) {
		f.section = &conf_sections[i];
		f.option = conf_section_option(f.section, name);
	}
	return f;
}

void
conf_hint(const struct conf_section *s, const char *name,
    char out[CONF_HINT_SIZE])
{
	struct found f = same_name(bare_name(name));

	out[0] = '\0';
	if (f.option != NULL && f.section->name != NULL) {
		snprintf(out, CONF_HINT_SIZE, "; it belongs into section %s: "
		    "%s { %s = ... }", f.section->name, f.section->sample,
		    f.option->name);
	} else if (f.option != NULL) {
		snprintf(out, CONF_HINT_SIZE, "; \"%s\" stands outside of "
		    "sections", f.option->name);
	} else if ((f = nearest(s, name)).option != NULL) {
		bool here = f.section == s || f.section->name == NULL;
		snprintf(out, CONF_HINT_SIZE, "; did you mean \"%s\"%s%s?",
		    f.option->name, here ? "" : " of section ",
		    here ? "" : f.section->name);
	}
}
