/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Octets of a token: version, flags, level, 4 of time, the client's 4 or 16,
 * then domain, receiver, client's name, rule and reason, each ended by NUL,
 * zeros up to a multiple of three, and 16 octets of HMAC-SHA256 (RFC 2104 s5:
 * half of it is enough).  A multiple of three needs no padding in base64url.
 *
 * The length is bounded by what MTAs pass on in one line, so the names, that
 * matter most, come first, and the texts behind them get what is left.
 */

#include "config.h"

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "policy/token.h"

#define TOKEN_FORM 1
#define HEAD_SIZE 7
#define MAC_SIZE 16
#define OCTETS_MAX ((TOKEN_SIZE - 1) / 4 * 3)
#define TEXT_COUNT 5

/* Of the second octet; the result stands in the lowest three bits. */
#define FLAG_RESULT 0x07u
#define FLAG_MAILFROM 0x08u
#define FLAG_NULL_SENDER 0x10u
#define FLAG_V6 0x20u
#define FLAG_DEFERRED 0x40u

_Static_assert(OCTETS_MAX % 3 == 0 && RESULT_COUNT <= FLAG_RESULT + 1,
    "a token fits");
_Static_assert(HEAD_SIZE + 16 + TOKEN_DOMAIN_MAX + TOKEN_RECEIVER_MAX +
    TEXT_COUNT + 2 + MAC_SIZE <= OCTETS_MAX, "both names always fit");

/* Texts. */

void
token_set_text(char *dst, size_t size, const char *text)
{
	size_t n = 0;

	for (; text != NULL && text[n] != '\0' && n + 1 < size; n++)
		dst[n] = util_is_print(text[n]) ? text[n] : '?';
	dst[n] = '\0';
}

void
token_set_name(char *name, size_t size, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (text != NULL && len >= size) {
		text += len - (size - 1);
		const char *dot = strchr(text, '.');
		if (dot != NULL)
			text = dot;
	}
	token_set_text(name, size, text);
}

/* One or two letters tell something only where they stand alone. */
static bool
contains(const char *text, const char *part, size_t len)
{
	size_t size = strlen(text);

	for (size_t at = 0; at + len <= size; at++) {
		bool alone = (at == 0 || !util_is_alnum(text[at - 1])) &&
		    !util_is_alnum(text[at + len]);
		size_t same = 0;

		while (same < len &&
		    util_lower(text[at + same]) == util_lower(part[same]))
			same++;
		if (same == len && (len > 2 || alone))
			return true;
	}
	return false;
}

/* Macros divide at signs only, so what they bring has such a part whole. */
static bool
tells_of(const char *text, const char *local)
{
	while (*local != '\0') {
		size_t len = 0;

		while (util_is_alnum(local[len]))
			len++;
		if (len > 0 && contains(text, local, len))
			return true;
		local += len > 0 ? len : 1;
	}
	return false;
}

void
token_set_problem(struct token *t, const char *problem, const char *local)
{
	token_set_text(t->reason, sizeof(t->reason),
	    tells_of(problem, local) ? NULL : problem);
}

/* Making. */

static void
put_head(struct sbuf *sb, const struct token *t)
{
	unsigned flags = (unsigned)t->result;
	uint32_t time_s = (uint32_t)t->time_s;

	if (t->scope == SCOPE_MAILFROM)
		flags |= FLAG_MAILFROM;
	if (t->null_sender)
		flags |= FLAG_NULL_SENDER;
	if (t->client.family == AF_INET6)
		flags |= FLAG_V6;
	if (t->deferred)
		flags |= FLAG_DEFERRED;
	sbuf_char(sb, TOKEN_FORM);
	sbuf_char(sb, (char)flags);
	sbuf_char(sb, (char)t->level);
	for (int shift = 24; shift >= 0; shift -= 8)
		sbuf_char(sb, (char)(time_s >> shift));
	sbuf_add(sb, t->client.bytes, t->client.family == AF_INET6 ? 16 : 4);
}

/* What there is for a text, with its NUL and those of after more texts. */
static size_t
room_for_text(const struct sbuf *sb, size_t after)
{
	return sb->size - 1 - sb->len - 1 - after;
}

static void
put_text(struct sbuf *sb, const char *text, size_t after)
{
	size_t room = room_for_text(sb, after);
	size_t len = strlen(text);

	sbuf_add(sb, text, len < room ? len : room);
	sbuf_char(sb, '\0');
}

static void
authenticate(const uint8_t *octets, size_t len, const uint8_t key[KEY_SIZE],
    uint8_t mac[MAC_SIZE])
{
	struct hmac_sha256_ctx c;

	hmac_sha256_set_key(&c, KEY_SIZE, key);
	hmac_sha256_update(&c, len, octets);
	hmac_sha256_digest(&c, MAC_SIZE, mac);
	explicit_bzero(&c, sizeof(c));
}

