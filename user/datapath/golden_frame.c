/* SPDX-License-Identifier: GPL-2.0-only */
/* golden_frame.c - builds golden packets, from the outermost header inwards. */
#include "golden_frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/byteorder.h"

const uint8_t wd_golden_pod_mac[6] = { 2, 0, 0, 0, 0, POD };
const uint8_t wd_golden_host_mac[6] = { 2, 0, 0, 0, 0, 1 };

struct wd_addr4_key wd_golden_addr4(uint8_t last)
{
	return (struct wd_addr4_key){ wd_be32(0x0a000000 | last) };
}

struct wd_addr6_key wd_golden_addr6(uint8_t last)
{
	return (struct wd_addr6_key){ { wd_be32(0xfd000000), 0, 0,
					wd_be32(last) } };
}

static uint8_t proto_of(const struct wd_golden *g)
{
	return g->proto ? g->proto : IPPROTO_TCP;
}

/* Bytes of the transport header, or of what stands in its place. */
static uint16_t l4_bytes(const struct wd_golden *g)
{
	if (g->frag)
		return 16; /* all fragments alike, and a multiple of 8 */
	return proto_of(g) == IPPROTO_TCP ? sizeof(struct tcphdr) :
					    sizeof(struct udphdr);
}

/* Options of 4 bytes, extension headers of 8. Return: how many bytes. */
static uint16_t put_extra(uint8_t *at, const struct wd_golden *g)
{
	static const uint8_t alert[4] = { 148, 4 };
	static const uint8_t source_route[4] = { 131, 3, 4 };
	uint8_t dst_options[8] = { proto_of(g), 0, 1, 4 }; /* padding */
	uint8_t routing[8] = { proto_of(g) };

	switch (g->extra) {
	case PLAIN:
		return 0;
	case ROUTER_ALERT:
		memcpy(at, alert, sizeof(alert));
		return sizeof(alert);
	case SOURCE_ROUTE:
		memcpy(at, source_route, sizeof(source_route));
		return sizeof(source_route);
	case DST_OPTIONS:
		memcpy(at, dst_options, sizeof(dst_options));
		return sizeof(dst_options);
	case ROUTING:
		memcpy(at, routing, sizeof(routing));
		return sizeof(routing);
	}
	return 0;
}

static uint8_t *put_ip4(uint8_t *at, const struct wd_golden *g)
{
	uint16_t extra = put_extra(at + sizeof(struct iphdr), g);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5 + extra / 4,
		.tot_len = htons(sizeof(ip) + extra + l4_bytes(g)),
		.id = htons(7),
		.frag_off = htons(g->frag),
		.ttl = 64,
		.protocol = proto_of(g),
		.saddr = wd_in_addr(wd_golden_addr4(g->src).addr).s_addr,
		.daddr = wd_in_addr(wd_golden_addr4(g->dst).addr).s_addr,
	};

	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip) + extra;
}

static uint8_t *put_ip6(uint8_t *at, const struct wd_golden *g)
{
	struct wd_addr6_key src = wd_golden_addr6(g->src);
	struct wd_addr6_key dst = wd_golden_addr6(g->dst);
	uint16_t extra = put_extra(at + sizeof(struct ip6_hdr), g);
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons(extra + l4_bytes(g)),
		.ip6_nxt = g->extra == DST_OPTIONS ? IPPROTO_DSTOPTS :
			   g->extra == ROUTING	   ? IPPROTO_ROUTING :
						     proto_of(g),
		.ip6_hlim = 64,
	};

	memcpy(&ip.ip6_src, &src, sizeof(src));
	memcpy(&ip.ip6_dst, &dst, sizeof(dst));
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip) + extra;
}

static void put_l4(uint8_t *at, const struct wd_golden *g)
{
	struct tcphdr tcp = { .th_sport = htons(g->sport),
			      .th_dport = htons(g->dport),
			      .th_seq = htonl(g->seq),
			      /* the SYNs have number 0 */
			      .th_ack = htonl((g->flags & TH_ACK) ? 1 : 0),
			      .th_off = 5,
			      .th_flags = g->flags };
	struct udphdr udp = { .uh_sport = htons(g->sport),
			      .uh_dport = htons(g->dport),
			      .uh_ulen = htons(l4_bytes(g)) };
	struct icmphdr icmp = { .type = (uint8_t)g->sport,
				.un.echo.id = htons(g->dport) };
	uint8_t proto = proto_of(g);

	if (proto == IPPROTO_TCP)
		memcpy(at, &tcp, sizeof(tcp));
	else if (proto == IPPROTO_UDP)
		memcpy(at, &udp, sizeof(udp));
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		memcpy(at, &icmp, sizeof(icmp));
}

void wd_golden_frame(uint8_t frame[WD_GOLDEN_BYTES], const struct wd_golden *g)
{
	uint16_t eth = g->family == 4 ? ETH_P_IP :
		       g->family == 6 ? ETH_P_IPV6 :
					g->eth;
	bool in = g->way == WD_INGRESS;
	uint8_t *at = frame + ETH_HLEN;

	memset(frame, 0, WD_GOLDEN_BYTES);
	memcpy(frame, in ? wd_golden_pod_mac : wd_golden_host_mac, 6);
	memcpy(frame + 6, in ? wd_golden_host_mac : wd_golden_pod_mac, 6);
	if (g->bad_mac)
		frame[6 + 5] ^= 0x10;
	frame[12] = eth >> 8;
	frame[13] = eth & 0xff;
	if (!g->family)
		return;
	at = g->family == 4 ? put_ip4(at, g) : put_ip6(at, g);
	if (!(g->frag & 0x1fff)) /* a later fragment has none */
		put_l4(at, g);
}
