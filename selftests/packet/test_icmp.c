// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_icmp.c - ICMP echo by id and direction, and ICMP errors: only about a
 * live flow, only towards the sender of what they quote.
 */
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t echo(int family)
{
	return family == 4 ? 8 : 128;
}

static uint8_t answer(int family)
{
	return family == 4 ? 0 : 129;
}

/* Destination unreachable. */
static uint8_t unreach(int family)
{
	return family == 4 ? 3 : 1;
}

/* ---- echo ---- */

static void an_echo_is_answered_once_it_was_allowed(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_CT_INVALID, .family = family,
				      .dir = !dir, .proto = 1,
				      .type = answer(family), .id = 3);
			expect_packet(WD_R_POLICY_ALLOW, .family = family,
				      .dir = dir, .proto = 1,
				      .type = echo(family), .id = 3);
			expect_packet(WD_R_ESTABLISHED, .family = family,
				      .dir = !dir, .proto = 1,
				      .type = answer(family), .id = 3);
			expect_packet(WD_R_ESTABLISHED, .family = family,
				      .dir = dir, .proto = 1,
				      .type = echo(family), .id = 3);
		}
	}
}

static void an_answer_must_have_the_id_and_peer_of_its_echo(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 1, .type = echo(family), .id = 3);
		expect_packet(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			      .type = answer(family), .id = 4);
		expect_packet(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			      .type = answer(family), .id = 3, FROM(H_PREFIX));
		expect_packet(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			      .type = answer(family), .id = 3, TO(H_SELF2));
		expect_packet(WD_R_CT_INVALID, OUT, .family = family,
			      .proto = 1, .type = answer(family), .id = 3);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 1, .type = answer(family), .id = 3);
	}
}

static void an_echo_does_not_open_the_way_for_one_back(void)
{
	for_each_family(family)
	{
		world_reset();
		tables_mix(SLOT_SHUT, SLOT_RULES);
		world_publish(SLOT_MIXED, 0);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 1, .type = echo(family), .id = 3);
		expect_packet(WD_R_DEFAULT, IN, .family = family, .proto = 1,
			      .type = echo(family), .id = 3);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 1, .type = answer(family), .id = 3);
		expect_packet(WD_R_DEFAULT, IN, .family = family, .proto = 1,
			      .type = echo(family), .id = 3);
	}
}

static void echoes_with_one_id_both_ways_are_two_flows(void)
{
	for_each_family(family)
	{
		struct packet ask = { .family = family,
				      OUT,
				      .proto = 1,
				      .type = echo(family),
				      .id = 3 };
		struct packet asked = ask;

		asked.dir = WD_INGRESS;
		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &ask);
		expect_this(WD_R_POLICY_ALLOW, &asked);
		wd_expect_int(2, world_flow_cnt());
		wd_expect_int(0, world_flow(&ask, true, NULL));
		wd_expect_int(0, world_flow(&asked, true, NULL));
	}
}

/* Of flows that have the echo's id as a port, and of one to a port of that. */
static void an_id_that_is_somebodys_port_opens_nothing(void)
{
	static const uint16_t ids[] = { 80, 443, 40000, 0 };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(ids); i++) {
			world_reset();
			tables_mix(SLOT_TCP, SLOT_ALL);
			world_publish(SLOT_MIXED, 0);
			for (int proto = 6; proto <= 17; proto += 11) {
				expect_packet(WD_R_POLICY_ALLOW, OUT,
					      .family = family, .proto = proto);
				expect_packet(WD_R_POLICY_ALLOW, OUT,
					      .family = family, .proto = proto,
					      .sport = 80, .dport = 443);
			}
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
				      .proto = 1, .type = echo(family),
				      .id = ids[i]);
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      .proto = 1, .type = answer(family),
				      .id = ids[i]);
			expect_packet(WD_R_DEFAULT, IN, .family = family,
				      .proto = 1, .type = echo(family),
				      .id = ids[i]);
			expect_packet(WD_R_CT_INVALID, IN, .family = family,
				      .proto = 1, .type = answer(family),
				      .id = (uint16_t)(ids[i] + 1));
			expect_packet(WD_R_CT_INVALID, OUT, .family = family,
				      .proto = 1, .type = answer(family),
				      .id = ids[i]);
		}
	}
}

