// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fragments.c - later fragments go where their first fragment was let go,
 * and nowhere else. Sizes are of IPv4 and IPv6 alike, offsets in bytes: a first
 * fragment of UDP or ICMP ends at 40, one of TCP at 48.
 *
 * Rows of the project's list of scenarios, and where they are tried:
 *   63  here: orphans, denied firsts, headers in payload
 *   64  here: a_fragment_of_another_train_is_an_orphan
 *   65  test_overlap.c; here: what a first fragment holds
 *   66  here: headers around a fragment header; test_exthdr.c
 *   67  here: trains of established flows, in every order
 *   68  test_trains.c
 *   73  here: ICMP
 * and 63, 65, 68 with real stacks in selftests/net/test_fragments.py.
 */
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UDP .proto = 17
#define FIRST .more = true
#define TCP_FIRST .more = true, .payload = 28
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

/* From one own address to the other: only the direction tells them apart. */
static void each_hook_has_its_own_train_of_what_a_pod_sends_itself(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_OPEN, 0);
		world_iif = IF_POD;
		expect_packet(WD_R_NOT_ISOLATED, OUT, .family = family, UDP,
			      FIRST, FROM(H_SELF), TO(H_SELF2));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      LATER(40), FROM(H_SELF), TO(H_SELF2));
		expect_packet(WD_R_NOT_ISOLATED, IN, .family = family, UDP,
			      FIRST, FROM(H_SELF), TO(H_SELF2));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40), FROM(H_SELF), TO(H_SELF2));
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family, UDP,
			      LATER(40), FROM(H_SELF), TO(H_SELF2));
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

/* Give the train of @train another time to live until. */
static void train_set(const struct wd_train *train, uint32_t expires)
{
	struct wd_frag_val bucket;

	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++) {
		world_read("wd_frag", &at, &bucket);
		for (int i = 0; i < WD_FRAG_WAYS; i++) {
			if (memcmp(&bucket.train[i], train, sizeof(*train)))
				continue;
			bucket.train[i].expires = expires;
			world_write("wd_frag", &at, &bucket);
		}
	}
}

static void a_train_ends_with_its_time(void)
{
	struct wd_train train;

	for_each_family(family)
	{
		uint32_t life = family == 4 ? WD_LIFE_FRAG4 : WD_LIFE_FRAG6;

		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		wd_expect_int(1, world_trains(&train));
		wd_expect(train.expires >= world_ticks() + life - 2);
		wd_expect(train.expires <= world_ticks() + life);
		train_set(&train, world_ticks());
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
	{ 6, 0, WD_R_FRAG_TINY },	{ 6, 8, WD_R_FRAG_TINY },
	{ 6, 16, WD_R_FRAG_TINY },	{ 6, 24, WD_R_POLICY_ALLOW },
	{ 17, 0, WD_R_FRAG_TINY },	{ 17, 8, WD_R_POLICY_ALLOW },
	{ 132, 0, WD_R_FRAG_TINY },	{ 132, 8, WD_R_FRAG_TINY },
	{ 132, 16, WD_R_POLICY_ALLOW }, { 1, 0, WD_R_FRAG_TINY },
	{ 1, 8, WD_R_POLICY_ALLOW },	{ 47, 8, WD_R_POLICY_ALLOW },
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
		struct packet p = { .family = family, TCP_FIRST };
		struct frame f;

		for (int len = 0; len <= 8; len += 8) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
				      TCP_FIRST);
			frame_make(&f, &p);
			cut(&f, family, len);
			world_expect(&f, WD_INGRESS, WD_R_FRAG_TINY);
			expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
				      LATER(48));
		}
	}
}

/* ---- trains of established flows, in every order ---- */

struct route {
	const char *name;
	int proto, head; /* bytes of the transport header */
};

static const struct route routes[] = { { "udp", 17, 8 },
				       { "tcp", 6, 20 },
				       { "echo", 1, 8 } };

/* A flow of @route that both sides have spoken in. Gives its packet in @dir. */
static struct packet establish(const struct route *route, int family, int dir)
{
	uint8_t ask = family == 4 ? 8 : 128, answer = family == 4 ? 0 : 129;
	struct packet there = { .family = family,
				.dir = dir,
				.proto = route->proto,
				.type = ask,
				.id = 9 };
	struct packet back = there;

	back.dir = !dir;
	back.type = answer;
	back.sport = 80;
	back.dport = 40000;
	back.flags = TCP_SYN | TCP_ACK;
	expect_this(WD_R_POLICY_ALLOW, &there);
	expect_this(WD_R_ESTABLISHED, &back);
	there.flags = TCP_ACK;
	expect_this(WD_R_ESTABLISHED, &there);
	return there;
}

