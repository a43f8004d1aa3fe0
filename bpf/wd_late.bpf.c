// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_late.bpf.c - judges what pods send to services after the translation.
 *
 * A netfilter program of this node's prerouting, behind conntrack and all that
 * translates destinations, which is one hook for everybody (nf_nat_core.c). It
 * decides about one thing only: flows that a pod's own hook lets pass with
 * SERVICE_LATE, because policy treats the backends of the service differently.
 * Whether that is so is asked anew, of the same tables; nothing in the packet
 * says it. Stateless: each packet is judged, in both directions, so what policy
 * takes back ends at once.
 *
 *   translated                  as if the pod had sent it to the backend
 *   not translated, or it       dropped, where the pod's own hook would have
 *     cannot be seen where to   left it to us
 *   anything else               passes, and is not counted
 *
 * What comes back from a backend passes here as well, but from a socket of this
 * host: it is for the pod's own hook, which lets the host's sockets pass.
 * Counted is what is dropped, a second time: it had passed the pod's own hook.
 *
 * Threat model as in pod.h. That hook has checked the source of what comes from
 * a pod, so the source names the endpoint where the device does not.
 */
#define WD_IS_COMPAT 1 /* no copies for speed */
#define WD_IS_NF 1
#define WD_CTX struct bpf_nf_ctx

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "conclude.h"
#include "encrypt.h"

char LICENSE[] SEC("license") = "GPL";

/* linux/netfilter.h, linux/netfilter/nf_conntrack_common.h */
#define WD_NF_DROP 0
#define WD_NF_ACCEPT 1
#define WD_NF_IP4 2
#define WD_NF_IP6 10
#define WD_CT_INFO 7UL /* of sk_buff._nfct */
#define WD_CT_IS_REPLY 3

/* A flow as its sender sees it, and where what it sends goes. */
struct wd_leg {
	__be32 from[4]; /* as wd_pkt.src */
	__be32 to[4];
	__be32 real[4]; /* behind the translation; @to if there is none */
	__be16 sport;
	__be16 dport;
	__be16 rport;
	__u8 proto;
	__u8 unseen; /* the ports are not in the packet */
};

static __always_inline bool has_ports(__u32 proto)
{
	return proto == WD_IP_TCP || proto == WD_IP_UDP || proto == WD_IP_SCTP;
}

/* ---- what conntrack knows ---- */

#define WD_TUPLE(ct, way, field) BPF_CORE_READ(ct, tuplehash[way].tuple.field)

/* The flow as the side that began it sees it, or, @back, as the other side. */
static __always_inline void leg_of_ct(const struct nf_conn *ct, bool back,
				      struct wd_leg *leg)
{
	__builtin_memset(leg, 0, sizeof(*leg));
	if (back) {
		BPF_CORE_READ_INTO(&leg->from, ct, tuplehash[1].tuple.src.u3);
		BPF_CORE_READ_INTO(&leg->to, ct, tuplehash[1].tuple.dst.u3);
		BPF_CORE_READ_INTO(&leg->real, ct, tuplehash[0].tuple.src.u3);
		leg->sport = WD_TUPLE(ct, 1, src.u.all);
		leg->dport = WD_TUPLE(ct, 1, dst.u.all);
		leg->rport = WD_TUPLE(ct, 0, src.u.all);
		leg->proto = WD_TUPLE(ct, 1, dst.protonum);
		return;
	}
	BPF_CORE_READ_INTO(&leg->from, ct, tuplehash[0].tuple.src.u3);
	BPF_CORE_READ_INTO(&leg->to, ct, tuplehash[0].tuple.dst.u3);
	BPF_CORE_READ_INTO(&leg->real, ct, tuplehash[1].tuple.src.u3);
	leg->sport = WD_TUPLE(ct, 0, src.u.all);
	leg->dport = WD_TUPLE(ct, 0, dst.u.all);
	leg->rport = WD_TUPLE(ct, 1, src.u.all);
	leg->proto = WD_TUPLE(ct, 0, dst.protonum);
}

static __always_inline bool is_straight(const struct wd_leg *leg)
{
	return leg->dport == leg->rport && leg->to[0] == leg->real[0] &&
	       leg->to[1] == leg->real[1] && leg->to[2] == leg->real[2] &&
	       leg->to[3] == leg->real[3];
}

