/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein), and FNV-1a. */

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/util.h"

void
hash_key_draw(struct hash_key *k)
{
	ssize_t n;

	do {
		n = getrandom(k->secret, sizeof(k->secret), 0);
	} while (n < 0 && errno == EINTR);
	/* 256 octets or fewer come whole from a kernel that has the call. */
	assert(n == sizeof(k->secret));
}

static uint64_t
rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

void
hash_octets(const struct hash_key *k, const char *octets, size_t len,
    uint64_t out[2])
{
	const uint64_t *secret = k->secret;
	uint64_t v[4] = {
		secret[0] ^ UINT64_C(0x736f6d6570736575),
		secret[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		secret[0] ^ UINT64_C(0x6c7967656e657261),
		secret[1] ^ UINT64_C(0x7465646279746573)
	};

	for (size_t i = 0; i <= len / 8; i++) {
		uint64_t m;
		memcpy(&m, octets + i * 8, 8);
		if (i == len / 8)
			m |= (uint64_t)len << 56;
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	v[2] ^= 0xee;
	sip_rounds(v, 4);
	out[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	sip_rounds(v, 4);
	out[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_quick(const char *octets, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++) {
		h ^= (uint8_t)util_lower(octets[i]);
		h *= UINT64_C(1099511628211);
	}
	return h ^ h >> 32;
}
