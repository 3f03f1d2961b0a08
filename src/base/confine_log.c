/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"

void
confine_log(const struct confine_report *r)
{
	char text[160];
	struct sbuf sb;
	const struct passwd *pw = getpwuid(geteuid());

	sbuf_init(&sb, text, sizeof(text));
	if (pw != NULL)
		sbuf_str(&sb, pw->pw_name);
	else
		sbuf_uint(&sb, geteuid());
	sbuf_char(&sb, ' ');
	confine_format(r, &sb);
	log_notice("confined: user=%s", text);
	for (unsigned p = 0; p < CONFINE_PARTS; p++)
		if (!r->holds[p])
			log_warning("not confined by %s: %s",
			    confine_part_name(p), r->missing[p]);
}
