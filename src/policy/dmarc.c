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

#define NAME_SIZE 2		/* no name and no value that counts is longer */
#define VALUE_SIZE 16

/* From begin to end without blanks around it, "" where it is too long. */
static void
copy_trimmed(char *out, size_t size, const char *begin, const char *end)
{
	while (begin < end && (*begin == ' ' || *begin == '\t'))
		begin++;
	while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;

	size_t len = (size_t)(end - begin) < size ? (size_t)(end - begin) : 0;

	memcpy(out, begin, len);
	out[len] = '\0';
}

/* The next "name = value" at *p; false: none. */
static bool
next_tag(const char **p, const char *end, char name[NAME_SIZE],
    char value[VALUE_SIZE])
{
	const char *begin = *p;

	if (begin >= end)
		return false;

	const char *stop = memchr(begin, ';', (size_t)(end - begin));

	if (stop == NULL)
		stop = end;

	const char *sign = memchr(begin, '=', (size_t)(stop - begin));

	copy_trimmed(name, NAME_SIZE, begin, sign != NULL ? sign : begin);
	copy_trimmed(value, VALUE_SIZE, sign != NULL ? sign + 1 : stop, stop);
	*p = stop < end ? stop + 1 : end;
	return true;
}

bool
dmarc_is_record(const char *text, size_t len)
{
	const char *end = text + len;
	char name[NAME_SIZE];
	char value[VALUE_SIZE];

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
