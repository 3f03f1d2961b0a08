/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syslog(3) in place of the one of libc: what libraries say is a line of our
 * log like any other, in the same place, and they do not wait for a syslog
 * daemon either.  The names with two underscores are what _FORTIFY_SOURCE
 * makes of a call.  <syslog.h> may define them inline, so it stays out.
 */

#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log_priv.h"

#define SEVERITY 7		/* the bits of it; RFC 5424 s6.2.1 */

void	syslog(int priority, const char *fmt, ...) UTIL_PRINTF(2, 3);
void	vsyslog(int priority, const char *fmt, va_list ap) UTIL_PRINTF(2, 0);
void	__syslog_chk(int priority, int flag, const char *fmt, ...)
	    UTIL_PRINTF(3, 4);
void	__vsyslog_chk(int priority, int flag, const char *fmt, va_list ap)
	    UTIL_PRINTF(3, 0);

static enum log_level
level_of(int priority)
{
	int severity = priority & SEVERITY;

	if (severity <= 3)
		return LOG_LEVEL_ERROR;
	if (severity == 4)
		return LOG_LEVEL_WARNING;
	return severity == SEVERITY ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void
vsyslog(int priority, const char *fmt, va_list ap)
{
	char text[LOG_LINE_OCTETS];

	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		log_text(level_of(priority), fmt, text);
}

void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsyslog(priority, fmt, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	vsyslog(priority, fmt, ap);
	va_end(ap);
}

void
__vsyslog_chk(int priority, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	vsyslog(priority, fmt, ap);
}
