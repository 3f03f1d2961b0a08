/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for people, on a terminal or not: colours, lines of 80 columns. */

#include "config.h"

#include "tool/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

static bool
is_set(const char *variable)
{
	return variable != NULL && *variable != '\0';
}

/* The first of these that is set decides (POSIX, environment variables). */
static bool
locale_has_utf8(void)
{
	const char *locale = getenv("LC_ALL");

	if (!is_set(locale))
		locale = getenv("LC_CTYPE");
	if (!is_set(locale))
		locale = getenv("LANG");
	return is_set(locale) && (strstr(locale, "UTF-8") != NULL ||
	    strstr(locale, "utf8") != NULL);
}

struct terminal
terminal_open(FILE *out)
{
	const char *term = getenv("TERM");
	int fd = fileno(out);
	bool able = fd >= 0 && isatty(fd) && term != NULL &&
	    strcmp(term, "dumb") != 0;

	return (struct terminal){
		.out = out,
		.able = able,
		.colour = able && !is_set(getenv("NO_COLOR")),
		.utf8 = able && locale_has_utf8()
	};
}

void
terminal_set_style(const struct terminal *t, enum terminal_style s)
{
	static const char *const codes[] = {
		[TERMINAL_PLAIN] = "\033[0m",
		[TERMINAL_BOLD] = "\033[1m",
		[TERMINAL_RED] = "\033[31m",
		[TERMINAL_YELLOW] = "\033[33m",
		[TERMINAL_GREEN] = "\033[32m",
		[TERMINAL_FAINT] = "\033[2m",
	};

	if (t->colour)
		fputs(codes[s], t->out);
}

void
terminal_put_text(FILE *out, const char *s)
{
	while (*s != '\0') {
		size_t n = util_print_length(s, strnlen(s, 4));

		if (*s == '\\')
			fputc('\\', out);
		if (n == 0)
			fprintf(out, "\\x%02x", (unsigned char)*s++);
		for (; n > 0; n--)
			fputc(*s++, out);
	}
}

/* Letters of three octets and more are mostly those that take two columns. */
unsigned
terminal_width(const char *s, size_t len)
{
	unsigned columns = 0;

	for (size_t i = 0; i < len;) {
		size_t n = util_print_length(s + i, len - i);

		columns += n == 0 ? 4 : n > 2 || s[i] == '\\' ? 2 : 1;
		i += n + (n == 0);
	}
	return columns;
}

void
terminal_put_lines(const struct terminal *t, unsigned column, unsigned indent,
    const char *margin, const char *s)
{
	bool first = true;

	while (*s != '\0') {
		size_t len = strcspn(s, " ");
		char *word = xstrndup(s, len);
		unsigned columns = terminal_width(word, len);

		if (!first && column + 1 + columns > TERMINAL_COLUMNS) {
			fprintf(t->out, "\n%*s", (int)indent, margin);
			column = indent;
		} else if (!first) {
			fputc(' ', t->out);
			column++;
		}
		terminal_put_text(t->out, word);
		column += columns;
		first = false;
		free(word);
		s += len + (s[len] == ' ');
	}
	fputc('\n', t->out);
}
