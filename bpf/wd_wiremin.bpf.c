// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_wiremin.bpf.c - the programs of the wires in the fewest instructions, see
 * wire.h: what would need looking into is dropped.
 */
#define WD_IS_WIRE 1
#define WD_IS_MINIMAL 1

#include "wire.h"

char LICENSE[] SEC("license") = "GPL";

/* Leaves the node: egress of a device that leads out of it. */
SEC("tc")
int wd_wiremin_out(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_EGRESS, false);
}

/* Comes in to the node. */
SEC("tc")
int wd_wiremin_in(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_INGRESS, false);
}

/* Into a WireGuard device, before it encrypts. */
SEC("tc")
int wd_tunmin_out(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_EGRESS, true);
}

/* Out of a WireGuard device, after it decrypted. */
SEC("tc")
int wd_tunmin_in(struct __sk_buff *skb)
{
	return wire_handle(skb, WD_INGRESS, true);
}
