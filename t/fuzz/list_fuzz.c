/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any octets as a file of a list: the first says of which type and kind, and
 * what is read of it can be asked.
 */

#include "config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/list.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	char		 sign;
	const char	*type;
	enum list_kind	 kind;
} targets[] = {
	{ 'c', "cdb", LIST_CLIENT },
	{ 'd', "cdb", LIST_ADDRESS },
	{ 'l', "lmdb", LIST_CLIENT },
	{ 'f', "file", LIST_CLIENT },
	{ 'n', "file", LIST_NAME },
	{ 'a', "file", LIST_ADDRESS },
	{ 'p', "pcre", LIST_ADDRESS },
};

static void
ask(const struct list *l)
{
	static const char *const clients[] = { "10.1.2.3", "2001:db8::1" };
	static const char *const texts[] = {
		"", "a.example.com", "u@a.example.com",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com"
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct list_key k = { .client = &a, .text = texts[i] };
		bool known = addr_parse(&a, clients[i % 2]);
		assert(known);
		(void)list_match(l, &k);
	}
}

static void
try_file(const char *type, enum list_kind k, const char *path)
{
	struct list *l = list_new(k);
	char element[200];
	struct diag d;

	snprintf(element, sizeof(element), "%s:%s", type, path);
	diag_init(&d);
	if (list_add(l, element) == NULL) {
		bool good = list_load(l, &d);
		assert(good == (d.count == 0));
		if (good)
			ask(l);
	}
	diag_fini(&d);
	list_free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[100];

	for (size_t i = 0; size > 0 && i < sizeof(targets) /
	    sizeof(targets[0]); i++) {
		if (targets[i].sign != (char)data[0])
			continue;
		snprintf(path, sizeof(path), "/tmp/list-fuzz-%ld.%s",
		    (long)getpid(), targets[i].type);
		FILE *out = fopen(path, "w");
		assert(out != NULL);
		fwrite(data + 1, 1, size - 1, out);
		fclose(out);
		try_file(targets[i].type, targets[i].kind, path);
		unlink(path);
	}
	return 0;
}