/* ---- what the packet says, where conntrack knows nothing of it ---- */

/* @len bytes behind the start of the IP header. deny: what is not linear */
static __always_inline int read_at(const struct sk_buff *skb, __u32 off,
				   void *to, __u32 len)
{
	if (off + len > skb->len - skb->data_len)
		return -1;
	return (int)bpf_probe_read_kernel(
		to, len, skb->head + skb->network_header + off);
}

static __always_inline int leg_ports(const struct sk_buff *skb, __u32 off,
				     struct wd_leg *leg)
{
	__be16 port[2];

	if (!has_ports(leg->proto))
		return 0;
	if (leg->unseen || read_at(skb, off, port, sizeof(port))) {
		leg->unseen = 1;
		return 0;
	}
	leg->sport = port[0];
	leg->dport = port[1];
	leg->rport = port[1];
	return 0;
}

static __always_inline int leg_of_ip4(const struct sk_buff *skb,
				      struct wd_leg *leg)
{
	struct iphdr ip;

	if (read_at(skb, 0, &ip, sizeof(ip)))
		return -1;
	leg->from[0] = ip.saddr;
	leg->to[0] = ip.daddr;
	leg->real[0] = ip.daddr;
	leg->proto = ip.protocol;
	leg->unseen = (ip.frag_off & bpf_htons(0x3fff)) != 0;
	return leg_ports(skb, (*(__u8 *)&ip & 0xfU) * 4, leg);
}

static __always_inline int leg_of_ip6(const struct sk_buff *skb,
				      struct wd_leg *leg)
{
	struct ipv6hdr ip;

	if (read_at(skb, 0, &ip, sizeof(ip)))
		return -1;
	copy_addr6(leg->from, &ip.saddr);
	copy_addr6(leg->to, &ip.daddr);
	copy_addr6(leg->real, &ip.daddr);
	leg->proto = ip.nexthdr;
	if (is_walked_exthdr(ip.nexthdr) || is_refused_exthdr(ip.nexthdr)) {
		leg->proto = WD_IP_UDP; /* may be */
		leg->unseen = 1;
	}
	return leg_ports(skb, sizeof(ip), leg);
}

/* ---- judging one flow ---- */

/* The flow of @pkt goes to @peer, port @port. */
static __always_inline void set_peer_at(struct wd_pkt *pkt, const __be32 *peer,
					__be16 port)
{
	pkt->any_node = 0;
	pkt->has_peer = 0;
	pkt->key.pport = port;
	__builtin_memset(pkt->key.peer, 0, sizeof(pkt->key.peer));
	__builtin_memcpy(pkt->dst, peer, sizeof(pkt->dst));
	set_key_peer(pkt);
}

/* Could the pod's own hook have left a flow to this service to us? */
static __always_inline bool is_ours(struct wd_pkt *pkt)
{
	const struct wd_front_val *front = find_front(pkt, 0);

	if (!front || !is_translated_here(pkt))
		return false;
	return (front->flags & WD_FRONT_MANY) || find_front(pkt, 1);
}

/* As if the pod had sent it to where it goes. */
static __always_inline int judge_real(WD_CTX *ctx, struct wd_pkt *pkt)
{
	int r = forbidden(pkt, WD_EGRESS);

	if (r != WD_GO_ON)
		return r;
	if ((pkt->switches & WD_STATE_ENCRYPT) && must_be_encrypted(pkt) &&
	    (pkt->switches & WD_STATE_WIRE_OPEN))
		return WD_R_WG_STATE;
	return judge_rules(ctx,
			   (__u32)bpf_ntohs(pkt->key.pport) << 1 | WD_EGRESS);
}

/*
 * By the slot in @pkt. Return: WD_GO_ON: the pod's own hook decides; else what
 * holds for where the flow goes.
 */
