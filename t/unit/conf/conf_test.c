/* SPDX-License-Identifier: BSD-2-Clause */
/* conf: defaults, values, messages, files, dump, publishing. */

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "conf/conf_priv.h"
#include "policy/reply.h"
#include "policy/suffixes.h"

static struct diag diag;
static char dir[] = "/tmp/conf_test.XXXXXX";

static char *
path_in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void
write_file(const char *name, const char *text, size_t len)
{
	char *path = path_in_dir(name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	free(path);
}

static struct conf *
load_set(const char *name, const char *const *settings)
{
	char *path = path_in_dir(name);

	diag_fini(&diag);
	diag_init(&diag);
	struct conf *c = conf_load(path, settings, &diag);
	free(path);
	return c;
}

static struct conf *
load_file(const char *name)
{
	return load_set(name, NULL);
}

static struct conf *
load(const char *text)
{
	write_file("x.conf", text, strlen(text));
	return load_file("x.conf");
}

static struct conf *
load_good(const char *text)
{
	struct conf *c = load(text);

	if (c == NULL)
		fail_msg("%u: %s", diag.entries[0].line,
		    diag.entries[0].message);
	return c;
}

/* The message number i stands at line and has all of part. */
static void
assert_message(size_t i, unsigned line, const char *part)
{
	assert_true(i < diag.count);
	const struct diag_entry *e = &diag.entries[i];
	if (strstr(e->message, part) == NULL || e->line != line)
		fail_msg("%s:%u: %s; wanted line %u: %s", e->file, e->line,
		    e->message, line, part);
}

static void
assert_bad(const char *text, unsigned line, const char *part)
{
	assert_null(load(text));
	assert_int_equal(diag.count, 1);
	assert_non_null(strstr(diag.entries[0].file, "/x.conf"));
	assert_message(0, line, part);
}

static void
assert_good(const char *text)
{
	conf_release(load_good(text));
}

/* What option is after text has been read; static storage. */
static const char *
value_of(const char *section, const char *name, const char *text)
{
	static char out[1024];
	struct conf *c = load_good(text);
	const struct conf_section *s = section != NULL ?
	    conf_section_find(section) : &conf_sections[0];
	char *value = conf_value_text(conf_section_option(s, name), c);

	util_copy(out, sizeof(out), value);
	free(value);
	conf_release(c);
	return out;
}

static void
test_no_file_gives_the_specified_defaults(void **state)
{
	struct conf *c = conf_load(NULL, NULL, &diag);
	struct addr a;

	(void)state;
	assert_non_null(c);
	assert_null(c->path);
	assert_string_equal(c->socket.text, "inet:8890@127.0.0.1");
	assert_int_equal(c->socket_mode, 0660);
	assert_string_equal(c->socket_group, "");
	assert_string_equal(c->user, "");
	assert_string_equal(c->group, "");
	assert_string_equal(c->pid_file, "");
	assert_string_equal(c->control, CONF_DEFAULT_CONTROL);
	assert_string_equal(c->hostname, "");
	assert_int_equal(c->behavior, 3);
	assert_true(c->check_helo);
	assert_int_equal(c->behavior_helo, 3);
	assert_int_equal(c->reject_at, CONF_STAGE_RCPT);
	assert_true(addr_parse(&a, "127.0.0.1"));
	assert_true(list_longest(c->trusted_networks, &a) >= 0);
	assert_true(addr_parse(&a, "::1"));
	assert_true(list_longest(c->trusted_networks, &a) >= 0);
	assert_true(addr_parse(&a, "192.0.2.1"));
	assert_int_equal(list_longest(c->trusted_networks, &a), -1);
	assert_true(c->trust_authenticated);
	assert_int_equal(c->headers, CONF_HEADER_RECEIVED_SPF);
	assert_false(c->add_header_on_skip);
	assert_int_equal(c->log, LOG_TARGET_SYSLOG);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->syslog_facility, LOG_MAIL);
	assert_int_equal(c->dns_servers.count, 0);
	assert_int_equal(c->dns_timeout_ms, 20000);
	assert_int_equal(c->dns_query_timeout_ms, 4000);
	assert_int_equal(c->dns_reply_timeout_ms, 9000);
	assert_int_equal(c->dns_cache_size, 32 << 20);
	assert_false(c->dnssec);
	assert_int_equal(c->max_lookups, 10);
	assert_int_equal(c->max_void_lookups, 2);
	conf_release(c);
}

static void
test_empty_file_gives_the_defaults(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "behavior", ""), "3");
	assert_string_equal(value_of(NULL, "behavior", "# only this"), "3");
	assert_string_equal(value_of(NULL, "behavior", " \r\n\t\n"), "3");
}

static void
assert_default(const struct conf_option *o, const void *values)
{
	char *text = conf_value_text(o, values);

	assert_string_equal(text, o->default_text);
	free(text);
}

static void
test_each_default_is_spelled_as_it_is_printed(void **state)
{
	static const char zeros[1024];
	struct conf *c = load_good("");

	(void)state;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		for (size_t j = 0; j < s->option_count; j++)
			if (s->options[j].default_text != NULL)
				assert_default(&s->options[j],
				    s->size > 0 && s->titles == NULL ? zeros :
				    conf_section_values(s, c, 0));
	}
	conf_release(c);
}

/* A name that is in several sections means the same in all of them. */
static void
assert_same_option(const struct conf_option *a, const struct conf_option *b)
{
	/* The level of a rule may come from its list. */
	if (b == NULL || strcmp(a->name, "behavior") == 0)
		return;
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->allowed, b->allowed);
	assert_string_equal(a->sentence, b->sentence);
	assert_ptr_equal(a->default_text, b->default_text);
}

static void
test_each_row_is_complete_and_its_name_means_one_thing(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		for (size_t j = 0; j < s->option_count; j++) {
			const struct conf_option *o = &s->options[j];
			assert_in_range(strlen(o->name), 1, 32);
			assert_true(strlen(o->allowed) > 0);
			assert_true(strlen(o->sentence) > 0);
			assert_ptr_equal(conf_section_option(s, o->name), o);
			for (size_t k = 0; k < i; k++)
				assert_same_option(o, conf_section_option(
				    &conf_sections[k], o->name));
		}
	}
}

static void
test_socket_takes_what_libmilter_takes(void **state)
{
	(void)state;
	assert_good("socket = inet:8890");
	assert_good("socket = inet:8890@localhost");
	assert_good("socket = \"inet:8890@mx.example.com\"");
	assert_good("socket = \"inet:1@[192.0.2.1]\"");
	assert_good("socket = \"inet6:65535@[2001:db8::1]\"");
	assert_good("socket = inet6:8890@::1");
	assert_good("socket = inet6:8890");
	assert_good("socket = unix:/run/spf-milter.sock");
	assert_good("socket = local:/run/spf-milter.sock");
	assert_good("socket = /run/spf-milter.sock");
	assert_string_equal(value_of(NULL, "socket", "socket = /run/x"),
	    "\"/run/x\"");
}

static void
test_socket_may_be_handed_over(void **state)
{
	(void)state;
	struct conf *c = load_good("socket = \"fd:\"");
	assert_int_equal(c->socket.family, AF_UNSPEC);
	assert_string_equal(c->socket.handed, "");
	assert_int_equal(c->notes.count, 0);
	conf_release(c);
	c = load_good("socket = fd:spf-milter.socket");
	assert_string_equal(c->socket.handed, "spf-milter.socket");
	assert_null(c->socket.host);
	conf_release(c);
	assert_bad("socket = \"fd:a b\"", 1, "has a character that none has");
	assert_bad("socket = fd:a:b", 1, "has a character that none has");
}

static void
test_socket_is_taken_apart(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *host;	/* or path */
		unsigned port;
	} cases[] = {
		{ "inet:8890", AF_INET, NULL, 8890 },
		{ "inet6:1", AF_INET6, NULL, 1 },
		{ "inet:8890@[192.0.2.1]", AF_INET, "192.0.2.1", 8890 },
		{ "inet6:8890@[::1]", AF_INET6, "::1", 8890 },
		{ "inet6:8890@::1", AF_INET6, "::1", 8890 },
		{ "inet:[::1]:8890", AF_INET6, "::1", 8890 },
		{ "inet:mx.example.com:25", AF_INET, "mx.example.com", 25 },
		{ "unix:/run/s", AF_UNIX, "/run/s", 0 },
		{ "local:/run/s", AF_UNIX, "/run/s", 0 },
		{ "/run/s", AF_UNIX, "/run/s", 0 }
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "socket = %s", cases[i].text);
		struct conf *c = load_good(text);
		const char *where = c->socket.family == AF_UNIX ?
		    c->socket.path : c->socket.host;
		assert_int_equal(c->socket.family, cases[i].family);
		assert_int_equal(c->socket.port, cases[i].port);
		if (cases[i].host == NULL)
			assert_null(where);
		else
			assert_string_equal(where, cases[i].host);
		conf_release(c);
	}
}

static void
test_socket_may_be_spelled_as_in_postfix(void **state)
{
	static const char *const cases[][2] = {
		{ "inet:127.0.0.1:8890", "\"inet:8890@127.0.0.1\"" },
		{ "inet:localhost:8890", "\"inet:8890@localhost\"" },
		{ "inet:[::1]:8890", "\"inet6:8890@[::1]\"" },
		{ "unix:/run/s", "\"unix:/run/s\"" },
		{ "inet:8890", "\"inet:8890\"" },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "socket = %s", cases[i][0]);
		assert_string_equal(value_of(NULL, "socket", text),
		    cases[i][1]);
	}
}

static void
test_socket_refuses_the_rest_and_says_why(void **state)
{
	char text[300] = "socket = /";

	(void)state;
	assert_bad("socket = \"\"", 1, "allowed: inet:PORT@ADDRESS");
	assert_bad("socket = 8890", 1, "allowed: inet:");
	assert_bad("socket = tcp:1@192.0.2.1", 1, "allowed: inet:");
	assert_bad("socket = inet:", 1, "port must be 1 to 65535");
	assert_bad("socket = inet:0@127.0.0.1", 1, "port must be");
	assert_bad("socket = inet:65536@127.0.0.1", 1, "port must be");
	assert_bad("socket = inet:8890@", 1, "not an address or a host");
	assert_bad("socket = inet:8890@192.0.2.256", 1, "not an address");
	assert_bad("socket = inet:8890@::1", 1, "use inet6:");
	assert_bad("socket = inet6:8890@127.0.0.1", 1, "use inet:");
	assert_bad("socket = \"inet:8890@a b\"", 1, "not an address");
	assert_bad("socket = inet:127.0.0.1:0", 1, "port must be");
	assert_bad("socket = inet:mx.example.com:smtp", 1, "port must be");
	assert_bad("socket = inet:::1:8890", 1, "port must be");
	assert_bad("socket = \"inet:[192.0.2.1]:8890\"", 1, "use inet:");
	assert_bad("socket = \"inet:[::1:8890\"", 1, "not an address");
	assert_bad("socket = unix:spf/s.sock", 1, "absolute; Postfix takes");
	assert_bad("socket = local:", 1, "must be absolute");
	memset(text + 10, 'a', 200);
	assert_bad(text, 1, "too long");
}

