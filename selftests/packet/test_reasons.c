// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reasons.c - every reason of the list is given by some packet, counted
 * once, and says by its number whether the packet passed. A reason that is
 * added to the list without a packet here fails.
 */
#include <assert.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- frames that no packet describes ---- */

static void arp_of_another(struct frame *f, int dir)
{
	if (dir == WD_EGRESS) {
		frame_arp(f, dir, 2, H_NEAR, H_NODE);
		return;
	}
	frame_arp(f, dir, 3, H_NODE, H_SELF);
}

static void arp_of_its_own(struct frame *f, int dir)
{
	frame_arp(f, dir, 1, dir == WD_EGRESS ? H_SELF : H_NODE,
		  dir == WD_EGRESS ? H_NODE : H_SELF);
}

static void redirect(struct frame *f, int dir)
{
	frame_nd(f, dir, 137, dir == WD_EGRESS ? H_SELF : H_NODE,
		 dir == WD_EGRESS ? H_NODE : H_SELF, H_FRIEND);
}

static void unknown_ether(struct frame *f, int dir)
{
	uint8_t body[46] = { 0 };

	frame_ether(f, dir, 0x88cc, body, sizeof(body));
}

static void tagged(struct frame *f, int dir)
{
	uint8_t body[46] = { 0 };

	frame_ether(f, dir, 0x8100, body, sizeof(body));
}

static void stranger_mac(struct frame *f, int dir)
{
	struct packet p = { .family = 4, .dir = dir };

	frame_make(f, &p);
	f->data[7] ^= 1;
}

static void error_of_flow(struct frame *f, int dir)
{
	struct packet flow = { .family = 4, .dir = !dir, .proto = 17 };
	struct packet error = { .family = 4, .dir = dir, .proto = 1, .type = 3 };

	frame_make(f, &flow);
	world_send(f, !dir);
	frame_quote(f, &error, &flow, 0);
}

/* ---- what the world is like ---- */

static void no_endpoint(void)
{
	uint32_t ifindex = IF_POD;

	world_delete("wd_endpoint", &ifindex);
}

static void no_share(void)
{
	struct wd_quota_val full = world_quota_full(10);

	world_quota_set(full);
}

/* All places are connections of another endpoint, which has less. */
static void no_place(void)
{
	uint32_t cnt;
	struct wd_bucket *bucket = world_buckets(&cnt);

	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++) {
		struct wd_bucket *at = &bucket[i / WD_FLOW_WAYS];

		at->expires[i % WD_FLOW_WAYS] = world_ticks() + 1000;
		at->flow[i % WD_FLOW_WAYS] = (struct wd_flow_entry){
			.key.ep = 2, .stat = 2, .flags = WD_FLOW_REPLIED
		};
	}
}

static void no_place_in(void)
{
	static const struct packet first = {
		.family = 4, IN, .proto = 17, .more = true
	};

	world_frags_fill(&first);
}

static void no_place_out(void)
{
	static const struct packet first = {
		.family = 4, OUT, .proto = 17, .more = true
	};

	world_frags_fill(&first);
}

static void many_neighbours(void)
{
	struct wd_quota_val full = { .ep = 1,
				     .neighbour = WD_NEIGHBOUR_RATE,
				     .tick = world_ticks() + 1 };

	world_quota_set(full);
}

static void by_host(void)
{
	world_iif = 0;
}

static void by_pod_next_door(void)
{
	world_iif = IF_NEAR;
}

static void answered(void)
{
	static const struct packet ask = { .family = 4, OUT, .proto = 17 };
	struct frame f;

	frame_make(&f, &ask);
	world_send(&f, WD_EGRESS);
}

static void open_slot(void)
{
	world_publish(SLOT_OPEN, 0);
}

static void no_slot(void)
{
	world_publish(SLOT_NONE, 0);
}

static void mode_off(void)
{
	world_publish(SLOT_RULES, WD_EP_OFF);
}

static const uint8_t source_route[4] = { 131, 3, 4, 0 };
static const uint8_t routing[8] = { 6 };

