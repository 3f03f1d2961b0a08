/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From /proc of Linux, see proc(5).  The files stay open: who is confined later
 * can still read them, and each reading from their start is a new one.
 */

#include "config.h"

#include <sys/resource.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/process_figures.h"
#include "base/util.h"

#define SECOND_US INT64_C(1000000)

static int stat_file = -1;
static DIR *descriptors;
static int64_t booted_us;		/* since 1970 */

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

void
process_figures_open(void)
{
#ifdef CLOCK_BOOTTIME
	booted_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME);
#endif
	stat_file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	descriptors = opendir("/proc/self/fd");
}

static uint64_t
ticks_us(uint64_t ticks)
{
	return ticks * (uint64_t)SECOND_US / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* The fields behind the name of the program, which may hold anything. */
static bool
parse_stat(const char *text, struct process_figures *out)
{
	const char *rest = strrchr(text, ')');
	uint64_t user;
	uint64_t system;
	uint64_t start;
	uint64_t pages;

	if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u "
	    "%*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %" SCNu64
	    " %*d %" SCNu64 " %" SCNu64 " %" SCNu64, &user, &system,
	    &out->threads, &start, &out->virtual_octets, &pages) != 6)
		return false;
	out->cpu_us = ticks_us(user + system);
	out->start_us = (uint64_t)booted_us + ticks_us(start);
	out->resident_octets = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* But "." and "..". */
static uint64_t
count_descriptors(void)
{
	uint64_t n = 0;

	if (descriptors == NULL)
		return 0;
	rewinddir(descriptors);
	for (const struct dirent *e; (e = readdir(descriptors)) != NULL;)
		n += e->d_name[0] != '.';
	return n;
}

bool
process_figures_read(struct process_figures *out)
{
	char text[1024];
	struct rlimit files = { .rlim_cur = 0 };
	ssize_t len = stat_file < 0 ? -1 :
	    pread(stat_file, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return false;
	text[len] = '\0';
	if (!parse_stat(text, out))
		return false;
	(void)getrlimit(RLIMIT_NOFILE, &files);
	out->descriptors = count_descriptors();
	out->descriptors_max = files.rlim_cur;
	return true;
}
