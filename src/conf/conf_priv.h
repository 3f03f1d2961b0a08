/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of conf: the tables of sections, options and kinds of values. */

#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define CONF_SECOND INT64_C(1000)	/* in milliseconds */
#define CONF_MEGA (INT64_C(1) << 20)
#define CONF_GIGA (INT64_C(1) << 30)

#define CONF_PROBLEM_SIZE 200

struct conf_word {
	const char	*name;		/* NULL ends a list of words */
	int		 value;
};

/* What an option's field holds. */
enum conf_kind_name {
	CONF_SOCKET,		/* struct conf_socket */
	CONF_ACCOUNT,		/* char *: a user or group, "" allowed */
	CONF_PATH,		/* char *: absolute, "" allowed */
	CONF_HOSTNAME,		/* char *: "" allowed */
	CONF_URL,		/* char *: "" allowed */
	CONF_ENHANCED,		/* char * */
	CONF_TEXT,		/* char *: a reply template */
	CONF_OCTAL,		/* mode_t */
	CONF_UINT,		/* unsigned, min to max */
	CONF_BOOL,		/* bool */
	CONF_WORD,		/* int or an enum, one of words */
	CONF_DURATION,		/* int64_t milliseconds, min to max */
	CONF_SIZE,		/* size_t octets, min to max */
	CONF_WORDS,		/* unsigned, bits of words; a list */
	CONF_CLIENTS,		/* struct list *; a list */
	CONF_NAMES,		/* the same, of names */
	CONF_ADDRESSES,		/* the same, of addresses */
	CONF_LINE,		/* char *: printable text, or NULL */
	CONF_DATE,		/* int64_t: its end, in seconds since 1970 */
	CONF_STRINGS,		/* struct conf_texts; a list */
	CONF_CHOICES,		/* the same, each one of words, or "!" and it */
	CONF_DOMAINS,		/* the same */
	CONF_SERVERS,		/* the same */
	CONF_PREFIX,		/* char *: of a subject */
	CONF_FIELDS,		/* struct tag_fields; a list */
	CONF_ADDRESS,		/* struct addr: AF_UNSPEC where it is "" */
	CONF_TERMS,		/* struct conf_record: a policy */
	CONF_RECORD,		/* struct conf_record */
	CONF_MAPPINGS,		/* struct conf_mappings; a list */
	CONF_LISTEN		/* char *: as listen.h takes it, "" allowed */
};

struct conf_option {
	const char	*name;
	const char	*default_text;	/* as in the sample file; NULL: depends
					 * on the title of the section, or not
					 * given; that of a section with any
					 * title is what zeros say */
	const char	*allowed;	/* "0 to 6", for messages */
	bool		 restart;	/* not changed by a reload */
	const char	*sentence;	/* what it is, as in the manual */
	enum conf_kind_name kind;
	size_t		 offset;	/* in the struct that is filled */
	int64_t		 min;
	int64_t		 max;
	const struct conf_word *words;
	bool		 derived;	/* default depends on other options */
};

/* How a field is read, freed and printed. */
struct conf_kind {
	/*
	 * A list gets one element more.  NULL, or what is wrong with text, ""
	 * where the allowed values say it all; then the field is as before.
	 * It is good up to the next call.
	 */
	const char *(*parse)(const struct conf_option *o, void *field,
		    const char *text);
	void	(*clear)(void *field);	/* NULL: there is nothing to free */
	/*
	 * As text that conf_load reads, in the spelling of default_text;
	 * nothing where the option is not given and has no default.
	 */
	void	(*print)(const struct conf_option *o, const void *field,
		    FILE *out);
	bool	is_list;
};
extern const struct conf_kind conf_kinds[];

/* These, with the field of o in base, which o's section fills. */
const char *conf_value_set(const struct conf_option *o, void *base,
	    const char *text);
void	conf_value_clear(const struct conf_option *o, void *base);
/* The caller frees it. */
char	*conf_value_text(const struct conf_option *o, const void *base);
/* NULL: it is none, or not given. */
struct list *conf_value_list(const struct conf_option *o, void *base);
void	conf_print_quoted(const char *s, FILE *out);

struct conf_section {
	const char	*name;		/* NULL: no section around them */
	const char	*sample;	/* "reply fail", for messages */
	const struct conf_option *options;
	size_t		 option_count;
	/* Any number of them, with a title unless it is said. */
	size_t		 size;		/* of what one fills; 0: its options
					 * fill struct conf */
	size_t		 offset;	/* of its conf_items in struct conf */
	bool		 untitled;
	const char *const *titles;	/* there are these, always; NULL: any
					 * that the file has, once each */
	const char	*allowed;	/* titles, for messages */
	/*
	 * Once all is read; item NULL: it has no title.  False: problem says
	 * what is wrong.
	 */
	bool		(*check)(struct conf *c, const struct conf_item *item,
			    char problem[CONF_PROBLEM_SIZE]);
};

/* The first is what stands outside of sections. */
#define CONF_SECTION_COUNT 9
extern const struct conf_section conf_sections[CONF_SECTION_COUNT];

/* NULL: no such section. */
const struct conf_section *conf_section_find(const char *name);
/* NULL: no such option, or s is NULL. */
const struct conf_option *conf_section_option(const struct conf_section *s,
	    const char *name);
bool	conf_section_titled(const struct conf_section *s);
bool	conf_section_takes(const struct conf_section *s, const char *title);
/* "reply fail", "forwarder \"alumni\"", "dns"; the caller frees it. */
char	*conf_section_text(const struct conf_section *s, const char *title);
/* Of a section that may stand several times. */
struct conf_items *conf_section_items(const struct conf_section *s,
	    struct conf *c);
