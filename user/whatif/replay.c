/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replay.c - the child that asks the mirror about packets, one after the other.
 *
 * Decides which hook a captured packet would meet, and by which device it came:
 * a capture does not say. Touches nothing that is in force.
 */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../agent/rungs.h"
#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../datapath/ladder.h"
#include "../datapath/mirror.h"
#include "../events/events.h"
#include "../model/xalloc.h"
#include "forked.h"
#include "frame.h"

struct replaying {
	struct wd_agent *agent;
	const struct wd_endpoint *ep;
	struct wd_mirror *mirror;
	int fd;
	uint32_t outside; /* a device that is no pod's, 0 none */
};

/* ---- which hook, and from where ---- */

static bool is_own_addr(const struct wd_endpoint *ep,
			const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < ep->addr_cnt; i++)
		if (wd_addr_equal(&ep->addr[i], addr))
			return true;
	return false;
}

/* The addresses say it, else the hardware's: a pod that lies is still a sender. */
static enum wd_dir direction_of(const struct wd_endpoint *ep,
				const struct wd_frame *frame)
{
	bool is_src = is_own_addr(ep, &frame->src);

	if (is_src != is_own_addr(ep, &frame->dst))
		return is_src ? WD_EGRESS : WD_INGRESS;
	return memcmp(frame->data + 6, ep->pod_mac, 6) ? WD_INGRESS : WD_EGRESS;
}

/* The WireGuard device whose peer may send from @addr, 0 none. */
static uint32_t tunnel_of(struct wd_agent *agent, const struct wd_addr *addr)
{
	struct wd_cidr4_key key4 = { .prefixlen = 32 };
	struct wd_cidr6_key key6 = { .prefixlen = 128 };
	struct wd_tun_val tun;
	int err;

	memcpy(&key4.addr, &addr->v4, sizeof(key4.addr));
	memcpy(key6.addr, &addr->v6, sizeof(key6.addr));
	err = addr->family == 4 ?
		      wd_map_get(agent->dp, WD_MAP_wd_tun4, &key4, &tun) :
		      wd_map_get(agent->dp, WD_MAP_wd_tun6, &key6, &tun);
	return err ? 0 : tun.ifindex;
}

static uint32_t device_of(const struct replaying *replaying,
			  const struct wd_frame *frame)
{
	struct wd_agent *agent = replaying->agent;
	const struct wd_endpoint *from =
		wd_endpoints_by_addr(agent->endpoints, &frame->src);
	struct wd_addr_info info = {};
	uint32_t tunnel;

	if (from)
		return from->ifindex;
	if (!frame->src.family)
		return 0;
	wd_model_addr(agent->model, &frame->src, &info);
	if (info.flags & WD_ADDR_HOST)
		return 0;
	tunnel = tunnel_of(agent, &frame->src);
	return tunnel ? tunnel : replaying->outside;
}

/* As the programs ask it: what comes by such a device was encrypted. */
static bool is_trusted(struct wd_agent *agent, uint32_t ifindex)
{
	struct wd_wire_val wire;

	return !wd_map_get(agent->dp, WD_MAP_wd_wire, &ifindex, &wire) &&
	       (wire.kind == WD_WIRE_WIREGUARD || wire.kind == WD_WIRE_UPPER);
}

/* One that is no pod's, and by which things come in clear: any such will do. */
static uint32_t find_outside(struct wd_agent *agent)
{
	struct if_nameindex *all = if_nameindex(), *at;
	uint32_t found = 0, *own = NULL;
	int cnt = wd_datapath_attached(agent->dp, &own);

	for (at = all; at && at->if_index && !found; at++) {
		bool fits = at->if_index != 1 && /* loopback */
			    !is_trusted(agent, at->if_index);

		for (int i = 0; i < cnt; i++)
			fits = fits && own[i] != at->if_index;
		found = fits ? at->if_index : 0;
	}
	free(own);
	if (all)
		if_freenameindex(all);
	return found;
}

/* ---- one packet ---- */

