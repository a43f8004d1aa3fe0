/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wg_check.c - every way in which WireGuard is not what the cluster needs
 * has its name, and whose prefixes are is never guessed. Each row changes one
 * thing of a world in which nothing is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wireguard/check.h"

#include "../tap.h"

#define NODES 3
#define NOW 1700000000
#define UP 5000 /* seconds since boot */

/* This node is a, with device wg0; its peers are b and c. */
struct world {
	struct wd_wg_cluster cluster;
	struct wd_wg_node node[NODES + 1];
	struct wd_cidr cidr[NODES];
	struct wd_wg_pod pod[4];
	struct wd_wg_state state;
	struct wd_wg_device device[2];
	struct wd_wg_peer peer[NODES]; /* of b, c, and a spare one */
	struct wd_cidr prefix[NODES][2];
	struct wd_wg_peer other[1]; /* of the second device */
	struct wd_cidr other_prefix[1];
	bool unreadable;
};

static void key_of(struct wd_wgkey *key, uint8_t byte)
{
	memset(key, byte, sizeof(*key));
}

static void cidr(struct wd_cidr *to, const char *text)
{
	if (wd_cidr_parse(text, to))
		abort();
}

static void put_pod(struct wd_wg_pod *pod, const char *addr, uint32_t node)
{
	*pod = (struct wd_wg_pod){ .node = node, .ns = "n", .name = addr };
	if (wd_addr_parse(addr, &pod->addr))
		abort();
}

static void build_nodes(struct world *w)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	static const char *const cidrs[] = { "10.0.1.0/24", "10.0.2.0/24",
					     "10.0.3.0/24" };

	for (uint8_t i = 0; i < NODES + 1; i++) {
		w->node[i] = (struct wd_wg_node){
			.name = names[i],
			.number = 11u + i,
			.is_self = i == 0,
			.has_key = true,
		};
		key_of(&w->node[i].key, (uint8_t)(1 + i));
	}
	for (int i = 0; i < NODES; i++) {
		cidr(&w->cidr[i], cidrs[i]);
		w->node[i].cidr_cnt = 1;
		w->node[i].cidr = &w->cidr[i];
	}
	put_pod(&w->pod[0], "10.0.1.5", 11);
	put_pod(&w->pod[1], "10.0.2.5", 12);
	put_pod(&w->pod[2], "fd00:2::5", 12);
	put_pod(&w->pod[3], "10.0.3.5", 13);
	w->cluster = (struct wd_wg_cluster){
		.is_required = true,
		.node_cnt = NODES,
		.node = w->node,
		.pod_cnt = 4,
		.pod = w->pod,
	};
}

static void build(struct world *w)
{
	memset(w, 0, sizeof(*w));
	build_nodes(w);
	w->state = (struct wd_wg_state){
		.time = NOW,
		.boottime = UP,
		.device_cnt = 1,
		.device = w->device,
	};
	w->device[0] = (struct wd_wg_device){
		.ifindex = 7,
		.name = "wg0",
		.is_up = true,
		.has_key = true,
		.peer_cnt = 2,
		.peer = w->peer,
	};
	key_of(&w->device[0].key, 1);
	w->device[1] = (struct wd_wg_device){
		.ifindex = 8,
		.name = "vpn",
		.is_up = true,
		.has_key = true,
		.peer_cnt = 1,
		.peer = w->other,
	};
	key_of(&w->device[1].key, 99);
	for (uint8_t i = 0; i < NODES; i++) {
		key_of(&w->peer[i].key, (uint8_t)(2 + i));
		w->peer[i].prefix = w->prefix[i];
		w->peer[i].handshake = NOW - 60;
	}
	w->peer[0].prefix_cnt = 2;
	w->peer[1].prefix_cnt = 1;
	cidr(&w->prefix[0][0], "10.0.2.0/24");
	cidr(&w->prefix[0][1], "fd00:2::/64");
	cidr(&w->prefix[1][0], "10.0.3.0/24");
	w->other[0].prefix_cnt = 1;
	w->other[0].prefix = w->other_prefix;
	key_of(&w->other[0].key, 98);
	cidr(w->other_prefix, "192.0.2.0/24");
}

