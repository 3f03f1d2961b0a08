/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, syslog or standard error, escaping, rate limits. */

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

enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

/* Longest value from outside that a line shows, in octets of the value. */
#define LOG_VALUE_MAX 200

/*
 * Before log_open, lines go to standard error at level info.  facility is a
 * syslog(3) facility and used for LOG_TARGET_SYSLOG only.  From here on the
 * reason goes to the log, too, where the program ends itself (util_die).  Call
 * before any thread exists.
 */
void	log_open(enum log_target target, int facility);

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

/* One line, without a newline; cut at about 2,000 octets.  Any thread. */
void	log_write(enum log_level level, const char *fmt, ...)
	    UTIL_PRINTF(2, 3);
/* The same, without a format. */
void	log_text(enum log_level level, const char *text);

/* A line an entry, behind "what: " unless that is NULL. */
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
 * A line of pairs, from { .count = 0 }.  They are collected, and formatted when
 * the line is written; until then texts are borrowed.  Long values come last:
 * lines are cut.
 */
#define LOG_PAIRS_MAX 32

enum log_kind {
	LOG_STRING,	/* from outside: escaped, cut at LOG_VALUE_MAX */
	LOG_WORD,	/* one of ours, without blanks */
	LOG_UNSIGNED
};

struct log_record {
	size_t		 count;
	struct log_pair {
		const char	*key;
		enum log_kind	 kind;
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
void	log_record_word(struct log_record *r, const char *key,
	    const char *word);
void	log_record_uint(struct log_record *r, const char *key, uint64_t value);
void	log_record_write(const struct log_record *r, enum log_level level);

/*
 * Appends one string as a line has it: " key=value" (no blank before the
 * first).  What is printable (util_print_length) stands for itself; a value
 * that is empty or contains blank, quote, backslash or equals sign is put in
 * double quotes with \" and \\; every other octet becomes \xNN.  A value over
 * LOG_VALUE_MAX is cut and ends in "...".
 */
void	log_pair(struct sbuf *out, const char *key, const char *value);

/*
 * At most one line per interval_ms for one limit object (zero-initialised,
 * static storage, any thread).  True: write it; *suppressed is how many were
 * not written since the last one.
 */
struct log_limit {
	_Atomic int64_t	 next_ms;
	_Atomic unsigned suppressed;
};

bool	log_limit_pass(struct log_limit *l, int64_t interval_ms,
	    unsigned *suppressed);

#endif
