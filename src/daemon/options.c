/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: each option by itself, then all of them together. */

#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "daemon/options.h"

/* Long options without a letter. */
enum { OPTION_IP = 256, OPTION_HELO, OPTION_SENDER, OPTION_RCPT, OPTION_ZONE,
	OPTION_EXPLAIN, OPTION_JSON, OPTION_HEADER, OPTION_CHECK_DOMAIN,
	OPTION_CHECK_RECORD, OPTION_DOMAIN, OPTION_GENERATE, OPTION_MX,
	OPTION_A, OPTION_INCLUDE, OPTION_EXISTS, OPTION_REDIRECT,
	OPTION_ALL, OPTION_REPLAY, OPTION_AGAINST, OPTION_RATE,
	OPTION_STATE, OPTION_RELOAD, OPTION_STATUS,
	OPTION_WATCH };

#define WATCH_SECONDS 2
#define WATCH_SECONDS_MAX 86400

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "option", required_argument, NULL, 'o' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "background", no_argument, NULL, 'b' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "check", no_argument, NULL, 'n' },
	{ "dry-run", no_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "ip", required_argument, NULL, OPTION_IP },
	{ "helo", required_argument, NULL, OPTION_HELO },
	{ "sender", required_argument, NULL, OPTION_SENDER },
	{ "rcpt", required_argument, NULL, OPTION_RCPT },
	{ "header", required_argument, NULL, OPTION_HEADER },
	{ "zone", required_argument, NULL, OPTION_ZONE },
	{ "explain", no_argument, NULL, OPTION_EXPLAIN },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "check-domain", required_argument, NULL, OPTION_CHECK_DOMAIN },
	{ "check-record", required_argument, NULL, OPTION_CHECK_RECORD },
	{ "domain", required_argument, NULL, OPTION_DOMAIN },
	{ "generate", no_argument, NULL, OPTION_GENERATE },
	{ "mx", no_argument, NULL, OPTION_MX },
	{ "a", no_argument, NULL, OPTION_A },
	{ "include", required_argument, NULL, OPTION_INCLUDE },
	{ "exists", required_argument, NULL, OPTION_EXISTS },
	{ "redirect", required_argument, NULL, OPTION_REDIRECT },
	{ "all", required_argument, NULL, OPTION_ALL },
	{ "replay", required_argument, NULL, OPTION_REPLAY },
	{ "against", required_argument, NULL, OPTION_AGAINST },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "reload", no_argument, NULL, OPTION_RELOAD },
	{ "status", no_argument, NULL, OPTION_STATUS },
	{ "watch", optional_argument, NULL, OPTION_WATCH },
	{ NULL, 0, NULL, 0 }
};

static const char hint[] =
    "usage: spf-milter [-cofbvntVh] ...; spf-milter --help says more\n";

void
options_usage(FILE *out)
{
	fputs("usage: spf-milter [-c FILE] [-o NAME=VALUE] [-f | -b] [-v]\n"
	    "       spf-milter -n [-v] [-c FILE] [-o NAME=VALUE]\n"
	    "       spf-milter --reload [-c FILE] [-o NAME=VALUE]\n"
	    "       spf-milter --status [--watch [SECONDS]] [--json] "
	    "[-c FILE] [-o NAME=VALUE]\n"
	    "       spf-milter -t [-c FILE] [-o NAME=VALUE] [--zone FILE] "
	    "[--explain | --json] --ip IP --sender ADDRESS [--helo NAME] "
	    "[--rcpt ADDRESS] [--header FILE]\n"
	    "       spf-milter -t [-c FILE] [-o NAME=VALUE] [--zone FILE] "
	    "[--explain | --json] [FILE]\n"
	    "       spf-milter -t [-c FILE] [-o NAME=VALUE] [--zone FILE] "
	    "[--json] --replay LOG [--against FILE] [--rate N] "
	    "[--state FILE]\n"
	    "       spf-milter --check-domain DOMAIN [-v] [--zone FILE] "
	    "[--json]\n"
	    "       spf-milter --check-record RECORD [--domain DOMAIN] [-v] "
	    "[--zone FILE] [--json]\n"
	    "       spf-milter --generate [--mx] [--a] [--ip NETWORK] "
	    "[--include DOMAIN] [--exists NAME] [--redirect DOMAIN] "
	    "[--all fail|soft|neutral|pass] [--json]\n"
	    "       spf-milter -V | -h\n"
	    "\n"
	    "  -c, --config FILE   configuration file\n"
	    "  -o, --option NAME=VALUE\n"
	    "                      set an option over the file, such as "
	    "dns.timeout=5s\n"
	    "  -f, --foreground    stay in the foreground (default)\n"
	    "  -b, --background    go to the background\n"
	    "  -v, --verbose       log more; with -n show every value\n"
	    "  -n, --check         check the configuration\n"
	    "      --reload        have the running daemon read its "
	    "configuration again\n"
	    "      --status        how the running daemon is\n"
	    "      --watch         with --status: again every 2 seconds, or "
	    "as many as given\n"
	    "  -t, --dry-run       show what would happen to a message, or to "
	    "many:\n"
	    "                      lines \"ip helo sender [rcpt]\" of FILE or "
	    "standard input\n"
	    "      --header FILE   the message, of which the header is read\n"
	    "      --replay LOG    with -t: judge the messages of a mail log "
	    "once more\n"
	    "      --check-domain DOMAIN\n"
	    "                      what is wrong with the SPF record of "
	    "DOMAIN, or could be\n"
	    "                      better, and who may send\n"
	    "      --check-record RECORD\n"
	    "                      the same of a record that is not "
	    "published yet\n"
	    "      --generate      write a record of its parts\n"
	    "      --zone FILE     take the DNS from a text file\n"
	    "      --explain       with -t, how each result came about, "
	    "as a tree\n"
	    "      --json          one JSON object a line\n"
	    "  -V, --version       versions of the program and its libraries\n"
	    "  -h, --help          this text\n", out);
}