static void echo_is_judged_by_rules_without_ports(void)
{
	static const struct wcase cases[] = {
		{ "v4 echo to a friend", WD_R_POLICY_ALLOW, .family = 4,
		  .p = { .proto = 1, .type = 8 } },
		{ "v6 echo to a friend", WD_R_POLICY_ALLOW, .family = 6,
		  .p = { .proto = 1, .type = 128 } },
		{ "v4 echo to a foe", WD_R_POLICY, .family = 4, .peer = H_FOE,
		  .p = { .proto = 1, .type = 8 } },
		{ "v6 echo to a foe", WD_R_POLICY, .family = 6, .peer = H_FOE,
		  .p = { .proto = 1, .type = 128 } },
		{ "v4 echo to nobody's friend", WD_R_DEFAULT, .family = 4,
		  .peer = H_PLAIN, .p = { .proto = 1, .type = 8 } },
		{ "v6 echo to nobody's friend", WD_R_DEFAULT, .family = 6,
		  .peer = H_PLAIN, .p = { .proto = 1, .type = 128 } },
		{ "v4 timestamp", WD_R_POLICY_ALLOW, .family = 4,
		  .p = { .proto = 1, .type = 13 } },
		{ "v4 timestamp to nobody's friend", WD_R_DEFAULT, .family = 4,
		  .peer = H_PLAIN, .p = { .proto = 1, .type = 13 } },
		{ "ICMP of the other family", WD_R_POLICY_ALLOW, .family = 4,
		  .p = { .proto = 58, .type = 128 } },
		{ "ICMP of the other family to nobody's friend",
		  WD_R_PROTO_UNSUP, .family = 4, .peer = H_PLAIN,
		  .p = { .proto = 58, .type = 128 } },
	};

	world_cases(cases);
}

/* ---- errors ---- */

/* What is quoted is the packet the pod sent, or the one it got. */
static struct packet quoted_by(int family, int dir, int proto)
{
	struct packet p = { .family = family, .dir = !dir, .proto = proto };

	if (proto == 1) {
		p.type = echo(family);
		p.id = 3;
	}
	return p;
}

/* An error that goes in direction @dir, from the router @from. */
static struct packet error_by(int family, int dir, enum host from)
{
	struct packet p = { .family = family,
			    .dir = dir,
			    .proto = 1,
			    .type = unreach(family) };

	if (dir == WD_INGRESS) {
		p.src = from;
		p.has_src = true;
	}
	return p;
}

static void an_error_about_a_live_flow_passes(void)
{
	static const int protos[] = { 6, 17, 132, 47, 1 };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(protos) * 2; i++) {
			int dir = (int)(i & 1);
			struct packet flow =
				quoted_by(family, dir, protos[i / 2]);
			struct packet error = error_by(family, dir, H_FRIEND);

			world_reset();
			expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
			expect_this(WD_R_POLICY_ALLOW, &flow);
			expect_error(WD_R_RELATED, &error, &flow);
			world_publish(SLOT_RULES, 0);
			expect_error(WD_R_RELATED, &error, &flow);
		}
	}
}

static void a_router_nobody_knows_may_send_the_error(void)
{
	for_each_family(family)
	{
		struct packet flow = quoted_by(family, WD_INGRESS, 17);
		struct packet error = error_by(family, WD_INGRESS, H_WORLD);

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		expect_error(WD_R_RELATED, &error, &flow);
	}
}