static const struct {
	int reason;
	struct packet p;
	void (*make)(struct frame *f, int dir); /* instead of @p */
	void (*before)(void);
} cases[] = {
	{ WD_R_POLICY_ALLOW, .p = { IN } },
	{ WD_R_POLICY_ALLOW, .p = { OUT } },
	{ WD_R_NOT_ISOLATED, .p = { IN, FROM(H_WORLD) }, .before = open_slot },
	{ WD_R_NOT_ISOLATED, .p = { OUT, TO(H_WORLD) }, .before = open_slot },
	{ WD_R_ESTABLISHED,
	  .p = { IN, .proto = 17, .sport = 80, .dport = 40000 },
	  .before = answered },
	{ WD_R_ESTABLISHED, .p = { OUT, .proto = 17 }, .before = answered },
	{ WD_R_RELATED, .p = { IN }, .make = error_of_flow },
	{ WD_R_RELATED, .p = { OUT }, .make = error_of_flow },
	{ WD_R_HOST, .p = { IN, FROM(H_NODE) }, .before = by_host },
	{ WD_R_NEIGHBOUR, .p = { IN }, .make = arp_of_its_own },
	{ WD_R_NEIGHBOUR, .p = { OUT }, .make = arp_of_its_own },
	{ WD_R_MODE_OFF, .p = { IN, FROM(H_FOE) }, .before = mode_off },
	{ WD_R_MODE_OFF, .p = { OUT, TO(H_FOE) }, .before = mode_off },
	{ WD_R_DEFAULT, .p = { IN, FROM(H_PLAIN) } },
	{ WD_R_DEFAULT, .p = { OUT, TO(H_PLAIN) } },
	{ WD_R_POLICY, .p = { IN, FROM(H_FOE) } },
	{ WD_R_POLICY, .p = { OUT, TO(H_FOE) } },
	{ WD_R_NOT_READY, .p = { IN }, .before = no_slot },
	{ WD_R_NOT_READY, .p = { OUT }, .before = no_slot },
	{ WD_R_NO_ENDPOINT, .p = { IN }, .before = no_endpoint },
	{ WD_R_NO_ENDPOINT, .p = { OUT }, .before = no_endpoint },
	{ WD_R_SPOOF_IP, .p = { IN }, .before = by_pod_next_door },
	{ WD_R_SPOOF_IP, .p = { OUT, FROM(H_NEAR) } },
	{ WD_R_SPOOF_MAC, .p = { OUT }, .make = stranger_mac },
	{ WD_R_ARP_FORBIDDEN, .p = { IN }, .make = arp_of_another },
	{ WD_R_ARP_FORBIDDEN, .p = { OUT }, .make = arp_of_another },
	{ WD_R_ND_FORBIDDEN, .p = { IN }, .make = redirect },
	{ WD_R_ND_FORBIDDEN, .p = { OUT }, .make = redirect },
	{ WD_R_VLAN, .p = { IN }, .make = tagged },
	{ WD_R_VLAN, .p = { OUT }, .make = tagged },
	{ WD_R_L2_UNSUP, .p = { IN }, .make = unknown_ether },
	{ WD_R_L2_UNSUP, .p = { OUT }, .make = unknown_ether },
	{ WD_R_L3_BAD, .p = { IN, FROM(H_LOOP) } },
	{ WD_R_L3_BAD, .p = { OUT, TO(H_LOOP) } },
	{ WD_R_IPOPT, .p = { IN, .extra = source_route, .extra_len = 4 } },
	{ WD_R_IPOPT, .p = { OUT, .extra = source_route, .extra_len = 4 } },
	{ WD_R_EXTHDR, .p = { IN, .family = 6, .extra = routing, .extra_len = 8,
			      .extra_proto = 43 } },
	{ WD_R_EXTHDR, .p = { OUT, .family = 6, .extra = routing,
			      .extra_len = 8, .extra_proto = 43 } },
	{ WD_R_L4_BAD, .p = { IN, .proto = 58, .family = 6, .payload = -1 } },
	{ WD_R_L4_BAD, .p = { OUT, .proto = 58, .family = 6, .payload = -1 } },
	{ WD_R_PROTO_UNSUP, .p = { IN, .proto = 47, FROM(H_PLAIN) } },
	{ WD_R_PROTO_UNSUP, .p = { OUT, .proto = 47, TO(H_PLAIN) } },
	{ WD_R_FRAG_ORPHAN, .p = { IN, .frag_off = 40 } },
	{ WD_R_FRAG_ORPHAN, .p = { OUT, .frag_off = 40 } },
	{ WD_R_FRAG_TINY, .p = { IN, .more = true, .payload = -1 } },
	{ WD_R_FRAG_TINY, .p = { OUT, .more = true, .payload = -1 } },
	{ WD_R_FRAG_OVERLAP, .p = { IN, .frag_off = 8 } },
	{ WD_R_FRAG_OVERLAP, .p = { OUT, .frag_off = 8 } },
	{ WD_R_ICMP_UNRELATED, .p = { IN, .proto = 1, .type = 3 } },
	{ WD_R_ICMP_UNRELATED, .p = { OUT, .proto = 1, .type = 3 } },
	{ WD_R_CT_INVALID, .p = { IN, .flags = TCP_SYN | TCP_FIN } },
	{ WD_R_CT_INVALID, .p = { OUT, .flags = TCP_SYN | TCP_FIN } },
	{ WD_R_CT_FULL, .p = { IN }, .before = no_place },
	{ WD_R_CT_FULL, .p = { OUT }, .before = no_share },
	{ WD_R_NOT_LOCAL, .p = { IN, TO(H_NEAR) } },
	{ WD_R_MCAST, .p = { IN, .proto = 17, FROM(H_PLAIN), TO(H_GROUP) } },
	{ WD_R_MCAST, .p = { OUT, .proto = 17, TO(H_GROUP) } },
	{ WD_R_ENCAP_FORBIDDEN, .p = { IN, .proto = 47, FROM(H_NODE) } },
	{ WD_R_ENCAP_FORBIDDEN, .p = { OUT, .proto = 47, TO(H_NODE) } },
	{ WD_R_DHCP_FORBIDDEN, .p = { IN, .proto = 17, .dport = 67 } },
	{ WD_R_DHCP_FORBIDDEN, .p = { OUT, .proto = 17, .sport = 67 } },
	{ WD_R_FRAG_FULL, .p = { IN, .proto = 17, .more = true },
	  .before = no_place_in },
	{ WD_R_FRAG_FULL, .p = { OUT, .proto = 17, .more = true },
	  .before = no_place_out },
	{ WD_R_NEIGHBOUR_FLOOD, .p = { OUT }, .make = arp_of_its_own,
	  .before = many_neighbours },
};

