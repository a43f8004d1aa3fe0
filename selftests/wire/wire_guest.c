// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_guest.c - WireGuard of a real kernel: what passes, and what never shows.
 *
 *	wire_guest WARDER [short] [none]
 *
 * Two nodes with an agent each that requires encryption. Pods talk to each other
 * through WireGuard all the time, and one thing after the other is done to it.
 * A sniffer on the underlay must not see one packet of theirs, and every planted
 * one; where WireGuard works, all of it arrives. With `none` encryption is not
 * required: for a person who wants to see these tests fail.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/fixture.h"
#include "talk.h"
#include "tap.h"

#define HOLD_MS 1000
#define SHORT_MS 400
#define UNDER_WAY_MS 500 /* what was sent may still come */
#define MENDED_MS 30000
#define RESTARTS 3
#define KEYS 4

static bool is_short;
static struct talk talk[SITE_NODES]; /* between the pods */

static int hold_ms(void)
{
	const char *text = getenv("WD_WIRE_HOLD_MS");

	if (text)
		return (int)strtol(text, NULL, 10);
	return is_short ? SHORT_MS : HOLD_MS;
}

/* ---- parts of tests ---- */

static void begin_talk(enum talk_kind kind)
{
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(talk_pods(&talk[n], n, SITE_POD, kind));
}

/* Return: how many each node's pod has sent. */
static void end_talk(uint64_t ret_sent[SITE_NODES])
{
	for (int n = 0; n < SITE_NODES; n++) {
		wd_expect(talk_end(&talk[n]));
		ret_sent[n] = talk[n].sent;
		wd_expect(talk[n].sent > 0);
	}
}

static void stop_talk(void)
{
	uint64_t sent[SITE_NODES];

	end_talk(sent);
}

/* For a while: nothing in clear. */
static struct seen expect_no_leak(int ms)
{
	struct seen seen;

	wd_expect(watch(ms, &seen));
	wd_expect_int(0, (long long)seen.leaks);
	return seen;
}

static void expect_nothing_arrives(int ms)
{
	struct seen seen = expect_no_leak(ms);

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect_int(0, (long long)seen.arrived[n][SITE_POD]);
}

static bool expect_all_arrives(int ms)
{
	struct seen seen = expect_no_leak(ms);
	bool ok = wd_expect(seen.sealed > 0);

	for (int n = 0; n < SITE_NODES; n++)
		ok = wd_expect(seen.arrived[n][SITE_POD] > 0) && ok;
	return ok;
}

/* While pods talk, @change happens; nothing shows, then or later. */
static void expect_hidden(void (*change)(void))
{
	struct seen seen;

	begin_talk(TALK_ALL);
	wd_expect(watch(hold_ms() / 2, &seen));
	wd_expect_int(0, (long long)seen.leaks);
	change();
	(void)expect_no_leak(hold_ms());
}

/* WireGuard tries again each 5 s where the other end did not answer. */
static bool comes_back(void)
{
	for (int ms = 0; ms < MENDED_MS; ms += hold_ms()) {
		struct seen seen = expect_no_leak(hold_ms());

		if (seen.arrived[0][SITE_POD] && seen.arrived[1][SITE_POD])
			return true;
	}
	return false;
}

