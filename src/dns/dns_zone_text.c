/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of a zone, read into records; spf-milter(8) describes its form.
 *
 * A text may come from anybody, so what is kept of it is in proportion to it:
 * names stay in two parts, of which the origin is kept once for all names
 * below it, and octets are packed into large blocks.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/util.h"
#include "dns/dns_zone_priv.h"
#include "spf/identity.h"

#define DEFAULT_TTL 3600
#define RDATA_MAX 65535
#define BLOCK_SIZE (2 * (RDATA_MAX + 1))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MISTAKES_MAX 50		/* then the rest is not read */

static const struct {
	const char	*word;
	int		 type;
} types[] = {
	{ "A", DNS_TYPE_A },
	{ "AAAA", DNS_TYPE_AAAA },
	{ "MX", DNS_TYPE_MX },
	{ "TXT", DNS_TYPE_TXT },
	{ "SPF", DNS_TYPE_SPF },
	{ "PTR", DNS_TYPE_PTR },
	{ "CNAME", ZONE_TYPE_CNAME },
	{ "TIMEOUT", ZONE_TYPE_TIMEOUT },
	{ "SERVFAIL", ZONE_TYPE_SERVFAIL },
};

static const char *const other_types[] = {
	"SOA", "NS", "SRV", "CAA", "HINFO", "DS", "DNSKEY", "RRSIG",
	"NSEC", "TLSA", "NAPTR"
};

static const char wrong_number[] = "wrong number of words for this type";

/* Memory of the zone. */

struct zone_block {
	struct zone_block	*next;
	size_t			 used;
	char			 octets[BLOCK_SIZE];
};

/* Room for len octets, BLOCK_SIZE at most. */
static char *
zone_room(struct zone_text *z, size_t len)
{
	struct zone_block *b = z->blocks;

	if (b == NULL || BLOCK_SIZE - b->used < len) {
		b = xreallocarray(NULL, 1, sizeof(*b));
		b->next = z->blocks;
		b->used = 0;
		z->blocks = b;
	}
	b->used += len;
	return b->octets + b->used - len;
}

static const char *
zone_keep(struct zone_text *z, const void *octets, size_t len)
{
	return memcpy(zone_room(z, len), octets, len);
}

static void
zone_add(struct zone_text *z, const struct zone_rr *rr)
{
	if (z->count == z->room) {
		z->room += z->room / 2 + 64;
		z->rrs = xreallocarray(z->rrs, z->room, sizeof(*z->rrs));
	}
	z->rrs[z->count] = *rr;
	z->rrs[z->count].order = (uint32_t)z->count;
	z->count++;
}

void
dns_zone_text_fini(struct zone_text *z)
{
	while (z->blocks != NULL) {
		struct zone_block *b = z->blocks;

		z->blocks = b->next;
		free(b);
	}
	free(z->rrs);
}

/* Words */

/* One of an entry, without its quotes and escapes; in place of them. */
struct word {
	char		*text;
	size_t		 len;
	bool		 plain;		/* had neither */
	bool		 escaped;
	bool		 bad_label;	/* an escape for a dot or NUL */
};

/* An entry is a line, or several where parentheses join them. */
struct reader {
	struct zone_text *zone;
	struct diag	*diag;
	const char	*file;
	char		*at;
	unsigned	 line;		/* of at */
	unsigned	 entry_line;	/* where the entry begins */
	bool		 open;		/* within parentheses */
	bool		 failed;	/* the entry has been reported */
	struct sbuf	 data;		/* of the entry */
	const char	*origin;	/* as of struct zone_name */
	struct zone_name owner;		/* own NULL: none yet */
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
	w->escaped = true;
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
	for (size_t i = 0; i < COUNT(types); i++)
		if (word_is(w, types[i].word))
			return types[i].type;
	for (size_t i = 0; i < COUNT(other_types); i++)
		if (word_is(w, other_types[i]))
			return ZONE_TYPE_OTHER;
	return -1;
}

/* Seconds, or numbers with units as in 1h30m. */
static bool
parse_ttl(const struct word *w, uint32_t *out)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t total = 0;
	uint64_t n;

	if (!w->plain)
		return false;
	if (util_parse_uint(w->text, w->len, INT32_MAX, &total)) {
		*out = (uint32_t)total;
		return true;
	}
	for (size_t i = 0; i < w->len; i++) {
		size_t start = i;

		while (i < w->len && util_is_digit(w->text[i]))
			i++;
		const char *unit = i == w->len ? NULL :
		    strchr(units, util_lower(w->text[i]));
		if (unit == NULL || !util_parse_uint(w->text + start,
		    i - start, INT32_MAX, &n))
			return false;
		total += n * seconds[unit - units];
		if (total > INT32_MAX)
			return false;
	}
	*out = (uint32_t)total;
	return w->len > 0;
}

