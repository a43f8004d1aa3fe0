/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.c - the life of the agent: start, commits, timers, the end.
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

#include <json-c/json.h>

#include "../base/log.h"
#include "../cni/cni_keep.h"
#include "../cni/cni_replay.h"
#include "../datapath/ladder.h"
#include "../encryption/encryption.h"
#include "../encryption/wires.h"
#include "../encryption/witness.h"
#include "../events/events.h"
#include "../events/journal.h"
#include "../host/hostpolicy.h"
#include "../kube/kube.h"
#include "../metrics/collect.h"
#include "../metrics/server.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "adopt.h"
#include "complaints.h"
#include "endpoints_int.h"
#include "hits.h"
#include "privs.h"
#include "rungs.h"
#include "services.h"
#include "statefile.h"
#include "trim.h"

#define COMMIT_DELAY_MS 3 /* changes that come together are one generation */
#define SETTLE_DELAY_MS 20 /* no program runs that long */
#define RETRY_MAX_MS 5000
#define TICK_MS 1000
#define WAITING_MS 30000 /* between two words on what is waited for */
#define CHECK_TICKS 2 /* attachments */
#define DRIFT_TICKS 10 /* maps read back */
#define DISCOVER_TICKS 10
#define IDENTITY_FILE "identities.json"

static int64_t realtime_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- the sink ---- */

static int sink_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	struct wd_agent *agent = ctx;
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);

	/* Before the prefix: a program that misses the flag would miss the prefix. */
	if (map == WD_MAP_wd_cidr4)
		__atomic_or_fetch(&state->flags, WD_STATE_CIDR4,
				  __ATOMIC_RELEASE);
	if (map == WD_MAP_wd_cidr6)
		__atomic_or_fetch(&state->flags, WD_STATE_CIDR6,
				  __ATOMIC_RELEASE);
	if (map == WD_MAP_wd_front)
		__atomic_or_fetch(
			&state->flags,
			WD_STATE_FRONTS |
				(((const struct wd_front_key *)key)->port ?
					 0 :
					 WD_STATE_CLOSED),
			__ATOMIC_RELEASE);
	return wd_map_set(agent->dp, map, key, val);
}

static int sink_del(void *ctx, enum wd_map map, const void *key)
{
	struct wd_agent *agent = ctx;

	return wd_map_del(agent->dp, map, key);
}

static int sink_reach(void *ctx, enum wd_map map, uint32_t first, uint32_t cnt)
{
	struct wd_agent *agent = ctx;

	return wd_map_reach(agent->dp, map, first, cnt);
}

static void sink_publish(void *ctx, uint32_t gen)
{
	struct wd_agent *agent = ctx;

	wd_datapath_publish(agent->dp, gen);
}

/* ---- identities on disk ---- */

static void identity_add(void *ctx, uint32_t id, const char *key)
{
	json_object_object_add(ctx, key, json_object_new_int64(id));
}

static void identities_save(struct wd_agent *agent)
{
	struct json_object *o = json_object_new_object();
	struct json_object *ids = json_object_new_object();
	int err;

	wd_model_identity_save(agent->model, identity_add, ids);
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "identities", ids);
	err = wd_statefile_write(agent->config.state_dir, IDENTITY_FILE, o);
	json_object_put(o);
	if (err && !agent->identities_unsaved)
		wd_warn("identities: writing %s: %s, trying again; numbers may change at the next start",
			IDENTITY_FILE, wd_errno(err));
	agent->identities_unsaved = err != 0;
}

/* Numbers are on disk before anything in the kernel says them. */
static void identities_keep(struct wd_agent *agent)
{
	if (wd_model_identity_dirty(agent->model) || agent->identities_unsaved)
		identities_save(agent);
}

static void identities_load(struct wd_agent *agent)
{
	struct json_object *o;
	struct json_object *ids;
	int bad = 0;
	int err = wd_statefile_read(agent->config.state_dir, IDENTITY_FILE, &o);

	if (err) {
		if (err != -ENOENT)
			wd_warn("identities: reading %s: %s, numbering anew",
				IDENTITY_FILE, wd_errno(err));
		return;
	}
	ids = json_object_object_get(o, "identities");
	if (json_object_is_type(ids, json_type_object)) {
		json_object_object_foreach(ids, key, val) {
			bad += wd_model_identity_load(
				       agent->model,
				       (uint32_t)json_object_get_int64(val),
				       key) != 0;
		}
	}
	if (bad)
		wd_warn("identities: %d entries of %s do not fit, ignoring them",
			bad, IDENTITY_FILE);
	json_object_put(o);
}

/* ---- commits ---- */

