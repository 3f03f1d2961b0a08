/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list is its elements: the inline ones are one table, and each file has a
 * table of its own, which is replaced when the file changes.  Whoever asks
 * holds a count of the table meanwhile, so replacing waits for nobody.
 *
 * Asking never touches a file: one on a file system that hangs would hold up
 * mail.  Whoever has the time for it calls list_refresh.
 */

#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/lock.h"
#include "base/stats.h"
#include "policy/list_priv.h"

/* What stat says of a file; error: errno where it could not. */
struct stamp {
	int		 error;
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 modified;
	struct timespec	 changed;
};

struct list_type {
	const char	*name;
	const char	*suffix;	/* added where it is missing */
	list_read	*read;
	const char	*(*library)(void);
};

struct list_file {
	const struct list_type *type;
	char		*path;
	bool		 excludes;
	struct stamp	 seen;		/* last time */
	struct stamp	 judged;	/* taken up, or refused */
	size_t		 entries;
	struct lock	 lock;
	struct list_table *table;	/* under lock */
};

struct list_element {
	char		*text;
	struct list_file *file;		/* NULL: inline */
};

struct list {
	enum list_kind	 kind;
	struct list_element *elements;
	size_t		 count;
	struct list_table *inlined;
	struct list_file **files;
	size_t		 file_count;
	bool		 complements;	/* all that it does not exclude */
};

static const struct list_type types[] = {
	{ "file", "", list_file_read, NULL },
	{ "cdb", ".cdb", list_cdb_read, list_cdb_library },
	{ "lmdb", ".lmdb", list_lmdb_read, list_lmdb_library },
	{ "pcre", "", list_pattern_read, list_pattern_library },
	{ "regexp", "", list_pattern_read, list_pattern_library },
};

const char *
list_library(size_t i)
{
	return types[1 + i].library();
}

struct list *
list_new(enum list_kind k)
{
	struct list *l = xcalloc(1, sizeof(*l));

	l->kind = k;
	l->inlined = list_table_new(k);
	return l;
}

static void
free_file(struct list_file *f)
{
	list_table_release(f->table);
	lock_fini(&f->lock);
	free(f->path);
	free(f);
}

void
list_free(struct list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->file_count; i++)
		free_file(l->files[i]);
	for (size_t i = 0; i < l->count; i++)
		free(l->elements[i].text);
	list_table_release(l->inlined);
	free(l->files);
	free(l->elements);
	free(l);
}

/* Elements */

static void
add_element(struct list *l, char *text, struct list_file *f)
{
	l->elements = xreallocarray(l->elements, l->count + 1,
	    sizeof(*l->elements));
	l->elements[l->count].text = text;
	l->elements[l->count++].file = f;
}

static const struct list_type *
find_type(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strlen(types[i].name) == len &&
		    strncmp(types[i].name, name, len) == 0)
			return &types[i];
	}
	return NULL;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* NULL, or the colon of TYPE:PATH; no entry has a slash behind its first. */
static const char *
find_colon(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon != NULL && colon[1] == '/' ? colon : NULL;
}

static const char *
add_file(struct list *l, const char *element, const char *colon)
{
	const char *name = element + (element[0] == '!');
	const struct list_type *type = find_type(name,
	    (size_t)(colon - name));

	if (type == NULL)
		return "no such type of file; there are file, cdb, lmdb, pcre "
		    "and regexp";
	if (type->library != NULL && type->library() == NULL)
		return "this program was built without the library for files "
		    "of this type";
	struct list_file *f = xcalloc(1, sizeof(*f));
	f->type = type;
	f->path = xasprintf("%s%s", colon + 1,
	    ends_with(colon, type->suffix) ? "" : type->suffix);
	f->excludes = element[0] == '!';
	lock_init(&f->lock);
	l->files = xreallocarray(l->files, l->file_count + 1,
	    sizeof(*l->files));
	l->files[l->file_count++] = f;
	add_element(l, xstrdup(element), f);
	return NULL;
}

/* As it is understood: 192.0.2.1 is a network of one address. */
static char *
spelling(enum list_kind k, const char *element)
{
	bool excludes = element[0] == '!';
	char buf[ADDR_TEXT_SIZE];
	struct addr_prefix p;

	if (k != LIST_CLIENT || !addr_prefix_parse(&p, element + excludes))
		return xstrdup(element);
	return xasprintf("%s%s/%u", excludes ? "!" : "",
	    addr_format(&p.addr, buf), p.len);
}

const char *
list_add(struct list *l, const char *element)
{
	const char *name = element + (element[0] == '!');
	const char *colon = find_colon(name);

	if (colon != NULL)
		return add_file(l, element, colon);
	const char *wrong = list_table_add(l->inlined, element);
	if (wrong == NULL)
		add_element(l, spelling(l->kind, element), NULL);
	else if (find_type(name, strcspn(name, ":")) != NULL)
		wrong = "the path of a file must be absolute";
	return wrong;
}

void
list_complement(struct list *l)
{
	l->complements = l->count > 0;
	for (size_t i = 0; i < l->count; i++)
		if (l->elements[i].text[0] != '!')
			l->complements = false;
}

size_t
list_count(const struct list *l)
{
	return l->count;
}

