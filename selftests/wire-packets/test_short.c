// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_short.c - who goes the short way (bpf/wire_short.h): what nearly all
 * packets are, and nothing that differs from it in anything. What becomes of the
 * latter is said here too; that it is so by the long way others show.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/byteorder.h"
#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WG OWN_WIREGUARD
#define SEALED(n) DATA((n), .head = { 4 })
#define SEALED_PACKET LIST(ETH, IP(HERE, NODE2), UDP(WG, WG), SEALED(32))

static void expect_short(enum hook hook, int dir, const struct piece *pieces)
{
	wires_expect(WD_R_ENCRYPTED,
		     hook == TUN ? WD_COVER_WIREGUARD : NO_COVER, hook, dir,
		     pieces);
	wd_expect(wires_is_short(pieces, hook, dir));
}

static void expect_long(int reason, int cover, enum hook hook, int dir,
			const struct piece *pieces)
{
	wires_expect(reason, cover, hook, dir, pieces);
	wd_expect(!wires_is_short(pieces, hook, dir));
}

static void begin(void)
{
	build_outer = 4;
	wires_reset();
	wires_switch(WD_STATE_ENCRYPT_NODES, true);
}

/* ---- on a wire ---- */

static void wireguards_own_packets_go_the_short_way(void)
{
	static const uint16_t ports[] = { OWN_WIREGUARD, OWN_WIREGUARD2 };

	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		for (size_t i = 0; i < COUNT(ports); i++)
			for (uint8_t type = 1; type <= 4; type++)
				expect_short(WIRE, dir,
					     LIST(ETH, IP(HERE, NODE2),
						  UDP(ports[i], ports[i]),
						  DATA(32, .head = { type })));
		expect_short(WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), UDP(WG, WG),
				  SEALED(1400)));
		expect_short(WIRE, dir,
			     LIST(ETH, IP(HERE, FREE, .id = 9), UDP(WG, WG),
				  SEALED(32)));
	}
}

/* The same in another form: only that is not asked for. */
static void other_forms_of_the_same_go_the_long_way(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2, .options = 4),
				 UDP(WG, WG), SEALED(32)));
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(ETH, PIECE(P_VLAN), IP(HERE, NODE2),
				 UDP(WG, WG), SEALED(32)));
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2, .more = true),
				 UDP(WG, WG), SEALED(32)));
		wires_raw(true);
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(IP(HERE, NODE2), UDP(WG, WG), SEALED(32)));
		begin();
		build_outer = 6;
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				 SEALED(32)));
	}
}

static void expect_plain(int dir, const struct piece *pieces)
{
	expect_long(plaintext(dir), WD_COVER_DROPPED, WIRE, dir, pieces);
}

static void what_is_not_wireguards_goes_the_long_way(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				       SEALED(31)));
		/* there, but not by what IP says */
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .len = 59),
				       UDP(WG, WG), SEALED(32)));
		expect_long(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2, .len = 61), UDP(WG, WG),
				 SEALED(32)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				       DATA(32, .head = { 5 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				       DATA(32, .head = { 0 })));
		for (int i = 1; i < 4; i++) {
			struct piece data = DATA(32, .head = { 4 });

			data.head[i] = 1;
			expect_plain(dir, LIST(ETH, IP(HERE, NODE2),
					       UDP(WG, WG), data));
		}
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), TCP(WG, WG),
				       SEALED(32)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), UDP(51820, 51820),
				       SEALED(32)));
		expect_plain(dir,
			     LIST(ETH, IP(HERE, NODE2),
				  UDP(dir == OUT ? 9 : WG, dir == OUT ? WG : 9),
				  SEALED(32)));
		expect_long(WD_R_TUN_OPAQUE, WD_COVER_DROPPED, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2),
				 UDP(OWN_VXLAN, OWN_VXLAN), SEALED(32)));
	}
}

static void what_is_not_between_nodes_goes_the_long_way(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		expect_plain(dir, LIST(ETH, IP(HERE, SECRET), UDP(WG, WG),
				       SEALED(32)));
		expect_plain(dir, LIST(ETH, IP(SECRET, NODE2), UDP(WG, WG),
				       SEALED(32)));
		expect_plain(dir,
			     LIST(ETH, IP(HERE, NEW), UDP(WG, WG), SEALED(32)));
		expect_plain(dir, LIST(ETH, IP(HALF, HERE), UDP(WG, WG),
				       SEALED(32)));
		expect_long(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, OUTSIDE), UDP(WG, WG),
				 SEALED(32)));
		expect_long(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(OUTSIDE, HERE), UDP(WG, WG),
				 SEALED(32)));
		wires_forget();
		expect_long(WD_R_NO_ENDPOINT, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				 SEALED(32)));
		begin();
		wires_switch(WD_STATE_ENCRYPT, false);
		expect_long(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				 SEALED(32)));
	}
}