static void
test_text_options_refuse_what_they_cannot_be(void **state)
{
	(void)state;
	assert_good("user = nobody group = nogroup socket_group = postfix");
	assert_good("user = 65534");
	assert_bad("user = \"no body\"", 1, "not a name");
	assert_bad("group = \"a:b\"", 1, "not a name");
	assert_good("pid_file = /run/x.pid");
	assert_good("pid_file = \"\"");
	assert_bad("pid_file = run/x.pid", 1, "must be absolute");
	assert_bad("pid_file = \"/run/x\\n\"", 1, "unprintable");
	assert_good("hostname = mx.example.com");
	assert_good("hostname = mx");
	assert_good("hostname = xn--9n2bp8q.example");
	assert_bad("hostname = -mx.example.com", 1, "mx.example.com");
	assert_bad("hostname = mx-.example.com", 1, "hostname = ");
	assert_bad("hostname = mx.example.com.", 1, "hostname = ");
	assert_bad("hostname = mx..example.com", 1, "hostname = ");
	assert_bad("hostname = mx_1.example.com", 1, "hostname = ");
	assert_bad("hostname = 192.0.2.1", 1, "hostname = ");
	assert_bad("hostname = \"mx example\"", 1, "hostname = ");
	assert_bad("hostname = abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"
	    "uvwxyzabcdefghijkl.example", 1, "hostname = ");
}

static void
test_why_url_is_an_address_that_a_token_fits_behind(void **state)
{
	char text[200] = "why_url = http://a.example/";

	(void)state;
	assert_string_equal(value_of(NULL, "why_url", "why_url = \"\""),
	    "\"\"");
	assert_bad("why_url = mail.example.org/why", 1, "http or https");
	assert_bad("why_url = ftp://mail.example.org/why", 1, "why_url = ");
	assert_bad("why_url = \"https://\"", 1, "why_url = ");
	assert_bad("why_url = \"https://a.example/?t\"", 1, "without ?");
	assert_bad("why_url = \"https://a.example/#t\"", 1, "without ?");
	assert_bad("why_url = \"https://a.example/a b\"", 1, "why_url = ");
	assert_bad("why_url = \"https://a.example/\xc3\xa4\"", 1,
	    "why_url = ");
	memset(text + strlen(text), 'a', 140);
	assert_bad(text, 1, "at most 150");
	assert_bad("why_key = why.key", 1, "must be absolute");
}

/* Where there are links the key is read; it says what is wrong with it. */
static void
test_links_need_their_key(void **state)
{
	char *path = path_in_dir("why.key");
	char *text = xasprintf("\nwhy_key = \"%s\"\n"
	    "why_url = \"https://mail.example.org/why\"\n", path);
	uint8_t key[KEY_SIZE];

	(void)state;
	assert_bad("why_url = \"https://mail.example.org/why\"", 1,
	    "needs why_key");
	assert_bad(text, 2, "why.key: No such file");
	assert_good("why_key = /nonexistent");
	assert_null(key_make(path));
	assert_null(key_read(path, key));
	struct conf *c = load_good(text);
	assert_memory_equal(c->why_key_octets, key, KEY_SIZE);
	conf_release(c);
	assert_int_equal(chmod(path, 0640), 0);
	assert_bad(text, 2, "others than its owner");
	static const char *const off[] = { "why_url=", NULL };
	write_file("x.conf", text, strlen(text));
	c = load_set("x.conf", off);
	assert_non_null(c);
	conf_release(c);
	free(text);
	free(path);
}

static void
test_socket_mode_is_octal(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "socket_mode",
	    "socket_mode = 666"), "\"0666\"");
	assert_string_equal(value_of(NULL, "socket_mode",
	    "socket_mode = \"0777\""), "\"0777\"");
	assert_bad("socket_mode = 0888", 1, "octal");
	assert_bad("socket_mode = 1777", 1, "octal");
	assert_bad("socket_mode = 00660", 1, "octal");
	assert_bad("socket_mode = \"\"", 1, "octal");
	assert_bad("socket_mode = rw", 1, "octal");
}

static void
test_booleans_have_three_spellings(void **state)
{
	static const char *const yes[] = { "true", "yes", "on", "TRUE" };
	static const char *const no[] = { "false", "no", "off", "\"Off\"" };
	char text[80];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "dns { dnssec = %s }", yes[i]);
		assert_string_equal(value_of("dns", "dnssec", text), "true");
		snprintf(text, sizeof(text), "check_helo = %s", no[i]);
		assert_string_equal(value_of(NULL, "check_helo", text),
		    "false");
	}
	assert_bad("check_helo = 1", 1, "true or false");
	assert_bad("check_helo = \"\"", 1, "true or false");
}

static void
test_durations_and_sizes_take_units(void **state)
{
	static const char *const durations[][2] = {
		{ "20", "20" }, { "\"7s\"", "7" }, { "1500ms", "1500ms" },
		{ "2m", "120" }, { "0100ms", "100ms" }, { "300", "300" }
	};
	static const char *const sizes[][2] = {
		{ "64M", "64M" }, { "1048576", "1M" }, { "2048k", "2M" },
		{ "1G", "1G" }, { "1025K", "1025k" }, { "1048577", "1048577" }
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		snprintf(text, sizeof(text), "dns { timeout = %s }",
		    durations[i][0]);
		assert_string_equal(value_of("dns", "timeout", text),
		    durations[i][1]);
		snprintf(text, sizeof(text), "dns { cache_size = %s }",
		    sizes[i][0]);
		assert_string_equal(value_of("dns", "cache_size", text),
		    sizes[i][1]);
	}
}

static void
test_numbers_outside_their_limits_are_refused(void **state)
{
	(void)state;
	assert_bad("behavior = 7", 1, "behavior = \"7\": too large; "
	    "allowed: 0 to 6");
	assert_bad("behavior = -1", 1, "0 to 6");
	assert_bad("behavior = 3.0", 1, "0 to 6");
	assert_bad("behavior = 3s", 1, "0 to 6");
	assert_bad("behavior = \"\"", 1, "0 to 6");
	assert_bad("behavior = 99999999999999999999999", 1, "0 to 6");
	assert_bad("behavior_helo = 7", 1, "0 to 6");
	assert_bad("dns { timeout = 1h }", 1, "100ms to 5m");
	assert_bad("dns { timeout = 99ms }", 1, "100ms to 5m");
	assert_bad("dns { timeout = 20x }", 1, "100ms to 5m");
	assert_bad("dns { timeout = 9223372036854775807h }", 1, "100ms to");
	assert_bad("dns { timeout = s }", 1, "100ms to 5m");
	assert_bad("dns { query_timeout = 0 }", 1, "100ms to 1m");
	assert_bad("dns { reply_timeout = -1 }", 1, "100ms to 5m");
	assert_bad("dns { cache_size = 1048575 }", 1, "1M to 4G");
	assert_bad("dns { cache_size = 5G }", 1, "1M to 4G");
	assert_bad("dns { max_lookups = 0 }", 1, "1 to 20");
	assert_bad("dns { max_lookups = 21 }", 1, "1 to 20");
	assert_bad("dns { max_void_lookups = 101 }", 1, "0 to 100");
}

static void
test_numbers_are_refused_with_the_reason(void **state)
{
	static const char *const cases[][2] = {
		{ "behavior = -1", "this is not a whole number" },
		{ "behavior = 3s", "this is not a whole number" },
		{ "dns { timeout = 0.5s }", "this is not a whole number" },
		{ "dns { timeout = 99ms }", "too small; allowed: 100ms" },
		{ "dns { timeout = 6m }", "too large; allowed: 100ms to 5m" },
		{ "dns { timeout = 20x }", "the units are ms, s, m and h" },
		{ "dns { query_timeout = 4000 }", "too long, for a number "
		    "without unit is seconds; allowed: 100ms to 1m" },
		{ "dns { timeout = 0 }", "too short, for a number without" },
		{ "dns { cache_size = 32 }", "too small, for a number "
		    "without unit is octets; allowed: 1M to 4G" },
		{ "dns { cache_size = 32MB }", "the units are k, M and G" },
		{ "dns { cache_size = 99999999999999999999G }", "too large" },
		{ "dns { max_lookups = 21 }", "too large; allowed: 1 to 20" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bad(cases[i][0], 1, cases[i][1]);
}

static void
test_words_are_the_documented_ones(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "reject_at", "reject_at = mail"),
	    "\"mail\"");
	assert_string_equal(value_of(NULL, "log", "log = stderr"),
	    "\"stderr\"");
	assert_string_equal(value_of(NULL, "log_level", "log_level = debug"),
	    "\"debug\"");
	assert_string_equal(value_of(NULL, "syslog_facility",
	    "syslog_facility = local7"), "\"local7\"");
	assert_bad("reject_at = data", 1, "mail, rcpt or eom");
	assert_bad("log = /var/log/x", 1, "syslog, stderr or journald");
	assert_bad("log_level = notice", 1, "error, warning, info or debug");
	assert_bad("syslog_facility = local8", 1, "local0 to local7");
	assert_bad("headers = {\"received-spf\", \"x-spf\"}", 1,
	    "authentication-results");
}

static void
test_terms_are_checked_as_records_are(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "local_policy", "local_policy = "
	    "\"ip4:192.0.2.1 exists:%{i}.x.example\""),
	    "\"ip4:192.0.2.1 exists:%{i}.x.example\"");
	assert_string_equal(value_of(NULL, "best_guess",
	    "best_guess = \"v=spf1 a/24 ?all\"\nbest_guess = \"\""), "\"\"");
	assert_bad("local_policy = \"ip4:192.0.2.1 inclde:x.example\"", 1,
	    "unknown mechanism in \"inclde:x.example\" at octet 14");
	assert_bad("\nlocal_policy = \"ip4:192.0.2.1/33\"", 2,
	    "bad prefix length in \"ip4:192.0.2.1/33\" at octet 14");
	assert_bad("local_policy = \"v=spf1 a\"", 1,
	    "modifiers (NAME=VALUE) have no place here");
	assert_bad("local_policy = \"ip4=192.0.2.1\"", 1, "modifiers");
	assert_bad("local_policy = \"ip4:192.0.2.1 ?all\"", 1,
	    "an \"all\" would take the place");
	assert_bad("local_policy = \"redirect=x.example\"", 1,
	    "modifiers (NAME=VALUE) have no place here");
	assert_bad("local_policy = \" \"", 1, "there is no term");
	assert_bad("best_guess = \"a mx\"", 1, "not an SPF record; allowed: "
	    "a record such as \"v=spf1 a/24");
	assert_bad("best_guess = \"v=spf1 a exp=x.example\"", 1,
	    "modifiers (NAME=VALUE) have no place here");
}

static void
test_address_of_a_client(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "self_test_ip",
	    "self_test_ip = \"2001:DB8:0::1\""), "\"2001:db8::1\"");
	assert_string_equal(value_of(NULL, "self_test_ip", ""), "\"\"");
	assert_bad("self_test_ip = 192.0.2.0/24", 1, "an address, or \"\"");
}

static void
test_lists_replace_empty_and_append(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "headers", "headers = {}"), "{}");
	assert_string_equal(value_of(NULL, "headers",
	    "headers = authentication-results"),
	    "{\"authentication-results\"}");
	assert_string_equal(value_of(NULL, "headers",
	    "headers += {\"authentication-results\"}"),
	    "{\"received-spf\", \"authentication-results\"}");
	assert_string_equal(value_of(NULL, "trusted_networks",
	    "trusted_networks = {\"192.0.2.0/24\"}\n"
	    "trusted_networks = {\"198.51.100.1\", \"2001:db8::/32\",}"),
	    "{\"198.51.100.1/32\", \"2001:db8::/32\"}");
	assert_string_equal(value_of(NULL, "trusted_networks",
	    "trusted_networks = {192.0.2.1}\ntrusted_networks = {}"), "{}");
	assert_string_equal(value_of(NULL, "trusted_networks",
	    "trusted_networks += {192.0.2.1}\n"
	    "trusted_networks += ::ffff:192.0.2.2"),
	    "{\"127.0.0.0/8\", \"10.0.0.0/8\", \"172.16.0.0/12\", "
	    "\"192.168.0.0/16\", \"169.254.0.0/16\", \"100.64.0.0/10\", "
	    "\"::1/128\", \"fc00::/7\", \"fe80::/10\", "
	    "\"192.0.2.1/32\", \"192.0.2.2/32\"}");
	assert_string_equal(value_of(NULL, "trusted_networks",
	    "trusted_networks = {[::1]/128}"), "{\"::1/128\"}");
	assert_bad("trusted_networks = {\n192.0.2.1,\n192.0.2.0/33}", 3,
	    "192.0.2.0/24 or 2001:db8::/32");
	assert_bad("trusted_networks = localhost", 1, "trusted_networks");
}

