/* SPDX-License-Identifier: BSD-2-Clause */
/* A log file, compressed or not. */

/*
 * Whoever compresses logs has the program that unpacks them.  A library for
 * it would be one more in the memory of a daemon that never needs it.
 */

#include "config.h"

#include "tool/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

extern char **environ;

struct logfile {
	int	file;		/* as it is; its position is shared with the
				 * program */
	int	text;		/* the same, or what the program writes */
	pid_t	program;	/* 0: none */
	bool	ended;		/* all of text is read */
	off_t	size;		/* 0: not known */
};

static const struct packing {
	const char	*magic;
	size_t		 len;
	const char	*program;
} packings[] = {
	{ "\x1f\x8b", 2, "gzip" },
	{ "BZh", 3, "bzip2" },
	{ "\xfd" "7zXZ\0", 6, "xz" },
	{ "\x28\xb5\x2f\xfd", 4, "zstd" },
};

static const char *
packed_by(int file)
{
	char start[6];
	ssize_t n = pread(file, start, sizeof(start), 0);

	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++)
		if (n >= (ssize_t)packings[i].len && memcmp(start,
		    packings[i].magic, packings[i].len) == 0)
			return packings[i].program;
	return NULL;
}

/* False: errno. */
static bool
unpack(struct logfile *f, const char *program)
{
	char *const argv[] = { (char *)(uintptr_t)program,
		(char *)(uintptr_t)"-dcq", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2];

	if (pipe(ends) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, f->file, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	int error = posix_spawnp(&f->program, program, &actions, NULL, argv,
	    environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error != 0) {
		close(ends[0]);
		f->program = 0;
		errno = error;
		return false;
	}
	f->text = ends[0];
	return true;
}

struct logfile *
logfile_open(const char *name)
{
	struct logfile *f = xcalloc(1, sizeof(*f));
	struct stat st;

	if (strcmp(name, "-") == 0) {
		f->file = f->text = STDIN_FILENO;
		return f;
	}
	f->file = f->text = open(name, O_RDONLY | O_CLOEXEC);
	if (f->file >= 0 && fstat(f->file, &st) == 0) {
		const char *program = packed_by(f->file);
		f->size = st.st_size;
		if (program == NULL || unpack(f, program))
			return f;
	}
	int error = errno;
	if (f->file >= 0)
		close(f->file);
	free(f);
	errno = error;
	return NULL;
}

bool
logfile_close(struct logfile *f)
{
	int status = 0;

	if (f->text != f->file)
		close(f->text);
	if (f->file != STDIN_FILENO)
		close(f->file);
	while (f->program != 0 && waitpid(f->program, &status, 0) < 0 &&
	    errno == EINTR)
		;
	/* Who stops early stops the program. */
	bool whole = status == 0 || !f->ended;
	free(f);
	return whole;
}

ssize_t
logfile_read(struct logfile *f, char *out, size_t size)
{
	ssize_t n;

	do
		n = read(f->text, out, size);
	while (n < 0 && errno == EINTR);
	f->ended = n == 0;
	return n;
}

double
logfile_share(const struct logfile *f)
{
	off_t at = f->size > 0 ? lseek(f->file, 0, SEEK_CUR) : -1;

	return at >= 0 ? (double)at / (double)f->size : -1;
}
