/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of dns: backends, answers in the making, the table of answers and
 * questions.  For dns*.c and tests.
 */

#ifndef DNS_PRIV_H
#define DNS_PRIV_H

#include "dns/dns.h"

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
	/* dns_read_servers; NULL: there are none. */
	size_t	(*servers)(struct dns_backend *b,
		    struct dns_server_figures out[DNS_SERVERS_MAX]);
};

struct dns_backend {
	const struct dns_backend_ops	*ops;
	unsigned	 capacity;	/* questions at once; 0: any number */
	_Atomic bool	 no_server;	/* nobody is there to answer */
	_Atomic bool	 doubt;		/* a question failed: look whether the
					 * servers do; told to the backend */
	_Atomic int64_t	 failing_since_ms;	/* of dns_failing_since_ms */
	_Atomic int64_t	 seen_ms;	/* how the servers are: by an answer
					 * of theirs, or asked for */
};

/* text is changed; mistakes in it are of file. */
struct dns_backend *dns_zone_new(const char *file, char *text,
	    struct diag *d);

struct dns {
	int64_t			(*now_ms)(void);
	struct dns_backend	*backend;	/* of questions */
	struct dns_cache	*cache;
	_Atomic size_t		 cache_octets_max;
	struct dns_questions	*questions;
};

/*
 * A resolver on a given backend, which it owns from now on, whatever happens.
 * NULL: no thread could be made (errno).
 */
struct dns	*dns_new_backend(struct dns_backend *b,
		    const struct dns_options *o);
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
/* "SERVFAIL" */
const char *dns_failure_name(enum dns_failure why);
/*
 * A temporary error in words: the name of the failure and, if there is more
 * to say, more: "no answer" and " in 4 s".
 */
struct dns_answer *dns_answer_error(enum dns_failure why, const char *more,
	    enum dns_type type, uint32_t ttl);
void	dns_answer_acquire(struct dns_answer *a);

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
	bool			  known;	/* answer was when w came */
	struct dns_answer	 *answer;	/* shard lock; a reference */
	_Atomic unsigned	  waking;	/* calls of wake not over yet */
	void			(*wake)(void *);
	void			 *arg;
};

enum dns_turn {
	DNS_TURN_NONE,		/* has not asked for one */
	DNS_TURN_LATER,		/* waits */
	DNS_TURN_NOW,		/* is the backend's, or has been */
	DNS_TURN_NEVER		/* was refused or has left */
};

/* A question for the backend. */
struct dns_question {
	struct dns_key		 key;
	struct dns_waiter	*waiters;	/* shard lock */
	bool			 settled;	/* shard lock */
	_Atomic unsigned	 references;

	_Atomic(enum dns_turn)	 turn;		/* from here on of dns_turn.c */
	struct dns_asker	*asker;		/* the network that asks */
	struct dns_asker	*connection;	/* NULL: none */
	struct dns_question	*next_turn;
	struct dns_question	*prev_turn;

	struct dns_questions	*owner;		/* from here on of
						 * dns_question.c */
	int64_t			 deadline_ms;
	int64_t			 asked_us;
	_Atomic bool		 counted;	/* how it has ended */
	struct dns_question	*older;
	struct dns_question	*newer;
	bool			 listed;
};

enum dns_join {
	DNS_JOIN_ANSWERED,	/* w has the answer */
	DNS_JOIN_WAITS,		/* w waits for a question under way */
	DNS_JOIN_FIRST		/* fresh is under way now: start it */
};

/* stale_ms: how long answers may stand in for errors, 0 to UINT32_MAX. */
struct dns_cache *dns_cache_new(size_t octets, int64_t stale_ms);
void	dns_cache_free(struct dns_cache *c);	/* nothing in flight */
/*
 * Other values for those of dns_cache_new: what has room stays.  One thread at
 * a time; others may use it meanwhile.
 */
void	dns_cache_configure(struct dns_cache *c, size_t octets,
	    int64_t stale_ms, int64_t now_ms);

/* False: name cannot be a DNS name, *out is not to be used. */
bool	dns_cache_key(const struct dns_cache *c, struct dns_key *out,
	    const char *name, enum dns_type type);
/* A new reference, or NULL.  *stale: its time to live has ended. */
struct dns_answer *dns_cache_get(struct dns_cache *c,
	    const struct dns_key *k, int64_t now_ms, bool *stale);
/*
 * fresh becomes the table's until settled, if and only if it is the first.
 * *waiting: a new reference to a question under way whose turn has not come,
 * else NULL.
 */
enum dns_join dns_cache_join(struct dns_cache *c, struct dns_question *fresh,
	    struct dns_waiter *w, int64_t now_ms,
	    struct dns_question **waiting);
/* After start has returned.  True: w waits; false: it is served already. */
bool	dns_cache_wait(struct dns_cache *c, const struct dns_key *k,
	    struct dns_waiter *w);
/*
 * w waits no longer; it may have been served before.  Returns a new reference
 * to its question, which is not the table's any more, if now nobody waits for
 * it and its turn has not come; else NULL.
 */
struct dns_question *dns_cache_leave(struct dns_cache *c,
	    const struct dns_key *k, struct dns_waiter *w);
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
size_t	dns_cache_entries(struct dns_cache *c);	/* that have an answer */

/*
 * Turns: which questions the backend is given, see dns_turn.c.  The caller
 * sees to it that one thread at a time is in here.
 */
struct dns_turns;

struct dns_turns *dns_turns_new(unsigned capacity);
void	dns_turns_free(struct dns_turns *t);	/* nothing in flight */

/* NOW: give it to the backend; LATER: dns_turns_next will return it. */
enum dns_turn dns_turns_enter(struct dns_turns *t, struct dns_question *q,
	    const struct dns_client *c);
/* c waits for q too, which may be for the better. */
void	dns_turns_share(struct dns_turns *t, struct dns_question *q,
	    const struct dns_client *c);
/* Would dns_turns_next return one?  The next to be given to the backend. */
bool	dns_turns_ready(const struct dns_turns *t);
struct dns_question *dns_turns_next(struct dns_turns *t);
/* The backend has answered q. */
void	dns_turns_leave(struct dns_turns *t, struct dns_question *q);
/* True: q has waited and does no longer.  False: it was not LATER. */
bool	dns_turns_drop(struct dns_turns *t, struct dns_question *q);

/* Questions in flight, see dns_question.c. */
struct dns_questions;

/*
 * b is its own from now on, whatever happens; c is borrowed.  NULL: no thread
 * could be made (errno).
 */
struct dns_questions *dns_questions_new(struct dns_backend *b,
	    struct dns_cache *c, const struct dns_options *o);
void	dns_questions_free(struct dns_questions *qs);	/* nobody waits */
void	dns_questions_set_timeout(struct dns_questions *qs, int64_t ms);

/* True: w has the answer.  False: it will be woken, see dns_view_fetch. */
bool	dns_question_put(struct dns_questions *qs, const struct dns_key *k,
	    const struct dns_client *client, struct dns_waiter *w);
/* See dns_view_cancel.  w has put k at some time. */
void	dns_question_cancel(struct dns_questions *qs, const struct dns_key *k,
	    struct dns_waiter *w);

#endif
