/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - the real programs on maps of this process: a sink for the model
 * that writes them, and packets run through the programs. Nothing is pinned or
 * attached. Knows the ABI, and nothing of policy.
 */
#ifndef WARDER_SELFTESTS_KERNEL_H
#define WARDER_SELFTESTS_KERNEL_H

#include "model/encap.h"
#include "model/model.h"

struct wd_kernel;

/* What one packet is: part of @flow, which @ep took part in as @dir says. */
struct wd_probe {
	const struct wd_endpoint *ep; /* NULL: this node, see nodehook.h */
	enum wd_dir dir; /* of the flow: WD_EGRESS if @ep opened it */
	const struct wd_flow *flow;
	uint16_t sport; /* of the flow; ICMP echo: the id */
	bool is_reply; /* goes the other way */
	bool is_later; /* TCP: not the SYN (a reply never is) */
	bool is_synack; /* TCP reply to the SYN */
	uint32_t iif; /* device a packet towards @ep came in by, 0 this host */
};

struct wd_outcome {
	enum wd_verdict verdict;
	int reason; /* -1: not exactly one was counted */
};

/** wd_kernel_open() - load the programs. Return: NULL with the cause on stdout */
struct wd_kernel *wd_kernel_open(void);
void wd_kernel_close(struct wd_kernel *kernel);

/** wd_kernel_sink() - empty maps, and the sink that writes them */
struct wd_sink wd_kernel_sink(struct wd_kernel *kernel);

/** wd_kernel_host_policy() - judge this host's own sockets too */
void wd_kernel_host_policy(struct wd_kernel *kernel, bool on);

/** wd_kernel_tunnels() - at which ports this node takes tunnels */
void wd_kernel_tunnels(struct wd_kernel *kernel, const struct wd_encap *encap);

/**
 * wd_kernel_agrees() - do the maps say what @d says the tables say, to who looks
 * entries up one by one as `warder why` does; expects it. Counts in *@cnt.
 */
bool wd_kernel_agrees(struct wd_kernel *kernel, const struct wd_endpoint *ep,
		      const struct wd_flow *flow, const struct wd_decision *d,
		      uint64_t *cnt);

/** wd_kernel_fail_after() - the sink fails at its @cnt-th call from now; 0 never */
void wd_kernel_fail_after(struct wd_kernel *kernel, uint32_t cnt);

/** wd_kernel_run() - one packet; @expected: the reason that is looked at first */
struct wd_outcome wd_kernel_run(struct wd_kernel *kernel,
				const struct wd_probe *probe, int expected);

/** wd_kernel_forget() - drop the flow of @probe, whatever made it */
void wd_kernel_forget(struct wd_kernel *kernel, const struct wd_probe *probe);

/* ---- for nodehook.c ---- */

#define WD_KERNEL_PACKET 80 /* bytes of the longest */

/** wd_kernel_map() - descriptor of a map */
int wd_kernel_map(const struct wd_kernel *kernel, enum wd_map map);

/** wd_kernel_packet() - the IP packet of @probe, whose endpoint is not asked. Return: its bytes */
size_t wd_kernel_packet(uint8_t packet[WD_KERNEL_PACKET],
			const struct wd_probe *probe);

/** wd_kernel_reason() - what the packet at hook @dir was counted as; -1: not exactly one was */
int wd_kernel_reason(struct wd_kernel *kernel, enum wd_dir dir, int expected);

/** wd_kernel_devices() - a network namespace with devices to name in packets
 * Return: 0 with *ret_ifindex filled for @cnt devices, or -errno. */
int wd_kernel_devices(uint32_t *ret_ifindex, uint32_t cnt);

#endif /* WARDER_SELFTESTS_KERNEL_H */
