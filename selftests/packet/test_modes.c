// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_modes.c - audit and off: what they let pass, what they still drop, that
 * they begin and end at once, and that the other endpoint notices nothing.
 */
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void expect_audited(const struct packet *p, int reason)
{
	struct frame f;

	frame_make(&f, p);
	world_expect_audit(&f, p->dir, reason);
}

/* ---- verdicts of policy ---- */

static const struct {
	const char *name;
	struct packet p;
	enum host peer;
	int enforced; /* the reason; policy's own are let pass by audit */
} verdicts[] = {
	{ "allowed", { .dport = 80 }, H_FRIEND, WD_R_POLICY_ALLOW },
	{ "no rule", { .dport = 90 }, H_FRIEND, WD_R_DEFAULT },
	{ "denied", { .dport = 80 }, H_FOE, WD_R_POLICY },
	{ "nobody", { .dport = 80 }, H_WORLD, WD_R_DEFAULT },
	{ "no rule for the protocol",
	  { .proto = 47 },
	  H_PLAIN,
	  WD_R_PROTO_UNSUP },
	{ "no rule for UDP",
	  { .proto = 17, .dport = 53 },
	  H_PLAIN,
	  WD_R_DEFAULT },
};

static struct packet packet_of(size_t i, int family, int dir)
{
	struct packet p = verdicts[i].p;

	p.family = family;
	p.dir = dir;
	if (dir == WD_INGRESS) {
		p.src = verdicts[i].peer;
		p.has_src = true;
	} else {
		p.dst = verdicts[i].peer;
		p.has_dst = true;
	}
	wd_test_row(verdicts[i].name);
	return p;
}

static void audit_counts_what_it_would_drop_and_lets_it_pass(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(verdicts) * 2; i++) {
			struct packet p =
				packet_of(i / 2, family, (int)(i & 1));
			int reason = verdicts[i / 2].enforced;

			world_reset();
			expect_this(reason, &p);
			world_reset();
			world_publish(SLOT_RULES, WD_EP_AUDIT);
			if (reason < WD_R_FIRST_DROP) {
				expect_this(reason, &p);
				expect_this(WD_R_ESTABLISHED, &p);
				continue;
			}
			/* each packet of the flow, not only its first */
			expect_audited(&p, reason);
			p.flags = TCP_ACK;
			expect_audited(&p, reason);
		}
	}
}

static void audit_lets_the_answer_pass_too(void)
{
	for_each_family(family)
	{
		struct packet back = { .family = family,
				       IN,
				       .proto = 17,
				       .sport = 90,
				       .dport = 40000 };
		struct packet ask = {
			.family = family, OUT, .proto = 17, .dport = 90
		};

		world_reset();
		world_publish(SLOT_SHUT, WD_EP_AUDIT);
		expect_audited(&ask, WD_R_DEFAULT);
		expect_audited(&back, WD_R_DEFAULT);
		world_publish(SLOT_SHUT, 0);
		expect_this(WD_R_DEFAULT, &back);
	}
}

static void off_judges_nothing(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(verdicts) * 2; i++) {
			struct packet p =
				packet_of(i / 2, family, (int)(i & 1));

			world_reset();
			world_publish(SLOT_RULES, WD_EP_OFF);
			expect_this(WD_R_MODE_OFF, &p);
			p.flags = TCP_ACK;
			expect_this(WD_R_MODE_OFF, &p);
		}
	}
}

static void off_needs_no_policy(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_NONE, WD_EP_OFF);
		expect_packet(WD_R_MODE_OFF, IN, .family = family);
		expect_packet(WD_R_MODE_OFF, OUT, .family = family);
		world_publish(SLOT_NONE, WD_EP_AUDIT);
		expect_packet(WD_R_NOT_READY, IN, .family = family);
	}
}

/* ---- what is on trial ---- */

static void what_is_on_trial_is_told_and_passes(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(verdicts) * 2; i++) {
			struct packet p =
				packet_of(i / 2, family, (int)(i & 1));
			int reason = verdicts[i / 2].enforced;

			world_reset();
			world_publish(SLOT_OPEN, 0);
			world_try(SLOT_RULES);
			if (reason < WD_R_FIRST_DROP) {
				/* what is enforced says why it passes */
				expect_this(WD_R_NOT_ISOLATED, &p);
				expect_this(WD_R_ESTABLISHED, &p);
				continue;
			}
			expect_audited(&p, reason);
			p.flags = TCP_ACK;
			expect_audited(&p, reason);
			world_try(SLOT_NONE);
			expect_this(WD_R_ESTABLISHED, &p);
		}
	}
}

static void check_enforced(size_t i, int family, enum slot trial)
{
	struct packet p = packet_of(i / 2, family, (int)(i & 1));
	int reason = verdicts[i / 2].enforced;

	world_reset();
	world_try(trial);
	if (reason < WD_R_FIRST_DROP && trial == SLOT_SHUT)
		expect_audited(&p, WD_R_DEFAULT);
	else
		expect_this(reason, &p);
}

