/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of clients, names and addresses, inline and in files. */

#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/util.h"

/* What a list is asked for; an entry in brackets is below another one. */
enum list_kind {
	LIST_CLIENT,	/* 192.0.2.1, 192.0.2.0/24, [2001:db8::]/32, or
			 * 192.0.2.1-192.0.2.9 */
	LIST_NAME,	/* mx.example.com; .example.com: all names below it */
	LIST_ADDRESS	/* those, user@example.com, user@, <> */
};

/*
 * client: for LIST_CLIENT.  text: for LIST_NAME a name with A-labels, for
 * LIST_ADDRESS local@domain without brackets, "" the null sender.  Neither
 * case nor a dot at the end is a difference.
 */
struct list_key {
	const struct addr *client;
	const char	*text;
};

/*
 * The elements of a list: entries, and TYPE:PATH in the spelling of Postfix,
 * a file of entries.  "!" before an element excludes what it matches, whatever
 * else matches.  file: has an entry a line; cdb: and lmdb: one a key; regexp:
 * and pcre: an expression a line as in pcre_table(5).  Values are not looked
 * at, but for those of a cdb: that qmail's tcprules has made: there the
 * narrowest entry for a client counts, and only if it sets RELAYCLIENT.
 *
 * A list is made (list_new, list_add, list_load) by one thread; then any
 * thread may ask, while one thread refreshes.
 */
struct list;

struct list	*list_new(enum list_kind k);
void		 list_free(struct list *l);		/* NULL allowed */

/* One element more.  NULL, or what is wrong, "" for "not understood". */
const char	*list_add(struct list *l, const char *element);

/* Reads the files.  False: d has every mistake, with file and line. */
bool		 list_load(struct list *l, struct diag *d);

/*
 * Takes up the files that have changed, each once it has been the same for two
 * calls in a row: half a file is not what was meant.  What was taken up is said
 * in news; a file that is wrong or gone leaves things as they were, and is told
 * in mistakes, once.  Waits for the disk.
 */
void		 list_refresh(struct list *l, struct diag *news,
		    struct diag *mistakes);
/* There is something to refresh. */
bool		 list_has_files(const struct list *l);

/* Once elements are added: where all of them exclude, the rest is in it. */
void		 list_complement(struct list *l);

bool		 list_match(const struct list *l, const struct list_key *k);
/*
 * A quick no, for who asks many lists for one key: where the marks of both do
 * not meet, the key is not in the list.  Those of a list once its elements are
 * added.
 */
struct list_marks {
	uint64_t bits[4];	/* two halves, of which both must meet */
};
static inline bool
list_marks_meet(const struct list_marks *a, const struct list_marks *b)
{
	return ((a->bits[0] & b->bits[0]) | (a->bits[1] & b->bits[1])) != 0 &&
	    ((a->bits[2] & b->bits[2]) | (a->bits[3] & b->bits[3])) != 0;
}
void		 list_marks(const struct list *l, struct list_marks *out);
void		 list_key_marks(enum list_kind kind,
		    const struct list_key *k, struct list_marks *out);

/*
 * For LIST_CLIENT: the level from 0 to 6 that a's rule in a file of tcprules
 * sets by SPFBEHAVIOR; -1: there is none, or it sets no level, or denies.
 */
int		 list_behavior(const struct list *l, const struct addr *a);
/*
 * For LIST_CLIENT: the bits of the longest prefix that a matches, all bits for
 * an expression; -1: a is not in the list.
 */
int		 list_longest(const struct list *l, const struct addr *a);

/* The elements in their order, in the spelling that list_add takes. */
size_t		 list_count(const struct list *l);
const char	*list_element(const struct list *l, size_t i);
/*
 * Entries of the file that element i is; 1 where it is none.  For the thread
 * that refreshes.
 */
size_t		 list_entries(const struct list *l, size_t i);
/* Of that file; NULL: it is none. */
const char	*list_path(const struct list *l, size_t i);

/* "tinycdb 0.78", "LMDB 0.9.24", "PCRE2 10.42"; NULL: built without. */
#define LIST_LIBRARIES 3
const char	*list_library(size_t i);

#endif
