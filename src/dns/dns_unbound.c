/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libunbound as the resolver, asynchronous only.
 *
 * Questions go through a pipe to libunbound's own thread, answers come back
 * through another to a thread of ours, which calls done.  libunbound may take
 * half a minute to give a name up; dns.c does not wait for that, and knows
 * how many names it may be busy with.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/util.h"
#include "dns/dns_priv.h"
#include "dns/dns_resolver_priv.h"

#define HEADER_SIZE 12
#define FLAG_TC 0x02			/* of octet 2 */
#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3

struct lookup {
	struct lookup	*next;		/* lock of the backend */
	struct lookup	*prev;
	struct unbound	*unbound;
	enum dns_type	 type;
	dns_done_fn	*done;
	void		*arg;
};

struct unbound {
	struct dns_backend	 backend;	/* first */
	struct ub_ctx		*ctx;
	pthread_t		 thread;
	int			 stop[2];	/* pipe; -1: none */
	void			(*on_failure)(void);	/* or NULL */
	atomic_bool		 failed;
	struct lock		 lock;
	struct lookup		*open;		/* lock */
};

/* Answers */

/*
 * Records that are too many for a message without compressed names get lost
 * in libunbound: what is left looks like no data.
 */
static bool
is_truncated(const struct ub_result *r)
{
	const uint8_t *packet = r->answer_packet;

	return packet != NULL && r->answer_len >= HEADER_SIZE &&
	    (packet[2] & FLAG_TC) != 0;
}

/*
 * Of servers that refuse, fail, talk nonsense or are silent libunbound says
 * SERVFAIL and no more.
 */
static enum dns_failure
result_failure(const struct ub_result *r)
{
	if (r->bogus)
		return DNS_FAILURE_BOGUS;
	if (is_truncated(r))
		return DNS_FAILURE_UNUSABLE;
	if (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN)
		return DNS_FAILURE_NONE;
	return DNS_FAILURE_SERVFAIL;
}

static enum dns_status
result_status(const struct ub_result *r)
{
	if (r->rcode == RCODE_NXDOMAIN)
		return DNS_NXDOMAIN;
	return r->havedata ? DNS_OK : DNS_NODATA;
}

static void
log_bogus(const struct ub_result *r)
{
	struct log_record line = { .event = LOG_EVENT_DNS,
		.message = "dns: DNSSEC validation failed" };

	log_record_name(&line, "name", r->qname);
	/* It has the name, too. */
	if (r->why_bogus != NULL && !log_hides())
		log_record_string(&line, "reason", r->why_bogus);
	log_record_write(&line, LOG_LEVEL_WARNING);
}

/*
 * Negative answers carry the time of the SOA record (RFC 2308 s5).  Without
 * one libunbound invents a time, and such an answer is not to be kept long.
 */
static uint32_t
result_ttl(const struct ub_result *r, enum dns_status status)
{
	const uint8_t *packet = r->answer_packet;
	uint32_t ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
	uint32_t max = UINT32_MAX;

	bool soa = packet != NULL && r->answer_len >= HEADER_SIZE &&
	    (packet[8] | packet[9]) != 0;
	if (status != DNS_OK && !soa)
		max = DNS_TEMPERROR_TTL;
	return ttl < max ? ttl : max;
}

static struct dns_answer *
result_answer(enum dns_type type, int error, const struct ub_result *r)
{
	if (error != 0 || r == NULL)
		return dns_answer_error(DNS_FAILURE_RESOLVER, "", type,
		    DNS_TEMPERROR_TTL);
	enum dns_failure failure = result_failure(r);
	if (failure == DNS_FAILURE_BOGUS)
		log_bogus(r);
	if (failure != DNS_FAILURE_NONE)
		return dns_answer_error(failure, "", type, DNS_TEMPERROR_TTL);
	enum dns_status status = result_status(r);
	struct dns_answer *a = dns_answer_new(status, type,
	    result_ttl(r, status));
	for (size_t i = 0; status == DNS_OK && r->data[i] != NULL; i++)
		dns_answer_add(a, (const uint8_t *)r->data[i],
		    (size_t)r->len[i]);
	dns_answer_finish(a);
	return a;
}

/* Questions */

static struct lookup *
lookup_new(struct unbound *u, enum dns_type type, dns_done_fn *done,
    void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	*l = (struct lookup){
		.unbound = u, .type = type, .done = done, .arg = arg
	};
	lock_acquire(&u->lock);
	l->next = u->open;
	if (l->next != NULL)
		l->next->prev = l;
	u->open = l;
	lock_release(&u->lock);
	return l;
}

