/* SPDX-License-Identifier: BSD-2-Clause */
/* How many descriptors are left to others than connections. */

#include "unit.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "daemon/milter_priv.h"

/*
 * In place of the one of libc, which a sanitizer uses before it can look after
 * us.
 */
static bool asked;
static rlim_t limit;			/* 0: it fails */

__attribute__((no_sanitize("address"), no_sanitize("thread")))
int
getrlimit(__rlimit_resource_t resource, struct rlimit *r)
{
	if (!asked)
		return (int)syscall(SYS_prlimit64, 0, resource, NULL, r);
	if (limit == 0) {
		errno = EPERM;
		return -1;
	}
	r->rlim_cur = r->rlim_max = limit;
	return 0;
}

/* How many descriptors connections may have. */
static int
taken(rlim_t of)
{
	int fd = 0;

	limit = of;
	asked = true;
	milter_limit_init();
	asked = false;
	while (fd < 2000000 && milter_limit_takes(fd))
		fd++;
	return fd;
}

/* First of all: this is what holds where nothing is known. */
static void
test_a_limit_that_is_not_told_refuses_nobody(void **state)
{
	(void)state;
	assert_int_equal(taken(0), 2000000);
	assert_int_equal(taken(RLIM_INFINITY), 2000000);
}

static void
test_what_the_dns_takes_is_kept_for_it(void **state)
{
	(void)state;
	assert_int_equal(taken(512), 256);
	assert_int_equal(taken(1024), 512);
	assert_int_equal(taken(4096), 2048);
	assert_int_equal(taken(20000), 10000);
	assert_in_range(taken(1048576), 1000000, 1048576 - 2 * 8192);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_limit_that_is_not_told_refuses_nobody),
		cmocka_unit_test(test_what_the_dns_takes_is_kept_for_it),
	};

	return cmocka_run_group_tests_name("milter_limit", tests, NULL, NULL);
}
