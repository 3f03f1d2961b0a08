/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers from wire rdata.
 *
 * An answer is built once and then shared by all threads, so whatever can be
 * worked out from it is worked out here: character strings are joined, names
 * become text, the SPF record is parsed.
 *
 * Of TXT records only what SPF can use is kept.  Where several v=spf1 records
 * stand, two prove it (RFC 7208 s4.5: permerror) and spf_count has the number
 * of all.  Other texts matter only as explanations, and there more than one
 * is as bad as a hundred (s6.2), so the first two are kept, and the first two
 * that are nearly records, for who looks for mistakes.  No text is kept beyond
 * RECORD_TEXT_MAX + 1 octets, one more than anything here accepts.
 */

#include "config.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "spf/identity.h"
#include "spf/record.h"

/* A DNS message has 65,535 octets; text and NULs need little more. */
#define DATA_MAX 131072

#define PROBLEM_SIZE 120

/* Name as a pointer, type, class, time to live and length (RFC 1035 s4.1). */
#define RR_OVERHEAD 12

#define TXT_KEEP 2
#define TXT_MAX (RECORD_TEXT_MAX + 1)

/* What a compiled macro of a record may take; only for the accounts. */
#define MACRO_OCTETS 128

struct built {
	struct dns_answer	 answer;	/* first: the public part */
	char			*data;		/* of all records, one by one */
	size_t			 used;
	size_t			 room;
	size_t			 rr_room;
	size_t			 nearly;	/* texts that are nearly SPF */
	bool			 malformed;
};

bool
dns_rr_is_name(const struct dns_rr *rr)
{
	return strlen(rr->data) == rr->len &&
	    identity_name_is_valid(rr->data, rr->len, false);
}

bool
dns_answer_has(const struct dns_answer *a, const struct addr *address)
{
	size_t size = address->family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < a->count; i++)
		if (a->rr[i].len == size &&
		    memcmp(a->rr[i].data, address->bytes, size) == 0)
			return true;
	return false;
}

const char *
dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_TYPE_A:
		return "A";
	case DNS_TYPE_PTR:
		return "PTR";
	case DNS_TYPE_MX:
		return "MX";
	case DNS_TYPE_TXT:
		return "TXT";
	case DNS_TYPE_SPF:
		return "SPF";
	case DNS_TYPE_AAAA:
		return "AAAA";
	}
	assert(false);
	return "";
}

struct dns_answer *
dns_answer_new(enum dns_status status, enum dns_type type, uint32_t ttl)
{
	assert(status != DNS_PENDING && status != DNS_LIMIT);
	struct built *b = xcalloc(1, sizeof(*b));
	b->answer.status = status;
	b->answer.type = type;
	b->answer.ttl = ttl;
	atomic_init(&b->answer.references, 1);
	return &b->answer;
}

static struct built *
built_of(struct dns_answer *a)
{
	return (struct built *)a;
}

/* One more record, of at most max octets to be written by the caller. */
static char *
rr_begin(struct built *b, size_t max)
{
	if (b->used + max + 1 > DATA_MAX)
		return NULL;
	if (b->used + max + 1 > b->room) {
		b->room = (b->used + max + 1) * 2;
		b->data = xreallocarray(b->data, b->room, 1);
	}
	return b->data + b->used;
}

static void
rr_end(struct built *b, size_t len, uint16_t preference)
{
	struct dns_answer *a = &b->answer;

	if (a->count == b->rr_room) {
		b->rr_room = b->rr_room == 0 ? 2 : b->rr_room * 2;
		a->rr = xreallocarray(a->rr, b->rr_room, sizeof(*a->rr));
	}
	b->data[b->used + len] = '\0';
	b->used += len + 1;
	a->rr[a->count++] = (struct dns_rr){
		.len = len, .preference = preference
	};
}

static bool
add_address(struct built *b, const uint8_t *rdata, size_t len)
{
	if (len != (b->answer.type == DNS_TYPE_A ? 4 : 16))
		return false;
	char *to = rr_begin(b, len);
	if (to == NULL)
		return false;
	memcpy(to, rdata, len);
	rr_end(b, len, 0);
	return true;
}

/* RFC 1035 s3.3.14: one or more strings that fill the rdata exactly. */
static bool
txt_well_formed(const uint8_t *rdata, size_t len)
{
	size_t i = 0;

	while (i < len)
		i += 1 + (size_t)rdata[i];
	return len > 0 && i == len;
}