/* Then it is mended; traffic comes back, and all of it is sealed. */
static void expect_mended(void (*mend)(void))
{
	mend();
	if (!wd_expect(comes_back()) || !expect_all_arrives(hold_ms()))
		site_show();
	stop_talk();
	(void)expect_no_leak(UNDER_WAY_MS);
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

static void row_127_traffic_arrives_sealed_once_agents_are_ready(void)
{
	wd_expect(site_start(0));
	wd_expect(site_start(1));
	if (!wd_expect(site_ready(0)) || !wd_expect(site_ready(1)))
		return;
	begin_talk(TALK_ALL);
	(void)expect_no_leak(hold_ms());
	if (!expect_all_arrives(hold_ms()))
		site_show();
	stop_talk();
	(void)expect_no_leak(UNDER_WAY_MS);
}

static void pods_that_may_talk_in_clear_do_so_by_either_way(void)
{
	struct talk open[SITE_NODES];
	struct seen seen;

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(talk_pods(&open[n], n, SITE_OPEN, TALK_UDP));
	wd_expect(watch(hold_ms(), &seen));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(talk_end(&open[n]));
	wd_expect_int(0, (long long)seen.leaks);
	wd_expect(seen.arrived[0][SITE_OPEN] > 0);
	wd_expect(seen.arrived[1][SITE_OPEN] > 0);
	(void)expect_no_leak(UNDER_WAY_MS);
}

/*
 * Packets that the kernel threw away as its processor was too far behind: an
 * emulated machine that has to wait for others. Column 2, of all processors.
 */
static uint64_t backlog_drops(void)
{
	FILE *f = fopen("/proc/net/softnet_stat", "re");
	char line[256], *at;
	uint64_t sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		(void)strtoul(line, &at, 16);
		sum += strtoul(at, NULL, 16);
	}
	if (f)
		(void)fclose(f);
	return sum;
}

/* All that each pod sends arrives at the other. */
static void expect_none_lost(void (*change)(void))
{
	uint64_t sent[SITE_NODES], came[SITE_NODES] = { 0 };
	uint64_t behind = backlog_drops(), lost;
	struct seen seen;

	begin_talk(TALK_UDP);
	change();
	for (int last = 0; last < 2; last++) {
		seen = expect_no_leak(last ? UNDER_WAY_MS : hold_ms());
		for (int n = 0; n < SITE_NODES; n++)
			came[n] += seen.arrived[n][SITE_POD];
		if (!last)
			end_talk(sent);
	}
	behind = backlog_drops() - behind;
	for (int n = 0; n < SITE_NODES; n++) {
		wd_expect_int(0, (long long)talk[n].refused);
		lost = sent[n] - came[!n];
		if (!wd_expect(lost <= behind))
			site_show();
		printf("# %ju sent, %ju lost, %ju by the kernel's own queue\n",
		       (uintmax_t)sent[n], (uintmax_t)lost, (uintmax_t)behind);
	}
}

static void restart_agents(void)
{
	for (int i = 0; i < (is_short ? 1 : RESTARTS); i++) {
		site_stop(i % 2, i % 3 ? SIGTERM : SIGKILL);
		usleep(100000);
		wd_expect(site_start(i % 2));
		wd_expect(site_ready(i % 2));
	}
}

static void row_125_nothing_is_lost_while_agents_restart(void)
{
	expect_none_lost(restart_agents);
}

/* ---- WireGuard's own state ---- */

static struct wg_peer peer_of_a;

static void remove_peer(void)
{
	peer_of_a = site_peer(0);
	wd_expect_int(0,
		      wg_peer(site_node[0].wg, "wg0", &peer_of_a, WG_REMOVE));
}

static void put_peer_back(void)
{
	peer_of_a = site_peer(0);
	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &peer_of_a, WG_SET));
}

static void row_123_nothing_shows_without_peers(void)
{
	expect_hidden(remove_peer);
	expect_nothing_arrives(hold_ms());
	expect_mended(put_peer_back);
}

static void take_prefixes(void)
{
	peer_of_a = site_peer(0);
	peer_of_a.prefix[0] = NULL;
	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &peer_of_a, WG_SET));
}

static void row_123_nothing_shows_without_prefixes(void)
{
	expect_hidden(take_prefixes);
	expect_nothing_arrives(hold_ms());
	expect_mended(put_peer_back);
}

/* Without the routes by it, the default route leads to the underlay. */
static void device_down(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 down"));
}

static void device_up(void)
{
	wd_expect(wd_fx_run("ip -n na link set wg0 up"));
	wd_expect(wd_fx_run("ip -n na route replace 10.2.0.0/24 dev wg0"));
	wd_expect(
		wd_fx_run("ip -n na -6 route replace fd00:10:2::/64 dev wg0"));
}

static void row_138_nothing_shows_while_the_device_is_down(void)
{
	expect_hidden(device_down);
	expect_nothing_arrives(hold_ms());
	expect_mended(device_up);
}

static void delete_device(void)
{
	wd_expect(wd_fx_run("ip -n na link del wg0"));
}

