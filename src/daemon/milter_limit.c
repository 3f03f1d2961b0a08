/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of the system that the process has come to, named in the log once a
 * minute: descriptors and threads.
 */

#include "config.h"

#include <sys/resource.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "daemon/milter_priv.h"

#define EVERY_MS 60000
/*
 * The DNS takes half of what there is, up to 8,192 and some for TCP, and twice
 * as many while its servers change (dns_unbound_context.c).
 */
#define DESCRIPTORS_KEPT 18000

static int descriptors = INT32_MAX;	/* set before threads */

static bool
is_due(struct log_pause *p)
{
	return log_is_due(p, EVERY_MS);
}

void
milter_limit_init(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < INT32_MAX)
		descriptors = (int)r.rlim_cur;
}

bool
milter_limit_takes(int fd)
{
	int kept = descriptors / 2 < DESCRIPTORS_KEPT ? descriptors / 2 :
	    DESCRIPTORS_KEPT;

	return fd < descriptors - kept;
}

void
milter_limit_report_descriptors(void)
{
	static struct log_pause pause;

	if (is_due(&pause))
		log_warning("too many connections for the limit of %d open "
		    "files (RLIMIT_NOFILE): more are closed at once",
		    descriptors);
}

#define UNKNOWN "?"

/* The first line of a file; UNKNOWN if there is none. */
static void
read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(line, (int)size, f) == NULL)
		util_copy(line, size, UNKNOWN);
	if (f != NULL)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
}

/* Our control group stands in lines "0::/path" and "3:pids:/path". */
static void
read_pids_max(char *line, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char group[300];
	char path[400];

	util_copy(line, size, UNKNOWN);
	while (f != NULL && strcmp(line, UNKNOWN) == 0 &&
	    fgets(group, sizeof(group), f) != NULL) {
		const char *old = strstr(group, ":pids:/");
		struct sbuf sb;

		if (old == NULL && strncmp(group, "0::/", 4) != 0)
			continue;
		group[strcspn(group, "\n")] = '\0';
		sbuf_init(&sb, path, sizeof(path));
		sbuf_fmt(&sb, "/sys/fs/cgroup%s%s/pids.max",
		    old != NULL ? "/pids" : "", old != NULL ? old + 6 :
		    group + 3);
		read_line(path, line, size);
	}
	if (f != NULL)
		fclose(f);
}

void
milter_limit_report_threads(void)
{
	static struct log_pause pause;
	struct rlimit r = { .rlim_cur = RLIM_INFINITY };
	char own[24] = "unlimited";
	char group[24];
	char all[24];
	struct sbuf sb;

	if (!is_due(&pause))
		return;
	(void)getrlimit(RLIMIT_NPROC, &r);
	if (r.rlim_cur != RLIM_INFINITY) {
		sbuf_init(&sb, own, sizeof(own));
		sbuf_fmt(&sb, "%ju", (uintmax_t)r.rlim_cur);
	}
	read_pids_max(group, sizeof(group));
	read_line("/proc/sys/kernel/threads-max", all, sizeof(all));
	log_warning("no more threads to be had (RLIMIT_NPROC %s, pids.max %s, "
	    "threads-max %s): checks that would wait are answered with 451",
	    own, group, all);
}
