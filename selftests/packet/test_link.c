// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link.c - the link layer: ethertypes, tags, hardware addresses, ARP and
 * neighbour discovery. A pod may find its gateway and be found, and may speak
 * for nobody else.
 *
 *	scenario 42	arp_is_of_the_pods_own_addresses_only and those after it,
 *			every_ethertype_but_three_is_dropped (reverse ARP)
 *	scenario 50	tagged_frames_are_dropped_and_the_same_untagged_pass,
 *			a_priority_tag_is_a_tag_too; of the kernel: test_wire
 *	scenario 51	every_ethertype_but_three_is_dropped and others
 *	scenario 52	the_receivers_hardware_address_proves_nothing,
 *			a_frame_shorter_than_its_packet_is_dropped; test_wire
 *	scenario 53	test_wire, selftests/net/test_hygiene.py
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2

static void each_way(void (*check)(int dir))
{
	check(WD_INGRESS);
	check(WD_EGRESS);
}

/* ---- ethertypes ---- */

static void expect_ether(int dir, uint16_t type, int reason)
{
	uint8_t body[64] = { 0x45 };
	struct frame f;
	char row[32];

	(void)snprintf(row, sizeof(row), "%s ethertype %04x",
		       dir == WD_INGRESS ? "in" : "out", type);
	wd_test_row(row);
	frame_ether(&f, dir, type, body, sizeof(body));
	world_expect(&f, dir, reason);
}

static void check_ethertypes(int dir)
{
	static const uint16_t unknown[] = { 0x0000, 0x002e, 0x0600, 0x0801,
					    0x0842, 0x22f3, 0x8035, 0x8137,
					    0x8847, 0x8848, 0x8863, 0x8864,
					    0x888e, 0x88cc, 0x88e5, 0x8906,
					    0x86dc, 0x86de, 0xffff };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		expect_ether(dir, unknown[i], WD_R_L2_UNSUP);
}

static void ethertypes_other_than_ip_and_arp_are_dropped(void)
{
	world_reset();
	each_way(check_ethertypes);
	for_each_family(family)
	{
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .sport = 41000);
	}
}

static uint64_t packets_of(int reason, int dir)
{
	static struct wd_stat_val val[256];
	uint32_t at = (uint32_t)reason * 2 + (uint32_t)dir;
	uint64_t sum = 0;

	world_read("wd_stat", &at, val);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += val[cpu].packets;
	return sum;
}

/* From the pod all of them, lengths of 802.3 frames (below 1536) too. */
static void every_ethertype_but_three_is_dropped(void)
{
	uint64_t unknown = packets_of(WD_R_L2_UNSUP, WD_EGRESS);
	uint64_t tags = packets_of(WD_R_VLAN, WD_EGRESS);
	uint8_t body[64] = { 0x45 };
	struct frame f;

	world_reset();
	world_publish(SLOT_OPEN, 0);
	frame_ether(&f, WD_EGRESS, 0, body, sizeof(body));
	for (uint32_t type = 0; type < 65536; type++) {
		if (type == 0x0800 || type == 0x0806 || type == 0x86dd)
			continue;
		f.data[12] = (uint8_t)(type >> 8);
		f.data[13] = (uint8_t)type;
		world_send(&f, WD_EGRESS);
	}
	wd_expect_int(
		65536 - 5,
		(long long)(packets_of(WD_R_L2_UNSUP, WD_EGRESS) - unknown));
	wd_expect_int(2, (long long)(packets_of(WD_R_VLAN, WD_EGRESS) - tags));
}

static void an_open_endpoint_gets_no_other_ethertypes_either(void)
{
	world_reset();
	world_publish(SLOT_OPEN, 0);
	expect_ether(WD_INGRESS, 0x88cc, WD_R_L2_UNSUP);
	expect_ether(WD_EGRESS, 0x8863, WD_R_L2_UNSUP);
	world_publish(SLOT_OPEN, WD_EP_OFF);
	expect_ether(WD_INGRESS, 0x88cc, WD_R_L2_UNSUP);
	world_publish(SLOT_OPEN, WD_EP_AUDIT);
	expect_ether(WD_EGRESS, 0x8863, WD_R_L2_UNSUP);
}

/* ---- tags ---- */