static void
test_servers_get_their_port(void **state)
{
	(void)state;
	assert_string_equal(value_of("dns", "servers", "dns { servers = {"
	    "\"192.0.2.1\", \"192.0.2.2:5353\", \"2001:db8::1\", "
	    "\"[2001:db8::2]\", \"[2001:db8::3]:5353\"} }"),
	    "{\"192.0.2.1:53\", \"192.0.2.2:5353\", \"[2001:db8::1]:53\", "
	    "\"[2001:db8::2]:53\", \"[2001:db8::3]:5353\"}");
	assert_bad("dns { servers = ns.example.com }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = 192.0.2.1:0 }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = 192.0.2.1:65536 }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = 192.0.2.1: }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = [192.0.2.1]:53 }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = [2001:db8::1 }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = [2001:db8::1]53 }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = [] }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = \"\" }", 1, "ADDRESS:PORT");
	assert_bad("dns { servers = : }", 1, "ADDRESS:PORT");
}

static void
test_helo_level_is_the_lower_of_behavior_and_three(void **state)
{
	static const char *const expected[] = {
		"0", "1", "2", "3", "3", "3", "3"
	};
	char text[80];

	(void)state;
	for (unsigned level = 0; level <= 6; level++) {
		snprintf(text, sizeof(text), "behavior = %u", level);
		assert_string_equal(value_of(NULL, "behavior_helo", text),
		    expected[level]);
	}
	assert_string_equal(value_of(NULL, "behavior_helo",
	    "behavior_helo = 5\nbehavior = 1"), "5");
	assert_string_equal(value_of(NULL, "behavior_helo",
	    "behavior_helo = 5\ncheck_helo = no"), "0");
}

static void
test_levels_are_compiled_into_the_policy(void **state)
{
	struct conf *c = load_good("behavior = 4 behavior_helo = 2");

	(void)state;
	assert_int_equal(c->policy.level[SCOPE_MAILFROM], 4);
	assert_int_equal(c->policy.level[SCOPE_HELO], 2);
	assert_int_equal(c->policy.action[TABLE_MAILFROM][RESULT_SOFTFAIL],
	    POLICY_REJECT);
	assert_int_equal(c->policy.action[TABLE_HELO][RESULT_FAIL],
	    POLICY_ACCEPT);
	assert_int_equal(c->policy_at[6].level[SCOPE_MAILFROM], 6);
	assert_int_equal(c->policy_at[6].level[SCOPE_HELO], 2);
	conf_release(c);
	c = load_good("behavior = 1");
	assert_int_equal(c->policy_at[6].level[SCOPE_HELO], 3);
	conf_release(c);
	c = load_good("check_helo = no");
	assert_int_equal(c->policy_at[6].level[SCOPE_HELO], 0);
	assert_false(policy_checks(&c->policy, TABLE_HELO));
	assert_true(policy_checks(&c->policy, TABLE_MAILFROM));
	conf_release(c);
}

static void
test_policy_sections_go_over_the_levels(void **state)
{
	struct conf *c = load_good("policy mailfrom { fail = quarantine\n"
	    "softfail = \"tag\" none = skip }\nbehavior = 4\n"
	    "policy helo { temperror = tempfail }\ncheck_helo = no");
	const struct policy *p = &c->policy;

	(void)state;
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_FAIL],
	    POLICY_QUARANTINE);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_SOFTFAIL],
	    POLICY_TAG);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_NONE], POLICY_SKIP);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_PASS],
	    POLICY_ACCEPT);
	assert_int_equal(p->action[TABLE_NULL_SENDER][RESULT_SOFTFAIL],
	    POLICY_REJECT);
	assert_int_equal(p->action[TABLE_HELO][RESULT_TEMPERROR],
	    POLICY_TEMPFAIL);
	assert_int_equal(p->action[TABLE_HELO][RESULT_FAIL], POLICY_SKIP);
	assert_int_equal(p->action[TABLE_GUESS][RESULT_FAIL], POLICY_ACCEPT);
	conf_release(c);
	assert_bad("\npolicy mailfrom {\npass = reject }", 3, "pass = "
	    "\"reject\" is not understood; allowed: skip, header, tag, "
	    "quarantine");
	assert_bad("policy helo { temperror = reject }", 1, "allowed: skip, "
	    "header, tag, quarantine, tempfail");
	assert_bad("policy sender { fail = tag }", 1, "policy \"sender\": "
	    "allowed: helo, mailfrom, null_sender, guess");
	assert_bad("fail = tag", 1, "policy mailfrom { fail = ... }");
}

static const struct policy *
policy_of_rule(const struct conf *c, size_t i)
{
	assert_true(i < c->rules.count);
	return c->rules.list[i].policy;
}

static void
test_rules_are_compiled_in_the_order_of_the_file(void **state)
{
	struct conf *c = load_good("behavior = 4\nbehavior_helo = 2\n"
	    "rule b { behavior = 5 fail = tag }\n"
	    "rule a { action = reject identity = helo }\n"
	    "rule c { action = reject }\nrule d { softfail = header }\n"
	    "rule e { action = skip identity = mailfrom }\n"
	    "reply fail { code = 450 }");
	const struct policy *p = policy_of_rule(c, 0);

	(void)state;
	assert_int_equal(c->rules.count, 5);
	assert_string_equal(c->rules.list[0].name, "b");
	assert_int_equal(p->level[SCOPE_MAILFROM], 5);
	assert_int_equal(p->level[SCOPE_HELO], 2);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_FAIL], POLICY_TAG);
	assert_int_equal(p->action[TABLE_NULL_SENDER][RESULT_FAIL],
	    POLICY_TAG);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_NEUTRAL],
	    POLICY_REJECT);
	assert_int_equal(p->action[TABLE_GUESS][RESULT_NEUTRAL],
	    POLICY_ACCEPT);
	assert_true(p->defers[RESULT_FAIL]);
	p = policy_of_rule(c, 1);
	assert_int_equal(p->action[TABLE_HELO][RESULT_NONE], POLICY_REJECT);
	assert_int_equal(p->action[TABLE_HELO][RESULT_PASS], POLICY_ACCEPT);
	assert_int_equal(p->action[TABLE_HELO][RESULT_TEMPERROR],
	    POLICY_TEMPFAIL);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_NONE],
	    POLICY_ACCEPT);
	p = policy_of_rule(c, 2);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_NONE],
	    POLICY_REJECT);
	assert_int_equal(p->action[TABLE_GUESS][RESULT_FAIL],
	    POLICY_QUARANTINE);
	/* What is not about HELO makes nothing worse for it. */
	assert_int_equal(p->action[TABLE_HELO][RESULT_NONE], POLICY_ACCEPT);
	p = policy_of_rule(c, 3);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_SOFTFAIL],
	    POLICY_ACCEPT);
	assert_int_equal(p->action[TABLE_MAILFROM][RESULT_FAIL],
	    POLICY_REJECT);
	p = policy_of_rule(c, 4);
	assert_false(policy_checks(p, TABLE_MAILFROM));
	assert_true(policy_checks(p, TABLE_HELO));
	conf_release(c);
}

static void
test_rules_that_cannot_be_meant_are_refused(void **state)
{
	(void)state;
	assert_bad("rule a { behavior = 1\naction = tag }", 1, "rule \"a\": "
	    "behavior and action exclude each other");
	assert_bad("rule a { behavior = from-list }", 1, "wants a list");
	assert_bad("rule a { behavior = from-list client = 192.0.2.0/24 }", 1,
	    "wants a list of tcprules");
	assert_bad("rule a { port = smtp }", 1, "numbers such as 25");
	assert_bad("rule a { port = {25, \"!65536\"} }", 1, "numbers such as");
	assert_bad("rule a { authenticated = yes }", 1, "names of users");
	assert_bad("rule a { client_name = {a.example, \"!192.0.2.1\"} }", 1,
	    "addresses go to client");
	assert_bad("rule a { behavior = 7 }", 1, "allowed: 0 to 6, or "
	    "from-list");
	assert_bad("reject_at = mail rule a { recipient = b@ }", 1,
	    "not known yet");
	assert_bad("rule a {\nresult = {fail, failed} }", 2, "\"failed\"");
	assert_bad("rule a { expires = 2027-02-29 }", 1, "no such day");
	assert_bad("rule a { expires = 31.03.2027 }", 1, "a date such as");
	assert_bad("rule a { expires = 1969-12-31 }", 1, "a date such as");
	assert_bad("rule a { mechanism = ip5 }", 1, "ip4, ip6");
	assert_bad("rule a { sender = \"a b\" }", 1, "quotes of its own");
	assert_bad("rule a { spf_pass_for = {a.example, b.example, c.example, "
	    "d.example, e.example, f.example, g.example, h.example, "
	    "i.example, j.example, k.example} }", 1, "more than 10 domains");
}

static void
test_all_wrong_values_are_reported_with_their_lines(void **state)
{
	(void)state;
	assert_null(load("# one\n"
	    "behavior = 9\n"
	    "/* three\n   four */ log = file	// five\n"
	    "dns {	# still four\n"
	    "	timeout = never\n"
	    "	dnssec = perhaps\n"
	    "}\n"
	    "trusted_networks = {\n"
	    "	\"192.0.2.1\",	# good\n"
	    "	\"192.0.2.\",	# bad\n"
	    "	\"example.com\"\n"
	    "}\n"
	    "socket = \"inet:\n\"\n"
	    "reject_at = data\n"));
	assert_int_equal(diag.count, 8);
	assert_message(0, 2, "behavior");
	assert_message(1, 4, "log = ");
	assert_message(2, 6, "timeout");
	assert_message(3, 7, "dnssec");
	assert_message(4, 11, "trusted_networks = \"192.0.2.\"");
	assert_message(5, 12, "trusted_networks = \"example.com\"");
	assert_message(6, 15, "socket");
	assert_message(7, 16, "reject_at");
	for (size_t i = 0; i < diag.count; i++)
		assert_non_null(strstr(diag.entries[i].file, "/x.conf"));
}

static void
test_an_overridden_wrong_value_is_still_wrong(void **state)
{
	(void)state;
	assert_bad("behavior = 9\nbehavior = 3", 1, "behavior");
}

static void
test_unknown_names_are_told_with_what_was_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "behaviour = 3", "unknown option \"behaviour\"; did you mean "
		    "\"behavior\"?" },
		{ "spfbehavior = 3", "did you mean \"behavior\"?" },
		{ "spf_behaviour = 3", "did you mean \"behavior\"?" },
		{ "Socket = /x", "did you mean \"socket\"?" },
		{ "TrustedNetworks = {}", "mean \"trusted_networks\"?" },
		{ "header = {}", "did you mean \"headers\"?" },
		{ "querytimeout = 3", "\"query_timeout\" of section dns?" },
		{ "dns { time_outs = 3 }", "in section dns; did you mean "
		    "\"timeout\"?" },
		{ "timeout = 3", "unknown option \"timeout\"; it belongs into "
		    "section dns: dns { timeout = ... }" },
		{ "text = a", "section reply: reply fail { text = ... }" },
		{ "dns.timeout = 3", "section dns: dns { timeout = ... }" },
		{ "dns { behavior = 3 }", "in section dns; \"behavior\" stands "
		    "outside of sections" },
		{ "reply fail { user = a }", "stands outside of sections" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bad(cases[i][0], 1, cases[i][1]);
	assert_bad("\n\nbehaviour = 3", 3, "unknown option");
}