static void commit_failed(struct wd_agent *agent, int err, char *why)
{
	uint64_t wait =
		50ULL
		<< (agent->commit_failures < 7 ? agent->commit_failures : 7);

	free(agent->commit_error);
	agent->commit_error = why ? why : wd_xstrdup(wd_errno(err));
	agent->commit_failures++;
	wd_err("%s (failure %d)", agent->commit_error, agent->commit_failures);
	wd_timer_set(agent->commit_timer,
		     wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

static void tell_commit(const struct wd_agent *agent)
{
	struct wd_model_stats stats;

	wd_model_stats(agent->model, &stats);
	wd_debug(
		"commit: generation %u in force after %llu us, %llu map writes so far",
		stats.gen, (unsigned long long)stats.commit_us,
		(unsigned long long)wd_datapath_writes(agent->dp));
}

/* On rung hold nothing is written; what waits is told, not tried again and again. */
static int commit_held(struct wd_agent *agent)
{
	if (!agent->commit_error)
		agent->commit_error = wd_xstrdup(
			"rung hold: nothing is changed until `warder ladder climb` finds a better one");
	wd_endpoints_guard(agent->endpoints);
	wd_hostpolicy_tend(agent->hostpolicy, false);
	return -EROFS;
}

static int commit(struct wd_agent *agent, char **ret_why)
{
	int err = wd_encryption_write(agent->encryption);

	if (!err && wd_model_dirty(agent->model)) {
		identities_keep(agent);
		err = wd_model_commit(agent->model, ret_why);
		if (!err)
			tell_commit(agent);
	}
	if (err)
		return err;
	/* What comes guards all that a ruleset of before does, the node too. */
	if (wd_datapath_unsettled(agent->dp)) {
		wd_endpoints_guard(agent->endpoints);
		wd_hostpolicy_tend(agent->hostpolicy, false);
	}
	return wd_datapath_settle(agent->dp, ret_why);
}

int wd_agent_commit(struct wd_agent *agent)
{
	char *why = NULL;
	int err;

	wd_timer_stop(agent->commit_timer);
	/* What no source has told of yet is not known to be nothing. */
	if (agent->waiting)
		return -EAGAIN;
	wd_hostpolicy_look(agent->hostpolicy);
	if (wd_ladder(agent->dp)->frozen)
		return commit_held(agent);
	err = commit(agent, &why);
	if (err) {
		commit_failed(agent, err, why);
		return err;
	}
	free(why);
	free(agent->commit_error);
	agent->commit_error = NULL;
	agent->commit_failures = 0;
	wd_endpoints_committed(agent->endpoints);
	wd_encryption_apply(agent->encryption);
	wd_witness_look(agent->witness);
	wd_services_tend(agent, false);
	wd_hostpolicy_tend(agent->hostpolicy, false);
	if (wd_model_unsettled(agent->model) || wd_model_dirty(agent->model))
		wd_timer_set(agent->commit_timer, SETTLE_DELAY_MS);
	return 0;
}

void wd_agent_commit_soon(struct wd_agent *agent)
{
	if (agent->commit_failures == 0 && !agent->is_copy)
		wd_timer_set(agent->commit_timer, COMMIT_DELAY_MS);
}

static void on_commit_timer(void *ctx)
{
	struct wd_agent *agent = ctx;
	int err;

	if (agent->waiting)
		return;
	wd_hostpolicy_look(agent->hostpolicy);
	if (wd_model_dirty(agent->model) || agent->commit_failures ||
	    wd_ladder(agent->dp)->frozen || wd_datapath_replaces(agent->dp)) {
		(void)wd_agent_commit(agent);
		return;
	}
	err = wd_model_settle(agent->model);
	if (err)
		wd_warn("commit: settling: %s, the next commit tries again",
			wd_errno(err));
}

int wd_agent_sync(struct wd_agent *agent)
{
	int err = wd_manifests_scan(agent->manifests);

	if (err < 0)
		return err;
	wd_complaints_sources(agent->complaints);
	(void)wd_endpoints_discover(agent->endpoints);
	err = wd_agent_commit(agent);
	/* What sync has answered for outlives a crash right after it. */
	wd_manifests_flush(agent->manifests);
	return err;
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
	else if (wd_model_dirty(agent->model))
		wd_agent_commit_soon(agent);
	wd_complaints_sources(agent->complaints);
}

/* ---- an API server ---- */

static void tell_waiting(struct wd_agent *agent)
{
	char *what = wd_kube_waits_for(agent->kube);

	wd_info("agent: waiting, what was in force stays: %s", what ?: "");
	free(what);
	wd_timer_set(agent->tick_timer, WAITING_MS);
}

static void on_kube(void *ctx)
{
	struct wd_agent *agent = ctx;
	int n = agent->reclaims ? wd_manifests_poll(agent->manifests) : 0;

	agent->reclaims = n < 0;
	if (n < 0)
		wd_warn("manifests: %s, trying again", wd_errno(n));
	if (agent->waiting && wd_kube_is_known(agent->kube))
		wd_loop_stop(agent->loop, 0);
	else if (wd_model_dirty(agent->model))
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
		wd_wires_link(wd_encryption_wires(agent->encryption), link,
			      gone);
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
		tell_waiting(agent);
		return;
	}
	ticks++;
	if (wd_datapath_unsettled(agent->dp) && !agent->commit_failures)
		wd_agent_commit_soon(agent);
	wd_rungs_look(agent);
	wd_forked_reap(agent);
	identities_keep(agent);
	wd_endpoints_inspect(agent->endpoints, ticks == 1);
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
	wd_manifests_flush(agent->manifests);
	if (agent->kube)
		wd_kube_flush(agent->kube);
	wd_complaints_sources(agent->complaints); /* it has looked, too */
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
		err = wd_timer_new(agent->loop, on_commit_timer, agent,
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

	return agent->waiting ? wd_kube_waits_for(agent->kube) : NULL;
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

static struct wd_sink sink_of(struct wd_agent *agent)
{
	return (struct wd_sink){
		.ctx = agent,
		.set = sink_set,
		.del = sink_del,
		.publish = sink_publish,
		.reach = sink_reach,
		.rule = wd_hits_rule,
		.row = wd_map_window(agent->dp, WD_MAP_wd_row),
		.slot = wd_map_window(agent->dp, WD_MAP_wd_slot),
		.span = wd_map_window(agent->dp, WD_MAP_wd_span),
		.class = wd_map_window(agent->dp, WD_MAP_wd_class),
	};
}

void wd_agent_rebind(struct wd_agent *agent)
{
	struct wd_sink sink = sink_of(agent);

	wd_model_rebind(agent->model, &sink);
}

static int start_model(struct wd_agent *agent)
{
	struct wd_sink sink = sink_of(agent);
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
	identities_load(agent);
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
	identities_keep(agent);
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
	agent->replaced_ms = realtime_ms();
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

static void warn_of_login(const struct wd_kube_login *login)
{
	if (strncmp(login->server, "http://", 7) == 0)
		wd_warn("kube: %s is asked in clear: anyone on the way can change "
			"policy%s; use https",
			login->server,
			login->token || login->token_file || login->user ?
				", and read what the agent logs in with" :
				"");
	if (login->insecure)
		wd_warn("kube: the certificate of %s is not verified, as the "
			"kubeconfig says: whoever is in between can open this "
			"node",
			login->server);
}

static int start_kube(struct wd_agent *agent)
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
	warn_of_login(&agent->login);
	wd_kube_start(agent->kube, &kube_fns, agent);
	return 0;
}

/*
 * Until the server has told of everything once, nothing is compiled: a list
 * that is not there yet looks like one that is empty. Commands are refused
 * meanwhile, and links wait in their socket.
 */
static int wait_for_kube(struct wd_agent *agent)
{
	int fd = wd_linkmon_fd(agent->links);
	int err;

	if (!agent->kube || wd_kube_is_known(agent->kube))
		return 0;
	wd_loop_del(agent->loop, fd);
	agent->waiting = true;
	wd_timer_set(agent->tick_timer, TICK_MS);
	err = wd_loop_run(agent->loop);
	agent->waiting = false;
	wd_timer_stop(agent->tick_timer);
	if (!err && !wd_kube_is_known(agent->kube))
		err = -EINTR;
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
	if (!err)
		err = start_socket(agent);
	if (!err)
		err = start_datapath(agent);
	if (!err)
		err = start_model(agent);
	if (!err)
		err = start_endpoints(agent);
	if (!err)
		err = start_sources(agent);
	if (!err)
		err = start_kube(agent);
	if (!err)
		err = wait_for_kube(agent);
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
	return wd_cni_keep_open(agent, &agent->cni_keep);
}

static void stop(struct wd_agent *agent)
{
	if (agent->manifests)
		wd_manifests_flush(agent->manifests);
	if (agent->endpoints)
		wd_endpoints_save(agent->endpoints);
	if (agent->model)
		identities_keep(agent);
	wd_forked_end_all(agent);
	wd_cni_keep_free(agent->cni_keep);
	wd_metrics_server_free(agent->metrics);
	wd_witness_close(agent->witness);
	wd_events_free(agent->events);
	agent->events = NULL;
	wd_ctl_close(agent->ctl);
	wd_linkmon_close(agent->links);
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
	agent->started_ms = realtime_ms();
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
		code = wd_loop_run(agent->loop) ? 1 : 0;
	} else if (agent->ended) {
		code = 0;
	}
	stop(agent);
	free(agent);
	return code;
}
