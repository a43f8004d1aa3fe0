/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.h - what the sender of a denied packet is told, where somebody asked
 * for that (WD_EP_REJECT, or what denied it: wd_rule.tell, WD_SLOT_REJECT): a reset for TCP, else "prohibited" by ICMP.
 *
 * The dropped packet becomes its own answer, so there is never more than one,
 * and each endpoint has WD_ANSWER_RATE of them in a tick and direction. Nothing here decides
 * about a packet: what is not answered is dropped as before, in silence. That
 * is what happens to all that RFC 1122, 3.2.2, and RFC 4443, 2.4, let nobody
 * answer; to fragments and to what has IP options or extension headers; and to
 * what was dropped for another reason than policy, since who sent that is not
 * known, or does not matter.
 *
 *   denied packet   the answer goes
 *   of the pod      into the pod, past the hook towards it (bpf_redirect_peer)
 *   to the pod      to the sender, as if it came out of the pod: through the
 *                   hook from the pod, which has to know it, and on like all
 *                   that pods send, past the wires' hooks too
 *
 * Part of the pods' programs and no program of its own behind a tail call: on
 * kernels that do not compile programs, and before 6.0 on arm64, a program with
 * functions may make none, so the whole verdict path would be refused; and
 * since 6.18 an array of programs takes one attach type only.
 *
 * Threat model. A pod sees no mark of the host's, and what it sends has none
 * when it comes out of a veth (skb_scrub_packet()); out of a netkit device it
 * may keep one. So the mark of an answer is a random number, holds for as many
 * packets as were sent and not yet seen, and only for what looks like an answer
 * and has the pod's own address: who guesses it has sent one more reset.
 */
#ifndef WARDER_BPF_ANSWER_H
#define WARDER_BPF_ANSWER_H

#include "policy.h"

#define WD_ANSWER_TTL 64
#define WD_REDIRECT_IN 1 /* BPF_F_INGRESS */
#define WD_ROOM_MAC 1 /* BPF_ADJ_ROOM_MAC: behind the frame's header */
/* BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH */
#define WD_HASH_IS_STALE 3
#define WD_DF 0x4000

/* Most of the packet that an ICMP error quotes, so that all is not longer than
 * 576 (RFC 1812, 4.3.2.3) or 1280 bytes (RFC 4443, 2.4). */
#define WD_QUOTE4 (576 - 20 - 8)
#define WD_QUOTE6 (1280 - 40 - 8)
#define WD_QUOTE_STEP 508 /* bytes; bpf_csum_diff() takes 512, in words */
#define WD_QUOTE_STEPS 3

struct wd_ip4 {
	__u8 version;
	__u8 tos;
	__be16 len;
	__be16 id;
	__be16 frag;
	__u8 ttl;
	__u8 proto;
	__u16 check;
	__be32 src;
	__be32 dst;
};

struct wd_ip6 {
	__be32 version;
	__be16 len;
	__u8 proto;
	__u8 ttl;
	__be32 src[4];
	__be32 dst[4];
};

struct wd_reset {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 off;
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urgent;
};

struct wd_prohibited {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 unused;
};

/* ---- sums, RFC 1071; those of a whole packet are 16 bits as in memory ---- */

static __always_inline __u32 sum_of(const void *from, __u32 bytes, __u32 seed)
{
	/* fails for other lengths than multiples of 4 up to 512 only */
	return (__u32)bpf_csum_diff(NULL, 0, (void *)from, bytes, seed);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* Of the addresses, which are the same the other way round, length, protocol. */
static __always_inline __u32 pseudo_sum(const struct wd_pkt *pkt, __u32 len,
					__u8 proto)
{
	__be32 rest[2] = { bpf_htonl(len), bpf_htonl(proto) };
	__u32 sum = sum_of(pkt->src, sizeof(pkt->src), 0);

	sum = sum_of(pkt->dst, sizeof(pkt->dst), sum);
	return sum_of(rest, sizeof(rest), sum);
}

/*
 * Is the checksum at @at left to whoever sends the packet on (CHECKSUM_PARTIAL)?
 * Then the sum of the pseudo header stands in its place. Nothing else tells; a
 * packet that only looks so gets an answer with a wrong sum.
 */
static __always_inline bool sum_is_left(struct __sk_buff *skb,
					const struct wd_pkt *pkt, __u32 at)
{
	__u32 off = pkt_off(pkt);
	__u16 check;

	if (bpf_skb_load_bytes(skb, off + at, &check, sizeof(check)))
		return false;
	return check == fold(pseudo_sum(pkt, pkt->end - off, pkt->proto));
}

/* ---- headers ---- */

static __always_inline __u32 ip_bytes(const struct wd_pkt *pkt)
{
	return pkt->family == 4 ? sizeof(struct wd_ip4) : sizeof(struct wd_ip6);
}

/* Back to where the frame came from. */
static __always_inline long put_macs(struct __sk_buff *skb)
{
	__u8 mac[12];
	long err;

	err = bpf_skb_load_bytes(skb, 0, mac + 6, 6);
	if (!err)
		err = bpf_skb_load_bytes(skb, 6, mac, 6);
	return err ? err : bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0);
}

