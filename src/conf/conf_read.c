/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the configuration.
 *
 * libconfuse splits the text into names, sections and values; every value
 * reaches us as text (numbers and booleans too) and is read by the kind of
 * its row, so that all wrong values are reported at once, each with its file
 * and line and with what is allowed.  The defaults are read first, as text
 * made from the table, the file on top of them, and what the command line sets
 * on top of both, as a text for each setting.
 *
 * libconfuse gets each text as conf_scan.c leaves it.  Included files come in
 * the same way, as a parse within the parse, with limits on their size, number
 * and depth.
 *
 * Of two sections of one title libconfuse keeps the last.  Where the title is
 * any that the file has, a section that has been read gets a letter before its
 * title that no title has, so that libconfuse keeps both and we can name both.
 */

#include "config.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "conf/conf_priv.h"
#include "policy/suffixes.h"
#include "policy/reply.h"

#define DEPTH_MAX 10		/* files within files */
#define FILES_MAX 100		/* of one configuration */
#define FILE_MAX (1024 * 1024)	/* octets of one file */
#define READ_MARK '\n'		/* before the title of a section */

/* One call of conf_load. */
struct reader {
	struct diag	*diag;
	size_t		 before;	/* messages that it had */
	struct diag	*notes;		/* NULL: of the defaults */
	struct conf_place *places;	/* a row; NULL: of the defaults */
	const char	*file;		/* being read */
	bool		 has_lines;	/* false: it is a setting */
	const struct conf_token *tokens;	/* of it */
	const struct conf_mistake *mistake;	/* in it, if it is refused */
	unsigned	 depth;
	unsigned	 files;
	struct conf_texts includes;
};

/*
 * libconfuse's callbacks get no argument of ours.  Its parser is static as
 * well, which is why conf_load is for one thread at a time.
 */
static struct reader *reader;

static unsigned
line_of(int line)
{
	return reader->has_lines ? (unsigned)line : 0;
}

static void report(int line, const char *fmt, ...) UTIL_PRINTF(2, 3);

static void
report(int line, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	diag_add(reader->diag, reader->file, line_of(line), "%s", message);
}

static const struct conf_section *
section_of(const cfg_t *cfg)
{
	const struct conf_section *s = conf_section_find(cfg->name);

	return s != NULL ? s : &conf_sections[0];
}

static void
report_unknown(const struct conf_section *s, int line, const char *name)
{
	char hint[CONF_HINT_SIZE];

	conf_hint(s, name, hint);
	report(line, "unknown option \"%.100s\"%s%s%s", name,
	    s->name != NULL ? " in section " : "",
	    s->name != NULL ? s->name : "", hint);
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
		report_unknown(section_of(cfg), cfg->line,
		    message + sizeof(unknown) - 1);
		return;
	}
	report(cfg->line, "%s", message);
}

/* Values */

static void
set_place(const struct conf_option *o, int line)
{
	struct conf_place *p = &reader->places[o - conf_sections[0].options];

	free(p->file);
	p->file = xstrdup(reader->file);
	p->line = line_of(line);
}

/* Checks a value where its line is known; all are used once all is read. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct conf_section *s = section_of(cfg);
	const struct conf_option *o = conf_section_option(s, opt->name);

	*(const char **)result = value;
	if (o == NULL) {
		/* libconfuse knows "section|option" at the top level, too. */
		report(cfg->line, "\"%.100s\" stands outside of its section",
		    opt->name);
		return 0;
	}
	if (s->name == NULL && reader->places != NULL)
		set_place(o, cfg->line);
	void *scratch = xcalloc(1, s->size > 0 ? s->size :
	    sizeof(struct conf));
	const char *wrong = conf_value_set(o, scratch, value);
	if (wrong != NULL)
		report(cfg->line, "%s = \"%.200s\"%s%s; allowed: %s", o->name,
		    value, wrong[0] != '\0' ? ": " : " is not understood",
		    wrong, o->allowed);
	conf_value_clear(o, scratch);
	free(scratch);
	return 0;
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc,
    const char **argv);

