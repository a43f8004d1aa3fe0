// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_host.bpf.c - judges what sockets of this host receive and send.
 *
 * A netfilter program of this node's input and output, where destinations are
 * translated already, and never what it forwards. Attached only while there is
 * a policy for the node, and even then without the entries that name its slot
 * (WD_HOST_KEY) all passes: who is at the other end of this wire may be the
 * one who could mend it.
 *
 *   1  loopback, and what this host sends to groups and hears itself
 *                                        passes, and is not counted
 *   2  neighbour discovery, group membership, the host's own DHCP
 *                                        pass: without them there is no network
 *   3  ICMP errors                       pass: their stack looks at what they quote
 *   4  to a pod of this node             passes, and so does what comes back: the
 *                                        pod's own hook decides
 *   5  anything else                     as a pod's: flow, else policy
 *
 * What is tried goes before what is in force until its time is over, by the
 * kernel's clock: also where the agent that tried it is no more.
 *
 * Output is called by tasks, which interrupts come in between, with input on
 * the same CPU: each takes an element of the scratch of its own.
 *
 * Threat model. Machines elsewhere and pods control all of what comes in. The
 * device is the kernel's word, and what comes with the address of a pod of this
 * node must come by that pod's device, whose own hook has checked it.
 */
#define WD_IS_COMPAT 1 /* no copies for speed */
#define WD_IS_NF 1
#define WD_IS_HOST 1
#define WD_CTX struct wd_pkt

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "conclude.h"
#include "conntrack.h"

char LICENSE[] SEC("license") = "GPL";

/* linux/netfilter.h */
#define WD_NF_DROP 0
#define WD_NF_ACCEPT 1
#define WD_NF_IP4 2
#define WD_NF_INPUT 1
#define WD_DST_PTR (~1UL) /* of sk_buff._skb_refdst */
#define WD_LOOPBACK 1 /* ifindex of lo, in every namespace */

#define WD_IP_IGMP 2
#define WD_PACKET_LOOPBACK 5 /* of sk_buff.pkt_type, linux/if_packet.h */

/*
 * Not 0 in the trial: the device of all packets, since test packets come by
 * none, or by the loopback device if the kernel so likes.
 */
const volatile __u32 wd_trial_device = 0;

extern int bpf_dynptr_from_skb(struct __sk_buff *s, __u64 flags,
			       struct bpf_dynptr *ptr) __ksym;

/* ---- what the packet says; bytes from the start of its IP header ---- */

static __always_inline int read_at(const struct bpf_dynptr *at, __u32 off,
				   void *to, __u32 len)
{
	return (int)bpf_dynptr_read(to, len, at, off, 0);
}

static __always_inline int host_ip4(const struct bpf_dynptr *at,
				    struct wd_pkt *pkt)
{
	struct iphdr ip;

	if (read_at(at, 0, &ip, sizeof(ip)))
		return WD_R_L3_BAD;
	pkt->src[0] = ip.saddr;
	pkt->dst[0] = ip.daddr;
	pkt->proto = ip.protocol;
	pkt->off = (*(__u8 *)&ip & 0xfU) * 4;
	/* deny: not reached, the hook comes after reassembly */
	return ip.frag_off & bpf_htons(0x3fff) ? WD_R_FRAG_ORPHAN : WD_GO_ON;
}

/* One extension header. Return: WD_GO_ON that was one; 0 it is none. */
static __always_inline int host_exthdr(const struct bpf_dynptr *at,
				       struct wd_pkt *pkt)
{
	__u8 head[4];

	if (is_refused_exthdr(pkt->proto))
		return WD_R_EXTHDR;
	if (!is_walked_exthdr(pkt->proto))
		return 0;
	if (read_at(at, pkt->off, head, sizeof(head)))
		return WD_R_L3_BAD;
	if (pkt->proto == WD_IP_FRAGMENT) {
		/* one that has all of the packet, RFC 6946 */
		if (head[2] | (head[3] & 0xf9))
			return WD_R_FRAG_ORPHAN;
		pkt->off += 8;
	} else if (pkt->proto == WD_IP_AH) {
		pkt->off += (head[1] + 2U) * 4;
	} else {
		pkt->off += (head[1] + 1U) * 8;
	}
	pkt->proto = head[0];
	return WD_GO_ON;
}

static __always_inline int host_ip6(const struct bpf_dynptr *at,
				    struct wd_pkt *pkt)
{
	struct ipv6hdr ip;
	int i, r = WD_GO_ON;

	if (read_at(at, 0, &ip, sizeof(ip)))
		return WD_R_L3_BAD;
	copy_addr6(pkt->src, &ip.saddr);
	copy_addr6(pkt->dst, &ip.daddr);
	pkt->proto = ip.nexthdr;
	pkt->off = sizeof(ip);
	for (i = 0; i < WD_EXTHDR_MAX && r == WD_GO_ON; i++)
		r = host_exthdr(at, pkt);
	if (r == WD_GO_ON)
		return WD_R_EXTHDR;
	return r ? r : WD_GO_ON;
}

