// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fragments.c - later fragments go where their first fragment was let go,
 * and nowhere else. Sizes are of IPv4 and IPv6 alike: offsets in bytes.
 */
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UDP .proto = 17
#define FIRST .more = true
#define LATER(off) .frag_off = (off)

static void a_train_in_order_passes(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, .dir = dir,
				      .family = family, UDP, FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, LATER(40), FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, LATER(72));
		}
	}
}

/* What comes before its first is lost, what comes after passes. */
static void a_fragment_before_its_first_is_an_orphan(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_FRAG_ORPHAN, .dir = dir,
				      .family = family, UDP, LATER(72));
			expect_packet(WD_R_POLICY_ALLOW, .dir = dir,
				      .family = family, UDP, FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, LATER(40), FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, LATER(72));
		}
	}
}

static void fragments_of_a_denied_first_are_orphans(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_DEFAULT, .dir = dir,
				      .family = family, UDP, FIRST,
				      .dport = 90);
			expect_packet(WD_R_FRAG_ORPHAN, .dir = dir,
				      .family = family, UDP, LATER(40));
		}
	}
}

/* The same id again: an allowed train must not open the way for a denied one. */
static void a_denied_first_ends_the_train_before_it(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40));
		expect_packet(WD_R_DEFAULT, IN, .family = family, UDP, FIRST,
			      .dport = 90);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40));
	}
}

/* Each differs from the first fragment in one part of the train's key. */
static void a_fragment_of_another_train_is_an_orphan(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), .frag_id = 8);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), .frag_id = 0x0700);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), FROM(H_PREFIX));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), TO(H_SELF2));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
			      .proto = 47, LATER(40));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
			      .proto = 6, LATER(40));
		expect_packet(WD_R_FRAG_ORPHAN, OUT, .family = family, UDP,
			      LATER(40));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40));
	}
}

static void an_id_of_32_bits_is_compared_whole(void)
{
	world_reset();
	expect_packet(WD_R_POLICY_ALLOW, IN, .family = 6, UDP, FIRST,
		      .frag_id = 0x10007);
	expect_packet(WD_R_FRAG_ORPHAN, IN, .family = 6, UDP, LATER(40),
		      .frag_id = 7);
	expect_packet(WD_R_ESTABLISHED, IN, .family = 6, UDP, LATER(40),
		      .frag_id = 0x10007);
}

static void a_train_belongs_to_one_instance_of_an_endpoint(void)
{
	struct wd_endpoint_val ep;

	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		ep = world_endpoint();
		ep.id = 77; /* another pod with the same address */
		world_endpoint_set(&ep);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40));
	}
}

static void a_train_ends_with_its_time(void)
{
	struct wd_frag_key key;
	struct wd_frag_val val;

	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		world_first_key("wd_frag", &key);
		world_read("wd_frag", &key, &val);
		wd_expect(val.expires >= world_ticks() + WD_LIFE_FRAG - 2);
		val.expires = world_ticks();
		world_write("wd_frag", &key, &val);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40));
	}
}

/* A policy change in the middle of a train is seen by the fragments left. */
static void a_later_fragment_is_judged_as_its_flow(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40), FIRST);
		world_publish(SLOT_SHUT, 0);
		expect_packet(WD_R_DEFAULT, IN, .family = family, UDP,
			      LATER(72));
	}
}

/* ---- first fragments ---- */

/* Bytes of transport header in a first fragment, and what it needs. */
static const struct {
	int proto, len, reason;
} tiny[] = {
	{ 6, 0, WD_R_FRAG_TINY },     { 6, 8, WD_R_FRAG_TINY },
	{ 6, 16, WD_R_FRAG_TINY },    { 6, 19, WD_R_FRAG_TINY },
	{ 6, 20, WD_R_POLICY_ALLOW }, { 6, 24, WD_R_POLICY_ALLOW },
	{ 17, 0, WD_R_FRAG_TINY },    { 17, 7, WD_R_FRAG_TINY },
	{ 17, 8, WD_R_POLICY_ALLOW }, { 132, 8, WD_R_FRAG_TINY },
	{ 132, 11, WD_R_FRAG_TINY },  { 132, 12, WD_R_POLICY_ALLOW },
	{ 1, 7, WD_R_FRAG_TINY },     { 1, 8, WD_R_POLICY_ALLOW },
	{ 47, 0, WD_R_POLICY_ALLOW },
};

/* Cut the packet behind @len bytes of what is behind the IP header. */
static void cut(struct frame *f, int family, int len)
{
	size_t whole = f->l4 + (size_t)len;
	size_t ip_len = whole - 14 - (family == 4 ? 0 : 40);

	f->len = whole;
	f->data[14 + (family == 4 ? 2 : 4)] = (uint8_t)(ip_len >> 8);
	f->data[14 + (family == 4 ? 3 : 5)] = (uint8_t)ip_len;
}

static void a_first_fragment_holds_the_whole_transport_header(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(tiny) * 2; i++) {
			struct packet p = { .family = family,
					    .dir = (int)(i & 1),
					    .proto = tiny[i / 2].proto,
					    .type = family == 4 ? 8 : 128,
					    FIRST };
			struct frame f;

			world_reset();
			frame_make(&f, &p);
			cut(&f, family, tiny[i / 2].len);
			world_expect(&f, p.dir, tiny[i / 2].reason);
		}
	}
}

