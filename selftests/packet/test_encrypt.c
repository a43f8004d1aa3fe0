// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_encrypt.c - at a pod: what must be encrypted comes by a device that
 * decrypted it or not at all, also within a flow that is allowed.
 *
 *	scenario 128	what_must_be_encrypted_comes_by_no_other_device
 *	scenario 137	what_must_be_encrypted_comes_by_no_other_device
 */
#include <sched.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define IF_WIREGUARD 70
#define IF_UPPER 71

static void set_addr(enum host host, const struct wd_addr_val *val)
{
	uint8_t addr[16];

	frame_addr(host, 4, addr);
	world_write("wd_addr4", addr, val);
	frame_addr(host, 6, addr);
	world_write("wd_addr6", addr, val);
}

static void set_flags(enum host host, uint32_t flags, uint32_t ifindex)
{
	const struct wd_addr_val val = { .identity = 1000,
					 .row = { ROW_FRIEND, ROW_FRIEND },
					 .flags = flags,
					 .ifindex = ifindex };

	set_addr(host, &val);
}

static void set_net(uint32_t flags)
{
	const struct wd_net_val val = { .flags = flags, .node = 2 };
	struct wd_cidr4_key k4 = { .prefixlen = 24 };
	struct wd_cidr6_key k6 = { .prefixlen = 64 };

	frame_addr(H_WORLD, 4, &k4.addr);
	frame_addr(H_WORLD, 6, k6.addr);
	if (flags) {
		world_write("wd_net4", &k4, &val);
		world_write("wd_net6", &k6, &val);
	} else {
		world_delete("wd_net4", &k4);
		world_delete("wd_net6", &k6);
	}
}

static void set_wire(uint32_t ifindex, uint8_t kind)
{
	const struct wd_wire_val val = { .kind = kind };

	world_write("wd_wire", &ifindex, &val);
}

/* Open policy; FRIEND must be encrypted, PLAIN and the pod need not be. */
static void begin(uint32_t ep_flags)
{
	world_reset();
	world_publish(SLOT_OPEN, ep_flags);
	world_switch(WD_STATE_ENCRYPT, true);
	set_flags(H_FRIEND, WD_ADDR_POD | WD_ADDR_ENCRYPT, 0);
	set_flags(H_PLAIN, WD_ADDR_POD, 0);
	set_flags(H_NODE2, WD_ADDR_NODE, 0);
	set_net(0);
	set_wire(IF_UPLINK, WD_WIRE_OUT);
	set_wire(IF_WIREGUARD, WD_WIRE_WIREGUARD);
	set_wire(IF_UPPER, WD_WIRE_UPPER);
}

static const struct {
	const char *name;
	uint32_t iif;
	bool is_trusted;
} devices[] = {
	{ "by wireguard", IF_WIREGUARD, true },
	{ "by one on top", IF_UPPER, true },
	{ "by the uplink", IF_UPLINK, false },
	{ "by a device that nobody knows", IF_OTHER, false },
	{ "by another pod", IF_NEAR, false },
};

static void expect_from(int family, enum host from, bool must)
{
	static uint16_t port = 1000; /* each is a new flow */

	for (size_t i = 0; i < COUNT(devices); i++) {
		bool passes = !must || devices[i].is_trusted;

		if (!must && devices[i].iif == IF_NEAR)
			continue; /* test_provenance.c */
		wd_test_row(devices[i].name);
		world_iif = devices[i].iif;
		expect_packet(passes ? WD_R_NOT_ISOLATED : WD_R_PLAINTEXT_IN,
			      IN, .family = family, FROM(from),
			      .dport = port++);
	}
	wd_test_row(NULL);
}

static void what_must_be_encrypted_comes_by_no_other_device(void)
{
	for_each_family(family)
	{
		begin(0);
		expect_from(family, H_FRIEND, true);
		expect_from(family, H_PLAIN, false);
		expect_from(family, H_NODE2, false);
		expect_from(family, H_WORLD, false);
	}
}

static void a_pod_that_must_be_encrypted_is_so_for_all_of_the_cluster(void)
{
	for_each_family(family)
	{
		begin(WD_EP_ENCRYPT);
		expect_from(family, H_FRIEND, true);
		expect_from(family, H_PLAIN, true);
		expect_from(family, H_NODE2, true);
		expect_from(family, H_WORLD, false);
		set_flags(H_NODE2, WD_ADDR_NODE | WD_ADDR_EXEMPT, 0);
		expect_from(family, H_NODE2, false);
	}
}

