// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_compat.bpf.c - the programs of rung compat, see rung.h: wd_pod's verdicts in
 * code that asks less of a kernel.
 */
#define WD_IS_COMPAT 1

#include "pod.h"

char LICENSE[] SEC("license") = "GPL";

/* Towards the pod: egress of the host's side. */
SEC("tc")
int wd_compat_in(struct __sk_buff *skb)
{
	return handle(skb, WD_INGRESS);
}

/* From the pod: ingress of the host's side. */
SEC("tc")
int wd_compat_out(struct __sk_buff *skb)
{
	return handle(skb, WD_EGRESS);
}
