/* SPDX-License-Identifier: GPL-2.0-only */
#include "encryption.h"

#include <errno.h>
#include <stdlib.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../events/journal.h"
#include "../model/nodes.h"
#include "../model/xalloc.h"
#include "gate.h"
#include "ports.h"
#include "prefix_table.h"
#include "tunnels.h"
#include "wires.h"

#define LIST_CHECKS \
	5 /* events tell of devices; this is for what they may not */

struct wd_encryption {
	struct wd_agent *agent;
	struct wd_wires *wires;
	struct wd_tunnels *tunnels;
	struct wd_ports *ports;
	struct wd_gatekeeper *gate;
	struct wd_prefix_table *nets;
	bool dirty; /* nodes or namespaces changed since the last writing */
	bool applied; /* once: the switches are this agent's */
	bool pods; /* something of pods must be encrypted */
	uint32_t flags; /* as last set */
	unsigned int checks;
};

struct wd_encryption *wd_encryption_new(struct wd_agent *agent)
{
	struct wd_encryption *enc = wd_xcalloc(1, sizeof(*enc));

	enc->agent = agent;
	enc->wires = wd_wires_new(agent);
	enc->tunnels = wd_tunnels_new(agent);
	enc->ports = wd_ports_new(agent);
	enc->gate = wd_gatekeeper_new(agent);
	enc->nets = wd_prefix_table_new(WD_MAP_wd_net4, WD_MAP_wd_net6);
	enc->dirty = true;
	return enc;
}

void wd_encryption_free(struct wd_encryption *enc)
{
	if (!enc)
		return;
	wd_tunnels_free(enc->tunnels);
	wd_ports_free(enc->ports);
	wd_gatekeeper_free(enc->gate);
	wd_wires_free(enc->wires);
	wd_prefix_table_free(enc->nets);
	free(enc);
}

int wd_encryption_adopt(struct wd_encryption *enc)
{
	int n = wd_prefix_table_read(enc->nets, enc->agent->dp);

	return n < 0 ? n : wd_tunnels_adopt(enc->tunnels);
}

void wd_encryption_object(struct wd_encryption *enc,
			  const struct wd_object *was,
			  const struct wd_object *now)
{
	enum wd_kind kind = now ? now->kind : was->kind;

	enc->dirty |= kind == WD_KIND_NODE || kind == WD_KIND_CILIUM_NODE ||
		      kind == WD_KIND_NAMESPACE;
	wd_tunnels_object(enc->tunnels, was, now);
}

/* ---- requirement ---- */

static bool any_pods(const struct wd_encryption *enc)
{
	const struct wd_object *ns = NULL;

	if (enc->agent->config.encryption_required)
		return true;
	while ((ns = wd_store_next(enc->agent->store, WD_KIND_NAMESPACE, ns)))
		if (ns->nsp.encryption == WD_ENCRYPTION_REQUIRED)
			return true;
	return false;
}

bool wd_encryption_required(const struct wd_encryption *enc)
{
	return enc->pods || enc->agent->config.encryption_nodes;
}

bool wd_encryption_pods(const struct wd_encryption *enc)
{
	return enc->pods;
}

uint32_t wd_encryption_flags(const struct wd_encryption *enc)
{
	uint32_t flags = 0;

	if (!wd_encryption_required(enc))
		return 0;
	flags |= WD_STATE_ENCRYPT;
	if (enc->agent->config.encryption_nodes)
		flags |= WD_STATE_ENCRYPT_NODES;
	if (wd_wires_open(enc->wires) || !wd_ports_fit(enc->ports))
		flags |= WD_STATE_WIRE_OPEN;
	if (enc->pods && !wd_prefix_table_cnt(enc->nets, false))
		flags |= WD_STATE_NO_NET4;
	if (enc->pods && !wd_prefix_table_cnt(enc->nets, true))
		flags |= WD_STATE_NO_NET6;
	return flags;
}

bool wd_encryption_inside(const struct wd_encryption *enc,
			  const struct wd_addr *addr)
{
	return !wd_prefix_table_cnt(enc->nets, addr->family == 6) ||
	       wd_prefix_table_has(enc->nets, addr);
}

/* ---- tables ---- */

/* Two nodes with one prefix: whose it is, is not known. */
static void want_net(struct wd_encryption *enc, const struct wd_cidr *cidr,
		     uint32_t node)
{
	struct wd_prefix_val val = { { WD_NET_POD, node } }, *other;

	if (enc->pods)
		val.word[0] |= WD_NET_ENCRYPT;
	other = wd_prefix_table_want(enc->nets, cidr, &val);
	if (other && other->word[1] != node)
		other->word[1] = 0;
}

static void want_nets_of(struct wd_encryption *enc,
			 const struct wd_named_node *named)
{
	for (uint32_t i = 0; i < named->node.cidr_cnt; i++)
		want_net(enc, &named->node.cidr[i],
			 wd_model_node_number(enc->agent->model, named->name));
}

static void want_nets(struct wd_encryption *enc)
{
	const struct wd_config *config = &enc->agent->config;
	struct wd_nodes nodes;

	wd_prefix_table_begin(enc->nets);
	wd_nodes_read(enc->agent->store, &nodes);
	for (size_t i = 0; i < nodes.cnt; i++)
		want_nets_of(enc, &nodes.node[i]);
	wd_nodes_fini(&nodes);
	for (size_t i = 0; i < config->prefix_cnt; i++)
		want_net(enc, &config->prefix[i], 0);
}

