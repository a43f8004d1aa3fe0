/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_nft_frames.c - frames that no stack sends, or may not send: what the
 * programs drop the ruleset must not let pass, out of a pod or to it.
 *
 *	test_nft_frames [--seed N] [--frames N]
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/byteorder.h"
#include "mangle.h"
#include "node.h"
#include "oracle/dump.h"
#include "simple.h"
#include "tap.h"
#include "twin.h"

#define HOST4 "198.51.100.1"

static uint64_t seed;
static uint64_t wanted = 1500;
static struct node node;
static uint64_t same, stricter, both[2];
static uint64_t by_reason[WD_R__MAX];

static const uint8_t pod_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t far_mac[6] = { 2, 0, 0, 0, 0xff, 1 };

static bool set_up(void)
{
	struct wd_endpoint_val ep;
	uint32_t dev;

	if (!wd_expect(node_open(&node)))
		return false;
	dev = node.ifindex[0];
	simple_begin(node.mem);
	simple_slot(node.mem, 1, WD_INGRESS, false, 0);
	simple_slot(node.mem, 1, WD_EGRESS, false, 0);
	simple_pod(node.mem, dev, 1, "10.1.0.1", "fd00:1::1", pod_mac, 0);
	if (wd_memory_get(node.mem, WD_MAP_wd_endpoint, &dev, &ep))
		return false;
	inet_pton(AF_INET6, "fe80::1:1", ep.ll6);
	(void)wd_memory_set(node.mem, WD_MAP_wd_endpoint, &dev, &ep);
	simple_addr(node.mem, "10.1.0.1", 0, WD_ADDR_POD | WD_ADDR_LOCAL, dev);
	simple_addr(node.mem, "fd00:1::1", 0, WD_ADDR_POD | WD_ADDR_LOCAL, dev);
	simple_addr(node.mem, HOST4, 0, WD_ADDR_HOST, 0);
	/* half of the peers are nodes */
	for (int i = 0; i < 128; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "198.18.0.%d", i);
		simple_addr(node.mem, text, 0, WD_ADDR_NODE, 0);
		(void)snprintf(text, sizeof(text), "fd00:2::%x", i);
		simple_addr(node.mem, text, 0, WD_ADDR_NODE, 0);
	}
	node_ip(&node,
		"route replace 10.1.0.1 dev d0\nroute replace fd00:1::1 dev d0\n"
		"neigh replace 10.1.0.1 lladdr 02:00:00:00:00:01 nud permanent dev d0\n"
		"neigh replace fd00:1::1 lladdr 02:00:00:00:00:01 nud permanent dev d0\n");
	return wd_expect_int(0, wd_nft_attach(node.nft, dev, NULL)) &&
	       wd_expect_int(0, wd_nft_sync(node.nft, NULL));
}

/* The pod, and a peer of its own for each frame. */
static struct mangle_ends ends_of(enum wd_dir dir, uint32_t nr)
{
	struct mangle_ends e = { 0 };
	uint8_t pod4[4] = { 10, 1, 0, 1 }, pod6[16], peer6[16];
	uint8_t peer4[4] = { 198, 18, (uint8_t)(nr >> 8), (uint8_t)nr };
	int at = dir == WD_EGRESS ? 0 : NODE_UPLINK;

	inet_pton(AF_INET6, "fd00:1::1", pod6);
	inet_pton(AF_INET6, "fd00:2::", peer6);
	peer6[14] = peer4[2];
	peer6[15] = peer4[3];
	inet_pton(AF_INET6, "fe80::1:1", e.link6);
	memcpy(e.dst_mac, node.mac[at], 6);
	memcpy(e.src_mac, dir == WD_EGRESS ? pod_mac : far_mac, 6);
	memcpy(e.src4, dir == WD_EGRESS ? pod4 : peer4, 4);
	memcpy(e.dst4, dir == WD_EGRESS ? peer4 : pod4, 4);
	memcpy(e.src6, dir == WD_EGRESS ? pod6 : peer6, 16);
	memcpy(e.dst6, dir == WD_EGRESS ? peer6 : pod6, 16);
	return e;
}

