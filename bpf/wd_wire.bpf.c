// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_wire.bpf.c - the programs of the wires in full, in the form that kernels
 * from 5.10 on take: one object for the rungs full and compat.
 */
#define WD_IS_WIRE 1

#include "wire.h"

char LICENSE[] SEC("license") = "GPL";

/* Leaves the node: egress of a device that leads out of it. */
SEC("tc")
int wd_wire_out(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_EGRESS, false);
}

/* Comes in to the node. */
SEC("tc")
int wd_wire_in(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_INGRESS, false);
}

/* Into a WireGuard device, before it encrypts. */
SEC("tc")
int wd_tun_out(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_EGRESS, true);
}

/* Out of a WireGuard device, after it decrypted. */
SEC("tc")
int wd_tun_in(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_INGRESS, true);
}
