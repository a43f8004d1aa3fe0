// SPDX-License-Identifier: GPL-2.0-only
/*
 * wd_bare.bpf.c - wd_pod that counts nothing, for tools/bench alone.
 *
 * What all of seeing costs is the difference to it: counters by reason, endpoint
 * and rule. No binary carries it. Events are off by its loader; times of
 * handshakes are in it, but no established flow comes by them.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "answer.h"
#include "event.h"
#include "policy.h"

/* Only conclude.h looks for counters, and has included all else by now. */
#define bpf_map_lookup_elem(map, key) ((void)(map), (void)(key), (void *)0)
#include "conclude.h"
#undef bpf_map_lookup_elem

#include "pod.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tcx/egress")
int wd_pod_in(struct __sk_buff *skb)
{
	return handle(skb, WD_INGRESS);
}

SEC("tcx/ingress")
int wd_pod_out(struct __sk_buff *skb)
{
	return handle(skb, WD_EGRESS);
}
