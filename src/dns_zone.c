/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers from a text instead of the network: for the dry run and for tests.
 *
 * The text is like a master file (RFC 1035 s5):
 *
 *	$ORIGIN example.com.
 *	$TTL 300
 *	@	3600 IN	TXT	"v=spf1 mx include:_spf " "-all"  ; a comment
 *		MX	10 mail			; of the same name
 *	mail	A	192.0.2.1
 *	*.dyn	TXT	( "v=spf1"
 *			  " -all" )
 *	1.2.0.192.in-addr.arpa.	PTR	mail
 *	slow	TIMEOUT
 *	broken	SERVFAIL TXT
 *
 * A line is: name, time to live and class IN (both may be missing), type,
 * data.  A line that begins with a blank goes on with the name before; @ is
 * the origin.  A name without a trailing dot is relative to $ORIGIN; before
 * the first $ORIGIN it stands for itself.  Parentheses join lines.  \DDD and
 * \X are octets, in quotes or not; TXT strings over 255 octets are cut into
 * several.  $TTL is for the lines after it, and the last one is the time that
 * negative answers live; without one it is an hour.
 *
 * A AAAA MX TXT PTR CNAME are answered; SPF SOA NS SRV CAA HINFO DS DNSKEY
 * RRSIG NSEC TLSA NAPTR only make their name exist.  CNAMEs are followed, a
 * loop is a temporary error.  "*" as first label is a wildcard (RFC 4592).
 * A name below which there are others exists.  TIMEOUT never gets an answer
 * and SERVFAIL a temporary error, for the type that follows or for all.
 */

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "dns_priv.h"
#include "identity.h"
#include "lock.h"
#include "util.h"

#define DEFAULT_TTL 3600
#define CNAME_MAX 12
#define FILE_MAX (64 << 20)
#define RDATA_MAX 65535

enum {		/* types besides those of enum dns_type */
	TYPE_ANY = 0,
	TYPE_CNAME = 5,
	TYPE_OTHER = 65536,	/* the name exists */
	TYPE_TIMEOUT,
	TYPE_SERVFAIL
};

static const struct {
	const char	*word;
	int		 type;
} types[] = {
	{ "A", DNS_TYPE_A },
	{ "AAAA", DNS_TYPE_AAAA },
	{ "MX", DNS_TYPE_MX },
	{ "TXT", DNS_TYPE_TXT },
	{ "PTR", DNS_TYPE_PTR },
	{ "CNAME", TYPE_CNAME },
	{ "TIMEOUT", TYPE_TIMEOUT },
	{ "SERVFAIL", TYPE_SERVFAIL },
	{ "SPF", TYPE_OTHER }, { "SOA", TYPE_OTHER }, { "NS", TYPE_OTHER },
	{ "SRV", TYPE_OTHER }, { "CAA", TYPE_OTHER }, { "HINFO", TYPE_OTHER },
	{ "DS", TYPE_OTHER }, { "DNSKEY", TYPE_OTHER },
	{ "RRSIG", TYPE_OTHER }, { "NSEC", TYPE_OTHER },
	{ "TLSA", TYPE_OTHER }, { "NAPTR", TYPE_OTHER }
};

static const char wrong_number[] = "wrong number of words for this type";

struct zone_rr {
	char		*name;		/* lower case, no trailing dot */
	size_t		 order;		/* in the text */
	int		 type;
	int		 fault_type;	/* of TIMEOUT and SERVFAIL */
	uint32_t	 ttl;
	size_t		 len;
	uint8_t		*rdata;		/* and a NUL; CNAME: name as text */
};

/* A question that gets no answer before the end. */
struct parked {
	struct parked	*next;
	enum dns_type	 type;
	dns_done_fn	*done;
	void		*arg;
};

struct zone {
	struct dns_backend	 backend;	/* first */
	struct zone_rr		*rrs;		/* by name, then as written */
	size_t			 count;
	size_t			 room;
	uint32_t		 ttl;		/* of negative answers */
	struct lock		 lock;
	struct parked		*parked;	/* lock */
};

/* Words */

/* One of an entry, without its quotes and escapes; in place of them. */
struct word {
	char		*text;
	size_t		 len;
	bool		 plain;		/* had neither */
	bool		 bad_label;	/* an escape for a dot or NUL */
};