/* ---- what goes wrong ---- */

static void nothing(struct world *w)
{
	(void)w;
}
static void unreadable(struct world *w)
{
	w->unreadable = true;
}
static void no_device(struct world *w)
{
	w->state.device_cnt = 0;
}
static void no_device_of_name(struct world *w)
{
	w->cluster.device = "wg9";
}
static void down(struct world *w)
{
	w->device[0].is_up = false;
}
static void no_key(struct world *w)
{
	w->device[0].has_key = false;
}
static void other_key(struct world *w)
{
	key_of(&w->device[0].key, 77);
}
static void no_own_key(struct world *w)
{
	w->node[0].has_key = false;
}
static void no_self(struct world *w)
{
	w->node[0].is_self = false;
}
static void no_peers(struct world *w)
{
	w->device[0].peer_cnt = 0;
}
static void no_peers_alone(struct world *w)
{
	w->device[0].peer_cnt = 0;
	w->cluster.node_cnt = 1;
}
static void second(struct world *w)
{
	w->state.device_cnt = 2;
}
/* Ours is the one with our key, wherever it stands in the list. */
static void second_first(struct world *w)
{
	struct wd_wg_device swap = w->device[0];

	w->device[0] = w->device[1];
	w->device[1] = swap;
	w->state.device_cnt = 2;
}
static void second_is_named(struct world *w)
{
	w->state.device_cnt = 2;
	w->cluster.device = "vpn";
	w->cluster.node_cnt = 1;
}
static void shared(struct world *w)
{
	w->node[2].key = w->node[1].key;
	w->device[0].peer_cnt = 1;
	w->cluster.pod_cnt = 0;
	w->node[1].cidr_cnt = 0;
}
static void shared_by_four(struct world *w)
{
	w->cluster.node_cnt = 4;
	for (int i = 1; i < 4; i++)
		w->node[i].key = w->node[0].key;
	w->device[0].peer_cnt = 0;
}
static void node_key_gone(struct world *w)
{
	w->node[2].has_key = false;
	w->cluster.pod_cnt = 3;
	w->node[2].cidr_cnt = 0;
}
static void node_key_other(struct world *w)
{
	key_of(&w->node[2].key, 66);
	w->cluster.pod_cnt = 3;
	w->node[2].cidr_cnt = 0;
}
static void node_joins(struct world *w)
{
	w->cluster.node_cnt = 4;
}
static void node_joins_with_pod(struct world *w)
{
	w->cluster.node_cnt = 4;
	put_pod(&w->pod[0], "10.0.4.5", 14); /* implied by its missing peer */
}
static void peer_left(struct world *w)
{
	w->device[0].peer_cnt = 1;
}
static void peer_of_nobody(struct world *w)
{
	w->device[0].peer_cnt = 3;
	key_of(&w->peer[2].key, 200);
}
static void address_of_none(struct world *w)
{
	put_pod(&w->pod[0], "10.9.9.9", 12);
}
static void family_of_none(struct world *w)
{
	w->peer[0].prefix_cnt = 1;
}
static void address_of_self(struct world *w)
{
	put_pod(&w->pod[1], "10.9.9.9", 11); /* a pod here needs no peer */
}
/* A pod that was on c is here now, and its address alone is still at c's peer. */
static void address_of_self_stolen(struct world *w)
{
	cidr(&w->prefix[1][1], "10.0.1.5/32");
	w->peer[1].prefix_cnt = 2;
}
static void address_of_unknown(struct world *w)
{
	put_pod(&w->pod[1], "10.9.9.9", 0);
	put_pod(&w->pod[2], "10.9.9.8", 99);
}
static void address_moved(struct world *w)
{
	put_pod(&w->pod[1], "10.0.2.9", 13);
}
static void address_moved_longer(struct world *w)
{
	put_pod(&w->pod[1], "10.0.2.9", 13);
	w->peer[1].prefix_cnt = 2;
	cidr(&w->prefix[1][1], "10.0.2.9/32"); /* and its prefix with it */
}
static void address_stolen(struct world *w)
{
	w->peer[1].prefix_cnt = 2;
	cidr(&w->prefix[1][1], "10.0.2.0/25");
}
static void address_of_nobodys_peer(struct world *w)
{
	peer_of_nobody(w);
	w->peer[2].prefix_cnt = 1;
	cidr(&w->prefix[2][0], "10.0.2.5/32");
}
static void prefix_stolen_without_pods(struct world *w)
{
	w->cluster.pod_cnt = 0;
	address_stolen(w);
}
static void wide_prefix(struct world *w)
{
	w->peer[1].prefix_cnt = 2;
	cidr(&w->prefix[1][1], "10.0.2.0/23"); /* begins where b's does */
}
static void prefix_of_self_stolen(struct world *w)
{
	w->peer[1].prefix_cnt = 2;
	cidr(&w->prefix[1][1], "10.0.1.0/25");
}
static void everything_to_one(struct world *w)
{
	w->peer[0].prefix_cnt = 2;
	cidr(&w->prefix[0][0], "0.0.0.0/0");
	w->node[1].cidr_cnt = 0;
}
static void only_one_gets_everything(struct world *w)
{
	everything_to_one(w);
	w->peer[1].prefix_cnt = 0;
}
static void not_required(struct world *w)
{
	w->cluster.is_required = false;
	peer_left(w);
}
static void not_required_without_device(struct world *w)
{
	w->cluster.is_required = false;
	no_device(w);
}
static void not_ours(struct world *w)
{
	w->cluster.is_required = false;
	for (int i = 0; i < NODES; i++)
		w->node[i].has_key = false;
	peer_of_nobody(w);
}