static void
test_names_like_none_of_ours_get_no_hint(void **state)
{
	static const char *const names[] = {
		"foo", "set", "lgo", "a", "\"spf\"", "greylisting", "[dns",
		"a_name_of_more_than_thirty-two_octets_in_all"
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "%s = 3", names[i]);
		assert_bad(text, 1, "unknown option");
		assert_null(strchr(diag.entries[0].message, ';'));
	}
}

static void
test_mistakes_of_syntax_are_told_as_they_were_made(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} cases[] = {
		{ "\xef\xbb\xbf" "behavior = 3", 1, "byte order mark" },
		{ "\n; a comment", 2, "begins no comment" },
		{ "user = a\n;a comment", 2, "begins no comment" },
		{ "headers = \"received-spf\", \"authentication-results\"", 1,
		    "braces with commas: headers = {\"...\", \"...\"}" },
		{ "trusted_networks = 127.0.0.0/8 192.0.2.0/24", 1,
		    "a list stands in braces" },
		{ "dns { servers = 192.0.2.1, 192.0.2.2 }", 1,
		    "braces with commas: servers = " },
		{ "headers = {\"received-spf\"\n\"authentication-results\"}",
		    2, "commas between them" },
		{ "trusted_networks = {\"192.0.2.1 192.0.2.2\"}", 1,
		    "each entry stands in quotes of its own" },
		{ "\nbehavior =\nreject_at = mail", 2,
		    "behavior has no value" },
		{ "user =\n", 1, "user has no value" },
		{ "dns {\ntimeout = }", 2, "timeout has no value" },
		{ "user = spf milter", 1, "double quotes: user = \"...\"" },
		{ "log = syslog,\nbehavior = 3", 1, "no comma ends a value" },
		{ "pid_file = /a=b", 1, "with \"=\" stands in double quotes" },
		{ "behavior == 3", 1, "one \"=\" is enough" },
		{ "behavior: 3", 1, "name and value: behavior = ..." },
		{ "[dns]\ntimeout = 3", 1, "braces: dns { ... }" },
		{ "dns = {\ntimeout = 3\n}", 1, "dns begins a section" },
		{ "behavior = {3}", 1, "takes one value, without braces" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(load(cases[i].text));
		assert_message(diag.count - 1, cases[i].line, cases[i].part);
		assert_true(diag.count == 1 || i == 8);
	}
}

static void
test_semicolons_may_stand_in_quotes(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "pid_file", "pid_file = \"/x;\""),
	    "\"/x;\"");
	assert_string_equal(value_of(NULL, "pid_file", "pid_file = /x;y"),
	    "\"/x;y\"");
	assert_good("reply fail { text = 'no; never;' }");
}

static void
test_semicolons_may_end_what_stands_in_their_line(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "pid_file", "pid_file = /x;"),
	    "\"/x\"");
	assert_string_equal(value_of(NULL, "pid_file", "pid_file = \"/x\" ;;"
	    "user = a;"), "\"/x\"");
	assert_string_equal(value_of("dns", "timeout",
	    "dns { timeout = 3; dnssec = on; };"), "3");
	assert_good("policy mailfrom { fail = \"reject\"; softfail = \"tag\"; "
	    "}\nforwarder a { client = {192.0.2.1}; };");
}

/* The one note that text draws is at line and has all of part. */
static void
assert_note(const char *text, unsigned line, const char *part)
{
	struct conf *c = load_good(text);

	if (c->notes.count != 1)
		fail_msg("%zu notes: %s", c->notes.count, text);
	const struct diag_entry *e = &c->notes.entries[0];
	if (strstr(e->message, part) == NULL || e->line != line)
		fail_msg("%s:%u: %s; wanted line %u: %s", e->file, e->line,
		    e->message, line, part);
	conf_release(c);
}

static void
assert_no_note(const char *text)
{
	struct conf *c = load_good(text);

	if (c->notes.count != 0)
		fail_msg("%s: %s", text, c->notes.entries[0].message);
	conf_release(c);
}

static void
test_local_policy_of_half_the_world_is_worth_a_look(void **state)
{
	(void)state;
	assert_note("\nlocal_policy = \"ip4:192.0.2.1 ip4:0.0.0.0/1\"", 2,
	    "local_policy: \"ip4:0.0.0.0/1\" lets more clients send for any "
	    "domain");
	assert_note("local_policy = \"ip6:2000::/3\"", 1, "\"ip6:2000::/3\"");
	assert_no_note("local_policy = \"ip4:17.0.0.0/8 -ip4:0.0.0.0/0\"");
}

static void
test_rules_that_are_worth_a_look_are_noted(void **state)
{
	(void)state;
	assert_note("rule a { client = 192.0.2.0/24 }\n"
	    "rule b { client = 192.0.2.7 sender = example.com }", 2,
	    "rule \"b\" never holds: rule \"a\" before it");
	assert_no_note("rule a { client = {192.0.2.0/24, \"!192.0.2.7\"} }\n"
	    "rule b { client = 192.0.2.7 }");
	assert_no_note("rule a { result = fail }\n"
	    "rule b { result = {fail, softfail} }");
	assert_note("rule a { result = {fail, softfail} }\n"
	    "rule b { result = fail sender = example.com }", 2, "never holds");
	assert_no_note("rule a { result = fail identity = helo }\n"
	    "rule b { result = fail }");
	assert_no_note("rule a { spf_pass_for = a.example }\n"
	    "rule b { spf_pass_for = {a.example, b.example} }");
	assert_note("rule a { expires = 2020-01-01 }", 1, "has expired");
	assert_note("rule a { sender = example.com action = header }", 1,
	    "can be used by forgers");
	assert_note("rule a { helo = example.com behavior = 1 }", 1,
	    "can be used by forgers");
	assert_no_note("rule a { sender = example.com client_name = "
	    ".example.com action = header }");
	assert_no_note("rule a { sender = example.com action = reject }");
	assert_no_note("rule a { recipient = b@ action = header }");
	assert_note("rule a { sender = example.com action = header "
	    "authenticated = false }", 1, "can be used by forgers");
	assert_note("behavior = 2 policy null_sender { fail = reject }\n"
	    "rule a { sender = \"<>\" action = header }", 2,
	    "can be used by forgers");
	assert_note("policy mailfrom { softfail = quarantine }\n"
	    "rule a { recipient = b@ action = header }", 2,
	    "mixed_recipients = \"split\"");
	assert_no_note("policy mailfrom { softfail = quarantine }\n"
	    "rule a { recipient = b@ action = header }\n"
	    "mixed_recipients = split");
	assert_no_note("policy mailfrom { softfail = quarantine }\n"
	    "rule a { recipient = b@ client = 192.0.2.1 action = header }");
	if (suffixes_version() == NULL)
		return;
	assert_note("reject_at = eom leave_to_dmarc = true\n"
	    "rule a { recipient = b@ action = header }", 2,
	    "can be used by forgers");
}

static void
test_what_means_nothing_is_noted(void **state)
{
	(void)state;
	assert_note("\npolicy mailfrom { fail = tag }\n"
	    "tag fial { subject = a }", 3, "tag \"fial\" marks nothing: no "
	    "result has this name");
	assert_no_note("policy mailfrom { fail = tag }\n"
	    "tag fail { subject = a } tag default { subject = b }\n"
	    "tag own { subject = c } rule a { action = tag tag = own }");
	assert_note("tag fail { subject = a }", 1, "no action is \"tag\"");
	assert_note("tag own { subject = a } tag default { subject = a }\n"
	    "policy mailfrom { fail = tag }\n"
	    "rule a { tag = own action = header }", 3,
	    "rule \"a\" has a tag that means nothing");
	assert_no_note("tag own { subject = a }\n"
	    "policy mailfrom { fail = tag }\nrule a { tag = own }");
	assert_note("policy guess { fail = reject }", 0, "best_guess: is not "
	    "set");
	assert_no_note("policy guess { pass = header }");
	assert_no_note("policy guess { fail = reject }\n"
	    "best_guess = \"v=spf1 a ?all\"");
}

/* What excludes alone holds for the rest, so for more than it names. */
static void
test_rules_that_only_exclude_are_larger_than_they_look(void **state)
{
	(void)state;
	assert_no_note("rule a { sender = {a.example, \"!b@a.example\"} "
	    "client = 192.0.2.0/24 }\n"
	    "rule b { sender = \"!b@a.example\" client = 192.0.2.0/24 }");
	assert_no_note("rule a { result = {fail, \"!pass\"} }\n"
	    "rule b { result = \"!pass\" }");
	assert_note("rule a { result = \"!pass\" }\n"
	    "rule b { result = {fail, \"!pass\"} }", 2, "never holds");
	assert_note("rule a { result = \"!pass\" }\n"
	    "rule b { result = \"!pass\" }", 2, "never holds");
}

static void
test_rules_for_who_is_trusted_are_noted(void **state)
{
	(void)state;
	assert_note("rule a { authenticated = kim action = reject }", 1,
	    "never holds: trust_authenticated");
	assert_no_note("trust_authenticated = false\n"
	    "rule a { authenticated = kim action = reject }");
	assert_no_note("rule a { authenticated = {false, kim} action = tag }");
	assert_no_note("rule a { authenticated = \"!kim\" action = tag }");
	assert_note("rule a { client = 127.0.0.7 action = reject }", 1,
	    "never holds: trusted_networks");
	assert_no_note("rule a { client = {127.0.0.7, 192.0.2.7} "
	    "action = reject }");
	assert_no_note("rule a { client = 127.0.0.7 check_as = 192.0.2.25 }");
	assert_no_note("rule a { authenticated = true check_as = 192.0.2.25 }");
	assert_note("rule a { sender = ours.example check_as = 192.0.2.25 }", 1,
	    "can be used by forgers");
	assert_note("rule a { authenticated = false check_as = 192.0.2.25 }", 1,
	    "can be used by forgers");
}

static void
test_what_is_given_twice_is_noted(void **state)
{
	(void)state;
	assert_note("behavior = 4\n\nbehavior = 3", 3,
	    "behavior is set in line 1 already; this value counts");
	assert_note("headers = {}\nheaders = {\"received-spf\"}", 2,
	    "headers is set in line 1");
	assert_note("dns {\ntimeout = 3\ntimeout = 4 }", 3,
	    "timeout is set in line 2");
	assert_note("dns { timeout = 3 }\ndns { dnssec = yes }", 2,
	    "section dns stands in line 1 already; both count");
	assert_note("reply fail { code = 551 }\nreply fail { text = a }", 2,
	    "section reply fail stands in line 1 already; only this one "
	    "counts");
	assert_note("reply fail { code = 551\ncode = 552 }", 2, "code is set");
	assert_no_note("reply fail { code = 551 } reply none { code = 551 }");
	assert_no_note("headers = {}\nheaders += {\"received-spf\"}");
	assert_no_note("behavior = 3\nbehavior_helo = 2");
	assert_no_note("# behavior = 4\nbehavior = 3");
	assert_no_note("pid_file = '/behavior = 3'\nbehavior = 3");
}

static void
test_a_socket_for_everybody_is_noted(void **state)
{
	(void)state;
	assert_note("\nsocket = inet:8890", 2, "socket: listens on every "
	    "address of this machine, and whoever connects is trusted like "
	    "the MTA; inet:8890@127.0.0.1 is for");
	assert_note("socket = inet6:8890", 1, "listens on every");
	assert_note("socket = inet:8890@0.0.0.0", 1, "listens on every");
	assert_note("socket = inet6:8890@::", 1, "inet:8890@127.0.0.1");
	assert_note("socket = \"inet:[::]:8890\"", 1, "listens on every");
	assert_no_note("socket = inet:8890@192.0.2.1");
	assert_no_note("socket = inet:127.0.0.1:8890");
	assert_no_note("socket = unix:/run/s");
}

