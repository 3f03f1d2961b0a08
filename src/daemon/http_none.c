/* SPDX-License-Identifier: BSD-2-Clause */
/* Built without libmicrohttpd. */

#include "config.h"

#include <stddef.h>

#include "daemon/http.h"

struct http *
http_start(const struct http_door *doors, size_t count,
    const struct http_route *routes, struct diag *d)
{
	(void)doors;
	(void)count;
	(void)routes;
	diag_add(d, NULL, 0, "this spf-milter is built without libmicrohttpd");
	return NULL;
}

void
http_wake(struct http *h)
{
	(void)h;
}

void
http_stop(struct http *h)
{
	(void)h;
}

const char *
http_version(void)
{
	return NULL;
}
