/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_proof.h - what the tables said of two addresses at a device, kept so that
 * the next packet between them need not ask again.
 *
 * Decides nothing: who asks says what was found, and gets it back while no table
 * that it rests on has been written. Each such write begins a new epoch
 * (wd_state_val.epoch, see there), and what was found is kept under the one that
 * was read before the tables: where they are of a later one, nobody asks for it.
 *
 * Entries are shared by all CPUs, without a lock: two packets may write one at
 * the same time, or one while another reads. So each word has, beside its part of
 * the proof, a number that was drawn for this writing: words of two writings are
 * no proof. Slots are few; who needs one in use takes it.
 */
#ifndef WARDER_BPF_WIRE_PROOF_H
#define WARDER_BPF_WIRE_PROOF_H

#include "epoch.h"
#include "maps.h"

#define WD_PROOF_BITS 11
#define WD_PROOFS (1 << WD_PROOF_BITS)

/* What a word has in its lower half; the upper one has the number drawn. */
enum wd_proof_word {
	WD_PROOF_EPOCH,
	WD_PROOF_EPOCH_HIGH,
	WD_PROOF_WHERE,
	WD_PROOF_SRC,
	WD_PROOF_DST,
	WD_PROOF_NS_SRC,
	WD_PROOF_NS_DST,
	WD_PROOF_NODE,
	WD_PROOF_WORDS,
};

struct wd_proof_val {
	__u64 word[WD_PROOF_WORDS];
};

/* No pin, and nothing in it for a new object: not a map of warder/maps.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_PROOFS);
	__type(key, __u32);
	__type(value, struct wd_proof_val);
} wd_proof SEC(".maps");

/* Whom it is of, where, and when. */
struct wd_finding {
	__u64 epoch;
	__u32 where; /* a hook: ifindex * 2 + enum wd_dir */
	__be32 src;
	__be32 dst;
};

/* What was found of pods beyond that; of nodes nothing. */
struct wd_found {
	__u32 ns[2];
	__u32 node; /* of the far one */
};

static __always_inline struct wd_finding
finding_of(const struct __sk_buff *skb, const struct wd_state_val *state,
	   const struct iphdr *ip, __u32 dir)
{
	return (struct wd_finding){
		.epoch = epoch_of(state),
		.where = skb->ifindex << 1 | dir,
		.src = ip->saddr,
		.dst = ip->daddr,
	};
}

static __always_inline struct wd_proof_val *proof_of(const struct wd_finding *f)
{
	__u32 at = f->src * 0x9e3779b1 + f->dst * 0x85ebca77 +
		   f->where * 0xc2b2ae3d;

	at >>= 32 - WD_PROOF_BITS;
	return bpf_map_lookup_elem(&wd_proof, &at);
}

static __always_inline __u64 proof_drawn(const struct wd_proof_val *val)
{
	return *(const volatile __u64 *)&val->word[WD_PROOF_EPOCH] >> 32 << 32;
}

static __always_inline bool proof_is(const struct wd_proof_val *val,
				     const struct wd_finding *f)
{
	const volatile __u64 *word = val->word;
	__u64 drawn = proof_drawn(val);

	return word[WD_PROOF_EPOCH] == (drawn | (__u32)f->epoch) &&
	       word[WD_PROOF_EPOCH_HIGH] == (drawn | f->epoch >> 32) &&
	       word[WD_PROOF_WHERE] == (drawn | f->where) &&
	       word[WD_PROOF_SRC] == (drawn | f->src) &&
	       word[WD_PROOF_DST] == (drawn | f->dst);
}

/* The same of pods. */
static __always_inline bool proof_has(const struct wd_proof_val *val,
				      const struct wd_finding *f,
				      struct wd_found *ret_found)
{
	const volatile __u64 *word = val->word;
	__u64 drawn = proof_drawn(val), src, dst, node;

	src = word[WD_PROOF_NS_SRC] ^ drawn;
	dst = word[WD_PROOF_NS_DST] ^ drawn;
	node = word[WD_PROOF_NODE] ^ drawn;
	ret_found->ns[0] = (__u32)src;
	ret_found->ns[1] = (__u32)dst;
	ret_found->node = (__u32)node;
	return !((src | dst | node) >> 32) && proof_is(val, f);
}

/* Keep what was found after the epoch was read. */
static __always_inline void proof_keep(struct wd_proof_val *val,
				       const struct wd_finding *f,
				       const struct wd_found *found)
{
	volatile __u64 *word = val->word;
	__u64 drawn;

	if (!epoch_lasts(f->epoch))
		return;
	drawn = (__u64)bpf_get_prandom_u32() << 32;
	word[WD_PROOF_EPOCH] = drawn | (__u32)f->epoch;
	word[WD_PROOF_EPOCH_HIGH] = drawn | f->epoch >> 32;
	word[WD_PROOF_WHERE] = drawn | f->where;
	word[WD_PROOF_SRC] = drawn | f->src;
	word[WD_PROOF_DST] = drawn | f->dst;
	word[WD_PROOF_NS_SRC] = drawn | found->ns[0];
	word[WD_PROOF_NS_DST] = drawn | found->ns[1];
	word[WD_PROOF_NODE] = drawn | found->node;
}

#endif /* WARDER_BPF_WIRE_PROOF_H */
