/* SPDX-License-Identifier: BSD-2-Clause */
/* Standard error as a text, for tests. */

#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>
#include <unistd.h>

#include "unit.h"

struct capture {
	int	saved;
	FILE	*file;
	char	text[8192];
};

/* Standard error goes to a file from here to capture_text. */
static inline void
capture_stderr(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	fflush(stderr);
	c->saved = dup(STDERR_FILENO);
	assert_true(c->saved >= 0);
	assert_true(dup2(fileno(c->file), STDERR_FILENO) >= 0);
}

/* What was written; as long as c. */
static inline const char *
capture_text(struct capture *c)
{
	fflush(stderr);
	assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
	close(c->saved);
	rewind(c->file);
	size_t n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
	return c->text;
}

#endif