/* Where strings that are not empty begin in the text, but for the first. */
static size_t
find_joints(const uint8_t *rdata, size_t len, uint16_t *joints)
{
	size_t count = 0;
	size_t n = 0;

	for (size_t i = 0; i < len && n < TXT_MAX; i += 1 + (size_t)rdata[i]) {
		if (n > 0 && rdata[i] > 0) {
			if (joints != NULL)
				joints[count] = (uint16_t)n;
			count++;
		}
		n += rdata[i];
	}
	return count;
}

static void
set_joints(struct dns_answer *a, const uint8_t *rdata, size_t len)
{
	a->spf_joint_count = find_joints(rdata, len, NULL);
	if (a->spf_joint_count == 0)
		return;
	a->spf_joints = xcalloc(a->spf_joint_count, sizeof(*a->spf_joints));
	(void)find_joints(rdata, len, a->spf_joints);
}

static bool
add_txt(struct built *b, const uint8_t *rdata, size_t len)
{
	struct dns_answer *a = &b->answer;

	a->wire_size += RR_OVERHEAD + len;
	if (!txt_well_formed(rdata, len))
		return false;
	char *to = rr_begin(b, TXT_MAX);
	if (to == NULL)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < len && n < TXT_MAX; i += 1 + (size_t)rdata[i]) {
		size_t piece = rdata[i];
		if (piece > TXT_MAX - n)
			piece = TXT_MAX - n;
		memcpy(to + n, rdata + i + 1, piece);
		n += piece;
	}
	size_t spf_kept = a->spf_count < TXT_KEEP ? a->spf_count : TXT_KEEP;
	bool keep;
	if (record_is_spf(to, n)) {
		keep = a->spf_count++ < TXT_KEEP;
		if (a->spf_count == 1)
			set_joints(a, rdata, len);
	} else {
		keep = a->count - spf_kept < TXT_KEEP ||
		    (record_is_nearly_spf(to, n) && b->nearly < TXT_KEEP);
	}
	if (keep && record_is_nearly_spf(to, n))
		b->nearly++;
	if (keep)
		rr_end(b, n, 0);
	return true;
}

/*
 * One label as text; false if its octets cannot stand in a name written with
 * dots and ended by a NUL.
 */
static bool
label_copy(char *to, const uint8_t *label, size_t len)
{
	memcpy(to, label, len);
	return memchr(to, '.', len) == NULL && memchr(to, '\0', len) == NULL;
}

static bool
add_name(struct built *b, const uint8_t *wire, size_t len,
    uint16_t preference)
{
	/* RFC 1035 s2.3.4: 255 octets, labels of 63, the root label last. */
	char *to = len <= DNS_NAME_MAX + 2 ? rr_begin(b, len) : NULL;
	if (to == NULL)
		return false;
	size_t n = 0;
	size_t i = 0;
	while (i < len && wire[i] != 0) {
		size_t label = wire[i];
		if (label > 63 || label >= len - i)
			return false;
		if (n > 0)
			to[n++] = '.';
		if (!label_copy(to + n, wire + i + 1, label))
			return false;
		n += label;
		i += 1 + label;
	}
	if (i + 1 != len)
		return false;
	rr_end(b, n, preference);
	return true;
}

void
dns_answer_add(struct dns_answer *a, const uint8_t *rdata, size_t len)
{
	struct built *b = built_of(a);
	bool ok = false;

	assert(a->status == DNS_OK);
	switch (a->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		ok = add_address(b, rdata, len);
		break;
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		ok = add_txt(b, rdata, len);
		break;
	case DNS_TYPE_MX:
		ok = len > 2 && add_name(b, rdata + 2, len - 2,
		    (uint16_t)(rdata[0] << 8 | rdata[1]));
		break;
	case DNS_TYPE_PTR:
		ok = add_name(b, rdata, len, 0);
		break;
	}
	if (!ok)
		b->malformed = true;
}

static int
rr_compare(const void *pa, const void *pb)
{
	const struct dns_rr *a = pa;
	const struct dns_rr *b = pb;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return a->data < b->data ? -1 : a->data > b->data;
}