static void each_type_of_error_is_served_or_refused(void)
{
	static const struct {
		int family;
		uint8_t type;
		int reason;
	} types[] = {
		{ 4, 3, WD_R_RELATED },
		{ 4, 11, WD_R_RELATED },
		{ 4, 12, WD_R_RELATED },
		{ 4, 4, WD_R_ICMP_UNRELATED },
		{ 4, 5, WD_R_ICMP_UNRELATED },
		{ 6, 1, WD_R_RELATED },
		{ 6, 2, WD_R_RELATED },
		{ 6, 3, WD_R_RELATED },
		{ 6, 4, WD_R_RELATED },
		{ 6, 0, WD_R_ICMP_UNRELATED },
		{ 6, 5, WD_R_ICMP_UNRELATED },
		{ 6, 100, WD_R_ICMP_UNRELATED },
		{ 6, 127, WD_R_ICMP_UNRELATED },
	};

	for (size_t i = 0; i < COUNT(types) * 2; i++) {
		int dir = (int)(i & 1), family = types[i / 2].family;
		struct packet flow = quoted_by(family, dir, 17);
		struct packet error = error_by(family, dir, H_FRIEND);

		error.type = types[i / 2].type;
		error.id = 1; /* upper half of the size of "too big" */
		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		expect_error(types[i / 2].reason, &error, &flow);
	}
}

/* Each changes one thing of the packet that is quoted. */
static void a_forged_quote_is_not_believed(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet flow = quoted_by(family, dir, 17);
			struct packet error = error_by(family, dir, H_FRIEND);
			struct packet q;

			world_reset();
			expect_this(WD_R_POLICY_ALLOW, &flow);
			q = flow;
			q.sport = 40001;
			expect_error(WD_R_ICMP_UNRELATED, &error, &q);
			q = flow;
			q.dport = 81;
			expect_error(WD_R_ICMP_UNRELATED, &error, &q);
			q = flow;
			q.proto = 6;
			expect_error(WD_R_ICMP_UNRELATED, &error, &q);
			q = flow;
			q.dst = dir == WD_INGRESS ? H_PREFIX : H_SELF2;
			q.has_dst = true;
			expect_error(WD_R_ICMP_UNRELATED, &error, &q);
			q = flow;
			q.src = dir == WD_INGRESS ? H_SELF2 : H_PREFIX;
			q.has_src = true;
			expect_error(WD_R_ICMP_UNRELATED, &error, &q);
			expect_error(WD_R_RELATED, &error, &flow);
		}
	}
}

/* The quoted packet went the way that the error goes: nobody sent that. */
static void an_error_must_go_against_the_packet_it_quotes(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet flow = quoted_by(family, !dir, 17);
			struct packet error = error_by(family, dir, H_FRIEND);

			world_reset();
			expect_this(WD_R_POLICY_ALLOW, &flow);
			expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
		}
	}
}

/* A flow that only the peer has sent in: the pod sent nothing to complain of. */
static void what_was_not_sent_yet_cannot_be_quoted(void)
{
	for_each_family(family)
	{
		struct packet flow = { .family = family, IN, .proto = 17 };
		struct packet back = { .family = family,
				       OUT,
				       .proto = 17,
				       .sport = 80,
				       .dport = 40000 };
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		expect_error(WD_R_ICMP_UNRELATED, &error, &back);
		expect_this(WD_R_ESTABLISHED, &back);
		expect_error(WD_R_RELATED, &error, &back);
	}
}

static void a_pod_complains_only_as_the_one_that_got_the_packet(void)
{
	for_each_family(family)
	{
		struct packet flow = { .family = family, IN, .proto = 17 };
		struct packet error = error_by(family, WD_EGRESS, H_FRIEND);

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		error.src = H_SELF2;
		error.has_src = true;
		expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
		error.src = H_NEAR;
		expect_error(WD_R_SPOOF_IP, &error, &flow);
		error.src = H_SELF;
		error.dst = H_PREFIX; /* not the sender of what is quoted */
		error.has_dst = true;
		expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
		error.dst = H_FRIEND;
		expect_error(WD_R_RELATED, &error, &flow);
	}
}

