/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running daemon says of itself, as a document. */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "daemon/remote_priv.h"

bool
remote_read_status(const char *path, int64_t deadline_ms,
    struct status_reading *out, char **text, char *problem)
{
	struct ask_answer a;

	if (!ask_daemon(path, "GET", "/status", deadline_ms, &a, problem))
		return false;
	out->document = a.status == 200 ? json_loads(a.text,
	    JSON_REJECT_DUPLICATES, NULL) : NULL;
	out->at_ms = util_now_ms();
	if (json_is_object(out->document)) {
		*text = a.text;
		return true;
	}
	json_decref(out->document);
	free(a.text);
	snprintf(problem, ASK_PROBLEM_SIZE,
	    "the daemon gives an answer of another version");
	return false;
}