/* A port may be both by mistake: then a tunnel is looked for. */
static void a_customary_port_of_tunnels_goes_the_long_way(void)
{
	struct wd_state_val state;

	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		state = wires_state();
		state.tunnel[0].port = wd_be16(4789);
		wires_state_set(&state);
		expect_long(WD_R_TUN_OPAQUE, WD_COVER_DROPPED, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2), UDP(4789, 4789),
				 SEALED(40)));
	}
}

/* ---- at a WireGuard device ---- */

static void expect_pods(enum host src, enum host dst, int dir)
{
	begin();
	wires_cover_clear();
	/* who is the first of a pair makes its counter */
	wd_expect(!wires_is_short(LIST(IP(src, dst), TCP(0, 0), DATA(20)), TUN,
				  dir));
	expect_short(TUN, dir, LIST(IP(src, dst), TCP(0, 0), DATA(20)));
	expect_short(TUN, dir, LIST(IP(src, dst), UDP(0, 53), DATA(20)));
	expect_short(TUN, dir, LIST(IP(src, dst), ICMP(8), DATA(20)));
	/* they are equal but for what is asked for */
	wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN, dir,
		     LIST(IP(src, dst, .options = 4), TCP(0, 0), DATA(20)));
	wd_expect_int(1, wires_cover_cnt());
	wd_expect(!wires_is_short(LIST(IP(src, dst, .options = 4), TCP(0, 0),
				       DATA(20)),
				  TUN, dir));
	wd_expect(!wires_is_short(LIST(IP(src, dst, .off = 64), DATA(20)), TUN,
				  dir));
	wd_expect(!wires_is_short(
		LIST(IP(src, dst, .len = 90), TCP(0, 0), DATA(20)), TUN, dir));
}

static void what_pods_say_by_the_right_peer_goes_the_short_way(void)
{
	static const enum host near[] = { LOCAL, LOCAL2 };
	static const enum host far[] = { SECRET, PLAIN, SECRET3 };

	for (size_t i = 0; i < COUNT(near); i++) {
		for (size_t j = 0; j < COUNT(far); j++) {
			expect_pods(near[i], far[j], OUT);
			expect_pods(far[j], near[i], IN);
		}
	}
}

static void expect_pods_long(int reason, int cover, int dir, enum host near,
			     enum host far)
{
	enum host src = dir == OUT ? near : far, dst = dir == OUT ? far : near;

	for (int i = 0; i < 2; i++)
		expect_long(reason, cover, TUN, dir,
			    LIST(IP(src, dst), TCP(0, 0), DATA(20)));
}

static void what_others_say_or_by_another_peer_goes_the_long_way(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		int wrong = dir == OUT ? WD_R_WG_STATE : WD_R_TUN_BAD_PEER;
		int cover = dir == OUT ? WD_COVER_DROPPED : NO_COVER;

		begin();
		expect_pods_long(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, HERE,
				 SECRET);
		expect_pods_long(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
				 NODE2);
		expect_pods_long(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
				 NEW);
		expect_pods_long(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
				 OUTSIDE);
		wires_tun(SECRET, 3, WIRE_IFINDEX);
		expect_pods_long(wrong, cover, dir, LOCAL, SECRET);
		wires_tun(SECRET, 2, OTHER_IFINDEX);
		expect_pods_long(wrong, cover, dir, LOCAL, SECRET);
		wires_tun(SECRET, 0, WIRE_IFINDEX);
		expect_pods_long(wrong, cover, dir, LOCAL, SECRET);
		wires_tun_clear();
		expect_pods_long(wrong, cover, dir, LOCAL, SECRET);
		begin();
		wires_switch(WD_STATE_ENCRYPT, false);
		expect_pods_long(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, SECRET);
	}
}

/* Of what is here, though its peer be this node's own number. */
static void a_pod_of_this_node_never_comes_in_the_short_way(void)
{
	begin();
	wires_tun(LOCAL, 1, WIRE_IFINDEX);
	expect_pods_long(WD_R_TUN_BAD_PEER, NO_COVER, IN, LOCAL2, LOCAL);
	wires_host(HERE,
		   &(struct wd_addr_val){ .flags = WD_ADDR_POD | WD_ADDR_HOST,
					  .node = 1 });
	wires_tun(HERE, 1, WIRE_IFINDEX);
	expect_pods_long(WD_R_TUN_BAD_PEER, NO_COVER, IN, LOCAL2, HERE);
}

