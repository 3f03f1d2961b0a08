/* SPDX-License-Identifier: BSD-2-Clause */
/* Any octets as a mail log, whole and in pieces: the same messages. */

#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "tool/maillog.h"

struct seen {
	uint64_t	messages;
	uint64_t	octets;
};

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
see(void *arg, const struct maillog_entry *e)
{
	struct seen *s = arg;
	struct addr a;

	assert(addr_parse(&a, e->client));
	s->messages++;
	s->octets += strlen(e->sender) +
	    (e->name != NULL ? strlen(e->name) : 0) +
	    (e->helo != NULL ? strlen(e->helo) : 0) +
	    (e->rcpt != NULL ? strlen(e->rcpt) : 0);
}

static struct seen
feed(const uint8_t *data, size_t size, size_t piece)
{
	struct seen s = { 0, 0 };
	struct maillog *m = maillog_new(see, &s);

	for (size_t at = 0; at < size; at += piece)
		maillog_feed(m, (const char *)data + at,
		    size - at < piece ? size - at : piece);
	maillog_finish(m);
	maillog_free(m);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = feed(data, size, size + 1);
	struct seen pieces = feed(data, size, 7);

	assert(whole.messages == pieces.messages);
	assert(whole.octets == pieces.octets);
	return 0;
}