static void
test_odd_networks_are_noted(void **state)
{
	(void)state;
	assert_note("\ntrusted_networks = {192.0.2.0/24}", 2,
	    "127.0.0.0/8 and ::1/128 are not in the list");
	assert_no_note("trusted_networks = {}");
	assert_note("trusted_networks = {127.0.0.0/8, 192.0.2.0/24}", 1,
	    "trusted_networks: ::1/128 is not in the list");
	assert_note("trusted_networks = {::1}", 1,
	    "trusted_networks: 127.0.0.0/8 is not in the list");
	assert_no_note("trusted_networks = {0.0.0.0/1, ::/1}");
	assert_no_note("trusted_networks = {127.0.0.1, ::1, 192.0.2.0/24}");
	assert_no_note("trusted_networks += {192.0.2.0/24, 2001:db8::/32}");
	assert_note("trusted_networks += 0.0.0.0/0", 1,
	    "0.0.0.0/0 is every IPv4 client: none of them is checked");
	assert_note("trusted_networks += ::/0", 1, "::/0 is every IPv6 client");
	assert_note("trusted_networks += {192.0.2.1/24}", 1,
	    "192.0.2.1/24 is the network 192.0.2.0/24");
	assert_note("trusted_networks += {2001:db8::1/64}", 1,
	    "2001:db8::1/64 is the network 2001:db8::/64");
}

static void
test_a_relay_or_forwarder_that_is_everybody_draws_a_note(void **state)
{
	(void)state;
	assert_note("\nrelay { client = {192.0.2.25, 0.0.0.0/0} }", 2,
	    "relay: client: 0.0.0.0/0 is every IPv4 client: anybody");
	assert_note("relay { client = \"::/0\" }", 1,
	    "relay: client: ::/0 is every IPv6 client");
	assert_no_note("relay { client = {0.0.0.0/1, \"!0.0.0.0/0\"} }");
	assert_note("forwarder a { client = 0.0.0.0/0 }", 1,
	    "forwarder \"a\": client: 0.0.0.0/0 is every IPv4 client: nobody");
	assert_no_note("forwarder a { client = 192.0.2.0/24 }");
	assert_no_note("forwarder a { client_name = .example.edu }");
	assert_no_note("forwarder a { client = 0.0.0.0/0 "
	    "client_name = .example.edu }");
	assert_no_note("forwarder a { client = 0.0.0.0/0 "
	    "spf_pass_for = example.edu }");
}

/* Overriding is what a file that includes another is for. */
static void
test_an_included_file_may_be_overridden(void **state)
{
	static const char main_text[] =
	    "include(\"part.conf\")\nbehavior = 4\n";

	(void)state;
	write_file("part.conf", "behavior = 3\n", 13);
	write_file("main.conf", main_text, sizeof(main_text) - 1);
	struct conf *c = load_file("main.conf");
	assert_non_null(c);
	assert_int_equal(c->notes.count, 0);
	assert_int_equal(c->behavior, 4);
	conf_release(c);
}

static void
test_syntax_errors_have_a_line(void **state)
{
	(void)state;
	assert_bad("# c\nsocket\n=\n}", 3, "socket has no value");
	assert_bad("# c\n\nbehavior 3\n", 3, "missing equal sign");
	assert_bad("dns { }\ndns {\ntimeout = 5\n", 2, "never closed");
	assert_bad("\nheaders = {", 2, "never closed");
	assert_bad("\n}\n", 2, "unexpected closing brace");
	assert_bad("behavior += 3", 1, "non-list");
	assert_bad("\n\"\" = 3", 2, "syntax error");
	assert_bad("user = \"\\777\"", 1, "invalid octal number");
	assert_bad("user = \"\\8\"", 1, "bad escape sequence");
	assert_bad("dns|timeout = 3", 1, "outside of its section");
	assert_bad("reply=fail|code = 550", 1, "reply");
	assert_bad("reply { code = 550 }", 1, "missing title");
}

static void
test_unterminated_text_is_told_where_it_begins(void **state)
{
	(void)state;
	assert_bad("\nuser = \"abc\n\n", 2, "no closing quote");
	assert_bad("\nuser = 'abc\n\n", 2, "no closing quote");
	assert_bad("\nuser = \"abc\\", 2, "no closing quote");
	assert_bad("\n\n/* abc\n * /\n", 3, "no end");
	assert_bad("\n/*/\n", 2, "no end");
	assert_bad("\nuser = \"${HOME\nuser = }", 2, "${ has no }");
	assert_bad("\nuser = ${HOME\n", 2, "${ has no }");
}

static void
test_good_text_follows_bad_text(void **state)
{
	static const char *const bad[] = {
		"user = \"abc", "/* abc", "user = \"\\777\"", "dns {",
		"reply fail {", "include(", "user = ", "user = \"${A"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(load(bad[i]));
		assert_string_equal(value_of(NULL, "behavior",
		    "behavior = 5"), "5");
	}
}

static void
test_comments_may_stand_anywhere_between_words(void **state)
{
	(void)state;
	assert_string_equal(value_of(NULL, "headers",
	    "headers # a\n = /* b */ { // c\n"
	    "\"received-spf\" /* d\n */, # \"e\n"
	    "/**/ 'authentication-results' //\n} # f"),
	    "{\"received-spf\", \"authentication-results\"}");
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = \"/#a/*b*/'//c\""), "\"/#a/*b*/'//c\"");
	assert_string_equal(value_of(NULL, "pid_file", "pid_file = '/#a\"'#b"),
	    "\"/#a\\\"\"");
	assert_string_equal(value_of(NULL, "pid_file", "pid_file=/a//b#c"),
	    "\"/a//b\"");
}

static void
test_environment_is_expanded(void **state)
{
	(void)state;
	assert_int_equal(setenv("CONF_TEST", "/run/a\"b", 1), 0);
	assert_int_equal(unsetenv("CONF_TEST_NONE"), 0);
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = \"${CONF_TEST}/c\""), "\"/run/a\\\"b/c\"");
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = ${CONF_TEST}"), "\"/run/a\\\"b\"");
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = \"${CONF_TEST_NONE:-/d\"}\""), "\"/d\\\"\"");
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = \"${CONF_TEST_NONE}\""), "\"\"");
	assert_string_equal(value_of(NULL, "pid_file",
	    "pid_file = '/${CONF_TEST}'"), "\"/\\${CONF_TEST}\"");
}

static void
test_sections_may_come_in_pieces(void **state)
{
	struct conf *c = load_good("dns { timeout = 5 dnssec = yes }\n"
	    "behavior = 4\ndns { timeout = 6 }");

	(void)state;
	assert_int_equal(c->dns_timeout_ms, 6000);
	assert_true(c->dnssec);
	assert_int_equal(c->dns_query_timeout_ms, 4000);
	conf_release(c);
}

/* What the reply for a result was compiled from. */
static const struct conf_reply *
reply_of(const struct conf *c, enum result r)
{
	const struct conf_items *all = &c->reply_sections;

	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].title, result_name(r)) == 0)
			return all->list[i].values;
	fail();
	return NULL;
}

static void
test_every_refusable_result_has_its_default_reply(void **state)
{
	struct conf *c = load_good("");

	(void)state;
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		if (i == RESULT_PASS) {
			assert_null(c->replies[i]);
			continue;
		}
		const struct reply_default *d = reply_default((enum result)i);
		assert_non_null(c->replies[i]);
		assert_int_equal(reply_of(c, (enum result)i)->code, d->code);
		assert_string_equal(reply_of(c, (enum result)i)->enhanced,
		    d->enhanced);
		assert_string_equal(reply_of(c, (enum result)i)->text, d->text);
	}
	conf_release(c);
}

static void
test_reply_members_that_are_missing_stay_default(void **state)
{
	struct conf *c = load_good("reply fail { text = \"No: %{s}\\nNo.\" }\n"
	    "reply softfail { code = 554 }\n"
	    "reply none { enhanced = 5.7.99 }");
	const struct conf_reply *fail = reply_of(c, RESULT_FAIL);

	(void)state;
	assert_string_equal(fail->text, "No: %{s}\nNo.");
	assert_int_equal(fail->code, 550);
	assert_string_equal(fail->enhanced, "5.7.23");
	assert_int_equal(reply_of(c, RESULT_SOFTFAIL)->code, 554);
	assert_string_equal(reply_of(c, RESULT_SOFTFAIL)->enhanced,
	    reply_default(RESULT_SOFTFAIL)->enhanced);
	assert_string_equal(reply_of(c, RESULT_NONE)->enhanced, "5.7.99");
	conf_release(c);
}

static void
test_reply_class_is_one(void **state)
{
	struct conf *c = load_good("reply fail { code = 450 }");

	(void)state;
	assert_string_equal(reply_of(c, RESULT_FAIL)->enhanced, "4.7.23");
	conf_release(c);
	assert_good("reply fail { code = 450 enhanced = 4.7.1 }");
	assert_bad("\nreply fail {\ncode = 450\nenhanced = 5.7.1\n}", 2,
	    "reply fail: enhanced \"5.7.1\" does not fit code 450");
	assert_bad("reply fail { enhanced = 4.7.23 }", 1, "does not fit");
	assert_bad("reply temperror { code = 550 }", 1, "400 to 499");
	assert_bad("reply temperror { code = 550 enhanced = 5.7.1 }", 1,
	    "would lose mail");
	assert_good("reply temperror { code = 421 }");
}

static void
test_wrong_reply_members_are_told_in_their_lines(void **state)
{
	(void)state;
	assert_null(load("reply fail {\n"
	    "	code = 250\n"
	    "	enhanced = 5.7\n"
	    "	text = \"%{nothing}\"\n"
	    "}\n"
	    "reply permerror { text = \"\" }\n"
	    "reply neutral { text = \"\\x80\" }\n"
	    "reply pass { code = 550 }\n"
	    "reply spam {}\n"));
	assert_int_equal(diag.count, 7);
	assert_message(0, 2, "code = \"250\": too small; allowed: 400");
	assert_message(1, 3, "enhanced = \"5.7\"");
	assert_message(2, 4, "text = \"%{nothing}\"");
	assert_message(3, 6, "text = \"\"");
	assert_message(4, 7, "text = ");
	assert_message(5, 8, "reply \"pass\": allowed: fail, softfail");
	assert_message(6, 9, "reply \"spam\"");
}

static void
test_last_reply_section_replaces_earlier_ones(void **state)
{
	struct conf *c = load_good("reply fail { code = 551 text = \"One\" }\n"
	    "reply none { code = 553 }\n"
	    "reply fail { text = \"Two\" }");

	(void)state;
	assert_string_equal(reply_of(c, RESULT_FAIL)->text, "Two");
	assert_int_equal(reply_of(c, RESULT_FAIL)->code, 550);
	assert_int_equal(reply_of(c, RESULT_NONE)->code, 553);
	conf_release(c);
}

/* The title of the forwarder i, or NULL. */
static const char *
forwarder_title(const struct conf *c, size_t i)
{
	return i < c->forwarders.count ? c->forwarders.list[i].title : NULL;
}