static __always_inline long
put_ip4(struct __sk_buff *skb, const struct wd_pkt *pkt, __u32 len, __u8 proto)
{
	struct wd_ip4 ip = {
		.version = 0x45,
		.len = bpf_htons((__u16)(sizeof(ip) + len)),
		.frag = bpf_htons(WD_DF),
		.ttl = WD_ANSWER_TTL,
		.proto = proto,
		.src = pkt->dst[0],
		.dst = pkt->src[0],
	};

	ip.check = (__u16)~fold(sum_of(&ip, sizeof(ip), 0));
	return bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip),
				   WD_HASH_IS_STALE);
}

static __always_inline long
put_ip6(struct __sk_buff *skb, const struct wd_pkt *pkt, __u32 len, __u8 proto)
{
	struct wd_ip6 ip = {
		.version = bpf_htonl(0x60000000),
		.len = bpf_htons((__u16)len),
		.proto = proto,
		.ttl = WD_ANSWER_TTL,
	};

	copy_addr6(ip.src, (const void *)pkt->dst);
	copy_addr6(ip.dst, (const void *)pkt->src);
	return bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip),
				   WD_HASH_IS_STALE);
}

/* Both, of an answer with @len bytes behind the IP header. */
static __always_inline long put_headers(struct __sk_buff *skb,
					const struct wd_pkt *pkt, __u32 len,
					__u8 proto)
{
	long err = put_macs(skb);

	if (err)
		return err;
	return pkt->family == 4 ? put_ip4(skb, pkt, len, proto) :
				  put_ip6(skb, pkt, len, proto);
}

/* ---- TCP: RFC 9293, 3.5.2 ---- */

static __always_inline void fill_reset(const struct wd_pkt *pkt,
				       struct wd_reset *rst)
{
	rst->sport = pkt->dport;
	rst->dport = pkt->sport;
	rst->off = sizeof(*rst) / 4 << 4;
	if (pkt->tcp & WD_TCP_ACK) {
		rst->flags = WD_TCP_RST;
		rst->seq = bpf_htonl(pkt->ack);
		return;
	}
	rst->flags = WD_TCP_RST | WD_TCP_ACK;
	rst->ack = bpf_htonl(pkt->seq + pkt->seg);
}

/* Return: 0, or that it failed. */
__noinline int answer_tcp(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_reset rst = { 0 };
	__u32 sum, off;
	bool left;

	if (!pkt)
		return 1;
	off = sizeof(struct ethhdr) + ip_bytes(pkt);
	left = sum_is_left(skb, pkt, offsetof(struct wd_reset, check));
	fill_reset(pkt, &rst);
	sum = pseudo_sum(pkt, sizeof(rst), WD_IP_TCP);
	rst.check = left ? fold(sum) :
			   (__u16)~fold(sum_of(&rst, sizeof(rst), sum));
	return bpf_skb_change_tail(skb, off + sizeof(rst), 0) ||
	       put_headers(skb, pkt, sizeof(rst), WD_IP_TCP) ||
	       bpf_skb_store_bytes(skb, off, &rst, sizeof(rst),
				   WD_HASH_IS_STALE);
}

/* ---- all else: RFC 1812, 4.3.2.1 and 5.2.7.1; RFC 4443, 3.1 ---- */

/* Add up @bytes of the packet, from its IP header on, in pkt->quote_sum. */
static __always_inline int sum_quote(struct __sk_buff *skb, struct wd_pkt *pkt,
				     __u32 bytes)
{
	__u32 at = 0, last, i;

	for (i = 0; i < WD_QUOTE_STEPS && at < bytes; i++) {
		last = bytes - at < WD_QUOTE_STEP ? bytes - at : WD_QUOTE_STEP;
		last--;
		/* verifier: 1 to 512, whatever became of it in memory */
		WD_OPAQUE(last);
		last &= 511;
		pkt->quote[last >> 2] = 0;
		if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + at,
				       pkt->quote, last + 1))
			return 1;
		pkt->quote_sum =
			sum_of(pkt->quote, (last + 4) & 1020, pkt->quote_sum);
		at += WD_QUOTE_STEP;
	}
	return 0;
}