static void an_unknown_address_inside_is_judged_by_its_prefix(void)
{
	for_each_family(family)
	{
		begin(0);
		set_net(WD_NET_POD);
		expect_from(family, H_WORLD, false);
		set_net(WD_NET_POD | WD_NET_ENCRYPT);
		expect_from(family, H_WORLD, true);
		begin(WD_EP_ENCRYPT);
		set_net(WD_NET_POD);
		expect_from(family, H_WORLD, true);
		begin(0);
	}
}

static void where_no_prefix_is_known_nobody_is_outside_to_one_that_must(void)
{
	for_each_family(family)
	{
		uint32_t blind = family == 4 ? WD_STATE_NO_NET4 :
					       WD_STATE_NO_NET6;

		begin(WD_EP_ENCRYPT);
		world_switch(WD_STATE_NO_NET4 ^ WD_STATE_NO_NET6 ^ blind, true);
		expect_from(family, H_WORLD, false);
		world_switch(blind, true);
		expect_from(family, H_WORLD, true);
		world_switch(WD_STATE_WIRE_OPEN, true);
		expect_packet(WD_R_WG_STATE, OUT, .family = family,
			      TO(H_WORLD));
		begin(0);
		world_switch(blind, true);
		expect_from(family, H_WORLD, false);
		world_switch(WD_STATE_NO_NET4 | WD_STATE_NO_NET6, false);
	}
}

static void what_stays_on_the_node_need_not_be_encrypted(void)
{
	for_each_family(family)
	{
		begin(WD_EP_ENCRYPT);
		set_flags(H_NEAR, WD_ADDR_POD | WD_ADDR_LOCAL | WD_ADDR_ENCRYPT,
			  IF_NEAR);
		world_iif = IF_NEAR;
		expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
			      FROM(H_NEAR));
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_NODE));
		/* A proxy of this host that speaks as the pod elsewhere. */
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_FRIEND));
		world_iif = IF_UPLINK;
		expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
			      FROM(H_NODE), .dport = 999);
	}
}

static void a_flow_that_is_allowed_is_no_way_round(void)
{
	for_each_family(family)
	{
		const struct packet p = { IN, .family = family, .proto = 17,
					  FROM(H_FRIEND) };

		begin(0);
		world_iif = IF_WIREGUARD;
		expect_this(WD_R_NOT_ISOLATED, &p);
		expect_this(WD_R_ESTABLISHED, &p);
		world_iif = IF_UPLINK;
		expect_this(WD_R_PLAINTEXT_IN, &p);
		world_iif = IF_WIREGUARD;
		expect_this(WD_R_ESTABLISHED, &p);
	}
}

static void fragments_and_pings_are_no_way_round(void)
{
	for_each_family(family)
	{
		begin(0);
		world_iif = IF_UPLINK;
		expect_packet(WD_R_PLAINTEXT_IN, IN, .family = family,
			      .proto = 17, .more = true, FROM(H_FRIEND));
		expect_packet(WD_R_PLAINTEXT_IN, IN, .family = family,
			      .proto = 17, .frag_off = 64, FROM(H_FRIEND));
		expect_packet(WD_R_PLAINTEXT_IN, IN, .family = family,
			      .proto = 1, .type = family == 4 ? 8 : 128,
			      FROM(H_FRIEND));
	}
}

static void no_mode_lets_it_pass(void)
{
	static const uint32_t modes[] = { WD_EP_AUDIT, WD_EP_OFF,
					  WD_EP_AUDIT | WD_EP_OFF };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(modes); i++) {
			begin(modes[i]);
			world_iif = IF_UPLINK;
			expect_packet(WD_R_PLAINTEXT_IN, IN, .family = family,
				      FROM(H_FRIEND));
		}
	}
}

/* ---- an unguarded wire ---- */

static void an_unguarded_wire_stops_what_must_be_encrypted(void)
{
	for_each_family(family)
	{
		begin(0);
		world_iif = IF_WIREGUARD;
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_FRIEND));
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      TO(H_FRIEND));
		world_switch(WD_STATE_WIRE_OPEN, true);
		expect_packet(WD_R_WG_STATE, OUT, .family = family,
			      TO(H_FRIEND));
		expect_packet(WD_R_WG_STATE, IN, .family = family,
			      FROM(H_FRIEND));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_PLAIN));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_WORLD));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_NEAR));
		world_switch(WD_STATE_WIRE_OPEN, false);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      TO(H_FRIEND));
	}
}