static void trace(struct world *w, int64_t sent_ago, int64_t waits_ago,
		  int64_t handshake_ago, uint64_t bytes)
{
	w->peer[0].trace.sent = sent_ago < 0 ? 0 : UP - sent_ago;
	w->peer[0].trace.waits = waits_ago < 0 ? 0 : UP - waits_ago;
	w->peer[0].handshake = handshake_ago < 0 ? 0 : NOW - handshake_ago;
	w->peer[0].trace.tx_then = 100000;
	w->peer[0].tx_bytes = 100000 + bytes;
}
static void idle_for_hours(struct world *w)
{
	trace(w, 3600, -1, 3700, 0);
}
static void never_used(struct world *w)
{
	trace(w, -1, -1, -1, 0);
}
static void first_packet_now(struct world *w)
{
	trace(w, 0, 1, 3700, 148);
}
static void old_handshake(struct world *w)
{
	trace(w, 1, 6, 181, 148);
}
static void handshake_just_good(struct world *w)
{
	trace(w, 1, 14, 180, 100000);
}
static void no_handshake_ever(struct world *w)
{
	trace(w, 1, 6, -1, 148);
}
static void nothing_comes_back(struct world *w)
{
	trace(w, 1, 15, 60, 1000);
}
static void empty_packets_only(struct world *w)
{
	trace(w, 1, 100, 110, 5 * 32);
	w->peer[0].keepalive = 25;
}
static void more_than_empty_packets(struct world *w)
{
	trace(w, 1, 100, 110, 1000);
	w->peer[0].keepalive = 25;
}
static void no_longer_sent(struct world *w)
{
	trace(w, 31, 60, 3700, 1000);
}