static void an_error_about_an_error_is_dropped(void)
{
	for_each_family(family)
	{
		struct packet inner = { .family = family,
					OUT,
					.proto = 1,
					.type = unreach(family) };
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);

		world_reset();
		expect_error(WD_R_ICMP_UNRELATED, &error, &inner);
	}
}

static void a_quote_that_is_cut_short_is_dropped(void)
{
	for_each_family(family)
	{
		int header = family == 4 ? 20 : 40;
		struct packet flow = quoted_by(family, WD_INGRESS, 6);
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);
		struct frame f;

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		for (int len = 1; len < header + 8; len++) {
			frame_quote(&f, &error, &flow, len);
			world_expect(&f, WD_INGRESS, WD_R_ICMP_UNRELATED);
		}
		frame_quote(&f, &error, &flow, header + 8);
		world_expect(&f, WD_INGRESS, WD_R_RELATED);
	}
}

static void a_quote_of_a_later_fragment_is_dropped(void)
{
	for_each_family(family)
	{
		struct packet flow = { .family = family, OUT, .proto = 17 };
		struct packet first = flow, later = flow;
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);
		struct frame f;

		first.more = true;
		later.frag_off = 8;
		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		expect_error(WD_R_ICMP_UNRELATED, &error, &later);
		later.more = true;
		expect_error(WD_R_ICMP_UNRELATED, &error, &later);
		expect_error(WD_R_RELATED, &error, &first);
		frame_quote(&f, &error, &first, family == 4 ? 27 : 55);
		world_expect(&f, WD_INGRESS, WD_R_ICMP_UNRELATED);
	}
}

/* ---- of TCP: what is in flight ---- */

/* What the pod, or the peer, sends in a connection that the pod has opened. */
static struct packet segment(int family, int dir, uint8_t flags, uint32_t seq,
			     uint32_t ack)
{
	struct packet p = { .family = family,
			    .dir = dir,
			    .flags = flags,
			    .seq = seq,
			    .ack = ack,
			    .payload = -1 };

	p.sport = dir == WD_EGRESS ? 40000 : 80;
	p.dport = dir == WD_EGRESS ? 80 : 40000;
	return p;
}

#define POD_AT 5000
#define PEER_AT 9000

static void connect_pod(int family)
{
	struct packet syn = segment(family, WD_EGRESS, TCP_SYN, POD_AT - 1, 0);
	struct packet synack = segment(family, WD_INGRESS, TCP_SYN | TCP_ACK,
				       PEER_AT - 1, POD_AT);
	struct packet ack =
		segment(family, WD_EGRESS, TCP_ACK, POD_AT, PEER_AT);

	expect_this(WD_R_POLICY_ALLOW, &syn);
	expect_this(WD_R_ESTABLISHED, &synack);
	expect_this(WD_R_ESTABLISHED, &ack);
}

