/* SPDX-License-Identifier: GPL-2.0-only */
#include "ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warder/abi.h>
#include <warder/encap.h>

#include "../agent/agent.h"
#include "../base/byteorder.h"
#include "../base/log.h"
#include "../model/encap.h"
#include "../model/xalloc.h"
#include "../net/fou.h"
#include "../wireguard/device.h"

/* A device that takes tunnels at a port; few nodes have more than one. */
struct taker {
	uint32_t ifindex; /* 0: in another namespace now, its socket is still here */
	uint16_t port;
	uint8_t kind; /* WD_TUNNEL_* */
};

struct wd_ports {
	struct wd_agent *agent;
	struct taker *taker;
	size_t cnt, cap;
	uint16_t *fou; /* what unpacks without a device, see net/fou.h */
	size_t fou_cnt, fou_cap;
	bool fou_listed; /* once, whole; else what was in force stays */
	int fou_err; /* why not all of them are known, 0: they are */
	const struct wd_wg_state *wireguard;
	bool heard; /* of WireGuard; else what was in force stays */
	bool listed; /* once */
	bool fit;
};

struct wd_ports *wd_ports_new(struct wd_agent *agent)
{
	struct wd_ports *ports = wd_xcalloc(1, sizeof(*ports));

	ports->agent = agent;
	ports->fit = true;
	return ports;
}

void wd_ports_free(struct wd_ports *ports)
{
	if (!ports)
		return;
	free(ports->taker);
	free(ports->fou);
	free(ports);
}

/* ---- what the kernel tells ---- */

static uint8_t kind_of(const struct wd_link *link)
{
	if (!strcmp(link->kind, "vxlan"))
		return WD_TUNNEL_VXLAN;
	return !strcmp(link->kind, "geneve") ? WD_TUNNEL_GENEVE :
					       WD_TUNNEL_OTHER;
}

static void forget(struct wd_ports *ports, uint32_t ifindex)
{
	for (size_t i = ports->cnt; i--;)
		if (ports->taker[i].ifindex == ifindex)
			ports->taker[i] = ports->taker[--ports->cnt];
}

static void append(struct wd_ports *ports, const struct wd_link *link,
		   uint32_t ifindex)
{
	ports->taker = wd_grow(ports->taker, ports->cnt, &ports->cap,
			       sizeof(*ports->taker));
	ports->taker[ports->cnt++] = (struct taker){
		.ifindex = ifindex,
		.port = link->tunnel_port,
		.kind = kind_of(link),
	};
}

static void take(struct wd_ports *ports, const struct wd_link *link)
{
	forget(ports, link->ifindex);
	if (link->tunnel_port)
		append(ports, link, link->ifindex);
}

/* Its port of before, should the event not name it. */
static void keep(struct wd_ports *ports, uint32_t ifindex)
{
	for (size_t i = 0; i < ports->cnt; i++)
		if (ports->taker[i].ifindex == ifindex)
			ports->taker[i].ifindex = 0;
}

/*
 * Nobody tells when its socket is closed: the port is shut until the agent ends.
 * What is known of it is taken from this event: a list that was read before the
 * event has not had the device any more. Of two of a kind one is enough.
 */
static void moved(struct wd_ports *ports, const struct wd_link *link)
{
	if (!link->tunnel_port) {
		keep(ports, link->ifindex);
		return;
	}
	forget(ports, link->ifindex);
	for (size_t i = 0; i < ports->cnt; i++)
		if (!ports->taker[i].ifindex &&
		    ports->taker[i].port == link->tunnel_port &&
		    ports->taker[i].kind == kind_of(link))
			return;
	append(ports, link, 0);
}

static bool has_fou(const struct wd_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->fou_cnt; i++)
		if (ports->fou[i] == port)
			return true;
	return false;
}

