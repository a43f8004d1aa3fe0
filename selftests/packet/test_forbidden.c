// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_forbidden.c - what a pod may not be or do whatever policy and mode say:
 * a tunnel's end towards a node, a DHCP server. Numbers are written out again:
 * a line that is lost in the programs' list is found here.
 *
 *	scenario 59	a_pod_is_no_dhcp_server and those after it
 *	scenario 94	no_tunnel_goes_between_a_pod_and_a_node and those after it
 *	scenario 96	a_tunnel_header_does_not_say_who_sent_it
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "base/byteorder.h"
#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define UDP 17
#define SCTP 132
#define EPHEMERAL 32768

static const int protos[] = { 4,  41, 47,  50,	51,  55, 94,
			      97, 98, 108, 115, 137, 143 };
static const uint16_t ports[] = { 1701, 2152, 4500, 4754,  4755,
				  4789, 4790, 6080, 6081,  6635,
				  6636, 8285, 8472, 51820, 51871 };

/* Where a node may be behind. Nothing comes from a group. */
static const struct {
	const char *name;
	enum host host;
	bool is_group;
} nodes[] = {
	{ "this node", H_NODE, false },
	{ "another node", H_NODE2, false },
	{ "an address of the link", H_LINK2, false },
	{ "a group", H_GROUP, true },
	{ "everybody", H_ALL, true },
};

/* A packet between the pod and @peer; @port is the peer's, 0: not UDP. */
static struct packet tunnel(int family, int dir, enum host peer, int proto,
			    uint16_t port)
{
	struct packet p = { .family = family, .dir = dir, .proto = proto };

	if (dir == WD_EGRESS) {
		p.dst = peer;
		p.has_dst = true;
		p.dport = port;
	} else {
		p.src = peer;
		p.has_src = true;
		p.sport = port;
		p.dport = 40000;
	}
	return p;
}

static void expect_tunnels(int reason, int family, int dir, enum host peer)
{
	struct packet p;
	struct frame f;

	world_batch_begin();
	for (size_t i = 0; i < COUNT(protos); i++) {
		if (family == 6 && protos[i] == 51)
			continue; /* walked, see below */
		p = tunnel(family, dir, peer, protos[i], 0);
		frame_make(&f, &p);
		world_batch(&f, dir, reason);
	}
	for (size_t i = 0; i < COUNT(ports); i++) {
		if (dir == WD_INGRESS && ports[i] >= EPHEMERAL)
			continue; /* see a_port_that_sockets_get_... */
		p = tunnel(family, dir, peer, UDP, ports[i]);
		frame_make(&f, &p);
		world_batch(&f, dir, reason);
	}
	world_batch_end();
}

static void each_node(void (*check)(int family, int dir, enum host node))
{
	char row[64];

	for (size_t i = 0; i < COUNT(nodes) * 4; i++) {
		int family = i & 1 ? 6 : 4,
		    dir = i & 2 ? WD_EGRESS : WD_INGRESS;

		if (nodes[i / 4].is_group && dir == WD_INGRESS)
			continue;
		(void)snprintf(row, sizeof(row), "v%d %s %s", family,
			       dir == WD_EGRESS ? "to" : "from",
			       nodes[i / 4].name);
		wd_test_row(row);
		world_reset();
		check(family, dir, nodes[i / 4].host);
	}
	wd_test_row(NULL);
}

static void check_forbidden(int family, int dir, enum host node)
{
	world_publish(SLOT_ALL, 0);
	expect_tunnels(WD_R_ENCAP_FORBIDDEN, family, dir, node);
	world_publish(SLOT_ALL, WD_EP_ENCAP);
	expect_tunnels(WD_R_POLICY_ALLOW, family, dir, node);
}

static void no_tunnel_goes_between_a_pod_and_a_node(void)
{
	each_node(check_forbidden);
}