/* For a packet of which the programs told nothing: what the frame says. */
static void fill_event(struct wd_event *event, const struct wd_frame *frame)
{
	event->proto_eth = frame->ethertype;
	event->family = frame->src.family;
	event->proto = frame->proto;
	if (frame->src.family == 4) {
		memcpy(event->src, &frame->src.v4, sizeof(frame->src.v4));
		memcpy(event->dst, &frame->dst.v4, sizeof(frame->dst.v4));
	} else if (frame->src.family == 6) {
		memcpy(event->src, &frame->src.v6, sizeof(frame->src.v6));
		memcpy(event->dst, &frame->dst.v6, sizeof(frame->dst.v6));
	}
	event->sport = wd_be16(frame->sport);
	event->dport = wd_be16(
		frame->has_ports ?
			frame->dport :
			(uint16_t)(frame->icmp_type << 8 | frame->icmp_code));
}

/* Numbers that an event would have had, from where the programs have them. */
static void fill_numbers(const struct replaying *replaying,
			 const struct wd_addr *peer, struct wd_event *event)
{
	struct wd_agent *agent = replaying->agent;
	const struct wd_state_val *state =
		wd_map_window(agent->dp, WD_MAP_wd_state);
	struct wd_endpoint_val val;
	struct wd_addr_info info = {};

	if (peer->family)
		wd_model_addr(agent->model, peer, &info);
	event->peer_id = info.identity;
	event->gen = state->gen;
	event->rung = (uint8_t)wd_ladder(agent->dp)->rung;
	if (!wd_map_get(agent->dp, WD_MAP_wd_endpoint, &replaying->ep->ifindex,
			&val))
		event->local_id = val.identity;
}

static void complete(const struct replaying *replaying,
		     const struct wd_frame *frame, enum wd_dir dir,
		     struct wd_mirror_verdict *verdict)
{
	struct wd_event *event = &verdict->event;

	if (!verdict->has_event) {
		fill_event(event, frame);
		fill_numbers(replaying,
			     dir == WD_EGRESS ? &frame->dst : &frame->src,
			     event);
		event->verdict = verdict->passes ? WD_ALLOW : WD_DROP;
		event->reason = (uint8_t)verdict->reason;
	}
	event->dir = (uint8_t)dir;
	event->ep = replaying->ep->id;
	event->ifindex = replaying->ep->ifindex;
	event->len = (uint32_t)frame->len;
}

/* More than a test packet may be is asked in segments; the first drop counts. */
static int ask(const struct replaying *replaying, const struct wd_frame *frame,
	       struct wd_mirror_frame *asked, struct wd_mirror_verdict *ret)
{
	static uint8_t part[WD_MIRROR_FRAME_MAX];
	size_t at = 0;
	int err;

	if (frame->len <= WD_MIRROR_FRAME_MAX)
		return wd_mirror_packet(replaying->mirror, asked, ret);
	if (!wd_frame_is_cuttable(frame) ||
	    frame->payload + 1 > WD_MIRROR_FRAME_MAX)
		return -EMSGSIZE;
	asked->data = part;
	do {
		asked->len = wd_frame_cut(frame, at, sizeof(part), part, &at);
		err = wd_mirror_packet(replaying->mirror, asked, ret);
	} while (!err && at && ret->passes);
	return err;
}

static const char *why_not(int err)
{
	if (err == -EMSGSIZE)
		return "is larger than a test packet may be, and no TCP that "
		       "could be cut into segments";
	if (err == -ENODEV)
		return "there is no such device on this node";
	if (err == -EOPNOTSUPP)
		return "this kernel cannot be told the device by which a "
		       "packet to the pod came (Linux 5.12)";
	return wd_errno(err);
}

static int find_device(const struct replaying *replaying,
		       const struct wd_replay_head *head,
		       const struct wd_frame *frame, uint32_t *ret_iif)
{
	*ret_iif = *head->device ? if_nametoindex(head->device) :
				   device_of(replaying, frame);
	if (*head->device && !*ret_iif)
		return -ENODEV;
	return *ret_iif && !wd_mirror_knows_iif(replaying->mirror) ?
		       -EOPNOTSUPP :
		       0;
}

/* What was not captured with hardware addresses has those of its hook. */
static void put_macs(const struct wd_endpoint *ep, enum wd_dir dir,
		     uint8_t *data)
{
	static const uint8_t none[12];
	bool is_out = dir == WD_EGRESS;

	if (memcmp(data, none, sizeof(none)) != 0)
		return;
	memcpy(data, is_out ? ep->host_mac : ep->pod_mac, 6);
	memcpy(data + 6, is_out ? ep->pod_mac : ep->host_mac, 6);
}

