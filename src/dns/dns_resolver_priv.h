/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of dns: whom the resolver asks, and how.  For dns_*.c and tests. */

#ifndef DNS_RESOLVER_PRIV_H
#define DNS_RESOLVER_PRIV_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "dns/dns_priv.h"

struct dns_backend;
struct ub_ctx;

struct dns_server {
	char		host[DNS_SERVER_HOST];
	char		port[DNS_SERVER_PORT];
};

/* "192.0.2.1:53", "[2001:db8::1]:53".  Returns out. */
const char *dns_server_format(const struct dns_server *s,
	    char out[DNS_SERVER_TEXT]);
/* False: it cannot be used as an address. */
bool	dns_server_address(const struct dns_server *s,
	    struct sockaddr_storage *out, socklen_t *len);

/* Whom to ask, and how. */
struct dns_plan {
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t		 count;		/* at least 1 */
	bool		 given;		/* by dns.servers: resolv.conf does
					 * not matter */
	bool		 tcp;		/* TCP only */
	bool		 dnssec;
	char		 canary[DNS_NAME_MAX + 1];	/* "": none */
};

/*
 * From the options and, where they name no server, from resolv.conf.  False:
 * d says why.
 */
bool	dns_plan_make(struct dns_plan *out, const struct dns_options *o,
	    struct diag *d);
bool	dns_plan_equal(const struct dns_plan *a, const struct dns_plan *b);
/* "192.0.2.1:53, [2001:db8::1]:53" */
void	dns_plan_format(const struct dns_plan *p, struct sbuf *out);

/* One question to one server, and what came of it. */
enum dns_probe_end {
	DNS_PROBE_SILENT,	/* nothing in time */
	DNS_PROBE_CLOSED,	/* nobody there, or no way to it */
	DNS_PROBE_GARBAGE,	/* something that is no answer */
	DNS_PROBE_ANSWERED
};

struct dns_probe {
	const struct dns_server	*server;
	bool			 tcp;
	bool			 edns;
	bool			 decides;	/* its answer ends the round */
	bool			 strict;	/* but not with an error */
	enum dns_probe_end	 end;
	unsigned		 rcode;		/* ANSWERED */
	/* From here on of dns_probe.c: */
	int			 fd;
	uint16_t		 id;
	bool			 sent;
};

/*
 * Asks all, past libunbound, until one that decides has an answer, all have
 * ended, wait_ms is over or stop_fd is readable (-1: none).
 */
void	dns_probe_round(struct dns_probe *probes, size_t count,
	    const char *name, uint16_t type, int64_t wait_ms, int stop_fd);

/* With an answer that is no error. */
bool	dns_probe_succeeded(const struct dns_probe *p);

enum dns_health {
	DNS_HEALTH_GOOD,	/* one answers: libunbound will find it */
	DNS_HEALTH_NO_EDNS,	/* none answers a question with EDNS */
	DNS_HEALTH_DOWN		/* none answers */
};

/*
 * Asks all servers until one answers.  *closed: nobody is there.  stop_fd as
 * above.  What is found of each is put into seen, which has as many.
 */
enum dns_health dns_health_check(const struct dns_plan *p, int64_t wait_ms,
	    int stop_fd, bool *closed, struct dns_server_figures *seen);
/* Asks all to the end, to see how each of them is. */
void	dns_health_survey(const struct dns_plan *p, int64_t wait_ms,
	    int stop_fd, struct dns_server_figures *seen);
/* One has an answer for the canary of the plan, or says that there is none. */
bool	dns_health_canary(const struct dns_plan *p, int64_t wait_ms,
	    int stop_fd);
/*
 * Why the servers have no answer, which is logged if one says it; TIMEOUT
 * where they say nothing.
 */
enum dns_failure dns_health_explain(const struct dns_plan *p,
	    const char *name, enum dns_type type, int64_t wait_ms,
	    int stop_fd);

/* Takes EDNS off the questions to one server; on a port of these. */
struct dns_relay;
#define DNS_RELAY_PORT 26853
#define DNS_RELAY_PORTS 64

/* NULL: errno. */
struct dns_relay *dns_relay_new(const struct dns_server *s);
void	dns_relay_free(struct dns_relay *r);
/* Where it waits for questions. */
void	dns_relay_server(const struct dns_relay *r, struct dns_server *out);

/* One libunbound; failed as in dns_options.  NULL: d says why. */
struct dns_backend *dns_unbound_new(const struct dns_plan *p,
	    void (*failed)(void), struct diag *d);
/* The library set up, with its thread running. */
struct ub_ctx *dns_unbound_context_new(const struct dns_plan *p,
	    struct diag *d);

/* Questions that one libunbound can be busy with at once. */
unsigned dns_unbound_capacity(void);

/* The resolver: libunbound by the plan of the day. */
struct dns_backend *dns_resolver_new(const struct dns_options *o,
	    struct diag *d);

#endif
