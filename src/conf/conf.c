/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and publishing the configuration.
 *
 * libconfuse splits the text into names, sections and values; every value
 * reaches us as text (numbers and booleans too) and is read by the kind of
 * its row, so that all wrong values are reported at once, each with its file
 * and line and with what is allowed.  The defaults are read first, as text
 * made from the table, and the file on top of them.
 *
 * libconfuse gets each text as conf_text.c leaves it.  Included files come in
 * the same way, as a parse within the parse, with limits on their size, number
 * and depth.
 */

#include "config.h"

#include <assert.h>
#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "conf/conf_priv.h"
#include "policy/reply.h"

#define DEPTH_MAX 10		/* files within files */
#define FILES_MAX 100		/* of one configuration */
#define HELO_DEFAULT_MAX 3	/* RFC 7208 does not ask for more */

/* Where the value in force of an option was given; NULL: nowhere. */
struct conf_place {
	char		*file;
	unsigned	 line;
};

/* One call of conf_load. */
struct reader {
	struct diag	*diag;
	struct diag	*notes;		/* NULL: of the defaults */
	struct conf_place *places;	/* a row; NULL: of the defaults */
	const char	*file;		/* being read */
	const struct conf_mistake *mistake;	/* in it, if it is refused */
	unsigned	 depth;
	unsigned	 files;
};

/*
 * libconfuse's callbacks get no argument of ours.  Its parser is static as
 * well, which is why conf_load is for one thread at a time.
 */
static struct reader *reader;

static void report(int line, const char *fmt, ...) UTIL_PRINTF(2, 3);

static void
report(int line, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	diag_add(reader->diag, reader->file, (unsigned)line, "%s", message);
}

/* NULL: the top level. */
static const char *
section_of(const cfg_t *cfg)
{
	return strcmp(cfg->name, "root") == 0 ? NULL : cfg->name;
}

static void
report_unknown(const cfg_t *cfg, const char *name)
{
	const char *section = section_of(cfg);
	char hint[CONF_HINT_SIZE];

	conf_hint(section, name, hint);
	report(cfg->line, "unknown option \"%.100s\"%s%s%s", name,
	    section != NULL ? " in section " : "",
	    section != NULL ? section : "", hint);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
    UTIL_PRINTF(2, 0);

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	static const char unknown[] = "no such option '";
	char message[1024];

	vsnprintf(message, sizeof(message), fmt, ap);
	size_t len = strlen(message);
	if (reader->mistake->text[0] != '\0') {
		report(reader->mistake->line, "%s", reader->mistake->text);
		return;
	}
	if (strncmp(message, unknown, sizeof(unknown) - 1) == 0 &&
	    message[len - 1] == '\'') {
		message[len - 1] = '\0';
		report_unknown(cfg, message + sizeof(unknown) - 1);
		return;
	}
	report(cfg->line, "%s", message);
}

/* Values */

static void
set_place(const struct conf_option *o, int line)
{
	if (reader->places == NULL)
		return;
	struct conf_place *p = &reader->places[o - conf_option(0)];
	free(p->file);
	p->file = xstrdup(reader->file);
	p->line = (unsigned)line;
}

static void
free_places(struct conf_place *places)
{
	for (size_t i = 0; places != NULL && i < conf_row_count(); i++)
		free(places[i].file);
	free(places);
}

/* Checks a value where its line is known; all are used once all is read. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const struct conf empty;
	const struct conf_option *o = conf_option_find(section_of(cfg),
	    opt->name);
	struct conf scratch = empty;
	char problem[CONF_PROBLEM_SIZE];

	*(const char **)result = value;
	if (o == NULL) {
		/* libconfuse knows "section|option" at the top level, too. */
		report(cfg->line, "\"%.100s\" stands outside of its section",
		    opt->name);
		return 0;
	}
	set_place(o, cfg->line);
	if (!conf_value_set(o, &scratch, value, problem))
		report(cfg->line, "%s = \"%.200s\"%s%s; allowed: %s", opt->name,
		    value, problem[0] != '\0' ? ": " : " is not understood",
		    problem, o->row.allowed);
	conf_value_clear(o, &scratch);
	return 0;
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc,
    const char **argv);

