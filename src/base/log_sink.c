/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which log lines go where: standard error, or the socket of syslog(3) or of
 * the journal.  None is written to before it can take something, since standard
 * error may be shared with others who expect it to block, and no longer than we
 * are told to wait.
 *
 * syslog(3) itself holds a lock while it waits for the socket.  What it sends
 * is one datagram a line: priority, time, name and number of the process, text
 * (RFC 3164); some daemons have a stream, with a NUL behind each line.
 */

#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/log_priv.h"
#include "base/unix_socket.h"
#include "base/util.h"

#define SLICE_MS 100		/* a poll; then new deadlines count */
#define ABSENT_MS 2000		/* a syslog daemon is being restarted */
#define CHUNK 4096		/* PIPE_BUF: what poll says fits whole */
/* Of the journal's: the text, and each pair once more, all escaped. */
#define FORMATTED_MAX (LOG_LINE_OCTETS + 1024 + \
	LOG_PAIRS_MAX * (LOG_VALUE_MAX * UTIL_ESCAPE_LENGTH + 40))
#define LAST_MAX (3 * LOG_LINE_OCTETS)	/* of a message alone */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_int wanted_target = LOG_TARGET_STDERR;
static enum log_target current_target = LOG_TARGET_STDERR;	/* the sink's */
static atomic_int current_facility;
static atomic_int current_format = LOG_FORMAT_TEXT;
static _Atomic int64_t deadline_ms = INT64_MAX;

static struct {
	int	 fd;		/* of a socket; -1: not connected */
	bool	 stream;
	bool	 absent;	/* has been for long: lines are lost at once */
	bool	 torn;		/* standard error ends within a line */
	uint64_t taken;		/* octets, since the start */
	unsigned lines;		/* in octets */
	size_t	 len;
	char	 octets[FORMATTED_MAX];	/* more than CHUNK */
	char	 next[FORMATTED_MAX];	/* the line that comes to them */
} sink = { .fd = -1 };

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level,
	    memory_order_relaxed);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level,
	    memory_order_relaxed);
}

void
log_set_format(enum log_format format)
{
	atomic_store_explicit(&current_format, (int)format,
	    memory_order_relaxed);
}

void
log_set_target(enum log_target target, int facility)
{
	atomic_store(&current_facility, facility);
	atomic_store(&wanted_target, (int)target);
}

/* Text of lines */

static void
put_syslog_header(struct sbuf *out, const struct log_line *line)
{
	const time_t when = (time_t)(line->time_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm);
	sbuf_fmt(out, "<%d>%s spf-milter[%ld]: ",
	    atomic_load(&current_facility) | log_levels[line->level].priority,
	    text, (long)getpid());
}

static void
put_line(struct sbuf *out, enum log_target target,
    const struct log_line *line)
{
	if (atomic_load_explicit(&current_format, memory_order_relaxed) ==
	    LOG_FORMAT_JSON) {
		log_json_put(out, line);
		return;
	}
	if (target == LOG_TARGET_STDERR)
		sbuf_str(out, "spf-milter: ");
	log_text_put(out, line);
}

/* How many octets line takes in out. */
static size_t
format(enum log_target target, char *out, size_t size,
    const struct log_line *line)
{
	struct sbuf sb;

	sbuf_init(&sb, out, size);
	switch (target) {
	case LOG_TARGET_SYSLOG:
		put_syslog_header(&sb, line);
		put_line(&sb, target, line);
		break;
	case LOG_TARGET_STDERR:
		put_line(&sb, target, line);
		sbuf_char(&sb, '\n');
		break;
	case LOG_TARGET_JOURNALD:
		log_journal_put(&sb, line, atomic_load(&current_facility));
		break;
	}
	return sb.len;
}

/* Sending */

static bool
is_late(void)
{
	return util_now_ms() >= atomic_load(&deadline_ms);
}

/* False: it has taken nothing for as long as we may wait. */
static bool
wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	do {
		/* An error is for the caller to find. */
		if (poll(&p, 1, is_late() ? 0 : SLICE_MS) != 0)
			return true;
	} while (!is_late());
	return false;
}

