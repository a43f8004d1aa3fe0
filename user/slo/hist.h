/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hist.h - what a histogram of wd_timing says: times by their share.
 *
 * Pure. The steps are those of bpf/handshake.h: 6.25 % wide at most, within
 * which times are taken to lie evenly.
 */
#ifndef WARDER_HIST_H
#define WARDER_HIST_H

#include <stdint.h>

#include <warder/abi.h>

/** wd_hist_floor_ns() - the least time that counts in @step; of WD_TIMING_STEPS: the end */
uint64_t wd_hist_floor_ns(uint32_t step);

/** wd_hist_sum() - how many are counted in WD_TIMING_STEPS steps at @cnt */
uint64_t wd_hist_sum(const uint32_t *cnt);

/**
 * wd_hist_share_ns() - the time that @permille of a thousand did not take longer than
 * Return: nanoseconds; 0 if nothing is counted.
 */
uint64_t wd_hist_share_ns(const uint32_t *cnt, uint32_t permille);

/**
 * wd_hist_less() - what was counted since @was
 * @ret_cnt: may be @now; counters that begin anew in between count from 0
 */
void wd_hist_less(const uint32_t *now, const uint32_t *was, uint32_t *ret_cnt);

#endif /* WARDER_HIST_H */
