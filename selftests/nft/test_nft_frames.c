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

static bool send_one(struct twin *twin, uint64_t *rng, enum wd_dir dir,
		     uint32_t nr)
{
	struct mangle_ends ends = ends_of(dir, nr);
	uint32_t dev = node.ifindex[0], iif = node.ifindex[NODE_UPLINK];
	int at = dir == WD_EGRESS ? 0 : NODE_UPLINK, program;
	uint8_t frame[MANGLE_MAX];
	struct verdicts got;
	const char *kind;
	size_t len = mangle_frame(rng, &ends, frame, &kind);

	if (len < 14)
		return true;
	/* the kernel takes tags off before it routes */
	if (dir == WD_INGRESS && strcmp(kind, "vlan") == 0)
		return true;
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
	WD_TEST(nothing_leaves_a_pod_that_programs_drop);
	WD_TEST(nothing_gets_to_a_pod_that_programs_drop);
	return wd_tests_end();
}
