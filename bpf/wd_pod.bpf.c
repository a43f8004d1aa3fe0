// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_pod.bpf.c - the programs of rung full: nothing is shed.
 */
#include "pod.h"

char LICENSE[] SEC("license") = "GPL";

/* Towards the pod: egress of the host's side. */
SEC("tcx/egress")
int wd_pod_in(struct __sk_buff *skb)
{
	return handle(skb, WD_INGRESS);
}

/* From the pod: ingress of the host's side. */
SEC("tcx/ingress")
int wd_pod_out(struct __sk_buff *skb)
{
	return handle(skb, WD_EGRESS);
}
