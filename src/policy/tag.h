/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks for delivery: a prefix of the subject, and fields.  Pure. */

#ifndef TAG_H
#define TAG_H

#include <stddef.h>

#include "base/result.h"

#define TAG_SUBJECT_MAX 60	/* octets of a prefix, before {result} */
#define TAG_FIELD_MAX 400	/* and of a field */

/* Prefix and values may have {result}. */
struct tag_field {
	char		*name;
	char		*value;
};
struct tag_fields {
	struct tag_field *list;
	size_t		 count;
};
struct tag {
	char		*subject;	/* NULL or "": left as it is */
	struct tag_fields fields;
};

/* Where no other is said: a field X-SPF-Tag with the result. */
extern const struct tag tag_default;

/* NULL, or what is wrong with a prefix. */
const char	*tag_subject_problem(const char *prefix);
/* The same for "Name: value", which becomes out, to be freed by the caller. */
const char	*tag_field_parse(struct tag_field *out, const char *text);
void		 tag_fields_fini(struct tag_fields *f);

/* The caller frees it. */
char		*tag_value(const struct tag_field *f, enum result r);

/*
 * The value of a Subject field with the prefix before it; subject is the value
 * there is, NULL for none.  The caller frees it.  NULL: the prefix is there
 * already.  A prefix that is not ASCII becomes encoded-words (RFC 2047).
 */
char		*tag_subject(const char *prefix, enum result r,
		    const char *subject);

#endif
