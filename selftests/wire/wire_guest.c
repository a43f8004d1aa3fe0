// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_guest.c - WireGuard of a real kernel: what passes, and what never shows.
 *
 *	wire_guest WARDER [short|flood] [agents|wires] [none] [WAY] [NAME=VALUE]...
 *
 * Two nodes with an agent each that requires encryption. Pods talk to each other
 * through WireGuard all the time, and one thing after the other is done to it.
 * A sniffer on the underlay must not see one packet of theirs, and every planted
 * one; where WireGuard works, all of it arrives. WAY is how the nodes are joined,
 * see link.h. `short` is the half of it; `agents` what agents do, `wires` the rest,
 * each some minutes on an emulated machine; `flood` is trouble with as many packets
 * as there can be. With `none` encryption is not required: for a person who wants
 * to see these tests fail. NAME=VALUE go into the environment: WD_WIRE_HOLD_MS,
 * WD_WIRE_MATCH (only what has this in its name, and what all rests on), and of
 * the flood WD_WIRE_PACKETS, WD_WIRE_SECONDS and WD_WIRE_FLOOD_RATE.
 *
 * Pods talk over both families in each. What is tried where: L is test_leaks.py
 * without WireGuard, native and VXLAN; G this, native and over both families of
 * the underlay, VXLAN and Geneve; g this, native, and of the others where WD_LONG
 * is set, when all of VXLAN and Geneve by either family are tried whole.
 *
 *	start				L G	peer, its prefixes removed	  G g
 *	agent killed, started		L G	node joins, comes back		  G
 *	no agent			L g	pod deleted while it sends	L g
 *	upgrade, other programs		  G	address moves			L G
 *	new key each second		  G	wg0 deleted			  G
 *	marks forged			L g	wg0 down, away, too small	  g
 *	routes, rules, VRF, DNAT	L G	into other tunnels		L g
 *	no route but the default	L g	forged from the wire		L G
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents.h"
#include "datapath/fixture.h"
#include "detours.h"
#include "drops.h"
#include "expect.h"
#include "link.h"
#include "move.h"
#include "objects.h"
#include "ports.h"
#include "tap.h"

#define RESTARTS 3
#define FEW_RATE (TALK_RATE / 5) /* while agents start, and all shows anyway */
#define KEYS_S 10 /* a new key in each of so many seconds */
#define KEYS_SHORT_S 4
#define QUIET_MS 6000 /* then it is read each two seconds */
#define KNOWN_MS 2000
#define BOOT_S 60 /* a node is back within, as the project promises */
#define SILENT_S 90 /* waited at most for what is told of a silent peer */
#define FLOOD_PACKETS 10000000
#define FLOOD_S 1200
#define FLOOD_RATE 0 /* as fast as it goes */

static bool is_short, is_flood;

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : otherwise;
}

/* ---- the sniffer ---- */

static void the_sniffer_finds_each_planted_frame_by_its_addresses(void)
{
	struct plant_ends ends;

	for (int n = 0; n < SITE_NODES; n++) {
		site_ends(n, SITE_POD, &ends);
		wd_test_row(site_node[n].name);
		wd_expect(plant_from(site_node[n].name, "eth0", &ends, true,
				     NULL) > 0);
		wd_expect(watch_plants(WIRE_BY_HEADERS | WIRE_BY_SCAN, 0));
	}
}

static void the_sniffer_finds_each_planted_frame_by_its_payload(void)
{
	struct plant_ends ends;

	site_ends(0, SITE_POD, &ends);
	for (int end = 0; end < 2; end++)
		wd_expect(plant_end(ends.pod[end], "203.0.113.7") &&
			  plant_end(ends.pod[end], "2001:db8::7"));
	wd_expect(plant_from(site_node[0].name, "eth0", &ends, true,
			     SITE_MARKER) > 0);
	wd_expect(watch_plants(WIRE_BY_MARKER, WIRE_BY_MARKER));
}

/* ---- agents ---- */

/*
 * Nodes and pods send before there is an agent, and before anything leads into
 * WireGuard: what they send is in clear until the agents say they are ready.
 * Until then it is little, so that they have a slow machine for themselves.
 */
