/* SPDX-License-Identifier: BSD-2-Clause */
/* Any octets as an SPF record; a tree that comes out must hold together. */

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "spf/macro.h"
#include "spf/record.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct record_error err = { 0 };
	struct record *r = record_parse(s, size, &err);

	if (r == NULL) {
		assert(err.message != NULL && err.offset <= size);
		assert(err.term_len <= size && err.term <= size - err.term_len);
		return 0;
	}
	assert(record_is_spf(s, size) && size <= RECORD_TEXT_MAX);
	size_t end = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct record_term *t = &r->terms[i];
		assert(t->offset > end && t->len > 0);
		end = t->offset + t->len;
		assert(end <= r->len);
		assert(t->bits4 <= 32 && t->bits6 <= 128);
		assert(t->network.len <= 128);
		assert(record_mechanism_name(t->mechanism) != NULL);
		if (t->domain != NULL)
			(void)macro_uses_validated(t->domain);
	}
	record_free(r);
	return 0;
}