static void
test_sections_with_any_title_keep_their_order(void **state)
{
	write_file("more.conf", "forwarder m { client = {192.0.2.9} }\n", 37);
	struct conf *c = load_good("forwarder \"b (c)\" {\n"
	    "	client = {192.0.2.1}\n"
	    "	client += {192.0.2.2}\n"
	    "}\n"
	    "include(more.conf)\n"
	    "forwarder a { spf_pass_for = {example.com}\n\n}");
	const struct conf_item *items = c->forwarders.list;
	const struct conf_forwarder *first = items[0].values;
	const struct conf_forwarder *last = items[2].values;

	(void)state;
	assert_string_equal(forwarder_title(c, 0), "b (c)");
	assert_string_equal(forwarder_title(c, 1), "m");
	assert_string_equal(forwarder_title(c, 2), "a");
	assert_null(forwarder_title(c, 3));
	assert_int_equal(items[0].line, 1);
	assert_int_equal(items[2].line, 6);
	assert_non_null(strstr(items[1].file, "/more.conf"));
	assert_int_equal(list_count(first->client), 2);
	assert_null(first->client_name);
	assert_null(last->client);
	assert_string_equal(last->spf_pass_for.list[0], "example.com");
	conf_release(c);
}

static void
test_a_title_stands_once(void **state)
{
	static const char twice[] = "forwarder a { client = {192.0.2.1} }\n"
	    "forwarder b { client = {192.0.2.1} }\n"
	    "forwarder a {\n	client = {192.0.2.2}\n}\n";
	(void)state;
	assert_bad(twice, 3, "forwarder \"a\" stands in ");
	assert_message(0, 3, "x.conf:1 already");
	write_file("twice.conf", twice, 36);
	assert_null(load("include(twice.conf)\n\n"
	    "forwarder a { client = {192.0.2.2} }"));
	assert_message(0, 3, "twice.conf:1 already");
	assert_good("forwarder fail { client = {192.0.2.1} }\n"
	    "reply fail { code = 551 }");
}

static void
test_titles_are_names_that_can_be_told(void **state)
{
	static const char *const bad[] = {
		"\"\"", "\"a\nb\"", "\"\na\"", "'a\"'", "'a$'", "\"\xc3\xa4\"",
		"a123456789b123456789c123456789d123456789e"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = xasprintf("forwarder x { client = {192.0.2.1} }\n"
		    "forwarder %s { client = {192.0.2.1} }", bad[i]);
		assert_null(load(text));
		assert_message(0, 2, "allowed: a name of 1 to 40 printable");
		free(text);
	}
	assert_null(load("forwarder { client = {192.0.2.1} }"));
	assert_message(0, 1, "title");
}

static void
test_mistakes_in_sections_with_any_title_are_told(void **state)
{
	(void)state;
	assert_bad("\nforwarder a {\n\n}", 2, "forwarder \"a\": nothing says "
	    "which clients it is: client, client_name or spf_pass_for");
	assert_bad("forwarder a {\n\nspf_pas_for = {a.example}\n}", 3,
	    "in section forwarder; did you mean \"spf_pass_for\"?");
	assert_bad("forwarder a {\ntimeout = 3 }", 2, "belongs into section "
	    "dns");
	assert_bad("spf_pass_for = a.example", 1, "belongs into section "
	    "forwarder: forwarder \"NAME\" { spf_pass_for = ... }");
	assert_bad("forwarder a {\nclient = {192.0.2.1}\n"
	    "client_name = {} }", 1, "client_name = {} is nobody; allowed: "
	    "names such as");
	assert_bad("forwarder a {\nspf_pass_for = {.example.com}}", 2,
	    "spf_pass_for = \".example.com\" is not understood; allowed: "
	    "domains");
	assert_null(load("forwarder a {\nclient = {\"file:/nonexistent\"}}"));
	assert_message(0, 0, "No such file");
}

/* The settings over text; static storage, as many as there are. */
static struct conf *
load_over(const char *text, const char *first, const char *second)
{
	static const char *settings[3];

	settings[0] = first;
	settings[1] = second;
	write_file("x.conf", text, strlen(text));
	return load_set("x.conf", settings);
}

static void
test_check_as_goes_with_what_is_known_at_mail(void **state)
{
	static const char *const late[] = {
		"recipient = {a.example}", "client_name = {a.example}",
		"spf_pass_for = {a.example}", "result = {fail}",
		"mechanism = {all}", "record = wide-open",
	};

	(void)state;
	assert_good("rule a { client = {10.0.0.1} check_as = 192.0.2.1 }");
	assert_bad("rule a { client = {10.0.0.1} check_as = a.example }", 1,
	    "check_as = \"a.example\" is not understood; allowed: an IPv4");
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		char *text = xasprintf("\nrule a { check_as = 192.0.2.1 %s }",
		    late[i]);
		assert_bad(text, 2, "rule \"a\": check_as goes with what");
		free(text);
	}
}

static void
test_sections_without_title_stand_each_for_itself(void **state)
{
	struct conf *c = load_good("relay {\n client = {192.0.2.1}\n}\n\n"
	    "relay { client = {192.0.2.2} refuse = yes }");
	const struct conf_relay *first = c->relays.list[0].values;
	const struct conf_relay *last = c->relays.list[1].values;
	struct addr a;

	(void)state;
	assert_int_equal(c->relays.count, 2);
	assert_int_equal(c->notes.count, 0);
	assert_int_equal(c->relays.list[1].line, 5);
	assert_false(first->refuse);
	assert_true(last->refuse);
	addr_parse(&a, "192.0.2.2");
	assert_ptr_equal(conf_relay_of(c, &a), last);
	addr_parse(&a, "192.0.2.3");
	assert_null(conf_relay_of(c, &a));
	conf_release(c);
	assert_bad("\nrelay {\n}", 2, "relay: client is missing");
	assert_bad("relay a { client = {192.0.2.1} }", 1, "");
	assert_null(load_over("relay { client = {192.0.2.1} }",
	    "relay.refuse=yes", NULL));
	assert_message(0, 0, "relay may stand several times");
}