/*
 * The sum of what is quoted. Where UDP's own is left to others they fill it in
 * later, also here, over what is left of the packet: from its header on there
 * is then, with the pseudo header, nothing.
 */
static __always_inline int set_quote_sum(struct __sk_buff *skb,
					 struct wd_pkt *pkt, __u32 bytes)
{
	__u32 off = pkt_off(pkt);

	pkt->quote_sum = 0;
	if (pkt->proto != WD_IP_UDP ||
	    !sum_is_left(skb, pkt, offsetof(struct udphdr, check)))
		return sum_quote(skb, pkt, bytes);
	if (sum_quote(skb, pkt, ip_bytes(pkt)))
		return 1;
	pkt->quote_sum =
		fold(pkt->quote_sum) +
		(__u16)~fold(pseudo_sum(pkt, pkt->end - off, WD_IP_UDP));
	return 0;
}

static __always_inline void fill_prohibited(const struct wd_pkt *pkt, __u32 len,
					    struct wd_prohibited *to)
{
	__u64 sum = pkt->quote_sum;

	to->type = pkt->family == 4 ? WD_ICMP4_UNREACH : WD_ICMP6_UNREACH;
	to->code = pkt->family == 4 ? WD_ICMP4_PROHIBITED : WD_ICMP6_PROHIBITED;
	if (pkt->family == 6)
		sum += pseudo_sum(pkt, len, WD_IP_ICMP6);
	sum += sum_of(to, sizeof(*to), 0);
	to->check = (__u16)~fold(sum);
}

/* Return: 0, or that it failed. */
__noinline int answer_icmp(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_prohibited icmp = { 0 };
	__u32 quote, most;
	bool is_v4;

	if (!pkt)
		return 1;
	is_v4 = pkt->family == 4;
	most = is_v4 ? WD_QUOTE4 : WD_QUOTE6;
	quote = pkt->end - sizeof(struct ethhdr);
	if (quote > most)
		quote = most;
	if (bpf_skb_change_tail(skb, sizeof(struct ethhdr) + quote, 0) ||
	    set_quote_sum(skb, pkt, quote))
		return 1;
	/* between the frame's header and IP's, so that what is left is in place */
	if (bpf_skb_adjust_room(skb, (__s32)(ip_bytes(pkt) + sizeof(icmp)),
				WD_ROOM_MAC, 0))
		return 1;
	quote += sizeof(icmp);
	fill_prohibited(pkt, quote, &icmp);
	return put_headers(skb, pkt, quote, is_v4 ? WD_IP_ICMP : WD_IP_ICMP6) ||
	       bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + ip_bytes(pkt),
				   &icmp, sizeof(icmp), WD_HASH_IS_STALE);
}

/* ---- whom to answer, and how often ---- */

/* Which drops were policy's, with a sender that is who he says. */
#define WD_ANSWERED_REASONS \
	(1ULL << WD_R_DEFAULT | 1ULL << WD_R_POLICY | 1ULL << WD_R_PROTO_UNSUP)

static __always_inline bool is_answered(const struct wd_pkt *pkt, int r)
{
	if (r != WD_R_SERVICE && !WD_IS_ONE_OF(r, WD_ANSWERED_REASONS))
		return false;
	return pkt->tell == WD_TELL_DENIED ||
	       (pkt->tell == WD_TELL_AS_EP && (pkt->ep_flags & WD_EP_REJECT));
}

/* May anybody answer such a packet, and can we? */
static __always_inline bool is_answerable(struct __sk_buff *skb,
					  struct wd_pkt *pkt)
{
	__u32 off = sizeof(struct ethhdr) + ip_bytes(pkt);
	__u8 to;

	if (pkt->frag != WD_FRAG_NONE || pkt_off(pkt) != off || pkt->exthdrs)
		return false;
	if (pkt->is_error ||
	    (pkt->proto == WD_IP_TCP && (pkt->tcp & WD_TCP_RST)))
		return false;
	if (has_martian(skb, pkt))
		return false;
	if (pkt->family == 4 ? is_group4(pkt->dst[0]) : is_multicast6(pkt->dst))
		return false;
	return !bpf_skb_load_bytes(skb, 0, &to, sizeof(to)) && !(to & 1);
}

static __always_inline struct wd_answer_val *
answers_of(const struct wd_pkt *pkt)
{
	__u32 at = pkt->ep_stat & (WD_ENDPOINTS_MAX - 1);

	return bpf_map_lookup_elem(&wd_answer, &at);
}

