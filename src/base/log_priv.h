/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of log: lines on their way, and who takes them. */

#ifndef LOG_PRIV_H
#define LOG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/*
 * A line as it is queued: its message and pairs one after the other, to be
 * formatted where it is sent.  Texts are raw but for the message, which is safe
 * anywhere; keys and levels are static.
 */
struct log_line {
	int64_t		 time_ms;	/* since 1970, when it was logged */
	enum log_level	 level;
	enum log_event	 event;
	size_t		 len;
	const char	*fields;
};

#define LOG_LINE_OCTETS 2000		/* of text */
#define LOG_JSON_OCTETS 4000		/* of an object; PIPE_BUF is 4,096 */
#define LOG_PAIR_OCTETS 16		/* of a pair, beside its text */
/* A message, and as many pairs as there can be. */
#define LOG_FIELDS_OCTETS (LOG_LINE_OCTETS + LOG_PAIR_OCTETS + \
	LOG_PAIRS_MAX * (LOG_VALUE_MAX + LOG_PAIR_OCTETS) + 1)

extern const struct log_level_name {
	const char	*prefix;	/* of a text */
	const char	*name;
	int		 priority;	/* of syslog(3) */
} log_levels[];

extern const struct log_event_name {
	const char	*name;		/* NULL: it has none */
	const char	*id;		/* MESSAGE_ID of the journal */
} log_events[LOG_EVENT_COUNT];

/* Appends a pair; cuts its text at LOG_VALUE_MAX if it is a string. */
void	 log_line_put(struct sbuf *fields, const struct log_pair *p);
/* The next pair at *at, which begins with line->fields; false: the end. */
bool	 log_line_next(const struct log_line *line, const char **at,
	    struct log_pair *p);
/* A line of now; fields are borrowed. */
struct log_line log_line_new(enum log_level level, enum log_event event,
	    const struct sbuf *fields);
/* A line of a message alone, in storage; message is safe anywhere. */
struct log_line log_line_of(enum log_level level, enum log_event event,
	    const char *message, struct sbuf *storage);

/*
 * Forms of a line.  Each appends it without an end; the text without what is
 * ours alone, such as a time, the others whole.
 */
void	 log_text_put(struct sbuf *out, const struct log_line *line);
void	 log_text_put_pair(struct sbuf *out, const struct log_pair *p);
/* The value alone; put_string for what may come from outside. */
void	 log_text_put_value(struct sbuf *out, const struct log_pair *p,
	    void (*put_string)(struct sbuf *out, const struct log_pair *p));
/* Octets of raw as one text that is safe anywhere and keeps its escapes. */
void	 log_text_make_safe(struct sbuf *out, const char *raw, size_t len);
/* A string as the text has it, without quotes: \xNN, and \\ for \. */
void	 log_text_escape(struct sbuf *out, const struct log_pair *p);
void	 log_json_put(struct sbuf *out, const struct log_line *line);
void	 log_journal_put(struct sbuf *out, const struct log_line *line,
	    int facility);

/*
 * Repeats.  log_limit_takes: whether one more line of a kind is to be written,
 * at now_ms; text is what it is called by later.  log_limit_tell: appends what
 * is to be said of a kind that is over, or of any if at_end; false: nothing.
 * log_limit_due: when there may be something to tell, INT64_MAX: never.
 */
#define LOG_LIMIT_LINES 6
#define LOG_LIMIT_MS 60000
bool	 log_limit_takes(const char *kind, int64_t now_ms);
void	 log_limit_call(const char *kind, const char *text);
bool	 log_limit_tell(int64_t now_ms, bool at_end, struct sbuf *out);
int64_t	 log_limit_due(void);

/*
 * Appends what stands in place of an address at this time, see log_privacy: *
 * or its hash, and the domain, which is what stands behind the last @; of a
 * name the last two labels, and of those nothing before an @.
 */
#define LOG_PRIVACY_OCTETS (LOG_VALUE_MAX + 32)
void	 log_privacy_put(struct sbuf *out, const char *address, size_t len,
	    int64_t time_ms);
void	 log_privacy_put_name(struct sbuf *out, const char *name);

/* Keeps it for log_recent_read if it is of trouble.  Any thread. */
void	 log_recent_note(const struct log_line *line);
void	 log_recent_forget(void);

/* To the queue, or to the sink where there is none. */
void	 log_emit(const struct log_line *line);

/*
 * The queue.  False: there is no writer, the caller sends the line itself.
 * What the queue has no room for is counted.  Any thread, never waits.
 */
bool	log_queue_put(const struct log_line *line);
/*
 * The writer sends what is queued and this line.  False: it could not in
 * time.  Any thread, takes no lock and no memory.
 */
bool	log_queue_put_last(const struct log_line *line);

/*
 * The sink, which one thread uses at a time: lines that are added are sent in
 * few pieces, the last by log_sink_flush.  The results are how many lines are
 * lost for good.
 */
void	 log_sink_open(enum log_target target, int facility);
unsigned log_sink_add(const struct log_line *line);
unsigned log_sink_flush(void);
/* Octets that it has taken so far. */
uint64_t log_sink_taken(void);
/* Until when a sink that takes nothing is waited for; any thread. */
void	 log_sink_wait_until(int64_t deadline_ms);
/*
 * Where the line is still to go that ends the program, at once or not at all,
 * beside whoever uses the sink; sent: the queue has sent it.
 */
void	 log_sink_send_last(const struct log_line *line, bool sent);

#endif
