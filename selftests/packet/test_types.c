// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_types.c - ICMP by type and code, and other protocols by number: each is
 * judged by what rules say of it, and none rides on another's flow. SLOT_TYPES
 * of tables.h is in force.
 */
#include "world.h"

static uint8_t echo(int family)
{
	return family == 4 ? 8 : 128;
}

static uint8_t answer(int family)
{
	return family == 4 ? 0 : 129;
}

/* The type that is allowed with code 2 only. */
static uint8_t asked(int family)
{
	return family == 4 ? 13 : 144;
}

static void types_in_force(void)
{
	world_reset();
	world_publish(SLOT_TYPES, 0);
}

static bool is_error(int family, int type)
{
	if (family == 6)
		return type < 128;
	return (type >= 3 && type <= 5) || type == 11 || type == 12;
}

/* Neighbour discovery with a hop limit of 64, and what only routers say. */
static bool is_forbidden(int family, int dir, int type)
{
	if (family == 4)
		return false;
	if (type >= 133 && type <= 137)
		return true;
	return dir == WD_EGRESS && (type == 130 || type == 138 || type == 151);
}

static int reason_of(const struct packet *p)
{
	bool is_friend = !p->has_src && !p->has_dst;

	if (is_forbidden(p->family, p->dir, p->type))
		return WD_R_ND_FORBIDDEN;
	if (is_error(p->family, p->type))
		return WD_R_ICMP_UNRELATED;
	if (p->type == answer(p->family))
		return WD_R_CT_INVALID;
	if (p->type == echo(p->family))
		return WD_R_POLICY_ALLOW;
	if (p->type == asked(p->family) && p->code == 2)
		return WD_R_POLICY_ALLOW;
	if (p->type == 255)
		return is_friend ? WD_R_POLICY_ALLOW : WD_R_POLICY;
	return WD_R_DEFAULT;
}

static void each_type_is_judged_by_its_own_rules(void)
{
	static const uint8_t codes[] = { 0, 2, 3, 255 };

	for_each_family(family)
	{
		types_in_force();
		for (int i = 0; i < 256; i++) {
			struct packet p = { .family = family,
					    .dir = i / 4 % 2 ? WD_EGRESS :
							       WD_INGRESS,
					    .proto = 1,
					    .type = (uint8_t)i,
					    .code = codes[i % 4],
					    .id = (uint16_t)i };

			expect_this(reason_of(&p), &p);
			p.dir = !p.dir;
			p.code = codes[i / 2 % 4];
			expect_this(reason_of(&p), &p);
		}
	}
}

static void a_rule_for_a_type_is_for_its_peers_only(void)
{
	types_in_force();
	for_each_family(family)
	{
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      .proto = 1, .type = 255);
		expect_packet(WD_R_POLICY, IN, .family = family, .proto = 1,
			      .type = 255, FROM(H_PLAIN));
		expect_packet(WD_R_POLICY, OUT, .family = family, .proto = 1,
			      .type = 255, TO(H_PLAIN));
	}
}

static void an_allowed_type_opens_the_way_for_no_other(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet p = { .family = family,
					    .dir = dir,
					    .proto = 1,
					    .type = asked(family),
					    .code = 2 };

			types_in_force();
			expect_this(WD_R_POLICY_ALLOW, &p);
			expect_this(WD_R_ESTABLISHED, &p);
			p.code = 3;
			expect_this(WD_R_DEFAULT, &p);
			p.code = 2;
			p.type++;
			expect_this(WD_R_DEFAULT, &p);
			p.type = 254;
			expect_this(WD_R_DEFAULT, &p);
			p.type = asked(family);
			expect_this(WD_R_ESTABLISHED, &p);
		}
	}
}

/* Only echo has an answer that needs no rule. */
static void what_comes_back_for_another_type_is_judged_itself(void)
{
	for_each_family(family)
	{
		types_in_force();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 1, .type = asked(family), .code = 2);
		expect_packet(WD_R_DEFAULT, IN, .family = family, .proto = 1,
			      .type = asked(family) + 1, .code = 2);
	}
}

static void an_answer_has_the_code_of_its_echo(void)
{
	for_each_family(family)
	{
		types_in_force();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 1, .type = echo(family), .code = 5,
			      .id = 3);
		expect_packet(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			      .type = answer(family), .id = 3);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 1, .type = answer(family), .code = 5,
			      .id = 3);
	}
}

