/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole terminal.  The sequences are those that every terminal of today and
 * the consoles of Linux know, so that no terminfo is needed.  A picture is
 * written over the last one, each line erased behind its end, in one write.
 */

#include "config.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"
#include "tool/screen.h"

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_SCREEN "\033[J"

static const int caught[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
	SIGWINCH };
#define CAUGHT (sizeof(caught) / sizeof(caught[0]))

static volatile sig_atomic_t ended;
static volatile sig_atomic_t resized;

/* From screen_begin to screen_end. */
static struct {
	int		 fd;
	bool		 keys;		/* of standard input */
	struct termios	 termios;	/* as it was, with keys */
	sigset_t	 mask;
	struct sigaction actions[CAUGHT];
} held;

struct screen_size
screen_size(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 || w.ws_row == 0)
		return (struct screen_size){ 80, 24 };
	return (struct screen_size){ w.ws_col, w.ws_row };
}

static void
note_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

/* A terminal that is gone ends the program where it waits. */
static void
put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(held.fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ended = 1;
			return;
		}
		text += n;
		len -= (size_t)n;
	}
}

static void
take_signals(void)
{
	struct sigaction action = { .sa_handler = note_signal };
	sigset_t blocked;

	ended = resized = 0;
	sigemptyset(&action.sa_mask);
	sigemptyset(&blocked);
	for (size_t i = 0; i < CAUGHT; i++)
		sigaddset(&blocked, caught[i]);
	sigprocmask(SIG_BLOCK, &blocked, &held.mask);
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &action, &held.actions[i]);
}

/* No echo, no line, and none of the keys that stop a program or its output. */
static void
take_keys(void)
{
	struct termios t;

	held.keys = tcgetattr(STDIN_FILENO, &held.termios) == 0;
	if (!held.keys)
		return;
	t = held.termios;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_iflag &= ~(tcflag_t)IXON;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

void
screen_begin(int fd)
{
	held.fd = fd;
	take_signals();
	take_keys();
	put(ENTER, strlen(ENTER));
}

void
screen_end(void)
{
	put(LEAVE, strlen(LEAVE));
	if (held.keys)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &held.termios);
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &held.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &held.mask, NULL);
}

/* No line end behind the last line: it may be that of the terminal. */
void
screen_draw(const char *lines, size_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		util_die("out of memory");
	fputs(HOME, out);
	for (size_t i = 0; i < len; i++) {
		if (lines[i] != '\n')
			putc(lines[i], out);
		else
			fputs(i + 1 < len ? REST_OF_LINE "\r\n" : REST_OF_LINE,
			    out);
	}
	fputs(REST_OF_SCREEN, out);
	if (fclose(out) != 0)
		util_die("out of memory");
	put(text, size);
	free(text);
}

/* True: one of the keys, or the end of the terminal, is the end. */
static bool
read_keys(void)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n < 0)
		return errno != EINTR && errno != EAGAIN;
	return n == 0 || memchr(keys, 'q', (size_t)n) != NULL;
}

/* Until deadline_ms, a signal or a key. */
static void
await(int64_t deadline_ms)
{
	struct pollfd p = { .fd = held.keys ? STDIN_FILENO : -1,
		.events = POLLIN };
	int64_t left = deadline_ms - util_now_ms();
	struct timespec t = { 0, 0 };
	sigset_t open = held.mask;

	if (left > 0) {
		t.tv_sec = (time_t)(left / 1000);
		t.tv_nsec = (long)(left % 1000) * 1000000;
	}
	for (size_t i = 0; i < CAUGHT; i++)
		sigdelset(&open, caught[i]);
	if (ppoll(&p, 1, &t, &open) > 0 && read_keys())
		ended = 1;
}

enum screen_event
screen_wait(int64_t deadline_ms)
{
	do {
		await(deadline_ms);
		if (ended)
			return SCREEN_END;
		if (resized) {
			resized = 0;
			return SCREEN_RESIZED;
		}
	} while (util_now_ms() < deadline_ms);
	return SCREEN_TIME;
}
