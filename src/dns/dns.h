/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS for evaluations: a shared cache with one query in flight per question,
 * in front of a resolver that never blocks the caller.
 *
 * An evaluation is a function of the answers it has seen.  It asks its view;
 * an answer that is not there yet is DNS_PENDING: the evaluation unwinds,
 * dns_view_fetch starts the query, and when wake is called the evaluation
 * runs again from its start, now finding that answer in the view.  So no
 * thread ever waits inside an evaluation.
 */

#ifndef DNS_H
#define DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/util.h"
#include "spf/record.h"

enum dns_type {		/* wire values */
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SPF = 99	/* abandoned (RFC 7208 s3.1) */
};
const char	*dns_type_name(enum dns_type t);	/* "AAAA" */

enum dns_status {
	DNS_OK,			/* at least one resource record */
	DNS_NODATA,		/* the name exists, the type does not */
	DNS_NXDOMAIN,
	DNS_TEMPERROR,		/* enum dns_failure says why */
	DNS_PENDING,		/* not known yet: unwind and fetch */
	DNS_LIMIT		/* over the view's query limit: unwind */
};

enum dns_failure {
	DNS_FAILURE_NONE,
	DNS_FAILURE_SERVFAIL,
	DNS_FAILURE_REFUSED,
	DNS_FAILURE_TIMEOUT,	/* no answer in time */
	DNS_FAILURE_BOGUS,	/* DNSSEC says that it is forged */
	DNS_FAILURE_NO_SERVER,	/* there is nobody to ask */
	DNS_FAILURE_UNUSABLE,	/* an answer that cannot be understood */
	DNS_FAILURE_BUSY,	/* too many questions under way */
	DNS_FAILURE_RESOLVER	/* ours: it has stopped */
};

/*
 * One resource record.  A and AAAA: 4 or 16 octets.  TXT, SPF: the character
 * strings joined (RFC 7208 s3.3), NUL possible, cut at one octet more than
 * RECORD_TEXT_MAX; of the texts that are v=spf1, of those that are nearly, and
 * of those that are not, only the first two are kept each.  MX and PTR: the
 * name as text without a trailing dot; a dot or NUL inside a label cannot be
 * told apart and makes the record malformed (dropped, counted); "" is the
 * root.
 */
struct dns_rr {
	const char	*data;		/* len octets and a NUL */
	size_t		 len;
	uint16_t	 preference;	/* MX */
};
/* Of MX and PTR: whether it can be asked for; "" and oddities cannot. */
bool	dns_rr_is_name(const struct dns_rr *rr);

/* Immutable; lives as long as a view or the cache holds a reference. */
struct dns_answer {
	enum dns_status	 status;	/* OK NODATA NXDOMAIN TEMPERROR */
	enum dns_failure failure;	/* NONE unless DNS_TEMPERROR */
	char		*problem;	/* the same in words; NULL for NONE */
	uint32_t	 ttl;		/* seconds */
	size_t		 count;		/* records in rr; 0 unless DNS_OK */
	struct dns_rr	*rr;		/* MX by preference, then as received */

	/* TXT and SPF, filled when the answer is made, so once per cached
	 * answer: */
	size_t		 wire_size;	/* octets that the records, those not
					 * kept included, take in a message */
	size_t		 spf_count;	/* records that are v=spf1 */
	struct record	*spf;		/* parsed, if there is exactly one and
					 * it is well formed */
	struct record_error spf_error;	/* else why it is not well formed; its
					 * message is NULL where spf_count is
					 * not 1 */
	size_t		 spf_joint_count;
	uint16_t	*spf_joints;	/* where in the text of the first
					 * v=spf1 another string begins;
					 * empty ones do not count */

	enum dns_type	 type;
	_Atomic unsigned references;	/* of dns only */
	size_t		 octets;	/* memory it takes; of dns only */
};
/* Of A and AAAA: whether address is among them. */
bool	dns_answer_has(const struct dns_answer *a, const struct addr *address);

struct confine;
struct dns;

struct dns_options {
	const char *const *servers;	/* "192.0.2.1:53"; count 0: system */
	size_t		 server_count;
	const char	*resolv_conf;	/* NULL: /etc/resolv.conf */
	const char	*zone_file;	/* not NULL: answers from this text
					 * only, see spf-milter(8) */
	int64_t		 query_timeout_ms;	/* one name, all tries */
	size_t		 cache_size;	/* octets; 0: no cache */
	int64_t		 serve_stale_ms;	/* see dns_view_has_stale; 0:
						 * off; UINT32_MAX at most */
	bool		 dnssec;
	const char	*canary;	/* see dns_failing_since_ms; NULL or
					 * "": none */
	int64_t		(*now_ms)(void);	/* NULL: util_now_ms */
	void		(*failed)(void);	/* told once, on any thread,
					 * when no question can be put to
					 * the resolver any more; or NULL */
};

/* The port of a server, as the options name it; NULL: of resolv.conf. */
uint16_t	 dns_server_port(const char *server);
/*
 * Allows the TCP that a resolver makes to servers of resolv.conf, and to relays
 * of its own, which servers without EDNS take; files are for the caller.
 */
void		 dns_confine(struct confine *c);

/*
 * Starts the resolver and its threads.  NULL: d says why.  dns_free stops
 * them; no view may be alive.
 */
struct dns	*dns_new(const struct dns_options *o, struct diag *d);
void		 dns_free(struct dns *d);
/* "libunbound 1.17.1"; not from several threads at once. */
const char	*dns_version(void);

/*
 * Takes up what has changed of o, but for zone_file and failed, and the
 * servers of resolv.conf; questions under way go on as they began, and of the
 * cache stays what has room.  False: d says why, and all is as before.  One
 * thread at a time.
 */