static void row_127_nothing_shows_once_agents_are_ready(void)
{
	struct talk host[SITE_NODES];
	unsigned int rate = talk_rate;
	struct seen seen;

	talk_rate = FEW_RATE;
	for (int n = 0; n < SITE_NODES; n++) {
		wd_expect(link_unroute(n));
		wd_expect(talk_host(&host[n], n, 0));
	}
	begin_talk(TALK_ALL);
	talk_rate = rate;
	wd_expect(watch(expect_hold_ms, &seen));
	wd_expect(seen.leaks > 0);
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(agent_start(n));
	for (int n = 0; n < SITE_NODES; n++)
		if (!wd_expect(agent_ready(n)))
			return;
	stop_talk();
	begin_talk(TALK_ALL);
	wd_expect(watch(EXPECT_LATER_MS, &seen));
	expect_nothing_arrives(expect_hold_ms);
	for (int n = 0; n < SITE_NODES; n++) {
		wd_expect(talk_end(&host[n]));
		wd_expect(link_route(n));
	}
	(void)expect_mended(nothing);
}

static void row_127_traffic_arrives_sealed_once_agents_are_ready(void)
{
	begin_talk(TALK_ALL);
	(void)expect_no_leak(expect_hold_ms);
	if (!expect_all_arrives(expect_hold_ms))
		agents_show();
	stop_talk();
	(void)expect_no_leak(EXPECT_LATER_MS);
}

static void pods_that_may_talk_in_clear_do_so_by_either_way(void)
{
	struct talk open[SITE_NODES];
	struct seen seen;

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(talk_pods(&open[n], n, SITE_OPEN, TALK_UDP));
	wd_expect(watch(expect_hold_ms, &seen));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(talk_end(&open[n]));
	wd_expect_int(0, (long long)seen.leaks);
	wd_expect(seen.arrived[0][SITE_OPEN] > 0);
	wd_expect(seen.arrived[1][SITE_OPEN] > 0);
	(void)expect_no_leak(EXPECT_LATER_MS);
}

static void start_again(int n, int sig)
{
	agent_stop(n, sig);
	usleep(100000);
	wd_expect(agent_start(n));
	wd_expect(agent_ready(n));
}

static void restart_agents(void)
{
	for (int i = 0; i < (is_short || is_flood ? 1 : RESTARTS); i++)
		start_again(i % 2, i % 3 ? SIGTERM : SIGKILL);
}

static void row_125_nothing_is_lost_while_agents_restart(void)
{
	expect_none_lost(restart_agents);
}

/* By an agent that takes lower programs, and by one that takes the best. */
static void replace_programs(void)
{
	static const char *const rung[] = { "minimal", NULL };

	for (int i = 0; i < 2; i++) {
		agents_opts.max_rung = rung[i];
		for (int n = 0; n < (is_short || is_flood ? 1 : SITE_NODES);
		     n++)
			start_again(n, SIGTERM);
	}
}

static void row_125_nothing_is_lost_while_programs_are_replaced(void)
{
	expect_none_lost(replace_programs);
}

/* Without an end of the agent: its programs change places in the kernel. */
static void pin_rungs(void)
{
	static const char *const rung[] = { "minimal", "auto" };

	for (int i = 0; i < 2; i++)
		for (int n = 0; n < SITE_NODES; n++)
			wd_expect(agent_pin(n, rung[i]));
}

static void row_125_nothing_is_lost_while_programs_change_places(void)
{
	expect_none_lost(pin_rungs);
}

static void go_to_rules(void)
{
	wd_expect(agent_pin(0, "nft"));
}

static void go_to_programs(void)
{
	wd_expect(agent_pin(0, "auto"));
}

/* From programs to the ruleset, a trouble there, and back. */
static void row_126_nothing_shows_where_rules_take_the_place_of_programs(void)
{
	expect_hidden(go_to_rules);
	go_by_route();
	(void)expect_no_leak(expect_hold_ms);
	expect_nothing_arrives_at(1);
	no_route();
	if (link_way->over == LINK_NATIVE) {
		(void)expect_mended(nothing);
		begin_talk(TALK_ALL);
	} else {
		/* rules take the tunnel's device for the wire, see README */
		expect_nothing_arrives(expect_hold_ms);
	}
	(void)expect_mended(go_to_programs);
}

/* ---- WireGuard's own state ---- */

