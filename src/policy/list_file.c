/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists as texts: an entry a line, what stands behind it is not looked at. */

#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/list_priv.h"

#define BLANKS " \t\r\v\f"

static bool
add_line(struct list_table *t, char *line, const char *path, unsigned number,
    struct diag *d)
{
	static const char *const allowed[] = {
		[LIST_CLIENT] = "an address, a network such as 192.0.2.0/24, "
		    "or a range such as 192.0.2.1-192.0.2.9",
		[LIST_NAME] = "mx.example.com, or .example.com for all names "
		    "below it",
		[LIST_ADDRESS] = "example.com, .example.com, user@example.com, "
		    "user@ or <>"
	};
	char *entry = line + strspn(line, BLANKS);

	entry[strcspn(entry, BLANKS)] = '\0';
	if (entry[0] == '\0' || entry[0] == '#')
		return true;
	const char *wrong = list_table_add(t, entry);
	if (wrong != NULL)
		diag_add(d, path, number, "\"%.200s\"%s%s; allowed: %s",
		    entry, wrong[0] != '\0' ? ": " : " is not understood",
		    wrong, allowed[t->kind]);
	return wrong == NULL;
}

bool
list_file_read(struct list_table *t, const char *path, struct diag *d)
{
	unsigned mistakes = 0;
	unsigned number = 0;
	char *text = list_text_read(path, d);
	char *rest = text;
	char *line;

	if (text == NULL)
		return false;
	while (mistakes < LIST_MISTAKES_MAX &&
	    (line = list_text_line(&rest, &number)) != NULL)
		mistakes += !add_line(t, line, path, number, d);
	free(text);
	return mistakes == 0;
}
