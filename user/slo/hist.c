/* SPDX-License-Identifier: GPL-2.0-only */
/* hist.c - see hist.h. */
#include "hist.h"

uint64_t wd_hist_floor_ns(uint32_t step)
{
	uint32_t shift = step / WD_TIMING_PARTS;
	uint64_t part = step % WD_TIMING_PARTS;

	if (!shift)
		return part * WD_TIMING_UNIT_NS;
	return ((WD_TIMING_PARTS + part) << (shift - 1)) * WD_TIMING_UNIT_NS;
}

uint64_t wd_hist_sum(const uint32_t *cnt)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++)
		sum += cnt[i];
	return sum;
}

/* Where the @nr-th of @cnt is that lie evenly in @step, each in its middle. */
static uint64_t within(uint32_t step, uint64_t nr, uint32_t cnt)
{
	uint64_t from = wd_hist_floor_ns(step);
	uint64_t width = wd_hist_floor_ns(step + 1) - from;

	/* at most 2^35 ns wide, and 2^33 halves: in floating point it fits */
	return from + (uint64_t)((double)width * (2 * (double)nr - 1) /
				 (2 * (double)cnt));
}

uint64_t wd_hist_share_ns(const uint32_t *cnt, uint32_t permille)
{
	uint64_t sum = wd_hist_sum(cnt);
	uint64_t rank = (sum * permille + 999) / 1000;
	uint64_t before = 0;

	if (!sum)
		return 0;
	rank += !rank;
	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++) {
		if (rank <= before + cnt[i])
			return within(i, rank - before, cnt[i]);
		before += cnt[i];
	}
	return wd_hist_floor_ns(WD_TIMING_STEPS);
}

void wd_hist_less(const uint32_t *now, const uint32_t *was, uint32_t *ret_cnt)
{
	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++)
		ret_cnt[i] = now[i] >= was[i] ? now[i] - was[i] : now[i];
}