static void print_frame(const uint8_t *frame, size_t len)
{
	printf("# ");
	for (size_t i = 0; i < len; i++)
		printf("%02x%s", frame[i], i == 13 ? " " : "");
	printf("\n");
}

/* Where a frame is judged as it came, and was forwarded as it is. */
static bool compare(enum wd_dir dir, const char *kind, const uint8_t *frame,
		    size_t len, int program, const struct verdict *nft)
{
	bool passes = nft->reason >= 0 && nft->reason < WD_R_FIRST_DROP;
	bool allowed = program >= 0 && program < WD_R_FIRST_DROP;

	if (passes && !allowed) {
		wd_expect_str("dropped", "passed");
		printf("# %s frame %s the pod: program %s, ruleset %s; seed %llu\n",
		       kind, dir == WD_EGRESS ? "from" : "to",
		       wd_dump_reason(program), wd_dump_reason(nft->reason),
		       (unsigned long long)seed);
		print_frame(frame, len);
		return false;
	}
	both[passes]++;
	same += passes == allowed;
	stricter += passes != allowed;
	if (nft->reason >= 0)
		by_reason[nft->reason]++;
	return true;
}

static bool send_frame(struct twin *twin, enum wd_dir dir, const char *kind,
		       uint8_t *frame, size_t len)
{
	uint32_t dev = node.ifindex[0], iif = node.ifindex[NODE_UPLINK];
	int at = dir == WD_EGRESS ? 0 : NODE_UPLINK, program;
	struct verdicts got;

	(void)node_arrived(&node, -1);
	node_inject(&node, at, frame, len);
	got = node_verdicts(&node, dir);
	/* the counters say so, and nothing came out; to others it may go on */
	if (got.at[dir].reason < 0 || got.at[dir].reason >= WD_R_FIRST_DROP) {
		if (!wd_expect_int(0,
				   node_arrived(&node,
						dir == WD_EGRESS ? -1 : 0))) {
			printf("# %s frame, counted as %s, seed %llu\n", kind,
			       wd_dump_reason(got.at[dir].reason),
			       (unsigned long long)seed);
			print_frame(frame, len);
			return false;
		}
	}
	/* routed: what the pod would get comes from the node's own device */
	if (dir == WD_INGRESS) {
		memcpy(frame, pod_mac, 6);
		memcpy(frame + 6, node.mac[0], 6);
	}
	program = twin_ask(twin, dev, dir, iif, frame, len);
	return compare(dir, kind, frame, len, program, &got.at[dir]);
}

static bool send_one(struct twin *twin, uint64_t *rng, enum wd_dir dir,
		     uint32_t nr)
{
	struct mangle_ends ends = ends_of(dir, nr);
	uint8_t frame[MANGLE_MAX];
	const char *kind;
	size_t len = mangle_frame(rng, &ends, frame, &kind);

	if (len < 14)
		return true;
	/* the kernel takes tags off before it routes */
	if (dir == WD_INGRESS && strcmp(kind, "vlan") == 0)
		return true;
	return send_frame(twin, dir, kind, frame, len);
}

static void run(enum wd_dir dir)
{
	uint64_t rng = seed * 2 + dir;
	struct twin *twin;
	uint32_t nr = 0;

	if (!set_up())
		return;
	twin = twin_open(node.mem);
	same = stricter = both[0] = both[1] = 0;
	memset(by_reason, 0, sizeof(by_reason));
	node_forget(&node);
	while (wd_expect(twin) && nr < wanted && send_one(twin, &rng, dir, nr))
		nr++;
	printf("# %u frames: %llu the same, %llu stricter; %llu passed\n", nr,
	       (unsigned long long)same, (unsigned long long)stricter,
	       (unsigned long long)both[1]);
	for (int i = 0; i < WD_R__MAX; i++)
		if (by_reason[i])
			printf("#   %s %llu\n", wd_dump_reason(i),
			       (unsigned long long)by_reason[i]);
	/* or nothing was tested */
	wd_expect(both[1] * 20 > nr);
	twin_close(twin);
	node_close(&node);
}