/* Besides those that are known, which an answer without sense may be about. */
static void add_fou(struct wd_ports *ports, const uint16_t *port, int cnt)
{
	for (int i = 0; i < cnt; i++) {
		if (has_fou(ports, port[i]))
			continue;
		ports->fou = wd_grow(ports->fou, ports->fou_cnt,
				     &ports->fou_cap, sizeof(*ports->fou));
		ports->fou[ports->fou_cnt++] = port[i];
	}
}

/*
 * Of the kernel's optional parts: what they say wrong, or not at all, must not
 * keep a policy from being committed. It is told, and asked for again.
 */
static void list_fou(struct wd_ports *ports)
{
	uint16_t *port = NULL;
	uint32_t odd = 0;
	int cnt = wd_fou_ports(&port, &odd);
	int err = cnt < 0 ? cnt : odd ? -EPROTO : 0;

	if (err && err != ports->fou_err)
		wd_warn("tunnels: listing ports of FOU and L2TP: %s: pods may send to those that are not known; trying again",
			wd_errno(err));
	ports->fou_err = err;
	ports->fou_listed |= !err;
	if (!err)
		ports->fou_cnt = 0;
	add_fou(ports, port, cnt);
	free(port);
}

int wd_ports_list(struct wd_ports *ports)
{
	struct wd_link *link = NULL;
	int cnt = wd_link_list_here(&link);

	if (cnt < 0) {
		wd_warn("tunnels: listing devices: %s, trying again",
			wd_errno(cnt));
		return cnt;
	}
	for (size_t i = ports->cnt; i--;)
		if (ports->taker[i].ifindex)
			ports->taker[i] = ports->taker[--ports->cnt];
	for (int i = 0; link && i < cnt; i++)
		take(ports, &link[i]);
	free(link);
	list_fou(ports);
	ports->listed = true;
	return 0;
}

/* ---- what the programs are told ---- */

struct told {
	struct wd_tunnel_port port[WD_TUNNEL_PORTS];
	size_t cnt;
	bool fit;
};

static void add(struct told *told, uint16_t port, uint8_t kind)
{
	struct wd_tunnel_port new = { .port = wd_be16(port), .kind = kind };

	for (size_t i = 0; i < told->cnt; i++)
		if (!memcmp(&told->port[i], &new, sizeof(new)))
			return;
	if (told->cnt == WD_TUNNEL_PORTS)
		told->fit = false;
	else
		told->port[told->cnt++] = new;
}

/* Some node takes tunnels there, one of them is as good as another. */
static void add_other(struct told *told, uint16_t port)
{
	if (WD_ENCAP_IS_PORT(port))
		return;
	for (size_t i = 0; i < told->cnt; i++)
		if (wd_host16(told->port[i].port) == port &&
		    told->port[i].kind != WD_TUNNEL_WIREGUARD)
			return;
	add(told, port, WD_TUNNEL_OTHER);
}

/*
 * Of the agent before: WireGuard's until WireGuard is asked, as it passes wires;
 * all while this one waits for its first source, when nothing is put in its
 * place.
 */
static void keep_seen(const struct wd_ports *ports,
		      const struct wd_state_val *state, struct told *told)
{
	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		const struct wd_tunnel_port *port = &state->tunnel[i];
		bool kept = port->kind == WD_TUNNEL_WIREGUARD ?
				    !ports->heard :
				    ports->agent->waiting &&
					    (port->kind == WD_TUNNEL_VXLAN ||
					     port->kind == WD_TUNNEL_GENEVE);

		if (kept)
			add(told, wd_host16(port->port), port->kind);
	}
}

/* And what pods may not send to, until all of it was listed once. */
static void keep_shut(const struct wd_ports *ports,
		      const struct wd_state_val *state, struct told *told)
{
	if (ports->fou_listed && !ports->agent->waiting)
		return;
	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		if (state->tunnel[i].kind == WD_TUNNEL_OTHER)
			add_other(told, wd_host16(state->tunnel[i].port));
		told->fit &= state->tunnel[i].kind != WD_TUNNEL_ANY;
	}
}