/*
 * The options of a section as libconfuse wants them, behind room for some
 * more; freed with free.
 */
static cfg_opt_t *
options_of(const struct conf_section *s, size_t room)
{
	cfg_opt_t *opts = xcalloc(room + s->option_count + 1, sizeof(*opts));
	cfg_opt_t *at = opts + room;

	for (size_t i = 0; i < s->option_count; i++) {
		const struct conf_option *o = &s->options[i];
		cfg_opt_t one = CFG_STR_CB(o->name, NULL, CFGF_NODEFAULT,
		    on_value);
		cfg_opt_t list = CFG_STR_LIST_CB(o->name, NULL,
		    CFGF_NODEFAULT, on_value);
		*at++ = conf_kinds[o->kind].is_list ? list : one;
	}
	cfg_opt_t end = CFG_END();
	*at = end;
	return opts;
}

/* Sections */

static bool
is_text(const struct conf_token *t, const char *text)
{
	return t->kind == TOKEN_WORD && (size_t)t->len == strlen(text) &&
	    strncmp(t->text, text, strlen(text)) == 0;
}

/* Of the last section of that name and title up to where it is closed. */
static int
opening_line(const char *name, const char *title, int closing)
{
	int line = closing;

	for (const struct conf_token *t = reader->tokens;
	    t->kind != TOKEN_END && t->line <= closing; t++) {
		if (is_text(t, name) && (title != NULL ? is_text(t + 1, title) :
		    t[1].sign == '{'))
			line = t->line;
	}
	return line;
}

static const char *
title_of(const cfg_t *sec)
{
	const char *title = sec->title != NULL ? sec->title : "";

	return title + (title[0] == READ_MARK);
}

/* One has been read: it is known by the line where it begins. */
static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct conf_section *s = conf_section_find(opt->name);
	unsigned i = cfg_opt_size(opt) - 1;

	while (i > 0 && cfg_opt_getnsec(opt, i)->line != cfg->line)
		i--;
	cfg_t *sec = cfg_opt_getnsec(opt, i);
	sec->line = opening_line(opt->name, sec->title, cfg->line);
	if (conf_section_titled(s) && s->titles == NULL) {
		char *marked = xasprintf("%c%s", READ_MARK, sec->title);
		free(sec->title);
		sec->title = marked;
	}
	return 0;
}

static int
section_flags(const struct conf_section *s)
{
	if (s->size == 0)
		return CFGF_NONE;
	return CFGF_MULTI | (s->untitled ? CFGF_NONE : CFGF_TITLE);
}

static cfg_t *
parser_new(void)
{
	/* include, the sections, and what stands outside of them */
	cfg_opt_t *top = options_of(&conf_sections[0], CONF_SECTION_COUNT);
	cfg_opt_t include = CFG_FUNC("include", on_include);

	top[0] = include;
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		cfg_opt_t section = CFG_SEC(s->name, options_of(s, 0),
		    section_flags(s));
		top[i] = section;
		if (s->size > 0)
			top[i].validcb = on_section;
	}
	cfg_t *cfg = cfg_init(top, CFGF_NONE);
	assert(cfg != NULL);
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++) {
		/* It was made before its parent had the function. */
		if (conf_sections[i].size == 0)
			cfg_getsec(cfg, conf_sections[i].name)->errfunc =
			    on_error;
		free(top[i].subopts);
	}
	free(top);
	return cfg;
}

