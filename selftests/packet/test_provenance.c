// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_provenance.c - towards a pod: the device a packet came in by says who
 * may have sent it, and whether it is this host's own.
 */
#include <sched.h>
#include <errno.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- whose address by which device ---- */

static const struct {
	const char *name;
	uint32_t iif;
	enum host src;
	int reason;
} origins[] = {
	{ "a remote pod by the uplink", IF_UPLINK, H_FRIEND,
	  WD_R_POLICY_ALLOW },
	{ "a stranger by the uplink is judged", IF_UPLINK, H_WORLD,
	  WD_R_DEFAULT },
	{ "a denied pod by the uplink is judged", IF_UPLINK, H_FOE,
	  WD_R_POLICY },
	{ "a local pod by its own device", IF_NEAR, H_NEAR, WD_R_POLICY_ALLOW },
	{ "a local pod's address by the uplink", IF_UPLINK, H_NEAR,
	  WD_R_SPOOF_IP },
	{ "a local pod's address by another pod", IF_BRIDGED, H_NEAR,
	  WD_R_SPOOF_IP },
	{ "a remote pod's address by a local pod", IF_NEAR, H_FRIEND,
	  WD_R_SPOOF_IP },
	{ "a stranger's address by a local pod", IF_NEAR, H_WORLD,
	  WD_R_SPOOF_IP },
	/* masqueraded: the pod's own hook lets no such source out */
	{ "the node's address by a local pod", IF_NEAR, H_NODE, WD_R_DEFAULT },
	{ "an address of an allowed prefix by a local pod", IF_NEAR, H_PREFIX,
	  WD_R_SPOOF_IP },
	{ "a bridged pod by its own port", IF_BRIDGED, H_BRIDGED,
	  WD_R_POLICY_ALLOW },
	{ "a bridged pod by its bridge", IF_BRIDGE, H_BRIDGED,
	  WD_R_POLICY_ALLOW },
	{ "a bridged pod's address by another device", IF_OTHER, H_BRIDGED,
	  WD_R_SPOOF_IP },
	{ "a bridged pod's address by the uplink", IF_UPLINK, H_BRIDGED,
	  WD_R_SPOOF_IP },
	{ "a routed pod's address by a bridge", IF_BRIDGE, H_NEAR,
	  WD_R_SPOOF_IP },
	{ "the pod's own address by the uplink", IF_UPLINK, H_SELF,
	  WD_R_SPOOF_IP },
	{ "the pod's own address back to it", IF_POD, H_SELF, WD_R_DEFAULT },
};

static void an_address_must_come_by_the_device_it_belongs_to(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(origins); i++) {
			wd_test_row(origins[i].name);
			world_reset();
			world_iif = origins[i].iif;
			expect_packet(origins[i].reason, IN, .family = family,
				      FROM(origins[i].src));
			expect_packet(origins[i].reason, IN, .family = family,
				      .proto = 17, FROM(origins[i].src));
		}
	}
}

static void where_nothing_isolates_a_forged_source_is_dropped_too(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_OPEN, 0);
		world_iif = IF_NEAR;
		expect_packet(WD_R_SPOOF_IP, IN, .family = family);
		expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
			      FROM(H_NEAR));
		world_publish(SLOT_OPEN, WD_EP_AUDIT);
		expect_packet(WD_R_SPOOF_IP, IN, .family = family);
		world_publish(SLOT_OPEN, WD_EP_OFF);
		expect_packet(WD_R_SPOOF_IP, IN, .family = family);
	}
}

/* The endpoint has its mode twice, too, and is not written for the change. */
static void mode_changes_with_the_generation(void)
{
	struct wd_endpoint_val ep;
	struct wd_state_val state;

	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_SHUT, 0);
		world_publish(SLOT_SHUT, 0);
		ep = world_endpoint();
		state = world_state();
		ep.flags[~state.gen & 1] = WD_EP_OFF;
		world_endpoint_set(&ep);
		expect_packet(WD_R_DEFAULT, IN, .family = family);
		state.gen++;
		world_state_set(&state);
		expect_packet(WD_R_MODE_OFF, IN, .family = family);
	}
}

