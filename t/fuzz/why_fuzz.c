/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page for any request, and for any facts that a token could have.  Input:
 * texts divided by NUL: token, language, Accept-Language, domain, receiver,
 * client's name, reason, and a record with the term that it decided by.
 */

#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "texts.h"
#include "why/why_propose.h"
#include "why/why_site.h"

#define TEXTS 9
#define NOW_S 1790000000

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of $SRCDIR/share/why, once; the first key is that of the corpus. */
static const struct why_site *
site(void)
{
	static struct why_site s = { .key_count = 1, .contact = "", .days = 30,
		.keys = { { 1, 2, 3 } }, .offers_check = true };

	if (s.texts == NULL) {
		const char *srcdir = getenv("SRCDIR");
		char *folder = xasprintf("%s/share/why",
		    srcdir != NULL ? srcdir : ".");
		struct diag d;

		diag_init(&d);
		s.texts = why_texts_load(folder, &d);
		assert(s.texts != NULL);
		diag_fini(&d);
		free(folder);
	}
	return &s;
}

/* Nothing of a text from outside is a tag, or ends an attribute. */
static void
check_page(const char *page)
{
	const char *body = strstr(page, "<body>");

	assert(body != NULL && strstr(body, "<script") == NULL);
	assert(strstr(body, "</body>\n</html>\n") != NULL);
	for (const char *p = body; (p = strchr(p, '<')) != NULL; p++)
		assert(util_is_alpha(p[1]) || p[1] == '/');
}

static void
try_request(const struct why_request *r)
{
	char *page = NULL;
	size_t len;
	FILE *out = open_memstream(&page, &len);

	assert(out != NULL);
	(void)why_site_answer(site(), r, NULL, NOW_S, out);
	fclose(out);
	check_page(page);
	free(page);
}

static void
try_facts(char *const *text, size_t size)
{
	struct token t = { .time_s = NOW_S,
		.result = (enum result)(size % RESULT_COUNT),
		.scope = size % 2 == 0 ? SCOPE_HELO : SCOPE_MAILFROM,
		.null_sender = size % 3 == 0,
		.client = { .family = size % 5 == 0 ? AF_INET6 : AF_INET } };
	char made[TOKEN_SIZE];

	token_set_name(t.domain, sizeof(t.domain), text[3]);
	token_set_name(t.receiver, sizeof(t.receiver), text[4]);
	token_set_name(t.client_name, sizeof(t.client_name), text[5]);
	token_set_text(t.reason, sizeof(t.reason), text[6]);
	token_encode(&t, site()->keys[0], made);
	try_request(&(struct why_request){ .token = made,
	    .language = size % 7 == 0 ? "ko" : NULL });
	char *proposal = why_propose_record(text[7], text[8], &t.client);
	assert(proposal == NULL || util_has_prefix_nocase(proposal,
	    strlen(proposal), "v=spf1"));
	free(proposal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];

	texts_init(text, TEXTS, data, size);
	try_request(&(struct why_request){ .token = text[0],
	    .language = text[1], .accept = text[2] });
	try_facts(text, size);
	texts_fini(text, TEXTS);
	return 0;
}