static __always_inline int host_tcp(const struct bpf_dynptr *at,
				    struct wd_pkt *pkt)
{
	struct tcphdr tcp;

	if (read_at(at, pkt->off, &tcp, sizeof(tcp)))
		return WD_R_L4_BAD;
	pkt->tcp = ((__u8 *)&tcp)[13] &
		   (WD_TCP_FIN | WD_TCP_SYN | WD_TCP_RST | WD_TCP_ACK);
	pkt->sport = tcp.source;
	pkt->dport = tcp.dest;
	set_ports(pkt, pkt->dir, tcp.source, tcp.dest);
	return set_segment(pkt, &tcp) ? tcp_flags(pkt->tcp) : WD_R_L4_BAD;
}

static __always_inline int host_icmp(const struct bpf_dynptr *at,
				     struct wd_pkt *pkt)
{
	struct icmphdr icmp;

	if (read_at(at, pkt->off, &icmp, sizeof(icmp)))
		return WD_R_L4_BAD;
	pkt->dport = bpf_htons((__u16)(icmp.type << 8 | icmp.code));
	pkt->is_error = icmp_is_error(pkt->family, icmp.type);
	if (pkt->family == 6)
		pkt->nd_type = icmp.type;
	set_icmp(pkt, pkt->dir, icmp.type, icmp.code, icmp.un.echo.id);
	return WD_GO_ON;
}

static __always_inline int host_l4(const struct bpf_dynptr *at,
				   struct wd_pkt *pkt)
{
	__be16 port[2];

	if (pkt->proto == WD_IP_TCP)
		return host_tcp(at, pkt);
	if (proto_is_icmp(pkt))
		return host_icmp(at, pkt);
	if (pkt->proto != WD_IP_UDP && pkt->proto != WD_IP_SCTP)
		return WD_GO_ON;
	if (read_at(at, pkt->off, port, sizeof(port)))
		return WD_R_L4_BAD;
	pkt->sport = port[0];
	pkt->dport = port[1];
	set_ports(pkt, pkt->dir, port[0], port[1]);
	return WD_GO_ON;
}

/* Also sets all of the key but the instance. */
static __always_inline int host_parse(struct sk_buff *skb, struct wd_pkt *pkt)
{
	const __be32 *own = pkt->dir == WD_EGRESS ? pkt->src : pkt->dst;
	struct bpf_dynptr at;
	__u32 word;
	int r;

	if (bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &at))
		return WD_R_MAP_ERR;
	pkt->end = skb->len;
	r = pkt->family == 4 ? host_ip4(&at, pkt) : host_ip6(&at, pkt);
	if (r == WD_GO_ON)
		r = host_l4(&at, pkt);
	word = own[0] ^ own[1] ^ own[2] ^ own[3];
	pkt->key.laddr = WD_HOST_LADDR(word);
	pkt->key.proto = pkt->proto;
	set_key_peer(pkt);
	return r;
}

/* ---- what is let pass in any case ---- */

static __always_inline bool is_dhcp_client(const struct wd_pkt *pkt)
{
	__u32 own = bpf_ntohs(pkt->key.lport), far = bpf_ntohs(pkt->key.pport);

	if (pkt->proto != WD_IP_UDP)
		return false;
	return pkt->family == 4 ? own == 68 && far == WD_DHCP4_SERVER :
				  own == 546 && far == WD_DHCP6_SERVER;
}

/* Neighbour discovery (RFC 4861), listeners (RFC 3810), routers (RFC 4286). */
static __always_inline bool is_of_link(const struct wd_pkt *pkt)
{
	__u8 type = pkt->nd_type;

	if (pkt->family == 4)
		return pkt->proto == WD_IP_IGMP;
	return (type >= 130 && type <= WD_ND_REDIRECT) || type == 143 ||
	       (type >= WD_MRD_ADVERT && type <= WD_MRD_ADVERT + 2);
}

static __always_inline int host_decide(struct sk_buff *skb, struct wd_pkt *pkt)
{
	int r = host_parse(skb, pkt);

	if (r != WD_GO_ON)
		return r;
	if (is_of_link(pkt) || is_dhcp_client(pkt))
		return WD_R_NEIGHBOUR;
	if (pkt->is_error)
		return WD_R_RELATED;
	return judge_flow_of(pkt, pkt);
}

/*
 * A group's member hears what it sends, by the device it sent it to. The kernel
 * marks that; its address could be anybody's.
 */
static __always_inline bool is_own_echo(const struct sk_buff *skb,
					const struct wd_pkt *pkt)
{
	return pkt->dir == WD_INGRESS &&
	       BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) ==
		       WD_PACKET_LOOPBACK;
}

