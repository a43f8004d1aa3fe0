/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_scene.c - see golden_scene.h.
 */
#include "golden_scene.h"

#include <string.h>

#include "../base/byteorder.h"

#define GEN WD_GOLDEN_GEN
#define SLOT WD_GOLDEN_SLOT
#define ROW WD_GOLDEN_ROW
#define PRED 70 /* in the second word of the row */
#define CLASS_ALLOW 1
#define CLASS_DENY 2

static int put_addr(const struct wd_golden_tables *to, uint8_t last,
		    uint32_t row, uint32_t flags)
{
	struct wd_addr_val val = { .identity = 1000U + last,
				   .row = { row, row },
				   .flags = flags };
	struct wd_addr4_key key4 = wd_golden_addr4(last);
	struct wd_addr6_key key6 = wd_golden_addr6(last);
	int err;

	err = to->set(to->ctx, WD_MAP_wd_addr4, &key4, &val);
	return err ? err : to->set(to->ctx, WD_MAP_wd_addr6, &key6, &val);
}

static int put_peers(const struct wd_golden_tables *to)
{
	struct wd_row_val row = { .bits[PRED / 64] = 1ULL << PRED % 64 };
	struct wd_cidr4_key prefix = { 25, wd_golden_addr4(128).addr };
	struct wd_addr_val val = { .identity = 1 << 24, .row = { ROW, ROW } };
	uint32_t nr = ROW;
	int err;

	err = to->set(to->ctx, WD_MAP_wd_row, &nr, &row);
	if (!err)
		err = put_addr(to, FRIEND, ROW, WD_ADDR_POD);
	if (!err)
		err = put_addr(to, OTHER, 0, WD_ADDR_POD);
	if (!err)
		err = put_addr(to, NODE, 0, WD_ADDR_NODE);
	return err ? err : to->set(to->ctx, WD_MAP_wd_cidr4, &prefix, &val);
}

static int put_classes(const struct wd_golden_tables *to)
{
	struct wd_class_val class = {
		.cnt = 1,
		.rule[0] = { .id = 1, .pred = PRED, .action = WD_ACT_ALLOW },
	};
	uint32_t nr = CLASS_ALLOW;
	int err;

	err = to->set(to->ctx, WD_MAP_wd_class, &nr, &class);
	class.rule[0].id = 2;
	class.rule[0].action = WD_ACT_DENY;
	nr = CLASS_DENY;
	return err ? err : to->set(to->ctx, WD_MAP_wd_class, &nr, &class);
}

static int put_slots(const struct wd_golden_tables *to)
{
	static const struct wd_span_val spans[] = {
		{ 0, 0 },  { 80, CLASS_ALLOW }, { 81, 0 }, { 82, CLASS_DENY },
		{ 83, 0 }, { 0, CLASS_ALLOW }, /* of what has no ports */
	};
	enum { PORTS = sizeof(spans) / sizeof(*spans) - 1 };
	struct wd_slot_val slot = {
		.flags = WD_SLOT_READY | WD_SLOT_ISOLATED,
		.first = { [WD_L4_TCP] = 1,
			   [WD_L4_UDP] = 1,
			   [WD_L4_ICMP] = 1 + PORTS,
			   [WD_L4_ICMP6] = 1 + PORTS,
			   [WD_L4_OTHER] = 1 + PORTS },
		.cnt = { [WD_L4_TCP] = PORTS,
			 [WD_L4_UDP] = PORTS,
			 [WD_L4_ICMP] = 1,
			 [WD_L4_ICMP6] = 1,
			 [WD_L4_OTHER] = 1 },
	};
	uint32_t nr, i;
	int err = 0;

	for (i = 0; !err && i < sizeof(spans) / sizeof(*spans); i++) {
		nr = slot.first[WD_L4_TCP] + i;
		err = to->set(to->ctx, WD_MAP_wd_span, &nr, &spans[i]);
	}
	for (i = 0; !err && i < WD_DIR__MAX; i++) {
		nr = SLOT * 2 + i;
		err = to->set(to->ctx, WD_MAP_wd_slot, &nr, &slot);
	}
	return err;
}

static int put_endpoint(const struct wd_golden_tables *to,
			enum wd_golden_scene scene)
{
	uint32_t ifindex = scene == STRANGER ? INT32_MAX : to->ifindex;
	struct wd_endpoint_val ep = { .id = 1,
				      .identity = 1000 + POD,
				      .ip4[0] = wd_golden_addr4(POD).addr };

	memcpy(ep.ip6[0], wd_golden_addr6(POD).addr, sizeof(ep.ip6[0]));
	memcpy(ep.mac, wd_golden_pod_mac, sizeof(ep.mac));
	memcpy(ep.host_mac, wd_golden_host_mac, sizeof(ep.host_mac));
	if (scene != NO_SLOT)
		ep.slot[GEN & 1] = SLOT;
	if (scene == STRANGER) /* if it stays, the packets tell */
		(void)to->del(to->ctx, WD_MAP_wd_endpoint, &to->ifindex);
	return to->set(to->ctx, WD_MAP_wd_endpoint, &ifindex, &ep);
}

int wd_golden_scene(const struct wd_golden_tables *to,
		    enum wd_golden_scene scene)
{
	struct wd_state_val state = { .gen = scene == NO_GEN ? 0 : GEN,
				      .flags = WD_STATE_CIDR4,
				      .schema = WD_SCHEMA };
	uint32_t zero = 0;
	int err;

	state.tunnel[WD_TUNNEL_PORTS - 2] =
		(struct wd_tunnel_port){ .port = wd_be16(WD_GOLDEN_TUNNEL),
					 .kind = WD_TUNNEL_VXLAN };
	if (scene != HOST_FREE)
		state.flags |= WD_STATE_HOST_POLICY;
	err = to->set(to->ctx, WD_MAP_wd_state, &zero, &state);
	return err ? err : put_endpoint(to, scene);
}

int wd_golden_policy(const struct wd_golden_tables *to)
{
	int err = put_peers(to);

	if (!err)
		err = put_classes(to);
	return err ? err : put_slots(to);
}
