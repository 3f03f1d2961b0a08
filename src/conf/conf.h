/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration: load, check, dump, publish.  Immutable once loaded. */

#ifndef CONF_H
#define CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/key.h"
#include "base/log.h"
#include "base/result.h"
#include "base/util.h"
#include "policy/list.h"
#include "policy/policy.h"
#include "policy/rules.h"
#include "policy/tag.h"

/* Of max_lookups: evaluations do not nest deeper. */
#define CONF_LOOKUPS_MAX 20

/* Of control; a machine need not have it. */
#define CONF_DEFAULT_CONTROL "/run/spf-milter/control"

struct record;
struct reply_template;
struct suffixes;

enum conf_mixed { CONF_MIXED_MILDEST, CONF_MIXED_SPLIT };
enum conf_stage { CONF_STAGE_MAIL, CONF_STAGE_RCPT, CONF_STAGE_END };

/* A section that may stand several times, and where it stands. */
struct conf_item {
	char		*title;		/* "": it has none */
	char		*file;
	unsigned	 line;
	void		*values;	/* the struct that its options fill */
};

/* Those of one name, in the order of the file. */
struct conf_items {
	struct conf_item *list;
	size_t		 count;
};

/* SPF terms of the operator's own. */
struct conf_record {
	char		*text;		/* as written; "": none */
	struct record	*record;	/* NULL: none */
};

struct conf_texts {
	char		**list;
	size_t		  count;
};

/* A list of the configuration, wherever it stands. */
struct conf_list {
	char		*name;		/* forwarder "alumni": client */
	struct list	*list;		/* of the field that has it */
};

/* The first network is the second one's size, or both are addresses. */
struct conf_mapping {
	struct addr_prefix from;
	struct addr_prefix to;
};

struct conf_mappings {
	struct conf_mapping *list;
	size_t		 count;
};

/* Section relay. */
struct conf_relay {
	struct list	*client;
	bool		 refuse;	/* the sender still listens */
};

/* Section forwarder; what is not given is NULL or empty. */
struct conf_forwarder {
	struct list	*client;
	struct list	*client_name;
	struct conf_texts spf_pass_for;
};

/* Bits of headers. */
#define CONF_HEADER_RECEIVED_SPF 1u
#define CONF_HEADER_AUTH_RESULTS 2u

/* Where the MTA connects to. */
struct conf_socket {
	char		*text;		/* as libmilter takes it, or fd:NAME */
	sa_family_t	 family;	/* AF_UNIX, AF_INET or AF_INET6; or
					 * AF_UNSPEC, and handed is the name */
	char		*path;		/* AF_UNIX; else NULL */
	char		*host;		/* without brackets; NULL: every one */
	char		*handed;	/* over by who starts us; "": the only
					 * one; else NULL */
	uint16_t	 port;
};

struct conf {
	char		*path;		/* NULL: built-in defaults */
	struct conf_texts includes;	/* files that it includes */
	const char *const *settings;	/* over them; of the caller */
	struct conf_socket socket;
	mode_t		 socket_mode;	/* unix sockets */
	char		*socket_group;	/* "": leave */
	char		*user;		/* "": no change */
	char		*group;		/* "": the user's own */
	bool		 confine;
	char		*pid_file;	/* "": none */
	char		*control;	/* path of a unix socket; "": none */
	char		*hostname;	/* "": the MTA's j macro */
	int64_t		 stop_grace_ms;	/* of messages under way */
	unsigned	 behavior;
	unsigned	 behavior_helo;	/* effective; 0 where !check_helo */
	bool		 check_helo;
	struct policy	 policy;	/* compiled from the levels and
					 * policy_sections */
	struct policy	 policy_at[POLICY_LEVEL_MAX + 1];	/* the same,
					 * if behavior were another one */
	struct conf_items policy_sections;
	enum conf_stage	 reject_at;
	int64_t		 temperror_grace_ms;	/* 0: off */
	bool		 unless_dkim_pass;
	struct conf_texts dkim_results_from;
	bool		 leave_to_dmarc;
	struct suffixes	*suffixes;	/* NULL where neither is set */
	struct conf_mappings client_map;
	enum conf_mixed	 mixed_recipients;
	struct list	*trusted_networks;
	bool		 trust_authenticated;
	unsigned	 headers;	/* CONF_HEADER_* */
	bool		 remove_forged;
	bool		 add_header_on_skip;
	char		*why_url;	/* of a refusal's link; "": none */
	char		*why_key;	/* its file */
	uint8_t		 why_key_octets[KEY_SIZE];	/* for why_url */
	enum log_target	 log;
	enum log_format	 log_format;
	enum log_privacy log_privacy;
	enum log_level	 log_level;
	int		 syslog_facility;