static bool
add_setting(struct options *o, const char *setting)
{
	size_t n = 0;

	while (o->settings[n] != NULL)
		n++;
	if (n == OPTIONS_SETTINGS_MAX) {
		fputs("spf-milter: too many -o\n", stderr);
		return false;
	}
	o->settings[n] = setting;
	return true;
}

/* Part of a record; value NULL: it has none. */
static bool
add_part(struct options *o, const char *option, const char *value)
{
	if (o->part_count == OPTIONS_PARTS_MAX) {
		fprintf(stderr, "spf-milter: too many --%s\n", option);
		return false;
	}
	o->parts[o->part_count++] = (struct advisor_part){ option, value };
	return true;
}

static bool
take_part(struct options *o, int opt)
{
	switch (opt) {
	case OPTION_MX:
		return add_part(o, "mx", NULL);
	case OPTION_A:
		return add_part(o, "a", NULL);
	case OPTION_INCLUDE:
		return add_part(o, "include", optarg);
	case OPTION_EXISTS:
		return add_part(o, "exists", optarg);
	case OPTION_REDIRECT:
		return add_part(o, "redirect", optarg);
	case OPTION_ALL:
		return add_part(o, "all", optarg);
	default:
		return false;
	}
}

static bool
take_replay(struct options *o, int opt)
{
	switch (opt) {
	case OPTION_REPLAY:
		o->replay = optarg;
		return true;
	case OPTION_AGAINST:
		o->against = optarg;
		return true;
	case OPTION_RATE:
		o->rate = optarg;
		return true;
	case OPTION_STATE:
		o->state = optarg;
		return true;
	default:
		return false;
	}
}

/* One option; false: standard error says what is wrong with it. */
static bool
take_option(struct options *o, int opt)
{
	switch (opt) {
	case 'c':
		o->config = optarg;
		return true;
	case 'o':
		return add_setting(o, optarg);
	case 'f':
	case 'b':
		o->background = opt == 'b';
		return true;
	case 'v':
		o->verbose = true;
		return true;
	case 'n':
		o->command = OPTIONS_CHECK;
		return true;
	case 't':
		o->command = OPTIONS_DRYRUN;
		return true;
	case 'V':
		o->command = OPTIONS_VERSION;
		return true;
	case 'h':
		o->command = OPTIONS_HELP;
		return true;
	case OPTION_IP:
		o->ip = optarg;
		o->ip_count++;
		return add_part(o, "ip", optarg);
	case OPTION_HELO:
		o->helo = optarg;
		return true;
	case OPTION_SENDER:
		o->sender = optarg;
		return true;
	case OPTION_RCPT:
		o->rcpt = optarg;
		return true;
	case OPTION_HEADER:
		o->header = optarg;
		return true;
	case OPTION_ZONE:
		o->zone = optarg;
		return true;
	case OPTION_EXPLAIN:
		o->explain = true;
		return true;
	case OPTION_JSON:
		o->json = true;
		return true;
	case OPTION_CHECK_DOMAIN:
		o->command = OPTIONS_ADVISE;
		o->domain = optarg;
		return true;
	case OPTION_CHECK_RECORD:
		o->command = OPTIONS_ADVISE;
		o->record = optarg;
		return true;
	case OPTION_DOMAIN:
		o->domain = optarg;
		return true;
	case OPTION_RELOAD:
		o->command = OPTIONS_RELOAD;
		return true;
	case OPTION_STATUS:
		o->command = OPTIONS_STATUS;
		return true;
	case OPTION_WATCH:
		o->watch = true;
		o->seconds = optarg;
		return true;
	case OPTION_GENERATE:
		o->command = OPTIONS_GENERATE;
		return true;
	default:
		return take_replay(o, opt) || take_part(o, opt);
	}
}

