/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoints_int.h - the registry, shared by endpoints.c, cni_server.c and discover.c only.
 */
#ifndef WARDER_ENDPOINTS_INT_H
#define WARDER_ENDPOINTS_INT_H

#include <uthash.h>

#include "agent.h"
#include "endpoints.h"
#include "net/veth.h"

/* A CNI ADD that waits until its endpoint is enforced. */
struct wd_wait {
	struct wd_ctl_conn *conn;
	struct wd_timer *timer;
	struct wd_local *local;
};

/* One endpoint with what only the agent needs to know. */
struct wd_local {
	UT_hash_handle hh; /* by id */
	uint32_t id;
	struct wd_endpoint ep;
	bool attached;
	int attach_err; /* of the last try, 0 none failed since */
	struct wd_wait *wait; /* NULL: nobody waits */
};

struct wd_endpoints {
	struct wd_agent *agent;
	struct wd_local *locals;
	uint32_t next_id;
	bool stat_used[WD_ENDPOINTS_MAX];
	bool unsaved;
};

/* What is known of a new endpoint before it has a number. */
struct wd_local_spec {
	const char *ns;
	const char *name;
	const char *uid;
	const char *container;
	const char *network;
	const char *netns;
	const struct wd_addr *addr;
	size_t addr_cnt;
	const struct wd_veth *veth;
};

/**
 * wd_local_add() - a new instance; told to the model, not attached yet
 * Return: 0; -E2BIG more than WD_EP_ADDRS addresses of a family; -ENOSPC too many endpoints.
 */
int wd_local_add(struct wd_endpoints *eps, const struct wd_local_spec *spec,
		 struct wd_local **ret_local);

/** wd_endpoints_take() - as wd_local_add(), with the numbers it had before a restart; 0 or -E2BIG */
int wd_endpoints_take(struct wd_endpoints *eps,
		      const struct wd_local_spec *spec, uint32_t id,
		      uint32_t stat, struct wd_local **ret_local);

/**
 * wd_local_drop() - the endpoint is no more; answers who waits for it
 * Its programs stay on the interface and drop everything with NO_ENDPOINT
 * from the next commit on, until the interface is gone.
 */
void wd_local_drop(struct wd_endpoints *eps, struct wd_local *local);

/** wd_local_attach() - guard its interface; 0 or -errno */
int wd_local_attach(struct wd_endpoints *eps, struct wd_local *local);

struct wd_local *wd_local_by_ifindex(const struct wd_endpoints *eps,
				     uint32_t ifindex);
struct wd_local *wd_local_by_container(const struct wd_endpoints *eps,
				       const char *container,
				       const char *ifname);

/** wd_endpoints_save() - the record on disk, if it changed */
void wd_endpoints_save(struct wd_endpoints *eps);

/** wd_wait_finish() - answer a waiting ADD by how its endpoint stands (@timed_out: give up) */
void wd_wait_finish(struct wd_endpoints *eps, struct wd_local *local,
		    bool timed_out);

#endif /* WARDER_ENDPOINTS_INT_H */