	struct conf_texts dns_servers;	/* "192.0.2.1:53", "[::1]:53"; none:
					 * /etc/resolv.conf */
	int64_t		 dns_timeout_ms;	/* one whole check */
	int64_t		 dns_query_timeout_ms;	/* one name, all tries */
	int64_t		 dns_reply_timeout_ms;	/* one callback's wait */
	size_t		 dns_cache_size;	/* octets */
	int64_t		 dns_serve_stale_ms;	/* past the TTL; 0: never */
	bool		 dnssec;
	char		*dns_canary;	/* "": none */
	unsigned	 max_lookups;
	unsigned	 max_void_lookups;

	char		*metrics_listen;	/* of listen.h; "": nowhere */
	mode_t		 metrics_mode;	/* of a unix socket there */
	char		*metrics_group;	/* the same; "": leave */

	struct conf_record local_policy;	/* see eval_request */
	struct conf_record best_guess;
	unsigned	 wide_open_prefix;
	unsigned	 wide_open_prefix6;
	struct addr	 self_test_ip;

	struct reply_template *replies[RESULT_COUNT];	/* NULL for pass */
	struct conf_items reply_sections;	/* what they were compiled
						 * from */
	struct conf_items relays;	/* struct conf_relay */
	struct conf_items forwarders;	/* struct conf_forwarder */
	struct conf_items tags;		/* struct tag */
	struct conf_texts marks;	/* names of fields that tags add */
	struct conf_items rule_sections;
	struct rules	 rules;		/* compiled from them */
	/* By the bits of masks of domains. */
	struct rules	 forwarder_rules;	/* compiled from forwarders:
					 * who they are */
	const char	*pass_domains[RULES_DOMAINS_MAX];
	size_t		 pass_domain_count;

	struct conf_list *lists;	/* all that have a value */
	size_t		 list_count;
	struct diag	 notes;		/* no mistakes, but worth a look */
	struct conf_place *places;	/* of conf only, as the next one */
	_Atomic unsigned references;
};

/*
 * Reads and checks a file, and the settings over it: "NAME=VALUE" as on the
 * command line, a NULL behind the last, or NULL.  NULL: d has every mistake
 * with file, line and the allowed values.  A path of NULL gives the built-in
 * defaults.  The caller owns the one reference of the result; the settings
 * stay the caller's and outlive it.  One thread at a time: libconfuse's parser
 * is static.
 */
struct conf	*conf_load(const char *path, const char *const *settings,
		    struct diag *d);
/* From where c came from, as it is now; as conf_load. */
struct conf	*conf_reload(const struct conf *c, struct diag *d);

/*
 * The control socket of a daemon that reads this file with these settings,
 * also where they have mistakes; the caller frees it.  As conf_load.
 */
char		*conf_find_control(const char *path,
		    const char *const *settings);

/*
 * Makes c current, taking the caller's reference; releases the old one.  NULL:
 * none is current from now on (the end of the program).
 */
void		 conf_publish(struct conf *c);
/*
 * A counted reference to the current configuration, NULL if there is none;
 * any thread.
 */
const struct conf *conf_acquire(void);
void		 conf_release(const struct conf *c);	/* NULL allowed */

/*
 * Takes up the files of lists that have changed, as list_refresh.  False: c
 * has none.
 */
bool		 conf_refresh(const struct conf *c, struct diag *news,
		    struct diag *mistakes);

/* The relay that has this client; NULL: none. */
const struct conf_relay *conf_relay_of(const struct conf *c,
		    const struct addr *client);
/* A client as the Internet knows it, by client_map. */
void		 conf_map_client(const struct conf *c, struct addr *client);

/*
 * Adds to d, unless NULL, the rules that have expired at now_s (seconds since
 * 1970).  False: no rule ever expires.
 */
bool		 conf_expired(const struct conf *c, int64_t now_s,
		    struct diag *d);

/*
 * Adds to d what is wrong with the value of an option outside of sections, at
 * the place where it was given: "FILE:LINE: option: message".
 */
void		 conf_complain(const struct conf *c, struct diag *d,
		    const char *option, const char *fmt, ...)
		    UTIL_PRINTF(4, 5);

/*
 * Every effective value, one a line, defaults marked (-n -v): text that
 * conf_load takes and that gives the same configuration.  Loads the built-in
 * defaults to compare with: as conf_load, one thread at a time.
 */
void		 conf_dump(const struct conf *c, FILE *out);

/*
 * Calls report with the name of each option that differs between the two and
 * takes effect only after a restart.
 */
void		 conf_diff_restart(const struct conf *a, const struct conf *b,
		    void (*report)(const char *name));

/*
 * The tag of this title, of which there is one; where it is NULL that of the
 * result, "default", or tag_default.
 */
const struct tag *conf_tag(const struct conf *c, const char *title,
		    enum result r);

/* "libconfuse 3.3"; one thread at a time. */
const char	*conf_version(void);

#endif
