/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How libunbound is set up: its options, whom it asks, the trust anchor, and
 * the start of its thread.
 *
 * Names that libunbound would answer by itself, because nobody may register
 * them, go to the servers like all others: networks use them inside.  It
 * keeps localhost and onion, which must not leave the machine (RFC 6761 s6.3,
 * RFC 7686 s2).
 */

#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unbound.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define MAX_SOCKETS 8192
#define MIN_SOCKETS 64
#define CLASS_IN 1

static bool
check(int error, const char *what, struct diag *d)
{
	if (error != 0)
		diag_add(d, NULL, 0, "dns: %s: %s", what, ub_strerror(error));
	return error == 0;
}

/* A socket a question: half of the descriptors are left to others. */
static unsigned
socket_count(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return MIN_SOCKETS;
	if (limit.rlim_cur / 2 > MAX_SOCKETS)
		return MAX_SOCKETS;
	if (limit.rlim_cur / 2 < MIN_SOCKETS)
		return MIN_SOCKETS;
	return (unsigned)(limit.rlim_cur / 2);
}

/* The rest is for what libunbound asks of its own. */
unsigned
dns_unbound_capacity(void)
{
	return socket_count() / 4 * 3;
}

static bool
set_number(struct ub_ctx *ctx, const char *option, unsigned n, struct diag *d)
{
	char text[16];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "%u", n);
	return check(ub_ctx_set_option(ctx, option, text), option, d);
}

/* By UDP; on the way to another machine it may not be cut into fragments. */
static unsigned
answer_size(const struct dns_plan *p)
{
	struct addr a;

	for (size_t i = 0; i < p->count; i++)
		if (!addr_parse(&a, p->servers[i].host) ||
		    !addr_is_loopback(&a))
			return 1232;
	return 4096;
}

static bool
set_options(struct ub_ctx *ctx, const struct dns_plan *p, struct diag *d)
{
	static const char *const needed[][2] = {
		{ "do-not-query-localhost:", "no" },
		{ "unblock-lan-zones:", "yes" },
		{ "insecure-lan-zones:", "yes" },
		{ "domain-insecure:", "test." },
		{ "domain-insecure:", "invalid." },
		{ "domain-insecure:", "home.arpa." },
		{ "rrset-cache-size:", "2m" },
		{ "prefetch:", "no" }
	};
	/*
	 * How it tries again; not all versions know all of these.  With its
	 * own figures a server that usually answers at once is given five
	 * tries within a second, too little for a name that this server has
	 * to look for; and a server that was away is shunned for minutes.
	 * With these the tries last about as long as our own timeout, and
	 * what was learned about a silent server is forgotten soon.
	 */
	static const char *const wanted[][2] = {
		{ "infra-cache-min-rtt:", "400" },
		{ "outbound-msg-retry:", "3" },
		{ "infra-host-ttl:", "3" },
		{ "infra-keep-probing:", "yes" },
		/*
		 * A connection a question: some servers answer in order, and
		 * behind a name that they find no answer to all others would
		 * wait in vain.
		 */
		{ "max-reuse-tcp-queries:", "1" }
	};

	if (!set_number(ctx, "outgoing-range:", socket_count(), d) ||
	    !set_number(ctx, "outgoing-num-tcp:", socket_count() / 16, d) ||
	    !set_number(ctx, "edns-buffer-size:", answer_size(p), d) ||
	    !check(ub_ctx_set_option(ctx, "module-config:", p->dnssec ?
	    "validator iterator" : "iterator"), "module-config", d) ||
	    !check(ub_ctx_set_option(ctx, "tcp-upstream:", p->tcp ? "yes" :
	    "no"), "tcp-upstream", d))
		return false;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!check(ub_ctx_set_option(ctx, needed[i][0], needed[i][1]),
		    needed[i][0], d))
			return false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ub_ctx_set_option(ctx, wanted[i][0], wanted[i][1]);
	return true;
}

/* libunbound writes "192.0.2.1@53". */
static bool
add_servers(struct ub_ctx *ctx, const struct dns_plan *p, struct diag *d)
{
	char server[DNS_SERVER_TEXT];
	struct sbuf sb;

	for (size_t i = 0; i < p->count; i++) {
		sbuf_init(&sb, server, sizeof(server));
		sbuf_fmt(&sb, "%s@%s", p->servers[i].host, p->servers[i].port);
		if (!check(ub_ctx_set_fwd(ctx, server), server, d))
			return false;
	}
	return true;
}

static void
on_localhost(void *arg, int error, struct ub_result *r)
{
	(void)arg;
	(void)error;
	ub_resolve_free(r);
}

/*
 * Reads the anchor, makes the local zones and starts libunbound's thread, by a
 * question that is answered at home.  That thread takes no signals either.
 */
static int
finalise(struct ub_ctx *ctx)
{
	static const char *const own_zones[] = {
		"test.", "invalid.", "home.arpa."
	};
	sigset_t all;
	sigset_t old;
	int error = 0;

	for (size_t i = 0; i < sizeof(own_zones) / sizeof(own_zones[0]) &&
	    error == 0; i++)
		error = ub_ctx_zone_remove(ctx, own_zones[i]);
	if (error != 0)
		return error;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = ub_resolve_async(ctx, "localhost.", DNS_TYPE_A, CLASS_IN,
	    NULL, on_localhost, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

struct ub_ctx *
dns_unbound_context_new(const struct dns_plan *p, struct diag *d)
{
	struct ub_ctx *ctx = ub_ctx_create();

	if (ctx == NULL) {
		diag_add(d, NULL, 0, "dns: cannot start libunbound");
		return NULL;
	}
	/* It would write to standard error otherwise. */
	ub_ctx_debugout(ctx, NULL);
	if (check(ub_ctx_async(ctx, 1), "threads", d) &&
	    set_options(ctx, p, d) && add_servers(ctx, p, d) &&
	    (!p->dnssec || check(ub_ctx_add_ta_file(ctx, ROOT_ANCHOR),
	    ROOT_ANCHOR, d)) &&
	    check(finalise(ctx), "libunbound", d))
		return ctx;
	ub_ctx_delete(ctx);
	return NULL;
}