/* The options of one section as libconfuse wants them; freed with free. */
static cfg_opt_t *
section_options(const char *section, size_t extra)
{
	cfg_opt_t *opts = xcalloc(conf_row_count() + extra + 1, sizeof(*opts));
	const struct conf_option *o = NULL;
	size_t n = extra;

	while ((o = conf_option_next(section, o)) != NULL) {
		cfg_opt_t one = CFG_STR_CB(o->row.name, NULL, CFGF_NODEFAULT,
		    on_value);
		cfg_opt_t list = CFG_STR_LIST_CB(o->row.name, NULL,
		    CFGF_NODEFAULT, on_value);
		opts[n++] = conf_option_is_list(o) ? list : one;
	}
	cfg_opt_t end = CFG_END();
	opts[n] = end;
	return opts;
}

static cfg_t *
parser_new(void)
{
	cfg_opt_t *dns = section_options("dns", 0);
	cfg_opt_t *reply = section_options("reply", 0);
	cfg_opt_t *top = section_options(NULL, 3);
	cfg_opt_t first[] = {
		CFG_FUNC("include", on_include),
		CFG_SEC("dns", dns, CFGF_NONE),
		CFG_SEC("reply", reply, CFGF_MULTI | CFGF_TITLE)
	};

	memcpy(top, first, sizeof(first));
	cfg_t *cfg = cfg_init(top, CFGF_NONE);
	assert(cfg != NULL);
	cfg_set_error_function(cfg, on_error);
	/* The section was made before its parent had the function. */
	cfg_getsec(cfg, "dns")->errfunc = on_error;
	free(top);
	free(reply);
	free(dns);
	return cfg;
}

/* text is changed.  False: reported. */
static bool
parse_text(cfg_t *cfg, const char *file, char *text)
{
	size_t before = reader->diag->count;
	const char *outer_file = reader->file;
	const struct conf_mistake *outer_mistake = reader->mistake;
	struct conf_mistake mistake = { .line = 0 };
	int outer_line = cfg->line;
	const char *problem;
	int line;
	bool good = true;

	reader->file = file;
	reader->mistake = &mistake;
	/* libconfuse gives it to sections as theirs. */
	free(cfg->filename);
	cfg->filename = xstrdup(file);
	if (!conf_text_scan(text, &line, &problem)) {
		report(line, "%s", problem);
		good = false;
	} else if (text[0] != '\0') {
		conf_syntax_explain(text, file, reader->notes, &mistake);
		FILE *in = fmemopen(text, strlen(text), "r");
		assert(in != NULL);
		good = cfg_parse_fp(cfg, in) == CFG_SUCCESS;
		fclose(in);
	}
	/* Some errors libconfuse does not tell, such as an empty name. */
	if (!good && reader->diag->count == before)
		report(cfg->line, "syntax error");
	reader->file = outer_file;
	reader->mistake = outer_mistake;
	free(cfg->filename);
	cfg->filename = outer_file != NULL ? xstrdup(outer_file) : NULL;
	cfg->line = outer_line;
	return good;
}

/* Files */

/* A relative name stands beside the file that has it. */
static char *
include_path(const char *name)
{
	const char *slash = strrchr(reader->file, '/');

	if (name[0] == '~') {
		char *expanded = cfg_tilde_expand(name);
		assert(expanded != NULL);
		return expanded;
	}
	if (name[0] == '/' || slash == NULL)
		return xstrdup(name);
	return xasprintf("%.*s/%s", (int)(slash - reader->file), reader->file,
	    name);
}

/* A file that cannot be read does not end the reading of its includer. */
static int
on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	const char *problem = NULL;
	bool good = true;

	(void)opt;
	if (argc != 1) {
		report(cfg->line, "include takes one file name");
		return 1;
	}
	if (reader->depth >= DEPTH_MAX || reader->files >= FILES_MAX) {
		report(cfg->line, "include(\"%.200s\"): %s", argv[0],
		    reader->files >= FILES_MAX ? "more than 100 files" :
		    "more than 10 files deep; does one include itself?");
		return 1;
	}
	char *path = include_path(argv[0]);
	char *text = conf_text_read(path, &problem);
	if (text == NULL) {
		report(cfg->line, "include(\"%.200s\"): %s", argv[0], problem);
	} else {
		reader->depth++;
		reader->files++;
		good = parse_text(cfg, path, text);
		reader->depth--;
	}
	free(text);
	free(path);
	return good ? 0 : 1;
}

