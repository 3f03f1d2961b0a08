/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over the files of its corpus, as a plain test: one TAP
 * line a file.  The corpus of TARGET_corpus is $SRCDIR/t/fuzz/corpus/TARGET.
 */

#include "config.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define INPUT_MAX (1024 * 1024)

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
run_file(const char *path)
{
	uint8_t *data = xcalloc(1, INPUT_MAX);
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		free(data);
		return false;
	}
	size_t size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* A copy of the exact size, so that reading past it is seen. */
	uint8_t *exact = xmemdup(data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(data);
	return true;
}

/* "record" of ".../record_corpus". */
static char *
target_of(const char *program)
{
	const char *base = strrchr(program, '/');

	base = base != NULL ? base + 1 : program;
	const char *end = strstr(base, "_corpus");
	return xstrndup(base, end != NULL ? (size_t)(end - base) : 0);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("SRCDIR");
	char *target = target_of(argc > 0 ? argv[0] : "");
	char *directory = xasprintf("%s/t/fuzz/corpus/%s",
	    srcdir != NULL ? srcdir : ".", target);
	DIR *dir = opendir(directory);
	unsigned count = 0;

	if (dir == NULL) {
		printf("Bail out! no corpus in %s\n", directory);
		return 1;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		char *path = xasprintf("%s/%s", directory, e->d_name);
		printf("%sok %u - %s\n", run_file(path) ? "" : "not ",
		    ++count, e->d_name);
		fflush(stdout);
		free(path);
	}
	closedir(dir);
	free(directory);
	free(target);
	printf("1..%u\n", count);
	return count > 0 ? 0 : 1;
}
