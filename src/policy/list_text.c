/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of a list, whole, and line by line. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/list_priv.h"

/* NULL: errno.  At least size octets are read, if there are as many. */
static char *
read_octets(int fd, size_t size, size_t *len)
{
	char *octets = xreallocarray(NULL, size + 1, 1);
	size_t have = 0;
	ssize_t n = 1;

	while (have < size && n != 0) {
		n = read(fd, octets + have, size - have);
		if (n < 0 && errno != EINTR) {
			free(octets);
			return NULL;
		}
		have += n > 0 ? (size_t)n : 0;
	}
	octets[have] = '\0';
	*len = have;
	return octets;
}

/* A pipe would let us wait. */
char *
list_text_read(const char *path, size_t *len, struct diag *d)
{
	const char *problem = NULL;
	char *octets = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) != 0)
		problem = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		problem = "this is not a regular file";
	else if (st.st_size > LIST_OCTETS_MAX)
		problem = "this list is over 64 MB";
	else if ((octets = read_octets(fd, (size_t)st.st_size, len)) == NULL)
		problem = strerror(errno);
	if (problem != NULL)
		diag_add(d, path, 0, "%s", problem);
	if (fd >= 0)
		close(fd);
	return octets;
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
