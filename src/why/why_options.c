/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <getopt.h>
#include <string.h>

#include "base/util.h"
#include "why/why_options.h"

#define DAYS_MAX 3650

/* Long options without a letter. */
enum { OPTION_DAYS = 256, OPTION_LANGUAGE, OPTION_NEW_KEY, OPTION_RECHECK,
	OPTION_RENDER, OPTION_TEXTS, OPTION_UNCONFINED, OPTION_ZONE };

static const struct option long_options[] = {
	{ "contact", required_argument, NULL, 'c' },
	{ "days", required_argument, NULL, OPTION_DAYS },
	{ "help", no_argument, NULL, 'h' },
	{ "key", required_argument, NULL, 'k' },
	{ "language", required_argument, NULL, OPTION_LANGUAGE },
	{ "listen", required_argument, NULL, 'l' },
	{ "new-key", required_argument, NULL, OPTION_NEW_KEY },
	{ "recheck", no_argument, NULL, OPTION_RECHECK },
	{ "render", required_argument, NULL, OPTION_RENDER },
	{ "texts", required_argument, NULL, OPTION_TEXTS },
	{ "unconfined", no_argument, NULL, OPTION_UNCONFINED },
	{ "version", no_argument, NULL, 'V' },
	{ "zone", required_argument, NULL, OPTION_ZONE },
	{ NULL, 0, NULL, 0 }
};

void
why_options_usage(FILE *out)
{
	fputs("usage: spf-why -k FILE [-k FILE] [-l PLACE] [-c ADDRESS] "
	    "[--days N]\n"
	    "               [--texts FOLDER] [--recheck [--zone FILE]] "
	    "[--unconfined]\n"
	    "       spf-why --render LINK -k FILE [-c ADDRESS] "
	    "[--language CODE] [--texts FOLDER]\n"
	    "       spf-why --new-key FILE\n"
	    "       spf-why -V | -h\n"
	    "\n"
	    "  -k, --key FILE        the key that links are signed with, and "
	    "the one before\n"
	    "  -l, --listen PLACE    127.0.0.1:9886 (default), [::1]:9886 or "
	    "unix:/PATH\n"
	    "  -c, --contact ADDRESS who answers questions; default: "
	    "postmaster of the host\n"
	    "                        that refused\n"
	    "      --days N          how long a link is valid (30)\n"
	    "      --texts FOLDER    languages and style\n"
	    "      --recheck         let readers look the record up again\n"
	    "      --zone FILE       take the DNS from a text file\n"
	    "      --unconfined      keep what it does not need, for a "
	    "debugger\n"
	    "      --render LINK     write the page of a link, or its token, "
	    "and exit\n"
	    "      --language CODE   in this language, such as ko\n"
	    "      --new-key FILE    make a key\n"
	    "  -V, --version\n"
	    "  -h, --help\n", out);
}

static bool
add_key(struct why_options *o, const char *file)
{
	if (o->key_count == WHY_KEYS_MAX) {
		fprintf(stderr, "spf-why: there are more than %d keys\n",
		    WHY_KEYS_MAX);
		return false;
	}
	o->keys[o->key_count++] = file;
	return true;
}

static bool
set_days(struct why_options *o, const char *text)
{
	uint64_t days;

	if (!util_parse_uint(text, strlen(text), DAYS_MAX, &days) ||
	    days == 0) {
		fprintf(stderr, "spf-why: --days %s: 1 to %d is wanted\n",
		    text, DAYS_MAX);
		return false;
	}
	o->days = (unsigned)days;
	return true;
}

/* One that another program takes as it is: on the page it is a link's text. */
static bool
set_contact(struct why_options *o, const char *text)
{
	if (strlen(text) > 254 || strpbrk(text, " \t\r\n") != NULL) {
		fprintf(stderr, "spf-why: --contact %s: an address is "
		    "wanted\n", text);
		return false;
	}
	o->contact = text;
	return true;
}

static void
set_command(struct why_options *o, enum why_command c, const char *argument)
{
	o->command = c;
	o->argument = argument;
}

/* One option; false: it has been told what is wrong with it. */
static bool
take_option(struct why_options *o, int opt)
{
	switch (opt) {
	case 'c':
		return set_contact(o, optarg);
	case 'k':
		return add_key(o, optarg);
	case 'l':
		o->listen = optarg;
		return true;
	case OPTION_DAYS:
		return set_days(o, optarg);
	case OPTION_LANGUAGE:
		o->language = optarg;
		return true;
	case OPTION_RECHECK:
		o->recheck = true;
		return true;
	case OPTION_TEXTS:
		o->texts = optarg;
		return true;
	case OPTION_UNCONFINED:
		o->unconfined = true;
		return true;
	case OPTION_ZONE:
		o->zone = optarg;
		return true;
	case OPTION_NEW_KEY:
		set_command(o, WHY_NEW_KEY, optarg);
		return true;
	case OPTION_RENDER:
		set_command(o, WHY_RENDER, optarg);
		return true;
	case 'V':
		set_command(o, WHY_VERSION, NULL);
		return true;
	case 'h':
		set_command(o, WHY_HELP, NULL);
		return true;
	default:
		fputs("usage: spf-why -k FILE ...; spf-why --help says "
		    "more\n", stderr);
		return false;
	}
}

static const char *
problem(const struct why_options *o, int rest)
{
	bool pages = o->command == WHY_SERVE || o->command == WHY_RENDER;

	if (rest > 0)
		return "unexpected argument";
	if (pages && o->key_count == 0)
		return "--key is missing, the file that why_key names in the "
		    "configuration of spf-milter";
	if (o->zone != NULL && !o->recheck)
		return "--zone goes with --recheck";
	if (o->language != NULL && o->command != WHY_RENDER)
		return "--language goes with --render";
	return NULL;
}

bool
why_options_parse(struct why_options *out, int argc, char **argv)
{
	int opt;

	*out = (struct why_options){ .listen = "127.0.0.1:9886",
		.contact = "", .texts = WHY_TEXTS, .days = 30 };
	while ((opt = getopt_long(argc, argv, "c:k:l:Vh", long_options,
	    NULL)) != -1)
		if (!take_option(out, opt))
			return false;

	const char *wrong = problem(out, argc - optind);
	if (wrong != NULL)
		fprintf(stderr, "spf-why: %s\n", wrong);
	return wrong == NULL;
}
