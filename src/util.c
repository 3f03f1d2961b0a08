/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools every module needs: allocation, bounded text, numbers, clock, diag. */

/*
 * Out of memory ends the program on purpose: libspf2 aborts in that case
 * anyway, and code that never runs is code that is never tested.  Therefore
 * every size that comes from outside is bounded before it gets here.
 */

#include "config.h"

#include "util.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SMALL_MAX 1024

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "spf-milter: %s\n", what);
	abort();
}

void *
xcalloc(size_t n, size_t size)
{
	/*
	 * glibc's calloc does not look into the thread's own free chunks, which
	 * hold up to a kilobyte; for large ones it knows what is zero already.
	 */
	if (size > 0 && n <= SMALL_MAX / size)
		return memset(xreallocarray(NULL, n, size), 0, n * size);

	/* Zero octets may yield NULL, which would look like a failure. */
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
	if (p == NULL)
		die("out of memory");
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		die("allocation too large");

	size_t octets = n * size;
	void *q = realloc(p, octets > 0 ? octets : 1);
	if (q == NULL)
		die("out of memory");
	return q;
}

void *
xmemdup(const void *p, size_t len)
{
	void *q = xreallocarray(NULL, len, 1);

	if (len > 0)
		memcpy(q, p, len);
	return q;
}

char *
xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *
xstrndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *copy = xreallocarray(NULL, len + 1, 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

static char *xvasprintf(const char *fmt, va_list ap) UTIL_PRINTF(1, 0);

static char *
xvasprintf(const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		die("text cannot be formatted");

	size_t size = (size_t)len + 1;
	char *text = xreallocarray(NULL, size, 1);
	if (vsnprintf(text, size, fmt, ap) != len)
		die("text cannot be formatted");
	return text;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return text;
}

void
sbuf_init(struct sbuf *sb, char *storage, size_t size)
{
	assert(size > 0);
	sb->data = storage;
	sb->size = size;
	sb->len = 0;
	sb->overflow = false;
	storage[0] = '\0';
}

void
sbuf_add(struct sbuf *sb, const void *data, size_t len)
{
	if (sb->overflow || len >= sb->size - sb->len) {
		sb->overflow = true;
		return;
	}
	if (len > 0)
		memcpy(sb->data + sb->len, data, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void
sbuf_str(struct sbuf *sb, const char *s)
{
	sbuf_add(sb, s, strlen(s));
}

void
sbuf_uint(struct sbuf *sb, uint64_t n)
{
	char digits[20];		/* of UINT64_MAX */
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	sbuf_add(sb, digits + i, sizeof(digits) - i);
}

void
sbuf_fmt(struct sbuf *sb, const char *fmt, ...)
{
	if (sb->overflow)
		return;

	size_t room = sb->size - sb->len;
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(sb->data + sb->len, room, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= room) {
		sb->data[sb->len] = '\0';
		sb->overflow = true;
		return;
	}
	sb->len += (size_t)len;
}

bool
sbuf_ok(const struct sbuf *sb)
{
	return !sb->overflow;
}

bool
util_copy(char *dst, size_t size, const char *s)
{
	assert(size > 0);
	size_t len = strnlen(s, size);
	bool whole = len < size;

	if (!whole)
		len = size - 1;
	memcpy(dst, s, len);
	dst[len] = '\0';
	return whole;
}

bool
util_parse_uint(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!util_is_digit(s[i]))
			return false;
		unsigned digit = (unsigned)(s[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

int64_t
util_now_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		die("no monotonic clock");
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool
util_eq_nocase(const char *a, const char *b)
{
	while (*a != '\0' && util_lower(*a) == util_lower(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

bool
util_has_prefix_nocase(const char *s, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	if (len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (util_lower(s[i]) != util_lower(prefix[i]))
			return false;
	}
	return true;
}

void
diag_init(struct diag *d)
{
	d->entries = NULL;
	d->count = 0;
}

void
diag_fini(struct diag *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->entries[i].file);
		free(d->entries[i].message);
	}
	free(d->entries);
	diag_init(d);
}

void
diag_add(struct diag *d, const char *file, unsigned line, const char *fmt, ...)
{
	d->entries = xreallocarray(d->entries, d->count + 1,
	    sizeof(*d->entries));
	struct diag_entry *e = &d->entries[d->count++];

	e->file = file != NULL ? xstrdup(file) : NULL;
	e->line = line;
	va_list ap;
	va_start(ap, fmt);
	e->message = xvasprintf(fmt, ap);
	va_end(ap);
}

void
diag_format(const struct diag_entry *e, struct sbuf *out)
{
	if (e->file != NULL && e->line > 0)
		sbuf_fmt(out, "%s:%u: ", e->file, e->line);
	else if (e->file != NULL)
		sbuf_fmt(out, "%s: ", e->file);
	sbuf_str(out, e->message);
}
