// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_minimal.bpf.c - the programs of rung minimal, see rung.h: the verdict path
 * alone, in as few instructions for the verifier as it takes.
 */
#define WD_IS_MINIMAL 1

#include "pod.h"

char LICENSE[] SEC("license") = "GPL";

/* Towards the pod: egress of the host's side. */
SEC("tc")
int wd_minimal_in(struct __sk_buff *skb)
{
	return handle(skb, WD_INGRESS);
}

/* From the pod: ingress of the host's side. */
SEC("tc")
int wd_minimal_out(struct __sk_buff *skb)
{
	return handle(skb, WD_EGRESS);
}