/* An entry is a line, or several where parentheses join them. */
struct reader {
	struct zone	*zone;
	struct diag	*diag;
	const char	*file;
	char		*at;
	unsigned	 line;		/* of at */
	unsigned	 entry_line;	/* where the entry begins */
	bool		 open;		/* within parentheses */
	bool		 failed;	/* the entry has been reported */
	struct sbuf	 data;		/* of the entry */
	char		 origin[DNS_NAME_MAX + 1];	/* "": none */
	char		 owner[DNS_NAME_MAX + 1];	/* "": none yet */
};

/* Only the first mistake of an entry: others may come of it. */
static bool
fail(struct reader *r, const char *what)
{
	if (!r->failed)
		diag_add(r->diag, r->file, r->entry_line, "%s", what);
	r->failed = true;
	return false;
}

/* Goes to the next word; false: the entry ends here, or cannot go on. */
static bool
find_word(struct reader *r)
{
	for (;; r->at++) {
		switch (*r->at) {
		case ';':
			r->at += strcspn(r->at, "\n") - 1;
			break;
		case '\0':
			return r->open && fail(r, "closing ) is missing");
		case '\n':
			if (!r->open)
				return false;
			r->line++;
			break;
		case '(':
		case ')':
			if (r->open == (*r->at == '('))
				return fail(r, "( and ) do not match");
			r->open = !r->open;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		default:
			return true;
		}
	}
}

/* One octet, an escape or itself. */
static bool
read_octet(struct reader *r, struct word *w)
{
	const char *s = r->at;
	uint64_t value;

	if (*s != '\\') {
		w->text[w->len++] = *r->at++;
		return true;
	}
	if (util_parse_uint(s + 1, 3, 255, &value)) {
		r->at += 4;
	} else if (s[1] != '\0' && s[1] != '\n' && !util_is_digit(s[1])) {
		value = (unsigned char)s[1];
		r->at += 2;
	} else {
		return fail(r, "bad \\ escape");
	}
	w->plain = false;
	w->bad_label |= value == '\0' || value == '.';
	w->text[w->len++] = (char)value;
	return true;
}

static bool
next_word(struct reader *r, struct word *w)
{
	if (!find_word(r))
		return false;

	bool quoted = *r->at == '"';
	const char *ends = quoted ? "\"\n" : " \t\r\n;()\"";

	*w = (struct word){ .text = r->at, .plain = !quoted };
	r->at += quoted;
	/* strchr finds the end of the text as well. */
	while (strchr(ends, *r->at) == NULL)
		if (!read_octet(r, w))
			return false;
	if (quoted && *r->at != '"')
		return fail(r, "closing quote is missing");
	r->at += quoted;
	return true;
}

static bool
word_is(const struct word *w, const char *text)
{
	return w->plain && w->len == strlen(text) &&
	    util_has_prefix_nocase(w->text, w->len, text);
}

/* -1: none. */
static int
parse_type(const struct word *w)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (word_is(w, types[i].word))
			return types[i].type;
	return -1;
}