/* Put a tag before the ethertype of a good packet. */
static void tag(struct frame *f, uint16_t tpid)
{
	memmove(f->data + 16, f->data + 12, f->len - 12);
	f->data[12] = (uint8_t)(tpid >> 8);
	f->data[13] = (uint8_t)tpid;
	f->data[14] = 0;
	f->data[15] = 5;
	f->len += 4;
}

static void tagged_frames_are_dropped_and_the_same_untagged_pass(void)
{
	static const uint16_t tpids[] = { 0x8100, 0x88a8 };

	world_reset();
	for (size_t i = 0; i < 8; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .sport = (uint16_t)(20000 + i) };
		struct frame f;

		frame_make(&f, &p);
		tag(&f, tpids[i / 4]);
		world_expect(&f, p.dir, WD_R_VLAN);
		for (int tags = 2; tags <= 3; tags++) {
			tag(&f, 0x88a8); /* a tag around a tag */
			world_expect(&f, p.dir, WD_R_VLAN);
		}
		frame_make(&f, &p);
		world_expect(&f, p.dir, WD_R_POLICY_ALLOW);
	}
}

static void a_priority_tag_is_a_tag_too(void)
{
	struct packet p = { .family = 4, IN };
	struct frame f;

	world_reset();
	frame_make(&f, &p);
	tag(&f, 0x8100);
	f.data[14] = 0xe0; /* priority 7, VLAN 0 */
	f.data[15] = 0;
	world_expect(&f, WD_INGRESS, WD_R_VLAN);
	f.data[14] = 0x0f; /* VLAN 4095 */
	f.data[15] = 0xff;
	world_expect(&f, WD_INGRESS, WD_R_VLAN);
	f.data[14] = 0;
	f.data[15] = 1;
	world_expect(&f, WD_INGRESS, WD_R_VLAN);
}

/* ---- hardware addresses ---- */

static void a_pod_must_send_from_its_own_hardware_address(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, OUT };
		struct frame f;

		for (int i = 6; i < 12; i++) {
			world_reset();
			frame_make(&f, &p);
			f.data[i] ^= 0x10; /* one bit of each byte */
			world_expect(&f, WD_EGRESS, WD_R_SPOOF_MAC);
			f.data[i] ^= 0x10;
			world_expect(&f, WD_EGRESS, WD_R_POLICY_ALLOW);
		}
	}
}

static void towards_the_pod_the_hardware_address_proves_nothing(void)
{
	struct packet p = { .family = 4, IN };
	struct frame f;

	world_reset();
	frame_make(&f, &p);
	f.data[11] ^= 0x10;
	world_expect(&f, WD_INGRESS, WD_R_POLICY_ALLOW);
}

static void the_receivers_hardware_address_proves_nothing(void)
{
	static const uint8_t to[][6] = {
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 1, 0, 0x5e, 0, 0, 1 },
		{ 0x33, 0x33, 0, 0, 0, 1 },
		{ 2, 9, 9, 9, 9, 9 },
		{ 0 },
	};

	for (size_t i = 0; i < sizeof(to) / 6 * 8; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .dport = i & 4 ? 80 : 90 };
		struct frame f;

		world_reset();
		frame_make(&f, &p);
		memcpy(f.data, to[i / 8], 6);
		world_expect(&f, p.dir,
			     i & 4 ? WD_R_POLICY_ALLOW : WD_R_DEFAULT);
	}
}

static void without_a_known_hardware_address_none_is_compared(void)
{
	struct packet p = { .family = 4, OUT };
	struct wd_endpoint_val ep;
	struct frame f;

	world_reset();
	ep = world_endpoint();
	memset(ep.mac, 0, sizeof(ep.mac));
	world_endpoint_set(&ep);
	frame_make(&f, &p);
	f.data[11] ^= 0x10;
	world_expect(&f, WD_EGRESS, WD_R_POLICY_ALLOW);
}

static void a_spoofed_hardware_address_stops_an_established_flow_too(void)
{
	struct packet p = { .family = 4, OUT, .flags = TCP_ACK };
	struct frame f;

	world_reset();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
	expect_packet(WD_R_ESTABLISHED, IN, .family = 4, .sport = 80,
		      .dport = 40000, .flags = TCP_SYN | TCP_ACK);
	frame_make(&f, &p);
	f.data[6] ^= 0x04;
	world_expect(&f, WD_EGRESS, WD_R_SPOOF_MAC);
	f.data[6] ^= 0x04;
	world_expect(&f, WD_EGRESS, WD_R_ESTABLISHED);
}

