/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * l4.c - from protocols to kinds of spans.
 */
#include "l4.h"

#include <netinet/in.h>

enum wd_l4 wd_l4_of(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return WD_L4_TCP;
	case IPPROTO_UDP:
		return WD_L4_UDP;
	case IPPROTO_SCTP:
		return WD_L4_SCTP;
	case IPPROTO_ICMP:
		return WD_L4_ICMP;
	case IPPROTO_ICMPV6:
		return WD_L4_ICMP6;
	}
	return WD_L4_OTHER;
}

bool wd_l4_has_ports(enum wd_l4 l4)
{
	return l4 == WD_L4_TCP || l4 == WD_L4_UDP || l4 == WD_L4_SCTP;
}

enum wd_l4 wd_l4_of_flow(uint8_t family, uint8_t proto, uint16_t port,
			 uint32_t *ret_number)
{
	enum wd_l4 l4 = wd_l4_of(proto);

	/* ICMP of the other family is a protocol like any that is unknown */
	if (l4 == (family == 4 ? WD_L4_ICMP6 : WD_L4_ICMP))
		l4 = WD_L4_OTHER;
	*ret_number = l4 == WD_L4_OTHER ? proto : port;
	return l4;
}
