/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.c - the life of the agent: start, the loop's callbacks, the end.
 *
 * Start order: control socket (also the lock against a second agent), programs
 * and maps, what is in force there, sources, then one commit that switches to
 * what the sources say now; maps of another version are replaced by it. Ending the process leaves enforcement in place.
 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../cni/cni_keep.h"
#include "../cni/cni_replay.h"
#include "../encryption/encryption.h"
#include "../encryption/wires.h"
#include "../encryption/witness.h"
#include "../events/events.h"
#include "../events/journal.h"
#include "../host/hostpolicy.h"
#include "../kube/kube.h"
#include "../kube/mesh.h"
#include "../metrics/collect.h"
#include "../metrics/server.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "../report/report.h"
#include "../slo/slo.h"
#include "adopt.h"
#include "beside.h"
#include "cluster.h"
#include "commit.h"
#include "complaints.h"
#include "endpoints_int.h"
#include "identities.h"
#include "privs.h"
#include "rungs.h"
#include "services.h"
#include "sink.h"
#include "statefile.h"
#include "trim.h"
#include "unread.h"

#define TICK_MS 1000
#define CHECK_TICKS 2 /* attachments */
#define DRIFT_TICKS 10 /* maps read back */
#define DISCOVER_TICKS 10
#define BESIDE_TICKS 3

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- what the loop calls ---- */

static void on_files(void *ctx, int fd, uint32_t events)
{
	struct wd_agent *agent = ctx;
	int n = wd_manifests_poll(agent->manifests);

	(void)fd;
	(void)events;
	if (n < 0)
		wd_warn("manifests: %s, trying again at the next change",
			wd_errno(n));
	else if (!agent->waiting && wd_model_dirty(agent->model))
		wd_agent_commit_soon(agent);
	wd_cluster_heard(agent);
	wd_complaints_sources(agent->complaints);
}

static void refresh_host_addrs(struct wd_agent *agent)
{
	struct wd_addr *addr;
	int cnt = wd_host_addrs(&addr);

	if (cnt < 0) {
		wd_warn("host: reading own addresses: %s, ignoring",
			wd_errno(cnt));
		return;
	}
	wd_model_host_addrs(agent->model, addr, (size_t)cnt);
	free(addr);
}

static void on_links(void *ctx, int fd, uint32_t events)
{
	struct wd_agent *agent = ctx;
	int err = wd_linkmon_poll(agent->links);

	(void)fd;
	(void)events;
	if (err == -ENOBUFS) {
		wd_info("links: events were lost, reading the state of all interfaces");
		wd_endpoints_relink(agent->endpoints);
		wd_encryption_relist(agent->encryption);
		(void)wd_encryption_check(agent->encryption);
		wd_endpoints_check(agent->endpoints);
	} else if (err) {
		wd_warn("links: %s, ignoring", wd_errno(err));
	}
}

static void on_link(void *ctx, const struct wd_link *link, bool gone)
{
	struct wd_agent *agent = ctx;

	if (link) {
		wd_endpoints_link(agent->endpoints, link, gone);
		wd_encryption_device(agent->encryption, link, gone);
		return;
	}
	refresh_host_addrs(agent);
	if (wd_model_dirty(agent->model))
		wd_agent_commit_soon(agent);
}

static void on_tick(void *ctx)
{
	static unsigned int ticks;
	struct wd_agent *agent = ctx;

	if (agent->waiting) {
		wd_cluster_look(agent);
		return;
	}
	ticks++;
	if (wd_datapath_unsettled(agent->dp) && !agent->commit_failures)
		wd_agent_commit_soon(agent);
	wd_rungs_look(agent);
	wd_forked_reap(agent);
	wd_identities_keep(agent);
	wd_endpoints_inspect(agent->endpoints, ticks == 1);
	wd_slo_tick(agent->slo);
	if (ticks % CHECK_TICKS == 0) {
		wd_endpoints_check(agent->endpoints);
		(void)wd_encryption_check(agent->encryption);
		wd_services_tend(agent, true);
		wd_hostpolicy_tend(agent->hostpolicy, true);
	}
	if (ticks % DISCOVER_TICKS == 0 &&
	    wd_endpoints_discover(agent->endpoints) > 0)
		wd_agent_commit_soon(agent);
	if (ticks % DRIFT_TICKS == 0) {
		refresh_host_addrs(agent);
		if (wd_model_dirty(agent->model))
			(void)wd_agent_commit(agent);
		(void)wd_drift_check(agent);
		/* What big changes left free in between goes back to the node. */
		wd_trim();
	}
	if (ticks % BESIDE_TICKS == 0)
		wd_beside_look(agent);
	wd_manifests_flush(agent->manifests);
	if (agent->kube)
		wd_kube_flush(agent->kube);
	if (agent->mesh)
		wd_mesh_flush(agent->mesh);
	wd_complaints_sources(agent->complaints); /* it has looked, too */
	wd_report_look(agent->report);
	wd_timer_set(agent->tick_timer, TICK_MS);
}

