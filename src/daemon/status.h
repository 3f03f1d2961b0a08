/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the running daemon, as JSON and for people. */

#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stdio.h>

/* The daemon has started: on the first thread, before status_write. */
void	status_begin(void);
/* One JSON object in a line; on one thread, which waits for nothing. */
void	status_write(FILE *out);

/* Such an object for people.  False: it is none. */
bool	status_show(const char *json, FILE *out);

#endif
