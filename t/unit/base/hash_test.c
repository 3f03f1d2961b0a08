/* SPDX-License-Identifier: BSD-2-Clause */
/* hash: the published one, and no two alike. */

#include "unit.h"

#include <string.h>

#include "base/hash.h"

/* Of the reference implementation: key 00..0f, message 00..(len - 1). */
static const struct {
	size_t		len;
	uint64_t	hash[2];
} vectors[] = {
	{ 0, { UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d) } },
	{ 1, { UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634) } },
	{ 7, { UINT64_C(0x53c1dbd8beebf1a1), UINT64_C(0x3982f01fa64ab8c0) } },
	{ 8, { UINT64_C(0x61f55862baa9623b), UINT64_C(0xb49714f364e2830f) } },
	{ 63, { UINT64_C(0x4a83502f77d15051), UINT64_C(0x7cbd3f979a063e50) } },
};

static void
test_known_answers(void **state)
{
	struct hash_key k = { { UINT64_C(0x0706050403020100),
		UINT64_C(0x0f0e0d0c0b0a0908) } };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char octets[HASH_ROOM(64)] = "";
		uint64_t hash[2];

		for (size_t n = 0; n < vectors[i].len; n++)
			octets[n] = (char)n;
		hash_octets(&k, octets, vectors[i].len, hash);
		assert_memory_equal(hash, vectors[i].hash, sizeof(hash));
	}
}

static void
test_keys_and_lengths_tell_apart(void **state)
{
	const char octets[HASH_ROOM(20)] = "";
	struct hash_key keys[2];
	uint64_t hashes[42][2];

	(void)state;
	hash_key_draw(&keys[0]);
	hash_key_draw(&keys[1]);
	for (size_t i = 0; i < 42; i++) {
		hash_octets(&keys[i % 2], octets, i / 2, hashes[i]);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(hashes[i], hashes[j], 16);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_keys_and_lengths_tell_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