static void on_signal(void *ctx, int signo)
{
	struct wd_agent *agent = ctx;

	if (signo == SIGHUP) {
		wd_info("agent: SIGHUP, reading the sources again");
		(void)wd_agent_sync(agent);
		return;
	}
	wd_info("agent: ending; enforcement stays in place");
	agent->ended = true;
	wd_loop_stop(agent->loop, 0);
}

/* ---- start ---- */

static int start_loop(struct wd_agent *agent)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	int err = wd_loop_new(&agent->loop);

	if (!err)
		err = wd_loop_signals(agent->loop, signals, on_signal, agent);
	if (!err)
		err = wd_timer_new(agent->loop, wd_commit_on_timer, agent,
				   &agent->commit_timer);
	if (!err)
		err = wd_timer_new(agent->loop, on_tick, agent,
				   &agent->tick_timer);
	if (err)
		wd_err("agent: event loop: %s", wd_errno(err));
	return err;
}

/* Both command tables as one, for the server. */
static const struct wd_ctl_cmd *all_commands(void)
{
	static struct wd_ctl_cmd all[64];
	size_t cnt = 0;

	for (const struct wd_ctl_cmd *c = wd_query_cmds; c->name && cnt < 62;
	     c++)
		all[cnt++] = *c;
	for (const struct wd_ctl_cmd *c = wd_cni_cmds; c->name && cnt < 62; c++)
		all[cnt++] = *c;
	return all;
}

/* While it waits there is nothing to answer from, and nothing to attach with. */
static char *not_yet(void *ctx)
{
	const struct wd_agent *agent = ctx;
	char *why = agent->waiting ? wd_cluster_waits_for(agent) : NULL;
	char *unread = why ? wd_unread_text() : NULL;
	char *both;

	if (!unread)
		return why;
	both = wd_xprintf("%s; %s", why, unread);
	free(why);
	free(unread);
	return both;
}

static int start_socket(struct wd_agent *agent)
{
	int err = wd_dir_make(agent->config.state_dir);

	if (err) {
		wd_err("agent: state directory '%s': %s",
		       agent->config.state_dir, wd_errno(err));
		return err;
	}
	err = wd_ctl_open(agent->loop, agent->config.run_dir, all_commands(),
			  agent, &agent->ctl);
	if (!err)
		wd_ctl_gate(agent->ctl, not_yet);
	if (err == -EADDRINUSE)
		wd_err("agent: another agent answers in '%s'",
		       agent->config.run_dir);
	else if (err)
		wd_err("agent: control socket in '%s': %s",
		       agent->config.run_dir, wd_errno(err));
	return err;
}

uint32_t wd_agent_state_flags(const struct wd_agent *agent)
{
	return (agent->config.host_ingress_policy ? WD_STATE_HOST_POLICY : 0) |
	       (wd_services_exact(agent) ? WD_STATE_LATE : 0) |
	       wd_encryption_flags(agent->encryption);
}

static int start_datapath(struct wd_agent *agent)
{
	struct wd_state_val *state;
	int err = wd_rungs_open(agent);

	if (err)
		return err;
	state = wd_map_mem(agent->dp, WD_MAP_wd_state);
	if (agent->config.host_ingress_policy)
		__atomic_or_fetch(&state->flags, WD_STATE_HOST_POLICY,
				  __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&state->flags, ~WD_STATE_HOST_POLICY,
				   __ATOMIC_RELEASE);
	return 0;
}

static int start_model(struct wd_agent *agent)
{
	struct wd_sink sink = wd_sink_of(agent);
	struct wd_model_config config = {
		.node = agent->config.node,
		.mode = agent->config.mode,
		.encrypt = agent->config.encryption_required,
		.exempt = (const char *const *)agent->config.exempt,
		.exempt_cnt = agent->config.exempt_cnt,
		.inside = agent->config.prefix,
		.inside_cnt = agent->config.prefix_cnt,
	};
	int err;

	memcpy(config.quota, agent->config.quota, sizeof(config.quota));
	agent->encryption = wd_encryption_new(agent);
	agent->store = wd_store_new(wd_agent_object, agent);
	agent->model = wd_model_new(agent->store, &sink, &config);
	agent->hostpolicy = wd_hostpolicy_new(agent);
	wd_witness_number(agent);
	wd_identities_load(agent);
	agent->slo = wd_slo_new(agent);
	err = wd_adopt(agent);
	if (!err)
		err = wd_encryption_adopt(agent->encryption);
	if (err)
		wd_err("datapath: reading what is in force: %s", wd_errno(err));
	return err;
}