/* NULL, or which option is one of another command. */
static const char *
stray(const struct options *o)
{
	bool play = o->command == OPTIONS_DRYRUN;
	bool advise = o->command == OPTIONS_ADVISE;
	bool generate = o->command == OPTIONS_GENERATE;
	bool status = o->command == OPTIONS_STATUS;

	if (!play && (o->helo != NULL || o->sender != NULL ||
	    o->rcpt != NULL || o->header != NULL || o->explain))
		return "--helo, --sender, --rcpt, --header and --explain go "
		    "with -t";
	if ((!play || o->replay == NULL) && (o->against != NULL ||
	    o->rate != NULL || o->state != NULL))
		return "--against, --rate and --state go with -t --replay";
	if (!play && o->replay != NULL)
		return "--replay goes with -t";
	if (!play && !generate && o->ip != NULL)
		return "--ip goes with -t and --generate";
	if (!generate && o->part_count > o->ip_count)
		return "--mx, --a, --include, --exists, --redirect and --all "
		    "go with --generate";
	if (!status && o->watch)
		return "--watch goes with --status";
	if (!advise && o->domain != NULL)
		return "--domain goes with --check-record";
	if (!play && !advise && o->zone != NULL)
		return "--zone goes with -t, --check-domain and "
		    "--check-record";
	if (!play && !advise && !generate && !status && o->json)
		return "--json goes with -t, --check-domain, --check-record, "
		    "--generate and --status";
	return NULL;
}

static const char *
replay_problem(struct options *o, bool more)
{
	uint64_t rate = 0;

	if (more)
		return "--replay takes its messages from the log alone";
	if (o->rate != NULL && (!util_parse_uint(o->rate, strlen(o->rate),
	    1000000, &rate) || rate == 0))
		return "--rate is a number of DNS questions a second, from 1 "
		    "to 1000000";
	o->questions = (unsigned)rate;
	return NULL;
}

static const char *
dryrun_problem(struct options *o, int rest, char **argv)
{
	bool single = o->ip != NULL || o->helo != NULL || o->sender != NULL ||
	    o->rcpt != NULL || o->header != NULL;

	if (o->replay != NULL)
		return replay_problem(o, single || rest > 0);
	if (single && o->ip == NULL)
		return "--ip is missing, the address of the client";
	if (single && o->sender == NULL)
		return "--sender is missing, the address in MAIL FROM; "
		    "--sender \"<>\" is the null sender";
	if (rest > (single ? 0 : 1))
		return "unexpected argument";
	if (o->helo == NULL)
		o->helo = "-";
	if (!single)
		o->lines = rest == 1 ? argv[0] : "-";
	return NULL;
}

/* The number may be an argument of its own. */
static const char *
watch_problem(struct options *o, int rest, char **argv)
{
	uint64_t s = WATCH_SECONDS;

	if (rest > (o->seconds == NULL))
		return "unexpected argument";
	if (rest > 0)
		o->seconds = argv[0];
	if (o->seconds != NULL && (!util_parse_uint(o->seconds,
	    strlen(o->seconds), WATCH_SECONDS_MAX, &s) || s == 0))
		return "--watch is a number of seconds, from 1 to 86400";
	o->period_s = (unsigned)s;
	return NULL;
}

/* NULL, or what is wrong with the options taken together. */
static const char *
problem(struct options *o, int rest, char **argv)
{
	const char *wrong = stray(o);

	if (wrong != NULL)
		return wrong;
	if (o->command == OPTIONS_DRYRUN)
		return dryrun_problem(o, rest, argv);
	if (o->command == OPTIONS_GENERATE && o->part_count == 0)
		return "--generate needs parts, such as --mx --all fail";
	if (o->watch)
		return watch_problem(o, rest, argv);
	return rest > 0 ? "unexpected argument" : NULL;
}

bool
options_parse(struct options *out, int argc, char **argv)
{
	const char *wrong = NULL;
	int opt;

	memset(out, 0, sizeof(*out));
	while ((opt = getopt_long(argc, argv, "c:o:fbvntVh", long_options,
	    NULL)) != -1) {
		if (!take_option(out, opt)) {
			fputs(hint, stderr);
			return false;
		}
	}
	wrong = problem(out, argc - optind, argv + optind);
	if (wrong != NULL) {
		fprintf(stderr, "spf-milter: %s\n", wrong);
		fputs(hint, stderr);
	}
	return wrong == NULL;
}
