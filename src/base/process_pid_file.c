/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pid file.  Root may write it into a folder of the user that the daemon
 * runs as (path.c), so what is there already is taken over only if it is a
 * plain file of a daemon that is gone.  A lock tells a living one; so does the
 * number of a process that began before the file was written, for not every
 * daemon locks.  A number that has been given to a process since tells nothing.
 */

#include "config.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "base/process.h"
#include "base/util.h"

#define PID_MAX_DIGITS 10
/* Clocks are set, and those of files and of processes tick apart. */
#define CLOCKS_DIFFER_MS 1000

/* Before threads and after them. */
static struct {
	int	 folder;
	char	*name;		/* in folder */
	int	 fd;		/* locked; -1: there is no file */
} pid_file = { .folder = -1, .fd = -1 };

static int64_t
in_ms(clockid_t clock)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * When a process began, by the clock of files, in milliseconds; -1: there is
 * none.
 */
static int64_t
begin_of(uint64_t pid)
{
	char path[32];
	char text[1024];
	struct sbuf sb;
	uint64_t ticks;

	sbuf_init(&sb, path, sizeof(path));
	sbuf_str(&sb, "/proc/");
	sbuf_uint(&sb, pid);
	sbuf_str(&sb, "/stat");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name of the program may hold anything: count from its end. */
	const char *field = strrchr(text, ')');
	for (int i = 0; i < 20 && field != NULL; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL || !util_parse_uint(field + 1,
	    strcspn(field + 1, " "), INT64_MAX / 1000, &ticks))
		return -1;
	return in_ms(CLOCK_REALTIME) - in_ms(CLOCK_BOOTTIME) +
	    (int64_t)ticks * 1000 / sysconf(_SC_CLK_TCK);
}

static bool
refuse(char problem[PROCESS_PROBLEM_SIZE], const char *why)
{
	util_copy(problem, PROCESS_PROBLEM_SIZE, why);
	return false;
}

/* Whether what stands in the file is of a daemon that is gone, or of us. */
static bool
is_left_over(int fd, const struct stat *st, char problem[PROCESS_PROBLEM_SIZE])
{
	char text[PID_MAX_DIGITS + 2];
	uint64_t pid;
	ssize_t n = pread(fd, text, sizeof(text), 0);

	if (n == 0)
		return true;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n < 0 || !util_parse_uint(text, (size_t)n, INT32_MAX, &pid))
		return refuse(problem, "holds something else");
	int64_t begin_ms = begin_of(pid);
	int64_t written_ms = (int64_t)st->st_mtim.tv_sec * 1000 +
	    st->st_mtim.tv_nsec / 1000000;
	if (begin_ms < 0 || begin_ms > written_ms + CLOCKS_DIFFER_MS ||
	    pid == (uint64_t)getpid())
		return true;
	struct sbuf sb;
	sbuf_init(&sb, problem, PROCESS_PROBLEM_SIZE);
	sbuf_fmt(&sb, "is of process %u, which is running", (unsigned)pid);
	return false;
}

/* Whether an open file may become ours, as far as the file itself tells. */
static bool
is_plain(int fd, struct stat *st, char problem[PROCESS_PROBLEM_SIZE])
{
	if (fstat(fd, st) != 0)
		return refuse(problem, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return refuse(problem, "is not a plain file");
	if (st->st_nlink > 1)
		return refuse(problem, "has a second name, a hard link");
	return true;
}

static const char *
open_problem(int error)
{
	return error == ELOOP ? "is a symbolic link" : strerror(error);
}

/* Whether the name still stands for the file that is open. */
static bool
is_still_there(const struct stat *st)
{
	struct stat now;

	return fstatat(pid_file.folder, pid_file.name, &now,
	    AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == st->st_dev &&
	    now.st_ino == st->st_ino;
}

static void
close_all(void)
{
	if (pid_file.fd >= 0)
		close(pid_file.fd);
	if (pid_file.folder >= 0)
		close(pid_file.folder);
	free(pid_file.name);
	pid_file.fd = pid_file.folder = -1;
	pid_file.name = NULL;
}

/* The file, locked.  One that its daemon has just removed is left alone. */
static bool
take(char problem[PROCESS_PROBLEM_SIZE])
{
	struct stat st;

	do {
		if (pid_file.fd >= 0)
			close(pid_file.fd);
		pid_file.fd = openat(pid_file.folder, pid_file.name, O_RDWR |
		    O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
		if (pid_file.fd < 0)
			return refuse(problem, open_problem(errno));
		if (!is_plain(pid_file.fd, &st, problem))
			return false;
		if (flock(pid_file.fd, LOCK_EX | LOCK_NB) != 0 &&
		    errno == EWOULDBLOCK)
			return refuse(problem,
			    "is locked by a daemon that is running");
	} while (!is_still_there(&st));
	return is_left_over(pid_file.fd, &st, problem);
}

bool
process_write_pid_file(const char *path, char problem[PROCESS_PROBLEM_SIZE])
{
	const char *name;

	if (path[0] == '\0')
		return true;
	pid_file.folder = path_open_folder(path, &name);
	if (pid_file.folder < 0)
		return refuse(problem, open_problem(errno));
	pid_file.name = xstrdup(name);
	if (!take(problem)) {
		close_all();
		return false;
	}
	if (ftruncate(pid_file.fd, 0) != 0 ||
	    dprintf(pid_file.fd, "%ld\n", (long)getpid()) < 0) {
		refuse(problem, strerror(errno));
		process_remove_pid_file();
		return false;
	}
	return true;
}

bool
process_check_pid_file(const char *path, char problem[PROCESS_PROBLEM_SIZE])
{
	const char *name;
	struct stat st;

	if (path[0] == '\0')
		return true;
	int folder = path_open_folder(path, &name);
	if (folder < 0)
		return refuse(problem, open_problem(errno));
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	int error = errno;
	close(folder);
	if (fd < 0)
		return error == ENOENT ? true :
		    refuse(problem, open_problem(error));
	/* A daemon of ours that runs has it locked. */
	bool good = is_plain(fd, &st, problem) &&
	    (flock(fd, LOCK_EX | LOCK_NB) != 0 ||
	    is_left_over(fd, &st, problem));
	close(fd);
	return good;
}

void
process_remove_pid_file(void)
{
	struct stat st;

	if (pid_file.fd < 0)
		return;
	if (fstat(pid_file.fd, &st) != 0 || !is_still_there(&st) ||
	    unlinkat(pid_file.folder, pid_file.name, 0) != 0) {
		int ignored = ftruncate(pid_file.fd, 0);
		(void)ignored;
	}
	close_all();
}
