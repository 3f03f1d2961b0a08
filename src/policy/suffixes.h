/* SPDX-License-Identifier: BSD-2-Clause */
/* The public suffix list. */

#ifndef SUFFIXES_H
#define SUFFIXES_H

struct suffixes;		/* immutable */

/* NULL: there is no list, or built without libpsl. */
struct suffixes	*suffixes_load(void);
void		 suffixes_free(struct suffixes *s);	/* NULL allowed */

/*
 * The organizational domain (RFC 7489 s3.2) of a name of A-labels in lower
 * case: its end, or all of it where it is a public suffix itself.
 */
const char	*suffixes_organization(const struct suffixes *s,
		    const char *domain);

/* "libpsl 0.21.2"; NULL: built without. */
const char	*suffixes_version(void);

#endif