/* The same bytes in a packet that is no fragment. */
static void a_short_header_of_a_whole_packet_is_malformed(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(tiny); i++) {
			struct packet p = { .family = family,
					    .proto = tiny[i].proto,
					    .type = family == 4 ? 8 : 128 };
			struct frame f;

			world_reset();
			frame_make(&f, &p);
			cut(&f, family, tiny[i].len);
			world_expect(&f, WD_INGRESS,
				     tiny[i].reason == WD_R_FRAG_TINY ?
					     WD_R_L4_BAD :
					     tiny[i].reason);
		}
	}
}

static void a_tiny_first_ends_the_train_before_it(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, FIRST };
		struct frame f;

		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, FIRST);
		frame_make(&f, &p);
		cut(&f, family, 8);
		world_expect(&f, WD_INGRESS, WD_R_FRAG_TINY);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
			      LATER(40));
	}
}

/* ---- overlap ---- */

static void no_later_fragment_covers_the_transport_header(void)
{
	static const struct {
		int proto, off, reason;
	} offs[] = {
		{ 6, 8, WD_R_FRAG_OVERLAP },   { 6, 16, WD_R_FRAG_OVERLAP },
		{ 6, 24, WD_R_ESTABLISHED },   { 132, 8, WD_R_FRAG_OVERLAP },
		{ 132, 16, WD_R_ESTABLISHED }, { 17, 8, WD_R_ESTABLISHED },
	};

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(offs); i++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
				      .proto = offs[i].proto, FIRST);
			if (offs[i].proto == 6) /* a flow needs an answer */
				expect_packet(WD_R_ESTABLISHED, OUT,
					      .family = family, .sport = 80,
					      .dport = 40000,
					      .flags = TCP_SYN | TCP_ACK);
			expect_packet(offs[i].reason, IN, .family = family,
				      .proto = offs[i].proto,
				      LATER(offs[i].off));
		}
	}
}

static void reassembly_past_the_largest_packet_is_refused(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
			      LATER(65528), .payload = 32);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(65504), .payload = 31);
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
			      LATER(65504), .payload = 32);
	}
}

/* ---- protocols and modes ---- */

static void fragments_of_an_echo_belong_to_the_echo(void)
{
	for_each_family(family)
	{
		uint8_t ask = family == 4 ? 8 : 128;
		uint8_t answer = family == 4 ? 0 : 129;

		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 1, .type = ask, .id = 3, FIRST);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .proto = 1, LATER(40));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 1, .type = answer, .id = 3, FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 1, LATER(40));
		expect_packet(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			      .type = answer, .id = 4, FIRST);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
			      .proto = 1, LATER(40));
	}
}

static void a_fragment_opens_no_connection(void)
{
	for_each_family(family)
	{
		struct wd_ct_val ct;
		struct packet syn = { .family = family };

		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, FIRST,
			      .flags = TCP_ACK);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      LATER(40));
		wd_expect_int(-2, world_flow(&syn, true, &ct));
		wd_expect_int(-2, world_flow(&syn, false, &ct));
	}
}

static void an_icmp_error_in_fragments_is_not_believed(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_ICMP_UNRELATED, IN, .family = family,
			      .proto = 1, .type = family == 4 ? 3 : 1, FIRST);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
			      .proto = 1, LATER(40));
	}
}

static void mode_off_passes_orphans(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP,
			      LATER(40), FROM(H_FOE));
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), FROM(H_FOE));
	}
}

static void audit_passes_the_whole_train_it_would_drop(void)
{
	for_each_family(family)
	{
		struct packet first = {
			.family = family, UDP, FIRST, .dport = 90
		};
		struct packet later = { .family = family, UDP, LATER(40) };
		struct frame f;

		world_reset();
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		frame_make(&f, &first);
		world_expect_audit(&f, WD_INGRESS, WD_R_DEFAULT);
		frame_make(&f, &later);
		world_expect_audit(&f, WD_INGRESS, WD_R_DEFAULT);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_train_in_order_passes);
	WD_TEST(a_fragment_before_its_first_is_an_orphan);
	WD_TEST(fragments_of_a_denied_first_are_orphans);
	WD_TEST(a_denied_first_ends_the_train_before_it);
	WD_TEST(a_fragment_of_another_train_is_an_orphan);
	WD_TEST(an_id_of_32_bits_is_compared_whole);
	WD_TEST(a_train_belongs_to_one_instance_of_an_endpoint);
	WD_TEST(a_train_ends_with_its_time);
	WD_TEST(a_later_fragment_is_judged_as_its_flow);
	WD_TEST(a_first_fragment_holds_the_whole_transport_header);
	WD_TEST(a_short_header_of_a_whole_packet_is_malformed);
	WD_TEST(a_tiny_first_ends_the_train_before_it);
	WD_TEST(no_later_fragment_covers_the_transport_header);
	WD_TEST(reassembly_past_the_largest_packet_is_refused);
	WD_TEST(fragments_of_an_echo_belong_to_the_echo);
	WD_TEST(a_fragment_opens_no_connection);
	WD_TEST(an_icmp_error_in_fragments_is_not_believed);
	WD_TEST(mode_off_passes_orphans);
	WD_TEST(audit_passes_the_whole_train_it_would_drop);
	world_close();
	return wd_tests_end();
}
