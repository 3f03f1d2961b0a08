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
	{ "SPF", TYPE_OTHER },
	{ "SOA", TYPE_OTHER },
	{ "NS", TYPE_OTHER },
	{ "SRV", TYPE_OTHER },
	{ "CAA", TYPE_OTHER },
	{ "HINFO", TYPE_OTHER },
	{ "DS", TYPE_OTHER },
	{ "DNSKEY", TYPE_OTHER },
	{ "RRSIG", TYPE_OTHER },
	{ "NSEC", TYPE_OTHER },
	{ "TLSA", TYPE_OTHER },
	{ "NAPTR", TYPE_OTHER }
};

struct zone_rr {
	char		*name;		/* lower case, no trailing dot */
	size_t		 order;		/* in the text */
	int		 type;
	int		 fault_type;	/* of TIMEOUT and SERVFAIL */
	uint32_t	 ttl;
	size_t		 len;
	uint8_t		*rdata;		/* CNAME: the name as text */
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

/* Reading */

struct token {
	const char	*text;		/* escapes as they are */
	size_t		 len;
	bool		 quoted;
};

struct reader {
	struct zone	*zone;
	struct diag	*diag;
	const char	*file;
	const char	*at;
	unsigned	 line;		/* of at */
	unsigned	 entry_line;	/* where the entry begins */
	size_t		 errors;
	struct token	*tokens;	/* of the entry */
	size_t		 count;
	size_t		 room;
	char		 origin[DNS_NAME_MAX + 1];	/* "": none */
	char		 owner[DNS_NAME_MAX + 1];	/* "": none yet */
};

static bool
fail(struct reader *r, const char *what)
{
	diag_add(r->diag, r->file, r->entry_line, "%s", what);
	r->errors++;
	return false;
}

static void
push_token(struct reader *r, const char *from, bool quoted)
{
	if (r->count == r->room) {
		r->room = r->room == 0 ? 16 : r->room * 2;
		r->tokens = xreallocarray(r->tokens, r->room,
		    sizeof(*r->tokens));
	}
	r->tokens[r->count++] = (struct token){
		.text = from, .len = (size_t)(r->at - from), .quoted = quoted
	};
}

static bool
read_quoted(struct reader *r)
{
	const char *from = ++r->at;

	while (*r->at != '"') {
		if (*r->at == '\\' && r->at[1] != '\0' && r->at[1] != '\n')
			r->at++;
		if (*r->at == '\0' || *r->at == '\n')
			return fail(r, "closing quote is missing");
		r->at++;
	}
	push_token(r, from, true);
	r->at++;
	return true;
}

static void
read_word(struct reader *r)
{
	const char *from = r->at;

	while (*r->at != '\0' && strchr(" \t\r\n;()\"", *r->at) == NULL) {
		if (*r->at == '\\' && r->at[1] != '\0' && r->at[1] != '\n')
			r->at++;
		r->at++;
	}
	push_token(r, from, false);
}

static void
skip_line(struct reader *r)
{
	while (*r->at != '\0' && *r->at != '\n')
		r->at++;
}

/* The tokens of one entry, which may take several lines; false: an error. */
static bool
read_entry(struct reader *r)
{
	bool open = false;

	for (;;) {
		switch (*r->at) {
		case '\0':
			return !open || fail(r, "closing ) is missing");
		case '\n':
			r->line++;
			r->at++;
			if (!open)
				return true;
			break;
		case ';':
			skip_line(r);
			break;
		case '(':
		case ')':
			if (open == (*r->at == '('))
				return fail(r, "( and ) do not match");
			open = !open;
			r->at++;
			break;
		case '"':
			if (!read_quoted(r))
				return false;
			break;
		case ' ':
		case '\t':
		case '\r':
			r->at++;
			break;
		default:
			read_word(r);
		}
	}
}

/* One octet at s[*i], an escape or itself; false: a bad escape. */
static bool
unescape(const char *s, size_t len, size_t *i, char *out)
{
	uint64_t value;

	if (s[*i] != '\\') {
		*out = s[(*i)++];
		return true;
	}
	if (len - *i >= 4 && util_is_digit(s[*i + 1])) {
		if (!util_parse_uint(s + *i + 1, 3, 255, &value))
			return false;
		*out = (char)value;
		*i += 4;
		return true;
	}
	if (len - *i < 2 || util_is_digit(s[*i + 1]))
		return false;
	*out = s[*i + 1];
	*i += 2;
	return true;
}

static bool
labels_fit(const char *name)
{
	size_t label = 0;

	for (const char *p = name;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label < 1 || label > 63)
				return false;
			if (*p == '\0')
				return true;
			label = 0;
		} else {
			label++;
		}
	}
}