static __always_inline int judge_leg(WD_CTX *ctx, struct wd_pkt *pkt,
				     const struct wd_leg *leg)
{
	bool same = !diff6(leg->to, leg->real) && leg->dport == leg->rport;
	int r = WD_R_SERVICE;
	__u32 rule = 0, peer = 0;

	if (!same) {
		set_peer_at(pkt, leg->real, leg->rport);
		r = judge_real(ctx, pkt);
		if (r < WD_R_FIRST_DROP)
			return r;
		rule = pkt->rule;
		peer = pkt->peer_id;
	}
	set_peer_at(pkt, leg->to, leg->dport);
	if (judge_service(ctx) != WD_R_SERVICE_LATE)
		return WD_GO_ON;
	set_peer_at(pkt, leg->real, leg->rport);
	pkt->rule = rule;
	pkt->peer_id = peer;
	pkt->has_peer = !same;
	return r;
}

/* What is enforced, then what is on trial. Return: a reason to drop, or none. */
static __always_inline int judge_both(WD_CTX *ctx, struct wd_pkt *pkt,
				      const struct wd_leg *leg)
{
	int r = judge_leg(ctx, pkt, leg);

	if (r >= WD_R_FIRST_DROP || !pkt->ep_trial)
		return r;
	pkt->ep_slot = pkt->ep_trial;
	r = judge_leg(ctx, pkt, leg);
	pkt->tried = reason_is_policy(r);
	return pkt->tried ? r : WD_GO_ON;
}

/* It is not known where to: as much as the pod may do with a service of nobody. */
static __always_inline int judge_unseen(struct wd_pkt *pkt)
{
	if (pkt->family == 4 ? is_group4(pkt->dst[0]) : is_multicast6(pkt->dst))
		return WD_GO_ON;
	return judge_nobody(pkt);
}

/* ---- whose flow, and the end ---- */

static __always_inline const struct wd_endpoint_val *
endpoint_at(const struct wd_pkt *pkt, const __be32 *addr)
{
	const struct wd_addr_val *val = exact_of(pkt, addr);

	return val && (val->flags & WD_ADDR_LOCAL) ? endpoint_of(val->ifindex) :
						     NULL;
}

/* A flow of endpoint @ep; @back: the packet is one that comes back. */
static __always_inline int leg_verdict(WD_CTX *ctx, struct wd_pkt *pkt,
				       const struct wd_endpoint_val *ep,
				       const struct wd_leg *leg, bool back,
				       __u32 ifindex)
{
	__u32 verdict;
	int r;

	set_endpoint(pkt, ep);
	pkt->tried = 0;
	pkt->detour = ep->master;
	pkt->proto = leg->proto;
	pkt->key.proto = leg->proto;
	pkt->key.lport = leg->sport;
	pkt->dir = WD_EGRESS;
	set_peer_at(pkt, leg->to, leg->dport);
	if (leg->unseen)
		r = judge_unseen(pkt);
	else
		r = is_ours(pkt) ? judge_both(ctx, pkt, leg) : WD_GO_ON;
	if (r < WD_R_FIRST_DROP)
		return WD_NF_ACCEPT;
	verdict = passes(pkt, r) ? WD_AUDIT : WD_DROP;
	/* told as the packet is seen at the pod, but with the backend's address */
	__builtin_memcpy(pkt->src, leg->from, sizeof(pkt->src));
	pkt->sport = leg->sport;
	pkt->dport = leg->rport;
	if (back) {
		__builtin_memcpy(pkt->src, leg->real, sizeof(pkt->src));
		__builtin_memcpy(pkt->dst, leg->from, sizeof(pkt->dst));
		pkt->sport = leg->rport;
		pkt->dport = leg->sport;
		pkt->dir = WD_INGRESS;
	}
	count(pkt, r, verdict);
	if (wd_with_events && (pkt->monitor & WD_MONITOR_DROP))
		event_put(pkt, ep, ifindex, (__u32)r, verdict);
	return verdict == WD_DROP ? WD_NF_DROP : WD_NF_ACCEPT;
}

/* What the sender of the packet sends. */
static __always_inline int judge_sent(WD_CTX *ctx, struct wd_pkt *pkt,
				      const struct wd_leg *leg)
{
	const struct net_device *in = ctx->state->in;
	__u32 ifindex = in ? (__u32)in->ifindex : 0;
	const struct wd_endpoint_val *ep = endpoint_of(ifindex);

	if (!has_ports(leg->proto))
		return WD_NF_ACCEPT;
	if (!ep)
		ep = endpoint_at(pkt, leg->from);
	return ep ? leg_verdict(ctx, pkt, ep, leg, false, ifindex) :
		    WD_NF_ACCEPT;
}