static void an_unguarded_wire_stops_all_of_a_pod_that_must_be_encrypted(void)
{
	for_each_family(family)
	{
		begin(WD_EP_ENCRYPT);
		set_net(WD_NET_POD);
		world_switch(WD_STATE_WIRE_OPEN, true);
		expect_packet(WD_R_WG_STATE, OUT, .family = family,
			      TO(H_PLAIN));
		expect_packet(WD_R_WG_STATE, OUT, .family = family,
			      TO(H_NODE2));
		expect_packet(WD_R_WG_STATE, OUT, .family = family,
			      TO(H_WORLD));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_NODE));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_NEAR));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_PREFIX));
		begin(0);
	}
}

static void without_the_requirement_nothing_of_this_is_asked(void)
{
	for_each_family(family)
	{
		begin(WD_EP_ENCRYPT);
		world_switch(WD_STATE_ENCRYPT, false);
		world_switch(WD_STATE_WIRE_OPEN, true);
		world_iif = IF_UPLINK;
		expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
			      FROM(H_FRIEND));
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family,
			      TO(H_FRIEND), .sport = 777);
	}
}

/* ---- what is kept of the devices ---- */

static void set_epoch(uint64_t epoch)
{
	struct wd_state_val state = world_state();

	state.epoch = epoch;
	world_state_set(&state);
}

static void expect_by(int family, uint32_t iif, int reason)
{
	static uint16_t port = 1000;

	world_iif = iif;
	expect_packet(reason, IN, .family = family, FROM(H_FRIEND),
		      .dport = port++);
}

/* Each CPU keeps its own. */
static void stay_on_this_cpu(bool stay)
{
	static cpu_set_t before;
	cpu_set_t one;

	if (stay) {
		wd_expect_int(0, sched_getaffinity(0, sizeof(before), &before));
		CPU_ZERO(&one);
		CPU_SET((size_t)sched_getcpu(), &one);
	}
	wd_expect_int(0,
		      sched_setaffinity(0, sizeof(one), stay ? &one : &before));
}

/* Behind the programs' back: the epoch stays what it is. */
static void a_device_is_asked_for_once_in_an_epoch(void)
{
	uint64_t epoch = 2;

	stay_on_this_cpu(true);
	for_each_family(family)
	{
		begin(0);
		set_epoch(epoch);
		expect_by(family, IF_WIREGUARD, WD_R_NOT_ISOLATED);
		set_wire(IF_WIREGUARD, WD_WIRE_OUT);
		expect_by(family, IF_WIREGUARD, WD_R_NOT_ISOLATED);
		expect_by(family, IF_UPLINK, WD_R_PLAINTEXT_IN);
		expect_by(family, IF_OTHER, WD_R_PLAINTEXT_IN);
		epoch += 2;
		set_epoch(epoch);
		expect_by(family, IF_WIREGUARD, WD_R_PLAINTEXT_IN);
		epoch += 2;
	}
	stay_on_this_cpu(false);
}

static void a_device_is_asked_for_each_time_without_an_epoch(void)
{
	static const uint64_t epochs[] = { 0, 1, UINT64_MAX };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(epochs); i++) {
			begin(0);
			set_epoch(epochs[i]);
			expect_by(family, IF_WIREGUARD, WD_R_NOT_ISOLATED);
			set_wire(IF_WIREGUARD, WD_WIRE_OUT);
			expect_by(family, IF_WIREGUARD, WD_R_PLAINTEXT_IN);
		}
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(what_must_be_encrypted_comes_by_no_other_device);
	WD_TEST(a_pod_that_must_be_encrypted_is_so_for_all_of_the_cluster);
	WD_TEST(an_unknown_address_inside_is_judged_by_its_prefix);
	WD_TEST(where_no_prefix_is_known_nobody_is_outside_to_one_that_must);
	WD_TEST(what_stays_on_the_node_need_not_be_encrypted);
	WD_TEST(a_flow_that_is_allowed_is_no_way_round);
	WD_TEST(fragments_and_pings_are_no_way_round);
	WD_TEST(no_mode_lets_it_pass);
	WD_TEST(an_unguarded_wire_stops_what_must_be_encrypted);
	WD_TEST(an_unguarded_wire_stops_all_of_a_pod_that_must_be_encrypted);
	WD_TEST(without_the_requirement_nothing_of_this_is_asked);
	WD_TEST(a_device_is_asked_for_once_in_an_epoch);
	WD_TEST(a_device_is_asked_for_each_time_without_an_epoch);
	world_close();
	return wd_tests_end();
}
