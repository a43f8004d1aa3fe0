/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoints_int.h - the registry, shared by the files of the registry only:
 * endpoints.c, endpoints_file.c, cni_server.c, discover.c and inspect.c.
 */
#ifndef WARDER_ENDPOINTS_INT_H
#define WARDER_ENDPOINTS_INT_H

#include "../model/hash.h"
#include "../net/netdev.h"
#include "../net/veth.h"
#include "agent.h"
#include "endpoints.h"

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
	int nsid; /* number of the pod's namespace in this one, -1 unknown */
	bool was_found; /* no CNI told its addresses: they are read until there are some */
	bool is_hidden; /* the path of its namespace does not lead there (any more) */
	struct wd_netdev
		stray; /* device of the pod that no hook guards; name "" none */
	struct wd_blind blind;
};

struct wd_endpoints {
	struct wd_agent *agent;
	struct wd_local *locals;
	uint32_t next_id;
	uint32_t inspected; /* id of the endpoint whose namespace was looked into last */
	struct wd_timer *look_timer; /* a device came that may be a pod's */
	uint64_t look_ms; /* how long to wait for the next look, 0: right away */
	bool is_seeding; /* looks into namespaces for connections only */
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

/** wd_pod_look() - take up what is in a namespace. Return: endpoints found, or -errno */
int wd_pod_look(struct wd_endpoints *eps, const char *path);

/**
 * wd_pod_stray() - a device of the namespace that no hook guards
 * Return: 1 with *ret_dev, 0 there is none, or -errno.
 */
int wd_pod_stray(int netns_fd, struct wd_netdev *ret_dev);

/** wd_stray_text() - say what is wrong with it, in static memory */
const char *wd_stray_text(const struct wd_netdev *dev);

/** wd_endpoints_watch() - make what newcomers need. Return: 0 or -errno */
int wd_endpoints_watch(struct wd_endpoints *eps);

/**
 * wd_endpoints_close() - nothing passes an interface until it becomes an endpoint
 * An entry of its index, of whoever had that before, goes first.
 * Return: 0 or -errno.
 */
int wd_endpoints_close(struct wd_endpoints *eps, uint32_t ifindex);

/** wd_endpoints_newcomer() - a pair towards another namespace that is no endpoint's */
void wd_endpoints_newcomer(struct wd_endpoints *eps,
			   const struct wd_link *link);

/** wd_endpoints_save() - the record on disk, if it changed */
void wd_endpoints_save(struct wd_endpoints *eps);

/** wd_wait_finish() - answer a waiting ADD by how its endpoint stands (@timed_out: give up) */
void wd_wait_finish(struct wd_endpoints *eps, struct wd_local *local,
		    bool timed_out);

#endif /* WARDER_ENDPOINTS_INT_H */