/* text is changed.  False: reported. */
static bool
parse_text(cfg_t *cfg, const char *file, char *text)
{
	size_t before = reader->diag->count;
	const char *outer_file = reader->file;
	const struct conf_mistake *outer_mistake = reader->mistake;
	const struct conf_token *outer_tokens = reader->tokens;
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
	struct conf_token *tokens = conf_scan(text, &line, &problem);
	if (tokens == NULL) {
		report(line, "%s", problem);
		good = false;
	} else if (text[0] != '\0') {
		reader->tokens = tokens;
		conf_syntax_explain(tokens, file, reader->notes, &mistake);
		FILE *in = fmemopen(text, strlen(text), "r");
		assert(in != NULL);
		good = cfg_parse_fp(cfg, in) == CFG_SUCCESS;
		fclose(in);
	}
	free(tokens);
	/* Some errors libconfuse does not tell, such as an empty name. */
	if (!good && reader->diag->count == before)
		report(cfg->line, "syntax error");
	reader->file = outer_file;
	reader->mistake = outer_mistake;
	reader->tokens = outer_tokens;
	free(cfg->filename);
	cfg->filename = outer_file != NULL ? xstrdup(outer_file) : NULL;
	cfg->line = outer_line;
	return good;
}

/* Files */

/*
 * Regular files, and devices so that /dev/null can stand for an empty one; a
 * pipe would let us wait.  NULL: *problem.  The caller frees it.
 */
static char *
read_file(const char *path, const char **problem)
{
	struct stat st;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	*problem = NULL;
	if (fd < 0 || fstat(fd, &st) != 0)
		*problem = confine_strerror(errno, path);
	else if (S_ISDIR(st.st_mode))
		*problem = strerror(EISDIR);
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		*problem = "this is not a regular file";
	else if ((text = util_read_text(fd, FILE_MAX)) == NULL)
		*problem = errno == EFBIG ? "the file is over 1 MB" :
		    errno == EILSEQ ? "this is not a text: it has NUL octets" :
		    strerror(errno);
	if (fd >= 0)
		close(fd);
	return text;
}

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

static void
keep_include(const char *path)
{
	struct conf_texts *t = &reader->includes;

	t->list = xreallocarray(t->list, t->count + 1, sizeof(*t->list));
	t->list[t->count++] = xstrdup(path);
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
	char *text = read_file(path, &problem);
	if (text == NULL) {
		report(cfg->line, "include(\"%.200s\"): %s", argv[0], problem);
	} else {
		reader->depth++;
		reader->files++;
		keep_include(path);
		good = parse_text(cfg, path, text);
		reader->depth--;
	}
	free(text);
	free(path);
	return good ? 0 : 1;
}

/* From libconfuse's values to struct conf */

/*
 * Sets the options of one section that have a value.  Wrong values have been
 * reported already; then the configuration is not used.
 */
static void
fill(void *base, const struct conf_section *s, cfg_t *sec)
{
	for (size_t i = 0; i < s->option_count; i++) {
		cfg_opt_t *opt = cfg_getopt(sec, s->options[i].name);
		for (unsigned j = 0; j < cfg_opt_size(opt); j++)
			conf_value_set(&s->options[i], base,
			    cfg_opt_getnstr(opt, j));
	}
}

static void
add_item(struct conf_items *items, const struct conf_section *s, cfg_t *sec)
{
	struct conf_item item = {
		.title = xstrdup(title_of(sec)),
		.file = xstrdup(sec->filename),
		.line = (unsigned)sec->line,
		.values = xcalloc(1, s->size)
	};

	fill(item.values, s, sec);
	items->list = xreallocarray(items->list, items->count + 1,
	    sizeof(*items->list));
	items->list[items->count++] = item;
}

/* False: reported. */
static bool
judge_title(const struct conf_items *items, const struct conf_section *s,
    const cfg_t *sec)
{
	const char *title = title_of(sec);
	bool good = conf_section_takes(s, title);

	if (!good)
		diag_add(reader->diag, sec->filename, (unsigned)sec->line,
		    "%s \"%.100s\": allowed: %s", s->name, title, s->allowed);
	for (size_t i = 0; !s->untitled && i < items->count; i++) {
		const struct conf_item *item = &items->list[i];
		if (strcmp(item->title, title) != 0)
			continue;
		diag_add(reader->diag, sec->filename, (unsigned)sec->line,
		    "%s \"%.100s\" stands in %s:%u already", s->name, title,
		    item->file, item->line);
		good = false;
	}
	return good;
}

/*
 * Where a list may be left out, one without elements says nothing that
 * somebody can have meant.
 */
