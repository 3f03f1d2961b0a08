/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef REMOTE_PRIV_H
#define REMOTE_PRIV_H

#include "daemon/ask.h"
#include "daemon/status.h"

/*
 * False: problem of ASK_PROBLEM_SIZE says why.  The caller frees the text and
 * the document that it is.
 */
bool	remote_read_status(const char *path, int64_t deadline_ms,
	    struct status_reading *out, char **text, char *problem);

#endif
