// SPDX-License-Identifier: GPL-2.0-only
/*
 * forbidden.c - what no policy can allow, and whose addresses that depends on.
 */
#include <netinet/in.h>
#include <string.h>

#include "oracle_int.h"

static uint8_t addr_byte(const struct wd_addr *addr, uint32_t nr)
{
	uint8_t byte = 0;

	for (uint32_t i = 0; i < 8; i++)
		byte = (uint8_t)(byte << 1 | addr_bit(addr, nr * 8 + i));
	return byte;
}

/* 224.0.0.0 and all above it; ff00::/8 */
bool wd_oracle_is_group(const struct wd_addr *addr)
{
	return addr_byte(addr, 0) >= (addr->family == 4 ? 224 : 255);
}

/* 169.254.0.0/16, fe80::/10 */
bool is_link_local(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return addr_byte(addr, 0) == 169 && addr_byte(addr, 1) == 254;
	return addr_byte(addr, 0) == 0xfe && addr_byte(addr, 1) >> 6 == 2;
}

bool node_has(const struct wd_object *node, const struct wd_addr *addr)
{
	if (has_addr(node->node.addr, node->node.addr_cnt, addr))
		return true;
	for (uint32_t i = 0; i < node->node.cidr_cnt; i++) {
		const struct wd_cidr *cidr = &node->node.cidr[i];
		uint32_t last = addr_bits(addr) - 1;

		/* the first one: the prefix, zeros, one */
		if (addr_same_prefix(&cidr->addr, addr, last) &&
		    addr_bit(addr, last))
			return true;
	}
	return false;
}

/*
 * Who a pod may not exchange tunnels with: this host, nodes, and whoever may
 * be meant by an address of the link or of a group. Who is a pod is no node.
 */
bool is_node(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	const struct wd_object *node = NULL;

	if (wd_oracle_is_group(addr) || is_link_local(addr))
		return true;
	if (is_local(oracle, addr))
		return false;
	if (has_addr(oracle->host, (uint32_t)oracle->host_cnt, addr))
		return true;
	if (wd_oracle_owner(oracle, addr))
		return false;
	while ((node = wd_store_next(oracle->store, WD_KIND_NODE, node)))
		if (node_has(node, addr))
			return true;
	return false;
}

/* Does an interface here have it, of a pod that counts or that nobody told of? */
bool is_local(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_object *pod =
			wd_oracle_pod(oracle, oracle->ep[i]);

		if (has_addr(oracle->ep[i]->addr, oracle->ep[i]->addr_cnt,
			     addr) &&
		    (!pod || pod_counts(pod)))
			return true;
	}
	return false;
}

bool is_tunnel(const struct wd_oracle *oracle, const struct wd_flow *flow,
	       enum wd_dir dir)
{
	static const uint8_t protos[] = { 4,  41, 47,  50,  51,	 55, 94,
					  97, 98, 108, 115, 137, 143 };
	static const uint16_t ports[] = { 1701, 2152, 4500, 4754,  4755,
					  4789, 4790, 6080, 6081,  6635,
					  6636, 8285, 8472, 51820, 51871 };

	for (size_t i = 0; i < sizeof(protos); i++)
		if (flow->proto == protos[i])
			return true;
	/* what comes in comes from a port of no meaning, see test_oracle.c */
	if (flow->proto != IPPROTO_UDP || dir == WD_INGRESS)
		return false;
	if (oracle->tunnel && flow->port == oracle->tunnel)
		return true;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (flow->port == ports[i])
			return true;
	return false;
}

bool is_dhcp_server(const struct wd_flow *flow, enum wd_dir dir)
{
	return dir == WD_INGRESS && flow->proto == IPPROTO_UDP &&
	       flow->port == (flow->dst.family == 4 ? 67 : 547);
}

bool is_of_router(const struct wd_flow *flow, enum wd_dir dir)
{
	uint16_t type = flow->port >> 8;

	return dir == WD_EGRESS && flow->dst.family == 6 &&
	       flow->proto == IPPROTO_ICMPV6 &&
	       (type == 130 || type == 138 || type == 151);
}

bool may_encapsulate(const struct wd_oracle *oracle,
		     const struct wd_endpoint *ep)
{
	const struct wd_object *ns =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ep->ns);

	/* tunnels between nodes are a node's business */
	return ep == oracle->self || (ns && ns->nsp.encap);
}

static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };

bool wd_oracle_strays(const struct wd_flow *flow, enum wd_reason *ret_reason)
{
	bool is4 = flow->src.family == 4;
	uint8_t type = (uint8_t)(flow->port >> 8);
	bool is_error = is4 ? memchr(errors4, type, sizeof(errors4)) != NULL :
			      type < 128;

	if (flow->proto != (is4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ||
	    (!is_error && type != (is4 ? 0 : 129)))
		return false;
	*ret_reason = is_error ? WD_R_ICMP_UNRELATED : WD_R_CT_INVALID;
	return true;
}
