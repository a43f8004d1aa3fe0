/* SPDX-License-Identifier: GPL-2.0-only */
/* random.h - scenes and packets by chance, from a seed; the same seed, the same. */
#ifndef WARDER_SELFTESTS_RANDOM_H
#define WARDER_SELFTESTS_RANDOM_H

#include <stdint.h>

#include "build.h"
#include "judge.h"

/** random_seed() - begin anew */
void random_seed(uint64_t seed);

/** random_below() - 0 .. @limit - 1 */
uint32_t random_below(uint32_t limit);

/** random_scene() - what the agent says. Its device and object are the caller's to fill in */
void random_scene(struct scene *s);

/** random_frame() - a packet, mostly well formed. @is_raw: without Ethernet header */
void random_frame(struct frame *ret_frame, bool is_raw);

#endif /* WARDER_SELFTESTS_RANDOM_H */