/*
 * The part of a name that stands in the text, with A-labels, without the dot
 * at its end.  An escape means an octet and not a character.
 */
static bool
own_part(const struct word *w, size_t len, char out[DNS_NAME_MAX + 1])
{
	if (len > 4 * DNS_NAME_MAX || w->bad_label)
		return false;

	char *name = xstrndup(w->text, len);
	bool ok = w->escaped ? util_copy(out, DNS_NAME_MAX + 1, name) :
	    identity_name_to_ascii(name, out);
	free(name);
	return ok && identity_name_is_valid(out, strlen(out), false);
}

static bool
parse_name(struct reader *r, const struct word *w, struct zone_name *out)
{
	char own[DNS_NAME_MAX + 1];
	bool absolute = w->len > 0 && w->text[w->len - 1] == '.';

	*out = (struct zone_name){ "", "" };
	if (word_is(w, "@")) {
		out->own = r->origin + (r->origin[0] == '.');
		return true;
	}
	if (word_is(w, "."))
		return true;
	if (!absolute)
		out->origin = r->origin;
	if (!own_part(w, w->len - absolute, own) ||
	    strlen(own) + strlen(out->origin) > DNS_NAME_MAX)
		return fail(r, "not a domain name");
	out->own = zone_keep(r->zone, own, strlen(own) + 1);
	return true;
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
parse_preference(struct reader *r, const struct word *w, uint16_t *out)
{
	uint64_t n;

	if (!util_parse_uint(w->text, w->len, UINT16_MAX, &n))
		return fail(r, "not a preference from 0 to 65535");
	*out = (uint16_t)n;
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
	return (*type >= 0 && *type < ZONE_TYPE_OTHER) ||
	    fail(r, "not a type that can be asked for");
}

static bool
read_data(struct reader *r, struct zone_rr *rr)
{
	struct word w;

	if (!next_word(r, &w))
		return rr->type >= ZONE_TYPE_OTHER || fail(r, wrong_number);
	switch (rr->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return add_address(r, &w, rr->type == DNS_TYPE_A);
	case DNS_TYPE_MX:
		if (!parse_preference(r, &w, &rr->preference))
			return false;
		return next_word(r, &w) ? parse_name(r, &w, &rr->target) :
		    fail(r, wrong_number);
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		return add_strings(r, &w);
	case DNS_TYPE_PTR:
	case ZONE_TYPE_CNAME:
		return parse_name(r, &w, &rr->target);
	case ZONE_TYPE_TIMEOUT:
	case ZONE_TYPE_SERVFAIL:
		return set_fault_type(r, &w, &rr->fault_type);
	default:
		while (next_word(r, &w))
			continue;
		return true;
	}
}

/* Entries */

static bool
set_origin(struct reader *r, const struct word *w)
{
	struct zone_name name;
	char text[DNS_NAME_MAX + 2];
	struct sbuf sb;

	if (!parse_name(r, w, &name))
		return false;
	sbuf_init(&sb, text, sizeof(text));
	if (name.own[0] != '\0')
		sbuf_char(&sb, '.');
	sbuf_str(&sb, name.own);
	sbuf_str(&sb, name.origin);
	r->origin = zone_keep(r->zone, text, sb.len + 1);
	return true;
}

static bool
read_directive(struct reader *r, const struct word *directive)
{
	struct word w;

	if (word_is(directive, "$ORIGIN") && next_word(r, &w))
		return set_origin(r, &w);
	if (word_is(directive, "$TTL") && next_word(r, &w))
		return parse_ttl(&w, &r->zone->ttl) ||
		    fail(r, "not a time such as 300 or 1h30m");
	return fail(r, "not a directive: $ORIGIN name or $TTL time");
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
		if (!parse_name(r, &w, &r->owner))
			return false;
		more = next_word(r, &w);
	} else if (r->owner.own == NULL) {
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
	rr.name = r->owner;
	rr.len = (uint32_t)r->data.len;
	rr.data = zone_keep(r->zone, r->data.data, r->data.len);
	zone_add(r->zone, &rr);
	return true;
}

bool
dns_zone_text_read(struct zone_text *z, const char *file, char *text,
    struct diag *d)
{
	struct reader r = {
		.zone = z, .diag = d, .file = file, .at = text, .line = 1,
		.origin = ""
	};
	char data[RDATA_MAX + 1];
	size_t before = d->count;
	struct word w;

	*z = (struct zone_text){ .ttl = DEFAULT_TTL };
	while (*r.at != '\0' && d->count - before < MISTAKES_MAX) {
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
