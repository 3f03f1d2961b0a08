/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens from strangers, and any facts made into one.  Input: a token; then,
 * divided by NUL: domain, receiver, rule, problem, local part and the client's
 * name.
 */

#include "config.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "policy/token.h"
#include "texts.h"

#define TEXTS 7

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* That of the tokens in the corpus. */
static const uint8_t keys[2][KEY_SIZE] = { { 1, 2, 3 }, { 4, 5, 6 } };

static void
check_text(const char *s, size_t size)
{
	assert(memchr(s, '\0', size) != NULL);
}

static void
read_token(const char *text)
{
	struct token t;

	if (!token_decode(&t, text, keys, 2))
		return;
	assert(t.result < RESULT_COUNT && t.level <= 255);
	check_text(t.domain, sizeof(t.domain));
	check_text(t.receiver, sizeof(t.receiver));
	check_text(t.client_name, sizeof(t.client_name));
	check_text(t.rule, sizeof(t.rule));
	check_text(t.reason, sizeof(t.reason));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];
	char made[TOKEN_SIZE];
	struct token back;
	struct token t = { .time_s = (int64_t)size, .result = RESULT_FAIL,
		.client = { .family = size % 2 == 0 ? AF_INET : AF_INET6 } };

	texts_init(text, TEXTS, data, size);
	read_token(text[0]);
	token_set_name(t.domain, sizeof(t.domain), text[1]);
	token_set_name(t.receiver, sizeof(t.receiver), text[2]);
	token_set_text(t.rule, sizeof(t.rule), text[3]);
	token_set_problem(&t, text[4], text[5]);
	token_set_name(t.client_name, sizeof(t.client_name), text[6]);
	token_encode(&t, keys[0], made);
	bool good = token_decode(&back, made, keys, 2);
	assert(good);
	assert(strcmp(back.domain, t.domain) == 0);
	assert(strcmp(back.receiver, t.receiver) == 0);
	texts_fini(text, TEXTS);
	return 0;
}