static void
report_empty(const struct conf_section *s, cfg_t *sec)
{
	for (size_t i = 0; i < s->option_count; i++) {
		const struct conf_option *o = &s->options[i];
		cfg_opt_t *opt = cfg_getopt(sec, o->name);
		if (o->default_text == NULL && conf_kinds[o->kind].is_list &&
		    (opt->flags & CFGF_MODIFIED) != 0 && cfg_opt_size(opt) == 0)
			diag_add(reader->diag, sec->filename,
			    (unsigned)sec->line, "%s: %s = {} is nobody; "
			    "allowed: %s", s->name, o->name, o->allowed);
	}
}

static void
fill_items(struct conf *c, const struct conf_section *s, cfg_t *cfg)
{
	struct conf_items *items = conf_section_items(s, c);

	for (unsigned i = 0; i < cfg_size(cfg, s->name); i++) {
		cfg_t *sec = cfg_getnsec(cfg, s->name, i);
		report_empty(s, sec);
		if (judge_title(items, s, sec))
			add_item(items, s, sec);
	}
}

static void
check(struct conf *c, const struct conf_section *s)
{
	const struct conf_items *items = conf_section_items(s, c);
	char problem[CONF_PROBLEM_SIZE];

	if (s->size == 0) {
		s->check(c, NULL, problem);
		return;
	}
	for (size_t i = 0; i < items->count; i++) {
		const struct conf_item *item = &items->list[i];
		if (s->check(c, item, problem))
			continue;
		char *name = conf_section_text(s, item->title);
		diag_add(reader->diag, item->file, item->line, "%s: %s", name,
		    problem);
		free(name);
	}
}

/* All lists that base has; name: of its section, NULL: none. */
static void
gather_lists(struct conf *c, const struct conf_section *s, void *base,
    const char *name)
{
	for (size_t i = 0; i < s->option_count; i++) {
		struct list *l = conf_value_list(&s->options[i], base);
		if (l == NULL)
			continue;
		c->lists = xreallocarray(c->lists, c->list_count + 1,
		    sizeof(*c->lists));
		c->lists[c->list_count++] = (struct conf_list){
			.name = xasprintf("%s%s%s", name != NULL ? name : "",
			    name != NULL ? ": " : "", s->options[i].name),
			.list = l
		};
	}
}

static void
gather_all_lists(struct conf *c)
{
	gather_lists(c, &conf_sections[0], c, NULL);
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		const struct conf_items *items = conf_section_items(s, c);
		for (size_t j = 0; s->size > 0 && j < items->count; j++) {
			char *name = conf_section_text(s, items->list[j].title);
			gather_lists(c, s, items->list[j].values, name);
			free(name);
		}
	}
}

static struct conf *
build(cfg_t *cfg)
{
	struct conf *c = xcalloc(1, sizeof(*c));

	c->references = 1;
	diag_init(&c->notes);
	c->trusted_networks = list_new(LIST_CLIENT);
	c->behavior_helo = CONF_LEVEL_UNSET;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		if (s->size > 0)
			fill_items(c, s, cfg);
		else
			fill(c, s, s->name != NULL ? cfg_getsec(cfg, s->name) :
			    cfg);
	}
	bool whole = reader->diag->count == reader->before;
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++)
		if (conf_sections[i].check != NULL && whole)
			check(c, &conf_sections[i]);
	gather_all_lists(c);
	conf_gather_marks(c);
	c->rules.standard = &c->policy;
	rules_seal(&c->rules);
	c->forwarder_rules.standard = &c->policy;
	rules_seal(&c->forwarder_rules);
	return c;
}

static void
clear(const struct conf_section *s, void *base)
{
	for (size_t i = 0; i < s->option_count; i++)
		conf_value_clear(&s->options[i], base);
}

static void
clear_items(const struct conf_section *s, struct conf_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		clear(s, items->list[i].values);
		free(items->list[i].values);
		free(items->list[i].title);
		free(items->list[i].file);
	}
	free(items->list);
}