static void
lookup_done(struct lookup *l, struct dns_answer *a)
{
	struct unbound *u = l->unbound;

	lock_acquire(&u->lock);
	if (l->prev != NULL)
		l->prev->next = l->next;
	else
		u->open = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	lock_release(&u->lock);
	l->done(l->arg, a);
	free(l);
}

static void
on_result(void *arg, int error, struct ub_result *r)
{
	struct lookup *l = arg;

	lookup_done(l, result_answer(l->type, error, r));
	ub_resolve_free(r);
}

/* Without libunbound's thread, or ours, no question is ever answered. */
static void
fail(struct unbound *u, const char *reason)
{
	if (atomic_exchange(&u->failed, true))
		return;
	log_error("dns: the resolver has stopped: %s", reason);
	if (u->on_failure != NULL)
		u->on_failure();
}

/* libunbound reads names as master files do: all but the plain is escaped. */
static void
name_escape(const char *name, char out[DNS_NAME_MAX * 4 + 2])
{
	struct sbuf sb;

	sbuf_init(&sb, out, DNS_NAME_MAX * 4 + 2);
	for (const char *p = name; *p != '\0'; p++) {
		if (util_is_alnum(*p) || strchr("-_.", *p) != NULL)
			sbuf_char(&sb, *p);
		else
			sbuf_fmt(&sb, "\\%03u", (unsigned char)*p);
	}
	sbuf_char(&sb, '.');
}

static void
unbound_start(struct dns_backend *b, const char *name, enum dns_type type,
    dns_done_fn *done, void *arg)
{
	struct unbound *u = (struct unbound *)b;
	char escaped[DNS_NAME_MAX * 4 + 2];
	struct lookup *l = lookup_new(u, type, done, arg);

	name_escape(name, escaped);
	int error = ub_resolve_async(u->ctx, escaped, (int)type, CLASS_IN, l,
	    on_result, NULL);
	if (error == 0)
		return;
	if (error == UB_PIPE)
		fail(u, ub_strerror(error));
	lookup_done(l, result_answer(type, error, NULL));
}

/* The thread that calls done.  The pipe ends its waiting. */
static void *
unbound_run(void *arg)
{
	struct unbound *u = arg;
	struct pollfd fds[2] = {
		{ .fd = ub_fd(u->ctx), .events = POLLIN },
		{ .fd = u->stop[0], .events = POLLIN }
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			fail(u, strerror(errno));
			return NULL;
		}
		if (fds[1].revents != 0)
			return NULL;
		int error = fds[0].revents == 0 ? 0 : ub_process(u->ctx);
		if (error != 0) {
			fail(u, ub_strerror(error));
			return NULL;
		}
	}
}

/* Start and end */

static void
unbound_destroy(struct unbound *u)
{
	if (u->ctx != NULL)
		ub_ctx_delete(u->ctx);
	while (u->open != NULL)
		lookup_done(u->open, dns_answer_error(DNS_FAILURE_RESOLVER,
		    "", u->open->type, 0));
	for (size_t i = 0; i < 2; i++)
		if (u->stop[i] >= 0)
			close(u->stop[i]);
	lock_fini(&u->lock);
	free(u);
}

static void
unbound_free(struct dns_backend *b)
{
	struct unbound *u = (struct unbound *)b;

	close(u->stop[1]);
	u->stop[1] = -1;
	pthread_join(u->thread, NULL);
	unbound_destroy(u);
}

struct dns_backend *
dns_unbound_new(const struct dns_plan *p, void (*failed)(void),
    struct diag *d)
{
	static const struct dns_backend_ops ops = {
		.start = unbound_start, .free = unbound_free
	};
	struct unbound *u = xcalloc(1, sizeof(*u));
	int error = 0;

	u->backend.ops = &ops;
	u->on_failure = failed;
	u->stop[0] = u->stop[1] = -1;
	lock_init(&u->lock);
	u->ctx = dns_unbound_context_new(p, d);
	if (u->ctx != NULL) {
		error = pipe2(u->stop, O_CLOEXEC) != 0 ? errno :
		    thread_start(&u->thread, unbound_run, u);
		if (error == 0)
			return &u->backend;
		diag_add(d, NULL, 0, "dns: cannot start a thread: %s",
		    strerror(error));
	}
	unbound_destroy(u);
	return NULL;
}

const char *
dns_version(void)
{
	static char text[40];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "libunbound %s", ub_version());
	return text;
}
