/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash under a key: what strangers choose does not meet by their will. */

#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t	secret[2];
};

/* A new one, from the kernel. */
void	hash_key_draw(struct hash_key *k);

/* Octets of storage that len octets need, see hash_octets. */
#define HASH_ROOM(len) ((len) / 8 * 8 + 8)

/*
 * 128 bits, all of them good: no two texts that are met have the same ones.
 * octets has HASH_ROOM(len), of which those from len on are 0.
 */
void	hash_octets(const struct hash_key *k, const char *octets, size_t len,
	    uint64_t out[2]);

/* Quick, without case, and under no key: nobody has a reason to aim at it. */
uint64_t hash_quick(const char *octets, size_t len);

#endif
