/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking the running daemon, at its control socket. */

#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask_answer {
	unsigned	 status;	/* of HTTP */
	char		*text;		/* the caller frees it */
	size_t		 len;
};

/*
 * Sends one request, such as "POST" of "/reload", to the socket at path.
 * False: *problem says why there is no answer; problem of ASK_PROBLEM_SIZE.
 */
#define ASK_PROBLEM_SIZE 400
bool	ask_daemon(const char *path, const char *method, const char *route,
	    int64_t deadline_ms, struct ask_answer *out, char *problem);

#endif
