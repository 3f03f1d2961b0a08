/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole terminal for a picture that is drawn again and again, and its size.
 * One at a time, on the only thread.
 */

#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen_size {
	unsigned columns;
	unsigned rows;
};

enum screen_event {
	SCREEN_TIME,		/* the time has come */
	SCREEN_RESIZED,
	SCREEN_END		/* a signal that ends, q, or it is gone */
};

/* Of the terminal fd; 80x24 where it does not say. */
struct screen_size	screen_size(int fd);

/*
 * Takes the terminal fd: alternate screen without cursor, keys of standard
 * input unseen if that is a terminal.  From here to screen_end signals that
 * end the program come in screen_wait only.
 */
void	screen_begin(int fd);
/* What screen_begin has changed is as before. */
void	screen_end(void);

/* A picture of lines that each end with \n; without flicker. */
void	screen_draw(const char *lines, size_t len);

/* Until util_now_ms() is deadline_ms, or something has happened. */
enum screen_event	screen_wait(int64_t deadline_ms);

#endif