/* From libconfuse's values to struct conf */

unsigned
conf_default_helo(const struct conf *c)
{
	if (!c->check_helo)
		return 0;
	return c->behavior < HELO_DEFAULT_MAX ? c->behavior : HELO_DEFAULT_MAX;
}

/*
 * Sets the options of one section that have a value.  Wrong values have been
 * reported already; then the configuration is not used.
 */
static void
fill(void *base, const char *section, cfg_t *sec)
{
	const struct conf_option *o = NULL;
	char problem[CONF_PROBLEM_SIZE];

	while ((o = conf_option_next(section, o)) != NULL) {
		cfg_opt_t *opt = cfg_getopt(sec, o->row.name);
		for (unsigned j = 0; j < cfg_opt_size(opt); j++)
			conf_value_set(o, base, cfg_opt_getnstr(opt, j),
			    problem);
	}
}

/*
 * What the section leaves open comes from the built-in reply; where only the
 * class of the code differs from it, its enhanced code follows (RFC 2034 s4:
 * the classes must agree).
 */
static void
complete_reply(struct conf_reply *r, enum result result)
{
	const struct reply_default *d = reply_default(result);

	if (r->code == 0)
		r->code = d->code;
	if (r->enhanced == NULL) {
		r->enhanced = xstrdup(d->enhanced);
		r->enhanced[0] = (char)('0' + r->code / 100);
	}
	if (r->text == NULL)
		r->text = xstrdup(d->text);
}

static void
fill_reply(struct conf *c, enum result result, int line)
{
	struct conf_reply *r = &c->reply_sources[result];
	char problem[CONF_PROBLEM_SIZE];

	complete_reply(r, result);
	if (result == RESULT_TEMPERROR && r->code >= 500)
		report(line, "reply temperror: code %u would lose mail because "
		    "of a DNS failure; allowed: 400 to 499", r->code);
	else if ((unsigned)(r->enhanced[0] - '0') != r->code / 100)
		report(line, "reply %s: enhanced \"%s\" does not fit code %u; "
		    "both must start with the same digit",
		    result_name(result), r->enhanced, r->code);
	else if ((c->replies[result] = reply_compile(r->code, r->enhanced,
	    r->text, problem, sizeof(problem))) == NULL)
		report(line, "reply %s: %s", result_name(result), problem);
	c->policy.defers[result] = r->code < 500;
}

static void
fill_replies(struct conf *c, cfg_t *cfg)
{
	int lines[RESULT_COUNT] = { 0 };
	const char *files[RESULT_COUNT] = { NULL };
	const char *file = reader->file;
	enum result r;

	for (unsigned i = 0; i < cfg_size(cfg, "reply"); i++) {
		cfg_t *sec = cfg_getnsec(cfg, "reply", i);
		reader->file = sec->filename;
		if (!result_parse(&r, sec->title) || r == RESULT_PASS) {
			report(sec->line, "reply \"%.100s\": allowed: fail, "
			    "softfail, neutral, none, permerror, temperror",
			    sec->title);
			continue;
		}
		fill(&c->reply_sources[r], "reply", sec);
		lines[r] = sec->line;
		files[r] = sec->filename;
	}
	for (unsigned i = 0; i < RESULT_COUNT; i++) {
		reader->file = files[i];
		if (i != RESULT_PASS)
			fill_reply(c, (enum result)i, lines[i]);
	}
	reader->file = file;
}

static struct conf *
build(cfg_t *cfg)
{
	struct conf *c = xcalloc(1, sizeof(*c));

	c->references = 1;
	diag_init(&c->notes);
	addr_set_init(&c->trusted_networks);
	fill(c, NULL, cfg);
	fill(c, "dns", cfg_getsec(cfg, "dns"));
	fill_replies(c, cfg);
	if (!c->check_helo || cfg_size(cfg, "behavior_helo") == 0)
		c->behavior_helo = conf_default_helo(c);
	policy_set_level(&c->policy, SCOPE_MAILFROM, c->behavior);
	policy_set_level(&c->policy, SCOPE_HELO, c->behavior_helo);
	return c;
}

