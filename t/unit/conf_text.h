/* SPDX-License-Identifier: BSD-2-Clause */
/* Configurations of texts, for tests. */

#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

/* conf_load of a file that has the len octets of text, and settings over it. */
static inline struct conf *
conf_from_text(const char *text, size_t len, const char *const *settings,
    struct diag *d)
{
	char path[40];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct conf *c = conf_load(path, settings, d);
	close(fd);
	return c;
}

#endif