/* Each packet is judged by the tables as they are: what is kept is of no other. */
static void what_just_went_the_short_way_does_not_when_a_table_changes(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		enum host src = dir == OUT ? LOCAL : SECRET;
		enum host dst = dir == OUT ? SECRET : LOCAL;
		int wrong = dir == OUT ? WD_R_WG_STATE : WD_R_TUN_BAD_PEER;

		begin();
		expect_short(WIRE, dir, SEALED_PACKET);
		wires_host(NODE2, NULL);
		expect_long(WD_R_OUTSIDE, NO_COVER, WIRE, dir, SEALED_PACKET);
		begin();
		expect_short(WIRE, dir, SEALED_PACKET);
		wires_forget();
		expect_long(WD_R_NO_ENDPOINT, NO_COVER, WIRE, dir,
			    SEALED_PACKET);
		begin();
		expect_short(TUN, dir, LIST(IP(src, dst), TCP(0, 0), DATA(20)));
		wires_tun(SECRET, 3, WIRE_IFINDEX);
		/* with the pair's counter, which the next one begins without */
		wd_expect(!wires_is_short(
			LIST(IP(src, dst), TCP(0, 0), DATA(20)), TUN, dir));
		expect_pods_long(wrong,
				 dir == OUT ? WD_COVER_DROPPED : NO_COVER, dir,
				 LOCAL, SECRET);
	}
}

/*
 * In a test run the ethertype of a raw frame is where its source address is: the
 * kernel's word goes before the first byte.
 */
static void what_the_kernel_takes_for_something_else_goes_the_long_way(void)
{
	static const struct {
		const char *name, *addr;
		int reason;
	} rows[] = {
		{ "IPv4", "8.0.0.1", WD_R_ENCRYPTED },
		{ "IPv6", "134.221.0.1", WD_R_L3_BAD },
		{ "MPLS", "136.71.0.1", WD_R_TUN_OPAQUE },
	};
	const struct wd_addr_val pod = { .flags = WD_ADDR_POD,
					 .node = 2,
					 .ns = 4 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool is_good = rows[i].reason == WD_R_ENCRYPTED;
		struct in_addr was, is;
		static struct frame frame;

		begin();
		host_addr(PLAIN, 4, &was);
		(void)inet_pton(AF_INET, rows[i].addr, &is);
		wires_addr4(is, &pod, WIRE_IFINDEX);
		frame_build(&frame,
			    LIST(IP(PLAIN, LOCAL), TCP(0, 0), DATA(20)));
		memcpy(frame.data + 12, &is, sizeof(is));
		for (int again = 0; again < 2; again++) {
			struct outcome got = wires_run(&frame, TUN, IN);

			if (!wd_expect_int(rows[i].reason, got.reason))
				printf("# %s\n", rows[i].name);
			wd_expect_int(is_good, got.cover_cnt);
		}
		wires_addr4(is, NULL, 0);
	}
}

/* ---- what is kept of the tables ---- */

/* A packet that goes the short way, and a change after which it must not. */
struct kept {
	const char *name;
	enum hook hook;
	int dir;
	void (*change)(void);
};

static void forget_node(void)
{
	wires_host(NODE2, NULL);
}

static void change_peer(void)
{
	wires_tun(SECRET, 3, WIRE_IFINDEX);
}

static void change_pod(void)
{
	wires_host(SECRET,
		   &(struct wd_addr_val){
			   .flags = WD_ADDR_POD | WD_ADDR_ENCRYPT, .node = 3 });
}

static const struct kept kepts[] = {
	{ "node, out", WIRE, OUT, forget_node },
	{ "node, in", WIRE, IN, forget_node },
	{ "wire, out", WIRE, OUT, wires_forget },
	{ "wire, in", WIRE, IN, wires_forget },
	{ "peer, out", TUN, OUT, change_peer },
	{ "peer, in", TUN, IN, change_peer },
	{ "pod, out", TUN, OUT, change_pod },
	{ "pod, in", TUN, IN, change_pod },
	{ NULL, WIRE, IN, NULL },
};

static const struct piece *kept_packet(const struct kept *k)
{
	enum host src = k->dir == OUT ? LOCAL : SECRET;
	enum host dst = k->dir == OUT ? SECRET : LOCAL;
	const struct piece pods[] = { IP(src, dst), TCP(0, 0), DATA(20),
				      PIECE(P_END) };
	const struct piece sealed[] = { ETH, IP(HERE, NODE2), UDP(WG, WG),
					SEALED(32), PIECE(P_END) };
	static struct piece list[COUNT(sealed)];

	if (k->hook == TUN)
		memcpy(list, pods, sizeof(pods));
	else
		memcpy(list, sealed, sizeof(sealed));
	return list;
}

static bool kept_passes(const struct kept *k)
{
	return wires_is_short(kept_packet(k), k->hook, k->dir);
}

/* It has gone the short way, and so what the tables say is kept. */
static void kept_begin(const struct kept *k)
{
	wd_test_row(k->name);
	begin();
	wires_cover_clear();
	(void)kept_passes(k); /* makes the counter of the pair */
	wd_expect(kept_passes(k));
}