bool		 dns_configure(struct dns *d, const struct dns_options *o,
		    struct diag *diag);

/*
 * Since when no server answers, or none has an answer for the canary, a name
 * that they should always find; 0: they do.  They are asked where questions
 * fail, and every few seconds until they answer again.
 */
int64_t		 dns_failing_since_ms(const struct dns *d);
/*
 * Has them asked in a moment, unless that or a question has shown how they are
 * not long ago.  For who wants to know while there is no mail; any thread.
 */
void		 dns_check_soon(struct dns *d);

struct dns_figures {
	size_t		 entries;	/* answers in the cache */
	size_t		 octets;	/* that they take */
	size_t		 octets_max;	/* that they may take */
};
void		 dns_read_figures(struct dns *d, struct dns_figures *out);

#define DNS_SERVERS_MAX 16	/* those behind are not asked */
#define DNS_SERVER_HOST 64	/* an address, perhaps with a scope */
#define DNS_SERVER_PORT 6
#define DNS_SERVER_TEXT (DNS_SERVER_HOST + DNS_SERVER_PORT + 4)

enum dns_server_state {
	DNS_SERVER_UNKNOWN,	/* not asked yet, or not to the end */
	DNS_SERVER_ANSWERS,	/* if only that it will not */
	DNS_SERVER_NO_EDNS,	/* where a question has none */
	DNS_SERVER_GARBAGE,
	DNS_SERVER_SILENT,
	DNS_SERVER_UNREACHABLE
};
const char	*dns_server_state_name(enum dns_server_state s); /* "answers" */

struct dns_server_figures {
	char		 address[DNS_SERVER_TEXT];	/* "192.0.2.1:53" */
	enum dns_server_state state;
	int64_t		 seen_ms;	/* util_now_ms when it was so */
};
/*
 * How many servers are asked, and how they were a while ago.  Has them asked
 * soon, so that who calls again knows more.  Any thread.
 */
size_t		 dns_read_servers(struct dns *d,
		    struct dns_server_figures out[DNS_SERVERS_MAX]);

/*
 * One evaluation's window on the DNS.  One thread at a time.  It keeps a
 * reference to each answer it has given, so every question is asked once and
 * every run of the evaluation sees the same answers.
 */
struct dns_view;

/*
 * Whose questions these are: what one connection, and the network of one
 * address (/24, /64), can have in flight is bounded, so that it cannot keep
 * the resolver from others.
 */
struct dns_client {
	uint64_t	 connection;	/* never used again; 0: none */
	struct addr	 address;	/* AF_UNSPEC: none */
};

/*
 * deadline_ms: past it every unknown answer is DNS_TEMPERROR.  client is
 * copied; NULL: nobody in particular.
 */
struct dns_view	*dns_view_new(struct dns *d, const struct dns_client *client,
		    int64_t deadline_ms, unsigned max_queries);
void		 dns_view_free(struct dns_view *v);	/* cancels; NULL ok */

/*
 * name: labels of any octets but NUL and dot, no trailing dot, not empty, at
 * most 253 octets, case insensitive.  DNS_OK, NODATA, NXDOMAIN, TEMPERROR:
 * *out is the answer, borrowed from the view.  It is NULL where the deadline
 * has passed (DNS_TEMPERROR) or the name is invalid (DNS_NXDOMAIN), and for
 * DNS_PENDING and DNS_LIMIT.
 */
enum dns_status	 dns_query(struct dns_view *v, const char *name,
		    enum dns_type type, const struct dns_answer **out);

/* Where an answer was when a view first asked for it. */
enum dns_source {
	DNS_SOURCE_NETWORK,
	DNS_SOURCE_CACHE,
	DNS_SOURCE_STALE	/* see dns_view_has_stale */
};

/*
 * A reference of one's own to an answer that v has given, for as long as one
 * likes.
 */
struct dns_answer *dns_view_share(const struct dns_view *v,
		    const struct dns_answer *answer, enum dns_source *source);
void		 dns_answer_release(struct dns_answer *a);	/* NULL ok */

/*
 * Asks now, without waiting, what a run that meets DNS_PENDING may ask next:
 * so it need not be fetched when the run comes to it.  It counts only then,
 * and none is asked beyond the view's limit.  The answer where it is known,
 * borrowed until the next call; NULL: it is not.  One that is
 * DNS_FAILURE_BUSY is asked anew where the run comes to it: until then no
 * more should be asked ahead.
 */
const struct dns_answer *dns_view_ahead(struct dns_view *v, const char *name,
		    enum dns_type type);

/*
 * After a run that met DNS_PENDING: starts the query (of several, the last),
 * as soon as it is the client's turn.
 * True: the answer is there already, run again at once.  False: wake(arg)
 * will be called exactly once, from another thread and without any lock held,
 * unless dns_view_cancel comes first.  The answer comes by the query timeout
 * at the latest.  Until then the view is for dns_view_cancel only.
 */
bool	dns_view_fetch(struct dns_view *v, void (*wake)(void *), void *arg);

/*
 * After it returns, wake of a fetch under way has either been called and
 * returned, or will never be called.  Not from within wake, and not with a
 * lock held that wake takes.  The view may be used on.
 */
void	dns_view_cancel(struct dns_view *v);

/* Questions this view has put, each once; and whether all came from cache. */
unsigned dns_view_queries(const struct dns_view *v);
bool	 dns_view_all_cached(const struct dns_view *v);

/*
 * Whether an answer given by this view is past its time to live (RFC 8767).
 * Where serve_stale_ms is set, such an answer takes the place of a temporary
 * error other than a failed validation, for so long after its time to live
 * has ended.  The DNS is asked first, but not again while the error stands.
 */
bool	 dns_view_has_stale(const struct dns_view *v);

#endif
