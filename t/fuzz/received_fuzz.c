/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text as a Received field.  Input: the value; it ends at a NUL. */

#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "policy/received.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = xstrndup((const char *)data, size);
	const char *end = value + strlen(value);
	struct received r;

	if (received_parse(&r, value) == RECEIVED_CLIENT) {
		assert(r.client.family == AF_INET ||
		    r.client.family == AF_INET6);
		assert(r.helo > value && r.helo + r.helo_len < end);
		assert(r.by > r.helo && r.by + r.by_len < end);
		assert(r.by_len > 0);
		for (size_t i = 0; i < r.helo_len; i++)
			assert((unsigned char)r.helo[i] > 0x20 &&
			    strchr("()\"\\", r.helo[i]) == NULL);
	}
	free(value);
	return 0;
}