static int judge(const struct replaying *replaying,
		 const struct wd_replay_head *head, uint8_t *data,
		 const struct wd_frame *frame, struct json_object **ret_doc)
{
	struct wd_mirror_frame asked = {
		.dir = head->dir < WD_DIR__MAX ?
			       (enum wd_dir)head->dir :
			       direction_of(replaying->ep, frame),
		.ifindex = replaying->ep->ifindex,
		.data = data,
		.len = frame->len,
	};
	struct wd_mirror_verdict verdict;
	enum wd_dir dir = asked.dir;
	int err = dir == WD_INGRESS ?
			  find_device(replaying, head, frame, &asked.iif) :
			  0;

	put_macs(replaying->ep, dir, data);
	if (!err)
		err = ask(replaying, frame, &asked, &verdict);
	if (err)
		return err;
	complete(replaying, frame, dir, &verdict);
	*ret_doc =
		wd_events_doc(replaying->agent, &verdict.event, head->time_us);
	return 0;
}

static int answer(const struct replaying *replaying,
		  const struct wd_replay_head *head, uint8_t *data)
{
	struct json_object *doc = NULL;
	struct wd_frame frame;
	int err = -EINVAL;

	wd_frame_read(&frame, data, head->bytes);
	if (head->bytes >= WD_FRAME_ETH)
		err = judge(replaying, head, data, &frame, &doc);
	if (err) {
		doc = json_object_new_object();
		wd_json_str(doc, "error",
			    head->bytes < WD_FRAME_ETH ?
				    "is too short for an Ethernet frame" :
				    why_not(err));
	}
	wd_json_int(doc, "packet", head->number);
	err = wd_forked_write_doc(replaying->fd, doc, "\n");
	json_object_put(doc);
	return err;
}

/* ---- all of them ---- */

static int answer_all(const struct replaying *replaying)
{
	static uint8_t data[WD_REPLAY_FRAME_MAX];
	struct wd_replay_head head;
	int err;

	for (;;) {
		err = wd_forked_read(replaying->fd, &head, sizeof(head));
		if (!err && head.bytes > sizeof(data))
			err = -EPROTO;
		if (!err)
			err = wd_forked_read(replaying->fd, data, head.bytes);
		if (err)
			return err == -ENODATA ? 0 : err;
		head.device[sizeof(head.device) - 1] = '\0';
		err = answer(replaying, &head, data);
		if (err)
			return err;
	}
}

static struct json_object *greeting(const struct replaying *replaying,
				    const char *error)
{
	struct wd_agent *agent = replaying->agent;
	const struct wd_state_val *state =
		wd_map_window(agent->dp, WD_MAP_wd_state);
	struct json_object *doc = json_object_new_object(), *ep;

	wd_json_str(doc, "node", agent->config.node);
	wd_json_str(doc, "rung", wd_rungs_name(agent));
	wd_json_int(doc, "generation", state->gen);
	ep = wd_json_object(doc, "endpoint");
	wd_json_str(ep, "namespace", replaying->ep->ns);
	wd_json_str(ep, "name", replaying->ep->name);
	wd_json_str(ep, "interface", replaying->ep->host_name);
	if (error)
		wd_json_str(doc, "error", error);
	return doc;
}

int wd_replay_run(struct wd_agent *agent, int fd, void *ctx)
{
	const struct wd_replay *replay = ctx;
	struct replaying replaying = { .agent = agent,
				       .ep = replay->ep,
				       .fd = fd };
	struct json_object *doc;
	char *error = NULL;
	int err, told;

	wd_forked_keep_no_sockets(fd);
	wd_datapath_unlock(agent->dp);
	err = wd_mirror_open(agent->dp, replay->with_flows, &replaying.mirror,
			     &error);
	replaying.outside = find_outside(agent);
	doc = greeting(&replaying, err ? error ?: wd_errno(err) : NULL);
	told = wd_forked_write_doc(fd, doc, "\n");
	json_object_put(doc);
	free(error);
	if (!err && !told)
		told = answer_all(&replaying);
	wd_mirror_close(replaying.mirror);
	return told;
}