#define PARTS 4

/* Fragment @part of the train: 48 bytes, 32, 32, 32. */
static struct packet part_of(const struct packet *whole,
			     const struct route *route, int part)
{
	struct packet p = *whole;

	p.more = part < PARTS - 1;
	p.frag_off = part ? 16 + 32 * part : 0;
	p.payload = part ? 32 : 48 - route->head;
	return p;
}

/* Counters are looked at for some: they are what takes the time. */
static void send_in_order(const struct packet *whole, const struct route *route,
			  const int *order)
{
	bool begun = false;
	struct frame f;

	for (int i = 0; i < PARTS; i++) {
		struct packet p = part_of(whole, route, order[i]);

		begun |= !order[i];
		if (whole->frag_id % 6 == 0) {
			expect_this(begun ? WD_R_ESTABLISHED : WD_R_FRAG_ORPHAN,
				    &p);
			continue;
		}
		frame_make(&f, &p);
		wd_expect_int(begun ? -1 : 2, world_send(&f, p.dir));
	}
}

/* Calls send_in_order() for each order that begins with the @done first of @order. */
static void each_order(int *order, int done, struct packet *whole,
		       const struct route *route)
{
	if (done == PARTS) {
		whole->frag_id++;
		send_in_order(whole, route, order);
		return;
	}
	for (int i = done; i < PARTS; i++) {
		int part = order[i];

		order[i] = order[done];
		order[done] = part;
		each_order(order, done + 1, whole, route);
		order[done] = order[i];
		order[i] = part;
	}
}

static void a_train_of_an_established_flow_has_one_verdict_in_every_order(void)
{
	int order[PARTS] = { 0, 1, 2, 3 };

	for (size_t i = 0; i < COUNT(routes) * 4; i++) {
		const struct route *route = &routes[i / 4];
		struct packet whole;

		wd_test_row(route->name);
		world_reset();
		whole = establish(route, i & 1 ? 6 : 4, (i & 2) != 0);
		each_order(order, 0, &whole, route);
		/* forgotten where the first came first: 6 of the 24 */
		wd_expect_int(18, world_trains(NULL));
	}
	wd_test_row(NULL);
}

/* ---- nothing is read from payload ---- */

/* A later fragment whose bytes are those of a packet that would pass. */
static void expect_payload(int reason, const struct packet *looks,
			   uint32_t frag_id)
{
	struct packet p = *looks;
	struct frame inside, f;

	frame_make(&inside, looks);
	p.frag_off = 40;
	p.frag_id = frag_id;
	p.payload = (int)(inside.len - inside.l4);
	frame_make(&f, &p);
	memcpy(f.data + f.l4, inside.data + inside.l4, (size_t)p.payload);
	world_expect(&f, p.dir, reason);
}

static void a_header_in_the_payload_of_a_fragment_is_no_header(void)
{
	static const int protos[] = { 6, 17, 132, 1 };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(protos) * 2; i++) {
			struct packet p = { .family = family,
					    .dir = (int)(i & 1),
					    .proto = protos[i / 2],
					    .type = family == 4 ? 8 : 128,
					    .payload = 24 };

			world_reset();
			expect_this(WD_R_POLICY_ALLOW, &p);
			expect_payload(WD_R_FRAG_ORPHAN, &p, 7);
			wd_expect_int(0, world_trains(NULL));
		}
		wd_test_row("nor of one that belongs to a train");
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_payload(WD_R_ESTABLISHED,
			       &(struct packet){
				       .family = family, IN, UDP, .dport = 90 },
			       7);
		wd_test_row(NULL);
	}
}

/* ---- ICMP ---- */

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
		struct packet syn = { .family = family };

		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      TCP_FIRST, .flags = TCP_ACK);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      LATER(48));
		wd_expect_int(-2, world_flow(&syn, true, NULL));
		wd_expect_int(-2, world_flow(&syn, false, NULL));
	}
}

/* The quote ends on 8 bytes, so that the error can be a first fragment. */
static void an_icmp_error_in_fragments_is_not_believed(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet error = { .family = family,
						.dir = dir,
						.proto = 1,
						.type = family == 4 ? 3 : 1 };
			struct packet flow = { .family = family,
					       .dir = !dir,
					       UDP,
					       .payload = family == 4 ? 28 :
									32 };

			world_reset();
			expect_this(WD_R_POLICY_ALLOW, &flow);
			expect_error(WD_R_RELATED, &error, &flow);
			error.more = true;
			expect_error(WD_R_ICMP_UNRELATED, &error, &flow);
			expect_packet(WD_R_FRAG_ORPHAN, .dir = dir,
				      .family = family, .proto = 1, LATER(72));
		}
	}
}

