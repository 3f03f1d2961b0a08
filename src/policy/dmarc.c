/* SPDX-License-Identifier: BSD-2-Clause */
/* Alignment, and whether a text is a DMARC record. */

#include "config.h"

#include "policy/dmarc.h"

#include <string.h>

#include "base/util.h"
#include "policy/suffixes.h"

bool
dmarc_is_aligned(const struct suffixes *s, const char *a, const char *b)
{
	return strcmp(suffixes_organization(s, a),
	    suffixes_organization(s, b)) == 0;
}

/* The next "name = value" at *p without its blanks; false: none. */
static bool
next_tag(const char **p, const char *end, char name[2], char value[16])
{
	struct sbuf sb[2];
	bool behind = false;

	if (*p >= end)
		return false;
	sbuf_init(&sb[0], name, 2);
	sbuf_init(&sb[1], value, 16);
	for (; *p < end && **p != ';'; (*p)++) {
		if (**p == '=' && !behind)
			behind = true;
		else if (**p != ' ' && **p != '\t')
			sbuf_char(&sb[behind], **p);
	}
	(*p)++;
	/* No name and no value that counts is longer. */
	if (!sbuf_ok(&sb[0]))
		name[0] = '\0';
	if (!sbuf_ok(&sb[1]))
		value[0] = '\0';
	return true;
}

bool
dmarc_is_record(const char *text, size_t len)
{
	const char *end = text + len;
	char name[2];
	char value[16];

	if (!next_tag(&text, end, name, value) || strcmp(name, "v") != 0 ||
	    strcmp(value, "DMARC1") != 0)
		return false;
	while (next_tag(&text, end, name, value))
		if (util_eq_nocase(name, "p"))
			return util_eq_nocase(value, "none") ||
			    util_eq_nocase(value, "quarantine") ||
			    util_eq_nocase(value, "reject");
	return false;
}
