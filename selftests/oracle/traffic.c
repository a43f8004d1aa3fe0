/* SPDX-License-Identifier: GPL-2.0-only */
#include "traffic.h"

#include <netinet/in.h>

bool wd_traffic_has_ports(const struct wd_flow *flow)
{
	return flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP ||
	       flow->proto == IPPROTO_SCTP;
}

bool wd_traffic_is_icmp(const struct wd_flow *flow)
{
	return flow->proto ==
	       (flow->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

bool wd_traffic_is_echo(const struct wd_flow *flow)
{
	return wd_traffic_is_icmp(flow) &&
	       flow->port >> 8 == (flow->src.family == 4 ? 8 : 128);
}
