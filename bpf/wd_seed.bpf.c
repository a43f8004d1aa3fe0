// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_seed.bpf.c - writes a flow for the agent, which found a connection that
 * was there before the programs were.
 *
 * Never attached: the agent runs it with BPF_PROG_TEST_RUN. So an entry gets
 * into the table in one way only, under the same lock and shares, and user
 * space need not know how the table is built. The packet is a struct wd_seed_in.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "parse.h"

#include "flow.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void fill(struct wd_pkt *pkt,
				 const struct wd_seed_in *seed)
{
	__builtin_memset(pkt, 0, WD_PKT_ZEROED);
	pkt->key = seed->key;
	pkt->family = seed->key.family;
	pkt->ep_stat = seed->stat;
	pkt->dir = seed->dir & 1;
	pkt->now = clock_ticks();
}

/* Return: enum wd_seed_result */
SEC("tc")
int wd_seed(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct wd_seed_in *seed = header(skb, 0, sizeof(*seed));
	struct wd_draft draft = {
		.gen = 0, /* never in force: judged at its next packet */
		.flags = WD_FLOW_SEEDED | WD_FLOW_REPLIED,
		.reason = WD_R_NOT_ISOLATED,
	};
	struct wd_spot spot;
	struct wd_quota_val *quota;

	if (!pkt || !seed)
		return WD_SEED_FAILED;
	fill(pkt, seed);
	draft.expires = pkt->now + seed->life;
	draft.dir = pkt->dir;
	if (pkt->key.proto != WD_IP_TCP)
		draft.flags |= WD_FLOW_SEQ;
	if (pkt->dir == WD_EGRESS)
		draft.flags |= WD_FLOW_OUT;
	spot = flow_find(skb, pkt);
	if (spot.bucket)
		return WD_SEED_KNOWN;
	quota = quota_of(skb, pkt);
	if (!quota || (pkt->dir == WD_EGRESS && quota->out >= WD_FLOW_SHARE) ||
	    !flow_insert(skb, pkt, &draft))
		return WD_SEED_FULL;
	return WD_SEED_MADE;
}
