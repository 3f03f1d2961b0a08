/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root makes files in folders that others own, who must not be able to turn
 * that against another file.  So a path is walked by descriptors, part by
 * part, and what is done there is done beside the last of them.  A link of ours
 * may lead through folders of others, so the kernel never follows one: its text
 * is walked like the path.
 */

#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/util.h"

#define FOLDER (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* As many as the kernel follows. */
#define LINKS_MAX 40

/* The sticky bit does not count: anybody may put a link into /tmp. */
static bool
is_ours(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int
fail(int folder, int error)
{
	close(folder);
	errno = error;
	return -1;
}

/* Where a link leads, to be freed; NULL: it is none. */
static char *
read_link(int folder, const char *name)
{
	char *text = xcalloc(1, PATH_MAX);

	if (readlinkat(folder, name, text, PATH_MAX - 1) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int walk(int folder, const char *way, unsigned *links);

static int
follow(int folder, const char *text, unsigned *links)
{
	if (!is_ours(folder))
		return fail(folder, ELOOP);
	if ((*links)++ == LINKS_MAX)
		return fail(folder, EMLINK);
	if (text[0] == '/') {
		close(folder);
		folder = open("/", FOLDER);
	}
	return walk(folder, text, links);
}

/* O_NOFOLLOW says of a link that it is not a folder. */
static int
enter(int folder, const char *name, unsigned *links)
{
	int fd = openat(folder, name, FOLDER | O_NOFOLLOW);
	int error = errno;
	char *text = fd < 0 && error == ENOTDIR ? read_link(folder, name) :
	    NULL;

	if (text != NULL) {
		fd = follow(folder, text, links);
		free(text);
		return fd;
	}
	close(folder);
	errno = error;
	return fd;
}

/* All parts of way from folder on, which is closed; -1: errno. */
static int
walk(int folder, const char *way, unsigned *links)
{
	while (folder >= 0 && *way != '\0') {
		size_t length = strcspn(way, "/");
		if (length > 0) {
			char *part = xstrndup(way, length);
			folder = enter(folder, part, links);
			free(part);
		}
		way += length + strspn(way + length, "/");
	}
	return folder;
}

int
path_open_folder(const char *path, const char **name)
{
	unsigned links = 0;

	*name = strrchr(path, '/') + 1;
	char *way = xstrndup(path, (size_t)(*name - path));
	int fd = walk(open("/", FOLDER), way, &links);
	free(way);
	return fd;
}
