/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS data: after a 'Z' a zone text, some names of which are asked for; else
 * the first octet is a type and the rest are records, each with two octets of
 * length, as rdata of one answer.  What comes out must hold together.
 */

#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/dns_priv.h"
#include "fake_dns.h"
#include "spf/record.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum dns_type types[] = {
	DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX, DNS_TYPE_PTR, DNS_TYPE_TXT,
	DNS_TYPE_SPF
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static bool
rr_fits(const struct dns_rr *rr, enum dns_type type)
{
	if (rr->data[rr->len] != '\0')
		return false;
	switch (type) {
	case DNS_TYPE_A:
		return rr->len == 4;
	case DNS_TYPE_AAAA:
		return rr->len == 16;
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		return rr->len <= RECORD_TEXT_MAX + 1;
	case DNS_TYPE_MX:
	case DNS_TYPE_PTR:
		return rr->len <= DNS_NAME_MAX && strlen(rr->data) == rr->len;
	}
	return false;
}

static void
check_answer(const struct dns_answer *a)
{
	assert(a->status != DNS_PENDING && a->status != DNS_LIMIT);
	assert((a->count > 0) == (a->status == DNS_OK));
	for (size_t i = 0; i < a->count; i++) {
		assert(rr_fits(&a->rr[i], a->type));
		assert(a->type != DNS_TYPE_MX || i == 0 ||
		    a->rr[i - 1].preference <= a->rr[i].preference);
	}
	assert(a->spf_count == 0 || a->type == DNS_TYPE_TXT ||
	    a->type == DNS_TYPE_SPF);
	for (size_t i = 0; i < a->spf_joint_count; i++)
		assert(a->spf_joints[i] <= RECORD_TEXT_MAX);
	assert((a->spf_count == 1) ==
	    ((a->spf != NULL) != (a->spf_error.message != NULL)));
}

static void
fuzz_rdata(const uint8_t *data, size_t size)
{
	struct dns_answer *a = dns_answer_new(DNS_OK, types[data[0] % TYPES],
	    60);

	data++;
	size--;
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		/* From storage of its own: reading past its end is seen. */
		uint8_t *rdata = xmemdup(data, len);
		dns_answer_add(a, rdata, len);
		free(rdata);
		data += len;
		size -= len;
	}
	dns_answer_finish(a);
	check_answer(a);
	dns_answer_release(a);
}

static void
take_answer(void *arg, struct dns_answer *a)
{
	(void)arg;
	check_answer(a);
	dns_answer_release(a);
}

static void
fuzz_zone(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a", "b", "example.com", "a.example.com", "b.a.example.com",
		"1.2.0.192.in-addr.arpa"
	};
	char *text = xstrndup((const char *)data, size);
	struct diag d;

	diag_init(&d);
	struct dns_backend *b = fake_zone_new(text, &d);
	assert((b == NULL) == (d.count > 0));
	diag_fini(&d);
	free(text);
	if (b == NULL)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t t = 0; t < TYPES; t++)
			b->ops->start(b, names[i], types[t], take_answer,
			    NULL);
	b->ops->free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'Z')
		fuzz_zone(data + 1, size - 1);
	else
		fuzz_rdata(data, size);
	return 0;
}