/* A name in full without the trailing dot; "" is the root. */
static bool
parse_name(struct reader *r, const struct token *t, char out[DNS_NAME_MAX + 1])
{
	struct sbuf sb;
	size_t i = 0;
	bool absolute = r->origin[0] == '\0';
	char c;

	sbuf_init(&sb, out, DNS_NAME_MAX + 1);
	if (t->len == 1 && t->text[0] == '@') {
		sbuf_str(&sb, r->origin);
		return true;
	}
	while (i < t->len) {
		bool escaped = t->text[i] == '\\';
		if (!unescape(t->text, t->len, &i, &c))
			return fail(r, "bad \\ escape in a name");
		if (c == '\0' || (escaped && c == '.'))
			return fail(r, "dot or NUL inside a label");
		if (c == '.' && i == t->len)
			absolute = true;
		else
			sbuf_char(&sb, c);
	}
	if (sb.len == 0 && t->len == 1)
		return true;
	if (!absolute) {
		sbuf_char(&sb, '.');
		sbuf_str(&sb, r->origin);
	}
	if (!sbuf_ok(&sb) || !labels_fit(out))
		return fail(r, "not a domain name");
	return true;
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = util_lower(*s);
}

/* Takes over rdata. */
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

/* Text to wire; out has at least two octets more than the text. */
static size_t
name_to_wire(const char *name, uint8_t *out)
{
	size_t n = 0;

	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		out[n++] = (uint8_t)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	return n;
}

static bool
data_address(struct reader *r, const struct token *t, struct zone_rr *rr)
{
	struct addr a;
	bool v4 = rr->type == DNS_TYPE_A;

	if (!(v4 ? addr_parse_v4 : addr_parse_v6)(&a, t->text, t->len))
		return fail(r, v4 ? "not an IPv4 address" :
		    "not an IPv6 address");
	rr->len = v4 ? 4 : 16;
	rr->rdata = xmemdup(a.bytes, rr->len);
	return true;
}

static bool
data_name(struct reader *r, const struct token *t, struct zone_rr *rr)
{
	char name[DNS_NAME_MAX + 1];
	uint8_t wire[2 + DNS_NAME_MAX + 2];
	uint64_t preference = 0;
	size_t n = 0;

	if (rr->type == DNS_TYPE_MX) {
		if (!util_parse_uint(t->text, t->len, UINT16_MAX, &preference))
			return fail(r, "not a preference from 0 to 65535");
		wire[n++] = (uint8_t)(preference >> 8);
		wire[n++] = (uint8_t)(preference & 0xff);
		t++;
	}
	if (!parse_name(r, t, name))
		return false;
	n += name_to_wire(name, wire + n);
	rr->len = n;
	rr->rdata = xmemdup(wire, n);
	return true;
}

static bool
data_cname(struct reader *r, const struct token *t, struct zone_rr *rr)
{
	char name[DNS_NAME_MAX + 1];

	if (!parse_name(r, t, name))
		return false;
	lower(name);
	rr->len = strlen(name) + 1;
	rr->rdata = xmemdup(name, rr->len);
	return true;
}

/* One token as character strings at out + n; the new n, 0 on error. */
static size_t
txt_string(struct reader *r, const struct token *t, uint8_t *out, size_t n)
{
	size_t length_at = n++;
	size_t i = 0;
	char c;

	while (i < t->len) {
		if (!unescape(t->text, t->len, &i, &c)) {
			fail(r, "bad \\ escape in a string");
			return 0;
		}
		if (n - length_at - 1 == 255) {
			out[length_at] = 255;
			length_at = n++;
		}
		if (n >= RDATA_MAX) {
			fail(r, "more than 65535 octets of data");
			return 0;
		}
		out[n++] = (uint8_t)c;
	}
	out[length_at] = (uint8_t)(n - length_at - 1);
	return n;
}

static bool
data_txt(struct reader *r, size_t from, struct zone_rr *rr)
{
	uint8_t *out = xreallocarray(NULL, RDATA_MAX + 2, 1);
	size_t n = 0;

	for (size_t i = from; i < r->count; i++) {
		if (n >= RDATA_MAX) {
			fail(r, "more than 65535 octets of data");
			n = 0;
		} else {
			n = txt_string(r, &r->tokens[i], out, n);
		}
		if (n == 0) {
			free(out);
			return false;
		}
	}
	rr->len = n;
	rr->rdata = xreallocarray(out, n, 1);
	return true;
}

static bool
token_is(const struct token *t, const char *word)
{
	return !t->quoted && t->len == strlen(word) &&
	    util_has_prefix_nocase(t->text, t->len, word);
}