static void make_device(void)
{
	wd_expect(site_link(0));
}

static void row_138_nothing_shows_without_the_device(void)
{
	expect_hidden(delete_device);
	expect_nothing_arrives(hold_ms());
	expect_mended(make_device);
}

static void change_keys(void)
{
	struct seen seen;

	for (int i = 0; i < (is_short ? 2 : KEYS); i++) {
		wd_expect(site_new_key(i % 2));
		wd_expect(watch(hold_ms() / 2, &seen));
		wd_expect_int(0, (long long)seen.leaks);
	}
}

static void nothing(void)
{
}

static void row_126_nothing_shows_while_keys_change(void)
{
	expect_hidden(change_keys);
	expect_mended(nothing);
}

static void row_125_nothing_is_lost_while_prefixes_are_added(void)
{
	expect_none_lost(put_peer_back);
}

/* ---- pods ---- */

static void delete_pod(void)
{
	wd_expect(site_forget_pod(0));
}

static void pod_again(void)
{
	wd_expect(site_add_pod(0));
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
		for (int n = 0; n < SITE_NODES; n++)
			(void)talk_end(&talk[n]);
		(void)expect_no_leak(UNDER_WAY_MS);
		(void)wd_fx_run("tc -n na qdisc del dev %s root", queue[i]);
		pod_again();
		begin_talk(TALK_ALL);
		expect_mended(nothing);
	}
}

/* ---- ways around ---- */

static void unroute(void)
{
	wd_expect(wd_fx_run("ip -n na route del 10.2.0.10/32"));
	wd_expect(wd_fx_run("ip -n na -6 route del fd00:10:2::a/128"));
}

static void route_by_uplink(void)
{
	wd_expect(wd_fx_run("ip -n na route replace 10.2.0.10/32 via "
			    "192.168.77.2"));
	wd_expect(wd_fx_run("ip -n na -6 route replace fd00:10:2::a/128 via "
			    "fd00:77::2"));
}

static void row_136_nothing_shows_by_a_longer_route(void)
{
	expect_hidden(route_by_uplink);
	expect_mended(unroute);
}

static void rules_by_mark(bool add)
{
	static const char *const family[] = { "", "-6" };

	for (int i = 0; i < 2; i++)
		wd_expect(wd_fx_run("ip -n na %s rule %s priority 5 fwmark "
				    "0x99 table 100",
				    family[i], add ? "add" : "del"));
	if (!add)
		return;
	wd_expect(wd_fx_run("ip -n na route replace default via 192.168.77.2 "
			    "table 100"));
	wd_expect(wd_fx_run("ip -n na -6 route replace default via fd00:77::2 "
			    "table 100"));
}

/* Processes of the node send with marks, with its address and with the pod's. */
static void expect_forged_hidden(uint32_t mark)
{
	const char *dst[2] = { site_ip(1, SITE_POD, false),
			       site_ip(1, SITE_POD, true) };
	const char *pod[2] = { site_ip(0, SITE_POD, false),
			       site_ip(0, SITE_POD, true) };
	const char *node[2] = { site_node[0].ip[0], site_node[0].ip[1] };
	struct stream_opts opts = { .so_mark = mark };
	struct talk one, other;

	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	wd_expect(talk_begin(&one, "na", node, dst, TALK_ALL, &opts));
	opts.any_source = true;
	wd_expect(talk_begin(&other, "na", pod, dst, TALK_ALL, &opts));
	(void)expect_no_leak(hold_ms());
	wd_expect(talk_end(&one));
	wd_expect(talk_end(&other));
	wd_expect(one.sent + one.refused > 0);
	wd_expect(other.sent + other.refused > 0);
	(void)expect_no_leak(UNDER_WAY_MS);
}

static void row_129_marks_open_no_way(void)
{
	static const uint32_t marks[] = { 0x99, 0xe00, 0xca6c };

	rules_by_mark(true);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		expect_forged_hidden(marks[i]);
	rules_by_mark(false);
}