static void an_answer_goes_with_the_rule_of_its_echo(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet back = { .family = family,
					       .dir = !dir,
					       .proto = 1,
					       .type = answer(family),
					       .id = 3 };

			types_in_force();
			expect_packet(WD_R_POLICY_ALLOW, .family = family,
				      .dir = dir, .proto = 1,
				      .type = echo(family), .id = 3);
			expect_this(WD_R_ESTABLISHED, &back);
			world_publish(SLOT_TYPES, 0);
			expect_this(WD_R_ESTABLISHED, &back);
			world_publish(SLOT_TCP, 0);
			expect_this(WD_R_DEFAULT, &back);
			/* nor as an answer to what nobody allows */
			world_publish(SLOT_SHUT, 0);
			expect_this(WD_R_DEFAULT, &back);
		}
	}
}

static void a_fragment_has_the_type_and_code_of_its_first(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family,
				    IN,
				    .proto = 1,
				    .type = asked(family),
				    .code = 2,
				    .more = true };

		types_in_force();
		expect_this(WD_R_POLICY_ALLOW, &p);
		p.frag_off = 40;
		p.more = false;
		expect_this(WD_R_ESTABLISHED, &p);
		p.frag_off = 0;
		p.more = true;
		p.code = 3;
		p.frag_id = 8;
		expect_this(WD_R_DEFAULT, &p);
		p.frag_off = 40;
		expect_this(WD_R_FRAG_ORPHAN, &p);
	}
}

static void an_error_needs_no_rule_for_its_type(void)
{
	for_each_family(family)
	{
		struct packet error = { .family = family,
					IN,
					.proto = 1,
					.type = family == 4 ? 3 : 1 };
		struct packet ask = { .family = family,
				      OUT,
				      .proto = 1,
				      .type = asked(family),
				      .code = 2 };

		types_in_force();
		expect_this(WD_R_POLICY_ALLOW, &ask);
		expect_error(WD_R_RELATED, &error, &ask);
		ask.code = 3;
		expect_error(WD_R_ICMP_UNRELATED, &error, &ask);
		ask.type = echo(family);
		expect_error(WD_R_ICMP_UNRELATED, &error, &ask);
	}
}

static void each_protocol_is_judged_by_its_number(void)
{
	static const struct {
		int proto, reason;
	} cases[] = {
		{ 88, WD_R_PROTO_UNSUP },  { 89, WD_R_POLICY_ALLOW },
		{ 90, WD_R_PROTO_UNSUP },  { 112, WD_R_PROTO_UNSUP },
		{ 249, WD_R_PROTO_UNSUP }, { 255, WD_R_POLICY_ALLOW },
		{ 17, WD_R_DEFAULT },	   { 6, WD_R_DEFAULT },
	};

	for_each_family(family)
	{
		for (int i = 0; i < 2 * 8; i++) {
			/* one flow of a protocol is of both directions */
			if (i % 8 == 0)
				types_in_force();
			expect_packet(cases[i % 8].reason, .family = family,
				      .dir = i / 8,
				      .proto = cases[i % 8].proto);
		}
	}
}

/* Nobody's stack takes it for ICMP, so no rule for ICMP is about it. */
static void icmp_of_the_other_family_is_another_protocol(void)
{
	types_in_force();
	expect_packet(WD_R_PROTO_UNSUP, IN, .family = 4, .proto = 58,
		      .type = 128);
	world_publish(SLOT_ALL, 0);
	expect_packet(WD_R_POLICY_ALLOW, IN, .family = 4, .proto = 58,
		      .type = 128);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(each_type_is_judged_by_its_own_rules);
	WD_TEST(a_rule_for_a_type_is_for_its_peers_only);
	WD_TEST(an_allowed_type_opens_the_way_for_no_other);
	WD_TEST(what_comes_back_for_another_type_is_judged_itself);
	WD_TEST(an_answer_has_the_code_of_its_echo);
	WD_TEST(an_answer_goes_with_the_rule_of_its_echo);
	WD_TEST(a_fragment_has_the_type_and_code_of_its_first);
	WD_TEST(an_error_needs_no_rule_for_its_type);
	WD_TEST(each_protocol_is_judged_by_its_number);
	WD_TEST(icmp_of_the_other_family_is_another_protocol);
	world_close();
	return wd_tests_end();
}