static void a_quoted_segment_must_be_in_flight(void)
{
	static const struct {
		uint32_t off;
		int reason;
	} seqs[] = {
		{ 0, WD_R_RELATED }, /* the first not acknowledged */
		{ 500, WD_R_RELATED },
		{ 1000, WD_R_RELATED }, /* the next to be sent, as stacks do */
		{ 1001, WD_R_ICMP_UNRELATED },
		{ 0xffffffff, WD_R_ICMP_UNRELATED },
		{ 0x7fffffff, WD_R_ICMP_UNRELATED },
		{ 0x80000000, WD_R_ICMP_UNRELATED },
	};

	for_each_family(family)
	{
		struct packet error = error_by(family, WD_INGRESS, H_WORLD);
		struct packet data =
			segment(family, WD_EGRESS, TCP_ACK, POD_AT, PEER_AT);
		struct packet ack = segment(family, WD_INGRESS, TCP_ACK,
					    PEER_AT, POD_AT + 1000);
		struct flow before, after;

		world_reset();
		connect_pod(family);
		data.payload = 100;
		for (int i = 0; i < 10; i++) {
			data.seq = POD_AT + 100 * (uint32_t)i;
			expect_this(WD_R_ESTABLISHED, &data);
		}
		wd_expect_int(0, world_flow(&data, false, &before));
		for (size_t i = 0; i < COUNT(seqs); i++) {
			data.seq = POD_AT + seqs[i].off;
			expect_error(seqs[i].reason, &error, &data);
		}
		wd_expect_int(0, world_flow(&data, false, &after));
		wd_expect(!memcmp(&before, &after, sizeof(before)));
		expect_this(WD_R_ESTABLISHED, &ack);
		data.seq = POD_AT + 999;
		expect_error(WD_R_ICMP_UNRELATED, &error, &data);
		data.seq = POD_AT + 1000;
		expect_error(WD_R_RELATED, &error, &data);
	}
}

/* Before the answer only the SYN is; of data that it brought, too. */
static void an_error_about_a_syn_quotes_its_number(void)
{
	for_each_family(family)
	{
		struct packet error = error_by(family, WD_INGRESS, H_WORLD);
		struct packet syn =
			segment(family, WD_EGRESS, TCP_SYN, POD_AT, 0);

		for (int data = -1; data < 100; data += 50) {
			world_reset();
			syn.payload = data ? data : 1;
			syn.seq = POD_AT;
			expect_this(WD_R_POLICY_ALLOW, &syn);
			for (int off = -1; off <= 1; off++) {
				syn.seq = POD_AT + (uint32_t)off;
				expect_error(off ? WD_R_ICMP_UNRELATED :
						   WD_R_RELATED,
					     &error, &syn);
			}
			wd_expect_int(1, world_flow_cnt());
		}
	}
}

/* ---- how large a packet may be ---- */

static void a_path_smaller_than_any_link_is_not_believed(void)
{
	static const struct {
		int family;
		uint32_t mtu;
		int reason;
	} sizes[] = {
		{ 4, 0, WD_R_ICMP_UNRELATED },
		{ 4, 67, WD_R_ICMP_UNRELATED },
		{ 4, 68, WD_R_RELATED },
		{ 4, 1380, WD_R_RELATED },
		{ 4, 0x10043, WD_R_ICMP_UNRELATED }, /* of 32 bits, 16 count */
		{ 6, 0, WD_R_ICMP_UNRELATED },
		{ 6, 68, WD_R_ICMP_UNRELATED },
		{ 6, 1279, WD_R_ICMP_UNRELATED },
		{ 6, 1280, WD_R_RELATED },
		{ 6, 0x10000, WD_R_RELATED },
	};

	for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
		int dir = (int)(i & 1), family = sizes[i / 2].family;
		struct packet flow = quoted_by(family, dir, 17);
		struct packet error = error_by(family, dir, H_FRIEND);
		uint32_t mtu = sizes[i / 2].mtu;
		struct frame f;

		if (family == 6)
			error.type = 2;
		else
			error.code = 4;
		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		frame_quote(&f, &error, &flow, 0);
		for (int k = 0; k < 4; k++)
			f.data[f.l4 + 4 + (size_t)k] =
				(uint8_t)(mtu >> (24 - 8 * k));
		world_expect(&f, dir, sizes[i / 2].reason);
		f.data[f.l4 + 1] ^= 7; /* another code has no size */
		if (family == 4)
			world_expect(&f, dir, WD_R_RELATED);
	}
}

