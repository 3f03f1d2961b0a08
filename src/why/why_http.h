/* SPDX-License-Identifier: BSD-2-Clause */
/* The site over HTTP; libmicrohttpd is known here alone. */

#ifndef WHY_HTTP_H
#define WHY_HTTP_H

#include <stdint.h>

#include "base/util.h"
#include "why/why_recheck.h"
#include "why/why_site.h"

struct why_http;

/*
 * Serves site on a listening socket, which it takes, with a thread of its own.
 * rechecks: NULL where the site offers none.  All are borrowed.  NULL: d says
 * why.
 */
struct why_http	*why_http_start(int listener, const struct why_site *site,
		    struct why_rechecks *rechecks, struct diag *d);
/* Ends connections that last too long; to be called every second. */
void		 why_http_expire(struct why_http *h, int64_t now_ms);
/* After why_rechecks_stop, so that nobody waits for a result. */
void		 why_http_stop(struct why_http *h);

const char	*why_http_version(void);

#endif
