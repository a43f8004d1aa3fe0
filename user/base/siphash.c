/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * siphash.c - see siphash.h. One round for each word and three at the end.
 */
#include "siphash.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static inline uint64_t rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t wd_siphash(const uint64_t key[2], const void *data, size_t len)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575,
			  key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261,
			  key[1] ^ 0x7465646279746573 };
	const uint8_t *at = data;
	uint64_t word;

	for (size_t i = 0; i < len / 8; i++, at += 8) {
		memcpy(&word, at, 8);
		sip_word(v, le64toh(word));
	}
	word = (uint64_t)len << 56;
	for (size_t i = 0; i < len % 8; i++)
		word |= (uint64_t)at[i] << 8 * i;
	sip_word(v, word);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* So few bytes come at once, or the kernel waits for its first entropy. */
static void secret_draw(uint64_t key[2])
{
	const size_t size = 2 * sizeof(*key);
	ssize_t got;

	do {
		got = getrandom(key, size, 0);
	} while (got < 0 && errno == EINTR);
	if (got == (ssize_t)size)
		return;
	(void)fprintf(
		stderr,
		"warder: no random bytes for the hash tables: getrandom: %s (does a seccomp profile forbid it?); enforcement goes on with the last generation\n",
		got < 0 ? strerror(errno) : "too few");
	exit(1);
}

uint32_t wd_hash(const void *data, size_t len)
{
	static uint64_t key[2];
	static bool drawn;
	uint64_t hash;

	if (!drawn) {
		secret_draw(key);
		drawn = true;
	}
	hash = wd_siphash(key, data, len);
	return (uint32_t)(hash ^ hash >> 32);
}