static void what_is_enforced_drops_whatever_is_on_trial(void)
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(verdicts) * 2; i++) {
			check_enforced(i, family, SLOT_OPEN);
			check_enforced(i, family, SLOT_ALL);
			check_enforced(i, family, SLOT_SHUT);
		}
	}
}

static void what_does_not_fit_its_flow_is_dropped_on_trial(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_OPEN, 0);
		world_try(SLOT_SHUT);
		expect_packet(WD_R_CT_INVALID, IN, .family = family,
			      .flags = TCP_SYN | TCP_FIN);
	}
}

/* ---- what no mode lets pass ---- */

static const struct {
	const char *name;
	struct packet p;
	int reason;
} hard[] = {
	{ "a forged address", { OUT, FROM(H_NEAR) }, WD_R_SPOOF_IP },
	{ "the loopback", { OUT, TO(H_LOOP) }, WD_R_L3_BAD },
	{ "another's packet", { IN, TO(H_NEAR) }, WD_R_NOT_LOCAL },
	{ "a fragment over the header",
	  { IN, .frag_off = 8 },
	  WD_R_FRAG_OVERLAP },
};

static void no_mode_lets_a_forged_or_broken_packet_pass(void)
{
	static const uint32_t modes[] = { 0, WD_EP_AUDIT, WD_EP_OFF };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(hard) * COUNT(modes); i++) {
			struct packet p = hard[i / COUNT(modes)].p;

			wd_test_row(hard[i / COUNT(modes)].name);
			p.family = family;
			world_reset();
			world_publish(SLOT_OPEN, modes[i % COUNT(modes)]);
			expect_this(hard[i / COUNT(modes)].reason, &p);
		}
	}
}

static void audit_passes_what_does_not_fit_its_flow(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_audit(WD_R_CT_INVALID, IN, .family = family,
			     .flags = TCP_SYN | TCP_FIN);
		expect_audit(WD_R_CT_INVALID, IN, .family = family, .proto = 1,
			     .type = family == 4 ? 0 : 129);
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_packet(WD_R_MODE_OFF, IN, .family = family,
			      .flags = TCP_SYN | TCP_FIN);
	}
}

/* ---- changing the mode ---- */

static void a_mode_takes_effect_and_ends_at_once(void)
{
	static const uint32_t modes[] = { WD_EP_AUDIT, WD_EP_OFF };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(modes) * 2; i++) {
			struct wd_endpoint_val ep;
			struct packet p = { .family = family,
					    .dir = (int)(i & 1),
					    .dport = 90 };

			world_reset();
			expect_this(WD_R_DEFAULT, &p);
			ep = world_endpoint();
			ep.flags[0] = ep.flags[1] = (uint16_t)modes[i / 2];
			world_endpoint_set(&ep); /* no new generation */
			if (modes[i / 2] == WD_EP_OFF)
				expect_this(WD_R_MODE_OFF, &p);
			else
				expect_audited(&p, WD_R_DEFAULT);
			ep.flags[0] = ep.flags[1] = 0;
			world_endpoint_set(&ep);
			p.flags = TCP_ACK; /* of the flow that passed */
			expect_this(WD_R_DEFAULT, &p);
		}
	}
}

/* Flows made before or in a mode end as policy says, not as the mode did. */
static void a_flow_of_mode_off_is_judged_when_it_ends(void)
{
	for_each_family(family)
	{
		struct packet good = { .family = family, OUT, .proto = 17 };
		struct packet bad = {
			.family = family, OUT, .proto = 17, .dport = 90
		};

		world_reset();
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_this(WD_R_MODE_OFF, &good);
		expect_this(WD_R_MODE_OFF, &bad);
		world_publish(SLOT_RULES, 0);
		expect_this(WD_R_ESTABLISHED, &good);
		expect_this(WD_R_DEFAULT, &bad);
	}
}

static void a_flow_from_before_goes_on_in_every_mode(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, OUT, .proto = 17 };

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &p);
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_this(WD_R_ESTABLISHED, &p);
		world_publish(SLOT_SHUT, WD_EP_AUDIT);
		expect_audited(&p, WD_R_DEFAULT);
		world_publish(SLOT_SHUT, WD_EP_OFF);
		expect_this(WD_R_MODE_OFF, &p);
		world_publish(SLOT_RULES, 0);
		expect_this(WD_R_ESTABLISHED, &p);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(audit_counts_what_it_would_drop_and_lets_it_pass);
	WD_TEST(what_is_on_trial_is_told_and_passes);
	WD_TEST(what_is_enforced_drops_whatever_is_on_trial);
	WD_TEST(what_does_not_fit_its_flow_is_dropped_on_trial);
	WD_TEST(audit_lets_the_answer_pass_too);
	WD_TEST(off_judges_nothing);
	WD_TEST(off_needs_no_policy);
	WD_TEST(no_mode_lets_a_forged_or_broken_packet_pass);
	WD_TEST(audit_passes_what_does_not_fit_its_flow);
	WD_TEST(a_mode_takes_effect_and_ends_at_once);
	WD_TEST(a_flow_of_mode_off_is_judged_when_it_ends);
	WD_TEST(a_flow_from_before_goes_on_in_every_mode);
	world_close();
	return wd_tests_end();
}