static const struct {
	const char *name;
	void (*change)(struct world *w);
	const char *findings;
} rows[] = {
	{ "nothing", nothing, "" },
	{ "unreadable", unreadable, "unreadable:wireguard" },
	{ "no device", no_device, "no-device:wireguard" },
	{ "not the named one", no_device_of_name, "no-device:wg9" },
	{ "down", down, "device-down:wg0" },
	{ "no private key", no_key, "no-key:wg0" },
	{ "another key", other_key, "key-mismatch:wg0" },
	{ "our object has no key", no_own_key, "" },
	{ "no object of ours", no_self, "node-without-peer:a" },
	{ "no peers", no_peers, "no-peers:wg0" },
	{ "no peers and no nodes", no_peers_alone, "" },
	{ "a second device", second, "second-device:vpn" },
	{ "ours is the second", second_first, "second-device:vpn" },
	{ "the second is named", second_is_named,
	  "key-mismatch:vpn second-device:wg0 peer-without-node:98" },
	{ "a key of two nodes", shared, "key-shared:2" },
	{ "a key of all", shared_by_four, "no-peers:wg0 key-shared:1" },
	{ "node without key", node_key_gone,
	  "node-without-key:c peer-without-node:3" },
	{ "node with another key", node_key_other,
	  "node-without-peer:c peer-without-node:3" },
	{ "node joins", node_joins, "node-without-peer:d" },
	{ "node joins, with a pod", node_joins_with_pod,
	  "node-without-peer:d" },
	{ "peer left", peer_left, "node-without-peer:c" },
	{ "peer of nobody", peer_of_nobody, "peer-without-node:200" },
	{ "address that no peer has", address_of_none,
	  "address-without-peer:b" },
	{ "IPv6 forgotten", family_of_none, "address-without-peer:b" },
	{ "address of this node", address_of_self, "" },
	{ "address of this node at a peer", address_of_self_stolen,
	  "address-wrong-peer:a" },
	{ "address of no known node", address_of_unknown, "" },
	{ "pod moved, prefix stayed", address_moved, "address-wrong-peer:c" },
	{ "pod moved with its prefix", address_moved_longer, "" },
	{ "prefix of another node", address_stolen, "address-wrong-peer:b" },
	{ "address at nobody's peer", address_of_nobodys_peer,
	  "peer-without-node:200 address-wrong-peer:b" },
	{ "prefix of another node, no pods", prefix_stolen_without_pods,
	  "address-wrong-peer:b" },
	{ "prefix that another's is inside of", wide_prefix, "" },
	{ "prefix of this node", prefix_of_self_stolen,
	  "address-wrong-peer:a" },
	{ "everything to one, the rest longer", everything_to_one, "" },
	{ "everything to one", only_one_gets_everything,
	  "address-wrong-peer:c" },
	{ "not required", not_required, "node-without-peer:c" },
	{ "not required, no device", not_required_without_device, "" },
	{ "somebody else's", not_ours, "" },
	{ "idle for hours", idle_for_hours, "" },
	{ "never used", never_used, "" },
	{ "first packet after hours", first_packet_now, "" },
	{ "old handshake", old_handshake, "stale-handshake:b" },
	{ "handshake of 180 s", handshake_just_good, "" },
	{ "no handshake ever", no_handshake_ever, "stale-handshake:b" },
	{ "nothing comes back", nothing_comes_back, "stale-handshake:b" },
	{ "keepalives only", empty_packets_only, "" },
	{ "more than keepalives", more_than_empty_packets,
	  "stale-handshake:b" },
	{ "nothing is sent any more", no_longer_sent, "" },
};

/* "kind:object ..."; a key as its first byte. */
static const char *findings_text(const struct wd_wg_findings *found)
{
	static char text[1024];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < found->cnt; i++) {
		const struct wd_wg_finding *finding = &found->finding[i];
		const char *object = finding->object;
		struct wd_wgkey key;
		char number[8];

		if (!wd_wgkey_parse(object, &key)) {
			(void)snprintf(number, sizeof(number), "%u",
				       key.byte[0]);
			object = number;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s:%s", i ? " " : "",
					wd_wg_kind_name(finding->kind), object);
	}
	return text;
}