static int fill_and_take_over(struct wd_agent *agent, char **ret_why)
{
	int err;

	wd_endpoints_seed(agent->endpoints);
	wd_identities_keep(agent);
	err = wd_encryption_write(agent->encryption);
	if (!err)
		err = wd_model_commit(agent->model, ret_why);
	if (!err)
		err = wd_datapath_take_over(agent->dp, ret_why);
	if (!err) /* connections of the meantime */
		wd_endpoints_seed(agent->endpoints);
	return err;
}

/*
 * Maps of another version stay in force until those beside them say all that
 * is known. Nothing is attached meanwhile, and no command answered.
 */
static int replace_maps(struct wd_agent *agent)
{
	const struct wd_datapath_info *info = wd_datapath_info(agent->dp);
	char *why = NULL;
	int err = info->beside ? fill_and_take_over(agent, &why) : 0;

	if (err)
		wd_err("%s; maps of schema %u %s in force",
		       why ? why : wd_errno(err), info->schema_before,
		       info->replaced ? "are no longer" : "stay");
	free(why);
	if (err || !info->replaced)
		return err;
	agent->replaced_ms = wd_wall_ms();
	wd_info("datapath: maps of schema %u were replaced by schema %u (%s); counters begin anew",
		info->schema_before, (unsigned int)WD_SCHEMA,
		*info->misfit ? info->misfit : "begun by an agent before");
	return 0;
}

/* The store's listener: the model first, it decides everything. */
void wd_agent_object(void *ctx, const struct wd_object *was,
		     const struct wd_object *now)
{
	struct wd_agent *agent = ctx;

	wd_model_changed(agent->model, was, now);
	wd_encryption_object(agent->encryption, was, now);
	wd_hostpolicy_object(agent->hostpolicy, was, now);
}

static void replay_del(void *ctx, const char *container, const char *ifname)
{
	struct wd_agent *agent = ctx;
	struct wd_local *local =
		wd_local_by_container(agent->endpoints, container, ifname);

	if (!local)
		return;
	wd_local_drop(agent->endpoints, local);
	wd_endpoints_save(agent->endpoints); /* the queue forgets it now */
}

static int start_endpoints(struct wd_agent *agent)
{
	int err = wd_endpoints_new(agent, &agent->endpoints);

	if (!err)
		err = wd_endpoints_restore(agent->endpoints);
	if (!err)
		err = wd_cni_replay(agent->config.run_dir, replay_del, agent);
	if (!err)
		err = wd_linkmon_open(on_link, agent, &agent->links);
	if (!err)
		err = wd_loop_add(agent->loop, wd_linkmon_fd(agent->links),
				  EPOLLIN, on_links, agent);
	if (err)
		wd_err("endpoints: %s", wd_errno(err));
	return err;
}

static int start_sources(struct wd_agent *agent)
{
	const char *const *dirs = (const char *const *)agent->config.manifests;
	int n;
	int err = wd_manifests_new(dirs, agent->config.manifests_cnt,
				   agent->config.state_dir, agent->store,
				   &agent->manifests);

	if (!err) {
		n = wd_manifests_scan(agent->manifests);
		err = n < 0 ? n : 0;
		wd_complaints_sources(agent->complaints);
	}
	if (!err)
		err = wd_loop_add(agent->loop,
				  wd_manifests_fd(agent->manifests), EPOLLIN,
				  on_files, agent);
	if (err)
		wd_err("manifests: %s", wd_errno(err));
	return err;
}

/*
 * Until the server has told of everything once, nothing is compiled: a list
 * that is not there yet looks like one that is empty. Commands are refused
 * meanwhile, and links wait in their socket.
 */
static int wait_for_cluster(struct wd_agent *agent)
{
	int fd = wd_linkmon_fd(agent->links);
	char *what = wd_cluster_waits_for(agent);
	int err;

	if (!what)
		return 0;
	free(what);
	wd_loop_del(agent->loop, fd);
	err = wd_cluster_wait(agent);
	/* A DEL that was refused meanwhile is in the queue. */
	if (!err)
		err = wd_cni_replay(agent->config.run_dir, replay_del, agent);
	if (!err)
		err = wd_loop_add(agent->loop, fd, EPOLLIN, on_links, agent);
	return err;
}

