// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_protocols.c - all of what has few enough values to try all: protocol
 * numbers, TCP flags; groups, and checksums that no verdict looks at.
 *
 *	scenario 58	what_goes_to_a_group_needs_a_rule and those after it
 *	scenario 60	every_protocol_number_..., a_rule_with_ports_...
 *	scenario 62	no_checksum_changes_a_verdict (54 too)
 *	scenario 103	a_node_is_a_peer_like_any (116 too)
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- protocol numbers ---- */

/* IPv6: headers that are no transport. What a walked one holds is 0xa5. */
static bool is_extension(int family, int proto)
{
	static const int numbers[] = { 0,   43,	 44,  51,  60,
				       135, 139, 140, 253, 254 };

	for (size_t i = 0; family == 6 && i < COUNT(numbers); i++)
		if (numbers[i] == proto)
			return true;
	return false;
}

static bool has_ports(int proto)
{
	return proto == 6 || proto == 17 || proto == 132;
}

/* The number is written last: the frame maker takes 1 and 58 for one. */
static void each_proto(int (*want)(int family, int proto), enum slot slot)
{
	char row[48];

	world_reset();
	world_publish(slot, 0);
	world_batch_begin();
	for (int i = 0; i < 256 * 4; i++) {
		int proto = i / 4, dir = i & 1, family = i & 2 ? 6 : 4;
		/* another peer each way: without ports they were one flow */
		struct packet p = { .family = family,
				    .dir = dir,
				    .proto = proto,
				    .dst = dir == WD_EGRESS ? H_PLAIN :
							      H_SELF };
		struct frame f;

		(void)snprintf(row, sizeof(row), "v%d %s protocol %d", family,
			       dir == WD_INGRESS ? "in" : "out", proto);
		wd_test_row(row);
		if (proto == 1 || proto == 58)
			p.type = 200;
		frame_make(&f, &p);
		f.data[family == 4 ? 23 : 20] = (uint8_t)proto;
		world_batch(&f, dir, want(family, proto));
	}
	world_batch_end();
	wd_test_row(NULL);
}

static int want_shut(int family, int proto)
{
	if (family == 6 && proto == 44)
		return WD_R_FRAG_ORPHAN; /* 0xa5 is a place far inside */
	if (is_extension(family, proto))
		return WD_R_EXTHDR;
	return has_ports(proto) || proto == (family == 4 ? 1 : 58) ?
		       WD_R_DEFAULT :
		       WD_R_PROTO_UNSUP;
}

static int want_tcp(int family, int proto)
{
	return proto == 6 ? WD_R_POLICY_ALLOW : want_shut(family, proto);
}

static int want_all(int family, int proto)
{
	return is_extension(family, proto) ? want_shut(family, proto) :
					     WD_R_POLICY_ALLOW;
}

static void every_protocol_number_is_judged_where_nothing_is_allowed(void)
{
	each_proto(want_shut, SLOT_SHUT);
}

static void a_rule_with_ports_allows_no_other_protocol(void)
{
	each_proto(want_tcp, SLOT_TCP);
	each_proto(want_tcp, SLOT_EDGES); /* port 80 among others */
}

static void a_rule_without_ports_allows_every_protocol(void)
{
	each_proto(want_all, SLOT_ALL);
}

/* ---- TCP flags ---- */

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static bool is_sane(int flags)
{
	flags &= FIN | SYN | RST | ACK;
	if (!flags || (flags & (FIN | ACK)) == FIN)
		return false;
	return !(flags & SYN) || !(flags & (FIN | RST));
}

static void each_flags(enum slot slot, int allowed)
{
	char row[48];

	world_reset();
	world_publish(slot, 0);
	world_batch_begin();
	for (int i = 0; i < 256 * 4; i++) {
		int flags = i / 4, dir = i & 1, family = i & 2 ? 6 : 4;
		struct packet p = { .family = family,
				    .dir = dir,
				    .sport = (uint16_t)(10000 + i),
				    .dport = (uint16_t)(20000 + i) };
		struct frame f;

		(void)snprintf(row, sizeof(row), "v%d %s flags %02x", family,
			       dir == WD_INGRESS ? "in" : "out", flags);
		wd_test_row(row);
		frame_make(&f, &p);
		f.data[f.l4 + 13] = (uint8_t)flags;
		world_batch(&f, dir,
			    is_sane(flags) ? allowed : WD_R_CT_INVALID);
	}
	world_batch_end();
	wd_test_row(NULL);
}

static void every_combination_of_tcp_flags_is_judged(void)
{
	each_flags(SLOT_SHUT, WD_R_DEFAULT);
	each_flags(SLOT_ALL, WD_R_POLICY_ALLOW);
}

/* ---- groups ---- */

static const struct {
	const char *addr;
	bool is_unicast; /* to an interface: not the pod's own address */
} groups[] = {
	{ "224.0.0.1", false },	      { "224.0.0.22", false },
	{ "224.0.0.251", false },     { "232.1.1.1", false },
	{ "239.255.255.255", false }, { "255.255.255.255", false },
	{ "240.0.0.1", true },	      { "255.255.255.254", true },
	{ "ff01::1", false },	      { "ff02::1", false },
	{ "ff02::2", false },	      { "ff02::16", false },
	{ "ff02::fb", false },	      { "ff02::1:2", false },
	{ "ff05::1:3", false },	      { "ff0e::1234", false },
};

