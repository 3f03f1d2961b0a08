/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose pid file it is, whatever the clocks show. */

#include "unit.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

#define TICK_NS 10000000
#define SECOND_NS INT64_C(1000000000)

/* Our own clock_gettime(2), found by the linker before libc's. */
static bool	shown;
static int64_t	boot_ns;	/* when the machine was started */
static int64_t	up_ns;		/* for how long it runs */

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t ns = clock == CLOCK_BOOTTIME ? up_ns : boot_ns + up_ns;

	if (!shown || (clock != CLOCK_BOOTTIME && clock != CLOCK_REALTIME))
		return (int)syscall(SYS_clock_gettime, clock, t);
	t->tv_sec = (time_t)(ns / SECOND_NS);
	t->tv_nsec = (long)(ns % SECOND_NS);
	return 0;
}

/* How long after the machine a process was started. */
static int64_t
begin_ns(pid_t pid)
{
	char path[40];
	char text[1024];
	long long ticks = -1;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(sscanf(strrchr(text, ')'), ") %*s %*s %*s %*s %*s %*s"
	    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
	    &ticks), 1);
	assert_int_equal(sysconf(_SC_CLK_TCK), SECOND_NS / TICK_NS);
	return ticks * TICK_NS;
}

/* Is it said of a file that it is of a process that runs? */
static bool
is_living(const char *path)
{
	char problem[PROCESS_PROBLEM_SIZE];

	return !process_check_pid_file(path, problem) &&
	    strstr(problem, "which is running") != NULL;
}

/* Whether a file counts as of the living, written ns after the process. */
static bool
is_living_after(int fd, const char *path, int64_t begun_ns, int64_t ns)
{
	const struct timespec written = {
		(time_t)((begun_ns + ns) / SECOND_NS),
		(long)((begun_ns + ns) % SECOND_NS)
	};
	const struct timespec times[2] = { written, written };

	assert_int_equal(futimens(fd, times), 0);
	shown = true;
	bool living = is_living(path);
	shown = false;
	return living;
}

static void
test_living_is_who_began_before_the_file(void **state)
{
	(void)state;
	char path[] = "/tmp/process_test.XXXXXX";
	int fd = mkstemp(path);
	pid_t living = getppid();

	assert_true(fd >= 0 && dprintf(fd, "%ld\n", (long)living) > 0);
	for (int i = 0; i < 2000; i++) {
		int64_t begun_ns = 1600000000 * SECOND_NS + i / 100 *
		    (SECOND_NS / 20);

		boot_ns = begun_ns - begin_ns(living);
		up_ns = begin_ns(living) + i % 100 * TICK_NS;
		assert_true(is_living_after(fd, path, begun_ns,
		    i % 100 * TICK_NS / 2));
		/* A number that was given again. */
		assert_false(is_living_after(fd, path, begun_ns,
		    -2 * SECOND_NS));
	}
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_living_is_who_began_before_the_file),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