static void each_fault_has_its_name_and_no_other(void)
{
	static struct world w;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wd_wg_findings found;

		wd_test_row(rows[i].name);
		build(&w);
		rows[i].change(&w);
		wd_wg_check(w.unreadable ? NULL : &w.state, &w.cluster, &found);
		wd_expect_str(rows[i].findings, findings_text(&found));
		for (uint32_t k = 0; k < found.cnt; k++)
			wd_expect(strlen(found.finding[k].text) > 10);
		wd_wg_findings_fini(&found);
	}
	wd_test_row(NULL);
}

static void findings_are_equal_by_name_and_object(void)
{
	static struct world w;
	struct wd_wg_findings a, b;

	build(&w);
	old_handshake(&w);
	wd_wg_check(&w.state, &w.cluster, &a);
	trace(&w, 1, 9, 190, 148); /* other numbers in the text */
	wd_wg_check(&w.state, &w.cluster, &b);
	wd_expect(wd_wg_findings_equal(&a, &b));
	wd_wg_findings_fini(&b);
	peer_left(&w);
	wd_wg_check(&w.state, &w.cluster, &b);
	wd_expect(!wd_wg_findings_equal(&a, &b));
	wd_wg_findings_fini(&a);
	wd_wg_findings_fini(&b);
}

static void every_kind_says_what_it_means(void)
{
	for (int i = 0; i < WD_WG_KIND__MAX; i++) {
		wd_expect(strlen(wd_wg_kind_name((enum wd_wg_kind)i)) > 3);
		wd_expect(strlen(wd_wg_kind_help((enum wd_wg_kind)i)) > 10);
	}
	wd_expect(wd_wg_kind_stops(WD_WG_NO_PEERS));
	wd_expect(!wd_wg_kind_stops(WD_WG_SECOND_DEVICE));
}

/* ---- whose prefix ---- */

static const char *owners_text(struct world *w, const struct wd_wg_device *dev)
{
	static char text[1024];
	struct wd_wg_owners owners;
	struct wd_wg_keys keys;
	size_t len = 0;

	wd_wg_keys_init(&keys, &w->cluster);
	wd_wg_owners_init(&owners, &w->state, &keys, dev);
	text[0] = '\0';
	for (uint32_t i = 0; i < owners.cnt; i++) {
		char buf[WD_ADDR_STRLEN];

		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%s=%u@%u",
			i ? " " : "", wd_cidr_str(&owners.owner[i].prefix, buf),
			owners.owner[i].node, owners.owner[i].ifindex);
	}
	wd_wg_owners_fini(&owners);
	wd_wg_keys_fini(&keys);
	return text;
}

static void prefixes_are_of_the_node_that_has_the_key(void)
{
	static struct world w;

	build(&w);
	wd_expect_str("10.0.2.0/24=12@7 10.0.3.0/24=13@7 fd00:2::/64=12@7",
		      owners_text(&w, NULL));
	second(&w);
	wd_expect_str("10.0.2.0/24=12@7 10.0.3.0/24=13@7 192.0.2.0/24=0@8 "
		      "fd00:2::/64=12@7",
		      owners_text(&w, NULL));
	wd_expect_str("192.0.2.0/24=0@8", owners_text(&w, &w.device[1]));
	no_device(&w);
	wd_expect_str("", owners_text(&w, NULL));
}