static void check_modes(int family, int dir, enum host node)
{
	world_publish(SLOT_OPEN, WD_EP_AUDIT);
	expect_tunnels(WD_R_ENCAP_FORBIDDEN, family, dir, node);
	world_publish(SLOT_OPEN, WD_EP_OFF);
	expect_tunnels(WD_R_ENCAP_FORBIDDEN, family, dir, node);
	world_publish(SLOT_SHUT, 0);
	expect_tunnels(WD_R_ENCAP_FORBIDDEN, family, dir, node);
	world_publish(SLOT_OPEN, WD_EP_OFF | WD_EP_ENCAP);
	expect_tunnels(WD_R_MODE_OFF, family, dir, node);
}

static void no_mode_and_no_policy_has_a_say_in_tunnels(void)
{
	each_node(check_modes);
}

static void to_others_a_tunnel_is_what_policy_says(void)
{
	static const enum host others[] = { H_PLAIN, H_WORLD, H_PREFIX };

	for (size_t i = 0; i < COUNT(others) * 4; i++) {
		int family = i & 1 ? 6 : 4,
		    dir = i & 2 ? WD_EGRESS : WD_INGRESS;

		world_reset();
		world_publish(SLOT_ALL, 0);
		expect_tunnels(WD_R_POLICY_ALLOW, family, dir, others[i / 4]);
	}
}

static void batch_allowed(const struct packet *p)
{
	struct frame f;

	frame_make(&f, p);
	world_batch(&f, p->dir, WD_R_POLICY_ALLOW);
}

/* The port of the other side, other protocols, and the bytes swapped. */
static void check_neighbours(int family, int dir, enum host node)
{
	struct packet p;

	world_publish(SLOT_ALL, 0);
	world_batch_begin();
	for (size_t i = 0; i < COUNT(ports); i++) {
		p = tunnel(family, dir, node, 6, ports[i]);
		batch_allowed(&p);
		p.proto = SCTP;
		batch_allowed(&p);
		p = tunnel(family, dir, node, UDP,
			   (uint16_t)(ports[i] >> 8 | ports[i] << 8));
		batch_allowed(&p);
		p = tunnel(family, dir, node, UDP, 40000);
		if (dir == WD_EGRESS)
			p.sport = ports[i];
		else
			p.dport = ports[i];
		batch_allowed(&p);
	}
	p = tunnel(family, dir, node, UDP, 500); /* IKE carries no packets */
	batch_allowed(&p);
	world_batch_end();
}

static void a_number_is_compared_as_what_it_is(void)
{
	each_node(check_neighbours);
}

