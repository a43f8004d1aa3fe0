/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * apply.h - brings this namespace's WireGuard device to what the nodes' objects
 * say. Only `warder wireguard apply` does this; the agent never does.
 */
#ifndef WARDER_WG_APPLY_H
#define WARDER_WG_APPLY_H

#include "cluster.h"

struct wd_wg_apply {
	const char *device; /* its name; made if there is none */
	uint16_t port; /* UDP, host byte order; the same on every node */
	const struct wd_wgkey *secret; /* private key; NULL: leave it */
	bool may_remove; /* what the cluster does not have */
	bool dry_run; /* only say what would be done */
	/* What is done, one line each. */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/**
 * wd_wg_apply() - look, plan, do; again and again is as good as once
 * @ret_key: public key of the device, zeros if there is none (yet)
 * @ret_error: what failed at which step, to be freed; NULL passes
 * What fails ends it: steps before are done, a further call goes on from there.
 * Return: steps done or, in a dry run, to be done; -errno.
 */
int wd_wg_apply(const struct wd_wg_cluster *cluster,
		const struct wd_wg_apply *opts, struct wd_wgkey *ret_key,
		char **ret_error);

/* Bytes that a packet grows by, at most: IPv6 40, UDP 8, WireGuard 32. */
#define WD_WG_OVERHEAD 80

#endif /* WARDER_WG_APPLY_H */