/* Storage moves no more: shrink it, point into it. */
static void
answer_seal(struct built *b)
{
	struct dns_answer *a = &b->answer;

	if (a->count == 0)
		return;
	b->data = xreallocarray(b->data, b->used, 1);
	a->rr = xreallocarray(a->rr, a->count, sizeof(*a->rr));
	const char *data = b->data;
	for (size_t i = 0; i < a->count; i++) {
		a->rr[i].data = data;
		data += a->rr[i].len + 1;
	}
	if (a->type == DNS_TYPE_MX)
		qsort(a->rr, a->count, sizeof(*a->rr), rr_compare);
}

static void
answer_parse_spf(struct dns_answer *a)
{
	struct record_error err;

	if (a->spf_count != 1)
		return;
	for (size_t i = 0; i < a->count; i++) {
		const struct dns_rr *rr = &a->rr[i];
		if (!record_is_spf(rr->data, rr->len))
			continue;
		a->spf = record_parse(rr->data, rr->len, &err);
		if (a->spf == NULL)
			a->spf_error = err;
		return;
	}
}

const char *
dns_failure_name(enum dns_failure why)
{
	static const char *const names[] = {
		[DNS_FAILURE_NONE] = "",
		[DNS_FAILURE_SERVFAIL] = "SERVFAIL",
		[DNS_FAILURE_REFUSED] = "REFUSED",
		[DNS_FAILURE_TIMEOUT] = "no answer",
		[DNS_FAILURE_BOGUS] = "DNSSEC bogus",
		[DNS_FAILURE_NO_SERVER] = "no name server",
		[DNS_FAILURE_UNUSABLE] = "unusable answer",
		[DNS_FAILURE_BUSY] = "too many questions under way",
		[DNS_FAILURE_RESOLVER] = "the resolver has stopped"
	};

	return names[why];
}

/* The sentence that logs, fields and replies end with. */
static void
set_failure(struct dns_answer *a, enum dns_failure why, const char *more)
{
	char text[PROBLEM_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_str(&sb, dns_failure_name(why));
	sbuf_str(&sb, more);
	a->status = DNS_TEMPERROR;
	a->failure = why;
	a->problem = xstrdup(text);
}

static size_t
answer_octets(const struct built *b)
{
	const struct dns_answer *a = &b->answer;
	size_t n = sizeof(*b) + b->used + a->count * sizeof(*a->rr) +
	    a->spf_joint_count * sizeof(*a->spf_joints);

	if (a->problem != NULL)
		n += strlen(a->problem) + 1;
	if (a->spf != NULL)
		n += sizeof(*a->spf) + 2 * a->spf->len + a->spf->count *
		    (sizeof(*a->spf->terms) + MACRO_OCTETS);
	return n;
}

void
dns_answer_finish(struct dns_answer *a)
{
	struct built *b = built_of(a);

	if (b->malformed)
		stats_inc(STATS_DNS_BAD_ANSWERS);
	if (a->status == DNS_OK && a->count == 0)
		set_failure(a, DNS_FAILURE_UNUSABLE, "");
	if (a->status == DNS_TEMPERROR && a->failure == DNS_FAILURE_NONE)
		set_failure(a, DNS_FAILURE_SERVFAIL, "");
	answer_seal(b);
	answer_parse_spf(a);
	a->octets = answer_octets(b);
}

struct dns_answer *
dns_answer_empty(enum dns_status status, enum dns_type type, uint32_t ttl)
{
	struct dns_answer *a = dns_answer_new(status, type, ttl);

	dns_answer_finish(a);
	return a;
}

struct dns_answer *
dns_answer_error(enum dns_failure why, const char *more, enum dns_type type,
    uint32_t ttl)
{
	struct dns_answer *a = dns_answer_new(DNS_TEMPERROR, type, ttl);

	set_failure(a, why, more);
	dns_answer_finish(a);
	return a;
}

void
dns_answer_acquire(struct dns_answer *a)
{
	atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
}

void
dns_answer_release(struct dns_answer *a)
{
	if (a == NULL || atomic_fetch_sub_explicit(&a->references, 1,
	    memory_order_acq_rel) != 1)
		return;
	struct built *b = built_of(a);
	if (a->spf != NULL)
		record_free(a->spf);
	free(a->spf_joints);
	free(a->rr);
	free(a->problem);
	free(b->data);
	free(b);
}