static void remove_peer(void)
{
	struct wg_peer peer = link_peer(0);

	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &peer, WG_REMOVE));
}

static void put_peer_back(void)
{
	struct wg_peer peer = link_peer(0);

	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &peer, WG_SET));
}

/* Who asks is told what is now, not what was when WireGuard was last read. */
static void remove_peer_and_ask(void)
{
	wd_expect(!agent_finds(0, "no-peers", "wg0"));
	remove_peer();
	wd_expect(agent_finds(0, "no-peers", "wg0"));
}

static void row_123_nothing_shows_without_peers(void)
{
	expect_hidden(remove_peer_and_ask);
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(put_peer_back);
}

static void take_prefixes(void)
{
	struct wg_peer peer = link_peer(0);

	peer.prefix[0] = NULL;
	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &peer, WG_SET));
}

static void row_123_nothing_shows_without_prefixes(void)
{
	expect_hidden(take_prefixes);
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(put_peer_back);
}

/* Not put_peer_back(): in between, the kernel has none of a peer's prefixes. */
static void add_prefix(void)
{
	struct wg_peer peer = { .key = site_node[1].key,
				.prefix = { "198.18.0.0/15" } };

	wd_expect_int(0,
		      wg_peer(site_node[0].wg, "wg0", &peer, WG_ADD_PREFIXES));
}

static void row_125_nothing_is_lost_while_prefixes_are_added(void)
{
	expect_none_lost(add_prefix);
	put_peer_back();
}

/* Without the routes by it, the default route leads to the underlay. */
static void device_down(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 down"));
}

static void device_up(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 up"));
	wd_expect(link_route(0));
}

static void row_138_nothing_shows_while_the_device_is_down(void)
{
	expect_hidden(device_down);
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(device_up);
}

static void delete_device(void)
{
	wd_expect(wd_fx_run("ip -n na link del wg0"));
}

static void make_device(void)
{
	wd_expect(link_again(0));
}

static void row_138_nothing_shows_without_the_device(void)
{
	expect_hidden(delete_device);
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(make_device);
}

static void device_away(void)
{
	wd_expect(wd_fx_run("ip netns add away"));
	wd_expect(wd_fx_run("ip -n na link set wg0 netns away"));
}

static void device_back(void)
{
	wd_expect(wd_fx_run("ip -n away link set wg0 netns na"));
	wd_expect(wd_fx_run("ip netns del away"));
	device_up();
}

static void row_138_nothing_shows_while_the_device_is_elsewhere(void)
{
	expect_hidden(device_away);
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(device_back);
}

/* The kernel takes IPv6 off a device so small, and its routes with it. */
static void device_small(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 mtu 68"));
}

static void device_large(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 mtu 1420"));
	device_down();
	device_up();
}

static void row_138_nothing_shows_while_the_device_is_too_small(void)
{
	expect_hidden(device_small);
	(void)expect_mended(device_large);
}

/* One node's key after the other's, each second. */
static void change_keys(void)
{
	long begin = site_now_ms();
	int keys = is_short || is_flood ? KEYS_SHORT_S : KEYS_S;

	for (int i = 0; i < keys; i++) {
		long left = begin + (i + 1) * 1000L - site_now_ms();

		wd_expect(link_new_key(i % 2));
		(void)expect_no_leak(left > 0 ? (int)left : 0);
	}
	printf("# %d keys in %ld ms\n", keys, site_now_ms() - begin);
	wd_expect(objects_tell());
}

static void row_126_nothing_shows_while_keys_change(void)
{
	expect_hidden(change_keys);
	(void)expect_mended(nothing);
}

static int64_t drops_of_two(const char *one, const char *other)
{
	int64_t a = agents_drops(one), b = agents_drops(other);

	wd_expect(a >= 0);
	wd_expect(b >= 0);
	return a + b;
}

static int64_t drops_of_peers(void)
{
	return drops_of_two("WG_STATE", "TUN_BAD_PEER");
}

static int64_t drops_in_clear(void)
{
	return drops_of_two("PLAINTEXT_OUT", "PLAINTEXT_IN");
}

/*
 * WireGuard is read seldom while but counters run. A peer's new key is believed
 * soon after its node's object says so, all the same. WireGuard itself may need
 * longer to agree on it, so that all arrives again is waited for: what follows
 * is not to begin in between.
 */
