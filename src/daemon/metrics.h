/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon tells of itself to who watches it: metrics and health. */

#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct diag;
struct dns;
struct http_answer;
struct http_request;
struct session_env;

/* Where they come from, borrowed.  Before the routes below are served. */
void	metrics_init(const struct session_env *env, struct dns *dns);
/* A reload has ended; now_s: seconds since 1970. */
void	metrics_note_reload(bool ok, int64_t now_s);

/* Figures of this moment. */
struct metrics_figures {
	uint64_t	ready;		/* 1: see metrics_is_ready */
	uint64_t	sessions_open;
	uint64_t	flights;	/* lookups that wait for the DNS */
	uint64_t	cache_entries;
	uint64_t	cache_octets;
	uint64_t	cache_octets_max;
	uint64_t	dns_failing;	/* 1: no name server answers */
	uint64_t	breaker_open;	/* 1: temperrors are our own fault */
	uint64_t	grace_entries;	/* deferred senders remembered */
	uint64_t	rules;
	uint64_t	rules_expired;
	uint64_t	behavior;
	uint64_t	behavior_helo;
	uint64_t	reload_ok;	/* 1: or there was none */
	uint64_t	reload_s;	/* the last good one, or the start */
};
void	metrics_read(struct metrics_figures *out);

struct dns_server_figures;
/* As dns_read_servers. */
size_t	metrics_read_servers(struct dns_server_figures *out);

/*
 * Whether mail is served, and checks can have results; else reason says why
 * not.
 */
#define METRICS_REASON_SIZE 120
bool	metrics_is_ready(char reason[METRICS_REASON_SIZE]);

/* Of routes, see http.h: GET /metrics, /healthz, /readyz. */
bool	metrics_answer(struct http_request *q, struct http_answer *a);
bool	metrics_answer_healthz(struct http_request *q, struct http_answer *a);
bool	metrics_answer_readyz(struct http_request *q, struct http_answer *a);

#endif