void
conf_free(struct conf *c)
{
	for (size_t i = 0; i < CONF_SECTION_COUNT; i++) {
		const struct conf_section *s = &conf_sections[i];
		if (s->size > 0)
			clear_items(s, conf_section_items(s, c));
		else
			clear(s, c);
	}
	for (size_t i = 0; i < RESULT_COUNT; i++)
		reply_template_free(c->replies[i]);
	for (size_t i = 0; i < conf_sections[0].option_count; i++)
		free(c->places[i].file);
	free(c->places);
	for (size_t i = 0; i < c->list_count; i++)
		free(c->lists[i].name);
	free(c->lists);
	for (size_t i = 0; i < c->marks.count; i++)
		free(c->marks.list[i]);
	free(c->marks.list);
	for (size_t i = 0; i < c->includes.count; i++)
		free(c->includes.list[i]);
	free(c->includes.list);
	suffixes_free(c->suffixes);
	free(c->rules.list);
	free(c->rules.marks);
	free(c->forwarder_rules.list);
	free(c->forwarder_rules.marks);
	diag_fini(&c->notes);
	free(c->path);
	explicit_bzero(c->why_key_octets, sizeof(c->why_key_octets));
	free(c);
}

/* Settings of the command line */

/* The one with that title; NULL: there is none. */
static cfg_t *
titled_section(cfg_t *cfg, const char *name, const char *title)
{
	for (unsigned i = 0; i < cfg_size(cfg, name); i++)
		if (strcmp(title_of(cfg_getnsec(cfg, name, i)), title) == 0)
			return cfg_getnsec(cfg, name, i);
	return NULL;
}

/* The section of a name, which is cut at its title; NULL: reported. */
static cfg_t *
setting_section(cfg_t *cfg, char *name)
{
	char *title = strchr(name, '.');

	if (title != NULL)
		*title++ = '\0';
	const struct conf_section *s = conf_section_find(name);
	if (s != NULL && s->untitled) {
		report(0, "%s may stand several times, so the file sets its "
		    "options", name);
		return NULL;
	}
	cfg_t *sec = NULL;
	if (s != NULL && conf_section_titled(s) == (title != NULL))
		sec = title != NULL ? titled_section(cfg, name, title) :
		    cfg_getsec(cfg, name);
	if (sec == NULL)
		report(0, "no such section; a name is OPTION, dns.OPTION or "
		    "reply.RESULT.OPTION, and with other titles "
		    "SECTION.TITLE.OPTION of a section in the file");
	return sec;
}

/*
 * The line of a file that sets o: the value as it is, unless it stands in
 * quotes or is a list in braces.
 */
static char *
setting_text(const struct conf_option *o, bool appends, const char *value)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	fprintf(out, "%s %s ", o->name, appends ? "+=" : "=");
	if (value[0] != '\0' && strchr("\"'{", value[0]) != NULL)
		fputs(value, out);
	else
		conf_print_quoted(value, out);
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}

static void
set_option(cfg_t *cfg, char *name, bool appends, const char *value)
{
	char *dot = strrchr(name, '.');
	const char *option = dot != NULL ? dot + 1 : name;

	if (dot != NULL)
		*dot = '\0';
	cfg_t *sec = dot != NULL ? setting_section(cfg, name) : cfg;
	if (sec == NULL)
		return;
	const struct conf_option *o = conf_section_option(section_of(sec),
	    option);
	if (o == NULL) {
		report_unknown(section_of(sec), 0, option);
		return;
	}
	char *text = setting_text(o, appends, value);
	parse_text(sec, reader->file, text);
	if (sec != cfg) {
		/* What is wrong with the section now comes from here. */
		free(sec->filename);
		sec->filename = xstrdup(reader->file);
		sec->line = 0;
	}
	free(text);
}

