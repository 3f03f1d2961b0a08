/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of list: the entries of one file, and who reads which type. */

#ifndef LIST_PRIV_H
#define LIST_PRIV_H

#include <stdint.h>

#include "policy/list.h"

#define LIST_OCTETS_MAX (64U << 20)	/* of one file */
#define LIST_ENTRIES_MAX 1000000	/* of one file, or prefixes */
#define LIST_MISTAKES_MAX 10		/* that are told of one file */

struct list_patterns;

/* Entries of one side: those of the list, or those that exclude. */
struct list_side {
	struct addr_set	 addrs;
	char		**texts;	/* in lower case */
	size_t		 text_count;
	size_t		 text_room;
	uint32_t	*places;	/* once sealed: by hash, the number of
					 * a text, from 1; 0: none */
	size_t		 place_mask;
};

/* Filled by one thread; sealed, it is never written again but to be freed. */
struct list_table {
	enum list_kind	 kind;
	struct list_side in;
	struct list_side out;
	bool		 narrowest;	/* the longest prefix counts */
	struct addr_set	*behavior;	/* of each level, and of none; NULL:
					 * no rule sets any */
	struct list_patterns *patterns;	/* NULL: none */
	size_t		 entries;
	_Atomic unsigned references;
};

struct list_table *list_table_new(enum list_kind k);
void	list_table_release(struct list_table *t);
/* One entry, which may have "!"; returns what list_add does. */
const char *list_table_add(struct list_table *t, const char *entry);
/* A prefix that counts if it is the longest. */
void	list_table_add_prefix(struct list_table *t,
	    const struct addr_prefix *p, bool in);
/* The same as a rule that sets a level; LIST_LEVELS: it sets none. */
#define LIST_LEVELS 7
void	list_table_add_behavior(struct list_table *t,
	    const struct addr_prefix *p, unsigned level);
int	list_table_behavior(const struct list_table *t, const struct addr *a);
/* So many that no more are taken. */
bool	list_table_is_full(const struct list_table *t);
void	list_table_seal(struct list_table *t);

/* What a table says of a key: a value of 0 or more is the bits of the entry. */
#define LIST_NOTHING (-1)
#define LIST_OUT (-2)
#define LIST_STOPPED (-3)	/* an expression took too many steps */
int	list_table_match(const struct list_table *t,
	    const struct list_key *k);

/* Marks of an entry for clients; false: it has too many. */
bool	list_table_mark_client(const char *entry, struct list_marks *m);
/* Those of all texts that do not exclude. */
void	list_table_mark_texts(const struct list_table *t,
	    struct list_marks *m);

/*
 * A type of file: fills t, which is empty, from path.  False: d says why, with
 * file and line.
 */
typedef bool list_read(struct list_table *t, const char *path,
    struct diag *d);
list_read list_file_read;
list_read list_cdb_read;
list_read list_lmdb_read;
list_read list_pattern_read;

/* NULL: the program was built without.  LIST_TEXT: a number as text. */
#define LIST_TEXT(x) LIST_TEXT_OF(x)
#define LIST_TEXT_OF(x) #x
const char *list_cdb_library(void);
const char *list_lmdb_library(void);
const char *list_pattern_library(void);

/* A regular file, opened for reading; -1: d has the reason. */
int	list_text_open(const char *path, struct diag *d);
/*
 * The octets of a file in one that nobody else has; -1: errno, EFBIG for one
 * that is too large.
 */
int	list_copy(int from);
/* liblmdb can read all keys of these octets without harm. */
bool	list_lmdb_check(const void *octets, size_t size);
/* The whole of a text, for free(); NULL: d has the reason. */
char	*list_text_read(const char *path, struct diag *d);
/*
 * The next line of a text, which is cut at its end; NULL: none.  Line counts.
 */
char	*list_text_line(char **text, unsigned *line);

int	list_patterns_match(const struct list_patterns *p, const char *key);
void	list_patterns_free(struct list_patterns *p);

#endif
