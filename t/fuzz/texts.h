/* SPDX-License-Identifier: BSD-2-Clause */
/* An input that is texts divided by NUL. */

#ifndef TEXTS_H
#define TEXTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* The first n, "" where there are fewer; texts_fini frees them. */
static inline void
texts_init(char **text, size_t n, const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	const char *end = p + size;

	for (size_t i = 0; i < n; i++) {
		const char *nul = p < end ? memchr(p, '\0', (size_t)(end - p))
		    : NULL;
		size_t len = (size_t)((nul != NULL ? nul : end) - p);

		text[i] = xstrndup(p, len);
		p += len + (nul != NULL);
	}
}

static inline void
texts_fini(char **text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(text[i]);
}

#endif
