/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mangle.h - frames as a pod may make them that means no good: kinds that are
 * forbidden, and flaws in any. All from one seed.
 */
#ifndef WARDER_SELFTESTS_NFT_MANGLE_H
#define WARDER_SELFTESTS_NFT_MANGLE_H

#include <stddef.h>
#include <stdint.h>

#define MANGLE_MAX 512

/* Who sends to whom. Addresses of hosts, 4 or 16 bytes by @version. */
struct mangle_ends {
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
	uint8_t src4[4], dst4[4];
	uint8_t src6[16], dst6[16];
	uint8_t link6[16]; /* link-local address of the sender */
};

/**
 * mangle_frame() - a frame, mostly with right checksums
 * @rng: state, changed
 * @ret_kind: what it was meant to be, for reports
 * Return: its length.
 */
size_t mangle_frame(uint64_t *rng, const struct mangle_ends *ends,
		    uint8_t frame[MANGLE_MAX], const char **ret_kind);

#endif /* WARDER_SELFTESTS_NFT_MANGLE_H */
