/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twin.h - the real programs on the same tables: what would they do with a
 * frame? Each frame meets empty flow tables.
 */
#ifndef WARDER_SELFTESTS_NFT_TWIN_H
#define WARDER_SELFTESTS_NFT_TWIN_H

#include <stddef.h>
#include <stdint.h>

#include "datapath/memory.h"

struct twin;

/** twin_open() - load, with maps as @mem has them. Return: NULL with the cause on stdout */
struct twin *twin_open(const struct wd_memory *mem);
void twin_close(struct twin *twin);

/**
 * twin_ask() - what the program says of a frame at the device @ifindex
 * @iif: device it came in by
 * Return: the reason; -1 if not exactly one was counted.
 */
int twin_ask(struct twin *twin, uint32_t ifindex, enum wd_dir dir, uint32_t iif,
	     const uint8_t *frame, size_t len);

#endif /* WARDER_SELFTESTS_NFT_TWIN_H */