/* What comes back to who began the flow, by a service. */
static __always_inline int judge_back(WD_CTX *ctx, struct wd_pkt *pkt,
				      const struct wd_leg *leg)
{
	const struct wd_endpoint_val *ep = endpoint_at(pkt, leg->from);
	const struct net_device *in = ctx->state->in;

	return ep ? leg_verdict(ctx, pkt, ep, leg, true,
				in ? (__u32)in->ifindex : 0) :
		    WD_NF_ACCEPT;
}

static __always_inline int judge_ct(WD_CTX *ctx, struct wd_pkt *pkt,
				    const struct nf_conn *ct, bool reply)
{
	struct wd_leg leg;
	int verdict;

	leg_of_ct(ct, reply, &leg);
	verdict = judge_sent(ctx, pkt, &leg);
	if (verdict == WD_NF_DROP || !reply)
		return verdict;
	leg_of_ct(ct, false, &leg);
	/* not by its status: others than nf_nat change tuples, too */
	return is_straight(&leg) ? verdict : judge_back(ctx, pkt, &leg);
}

static __always_inline int judge_bytes(WD_CTX *ctx, struct wd_pkt *pkt)
{
	const struct sk_buff *skb = ctx->skb;
	struct wd_leg leg = {};

	/* deny: not reached, the stack has looked at the header before */
	if (pkt->family == 4 ? leg_of_ip4(skb, &leg) : leg_of_ip6(skb, &leg))
		return WD_NF_DROP;
	return judge_sent(ctx, pkt, &leg);
}

static __always_inline int judge_packet(WD_CTX *ctx, struct wd_pkt *pkt)
{
	const struct sk_buff *skb = ctx->skb;
	unsigned long nfct = skb->_nfct;
	const struct nf_conn *ct = (void *)(nfct & ~WD_CT_INFO);

	__builtin_memset(pkt, 0, WD_PKT_ZEROED);
	if (read_state(pkt) != WD_GO_ON)
		return WD_NF_DROP; /* deny: not reached, it is an array */
	if (!(pkt->switches & WD_STATE_FRONTS) || !pkt->gen)
		return WD_NF_ACCEPT;
	/* Also in the moment before it is said that we are here, and after. */
	pkt->switches |= WD_STATE_LATE;
	pkt->family = ctx->state->pf == WD_NF_IP4 ? 4 : 6;
	pkt->eth = pkt->family == 4 ? WD_ETH_IP4 : WD_ETH_IP6;
	pkt->len = skb->len + sizeof(struct ethhdr);
	return ct ? judge_ct(ctx, pkt, ct,
			     (nfct & WD_CT_INFO) >= WD_CT_IS_REPLY) :
		    judge_bytes(ctx, pkt);
}

/* Counted as what the maps do not give. */
static __always_inline int refuse_nested(const struct sk_buff *skb)
{
	__u32 at = WD_R_MAP_ERR * 2 + WD_EGRESS;
	struct wd_stat_val *stat = bpf_map_lookup_elem(&wd_stat, &at);

	if (stat)
		stat_add(stat, skb->len + sizeof(struct ethhdr));
	return WD_NF_DROP;
}

/*
 * What a queue (NFQUEUE) gives back comes here with softirqs on: another packet
 * may come in between, and where the kernel lets the task move meanwhile, also
 * from another CPU. deny: the scratch is of one packet at a time.
 */
SEC("netfilter")
int wd_late(struct bpf_nf_ctx *ctx)
{
	struct wd_pkt *pkt = this_packet();
	int verdict;

	if (!pkt)
		return WD_NF_DROP; /* deny: not reached, see this_packet() */
	if (__sync_val_compare_and_swap(&pkt->busy, 0, 1))
		return refuse_nested(ctx->skb);
	verdict = judge_packet(ctx, pkt);
	(void)__sync_lock_test_and_set(&pkt->busy, 0);
	return verdict;
}
