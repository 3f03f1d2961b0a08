/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of log: lines on their way, and who takes them. */

#ifndef LOG_PRIV_H
#define LOG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* A line that is safe anywhere; it is formatted where it is sent. */
struct log_line {
	int64_t		 time_s;	/* of the day, when it was logged */
	enum log_level	 level;
	size_t		 len;
	const char	*text;		/* not terminated */
};

#define LOG_LINE_OCTETS 2000

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
/* Until when a sink that takes nothing is waited for; any thread. */
void	 log_sink_wait_until(int64_t deadline_ms);
/*
 * Where the line is still to go that ends the program, at once or not at all,
 * beside whoever uses the sink; sent: the queue has sent it.
 */
void	 log_sink_send_last(const struct log_line *line, bool sent);

#endif
