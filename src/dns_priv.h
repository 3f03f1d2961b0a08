/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of dns: backends, and making answers.  For dns*.c and tests. */

#ifndef DNS_PRIV_H
#define DNS_PRIV_H

#include "dns.h"

struct dns_backend;

/*
 * A backend resolves one question at a time per call to start, any number at
 * once.  done is called exactly once with a new reference to an answer, from
 * any thread or before start returns, without locks of the backend held;
 * after stop has returned, never again.  name is lower case.
 */
typedef void dns_done_fn(void *arg, struct dns_answer *answer);

struct dns_backend_ops {
	void	(*start)(struct dns_backend *b, const char *name,
		    enum dns_type type, dns_done_fn *done, void *arg);
	void	(*free)(struct dns_backend *b);
};

struct dns_backend {
	const struct dns_backend_ops	*ops;
};

struct dns_backend *dns_unbound_new(const struct dns_options *o,
	    struct diag *d);
struct dns_backend *dns_zone_new(const char *path, struct diag *d);
struct dns_backend *dns_zone_new_text(const char *text, struct diag *d);

/* A resolver on a given backend, which it owns from now on. */
struct dns	*dns_new_backend(struct dns_backend *b,
		    const struct dns_options *o);

/*
 * Building answers: dns_answer_new with the status, dns_answer_add for each
 * record in wire form (uncompressed rdata), dns_answer_finish sorts and
 * parses what is SPF.  Malformed rdata is counted and left out; an answer of
 * DNS_OK left without records becomes DNS_TEMPERROR.
 */
struct dns_answer *dns_answer_new(enum dns_status status, enum dns_type type,
	    uint32_t ttl);
void	dns_answer_add(struct dns_answer *a, const uint8_t *rdata, size_t len);
void	dns_answer_finish(struct dns_answer *a);
void	dns_answer_acquire(struct dns_answer *a);
void	dns_answer_release(struct dns_answer *a);

#endif
