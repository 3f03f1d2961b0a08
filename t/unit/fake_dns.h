/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A resolver for unit tests and fuzzers: it answers from a zone, and holds
 * questions back until the test answers them.
 */

#ifndef FAKE_DNS_H
#define FAKE_DNS_H

#include "base/lock.h"
#include "dns/dns.h"
#include "dns/dns_priv.h"

struct fake_question {
	struct fake_question	*next;
	char			 name[DNS_NAME_MAX + 1];
	enum dns_type		 type;
	dns_done_fn		*done;
	void			*arg;
};

struct fake_dns {
	struct dns_backend	 backend;	/* first; capacity and no_server
						 * are the test's to set */
	struct dns_backend	*zone;
	struct dns		*dns;
	struct dns_options	 options;
	_Atomic unsigned	 asked;		/* questions that have come */
	struct lock		 lock;
	const char		*held;		/* lock */
	struct fake_question	*open;		/* lock; the newest first */
};

/* A backend on a text as in spf-milter(8).  NULL: d says why. */
struct dns_backend *fake_zone_new(const char *text, struct diag *d);

/*
 * A DNS on *f, which is set up but for capacity and lives until dns_free.
 * zone NULL: no name exists.
 */
struct dns *fake_dns_open(struct fake_dns *f, const char *zone,
	    const struct dns_options *o);
/* Another zone from now on; with no question under way. */
void	fake_dns_set_zone(struct fake_dns *f, const char *zone);

/*
 * From now on questions for names that begin with prefix are held; "": all,
 * NULL: none.
 */
void	fake_dns_hold(struct fake_dns *f, const char *prefix);
/* Answers what is held, from the zone.  Returns how many there were. */
unsigned fake_dns_answer_all(struct fake_dns *f);
/* Answers the newest held for name (NULL: of all) with a.  False: none. */
bool	fake_dns_answer(struct fake_dns *f, const char *name,
	    struct dns_answer *a);
/* The same in two steps, for answers that come late. */
struct fake_question *fake_dns_take(struct fake_dns *f, const char *name);
void	fake_question_answer(struct fake_question *q, struct dns_answer *a);

/* An answer of one TXT record. */
struct dns_answer *fake_txt(const char *text, uint32_t ttl);

/* Moves the clock forward, which fake_dns_open sets right. */
void	fake_dns_advance(struct fake_dns *f, int64_t ms);
/* Fetches for v and waits for the answer. */
void	fake_dns_wait(struct dns_view *v);

#endif