static bool is_listed(uint32_t port)
{
	for (size_t i = 0; i < COUNT(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

static void no_other_port_of_a_node_is_taken_for_a_tunnel(void)
{
	static struct wd_stat_val before[256], after[256];
	uint32_t at = WD_R_ENCAP_FORBIDDEN * 2 + WD_EGRESS, want = 0;
	uint64_t got = 0;
	struct frame f;

	world_reset();
	world_publish(SLOT_SHUT, 0); /* makes no flows */
	world_read("wd_stat", &at, before);
	for (uint32_t port = 1; port < 65536; port++) {
		struct packet p =
			tunnel(4, WD_EGRESS, H_NODE, UDP, (uint16_t)port);

		frame_make(&f, &p);
		world_send(&f, WD_EGRESS);
		want += is_listed(port);
	}
	world_read("wd_stat", &at, after);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		got += after[cpu].packets - before[cpu].packets;
	wd_expect_int(COUNT(ports), want);
	wd_expect_int(want, (long long)got);
}

static void a_tunnel_ends_when_its_namespace_may_no_longer(void)
{
	for_each_family(family)
	{
		struct packet out =
			tunnel(family, WD_EGRESS, H_NODE2, UDP, 8472);
		struct packet in =
			tunnel(family, WD_INGRESS, H_NODE2, UDP, 8472);

		out.sport = 40000;
		world_reset();
		world_publish(SLOT_ALL, WD_EP_ENCAP);
		expect_this(WD_R_POLICY_ALLOW, &out);
		expect_this(WD_R_ESTABLISHED, &in);
		expect_this(WD_R_ESTABLISHED, &out);
		world_publish(SLOT_ALL, 0);
		expect_this(WD_R_ENCAP_FORBIDDEN, &in);
		expect_this(WD_R_ENCAP_FORBIDDEN, &out);
		expect_this(WD_R_ENCAP_FORBIDDEN, &in);
	}
}

/* A node asks from a tunnel's port: the answer would be a tunnel's packet. */
static void to_be_asked_from_a_tunnels_port_is_no_way_round(void)
{
	for_each_family(family)
	{
		struct packet out =
			tunnel(family, WD_EGRESS, H_NODE2, UDP, 4789);
		struct packet in =
			tunnel(family, WD_INGRESS, H_NODE2, UDP, 4789);

		out.sport = 40000;
		world_reset();
		world_publish(SLOT_ALL, 0);
		expect_this(WD_R_ENCAP_FORBIDDEN, &in);
		expect_this(WD_R_ENCAP_FORBIDDEN, &out);
	}
}

/* A resolver of a node asks from any of them; the pod must be able to answer. */
static void a_port_that_sockets_get_by_themselves_may_ask(void)
{
	static const uint16_t asking[] = { 51820, 51871 };

	for (size_t i = 0; i < COUNT(asking) * 2; i++) {
		int family = i & 1 ? 6 : 4;
		struct packet in =
			tunnel(family, WD_INGRESS, H_NODE2, UDP, asking[i / 2]);
		struct packet out =
			tunnel(family, WD_EGRESS, H_NODE2, UDP, asking[i / 2]);

		world_reset();
		world_publish(SLOT_ALL, 0);
		out.sport = 40000;
		expect_this(WD_R_ENCAP_FORBIDDEN, &out);
		expect_this(WD_R_POLICY_ALLOW, &in);
		expect_this(WD_R_ESTABLISHED, &out);
		out.sport = 40001;
		expect_this(WD_R_ENCAP_FORBIDDEN, &out);
	}
}

/* What wd_state says of the port at place @at. */
static void tell_tunnel(int at, uint16_t port, uint8_t kind)
{
	struct wd_state_val state = world_state();

	memset(state.tunnel, 0, sizeof(state.tunnel));
	state.tunnel[at] =
		(struct wd_tunnel_port){ .port = wd_be16(port), .kind = kind };
	world_state_set(&state);
}

static void expect_own(int reason, int family, int dir, enum host peer,
		       uint16_t port)
{
	struct packet p = tunnel(family, dir, peer, UDP, port);

	expect_this(reason, &p);
	p.proto = 6;
	expect_this(WD_R_POLICY_ALLOW, &p);
}

/* Of this node's own: no socket asks from it, whatever its number. */
static void check_own(int family, int dir, enum host node)
{
	static const uint16_t own[] = { 2, 7777, 33333, 65535 };

	for (int at = 0; at < WD_TUNNEL_PORTS; at++) {
		uint16_t port = own[at % COUNT(own)];

		world_reset();
		world_publish(SLOT_ALL, 0);
		tell_tunnel(at, port, (uint8_t)(WD_TUNNEL_VXLAN + at % 3));
		expect_own(WD_R_ENCAP_FORBIDDEN, family, dir, node, port);
		expect_own(WD_R_POLICY_ALLOW, family, dir, node,
			   (uint16_t)(port - 1));
		expect_own(WD_R_POLICY_ALLOW, family, dir, H_PLAIN, port);
		world_reset();
		world_publish(SLOT_ALL, 0);
		tell_tunnel(at, port, WD_TUNNEL_WIREGUARD);
		expect_own(WD_R_POLICY_ALLOW, family, dir, node, port);
	}
}

static void the_port_of_a_tunnel_of_this_node_is_one_whatever_its_number(void)
{
	each_node(check_own);
}

static void check_any(int family, int dir, enum host node)
{
	bool asks = dir == WD_INGRESS;

	world_publish(SLOT_ALL, 0);
	tell_tunnel(WD_TUNNEL_PORTS - 1, 0, WD_TUNNEL_ANY);
	expect_own(WD_R_ENCAP_FORBIDDEN, family, dir, node, 53);
	expect_own(WD_R_ENCAP_FORBIDDEN, family, dir, node, EPHEMERAL - 1);
	expect_own(asks ? WD_R_POLICY_ALLOW : WD_R_ENCAP_FORBIDDEN, family, dir,
		   node, EPHEMERAL);
	expect_own(WD_R_POLICY_ALLOW, family, dir, H_PLAIN, 53);
}

static void where_a_node_has_more_than_can_be_told_of_any_port_may_be_one(void)
{
	each_node(check_any);
}

static void a_flow_ends_when_its_port_becomes_a_tunnels(void)
{
	for_each_family(family)
	{
		struct packet out =
			tunnel(family, WD_EGRESS, H_NODE, UDP, 7777);
		struct packet in =
			tunnel(family, WD_INGRESS, H_NODE, UDP, 7777);

		out.sport = 40000;
		world_reset();
		world_publish(SLOT_ALL, 0);
		tell_tunnel(0, 0, 0);
		expect_this(WD_R_POLICY_ALLOW, &out);
		expect_this(WD_R_ESTABLISHED, &in);
		tell_tunnel(3, 7777, WD_TUNNEL_VXLAN);
		world_publish(SLOT_ALL, 0);
		expect_this(WD_R_ENCAP_FORBIDDEN, &out);
		expect_this(WD_R_ENCAP_FORBIDDEN, &in);
	}
}

static void a_tunnel_in_fragments_is_one(void)
{
	for_each_family(family)
	{
		struct packet p = tunnel(family, WD_EGRESS, H_NODE, UDP, 8472);
		struct packet q = tunnel(family, WD_EGRESS, H_NODE, 47, 0);

		world_reset();
		world_publish(SLOT_ALL, 0);
		p.more = q.more = true;
		expect_this(WD_R_ENCAP_FORBIDDEN, &p);
		expect_this(WD_R_ENCAP_FORBIDDEN, &q);
		p.frag_off = q.frag_off = 40;
		expect_this(WD_R_FRAG_ORPHAN, &p);
		expect_this(WD_R_FRAG_ORPHAN, &q);
	}
}

static void a_tunnel_behind_other_headers_is_one(void)
{
	static const uint8_t headers[][8] = { { 47, 0, 1, 4 }, { 4, 0, 1, 4 } };
	static const int kinds[] = { 0, 60, 51 };

	for (size_t i = 0; i < COUNT(kinds) * 2; i++) {
		struct packet p =
			tunnel(6, WD_EGRESS, H_NODE, headers[i & 1][0], 0);

		world_reset();
		world_publish(SLOT_ALL, 0);
		p.extra = headers[i & 1];
		p.extra_len = 8;
		p.extra_proto = kinds[i / 2];
		expect_this(WD_R_ENCAP_FORBIDDEN, &p);
		p.dst = H_PLAIN;
		expect_this(WD_R_POLICY_ALLOW, &p);
	}
}

/* VXLAN whose network number is an identity, around a packet of another. */
static void a_tunnel_header_does_not_say_who_sent_it(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family,
				    IN,
				    .proto = UDP,
				    .sport = 8472,
				    .payload = 120 };
		struct packet q = p;
		struct frame f, inner;

		world_reset();
		frame_make(&inner, &p); /* of a friend */
		p.src = H_FOE;
		frame_make(&f, &p);
		memset(f.data + f.l4 + 8, 0, 8);
		f.data[f.l4 + 8] = 8;
		f.data[f.l4 + 13] = 1000 >> 8; /* the friend's identity */
		f.data[f.l4 + 14] = 1000 & 0xff;
		memcpy(f.data + f.l4 + 16, inner.data, 100);
		world_expect(&f, WD_INGRESS, WD_R_POLICY);
		expect_this(WD_R_POLICY_ALLOW, &q);
	}
}

/* ---- DHCP ---- */

/* From the server's port of @family, to where servers answer. */
static const enum host clients[] = { H_FRIEND, H_NODE, H_LINK2, H_GROUP,
				     H_ALL };

static uint16_t server_port(int family)
{
	return family == 4 ? 67 : 547;
}

static uint16_t client_port(int family)
{
	return server_port(family) + (family == 4 ? 1 : -1);
}

static void a_pod_is_no_dhcp_server(void)
{
	static const uint32_t modes[] = { 0, WD_EP_AUDIT, WD_EP_OFF };
	static const enum slot slots[] = { SLOT_ALL, SLOT_OPEN, SLOT_SHUT };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(modes) * COUNT(slots); i++) {
			world_reset();
			world_publish(slots[i / COUNT(modes)],
				      modes[i % COUNT(modes)]);
			for (size_t k = 0; k < COUNT(clients); k++)
				expect_packet(WD_R_DHCP_FORBIDDEN, OUT,
					      .family = family, .proto = UDP,
					      .sport = server_port(family),
					      .dport = client_port(family),
					      TO(clients[k]));
		}
	}
}

