/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon is to its system.  The child holds one end of a pipe until it
 * has started; if it dies before, the parent sees the end of it and knows.
 */

#include "config.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/process.h"

static int report_fd = -1;		/* of the child; before threads */

bool
process_open_standard(void)
{
	int fd;

	/* Always the lowest number that is free. */
	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/*
 * The exit status that the child gave, once it has started or ended.  A start
 * may hang: signals that are blocked for the daemon end the parent.
 */
static int
wait_for(pid_t child, int fd)
{
	unsigned char octet;
	sigset_t none;
	int status;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	if (read(fd, &octet, 1) == 1)
		return EX_OK;
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) != EX_OK)
		return WEXITSTATUS(status);
	return EX_OSERR;
}

bool
process_background(int *status)
{
	int fds[2];

	*status = -1;
	if (pipe(fds) != 0)
		return false;
	pid_t pid = fork();
	if (pid < 0) {
		int saved = errno;

		close(fds[0]);
		close(fds[1]);
		errno = saved;
		return false;
	}
	if (pid == 0) {
		close(fds[0]);
		report_fd = fds[1];
		setsid();
		return true;
	}
	close(fds[1]);
	*status = wait_for(pid, fds[0]);
	close(fds[0]);
	return false;
}

void
process_started(void)
{
	if (report_fd < 0)
		return;

	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
		close(null);
	}
	/* Nobody reads any more where the parent was killed. */
	ssize_t n = write(report_fd, "", 1);
	(void)n;
	close(report_fd);
	report_fd = -1;
}
