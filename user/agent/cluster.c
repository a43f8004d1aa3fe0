/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.c - the API server as a source of the agent: log in, wait, follow.
 */
#include "cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../encryption/encryption.h"
#include "../kube/kube.h"
#include "../kube/mesh.h"
#include "../model/clusters.h"
#include "../report/report.h"
#include "agent.h"
#include "trim.h"

#define LOOK_MS 200
#define LIST_LOOKS 5 /* between two readings of devices */
#define TELL_LOOKS 150 /* between two words on what is waited for */

/*
 * No event of a device is read meanwhile: a pod could send to a tunnel that has
 * come since. The programs in force go by the list, and need no commit for it.
 * What TLS takes to begin, 5 MB of code, goes while objects take its place.
 */
void wd_cluster_look(struct wd_agent *agent)
{
	static unsigned int looks;
	char *what;

	wd_trim_code();
	wd_timer_set(agent->tick_timer, LOOK_MS);
	if (looks % LIST_LOOKS == 0) {
		wd_encryption_relist(agent->encryption);
		wd_manifests_flush(
			agent->manifests); /* of some changes nobody tells */
		wd_cluster_heard(agent);
	}
	if (looks++ % TELL_LOOKS)
		return;
	what = wd_cluster_waits_for(agent);
	if (what)
		wd_info("agent: waiting, what was in force stays: %s", what);
	free(what);
}

char *wd_cluster_waits_for(const struct wd_agent *agent)
{
	char *what = wd_manifests_waits_for(agent->manifests);

	if (!what && agent->kube)
		what = wd_kube_waits_for(agent->kube);
	return what;
}

static void on_kube(void *ctx)
{
	struct wd_agent *agent = ctx;
	int n = agent->reclaims ? wd_manifests_poll(agent->manifests) : 0;

	agent->reclaims = n < 0;
	if (n < 0)
		wd_warn("manifests: %s, trying again", wd_errno(n));
	wd_cluster_heard(agent);
	if (!agent->waiting && wd_model_dirty(agent->model))
		wd_agent_commit_soon(agent);
}

static void on_kube_gone(void *ctx, int kind, const char *ns, const char *name)
{
	struct wd_agent *agent = ctx;

	wd_manifests_reclaim(agent->manifests, kind, ns, name);
	agent->reclaims = true;
}

static const struct wd_kube_fns kube_fns = {
	.changed = on_kube,
	.gone = on_kube_gone,
};

static int start_own(struct wd_agent *agent)
{
	const struct wd_kube_setup setup = {
		.login = &agent->login,
		.timing = &wd_kube_timing,
		.store = agent->store,
		.node = agent->config.node,
		.state_dir = agent->config.state_dir,
		.cilium = agent->config.cilium_objects,
	};
	char *why = NULL;
	int err;

	if (!agent->config.kubeconfig && !agent->config.in_cluster)
		return 0;
	err = agent->config.in_cluster ?
		      wd_kube_login_pod(WD_KUBE_POD_DIR, &agent->login, &why) :
		      wd_kube_login_file(agent->config.kubeconfig,
					 &agent->login, &why);
	if (!err)
		err = wd_kube_new(agent->loop, &setup, &agent->kube, &why);
	if (err) {
		wd_err("kube: %s", why ?: wd_errno(err));
		free(why);
		return err;
	}
	wd_kube_login_warn(&agent->login);
	wd_kube_start(agent->kube, &kube_fns, agent);
	err = wd_report_new(agent, &agent->report);
	if (err)
		wd_err("report: %s", wd_errno(err));
	return err;
}

static void on_mesh(void *ctx)
{
	struct wd_agent *agent = ctx;

	if (!agent->waiting && wd_model_dirty(agent->model))
		wd_agent_commit_soon(agent);
}

static void start_others(struct wd_agent *agent)
{
	const struct wd_mesh_setup setup = {
		.store = agent->store,
		.state_dir = agent->config.state_dir,
		.timing = &wd_kube_timing,
		.cluster_cnt = agent->config.cluster_cnt,
		.changed = on_mesh,
		.ctx = agent,
	};

	if (!agent->config.cluster_cnt)
		return;
	agent->mesh = wd_mesh_new(agent->loop, &setup);
	for (size_t i = 0; i < agent->config.cluster_cnt; i++)
		wd_mesh_add(agent->mesh, agent->config.cluster[i].name,
			    agent->config.cluster[i].file);
}

int wd_cluster_start(struct wd_agent *agent)
{
	int err = start_own(agent);

	if (!err)
		start_others(agent);
	return err;
}

void wd_cluster_name(const struct wd_config *config)
{
	wd_clusters_set_own(config->cluster_name);
	for (size_t i = 0; i < config->cluster_cnt; i++)
		wd_clusters_add(config->cluster[i].name);
}

static bool is_known(const struct wd_agent *agent)
{
	char *what = wd_cluster_waits_for(agent);
	bool known = !what;

	free(what);
	return known;
}

void wd_cluster_heard(struct wd_agent *agent)
{
	if (agent->waiting && is_known(agent))
		wd_loop_stop(agent->loop, 0);
}

int wd_cluster_wait(struct wd_agent *agent)
{
	int err;

	agent->waiting = true;
	wd_timer_set(agent->tick_timer, LOOK_MS);
	err = wd_loop_run(agent->loop);
	agent->waiting = false;
	wd_timer_stop(agent->tick_timer);
	if (!err && !is_known(agent))
		err = -EINTR;
	return err;
}
