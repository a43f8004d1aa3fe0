/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encap.h - which UDP ports of nodes unpack what is sent to them: the customary
 * ones (warder/encap.h) and those of this node's own tunnels.
 */
#ifndef WARDER_ENCAP_PORTS_H
#define WARDER_ENCAP_PORTS_H

#include <stdbool.h>
#include <stdint.h>
#include <warder/abi.h>

/* As wd_state_val.tunnel; all 0: no port beyond the customary ones. */
struct wd_encap {
	struct wd_tunnel_port own[WD_TUNNEL_PORTS];
};

/** wd_encap_is_port() - does a node unpack what a pod sends to @port, in host byte order? */
bool wd_encap_is_port(const struct wd_encap *encap, uint16_t port);

/** wd_encap_is_own() - the same, but of ports that this node has told of by number */
bool wd_encap_is_own(const struct wd_encap *encap, uint16_t port);

/** wd_encap_is_any() - there are more than are told of, so that any port may be one */
bool wd_encap_is_any(const struct wd_encap *encap);

#endif /* WARDER_ENCAP_PORTS_H */