static void a_dhcp_server_is_not_asked_either(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_ALL, 0);
		expect_packet(WD_R_DHCP_FORBIDDEN, IN, .family = family,
			      .proto = UDP, .sport = client_port(family),
			      .dport = server_port(family));
		expect_packet(WD_R_DHCP_FORBIDDEN, OUT, .family = family,
			      .proto = UDP, .sport = server_port(family),
			      .dport = client_port(family));
	}
}

static void a_dhcp_client_is_what_policy_says(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family,
				    OUT,
				    .proto = UDP,
				    .sport = client_port(family),
				    .dport = server_port(family),
				    TO(H_NODE) };

		world_reset();
		world_publish(SLOT_SHUT, 0);
		expect_this(WD_R_DEFAULT, &p);
		p.dst = H_ALL;
		expect_this(WD_R_MCAST, &p);
		world_publish(SLOT_ALL, 0);
		expect_this(WD_R_POLICY_ALLOW, &p);
	}
}

static void the_server_port_of_the_other_family_is_a_port_like_any(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_ALL, 0);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = UDP, .sport = server_port(10 - family));
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .sport = server_port(family));
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = SCTP, .sport = server_port(family));
	}
}

/* What this host's own sockets ask is not policy's, nor is the answer. */
static void this_host_may_ask_a_dhcp_server_in_a_pod(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_SHUT, 0);
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, .proto = UDP,
			      .sport = 4000, .dport = server_port(family),
			      FROM(H_NODE));
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .proto = UDP, .sport = server_port(family),
			      .dport = 4000, TO(H_NODE));
		expect_packet(WD_R_DHCP_FORBIDDEN, OUT, .family = family,
			      .proto = UDP, .sport = server_port(family),
			      .dport = client_port(family), TO(H_NODE));
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(no_tunnel_goes_between_a_pod_and_a_node);
	WD_TEST(no_mode_and_no_policy_has_a_say_in_tunnels);
	WD_TEST(to_others_a_tunnel_is_what_policy_says);
	WD_TEST(a_number_is_compared_as_what_it_is);
	WD_TEST(no_other_port_of_a_node_is_taken_for_a_tunnel);
	WD_TEST(a_tunnel_ends_when_its_namespace_may_no_longer);
	WD_TEST(to_be_asked_from_a_tunnels_port_is_no_way_round);
	WD_TEST(a_port_that_sockets_get_by_themselves_may_ask);
	WD_TEST(the_port_of_a_tunnel_of_this_node_is_one_whatever_its_number);
	WD_TEST(where_a_node_has_more_than_can_be_told_of_any_port_may_be_one);
	WD_TEST(a_flow_ends_when_its_port_becomes_a_tunnels);
	WD_TEST(a_tunnel_in_fragments_is_one);
	WD_TEST(a_tunnel_behind_other_headers_is_one);
	WD_TEST(a_tunnel_header_does_not_say_who_sent_it);
	WD_TEST(a_pod_is_no_dhcp_server);
	WD_TEST(a_dhcp_server_is_not_asked_either);
	WD_TEST(a_dhcp_client_is_what_policy_says);
	WD_TEST(the_server_port_of_the_other_family_is_a_port_like_any);
	WD_TEST(this_host_may_ask_a_dhcp_server_in_a_pod);
	world_close();
	return wd_tests_end();
}
