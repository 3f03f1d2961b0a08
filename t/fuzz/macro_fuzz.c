/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A use, a value and a macro string, divided by newlines: compiled, expanded
 * as text and as a name.
 */

#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/util.h"
#include "spf/macro.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(const struct macro *m, const struct macro_vars *v)
{
	char name[254];

	memset(name, 'x', sizeof(name));
	if (macro_expand_name(m, v, name) != MACRO_NAME_OK)
		return;
	size_t label = 0;
	size_t len = strnlen(name, sizeof(name));
	assert(len > 0 && len < sizeof(name));
	for (size_t i = 0; i < len; i++) {
		assert((unsigned char)name[i] <= 0x7f);
		assert(name[i] != '.' || label > 0);
		label = name[i] == '.' ? 0 : label + 1;
		assert(label <= 63);
	}
	assert(label > 0);
}

static void
check_macro(const struct macro *m, const struct macro_vars *v)
{
	char storage[1000];
	struct sbuf out;

	sbuf_init(&out, storage, sizeof(storage));
	macro_expand(m, v, &out);
	assert(strlen(storage) == out.len && out.len < sizeof(storage));
	(void)macro_uses_validated(m);
	check_name(m, v);
}

static void
run(enum macro_use use, const char *value, const char *s, size_t len)
{
	struct macro_error err = { 0, NULL };
	struct addr client = { AF_UNSPEC, { 0 } };
	struct macro *m = macro_compile(use, s, len, &err);

	if (m == NULL) {
		assert(err.message != NULL && err.offset <= len);
		return;
	}
	(void)addr_parse(&client, value[0] == '6' ? "2001:db8::1" :
	    "192.0.2.1");
	struct macro_vars v = {
		.client = &client, .local = value, .sender_domain = value,
		.domain = value, .helo = value, .validated = value,
		.receiver = NULL, .time_s = 1, .result = "fail",
		.reason = value
	};
	check_macro(m, &v);
	macro_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = NULL;

	if (size == 0)
		return 0;
	enum macro_use use = data[0] == 'd' ? MACRO_DOMAIN_SPEC :
	    data[0] == 'r' ? MACRO_REPLY : MACRO_EXPLAIN;
	data++;
	size--;
	end = memchr(data, '\n', size);
	if (end == NULL)
		return 0;

	size_t n = (size_t)(end - data);
	char *value = xstrndup((const char *)data, n);
	run(use, value, (const char *)end + 1, size - n - 1);
	free(value);
	return 0;
}
