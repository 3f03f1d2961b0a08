/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files.  The mode of the open descriptor is looked at, not that of the
 * path, so that what is checked is what is read.
 */

#include "config.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/key.h"

/*
 * systemd gives a service its credentials by an access control list, which
 * makes the mode of a file that is root's alone 0440.
 */
static bool
is_credential(const struct stat *st)
{
	return st->st_uid == 0 && st->st_gid == 0 &&
	    (st->st_mode & 07777) == 0440;
}

static const char *
problem_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "this is no plain file";
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && !is_credential(&st))
		return "others than its owner may use it; chmod 600 it";
	if (st.st_size != KEY_SIZE)
		return "a key has 32 octets; spf-why --new-key makes one";
	return NULL;
}

const char *
key_read(const char *path, uint8_t key[KEY_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return confine_strerror(errno, path);
	const char *problem = problem_of(fd);
	if (problem == NULL && read(fd, key, KEY_SIZE) != KEY_SIZE)
		problem = "it cannot be read as a whole";
	close(fd);
	return problem;
}

static bool
fill(int fd)
{
	uint8_t key[KEY_SIZE];
	bool filled = getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key) &&
	    write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) &&
	    fsync(fd) == 0;

	explicit_bzero(key, sizeof(key));
	return filled;
}

const char *
key_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return strerror(errno);
	const char *problem = fill(fd) ? NULL : strerror(errno);
	close(fd);
	if (problem != NULL)
		(void)unlink(path);
	return problem;
}
