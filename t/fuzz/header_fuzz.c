/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields from any texts.  Input: one octet for result and scope, then
 * texts divided by NUL: envelope-from, domain, helo, receiver, mechanism,
 * problem, our authserv-id, and the value of an incoming field.
 */

#include "config.h"

#include <assert.h>

#include "base/addr.h"
#include "base/util.h"
#include "policy/authres.h"
#include "policy/header.h"
#include "texts.h"

#define TEXTS 8

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Printable, LF only before TAB, and as many ";" as the caller may have. */
static void
check_field(const struct sbuf *sb, size_t separators)
{
	bool quoted = false;
	size_t line = 0;

	assert(sbuf_ok(sb) && sb->len == strlen(sb->data));
	for (const char *p = sb->data; *p != '\0'; p++) {
		line = *p == '\n' ? 0 : line + 1;
		assert(line <= 960);
		if (*p == '\n')
			assert(!quoted && *++p == '\t');
		else if (*p == '\\')
			assert(quoted && util_is_print(*++p));
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ';')
			assert(!quoted && separators-- > 0);
		else
			assert(util_is_print(*p));
	}
	assert(!quoted);
}

static void
check_all(const struct header_facts *f, const char *id)
{
	char storage[HEADER_VALUE_SIZE];
	struct sbuf sb;

	sbuf_init(&sb, storage, sizeof(storage));
	header_received_spf(&sb, f);
	check_field(&sb, 7);
	sbuf_init(&sb, storage, sizeof(storage));
	header_cover(&sb, f->receiver, f->problem);
	check_field(&sb, 1);
	sbuf_init(&sb, storage, sizeof(storage));
	header_auth_results(&sb, id, f);
	check_field(&sb, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];
	struct addr client = { .family = AF_INET6 };
	unsigned kind = size > 0 ? data[0] : 0;
	bool any = size > 0;

	texts_init(text, TEXTS, data + any, size - any);
	struct header_facts f = {
		.result = (enum result)(kind % RESULT_COUNT),
		.scope = (enum scope)(kind / RESULT_COUNT % SCOPE_COUNT),
		.source = (enum source)(kind / 16 % 3),
		.wide_open = text[7],
		.client = &client,
		.envelope_from = text[0],
		.domain = text[1],
		.helo = text[2],
		.receiver = text[3],
		.mechanism = text[4],
		.problem = text[5],
		.spared = kind % 2 != 0 ? "not refused for" : NULL,
		.author = text[1],
	};
	check_all(&f, text[6]);

	/* what we write ourselves is ours; whatever else there is ends */
	static const char own[] = "mx.example.org; spf=none";
	assert(authres_claims_id(own, "mx.example.org"));
	assert(authres_claims_spf(own));
	authres_claims_id(text[7], text[6]);
	authres_claims_id(text[7], "mx.example.org");
	authres_claims_spf(text[7]);
	texts_fini(text, TEXTS);
	return 0;
}