/* ---- which policy, and the end ---- */

static __always_inline const struct wd_endpoint_val *
host_policy(const struct wd_pkt *pkt)
{
	const struct wd_endpoint_val *ep;
	__u32 key = WD_HOST_TRIED_KEY;

	ep = bpf_map_lookup_elem(&wd_endpoint, &key);
	/* a try that does not fit is none */
	if (ep && ep->slot[pkt->gen & 1] && bpf_ktime_get_ns() < ep->cookie)
		return ep;
	key = WD_HOST_KEY;
	return bpf_map_lookup_elem(&wd_endpoint, &key);
}

/* The device that a packet comes by, or goes to after what was translated. */
static __always_inline __u32 device_of(const struct bpf_nf_ctx *ctx, bool is_in)
{
	const struct dst_entry *dst;

	if (is_in)
		return ctx->state->in ? (__u32)ctx->state->in->ifindex : 0;
	dst = (void *)(ctx->skb->_skb_refdst & WD_DST_PTR);
	return dst ? (__u32)BPF_CORE_READ(dst, dev, ifindex) : 0;
}

static __always_inline int host_end(const struct sk_buff *skb,
				    struct wd_pkt *pkt,
				    const struct wd_endpoint_val *ep,
				    __u32 ifindex, int r)
{
	__u32 verdict = WD_ALLOW;

	if (r >= WD_R_FIRST_DROP && is_own_echo(skb, pkt))
		return WD_NF_ACCEPT;
	if (r >= WD_R_FIRST_DROP)
		verdict = verdict_of(pkt, &r);
	count(pkt, r, verdict);
	if (wd_with_events &&
	    (verdict != WD_ALLOW ?
		     pkt->monitor & WD_MONITOR_DROP :
		     pkt->is_new && (pkt->monitor & WD_MONITOR_NEW)))
		event_put(pkt, ep, ifindex, (__u32)r, verdict);
	return verdict == WD_DROP ? WD_NF_DROP : WD_NF_ACCEPT;
}

static __always_inline int host_judge(struct bpf_nf_ctx *ctx,
				      struct wd_pkt *pkt, __u32 ifindex)
{
	const struct wd_endpoint_val *ep;

	__builtin_memset(pkt, 0, WD_PKT_ZEROED);
	/* allow: nothing is in force, or not yet, or it never did fit */
	if (read_state(pkt) != WD_GO_ON || !pkt->gen)
		return WD_NF_ACCEPT;
	ep = host_policy(pkt);
	if (!ep)
		return WD_NF_ACCEPT;
	set_endpoint(pkt, ep);
	if (!pkt->ep_slot)
		return WD_NF_ACCEPT;
	pkt->is_try = ep->id == WD_HOST_TRIED_KEY;
	pkt->key.ep = WD_HOST_KEY;
	pkt->ep_flags |= WD_EP_ENCAP;
	/* what is translated was, and pods' hooks see to their encryption */
	pkt->switches &= WD_STATE_CIDR4 | WD_STATE_CIDR6;
	pkt->dir = ctx->state->hook == WD_NF_INPUT ? WD_INGRESS : WD_EGRESS;
	pkt->iif = pkt->dir == WD_INGRESS ? ifindex : 0;
	pkt->family = ctx->state->pf == WD_NF_IP4 ? 4 : 6;
	pkt->eth = pkt->family == 4 ? WD_ETH_IP4 : WD_ETH_IP6;
	pkt->len = ctx->skb->len + sizeof(struct ethhdr);
	return host_end(ctx->skb, pkt, ep, ifindex, host_decide(ctx->skb, pkt));
}

/* Room for one more packet on this CPU, marked as taken; NULL none. */
static __always_inline struct wd_pkt *take_packet(void)
{
	struct wd_pkt *pkt;
	__u32 i, at;

	for (i = 0; i < WD_SCRATCH; i++) {
		at = i;
		pkt = bpf_map_lookup_elem(&wd_scratch, &at);
		if (pkt && !__sync_val_compare_and_swap(&pkt->busy, 0, 1))
			return pkt;
	}
	return NULL;
}

SEC("netfilter")
int wd_host(struct bpf_nf_ctx *ctx)
{
	bool is_in = ctx->state->hook == WD_NF_INPUT;
	__u32 ifindex = device_of(ctx, is_in);
	struct wd_pkt *pkt;
	int verdict;

	if (wd_trial_device)
		ifindex = wd_trial_device;
	if (ifindex == WD_LOOPBACK)
		return WD_NF_ACCEPT;
	pkt = take_packet();
	if (!pkt)
		return WD_NF_DROP; /* deny: will be sent again */
	verdict = host_judge(ctx, pkt, ifindex);
	(void)__sync_lock_test_and_set(&pkt->busy, 0);
	return verdict;
}
