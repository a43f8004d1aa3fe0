/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally.h - what became of the packets that a ruleset is tried with.
 *
 * The ruleset under trial counts why. A table beside it counts what passed it;
 * its chains differ with the way packets go, and are their writer's.
 *
 * All functions act on the caller's network namespace, which is the trial's own.
 */
#ifndef WARDER_NFT_TALLY_H
#define WARDER_NFT_TALLY_H

#include <stdint.h>

#include <warder/abi.h>
#include <warder/verdict.h>

/* Has the counters passed_in (towards the pod) and passed_out. */
#define WD_NFT_TALLY_TABLE "warder_trial"

/* Packets of one direction, since the ruleset is in force. */
struct wd_nft_tally {
	enum wd_dir way;
	uint64_t reason[WD_R__MAX];
	uint64_t audit[WD_R__MAX]; /* passed all the same */
	uint64_t passed;
};

/**
 * wd_nft_tally_begin() - make the table, and end what this kernel sends by itself
 * (resets, answers, reports) before anything counts it
 * @chains: nft commands that add chains with rules to it
 * @mark: of the packets that are sent to try it, as a number
 * @ret_why: on failure what libnftables says; the caller frees; may stay NULL
 * Return: 0 or -errno; -ENOENT no libnftables.
 */
int wd_nft_tally_begin(const char *chains, uint32_t mark, char **ret_why);

/**
 * wd_nft_tally_take() - read it
 * Return: 0; -EINTR a transaction got into it; -errno.
 */
int wd_nft_tally_take(enum wd_dir way, struct wd_nft_tally *ret);

#endif /* WARDER_NFT_TALLY_H */