static int start(struct wd_agent *agent)
{
	int err = wd_privs_check();

	if (!err)
		err = start_loop(agent);
	if (err)
		return err;
	wd_beside_look(agent);
	err = start_socket(agent);
	if (!err)
		err = start_datapath(agent);
	/* of objects and the libraries' tables, before memory is wanted */
	wd_trim();
	if (!err)
		err = start_model(agent);
	if (!err)
		err = start_endpoints(agent);
	if (!err)
		err = start_sources(agent);
	if (!err)
		err = wd_cluster_start(agent);
	if (!err)
		err = wait_for_cluster(agent);
	wd_trim(); /* of reading, before it is compiled */
	if (!err)
		err = wd_events_new(agent, &agent->events);
	if (err)
		return err;
	refresh_host_addrs(agent);
	(void)wd_endpoints_discover(agent->endpoints);
	err = replace_maps(agent);
	if (err)
		return err;
	err = wd_witness_open(agent);
	if (err) {
		wd_err("encryption: reading the counters: %s", wd_errno(err));
		return err;
	}
	err = wd_metrics_open(agent);
	if (err)
		return err;
	err = wd_privs_drop();
	if (err) {
		wd_err("agent: giving up privileges: %s", wd_errno(err));
		return err;
	}
	(void)wd_agent_commit(
		agent); /* a failure is retried; what was in force stays */
	if (wd_datapath_info(agent->dp)->flows_elsewhere)
		wd_endpoints_seed(agent->endpoints);
	wd_rungs_look(agent);
	wd_slo_tick(agent->slo);
	return wd_cni_keep_open(agent, &agent->cni_keep);
}

static void stop(struct wd_agent *agent)
{
	if (agent->manifests)
		wd_manifests_flush(agent->manifests);
	if (agent->endpoints)
		wd_endpoints_save(agent->endpoints);
	if (agent->model)
		wd_identities_keep(agent);
	wd_forked_end_all(agent);
	wd_cni_keep_free(agent->cni_keep);
	wd_metrics_server_free(agent->metrics);
	wd_witness_close(agent->witness);
	wd_slo_free(agent->slo);
	wd_events_free(agent->events);
	agent->events = NULL;
	wd_ctl_close(agent->ctl);
	wd_linkmon_close(agent->links);
	wd_report_free(agent->report);
	wd_mesh_free(agent->mesh);
	wd_kube_free(agent->kube);
	wd_kube_login_fini(&agent->login);
	wd_manifests_free(agent->manifests);
	wd_encryption_free(agent->encryption);
	wd_hostpolicy_free(agent->hostpolicy);
	wd_model_free(agent->model);
	wd_endpoints_free(agent->endpoints);
	wd_store_free(agent->store);
	wd_rungs_free(agent->rungs);
	wd_datapath_close(agent->dp);
	wd_loop_free(agent->loop);
	wd_complaints_free(agent->complaints);
	wd_journal_free(agent->journal);
	free(agent->commit_error);
	free(agent->drift.error);
	wd_beside_free(agent);
	wd_unread_fini();
}

/* Return: the exit code. */
static int run_loop(struct wd_agent *agent)
{
	int err = wd_loop_run(agent->loop);

	if (err < 0)
		wd_err("agent: event loop: %s; enforcement stays in place",
		       wd_errno(err));
	return err ? 1 : 0;
}

int wd_agent_run(const struct wd_config *config)
{
	struct wd_agent *agent = wd_xcalloc(1, sizeof(*agent));
	uint64_t began = monotonic_us();
	int code = 1;

	agent->config = *config;
	wd_kube_login_init(&agent->login);
	if (config->verbose)
		wd_log_set(WD_LOG_DEBUG);
	agent->started_ms = wd_wall_ms();
	agent->journal = wd_journal_new(agent);
	agent->complaints = wd_complaints_new(agent);
	if (start(agent) == 0) {
		agent->ready = true;
		wd_trim();
		agent->start_us = (uint32_t)(monotonic_us() - began);
		wd_info("agent: ready in %u ms, %u pods, %u endpoints",
			agent->start_us / 1000,
			wd_store_count(agent->store, WD_KIND_POD),
			HASH_COUNT(agent->endpoints->locals));
		wd_timer_set(agent->tick_timer, TICK_MS);
		code = run_loop(agent);
	} else if (agent->ended) {
		code = 0;
	}
	stop(agent);
	free(agent);
	return code;
}
