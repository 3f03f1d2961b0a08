/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of a list, whole, and line by line. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "policy/list_priv.h"

/* A pipe would let us wait. */
int
list_text_open(const char *path, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		diag_add(d, path, 0, "%s", confine_strerror(errno, path));
	else if (!S_ISREG(st.st_mode))
		diag_add(d, path, 0, "this is not a regular file");
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

char *
list_text_read(const char *path, struct diag *d)
{
	int fd = list_text_open(path, d);

	if (fd < 0)
		return NULL;
	char *text = util_read_text(fd, LIST_OCTETS_MAX);
	if (text == NULL)
		diag_add(d, path, 0, "%s", errno == EFBIG ?
		    "this list is over 64 MB" : errno == EILSEQ ?
		    "this is not a text: it has NUL octets" :
		    strerror(errno));
	close(fd);
	return text;
}

char *
list_text_line(char **text, unsigned *line)
{
	char *begin = *text;
	size_t len = strcspn(begin, "\n");

	if (begin[0] == '\0')
		return NULL;
	*text += len + (begin[len] == '\n');
	begin[len] = '\0';
	++*line;
	return begin;
}