/* The quoted protocol decides which flow is meant: all 256, with one flow. */
static void a_quote_of_another_protocol_is_dropped(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet flow = quoted_by(family, dir, 17);
			struct packet error = error_by(family, dir, H_FRIEND);
			struct frame f;

			world_reset();
			expect_this(WD_R_POLICY_ALLOW, &flow);
			world_batch_begin();
			for (int proto = 0; proto < 256; proto++) {
				frame_quote(&f, &error, &flow, 0);
				f.data[f.l4 + 8 + (family == 4 ? 9 : 6)] =
					(uint8_t)proto;
				world_batch(&f, dir,
					    proto == 17 ? WD_R_RELATED :
							  WD_R_ICMP_UNRELATED);
			}
			world_batch_end();
			wd_expect_int(1, world_flow_cnt());
		}
	}
}

/* ---- errors and policy ---- */

static void an_error_about_a_flow_not_allowed_any_more_is_dropped(void)
{
	for_each_family(family)
	{
		struct packet flow = quoted_by(family, WD_INGRESS, 17);
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		world_publish(SLOT_SHUT, 0);
		expect_error(WD_R_DEFAULT, &error, &flow);
	}
}

static void an_error_makes_no_flow_and_keeps_none_alive(void)
{
	for_each_family(family)
	{
		struct packet flow = quoted_by(family, WD_INGRESS, 17);
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);
		struct flow ct;

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &flow);
		wd_expect_int(0, world_flow(&flow, true, &ct));
		ct.expires = world_ticks() + 5;
		world_flow_set(&flow, &ct);
		expect_error(WD_R_RELATED, &error, &flow);
		wd_expect_int(0, world_flow(&flow, true, &ct));
		wd_expect(ct.expires <= world_ticks() + 5);
		ct.expires = world_ticks();
		world_flow_set(&flow, &ct);
		expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
		wd_expect_int(1, world_flow_cnt());
	}
}

static void mode_off_passes_errors_and_audit_does_not(void)
{
	for_each_family(family)
	{
		struct packet flow = quoted_by(family, WD_INGRESS, 17);
		struct packet error = error_by(family, WD_INGRESS, H_FRIEND);

		world_reset();
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_error_audit(WD_R_ICMP_UNRELATED, &error, &flow);
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_error(WD_R_MODE_OFF, &error, &flow);
		expect_packet(WD_R_MODE_OFF, IN, .family = family, .proto = 1,
			      .type = answer(family), .id = 9);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(an_echo_is_answered_once_it_was_allowed);
	WD_TEST(an_answer_must_have_the_id_and_peer_of_its_echo);
	WD_TEST(an_echo_does_not_open_the_way_for_one_back);
	WD_TEST(echoes_with_one_id_both_ways_are_two_flows);
	WD_TEST(an_id_that_is_somebodys_port_opens_nothing);
	WD_TEST(echo_is_judged_by_rules_without_ports);
	WD_TEST(an_error_about_a_live_flow_passes);
	WD_TEST(a_router_nobody_knows_may_send_the_error);
	WD_TEST(each_type_of_error_is_served_or_refused);
	WD_TEST(a_forged_quote_is_not_believed);
	WD_TEST(an_error_must_go_against_the_packet_it_quotes);
	WD_TEST(what_was_not_sent_yet_cannot_be_quoted);
	WD_TEST(a_pod_complains_only_as_the_one_that_got_the_packet);
	WD_TEST(an_error_about_an_error_is_dropped);
	WD_TEST(a_quote_that_is_cut_short_is_dropped);
	WD_TEST(a_quote_of_a_later_fragment_is_dropped);
	WD_TEST(a_quoted_segment_must_be_in_flight);
	WD_TEST(an_error_about_a_syn_quotes_its_number);
	WD_TEST(a_path_smaller_than_any_link_is_not_believed);
	WD_TEST(a_quote_of_another_protocol_is_dropped);
	WD_TEST(an_error_about_a_flow_not_allowed_any_more_is_dropped);
	WD_TEST(an_error_makes_no_flow_and_keeps_none_alive);
	WD_TEST(mode_off_passes_errors_and_audit_does_not);
	world_close();
	return wd_tests_end();
}