/*
 * Not given in one direction: from the pod nothing is HOST or NOT_LOCAL (it has
 * one way in), and towards it the hardware address is not compared and nothing
 * of its neighbours counted.
 */
static bool is_one_way(int reason, int dir)
{
	if (dir == WD_EGRESS)
		return reason == WD_R_HOST || reason == WD_R_NOT_LOCAL;
	return reason == WD_R_SPOOF_MAC || reason == WD_R_NEIGHBOUR_FLOOD;
}

/* What the object at hand never gives: see bpf/rung.h. */
/* Of devices that are no pod's, whose programs are others; of services, answers. */
static bool is_of_wire(int reason)
{
	return (reason >= WD_R_ENCRYPTED && reason <= WD_R_ANSWER) ||
	       reason >= WD_R_PLAINTEXT_OUT;
}

static bool is_never(int reason)
{
	if (is_of_wire(reason))
		return true;
	if (!world_sheds())
		return reason == WD_R_SHED;
	return reason == WD_R_IPOPT || reason == WD_R_FRAG_FULL ||
	       reason == WD_R_FRAG_ORPHAN;
}

static bool given[WD_R__MAX][WD_DIR__MAX];

static void run_case(size_t i)
{
	struct packet p = cases[i].p;
	struct frame f;
	size_t left = p.more ? 8 : 4; /* bytes of the transport header */

	if (world_sheds() && cases[i].reason == WD_R_FRAG_FULL)
		return; /* there are no trains to fill a table with */
	if (!p.family)
		p.family = 4;
	wd_test_row(world_reason(cases[i].reason));
	world_reset();
	if (cases[i].before)
		cases[i].before();
	if (cases[i].make)
		cases[i].make(&f, p.dir);
	else
		frame_make(&f, &p);
	if (p.payload < 0) {
		f.len = f.l4 + left;
		f.data[14 + (p.family == 4 ? 3 : 5)] =
			(uint8_t)(left + (p.family == 4 ? 20 : 0));
	}
	world_expect(&f, p.dir, cases[i].reason);
	given[is_never(cases[i].reason) ? WD_R_SHED : cases[i].reason][p.dir] =
		true;
}

static void every_reason_is_given_and_counted(void)
{
	for (size_t i = 0; i < COUNT(cases); i++)
		run_case(i);
}

/* ---- a map that fails ---- */

/* Endpoints of the first counter only: that of the pod is missing. */
static void bend_maps(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "wd_quota");
	int err = bpf_map__set_max_entries(map, 4);

	assert(!err);
}

static void a_flow_that_cannot_be_counted_is_dropped(void)
{
	struct wd_endpoint_val ep;

	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			ep = world_endpoint();
			ep.stat = world_stat = 9;
			world_endpoint_set(&ep);
			expect_packet(WD_R_MAP_ERR, .family = family,
				      .dir = dir);
			wd_expect_int(0, world_flow_cnt());
			given[WD_R_MAP_ERR][dir] = true;
		}
	}
}

/* ---- the list ---- */

static void no_reason_is_left_without_a_packet(void)
{
	static const int all[] = {
#define NUMBER(name, nr, drop, help) nr,
		WD_REASONS(NUMBER)
#undef NUMBER
	};

	for (size_t i = 0; i < COUNT(all) * 2; i++) {
		int dir = (int)(i & 1);

		wd_test_row(world_reason(all[i / 2]));
		wd_expect_int(!is_one_way(all[i / 2], dir) &&
				      !is_never(all[i / 2]),
			      given[all[i / 2]][dir]);
	}
}

static void numbers_say_whether_a_packet_passed(void)
{
#define CHECK(name, nr, drop, help) \
	wd_test_row(#name); \
	wd_expect_int(drop, (nr) >= WD_R_FIRST_DROP); \
	wd_expect((nr) < WD_R__MAX); \
	wd_expect(strlen(help) > 10);
	WD_REASONS(CHECK)
#undef CHECK
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(every_reason_is_given_and_counted);
	world_close();
	if (world_open(bend_maps))
		return 1;
	WD_TEST(a_flow_that_cannot_be_counted_is_dropped);
	world_close();
	WD_TEST(no_reason_is_left_without_a_packet);
	WD_TEST(numbers_say_whether_a_packet_passed);
	return wd_tests_end();
}
