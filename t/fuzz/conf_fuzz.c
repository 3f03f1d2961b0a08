/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a configuration, and what stands behind a NUL as a setting over
 * it: it is refused with a message, or it is printed as a text that gives the
 * same configuration again.
 */

#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_text.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
dump(const struct conf *c, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	assert(out != NULL);
	conf_dump(c, out);
	fclose(out);
	return text;
}

static void
check_round_trip(const struct conf *c)
{
	struct diag d;
	size_t len;
	size_t again_len;

	diag_init(&d);
	char *text = dump(c, &len);
	struct conf *again = conf_from_text(text, len, NULL, &d);
	assert(again != NULL && d.count == 0);
	char *again_text = dump(again, &again_len);
	assert(len == again_len && memcmp(text, again_text, len) == 0);
	free(again_text);
	free(text);
	conf_release(again);
	diag_fini(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);
	size_t len = nul != NULL ? (size_t)(nul - data) : size;
	char *setting = nul != NULL ? xstrndup((const char *)nul + 1,
	    size - len - 1) : NULL;
	const char *settings[] = { setting, NULL };
	struct diag d;

	/* Not the files of this machine. */
	if (memmem(data, len, "include", 7) != NULL)
		len = 0;
	diag_init(&d);
	struct conf *c = conf_from_text((const char *)data, len, settings, &d);
	assert((c == NULL) == (d.count > 0));
	if (c != NULL)
		check_round_trip(c);
	conf_release(c);
	free(setting);
	diag_fini(&d);
	return 0;
}