const char *
list_element(const struct list *l, size_t i)
{
	return l->elements[i].text;
}

/* Files */

static struct list_table *
acquire_table(struct list_file *f)
{
	lock_acquire(&f->lock);
	struct list_table *t = f->table;
	atomic_fetch_add(&t->references, 1);
	lock_release(&f->lock);
	return t;
}

static void
replace_table(struct list_file *f, struct list_table *fresh)
{
	lock_acquire(&f->lock);
	struct list_table *old = f->table;
	f->table = fresh;
	lock_release(&f->lock);
	list_table_release(old);
}

static void
take_stamp(const char *path, struct stamp *out)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (stat(path, &st) != 0) {
		out->error = errno;
		return;
	}
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	out->size = st.st_size;
	out->modified = st.st_mtim;
	out->changed = st.st_ctim;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
is_same(const struct stamp *a, const struct stamp *b)
{
	return a->error == b->error && a->dev == b->dev && a->ino == b->ino &&
	    a->size == b->size && is_same_time(&a->modified, &b->modified) &&
	    is_same_time(&a->changed, &b->changed);
}

static bool
read_table(enum list_kind k, struct list_file *f, struct diag *d)
{
	struct list_table *t = list_table_new(k);

	bool good = f->type->read(t, f->path, d);
	if (good && list_table_is_full(t)) {
		diag_add(d, f->path, 0, "over %d entries",
		    LIST_ENTRIES_MAX - 1);
		good = false;
	}
	if (!good) {
		list_table_release(t);
		return false;
	}
	list_table_seal(t);
	f->entries = t->entries;
	replace_table(f, t);
	return true;
}

bool
list_load(struct list *l, struct diag *d)
{
	bool good = true;

	list_table_seal(l->inlined);
	for (size_t i = 0; i < l->file_count; i++) {
		struct list_file *f = l->files[i];

		take_stamp(f->path, &f->judged);
		f->seen = f->judged;
		good = read_table(l->kind, f, d) && good;
	}
	return good;
}

static void
refresh(enum list_kind k, struct list_file *f, struct diag *news,
    struct diag *mistakes)
{
	struct stamp now;

	take_stamp(f->path, &now);
	bool rests = is_same(&now, &f->seen);
	f->seen = now;
	if (!rests || is_same(&now, &f->judged))
		return;
	f->judged = now;
	if (read_table(k, f, mistakes)) {
		diag_add(news, f->path, 0, "the list has changed: %zu entries",
		    f->entries);
		stats_inc(STATS_LISTS_CHANGED);
	} else {
		diag_add(mistakes, f->path, 0, "the list stays as it was");
		stats_inc(STATS_LISTS_REFUSED);
	}
}

void
list_refresh(struct list *l, struct diag *news, struct diag *mistakes)
{
	for (size_t i = 0; i < l->file_count; i++)
		refresh(l->kind, l->files[i], news, mistakes);
}

bool
list_has_files(const struct list *l)
{
	return l->file_count > 0;
}

size_t
list_entries(const struct list *l, size_t i)
{
	const struct list_file *f = l->elements[i].file;

	return f != NULL ? f->entries : 1;
}

const char *
list_path(const struct list *l, size_t i)
{
	const struct list_file *f = l->elements[i].file;

	return f != NULL ? f->path : NULL;
}

/* Questions */

static int
match_file(struct list_file *f, const struct list_key *k)
{
	struct list_table *t = acquire_table(f);
	int found = list_table_match(t, k);

	list_table_release(t);
	return found;
}

/* Where an expression was stopped the answer is the cautious one. */
static int
match(const struct list *l, const struct list_key *k)
{
	int best = list_table_match(l->inlined, k);

	for (size_t i = 0; i < l->file_count && best != LIST_OUT; i++) {
		bool excludes = l->files[i]->excludes;
		int found = match_file(l->files[i], k);

		if (found == LIST_STOPPED || (excludes && found >= 0) ||
		    (!excludes && found == LIST_OUT))
			return LIST_OUT;
		if (!excludes && found > best)
			best = found;
	}
	return best == LIST_NOTHING && l->complements ? 0 : best;
}

int
list_behavior(const struct list *l, const struct addr *a)
{
	int level = -1;

	for (size_t i = 0; i < l->file_count && level < 0; i++) {
		struct list_table *t = acquire_table(l->files[i]);

		level = list_table_behavior(t, a);
		list_table_release(t);
	}
	return level;
}

void
list_marks(const struct list *l, struct list_marks *out)
{
	bool told = !l->complements;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < l->count; i++) {
		const struct list_element *e = &l->elements[i];

		if (e->text[0] != '!' && (e->file != NULL ||
		    (l->kind == LIST_CLIENT &&
		    !list_table_mark_client(e->text, out))))
			told = false;
	}
	if (l->kind != LIST_CLIENT)
		list_table_mark_texts(l->inlined, out);
	if (!told)
		memset(out, 0xff, sizeof(*out));
}

bool
list_match(const struct list *l, const struct list_key *k)
{
	return match(l, k) >= 0;
}

int
list_longest(const struct list *l, const struct addr *a)
{
	const struct list_key k = { .client = a };
	int found = match(l, &k);

	return found >= 0 ? found : -1;
}