static void fragmented_icmp_of_any_type_passes_or_not_as_a_whole(void)
{
	for_each_family(family)
	{
		for (int i = 0; i < 512; i++) {
			struct packet p = { .family = family,
					    .dir = i & 1,
					    .proto = 1,
					    .type = (uint8_t)(i / 2),
					    .frag_id = 100 + (uint32_t)i,
					    FIRST };
			struct frame f;
			int first;

			if (!(i & 63)) /* not to reach the share of flows */
				world_reset();
			frame_make(&f, &p);
			first = world_send(&f, p.dir);
			p.frag_off = 40;
			p.more = false;
			frame_make(&f, &p);
			wd_expect_int(first, world_send(&f, p.dir));
		}
	}
}

/* ---- headers around a fragment header ---- */

static void options_may_stand_before_a_fragment_header_and_not_behind(void)
{
	static const uint8_t options[8] = { 44, 0, 1, 4 }; /* padding */
	static const int behind[] = { 43, 44, 51, 60 };

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, .dir = dir, .family = 6, UDP,
			      FIRST, .extra = options, .extra_len = 8,
			      .extra_proto = 60);
		expect_packet(WD_R_ESTABLISHED, .dir = dir, .family = 6, UDP,
			      LATER(40), .extra = options, .extra_len = 8,
			      .extra_proto = 60);
		for (size_t i = 0; i < COUNT(behind); i++) {
			expect_packet(WD_R_EXTHDR, .dir = dir, .family = 6,
				      .proto = behind[i], FIRST);
			expect_packet(WD_R_FRAG_ORPHAN, .dir = dir, .family = 6,
				      .proto = behind[i], LATER(40));
		}
		wd_expect_int(0, world_trains(NULL));
	}
}

static void an_atomic_fragment_is_a_whole_packet(void)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		world_reset();
		for (int i = 0; i < 2; i++) /* as often as the sender likes */
			expect_packet(i ? WD_R_ESTABLISHED : WD_R_POLICY_ALLOW,
				      .dir = dir, .family = 6, UDP,
				      .payload = 3, .atomic = true);
		expect_packet(WD_R_DEFAULT, .dir = dir, .family = 6, UDP,
			      .atomic = true, .dport = 90);
		expect_packet(WD_R_FRAG_ORPHAN, .dir = dir, .family = 6, UDP,
			      LATER(40));
		wd_expect_int(0, world_trains(NULL));
	}
}

/* ---- modes ---- */

static void mode_off_notes_nothing(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP, FIRST);
		wd_expect_int(0, world_trains(NULL));
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP, FIRST,
			      LATER(40));
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP, FIRST,
			      LATER(40));
	}
}

/* Nor does it ask what was noted before. */
static void mode_off_passes_what_overlaps(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST, LATER(40));
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP, FIRST,
			      LATER(40));
		expect_packet(WD_R_MODE_OFF, IN, .family = family, UDP, FIRST,
			      .sport = 4);
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
		expect_audit(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
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
	WD_TEST(each_hook_has_its_own_train_of_what_a_pod_sends_itself);
	WD_TEST(an_id_of_32_bits_is_compared_whole);
	WD_TEST(a_train_belongs_to_one_instance_of_an_endpoint);
	WORLD_TEST(a_train_ends_with_its_time);
	WD_TEST(a_later_fragment_is_judged_as_its_flow);
	WD_TEST(a_first_fragment_holds_the_whole_transport_header);
	WD_TEST(a_short_header_of_a_whole_packet_is_malformed);
	WD_TEST(a_tiny_first_ends_the_train_before_it);
	WORLD_TEST(
		a_train_of_an_established_flow_has_one_verdict_in_every_order);
	WD_TEST(a_header_in_the_payload_of_a_fragment_is_no_header);
	WD_TEST(fragments_of_an_echo_belong_to_the_echo);
	WD_TEST(a_fragment_opens_no_connection);
	WD_TEST(an_icmp_error_in_fragments_is_not_believed);
	WD_TEST(fragmented_icmp_of_any_type_passes_or_not_as_a_whole);
	WD_TEST(options_may_stand_before_a_fragment_header_and_not_behind);
	WD_TEST(an_atomic_fragment_is_a_whole_packet);
	WD_TEST(mode_off_notes_nothing);
	WD_TEST(mode_off_passes_what_overlaps);
	WD_TEST(mode_off_passes_orphans);
	WD_TEST(audit_passes_the_whole_train_it_would_drop);
	world_close();
	return wd_tests_end();
}
