/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools every module needs: allocation, bounded text, numbers, clock, diag. */

#ifndef UTIL_H
#define UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define UTIL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define UTIL_PRINTF(f, a)
#endif

/*
 * Ends the program by abort(3), as failed assertions do.  The reason goes to
 * standard error, or to what was given to util_on_death before threads.
 */
_Noreturn void util_die(const char *fmt, ...) UTIL_PRINTF(1, 2);
void	util_on_death(void (*tell)(const char *what));

/*
 * Allocation that cannot fail: out of memory, or a size that overflows,
 * aborts with a message.  Bound every size taken from outside before calling.
 * Memory is zeroed by xcalloc only.  The caller frees with free().
 */
void	*xcalloc(size_t n, size_t size);
void	*xreallocarray(void *p, size_t n, size_t size);
void	*xmemdup(const void *p, size_t len);
char	*xstrdup(const char *s);
char	*xstrndup(const char *s, size_t max);
char	*xasprintf(const char *fmt, ...) UTIL_PRINTF(1, 2);
char	*xvasprintf(const char *fmt, va_list ap) UTIL_PRINTF(1, 0);

/*
 * Text in storage of the caller.  What does not fit is dropped and
 * remembered: overflow stays true, the text stays as long as it was before
 * the piece that did not fit, and nothing is added after it.  data is always
 * terminated by NUL.
 */
struct sbuf {
	char	*data;
	size_t	 size;		/* octets of storage, at least 1 */
	size_t	 len;		/* octets used, without the NUL */
	bool	 overflow;
};

void	sbuf_init(struct sbuf *sb, char *storage, size_t size);
void	sbuf_add(struct sbuf *sb, const void *data, size_t len);
void	sbuf_str(struct sbuf *sb, const char *s);
void	sbuf_uint(struct sbuf *sb, uint64_t n);	/* decimal */
#define UTIL_ESCAPE_LENGTH 4
void	sbuf_escape(struct sbuf *sb, char octet);	/* \xNN */
void	sbuf_fmt(struct sbuf *sb, const char *fmt, ...) UTIL_PRINTF(2, 3);
bool	sbuf_ok(const struct sbuf *sb);

/* Inline like the tests of octets below: called for each octet of a text. */
static inline void
sbuf_char(struct sbuf *sb, char c)
{
	if (sb->overflow || sb->size - sb->len <= 1) {
		sb->overflow = true;
		return;
	}
	sb->data[sb->len++] = c;
	sb->data[sb->len] = '\0';
}

/* Copies at most size - 1 octets and terminates; false if s was cut. */
bool	util_copy(char *dst, size_t size, const char *s);

/* Decimal digits only, the whole of len octets, at most max. */
bool	util_parse_uint(const char *s, size_t len, uint64_t max,
	    uint64_t *out);

/*
 * What can be read from fd, with a NUL behind it; the caller frees it.  NULL:
 * errno, EFBIG for more than max octets, EILSEQ where a NUL is among them.
 */
char	*util_read_text(int fd, size_t max);

/* Monotonic milliseconds; all deadlines are absolute values of this clock. */
int64_t	util_now_ms(void);
int64_t	util_now_us(void);	/* the same, for what is measured */

/* ASCII only, independent of the locale. */
static inline bool
util_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
util_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
util_is_alnum(char c)
{
	return util_is_alpha(c) || util_is_digit(c);
}

/* SP HT CR LF VT FF */
static inline bool
util_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* 0x20 to 0x7e */
static inline bool
util_is_print(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

/*
 * Octets of the character that the len octets of s begin with, 0 if it is not
 * printable: a control, not UTF-8 (RFC 3629), or one that is not seen or that
 * turns the direction of what stands around it.  SP is the only blank.
 */
size_t	util_utf8_print(const char *s, size_t len);

static inline size_t
util_print_length(const char *s, size_t len)
{
	if ((unsigned char)*s < 0x80)
		return util_is_print(*s) ? 1 : 0;
	return util_utf8_print(s, len);
}

/* len, or less where that would cut a printable character of the text s. */
size_t	util_print_cut(const char *s, size_t len);

static inline char
util_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

void	util_lower_octets(char *s, size_t len);	/* in place */
bool	util_is_ascii(const char *s);		/* all of it */
bool	util_eq_nocase(const char *a, const char *b);
bool	util_has_prefix_nocase(const char *s, size_t len, const char *prefix);

/*
 * Messages about one input, collected so that all are reported at once.
 * file may be NULL (no place), line 0 (no line).
 */
struct diag_entry {
	char	*file;
	unsigned line;
	char	*message;
};

struct diag {
	struct diag_entry	*entries;
	size_t			 count;
};

void	diag_init(struct diag *d);
void	diag_fini(struct diag *d);
void	diag_add(struct diag *d, const char *file, unsigned line,
	    const char *fmt, ...) UTIL_PRINTF(4, 5);
/* "file:line: message" into out; for printing and logging alike. */
void	diag_format(const struct diag_entry *e, struct sbuf *out);
/* All of it on standard error, "program: file:line: message" a line. */
void	diag_print(const struct diag *d, const char *program);

#endif
