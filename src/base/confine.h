/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process can still do, taken down to what it needs; see confine.c. */

#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

enum confine_part {
	CONFINE_NO_NEW_PRIVS,	/* no program gives more rights */
	CONFINE_SECCOMP,	/* no system call but those of the filter */
	CONFINE_LANDLOCK,	/* no file, TCP port or signal but ours */
	CONFINE_NON_DUMPABLE,	/* no core, nobody traces or reads us */
	CONFINE_PARTS
};

#define CONFINE_REASON_SIZE 120
#define CONFINE_USER_SIZE 40

struct confine_report {
	bool		entered;	/* it was asked for */
	char		user[CONFINE_USER_SIZE];	/* or its number */
	bool		holds[CONFINE_PARTS];
	unsigned	landlock;	/* version of the kernel's; 0: none */
	char		missing[CONFINE_PARTS][CONFINE_REASON_SIZE];
};

/* What a process still needs. */
struct confine;

/* False: this build cannot take anything away. */
bool		 confine_is_built(void);

struct confine	*confine_new(void);
void		 confine_free(struct confine *c);	/* NULL allowed */

/*
 * Reads path and what is below it, where it is there at all; writes, too, if it
 * is a device.
 */
void		 confine_read(struct confine *c, const char *path);
void		 confine_write(struct confine *c, const char *path);
/*
 * Reads what is below the folder that a file stands in, and that of the file
 * that it leads to if it is a link, so that another file may take its place.
 * In "/" it is the file alone.
 */
void		 confine_read_beside(struct confine *c, const char *path);
/* Removes files below the folder that a file stands in. */
void		 confine_remove_beside(struct confine *c, const char *path);
/* Connects to this port by TCP, of any host; listens on it, too. */
void		 confine_connect(struct confine *c, uint16_t port);
void		 confine_listen(struct confine *c, uint16_t port);
/* What any program with the libraries of this system reads. */
void		 confine_read_system(struct confine *c);
/* It makes no sockets any more. */
void		 confine_no_sockets(struct confine *c);

/*
 * For good, for this thread and all that it starts: before there are others.
 * c is kept for confine_strerror.  What does not hold is said in out, and no
 * error.  Only once.
 */
void		 confine_enter(struct confine *c, struct confine_report *out);

/* "no_new_privs seccomp landlock=7 non-dumpable": what holds. */
void		 confine_format(const struct confine_report *r,
		    struct sbuf *out);
/* The name of a part as above, without "=". */
const char	*confine_part_name(enum confine_part p);

/* What holds, as a notice, and a warning for each part that does not. */
void		 confine_log(const struct confine_report *r);

/* As strerror(3), and that path is out of reach for us where that is why. */
const char	*confine_strerror(int error, const char *path);
/* False: we are confined, and it was not among the ports. */
bool		 confine_may_connect(uint16_t port);

#endif