/* UDP, and what is said to groups alone: IGMP (v1 to v3 look the same), MLD. */
static const int spoken[] = { 17, 2, 58 };

static void group_frame(struct frame *f, const struct packet *p,
			const char *addr)
{
	frame_make(f, p);
	(void)inet_pton(p->family == 4 ? AF_INET : AF_INET6, addr,
			f->data + 14 + (p->family == 4 ? 16 : 24));
}

static void each_group(enum slot slot, uint32_t mode, int want, int verdict)
{
	for (size_t i = 0; i < COUNT(groups) * COUNT(spoken) * 2; i++) {
		const char *addr = groups[i / 6].addr;
		int proto = spoken[i / 2 % 3], dir = (int)(i & 1);
		int family = strchr(addr, ':') ? 6 : 4;
		struct packet p = { .family = family,
				    .dir = dir,
				    .proto = proto == 58 ? 1 : proto,
				    .type = family == 4 ? 17 : 143 };
		struct frame f;

		wd_test_row(addr);
		world_reset();
		world_publish(slot, mode);
		group_frame(&f, &p, addr);
		if (dir == WD_INGRESS && groups[i / 6].is_unicast)
			world_expect(&f, dir, WD_R_NOT_LOCAL);
		else if (verdict == WD_AUDIT)
			world_expect_audit(&f, dir, want);
		else
			world_expect(&f, dir, want);
	}
	wd_test_row(NULL);
}

static void what_goes_to_a_group_needs_a_rule(void)
{
	each_group(SLOT_SHUT, 0, WD_R_MCAST, WD_DROP);
	each_group(SLOT_ALL, 0, WD_R_POLICY_ALLOW, WD_ALLOW);
	each_group(SLOT_OPEN, 0, WD_R_NOT_ISOLATED, WD_ALLOW);
}

static void a_group_is_policys_so_audit_lets_it_pass(void)
{
	each_group(SLOT_SHUT, WD_EP_AUDIT, WD_R_MCAST, WD_AUDIT);
	each_group(SLOT_SHUT, WD_EP_OFF, WD_R_MODE_OFF, WD_ALLOW);
}

static void a_rule_that_denies_the_sender_denies_it_to_groups(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY, IN, .family = family, .proto = 17,
			      FROM(H_FOE), TO(H_GROUP));
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      .proto = 17, TO(H_GROUP));
	}
}

/* Which prefixes the links have is not known here; see README. */
static void the_broadcast_of_a_subnet_is_an_address_like_any(void)
{
	struct packet p = { .family = 4, OUT, .proto = 17 };
	struct frame f;

	world_reset();
	group_frame(&f, &p, "10.9.0.255");
	world_expect(&f, WD_EGRESS, WD_R_DEFAULT);
	p.dir = WD_INGRESS;
	group_frame(&f, &p, "10.0.0.255");
	world_expect(&f, WD_INGRESS, WD_R_NOT_LOCAL);
}

/* ---- checksums ---- */

static void no_checksum_changes_a_verdict(void)
{
	static const int protos[] = { 6, 17 };
	static const uint16_t sums[] = { 0, 1, 0x1234, 0xffff };

	world_reset();
	for (size_t i = 0; i < COUNT(protos) * COUNT(sums) * 8; i++) {
		int family = i & 1 ? 6 : 4,
		    dir = i & 2 ? WD_EGRESS : WD_INGRESS;
		int proto = protos[i / 8 % COUNT(protos)];
		uint16_t sum = sums[i / 8 / COUNT(protos)];
		struct packet p = { .family = family,
				    .dir = dir,
				    .proto = proto,
				    .dport = i & 4 ? 80 : 90,
				    .sport = (uint16_t)(20000 + i) };
		struct frame f;

		frame_make(&f, &p);
		memcpy(f.data + f.l4 + (proto == 6 ? 16 : 6), &sum, 2);
		if (family == 4)
			memcpy(f.data + 24, &sum, 2);
		world_expect(&f, dir, i & 4 ? WD_R_POLICY_ALLOW : WD_R_DEFAULT);
	}
}

/* ---- nodes ---- */

static void a_node_is_a_peer_like_any(void)
{
	static const enum host nodes[] = { H_NODE, H_NODE2, H_LINK2 };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(nodes); i++) {
			world_reset();
			expect_packet(WD_R_DEFAULT, OUT, .family = family,
				      TO(nodes[i]));
			expect_packet(nodes[i] == H_LINK2 ? WD_R_DEFAULT :
							    WD_R_POLICY_ALLOW,
				      OUT, .family = family, .dport = 9090,
				      TO(nodes[i]));
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
				      .dport = 443, TO(nodes[i]));
		}
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(every_protocol_number_is_judged_where_nothing_is_allowed);
	WD_TEST(a_rule_with_ports_allows_no_other_protocol);
	WD_TEST(a_rule_without_ports_allows_every_protocol);
	WD_TEST(every_combination_of_tcp_flags_is_judged);
	WD_TEST(what_goes_to_a_group_needs_a_rule);
	WD_TEST(a_group_is_policys_so_audit_lets_it_pass);
	WD_TEST(a_rule_that_denies_the_sender_denies_it_to_groups);
	WD_TEST(the_broadcast_of_a_subnet_is_an_address_like_any);
	WD_TEST(no_checksum_changes_a_verdict);
	WD_TEST(a_node_is_a_peer_like_any);
	world_close();
	return wd_tests_end();
}
