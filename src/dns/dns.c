/* SPDX-License-Identifier: BSD-2-Clause */
/* The doors of dns: which backend it has, its start and its end. */

#include "config.h"

#include "dns/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define SEEN_MS 10000		/* so long it holds how servers are */
#define FILE_MAX (64 << 20)	/* of a zone */

static struct dns_backend *
zone_backend(const char *path, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd >= 0 ? util_read_text(fd, FILE_MAX) : NULL;
	struct dns_backend *b = NULL;

	if (text == NULL)
		diag_add(d, path, 0, "cannot read: %s", strerror(errno));
	else
		b = dns_zone_new(path, text, d);
	free(text);
	if (fd >= 0)
		close(fd);
	return b;
}

struct dns *
dns_new_backend(struct dns_backend *b, const struct dns_options *o)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->now_ms = o->now_ms != NULL ? o->now_ms : util_now_ms;
	d->backend = b;
	atomic_store(&d->cache_octets_max, o->cache_size);
	d->cache = dns_cache_new(o->cache_size, o->serve_stale_ms);
	d->questions = dns_questions_new(b, d->cache, o);
	if (d->questions != NULL)
		return d;
	int error = errno;
	dns_cache_free(d->cache);
	free(d);
	errno = error;
	return NULL;
}

struct dns *
dns_new(const struct dns_options *o, struct diag *diag)
{
	struct dns_backend *b = o->zone_file != NULL ?
	    zone_backend(o->zone_file, diag) : dns_resolver_new(o, diag);

	if (b == NULL)
		return NULL;
	struct dns *d = dns_new_backend(b, o);
	if (d == NULL)
		diag_add(diag, NULL, 0, "dns: cannot start a thread: %s",
		    strerror(errno));
	return d;
}

bool
dns_configure(struct dns *d, const struct dns_options *o, struct diag *diag)
{
	struct dns_backend *b = d->backend;

	if (b->ops->configure != NULL && !b->ops->configure(b, o, diag))
		return false;
	dns_questions_set_timeout(d->questions, o->query_timeout_ms);
	atomic_store(&d->cache_octets_max, o->cache_size);
	dns_cache_configure(d->cache, o->cache_size, o->serve_stale_ms,
	    util_now_ms());
	return true;
}

int64_t
dns_failing_since_ms(const struct dns *d)
{
	return atomic_load(&d->backend->failing_since_ms);
}

void
dns_check_soon(struct dns *d)
{
	int64_t now_ms = util_now_ms();
	int64_t seen_ms = atomic_load(&d->backend->seen_ms);

	if (now_ms - seen_ms >= SEEN_MS &&
	    atomic_compare_exchange_strong(&d->backend->seen_ms, &seen_ms,
	    now_ms))
		atomic_store(&d->backend->doubt, true);
}

void
dns_read_figures(struct dns *d, struct dns_figures *out)
{
	out->entries = dns_cache_entries(d->cache);
	out->octets = dns_cache_octets(d->cache);
	out->octets_max = atomic_load(&d->cache_octets_max);
}

size_t
dns_read_servers(struct dns *d, struct dns_server_figures out[DNS_SERVERS_MAX])
{
	struct dns_backend *b = d->backend;

	return b->ops->servers != NULL ? b->ops->servers(b, out) : 0;
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	dns_questions_free(d->questions);
	dns_cache_free(d->cache);
	free(d);
}