/* ---- ARP ---- */

static const struct {
	const char *name;
	int dir, op;
	enum host sender, target;
	int reason;
} arps[] = {
	{ "a pod asks for its gateway", WD_EGRESS, ARP_REQUEST, H_SELF, H_NODE,
	  WD_R_NEIGHBOUR },
	{ "a pod asks from its second address", WD_EGRESS, ARP_REQUEST, H_SELF2,
	  H_NODE, WD_R_NEIGHBOUR },
	{ "a pod asks from an address of another", WD_EGRESS, ARP_REQUEST,
	  H_NEAR, H_NODE, WD_R_ARP_FORBIDDEN },
	{ "a pod answers for itself", WD_EGRESS, ARP_REPLY, H_SELF, H_NODE,
	  WD_R_NEIGHBOUR },
	{ "a pod answers for another", WD_EGRESS, ARP_REPLY, H_NEAR, H_NODE,
	  WD_R_ARP_FORBIDDEN },
	{ "a pod answers for its gateway", WD_EGRESS, ARP_REPLY, H_NODE, H_NEAR,
	  WD_R_ARP_FORBIDDEN },
	{ "a pod announces its own address", WD_EGRESS, ARP_REQUEST, H_SELF,
	  H_SELF, WD_R_NEIGHBOUR },
	{ "a pod announces the gateway's", WD_EGRESS, ARP_REQUEST, H_NODE,
	  H_NODE, WD_R_ARP_FORBIDDEN },
	{ "a pod probes for its own address", WD_EGRESS, ARP_REQUEST, H_ZERO,
	  H_SELF, WD_R_NEIGHBOUR },
	{ "a pod probes for an address of another", WD_EGRESS, ARP_REQUEST,
	  H_ZERO, H_NEAR, WD_R_ARP_FORBIDDEN },
	{ "an answer without a sender's address", WD_EGRESS, ARP_REPLY, H_ZERO,
	  H_SELF, WD_R_ARP_FORBIDDEN },
	{ "the gateway asks for the pod", WD_INGRESS, ARP_REQUEST, H_NODE,
	  H_SELF, WD_R_NEIGHBOUR },
	{ "the gateway asks for its second address", WD_INGRESS, ARP_REQUEST,
	  H_NODE, H_SELF2, WD_R_NEIGHBOUR },
	{ "the gateway answers the pod", WD_INGRESS, ARP_REPLY, H_NODE, H_SELF,
	  WD_R_NEIGHBOUR },
	{ "a request for another pod", WD_INGRESS, ARP_REQUEST, H_NODE, H_NEAR,
	  WD_R_NOT_LOCAL },
	{ "somebody announces an address of its own", WD_INGRESS, ARP_REQUEST,
	  H_NEAR, H_NEAR, WD_R_NOT_LOCAL },
};

static void arp_is_of_the_pods_own_addresses_only(void)
{
	struct frame f;

	for (size_t i = 0; i < sizeof(arps) / sizeof(arps[0]); i++) {
		wd_test_row(arps[i].name);
		world_reset();
		frame_arp(&f, arps[i].dir, arps[i].op, arps[i].sender,
			  arps[i].target);
		world_expect(&f, arps[i].dir, arps[i].reason);
		world_publish(SLOT_SHUT, 0); /* policy has no say in it */
		world_expect(&f, arps[i].dir, arps[i].reason);
	}
}

/* One byte of a good ARP frame set to something else. */
static const struct {
	const char *name;
	size_t at;
	uint8_t val;
} bad_arps[] = {
	{ "hardware type is not Ethernet", 15, 6 },
	{ "protocol is not IPv4", 16, 0x86 },
	{ "hardware address of 8 bytes", 18, 8 },
	{ "protocol address of 16 bytes", 19, 16 },
	{ "operation 0", 21, 0 },
	{ "reverse ARP request", 21, 3 },
	{ "inverse ARP", 21, 8 },
	{ "operation above 255", 20, 1 },
};

