/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen.h - the grammar of episodes: packets that belong to what was sent before,
 * mostly valid, some of them spoiled; publications and waits between them.
 */
#ifndef WARDER_SELFTESTS_GEN_H
#define WARDER_SELFTESTS_GEN_H

#include "episode.h"
#include "rng.h"

struct gen;

struct gen *gen_new(void);
void gen_free(struct gen *gen);

/** gen_begin() - a new episode. @flood: one pod opens flow after flow */
void gen_begin(struct gen *gen, uint64_t seed, bool flood);

/** gen_next() - what happens next. @op: its data has FRAME_MAX bytes */
void gen_next(struct gen *gen, struct op *op);

/* ---- mutate.c ---- */

/** mutate() - spoil one thing in a packet */
void mutate(struct op *op, struct rng *rng);

#endif /* WARDER_SELFTESTS_GEN_H */
