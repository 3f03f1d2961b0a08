/* SPDX-License-Identifier: BSD-2-Clause */
/* What printers ask of a transaction that has been played. */

#include "config.h"

#include <string.h>

#include "policy/reply.h"
#include "policy/rules.h"
#include "tool/dryrun_priv.h"

bool
dryrun_is_played(const struct dryrun_report *r, enum dryrun_stage stage)
{
	return stage != DRYRUN_STAGE_HELO || r->helo != NULL;
}

const struct rule *
dryrun_rule(const struct dryrun_report *r, size_t i, const char **failure)
{
	if (r->facts == NULL || i >= r->rules->count || (i > 0 &&
	    rule_failure(&r->rules->list[i - 1], r->facts) == NULL))
		return NULL;
	*failure = rule_failure(&r->rules->list[i], r->facts);
	return &r->rules->list[i];
}

bool
dryrun_reply_line(const struct dryrun_report *r, enum dryrun_stage stage,
    const char **at, char line[DRYRUN_LINE_SIZE])
{
	const struct reply *reply = stage == r->last ? r->reply : NULL;
	struct sbuf sb;

	if (reply == NULL)
		return false;
	if (*at == NULL)
		*at = reply->text;
	if (**at == '\0')
		return false;
	size_t len = strcspn(*at, "\n");
	bool last = (*at)[len] == '\0';
	sbuf_init(&sb, line, DRYRUN_LINE_SIZE);
	sbuf_fmt(&sb, "%u%c%s ", reply->code, last ? ' ' : '-',
	    reply->enhanced);
	sbuf_add(&sb, *at, len);
	*at += last ? len : len + 1;
	return true;
}