static void in_doubt_a_prefix_is_nobodys(void)
{
	static struct world w;

	build(&w); /* a key of two nodes */
	w.node[2].key = w.node[1].key;
	wd_expect_str("10.0.2.0/24=0@7 10.0.3.0/24=0@7 fd00:2::/64=0@7",
		      owners_text(&w, NULL));

	build(&w); /* of two nodes' peers, on two devices */
	second(&w);
	w.other_prefix[0] = w.prefix[0][0];
	w.other[0].key = w.node[2].key;
	wd_expect_str("10.0.2.0/24=0@7 10.0.3.0/24=13@7 fd00:2::/64=12@7",
		      owners_text(&w, NULL));

	w.other[0].key = w.node[1].key; /* of the same node's: no doubt */
	wd_expect_str("10.0.2.0/24=12@7 10.0.3.0/24=13@7 fd00:2::/64=12@7",
		      owners_text(&w, NULL));
}

/* Of few bits, so that many are inside of others. @len: with a length. */
static void random_text(char *to, size_t size, bool len)
{
	bool is_v4 = random() % 2;
	int cnt = is_v4 ? snprintf(to, size, "%ld.%ld.0.%ld", random() % 4 * 64,
				   random() % 4 * 64, random() % 4) :
			  snprintf(to, size, "%lx:%lx::%lx", random() % 4,
				   random() % 4, random() % 4);

	if (len)
		snprintf(to + cnt, size - (size_t)cnt, "/%ld",
			 random() % (is_v4 ? 33 : 129));
}

/* Looking at all of them. Return: the longest that has the address, or -1 */
static int longest_of(const struct wd_wg_peer *peer, const struct wd_addr *addr)
{
	int best = -1;

	for (uint32_t i = 0; i < peer->prefix_cnt; i++) {
		if (wd_cidr_has(&peer->prefix[i], addr) &&
		    peer->prefix[i].len > best)
			best = peer->prefix[i].len;
	}
	return best;
}

/* Return: addresses that were in a prefix. */
static int expect_longest(const struct wd_wg_peer *peer,
			  const struct wd_wg_owners *owners)
{
	int hits = 0;

	for (int k = 0; k < 50; k++) {
		const struct wd_wg_owner *hit;
		struct wd_addr addr;
		char text[64];

		random_text(text, sizeof(text), false);
		if (wd_addr_parse(text, &addr))
			abort();
		hit = wd_wg_owners_find(owners, &addr);
		hits += hit != NULL;
		if (!wd_expect_int(longest_of(peer, &addr),
				   hit ? hit->prefix.len : -1))
			break;
	}
	return hits;
}

static void longest_prefix_is_found_among_many(void)
{
	static struct wd_cidr prefix[200];
	struct wd_wg_peer peer = { .prefix = prefix };
	struct wd_wg_device dev = { .ifindex = 1,
				    .peer_cnt = 1,
				    .peer = &peer };
	const struct wd_wg_state state = { .device_cnt = 1, .device = &dev };
	const struct wd_wg_cluster none = { 0 };
	int hits = 0;

	for (int round = 0; round < 300; round++) {
		struct wd_wg_owners owners;
		struct wd_wg_keys keys;

		peer.prefix_cnt = (uint32_t)(random() % 200);
		for (uint32_t i = 0; i < peer.prefix_cnt; i++) {
			char text[64];

			random_text(text, sizeof(text), true);
			cidr(&prefix[i], text);
		}
		wd_wg_keys_init(&keys, &none);
		wd_wg_owners_init(&owners, &state, &keys, NULL);
		hits += expect_longest(&peer, &owners);
		wd_wg_owners_fini(&owners);
		wd_wg_keys_fini(&keys);
	}
	wd_expect(hits > 1000);
}

int main(void)
{
	WD_TEST(each_fault_has_its_name_and_no_other);
	WD_TEST(findings_are_equal_by_name_and_object);
	WD_TEST(every_kind_says_what_it_means);
	WD_TEST(prefixes_are_of_the_node_that_has_the_key);
	WD_TEST(in_doubt_a_prefix_is_nobodys);
	WD_TEST(longest_prefix_is_found_among_many);
	return wd_tests_end();
}
