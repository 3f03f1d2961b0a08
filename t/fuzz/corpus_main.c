/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over the files of its corpus, as a plain test: one TAP
 * line a file.  Usage: TARGET_corpus [DIRECTORY], by default
 * $SRCDIR/t/fuzz/corpus/TARGET.
 */

#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1024 * 1024)

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
run_file(const char *directory, const char *name, unsigned number)
{
	char path[4096];
	uint8_t *data = malloc(INPUT_MAX);

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL || data == NULL) {
		printf("not ok %u - %s\n", number, name);
		exit(1);
	}
	size_t size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* A copy of the exact size, so that reading past it is seen. */
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (exact != NULL)
		memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(data);
	printf("ok %u - %s\n", number, name);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("SRCDIR");
	const char *base = strrchr(argv[0], '/');
	const char *suffix;
	char directory[4096];
	unsigned count = 0;

	base = base != NULL ? base + 1 : argv[0];
	suffix = strstr(base, "_corpus");
	snprintf(directory, sizeof(directory), "%s/t/fuzz/corpus/%.*s",
	    srcdir != NULL ? srcdir : ".",
	    suffix != NULL ? (int)(suffix - base) : 0, base);
	if (argc > 1)
		snprintf(directory, sizeof(directory), "%s", argv[1]);

	DIR *dir = opendir(directory);
	if (dir == NULL) {
		printf("Bail out! no corpus in %s\n", directory);
		return 1;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.')
			run_file(directory, e->d_name, ++count);
	}
	closedir(dir);
	printf("1..%u\n", count);
	return count > 0 ? 0 : 1;
}
