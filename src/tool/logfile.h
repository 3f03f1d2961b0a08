/* SPDX-License-Identifier: BSD-2-Clause */
/* A log file, compressed or not. */

#ifndef LOGFILE_H
#define LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct logfile;

/*
 * name "-" is standard input, which is not unpacked.  A file of gzip, bzip2,
 * xz or zstd is unpacked by that program, which is started for it.  NULL: there
 * is no such file, or no such program (errno).
 */
struct logfile	*logfile_open(const char *name);
/* Frees it.  False: the program has failed, so it is not the whole log. */
bool		 logfile_close(struct logfile *f);

/* Octets read, 0 at the end, -1: errno. */
ssize_t		 logfile_read(struct logfile *f, char *out, size_t size);
/* How much of the file is read, from 0 to 1; below 0: not known. */
double		 logfile_share(const struct logfile *f);

#endif
