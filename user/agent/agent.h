/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.h - the parts of a running agent, held together.
 *
 * agent.c builds it and runs the loop; commit.c puts what the sources say in
 * force; cluster.c follows the API server; endpoints.c adds and removes
 * interfaces; query.c answers `status`, `endpoint`, `why` and so on from it.
 */
#ifndef WARDER_AGENT_H
#define WARDER_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/loop.h"
#include "../datapath/datapath.h"
#include "../kube/login.h"
#include "../model/model.h"
#include "../model/store.h"
#include "../net/veth.h"
#include "../query/ctl.h"
#include "../source/manifests.h"
#include "../whatif/forked.h"
#include "config.h"
#include "services.h"

struct wd_cni_keep;
struct wd_complaints;
struct wd_encryption;
struct wd_endpoints;
struct wd_events;
struct wd_hostpolicy;
struct wd_journal;
struct wd_kube;
struct wd_mesh;
struct wd_metrics_server;
struct wd_report;
struct wd_rungs;
struct wd_slo;
struct wd_witness;

struct wd_drift {
	uint64_t checks;
	uint64_t found; /* entries that were not as written */
	uint64_t repaired;
	char *error; /* what could not be read or repaired at the last check, NULL none */
	int64_t last_ms; /* CLOCK_REALTIME of the last check, 0 never */
};

struct wd_agent {
	struct wd_config config;
	struct wd_journal *journal; /* from the first step on */
	struct wd_complaints *complaints;
	struct json_object *beside; /* see beside.h; NULL: nothing is wrong */
	char *beside_unknown; /* and what could not be found out, NULL nothing */
	struct wd_loop *loop;
	struct wd_store *store;
	struct wd_manifests *manifests;
	struct wd_kube_login login; /* to the API server */
	struct wd_kube *kube; /* NULL: no API server is a source */
	struct wd_report *report; /* NULL: it is told nothing */
	struct wd_mesh *mesh; /* NULL: there is no other cluster */
	bool reclaims; /* manifests may say what the API server said until now */
	bool waiting; /* for the first answer of a source: what was in force stays */
	bool ended; /* by a signal */
	struct wd_datapath *dp;
	struct wd_rungs *rungs;
	uint32_t mixed_since; /* see wd_hits_look(); 0: from before it began */
	bool mixed_known;
	struct wd_model *model;
	struct wd_endpoints *endpoints;
	struct wd_encryption *encryption;
	struct wd_hostpolicy *hostpolicy;
	struct wd_events *events;
	struct wd_witness *witness;
	struct wd_slo *slo;
	struct wd_metrics_server *metrics; /* NULL: not wanted */
	struct wd_cni_keep *cni_keep; /* NULL: not wanted */
	struct wd_ctl *ctl;
	pid_t forked[WD_FORKED_MAX]; /* 0 none */
	struct wd_linkmon *links;
	struct wd_timer *commit_timer;
	struct wd_timer *tick_timer;
	struct wd_drift drift;
	struct wd_services services;
	bool is_copy; /* a child, see forked.h: the timers are not its own */
	bool ready; /* the first generation of this process is in force */
	bool identities_unsaved;
	int commit_failures; /* in a row */
	bool commit_behind; /* it failed for some endpoints, the rest is in force */
	char *commit_error; /* why the last commit failed, NULL when it did not */
	int64_t started_ms; /* CLOCK_REALTIME */
	int64_t replaced_ms; /* CLOCK_REALTIME: maps of another version were let go, 0 none were */
	uint32_t start_us; /* from exec to the first generation in force */
};

/** wd_agent_rebind() - the tables are elsewhere than before: the model writes there now */
void wd_agent_rebind(struct wd_agent *agent);

/** wd_agent_run() - `warder agent`: returns the exit code */
int wd_agent_run(const struct wd_config *config);

/** wd_agent_state_flags() - WD_STATE_* as the configuration wants them */
uint32_t wd_agent_state_flags(const struct wd_agent *agent);

/** wd_agent_commit() - compile and switch now; 0 or -errno (already logged and kept in commit_error) */
int wd_agent_commit(struct wd_agent *agent);

/** wd_agent_commit_soon() - within a few milliseconds, together with what else changes */
void wd_agent_commit_soon(struct wd_agent *agent);

/** wd_agent_sync() - read the sources again now, then commit; 0 or -errno */
int wd_agent_sync(struct wd_agent *agent);

/** wd_agent_object() - the store's listener: tells the model (ctx is the agent) */
void wd_agent_object(void *ctx, const struct wd_object *was,
		     const struct wd_object *now);

/* Control commands implemented in query.c: status, sync, stop, endpoint.*, identity.*, policy.*, why, map.list. */
extern const struct wd_ctl_cmd wd_query_cmds[];

#endif /* WARDER_AGENT_H */
