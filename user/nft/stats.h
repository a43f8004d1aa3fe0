/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h - what the counters of the ruleset have counted, by reason.
 */
#ifndef WARDER_NFT_STATS_H
#define WARDER_NFT_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/verdict.h>

struct wd_nft_stats;

/** wd_nft_stats_new() - of the tables called @table, which is static */
struct wd_nft_stats *wd_nft_stats_new(const char *table);
void wd_nft_stats_free(struct wd_nft_stats *stats);

/** wd_nft_stats_note() - read the counters now: the tables are about to be made anew */
void wd_nft_stats_note(struct wd_nft_stats *stats);

/** wd_nft_stats_keep() - they were: what was noted is added to what comes */
void wd_nft_stats_keep(struct wd_nft_stats *stats);

/**
 * wd_nft_stats_read() - one counter, of all tables together
 * @kind: "" or "audit_"
 * Return: 0 or -errno.
 */
int wd_nft_stats_read(struct wd_nft_stats *stats, const char *kind,
		      enum wd_reason reason, enum wd_dir dir,
		      uint64_t *ret_packets, uint64_t *ret_bytes);

/**
 * wd_nft_stats_name() - what a counter of that name counts
 * "audit_default_in" is DEFAULT, towards the pod, in mode audit.
 * Return: false, and nothing is written: it is none of ours.
 */
bool wd_nft_stats_name(const char *name, enum wd_reason *ret_reason,
		       enum wd_dir *ret_dir, bool *ret_audit);

#endif /* WARDER_NFT_STATS_H */