static bool
parse_ttl(const struct word *w, uint32_t *out)
{
	uint64_t value;

	if (!w->plain || !util_parse_uint(w->text, w->len, INT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

/* A name in full without the trailing dot; "" is the root. */
static bool
parse_name(struct reader *r, const struct word *w, char out[DNS_NAME_MAX + 1])
{
	struct sbuf sb;
	size_t len = w->len;
	bool absolute = len > 0 && w->text[len - 1] == '.';

	sbuf_init(&sb, out, DNS_NAME_MAX + 1);
	if (word_is(w, "@")) {
		sbuf_str(&sb, r->origin);
		return true;
	}
	if (word_is(w, "."))
		return true;
	sbuf_add(&sb, w->text, absolute ? len - 1 : len);
	if (!absolute && r->origin[0] != '\0') {
		sbuf_char(&sb, '.');
		sbuf_str(&sb, r->origin);
	}
	return (!w->bad_label && sbuf_ok(&sb) &&
	    identity_name_is_valid(out, sb.len, false)) ||
	    fail(r, "not a domain name");
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = util_lower(*s);
}

/* Data: words become rdata. */

static bool
add_address(struct reader *r, const struct word *w, bool v4)
{
	struct addr a;

	if (!(v4 ? addr_parse_v4 : addr_parse_v6)(&a, w->text, w->len))
		return fail(r, v4 ? "not an IPv4 address" :
		    "not an IPv6 address");
	sbuf_add(&r->data, a.bytes, v4 ? 4 : 16);
	return true;
}

static bool
add_preference(struct reader *r, const struct word *w)
{
	uint64_t n;

	if (!util_parse_uint(w->text, w->len, UINT16_MAX, &n))
		return fail(r, "not a preference from 0 to 65535");
	sbuf_char(&r->data, (char)(n >> 8));
	sbuf_char(&r->data, (char)(n & 0xff));
	return true;
}

static bool
add_name(struct reader *r, const struct word *w)
{
	char storage[DNS_NAME_MAX + 1];
	const char *name = storage;

	if (!parse_name(r, w, storage))
		return false;
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		sbuf_char(&r->data, (char)label);
		sbuf_add(&r->data, name, label);
		name += label + (name[label] == '.');
	}
	sbuf_char(&r->data, '\0');
	return true;
}

static bool
add_cname(struct reader *r, const struct word *w)
{
	char name[DNS_NAME_MAX + 1];

	if (!parse_name(r, w, name))
		return false;
	lower(name);
	sbuf_str(&r->data, name);
	return true;
}

/* A string for each 255 octets of the words from w on. */
static bool
add_strings(struct reader *r, struct word *w)
{
	do {
		do {
			size_t len = w->len < 255 ? w->len : 255;
			sbuf_char(&r->data, (char)len);
			sbuf_add(&r->data, w->text, len);
			w->text += len;
			w->len -= len;
		} while (w->len > 0);
	} while (next_word(r, w));
	return sbuf_ok(&r->data) || fail(r, "more than 65535 octets of data");
}

static bool
set_fault_type(struct reader *r, const struct word *w, int *type)
{
	*type = parse_type(w);
	return (*type >= 0 && *type < TYPE_OTHER) ||
	    fail(r, "not a type that can be asked for");
}

static bool
read_data(struct reader *r, struct zone_rr *rr)
{
	struct word w;

	if (!next_word(r, &w))
		return rr->type >= TYPE_OTHER || fail(r, wrong_number);
	switch (rr->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return add_address(r, &w, rr->type == DNS_TYPE_A);
	case DNS_TYPE_MX:
		if (!add_preference(r, &w))
			return false;
		return next_word(r, &w) ? add_name(r, &w) :
		    fail(r, wrong_number);
	case DNS_TYPE_TXT:
		return add_strings(r, &w);
	case DNS_TYPE_PTR:
		return add_name(r, &w);
	case TYPE_CNAME:
		return add_cname(r, &w);
	case TYPE_TIMEOUT:
	case TYPE_SERVFAIL:
		return set_fault_type(r, &w, &rr->fault_type);
	default:
		while (next_word(r, &w))
			continue;
		return true;
	}
}

/* Entries */

static void
zone_add(struct zone *z, struct zone_rr rr, const char *name)
{
	if (z->count == z->room) {
		z->room = z->room == 0 ? 64 : z->room * 2;
		z->rrs = xreallocarray(z->rrs, z->room, sizeof(*z->rrs));
	}
	rr.name = xstrdup(name);
	rr.order = z->count;
	z->rrs[z->count++] = rr;
}

static bool
read_directive(struct reader *r, const struct word *directive)
{
	struct word w;

	if (word_is(directive, "$ORIGIN") && next_word(r, &w)) {
		r->origin[0] = '\0';
		return parse_name(r, &w, r->origin);
	}
	if (word_is(directive, "$TTL") && next_word(r, &w))
		return parse_ttl(&w, &r->zone->ttl) || fail(r, "not a time");
	return fail(r, "not a directive: $ORIGIN name or $TTL seconds");
}

static bool
read_entry(struct reader *r)
{
	struct zone_rr rr = { .ttl = r->zone->ttl };
	struct word w;
	bool same_owner = *r->at == ' ' || *r->at == '\t';
	bool more = next_word(r, &w);

	if (!more)
		return false;
	if (!same_owner && w.plain && w.text[0] == '$')
		return read_directive(r, &w);
	if (!same_owner) {
		if (!parse_name(r, &w, r->owner))
			return false;
		lower(r->owner);
		more = next_word(r, &w);
	} else if (r->owner[0] == '\0') {
		return fail(r, "no name");
	}
	while (more && (parse_ttl(&w, &rr.ttl) || word_is(&w, "IN")))
		more = next_word(r, &w);
	if (!more)
		return fail(r, "no type");
	rr.type = parse_type(&w);
	if (rr.type < 0)
		return fail(r, "unknown type");
	if (!read_data(r, &rr))
		return false;
	rr.len = r->data.len;
	rr.rdata = xmemdup(r->data.data, rr.len + 1);
	zone_add(r->zone, rr, r->owner);
	return true;
}

/* text is changed. */
static bool
read_zone(struct zone *z, const char *file, char *text, struct diag *d)
{
	struct reader r = {
		.zone = z, .diag = d, .file = file, .at = text, .line = 1
	};
	char data[RDATA_MAX + 1];
	size_t before = d->count;
	struct word w;

	while (*r.at != '\0') {
		sbuf_init(&r.data, data, sizeof(data));
		r.entry_line = r.line;
		r.open = false;
		r.failed = false;
		read_entry(&r);
		while (next_word(&r, &w))
			fail(&r, wrong_number);
		r.at += strcspn(r.at, "\n");
		if (*r.at == '\n') {
			r.at++;
			r.line++;
		}
	}
	return d->count == before;
}

/* Looking up */

static int
rr_compare(const void *pa, const void *pb)
{
	const struct zone_rr *a = pa;
	const struct zone_rr *b = pb;
	int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Sorted, and with every name above those that are there. */
static void
zone_index(struct zone *z)
{
	struct zone_rr above = { .type = TYPE_OTHER };
	size_t written = z->count;

	for (size_t i = 0; i < written; i++) {
		const char *dot = strchr(z->rrs[i].name, '.');
		for (; dot != NULL; dot = strchr(dot + 1, '.'))
			zone_add(z, above, dot + 1);
	}
	if (z->count > 0)
		qsort(z->rrs, z->count, sizeof(*z->rrs), rr_compare);
}

/* The records of one name, found by bisection; *n 0: there is no such name. */
static const struct zone_rr *
find_exact(const struct zone *z, const char *name, size_t *n)
{
	size_t low = 0;
	size_t high = z->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(z->rrs[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < z->count && strcmp(z->rrs[high].name, name) == 0)
		high++;
	*n = high - low;
	return *n > 0 ? &z->rrs[low] : NULL;
}

/* The name itself, or the wildcard below its closest encloser. */
static const struct zone_rr *
find_name(const struct zone *z, const char *name, size_t *n)
{
	char wildcard[DNS_NAME_MAX + 3];
	const struct zone_rr *rr = find_exact(z, name, n);
	const char *above = name;

	if (*n > 0)
		return rr;
	do {
		above = strchr(above, '.');
		if (above == NULL)
			return NULL;
		find_exact(z, ++above, n);
	} while (*n == 0);
	struct sbuf sb;
	sbuf_init(&sb, wildcard, sizeof(wildcard));
	sbuf_fmt(&sb, "*.%s", above);
	return find_exact(z, wildcard, n);
}

/* What the records of one name say about a type. */
struct found {
	int		 fault;		/* TYPE_TIMEOUT, TYPE_SERVFAIL or 0 */
	const char	*cname;
	size_t		 count;		/* of the type */
	uint32_t	 ttl;		/* the least of those used */
};

static void
look_at(const struct zone_rr *rr, size_t n, enum dns_type type,
    struct found *f)
{
	f->fault = 0;
	f->cname = NULL;
	f->count = 0;
	for (; n > 0; n--, rr++) {
		bool fault = rr->type >= TYPE_TIMEOUT;
		if (fault && (rr->fault_type == TYPE_ANY ||
		    rr->fault_type == (int)type)) {
			f->fault = rr->type;
			return;
		}
		if (rr->type == (int)type)
			f->count++;
		else if (rr->type == TYPE_CNAME)
			f->cname = (const char *)rr->rdata;
		else
			continue;
		if (rr->ttl < f->ttl)
			f->ttl = rr->ttl;
	}
}

static struct dns_answer *
answer_of(const struct zone_rr *rr, size_t n, enum dns_type type,
    uint32_t ttl)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, type, ttl);

	for (; n > 0; n--, rr++)
		if (rr->type == (int)type)
			dns_answer_add(a, rr->rdata, rr->len);
	dns_answer_finish(a);
	return a;
}

/* NULL: there will be no answer. */
static struct dns_answer *
zone_answer(const struct zone *z, const char *name, enum dns_type type)
{
	struct found f = { .ttl = UINT32_MAX };
	size_t n;

	for (int hops = 0; hops < CNAME_MAX; hops++) {
		const struct zone_rr *rr = find_name(z, name, &n);
		if (n == 0)
			return dns_answer_empty(DNS_NXDOMAIN, type, z->ttl);
		look_at(rr, n, type, &f);
		if (f.fault == TYPE_TIMEOUT)
			return NULL;
		if (f.fault == TYPE_SERVFAIL)
			break;
		if (f.count > 0)
			return answer_of(rr, n, type, f.ttl);
		if (f.cname == NULL)
			return dns_answer_empty(DNS_NODATA, type, z->ttl);
		name = f.cname;
	}
	return dns_answer_empty(DNS_TEMPERROR, type, DNS_TEMPERROR_TTL);
}

static void
zone_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct zone *z = (struct zone *)b;
	struct dns_answer *a = zone_answer(z, name, type);

	if (a != NULL) {
		done(arg, a);
		return;
	}
	struct parked *p = xcalloc(1, sizeof(*p));
	*p = (struct parked){ .type = type, .done = done, .arg = arg };
	lock_acquire(&z->lock);
	p->next = z->parked;
	z->parked = p;
	lock_release(&z->lock);
}

static void
zone_free(struct dns_backend *b)
{
	struct zone *z = (struct zone *)b;

	while (z->parked != NULL) {
		struct parked *p = z->parked;
		z->parked = p->next;
		p->done(p->arg, dns_answer_error(DNS_FAILURE_RESOLVER, "",
		    p->type, 0));
		free(p);
	}
	for (size_t i = 0; i < z->count; i++) {
		free(z->rrs[i].name);
		free(z->rrs[i].rdata);
	}
	free(z->rrs);
	lock_fini(&z->lock);
	free(z);
}

static const struct dns_backend_ops zone_ops = {
	.start = zone_start, .free = zone_free
};

static struct dns_backend *
zone_make(const char *file, char *text, struct diag *d)
{
	struct zone *z = xcalloc(1, sizeof(*z));

	z->backend.ops = &zone_ops;
	z->ttl = DEFAULT_TTL;
	lock_init(&z->lock);
	if (!read_zone(z, file, text, d)) {
		zone_free(&z->backend);
		return NULL;
	}
	zone_index(z);
	return &z->backend;
}

struct dns_backend *
dns_zone_new_text(const char *text, struct diag *d)
{
	char *copy = xstrdup(text);
	struct dns_backend *b = zone_make("zone text", copy, d);

	free(copy);
	return b;
}

/* The whole file with a NUL; NULL with errno. */
static char *
read_file(FILE *f)
{
	char *text = xreallocarray(NULL, FILE_MAX + 1, 1);
	size_t len = fread(text, 1, FILE_MAX, f);

	text[len] = '\0';
	if (!ferror(f) && len < FILE_MAX && strlen(text) == len)
		return text;
	if (!ferror(f))
		errno = len < FILE_MAX ? EILSEQ : EFBIG;
	free(text);
	return NULL;
}

struct dns_backend *
dns_zone_new(const char *path, struct diag *d)
{
	FILE *f = fopen(path, "re");
	char *text = f == NULL ? NULL : read_file(f);
	struct dns_backend *b = NULL;

	if (text == NULL)
		diag_add(d, path, 0, "cannot read: %s", strerror(errno));
	else
		b = zone_make(path, text, d);
	free(text);
	if (f != NULL)
		fclose(f);
	return b;
}
