/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools every module needs: allocation, bounded text, numbers, clock, diag. */

/*
 * Out of memory ends the program on purpose: libspf2 aborts in that case
 * anyway, and code that never runs is code that is never tested.  Therefore
 * every size that comes from outside is bounded before it gets here.
 */

#include "config.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SMALL_MAX 1024
#define READ_AT_FIRST 4096

static void (*tell_death)(const char *what);

void
util_on_death(void (*tell)(const char *what))
{
	tell_death = tell;
}

void
util_die(const char *fmt, ...)
{
	static atomic_flag dying = ATOMIC_FLAG_INIT;
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* Telling may die, too. */
	if (tell_death != NULL && !atomic_flag_test_and_set(&dying))
		tell_death(what);
	else
		fprintf(stderr, "spf-milter: %s\n", what);
	abort();
}

#ifdef __GLIBC__
/* In place of the one of libc: the end of assert(3), in libraries too. */
void
__assert_fail(const char *assertion, const char *file, unsigned line,
    const char *function)
{
	util_die("%s:%u: %s: assertion \"%s\" does not hold", file, line,
	    function != NULL ? function : "?", assertion);
}
#endif

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
		util_die("out of memory");
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		util_die("allocation too large");

	size_t octets = n * size;
	void *q = realloc(p, octets > 0 ? octets : 1);
	if (q == NULL)
		util_die("out of memory");
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

char *
xvasprintf(const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		util_die("text cannot be formatted");

	size_t size = (size_t)len + 1;
	char *text = xreallocarray(NULL, size, 1);
	if (vsnprintf(text, size, fmt, ap) != len)
		util_die("text cannot be formatted");
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
sbuf_escape(struct sbuf *sb, char octet)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char u = (unsigned char)octet;
	const char text[UTIL_ESCAPE_LENGTH] = { '\\', 'x', digits[u >> 4],
		digits[u & 15] };

	sbuf_add(sb, text, sizeof(text));
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

char *
util_read_text(int fd, size_t max)
{
	char *text = NULL;
	size_t size = 0;
	size_t len = 0;
	ssize_t n;

	do {
		if (len == size) {
			size = size == 0 ? READ_AT_FIRST : 2 * size;
			text = xreallocarray(text, size + 1, 1);
		}
		n = read(fd, text + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len <= max) || (n < 0 && errno == EINTR));
	text[len] = '\0';
	if (n == 0 && strlen(text) == len)
		return text;
	if (n >= 0)
		errno = n > 0 ? EFBIG : EILSEQ;
	free(text);
	return NULL;
}

int64_t
util_now_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		util_die("no monotonic clock");
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
util_now_ms(void)
{
	return util_now_us() / 1000;
}

/* The length of a character; 0: not UTF-8. */
static size_t
utf8_decode(const char *s, size_t len, uint32_t *out)
{
	/* By length: the least that needs it. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)*s;
	size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	uint32_t c = lead & (0x7fU >> n);

	if (lead < 0xc0 || lead > 0xf7 || len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (next & 0x3f);
	}
	*out = c;
	return c >= least[n] ? n : 0;
}

size_t
util_utf8_print(const char *s, size_t len)
{
	/*
	 * Unicode: controls, blanks, Default_Ignorable_Code_Point, surrogates,
	 * private use; from planes 14 on nothing is left.
	 */
	static const struct {
		uint32_t first;
		uint32_t last;
	} hidden[] = {
		{ 0x80, 0xa0 }, { 0xad, 0xad }, { 0x34f, 0x34f },
		{ 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f },
		{ 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x3000, 0x3000 },
		{ 0x3164, 0x3164 }, { 0xd800, 0xf8ff }, { 0xfdd0, 0xfdef },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, UINT32_MAX },
	};
	uint32_t c = 0;
	size_t n = utf8_decode(s, len, &c);

	if ((c & 0xfffe) == 0xfffe)
		return 0;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return 0;
	return n;
}

size_t
util_print_cut(const char *s, size_t len)
{
	for (size_t back = 1; back < 4 && back <= len; back++) {
		const char *last = s + len - back;
		if (util_print_length(last, strnlen(last, 4)) > back)
			return len - back;
	}
	return len;
}

void
util_lower_octets(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s[i] = util_lower(s[i]);
}

bool
util_is_ascii(const char *s)
{
	while (*s != '\0' && (unsigned char)*s < 0x80)
		s++;
	return *s == '\0';
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

void
diag_print(const struct diag *d, const char *program)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[2048];
		struct sbuf sb;

		sbuf_init(&sb, line, sizeof(line));
		diag_format(&d->entries[i], &sb);
		fprintf(stderr, "%s: %s\n", program, line);
	}
}