/* The programs remember, on each CPU, a device that is no endpoint's. */
static void a_device_that_becomes_an_endpoint_is_one_at_once(void)
{
	struct wd_endpoint_val ep = { .id = 77, .stat = 7 };
	uint32_t device = IF_OTHER;
	cpu_set_t all, one;

	wd_expect_int(0, sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	wd_expect_int(0, sched_setaffinity(0, sizeof(one), &one));
	for_each_family(family)
	{
		world_reset();
		world_iif = IF_OTHER;
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      FROM(H_FRIEND));
		world_write("wd_endpoint", &device, &ep);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_SPOOF_IP, IN, .family = family,
			      FROM(H_FRIEND));
		world_delete("wd_endpoint", &device);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      FROM(H_FRIEND));
	}
	wd_expect_int(0, sched_setaffinity(0, sizeof(all), &all));
}

static void an_endpoint_that_went_away_has_no_bridge(void)
{
	uint32_t gone = IF_BRIDGED;

	for_each_family(family)
	{
		world_reset();
		world_iif = IF_BRIDGE;
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      FROM(H_BRIDGED));
		world_delete("wd_endpoint", &gone);
		expect_packet(WD_R_SPOOF_IP, IN, .family = family,
			      .sport = 41000, FROM(H_BRIDGED));
	}
}

/* A stale flow is judged; who sends into it is looked at then too. */
static void a_forged_packet_of_a_stale_flow_says_nothing_about_the_flow(void)
{
	for_each_family(family)
	{
		world_reset();
		world_iif = IF_NEAR;
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      .proto = 17, FROM(H_NEAR));
		world_publish(SLOT_RULES, 0);
		world_iif = IF_UPLINK;
		expect_packet(WD_R_SPOOF_IP, IN, .family = family, .proto = 17,
			      FROM(H_NEAR));
		world_iif = IF_NEAR;
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 17, FROM(H_NEAR));
	}
}

static void a_forged_error_is_dropped_by_its_source(void)
{
	for_each_family(family)
	{
		struct packet flow = { .family = family, OUT, .proto = 17 };
		struct packet error = { .family = family,
					IN,
					.proto = 1,
					.type = family == 4 ? 3 : 1,
					FROM(H_WORLD) };

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		world_iif = IF_NEAR; /* the pod next door plays a router */
		expect_error(WD_R_SPOOF_IP, &error, &flow);
		world_iif = IF_UPLINK;
		expect_error(WD_R_RELATED, &error, &flow);
	}
}

/* ---- this host ---- */

static void this_hosts_own_sockets_pass(void)
{
	static const enum host sources[] = { H_NODE, H_WORLD, H_FOE };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(sources); i++) {
			world_reset();
			world_publish(SLOT_SHUT, 0);
			world_iif = 0;
			expect_packet(WD_R_HOST, IN, .family = family,
				      FROM(sources[i]));
			world_iif = IF_UPLINK;
			expect_packet(WD_R_DEFAULT, IN, .family = family,
				      .sport = 41000, FROM(sources[i]));
		}
	}
}

static void the_nodes_address_from_elsewhere_is_not_the_host(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_DEFAULT, IN, .family = family, FROM(H_NODE));
		world_iif = IF_OTHER;
		expect_packet(WD_R_DEFAULT, IN, .family = family, FROM(H_NODE));
	}
}

static void a_probe_is_answered_and_the_way_back_stays_shut(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_SHUT, 0);
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_NODE));
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000, TO(H_NODE),
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      FROM(H_NODE), .flags = TCP_ACK);
		world_publish(SLOT_SHUT, 0); /* another generation */
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000, TO(H_NODE),
			      .flags = TCP_ACK);
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_NODE));
	}
}

static void a_probe_of_an_endpoint_that_is_not_ready_passes(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_NONE, 0);
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_NODE));
		world_iif = IF_UPLINK;
		expect_packet(WD_R_NOT_READY, IN, .family = family,
			      .sport = 41000);
	}
}

static void host_policy_judges_this_hosts_sockets_as_others(void)
{
	for_each_family(family)
	{
		world_reset();
		world_switch(WD_STATE_HOST_POLICY, true);
		world_iif = 0;
		expect_packet(WD_R_DEFAULT, IN, .family = family, FROM(H_NODE));
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      FROM(H_NODE), .dport = 9090);
		expect_packet(WD_R_POLICY, IN, .family = family, FROM(H_FOE));
		world_publish(SLOT_NONE, 0);
		expect_packet(WD_R_NOT_READY, IN, .family = family,
			      FROM(H_NODE));
	}
}

