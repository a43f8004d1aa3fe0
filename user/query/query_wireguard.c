/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_wireguard.c - what status and reports say of wires and WireGuard.
 */
#include <errno.h>
#include <string.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../datapath/datapath.h"
#include "../encryption/encryption.h"
#include "../encryption/gate.h"
#include "../encryption/tunnels.h"
#include "../encryption/wires.h"
#include "../wireguard/check.h"
#include "../wireguard/device.h"
#include "query.h"

static const char *kind_name(uint8_t kind)
{
	switch (kind) {
	case WD_WIRE_OUT:
		return "wire";
	case WD_WIRE_WIREGUARD:
		return "wireguard";
	}
	return "upper";
}

static void put_wire(void *ctx, const struct wd_wire *wire)
{
	struct json_object *obj = wd_json_push(ctx);

	wd_json_str(obj, "interface", wire->name);
	wd_json_str(obj, "kind", kind_name(wire->kind));
	wd_json_bool(obj, "guarded", wire->guarded);
	wd_json_str(obj, "error", wire->err ? wd_errno(wire->err) : NULL);
}

/* Families of which no prefix of the cluster is known, though it matters. */
static void put_blind(const struct wd_agent *agent, struct json_object *array)
{
	uint32_t flags = wd_encryption_flags(agent->encryption);

	if (flags & WD_STATE_NO_NET4)
		wd_json_push_str(array, "IPv4");
	if (flags & WD_STATE_NO_NET6)
		wd_json_push_str(array, "IPv6");
}

void wd_query_wires(const struct wd_agent *agent, struct json_object *doc)
{
	const struct wd_wires *wires = wd_encryption_wires(agent->encryption);
	const struct wd_wire_info *info = wd_wire_info(agent->dp);
	struct json_object *obj = wd_json_object(doc, "wires");

	wd_json_bool(obj, "open", wd_wires_open(wires));
	put_blind(agent, wd_json_array(obj, "no_prefix"));
	wd_json_str(obj, "object", info->loaded ? info->object : NULL);
	wd_json_str(obj, "rung", info->loaded ? info->rung : NULL);
	wd_json_str(obj, "error", *info->error ? info->error : NULL);
	wd_gatekeeper_put(agent, obj);
	wd_wires_each(wires, put_wire, wd_json_array(obj, "devices"));
}

static void put_device(const struct wd_wg_device *dev, struct json_object *obj)
{
	wd_json_str(obj, "interface", dev->name);
	wd_json_bool(obj, "up", dev->is_up);
	wd_json_int(obj, "port", dev->port);
	wd_json_int(obj, "peers", dev->peer_cnt);
}

void wd_query_wireguard(const struct wd_agent *agent,
			struct json_object *devices,
			struct json_object *findings)
{
	const struct wd_tunnels *tunnels =
		wd_encryption_tunnels(agent->encryption);
	const struct wd_wg_findings *found = wd_tunnels_findings(tunnels);
	const struct wd_wg_state *state = wd_tunnels_state(tunnels);

	for (uint32_t i = 0; state && i < state->device_cnt; i++)
		put_device(&state->device[i], wd_json_push(devices));
	for (uint32_t i = 0; i < found->cnt; i++) {
		struct json_object *obj = wd_json_push(findings);

		wd_json_str(obj, "finding",
			    wd_wg_kind_name(found->finding[i].kind));
		wd_json_str(obj, "object", found->finding[i].object);
		wd_json_str(obj, "text", found->finding[i].text);
		wd_json_bool(obj, "stops",
			     wd_wg_kind_stops(found->finding[i].kind));
	}
}