static void arp_that_is_not_of_ethernet_and_ipv4_is_dropped(void)
{
	struct frame f;

	world_reset();
	for (size_t i = 0; i < sizeof(bad_arps) / sizeof(bad_arps[0]); i++) {
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			wd_test_row(bad_arps[i].name);
			frame_arp(&f, dir, ARP_REQUEST,
				  dir == WD_EGRESS ? H_SELF : H_NODE,
				  dir == WD_EGRESS ? H_NODE : H_SELF);
			world_expect(&f, dir, WD_R_NEIGHBOUR);
			f.data[bad_arps[i].at] = bad_arps[i].val;
			world_expect(&f, dir, WD_R_ARP_FORBIDDEN);
		}
	}
}

static void arp_must_name_the_hardware_address_it_was_sent_from(void)
{
	struct frame f;

	world_reset();
	frame_arp(&f, WD_EGRESS, ARP_REPLY, H_SELF, H_NODE);
	f.data[22] ^= 0x02;
	world_expect(&f, WD_EGRESS, WD_R_ARP_FORBIDDEN);
	f.data[6] ^= 0x02; /* the frame's too: they agree, and both lie */
	world_expect(&f, WD_EGRESS, WD_R_SPOOF_MAC);
	f.data[22] ^= 0x02;
	world_expect(&f, WD_EGRESS, WD_R_SPOOF_MAC);
	f.data[6] ^= 0x02;
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
}

static void arp_that_is_cut_short_is_dropped(void)
{
	struct frame f;

	world_reset();
	for (size_t len = 15; len < 42; len++) {
		frame_arp(&f, WD_EGRESS, ARP_REQUEST, H_SELF, H_NODE);
		f.len = len;
		world_expect(&f, WD_EGRESS, WD_R_ARP_FORBIDDEN);
	}
	f.len = 42;
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	f.len = 60; /* as padded by hardware */
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
}

static void a_pod_that_is_not_ready_can_find_its_gateway(void)
{
	struct frame f;

	world_reset();
	world_publish(SLOT_NONE, 0);
	frame_arp(&f, WD_EGRESS, ARP_REQUEST, H_SELF, H_NODE);
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	frame_arp(&f, WD_INGRESS, ARP_REPLY, H_NODE, H_SELF);
	world_expect(&f, WD_INGRESS, WD_R_NEIGHBOUR);
	expect_packet(WD_R_NOT_READY, OUT, .family = 4);
}

/* ---- short frames ---- */

/* Below a whole IP header this way of running takes none; see the wire tests. */
static void a_frame_shorter_than_its_packet_is_dropped(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, .payload = -1 };

		for (p.dir = 0; p.dir < WD_DIR__MAX; p.dir++) {
			struct frame f, whole;

			frame_make(&whole, &p);
			for (size_t len = whole.l4; len < whole.len; len++) {
				f = whole;
				f.len = len;
				world_reset();
				world_expect(&f, p.dir, WD_R_L3_BAD);
			}
			world_expect(&whole, p.dir, WD_R_POLICY_ALLOW);
		}
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(ethertypes_other_than_ip_and_arp_are_dropped);
	WD_TEST(every_ethertype_but_three_is_dropped);
	WD_TEST(an_open_endpoint_gets_no_other_ethertypes_either);
	WD_TEST(tagged_frames_are_dropped_and_the_same_untagged_pass);
	WD_TEST(a_priority_tag_is_a_tag_too);
	WD_TEST(a_pod_must_send_from_its_own_hardware_address);
	WD_TEST(towards_the_pod_the_hardware_address_proves_nothing);
	WD_TEST(the_receivers_hardware_address_proves_nothing);
	WD_TEST(without_a_known_hardware_address_none_is_compared);
	WD_TEST(a_spoofed_hardware_address_stops_an_established_flow_too);
	WD_TEST(arp_is_of_the_pods_own_addresses_only);
	WD_TEST(arp_that_is_not_of_ethernet_and_ipv4_is_dropped);
	WD_TEST(arp_must_name_the_hardware_address_it_was_sent_from);
	WD_TEST(arp_that_is_cut_short_is_dropped);
	WD_TEST(a_pod_that_is_not_ready_can_find_its_gateway);
	WD_TEST(a_frame_shorter_than_its_packet_is_dropped);
	world_close();
	return wd_tests_end();
}