static void row_126_a_new_key_is_known_soon_after_its_object(void)
{
	int64_t clear, peers;

	for (int n = 0; n < SITE_NODES; n++) {
		wd_test_row(site_node[n].name);
		begin_talk(TALK_UDP);
		(void)expect_no_leak(QUIET_MS);
		clear = drops_in_clear();
		wd_expect(link_new_key(n) && objects_tell());
		(void)expect_no_leak(KNOWN_MS);
		peers = drops_of_peers();
		(void)expect_no_leak(KNOWN_MS);
		(void)expect_mended(nothing);
		wd_expect_int(0, drops_of_peers() - peers);
		wd_expect_int(0, drops_in_clear() - clear);
	}
}

/* ---- a peer that does not listen ---- */

/* Node b has forgotten node a's key, and decrypts nothing of it any more. */
static void deafen(void)
{
	struct wg_peer peer = link_peer(1);

	wd_expect_int(0, wg_peer(site_node[1].wg, "wg0", &peer, WG_REMOVE));
}

static void make_hear(void)
{
	struct wg_peer peer = link_peer(1);

	wd_expect_int(0, wg_peer(site_node[1].wg, "wg0", &peer, WG_SET));
}

/* Return: ms until node a's agent says so, or no longer; -1 too long. */
static long wait_for_finding(bool want)
{
	long begin = site_now_ms(), ms;

	do {
		(void)expect_no_leak(expect_hold_ms);
		ms = site_now_ms() - begin;
		if (agent_finds(0, "stale-handshake", site_node[1].name) ==
		    want)
			return ms;
	} while (ms < SILENT_S * 1000L);
	return -1;
}

static void row_134_a_peer_that_decrypts_nothing_is_told_of(void)
{
	long ms;

	wd_expect(!agent_finds(0, "stale-handshake", site_node[1].name));
	expect_hidden(deafen);
	ms = wait_for_finding(true);
	if (!wd_expect(ms >= 0))
		agents_show();
	expect_nothing_arrives(expect_hold_ms);
	printf("# told after %ld ms\n", ms);
	(void)expect_mended(make_hear);
	wd_expect(wait_for_finding(false) >= 0);
}

/* ---- nodes ---- */

/* Node a has never heard of node b: no object, no peer, no route. */
static void not_joined(void)
{
	objects_hide(0, 1, true);
	remove_peer();
	wd_expect(link_unroute(0));
	wd_expect(objects_tell());
}

static void join(void)
{
	put_peer_back();
	wd_expect(link_route(0));
}

/* First its object, then its key and where it is: what is between shows nothing. */
static void row_117_a_node_that_joins(void)
{
	agents_opts.prefixes = true;
	start_again(0, SIGTERM);
	expect_hidden(not_joined);
	expect_nothing_arrives(expect_hold_ms);
	objects_hide(0, 1, false);
	wd_expect(objects_tell());
	expect_nothing_arrives(expect_hold_ms);
	(void)expect_mended(join);
	agents_opts.prefixes = false;
	start_again(0, SIGTERM);
}

/* Everything of the agent's is gone, and the key. */
static void boot(void)
{
	wd_expect(wd_fx_run("ip -n nb link set eth0 down"));
	wd_expect(agent_detach(1));
	wd_expect(wd_fx_run("ip -n nb link del wg0"));
	(void)expect_no_leak(expect_hold_ms);
	wd_expect(agent_start(1));
	wd_expect(agent_ready(1));
	wd_expect(wd_fx_run("ip -n nb link set eth0 up"));
	wd_expect(wd_fx_run("ip -n nb -6 addr replace %s/64 dev eth0 nodad",
			    site_node[1].ip[1]));
	wd_expect(wd_fx_run("ip -n nb route replace default via "
			    "192.168.77.254"));
	wd_expect(
		wd_fx_run("ip -n nb -6 route replace default via fd00:77::fe"));
}

static void boot_done(void)
{
	wd_expect(link_again(1));
}

static void row_132_a_node_that_comes_back_with_another_key(void)
{
	long ms;

	expect_hidden(boot);
	ms = expect_mended(boot_done);
	wd_expect(ms >= 0 && ms < BOOT_S * 1000L);
	printf("# talks again after %ld ms\n", ms);
}

