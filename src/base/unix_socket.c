/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A socket is made in a folder of its own beside its place, gets owner, group
 * and mode there and is then put in its place.  In a folder of others somebody
 * could put a link in the way of what root gives away (path.c).
 */

#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/unix_socket.h"

#define OWN_NAME_SIZE 48
#define OWN_TRIES 100

/* What act does within a folder. */
static bool
act_in(int dir, bool (*act)(const char *name, void *arg), const char *name,
    void *arg)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	errno = 0;
	bool done = fchdir(dir) == 0 && act(name, arg);
	int error = errno;
	if ((back < 0 || fchdir(back) != 0) && chdir("/") != 0)
		done = false;
	if (back >= 0)
		close(back);
	errno = error;
	return done;
}

int
unix_socket_connect(const char *path, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (!util_copy(sun.sun_path, sizeof(sun.sun_path), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, type, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/*
 * A server whose queue is full is one, and is not waited for; so is one that
 * takes datagrams, such as syslog.
 */
static bool
is_served(const char *name, void *arg)
{
	int fd = unix_socket_connect(name,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)arg;
	if (fd < 0)
		return errno == EAGAIN || errno == EPROTOTYPE;
	close(fd);
	return true;
}

/* What stands in the way; NULL: nothing. */
static const char *
obstacle_to(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISSOCK(st.st_mode) ? NULL : "is there and is not a socket";
}

bool
unix_socket_check(const char *path, char problem[UNIX_SOCKET_PROBLEM_SIZE])
{
	struct sbuf sb;
	const char *name;
	int folder = path_open_folder(path, &name);
	int error = errno;

	sbuf_init(&sb, problem, UNIX_SOCKET_PROBLEM_SIZE);
	if (folder < 0) {
		sbuf_fmt(&sb, "%.*s: %s", name > path + 1 ?
		    (int)(name - path - 1) : 1, path, error == ELOOP ?
		    "a symbolic link of another user is on the way" :
		    strerror(error));
		return false;
	}
	const char *obstacle = obstacle_to(folder, name);
	close(folder);
	if (obstacle != NULL)
		sbuf_fmt(&sb, "%s %s", path, obstacle);
	return obstacle == NULL;
}

static bool
set_owner(const struct unix_socket_wish *w, int dir, const char *name,
    struct diag *d)
{
	if (fchownat(dir, name, w->uid, w->gid, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fchmodat(dir, name, w->mode, 0) == 0)
		return true;
	diag_add(d, NULL, 0, "%s: cannot set owner, group %s and mode %04o: "
	    "%s", w->text, w->group, (unsigned)w->mode, strerror(errno));
	return false;
}

static bool
cannot_listen(const struct unix_socket_wish *w, int error, struct diag *d)
{
	diag_add(d, NULL, 0, "cannot listen on %s: %s", w->text,
	    error != 0 ? strerror(error) : "libmilter gave no reason");
	return false;
}

/* In the folder dir, which only we may enter. */
static bool
make_socket(struct unix_socket *s, const struct unix_socket_wish *w, int dir,
    struct diag *d)
{
	struct stat st;

	if (!act_in(dir, w->bind, s->name, w->arg))
		return cannot_listen(w, errno, d);
	if (!set_owner(w, dir, s->name, d))
		return false;
	if (fstatat(dir, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return cannot_listen(w, errno, d);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return true;
}

/* Within the one of the socket.  -1: errno, which may be a stranger's doing. */
static int
make_own_folder(int folder, char name[OWN_NAME_SIZE])
{
	struct stat st;
	struct sbuf sb;
	int made = -1;

	for (unsigned i = 0; made != 0 && i < OWN_TRIES; i++) {
		sbuf_init(&sb, name, OWN_NAME_SIZE);
		sbuf_fmt(&sb, ".spf-milter.%ld.%u", (long)getpid(), i);
		made = mkdirat(folder, name, 0700);
		if (made != 0 && errno != EEXIST)
			break;
	}
	if (made != 0)
		return -1;
	int fd = openat(folder, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 077) == 0))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static bool
put_in_place(struct unix_socket *s, const struct unix_socket_wish *w,
    struct diag *d)
{
	char own_name[OWN_NAME_SIZE];
	int own = make_own_folder(s->folder, own_name);

	if (own < 0)
		return cannot_listen(w, errno, d);
	bool made = make_socket(s, w, own, d);
	if (made && renameat(own, s->name, s->folder, s->name) != 0)
		made = cannot_listen(w, errno, d);
	if (!made)
		(void)unlinkat(own, s->name, 0);
	close(own);
	(void)unlinkat(s->folder, own_name, AT_REMOVEDIR);
	return made;
}

/* What is there is replaced only if it is a socket that nobody serves. */
static bool
is_free(const struct unix_socket *s, const char *path, struct diag *d)
{
	const char *obstacle = obstacle_to(s->folder, s->name);

	if (obstacle != NULL) {
		diag_add(d, NULL, 0, "%s %s", path, obstacle);
		return false;
	}
	if (!act_in(s->folder, is_served, s->name, NULL))
		return true;
	diag_add(d, NULL, 0, "%s: another program answers on this socket",
	    path);
	return false;
}

bool
unix_socket_make(struct unix_socket *s, const struct unix_socket_wish *w,
    struct diag *d)
{
	const char *name;

	s->name = NULL;
	s->folder = path_open_folder(w->path, &name);
	if (s->folder < 0)
		return cannot_listen(w, errno, d);
	s->name = xstrdup(name);
	if (is_free(s, w->path, d) && put_in_place(s, w, d))
		return true;
	close(s->folder);
	s->folder = -1;
	free(s->name);
	s->name = NULL;
	return false;
}

void
unix_socket_remove(struct unix_socket *s)
{
	struct stat st;

	if (s->folder < 0)
		return;
	if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlinkat(s->folder, s->name, 0);
	close(s->folder);
	s->folder = -1;
	free(s->name);
	s->name = NULL;
}