static int
connect_to(enum log_target target, int type)
{
	return unix_socket_connect(target == LOG_TARGET_SYSLOG ? _PATH_LOG :
	    JOURNAL_SOCKET, type | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool
connect_socket(void)
{
	if (sink.fd >= 0)
		close(sink.fd);
	sink.stream = false;
	sink.fd = connect_to(current_target, SOCK_DGRAM);
	if (sink.fd < 0 && errno == EPROTOTYPE &&
	    current_target == LOG_TARGET_SYSLOG) {
		sink.fd = connect_to(current_target, SOCK_STREAM);
		sink.stream = sink.fd >= 0;
	}
	return sink.fd >= 0;
}

/* Again, for a while, unless it has been tried for so long already. */
static bool
reconnect(void)
{
	int64_t until_ms = sink.absent ? 0 : util_now_ms() + ABSENT_MS;

	while (!connect_socket()) {
		sink.absent = util_now_ms() >= until_ms;
		if (sink.absent || is_late())
			return false;
		poll(NULL, 0, SLICE_MS);
	}
	sink.absent = false;
	return true;
}

static bool
has_socket(void)
{
	return current_target != LOG_TARGET_STDERR;
}

static ssize_t
send_some(const char *octets, size_t len)
{
	if (has_socket())
		return send(sink.fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(STDERR_FILENO, octets, len);
}

/*
 * Whether sending is to be tried again after errno.  renewed: the socket is a
 * new one and has taken nothing yet; the next one would be no better.
 */
static bool
may_go_on(bool *renewed)
{
	if (errno == EINTR)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return wait_for(has_socket() ? sink.fd : STDERR_FILENO);
	if (errno == ENOBUFS) {		/* of which poll knows nothing */
		poll(NULL, 0, SLICE_MS);
		return !is_late();
	}
	if (!has_socket() || errno == EMSGSIZE || *renewed)
		return false;
	*renewed = true;
	return reconnect();
}

static bool
send_all(const char *octets, size_t len)
{
	bool renewed = false;

	if (has_socket() && sink.fd < 0) {
		if (!reconnect())
			return false;
	} else if (!has_socket() && !wait_for(STDERR_FILENO)) {
		return false;
	}
	if (sink.stream)
		len++;
	while (len > 0) {
		ssize_t n = send_some(octets, len);
		if (n < 0 && !may_go_on(&renewed))
			return false;
		if (n > 0) {
			if (!has_socket())
				sink.torn = octets[n - 1] != '\n';
			sink.taken += (uint64_t)n;
			octets += n;
			len -= (size_t)n;
			renewed = false;
		}
	}
	return true;
}

static void
turn_to(enum log_target target)
{
	if (sink.fd >= 0)
		close(sink.fd);
	sink.fd = -1;
	sink.stream = false;
	current_target = target;
	if (has_socket())
		sink.absent = !connect_socket();
}

void
log_sink_open(enum log_target target, int facility)
{
	log_set_target(target, facility);
	tzset();
	turn_to(target);
}

void
log_sink_wait_until(int64_t when_ms)
{
	atomic_store(&deadline_ms, when_ms);
}

uint64_t
log_sink_taken(void)
{
	return sink.taken;
}

unsigned
log_sink_flush(void)
{
	unsigned lines = sink.lines;
	size_t len = sink.len;

	sink.lines = 0;
	sink.len = 0;
	/* The NUL that a stream wants is there. */
	return len == 0 || send_all(sink.octets, len) ? 0 : lines;
}

unsigned
log_sink_add(const struct log_line *line)
{
	enum log_target target = (enum log_target)atomic_load(&wanted_target);
	unsigned lost = 0;

	if (target != current_target) {
		lost = log_sink_flush();
		turn_to(target);
	}
	size_t len = format(target, sink.next, sizeof(sink.next), line);
	/* A datagram is one line. */
	if (sink.len > 0 && (has_socket() || sink.len + len > CHUNK))
		lost += log_sink_flush();
	if (sink.len == 0 && sink.torn && !has_socket())
		sink.octets[sink.len++] = '\n';
	memcpy(sink.octets + sink.len, sink.next, len);
	/* What a stream wants behind it. */
	sink.octets[sink.len + len] = '\0';
	sink.len += len;
	sink.lines++;
	return lost;
}

static void
send_last_to_stderr(const struct log_line *line)
{
	char octets[LAST_MAX];
	size_t len = format(LOG_TARGET_STDERR, octets, sizeof(octets), line);
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n = poll(&p, 1, 0);

	if (n == 1)
		n = write(STDERR_FILENO, octets, len);
	(void)n;
}

static void
send_last_to_socket(enum log_target target, const struct log_line *line)
{
	char octets[LAST_MAX];
	size_t len = format(target, octets, sizeof(octets), line);
	ssize_t n = connect_to(target, SOCK_DGRAM);

	if (n >= 0)
		n = send((int)n, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)n;
}

void
log_sink_send_last(const struct log_line *line, bool sent)
{
	enum log_target target = (enum log_target)atomic_load(&wanted_target);
	bool on_stderr = target == LOG_TARGET_STDERR;

	if (!on_stderr && !sent)
		send_last_to_socket(target, line);
	/* Whoever runs us in the foreground may read it. */
	if (!on_stderr || !sent)
		send_last_to_stderr(line);
}