static void
test_client_map_has_pairs_of_one_size(void **state)
{
	static const char *const cases[][3] = {
		{ "10.0.0.1=192.0.2.1", "10.0.0.1", "192.0.2.1" },
		{ "10.0.0.1=192.0.2.1", "10.0.0.2", "10.0.0.2" },
		{ "10.0.0.0/20=192.0.16.0/20", "10.0.15.77", "192.0.31.77" },
		{ "10.0.0.0/8=192.0.0.0/8", "10.1.2.3", "192.1.2.3" },
		{ "10.0.0.1=2001:db8::1", "10.0.0.1", "2001:db8::1" },
		{ "[fd00::]/64=2001:db8:0:5::/64", "fd00::77",
		    "2001:db8:0:5::77" },
		{ "0.0.0.0/0=0.0.0.0/0", "192.0.2.1", "192.0.2.1" },
	};
	static const char *const bad[][2] = {
		{ "10.0.0.1", "allowed: ADDRESS=ADDRESS" },
		{ "10.0.0.1=", "not understood" },
		{ "10.0.0.1=a.example", "not understood" },
		{ "10.0.0.0/24=192.0.2.1", "larger than the other" },
		{ "10.0.0.0/32=fd00::/32", "larger than the other" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = xasprintf("client_map = {\"%s\"}", cases[i][0]);
		struct conf *c = load_good(text);
		char out[ADDR_TEXT_SIZE];
		struct addr a;
		addr_parse(&a, cases[i][1]);
		conf_map_client(c, &a);
		assert_string_equal(addr_format(&a, out), cases[i][2]);
		conf_release(c);
		free(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = xasprintf("client_map = {\"%s\"}", bad[i][0]);
		assert_bad(text, 1, bad[i][1]);
		free(text);
	}
	assert_note("client_map = {\"10.0.0.0/8=11.0.0.0/8\", "
	    "\"10.0.0.1=192.0.2.1\"}", 1, "10.0.0.1 never counts");
	assert_no_note("client_map = {\"10.0.0.1=192.0.2.1\", "
	    "\"10.0.0.0/8=11.0.0.0/8\"}");
}

static void
test_lists_are_known_by_where_they_stand(void **state)
{
	struct conf *c = load_good("forwarder a { client = {192.0.2.1} "
	    "client_name = {mx.example.com} }");

	(void)state;
	assert_int_equal(c->list_count, 3);
	assert_string_equal(c->lists[0].name, "trusted_networks");
	assert_ptr_equal(c->lists[0].list, c->trusted_networks);
	assert_string_equal(c->lists[1].name, "forwarder \"a\": client");
	assert_string_equal(c->lists[2].name, "forwarder \"a\": client_name");
	conf_release(c);
}

static void
test_settings_stand_over_the_file(void **state)
{
	static const char text[] = "behavior = 1\ndns { timeout = 3 }\n"
	    "reply fail { code = 551 enhanced = 5.7.9 text = a }\n";
	struct conf *c = load_over(text, "behavior=2", "dns.timeout=5s");

	(void)state;
	assert_int_equal(c->behavior, 2);
	assert_int_equal(c->behavior_helo, 2);
	assert_int_equal(c->dns_timeout_ms, 5000);
	conf_release(c);
	c = load_over(text, "reply.fail.text=No, \"%{s}\" = $x {}",
	    "reply.none.code=450");
	assert_string_equal(reply_of(c, RESULT_FAIL)->text,
	    "No, \"%{s}\" = $x {}");
	assert_int_equal(reply_of(c, RESULT_FAIL)->code, 551);
	assert_string_equal(reply_of(c, RESULT_FAIL)->enhanced, "5.7.9");
	assert_int_equal(reply_of(c, RESULT_NONE)->code, 450);
	conf_release(c);
	c = load_over("forwarder a.b { client = {192.0.2.1} }",
	    "forwarder.a.b.client=192.0.2.2",
	    "forwarder.a.b.client+=192.0.2.3");
	const struct conf_forwarder *f = c->forwarders.list[0].values;
	assert_int_equal(list_count(f->client), 2);
	conf_release(c);
	c = load_over("user = a", "user=", "pid_file=\"/run/x\\$\"");
	assert_string_equal(c->user, "");
	assert_string_equal(c->pid_file, "/run/x$");
	conf_release(c);
	assert_int_equal(diag.count, 0);
}

static void
assert_control(const char *text, const char *setting, const char *want)
{
	const char *const settings[] = { setting, NULL };
	char *path = path_in_dir("x.conf");

	write_file("x.conf", text, strlen(text));
	char *control = conf_find_control(path, settings);

	assert_string_equal(control, want);
	free(control);
	free(path);
}

/* The running daemon has read the file when it had none. */
static void
test_control_is_found_beside_mistakes(void **state)
{
	(void)state;
	assert_control("control = /a/b", NULL, "/a/b");
	assert_control("behavior = 9 control = /a/b rule x { bad = 1 }", NULL,
	    "/a/b");
	assert_control("control = /a/b\n}", NULL, "/a/b");
	assert_control("control = /a/b", "control=/c", "/c");
	assert_control("", NULL, CONF_DEFAULT_CONTROL);
	char *control = conf_find_control("/nowhere/x", NULL);
	assert_string_equal(control, CONF_DEFAULT_CONTROL);
	free(control);
}

static void
test_settings_of_lists_are_as_in_the_file(void **state)
{
	struct conf *c = load_over("headers = {}",
	    "headers={\"received-spf\", authentication-results}",
	    "trusted_networks=192.0.2.0/24");

	(void)state;
	assert_int_equal(c->headers,
	    CONF_HEADER_RECEIVED_SPF | CONF_HEADER_AUTH_RESULTS);
	assert_int_equal(list_count(c->trusted_networks), 1);
	conf_release(c);
	c = load_over("", "headers={}", "headers+=authentication-results");
	assert_int_equal(c->headers, CONF_HEADER_AUTH_RESULTS);
	conf_release(c);
}

static void
test_the_last_setting_counts_and_needs_no_file(void **state)
{
	static const char *const settings[] = {
		"behavior=6", "behavior=5", NULL
	};
	struct conf *c = conf_load(NULL, settings, &diag);

	(void)state;
	assert_int_equal(c->behavior, 5);
	assert_int_equal(c->notes.count, 0);
	conf_release(c);
}

static void
test_wrong_settings_are_told_by_their_text(void **state)
{
	static const char *const cases[][2] = {
		{ "behavior=9", "behavior = \"9\": too large; allowed: 0 to" },
		{ "behavior", "NAME=VALUE is wanted" },
		{ "=3", "unknown option" },
		{ "behaviour=3", "did you mean \"behavior\"?" },
		{ "timeout=3", "it belongs into section dns" },
		{ "dns.timout=3", "in section dns; did you mean \"timeout\"?" },
		{ "dn.timeout=3", "no such section; a name is OPTION, dns." },
		{ "dns.x.timeout=3", "no such section" },
		{ "reply.text=a", "dns.OPTION or reply.RESULT.OPTION" },
		{ "reply.spam.text=a", "no such section" },
		{ "forwarder.a.client=192.0.2.1", "SECTION.TITLE.OPTION of a "
		    "section in the file" },
		{ "reply.fail.enhanced=4.7.1", "does not fit code 550" },
		{ "headers={", "never closed" },
		{ "behavior+=3", "non-list" },
		{ "behavior={3}", "takes one value, without braces" },
		{ "socket=inet:0@::1", "the port must be" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *place = xasprintf("-o %s", cases[i][0]);
		assert_null(load_over("behavior = 3", cases[i][0], NULL));
		assert_int_equal(diag.count, 1);
		assert_string_equal(diag.entries[0].file, place);
		assert_message(0, 0, cases[i][1]);
		free(place);
	}
}

static void
test_a_note_of_a_setting_is_told_by_its_text(void **state)
{
	struct conf *c = load_over("socket = /run/x", "socket=inet:1", NULL);

	(void)state;
	assert_int_equal(c->notes.count, 1);
	assert_string_equal(c->notes.entries[0].file, "-o socket=inet:1");
	assert_int_equal(c->notes.entries[0].line, 0);
	conf_release(c);
}

static void
test_reload_reads_the_file_anew_and_keeps_the_settings(void **state)
{
	struct conf *c = load_over("behavior = 1 user = a", "user=b", NULL);

	(void)state;
	write_file("x.conf", "behavior = 2 user = c", 21);
	struct conf *again = conf_reload(c, &diag);
	conf_release(c);
	assert_int_equal(again->behavior, 2);
	assert_string_equal(again->user, "b");
	conf_release(again);
}

static void
test_include_reads_another_file_in_place(void **state)
{
	static const char outer[] = "behavior = 1\n# c\n"
	    "include(\"inner.conf\")\nlog = stderr\nuser = a\nbehavior = x\n";
	static const char inner[] = "behavior = 5\nuser = b\n\nlog_level = y\n";

	(void)state;
	write_file("inner.conf", inner, strlen(inner));
	write_file("outer.conf", outer, strlen(outer));
	assert_null(load_file("outer.conf"));
	assert_int_equal(diag.count, 2);
	assert_message(0, 4, "log_level");
	assert_non_null(strstr(diag.entries[0].file, "/inner.conf"));
	assert_message(1, 6, "behavior = \"x\"");
	assert_non_null(strstr(diag.entries[1].file, "/outer.conf"));

	write_file("inner.conf", inner, strlen("behavior = 5\nuser = b\n"));
	write_file("outer.conf", outer, strlen(outer) - 13);
	struct conf *c = load_file("outer.conf");
	assert_non_null(c);
	assert_int_equal(c->behavior, 5);
	assert_int_equal(c->log, LOG_TARGET_STDERR);
	assert_string_equal(c->user, "a");
	assert_non_null(strstr(c->path, "/outer.conf"));
	conf_release(c);
}

static void
test_include_reports_what_it_cannot_read(void **state)
{
	static const char half[] = "dns {";

	(void)state;
	write_file("half.conf", half, strlen(half));
	char *text = xasprintf("include(\"%s/none.conf\")\n"
	    "include(\"%s\")\ninclude(\"%s/half.conf\")\n", dir, dir, dir);
	assert_null(load(text));
	assert_int_equal(diag.count, 3);
	assert_message(0, 1, "No such file");
	assert_message(1, 2, "directory");
	assert_message(2, 1, "never closed");
	free(text);
	assert_bad("include()", 1, "one file name");
	assert_bad("include(\"a\", \"b\")", 1, "one file name");
	assert_bad("dns { include(\"a\") }", 1, "unknown option \"include\"");
	assert_bad("include = a", 1, "parenthesis");
	assert_bad("include(\"~\")", 1, "include");
}

static void
test_include_that_does_not_end_is_refused(void **state)
{
	static const char loop[] = "user = a\ninclude(\"loop.conf\")\n";
	static const char once[] = "include(\"empty.conf\")\n";
	char many[150 * sizeof(once)] = "";

	(void)state;
	write_file("loop.conf", loop, strlen(loop));
	assert_null(load_file("loop.conf"));
	assert_true(diag.count >= 1);
	assert_message(0, 2, "10 files deep");

	write_file("empty.conf", "", 0);
	for (size_t i = 0; i < 150; i++)
		memcpy(many + i * strlen(once), once, sizeof(once));
	write_file("many.conf", many, strlen(many));
	assert_null(load_file("many.conf"));
	assert_message(0, 100, "more than 100 files");
	write_file("many.conf", many, 99 * strlen(once));
	conf_release(load_file("many.conf"));
	assert_int_equal(diag.count, 0);
}

static void
test_files_that_are_no_configuration_are_refused(void **state)
{
	char *big = xcalloc(10 << 20, 1);
	char *fifo = path_in_dir("fifo");

	(void)state;
	memset(big, '\n', 10 << 20);
	write_file("big.conf", big, 10 << 20);
	write_file("mega.conf", big, 1 << 20);
	write_file("nul.conf", "user = a\0b", 10);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(load_file("big.conf"));
	assert_message(0, 0, "over 1 MB");
	assert_null(load_file("nul.conf"));
	assert_message(0, 0, "NUL");
	assert_null(load_file("none.conf"));
	assert_message(0, 0, "No such file");
	assert_null(load_file("."));
	assert_message(0, 0, "directory");
	assert_null(load_file("fifo"));
	assert_message(0, 0, "not a regular file");
	assert_non_null(strstr(diag.entries[0].file, "/fifo"));
	conf_release(load_file("mega.conf"));
	assert_int_equal(diag.count, 0);
	free(fifo);
	free(big);
}

static void
test_unreadable_file_is_refused(void **state)
{
	char *path = path_in_dir("secret.conf");
	bool root = geteuid() == 0;

	(void)state;
	write_file("secret.conf", "", 0);
	assert_int_equal(chmod(path, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	struct conf *c = load_file("secret.conf");
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_null(c);
	assert_message(0, 0, "Permission denied");
	free(path);
}

static void
test_dev_null_is_an_empty_file(void **state)
{
	struct conf *c = conf_load("/dev/null", NULL, &diag);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->path, "/dev/null");
	conf_release(c);
}

static void
test_messages_add_to_the_ones_there(void **state)
{
	char *path = path_in_dir("x.conf");
	struct diag d;

	(void)state;
	diag_init(&d);
	diag_add(&d, NULL, 0, "an earlier message");
	write_file("x.conf", "", 0);
	conf_release(conf_load(path, NULL, &d));
	assert_int_equal(d.count, 1);
	write_file("x.conf", "behavior = 9", 12);
	assert_null(conf_load(path, NULL, &d));
	assert_int_equal(d.count, 2);
	assert_null(conf_load(dir, NULL, &d));
	assert_int_equal(d.count, 3);
	diag_fini(&d);
	free(path);
}

static char *
dump(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	conf_dump(c, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
test_dump_marks_defaults(void **state)
{
	struct conf *c = load_good("behavior = 2\nuser = \"\"\n"
	    "dns { timeout = 30 }\nreply fail { code = 551 }");
	char *text = dump(c);

	(void)state;
	assert_non_null(strstr(text, "behavior = 2\n"));
	assert_non_null(strstr(text, "behavior_helo = 2\t# default\n"));
	assert_non_null(strstr(text, "user = \"\"\t# default\n"));
	assert_non_null(strstr(text, "\ttimeout = 30\n"));
	assert_non_null(strstr(text, "\tquery_timeout = 4\t# default\n"));
	assert_non_null(strstr(text, "reply fail {\n\tcode = 551\n"
	    "\tenhanced = \"5.7.23\"\t# default\n"));
	free(text);
	conf_release(c);
}

static void
test_dump_says_what_is_done_with_each_result(void **state)
{
	struct conf *c = load_good("behavior = 4\n"
	    "policy mailfrom { softfail = tag }");
	char *text = dump(c);

	(void)state;
	assert_non_null(strstr(text, "# result            helo    mailfrom "
	    "null_sender       guess\n"));
	assert_non_null(strstr(text, "# softfail        header         tag "
	    "     reject      header\n"));
	assert_non_null(strstr(text, "# temperror       header    tempfail "
	    "   tempfail      header\n"));
	assert_non_null(strstr(text, "\tsoftfail = \"tag\"\n\tfail = "
	    "\"reject\"\t# default\n"));
	free(text);
	conf_release(c);
}

static void
test_dump_of_the_defaults_is_all_defaults(void **state)
{
	struct conf *c = load_good("");
	char *text = dump(c);
	size_t values = 0;
	size_t marks = 0;
	size_t options = 0;

	(void)state;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++)
		if (conf_section_values(&conf_sections[i], c, 0) != NULL)
			options += conf_sections[i].option_count;
	for (const char *p = text; (p = strstr(p, " = ")) != NULL; p++)
		values++;
	for (const char *p = text; (p = strstr(p, "# default\n")) != NULL; p++)
		marks++;
	/* Six reply sections, four policy sections. */
	assert_int_equal(marks, options + 5 * 3 + 3 * 7);
	assert_true(values >= marks);
	free(text);
	conf_release(c);
}

static void
test_dump_is_a_configuration_that_says_the_same(void **state)
{
	static const char *const texts[] = {
		"",
		"socket = \"unix:/run/a b\" socket_mode = 7 user = \"a\\$b\"\n"
		"pid_file = '/${x}\"\\\\' hostname = mx.example.com\n"
		"behavior = 6 check_helo = no reject_at = mail log = stderr\n"
		"trusted_networks = {} headers = {} log_level = error\n"
		"trust_authenticated = no add_header_on_skip = on\n"
		"syslog_facility = local3\n"
		"dns { servers = {192.0.2.1, 2001:db8::1} timeout = 1500ms\n"
		"query_timeout = 2m }",
		"behavior = 0 behavior_helo = 6\n"
		"headers = {received-spf, authentication-results}\n"
		"dns { query_timeout = 1m cache_size = 1025k dnssec = yes\n"
		"max_lookups = 20 max_void_lookups = 0 reply_timeout = 1 }\n"
		"reply fail { code = 450 text = \"a\\n\\\"b\\\\ %% %{s}\" }\n"
		"reply temperror { code = 421 enhanced = 4.3.2 }\n"
		"trusted_networks += {192.0.2.0/24}\n"
		"policy guess { fail = reject }",
		"forwarder 'b {c}' { client = {192.0.2.1, \"!192.0.2.0/24\"} "
		"client_name = {.example.net} }\n"
		"forwarder a { spf_pass_for = {example.com, example.net} }\n"
		"relay { client = {192.0.2.1} } relay { client = {192.0.2.2} "
		"refuse = on } client_map = {\"10.0.0.1=192.0.2.1\", "
		"\"10.1.0.0/24=198.51.100.0/24\"}\n"
		"rule 'a b' { client = \"!192.0.2.1\" sender = {\"<>\", u@} "
		"result = {\"!pass\"} identity = mailfrom record = wide-open "
		"expires = 2027-12-31 behavior = 2 pass = tag "
		"owner = \"\xc3\xa4 \\\"\" }"
	};

	(void)state;
	/* One value of the second text is over its limit on purpose. */
	assert_bad(texts[1], 8, "query_timeout");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *source = xstrdup(texts[i]);
		char *wrong = strstr(source, "query_timeout = 2m");
		if (wrong != NULL)
			memcpy(wrong, "query_timeout = 2s", 18);
		struct conf *c = load_good(source);
		char *first = dump(c);
		struct conf *again = load_good(first);
		char *second = dump(again);
		assert_string_equal(first, second);
		free(second);
		free(first);
		conf_release(again);
		conf_release(c);
		free(source);
	}
}

static char reported[200];

static void
note_restart(const char *name)
{
	strncat(reported, name, sizeof(reported) - strlen(reported) - 1);
	strncat(reported, " ", sizeof(reported) - strlen(reported) - 1);
}

static void
test_restart_options_that_differ_are_named(void **state)
{
	struct conf *a = load_good("");
	struct conf *b = load_good("socket = /run/x user = spf behavior = 1\n"
	    "log_level = debug\ndns { timeout = 5 cache_size = 1M }\n"
	    "reply fail { code = 551 } trusted_networks = {}");

	(void)state;
	reported[0] = '\0';
	conf_diff_restart(a, a, note_restart);
	assert_string_equal(reported, "");
	conf_diff_restart(a, b, note_restart);
	assert_string_equal(reported, "socket user ");
	conf_release(a);
	conf_release(b);
}

static void
test_published_configuration_lives_while_it_is_held(void **state)
{
	(void)state;
	assert_null(conf_acquire());
	conf_publish(load_good("behavior = 1"));
	const struct conf *first = conf_acquire();
	const struct conf *same = conf_acquire();
	assert_ptr_equal(first, same);
	conf_release(same);
	conf_publish(load_good("behavior = 2"));
	const struct conf *second = conf_acquire();
	assert_int_equal(first->behavior, 1);
	assert_int_equal(second->behavior, 2);
	conf_release(first);
	conf_publish(NULL);
	assert_int_equal(second->behavior, 2);
	conf_release(second);
	assert_null(conf_acquire());
	conf_release(NULL);
}

#define PUBLISHES 300

static _Atomic bool readers_stop;

static void *
read_current(void *arg)
{
	uintptr_t mixed = 0;

	(void)arg;
	while (!readers_stop) {
		const struct conf *c = conf_acquire();
		if (c->behavior != c->policy.level[SCOPE_MAILFROM] ||
		    strcmp(c->user, c->behavior == 1 ? "one" : "two") != 0)
			mixed++;
		conf_release(c);
	}
	return (void *)mixed;
}

static void
test_readers_and_publisher_do_not_collide(void **state)
{
	pthread_t threads[3];
	void *mixed;

	(void)state;
	conf_publish(load_good("behavior = 1 user = one"));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
		    read_current, NULL), 0);
	for (unsigned i = 0; i < PUBLISHES; i++)
		conf_publish(load_good(i % 2 == 0 ? "behavior = 2 user = two" :
		    "behavior = 1 user = one"));
	readers_stop = true;
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], &mixed);
		assert_null(mixed);
	}
	conf_publish(NULL);
}