/* A new tick, or another instance in the place of one that is gone. */
static __always_inline void answers_begin(const struct wd_pkt *pkt,
					  struct wd_answer_val *val)
{
	if (val->ep != pkt->key.ep) {
		__builtin_memset(val, 0, sizeof(*val));
		val->ep = pkt->key.ep;
	}
	/* those on their way keep their mark; what was lost does not come */
	if (val->flight <= 0 || pkt->now - val->tick > 1) {
		val->mark = bpf_get_prandom_u32() | 1;
		val->flight = 0;
	}
	val->tick = pkt->now;
	val->cnt_in = val->cnt_out = 0;
}

/* Of one more answer, for who adds them up for the node. */
static __always_inline void count_answer(const struct wd_pkt *pkt, __u32 what)
{
	__u32 at = WD_STAT_ANSWERED + what * 2 + (pkt->dir & 1);
	struct wd_stat_val *stat = bpf_map_lookup_elem(&wd_stat, &at);

	if (stat)
		stat->packets++;
}

/*
 * Has the endpoint an answer left? What it is asked and what it asks for have
 * a share each, or who sends to it could see how much it sends.
 */
static __always_inline bool is_due(const struct wd_pkt *pkt)
{
	struct wd_answer_val *val = answers_of(pkt);
	__u32 *cnt;

	if (!val)
		return false;
	if (val->ep != pkt->key.ep || val->tick != pkt->now)
		answers_begin(pkt, val);
	cnt = pkt->dir == WD_EGRESS ? &val->cnt_out : &val->cnt_in;
	if (*cnt >= WD_ANSWER_RATE) {
		__sync_fetch_and_add(&val->held, 1);
		count_answer(pkt, WD_ANSWERED_HELD);
		return false;
	}
	__sync_fetch_and_add(cnt, 1);
	return true;
}

/* Is the sender of a packet that is to be dropped told? In pkt->told, for the event. */
__noinline int answer_plan(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();

	if (pkt)
		pkt->told = is_answerable(skb, pkt) && is_due(pkt);
	return 0;
}

/* Make the packet its answer. Return: the hook's code. */
__noinline int answer(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_answer_val *val;
	bool is_tcp;

	if (!pkt)
		return WD_TC_SHOT;
	val = answers_of(pkt);
	if (!val)
		return WD_TC_SHOT;
	is_tcp = pkt->proto == WD_IP_TCP;
	if (is_tcp ? answer_tcp(skb) : answer_icmp(skb)) {
		__sync_fetch_and_add(&val->failed, 1);
		count_answer(pkt, WD_ANSWERED_FAILED);
		return WD_TC_SHOT;
	}
	__sync_fetch_and_add(&val->sent, 1);
	count_answer(pkt, is_tcp ? WD_ANSWERED_RESET : WD_ANSWERED_PROHIBITED);
	if (pkt->dir == WD_EGRESS) {
		/* it may have been for a station behind the bridge */
		(void)bpf_skb_change_type(skb, 0 /* PACKET_HOST */);
		return (int)bpf_redirect_peer(skb->ifindex, 0);
	}
	__sync_fetch_and_add(&val->flight, 1);
	skb->mark = val->mark;
	return (int)bpf_redirect(skb->ifindex, WD_REDIRECT_IN);
}

/* ---- on its way back ---- */

static __always_inline bool looks_like_answer(const struct wd_pkt *pkt)
{
	if (pkt->proto == WD_IP_TCP)
		return pkt->tcp & WD_TCP_RST;
	if (!pkt->is_error)
		return false;
	return pkt->dport ==
	       (pkt->family == 4 ?
			bpf_htons(WD_ICMP4_UNREACH << 8 | WD_ICMP4_PROHIBITED) :
			bpf_htons(WD_ICMP6_UNREACH << 8 | WD_ICMP6_PROHIBITED));
}

/* From the pod's device: is it an answer that we sent that way? Once. */
static __always_inline bool takes_answer(struct __sk_buff *skb,
					 const struct wd_pkt *pkt)
{
	struct wd_answer_val *val;

	if (WD_LIKELY(!skb->mark) || !looks_like_answer(pkt))
		return false;
	val = answers_of(pkt);
	if (!val || val->ep != pkt->key.ep || val->mark != skb->mark ||
	    val->flight <= 0)
		return false;
	__sync_fetch_and_add(&val->flight, -1);
	skb->mark = 0;
	return true;
}

#endif /* WARDER_BPF_ANSWER_H */