static void turning_host_policy_on_ends_flows_of_the_host(void)
{
	for_each_family(family)
	{
		world_reset();
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_NODE));
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000, TO(H_NODE),
			      .flags = TCP_SYN | TCP_ACK);
		world_switch(WD_STATE_HOST_POLICY, true);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_DEFAULT, OUT, .family = family, .sport = 80,
			      .dport = 40000, TO(H_NODE), .flags = TCP_ACK);
		expect_packet(WD_R_DEFAULT, IN, .family = family, FROM(H_NODE),
			      .flags = TCP_ACK);
		world_switch(WD_STATE_HOST_POLICY, false);
		expect_packet(WD_R_HOST, IN, .family = family, FROM(H_NODE));
	}
}

static void the_exemption_of_the_host_is_of_ingress_only(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_NODE));
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      TO(H_NODE), .dport = 9090);
	}
}

static void answers_of_the_host_to_its_pod_pass(void)
{
	for_each_family(family)
	{
		world_reset();
		world_switch(WD_STATE_HOST_POLICY, true);
		tables_mix(SLOT_SHUT, SLOT_RULES);
		world_publish(SLOT_MIXED, 0);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      TO(H_NODE), .dport = 9090);
		world_iif = 0;
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      FROM(H_NODE), .sport = 9090, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_DEFAULT, IN, .family = family, FROM(H_NODE),
			      .sport = 9091, .dport = 40000);
	}
}

/* The twin of "the node's address by a local pod": where rules let the node in. */
static void what_the_host_masqueraded_passes_where_the_node_may(void)
{
	for_each_family(family)
	{
		world_reset();
		world_iif = IF_NEAR;
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      FROM(H_NODE), .dport = 9090);
		/* and only the host can have put that source there */
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family,
			      FROM(H_NODE), TO(H_FRIEND));
	}
}

/* Whose cell wd_device has at IF_POD, with the pod's entry but for its id. */
static void put_cell(uint32_t ifindex)
{
	struct wd_device_val cell = { .ifindex = ifindex,
				      .ep = world_endpoint() };
	uint32_t at = IF_POD;

	cell.ep.id = 55;
	world_write("wd_device", &at, &cell);
}

static void an_endpoint_is_found_in_the_array_before_the_hash(void)
{
	struct flow flow;
	struct packet p = { .family = 4, OUT };

	world_reset();
	put_cell(IF_POD);
	expect_this(WD_R_POLICY_ALLOW, &p);
	wd_expect_int(-ENOENT, world_flow(&p, true, &flow)); /* of id 1 */
	wd_expect_int(1, world_flow_cnt());
	put_cell(IF_POD + WD_DEVICES); /* a cell of another's */
	expect_this(WD_R_POLICY_ALLOW, &p);
	wd_expect_int(0, world_flow(&p, true, &flow));
	put_cell(0);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(an_address_must_come_by_the_device_it_belongs_to);
	WD_TEST(where_nothing_isolates_a_forged_source_is_dropped_too);
	WD_TEST(mode_changes_with_the_generation);
	WD_TEST(a_device_that_becomes_an_endpoint_is_one_at_once);
	WD_TEST(an_endpoint_that_went_away_has_no_bridge);
	WD_TEST(a_forged_packet_of_a_stale_flow_says_nothing_about_the_flow);
	WD_TEST(a_forged_error_is_dropped_by_its_source);
	WD_TEST(this_hosts_own_sockets_pass);
	WD_TEST(the_nodes_address_from_elsewhere_is_not_the_host);
	WD_TEST(a_probe_is_answered_and_the_way_back_stays_shut);
	WD_TEST(a_probe_of_an_endpoint_that_is_not_ready_passes);
	WD_TEST(host_policy_judges_this_hosts_sockets_as_others);
	WD_TEST(turning_host_policy_on_ends_flows_of_the_host);
	WD_TEST(the_exemption_of_the_host_is_of_ingress_only);
	WD_TEST(answers_of_the_host_to_its_pod_pass);
	WD_TEST(what_the_host_masqueraded_passes_where_the_node_may);
	WD_TEST(an_endpoint_is_found_in_the_array_before_the_hash);
	world_close();
	return wd_tests_end();
}
