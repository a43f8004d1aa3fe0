/* SPDX-License-Identifier: GPL-2.0-only */
#include "encap.h"

#include <warder/encap.h>

#include "../base/byteorder.h"

/* WireGuard believes no packet: what a pod sends there is nobody's. */
bool wd_encap_is_own(const struct wd_encap *encap, uint16_t port)
{
	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (wd_host16(encap->own[i].port) == port &&
		    encap->own[i].kind > WD_TUNNEL_WIREGUARD)
			return true;
	return false;
}

bool wd_encap_is_any(const struct wd_encap *encap)
{
	return encap->own[WD_TUNNEL_PORTS - 1].kind == WD_TUNNEL_ANY;
}

bool wd_encap_is_port(const struct wd_encap *encap, uint16_t port)
{
	return WD_ENCAP_IS_PORT(port) || wd_encap_is_any(encap) ||
	       wd_encap_is_own(encap, port);
}