static void nothing_leaves_a_pod_that_programs_drop(void)
{
	run(WD_EGRESS);
}

static void nothing_gets_to_a_pod_that_programs_drop(void)
{
	run(WD_INGRESS);
}

/* ---- what was found once ---- */

#define OWN_PORT 40000 /* above those a socket asks from */

/* More tunnels than are told of, and one above all the others by its number. */
static void take_tunnels(void)
{
	struct wd_state_val *state =
		wd_memory_window(node.mem, WD_MAP_wd_state);

	state->tunnel[0] = (struct wd_tunnel_port){ .port = wd_be16(OWN_PORT),
						    .kind = WD_TUNNEL_OTHER };
	state->tunnel[WD_TUNNEL_PORTS - 1].kind = WD_TUNNEL_ANY;
	wd_expect_int(0, wd_nft_sync(node.nft, NULL));
}

/* UDP of a node to the pod. @frag: the word with the flags, host byte order. */
static size_t udp_to_pod(uint8_t frame[MANGLE_MAX], uint32_t nr, uint16_t sport,
			 uint16_t frag)
{
	struct mangle_ends ends = ends_of(WD_INGRESS, nr);
	const uint8_t head[28] = {
		0x45,	   [3] = 28, [6] = frag >> 8,	[7] = frag & 0xff,
		[8] = 64,  [9] = 17, [20] = sport >> 8, [21] = sport & 0xff,
		[23] = 53, [25] = 8
	};
	uint8_t *ip = frame + 14;
	uint32_t sum = 0;

	memcpy(frame, ends.dst_mac, 6);
	memcpy(frame + 6, ends.src_mac, 6);
	frame[12] = 8;
	frame[13] = 0;
	memcpy(ip, head, sizeof(head));
	memcpy(ip + 12, ends.src4, 4);
	memcpy(ip + 16, ends.dst4, 4);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
	return 14 + sizeof(head);
}

static void what_was_found_once_does_not_get_to_a_pod(void)
{
	static const struct {
		const char *name;
		uint16_t sport, frag;
		uint64_t passes;
	} rows[] = {
		{ "nothing wrong", OWN_PORT + 1, 0, 1 },
		{ "reserved bit of IPv4", OWN_PORT + 1, 0x8000, 0 },
		{ "from a tunnel's own high port", OWN_PORT, 0, 0 },
		{ "from any low port, where tunnels are too many", 777, 0, 0 },
	};
	struct twin *twin;

	if (!set_up())
		return;
	take_tunnels();
	twin = twin_open(node.mem);
	node_forget(&node);
	for (uint32_t i = 0;
	     wd_expect(twin) && i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t frame[MANGLE_MAX];
		size_t len = udp_to_pod(frame, i, rows[i].sport, rows[i].frag);

		wd_test_row(rows[i].name);
		both[1] = 0;
		(void)send_frame(twin, WD_INGRESS, rows[i].name, frame, len);
		wd_expect_int(rows[i].passes, both[1]);
	}
	wd_test_row(NULL);
	twin_close(twin);
	node_close(&node);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "frames", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	struct timespec now;
	int opt;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (getenv("WD_LONG"))
		wanted = 60000;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'f')
			wanted = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	WD_TEST(what_was_found_once_does_not_get_to_a_pod);
	WD_TEST(nothing_leaves_a_pod_that_programs_drop);
	WD_TEST(nothing_gets_to_a_pod_that_programs_drop);
	return wd_tests_end();
}