/* NULL: there are not so many. */
const struct conf_item *conf_section_item(const struct conf_section *s,
	    const struct conf *c, size_t i);
/* What the i-th of them has filled; NULL: there are not so many. */
const void *conf_section_values(const struct conf_section *s,
	    const struct conf *c, size_t i);

/* Section reply. */
struct conf_reply {
	unsigned	 code;
	char		*enhanced;
	char		*text;
};

/*
 * Section policy: for each result 1 more than its policy_action, 0 where the
 * section leaves it to the level.
 */
struct conf_policy {
	int		 action[RESULT_COUNT];
};

enum conf_identity { CONF_IDENTITY_ANY, CONF_IDENTITY_HELO,
	CONF_IDENTITY_MAILFROM };

/* Section rule; what is not given is NULL, empty or 0. */
struct conf_rule {
	struct conf_policy policy;	/* first, see rule_options */
	struct list	*client;
	struct list	*client_name;
	struct list	*helo;
	struct list	*sender;
	struct list	*recipient;
	struct conf_texts authenticated;
	struct conf_texts daemon;
	struct conf_texts port;
	struct conf_texts result;
	struct conf_texts mechanism;
	struct conf_texts spf_pass_for;
	enum conf_identity identity;
	int		 record;	/* not 0: wide open */
	int64_t		 expires_s;
	struct addr	 check_as;
	int		 behavior;	/* 1 more than the level, or: */
#define CONF_BEHAVIOR_LIST (POLICY_LEVEL_MAX + 2)
	int		 action;	/* as in conf_policy */
	char		*tag;		/* title of a section; NULL: none */
	char		*owner;
	char		*reason;
	/* Compiled; for from-list one a level. */
	struct policy	 made[POLICY_LEVEL_MAX + 1];
};

#define CONF_LEVEL_UNSET UINT_MAX	/* behavior_helo, while it is read */

/* Of behavior_helo where it is not set. */
unsigned conf_default_helo(const struct conf *c, unsigned behavior);
bool	conf_check_levels(struct conf *c, const struct conf_item *none,
	    char problem[CONF_PROBLEM_SIZE]);
bool	conf_check_policy(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);
/* What the levels of c come to in the table of item, in its values. */
void	conf_default_policy(const struct conf *c, const struct conf_item *item);
bool	conf_check_reply(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);
/* Is there a section tag of this title? */
bool	conf_has_tag(const struct conf *c, const char *title);
bool	conf_check_tag(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);
bool	conf_check_relay(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);
bool	conf_check_forwarder(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);

bool	conf_check_rule(struct conf *c, const struct conf_item *item,
	    char problem[CONF_PROBLEM_SIZE]);
/* Fills c->notes. */
void	conf_note_rules(struct conf *c);

/*
 * What is wrong with text, "" where the allowed values say it; then out is as
 * before.  NULL: nothing.
 */
const char *conf_socket_parse(struct conf_socket *out, const char *text);
void	conf_socket_clear(struct conf_socket *s);
/* Of SPF terms, as parse and clear of conf_kind. */
const char *conf_terms_parse(const struct conf_option *o, void *field,
	    const char *text);
const char *conf_record_parse(const struct conf_option *o, void *field,
	    const char *text);
void	conf_record_clear(void *field);
/* NULL, or what is wrong with a path that needs less than size octets. */
const char *conf_path_problem(const char *path, size_t size);
bool	conf_is_host_name(const char *s);

/* Of values of sections tag, as parse of conf_kind. */
const char *conf_field_add(const struct conf_option *o, void *field,
	    const char *text);
/* Once all is read: the names of fields that are marks. */
void	conf_note_tags(struct conf *c);
void	conf_gather_marks(struct conf *c);

/*
 * What a name that is no option of section may have been meant to be, to
 * stand behind "unknown option ...": "; did you mean ...?", or "".
 */
#define CONF_HINT_SIZE 200
void	conf_hint(const struct conf_section *s, const char *name,
	    char out[CONF_HINT_SIZE]);

struct conf_token {
	enum { TOKEN_WORD, TOKEN_SIGN, TOKEN_APPEND, TOKEN_END } kind;
	char		 sign;		/* one of = { } ( ) , if a sign */
	int		 line;
	const char	*text;		/* a word, without its quotes */
	int		 len;
};

/*
 * Blanks out comments.  The tokens of text, the last one TOKEN_END; the caller
 * frees them.  NULL: *problem at *line is what libconfuse must not see.
 */
struct conf_token *conf_scan(char *text, int *line, const char **problem);

/* A mistake of syntax, in the words of who made it. */
struct conf_mistake {
	int	 line;
	char	 text[CONF_PROBLEM_SIZE];	/* "": none that we know */
};

/*
 * Looks through a text for what to say if libconfuse refuses it; the text may
 * be good all the same.  repeats, unless NULL, gets what is given twice.
 */
void	conf_syntax_explain(const struct conf_token *tokens, const char *file,
	    struct diag *repeats, struct conf_mistake *out);

/* Where the value in force of an option was given; file NULL: nowhere. */
struct conf_place {
	char		*file;
	unsigned	 line;
};

/* Reads the key of links, where there are any; d says what is wrong with it. */
void	conf_check_why(struct conf *c, struct diag *d);

/*
 * What options outside of sections have to agree on, with what this machine
 * has for them; mistakes go to d.
 */
void	conf_check_whole(struct conf *c, struct diag *d);

/* Fills c->notes; c has no mistakes. */
void	conf_note(struct conf *c);

void	conf_free(struct conf *c);

#endif