static void
clear_section(const char *section, void *base)
{
	const struct conf_option *o = NULL;

	while ((o = conf_option_next(section, o)) != NULL)
		conf_value_clear(o, base);
}

static void
conf_free(struct conf *c)
{
	diag_fini(&c->notes);
	clear_section(NULL, c);
	clear_section("dns", c);
	for (unsigned r = 0; r < RESULT_COUNT; r++) {
		clear_section("reply", &c->reply_sources[r]);
		reply_template_free(c->replies[r]);
	}
	free_places(c->places);
	free(c->path);
	free(c);
}

/* The defaults as configuration text. */
static char *
default_text(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	for (size_t i = 0; i < conf_row_count(); i++) {
		const struct conf_option *o = conf_option(i);
		if (o->derived)
			continue;
		if (o->row.section == NULL)
			fprintf(out, "%s = %s\n", o->row.name,
			    o->row.default_text);
		else
			fprintf(out, "%s { %s = %s }\n", o->row.section,
			    o->row.name, o->row.default_text);
	}
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}

/* text NULL: defaults only; else it is changed. */
static struct conf *
load(const char *name, char *text, struct diag *d)
{
	struct reader r = { .diag = d, .files = 1 };
	size_t before = d->count;
	char *defaults = default_text();
	struct diag notes;

	diag_init(&notes);
	reader = &r;
	cfg_t *cfg = parser_new();
	bool good = parse_text(cfg, "built-in defaults", defaults);
	assert(good && d->count == before);
	if (text != NULL) {
		r.notes = &notes;
		r.places = xcalloc(conf_row_count(), sizeof(*r.places));
		parse_text(cfg, name, text);
	}
	struct conf *c = build(cfg);
	c->notes = notes;
	c->places = r.places;
	cfg_free(cfg);
	free(defaults);
	reader = NULL;
	if (d->count > before) {
		conf_free(c);
		return NULL;
	}
	c->path = name != NULL ? xstrdup(name) : NULL;
	conf_note(c);
	return c;
}

struct conf *
conf_load_text(const char *text, size_t len, const char *name, struct diag *d)
{
	if (memchr(text, '\0', len) != NULL) {
		diag_add(d, name, 0, "this is not a text: it has NUL octets");
		return NULL;
	}
	char *copy = xstrndup(text, len);
	struct conf *c = load(name, copy, d);
	free(copy);
	return c;
}

struct conf *
conf_load(const char *path, struct diag *d)
{
	const char *problem;

	if (path == NULL)
		return load(NULL, NULL, d);
	char *text = conf_text_read(path, &problem);
	if (text == NULL) {
		diag_add(d, path, 0, "%s", problem);
		return NULL;
	}
	struct conf *c = load(path, text, d);
	free(text);
	return c;
}

void
conf_complain(const struct conf *c, struct diag *d, const char *option,
    const char *fmt, ...)
{
	const struct conf_option *o = conf_option_find(NULL, option);
	const char *file = c->path;
	char message[1024];
	unsigned line = 0;
	va_list ap;

	assert(o != NULL);
	if (c->places != NULL && c->places[o - conf_option(0)].file != NULL) {
		file = c->places[o - conf_option(0)].file;
		line = c->places[o - conf_option(0)].line;
	}
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	diag_add(d, file, line, "%s: %s", option, message);
}

/* The current configuration */

static struct lock current_lock = LOCK_INITIALIZER;
static struct conf *current;		/* under current_lock */

void
conf_publish(struct conf *c)
{
	lock_acquire(&current_lock);
	struct conf *old = current;
	current = c;
	lock_release(&current_lock);
	conf_release(old);
}

const struct conf *
conf_acquire(void)
{
	lock_acquire(&current_lock);
	struct conf *c = current;
	if (c != NULL)
		atomic_fetch_add(&c->references, 1);
	lock_release(&current_lock);
	return c;
}

void
conf_release(const struct conf *c)
{
	/* The count is the one thing that changes; the last one frees. */
	struct conf *own = (struct conf *)(uintptr_t)c;

	if (own != NULL && atomic_fetch_sub(&own->references, 1) == 1)
		conf_free(own);
}

const char *
conf_version(void)
{
	static char text[40];

	snprintf(text, sizeof(text), "libconfuse %s", confuse_version);
	return text;
}