void
token_encode(const struct token *t, const uint8_t key[KEY_SIZE],
    char out[TOKEN_SIZE])
{
	char octets[OCTETS_MAX + 1];
	uint8_t mac[MAC_SIZE];
	struct base64_encode_ctx c;
	struct sbuf sb;

	sbuf_init(&sb, octets, sizeof(octets) - MAC_SIZE);
	put_head(&sb, t);
	put_text(&sb, t->domain, 4);
	put_text(&sb, t->receiver, 3);
	put_text(&sb, strlen(t->client_name) <= room_for_text(&sb, 2) ?
	    t->client_name : "", 2);
	put_text(&sb, t->rule, 1);
	put_text(&sb, t->reason, 0);
	while ((sb.len + MAC_SIZE) % 3 != 0)
		sbuf_char(&sb, '\0');
	assert(sbuf_ok(&sb));
	authenticate((const uint8_t *)octets, sb.len, key, mac);
	memcpy(octets + sb.len, mac, MAC_SIZE);

	base64url_encode_init(&c);
	size_t len = base64_encode_update(&c, out, sb.len + MAC_SIZE,
	    (const uint8_t *)octets);
	len += base64_encode_final(&c, out + len);
	assert(len < TOKEN_SIZE);
	out[len] = '\0';
}

/* Reading. */

/* Octets of a text that is no token come to 0. */
static size_t
octets_of(const char *text, uint8_t octets[OCTETS_MAX])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	struct base64_decode_ctx c;
	size_t len = strlen(text);
	size_t count = OCTETS_MAX;

	if (len >= TOKEN_SIZE || len % 4 != 0 || strspn(text, alphabet) != len)
		return 0;
	base64url_decode_init(&c);
	if (!base64_decode_update(&c, &count, octets, len, text) ||
	    !base64_decode_final(&c))
		return 0;
	return count;
}

static bool
is_authentic(const uint8_t *octets, size_t len,
    const uint8_t (*keys)[KEY_SIZE], size_t key_count)
{
	uint8_t mac[MAC_SIZE];
	bool found = false;

	for (size_t i = 0; i < key_count; i++) {
		authenticate(octets, len, keys[i], mac);
		if (memeql_sec(mac, octets + len, MAC_SIZE))
			found = true;
	}
	return found;
}

/* What is read; nothing where it has ended. */
struct rest {
	const uint8_t	*octets;
	size_t		 len;
};

static bool
take(struct rest *r, void *dst, size_t len)
{
	if (r->len < len)
		return false;
	memcpy(dst, r->octets, len);
	r->octets += len;
	r->len -= len;
	return true;
}

static bool
take_head(struct rest *r, struct token *t)
{
	uint8_t head[HEAD_SIZE];

	if (!take(r, head, sizeof(head)) || head[0] != TOKEN_FORM ||
	    (head[1] & FLAG_RESULT) >= RESULT_COUNT)
		return false;
	t->result = (enum result)(head[1] & FLAG_RESULT);
	t->scope = (head[1] & FLAG_MAILFROM) != 0 ? SCOPE_MAILFROM : SCOPE_HELO;
	t->null_sender = (head[1] & FLAG_NULL_SENDER) != 0;
	t->deferred = (head[1] & FLAG_DEFERRED) != 0;
	t->client.family = (head[1] & FLAG_V6) != 0 ? AF_INET6 : AF_INET;
	t->level = head[2];
	t->time_s = 0;
	for (int i = 3; i < HEAD_SIZE; i++)
		t->time_s = t->time_s << 8 | head[i];
	return take(r, t->client.bytes,
	    t->client.family == AF_INET6 ? 16 : 4);
}

static bool
take_text(struct rest *r, char *dst, size_t size)
{
	const uint8_t *end = r->len == 0 ? NULL : memchr(r->octets, '\0',
	    r->len);
	size_t len = end == NULL ? size : (size_t)(end - r->octets) + 1;

	return len <= size && take(r, dst, len);
}

bool
token_decode(struct token *out, const char *text,
    const uint8_t (*keys)[KEY_SIZE], size_t key_count)
{
	uint8_t octets[OCTETS_MAX + 3];
	size_t len = octets_of(text, octets);

	if (len < MAC_SIZE ||
	    !is_authentic(octets, len - MAC_SIZE, keys, key_count))
		return false;
	struct rest r = { octets, len - MAC_SIZE };
	*out = (struct token){ .time_s = 0 };
	return take_head(&r, out) &&
	    take_text(&r, out->domain, sizeof(out->domain)) &&
	    take_text(&r, out->receiver, sizeof(out->receiver)) &&
	    take_text(&r, out->client_name, sizeof(out->client_name)) &&
	    take_text(&r, out->rule, sizeof(out->rule)) &&
	    take_text(&r, out->reason, sizeof(out->reason));
}