static void kept_end(void)
{
	wires_behind(false);
	wd_test_row(NULL);
}

/* The control of those below: without an epoch nobody sees that a table changed. */
static void the_tables_are_asked_once_in_an_epoch(void)
{
	for (const struct kept *k = kepts; k->name; k++) {
		kept_begin(k);
		wires_behind(true);
		k->change();
		wd_expect(kept_passes(k));
		kept_end();
	}
}

static void with_a_new_epoch_they_are_asked_again(void)
{
	for (const struct kept *k = kepts; k->name; k++) {
		uint64_t epoch;

		kept_begin(k);
		epoch = wires_state().epoch;
		k->change();
		wd_expect(!kept_passes(k));
		/* and not what was, when the epoch has moved on and on */
		wires_epoch(epoch + (1ULL << 32));
		wd_expect(!kept_passes(k));
		kept_end();
	}
}

/* Odd: somebody is writing, or has died of it. 0: nobody says when. */
static void nothing_is_kept_without_an_epoch(void)
{
	static const uint64_t epochs[] = { 0, 1, 77, UINT64_MAX };

	for (const struct kept *k = kepts; k->name; k++)
		for (size_t i = 0; i < COUNT(epochs); i++) {
			kept_begin(k);
			wires_epoch(epochs[i]);
			wd_expect(kept_passes(k));
			wires_behind(true);
			k->change();
			wd_expect(!kept_passes(k));
			kept_end();
		}
}

/* Of bpf/wire_proof.h: words, and how many say what it is a proof of. */
#define PROOF_WORDS 8
#define PROOF_OF 5

/* Each half of each word of what is kept has to be as it was written. */
static int spoil_each(const struct kept *k, uint32_t at)
{
	int fd = wires_map_fd("wd_proof"), used = 0;
	uint64_t word[PROOF_WORDS], was;

	if (bpf_map_lookup_elem(fd, &at, word) ||
	    (uint32_t)word[0] != (uint32_t)wires_state().epoch)
		return 0;
	for (int i = 0; i < PROOF_WORDS * 2; i++) {
		/* what was found of pods is read, and must be of that writing */
		if (i / 2 >= PROOF_OF && (k->hook == WIRE || i % 2 == 0))
			continue;
		was = word[i / 2];
		word[i / 2] ^= 1ULL << (i % 2 ? 63 : 0);
		wd_expect_int(0, bpf_map_update_elem(fd, &at, word, BPF_ANY));
		wd_expect(!kept_passes(k));
		word[i / 2] = was;
		used++;
	}
	wd_expect_int(0, bpf_map_update_elem(fd, &at, word, BPF_ANY));
	wd_expect(kept_passes(k));
	return used;
}

static void words_of_two_writings_prove_nothing(void)
{
	for (const struct kept *k = kepts; k->name; k++) {
		int spoilt = 0;

		kept_begin(k);
		wires_behind(true);
		k->change();
		for (uint32_t at = 0; at < 2048; at++)
			spoilt += spoil_each(k, at);
		wd_expect_int(k->hook == WIRE ? 2 * PROOF_OF :
						PROOF_OF + PROOF_WORDS,
			      spoilt);
		kept_end();
	}
}

static void an_object_without_it_says_the_same_by_the_long_way(void)
{
	for (int dir = IN; dir <= OUT; dir++) {
		begin();
		expect_long(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			    LIST(ETH, IP(HERE, NODE2), UDP(WG, WG),
				 SEALED(32)));
	}
}

int main(void)
{
	wires_open();
	if (wires_is_min())
		WD_TEST(an_object_without_it_says_the_same_by_the_long_way);
	WIRES_TEST(wireguards_own_packets_go_the_short_way);
	WIRES_TEST(other_forms_of_the_same_go_the_long_way);
	WIRES_TEST(what_is_not_wireguards_goes_the_long_way);
	WIRES_TEST(what_is_not_between_nodes_goes_the_long_way);
	WIRES_TEST(a_customary_port_of_tunnels_goes_the_long_way);
	WIRES_TEST(what_pods_say_by_the_right_peer_goes_the_short_way);
	WIRES_TEST(what_others_say_or_by_another_peer_goes_the_long_way);
	WIRES_TEST(a_pod_of_this_node_never_comes_in_the_short_way);
	WIRES_TEST(what_just_went_the_short_way_does_not_when_a_table_changes);
	WIRES_TEST(what_the_kernel_takes_for_something_else_goes_the_long_way);
	WIRES_TEST(the_tables_are_asked_once_in_an_epoch);
	WIRES_TEST(with_a_new_epoch_they_are_asked_again);
	WIRES_TEST(nothing_is_kept_without_an_epoch);
	WIRES_TEST(words_of_two_writings_prove_nothing);
	wires_close();
	return wd_tests_end();
}
