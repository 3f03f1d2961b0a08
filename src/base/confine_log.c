/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "base/confine.h"
#include "base/log.h"

void
confine_log(const struct confine_report *r)
{
	char text[120];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	confine_format(r, &sb);
	log_notice("confined: user=%s %s", r->user, text);
	for (unsigned p = 0; p < CONFINE_PARTS; p++)
		if (!r->holds[p])
			log_warning("not confined by %s: %s",
			    confine_part_name(p), r->missing[p]);
}
