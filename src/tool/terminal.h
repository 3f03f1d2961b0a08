/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for people, on a terminal or not: colours, lines of 80 columns. */

#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#define TERMINAL_COLUMNS 80

enum terminal_style {
	TERMINAL_PLAIN,
	TERMINAL_BOLD,
	TERMINAL_RED,
	TERMINAL_YELLOW,
	TERMINAL_GREEN,
	TERMINAL_FAINT
};

struct terminal {
	FILE	*out;
	bool	 able;		/* a terminal that is not dumb */
	bool	 colour;
	bool	 utf8;		/* it shows more than ASCII */
};

/*
 * Colour is for terminals that are not dumb, and where NO_COLOR is not set;
 * UTF-8 for terminals whose locale has it.
 */
struct terminal	terminal_open(FILE *out);

/* What is put from now on; nothing without colour. */
void	terminal_set_style(const struct terminal *t, enum terminal_style s);

/*
 * Octets that are not printable, in ASCII or UTF-8, are written \xNN, a
 * backslash \\.
 */
void	terminal_put_text(FILE *out, const char *s);

/* The columns that it takes so, or fewer. */
unsigned	terminal_width(const char *s, size_t len);

/*
 * Text in lines, broken at blanks.  The first line begins at column, where the
 * cursor is, the others behind margin, which takes indent columns, "" for as
 * many blanks; ends the last line.
 */
void	terminal_put_lines(const struct terminal *t, unsigned column,
	    unsigned indent, const char *margin, const char *s);

#endif