/*
 * Those that wires look into come first. What no wire looks into need not be
 * told of a customary port, which is no pod's to send to in any case.
 */
static void gather(const struct wd_ports *ports,
		   const struct wd_state_val *state, struct told *told)
{
	const struct wd_config *config = &ports->agent->config;
	const struct wd_wg_state *wg = ports->wireguard;

	keep_seen(ports, state, told);
	for (uint32_t i = 0; wg && i < wg->device_cnt; i++)
		if (wg->device[i].port)
			add(told, wg->device[i].port, WD_TUNNEL_WIREGUARD);
	for (size_t i = 0; i < ports->cnt; i++)
		if (ports->taker[i].kind != WD_TUNNEL_OTHER)
			add(told, ports->taker[i].port, ports->taker[i].kind);
	for (size_t i = 0; i < ports->cnt; i++)
		if (ports->taker[i].kind == WD_TUNNEL_OTHER)
			add_other(told, ports->taker[i].port);
	keep_shut(ports, state, told);
	for (size_t i = 0; i < ports->fou_cnt; i++)
		add_other(told, ports->fou[i]);
	for (size_t i = 0; i < config->tunnel_port_cnt; i++)
		add_other(told, config->tunnel_port[i]);
	if (!told->fit)
		told->port[WD_TUNNEL_PORTS - 1] =
			(struct wd_tunnel_port){ .kind = WD_TUNNEL_ANY };
}

static void tell_misfit(struct wd_ports *ports, bool fit)
{
	if (!fit && ports->fit)
		wd_err("tunnels: this node takes them, or tunnel-port names others, at more than %d UDP ports; pods may not send UDP to nodes%s",
		       WD_TUNNEL_PORTS,
		       wd_datapath_has_programs(ports->agent->dp) ?
			       ", and what must be encrypted does not pass between pods and other nodes" :
			       "");
	ports->fit = fit;
}

static void write_words(struct wd_state_val *state, const struct told *told)
{
	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		uint32_t word;

		memcpy(&word, &told->port[i], sizeof(word));
		__atomic_store_n((uint32_t *)&state->tunnel[i], word,
				 __ATOMIC_RELEASE);
	}
}

int wd_ports_write(struct wd_ports *ports)
{
	struct wd_agent *agent = ports->agent;
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);
	struct told told = { .fit = true };
	struct wd_encap encap;
	int err = ports->listed ? 0 : wd_ports_list(ports);

	if (err)
		return err;
	gather(ports, state, &told);
	tell_misfit(ports, told.fit);
	memcpy(encap.own, told.port, sizeof(encap.own));
	wd_model_encap(agent->model, &encap);
	if (!memcmp(state->tunnel, told.port, sizeof(told.port)))
		return 0;
	write_words(state, &told);
	wd_model_republish(agent->model);
	return 0;
}

void wd_ports_link(struct wd_ports *ports, const struct wd_link *link,
		   bool gone)
{
	if (gone && link->has_moved)
		moved(ports, link);
	if (!ports->listed)
		return;
	if (gone && !link->has_moved)
		forget(ports, link->ifindex);
	else if (!gone)
		take(ports, link);
	/* no event tells of FOU, but its devices come when its ports do */
	if (link->kind[0] && !link->is_veth)
		list_fou(ports);
	(void)wd_ports_write(ports);
	if (wd_model_dirty(ports->agent->model))
		wd_agent_commit_soon(ports->agent);
}

void wd_ports_wireguard(struct wd_ports *ports, const struct wd_wg_state *state)
{
	ports->wireguard = state;
	ports->heard = true;
	(void)wd_ports_write(ports);
}

bool wd_ports_fit(const struct wd_ports *ports)
{
	return ports->fit;
}

int wd_ports_error(const struct wd_ports *ports)
{
	return ports->fou_err;
}
