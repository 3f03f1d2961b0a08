/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines on their way to a sink that may stand still.  Whoever logs adds a line
 * to one of two buffers and never waits; the writer, a thread, takes the
 * buffer as a whole and sends it while the other one fills.  It is woken by
 * the first line after a silence only, and between two buffers it pauses for
 * some milliseconds: under load one waking serves many lines.
 *
 * What does not fit is dropped and counted; the writer says how many, behind
 * the lines that came before them.  A part of the buffer is kept for what an
 * operator should know, however many messages there are.
 */

#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/lock.h"
#include "base/log_priv.h"
#include "base/stats.h"
#include "base/util.h"

#define BUFFER_SIZE (512 * 1024)
#define MESSAGES_SIZE (BUFFER_SIZE / 4 * 3)	/* of level info and debug */
#define PAUSE_SIZE (BUFFER_SIZE / 4)	/* ends a pause */
#define PAUSE_MS 5
/* At the end: without progress, and in all. */
#define STOP_IDLE_MS 1000
#define STOP_MS 4000
/* Before the program is ended. */
#define LAST_TRIES 100
#define LAST_TRY_MS 10

/* A line in a buffer; its fields follow. */
struct entry {
	int64_t		 time_ms;
	enum log_level	 level;
	enum log_event	 event;
	size_t		 len;
};

struct buffer {
	size_t	 len;
	char	 octets[BUFFER_SIZE];
};

static struct buffer buffers[2];

static atomic_bool running;
static pthread_t writer;
static struct lock lock = LOCK_INITIALIZER;
static struct cond changed;		/* a line, or the end */
static struct cond ended;
static struct buffer *filling LOCK_GUARDED_BY(lock) = &buffers[0];
static unsigned dropped LOCK_GUARDED_BY(lock);
static bool asleep LOCK_GUARDED_BY(lock);
static bool has_ended LOCK_GUARDED_BY(lock);
static _Atomic int64_t stop_ms;		/* the writer ends; 0: not yet */

/* The last line of a thread that ends the program. */
enum last { LAST_NONE, LAST_TAKEN, LAST_GIVEN, LAST_SENT };
static atomic_int last;
static struct log_line last_line;

static bool	add(const struct log_line *line) LOCK_REQUIRES(lock);
static bool
add(const struct log_line *line)
{
	const struct entry e = { line->time_ms, line->level, line->event,
		line->len };
	size_t size = line->level <= LOG_LEVEL_WARNING ? BUFFER_SIZE
	    : MESSAGES_SIZE;
	char *end = filling->octets + filling->len;

	if (filling->len + sizeof(e) + line->len > size) {
		dropped++;
		return false;
	}
	memcpy(end, &e, sizeof(e));
	memcpy(end + sizeof(e), line->fields, line->len);
	filling->len += sizeof(e) + line->len;
	return true;
}

bool
log_queue_put(const struct log_line *line)
{
	if (!atomic_load_explicit(&running, memory_order_acquire))
		return false;

	lock_acquire(&lock);
	bool added = add(line);
	bool wake = asleep || filling->len > PAUSE_SIZE;
	asleep = false;
	lock_release(&lock);
	if (wake)
		cond_signal(&changed);
	if (!added)
		stats_inc(STATS_LOG_DROPPED);
	return true;
}

/* The writer */

/* A sink that takes something may take some time. */
static void
extend_stop(void)
{
	int64_t stop = atomic_load(&stop_ms);

	if (stop == 0)
		return;
	int64_t idle_ms = util_now_ms() + STOP_IDLE_MS;
	log_sink_wait_until(idle_ms < stop ? idle_ms : stop);
}

/* How many lines are lost. */
static unsigned
send_buffer(struct buffer *b)
{
	unsigned lost = 0;
	struct entry e;

	for (size_t at = 0; at < b->len; at += sizeof(e) + e.len) {
		memcpy(&e, b->octets + at, sizeof(e));
		const struct log_line line = { e.time_ms, e.level, e.event,
			e.len, b->octets + at + sizeof(e) };
		uint64_t before = log_sink_taken();
		lost += log_sink_add(&line);
		if (log_sink_taken() != before)
			extend_stop();
	}
	b->len = 0;
	return lost + log_sink_flush();
}

/* A warning of the queue itself, behind the lines that it is about. */
static bool
tell(enum log_event event, const char *text)
{
	char storage[LOG_LINE_OCTETS];
	struct sbuf sb;

	if (!log_enabled(LOG_LEVEL_WARNING))
		return true;
	sbuf_init(&sb, storage, sizeof(storage));
	const struct log_line line = log_line_of(LOG_LEVEL_WARNING, event,
	    text, &sb);
	log_recent_note(&line);
	return log_sink_add(&line) + log_sink_flush() == 0;
}

