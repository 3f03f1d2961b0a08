/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies from any template and any values.  Input: texts divided by NUL:
 * enhanced code, template, local part, domain, HELO, reason, explanation, and
 * the domain that explains.
 */

#include "config.h"

#include <assert.h>

#include "base/addr.h"
#include "base/util.h"
#include "policy/reply.h"
#include "texts.h"

#define TEXTS 8

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_reply(const struct reply *r)
{
	size_t lines = 0;
	size_t line = 0;

	assert(memchr(r->text, '\0', sizeof(r->text)) != NULL);
	assert(r->enhanced[0] == (char)('0' + r->code / 100));
	for (const char *p = r->text;; p++) {
		if (*p == '\n' || *p == '\0') {
			assert(line >= 1 && line <= REPLY_LINE_MAX);
			line = 0;
			lines++;
		} else {
			assert(util_is_print(*p));
			line++;
		}
		if (*p == '\0')
			break;
	}
	assert(lines <= REPLY_LINES_MAX);
}

static void
try_template(unsigned code, const char *enhanced, const char *text,
    const struct reply_vars *v)
{
	char err[200] = "";
	struct reply r;
	struct reply_template *t = reply_compile(code, enhanced, text, err,
	    sizeof(err));

	assert((t == NULL) == (err[0] != '\0'));
	if (t == NULL)
		return;
	reply_format(t, v, &r);
	check_reply(&r);
	reply_template_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text[TEXTS];
	struct addr client = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };

	texts_init(text, TEXTS, data, size);
	struct reply_vars v = {
		.macros = {
			.client = &client,
			.local = text[2],
			.sender_domain = text[3],
			.domain = text[3],
			.helo = text[4],
			.reason = text[5],
		},
		.explanation = text[6],
		.explanation_domain = text[7],
	};
	try_template(550, text[0], text[1], &v);
	try_template(451, "4.7.24", text[1], &v);
	try_template(550, "5.7.23", "%{c} %{d}\n%{reason} %{S}", &v);
	texts_fini(text, TEXTS);
	return 0;
}
