/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LMDB trusts its files: where a number in one leads astray, it ends the
 * program.  So all that a walk over the keys looks at is looked at here first:
 * both heads, and each page of the tree, once.  A branch has two pages below it
 * at least, a leaf one key, all leaves are at the same depth, and nothing
 * reaches beyond its page: LMDB itself asserts no less.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/list_priv.h"

#define MAGIC 0xbeefc0de
#define HEADS 2			/* pages */
#define PAGE_MIN 512
#define PAGE_MAX 32768
#define DEPTH_MAX 31		/* a cursor of LMDB has room for 32 pages */

/* Flags of pages, of the tree, of nodes. */
#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_META 0x08
#define PAGE_KINDS 0x6f
#define TREE_DUPLICATES 0x04
#define NODE_ELSEWHERE 0x01	/* the value has pages of its own */

/* As they are in the file, in the order of octets of the machine. */
struct page {
	size_t		 number;
	uint16_t	 pad;
	uint16_t	 flags;
	uint16_t	 lower;		/* end of the offsets of nodes */
	uint16_t	 upper;		/* begin of the nodes */
};

struct node {
	uint16_t	 low;		/* size of the value, or a page */
	uint16_t	 high;
	uint16_t	 flags;
	uint16_t	 key_size;
};

struct tree {
	uint32_t	 pad;		/* of the first: octets of a page */
	uint16_t	 flags;
	uint16_t	 depth;
	size_t		 counts[4];
	size_t		 root;
};

struct head {
	uint32_t	 magic;
	uint32_t	 version;
	size_t		 address;
	size_t		 map_size;
	struct tree	 unused;
	struct tree	 keys;
	size_t		 last_page;
	size_t		 transaction;
};

struct file {
	const unsigned char *octets;
	size_t		 page_size;
	size_t		 pages;
	bool		*seen;
};

static bool
read_head(const struct file *f, size_t i, struct head *out)
{
	const unsigned char *from = f->octets + i * f->page_size;
	struct page page;

	memcpy(&page, from, sizeof(page));
	memcpy(out, from + sizeof(page), sizeof(*out));
	return (page.flags & PAGE_META) != 0 && out->magic == MAGIC &&
	    out->unused.pad == f->page_size;
}

/* The head that LMDB takes. */
static bool
find_head(struct file *f, size_t size, struct head *out)
{
	struct head second;

	if (size < HEADS * PAGE_MIN)
		return false;
	memcpy(out, f->octets + sizeof(struct page), sizeof(*out));
	f->page_size = out->unused.pad;
	if (f->page_size < PAGE_MIN || f->page_size > PAGE_MAX ||
	    (f->page_size & (f->page_size - 1)) != 0 ||
	    size < HEADS * f->page_size || !read_head(f, 0, out) ||
	    !read_head(f, 1, &second))
		return false;
	if (second.transaction > out->transaction)
		*out = second;
	f->pages = size / f->page_size;
	return out->last_page < f->pages;
}

static bool is_page(const struct file *f, size_t number, unsigned height);

/* Node i of a page at that height above the leaves. */
static bool
is_node(const struct file *f, const unsigned char *octets, size_t i,
    unsigned height)
{
	struct page page;
	struct node n;
	uint16_t at;

	memcpy(&page, octets, sizeof(page));
	memcpy(&at, octets + sizeof(page) + i * sizeof(at), sizeof(at));
	if (at < page.upper || at % 2 != 0 || at + sizeof(n) > f->page_size)
		return false;
	memcpy(&n, octets + at, sizeof(n));
	size_t end = at + sizeof(n) + n.key_size;
	size_t number = n.low | (size_t)n.high << 16;
	if (height > 0)
		return n.flags == 0 && end <= f->page_size &&
		    is_page(f, number, height - 1);
	end += n.flags == NODE_ELSEWHERE ? sizeof(size_t) : number;
	return (n.flags & ~NODE_ELSEWHERE) == 0 && end <= f->page_size;
}

static bool
is_page(const struct file *f, size_t number, unsigned height)
{
	struct page page;

	if (number < HEADS || number >= f->pages || f->seen[number])
		return false;
	f->seen[number] = true;
	const unsigned char *octets = f->octets + number * f->page_size;
	memcpy(&page, octets, sizeof(page));
	if ((page.flags & PAGE_KINDS) !=
	    (height > 0 ? PAGE_BRANCH : PAGE_LEAF) ||
	    page.lower < sizeof(page) || page.lower > page.upper ||
	    page.upper > f->page_size)
		return false;
	size_t count = (page.lower - sizeof(page)) / sizeof(uint16_t);
	for (size_t i = 0; i < count; i++) {
		if (!is_node(f, octets, i, height))
			return false;
	}
	return count > (height > 0);
}

bool
list_lmdb_check(const void *octets, size_t size)
{
	struct file f = { .octets = octets };
	struct head head;

	if (!find_head(&f, size, &head) ||
	    (head.keys.flags & TREE_DUPLICATES) != 0)
		return false;
	if (head.keys.root == SIZE_MAX)
		return true;
	if (head.keys.depth < 1 || head.keys.depth > DEPTH_MAX)
		return false;
	f.pages = head.last_page + 1;
	f.seen = xcalloc(f.pages, sizeof(*f.seen));
	bool good = is_page(&f, head.keys.root, head.keys.depth - 1U);
	free(f.seen);
	return good;
}
