/* SPDX-License-Identifier: BSD-2-Clause */
/* Links on the way are followed where they are ours, and only there. */

#include "unit.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/path.h"
#include "base/util.h"

/* Holds the folders target, own, and theirs, where anybody may write. */
static char place[] = "/tmp/spf-milter-test.XXXXXX";

/* 0 where place/way leads to the folder target, else errno. */
static int
error_of(const char *way)
{
	char *path = xasprintf("%s/%s/file", place, way);
	char *target = xasprintf("%s/target", place);
	const char *name;
	struct stat found, wanted;
	int fd = path_open_folder(path, &name);
	int error = fd < 0 ? errno : 0;

	assert_string_equal(name, "file");
	assert_ptr_equal(name, path + strlen(path) - 4);
	if (fd >= 0) {
		assert_int_equal(fstat(fd, &found), 0);
		assert_int_equal(stat(target, &wanted), 0);
		assert_true(found.st_ino == wanted.st_ino);
		close(fd);
	}
	free(target);
	free(path);
	return error;
}

static void
make_link(const char *text, const char *name)
{
	char *path = xasprintf("%s/%s", place, name);

	assert_int_equal(symlink(text, path), 0);
	free(path);
}

static void
make_folder(const char *name, mode_t mode)
{
	char *path = xasprintf("%s/%s", place, name);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(place) == NULL)
		return -1;
	make_folder("target", 0755);
	make_folder("own", 0755);
	make_folder("theirs", 0777);
	make_link("../target", "theirs/link");
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
test_a_way_without_links_is_walked(void **state)
{
	(void)state;
	assert_int_equal(error_of("target"), 0);
	assert_int_equal(error_of("//own/.././target//"), 0);
	assert_int_equal(error_of("theirs/../target"), 0);
	assert_int_equal(error_of("nowhere"), ENOENT);
}

static void
test_links_of_ours_are_followed(void **state)
{
	(void)state;
	char *absolute = xasprintf("/%s/target", place);

	make_link("target", "relative");
	make_link(absolute, "absolute");
	make_link("./target//", "slashes");
	make_link("../target", "own/up");
	make_link("own/up", "second");
	make_link("own/../second/", "third");
	make_link("theirs/../target", "through-folder");
	assert_int_equal(error_of("relative"), 0);
	assert_int_equal(error_of("absolute"), 0);
	assert_int_equal(error_of("slashes"), 0);
	assert_int_equal(error_of("own/up"), 0);
	assert_int_equal(error_of("third"), 0);
	assert_int_equal(error_of("third/../relative/"), 0);
	assert_int_equal(error_of("through-folder"), 0);
	free(absolute);
}

static void
test_a_link_of_others_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(error_of("theirs/link"), ELOOP);
}

static void
test_a_link_of_others_behind_one_of_ours_is_not_followed(void **state)
{
	(void)state;
	char *absolute = xasprintf("%s/theirs/link", place);

	make_link("theirs/link", "to-link");
	make_link("own/../theirs/link/", "to-link-slashes");
	make_link(absolute, "to-link-absolute");
	make_link("to-link", "to-link-second");
	make_link("theirs", "to-theirs");
	assert_int_equal(error_of("to-link"), ELOOP);
	assert_int_equal(error_of("to-link-slashes"), ELOOP);
	assert_int_equal(error_of("to-link-absolute"), ELOOP);
	assert_int_equal(error_of("to-link-second"), ELOOP);
	assert_int_equal(error_of("to-theirs/link"), ELOOP);
	free(absolute);
}

static void
test_a_link_that_leads_nowhere_is_an_error(void **state)
{
	(void)state;
	make_link("nowhere", "dead");
	make_link("/dev/null", "to-file");
	assert_int_equal(error_of("dead"), ENOENT);
	assert_int_equal(error_of("to-file"), ENOTDIR);
}

static void
test_forty_links_are_followed(void **state)
{
	(void)state;
	char name[8], text[8] = "target";

	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		make_link(text, name);
		util_copy(text, sizeof(text), name);
	}
	make_link("loop", "loop");
	assert_int_equal(error_of("40"), 0);
	assert_int_equal(error_of("39/../1"), 0);
	assert_int_equal(error_of("41"), EMLINK);
	assert_int_equal(error_of("39/../2"), EMLINK);
	assert_int_equal(error_of("loop"), EMLINK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_way_without_links_is_walked),
		cmocka_unit_test(test_links_of_ours_are_followed),
		cmocka_unit_test(test_a_link_of_others_is_not_followed),
		cmocka_unit_test(
		    test_a_link_of_others_behind_one_of_ours_is_not_followed),
		cmocka_unit_test(test_a_link_that_leads_nowhere_is_an_error),
		cmocka_unit_test(test_forty_links_are_followed),
	};

	return cmocka_run_group_tests_name("path", tests, set_up, tear_down);
}