/* ---- pods ---- */

static void delete_pod(void)
{
	objects_pod(0, false, 0);
	wd_expect(site_part_pod(0, 0));
	wd_expect(objects_tell());
}

static void pod_again(void)
{
	objects_pod(0, true, 0);
	wd_expect(site_join_pod(0, 0));
	wd_expect(objects_tell());
	wd_expect(watch_again(0));
}

/* What it has sent waits in the queue of the uplink, or of WireGuard. */
static void row_120_nothing_shows_of_a_pod_that_is_deleted(void)
{
	static const char *const queue[] = { "eth0", "wg0" };

	for (size_t i = 0; i < sizeof(queue) / sizeof(*queue); i++) {
		wd_test_row(queue[i]);
		if (!wd_fx_run("tc -n na qdisc add dev %s root netem delay "
			       "200ms",
			       queue[i]))
			printf("# no netem on %s\n", queue[i]);
		expect_hidden(delete_pod);
		stop_talk();
		(void)expect_no_leak(EXPECT_LATER_MS);
		(void)wd_fx_run("tc -n na qdisc del dev %s root", queue[i]);
		pod_again();
		begin_talk(TALK_ALL);
		(void)expect_mended(nothing);
	}
}

/*
 * The address of node a's pod goes to node b and comes back, in both orders;
 * WireGuard has it for another node than the objects say in between.
 */
static void row_131_nothing_shows_while_an_address_moves(void)
{
	wd_test_row("interface first");
	move_and_back(true);
	wd_test_row("WireGuard first");
	move_and_back(false);
	begin_talk(TALK_ALL);
	(void)expect_mended(nothing);
}

/* ---- what comes in ---- */

static void row_128_nothing_in_clear_comes_in_from_the_wire(void)
{
	struct plant_ends ends;
	struct seen seen;
	int64_t before = agents_drops("PLAINTEXT_IN");

	site_ends(0, SITE_POD, &ends);
	wd_expect(plant_from(NULL, "wild0", &ends, false, SITE_MARKER) > 0);
	expect_nothing_arrives(0);
	wd_expect(agents_drops("PLAINTEXT_IN") > before);

	site_ends(0, SITE_OPEN, &ends);
	wd_expect(plant_from(NULL, "wild0", &ends, false, SITE_OPEN_MARKER) >
		  0);
	wd_expect(watch(0, &seen));
	wd_expect(seen.arrived[1][SITE_OPEN] > 0);
}

/* Node b's key is good for more than its own pods. */
static void row_130_a_peer_that_sends_as_a_pod_of_this_node(void)
{
	const char *src[2] = { site_ip(0, SITE_OPEN, false),
			       site_ip(0, SITE_OPEN, true) };
	const char *dst[2] = { site_ip(0, SITE_POD, false),
			       site_ip(0, SITE_POD, true) };
	struct wg_peer wide = link_peer(0);
	struct stream_opts opts = { .any_source = true };
	int64_t before = agents_drops("TUN_BAD_PEER"), came = before;
	long until = site_now_ms() + EXPECT_MENDED_MS;
	struct talk forged;
	int at = 0;

	while (wide.prefix[at])
		at++;
	wide.prefix[at] = site_node[0].net[0];
	wide.prefix[at + 1] = site_node[0].net[1];
	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &wide, WG_SET));
	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	wd_expect(talk_begin(&forged, "nb", src, dst, TALK_ALL, &opts));
	while (site_now_ms() < until && came <= before) {
		expect_nothing_arrives(expect_hold_ms);
		came = agents_drops("TUN_BAD_PEER");
	}
	wd_expect(talk_end(&forged));
	wd_expect(forged.sent > 0);
	if (!wd_expect(came > before))
		agents_show();
	begin_talk(TALK_ALL);
	(void)expect_mended(put_peer_back);
}

/* ---- much of it ---- */

/* Before and behind each: pods talk and all arrives. */
static const struct {
	const char *name;
	void (*change)(void), (*mend)(void);
} troubles[] = {
	{ "nothing", nothing, nothing },
	{ "keys", change_keys, nothing },
	{ "peer", remove_peer, put_peer_back },
	{ "route", go_by_route, no_route },
	{ "agents", restart_agents, nothing },
	{ "default route", go_by_default, route_back },
	{ "device down", device_down, device_up },
	{ "rule", go_by_rule, no_rule },
	{ "device", delete_device, make_device },
	{ "programs", replace_programs, nothing },
	{ "prefixes", take_prefixes, put_peer_back },
};

