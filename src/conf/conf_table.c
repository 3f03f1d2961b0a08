/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options, one row each.
 *
 * Everything that knows the options walks this table: what libconfuse is told,
 * the checks, the defaults (read as configuration text, so that a default is
 * spelled and checked as an operator's value is), the dump, the list of what
 * needs a restart, and the check of the sample file and the manual.  A new
 * option is a row here and a field in struct conf.
 */

#include "config.h"

#include <assert.h>
#include <string.h>
#include <syslog.h>

#include "conf/conf_priv.h"

enum { RELOAD = false, RESTART = true };

static const struct conf_word stage_words[] = {
	{ "mail", CONF_STAGE_MAIL },
	{ "rcpt", CONF_STAGE_RCPT },
	{ NULL, 0 }
};

static const struct conf_word header_words[] = {
	{ "received-spf", CONF_HEADER_RECEIVED_SPF },
	{ "authentication-results", CONF_HEADER_AUTH_RESULTS },
	{ NULL, 0 }
};

static const struct conf_word log_words[] = {
	{ "syslog", LOG_TARGET_SYSLOG },
	{ "stderr", LOG_TARGET_STDERR },
	{ NULL, 0 }
};

static const struct conf_word level_words[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
	{ NULL, 0 }
};

static const struct conf_word facility_words[] = {
	{ "mail", LOG_MAIL },
	{ "daemon", LOG_DAEMON },
	{ "user", LOG_USER },
	{ "auth", LOG_AUTH },
	{ "local0", LOG_LOCAL0 },
	{ "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 },
	{ "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 },
	{ "local7", LOG_LOCAL7 },
	{ NULL, 0 }
};

#define FIELD(name) .offset = offsetof(struct conf, name)
#define REPLY_FIELD(name) .offset = offsetof(struct conf_reply, name)

static const struct conf_option options[] = {
	{ { NULL, "socket", "\"inet:8890@127.0.0.1\"",
	    "inet:PORT@ADDRESS, inet6:PORT@ADDRESS or unix:/PATH", RESTART,
	    "Where the MTA reaches the filter." },
	    CONF_KIND_SOCKET, FIELD(socket) },
	{ { NULL, "socket_mode", "\"0660\"",
	    "octal permissions, 0 to 0777", RESTART,
	    "The permissions of a unix socket." },
	    CONF_KIND_OCTAL, FIELD(socket_mode) },
	{ { NULL, "socket_group", "\"\"",
	    "a group, or \"\"", RESTART,
	    "The group of a unix socket." },
	    CONF_KIND_ACCOUNT, FIELD(socket_group) },
	{ { NULL, "user", "\"\"",
	    "a user, or \"\"", RESTART,
	    "The user to run as, if started as root." },
	    CONF_KIND_ACCOUNT, FIELD(user) },
	{ { NULL, "group", "\"\"",
	    "a group, or \"\"", RESTART,
	    "The group to run as, if not that of user." },
	    CONF_KIND_ACCOUNT, FIELD(group) },
	{ { NULL, "pid_file", "\"\"",
	    "an absolute path, or \"\"", RESTART,
	    "Where to write the process number." },
	    CONF_KIND_PATH, FIELD(pid_file) },
	{ { NULL, "stop_grace", "5",
	    "0 to 1h", RELOAD,
	    "How long a stop waits for messages that are under way." },
	    CONF_KIND_DURATION, FIELD(stop_grace_ms),
	    0, 3600 * CONF_SECOND },
	{ { NULL, "hostname", "\"\"",
	    "a host name such as mx.example.com, or \"\"", RELOAD,
	    "The name of this host in headers and replies." },
	    CONF_KIND_HOSTNAME, FIELD(hostname) },

	{ { NULL, "behavior", "3",
	    "0 to 6", RELOAD,
	    "What is done with a result for MAIL FROM." },
	    CONF_KIND_UINT, FIELD(behavior), 0, POLICY_LEVEL_MAX },
	{ { NULL, "check_helo", "true",
	    "true or false", RELOAD,
	    "Whether the HELO name is checked too." },
	    CONF_KIND_BOOL, FIELD(check_helo) },
	{ { NULL, "behavior_helo", "3",
	    "0 to 6", RELOAD,
	    "What is done with a result for HELO." },
	    CONF_KIND_UINT, FIELD(behavior_helo), 0, POLICY_LEVEL_MAX,
	    .derived = true },
	{ { NULL, "reject_at", "\"rcpt\"",
	    "mail or rcpt", RELOAD,
	    "The SMTP command that is answered with a refusal." },
	    CONF_KIND_WORD, FIELD(reject_at), .words = stage_words },
	{ { NULL, "trusted_networks", "{\"127.0.0.0/8\", "
	    "\"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", "
	    "\"169.254.0.0/16\", \"100.64.0.0/10\", "
	    "\"::1/128\", \"fc00::/7\", \"fe80::/10\"}",
	    "addresses and networks such as 192.0.2.0/24 or 2001:db8::/32",
	    RELOAD,
	    "Clients that are not checked." },
	    CONF_KIND_NETWORKS, FIELD(trusted_networks) },
	{ { NULL, "trust_authenticated", "true",
	    "true or false", RELOAD,
	    "Whether clients that have authenticated are not checked." },
	    CONF_KIND_BOOL, FIELD(trust_authenticated) },
	{ { NULL, "headers", "{\"received-spf\"}",
	    "received-spf, authentication-results", RELOAD,
	    "The header fields that are added." },
	    CONF_KIND_WORDS, FIELD(headers), .words = header_words },
	{ { NULL, "remove_forged", "true",
	    "true or false", RELOAD,
	    "Whether SPF results that a message brings as ours are removed." },
	    CONF_KIND_BOOL, FIELD(remove_forged) },
	{ { NULL, "add_header_on_skip", "false",
	    "true or false", RELOAD,
	    "Whether mail that is not checked gets a field that says why." },
	    CONF_KIND_BOOL, FIELD(add_header_on_skip) },

	{ { NULL, "log", "\"syslog\"",
	    "syslog or stderr", RESTART,
	    "Where the log goes." },
	    CONF_KIND_WORD, FIELD(log), .words = log_words },
	{ { NULL, "log_level", "\"info\"",
	    "error, warning, info or debug", RELOAD,
	    "How much is logged." },
	    CONF_KIND_WORD, FIELD(log_level), .words = level_words },
	{ { NULL, "syslog_facility", "\"mail\"",
	    "mail, daemon, user, auth or local0 to local7", RESTART,
	    "The syslog facility." },
	    CONF_KIND_WORD, FIELD(syslog_facility), .words = facility_words },

	{ { "dns", "servers", "{}",
	    "ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT", RELOAD,
	    "The name servers to ask; none: those of /etc/resolv.conf." },
	    CONF_KIND_SERVERS, FIELD(dns_servers) },
	{ { "dns", "timeout", "20",
	    "100ms to 5m", RELOAD,
	    "The longest that one whole check takes." },
	    CONF_KIND_DURATION, FIELD(dns_timeout_ms),
	    CONF_SECOND / 10, 300 * CONF_SECOND },
	{ { "dns", "query_timeout", "4",
	    "100ms to 1m", RELOAD,
	    "The longest that one name takes, all tries together." },
	    CONF_KIND_DURATION, FIELD(dns_query_timeout_ms),
	    CONF_SECOND / 10, 60 * CONF_SECOND },
	{ { "dns", "reply_timeout", "9",
	    "100ms to 5m", RELOAD,
	    "The longest that the MTA waits for one answer of the filter." },
	    CONF_KIND_DURATION, FIELD(dns_reply_timeout_ms),
	    CONF_SECOND / 10, 300 * CONF_SECOND },
	{ { "dns", "cache_size", "32M",
	    "1M to 4G", RESTART,
	    "The memory for DNS answers." },
	    CONF_KIND_SIZE, FIELD(dns_cache_size), CONF_MEGA, 4 * CONF_GIGA },
	{ { "dns", "serve_stale", "0",
	    "0 to 168h", RESTART,
	    "How long an answer past its time to live is used if none comes." },
	    CONF_KIND_DURATION, FIELD(dns_serve_stale_ms),
	    0, 168 * 3600 * CONF_SECOND },
	{ { "dns", "dnssec", "false",
	    "true or false", RELOAD,
	    "Whether DNS answers are validated." },
	    CONF_KIND_BOOL, FIELD(dnssec) },
	{ { "dns", "max_lookups", "10",
	    "1 to 20", RELOAD,
	    "Terms of a policy that may query the DNS." },
	    CONF_KIND_UINT, FIELD(max_lookups), 1, CONF_LOOKUPS_MAX },
	{ { "dns", "max_void_lookups", "2",
	    "0 to 100", RELOAD,
	    "Terms of a policy whose query may find nothing." },
	    CONF_KIND_UINT, FIELD(max_void_lookups), 0, 100 },

	{ { "reply", "code", NULL,
	    "400 to 599; for temperror 400 to 499", RELOAD,
	    "The SMTP reply code." },
	    CONF_KIND_UINT, REPLY_FIELD(code), 400, 599, .derived = true },
	{ { "reply", "enhanced", NULL,
	    "an enhanced status code such as 5.7.23", RELOAD,
	    "The enhanced status code (RFC 3463)." },
	    CONF_KIND_ENHANCED, REPLY_FIELD(enhanced), .derived = true },
	{ { "reply", "text", NULL,
	    "printable ASCII with macros such as %{s} and %{result}", RELOAD,
	    "The text of the reply." },
	    CONF_KIND_TEXT, REPLY_FIELD(text), .derived = true },
};

size_t
conf_row_count(void)
{
	return sizeof(options) / sizeof(options[0]);
}

const struct conf_option *
conf_option(size_t i)
{
	assert(i < conf_row_count());
	return &options[i];
}

const struct conf_row *
conf_row(size_t i)
{
	return &conf_option(i)->row;
}

static bool
is_in_section(const struct conf_option *o, const char *section)
{
	if (section == NULL || o->row.section == NULL)
		return section == o->row.section;
	return strcmp(section, o->row.section) == 0;
}

const struct conf_option *
conf_option_next(const char *section, const struct conf_option *o)
{
	const struct conf_option *end = options + conf_row_count();

	for (o = o == NULL ? options : o + 1; o < end; o++)
		if (is_in_section(o, section))
			return o;
	return NULL;
}

const struct conf_option *
conf_option_find(const char *section, const char *name)
{
	const struct conf_option *o = NULL;

	while ((o = conf_option_next(section, o)) != NULL)
		if (strcmp(o->row.name, name) == 0)
			return o;
	return NULL;
}

bool
conf_option_is_list(const struct conf_option *o)
{
	return o->kind == CONF_KIND_WORDS || o->kind == CONF_KIND_NETWORKS ||
	    o->kind == CONF_KIND_SERVERS;
}
