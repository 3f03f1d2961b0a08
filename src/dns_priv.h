/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of dns: backends, answers in the making, the table of answers and
 * questions.  For dns*.c and tests.
 */

#ifndef DNS_PRIV_H
#define DNS_PRIV_H

#include <pthread.h>

#include "dns.h"

struct dns_backend;

/*
 * A backend resolves one question at a time per call to start, any number at
 * once.  done is called exactly once with a new reference to an answer, from
 * any thread or before start returns, without locks of the backend held; for
 * questions still open at free, by free.  name is lower case and is gone when
 * start has returned.
 */
typedef void dns_done_fn(void *arg, struct dns_answer *answer);

struct dns_backend_ops {
	void	(*start)(struct dns_backend *b, const char *name,
		    enum dns_type type, dns_done_fn *done, void *arg);
	void	(*free)(struct dns_backend *b);
	/* Like dns_configure; NULL: no option matters. */
	bool	(*configure)(struct dns_backend *b,
		    const struct dns_options *o, struct diag *d);
};

struct dns_backend {
	const struct dns_backend_ops	*ops;
	_Atomic bool	 no_server;	/* nobody is there to answer */
};

struct dns_backend *dns_zone_new(const char *path, struct diag *d);
struct dns_backend *dns_zone_new_text(const char *text, struct diag *d);

/*
 * A resolver on a given backend, which it owns from now on, whatever happens.
 * NULL: no thread could be made (errno).
 */
struct dns	*dns_new_backend(struct dns_backend *b,
		    const struct dns_options *o);
/* Moves the clock of d forward: time to live, timeouts, deadlines. */
void	dns_clock_advance_for_test(struct dns *d, int64_t ms);

/* A thread that takes no signals.  0 or an errno value. */
int	dns_thread_start(pthread_t *out, void *(*run)(void *), void *arg);

/* A temporary error is remembered for so long at most. */
#define DNS_TEMPERROR_TTL 5

/*
 * Building answers: dns_answer_new with the status, dns_answer_add for each
 * record in wire form (uncompressed rdata), dns_answer_finish sorts and
 * parses what is SPF.  Malformed rdata is counted and left out; an answer of
 * DNS_OK left without records becomes DNS_TEMPERROR, which is SERVFAIL unless
 * something else is said.
 */
struct dns_answer *dns_answer_new(enum dns_status status, enum dns_type type,
	    uint32_t ttl);
void	dns_answer_add(struct dns_answer *a, const uint8_t *rdata, size_t len);
void	dns_answer_finish(struct dns_answer *a);
/* All of it at once, for an answer without records. */
struct dns_answer *dns_answer_empty(enum dns_status status,
	    enum dns_type type, uint32_t ttl);
/*
 * A temporary error in words: the name of the failure and, if there is more
 * to say, more: "no answer" and " in 4 s".
 */
struct dns_answer *dns_answer_error(enum dns_failure why, const char *more,
	    enum dns_type type, uint32_t ttl);
void	dns_answer_acquire(struct dns_answer *a);
void	dns_answer_release(struct dns_answer *a);

/*
 * The table: answers by question, and the questions in flight with those who
 * wait for them.  One lock a shard; no function calls out under it.
 */
struct dns_cache;

#define DNS_NAME_MAX 253

/*
 * A question.  The hash is 128 bits under a secret key and stands for name
 * and type: no stranger can make two questions meet, in a bucket or at all.
 */
struct dns_key {
	uint64_t	 hash[2];
	uint16_t	 type;
	char		 name[DNS_NAME_MAX + 1];	/* lower case */
};

enum dns_waiter_state {
	DNS_WAITER_IDLE,	/* waits for nothing */
	DNS_WAITER_STARTING,	/* in its own call of the backend */
	DNS_WAITER_WAITING,	/* to be woken */
	DNS_WAITER_SERVED	/* answer is there */
};

/* Who waits for one question at a time.  Part of a view. */
struct dns_waiter {
	struct dns_waiter	 *next;		/* shard lock */
	struct dns_waiter	**link;		/* shard lock */
	enum dns_waiter_state	  state;	/* shard lock */
	bool			  stale;	/* answer is; shard lock */
	struct dns_answer	 *answer;	/* shard lock; a reference */
	_Atomic unsigned	  waking;	/* calls of wake not over yet */
	void			(*wake)(void *);
	void			 *arg;
};

/* A question given to the backend. */
struct dns_question {
	struct dns_key		 key;
	struct dns_waiter	*waiters;	/* shard lock */
	bool			 settled;	/* shard lock */

	struct dns		*dns;		/* from here on of dns.c */
	int64_t			 deadline_ms;
	struct dns_question	*older;
	struct dns_question	*newer;
	bool			 listed;
	_Atomic unsigned	 references;
};

enum dns_join {
	DNS_JOIN_ANSWERED,	/* w has the answer */
	DNS_JOIN_WAITS,		/* w waits for a question under way */
	DNS_JOIN_FIRST		/* fresh is under way now: start it */
};

/* stale_ms: how long answers may stand in for errors, 0 to UINT32_MAX. */
struct dns_cache *dns_cache_new(size_t octets, int64_t stale_ms);
void	dns_cache_free(struct dns_cache *c);	/* nothing in flight */

/* False: name cannot be a DNS name, *out is not to be used. */
bool	dns_cache_key(const struct dns_cache *c, struct dns_key *out,
	    const char *name, enum dns_type type);
/* A new reference, or NULL.  *stale: its time to live has ended. */
struct dns_answer *dns_cache_get(struct dns_cache *c,
	    const struct dns_key *k, int64_t now_ms, bool *stale);
/* fresh becomes the table's until settled, if and only if it is the first. */
enum dns_join dns_cache_join(struct dns_cache *c, struct dns_question *fresh,
	    struct dns_waiter *w, int64_t now_ms);
/* After start has returned.  True: w waits; false: it is served already. */
bool	dns_cache_wait(struct dns_cache *c, const struct dns_key *k,
	    struct dns_waiter *w);
/* w waits no longer; it may have been served before. */
void	dns_cache_leave(struct dns_cache *c, const struct dns_key *k,
	    struct dns_waiter *w);
/*
 * Gives answer to all who wait for q and remembers it; in place of an error
 * the stale answer that there may be.  True: it was the first answer for q.
 * A late answer serves who asked anew, unless it is a temporary error.
 * *wake: those to be woken, linked by next; waking of each has been raised.
 */
bool	dns_cache_settle(struct dns_cache *c, struct dns_question *q,
	    struct dns_answer *answer, int64_t now_ms,
	    struct dns_waiter **wake);
/* What all answers together take, never more than was allowed. */
size_t	dns_cache_octets(struct dns_cache *c);

#endif
