/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks for delivery: a prefix of the subject, and fields.  Pure. */

#ifndef TAG_H
#define TAG_H

#include <stddef.h>

#include "base/result.h"

#define TAG_SUBJECT_MAX 60	/* octets of a prefix, before {result} */
#define TAG_FIELD_MAX 400	/* and of a field */

/* NULL, or what is wrong with a prefix; with a field "Name: value". */
const char	*tag_subject_problem(const char *prefix);
const char	*tag_field_problem(const char *field);

/* Octets of the name of a field without problems. */
size_t		 tag_name_length(const char *field);
/* Its value for a result: {result} is replaced.  The caller frees it. */
char		*tag_value(const char *field, enum result r);

/*
 * The value of a Subject field with the prefix before it; subject is the value
 * there is, NULL for none.  The caller frees it.  NULL: the prefix is there
 * already.  A prefix that is not ASCII becomes encoded-words (RFC 2047).
 */
char		*tag_subject(const char *prefix, enum result r,
		    const char *subject);

#endif
