/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sections and their options, one row each.
 *
 * Everything that knows sections and options walks these tables: what
 * libconfuse is told, the checks, the defaults (read as configuration text, so
 * that a default is spelled and checked as an operator's value is), the dump,
 * the list of what needs a restart, and the check of the sample file and the
 * manual.  A new option is a row here and a field in the struct that its
 * section fills; a new section is a row in conf_sections as well.
 */

#include "config.h"

#include <string.h>
#include <syslog.h>

#include "conf/conf_priv.h"

enum { RELOAD = false, RESTART = true };

static const struct conf_word stage_words[] = {
	{ "mail", CONF_STAGE_MAIL },
	{ "rcpt", CONF_STAGE_RCPT },
	{ "eom", CONF_STAGE_END },
	{ NULL, 0 }
};

static const struct conf_word mixed_words[] = {
	{ "mildest", CONF_MIXED_MILDEST }, { "split", CONF_MIXED_SPLIT },
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
	{ "journald", LOG_TARGET_JOURNALD },
	{ NULL, 0 }
};

static const struct conf_word format_words[] = {
	{ "text", LOG_FORMAT_TEXT }, { "json", LOG_FORMAT_JSON }, { NULL, 0 }
};

static const struct conf_word privacy_words[] = {
	{ "none", LOG_PRIVACY_NONE },
	{ "hash", LOG_PRIVACY_HASH },
	{ "drop", LOG_PRIVACY_DROP },
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
	{ "mail", LOG_MAIL }, { "daemon", LOG_DAEMON },
	{ "user", LOG_USER }, { "auth", LOG_AUTH },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
	{ NULL, 0 }
};

#define ACTION(a) POLICY_##a + 1

/* A domain's own mail is not refused, nor any for a failure of the DNS. */
static const struct conf_word action_words[] = {
	{ "reject", ACTION(REJECT) }, { "tempfail", ACTION(TEMPFAIL) },
	{ "quarantine", ACTION(QUARANTINE) }, { "tag", ACTION(TAG) },
	{ "header", ACTION(ACCEPT) }, { "skip", ACTION(SKIP) }, { NULL, 0 }
};
enum { TEMPERROR_WORDS = 1, PASS_WORDS = 2 };	/* begin there */

#define FIELD(name) .offset = offsetof(struct conf, name)
#define REPLY_FIELD(name) .offset = offsetof(struct conf_reply, name)
#define RELAY_FIELD(name) .offset = offsetof(struct conf_relay, name)
#define FORWARDER_FIELD(name) .offset = offsetof(struct conf_forwarder, name)
#define TITLE_MAX 40

/* What lists of clients and of names may have. */
#define CLIENTS "addresses and networks such as 192.0.2.0/24 or " \
	"2001:db8::/32, ranges such as 192.0.2.1-192.0.2.9, and TYPE:/PATH"
#define NAMES "names such as mx.example.com, .example.com for all names " \
	"below it, and TYPE:/PATH"

static const struct conf_option top_options[] = {
	{ "socket", "\"inet:8890@127.0.0.1\"",
	    "inet:PORT@ADDRESS, inet6:PORT@ADDRESS, unix:/PATH or fd:NAME",
	    RESTART,
	    "Where the MTA reaches the filter.", CONF_SOCKET, FIELD(socket) },
	{ "socket_mode", "\"0660\"", "octal permissions, 0 to 0777", RESTART,
	    "The permissions of a unix socket.",
	    CONF_OCTAL, FIELD(socket_mode) },
	{ "socket_group", "\"\"", "a group, or \"\"", RESTART,
	    "The group of a unix socket.", CONF_ACCOUNT, FIELD(socket_group) },
	{ "user", "\"\"", "a user, or \"\"", RESTART,
	    "The user to run as, if started as root.",
	    CONF_ACCOUNT, FIELD(user) },
	{ "group", "\"\"", "a group, or \"\"", RESTART,
	    "The group to run as, if not that of user.",
	    CONF_ACCOUNT, FIELD(group) },
	{ "confine", "true", "true or false", RESTART,
	    "Whether what the filter does not need is taken away from it.",
	    CONF_BOOL, FIELD(confine) },
	{ "pid_file", "\"\"", "an absolute path, or \"\"", RESTART,
	    "Where to write the process number.", CONF_PATH, FIELD(pid_file) },
	{ "control", "\"/run/spf-milter/control\"",
	    "an absolute path, or \"\"", RESTART,
	    "The socket of --reload and --status.",
	    CONF_PATH, FIELD(control) },
	{ "stop_grace", "5", "0 to 1h", RELOAD,
	    "How long a stop waits for messages that are under way.",
	    CONF_DURATION, FIELD(stop_grace_ms), 0, 3600 * CONF_SECOND },
	{ "hostname", "\"\"",
	    "a host name such as mx.example.com, or \"\"", RELOAD,
	    "The name of this host in headers and replies.",
	    CONF_HOSTNAME, FIELD(hostname) },

	{ "behavior", "3", "0 to 6", RELOAD,
	    "What is done with a result for MAIL FROM.",
	    CONF_UINT, FIELD(behavior), 0, POLICY_LEVEL_MAX },
	{ "check_helo", "true", "true or false", RELOAD,
	    "Whether the HELO name is checked too.",
	    CONF_BOOL, FIELD(check_helo) },
	{ "behavior_helo", "3", "0 to 6", RELOAD,
	    "What is done with a result for HELO.",
	    CONF_UINT, FIELD(behavior_helo), 0, POLICY_LEVEL_MAX,
	    .derived = true },
	{ "reject_at", "\"rcpt\"", "mail, rcpt or eom", RELOAD,
	    "The SMTP command that is answered with a refusal.",
	    CONF_WORD, FIELD(reject_at), .words = stage_words },
	{ "unless_dkim_pass", "false", "true or false", RELOAD,
	    "Whether an aligned DKIM signature prevents a refusal at eom.",
	    CONF_BOOL, FIELD(unless_dkim_pass) },
	{ "dkim_results_from", "{}", "names such as mx.example.com", RELOAD,
	    "Whose DKIM results count: the authserv-id of a filter before.",
	    CONF_DOMAINS, FIELD(dkim_results_from) },
	{ "leave_to_dmarc", "false", "true or false", RELOAD,
	    "Whether a DMARC policy of the author prevents a refusal at eom.",
	    CONF_BOOL, FIELD(leave_to_dmarc) },
	{ "temperror_grace", "0", "0 to 120h", RELOAD,
	    "How long a sender is deferred for temperror.",
	    CONF_DURATION, FIELD(temperror_grace_ms),
	    0, 120 * 3600 * CONF_SECOND },
	{ "local_policy", "\"\"",
	    "SPF terms such as \"ip4:192.0.2.1 include:example.net\", or "
	    "\"\"", RELOAD,
	    "Terms that are tried before a record ends without a pass.",
	    CONF_TERMS, FIELD(local_policy) },
	{ "best_guess", "\"\"",
	    "a record such as \"v=spf1 a/24 mx/24 ptr ?all\", or \"\"",
	    RELOAD, "The record of domains that have none.",
	    CONF_RECORD, FIELD(best_guess) },
	{ "wide_open_prefix", "8", "0 to 32", RELOAD,
	    "A record that passes a shorter IPv4 prefix is wide open.",
	    CONF_UINT, FIELD(wide_open_prefix), 0, 32 },
	{ "wide_open_prefix6", "16", "0 to 128", RELOAD,
	    "A record that passes a shorter IPv6 prefix is wide open.",
	    CONF_UINT, FIELD(wide_open_prefix6), 0, 128 },
	{ "self_test_ip", "\"\"", "an address, or \"\"", RELOAD,
	    "A client that no record should pass.",
	    CONF_ADDRESS, FIELD(self_test_ip) },
	{ "mixed_recipients", "\"mildest\"", "mildest or split", RELOAD,
	    "What is done where recipients are treated differently.",
	    CONF_WORD, FIELD(mixed_recipients), .words = mixed_words },
	{ "trusted_networks", "{\"127.0.0.0/8\", "
	    "\"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", "
	    "\"169.254.0.0/16\", \"100.64.0.0/10\", "
	    "\"::1/128\", \"fc00::/7\", \"fe80::/10\"}",
	    CLIENTS, RELOAD, "Clients that are not checked.",
	    CONF_CLIENTS, FIELD(trusted_networks) },
	{ "client_map", "{}",
	    "ADDRESS=ADDRESS, or NETWORK=NETWORK of the same size", RELOAD,
	    "What the Internet sees in place of a client's address.",
	    CONF_MAPPINGS, FIELD(client_map) },
	{ "trust_authenticated", "true", "true or false", RELOAD,
	    "Whether clients that have authenticated are not checked.",
	    CONF_BOOL, FIELD(trust_authenticated) },
	{ "headers", "{\"received-spf\"}",
	    "received-spf, authentication-results", RELOAD,
	    "The header fields that are added.",
	    CONF_WORDS, FIELD(headers), .words = header_words },
	{ "remove_forged", "true", "true or false", RELOAD,
	    "Whether SPF results that a message brings as ours are removed.",
	    CONF_BOOL, FIELD(remove_forged) },
	{ "add_header_on_skip", "false", "true or false", RELOAD,
	    "Whether mail that is not checked gets a field that says why.",
	    CONF_BOOL, FIELD(add_header_on_skip) },
	{ "why_url", "\"\"", "an http or https address of at most 150 octets, "
	    "without ? and #, or \"\"", RELOAD,
	    "The page that refusals lead to.", CONF_URL, FIELD(why_url) },
	{ "why_key", "\"\"", "an absolute path, or \"\"", RELOAD,
	    "The file of the key that links to it are signed with.",
	    CONF_PATH, FIELD(why_key) },

	{ "log", "\"syslog\"", "syslog, stderr or journald", RELOAD,
	    "Where the log goes.", CONF_WORD, FIELD(log), .words = log_words },
	{ "log_format", "\"text\"", "text or json", RELOAD,
	    "What lines are made of.",
	    CONF_WORD, FIELD(log_format), .words = format_words },
	{ "log_privacy", "\"none\"", "none, hash or drop", RELOAD,
	    "What the log has of local parts.",
	    CONF_WORD, FIELD(log_privacy), .words = privacy_words },
	{ "log_level", "\"info\"", "error, warning, info or debug", RELOAD,
	    "How much is logged.",
	    CONF_WORD, FIELD(log_level), .words = level_words },
	{ "syslog_facility", "\"mail\"",
	    "mail, daemon, user, auth or local0 to local7", RELOAD,
	    "The syslog facility.",
	    CONF_WORD, FIELD(syslog_facility), .words = facility_words },
};

static const struct conf_option dns_options[] = {
	{ "servers", "{}", "ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT", RELOAD,
	    "The name servers to ask; none: those of /etc/resolv.conf.",
	    CONF_SERVERS, FIELD(dns_servers) },
	{ "timeout", "20", "100ms to 5m", RELOAD,
	    "The longest that one whole check takes.",
	    CONF_DURATION, FIELD(dns_timeout_ms),
	    CONF_SECOND / 10, 300 * CONF_SECOND },
	{ "query_timeout", "4", "100ms to 1m", RELOAD,
	    "The longest that one name takes, all tries together.",
	    CONF_DURATION, FIELD(dns_query_timeout_ms),
	    CONF_SECOND / 10, 60 * CONF_SECOND },
	{ "reply_timeout", "9", "100ms to 5m", RELOAD,
	    "The longest that the MTA waits for one answer of the filter.",
	    CONF_DURATION, FIELD(dns_reply_timeout_ms),
	    CONF_SECOND / 10, 300 * CONF_SECOND },
	{ "cache_size", "32M", "1M to 4G", RELOAD,
	    "The memory for DNS answers.",
	    CONF_SIZE, FIELD(dns_cache_size), CONF_MEGA, 4 * CONF_GIGA },
	{ "serve_stale", "0", "0 to 168h", RELOAD,
	    "How long an answer past its time to live is used if none comes.",
	    CONF_DURATION, FIELD(dns_serve_stale_ms),
	    0, 168 * 3600 * CONF_SECOND },
	{ "dnssec", "false", "true or false", RELOAD,
	    "Whether DNS answers are validated.", CONF_BOOL, FIELD(dnssec) },
	{ "canary", "\"\"",
	    "a host name such as canary.example.com, or \"\"", RELOAD,
	    "A name that the name servers should always find.",
	    CONF_HOSTNAME, FIELD(dns_canary) },
	{ "max_lookups", "10", "1 to 20", RELOAD,
	    "Terms of a policy that may query the DNS.",
	    CONF_UINT, FIELD(max_lookups), 1, CONF_LOOKUPS_MAX },
	{ "max_void_lookups", "2", "0 to 100", RELOAD,
	    "Terms of a policy whose query may find nothing.",
	    CONF_UINT, FIELD(max_void_lookups), 0, 100 },
};

static const struct conf_option metrics_options[] = {
	{ "listen", "\"\"", "ADDRESS:PORT, [ADDRESS]:PORT, unix:/PATH or \"\"",
	    RESTART, "Where metrics are served by HTTP.",
	    CONF_LISTEN, FIELD(metrics_listen) },
	{ "listen_mode", "\"0660\"", "octal permissions, 0 to 0777", RESTART,
	    "The permissions of a unix socket there.",
	    CONF_OCTAL, FIELD(metrics_mode) },
	{ "listen_group", "\"\"", "a group, or \"\"", RESTART,
	    "The group of a unix socket there.",
	    CONF_ACCOUNT, FIELD(metrics_group) },
};

#define POLICY_FIELD(r) \
	.offset = offsetof(struct conf_policy, action[RESULT_##r]), \
	.derived = true
#define ACTIONS "skip, header, tag, quarantine, tempfail, reject"

#define POLICY_ROWS \
	{ "pass", NULL, "skip, header, tag, quarantine", RELOAD, \
	    "What is done with pass.", \
	    CONF_WORD, POLICY_FIELD(PASS), \
	    .words = action_words + PASS_WORDS }, \
	{ "none", NULL, ACTIONS, RELOAD, \
	    "What is done with none.", \
	    CONF_WORD, POLICY_FIELD(NONE), .words = action_words }, \
	{ "neutral", NULL, ACTIONS, RELOAD, \
	    "What is done with neutral.", \
	    CONF_WORD, POLICY_FIELD(NEUTRAL), .words = action_words }, \
	{ "softfail", NULL, ACTIONS, RELOAD, \
	    "What is done with softfail.", \
	    CONF_WORD, POLICY_FIELD(SOFTFAIL), .words = action_words }, \
	{ "fail", NULL, ACTIONS, RELOAD, \
	    "What is done with fail.", \
	    CONF_WORD, POLICY_FIELD(FAIL), .words = action_words }, \
	{ "permerror", NULL, ACTIONS, RELOAD, \
	    "What is done with permerror.", \
	    CONF_WORD, POLICY_FIELD(PERMERROR), .words = action_words }, \
	{ "temperror", NULL, "skip, header, tag, quarantine, tempfail", \
	    RELOAD, \
	    "What is done with temperror.", \
	    CONF_WORD, POLICY_FIELD(TEMPERROR), \
	    .words = action_words + TEMPERROR_WORDS }

static const struct conf_option policy_options[] = {
	POLICY_ROWS
};

/* As policy_table_name says. */
static const char *const policy_titles[] = {
	"helo", "mailfrom", "null_sender", "guess", NULL
};

static const struct conf_option reply_options[] = {
	{ "code", NULL, "400 to 599; for temperror 400 to 499", RELOAD,
	    "The SMTP reply code.",
	    CONF_UINT, REPLY_FIELD(code), 400, 599, .derived = true },
	{ "enhanced", NULL, "an enhanced status code such as 5.7.23", RELOAD,
	    "The enhanced status code (RFC 3463).",
	    CONF_ENHANCED, REPLY_FIELD(enhanced), .derived = true },
	{ "text", NULL,
	    "printable ASCII with macros such as %{s} and %{result}", RELOAD,
	    "The text of the reply.",
	    CONF_TEXT, REPLY_FIELD(text), .derived = true },
};

static const struct conf_option relay_options[] = {
	{ "client", NULL, CLIENTS, RELOAD, "The addresses of the client.",
	    CONF_CLIENTS, RELAY_FIELD(client) },
	{ "refuse", "false", "true or false", RELOAD,
	    "Whether mail of the relay may be refused.",
	    CONF_BOOL, RELAY_FIELD(refuse) },
};

static const struct conf_option forwarder_options[] = {
	{ "client", NULL, CLIENTS, RELOAD, "The addresses of the client.",
	    CONF_CLIENTS, FORWARDER_FIELD(client) },
	{ "client_name", NULL, NAMES, RELOAD,
	    "The names of the client, confirmed by its address.",
	    CONF_NAMES, FORWARDER_FIELD(client_name) },
	{ "spf_pass_for", NULL, "domains such as example.com", RELOAD,
	    "Domains whose SPF record passes the client.",
	    CONF_DOMAINS, FORWARDER_FIELD(spf_pass_for) },
};

static const struct conf_option tag_options[] = {
	{ "subject", NULL, "up to 60 octets of printable text, with {result}",
	    RELOAD, "What is put before the subject.",
	    CONF_PREFIX, .offset = offsetof(struct tag, subject) },
	{ "fields", NULL, "fields such as \"X-Spam-Flag: YES\", with {result}",
	    RELOAD, "Fields that are added.",
	    CONF_FIELDS, .offset = offsetof(struct tag, fields) },
};

static const struct conf_word identity_words[] = {
	{ "helo", CONF_IDENTITY_HELO }, { "mailfrom", CONF_IDENTITY_MAILFROM },
	{ NULL, 0 }
};

static const struct conf_word result_words[] = {
	{ "pass", 0 }, { "none", 0 }, { "neutral", 0 }, { "softfail", 0 },
	{ "fail", 0 }, { "permerror", 0 }, { "temperror", 0 }, { NULL, 0 }
};

static const struct conf_word mechanism_words[] = {
	{ "all", 0 }, { "a", 0 }, { "mx", 0 }, { "ptr", 0 }, { "ip4", 0 },
	{ "ip6", 0 }, { "exists", 0 }, { "include", 0 }, { "default", 0 },
	{ NULL, 0 }
};

static const struct conf_word record_words[] = {
	{ "wide-open", true }, { NULL, 0 }
};

static const struct conf_word behavior_words[] = {
	{ "0", 1 }, { "1", 2 }, { "2", 3 }, { "3", 4 }, { "4", 5 }, { "5", 6 },
	{ "6", 7 }, { "from-list", CONF_BEHAVIOR_LIST }, { NULL, 0 }
};

#define RULE_FIELD(name) .offset = offsetof(struct conf_rule, name)

/* policy is the first member of conf_rule, so its rows fit. */
static const struct conf_option rule_options[] = {
	{ "client", NULL, CLIENTS, RELOAD, "The addresses of the client.",
	    CONF_CLIENTS, RULE_FIELD(client) },
	{ "client_name", NULL, NAMES, RELOAD,
	    "The names of the client, confirmed by its address.",
	    CONF_NAMES, RULE_FIELD(client_name) },
	{ "helo", NULL, NAMES, RELOAD, "What the client says in HELO.",
	    CONF_NAMES, RULE_FIELD(helo) },
	{ "sender", NULL, "example.com, .example.com, user@example.com, user@, "
	    "<>, and TYPE:/PATH",
	    RELOAD, "The envelope sender.",
	    CONF_ADDRESSES, RULE_FIELD(sender) },
	{ "recipient", NULL, "example.com, .example.com, user@example.com, "
	    "user@, and TYPE:/PATH",
	    RELOAD, "The recipient.",
	    CONF_ADDRESSES, RULE_FIELD(recipient) },
	{ "authenticated", NULL, "true, false, or names of users", RELOAD,
	    "Whether the client has authenticated, or as whom.",
	    CONF_STRINGS, RULE_FIELD(authenticated) },
	{ "daemon", NULL, "names that the MTA gives its daemons", RELOAD,
	    "The daemon of the MTA that took the connection.",
	    CONF_STRINGS, RULE_FIELD(daemon) },
	{ "port", NULL, "numbers such as 25 or 587", RELOAD,
	    "The port of the MTA that took the connection.",
	    CONF_STRINGS, RULE_FIELD(port) },
	{ "identity", NULL, "helo or mailfrom", RELOAD,
	    "The identity that the rule is about.",
	    CONF_WORD, RULE_FIELD(identity), .words = identity_words },
	{ "result", NULL,
	    "pass, none, neutral, softfail, fail, permerror, temperror", RELOAD,
	    "The result.",
	    CONF_CHOICES, RULE_FIELD(result), .words = result_words },
	{ "mechanism", NULL,
	    "all, a, mx, ptr, ip4, ip6, exists, include, default", RELOAD,
	    "The mechanism of the record that matched.",
	    CONF_CHOICES, RULE_FIELD(mechanism), .words = mechanism_words },
	{ "spf_pass_for", NULL, "domains such as example.com", RELOAD,
	    "Domains whose SPF record passes the client.",
	    CONF_DOMAINS, RULE_FIELD(spf_pass_for) },
	{ "record", NULL, "wide-open", RELOAD,
	    "What the record is like.",
	    CONF_WORD, RULE_FIELD(record), .words = record_words },
	{ "expires", NULL, "a date such as 2027-03-31", RELOAD,
	    "The last day of the rule.",
	    CONF_DATE, RULE_FIELD(expires_s) },
	{ "behavior", NULL, "0 to 6, or from-list", RELOAD,
	    "The level that is in force.",
	    CONF_WORD, RULE_FIELD(behavior), .words = behavior_words },
	{ "check_as", NULL, "an IPv4 or IPv6 address", RELOAD,
	    "The address that is checked in place of the client's.",
	    CONF_ADDRESS, RULE_FIELD(check_as) },
	{ "action", NULL, ACTIONS, RELOAD,
	    "What is done with any result.",
	    CONF_WORD, RULE_FIELD(action), .words = action_words },
	POLICY_ROWS,
	{ "tag", NULL, "the name of a section tag", RELOAD,
	    "How it is marked where the action is tag.",
	    CONF_LINE, RULE_FIELD(tag) },
	{ "owner", NULL, "a text", RELOAD,
	    "Who answers for the rule.", CONF_LINE, RULE_FIELD(owner) },
	{ "reason", NULL, "a text", RELOAD,
	    "What the rule is there for.", CONF_LINE, RULE_FIELD(reason) },
};

/* As results are told, pass excepted. */
static const char *const reply_titles[] = {
	"none", "neutral", "fail", "softfail", "temperror", "permerror", NULL
};

#define ANY_TITLE .allowed = "a name of 1 to 40 printable ASCII characters " \
	"without quotes, backslash and dollar sign"
#define OPTIONS(rows) .options = rows, \
	.option_count = sizeof(rows) / sizeof(rows[0])

const struct conf_section conf_sections[CONF_SECTION_COUNT] = {
	{ OPTIONS(top_options), .check = conf_check_levels },
	{ "dns", "dns", OPTIONS(dns_options) },
	{ "metrics", "metrics", OPTIONS(metrics_options) },
	{ "reply", "reply fail", OPTIONS(reply_options),
	    .size = sizeof(struct conf_reply), FIELD(reply_sections),
	    .titles = reply_titles,
	    .allowed = "fail, softfail, neutral, none, permerror, temperror",
	    .check = conf_check_reply },
	{ "policy", "policy mailfrom", OPTIONS(policy_options),
	    .size = sizeof(struct conf_policy), FIELD(policy_sections),
	    .titles = policy_titles,
	    .allowed = "helo, mailfrom, null_sender, guess",
	    .check = conf_check_policy },
	{ "relay", "relay", OPTIONS(relay_options),
	    .size = sizeof(struct conf_relay), FIELD(relays),
	    .untitled = true, .check = conf_check_relay },
	{ "forwarder", "forwarder \"NAME\"", OPTIONS(forwarder_options),
	    .size = sizeof(struct conf_forwarder), FIELD(forwarders),
	    ANY_TITLE, .check = conf_check_forwarder },
	{ "tag", "tag \"NAME\"", OPTIONS(tag_options),
	    .size = sizeof(struct tag), FIELD(tags),
	    ANY_TITLE, .check = conf_check_tag },
	{ "rule", "rule \"NAME\"", OPTIONS(rule_options),
	    .size = sizeof(struct conf_rule), FIELD(rule_sections),
	    ANY_TITLE, .check = conf_check_rule },
};

const struct conf_section *
conf_section_find(const char *name)
{
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++)
		if (strcmp(conf_sections[i].name, name) == 0)
			return &conf_sections[i];
	return NULL;
}

const struct conf_option *
conf_section_option(const struct conf_section *s, const char *name)
{
	for (size_t i = 0; s != NULL && i < s->option_count; i++)
		if (strcmp(s->options[i].name, name) == 0)
			return &s->options[i];
	return NULL;
}

bool
conf_section_titled(const struct conf_section *s)
{
	return s->size > 0 && !s->untitled;
}

static bool
is_free_title(const char *title)
{
	const char *p = title;

	while (util_is_print(*p) && strchr("\"\\$", *p) == NULL)
		p++;
	return *p == '\0' && p > title && p - title <= TITLE_MAX;
}

bool
conf_section_takes(const struct conf_section *s, const char *title)
{
	const char *const *t = s->titles;

	if (t == NULL)
		return s->untitled || is_free_title(title);
	while (*t != NULL && strcmp(*t, title) != 0)
		t++;
	return *t != NULL;
}

char *
conf_section_text(const struct conf_section *s, const char *title)
{
	if (!conf_section_titled(s))
		return xstrdup(s->name);
	return xasprintf(s->titles != NULL ? "%s %s" : "%s \"%s\"", s->name,
	    title);
}

struct conf_items *
conf_section_items(const struct conf_section *s, struct conf *c)
{
	return (struct conf_items *)(void *)((char *)c + s->offset);
}

const struct conf_item *
conf_section_item(const struct conf_section *s, const struct conf *c, size_t i)
{
	const struct conf_items *items = (const struct conf_items *)
	    (const void *)((const char *)c + s->offset);

	return i < items->count ? &items->list[i] : NULL;
}

const void *
conf_section_values(const struct conf_section *s, const struct conf *c,
    size_t i)
{
	if (s->size == 0)
		return i == 0 ? c : NULL;

	const struct conf_item *item = conf_section_item(s, c, i);
	return item != NULL ? item->values : NULL;
}
