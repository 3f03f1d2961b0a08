/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of conf: the option table and how each kind of value is read. */

#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define CONF_SECOND INT64_C(1000)	/* in milliseconds */
#define CONF_MEGA (INT64_C(1) << 20)
#define CONF_GIGA (INT64_C(1) << 30)

/* What an option's field holds and how its text is read. */
enum conf_kind {		/* texts first, up to CONF_KIND_TEXT */
	CONF_KIND_ACCOUNT,	/* char *: a user or group, "" allowed */
	CONF_KIND_PATH,		/* char *: absolute, "" allowed */
	CONF_KIND_HOSTNAME,	/* char *: "" allowed */
	CONF_KIND_ENHANCED,	/* char * */
	CONF_KIND_TEXT,		/* char *: a reply template */
	CONF_KIND_SOCKET,	/* struct conf_socket */
	CONF_KIND_OCTAL,	/* mode_t */
	CONF_KIND_UINT,		/* unsigned, min to max */
	CONF_KIND_BOOL,		/* bool */
	CONF_KIND_WORD,		/* int or an enum, one of words */
	CONF_KIND_DURATION,	/* int64_t milliseconds, min to max */
	CONF_KIND_SIZE,		/* size_t octets, min to max */
	CONF_KIND_WORDS,	/* unsigned, bits of words; a list */
	CONF_KIND_NETWORKS,	/* struct addr_set; a list */
	CONF_KIND_SERVERS	/* dns_servers and its count; a list */
};

struct conf_word {
	const char	*name;		/* NULL ends a list of words */
	int		 value;
};

struct conf_option {
	struct conf_row	 row;
	enum conf_kind	 kind;
	size_t		 offset;	/* in struct conf; section reply: in
					 * struct conf_reply */
	int64_t		 min;
	int64_t		 max;
	const struct conf_word *words;
	bool		 derived;	/* default depends on other options */
};

const struct conf_option *conf_option(size_t i);
/* NULL: no such option.  section NULL is the top level. */
const struct conf_option *conf_option_find(const char *section,
	    const char *name);
/* The options of one section, one after the other; NULL before and behind. */
const struct conf_option *conf_option_next(const char *section,
	    const struct conf_option *o);
bool	conf_option_is_list(const struct conf_option *o);

/*
 * What a name that is no option of section may have been meant to be, to
 * stand behind "unknown option ...": "; did you mean ...?", or "".
 */
#define CONF_HINT_SIZE 200
void	conf_hint(const char *section, const char *name,
	    char out[CONF_HINT_SIZE]);

/*
 * Puts one value into its field of base (a struct conf, or a struct
 * conf_reply in section reply); a list gets one element more.  False: the
 * field is as before and problem says what is wrong with text, or is ""
 * where the allowed values say it all.
 */
#define CONF_PROBLEM_SIZE 200
bool	conf_value_set(const struct conf_option *o, void *base,
	    const char *text, char problem[CONF_PROBLEM_SIZE]);
/* Empties a list; frees what the field owns.  The field may be set again. */
void	conf_value_clear(const struct conf_option *o, void *base);
/*
 * As text that conf_load reads, in the spelling of default_text; the caller
 * frees it.
 */
char	*conf_value_text(const struct conf_option *o, const void *base);

/*
 * False is told by what is wrong with text, "" where the allowed values say
 * it; then out is as before.
 */
const char *conf_socket_parse(struct conf_socket *out, const char *text);
void	conf_socket_clear(struct conf_socket *s);
/* NULL, or what is wrong with a path that needs less than size octets. */
const char *conf_path_problem(const char *path, size_t size);
bool	conf_is_host_name(const char *s);

/* The signs that end a word without quotes. */
#define CONF_WORD_ENDS " #\"'\t\n\r={}()+,*"

/*
 * Blanks out comments.  False: *problem at *line is what libconfuse must not
 * see.
 */
bool	conf_text_scan(char *text, int *line, const char **problem);

/* A mistake of syntax, in the words of who made it. */
struct conf_mistake {
	int	 line;
	char	 text[CONF_PROBLEM_SIZE];	/* "": none that we know */
};

/*
 * Looks through a scanned text for what to say if libconfuse refuses it; the
 * text may be good all the same.  repeats, unless NULL, gets what is given
 * twice.
 */
void	conf_syntax_explain(const char *text, const char *file,
	    struct diag *repeats, struct conf_mistake *out);
/* A whole file without NUL; the caller frees it.  NULL: *problem. */
char	*conf_text_read(const char *path, const char **problem);

/* Of behavior_helo where it is not set. */
unsigned conf_default_helo(const struct conf *c);
/* Fills c->notes; c has no mistakes. */
void	conf_note(struct conf *c);

/*
 * conf_load of len octets in memory; name stands for the file.  Relative
 * names of included files are taken from the current directory.
 */
struct conf	*conf_load_text(const char *text, size_t len,
		    const char *name, struct diag *d);

#endif