int wd_encryption_write(struct wd_encryption *enc)
{
	int err = wd_ports_write(enc->ports);

	if (err)
		return err;
	if (!enc->dirty)
		return wd_tunnels_write(enc->tunnels);
	enc->pods = any_pods(enc);
	want_nets(enc);
	err = wd_prefix_table_end(enc->nets, enc->agent->dp);
	enc->dirty = err != 0;
	wd_gatekeeper_changed(enc->gate);
	if (err)
		wd_err("encryption: writing prefixes of the cluster: %s",
		       wd_errno(err));
	return err ? err : wd_tunnels_write(enc->tunnels);
}

/* ---- switches ---- */

/* What flows were judged under is another thing now: all are judged again. */
static void set_flags(struct wd_encryption *enc)
{
	const uint32_t all = WD_STATE_ENCRYPTION;
	struct wd_state_val *state =
		wd_map_mem(enc->agent->dp, WD_MAP_wd_state);
	uint32_t flags = wd_encryption_flags(enc);
	uint32_t have = __atomic_load_n(&state->flags, __ATOMIC_RELAXED);
	const uint32_t bad = WD_STATE_WIRE_OPEN | WD_STATE_NO_NET4 |
			     WD_STATE_NO_NET6;
	struct wd_happens happens = {
		.what = WD_HAPPENS_ENCRYPTION,
		.level = (flags & bad) ? WD_LOG_WARN : WD_LOG_INFO,
	};

	if ((have & all) == flags)
		return;
	happens.about = json_object_new_object();
	__atomic_or_fetch(&state->flags, flags, __ATOMIC_RELEASE);
	__atomic_and_fetch(&state->flags, ~(all & ~flags), __ATOMIC_RELEASE);
	wd_json_bool(happens.about, "required", flags & WD_STATE_ENCRYPT);
	wd_json_bool(happens.about, "nodes", flags & WD_STATE_ENCRYPT_NODES);
	wd_json_bool(happens.about, "open", flags & WD_STATE_WIRE_OPEN);
	wd_journal_tell(
		enc->agent->journal, &happens, "encryption: %s%s%s%s",
		flags & WD_STATE_ENCRYPT ? "checked on all wires" :
					   "nothing is required",
		flags & WD_STATE_ENCRYPT_NODES ? ", between nodes too" : "",
		flags & WD_STATE_WIRE_OPEN ?
			"; A WIRE IS UNGUARDED: what must be encrypted does not pass" :
			"",
		flags & (WD_STATE_NO_NET4 | WD_STATE_NO_NET6) ?
			"; NO PREFIX of the cluster is known: pods that must encrypt reach nobody in clear" :
			"");
	wd_model_republish(enc->agent->model);
	wd_agent_commit_soon(enc->agent);
}

/* First who judges a device, then that pods' packets may leave by it. */
static void settle(struct wd_encryption *enc)
{
	set_flags(enc);
	wd_gatekeeper_tend(enc->gate, wd_encryption_required(enc));
}

void wd_encryption_apply(struct wd_encryption *enc)
{
	wd_wires_want(enc->wires, wd_encryption_required(enc));
	wd_tunnels_want(enc->tunnels, wd_encryption_required(enc));
	enc->applied = true;
	settle(enc);
}

void wd_encryption_changed(struct wd_agent *agent)
{
	if (agent->encryption && agent->encryption->applied)
		settle(agent->encryption);
}

void wd_encryption_link(struct wd_agent *agent)
{
	if (!agent->encryption || !agent->encryption->applied)
		return;
	wd_tunnels_kick(agent->encryption->tunnels);
	settle(agent->encryption);
}

void wd_encryption_device(struct wd_encryption *enc, const struct wd_link *link,
			  bool gone)
{
	wd_ports_link(enc->ports, link, gone);
	wd_wires_link(enc->wires, link, gone);
}

/* What is not told of again must not be missed: see wd_ports_list(). */
void wd_encryption_relist(struct wd_encryption *enc)
{
	if (!wd_ports_list(enc->ports) && !wd_ports_write(enc->ports) &&
	    wd_model_dirty(enc->agent->model))
		wd_agent_commit_soon(enc->agent);
}

void wd_encryption_reload(struct wd_encryption *enc)
{
	(void)wd_prefix_table_read(enc->nets, enc->agent->dp);
	enc->dirty = true;
	(void)wd_encryption_write(enc);
	wd_tunnels_reload(enc->tunnels);
	wd_wires_reload(enc->wires);
	if (enc->applied)
		settle(enc);
}

int wd_encryption_check(struct wd_encryption *enc)
{
	int found, more;

	if (enc->checks++ % LIST_CHECKS == 0)
		wd_encryption_relist(enc);
	wd_wires_check(enc->wires);
	more = wd_tunnels_check(enc->tunnels);
	if (enc->applied) {
		wd_gatekeeper_check(enc->gate, wd_encryption_required(enc));
		settle(enc);
	}
	found = wd_prefix_table_read(enc->nets, enc->agent->dp);
	if (found > 0) {
		enc->dirty = true;
		(void)wd_encryption_write(enc);
	}
	return found < 0 ? found : more < 0 ? more : found + more;
}

struct wd_tunnels *wd_encryption_tunnels(const struct wd_encryption *enc)
{
	return enc->tunnels;
}

struct wd_wires *wd_encryption_wires(const struct wd_encryption *enc)
{
	return enc->wires;
}

struct wd_ports *wd_encryption_ports(const struct wd_encryption *enc)
{
	return enc->ports;
}