#define TROUBLES (sizeof(troubles) / sizeof(*troubles))

/* One trouble after the other until so many packets were sent, or for so long. */
static void row_126_nothing_shows_in_a_flood(void)
{
	uint64_t want = (uint64_t)number_of("WD_WIRE_PACKETS", FLOOD_PACKETS);
	long begin = site_now_ms();
	long until = begin + number_of("WD_WIRE_SECONDS", FLOOD_S) * 1000;
	uint64_t seen = watch_total(), sent = talk_total();
	int rounds = 0;

	talk_rate = (unsigned int)number_of("WD_WIRE_FLOOD_RATE", FLOOD_RATE);
	while (talk_total() - sent < want && site_now_ms() < until) {
		size_t i = (size_t)rounds++ % TROUBLES;

		wd_test_row(troubles[i].name);
		printf("# %ld s: %s, %ju sent, %ju seen\n",
		       (site_now_ms() - begin) / 1000, troubles[i].name,
		       (uintmax_t)(talk_total() - sent),
		       (uintmax_t)(watch_total() - seen));
		(void)fflush(stdout);
		expect_hidden(troubles[i].change);
		(void)expect_no_leak(10 * expect_hold_ms);
		(void)expect_mended(troubles[i].mend);
	}
	talk_rate = TALK_RATE;
	sent = talk_total() - sent;
	wd_expect(sent >= want);
	printf("# %ju packets sent in %d troubles, %ju seen on the underlay\n",
	       (uintmax_t)sent, rounds, (uintmax_t)(watch_total() - seen));
}

/* ---- how it ends ---- */

static void kill_agents(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		agent_stop(n, SIGKILL);
}

static void row_126_nothing_shows_while_no_agent_runs(void)
{
	expect_hidden(kill_agents);
	delete_device();
	(void)expect_no_leak(expect_hold_ms);
	expect_nothing_arrives(expect_hold_ms);
	stop_talk();
	wd_expect(link_again(0));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(agent_start(n));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(agent_ready(n));
	begin_talk(TALK_ALL);
	(void)expect_mended(nothing);
}

static void row_140_all_of_it_was_really_sent(void)
{
	struct seen seen;

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(agent_detach(n));
	wd_expect(wd_fx_run("ip -n na link del wg0"));
	begin_talk(TALK_ALL);
	wd_expect(watch(expect_hold_ms, &seen));
	stop_talk();
	wd_expect(seen.leaks > 0);
	printf("# %ju packets sent, %ju seen on the underlay\n",
	       (uintmax_t)talk_total(), (uintmax_t)watch_total());
}

/* In which part a test is; of what it is, and whether the short form has it. */
enum {
	OF_AGENTS = 1, /* they start, end, learn */
	OF_WIRES = 2, /* all else: what leads around WireGuard, and its state */
	OF_ALL = OF_AGENTS | OF_WIRES,
	IN_SHORT = 4,
};