static void
test_version_names_the_library(void **state)
{
	(void)state;
	assert_non_null(strstr(conf_version(), "libconfuse 3"));
}

static int
setup(void **state)
{
	(void)state;
	diag_init(&diag);
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	static const char *const names[] = {
		"inner.conf", "outer.conf", "half.conf", "loop.conf",
		"empty.conf", "many.conf", "big.conf", "mega.conf",
		"nul.conf", "secret.conf", "fifo", "x.conf", "why.key",
		"part.conf", "main.conf", "more.conf", "twice.conf"
	};

	(void)state;
	diag_fini(&diag);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = path_in_dir(names[i]);
		unlink(path);
		free(path);
	}
	return rmdir(dir);
}

#define SPARE "unless_dkim_pass = true\ndkim_results_from = mx.example.org\n"

static void
test_what_spares_mail_needs_the_end_of_the_message(void **state)
{
	(void)state;
	if (suffixes_version() == NULL)
		return;
	struct conf *c = load_good("reject_at = eom\n" SPARE);
	assert_non_null(c->suffixes);
	assert_int_equal(c->dkim_results_from.count, 1);
	conf_release(c);
	c = load_good("reject_at = eom\nleave_to_dmarc = true\n");
	assert_non_null(c->suffixes);
	conf_release(c);
	assert_bad("\n" SPARE, 2, "reject_at = \"eom\" is wanted");
	assert_bad("\nreject_at = mail\nleave_to_dmarc = true\n", 3,
	    "reject_at = \"eom\" is wanted");
	assert_bad("reject_at = eom\nunless_dkim_pass = true\n", 2,
	    "whose DKIM results count");
	assert_bad("dkim_results_from = \"a b\"\n", 1, "mx.example.com");
	assert_note("\nreject_at = eom\n", 2, "only to refuse it");
	assert_note("dkim_results_from = mx.example.org\n", 1,
	    "means nothing");
	assert_no_note("reject_at = eom\nleave_to_dmarc = true\n");
}

static void
test_tags_of_a_result_a_name_and_the_default(void **state)
{
	(void)state;
	struct conf *c = load_good("tag fail { subject = \"[{result}] \" }\n"
	    "tag \"a partner\" { fields = {\"X-P: 1\", \"X-Q:2\"} }\n");

	assert_string_equal(conf_tag(c, NULL, RESULT_FAIL)->subject,
	    "[{result}] ");
	assert_ptr_equal(conf_tag(c, NULL, RESULT_NONE), &tag_default);
	assert_int_equal(conf_tag(c, "a partner", RESULT_FAIL)->fields.count,
	    2);
	assert_int_equal(c->marks.count, 3);
	conf_release(c);
	c = load_good("tag default { fields = {\"x-spf-TAG: y\"} }\n");
	assert_string_equal(conf_tag(c, NULL, RESULT_FAIL)->fields.list[0]
	    .value, "y");
	assert_int_equal(c->marks.count, 1);
	conf_release(c);
}

static void
test_tags_that_cannot_be(void **state)
{
	(void)state;
	assert_bad("tag x {\n}\n", 1, "it marks nothing");
	assert_bad("tag x { subject = x }\nrule r { tag = y }\n", 2,
	    "rule \"r\": its tag is the name of no section tag");
	assert_good("rule r { action = tag tag = x }\ntag x { subject = x }");
	assert_bad("tag x {\nfields = {\"Subject: x\"} }\n", 2,
	    "not for marks");
	assert_bad("tag x {\nfields = {\"X-Y\"} }\n", 2, "NAME: VALUE");
	assert_bad("tag x {\nsubject = \"%{result}\" }\n", 2, "without %");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test(test_##name)
	const struct CMUnitTest tests[] = {
		TEST(no_file_gives_the_specified_defaults),
		TEST(empty_file_gives_the_defaults),
		TEST(each_default_is_spelled_as_it_is_printed),
		TEST(each_row_is_complete_and_its_name_means_one_thing),
		TEST(socket_takes_what_libmilter_takes),
		TEST(socket_is_taken_apart),
		TEST(socket_may_be_handed_over),
		TEST(socket_may_be_spelled_as_in_postfix),
		TEST(socket_refuses_the_rest_and_says_why),
		TEST(text_options_refuse_what_they_cannot_be),
		TEST(why_url_is_an_address_that_a_token_fits_behind),
		TEST(links_need_their_key),
		TEST(socket_mode_is_octal),
		TEST(booleans_have_three_spellings),
		TEST(durations_and_sizes_take_units),
		TEST(numbers_outside_their_limits_are_refused),
		TEST(numbers_are_refused_with_the_reason),
		TEST(words_are_the_documented_ones),
		TEST(terms_are_checked_as_records_are),
		TEST(local_policy_of_half_the_world_is_worth_a_look),
		TEST(address_of_a_client),
		TEST(lists_replace_empty_and_append),
		TEST(servers_get_their_port),
		TEST(helo_level_is_the_lower_of_behavior_and_three),
		TEST(levels_are_compiled_into_the_policy),
		TEST(policy_sections_go_over_the_levels),
		TEST(rules_are_compiled_in_the_order_of_the_file),
		TEST(rules_that_cannot_be_meant_are_refused),
		TEST(rules_that_are_worth_a_look_are_noted),
		TEST(what_means_nothing_is_noted),
		TEST(rules_that_only_exclude_are_larger_than_they_look),
		TEST(rules_for_who_is_trusted_are_noted),
		TEST(all_wrong_values_are_reported_with_their_lines),
		TEST(an_overridden_wrong_value_is_still_wrong),
		TEST(unknown_names_are_told_with_what_was_meant),
		TEST(names_like_none_of_ours_get_no_hint),
		TEST(mistakes_of_syntax_are_told_as_they_were_made),
		TEST(semicolons_may_stand_in_quotes),
		TEST(semicolons_may_end_what_stands_in_their_line),
		TEST(what_is_given_twice_is_noted),
		TEST(a_socket_for_everybody_is_noted),
		TEST(odd_networks_are_noted),
		TEST(a_relay_or_forwarder_that_is_everybody_draws_a_note),
		TEST(an_included_file_may_be_overridden),
		TEST(syntax_errors_have_a_line),
		TEST(unterminated_text_is_told_where_it_begins),
		TEST(good_text_follows_bad_text),
		TEST(comments_may_stand_anywhere_between_words),
		TEST(environment_is_expanded),
		TEST(sections_may_come_in_pieces),
		TEST(every_refusable_result_has_its_default_reply),
		TEST(reply_members_that_are_missing_stay_default),
		TEST(reply_class_is_one),
		TEST(wrong_reply_members_are_told_in_their_lines),
		TEST(last_reply_section_replaces_earlier_ones),
		TEST(sections_with_any_title_keep_their_order),
		TEST(a_title_stands_once),
		TEST(titles_are_names_that_can_be_told),
		TEST(mistakes_in_sections_with_any_title_are_told),
		TEST(sections_without_title_stand_each_for_itself),
		TEST(check_as_goes_with_what_is_known_at_mail),
		TEST(client_map_has_pairs_of_one_size),
		TEST(lists_are_known_by_where_they_stand),
		TEST(settings_stand_over_the_file),
		TEST(settings_of_lists_are_as_in_the_file),
		TEST(control_is_found_beside_mistakes),
		TEST(the_last_setting_counts_and_needs_no_file),
		TEST(wrong_settings_are_told_by_their_text),
		TEST(a_note_of_a_setting_is_told_by_its_text),
		TEST(reload_reads_the_file_anew_and_keeps_the_settings),
		TEST(include_reads_another_file_in_place),
		TEST(include_reports_what_it_cannot_read),
		TEST(include_that_does_not_end_is_refused),
		TEST(files_that_are_no_configuration_are_refused),
		TEST(unreadable_file_is_refused),
		TEST(dev_null_is_an_empty_file),
		TEST(messages_add_to_the_ones_there),
		TEST(dump_marks_defaults),
		TEST(dump_says_what_is_done_with_each_result),
		TEST(dump_of_the_defaults_is_all_defaults),
		TEST(dump_is_a_configuration_that_says_the_same),
		TEST(restart_options_that_differ_are_named),
		TEST(published_configuration_lives_while_it_is_held),
		TEST(readers_and_publisher_do_not_collide),
		TEST(what_spares_mail_needs_the_end_of_the_message),
		TEST(tags_of_a_result_a_name_and_the_default),
		TEST(tags_that_cannot_be),
		TEST(version_names_the_library)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
