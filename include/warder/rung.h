/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rung.h - the steps of the ladder, from what a node should have to what is left
 * when nothing works. The number is ABI: it is in wd_state and event records.
 */
#ifndef WARDER_RUNG_H
#define WARDER_RUNG_H

/*
 * X(NAME, number, name, what it is, what it lacks). A higher number is a lower
 * rung. The names are those of --max-rung and `warder ladder pin`.
 */
#define WD_RUNGS(X) \
	X(FULL, 0, "full", "all programs, on tcx links", "nothing") \
	X(COMPAT, 1, "compat", \
	  "programs in the form that kernels from 5.10 on take, or on clsact filters", \
	  "tcx links where the kernel has none: a filter of others can be put first; times of handshakes, by wd_compat") \
	X(MINIMAL, 2, "minimal", \
	  "the path of the verdict alone, in the fewest instructions", \
	  "events, counters by endpoint and rule, times of handshakes, answers to who is denied; fragments and IPv6 extension headers are dropped") \
	X(NFT, 3, "nft", \
	  "an nftables ruleset made of the same compiled policies", \
	  "events, flows, counters by endpoint and rule, times of handshakes, answers to who is denied; see the list of what is stricter") \
	X(HOLD, 4, "hold", \
	  "what was in force stays, and nothing is changed any more", \
	  "new pods and changes of policy: they wait, closed")

#define WD_RUNG_ENUM_(name, nr, text, is, lacks) WD_RUNG_##name = nr,
enum wd_rung {
	WD_RUNGS(WD_RUNG_ENUM_) WD_RUNG__MAX = WD_RUNG_HOLD + 1,
};
#undef WD_RUNG_ENUM_

/* The rungs that are programs, each an object of its own: 0 .. this - 1. */
#define WD_RUNG_PROG_CNT (WD_RUNG_MINIMAL + 1)

#endif /* WARDER_RUNG_H */
