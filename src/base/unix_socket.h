/* SPDX-License-Identifier: BSD-2-Clause */
/* Unix sockets in folders of others, made by root for somebody else. */

#ifndef UNIX_SOCKET_H
#define UNIX_SOCKET_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/util.h"

struct unix_socket {
	int	 folder;		/* -1: there is no socket */
	char	*name;			/* in it */
	dev_t	 dev;
	ino_t	 ino;
};

#define UNIX_SOCKET_NONE { .folder = -1 }

/* What is wanted; texts are borrowed. */
struct unix_socket_wish {
	const char	*text;		/* what messages call it */
	const char	*path;		/* absolute */
	uid_t		 uid;		/* -1: as it comes */
	gid_t		 gid;
	const char	*group;		/* as messages call gid */
	mode_t		 mode;
	/* Makes it, by its name in the working directory.  False: errno. */
	bool		(*bind)(const char *name, void *arg);
	void		*arg;
};

/*
 * Makes a socket, which has its owner and mode when others see it.  What is
 * replaced is at most a socket that nobody serves.  False: d says why.  Changes
 * the working directory meanwhile: before threads.
 */
bool	unix_socket_make(struct unix_socket *s,
	    const struct unix_socket_wish *w, struct diag *d);
/* Whether it might, as far as this can be told without.  False: why not. */
#define UNIX_SOCKET_PROBLEM_SIZE 600
bool	unix_socket_check(const char *path,
	    char problem[UNIX_SOCKET_PROBLEM_SIZE]);
/* Unless it is another's by now.  Frees what s has. */
void	unix_socket_remove(struct unix_socket *s);

/* One that is connected to path; type with flags, as socket(2).  -1: errno. */
int	unix_socket_connect(const char *path, int type);

#endif
