/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.h - a ruleset that keeps what is the pods' off devices that nobody has
 * judged yet. Beside the programs: those come onto a device when the kernel has
 * told of it, this is there before.
 *
 * Table "warder_gate" of the caller's network namespace, families inet (what is
 * routed, or sent by the node) and bridge (what is bridged). Its set `judged` has
 * the devices that it leaves alone. What leaves by any other device and is, from
 * outside to inside, for a pod elsewhere, from a pod to another node, or a tunnel
 * between nodes, is dropped and counted (PLAINTEXT_OUT). Nothing that comes in,
 * and nothing else that leaves.
 */
#ifndef WARDER_NFT_GATE_H
#define WARDER_NFT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <warder/verdict.h>

#include "model/encap.h"
#include "model/object.h"
#include "nft/ruleset.h"

struct wd_nft_gate;

/* All that it says; borrowed. */
struct wd_gate_want {
	const uint32_t *judged; /* indexes of devices */
	size_t judged_cnt;
	const struct wd_cidr *inside; /* where pods must encrypt */
	size_t inside_cnt;
	const struct wd_cidr *own; /* of this node's pods, or one of them */
	size_t own_cnt;
	const struct wd_addr *node; /* of all nodes */
	size_t node_cnt;
	struct wd_encap encap; /* ports of this node's tunnels */
	bool encrypt_nodes; /* what nodes say themselves, too */
};

/** wd_nft_gate_new() - in the kernel nothing changes; out of memory ends the program */
struct wd_nft_gate *wd_nft_gate_new(void);

/** wd_nft_gate_free() - let go; what is in the kernel stays in force. Takes NULL */
void wd_nft_gate_free(struct wd_nft_gate *gate);

/**
 * wd_nft_gate_put() - have the kernel say this, in one transaction
 * The first time, and after a failed check, in place of what is there. The library
 * is loaded for it and let go again.
 * @ret_error: on failure a sentence, to be freed
 * Return: 0; -ELIBACC no library; -EBADMSG the kernel has another one than it was
 * given; -errno: what was in force stays in force.
 */
int wd_nft_gate_put(struct wd_nft_gate *gate, const struct wd_gate_want *want,
		    char **ret_error);

/**
 * wd_nft_gate_check() - is it there, as it was put
 * Return: 0; -ENOLINK: somebody has edited it, the next put writes all of it; -errno.
 */
int wd_nft_gate_check(struct wd_nft_gate *gate);

/** wd_nft_gate_end() - delete it, without the library; what it has counted is not forgotten. 0 or -errno */
int wd_nft_gate_end(struct wd_nft_gate *gate);

/** wd_nft_gate_remove() - delete it, whoever made it. 0 or -errno */
int wd_nft_gate_remove(void);

/** wd_nft_gate_stats() - packets and bytes by reason, as wd_stat_read() */
int wd_nft_gate_stats(struct wd_nft_gate *gate, enum wd_reason reason,
		      enum wd_dir dir, uint64_t *ret_packets,
		      uint64_t *ret_bytes);

/** wd_nft_generate_gate() - the ruleset, sealed. Pure; @bridge: with that family */
void wd_nft_generate_gate(const struct wd_gate_want *want, bool bridge,
			  struct wd_nft_ruleset *ret_rs);

#endif /* WARDER_NFT_GATE_H */