static void
read_setting(cfg_t *cfg, const char *setting)
{
	size_t len = strcspn(setting, "=");
	bool appends = len > 0 && setting[len] != '\0' &&
	    setting[len - 1] == '+';
	char *place = xasprintf("-o %.200s", setting);
	char *name = xstrndup(setting, appends ? len - 1 : len);

	reader->file = place;
	reader->has_lines = false;
	if (setting[len] == '\0')
		report(0, "NAME=VALUE is wanted");
	else
		set_option(cfg, name, appends, setting + len + 1);
	reader->file = NULL;
	free(name);
	free(place);
}

/* The whole */

static void
write_defaults(const struct conf_section *s, FILE *out)
{
	for (size_t i = 0; i < s->option_count; i++)
		if (!s->options[i].derived)
			fprintf(out, "%s = %s\n", s->options[i].name,
			    s->options[i].default_text);
}

/* The defaults as configuration text. */
static char *
default_text(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert(out != NULL);
	write_defaults(&conf_sections[0], out);
	for (size_t i = 1; i < CONF_SECTION_COUNT; i++) {
		static const char *const none[] = { "", NULL };
		const struct conf_section *s = &conf_sections[i];
		const char *const *title = s->size > 0 ? s->titles : none;
		for (; title != NULL && *title != NULL; title++) {
			fprintf(out, "%s %s {\n", s->name, *title);
			write_defaults(s, out);
			fputs("}\n", out);
		}
	}
	int failed = fclose(out);
	assert(failed == 0);
	return text;
}

/*
 * Everything but what files of lists have.  text NULL: there is no file; else
 * it is changed.
 */
static struct conf *
read_all(const char *path, char *text, const char *const *settings,
    struct diag *d)
{
	struct diag notes;
	struct reader r = { .diag = d, .before = d->count, .has_lines = true,
		.files = 1 };
	char *defaults = default_text();

	diag_init(&notes);
	reader = &r;
	cfg_t *cfg = parser_new();
	bool good = parse_text(cfg, "built-in defaults", defaults);
	assert(good && d->count == r.before);
	r.notes = &notes;
	r.places = xcalloc(conf_sections[0].option_count, sizeof(*r.places));
	if (text != NULL)
		parse_text(cfg, path, text);
	for (size_t i = 0; settings != NULL && settings[i] != NULL; i++)
		read_setting(cfg, settings[i]);
	struct conf *c = build(cfg);
	c->notes = notes;
	c->places = r.places;
	c->includes = r.includes;
	c->settings = settings;
	c->path = path != NULL ? xstrdup(path) : NULL;
	cfg_free(cfg);
	free(defaults);
	reader = NULL;
	return c;
}

static struct conf *
load(const char *path, char *text, const char *const *settings,
    struct diag *d)
{
	size_t before = d->count;
	struct conf *c = read_all(path, text, settings, d);

	for (size_t i = 0; d->count == before && i < c->list_count; i++)
		list_load(c->lists[i].list, d);
	if (d->count == before)
		conf_check_whole(c, d);
	if (d->count == before)
		conf_check_why(c, d);
	if (d->count > before) {
		conf_free(c);
		return NULL;
	}
	conf_note(c);
	return c;
}

struct conf *
conf_load(const char *path, const char *const *settings, struct diag *d)
{
	const char *problem;

	if (path == NULL)
		return load(NULL, NULL, settings, d);
	char *text = read_file(path, &problem);
	if (text == NULL) {
		diag_add(d, path, 0, "%s", problem);
		return NULL;
	}
	struct conf *c = load(path, text, settings, d);
	free(text);
	return c;
}

char *
conf_find_control(const char *path, const char *const *settings)
{
	const char *problem;
	struct diag ignored;
	char *text = path != NULL ? read_file(path, &problem) : NULL;

	diag_init(&ignored);
	struct conf *c = read_all(path, text, settings, &ignored);
	char *control = xstrdup(c->control);
	conf_free(c);
	free(text);
	diag_fini(&ignored);
	return control;
}

struct conf *
conf_reload(const struct conf *c, struct diag *d)
{
	return conf_load(c->path, c->settings, d);
}

const char *
conf_version(void)
{
	static char text[40];

	snprintf(text, sizeof(text), "libconfuse %s", confuse_version);
	return text;
}
