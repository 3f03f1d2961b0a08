/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON as the tools print it: one object a line, ASCII. */

#include "config.h"

#include "tool/json_out.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Out of memory is fatal here as everywhere. */
static void *
allocate(size_t size)
{
	return xreallocarray(NULL, 1, size);
}

json_t *
json_out_object(void)
{
	json_set_alloc_funcs(allocate, free);
	return json_object();
}

void
json_out_print(json_t *object, FILE *out)
{
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

json_t *
json_out_text(const char *s)
{
	json_t *text = json_string(s);

	if (text != NULL)
		return text;

	size_t size = 4 * strlen(s) + 1;
	char *storage = xcalloc(size, 1);
	struct sbuf escaped;

	sbuf_init(&escaped, storage, size);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			sbuf_str(&escaped, "\\\\");
		else if ((unsigned char)*s < 0x80)
			sbuf_char(&escaped, *s);
		else
			sbuf_escape(&escaped, *s);
	}
	text = json_string(storage);
	free(storage);
	return text;
}

void
json_out_set(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(failed == 0);
}

void
json_out_set_text(json_t *object, const char *key, const char *text)
{
	json_out_set(object, key,
	    text != NULL ? json_out_text(text) : json_null());
}

void
json_out_set_found(json_t *object, const char *key, const char *text)
{
	json_out_set_text(object, key, text[0] != '\0' ? text : NULL);
}

const char *
json_out_text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "";
}

int64_t
json_out_number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
