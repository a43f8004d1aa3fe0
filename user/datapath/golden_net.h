/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_net.h - a network namespace in which a ruleset meets golden packets:
 * one pair of interfaces, and nothing else of the node.
 *
 *   pod's end, where frames go in  <-- veth -->  the device that is guarded
 *                                                 (the peers' addresses are here)
 *
 * What the pod sends comes in by the device and ends in this namespace; what is
 * sent to the pod are packets of this namespace's own, by any name. The
 * kernel there says nothing by itself.
 */
#ifndef WARDER_GOLDEN_NET_H
#define WARDER_GOLDEN_NET_H

#include "golden_frame.h"

struct wd_golden_net {
	uint32_t ifindex; /* of the device */
	uint32_t pod; /* of the pod's end */
	bool has6; /* the namespace has IPv6 */
	int pod_fd; /* frames of the pod */
	int raw_fd[2]; /* packets to the pod, IPv4 and IPv6 */
	const char *failed; /* what open could not do */
};

/* Mark of the packets to the pod. */
#define WD_GOLDEN_MARK 0x7764

/**
 * wd_golden_net_open() - enter a new namespace for good, and make it ready
 * For a process of its own, which is alone in it and takes it along when it
 * ends. Return: 0, or -errno with net->failed.
 * Context: CAP_SYS_ADMIN; without CAP_NET_RAW also user namespaces.
 */
int wd_golden_net_open(struct wd_golden_net *ret_net);

/**
 * wd_golden_net_enter() - the namespace alone, without interfaces
 * @ret_failed: static: what could not be done. Return, context: as above
 */
int wd_golden_net_enter(const char **ret_failed);

/** wd_golden_net_sockets() - those of @net, where interfaces are another's. Return: 0 or -errno */
int wd_golden_net_sockets(struct wd_golden_net *net);

/**
 * wd_golden_net_frame() - any frame goes its way; its checksums are filled in
 * @way: from the pod net->pod; or to one, by the routes of the namespace
 * @frame: from the Ethernet header on, of IPv4 or IPv6 as its first bytes say
 * Return: 0, also if it was dropped on its way; or -errno.
 */
int wd_golden_net_frame(const struct wd_golden_net *net, enum wd_dir way,
			uint8_t *frame, size_t len);

/** wd_golden_net_send() - a golden packet goes its way. Return: 0 or -errno */
int wd_golden_net_send(const struct wd_golden_net *net,
		       const struct wd_golden *g);

#endif /* WARDER_GOLDEN_NET_H */