static int
find_type(const struct token *t)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (token_is(t, types[i].word))
			return types[i].type;
	return -1;
}

static bool
data_fault(struct reader *r, size_t from, struct zone_rr *rr)
{
	rr->fault_type = TYPE_ANY;
	if (from == r->count)
		return true;
	rr->fault_type = find_type(&r->tokens[from]);
	if (rr->fault_type < 0 || rr->fault_type >= TYPE_OTHER)
		return fail(r, "not a type that can be asked for");
	return true;
}

/* Data of rr->type in the tokens that begin with from. */
static bool
parse_data(struct reader *r, size_t from, struct zone_rr *rr)
{
	const struct token *t = &r->tokens[from];
	size_t given = r->count - from;

	if (rr->type == TYPE_OTHER)
		return true;
	size_t wanted = rr->type == DNS_TYPE_MX ? 2 : 1;
	bool many = rr->type == DNS_TYPE_TXT;
	bool few = rr->type == TYPE_TIMEOUT || rr->type == TYPE_SERVFAIL;
	if ((given < wanted && !few) || (given > wanted && !many))
		return fail(r, "wrong number of words for this type");
	switch (rr->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return data_address(r, t, rr);
	case DNS_TYPE_TXT:
		return data_txt(r, from, rr);
	case TYPE_CNAME:
		return data_cname(r, t, rr);
	case TYPE_TIMEOUT:
	case TYPE_SERVFAIL:
		return data_fault(r, from, rr);
	default:
		return data_name(r, t, rr);
	}
}

static bool
parse_ttl(const struct token *t, uint32_t *out)
{
	uint64_t value;

	if (t->quoted || !util_parse_uint(t->text, t->len, INT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool
parse_directive(struct reader *r)
{
	const struct token *t = r->tokens;

	if (r->count == 2 && token_is(t, "$ORIGIN")) {
		r->origin[0] = '\0';
		return parse_name(r, t + 1, r->origin);
	}
	if (r->count == 2 && token_is(t, "$TTL"))
		return parse_ttl(t + 1, &r->zone->ttl) || fail(r, "not a time");
	return fail(r, "not a directive: $ORIGIN name or $TTL seconds");
}

static bool
parse_entry(struct reader *r, bool same_owner)
{
	struct zone_rr rr = { .ttl = r->zone->ttl };
	size_t i = 0;

	if (r->tokens[0].text[0] == '$' && !same_owner)
		return parse_directive(r);
	if (!same_owner && !parse_name(r, &r->tokens[i++], r->owner))
		return false;
	if (same_owner && r->owner[0] == '\0')
		return fail(r, "no name");
	lower(r->owner);
	while (i < r->count && (parse_ttl(&r->tokens[i], &rr.ttl) ||
	    token_is(&r->tokens[i], "IN")))
		i++;
	if (i == r->count)
		return fail(r, "no type");
	rr.type = find_type(&r->tokens[i]);
	if (rr.type < 0)
		return fail(r, "unknown type");
	if (!parse_data(r, i + 1, &rr))
		return false;
	zone_add(r->zone, rr, r->owner);
	return true;
}

static bool
read_zone(struct zone *z, const char *file, const char *text, struct diag *d)
{
	struct reader r = {
		.zone = z, .diag = d, .file = file, .at = text, .line = 1
	};

	while (*r.at != '\0') {
		bool same_owner = *r.at == ' ' || *r.at == '\t';
		r.entry_line = r.line;
		r.count = 0;
		if (!read_entry(&r))
			skip_line(&r);
		else if (r.count > 0)
			parse_entry(&r, same_owner);
	}
	free(r.tokens);
	return r.errors == 0;
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
		p->done(p->arg, dns_answer_empty(DNS_TEMPERROR, p->type, 0));
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
zone_make(const char *file, const char *text, struct diag *d)
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
	return zone_make("zone text", text, d);
}

/* The whole file with a NUL; NULL with errno. */
static char *
read_file(FILE *f)
{
	size_t room = 65536;
	size_t len = 0;
	char *text = xreallocarray(NULL, room, 1);

	for (;;) {
		size_t n = fread(text + len, 1, room - len - 1, f);
		len += n;
		if (n == 0)
			break;
		if (len + 1 == room && room < FILE_MAX) {
			room *= 2;
			text = xreallocarray(text, room, 1);
		}
	}
	text[len] = '\0';
	if (!ferror(f) && len + 1 < room && strlen(text) == len)
		return text;
	if (!ferror(f))
		errno = len + 1 < room ? EILSEQ : EFBIG;
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
