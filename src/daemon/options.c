/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: each option by itself, then all of them together. */

#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/options.h"

/* Long options without a letter. */
enum { OPTION_IP = 256, OPTION_HELO, OPTION_SENDER, OPTION_RCPT, OPTION_ZONE,
	OPTION_JSON, OPTION_HEADER };

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
	{ "json", no_argument, NULL, OPTION_JSON },
	{ NULL, 0, NULL, 0 }
};

static const char hint[] =
    "usage: spf-milter [-cofbvntVh] ...; spf-milter --help says more\n";

void
options_usage(FILE *out)
{
	fputs("usage: spf-milter [-c FILE] [-o NAME=VALUE] [-f | -b] [-v]\n"
	    "       spf-milter -n [-v] [-c FILE] [-o NAME=VALUE]\n"
	    "       spf-milter -t [-c FILE] [-o NAME=VALUE] [--zone FILE] "
	    "[--json] --ip IP --sender ADDRESS [--helo NAME] "
	    "[--rcpt ADDRESS] [--header FILE]\n"
	    "       spf-milter -t [-c FILE] [-o NAME=VALUE] [--zone FILE] "
	    "[--json] [FILE]\n"
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
	    "  -t, --dry-run       show what would happen to a message, or to "
	    "many:\n"
	    "                      lines \"ip helo sender [rcpt]\" of FILE or "
	    "standard input\n"
	    "      --header FILE   the message, of which the header is read\n"
	    "      --zone FILE     take the DNS from a text file\n"
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
		return true;
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
	case OPTION_JSON:
		o->json = true;
		return true;
	default:
		return false;
	}
}

/* NULL, or what is wrong with the options taken together. */
static const char *
problem(struct options *o, int rest, char **argv)
{
	bool single = o->ip != NULL || o->helo != NULL || o->sender != NULL ||
	    o->rcpt != NULL || o->header != NULL;

	if (o->command != OPTIONS_DRYRUN) {
		if (single || o->zone != NULL || o->json)
			return "--ip, --helo, --sender, --rcpt, --header, "
			    "--zone and --json go with -t";
		return rest > 0 ? "unexpected argument" : NULL;
	}
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