static bool
tell_dropped(unsigned lines)
{
	char text[80];
	struct sbuf sb;

	sbuf_init(&sb, text, sizeof(text));
	sbuf_fmt(&sb, "%u log lines dropped: they were not taken in time",
	    lines);
	return tell(LOG_EVENT_DROPPED, text);
}

static void
tell_suppressed(bool at_end)
{
	int64_t now_ms = util_now_ms();
	char text[200];
	struct sbuf sb;

	while (at_end || log_limit_due() <= now_ms) {
		sbuf_init(&sb, text, sizeof(text));
		if (!log_limit_tell(now_ms, at_end, &sb))
			return;
		(void)tell(LOG_EVENT_SUPPRESSED, text);
	}
}

static void
send_last(void)
{
	if (atomic_load(&last) != LAST_GIVEN)
		return;
	if (log_sink_add(&last_line) + log_sink_flush() == 0)
		atomic_store(&last, LAST_SENT);
}

/* False: it is that late, and nothing has come. */
static bool	sleep_until(int64_t when_ms) LOCK_REQUIRES(lock);
static bool
sleep_until(int64_t when_ms)
{
	if (when_ms != INT64_MAX)
		return cond_wait_until(&changed, &lock, when_ms);
	cond_wait(&changed, &lock);
	return true;
}

/*
 * Waits for lines, or until repeats are to be told; false: the end has come
 * and there are none.
 */
static bool	wait_for_lines(void) LOCK_REQUIRES(lock);
static bool
wait_for_lines(void)
{
	int64_t pause_ms = util_now_ms() + PAUSE_MS;

	while (filling->len <= PAUSE_SIZE && atomic_load(&stop_ms) == 0 &&
	    atomic_load(&last) != LAST_GIVEN &&
	    cond_wait_until(&changed, &lock, pause_ms))
		;
	while (filling->len == 0 && dropped == 0) {
		if (atomic_load(&stop_ms) != 0)
			return false;
		if (atomic_load(&last) == LAST_GIVEN)
			return true;
		asleep = true;
		if (!sleep_until(log_limit_due()))
			return true;
	}
	return true;
}

static void *
run(void *arg)
{
	unsigned untold = 0;

	(void)arg;
	lock_acquire(&lock);
	while (wait_for_lines()) {
		struct buffer *full = filling;
		unsigned lost = dropped;

		filling = full == &buffers[0] ? &buffers[1] : &buffers[0];
		dropped = 0;
		lock_release(&lock);
		untold += lost;
		lost = send_buffer(full);
		stats_add(STATS_LOG_DROPPED, lost);
		untold += lost;
		if (untold > 0 && tell_dropped(untold))
			untold = 0;
		tell_suppressed(false);
		send_last();
		lock_acquire(&lock);
	}
	lock_release(&lock);
	tell_suppressed(true);
	lock_acquire(&lock);
	has_ended = true;
	cond_signal(&ended);
	lock_release(&lock);
	return NULL;
}

/* Start and end */

bool
log_start(void)
{
	cond_init(&changed);
	cond_init(&ended);
	atomic_store(&stop_ms, 0);
	lock_acquire(&lock);
	has_ended = false;
	lock_release(&lock);
	log_sink_wait_until(INT64_MAX);
	errno = thread_start(&writer, run, NULL);
	if (errno != 0)
		return false;
	atomic_store_explicit(&running, true, memory_order_release);
	return true;
}

void
log_stop(void)
{
	if (!atomic_load(&running))
		return;

	int64_t until_ms = util_now_ms() + STOP_MS;

	lock_acquire(&lock);
	atomic_store(&stop_ms, until_ms);
	extend_stop();
	cond_signal(&changed);
	/* Another process may have filled a pipe that had room. */
	while (!has_ended && cond_wait_until(&ended, &lock, until_ms +
	    STOP_IDLE_MS))
		;
	bool joinable = has_ended;
	lock_release(&lock);
	if (!joinable)
		return;
	pthread_join(writer, NULL);
	atomic_store(&running, false);
}

bool
log_queue_put_last(const struct log_line *line)
{
	int none = LAST_NONE;

	if (!atomic_load(&running) || pthread_equal(pthread_self(), writer) ||
	    !atomic_compare_exchange_strong(&last, &none, LAST_TAKEN))
		return false;
	last_line = *line;
	atomic_store(&last, LAST_GIVEN);
	for (int i = 0; i < LAST_TRIES && atomic_load(&last) != LAST_SENT;
	    i++) {
		cond_signal(&changed);
		poll(NULL, 0, LAST_TRY_MS);
	}
	return atomic_load(&last) == LAST_SENT;
}