#define WIRE_TEST(fn, in) { #fn, fn, in }

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned int in;
} tests[] = {
	WIRE_TEST(row_127_traffic_arrives_sealed_once_agents_are_ready,
		  OF_ALL | IN_SHORT),
	WIRE_TEST(row_126_a_new_key_is_known_soon_after_its_object,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(pods_that_may_talk_in_clear_do_so_by_either_way,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_125_nothing_is_lost_while_agents_restart,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_125_nothing_is_lost_at_a_start_where_nodes_must_encrypt,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(ports_of_fou_and_l2tp_are_shut_to_pods, OF_AGENTS),
	WIRE_TEST(row_125_nothing_is_lost_while_programs_are_replaced,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_125_nothing_is_lost_while_programs_change_places,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_125_nothing_is_lost_while_prefixes_are_added,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_123_nothing_shows_without_peers, OF_WIRES | IN_SHORT),
	WIRE_TEST(row_138_nothing_shows_without_the_device,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_126_nothing_shows_while_keys_change, OF_WIRES | IN_SHORT),
	WIRE_TEST(row_131_nothing_shows_while_an_address_moves,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_134_a_peer_that_decrypts_nothing_is_told_of,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_117_a_node_that_joins, OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_132_a_node_that_comes_back_with_another_key,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_136_nothing_shows_by_a_longer_route, OF_WIRES | IN_SHORT),
	WIRE_TEST(row_136_nothing_shows_by_a_rule_in_front,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_136_nothing_shows_of_a_tunnel_without_its_rule,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_136_nothing_shows_of_rewritten_destinations,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_136_nothing_shows_by_another_routing_domain,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_126_nothing_shows_where_rules_take_the_place_of_programs,
		  OF_AGENTS | IN_SHORT),
	WIRE_TEST(row_128_nothing_in_clear_comes_in_from_the_wire,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_130_a_peer_that_sends_as_a_pod_of_this_node,
		  OF_WIRES | IN_SHORT),
	WIRE_TEST(row_123_nothing_shows_without_prefixes, OF_WIRES),
	WIRE_TEST(row_138_nothing_shows_while_the_device_is_down, OF_WIRES),
	WIRE_TEST(row_138_nothing_shows_while_the_device_is_elsewhere,
		  OF_WIRES),
	WIRE_TEST(row_138_nothing_shows_while_the_device_is_too_small,
		  OF_WIRES),
	WIRE_TEST(row_120_nothing_shows_of_a_pod_that_is_deleted, OF_WIRES),
	WIRE_TEST(row_129_marks_open_no_way, OF_WIRES),
	WIRE_TEST(row_136_nothing_shows_by_the_default_route, OF_WIRES),
	WIRE_TEST(row_119_nothing_shows_in_other_tunnels, OF_WIRES),
	WIRE_TEST(row_126_nothing_shows_while_no_agent_runs, OF_AGENTS),
};

static unsigned int part = OF_ALL;

static bool is_wanted(size_t i)
{
	const char *match = getenv("WD_WIRE_MATCH");

	return (tests[i].in & part) &&
	       (!is_short || (tests[i].in & IN_SHORT)) &&
	       (!match || strstr(tests[i].name, match));
}

static void test_each(void)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (is_wanted(i)) {
			drops_mark();
			wd_test_run(tests[i].name, tests[i].fn);
		}
}

static void run_tests(void)
{
	WD_TEST(the_sniffer_finds_each_planted_frame_by_its_addresses);
	WD_TEST(the_sniffer_finds_each_planted_frame_by_its_payload);
	WD_TEST(row_127_nothing_shows_once_agents_are_ready);
	if (!site_node[0].agent || !site_node[1].agent)
		return;
	if (!is_flood)
		test_each();
	if (is_flood)
		WD_TEST(row_126_nothing_shows_in_a_flood);
	WD_TEST(row_140_all_of_it_was_really_sent);
}

static bool take_word(char *word)
{
	is_short = is_short || !strcmp(word, "short");
	is_flood = is_flood || !strcmp(word, "flood");
	if (!strcmp(word, "none"))
		agents_opts.encryption = "none";
	else if (!strcmp(word, "agents"))
		part = OF_AGENTS;
	else if (!strcmp(word, "wires"))
		part = OF_WIRES;
	else if (strchr(word, '='))
		return !putenv(word);
	else if (strcmp(word, "short") && strcmp(word, "flood"))
		return link_find(word);
	return true;
}

int main(int argc, char **argv)
{
	bool ok = argc >= 2;

	for (int i = 2; i < argc; i++)
		ok = take_word(argv[i]) && ok;
	if (!ok) {
		fprintf(stderr, "usage: wire_guest WARDER [short|flood] "
				"[agents|wires] [none] [WAY] "
				"[NAME=VALUE]...\n");
		return 2;
	}
	agents_opts.warder = argv[1];
	expect_hold_ms = (int)number_of(
		"WD_WIRE_HOLD_MS", is_short ? EXPECT_SHORT_MS : expect_hold_ms);
	(void)signal(SIGPIPE, SIG_IGN);
	wd_fx_enter();
	if (!site_new() || !link_new() || !objects_new() || !watch_new()) {
		printf("Bail out! no nodes: %s\n", strerror(errno));
		return 1;
	}
	run_tests();
	return wd_tests_end();
}
