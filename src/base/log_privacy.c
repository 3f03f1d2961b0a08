/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local parts are those of people.  What stands in their place is made where
 * the line is, so that nothing behind it, the queue, sinks, what is remembered
 * of errors, has ever seen them: "*", or "*" and a hash of the whole address
 * (HMAC-SHA-256 in base32, cut to 60 bits), so that equal local parts of two
 * domains are not seen to be equal.  Its key is random, kept in memory alone,
 * and another one each day of UTC: who is followed is lost at midnight, and
 * nobody, not even we, can tell later whose hash it was.  A line that another
 * thread has begun just before midnight gets the key of the new day: there is
 * one key at a time, and a day has no more than one.
 */

#include "config.h"

#include <sys/random.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <nettle/hmac.h>

#include "base/lock.h"
#include "base/log_priv.h"
#include "base/util.h"

#define DAY_MS (86400 * INT64_C(1000))
#define KEY_OCTETS 32
#define HASH_LETTERS 12
#define NO_DAY INT64_MIN

static atomic_int privacy = LOG_PRIVACY_NONE;

static struct lock lock = LOCK_INITIALIZER;
static int64_t key_day LOCK_GUARDED_BY(lock) = NO_DAY;
static uint8_t key[KEY_OCTETS] LOCK_GUARDED_BY(lock);

void
log_set_privacy(enum log_privacy p)
{
	if (atomic_exchange(&privacy, (int)p) != (int)p)
		log_recent_forget();
}

static enum log_privacy
current(void)
{
	return (enum log_privacy)atomic_load_explicit(&privacy,
	    memory_order_relaxed);
}

bool
log_hides(void)
{
	return current() != LOG_PRIVACY_NONE;
}

/* False: the kernel has none, which it tells before it is up only. */
static bool
draw(uint8_t out[KEY_OCTETS])
{
	ssize_t n;

	do {
		n = getrandom(out, KEY_OCTETS, 0);
	} while (n < 0 && errno == EINTR);
	return n == KEY_OCTETS;
}

static bool
key_of(int64_t day, uint8_t out[KEY_OCTETS])
{
	lock_acquire(&lock);
	if (day != key_day && (key_day == NO_DAY ||
	    day != key_day - 1))
		key_day = draw(key) ? day : NO_DAY;
	bool is_there = key_day != NO_DAY;
	memcpy(out, key, KEY_OCTETS);
	lock_release(&lock);
	return is_there;
}

static void
put_hash(struct sbuf *out, const char *address, size_t len, int64_t time_ms)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t secret[KEY_OCTETS];
	uint8_t digest[HASH_LETTERS];
	struct hmac_sha256_ctx hmac;

	if (!key_of(time_ms / DAY_MS, secret))
		return;
	hmac_sha256_set_key(&hmac, sizeof(secret), secret);
	for (size_t i = 0; i < len; i++) {
		const uint8_t c = (uint8_t)util_lower(address[i]);
		hmac_sha256_update(&hmac, 1, &c);
	}
	hmac_sha256_digest(&hmac, sizeof(digest), digest);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(&hmac, sizeof(hmac));
	for (size_t i = 0; i < HASH_LETTERS; i++)
		sbuf_char(out, letters[digest[i] & 31]);
}

/* What cannot be a domain may be anything, a local part as well. */
static bool
is_domain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!util_is_alnum(s[i]) && (unsigned char)s[i] < 0x80 &&
		    strchr(".-_[]:", s[i]) == NULL)
			return false;
	return true;
}

void
log_privacy_put(struct sbuf *out, const char *address, size_t len,
    int64_t time_ms)
{
	size_t at = len;

	while (at > 0 && address[at - 1] != '@')
		at--;
	const char *domain = address + at;

	sbuf_char(out, '*');
	if (current() == LOG_PRIVACY_HASH)
		put_hash(out, address, len, time_ms);
	if (at == 0 || !is_domain(domain, len - at))
		return;
	sbuf_char(out, '@');
	sbuf_add(out, domain, len - at < LOG_VALUE_MAX ? len - at :
	    LOG_VALUE_MAX);
}

void
log_privacy_put_name(struct sbuf *out, const char *name)
{
	size_t len = strlen(name);
	size_t at = len;

	for (unsigned labels = 0; at > 0; at--)
		if (name[at - 1] == '.' && at < len && ++labels == 2)
			break;
	/* Some clients give an address in HELO; it is asked for as it is. */
	const char *host = strrchr(name + at, '@');
	if (host != NULL)
		sbuf_str(out, "*@");
	else if (at > 0)
		sbuf_str(out, "*.");
	sbuf_str(out, host != NULL ? host + 1 : name + at);
}
