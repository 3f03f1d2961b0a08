/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, where it goes, escaping, repeats, personal data. */

#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

enum log_level {
	LOG_LEVEL_NOTICE,	/* start, reload, stop: always written */
	LOG_LEVEL_ERROR,	/* we failed a message or ourselves */
	LOG_LEVEL_WARNING,	/* an operator should look */
	LOG_LEVEL_INFO,		/* one line a checked message */
	LOG_LEVEL_DEBUG
};

enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG, LOG_TARGET_JOURNALD };

/* Of standard error and syslog; the journal has fields beside the text. */
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Of local parts: all, a hash that lasts for the day, nothing. */
enum log_privacy { LOG_PRIVACY_NONE, LOG_PRIVACY_HASH, LOG_PRIVACY_DROP };

/* What a kind of line is known by, in JSON and in the journal. */
enum log_event {
	LOG_EVENT_NONE,
	LOG_EVENT_MESSAGE,	/* a checked message */
	LOG_EVENT_SKIPPED,	/* one that is not checked */
	LOG_EVENT_TRACE,	/* a line of its evaluation */
	LOG_EVENT_DNS,		/* trouble with the DNS, and its end */
	LOG_EVENT_START,
	LOG_EVENT_RELOAD,	/* and what is wrong with it */
	LOG_EVENT_STOP,
	LOG_EVENT_DROPPED,	/* lines that were not taken in time */
	LOG_EVENT_SUPPRESSED	/* lines of a kind that comes too often */
};
#define LOG_EVENT_COUNT (LOG_EVENT_SUPPRESSED + 1)

/* Longest value from outside that a line shows, in octets of the value. */
#define LOG_VALUE_MAX 200

/*
 * Before log_open, lines go to standard error at level info.  facility is a
 * syslog(3) facility, which standard error has no use for.  From here on the
 * reason goes to the log, too, where the program ends itself (util_die).  Call
 * before any thread exists.
 */
void	log_open(enum log_target target, int facility);
/* For lines from here on; those that wait to be sent go there, too. */
void	log_set_target(enum log_target target, int facility);	/* any thread */

/*
 * From log_start to log_stop a thread writes the lines and whoever logs never
 * waits: lines that cannot be written in time are dropped, counted, and told.
 * log_start: after log_open and any fork; false: errno.  log_stop: writes what
 * is left, for as long as it is taken and for some seconds at most.
 */
bool	log_start(void);
void	log_stop(void);
void	log_set_level(enum log_level level);		/* any thread */
bool	log_enabled(enum log_level level);
void	log_set_format(enum log_format format);		/* any thread */

void	log_set_privacy(enum log_privacy privacy);	/* any thread */
bool	log_hides(void);		/* local parts */

/*
 * One line, without a newline; cut at about 2,000 octets.  Any thread.  Of
 * warnings and errors that are of one kind, which is their fmt, some a minute
 * are written; the others are counted and told at its end.
 */
void	log_write(enum log_level level, const char *fmt, ...)
	    UTIL_PRINTF(2, 3);
/* Of what the operator has done: such lines are always written. */
void	log_event(enum log_event event, enum log_level level, const char *fmt,
	    ...) UTIL_PRINTF(3, 4);
/* A line of a text, of a kind that lives as long as the program. */
void	log_text(enum log_level level, const char *kind, const char *text);

/* A line an entry, behind "what: " unless that is NULL; always written. */
void	log_diag(enum log_level level, const char *what, const struct diag *d);

#define log_notice(...)	 log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)							\
	do {								\
		if (log_enabled(LOG_LEVEL_DEBUG))			\
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);	\
	} while (0)

/*
 * A line of pairs, from { .count = 0 }, or { .message = ... } where it has a
 * text before them.  They are collected, and formatted when the line is
 * written; until then texts are borrowed.  Long values come last: lines are
 * cut.  Keys and the message are static, and each key is in spf-milter(8).
 */
#define LOG_PAIRS_MAX 32

enum log_kind {
	LOG_STRING,	/* from outside: escaped, cut at LOG_VALUE_MAX */
	LOG_ADDRESS,	/* the same, of a mail address: see log_privacy */
	LOG_NAME,	/* of the DNS, which macros may make of a local part */
	LOG_WORD,	/* one of ours, without blanks */
	LOG_UNSIGNED,
	LOG_MESSAGE	/* not a pair: what stands before them */
};

struct log_record {
	enum log_event	 event;
	const char	*message;	/* NULL: none */
	size_t		 count;
	struct log_pair {
		const char	*key;
		enum log_kind	 kind;
		bool		 cut;	/* text was longer */
		const char	*text;
		size_t		 len;
		uint64_t	 number;
	} pairs[LOG_PAIRS_MAX];
};

void	log_record_string(struct log_record *r, const char *key,
	    const char *value);
/* Nothing where there is no value, NULL or "". */
void	log_record_string_if(struct log_record *r, const char *key,
	    const char *value);
/* Of a text that need not end there. */
void	log_record_text(struct log_record *r, const char *key,
	    const char *text, size_t len);
/* Of a mail address, with or without a local part; route and all. */
void	log_record_address(struct log_record *r, const char *key,
	    const char *address, size_t len);
/* What a client calls itself; some give an address.  Nothing if empty. */
void	log_record_host(struct log_record *r, const char *key,
	    const char *host);
void	log_record_name(struct log_record *r, const char *key,
	    const char *name);
void	log_record_word(struct log_record *r, const char *key,
	    const char *word);
void	log_record_uint(struct log_record *r, const char *key, uint64_t value);
/* Repeats of a message are counted as those of log_write. */
void	log_record_write(const struct log_record *r, enum log_level level);

/*
 * Appends the pairs as a line has them, key=value.  What is printable
 * (util_print_length) stands for itself; a value that is empty or contains
 * blank, quote, backslash or equals sign is put in double quotes with \" and
 * \\; every other octet becomes \xNN.  A value over LOG_VALUE_MAX is cut and
 * ends in "...".  A pair that does not fit is left out, with those behind it.
 */
void	log_record_format(const struct log_record *r, struct sbuf *out);

/* The last lines of level error and warning. */
#define LOG_RECENT_MAX 32
#define LOG_RECENT_OCTETS 400
struct log_recent {
	int64_t		 time_s;	/* since 1970 */
	const char	*level;		/* static */
	char		 text[LOG_RECENT_OCTETS];	/* safe, and cut */
};
/* How many there are; the newest first.  Any thread. */
size_t	log_recent_read(struct log_recent out[LOG_RECENT_MAX]);

/*
 * For what is worth one line a long time: true at most once per interval_ms
 * for one object (zero-initialised, static storage, any thread).
 */
struct log_pause {
	_Atomic int64_t	 next_ms;
};

bool	log_is_due(struct log_pause *p, int64_t interval_ms);

#endif
