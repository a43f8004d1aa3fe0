/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoints.h - the local pod interfaces: found, attached, remembered, let go.
 *
 * Owns struct wd_endpoint instances and their record on disk. Attaches only
 * after the model published a generation that knows the endpoint.
 */
#ifndef WARDER_ENDPOINTS_H
#define WARDER_ENDPOINTS_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/verdict.h>

#include "../model/endpoint.h"
#include "../query/ctl.h"

struct wd_agent;
struct wd_endpoints;
struct wd_link;

/* What may handle packets of an endpoint's interface before our hooks see them. */
struct wd_blind {
	bool has_xdp; /* a program on the host's side */
	uint32_t before[WD_DIR__MAX]; /* program that runs before ours, 0 none */
};

int wd_endpoints_new(struct wd_agent *agent, struct wd_endpoints **ret_eps);
void wd_endpoints_free(struct wd_endpoints *eps);

/** wd_endpoints_restore() - take up the endpoints of the agent before, as far as the kernel still shows them */
int wd_endpoints_restore(struct wd_endpoints *eps);

/** wd_endpoints_discover() - find pods that are there without having come by CNI, seed their flows */
int wd_endpoints_discover(struct wd_endpoints *eps);

/**
 * wd_endpoints_seed() - write the connections of all endpoints as flows
 * For maps that are new while the pods are not; those already there stay.
 */
void wd_endpoints_seed(struct wd_endpoints *eps);

/** wd_endpoints_check() - attachments, interfaces that went; called by timer and on link events */
void wd_endpoints_check(struct wd_endpoints *eps);

/** wd_endpoints_link() - a link event */
void wd_endpoints_link(struct wd_endpoints *eps, const struct wd_link *link,
		       bool gone);

/** wd_endpoints_survey() - look at every interface of the host: names, newcomers, what goes before our hooks */
int wd_endpoints_survey(struct wd_endpoints *eps);

/** wd_endpoints_inspect() - look into the namespaces of the next few pods, or of @all; called every second */
void wd_endpoints_inspect(struct wd_endpoints *eps, bool all);

/** wd_endpoints_stray() - of the pod's devices one that cannot be guarded, as a sentence; NULL none */
const char *wd_endpoints_stray(const struct wd_endpoints *eps, uint32_t id);

/** wd_endpoints_blind() - what goes before our hooks; NULL no such endpoint */
const struct wd_blind *wd_endpoints_blind(const struct wd_endpoints *eps,
					  uint32_t id);

/** wd_endpoints_relink() - link events were lost: ask for every interface's state instead */
void wd_endpoints_relink(struct wd_endpoints *eps);

/** wd_endpoints_guard() - attach to each that is not yet; what has no policy then is closed */
void wd_endpoints_guard(struct wd_endpoints *eps);

/** wd_endpoints_committed() - a generation was published: answer CNI calls that waited for it */
void wd_endpoints_committed(struct wd_endpoints *eps);

/** wd_endpoints_trouble() - why an endpoint's interface is not guarded, as -errno; -EINPROGRESS not tried yet; 0 it is */
int wd_endpoints_trouble(const struct wd_endpoints *eps, uint32_t id);

/** wd_endpoints_all_attached() - is every endpoint's interface guarded */
bool wd_endpoints_all_attached(const struct wd_endpoints *eps);

/** wd_endpoints_find() - by pod; NULL if none (of the latest instance the first, where it has several interfaces) */
const struct wd_endpoint *wd_endpoints_find(const struct wd_endpoints *eps,
					    const char *ns, const char *name);
const struct wd_endpoint *wd_endpoints_by_id(const struct wd_endpoints *eps,
					     uint32_t id);
const struct wd_endpoint *wd_endpoints_by_addr(const struct wd_endpoints *eps,
					       const struct wd_addr *addr);

/* cni.add, cni.del, cni.check, cni.gc, cni.status */
extern const struct wd_ctl_cmd wd_cni_cmds[];

#endif /* WARDER_ENDPOINTS_H */
