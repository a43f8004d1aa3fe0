/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remote.h - what Cilium's objects say of pods anywhere in the cluster:
 * CiliumIdentity, CiliumEndpointSlice and CiliumEndpoint.
 *
 * They are no objects of the store: two of them together say what a Pod does.
 */
#ifndef WARDER_REMOTE_H
#define WARDER_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/object.h"

struct wd_read;
struct wd_tree;

/* The first number of a set of labels that is one cluster's own. */
#define WD_REMOTE_FIRST 256

/* A pod, without its labels; strings are interned, all is owned. */
struct wd_remote_pod {
	const char *ns;
	const char *name;
	struct wd_addr *addr;
	struct wd_port_name *port; /* of wd_ports_share() */
	struct wd_addr node; /* an address of it, family 0 unknown */
	uint32_t identity; /* 0: it has none yet */
	uint32_t addr_cnt;
	uint32_t port_cnt;
};

struct wd_remote_pods {
	const char *ns; /* of the object, "" */
	const char *name;
	const char *uid; /* "" */
	uint32_t cnt;
	struct wd_remote_pod *pod; /* each of another name */
};

/* Labels behind a number. */
struct wd_remote_identity {
	uint32_t number;
	const char *uid; /* of the object, interned, "" */
	const char *ns; /* interned */
	const struct wd_labels *labels; /* as a pod has them, with its account */
};

/**
 * wd_read_remote_slice() - a CiliumEndpointSlice
 * Return: 0; -EINVAL, with the problems told; -ENOENT: and it is not clear which one it is.
 */
int wd_read_remote_slice(struct wd_read *r, const struct wd_tree *doc,
			 struct wd_remote_pods *ret_pods);

/** wd_read_remote_endpoint() - a CiliumEndpoint, which is one pod; returns as above */
int wd_read_remote_endpoint(struct wd_read *r, const struct wd_tree *doc,
			    struct wd_remote_pods *ret_pods);

/** wd_read_remote_identity() - a CiliumIdentity; returns as above */
int wd_read_remote_identity(struct wd_read *r, const struct wd_tree *doc,
			    struct wd_remote_identity *ret_identity);

/** wd_remote_pod_fini() / wd_remote_pods_fini() / wd_remote_identity_fini() - what was read */
void wd_remote_pod_fini(struct wd_remote_pod *pod);
void wd_remote_pods_fini(struct wd_remote_pods *pods);
void wd_remote_identity_fini(struct wd_remote_identity *identity);

/** wd_remote_pod_equal() - do both say the same */
bool wd_remote_pod_equal(const struct wd_remote_pod *a,
			 const struct wd_remote_pod *b);

#endif /* WARDER_REMOTE_H */
