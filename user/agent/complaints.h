/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * complaints.h - what was told of lists of things that are wrong, so that each is
 * told when it begins and when it ends, and not in between.
 *
 * A list may be long: of each look the first few are told one by one, the rest
 * as a number.
 */
#ifndef WARDER_COMPLAINTS_H
#define WARDER_COMPLAINTS_H

#include <stddef.h>

struct wd_agent;
struct wd_complaints;
struct wd_wg_findings;

/** wd_complaints_new() - nothing was told; out of memory ends the program */
struct wd_complaints *wd_complaints_new(struct wd_agent *agent);
void wd_complaints_free(struct wd_complaints *complaints);

/** wd_complaints_sources() - tell what is other with the sources than before */
void wd_complaints_sources(struct wd_complaints *complaints);

/** wd_complaints_cnt() - objects that are not in force as they are written, as of the last look */
size_t wd_complaints_cnt(const struct wd_complaints *complaints);

/** wd_complaints_wireguard() - tell what is other with WireGuard than at @was */
void wd_complaints_wireguard(struct wd_complaints *complaints,
			     const struct wd_wg_findings *was,
			     const struct wd_wg_findings *now);

#endif /* WARDER_COMPLAINTS_H */
