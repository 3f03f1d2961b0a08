/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stddef.h>

#include "why/why_site.h"

#define DAY_S INT64_C(86400)
#define AHEAD_S 3600		/* clocks of two hosts */

bool
why_site_token(const struct why_site *s, const char *text, int64_t now_s,
    struct token *out)
{
	if (text == NULL ||
	    !token_decode(out, text, s->keys, s->key_count))
		return false;
	return out->time_s <= now_s + AHEAD_S &&
	    now_s - out->time_s <= s->days * DAY_S;
}

const char *
why_site_answer(const struct why_site *s, const struct why_request *r,
    const struct why_check *check, int64_t now_s, FILE *out)
{
	struct token token;
	struct why_page page = {
		.texts = s->texts,
		.language = why_texts_choose(s->texts, r->language,
		    r->accept),
		.contact = s->contact,
		.days = s->days,
	};

	if (why_site_token(s, r->token, now_s, &token)) {
		page.token = &token;
		page.token_text = r->token;
		page.offers_check = s->offers_check;
		page.check = check;
	}
	why_page_write(&page, out);
	return page.language->code;
}
