/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the running daemon, as JSON and for people. */

#ifndef STATUS_H
#define STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tool/screen.h"
#include "tool/terminal.h"

/* The daemon has started: on the first thread, before status_write. */
void	status_begin(void);
/* One JSON object in a line; on one thread, which waits for nothing. */
void	status_write(FILE *out);

/* Such an object, and when it came. */
struct status_reading {
	json_t	*document;	/* NULL: there is none yet */
	int64_t	 at_ms;		/* util_now_ms */
};

/* All of it in lines for people, as long as they become. */
void	status_show(const json_t *document, FILE *out);

/*
 * A picture of it that fits size, the most important first; lines that end
 * with \n.  before: the one that rates are made with, or NULL: they are since
 * the start.  trouble: why there is no newer one, or NULL.
 */
void	status_draw(const struct status_reading *now,
	    const struct status_reading *before, struct screen_size size,
	    const char *trouble, const struct terminal *t);

#endif
