/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file in memory.  Libraries that map files need it: one that is cut while
 * it is mapped ends the program.
 */

#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/list_priv.h"

int
list_copy(int from)
{
	int fd = memfd_create("list", MFD_CLOEXEC);
	char octets[65536];
	size_t size = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(from, octets, sizeof(octets))) > 0) {
		size += (size_t)n;
		if (size > LIST_OCTETS_MAX)
			errno = EFBIG;
		if (size > LIST_OCTETS_MAX || write(fd, octets, (size_t)n) != n)
			break;
	}
	if (n == 0)
		return fd;
	close(fd);
	return -1;
}
