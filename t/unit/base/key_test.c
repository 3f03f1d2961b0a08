/* SPDX-License-Identifier: BSD-2-Clause */
/* key: files of keys, made and read. */

#include "unit.h"

#include <sys/stat.h>

#include <stdio.h>
#include <unistd.h>

#include "base/key.h"
#include "base/util.h"

static char dir[] = "/tmp/key_test.XXXXXX";
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int
remove_key(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void
assert_unreadable(const char *part)
{
	uint8_t key[KEY_SIZE];
	const char *problem = key_read(path, key);

	assert_non_null(problem);
	if (strstr(problem, part) == NULL)
		fail_msg("%s; wanted %s", problem, part);
}

static void
test_made_key_is_read(void **state)
{
	uint8_t key[KEY_SIZE] = { 0 };
	uint8_t again[KEY_SIZE];
	const uint8_t zeros[KEY_SIZE] = { 0 };
	struct stat st;

	(void)state;
	umask(0);
	assert_null(key_make(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(key_read(path, key));
	assert_memory_not_equal(key, zeros, KEY_SIZE);
	assert_null(key_read(path, again));
	assert_memory_equal(key, again, KEY_SIZE);
	unlink(path);
	assert_null(key_make(path));
	assert_null(key_read(path, again));
	assert_memory_not_equal(key, again, KEY_SIZE);
}

static void
test_no_file_is_overwritten(void **state)
{
	uint8_t key[KEY_SIZE];
	uint8_t again[KEY_SIZE];

	(void)state;
	assert_null(key_make(path));
	assert_null(key_read(path, key));
	assert_non_null(key_make(path));
	assert_null(key_read(path, again));
	assert_memory_equal(key, again, KEY_SIZE);
}

static void
test_keys_that_others_may_read_are_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0666 };

	(void)state;
	assert_null(key_make(path));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_unreadable("others than its owner");
	}
	uint8_t key[KEY_SIZE];
	assert_int_equal(chmod(path, 0400), 0);
	assert_null(key_read(path, key));
}

static void
test_a_credential_of_systemd_is_read(void **state)
{
	uint8_t key[KEY_SIZE];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_null(key_make(path));
	assert_int_equal(chmod(path, 0440), 0);
	assert_null(key_read(path, key));
	assert_int_equal(chown(path, 0, 1), 0);
	assert_unreadable("others than its owner");
	assert_int_equal(chown(path, 1, 0), 0);
	assert_unreadable("others than its owner");
}

static void
test_files_that_are_no_keys_are_refused(void **state)
{
	(void)state;
	assert_unreadable("No such file");
	assert_null(key_make(path));
	assert_int_equal(truncate(path, KEY_SIZE - 1), 0);
	assert_unreadable("32 octets");
	assert_int_equal(truncate(path, KEY_SIZE + 1), 0);
	assert_unreadable("32 octets");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_unreadable("no plain file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_made_key_is_read, remove_key),
		cmocka_unit_test_teardown(test_no_file_is_overwritten,
		    remove_key),
		cmocka_unit_test_teardown(
		    test_keys_that_others_may_read_are_refused, remove_key),
		cmocka_unit_test_teardown(
		    test_a_credential_of_systemd_is_read, remove_key),
		cmocka_unit_test_teardown(
		    test_files_that_are_no_keys_are_refused, remove_key),
	};

	return cmocka_run_group_tests_name("key", tests, set_up, tear_down);
}
