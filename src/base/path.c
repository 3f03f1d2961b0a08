/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root makes files in folders that others own, who must not be able to turn
 * that against another file.  So a path is walked by descriptors, part by
 * part, and what is done there is done beside the last of them.
 */

#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/util.h"

/* The sticky bit does not count: anybody may put a link into /tmp. */
static bool
is_ours(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* O_NOFOLLOW says of a link that it is not a folder. */
static bool
is_link(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode);
}

/* A folder within folder, which is closed; -1: errno. */
static int
enter(int folder, const char *name)
{
	int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	bool follow = is_ours(folder);
	int fd = openat(folder, name, follow ? flags : flags | O_NOFOLLOW);
	int error = errno;

	if (fd < 0 && error == ENOTDIR && !follow && is_link(folder, name))
		error = ELOOP;
	close(folder);
	errno = error;
	return fd;
}

int
path_open_folder(const char *path, const char **name)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	for (path++; fd >= 0 && (slash = strchr(path, '/')) != NULL;
	    path = slash + 1) {
		if (slash == path)
			continue;
		char *part = xstrndup(path, (size_t)(slash - path));
		fd = enter(fd, part);
		free(part);
	}
	*name = path;
	return fd;
}