/* Devices that would carry a pod's packets in a tunnel of their own, in clear. */
static const struct {
	const char *name;
	const char *add[SITE_NODES]; /* behind `ip -n NODE link add t0 type` */
	bool ether, v4, v6; /* has addresses of Ethernet; what it carries */
} around[] = {
	{ "vxlan",
	  { "vxlan id 9 local 192.168.77.1 remote 192.168.77.2 dstport 4789",
	    "vxlan id 9 local 192.168.77.2 remote 192.168.77.1 dstport 4789" },
	  true,
	  true,
	  true },
	{ "vxlan over IPv6",
	  { "vxlan id 9 local fd00:77::1 remote fd00:77::2 dstport 8472",
	    "vxlan id 9 local fd00:77::2 remote fd00:77::1 dstport 8472" },
	  true,
	  true,
	  true },
	{ "geneve",
	  { "geneve id 9 remote 192.168.77.2",
	    "geneve id 9 remote 192.168.77.1" },
	  true,
	  true,
	  true },
	{ "gre",
	  { "gre local 192.168.77.1 remote 192.168.77.2",
	    "gre local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  true,
	  true },
	{ "ip6gre",
	  { "ip6gre local fd00:77::1 remote fd00:77::2",
	    "ip6gre local fd00:77::2 remote fd00:77::1" },
	  false,
	  true,
	  true },
	{ "ipip",
	  { "ipip local 192.168.77.1 remote 192.168.77.2",
	    "ipip local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  true,
	  false },
	{ "sit",
	  { "sit local 192.168.77.1 remote 192.168.77.2",
	    "sit local 192.168.77.2 remote 192.168.77.1" },
	  false,
	  false,
	  true },
	{ "vlan",
	  { "vlan id 5 link eth0", "vlan id 5 link eth0" },
	  true,
	  true,
	  true },
};

#define AROUND (sizeof(around) / sizeof(*around))

static bool add_device(size_t i)
{
	for (int n = 0; n < SITE_NODES; n++) {
		const char *node = site_node[n].name;
		bool vlan = !strncmp(around[i].add[n], "vlan", 4);

		if (!(vlan ? wd_fx_run("ip -n %s link add link eth0 name t0 "
				       "type vlan id 5",
				       node) :
			     wd_fx_run("ip -n %s link add t0 type %s", node,
				       around[i].add[n])))
			return false;
		if (around[i].ether &&
		    !wd_fx_run(
			    "ip -n %s link set t0 address 02:00:00:00:09:%02d",
			    node, n + 1))
			return false;
		if (!wd_fx_run("ip -n %s link set t0 up", node))
			return false;
	}
	return true;
}

/* Of both nodes: pods of the other one by it. */
static void route_by_device(size_t i)
{
	for (int n = 0; n < SITE_NODES; n++)
		for (int v6 = 0; v6 < 2; v6++) {
			const char *node = site_node[n].name;
			const char *ip = site_ip(!n, SITE_POD, v6);

			if (!(v6 ? around[i].v6 : around[i].v4))
				continue;
			wd_expect(wd_fx_run("ip -n %s route replace %s dev t0",
					    node, ip));
			if (around[i].ether)
				wd_expect(wd_fx_run(
					"ip -n %s neigh replace %s lladdr "
					"02:00:00:00:09:%02d dev t0",
					node, ip, 2 - n));
		}
}

static size_t device; /* of around[] */

static void go_around(void)
{
	wd_expect(add_device(device));
	route_by_device(device);
}

static void come_back(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(wd_fx_run("ip -n %s link del t0", site_node[n].name));
}

static void row_119_nothing_shows_in_other_tunnels(void)
{
	for (device = 0; device < AROUND; device++) {
		wd_test_row(around[device].name);
		expect_hidden(go_around);
		expect_mended(come_back);
	}
}

/* ---- what comes in ---- */

static void row_128_nothing_in_clear_comes_in_from_the_wire(void)
{
	struct plant_ends ends;
	struct seen seen;
	int64_t before = site_drops("PLAINTEXT_IN");

	site_ends(0, SITE_POD, &ends);
	wd_expect(plant_from(NULL, "wild0", &ends, false, SITE_MARKER) > 0);
	expect_nothing_arrives(0);
	wd_expect(site_drops("PLAINTEXT_IN") > before);

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
	struct wg_peer wide = site_peer(0);
	struct stream_opts opts = { .any_source = true };
	int64_t before = site_drops("TUN_BAD_PEER"), came = before;
	struct talk forged;

	wide.prefix[2] = site_node[0].net[0];
	wide.prefix[3] = site_node[0].net[1];
	wd_expect_int(0, wg_peer(site_node[0].wg, "wg0", &wide, WG_SET));
	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	wd_expect(talk_begin(&forged, "nb", src, dst, TALK_ALL, &opts));
	for (int ms = 0; ms < MENDED_MS && came <= before; ms += hold_ms()) {
		expect_nothing_arrives(hold_ms());
		came = site_drops("TUN_BAD_PEER");
	}
	wd_expect(talk_end(&forged));
	wd_expect(forged.sent > 0);
	if (!wd_expect(came > before))
		site_show();
	begin_talk(TALK_ALL);
	expect_mended(put_peer_back);
}

/* ---- how it ends ---- */

static void kill_agents(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		site_stop(n, SIGKILL);
}

static void row_126_nothing_shows_while_no_agent_runs(void)
{
	expect_hidden(kill_agents);
	delete_device();
	(void)expect_no_leak(hold_ms());
	expect_nothing_arrives(hold_ms());
	stop_talk();
	wd_expect(site_link(0));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(site_start(n));
	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(site_ready(n));
	begin_talk(TALK_ALL);
	expect_mended(nothing);
}

static void row_140_all_of_it_was_really_sent(void)
{
	struct seen seen;

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect(wd_fx_run(
			"%s stop --detach --run-dir " WD_FX_ROOT
			"/%s/run --bpffs " WD_FX_ROOT "/%s/bpf/warder",
			site_warder, site_node[n].name, site_node[n].name));
	wd_expect(wd_fx_run("ip -n na link del wg0"));
	begin_talk(TALK_ALL);
	wd_expect(watch(hold_ms(), &seen));
	stop_talk();
	wd_expect(seen.leaks > 0);
	printf("# %ju packets seen on the underlay\n",
	       (uintmax_t)watch_total());
}

static void test_the_rest(void)
{
	WD_TEST(row_123_nothing_shows_without_prefixes);
	WD_TEST(row_138_nothing_shows_while_the_device_is_down);
	WD_TEST(row_120_nothing_shows_of_a_pod_that_is_deleted);
	WD_TEST(row_129_marks_open_no_way);
	WD_TEST(row_119_nothing_shows_in_other_tunnels);
	WD_TEST(row_126_nothing_shows_while_no_agent_runs);
}

static void run_tests(void)
{
	WD_TEST(the_sniffer_finds_each_planted_frame_by_its_addresses);
	WD_TEST(the_sniffer_finds_each_planted_frame_by_its_payload);
	WD_TEST(row_127_traffic_arrives_sealed_once_agents_are_ready);
	if (!site_node[0].agent || !site_node[1].agent)
		return;
	WD_TEST(pods_that_may_talk_in_clear_do_so_by_either_way);
	WD_TEST(row_125_nothing_is_lost_while_agents_restart);
	WD_TEST(row_125_nothing_is_lost_while_prefixes_are_added);
	WD_TEST(row_123_nothing_shows_without_peers);
	WD_TEST(row_138_nothing_shows_without_the_device);
	WD_TEST(row_126_nothing_shows_while_keys_change);
	WD_TEST(row_136_nothing_shows_by_a_longer_route);
	WD_TEST(row_128_nothing_in_clear_comes_in_from_the_wire);
	WD_TEST(row_130_a_peer_that_sends_as_a_pod_of_this_node);
	if (!is_short)
		test_the_rest();
	WD_TEST(row_140_all_of_it_was_really_sent);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: wire_guest WARDER [short] [none]\n");
		return 2;
	}
	site_warder = argv[1];
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "short"))
			is_short = true;
		else
			site_encryption = argv[i];
	(void)signal(SIGPIPE, SIG_IGN);
	wd_fx_enter();
	if (!site_new() || !watch_new()) {
		printf("Bail out! no nodes: %s\n", strerror(errno));
		return 1;
	}
	run_tests();
	return wd_tests_end();
}
