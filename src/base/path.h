/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in folders of others. */

#ifndef PATH_H
#define PATH_H

/*
 * The folder that an absolute path leads to the last part of, which *name
 * points to in path.  Links, also those that a link leads to, are followed
 * only where nobody but root, and we, can put them.  A descriptor for openat(2)
 * and the like; -1: errno, ELOOP where there is a link of somebody else, EMLINK
 * where there are more than 40 of ours.
 */
int	path_open_folder(const char *path, const char **name);

#endif
