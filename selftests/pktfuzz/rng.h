/* SPDX-License-Identifier: GPL-2.0-only */
/* rng.h - numbers drawn from a seed, the same on every machine (xorshift64*). */
#ifndef WARDER_SELFTESTS_RNG_H
#define WARDER_SELFTESTS_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline void rng_seed(struct rng *rng, uint64_t seed)
{
	rng->state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	if (!rng->state)
		rng->state = 1;
}

static inline uint32_t draw32(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return (uint32_t)((rng->state * 0x2545f4914f6cdd1dULL) >> 32);
}

/* One of 0 .. below - 1. */
static inline uint32_t draw(struct rng *rng, uint32_t below)
{
	return (uint32_t)(((uint64_t)draw32(rng) * below) >> 32);
}

/* True once in @cnt times. */
static inline bool one_in(struct rng *rng, uint32_t cnt)
{
	return !draw(rng, cnt);
}

#define PICK(rng, list) \
	((list)[draw(rng, (uint32_t)(sizeof(list) / sizeof((list)[0])))])

#endif /* WARDER_SELFTESTS_RNG_H */
