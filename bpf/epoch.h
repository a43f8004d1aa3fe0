/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * epoch.h - how long what was read in the tables holds: wd_state_val.epoch.
 *
 * Who keeps something reads the epoch first, then the tables, and believes what
 * it kept while the epoch is the same. Decides nothing.
 */
#ifndef WARDER_BPF_EPOCH_H
#define WARDER_BPF_EPOCH_H

#include <warder/abi.h>

static __always_inline __u64 epoch_of(const struct wd_state_val *state)
{
	return *(const volatile __u64 *)&state->epoch;
}

/*
 * A number that is 0, and that no CPU has before it has @x: what is read at an
 * address that it was added to is read after @x. x86 reads in order anyway.
 */
static __always_inline __u32 after(__u64 x)
{
	asm volatile("%0 &= 0" : "+r"(x));
	return (__u32)x;
}

/*
 * May what is read in it be kept? Not in an odd one, which may stay with a table
 * written in it: its writer has died then. 0: nobody says when it ends.
 */
static __always_inline bool epoch_lasts(__u64 epoch)
{
	return epoch && !(epoch & 1);
}

#endif /* WARDER_BPF_EPOCH_H */
