/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asking.h - puts questions to an object that holds a state.
 */
#ifndef WARDER_ASKING_H
#define WARDER_ASKING_H

#include <stdint.h>

#include <warder/maps.h>

#include "questions.h"

struct wd_ask;

/* Where a state's tables are put; returns 0 or -errno. */
struct wd_asking_to {
	void *ctx;
	int (*set)(void *ctx, enum wd_map map, const void *key,
		   const void *val);
};

/** wd_asking_tables() - the state's tables into empty ones; 0 or -errno */
int wd_asking_tables(const struct wd_asking_to *to,
		     const struct wd_state *state);

/** wd_asking_state() - of these what holds for all, with @more_flags (WD_STATE_*); 0 or -errno */
int wd_asking_state(const struct wd_asking_to *to, const struct wd_state *state,
		    uint32_t more_flags);

/** wd_asking_fill() - the state's tables into the maps of a fresh object; 0 or -errno */
int wd_asking_fill(struct wd_ask *ask, const struct wd_state *state);

/* An answer: the reason, and this bit if the packet passes. */
#define WD_ANSWER_PASSES 0x80
#define WD_ANSWER_FAILED 0xff /* the program could not be run */
#define WD_ANSWER_NONE 0xfe /* it is no question to a ruleset */

/**
 * wd_asking_one() - Return: the answer to a question about what was filled in
 * Where the kernel cannot say the device a packet came by, packets from others
 * come by this host's sockets, which policy is then made to judge.
 */
uint8_t wd_asking_one(struct wd_ask *ask, const struct wd_state *state,
		      const struct wd_question *question);

/** wd_asking_right() - the same answer, as the judge gives it (expect.h) */
uint8_t wd_asking_right(const struct wd_state *state,
			const struct wd_question *question);

#endif /* WARDER_ASKING_H */
